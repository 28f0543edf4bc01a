"""Tensor columns in Arrow: fixed-shape tensors that share memory, and structs for all others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from docarray.cells import Ragged, Tensors
from docarray.errors import FormatError, MissingExtraError, show
from docarray.formats.arrow.memory import bitmap, bits_of, lists, numbers_of, texts_of, valid_of
from docarray.formats.arrow.types import TENSOR, fixed_type, is_fixed, pa
from docarray.frameworks import Framework, framework_of, get_framework, known_frameworks
from docarray.masks import Mask
from docarray.typing.tensor_json import numpy_dtype

Array = npt.NDArray[Any]

#: Axes that a tensor may have at most: as many as numpy takes.
_AXES = 64


# -- writing ------------------------------------------------------------------------------------------


def to_fixed(data: Any, valid: Mask) -> Any:
    """Return the native tensor (n, *shape) of a column as an Arrow array of fixed-shape tensors.

    Shares the tensor's memory, but for that of bool, of which Arrow keeps eight in a byte.
    """
    array = _plain(_adapter(data).to_numpy(data))
    kind = fixed_type(array.shape[1:], array.dtype.name)
    flat = np.packbits(array, None, 'little') if array.dtype == np.bool_ else array.reshape(-1)
    values = pa.Array.from_buffers(kind.value_type, array.size, [None, pa.py_buffer(flat)])
    storage = pa.Array.from_buffers(kind.storage_type, len(array), [bitmap(valid)], children=[values])
    return pa.ExtensionArray.from_storage(kind, storage)


def to_structs(values: Sequence[Any]) -> Any:
    """Return native tensors and None as an Arrow array of structs, which keeps shapes and dtypes apart."""
    arrays = [None if value is None else _adapter(value).to_numpy(value) for value in values]
    names = [None if value is None else _adapter(value).name for value in values]
    plain = [None if array is None else _plain(array, '<') for array in arrays]
    parts = [
        pa.array([None if array is None else _bytes(array) for array in plain], pa.large_binary()),
        pa.array([None if array is None else list(array.shape) for array in arrays], TENSOR[1].type),
        pa.array([None if array is None else array.dtype.name for array in plain], pa.string()),
        pa.array(names, pa.string()),
    ]
    missing = pa.array([value is None for value in values], pa.bool_())
    return pa.StructArray.from_arrays(parts, fields=list(TENSOR), mask=missing)


def to_values(tensor: Any) -> dict[str, Any]:
    """Return one native tensor as a value of ``TENSOR``."""
    adapter = _adapter(tensor)
    array = _plain(adapter.to_numpy(tensor), '<')
    return {
        'data': _bytes(array),
        'shape': list(array.shape),
        'dtype': array.dtype.name,
        'framework': adapter.name,
    }


def _plain(array: Array, order: Literal['=', '<'] = '=') -> Array:
    """Return an array in C order and a byte order.

    Raises:
        DtypeError: It is of dates or text, which arrays of earlier versions may be, and would not be read.
    """
    if array.dtype.kind in 'mMOSU':
        numpy_dtype(array.dtype.name)
    dtype = array.dtype if array.dtype.num >= 256 else array.dtype.newbyteorder(order)
    return np.ascontiguousarray(array, dtype).reshape(array.shape)


def _bytes(array: Array) -> bytes:
    # Not a view: of what exports a buffer, pyarrow 25 keeps the memory for ever.
    return array.tobytes()


def _adapter(tensor: Any) -> Framework:
    found = framework_of(tensor)
    return get_framework('numpy') if found is None else found


# -- reading ------------------------------------------------------------------------------------------


def from_arrow(array: Any, framework: str, hint: str, where: str) -> Tensors | Ragged:
    """Return an Arrow array of either form as a column of native tensors.

    Args:
        array: Of fixed-shape tensors or ``TENSOR``.
        framework: The framework of the column, or '' for the one that the file says.
        hint: What the file says of the whole column.
        where: The place, for errors.
    """
    if is_fixed(array.type):
        numpy, valid = fixed_rows(array), valid_of(array)
        if valid is not None and not valid.any():  # as ``stack`` has it
            return Tensors(None, valid, len(valid))
        if valid is not None and numpy[~valid].any():  # as a column has it, whoever wrote this
            numpy = np.where(valid.reshape(-1, *(1,) * (numpy.ndim - 1)), numpy, np.zeros((), numpy.dtype))
        adapter = get_framework(framework) if framework else installed(hint)
        return Tensors(numpy if adapter.name == 'numpy' else adapter.from_numpy(numpy), valid)
    rows = struct_rows(array, where)
    names = struct_frameworks(array) if not framework else [framework] * len(rows)
    pairs = zip(rows, names, strict=True)
    native = [None if row is None else installed(name).from_numpy(row) for row, name in pairs]
    return Tensors.pack(native, framework, where, 'exact')


def fixed_rows(array: Any) -> Array:
    """Return fixed-shape tensors as one array (n, *shape), sharing memory; what is missing is anything."""
    kind = array.type
    size, first = prod(kind.shape), array.offset
    values = array.storage.values
    start, stop = first * size, (first + len(array)) * size
    if pa.types.is_boolean(kind.value_type):
        return bits_of(values, start, stop).reshape(len(array), *kind.shape)
    return numbers_of(values)[start:stop].reshape(len(array), *kind.shape)


def struct_rows(array: Any, where: str) -> list[Array | None]:
    """Return an array of ``TENSOR`` as one numpy array, of its own memory, for each row."""
    data, shapes, dtypes, _ = array.flatten()
    valid = valid_of(array)
    missing = 0 if valid is None else np.count_nonzero(~valid)
    if any(part.null_count > missing for part in (data, shapes, dtypes)):
        raise FormatError(where=where, got='a tensor without data, shape or dtype', wanted='all of them')
    raw, names = memoryview(data.buffers()[2] or b''), texts_of(dtypes).values()
    ends, sizes = lists(shapes)
    axes = numbers_of(sizes).tolist()
    found: list[Array | None] = []
    places = zip(names, pairwise(lists(data)[0].tolist()), pairwise(ends.tolist()), strict=True)
    for row, (name, (start, stop), (first, last)) in enumerate(places):
        there = valid is None or valid[row]
        place = f'{where} (row {row})'
        found.append(_array(raw[start:stop], axes[first:last], name, place) if there else None)
    return found


def struct_frameworks(array: Any) -> list[str]:
    """Return the framework of each tensor in an array of ``TENSOR``; '' where it does not say."""
    return [name or '' for name in texts_of(array.flatten()[3]).values()]


def from_values(value: dict[str, Any], framework: str) -> Any:
    """Return the native tensor of one value of ``TENSOR``."""
    array = _array(memoryview(value['data']), value['shape'], value['dtype'], '')
    return (get_framework(framework) if framework else installed(value['framework'] or '')).from_numpy(array)


def _array(data: memoryview, shape: list[int], dtype: Any, where: str) -> Array:
    kind = numpy_dtype(dtype if isinstance(dtype, str) else '')
    if len(shape) > _AXES or any(size < 0 for size in shape):
        raise FormatError(where=where, got=f'shape {show(shape)}', wanted='sizes of axes')
    if prod(shape) * kind.itemsize != len(data):
        raise FormatError(where=where, got=f'{len(data)} bytes', wanted=f'those of {dtype} {tuple(shape)}')
    stored = kind if kind.num >= 256 else kind.newbyteorder('<')
    return np.frombuffer(bytearray(data), stored).reshape(shape).astype(kind, copy=False)


@cache
def installed(name: str) -> Framework:
    """Return the adapter of a framework that a file names; numpy where that is none, or is not installed."""
    try:
        return get_framework(name if name in known_frameworks() else 'numpy')
    except MissingExtraError:
        return get_framework('numpy')
