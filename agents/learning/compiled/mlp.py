"""Multilayer perceptrons over arrays: forward, and back with the gradients of all weights.

With h_0 = x, h_l = act(W_l h_{l-1} + b_l) and a linear last layer. BLAS multiplies; the activations and their slopes are one
compiled loop (`loops`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.learning.compiled import loops

ACTIVATIONS = {
    ("SiLU", "f"): loops.silu_singles, ("SiLU", "d"): loops.silu_doubles,
    ("Tanh", "f"): loops.tanh_singles, ("Tanh", "d"): loops.tanh_doubles,
}  # fmt: skip


class Layer(NamedTuple):
    """Weights (out, in) and biases (out,), or their gradients."""

    weights: NDArray[Any]
    biases: NDArray[Any]


class MLP:
    """The net of these layers, whose arrays it reads and never copies; `activation` is SiLU or Tanh."""

    def __init__(self, layers: list[Layer], activation: str) -> None:
        self.layers = layers
        self._activate = ACTIVATIONS[activation, layers[0].weights.dtype.char]
        self._room: dict[Any, NDArray[Any]] = {}

    def forward(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """The outputs (n, out) at inputs (n, in); what `backward` needs is kept until the next call."""
        self._inputs = [inputs]
        for depth, layer in enumerate(self.layers[:-1]):
            sums = np.matmul(self._inputs[-1], layer.weights.T, out=self._place("sums", depth, len(inputs)))
            loops.run(self._activate, sums, layer.biases, self._place("slopes", depth, len(inputs)))
            self._inputs.append(sums)
        last = self.layers[-1]
        return self._inputs[-1] @ last.weights.T + last.biases

    def backward(self, slopes: NDArray[Any], gradients: list[Layer]) -> None:
        """Write the gradients of a loss whose slopes in the outputs of the last `forward` are given, (n, out)."""
        for depth in range(len(self.layers) - 1, -1, -1):
            inputs, found = self._inputs[depth], gradients[depth]
            np.matmul(slopes.T, inputs, out=found.weights)
            np.sum(slopes, axis=0, out=found.biases)
            if depth:
                behind = np.matmul(slopes, self.layers[depth].weights, out=self._place("back", depth - 1, len(inputs)))
                slopes = np.multiply(behind, self._place("slopes", depth - 1, len(inputs)), out=behind)

    def _place(self, what: str, depth: int, rows: int) -> NDArray[Any]:
        """An array (rows, width of a hidden layer) that is used again."""
        weights, key = self.layers[depth].weights, (what, depth)
        if key not in self._room or len(self._room[key]) < rows:
            self._room[key] = np.empty((rows, len(weights)), weights.dtype)
        return self._room[key][:rows]
