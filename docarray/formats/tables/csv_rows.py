"""Reading the rows of CSV text, of any dialect and with cells of any size.

The ``csv`` module of Python limits cells to 128 KiB for the whole process, which tensors exceed, takes a
file that ends within a cell for a whole one, and makes floats of cells without quotes in some dialects.
What this reader takes is otherwise the same: quotes within a cell stand for themselves, lines end with CR,
LF or both, and lines without anything are skipped.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from docarray.errors import FormatError, InvalidValueError, TruncatedError, show

__all__ = ['read_rows', 'settled_dialect']

_NEWLINE = re.compile(r'\r\n|\n|\r')


def settled_dialect(dialect: Any) -> Any:
    r"""Return a dialect by name, class or object as an object that has all of its attributes.

    Raises:
        InvalidValueError: There is no such dialect.

    Example:
        >>> settled_dialect('excel-tab').delimiter
        '\t'
    """
    try:
        return csv.writer(io.StringIO(), dialect).dialect
    except (csv.Error, TypeError, ValueError) as error:
        raise InvalidValueError(
            where='dialect',
            got=show(dialect),
            wanted=f'one of {", ".join(csv.list_dialects())}, or a csv.Dialect',
            hint=f'It says: {error}.',
        ) from error


def read_rows(text: str, dialect: Any, where: str) -> Iterator[tuple[int, list[str]]]:
    r"""Yield the number of the line that a row starts on, and its cells.

    Args:
        text: All of the file.
        dialect: As ``settled_dialect`` returns it.
        where: The name of the file, for errors.

    Raises:
        TruncatedError: The text ends within a cell.
        FormatError: Text follows a closing quote, where the dialect is strict.

    Example:
        >>> list(read_rows('a,b\n"x 1",', settled_dialect('excel'), 'text'))
        [(1, ['a', 'b']), (2, ['x 1', ''])]
    """
    return _Reader(text, dialect, where).rows()


def _any_of(marks: list[str]) -> re.Pattern[str]:
    return re.compile(f'[{"".join(map(re.escape, marks))}]' if marks else '(?!)')


class _Reader:
    def __init__(self, text: str, dialect: Any, where: str) -> None:
        self.text, self.dialect, self.where = text, dialect, where
        self.place, self.line, self.whole = 0, 1, -1  # the header is no document
        self.quote = None if dialect.quoting == csv.QUOTE_NONE else dialect.quotechar
        marks = [mark for mark in (self.quote, dialect.escapechar) if mark]
        self.marks = _any_of(marks)
        ends = [mark for mark in (dialect.delimiter, '\r', '\n', dialect.escapechar) if mark]
        self.ends = _any_of(ends)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        text, delimiter = self.text, self.dialect.delimiter
        while self.place < len(text):
            found = _NEWLINE.search(text, self.place)
            stop, following = found.span() if found else (len(text), len(text))
            line = self.line
            if self.marks.search(text, self.place, stop):
                cells = self.marked_cells()
            else:
                blank = stop == self.place
                cells = text[self.place : stop].split(delimiter)
                if self.dialect.skipinitialspace:
                    cells = [cell.lstrip(' ') for cell in cells]
                self.place, self.line = following, line + 1
                if blank:
                    continue
            self.whole += 1
            yield line, cells

    def marked_cells(self) -> list[str]:
        """Read a row that has quotes or escapes, cell by cell."""
        start, cells, more = self.place, [], True
        while more:
            cells.append(self.cell())
            more = self.text.startswith(self.dialect.delimiter, self.place)
            self.place += more
        newline = _NEWLINE.match(self.text, self.place)
        self.place = newline.end() if newline else self.place
        self.line += sum(1 for _ in _NEWLINE.finditer(self.text, start, self.place))
        return cells

    def cell(self) -> str:
        text, parts = self.text, []
        while self.dialect.skipinitialspace and text.startswith(' ', self.place):
            self.place += 1
        if self.quote and text.startswith(self.quote, self.place):
            self.place += 1
            parts = self.quoted()
            if self.dialect.strict and not self.ends.match(text, self.place) and self.place < len(text):
                raise FormatError(
                    where=f'{self.where}, line {self.line}',
                    got=f'{show(text[self.place : self.place + 20])} behind a closing quote',
                    wanted='the next cell or line',
                )
        while found := self.ends.search(text, self.place):
            parts.append(text[self.place : found.start()])
            self.place = found.start()
            if found.group() != self.dialect.escapechar:
                return ''.join(parts)
            parts.append(self.escaped())
        parts.append(text[self.place :])
        self.place = len(text)
        return ''.join(parts)

    def quoted(self) -> list[str]:
        """Return the parts of a cell up to the closing quote, which is passed."""
        text, parts = self.text, []
        while found := self.marks.search(text, self.place):
            parts.append(text[self.place : found.start()])
            self.place = found.start()
            if found.group() == self.dialect.escapechar:
                parts.append(self.escaped())
                continue
            self.place += 1
            if not (self.dialect.doublequote and text.startswith(self.quote or '', self.place)):
                return parts
            parts.append(found.group())
            self.place += 1
        raise self.truncated('a closing quote')

    def escaped(self) -> str:
        """Return the character behind an escape; both are passed."""
        self.place += 2
        if self.place > len(self.text):
            raise self.truncated('a character behind the escape')
        return self.text[self.place - 1]

    def truncated(self, wanted: str) -> TruncatedError:
        error = TruncatedError(
            where=f'{self.where}, the row from line {self.line} on',
            got='the end of the file within a cell',
            wanted=wanted,
        )
        error.whole = max(0, self.whole)
        return error
