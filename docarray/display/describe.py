"""What there is to show of documents and classes, as a tree of short texts: no colours, no HTML.

Everything here is bounded: strings are cut, of lists two elements are described, trees end at
some depth. Nothing here raises: a value that cannot be shown says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

import numpy as np

from docarray.array.typed import AnyDocumentArray
from docarray.display.words import MAX_CHARS, cut, plural, printable, size_text, text_of
from docarray.document import BaseDocumentWithoutId
from docarray.errors import show
from docarray.frameworks import Framework, framework_of
from docarray.typing.abstract import AbstractTensor
from docarray.typing.bytes import ImageBytes

__all__ = [
    'Node',
    'describe_document',
    'describe_value',
    'field_names',
    'is_array',
    'literal',
    'read_field',
    'tensor_of',
    'tensor_text',
]

#: Elements of a list, levels of nesting, and nodes in all that are shown.
MAX_ITEMS, MAX_DEPTH, MAX_NODES = 2, 5, 400
_INLINE_ITEMS = 6
_AS_TEXT = (date, time, timedelta, Decimal, Enum, PurePath, UUID)  # of these the text says more than the repr
_BARS = '▁▂▃▄▅▆▇█'
_BAR_WIDTH, _BAR_UNDER = 40, 200


@dataclass(frozen=True)
class Node:
    """One thing to show.

    Attributes:
        name: The field's name; '' for a root or an element of a list.
        type: The name of the class of the value.
        value: The value in a few words: a literal, a shape and dtype, a count.
        bar: A vector's values as bars, '' for anything else.
        children: The fields of a document, the elements of a list.
        missing: Names of the fields that are None.
        picture: The image itself, a native tensor or the bytes of a file; None for anything else.
        is_document: Whether this is a document; its value is its id then.

    Example:
        >>> Node('n', 'int', '3').value
        '3'
    """

    name: str
    type: str
    value: str = ''
    bar: str = ''
    children: tuple[Node, ...] = ()
    missing: tuple[str, ...] = ()
    picture: Any = None
    is_document: bool = False


def describe_document(document: BaseDocumentWithoutId, max_nodes: int = MAX_NODES) -> Node:
    """Describe a document and what is nested in it.

    Args:
        document: Any document, a row of a stacked array too.
        max_nodes: At most about so many nodes.

    Example:
        >>> from docarray.documents import TextDoc
        >>> node = describe_document(TextDoc(text='hello'))
        >>> node.type, node.children[0].value, node.missing
        ('TextDoc', "'hello'", ('url', 'embedding', 'bytes_'))
    """
    return _Describer(max_nodes).node('', document)


def describe_value(name: str, value: object, max_nodes: int = MAX_NODES) -> Node:
    """Describe the value of a field.

    Args:
        name: What to call it.
        value: Anything.
        max_nodes: At most about so many nodes.

    Example:
        >>> describe_value('sizes', [1, 2, 3]).value
        '[1, 2, 3]'
    """
    return _Describer(max_nodes).node(name, value)


def field_names(document: Any) -> list[str]:
    """Return the names of the fields that a document has, extra ones last.

    Args:
        document: Any document; one made without validation may lack fields of its class.

    Example:
        >>> from docarray import AnyDocument
        >>> field_names(AnyDocument(title='x'))
        ['id', 'title']
    """
    declared = type(document).model_fields
    if not document.is_view():  # which has all, and whose __dict__ reads all
        declared = {name: info for name, info in declared.items() if name in document.__dict__}
    return [*declared, *(document.__pydantic_extra__ or ())]


def read_field(document: Any, name: str) -> Any:
    """Return the value of a field, None where the document has no such field.

    Args:
        document: Any document.
        name: A declared field or an extra one; no method, whatever its name.

    Example:
        >>> from docarray import AnyDocument
        >>> read_field(AnyDocument(copy='x'), 'copy')
        'x'
    """
    if document.is_view():
        return getattr(document, name, None)
    extra = document.__pydantic_extra__ or {}
    return extra[name] if name in extra else document.__dict__.get(name)


class _Describer:
    """Describes one value; counts the nodes made, and knows the documents it is inside of."""

    def __init__(self, max_nodes: int) -> None:
        self.left = max_nodes
        self.inside: list[int] = []

    def node(self, name: str, value: object) -> Node:
        self.left -= 1
        name, kind = cut(printable(name)), cut(printable(type(value).__name__), 80)
        try:
            return self._node(name, kind, value)
        except Exception as error:  # showing a value must not fail, whatever its class does
            return Node(name, kind, f'cannot be shown ({type(error).__name__})')

    def _node(self, name: str, kind: str, value: Any) -> Node:
        if isinstance(value, BaseDocumentWithoutId):
            return self._nested(name, kind, value, lambda: self._document(name, kind, value))
        if is_array(value):
            node = Node(name, kind, plural(len(value), 'document'))
            return self._nested(name, kind, value, lambda: self._list(node, value))
        tensor, adapter = tensor_of(value)
        if adapter is not None:
            return _tensor_node(name, kind, value, tensor, adapter)
        if isinstance(value, ImageBytes):
            return Node(name, kind, size_text(len(value)), picture=value)
        if _is_container(value):
            node = Node(name, kind, plural(len(value), 'item'))
            if _holds_parts(value):
                return self._nested(name, kind, value, lambda: self._list(node, value))
        return Node(name, kind, literal(value))

    def _nested(self, name: str, kind: str, value: object, describe: Callable[[], Node]) -> Node:
        """Describe something that has parts, unless it is inside itself or too deep."""
        if id(value) in self.inside:
            return Node(name, kind, '... (itself again)')
        if len(self.inside) >= MAX_DEPTH or self.left <= 0:
            return Node(name, kind, '...')
        self.inside.append(id(value))
        try:
            return describe()
        finally:
            self.inside.pop()

    def _document(self, name: str, kind: str, document: Any) -> Node:
        values = {field: read_field(document, field) for field in field_names(document)}
        own_id = values.pop('id', None)
        missing = tuple(cut(printable(field)) for field, value in values.items() if value is None)
        given = [(field, value) for field, value in values.items() if value is not None]
        children = [self.node(field, value) for field, value in islice(given, max(self.left, 0))]
        if len(children) < len(given):
            children.append(_more(len(given) - len(children)))
        shown_id = '' if own_id is None else text_of(own_id)
        return Node(name, kind, shown_id, children=tuple(children), missing=missing, is_document=True)

    def _list(self, node: Node, value: Any) -> Node:
        children = [self.node(key, item) for key, item in _items(value, MAX_ITEMS)]
        if len(value) > len(children):
            children.append(_more(len(value) - len(children)))
        return replace(node, children=tuple(children))


def _more(count: int) -> Node:
    return Node('', '', f'... and {count} more')


def _items(value: Any, count: int) -> list[tuple[str, Any]]:
    """The first elements of a container, with their keys where it has any."""
    if isinstance(value, Mapping):
        return [(literal(key), item) for key, item in islice(value.items(), count)]
    return [('', item) for item in islice(value, count)]


def is_array(value: object) -> bool:
    """Whether a value is an array of documents, of rows or of columns.

    Args:
        value: Anything.

    Example:
        >>> is_array([])
        False
    """
    return isinstance(value, AnyDocumentArray)


def _is_container(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, (str, bytes, bytearray, memoryview, range))


def _holds_parts(value: Any, depth: int = 2) -> bool:
    """Whether the elements of a list deserve lines of their own: documents and tensors, in lists too."""
    items = [item for _, item in _items(value, MAX_ITEMS)]
    return any(
        isinstance(item, BaseDocumentWithoutId)
        or is_array(item)
        or tensor_of(item)[1] is not None
        or (depth > 0 and _is_container(item) and _holds_parts(item, depth - 1))
        for item in items
    )


# -- tensors --------------------------------------------------------------------------------------


def tensor_of(value: Any) -> tuple[Any, Framework | None]:
    """Return the native tensor of a value and its framework; None for anything that is no tensor.

    Args:
        value: Anything.

    Example:
        >>> tensor_of(np.zeros(3))[1].name, tensor_of('text')[1]
        ('numpy', None)
    """
    native = value.unwrap() if isinstance(value, AbstractTensor) else value
    return native, framework_of(native)


def tensor_text(tensor: Any, adapter: Framework, shape: str = '') -> str:
    """Return shape, dtype and (other than the CPU) device of a native tensor.

    Args:
        tensor: A native tensor.
        adapter: Its framework.
        shape: What to say in place of its shape.

    Example:
        >>> tensor_text(*tensor_of(np.zeros((3, 4))))
        '(3, 4) float64'
    """
    device = adapter.device(tensor)
    on = '' if not device or 'cpu' in device.lower() else f' on {device}'
    return f'{shape or adapter.shape(tensor)} {adapter.dtype(tensor)}{on}'


def _tensor_node(name: str, kind: str, value: Any, tensor: Any, adapter: Framework) -> Node:
    is_image = isinstance(value, AbstractTensor) and value.tensor_type.modality == 'image'
    bar, between = _bar(tensor, adapter)
    text = tensor_text(tensor, adapter) + (f', {between}' if bar else '')
    return Node(name, kind, text, bar, picture=tensor if is_image else None)


def _bar(tensor: Any, adapter: Framework) -> tuple[str, str]:
    """A short vector of floats as bars, and the range of its values; '' for any other tensor."""
    shape = adapter.shape(tensor)
    if len(shape) != 1 or not 0 < shape[0] < _BAR_UNDER or not adapter.is_floating(tensor):
        return '', ''
    try:
        values = adapter.to_numpy(tensor).astype(np.float64)
    except Exception:  # a tensor without values: traced, or on torch's meta device
        return '', ''
    finite = values[np.isfinite(values)]
    if not len(finite):
        return '', ''
    low, high = float(finite.min()), float(finite.max())
    peak = max(abs(low), abs(high)) or 1.0  # the range of the largest floats is none
    floor, span = low / peak, high / peak - low / peak
    parts = np.array_split(values / peak, min(len(values), _BAR_WIDTH))
    steps = ((_mean(part) - floor) / (span or 1.0) * (len(_BARS) - 1) for part in parts)
    bars = (_BARS[round(step)] if np.isfinite(step) else ' ' for step in steps)
    return ''.join(bars), f'{low:.3g} to {high:.3g}'


def _mean(part: np.ndarray[Any, Any]) -> float:
    finite = part[np.isfinite(part)]
    return float(finite.mean()) if len(finite) else float('nan')


def literal(value: Any, limit: int = MAX_CHARS, depth: int = 2) -> str:
    """Return a value in at most about ``limit`` characters, in time that does not grow with the value.

    Args:
        value: Anything.
        limit: Where strings and the whole are cut.
        depth: How deep to look into lists and dicts.

    Example:
        >>> literal('a' * 100, limit=10), literal(b'123'), literal(list(range(100)))
        ("'aaaaaaa...'", '3 bytes', '[0, 1, 2, 3, 4, 5, ...] (100 items)')
    """
    if isinstance(value, str):
        return repr(cut(str(value[: limit + 1]), limit))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return size_text(memoryview(value).nbytes)
    if isinstance(value, BaseDocumentWithoutId):
        return f'{type(value).__name__}(...)'
    tensor, adapter = tensor_of(value)
    if adapter is not None:
        return f'{type(value).__name__}{tensor_text(tensor, adapter)}'
    if _is_container(value):
        return _container(value, limit, depth)
    return cut(printable(str(value)), limit) if isinstance(value, _AS_TEXT) else printable(show(value, limit))


def _container(value: Any, limit: int, depth: int) -> str:
    if is_array(value):
        return plural(len(value), 'document')
    if depth == 0:
        return f'{type(value).__name__}(...)'
    pairs = list(islice(value.items() if isinstance(value, Mapping) else value, _INLINE_ITEMS))
    if isinstance(value, Mapping):
        parts = [f'{literal(key, limit, 0)}: {literal(item, limit, depth - 1)}' for key, item in pairs]
    else:
        parts = [literal(item, limit, depth - 1) for item in pairs]
    rest = len(value) > len(parts)
    left, right = '{}' if isinstance(value, (Mapping, set, frozenset)) else '[]'
    text = cut(', '.join(parts) + (', ...' if rest else ''), limit)
    return f'{left}{text}{right}' + (f' ({len(value)} items)' if rest or text.endswith('...') else '')
