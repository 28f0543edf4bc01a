"""Tensors in JSON: nested lists that every client reads, or base64 that keeps every bit.

JSON has no NaN and no infinities, so that lists hold them as the strings 'NaN', 'Infinity' and
'-Infinity', as ECMAScript spells them; null is read as NaN too. A complex number is a string such as
'(1+2j)', which keeps the shape of the list that of the tensor.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from pydantic_core import from_json as parse_json

from docarray.errors import DtypeError, TensorError, show
from docarray.frameworks import _rules
from docarray.typing.types import DTYPES, TensorType, show_shape

__all__ = ['cast', 'from_json', 'json_schema', 'numpy_dtype', 'to_base64', 'to_json', 'to_lists']

Array = np.ndarray[Any, np.dtype[Any]]

_NOT_FINITE = {'NaN': np.nan, 'Infinity': np.inf, '-Infinity': -np.inf}
_BASE64 = {
    'dtype': {'type': 'string'},
    'shape': {'type': 'array', 'items': {'type': 'integer'}},
    'data': {'type': 'string'},
    'framework': {'type': 'string'},
}
_WANTED = 'nested lists of numbers, all lists of one level equally long'


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return numpy's dtype of a name, in the machine's byte order.

    Args:
        name: One of ``DTYPES``; those beyond numpy's own come from ml_dtypes.

    Raises:
        DtypeError: No tensor can have this dtype.
        MissingExtraError: It needs ml_dtypes, which is not installed.

    Example:
        >>> numpy_dtype('uint8')
        dtype('uint8')
    """
    if name not in DTYPES:
        raise DtypeError(got=f'dtype {show(name)}', wanted='one of ' + ', '.join(sorted(DTYPES)))
    return _rules.numpy_dtype(name)


def _beyond_numpy(name: str) -> bool:
    """Whether a dtype comes from ml_dtypes; those exist in the machine's byte order only."""
    return name.startswith(('bfloat', 'float8'))


def to_lists(array: Array) -> Any:
    """Return an array as nested lists of numbers that strict JSON can hold.

    Args:
        array: Any shape and dtype that a tensor can have.

    Returns:
        Nested lists (a number for an array without axes).

    Example:
        >>> to_lists(np.array([[1.0, np.nan], [np.inf, -np.inf]]))
        [[1.0, 'NaN'], ['Infinity', '-Infinity']]
    """
    if array.dtype.kind in 'biu':
        return array.tolist()
    if array.dtype.kind == 'c':
        texts = np.array([str(number) for number in array.ravel().tolist()], object)
        return texts.reshape(array.shape).tolist()
    if _beyond_numpy(_rules.dtype_name(array.dtype)):  # there are no Python numbers for these
        array = array.astype(np.float32)
    finite = np.isfinite(array)
    if finite.all():
        return array.tolist()
    mixed = array.astype(object)
    mixed[np.isnan(array)] = 'NaN'
    mixed[np.isposinf(array)] = 'Infinity'
    mixed[np.isneginf(array)] = '-Infinity'
    return mixed.tolist()


def to_base64(array: Array, framework: str = '') -> dict[str, Any]:
    """Return an array as an object of dtype, shape and base64 data, which keeps every bit.

    Args:
        array: Any shape and dtype that a tensor can have.
        framework: What the tensor was of; '' or 'numpy' is not written.

    Returns:
        'dtype' by name, 'shape' as a list, 'data': the values in C order, little-endian, in base64;
        'framework', if there is one.

    Example:
        >>> to_base64(np.array([1, 2], np.int16))
        {'dtype': 'int16', 'shape': [2], 'data': 'AQACAA=='}
    """
    dtype = array.dtype if _beyond_numpy(_rules.dtype_name(array.dtype)) else array.dtype.newbyteorder('<')
    data = np.ascontiguousarray(array, dtype).reshape(-1).view(np.uint8)
    text = binascii.b2a_base64(data.data, newline=False).decode('ascii')
    more = {'framework': framework} if framework not in ('', 'numpy') else {}
    return {'dtype': _rules.dtype_name(array.dtype), 'shape': list(array.shape), 'data': text, **more}


def to_json(array: Array, framework: str = '') -> Any:
    """Return nested lists, or the base64 form where lists cannot tell the shape (0-d, or no values).

    Example:
        >>> to_json(np.zeros((0, 3)))['shape']
        [0, 3]
    """
    if array.ndim == 0 or 0 in array.shape[:-1]:
        return to_base64(array, framework)
    return to_lists(array)


def from_json(value: Any, dtype: str = '') -> Array:
    """Return the array that JSON stands for.

    Args:
        value: Nested lists (or tuples) of numbers, an object as ``to_base64`` makes it, or JSON text
            of either.
        dtype: Read lists as this dtype, if their values fit; '' takes what numpy makes of them.

    Returns:
        A new, writable array.

    Raises:
        TensorError: This is no tensor, or a value does not fit the dtype.
        DtypeError: An unknown dtype is named.

    Example:
        >>> from_json('[[1, 2], [3, null]]').tolist()
        [[1.0, 2.0], [3.0, nan]]
        >>> from_json([1, 2], 'uint8').dtype
        dtype('uint8')
    """
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            raise TensorError(got=f'text {show(value)}', wanted='JSON of ' + _WANTED) from error
    if isinstance(value, Mapping):
        return _from_base64(value)
    if not isinstance(value, (list, tuple)):
        raise TensorError(got=f'{type(value).__name__} {show(value)}', wanted=_WANTED)
    array = _from_lists(value)
    return cast(array, dtype) if dtype else array


def _from_base64(form: Mapping[str, Any]) -> Array:
    wanted = "an object with 'dtype', 'shape' and base64 'data'"
    name, shape, text = form.get('dtype'), form.get('shape'), form.get('data')
    if not (isinstance(name, str) and isinstance(shape, (list, tuple)) and isinstance(text, str)):
        raise TensorError(got=show(form), wanted=wanted)
    if not all(type(size) is int and size >= 0 for size in shape) or len(shape) > 64:
        raise TensorError(got=f'shape {show(shape)}', wanted='a list of sizes')
    dtype = numpy_dtype(name)
    if not _beyond_numpy(name):
        dtype = dtype.newbyteorder('<')
    try:
        data = bytearray(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise TensorError(got=f'data {show(text)}', wanted='base64') from error
    # Compared before anything is made of the shape, which may claim any size.
    if prod(shape) * dtype.itemsize != len(data):
        raise TensorError(got=f'{len(data)} bytes of data', wanted=f'those of {name} {tuple(shape)}')
    array = np.frombuffer(data, dtype).reshape(shape)
    return array if dtype.isnative else array.astype(dtype.newbyteorder('='))


def _from_lists(value: list[Any] | tuple[Any, ...]) -> Array:
    try:
        array = np.array(value)
    except (ValueError, OverflowError, TypeError):
        array = np.array(None)  # ragged, or too deep: told apart below
    if array.dtype.kind == 'f' and (np.abs(array) >= 2.0**53).any():
        return _exact_integers(value, array)
    if array.dtype.kind in 'biufc' and _rules.dtype_name(array.dtype) in DTYPES:
        return array
    shape = _rectangle(value)
    leaves: list[Any] = []
    _collect(value, leaves)
    array = np.array([_number(leaf) for leaf in leaves])
    if array.dtype.kind not in 'biufc':
        raise TensorError(got='an integer beyond 64 bits', wanted='numbers that a tensor can hold')
    return array.reshape(shape)


def _exact_integers(value: Any, array: Array) -> Array:
    """The integers that numpy rounded to floats, because some need int64 and some uint64."""
    leaves: list[Any] = []
    _collect(value, leaves)
    if any(type(leaf) is not int for leaf in leaves) or not 0 <= min(leaves) <= max(leaves) < 2**64:
        return array
    return np.array(leaves, np.uint64).reshape(array.shape)


def _rectangle(value: Any, level: int = 0) -> tuple[int, ...]:
    """The shape of nested lists, or the error that names the level where they are ragged."""
    if not isinstance(value, (list, tuple)):
        return ()
    if level == 64:
        raise TensorError(got='more than 64 levels of lists', wanted=_WANTED)
    first: tuple[int, ...] | None = None
    for place, item in enumerate(value):
        shape = _rectangle(item, level + 1)
        if first is None:
            first = shape
        elif shape != first:
            raise TensorError(
                got=f'ragged lists: at level {level} item 0 has shape {first} and item {place} {shape}',
                wanted=_WANTED,
                hint='Pad them to one length, or declare a list of tensors.',
            )
    return len(value), *(first or ())


def _collect(value: Any, leaves: list[Any]) -> None:
    for item in value:
        if isinstance(item, (list, tuple)):
            _collect(item, leaves)
        else:
            leaves.append(item)


def _number(leaf: Any) -> Any:
    if leaf is None:
        return np.nan
    if isinstance(leaf, str):
        if leaf in _NOT_FINITE:
            return _NOT_FINITE[leaf]
        if leaf.rstrip(')').endswith('j'):
            try:
                return complex(leaf)
            except ValueError:
                pass
    elif isinstance(leaf, (bool, int, float, complex, np.number, np.bool_)):
        return leaf
    raise TensorError(got=f'{type(leaf).__name__} {show(leaf)} in a list', wanted=_WANTED)


def cast(array: Array, dtype: str) -> Array:
    """Return an array of numbers from lists as another dtype, if every value fits into it.

    Args:
        array: What numpy made of lists: bool, int64, uint64, float64 or complex128.
        dtype: A dtype name. Floats may be rounded; integers and bools have to be met exactly.

    Raises:
        TensorError: A value does not fit.

    Example:
        >>> cast(np.array([1.0, 2.0]), 'uint8')
        array([1, 2], dtype=uint8)
    """
    target = numpy_dtype(dtype)
    if array.dtype == target:
        return array
    exact = target.kind in 'biu'
    bad = np.zeros(array.shape, np.bool_)
    if target.kind == 'b':
        bad = (array != 0) & (array != 1)
    elif exact and array.dtype.kind != 'b':
        # Compared as Python numbers: int64 against uint64 would go through floats.
        low, high = int(np.iinfo(target).min), int(np.iinfo(target).max)
        if array.dtype.kind == 'c':
            bad = ~np.zeros(array.shape, np.bool_)
        elif array.dtype.kind == 'f':
            bad = ~((array >= low) & (array < high + 1.0) & (array == np.floor(array)))
        elif array.size and not (low <= int(array.min()) and int(array.max()) <= high):
            flags = [not low <= number <= high for number in array.ravel().tolist()]
            bad = np.array(flags).reshape(array.shape)
    elif array.dtype.kind == 'c' and target.kind != 'c':
        bad = ~np.zeros(array.shape, np.bool_)
    if bad.any():
        raise _unfit(array, bad, dtype)
    with np.errstate(over='ignore', invalid='ignore'):
        made = array.astype(target)
        if not exact:
            bad = np.isfinite(array) & ~np.isfinite(made)
    if bad.any():
        raise _unfit(array, bad, dtype)
    return made


def _unfit(array: Array, bad: Array, dtype: str) -> TensorError:
    return TensorError(got=f'the value {show(array[bad][0].item())}', wanted=f'values that fit {dtype}')


def json_schema(kind: TensorType) -> dict[str, Any]:
    """Return the JSON Schema of a tensor type's list form, as far down as its rank is known.

    Args:
        kind: What the tensor class means.

    Returns:
        An array of arrays. Under the key 'tensor/array shape' stands the shape as earlier versions
        wrote it ('[3, x, x]', or 'not specified'), from which they rebuild document classes; under
        'tensor/array dtype' the dtype where it is declared, and under 'tensor/array modality'
        'image', 'embedding' and so on.

    Example:
        >>> json_schema(TensorType(shape=(2,), dtype='uint8'))['items']
        {'type': 'integer'}
    """
    shape = kind.shape
    schema: dict[str, Any] = {'type': 'array', 'items': {}}
    if shape == ():
        schema = {'type': 'object', 'properties': dict(_BASE64), 'required': ['dtype', 'shape', 'data']}
    elif shape is not None:
        schema = _nested(shape, _leaf(kind.dtype))
    schema['tensor/array shape'] = 'not specified' if shape is None else show_shape(shape)
    if kind.dtype:
        schema['tensor/array dtype'] = kind.dtype
    if kind.modality:
        schema['tensor/array modality'] = kind.modality
    return schema


def _leaf(dtype: str) -> dict[str, Any]:
    if dtype == 'bool':
        return {'type': 'boolean'}
    if dtype.startswith('complex'):
        return {'type': 'string'}
    return {'type': 'integer' if dtype.startswith(('int', 'uint')) else 'number'}


def _nested(shape: tuple[Any, ...], leaf: dict[str, Any]) -> dict[str, Any]:
    if not shape:
        return leaf
    axis, *rest = shape
    if axis is Ellipsis:
        return {'type': 'array', 'items': {}}
    schema: dict[str, Any] = {'type': 'array', 'items': _nested(tuple(rest), leaf)}
    if isinstance(axis, int):
        schema.update(minItems=axis, maxItems=axis)
    return schema
