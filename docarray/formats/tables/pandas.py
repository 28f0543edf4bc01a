"""Flat columns in data frames of pandas.

==========================  ========================================================================
kind                        column
==========================  ========================================================================
bool, int, float            ``bool``, ``int64``, ``float64``; ``boolean``, ``Int64``, ``Float64`` where
                            there are None
str                         pandas' own type for text; datetime and timedelta objects are ``datetime64``
                            and ``timedelta64``, where all of a column fit in
anything else               ``object``: the documents' own values, such as arrays and lists of documents
==========================  ========================================================================

When reading, NaN is a value in float fields and in those that take anything, and a missing value in others;
None, ``NA`` and ``NaT`` are always missing.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np

from docarray import _lazy
from docarray.formats.tables.flat import FlatCells, FlatColumn, converted
from docarray.formats.tables.text import reader_of

__all__ = ['to_frame', 'values_of']

_MASKED = {'bool': 'BooleanArray', 'int': 'IntegerArray', 'float': 'FloatingArray'}

#: Text of these types is what the column type of pandas for them cannot be told from.
_TIMES = (datetime.datetime, datetime.timedelta)

#: Kinds whose columns may hold NaN as a value.
_WITH_NAN = ('float', 'json')

#: Kinds that stand in text as JSON, when a frame was read from CSV.
_IN_TEXT = ('list', 'map', 'docs', 'variant', 'nested')

_PLAIN = {bool, int, str, bytes, type(None)}


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
    pandas = _lazy.load('pandas')
    index = pandas.RangeIndex(length)
    columns = {one.column.path: _column(pandas, one, index) for one in cells}
    return pandas.DataFrame(columns, index=index)


def _column(pandas: Any, cells: FlatCells, index: Any) -> Any:
    kind = cells.column.kind
    if kind in _MASKED:
        numbers = cells.numbers()
        if numbers.valid is None:
            return numbers.data.copy()
        return getattr(pandas.arrays, _MASKED[kind])(numbers.data.copy(), ~numbers.valid)
    if kind == 'str':
        return _text(pandas, cells, index)
    return _objects(pandas, cells.own(), index)


def _text(pandas: Any, cells: FlatCells, index: Any) -> Any:
    if isinstance(cells.example(), _TIMES):
        return pandas.Series(cells.own(), index=index)
    dtype = pandas.Series(['']).dtype
    in_arrow = getattr(dtype, 'storage', '') == 'pyarrow'
    try:
        values = _arrow_text(cells) if in_arrow else cells.packed()
        return pandas.Series(values, index=index, dtype=dtype)
    except (TypeError, ValueError):  # what is no text, or no valid Unicode
        return _objects(pandas, cells.packed(), index)


def _arrow_text(cells: FlatCells) -> Any:
    """Return text as an Arrow array, which shares the memory of text that is in one buffer."""
    texts = cells.texts()
    if texts is None:
        pyarrow = _lazy.load('pyarrow')
        return pyarrow.array(cells.packed(), pyarrow.large_string())
    from docarray.formats.arrow.memory import from_texts  # needs pyarrow, as does the dtype of this column

    made = from_texts(texts)
    made.validate(full=True)
    return made


def _objects(pandas: Any, values: list[Any], index: Any) -> Any:
    return pandas.Series(np.fromiter(values, np.object_, len(values)), index=index, dtype=object)


def values_of(column: FlatColumn, frame: Any, place: int) -> list[Any]:
    """Return the values of a data frame's column: the documents' own or packed ones, None where missing.

    Args:
        column: The flat column that it stands for.
        frame: The data frame.
        place: The number of the column in the frame.

    Example:
        >>> import pandas
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.tables.flat import flat_columns
        >>> from docarray.schema import schema_of
        >>> values_of(
        ...     flat_columns(schema_of(TextDoc))['text'], pandas.DataFrame({'text': ['a', None]}), 0
        ... )
        ['a', None]
    """
    series = frame.iloc[:, place]
    values: list[Any]
    if not isinstance(series.dtype, np.dtype):
        values = series.to_numpy(dtype=object, na_value=None).tolist()
    elif series.dtype.kind in 'mM':
        values = series.astype(object).tolist()
    else:
        values = series.tolist()
    types = set(map(type, values))
    kept = _PLAIN | {float} if column.kind in _WITH_NAN else _PLAIN
    if types <= kept and not (column.kind in _IN_TEXT and str in types):
        return values
    return converted(values, _cleaner(column, _lazy.load('pandas')), column)


def _cleaner(column: FlatColumn, pandas: Any) -> Callable[[Any], Any]:
    """Return the function from what pandas has in a cell to what documents take."""
    missing = (pandas.NA, pandas.NaT)
    nan_is_missing = column.kind not in _WITH_NAN
    read_text = reader_of(column) if column.kind in _IN_TEXT else None

    def clean(value: Any) -> Any:
        if any(value is one for one in missing):
            return None
        if isinstance(value, pandas.Timestamp):
            return value.to_pydatetime(warn=False)
        if isinstance(value, pandas.Timedelta):
            return value.to_pytimedelta()
        if isinstance(value, np.generic):
            value = value.item()
        if nan_is_missing and isinstance(value, float) and value != value:
            return None
        return read_text(value) if read_text is not None and isinstance(value, str) else value

    return clean
