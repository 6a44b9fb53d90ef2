"""Files of numbers: torch's format, written so that reading one can run nothing that it carries.

A file holds dicts, lists, tuples, numbers, texts and arrays of numbers. An array is kept as its bytes, its shape and the
name of its type, for torch knows fewer types than numpy.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

ARRAY = "__array__"
_PLAIN = (bool, int, float, str, type(None))


class Damaged(ValueError):
    """A file that was cut off or changed, or that holds more than numbers; says which, and what to do."""


def save(path: Path, value: Any) -> None:
    """Write numbers. Raises: TypeError for anything else."""
    torch.save(_packed(value), path)


def load(path: Path, cure: str) -> Any:
    """What `save` wrote. Raises: Damaged, with the `cure`, if the file is not whole, or holds more than numbers."""
    try:
        return _unpacked(read(path.read_bytes()))
    except Damaged as error:
        raise Damaged(f"{path} {error}: {cure}") from error


def read(data: bytes) -> Any:
    """The numbers in a file of torch's. Raises: Damaged if it is not whole, or holds more than numbers.

    torch's older formats, which are no zip, are not read: some versions of torch ran what was in them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            broken = file.testzip()
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Damaged("was cut off or damaged") from error
    if broken is not None:
        raise Damaged("was damaged")
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise Damaged("holds more than numbers, and was not read") from error
    except Exception as error:  # torch says it in many ways
        raise Damaged("was damaged") from error


def _packed(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value))
    if isinstance(value, Mapping):
        return {_plain(key): _packed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type([] if isinstance(value, list) else ())(_packed(inner) for inner in value)
    return _plain(value)


def _plain(value: Any) -> Any:
    if type(value) not in _PLAIN:
        raise TypeError(f"a file of numbers holds numbers, texts and arrays of numbers, got {type(value).__name__}")
    return value


def _array(array: NDArray[Any]) -> dict[str, Any]:
    if array.dtype.hasobject:
        raise TypeError("a file of numbers holds arrays of numbers, got one of objects")
    data = np.ascontiguousarray(array).reshape(-1).view(np.ndarray).view(np.uint8)
    data = data if data.flags.writeable else data.copy()  # torch warns of others
    return {ARRAY: (np.lib.format.dtype_to_descr(array.dtype), list(array.shape), torch.from_numpy(data))}


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {ARRAY}:
        return _array_of(*value[ARRAY])
    if isinstance(value, dict):
        return OrderedDict((key, _unpacked(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return type(value)(_unpacked(inner) for inner in value)
    return value


def _array_of(description: Any, shape: list[int], data: torch.Tensor) -> NDArray[Any]:
    try:
        dtype = np.lib.format.descr_to_dtype(description)
    except (TypeError, ValueError) as error:
        raise Damaged("was damaged") from error
    if dtype.hasobject:
        raise Damaged("holds more than numbers, and was not read")
    try:
        return np.frombuffer(data.numpy().tobytes(), dtype).reshape(shape).copy()
    except (AttributeError, TypeError, ValueError) as error:
        raise Damaged("was damaged") from error
