"""HTML for notebooks: self-contained, escaped, small, and readable on light and dark backgrounds."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from docarray.display.describe import (
    Node,
    describe_document,
    describe_value,
    field_names,
    is_array,
    read_field,
    tensor_of,
)
from docarray.display.tables import MAX_NAME, FieldRow, Table, describe_array
from docarray.display.words import cut, printable
from docarray.media import image

__all__ = ['to_html']

#: Documents of an array, their fields, and nodes described in one cell; names listed below the table.
MAX_ROWS, MAX_COLUMNS, CELL_NODES, MAX_NAMES = 20, 12, 30, 40
#: The longer side of a picture in pixels, and how many bytes of them one piece of HTML holds.
PICTURE, CELL_PICTURE, PICTURE_BYTES = 160, 72, 1_000_000
#: How many pixels of files are decoded, and how large a tensor is looked at, for pictures.
MAX_PIXELS, MAX_TENSOR = 25_000_000, 100_000_000

# Colours come from the page; what is set apart is set apart by transparency.
_BOX = 'font-size:13px;line-height:1.45;max-width:100%;overflow-x:auto'
_TABLE = 'border-collapse:collapse;margin:4px 0;font-size:13px'
_CELL = 'text-align:left;vertical-align:top;padding:2px 12px 2px 0;border:0;background:transparent'
_LINED = f'{_CELL};border-bottom:1px solid rgba(128,128,128,.25)'
_MONO = 'font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px'
_QUIET = 'opacity:.6'
_BAR = 'font-family:monospace;font-size:7px;line-height:1;white-space:pre;color:#2a9d5c'
_NESTED = 'min-width:12em;padding-left:.6em;border-left:2px solid rgba(128,128,128,.25)'
_PICTURE = 'display:block;margin:2px 0;max-width:none;border:1px solid rgba(128,128,128,.35)'


def to_html(obj: Any) -> str:
    """Return a document or an array as a piece of HTML.

    Images in tensors and in bytes are shown as small pictures where Pillow is installed. URLs are
    text: nothing is fetched, here or by the page.

    Args:
        obj: A document, a DocumentArray or a DocumentArrayStacked.

    Example:
        >>> from docarray.documents import TextDoc
        >>> '&lt;b&gt;' in to_html(TextDoc(text='<b>'))
        True
    """
    page = _Page()
    return page.array(obj) if is_array(obj) else page.document(obj)


class _Page:
    """One piece of HTML; it knows how many bytes of pictures it may still take, and pixels decode."""

    def __init__(self) -> None:
        self.left, self.pixels = PICTURE_BYTES, MAX_PIXELS

    # -- a document: one row for each field ---------------------------------------------------------

    def document(self, document: Any) -> str:
        node = describe_document(document)
        rows = ''.join(self._rows(child, 0) for child in node.children) + _missing_row(node, 0)
        table = _tag('table', _tag('tbody', rows), _TABLE) if rows else ''
        return _tag('div', _title(node.type, node.value) + table, _BOX)

    def _rows(self, node: Node, depth: int) -> str:
        """The rows of a node and of what is below it."""
        quiet = node.is_document or not node.type
        value = self._picture(node, PICTURE) + _words(node, f'{_MONO};{_QUIET}' if quiet else _MONO)
        row = (
            _tag('td', _tag('b', _escape(node.name)), f'{_CELL};padding-left:{1.4 * depth:.1f}em')
            + _tag('td', _tag('span', _escape(node.type), f'{_MONO};{_QUIET}'), _CELL)
            + _tag('td', value, _CELL)
        )
        below = ''.join(self._rows(child, depth + 1) for child in node.children)
        return _tag('tr', row) + below + _missing_row(node, depth + 1)

    # -- an array: one row for each document --------------------------------------------------------

    def array(self, array: Any) -> str:
        table = describe_array(array)
        documents = [array[row] for row in range(min(len(array), MAX_ROWS))]
        values = [
            {name: read_field(document, name) for name in field_names(document)} for document in documents
        ]
        names = list(dict.fromkeys(name for row in values for name in row))
        empty = [name for name in names if all(row.get(name) is None for row in values)]
        names = [name for name in names if name not in empty]
        shown = names[:MAX_COLUMNS]
        head = _tag('th', '', _LINED) + ''.join(_heading(name, table) for name in shown)
        body = ''.join(
            _tag('tr', _tag('td', str(number), f'{_LINED};{_QUIET}') + self._cells(row, shown))
            for number, row in enumerate(values)
        )
        grid = _tag('table', _tag('thead', _tag('tr', head)) + _tag('tbody', body), _TABLE) if shown else ''
        notes = _notes(len(array) - len(values), names[MAX_COLUMNS:], empty)
        return _tag('div', _title(table.type, table.length) + grid + ''.join(notes), _BOX)

    def _cells(self, row: dict[str, Any], names: Sequence[str]) -> str:
        return ''.join(
            _tag(
                'td', '' if row.get(name) is None else self._cell(name, row[name]), f'{_LINED};max-width:30em'
            )
            for name in names
        )

    def _cell(self, name: str, value: object) -> str:
        return self._compact(describe_value(name, value, CELL_NODES))

    def _compact(self, node: Node) -> str:
        """A node in a cell: of a nested document its fields, of a list the length and its pictures."""
        if node.is_document and node.children:
            lines = (
                _tag('span', _escape(child.name), _QUIET) + ' ' + self._compact(child)
                for child in node.children
            )
            return _tag('div', ''.join(_tag('div', line) for line in lines), _NESTED)
        below = ''.join(self._picture(one, CELL_PICTURE) for one in _below(node))
        own = node.type if node.is_document else node.value
        return self._picture(node, CELL_PICTURE) + _words(replace(node, value=own), _MONO) + below

    # -- pictures -----------------------------------------------------------------------------------

    def _picture(self, node: Node, size: int) -> str:
        if node.picture is None or self.left <= 0:
            return ''
        try:
            data = base64.b64encode(self._thumbnail(node.picture, size)).decode('ascii')
        except Exception:  # Pillow is missing, or this is no image: its size in words has to do
            return ''
        if not data or len(data) > self.left:
            return ''
        self.left -= len(data)
        about = _escape(f'{node.name} {node.type} {node.value}'.strip())
        return f'<img src="data:image/png;base64,{data}" alt="{about}" title="{about}" style="{_PICTURE}">'

    def _thumbnail(self, source: Any, size: int) -> bytes:
        """A PNG of an image, or nothing where that would take too long."""
        tensor, adapter = tensor_of(source)
        if adapter is not None:
            too_large = math.prod(adapter.shape(tensor)) > MAX_TENSOR
            return b'' if too_large else image.thumbnail(adapter.to_numpy(tensor), size)
        header = image.open_pil(source)
        pixels = header.width * header.height // (4 if header.format == 'JPEG' else 1)  # decoded in small
        if pixels > self.pixels:
            return b''
        self.pixels -= pixels
        return image.thumbnail(source, size)


def _below(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from _below(child)


def _heading(name: str, table: Table) -> str:
    """A column's name, type, and what else is known of the whole column."""
    path = cut(printable(name), MAX_NAME)
    row = next((row for row in table.rows if row.path == path), FieldRow(path, '', '', '0'))
    facts = [
        row.type,
        row.example if table.stacked else '',
        '' if row.missing == '0' else f'{row.missing} None',
    ]
    quiet = f'{_MONO};{_QUIET};font-weight:normal'
    lines = ''.join(_tag('div', _escape(fact), quiet) for fact in facts if fact)
    return _tag('th', _escape(row.path) + lines, _LINED)


def _notes(more_rows: int, more_fields: list[str], empty: list[str]) -> Iterator[str]:
    """What stands below an array's table."""
    if more_rows:
        yield _tag('div', f'... and {more_rows} more', _QUIET)
    for label, names in (('More fields', more_fields), ('None', empty)):
        if names:
            rest = f' and {len(names) - MAX_NAMES} more' if len(names) > MAX_NAMES else ''
            text = ', '.join(cut(printable(name)) for name in names[:MAX_NAMES])
            yield _tag('div', _escape(f'{label}: {text}{rest}'), _QUIET)


def _missing_row(node: Node, depth: int) -> str:
    if not node.missing:
        return ''
    rest = f' and {len(node.missing) - MAX_NAMES} more' if len(node.missing) > MAX_NAMES else ''
    text = _escape(f'None: {", ".join(node.missing[:MAX_NAMES])}{rest}')
    style = f'{_CELL};{_QUIET};padding-left:{1.4 * depth:.1f}em'
    return f'<tr><td colspan="3" style="{style}">{text}</td></tr>'


def _title(kind: str, more: str) -> str:
    return _tag('div', _tag('b', _escape(kind)) + _tag('span', f'&ensp;{_escape(more)}', _QUIET))


def _words(node: Node, style: str) -> str:
    """The value of a node, and its bars."""
    bar = ' ' + _tag('span', _escape(node.bar), _BAR) if node.bar else ''
    return _tag('span', _escape(node.value), style) + bar


def _tag(name: str, inner: str, style: str = '') -> str:
    """An element around HTML; the style is ours and needs no escaping."""
    attribute = f' style="{style}"' if style else ''
    return f'<{name}{attribute}>{inner}</{name}>'


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
