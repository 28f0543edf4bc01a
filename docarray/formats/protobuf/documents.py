"""Readers of document classes, compiled from their schemas: of the fields of many documents at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import pydantic

from docarray._typed import class_cache
from docarray.errors import DocArrayError
from docarray.formats.building import builder_of, namer_of, validator_of
from docarray.formats.protobuf.fields import Nodes, Reader, RefusedError, UnfitError, reader_of_codec, split
from docarray.formats.protobuf.natural import Reading, natural
from docarray.schema import Field, Schema

__all__ = ['ClassReader', 'Maps', 'reader_of']

Maps = Sequence[Any]


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
        except RefusedError as error:
            raise error.inside(places[error.row], name) from None
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

    def unchecked(self, nodes: Nodes, reading: Reading) -> list[Any]:
        return self._spread(nodes, reader_of(self.field.schema).given, reading, True)

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
        places = [row for row, content in enumerate(contents) if content]
        found: list[Any] = [None] * len(nodes)
        try:
            values = read([nodes[row].doc.data for row in places], reading.deeper()) if places else []
        except RefusedError as error:
            raise error.inside(places[error.row]) from None
        for row, value in zip(places, values, strict=True):
            found[row] = value
        return found


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

    def unchecked(self, nodes: Nodes, reading: Reading) -> list[Any]:
        lists = [_documents_of(node) for node in nodes]
        single = [node.WhichOneof('content') == 'doc' for node in nodes]
        try:
            found = self._read(lists, reader_of(self.field.schema).given, reading)
        except RefusedError as error:
            places = [(row, place) for row, one in enumerate(lists) for place in range(len(one or ()))]
            row, place = places[error.row]
            raise (error.inside(row) if single[row] else error.inside(row, place)) from None
        if self.collect is tuple:
            found = [one if one is None else tuple(one) for one in found]
        return [one[0] if alone else one for one, alone in zip(found, single, strict=True)]

    def _read(
        self, lists: list[Any], read: Callable[[Maps, Reading], list[Any]], reading: Reading
    ) -> list[Any]:
        reading.count(sum(len(one) for one in lists if one))
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
        found = self._each(nodes, lambda reader, maps: reader.documents(maps, reading.deeper())[0])
        if any(one is None for one in found) and not self.nullable:
            raise UnfitError
        return found

    def unchecked(self, nodes: Nodes, reading: Reading) -> list[Any]:
        """Return documents that are valid: of their fields alone, pydantic could not tell the class."""

        def validated(reader: ClassReader, maps: Maps) -> Any:
            return validator_of(reader.schema)(reader.given(maps, reading.deeper())[0])

        return self._each(nodes, validated)

    def _each(self, nodes: Nodes, read: Callable[[ClassReader, Maps], Any]) -> list[Any]:
        found: list[Any] = []
        for row, node in enumerate(nodes):
            content = node.WhichOneof('content')
            if content is not None and (content != 'doc' or node.type not in self.schemas):
                raise UnfitError
            try:
                reader = reader_of(self.schemas[node.type]) if content else None
                found.append(None if reader is None else read(reader, [node.doc.data]))
            except pydantic.ValidationError as error:
                raise RefusedError(error, row) from error.__cause__
            except RefusedError as error:
                raise error.inside(row) from None
        return found


_FORMS: dict[str, Callable[[Field], Reader]] = {
    'nested': NestedReader,
    'docs': DocumentsReader,
    'variant': VariantReader,
}
