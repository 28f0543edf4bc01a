"""Arrow's memory as numpy arrays and column data, and back: no copies, but of masks and bools."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from docarray.formats.arrow.types import DTYPES, pa
from docarray.masks import Mask
from docarray.texts import Texts

Array = npt.NDArray[Any]

_NUMPY = {kind: np.dtype(name) for name, kind in DTYPES.items()}


def bitmap(valid: Mask) -> Any:
    """Return a mask as Arrow has it, a bit for each row; None where no row is missing."""
    return None if valid is None else pa.py_buffer(np.packbits(valid, None, 'little'))


def valid_of(array: Any) -> Mask:
    """Return which rows of an Arrow array are there, or None where all are."""
    if not array.null_count:
        return None
    buffer = array.buffers()[0]
    if buffer is None:  # an array of the type null
        return np.zeros(len(array), np.bool_)
    return _bits(buffer, array.offset, array.offset + len(array))


def bits_of(array: Any, start: int, stop: int) -> Array:
    """Return some rows of an Arrow array of bool, those without a value as anything."""
    return _bits(array.buffers()[1], array.offset + start, array.offset + stop)


def _bits(buffer: Any, start: int, stop: int) -> Array:
    if stop == start:
        return np.zeros(0, np.bool_)
    raw = np.frombuffer(buffer, np.uint8)[start // 8 : (stop + 7) // 8]
    skip = start % 8
    return np.unpackbits(raw, None, skip + stop - start, 'little')[skip:].view(np.bool_)


def numbers_of(array: Any) -> Array:
    """Return an Arrow array of numbers, sharing its memory, read-only; those without a value as anything."""
    dtype = _NUMPY[array.type]
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.zeros(len(array), dtype)
    found = np.frombuffer(buffer, dtype, len(array), array.offset * dtype.itemsize)
    found.flags.writeable = False  # a table may share the memory of what it was made of
    return found


def from_numbers(data: Array, valid: Mask, kind: Any) -> Any:
    """Return numbers or bools (n,) as an Arrow array that shares their memory (but bools)."""
    flat = np.packbits(data, None, 'little') if data.dtype == np.bool_ else np.ascontiguousarray(data)
    return pa.Array.from_buffers(kind, len(data), [bitmap(valid), pa.py_buffer(flat)])


def texts_of(array: Any) -> Texts:
    """Return an Arrow array of strings as a column that shares its memory."""
    offsets, _ = lists(array)
    buffer = array.buffers()[2]
    first, last = offsets.item(0), offsets.item(-1)
    raw = memoryview(buffer if buffer is not None else b'')[first:last]
    return Texts(None, raw, offsets - first if first else offsets, valid_of(array))


def is_ascii(array: Any) -> bool:
    """Whether an Arrow array of strings has offsets in order and within its memory, and is all ASCII."""
    offsets, _ = lists(array)
    raw = np.frombuffer(array.buffers()[2] or b'', np.uint8)
    first, last = offsets.item(0), offsets.item(-1)
    if not 0 <= first <= last <= len(raw) or (offsets[1:] < offsets[:-1]).any():
        return False
    return first == last or bool(raw[first:last].max() < 128)


def from_texts(column: Texts) -> Any:
    """Return a packed column of texts as an Arrow array that shares its memory."""
    buffers = [bitmap(column.valid), pa.py_buffer(column.offsets), pa.py_buffer(column.buffer)]
    return pa.Array.from_buffers(pa.large_string(), len(column), buffers)


def lists(array: Any) -> tuple[Array, Any]:
    """Return where each row of a list, map, string or binary array starts in its values, and those.

    The values are those of the memory as it is: rows may start anywhere in it. Strings have none.
    """
    kind = array.type
    wide = pa.types.is_large_list(kind) or pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    dtype = np.dtype(np.int64 if wide else np.int32)
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        offsets = np.zeros(1, dtype)
    else:
        offsets = np.frombuffer(buffer, dtype, len(array) + 1, array.offset * dtype.itemsize)
    values = array.values if pa.types.is_nested(kind) and not pa.types.is_map(kind) else None
    return offsets.astype(np.int64, copy=False), values
