"""Flat columns in data frames of polars.

==========================  ========================================================================
kind                        column
==========================  ========================================================================
bool, int, float, bytes     ``Boolean``, ``Int64``, ``Float64``, ``Binary``
str                         ``String``; dates and times are ``Datetime``, ``Date``, ``Time``, ``Duration``
                            where all of a column can be kept so: without a time zone, or all UTC
tensor                      ``Array`` where all have one shape and dtype, ``List`` where they have one axis
                            of several lengths; else a ``Struct`` of dtype, shape and data (little-endian)
list                        ``List``, where the items are numbers, text, bytes or lists of them
anything else               ``String``: JSON (see ``text``), which ``str.json_decode`` makes structs of
==========================  ========================================================================

Tensors come back as the class of the field; where that takes any framework, as numpy.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from docarray import _lazy
from docarray.errors import KindError, TensorError, show
from docarray.formats.tables.flat import FlatCells, FlatColumn, converted
from docarray.formats.tables.text import reader_of, writer_of
from docarray.kinds import Kind
from docarray.typing._coerce import to_numpy
from docarray.typing.tensor_json import numpy_dtype

__all__ = ['to_frame', 'values_of']

Array = np.ndarray[Any, np.dtype[Any]]

_SCALARS = {'bool': 'Boolean', 'int': 'Int64', 'float': 'Float64', 'str': 'String', 'bytes': 'Binary'}

#: Dtypes of tensors that polars has too.
_DTYPES = {
    **{name: name.replace('i', 'I') for name in ('int8', 'int16', 'int32', 'int64')},
    **{name: name.replace('ui', 'UI') for name in ('uint8', 'uint16', 'uint32', 'uint64')},
    'bool': 'Boolean',
    'float32': 'Float32',
    'float64': 'Float64',
}


def to_frame(cells: list[FlatCells], length: int) -> Any:
    """Return flat columns as a data frame.

    Example:
        >>> from docarray.batch import Batch
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.tables.flat import flat_cells
        >>> from docarray.schema import schema_of
        >>> batch = Batch.of(schema_of(TextDoc), [TextDoc(text='a')])
        >>> to_frame(flat_cells(batch), 1).shape
        (1, 5)
    """
    polars = _lazy.load('polars')
    return polars.DataFrame([_WRITERS.get(one.column.kind, _json)(polars, one) for one in cells])


def _numbers(polars: Any, cells: FlatCells) -> Any:
    numbers, dtype = cells.numbers(), getattr(polars, _SCALARS[cells.column.kind])
    values = numbers.data.copy() if numbers.valid is None else numbers.values()
    return polars.Series(cells.column.path, values, dtype=dtype)


def _text(polars: Any, cells: FlatCells) -> Any:
    times = _times(polars, cells)
    if times is not None:
        return times
    try:
        return polars.Series(cells.column.path, cells.packed(), dtype=polars.String)
    except (TypeError, UnicodeEncodeError) as error:
        raise KindError(
            where=cells.column.where, got=show(str(error)), wanted='valid Unicode text'
        ) from error


def _times(polars: Any, cells: FlatCells) -> Any:
    """Return dates and times as a column of their own type, or None where that would change some."""
    kind = type(cells.example())
    if kind not in _TIMES:
        return None
    values = cells.own()
    zones = {getattr(value, 'tzinfo', None) for value in values if value is not None}
    zone = {'time_zone': 'UTC'} if zones == {datetime.timezone.utc} and kind is datetime.datetime else {}
    if zones - {None} and not zone:
        return None
    try:
        made = polars.Series(cells.column.path, values, dtype=_TIMES[kind](polars, **zone))
    except (OverflowError, TypeError, polars.exceptions.PolarsError):
        return None
    return made if made.to_list() == values else None


_TIMES: dict[type, Callable[..., Any]] = {
    datetime.datetime: lambda polars, **zone: polars.Datetime('us', **zone),
    datetime.date: lambda polars: polars.Date,
    datetime.time: lambda polars: polars.Time,
    datetime.timedelta: lambda polars: polars.Duration('us'),
}


def _bytes(polars: Any, cells: FlatCells) -> Any:
    values = converted(cells.own(), bytes, cells.column)
    return polars.Series(cells.column.path, values, dtype=polars.Binary)


def _json(polars: Any, cells: FlatCells) -> Any:
    texts = converted(cells.own(), writer_of(cells.column), cells.column)
    return polars.Series(cells.column.path, texts, dtype=polars.String)


def _lists(polars: Any, cells: FlatCells) -> Any:
    codec = cells.column.field.codec
    dtype = _list_dtype(polars, codec.kind)
    if dtype is None:
        return _json(polars, cells)
    try:
        values = converted(cells.own(), codec.pack, cells.column)
        return polars.Series(cells.column.path, values, dtype=dtype)
    except (OverflowError, TypeError, polars.exceptions.PolarsError):  # such as ints beyond 64 bits
        return _json(polars, cells)


def _list_dtype(polars: Any, kind: Kind) -> Any:
    if kind.name in _SCALARS:
        return getattr(polars, _SCALARS[kind.name])
    inner = _list_dtype(polars, kind.item.kind) if kind.name == 'list' and kind.item else None
    return None if inner is None else polars.List(inner)


def _tensors(polars: Any, cells: FlatCells) -> Any:
    path = cells.column.path
    arrays: list[Array | None] = converted(cells.own(), to_numpy, cells.column)
    there = [array for array in arrays if array is not None]
    dtypes, shapes = {array.dtype.name for array in there}, {array.shape for array in there}
    name = _DTYPES.get(dtypes.pop()) if len(dtypes) == 1 else None
    if name is None or any(len(shape) == 0 or 0 in shape[1:] for shape in shapes):
        return _structs(polars, path, arrays)
    if len(shapes) == 1 and all(there[0].shape):
        data = np.stack(there)
        made = polars.Series(path, data.astype(data.dtype.newbyteorder('='), copy=False))
        if len(there) == len(arrays):
            return made
        places = iter(range(len(there)))
        return made.gather([None if array is None else next(places) for array in arrays])
    if any(len(shape) != 1 for shape in shapes):
        return _structs(polars, path, arrays)
    dtype = getattr(polars, name)
    rows = [None if array is None else polars.Series(_native(array), dtype=dtype) for array in arrays]
    return polars.Series(path, rows, dtype=polars.List(dtype))


def _native(array: Array) -> Array:
    return np.ascontiguousarray(array, array.dtype.newbyteorder('='))


def _structs(polars: Any, path: str, arrays: list[Array | None]) -> Any:
    fields = {'dtype': polars.String, 'shape': polars.List(polars.Int64), 'data': polars.Binary}
    rows = [None if array is None else _parts(array) for array in arrays]
    return polars.Series(path, rows, dtype=polars.Struct(fields))


def _parts(array: Array) -> dict[str, Any]:
    dtype = array.dtype if array.dtype.kind == 'V' else array.dtype.newbyteorder('<')
    return {
        'dtype': array.dtype.name,
        'shape': list(array.shape),
        'data': np.ascontiguousarray(array, dtype).tobytes(),
    }


_WRITERS: dict[str, Callable[[Any, FlatCells], Any]] = {
    'bool': _numbers,
    'int': _numbers,
    'float': _numbers,
    'str': _text,
    'bytes': _bytes,
    'list': _lists,
    'tensor': _tensors,
}


# -- reading ------------------------------------------------------------------------------------------


def values_of(column: FlatColumn, frame: Any, place: int) -> list[Any]:
    """Return the values of a data frame's column: the documents' own or packed ones, None where missing.

    Args:
        column: The flat column that it stands for.
        frame: The data frame.
        place: The number of the column in the frame.

    Example:
        >>> import polars
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.tables.flat import flat_columns
        >>> from docarray.schema import schema_of
        >>> values_of(
        ...     flat_columns(schema_of(TextDoc))['text'], polars.DataFrame({'text': ['a', None]}), 0
        ... )
        ['a', None]
    """
    series = frame.to_series(place)
    if column.kind == 'tensor':
        return _arrays(column, series)
    values = _cells(series)
    if column.kind in ('bool', 'int', 'float', 'str', 'bytes'):
        return values
    return converted(values, _cleaner(column), column)


def _cleaner(column: FlatColumn) -> Callable[[Any], Any]:
    read, unpack = reader_of(column), None
    if column.kind == 'list':
        unpack = column.field.codec.unpack

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return read(value)
        try:
            return unpack(value) if unpack is not None else value
        except Exception:  # a codec raises what its type raises, and pydantic says it better
            return value

    return clean


def _arrays(column: FlatColumn, series: Any) -> list[Any]:
    name = type(series.dtype).__name__
    if name == 'Array':
        rows = iter(np.array(series.drop_nulls().to_numpy()))
        return [None if missing else next(rows) for missing in series.is_null().to_list()]
    if name == 'List' and (series.dtype.inner.is_numeric() or series.dtype.inner == _boolean()):
        return [None if row is None else np.array(row.to_numpy()) for row in series]
    return converted(_cells(series), _tensor_of, column)


def _boolean() -> Any:
    return _lazy.load('polars').Boolean


def _cells(series: Any) -> list[Any]:
    """Return the values of a column; older polars gives a struct of nulls for a missing one."""
    values: list[Any] = series.to_list()
    if type(series.dtype).__name__ != 'Struct':
        return values
    missing = series.is_null().to_list()
    return [None if gone else value for value, gone in zip(values, missing, strict=True)]


def _tensor_of(value: Any) -> Any:
    """Return the array that a struct of dtype, shape and data stands for, and anything else as it is."""
    if not isinstance(value, dict) or not isinstance(value.get('data'), bytes):
        return value
    name, shape, data = value.get('dtype'), value.get('shape'), value['data']
    dtype = numpy_dtype(name) if isinstance(name, str) else np.dtype(np.void)
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise TensorError(got=f'shape {show(shape)}', wanted='a list of sizes')
    if prod(shape) * dtype.itemsize != len(data):
        raise TensorError(got=f'{len(data)} bytes of data', wanted=f'those of {name} {tuple(shape)}')
    stored = dtype if dtype.kind == 'V' else dtype.newbyteorder('<')
    return np.frombuffer(bytearray(data), stored).reshape(shape).astype(dtype, copy=False)
