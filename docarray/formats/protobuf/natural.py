"""Nodes to values by what the wire says, where no field, or one of any type, says more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docarray.array.rows import DocumentArray
from docarray.document import AnyDocument
from docarray.errors import FormatError
from docarray.formats.limits import Limits
from docarray.formats.protobuf.leaves import BLOB_TYPES, STRUCT_START, TEXT_TYPES
from docarray.formats.protobuf.nodes import Node
from docarray.formats.protobuf.seed import NotSeedError, seed_list, seed_struct, seed_value
from docarray.formats.protobuf.tensors import array_of, tensor_of

__all__ = ['BytesNeededError', 'Reading', 'items_of', 'natural']


class BytesNeededError(Exception):
    """A message may be of February 2023, which only its bytes can tell."""


class Reading:
    """One reading: its limits, and how deep it is.

    Args:
        limits: For what is read.
        where: What is read, for errors.
        depth: How many documents, lists and maps are around.
        old: Whether what is read may be from before 1.0.
    """

    __slots__ = ('_inner', 'counts', 'depth', 'limits', 'old', 'where')

    def __init__(self, limits: Limits, where: str, depth: int = 1, old: bool = True) -> None:
        self.limits, self.where, self.depth, self.old = limits, where, depth, old
        self._inner: Reading | None = None
        self.counts = [0, 0]  # documents in arrays inside documents that were read, and that are being read

    def deeper(self) -> Reading:
        """Return the reading of what is inside a document, list or map.

        Raises:
            LimitError: It is too deep.
        """
        if self._inner is None:
            self.limits.check('depth', self.depth + 1, self.where)
            self._inner = Reading(self.limits, self.where, self.depth + 1, self.old)
            self._inner.counts = self.counts
        return self._inner

    def begin(self) -> None:
        """Forget the documents that were being read."""
        self.counts[1] = 0

    def count(self, documents: int) -> None:
        """Count documents, in arrays inside others, that are going to be read.

        Raises:
            LimitError: With those before, they are too many.
        """
        self.counts[1] += documents
        self.limits.check('documents', sum(self.counts), self.where)

    def keep(self) -> None:
        """Take the documents that were being read as read."""
        self.counts[:] = [sum(self.counts), 0]


def natural(node: Any, reading: Reading) -> Any:
    """Return the value of a node: text and tensors in the class of their type, documents as AnyDocument.

    Raises:
        FormatError: The node makes no sense.
        BytesNeededError: The node may be of February 2023; only where it is one of protobuf's own.
    """
    content = node.WhichOneof('content')
    return None if content is None else _READERS[content](node, reading)


def _item(node: Any, reading: Reading) -> Any:
    """Return an item of a list, set, tuple or dict, of today or of February 2023."""
    content = node.WhichOneof('content')
    if not reading.old or content not in (None, 'blob', 'ndarray') or not (content or node.ByteSize()):
        return natural(node, reading)
    if content == 'blob':
        return _blob_or_struct(node, reading)
    if content is None and node.type:
        return None
    if not isinstance(node, Node):
        return _tensor_or_unknown(node, reading)
    try:
        return seed_value(node.raw) if content is None else _array_or_list(node, reading)
    except NotSeedError as error:
        raise FormatError(got='a value of no known kind', wanted='a NodeProto') from error


def _blob_or_struct(node: Any, reading: Reading) -> Any:
    if node.blob.startswith(STRUCT_START) and not node.type and not node.opaque:
        try:
            return seed_struct(memoryview(node.blob))
        except NotSeedError:
            pass
    return natural(node, reading)


def _tensor_or_unknown(node: Any, reading: Reading) -> Any:
    try:
        if node.WhichOneof('content'):
            return natural(node, reading)
    except FormatError as error:
        raise BytesNeededError from error
    raise BytesNeededError


def _array_or_list(node: Node, reading: Reading) -> Any:
    try:
        return seed_list(node.inner)
    except NotSeedError:
        return natural(node, reading)


def _text(node: Any, reading: Reading) -> Any:
    text, cls = node.text, TEXT_TYPES.get(node.type)
    return text if cls is None else cls(text)


def _blob(node: Any, reading: Reading) -> Any:
    blob, cls = node.blob, BLOB_TYPES.get(node.type)
    return blob if cls is None else cls(blob)


def _tensor(node: Any, reading: Reading) -> Any:
    dense = node.ndarray.dense
    return tensor_of(array_of(dense.buffer, tuple(dense.shape), dense.dtype), node.type)


def _document(message: Any, reading: Reading) -> Any:
    reading.limits.check('columns', len(message.data), reading.where)
    return AnyDocument.model_validate(
        {name: natural(message.data[name], reading) for name in sorted(message.data)}
    )


def _list(node: Any, reading: Reading) -> list[Any]:
    inner = reading.deeper()
    return [_item(item, inner) for item in getattr(node, node.WhichOneof('content')).data]


def _set(node: Any, reading: Reading) -> set[Any]:
    try:
        return set(_list(node, reading))
    except TypeError as error:
        raise FormatError(got='a set of lists or tensors', wanted='values that a set can hold') from error


def _dict(node: Any, reading: Reading) -> dict[str, Any]:
    inner = reading.deeper()
    return {name: _item(item, inner) for name, item in items_of(node.dict).items()}


def items_of(message: Any) -> dict[str, Any]:
    """Return the nodes of a DictOfAnyProto in the order that the dict had, sorted where that is not said."""
    found = dict(message.data.items())
    order = list(message.order)
    return {key: found[key] for key in (order if found.keys() == set(order) else sorted(found))}


_READERS: dict[str, Callable[[Any, Reading], Any]] = {
    'text': _text,
    'integer': lambda node, reading: node.integer,
    'float': lambda node, reading: node.float,
    'boolean': lambda node, reading: node.boolean,
    'blob': _blob,
    'ndarray': _tensor,
    'doc': lambda node, reading: _document(node.doc, reading.deeper()),
    'doc_array': lambda node, reading: DocumentArray.construct(
        [_document(doc, reading.deeper()) for doc in node.doc_array.docs]
    ),
    'list': _list,
    'set': _set,
    'tuple': lambda node, reading: tuple(_list(node, reading)),
    'dict': _dict,
}
