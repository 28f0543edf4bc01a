"""DocProto to documents: a reader for each document class, compiled from its schema.

Messages are parsed by protobuf, some hundred at a time, and read field by field. Where the message says that
it was written from this very class, valid documents are made of it straight away, as long as every node
holds what the class would have written; all else is validated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import pydantic

from docarray._typed import class_cache
from docarray.batch import collector_paused
from docarray.errors import DocArrayError, FormatError, LimitError, MissingExtraError, ValidationError
from docarray.formats.building import builder_of, namer_of
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.formats.protobuf.descriptor import message_class
from docarray.formats.protobuf.fields import Nodes, Reader, UnfitError, reader_of_codec, split
from docarray.formats.protobuf.natural import BytesNeededError, Reading, natural
from docarray.formats.protobuf.nodes import Doc
from docarray.formats.protobuf.wire import BYTES, tag, varint
from docarray.schema import Field, Schema

__all__ = ['ClassReader', 'decode_documents', 'reader_of']

Buffer = bytes | bytearray | memoryview
Maps = Sequence[Any]

#: How many documents, and bytes of them, are read at once.
CHUNK_ROWS, CHUNK_BYTES = 1024, 4 << 20
FIRST = tag(1, BYTES)


def decode_documents(
    buffers: Sequence[Buffer],
    schema: Schema,
    limits: Limits | None = None,
    where: str = '',
    trusted: bool = False,
) -> list[Any]:
    """Return the documents of DocProto messages.

    Args:
        buffers: The messages.
        schema: The schema of the class that the documents are to be of.
        limits: For what is read.
        where: What is read, for errors; else the class.
        trusted: The messages say that they hold valid documents of this very schema.

    Raises:
        FormatError: A message is damaged; says in which row.
        ValidationError: A document does not fit the class; the path of its faults starts with the row.
        LimitError: There is more than the limits allow.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> decode_documents([bytes.fromhex('0a0b0a047465787412030a0161')], schema_of(TextDoc))[
        ...     0
        ... ].text
        'a'
    """
    limits = limits or DEFAULT_LIMITS
    reading = Reading(limits, where or schema.document_type.__name__, old=not trusted)
    limits.check('documents', len(buffers), reading.where)
    limits.check('size', sum(map(len, buffers)), reading.where)
    rows: list[Any] = []
    with collector_paused():
        for chunk in _chunks(buffers):
            rows += _Chunk(chunk, schema, reading, len(rows)).documents(trusted)
    return rows


def _chunks(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    chunk: list[Buffer] = []
    size = 0
    for buffer in buffers:
        chunk.append(buffer)
        size += len(buffer)
        if size >= CHUNK_BYTES or len(chunk) == CHUNK_ROWS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class _Chunk:
    """Messages that are read at once.

    Args:
        buffers: The messages as bytes.
        schema: The schema of their class.
        reading: Limits, and what is read.
        done: How many documents came before.
    """

    def __init__(self, buffers: list[Buffer], schema: Schema, reading: Reading, done: int) -> None:
        self.buffers, self.done, self.reading = buffers, done, reading
        self.reader, self.build = reader_of(schema), builder_of(schema)

    def documents(self, trusted: bool) -> list[Any]:
        """Return the documents."""
        try:
            if trusted:
                try:
                    return self.reader.documents(self._parsed(), self.reading)
                except (UnfitError, BytesNeededError):
                    pass  # that reading may have added empty fields to the messages
            try:
                return self._validated(self._parsed())
            except BytesNeededError:
                return self._validated(self._by_hand())
        except RecursionError as error:
            got = 'documents, lists and maps inside one another'
            raise LimitError(where=self.reading.where, got=got, wanted='fewer, for Python to read') from error

    def _parsed(self) -> Maps:
        """Return the fields of each message as protobuf parses them, or docarray where that refuses to."""
        parts = chain.from_iterable((FIRST + varint(len(buffer)), buffer) for buffer in self.buffers)
        try:
            maps: Maps = [doc.data for doc in message_class('DocListProto').FromString(b''.join(parts)).docs]
        except MissingExtraError:
            raise
        except Exception:  # DecodeError, which is another class in each version; docarray finds what is wrong
            maps = self._by_hand()
        self.reading.limits.check('columns', max(map(len, maps)), self.reading.where)
        return maps

    def _by_hand(self) -> Maps:
        found = []
        for row, buffer in enumerate(self.buffers):
            try:
                found.append(Doc(memoryview(buffer)).data)
            except FormatError as error:
                raise self._located(error, row) from error.__cause__
        return found

    def _validated(self, maps: Maps) -> list[Any]:
        try:
            rows = self.reader.given(maps, self.reading)
        except (FormatError, LimitError) as error:
            raise self._first_fault(maps, error) from error.__cause__
        return [self._built(row, values) for row, values in enumerate(rows)]

    def _first_fault(self, maps: Maps, error: DocArrayError) -> DocArrayError:
        for row, one in enumerate(maps):
            try:
                self.reader.given([one], self.reading)
            except (FormatError, LimitError) as found:
                return self._located(found, row)
        return error

    def _built(self, row: int, values: dict[str, Any]) -> Any:
        try:
            return self.build(values)
        except pydantic.ValidationError as error:
            raise ValidationError.of(error, inside=(self.done + row,)) from error.__cause__

    def _located(self, error: DocArrayError, row: int) -> DocArrayError:
        error.at(self.reading.where)
        error.where += f' (row {self.done + row})'
        return error


# -- classes ------------------------------------------------------------------------------------------


class ClassReader:
    """Reads the documents of one class."""

    def __init__(self, schema: Schema) -> None:
        document_type: Any = schema.document_type
        self.schema = schema
        self.readers: dict[str, Reader] = {}
        self.rename = namer_of(schema)
        self.extra = document_type.model_config.get('extra', 'ignore')
        names = schema.fields
        #: What February 2023 called the field.
        self.old_names = {'bytes': 'bytes_'} if 'bytes_' in names and 'bytes' not in names else {}

    def compiled(self) -> ClassReader:
        """Return this reader with the readers of its fields; made later, as classes may hold themselves."""
        self.readers = {name: _reader_of_field(field) for name, field in self.schema.fields.items()}
        return self

    def documents(self, maps: Maps, reading: Reading) -> list[Any]:
        """Return documents without validation.

        Raises:
            UnfitError: A field is missing, or is not as this class would have written it.
        """
        if self.extra == 'allow' or (
            self.extra == 'forbid' and any(len(data) != len(self.readers) for data in maps)
        ):
            raise UnfitError
        construct = builder_of(self.schema, checked=False)
        if not self.readers:
            return [construct({}) for _ in maps]
        columns = [
            reader.values(nodes, reading)
            for reader, nodes in zip(self.readers.values(), self._nodes(maps), strict=True)
        ]
        return [construct(dict(zip(self.readers, row, strict=True))) for row in zip(*columns, strict=True)]

    def _nodes(self, maps: Maps) -> list[Nodes]:
        """Return the nodes of each field. Where one is missing, protobuf adds it: the messages are spoilt."""
        sizes, names = list(map(len, maps)), list(self.readers)
        try:
            if len(names) == 1:
                nodes: list[Nodes] = [list(map(itemgetter(*names), maps))]
            else:
                nodes = list(zip(*map(itemgetter(*names), maps), strict=True))
        except KeyError as error:
            raise UnfitError from error
        if sizes != list(map(len, maps)):
            raise UnfitError
        return nodes

    def given(self, maps: Maps, reading: Reading) -> list[dict[str, Any]]:
        """Return for each document what pydantic makes one of: its fields, those that are there."""
        rows: list[dict[str, Any]] = [{} for _ in maps]
        for name, reader in self.readers.items():
            self._add(rows, name, [data.get(name) for data in maps], reader, reading)
        for old, name in self.old_names.items():
            nodes = [None if name in row else data.get(old) for row, data in zip(rows, maps, strict=True)]
            self._add(rows, name, nodes, self.readers[name], reading)
        if self.extra != 'ignore':
            for row, data in zip(rows, maps, strict=True):
                others = {name: node for name, node in data.items() if name not in self.schema.fields}
                row.update({name: natural(node, reading) for name, node in others.items()})
        return rows if self.rename is None else list(map(self.rename, rows))

    def _add(
        self, rows: list[dict[str, Any]], name: str, nodes: Nodes, reader: Reader, reading: Reading
    ) -> None:
        places = [row for row, node in enumerate(nodes) if node is not None]
        try:
            values = reader.given([nodes[row] for row in places], reading)
        except DocArrayError as error:
            raise error.at(f'{self.schema.document_type.__name__}.{name}') from error.__cause__
        for row, value in zip(places, values, strict=True):
            rows[row][name] = value


def reader_of(schema: Schema) -> ClassReader:
    """Return the reader of a document class, compiling it at the first request."""
    values = class_cache(schema.document_type).values
    if 'protobuf_reader' not in values:
        values['protobuf_reader'] = ClassReader(schema).compiled()
    reader: ClassReader = values['protobuf_reader']
    return reader


def _reader_of_field(field: Field) -> Reader:
    if field.form == 'cells':
        return reader_of_codec(field.codec, field.lowered.nullable)
    return _FORMS[field.form](field)


class NestedReader(Reader):
    """Reads documents in documents."""

    def __init__(self, field: Field) -> None:
        self.field, self.nullable = field, field.lowered.nullable

    def values(self, nodes: Nodes, reading: Reading) -> list[Any]:
        return self._spread(nodes, reader_of(self.field.schema).documents, reading, self.nullable)

    def given(self, nodes: Nodes, reading: Reading) -> list[Any]:
        try:
            return self._spread(nodes, reader_of(self.field.schema).given, reading, True)
        except UnfitError:  # somewhere there is something else
            return [self._one(node, reading) for node in nodes]

    def _one(self, node: Any, reading: Reading) -> Any:
        try:
            return self._spread([node], reader_of(self.field.schema).given, reading, True)[0]
        except UnfitError:
            return natural(node, reading)

    def _spread(
        self,
        nodes: Nodes,
        read: Callable[[Maps, Reading], list[Any]],
        reading: Reading,
        nullable: bool,
    ) -> list[Any]:
        contents = [node.WhichOneof('content') for node in nodes]
        if not set(contents) <= ({None, 'doc'} if nullable else {'doc'}):
            raise UnfitError
        maps = [node.doc.data for node, content in zip(nodes, contents, strict=True) if content]
        waiting = iter(read(maps, reading.deeper()) if maps else ())
        return [next(waiting) if content else None for content in contents]


class DocumentsReader(Reader):
    """Reads arrays and lists of documents."""

    def __init__(self, field: Field) -> None:
        self.field, self.nullable, self.collect = field, field.lowered.nullable, field.lowered.collect

    def values(self, nodes: Nodes, reading: Reading) -> list[Any]:
        lists = [_documents_of(node) for node in nodes]
        if None in lists and not self.nullable:
            raise UnfitError
        found = self._read(lists, reader_of(self.field.schema).documents, reading)
        return [None if one is None else self.collect(one) for one in found]

    def given(self, nodes: Nodes, reading: Reading) -> list[Any]:
        try:
            return self._given(nodes, reading)
        except UnfitError:  # somewhere there is something else
            return [self._one(node, reading) for node in nodes]

    def _one(self, node: Any, reading: Reading) -> Any:
        try:
            return self._given([node], reading)[0]
        except UnfitError:
            return natural(node, reading)

    def _given(self, nodes: Nodes, reading: Reading) -> list[Any]:
        lists = [_documents_of(node) for node in nodes]
        found = self._read(lists, reader_of(self.field.schema).given, reading)
        if self.collect is tuple:
            found = [one if one is None else tuple(one) for one in found]
        single = (node.WhichOneof('content') == 'doc' for node in nodes)
        return [one[0] if alone else one for one, alone in zip(found, single, strict=True)]

    def _read(
        self, lists: list[Any], read: Callable[[Maps, Reading], list[Any]], reading: Reading
    ) -> list[Any]:
        maps = [doc.data for doc in chain.from_iterable(filter(None, lists))]
        return split(read(maps, reading.deeper()) if maps else [], lists)


def _documents_of(node: Any) -> list[Any] | None:
    """Return the messages of the documents in a node: of an array, a list, or one document."""
    content = node.WhichOneof('content')
    if content is None:
        return None
    if content == 'doc_array':
        return list(node.doc_array.docs)
    if content == 'doc':
        return [node.doc]
    if content not in ('list', 'tuple', 'set'):
        raise UnfitError
    items = getattr(node, content).data
    if any(item.WhichOneof('content') != 'doc' for item in items):
        raise UnfitError
    return [item.doc for item in items]


class VariantReader(Reader):
    """Reads documents of several classes, by the class that the type of the node names."""

    def __init__(self, field: Field) -> None:
        self.nullable = field.lowered.nullable
        self.schemas = {schema.document_type.__name__: schema for schema in field.schemas}

    def values(self, nodes: Nodes, reading: Reading) -> list[Any]:
        return [self._value(node, reading) for node in nodes]

    def _value(self, node: Any, reading: Reading) -> Any:
        content = node.WhichOneof('content')
        if content is None and self.nullable:
            return None
        if content != 'doc' or node.type not in self.schemas:
            raise UnfitError
        return reader_of(self.schemas[node.type]).documents([node.doc.data], reading.deeper())[0]

    def _one(self, node: Any, reading: Reading) -> Any:
        if node.WhichOneof('content') != 'doc' or node.type not in self.schemas:
            return natural(node, reading)
        schema = self.schemas[node.type]
        (values,) = reader_of(schema).given([node.doc.data], reading.deeper())
        try:
            return builder_of(schema)(dict(values))
        except pydantic.ValidationError:  # which tells no place; pydantic finds it again
            return values


_FORMS: dict[str, Callable[[Field], Reader]] = {
    'nested': NestedReader,
    'docs': DocumentsReader,
    'variant': VariantReader,
}
