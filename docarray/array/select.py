"""What may stand in the brackets behind an array: one place that reads indices, slices, masks and None."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from docarray.errors import LengthError, PathError, show
from docarray.frameworks import framework_of

Rows = slice | npt.NDArray[np.int64]


def read_index(index: Any, length: int, where: str) -> int | Rows:
    """Return what an index selects: a row number, a slice, or an array of row numbers, none negative.

    Args:
        index: An int, slice, None (everything), or a list, tuple or tensor of ints or of bools.
        length: The number of rows.
        where: The array's name, for errors.

    Raises:
        IndexError: A row number out of range.
        LengthError: A mask of another length than the array.
        TypeError: Anything else in the brackets.
    """
    if isinstance(index, slice):
        return index
    if index is None:
        return slice(None)
    if (
        hasattr(index, '__index__')
        and getattr(index, 'shape', ()) == ()
        and not isinstance(index, (bool, np.bool_))
    ):
        row: int = index.__index__()
        if not -length <= row < length:
            raise IndexError(f'{where}: got index {row}, wanted one from {-length} to {length - 1}')
        return row + length if row < 0 else row
    rows = _as_array(index, where)
    if rows.dtype == np.bool_:
        if rows.shape != (length,):
            raise _mask_error(rows, length, where)
        return np.flatnonzero(rows)
    out = np.flatnonzero((rows < -length) | (rows >= length))
    if len(out):
        raise IndexError(f'{where}: got index {rows[out[0]]}, wanted one from {-length} to {length - 1}')
    return np.where(rows < 0, rows + length, rows)


def _as_array(index: Any, where: str) -> npt.NDArray[Any]:
    native = index.unwrap() if hasattr(index, 'unwrap') else index
    adapter = framework_of(native)
    if adapter is not None:
        rows = adapter.to_numpy(native)
    elif type(index) is list and index and type(index[0]) is bool and set(map(type, index)) == {bool}:
        return np.frombuffer(bytes(index), np.bool_)  # several times as fast as np.array
    elif isinstance(index, (list, tuple, range)):
        rows = np.array(index if len(index) else [], dtype=None if len(index) else np.int64)
    elif hasattr(index, '__array__'):  # a column of bools or ints, a pandas Series
        rows = np.asarray(index)
    else:
        rows = np.zeros((), object)
    if rows.size == 0 and rows.ndim == 1 and rows.dtype != np.bool_:
        return rows.astype(np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in 'biu':
        raise TypeError(
            f'{where}: got index {show(index)}, wanted an int, slice, None, or several ints or bools'
        )
    return rows if rows.dtype == np.bool_ else rows.astype(np.int64)


def _mask_error(rows: npt.NDArray[Any], length: int, where: str) -> LengthError:
    return LengthError(
        where=where, got=f'a mask of {len(rows)} values', wanted=f'{length}, one for each document'
    )


def no_attribute(array: Any, name: str, schema: Any) -> AttributeError:
    """Return the error for an attribute that is neither a member nor a field."""
    if name.startswith('_') or schema is None:
        return AttributeError(f'{type(array).__name__!r} object has no attribute {name!r}')
    error: PathError = schema.unknown(name)
    return error
