"""Data frames of pandas and polars: a column for each field, nested ones as ``outer__inner``.

``flat`` says what the columns are; ``pandas`` and ``polars`` what the libraries hold in them.
A library is imported when its frames are asked for, and a frame is known by its type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docarray.errors import InvalidValueError, show
from docarray.formats.building import array_of, batch_of
from docarray.formats.tables import pandas, polars
from docarray.formats.tables.documents import documents_of, schema_of_array
from docarray.formats.tables.flat import FlatCells, FlatColumn, flat_cells, flat_columns, known_paths
from docarray.rowbatch import RowBatch

__all__ = ['from_dataframe', 'to_dataframe']

_WRITERS: dict[str, Callable[[list[FlatCells], int], Any]] = {
    'pandas': pandas.to_frame,
    'polars': polars.to_frame,
}

_READERS: dict[str, Callable[[FlatColumn, Any, int], list[Any]]] = {
    'pandas': pandas.values_of,
    'polars': polars.values_of,
}


def to_dataframe(array: Any, library: str = 'pandas') -> Any:
    """Return an array of documents as a data frame. See ``DocumentArray.to_dataframe``.

    Raises:
        InvalidValueError: There is no such library.
        MissingExtraError: It is not installed.
        KindError: A value that its column cannot hold, such as an int beyond 64 bits.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> frame = to_dataframe(DocumentArray[TextDoc]([TextDoc(text='a')]))
        >>> list(frame.columns), frame['text'].tolist()
        (['id', 'text', 'url', 'embedding', 'bytes_'], ['a'])
    """
    if library not in _WRITERS:
        raise InvalidValueError(where='library', got=show(library), wanted=' or '.join(map(repr, _WRITERS)))
    return _WRITERS[library](flat_cells(batch_of(array)), len(array))


def from_dataframe(cls: Any, df: Any, tensor_type: Any = None) -> Any:
    """Read an array of documents of a data frame. See ``DocumentArray.from_dataframe``.

    Args:
        cls: The array class.
        df: A data frame of pandas or polars; its index does not count.
        tensor_type: For fields that take tensors of any framework: the tensor class to read them as.

    Raises:
        InvalidValueError: It is no data frame, or a column is no field of the class.
        ValidationError: A row does not fit the class; the error's path starts with the row.

    Example:
        >>> import pandas
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> from_dataframe(DocumentArray[TextDoc], pandas.DataFrame({'text': ['a', None]})).text
        ['a', None]
    """
    schema, read = schema_of_array(cls), _READERS[_library_of(df)]
    columns = [flat_columns(schema)[path] for path in known_paths(schema, list(df.columns))]
    values = {column.path: read(column, df, place) for place, column in enumerate(columns)}
    return array_of(cls, RowBatch(schema, documents_of(schema, values, len(df))), tensor_type)


def _library_of(df: Any) -> str:
    for cls in type(df).__mro__:
        library = cls.__module__.partition('.')[0]
        if cls.__name__ == 'DataFrame' and library in _READERS:
            return library
    raise InvalidValueError(
        where='from_dataframe',
        got=f'{type(df).__module__}.{type(df).__name__}',
        wanted='a DataFrame of pandas or polars',
        hint='Other tables are read by from_arrow.',
    )
