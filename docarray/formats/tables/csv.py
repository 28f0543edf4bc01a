"""CSV files of documents: a header of ``outer__inner`` columns, and a row for each document.

``flat`` says what the columns are, ``text`` how a value is written as text. Beyond these:

* None is a cell without text, and is read of one that says None too, as earlier versions wrote it.
* Text and bytes of fields that may be None, if they would be mistaken for it, stand in a pair of quotes of
  their own: text without characters as ``""``, ``None`` as ``"None"``, ``"None"`` as ``""None""``.
* Where text or bytes are never None, a cell is what it says, even if it says nothing. Other fields that are
  never None, dates and enums for instance, take their defaults where a cell says nothing.
* Files are read with any line ends, and with a byte order mark or without.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from docarray.batch import collector_paused
from docarray.errors import FormatError, InvalidValueError, show
from docarray.formats.building import array_of, batch_of
from docarray.formats.files.storage import file_name, open_source, open_target, write_all
from docarray.formats.limits import DEFAULT_LIMITS
from docarray.formats.tables.csv_rows import read_rows, settled_dialect
from docarray.formats.tables.documents import documents_of, schema_of_array
from docarray.formats.tables.flat import (
    FlatCells,
    FlatColumn,
    converted,
    flat_cells,
    flat_columns,
    known_paths,
)
from docarray.formats.tables.text import reader_of, writer_of
from docarray.rowbatch import RowBatch
from docarray.schema import Schema

__all__ = ['from_csv', 'to_csv']

#: How many documents are text at a time.
_ROWS = 1024

#: Kinds whose cells are text as it is, so that some of it looks like nothing.
_TEXTS = ('str', 'bytes')


# -- writing ------------------------------------------------------------------------------------------


def to_csv(array: Any, file: Any, dialect: Any = 'excel', encoding: str = 'utf-8') -> None:
    r"""Write an array of documents as CSV. See ``DocumentArray.to_csv``.

    Example:
        >>> import io
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> file = io.StringIO()
        >>> to_csv(DocumentArray[TextDoc]([TextDoc(id='a', text='x, y')]), file)
        >>> file.getvalue().split('\r\n')[:2]
        ['id,text,url,embedding,bytes_', 'a,"x, y",,,']
    """
    style, columns = settled_dialect(dialect), flat_cells(batch_of(array))
    where = type(array).__name__
    if style.lineterminator not in ('\r\n', '\n', '\r'):
        got = f'the line end {show(style.lineterminator)}'
        raise InvalidValueError(where='dialect', got=got, wanted='\\r\\n, \\n or \\r')
    try:
        with _open_for_writing(file, encoding) as target:
            writer = _writer(target, style)
            writer.writerow([cells.column.path for cells in columns])
            for start in range(0, len(array), _ROWS):
                rows = slice(start, start + _ROWS)
                writer.writerows(zip(*(_texts(cells, rows) for cells in columns), strict=True))
    except csv.Error as error:
        hint = 'Let the dialect quote cells, or give it an escapechar.'
        raise InvalidValueError(
            where=where, got=show(str(error)), wanted='text that the dialect can hold', hint=hint
        ) from error
    except UnicodeEncodeError as error:
        got = f'the character {error.object[error.start]!a}'
        raise InvalidValueError(
            where=where, got=got, wanted=f'text that {error.encoding} can hold', hint="Use encoding='utf-8'."
        ) from error


def _writer(file: Any, style: Any) -> Any:
    """Return a writer that quotes what its dialect needs quoted to be read back, which not all Pythons do."""
    quoting = style.quoting
    if quoting == csv.QUOTE_MINIMAL and style.skipinitialspace:
        quoting = csv.QUOTE_ALL
    # Both characters of this line end are quoted in cells, whatever ends the lines of the file.
    return csv.writer(_Lines(file, style.lineterminator), style, quoting=quoting, lineterminator='\r\n')


class _Lines:
    """Writes rows that end with CR and LF to a file of other line ends."""

    def __init__(self, file: Any, end: str) -> None:
        self.file, self.end = file, end

    def write(self, row: str) -> None:
        self.file.write(row[:-2] + self.end)


def _texts(cells: FlatCells, rows: slice) -> list[Any]:
    column = cells.column
    if column.kind in ('bool', 'int', 'float'):
        return cells.packed()[rows]
    if column.kind == 'str':
        texts = cells.packed()[rows]
    else:
        texts = converted(cells.own()[rows], writer_of(column), column, rows.start)
    if column.kind in _TEXTS and column.takes_none:
        return [f'"{text}"' if text is not None and _is_nothing(text) else text for text in texts]
    return texts


def _is_nothing(text: str) -> bool:
    """Whether text would be read as None, but for pairs of quotes around it."""
    inner = text.strip('"')
    if inner not in ('', 'None'):
        return False
    quotes, odd = divmod(len(text) - len(inner), 2)
    marks = '"' * quotes
    return not odd and text == marks + inner + marks


@contextmanager
def _open_for_writing(file: Any, encoding: str) -> Iterator[Any]:
    """Open a file for text, line ends as they are; what was there is replaced whole or not at all."""
    if isinstance(file, io.TextIOBase) or hasattr(file, 'encoding'):
        yield file
        return
    _check_encoding(encoding)
    with open_target(file) as target:
        yield _Encoded(target, encoding)


class _Encoded:
    """Writes text to a file of bytes, a byte order mark once, where the encoding has one."""

    def __init__(self, file: Any, encoding: str) -> None:
        self.file, self.encoder = file, codecs.getincrementalencoder(encoding)()

    def write(self, text: str) -> None:
        write_all(self.file, memoryview(self.encoder.encode(text)))


def _check_encoding(encoding: str) -> None:
    try:
        ''.encode(encoding)
    except (LookupError, TypeError) as error:
        raise InvalidValueError(
            where='encoding',
            got=show(encoding),
            wanted="an encoding of text that Python knows, such as 'utf-8'",
        ) from error


# -- reading ------------------------------------------------------------------------------------------


def from_csv(cls: Any, file_path: Any, encoding: str = 'utf-8', dialect: Any = 'excel') -> Any:
    r"""Read an array of documents of CSV. See ``DocumentArray.from_csv``.

    Args:
        cls: The array class.
        file_path: A path, an http or https URL, one that fsspec knows, or a file object open for reading.
        encoding: Of the file.
        dialect: A dialect of the ``csv`` module, or its name.

    Raises:
        FormatError: A row has more cells than the header, or fewer; or the bytes are of another encoding.
        TruncatedError: The file ends within a cell.
        InvalidValueError: A column is no field of the class.
        ValidationError: A row does not fit the class; the error's path starts with the row.
        FetchError: The file cannot be read.

    Example:
        >>> import io
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> from_csv(DocumentArray[TextDoc], io.StringIO('text\nx\n')).text
        ['x']
    """
    schema, style = schema_of_array(cls), settled_dialect(dialect)
    where = file_name(file_path) or 'CSV'
    rows = read_rows(_read_text(file_path, encoding, where), style, where)
    _, header = next(rows, (0, None))
    if header is None:
        raise FormatError(where=where, got='an empty file', wanted='a header: a line of column names')
    with collector_paused():
        documents = _documents(schema, header, rows, where)
    return array_of(cls, RowBatch(schema, documents))


def _documents(
    schema: Schema, header: list[str], rows: Iterator[tuple[int, list[str]]], where: str
) -> list[Any]:
    columns = [flat_columns(schema)[path] for path in known_paths(schema, header)]
    cells: list[list[str]] = []
    for line, row in rows:
        if len(row) != len(header):
            raise _wrong_length(row, header, f'{where}, line {line}')
        cells.append(row)
    texts = zip(*cells, strict=True) if cells else repeat(())
    values = {
        column.path: _values(column, column_texts)
        for column, column_texts in zip(columns, texts, strict=False)
    }
    return documents_of(schema, values, len(cells))


def _read_text(file: Any, encoding: str, where: str) -> str:
    """Return all text of a file, without a byte order mark."""
    if isinstance(file, io.TextIOBase) or (hasattr(file, 'read') and isinstance(file.read(0), str)):
        text: str = file.read()
        return text.removeprefix('\ufeff')
    _check_encoding(encoding)
    with open_source(file, DEFAULT_LIMITS) as source:
        raw = source.whole(DEFAULT_LIMITS)
        try:
            return str(raw, encoding).removeprefix('\ufeff')
        except UnicodeError as error:
            raise FormatError(
                where=where,
                got=f'bytes that are no {encoding} ({show(str(error))})',
                wanted='text of that encoding',
                hint="Say which one it is, such as encoding='latin-1'.",
            ) from error


def _wrong_length(row: list[str], header: list[str], where: str) -> FormatError:
    least = min(len(row), len(header))
    hint = (
        f'The column {show(header[least])} has none.'
        if len(row) < len(header)
        else f'Beyond the last column, {show(header[-1])}, is {show(row[least])}.'
    )
    wanted = f'{len(header)}, one for each column'
    return FormatError(where=where, got=f'{len(row)} cells', wanted=wanted, hint=hint)


def _values(column: FlatColumn, texts: Sequence[str]) -> list[Any]:
    """Return the values of cells, None for those that say nothing."""
    if column.kind in _TEXTS and column.takes_none:
        found = list(map(_without_quotes, texts))
    else:
        nothing = [text for text in ('', 'None') if not _is_value(column, text)]
        found = [None if text in nothing else text for text in texts]
    return found if column.kind == 'str' else converted(found, reader_of(column), column)


def _is_value(column: FlatColumn, text: str) -> bool:
    """Whether text that looks like nothing is a value of a field that is never None."""
    if column.kind != 'str':
        return column.kind == 'bytes'
    try:
        column.field.codec.unpack(text)
    except Exception:  # a codec raises what its type raises
        return False
    return True


def _without_quotes(text: str) -> str | None:
    if not _is_nothing(text):
        return text
    return text[1:-1] if text.startswith('"') else None
