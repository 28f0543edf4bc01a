"""Summaries for a terminal: as plain text, and with the colours of rich where it is installed."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from docarray import _lazy
from docarray.display.describe import Node, describe_document, is_array
from docarray.display.tables import Table, describe_array, describe_schema
from docarray.errors import MissingExtraError

__all__ = ['show', 'show_schema', 'to_rich', 'to_text']

#: What is drawn in front of a child: of one with siblings below, of the last one, and below these.
_GUIDES = ('├── ', '└── ', '│   ', '    ')
_ASCII_GUIDES = ('|-- ', '`-- ', '|   ', '    ')

_NAME, _TYPE, _BAR, _QUIET, _TITLE = 'bold', 'cyan', 'green', 'dim', 'bold magenta'

#: The parts of a line, each a text and its style.
Parts = list[tuple[str, str]]


def show(obj: Any, headline: tuple[str, str] | None = None) -> None:
    """Write a summary of a document or an array to standard output.

    In colours on a terminal and in notebooks, if rich is installed; plain elsewhere.

    Args:
        obj: A document, a DocumentArray or a DocumentArrayStacked.
        headline: For an array that is part of another: the type and the length to show.

    Example:
        >>> from docarray import BaseDocument
        >>> class Page(BaseDocument):
        ...     title: str
        ...     url: str | None = None
        >>> show(Page(id='p1', title='hello'))
        Page  p1
        ├── title: str  'hello'
        └── None: url
    """
    described = _described(obj)
    if headline is not None and isinstance(described, Table):
        described = replace(described, type=headline[0], length=headline[1])
    _show(described)


def show_schema(cls: Any) -> None:
    """Write the fields of a document class and their types to standard output.

    Args:
        cls: A document class.

    Example:
        >>> from docarray import BaseDocument
        >>> class Page(BaseDocument):
        ...     title: str
        >>> show_schema(Page)
        Page
        ├── id: ID | None
        └── title: str
    """
    _show(describe_schema(cls))


def to_text(obj: Any) -> str:
    """Return the summary of a document or an array as plain text.

    Args:
        obj: A document, a DocumentArray or a DocumentArrayStacked.

    Example:
        >>> from docarray import BaseDocument
        >>> print(to_text(BaseDocument(id='a')))
        BaseDocument  a
    """
    return '\n'.join(_plain(_described(obj), _GUIDES))


def to_rich(obj: Any) -> Any:
    """Return a rich renderable of a document (a Tree) or an array (a Panel).

    Args:
        obj: A document, a DocumentArray or a DocumentArrayStacked.

    Raises:
        MissingExtraError: rich is not installed.

    Example:
        >>> from docarray.documents import TextDoc
        >>> type(to_rich(TextDoc(text='hello'))).__name__
        'Tree'
    """
    return _rich(_described(obj))


def _described(obj: Any) -> Node | Table:
    return describe_array(obj) if is_array(obj) else describe_document(obj)


def _show(described: Node | Table) -> None:
    out = sys.stdout
    if out is None:  # a program without a console
        return
    encoding = (getattr(out, 'encoding', None) or 'utf-8').lower().replace('-', '').replace('_', '')
    if encoding == 'utf8':
        console = _console()
        if console is not None:
            console.print(_rich(described))
            return
        out.write('\n'.join(_plain(described, _GUIDES)) + '\n')
    else:
        text = '\n'.join(_plain(described, _ASCII_GUIDES)) + '\n'
        out.write(text.encode(encoding, 'backslashreplace').decode(encoding))


def _console() -> Any:
    """A console of rich, if it is installed and there is someone to see the colours."""
    try:
        console = _lazy.load('rich.console').Console()
    except MissingExtraError:
        return None
    return console if console.is_terminal or console.is_jupyter else None


# -- parts, the same for both ---------------------------------------------------------------------


def _parts(node: Node) -> Parts:
    """The line of one node."""
    parts: Parts = []
    if node.name:
        parts.append((f'{node.name}: ', _NAME))
    if node.type:
        parts.append((node.type, _TYPE if node.name else _TITLE))
    if node.value:
        quiet = node.is_document or not node.type
        parts.append((('  ' if parts else '') + node.value, _QUIET if quiet else ''))
    if node.bar:
        parts.append((f'  {node.bar}', _BAR))
    return parts


def _lines_below(node: Node) -> list[Node]:
    if not node.missing:
        return list(node.children)
    return [*node.children, Node('', '', 'None: ' + ', '.join(node.missing))]


def _header(table: Table) -> tuple[str, ...]:
    if table.stacked:
        return ('column', 'type', 'values', 'None', 'memory')
    return ('field', 'type', 'example', 'None')


def _cells(table: Table) -> list[tuple[str, ...]]:
    rows = [(row.path, row.type, row.example, row.missing, row.memory) for row in table.rows]
    return [row[: len(_header(table))] for row in rows]


# -- plain ----------------------------------------------------------------------------------------


def _plain(described: Node | Table, guides: Sequence[str]) -> Iterator[str]:
    if isinstance(described, Table):
        yield f'{described.type}  {described.length}'
        yield from _grid([_header(described), *_cells(described)])
    else:
        yield ''.join(text for text, _ in _parts(described))
        yield from _branches(described, guides, '')


def _branches(node: Node, guides: Sequence[str], indent: str) -> Iterator[str]:
    below = _lines_below(node)
    for place, child in enumerate(below, 1):
        is_last = place == len(below)
        yield indent + guides[is_last] + ''.join(text for text, _ in _parts(child))
        yield from _branches(child, guides, indent + guides[2 + is_last])


def _grid(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Rows as columns of one width, the numbers in the last ones flush right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = ' ' * (width - _width(cell))
            cells.append(cell + space if place < 3 else space + cell)
        yield ('  ' + '  '.join(cells)).rstrip()


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text
    )


# -- rich -----------------------------------------------------------------------------------------


def _rich(described: Node | Table) -> Any:
    return _panel(described) if isinstance(described, Table) else _tree(described, None)


def _text(parts: Parts, **options: Any) -> Any:
    """A text of rich, in which nothing is read as markup."""
    text = _lazy.load('rich.text').Text(**options)
    for part, style in parts:
        text.append(part, style or None)
    return text


def _tree(node: Node, parent: Any) -> Any:
    label = _text(_parts(node), overflow='fold')
    tree = _lazy.load('rich.tree').Tree(label, guide_style=_QUIET) if parent is None else parent.add(label)
    for child in _lines_below(node):
        _tree(child, tree)
    return tree


def _panel(table: Table) -> Any:
    grid = _lazy.load('rich.table').Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(_header(table)):
        grid.add_column(name, justify='left' if place < 3 else 'right', overflow='fold', header_style=_QUIET)
    for path, kind, example, *numbers in _cells(table):
        grid.add_row(
            _text([(path, _NAME)], overflow='fold'),
            _text([(kind, _TYPE)], overflow='fold'),
            _text([(example, '')], no_wrap=True, overflow='ellipsis'),
            *(_text([(number, '' if number != '0' else _QUIET)], no_wrap=True) for number in numbers),
        )
    title = _text([(table.type, _TITLE), (f'  {table.length}', _QUIET)])
    panel = _lazy.load('rich.panel').Panel
    return panel(grid, title=title, title_align='left', border_style=_QUIET, expand=False)
