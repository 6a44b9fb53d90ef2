"""Networks of claims between dealers: given as a matrix, or read from a file."""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mm_env.core.component import Component
from mm_env.systemic.arrays import Floats, claims

EDGE = ("debtor", "creditor", "amount")  # the columns of a CSV with a line for each debt


class Network(Component):
    """What each dealer owes each other."""

    @property
    def size(self) -> int:
        """How many dealers there are."""
        raise NotImplementedError

    def liabilities(self, scenarios: int = 1, seed: int = 0) -> Floats:
        """What the row's dealer owes the column's, (scenarios, dealers, dealers); it is drawn by scenario and seed."""
        raise NotImplementedError


class MatrixNetwork(Network):
    """The same claims in every scenario: `owed[i][j]` is what dealer i owes dealer j, a matrix or the name of a file of it.

    A file of JSON holds {"liabilities": [[0, 20], [15, 0]]}, a row for each debtor, with or without {"names": [...]}; CSV a
    line for each debt under the heading debtor,creditor,amount (several of one pair add up), or rows of numbers alone.

    Raises: ValueError for what is no square matrix of claims, or a file that is not there.
    """

    owed: str | tuple

    def __post_init__(self) -> None:
        if not isinstance(self.owed, str):
            rows = claims("MatrixNetwork.owed", self.owed)
            object.__setattr__(self, "owed", tuple(tuple(row) for row in rows.tolist()))
        super().__post_init__()
        self._read()

    def _read(self) -> tuple[tuple[str, ...], Floats]:
        if not isinstance(self.owed, str):
            return tuple(str(i) for i in range(len(self.owed))), np.array(self.owed)
        place = Path(self.owed)
        if not place.is_file():
            raise ValueError(
                f"MatrixNetwork.owed must name a file of claims that is there, JSON or CSV, got {self.owed}"
            )
        return _read(place, place.stat().st_mtime_ns)

    @property
    def names(self) -> tuple[str, ...]:
        """What the dealers are called: as the file says, or by number."""
        return self._read()[0]

    @property
    def size(self) -> int:
        return len(self.names)

    def liabilities(self, scenarios: int = 1, seed: int = 0) -> Floats:
        return np.broadcast_to(self._read()[1], (scenarios, self.size, self.size))


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> tuple[tuple[str, ...], Floats]:
    """Names and claims of a file, as it was at a time."""
    try:
        text = path.read_text(encoding="utf-8")
        names, owed = _of_json(text) if path.suffix.lower() == ".json" else _of_csv(text)
        matrix = claims("liabilities", owed)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} must hold claims between dealers: {error}") from None
    if matrix.ndim != 2 or len(names) not in (0, len(matrix)) or len(set(names)) != len(names):
        raise ValueError(f"{path} must have a name of its own for each of {len(matrix)} dealers, got {list(names)}")
    matrix.flags.writeable = False
    return names or tuple(str(i) for i in range(len(matrix))), matrix


def _of_json(text: str) -> tuple[tuple[str, ...], Any]:
    told = json.loads(text)
    if not isinstance(told, dict) or "liabilities" not in told:
        raise ValueError('it has no "liabilities"')
    return tuple(str(name) for name in told.get("names", ())), told["liabilities"]


def _of_csv(text: str) -> tuple[tuple[str, ...], Any]:
    lines = [line for line in csv.reader(text.splitlines()) if line]
    if not lines:
        raise ValueError("it is empty")
    heading = tuple(word.strip() for word in lines[0])
    if heading == EDGE:
        return _of_edges([[word.strip() for word in line] for line in lines[1:]])
    return (), [[float(word) for word in line] for line in lines]


def _of_edges(lines: list[list[str]]) -> tuple[tuple[str, ...], Any]:
    """Dealers are numbered in the order in which they come first."""
    if wrong := [line for line in lines if len(line) != len(EDGE)]:
        raise ValueError(f"each line must have {', '.join(EDGE)}, got {','.join(wrong[0])}")
    numbers = {name: i for i, name in enumerate(dict.fromkeys(name for line in lines for name in line[:2]))}
    owed = np.zeros((len(numbers), len(numbers)))
    for debtor, creditor, amount in lines:
        owed[numbers[debtor], numbers[creditor]] += float(amount)
    return tuple(numbers), owed
