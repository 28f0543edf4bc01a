"""The schema of a document class: its fields lowered to kinds, compiled once, kept with the class."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from docarray._typed import class_cache
from docarray.errors import PathError, SchemaError, show
from docarray.kinds import Codec, Kind, identity
from docarray.lowering import Lowered, describe, is_document, lower_field

Getter = Callable[[Any], Any]


@dataclass(frozen=True)
class Field:
    """One field of a document class, lowered."""

    name: str
    lowered: Lowered

    @property
    def form(self) -> str:
        """'cells', 'nested', 'docs' or 'variant'."""
        return self.lowered.form

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """The schemas of the document classes that it holds: one, or one for each of a union."""
        return tuple(schema_of(document) for document in self.lowered.documents)

    @property
    def schema(self) -> Schema:
        """The schema of the document class of a 'nested' or 'docs' field."""
        return schema_of(self.lowered.documents[0])

    @property
    def codec(self) -> Codec:
        """The codec of a 'cells' field."""
        assert self.lowered.codec is not None
        return self.lowered.codec


@dataclass(frozen=True)
class Column:
    """One column as formats see it: dotted path, codec, may it be None, how to read it off a document."""

    path: str
    codec: Codec
    nullable: bool
    getter: Getter


class Schema:
    """A document class and its columns. Get it with ``schema_of(cls)``.

    Attributes:
        document_type: The document class.
        fields: Its fields by name, in order of declaration.
        columns: All columns, nested documents flattened into dotted paths.
        view_class: The class of live rows, which ``array.views`` makes and keeps here.
    """

    def __init__(self, document_type: type, fields: dict[str, Field]) -> None:
        self.document_type = document_type
        self.fields = fields
        self.view_class: Any = None

    def __repr__(self) -> str:
        return f'Schema({self.document_type.__name__}: {", ".join(self.fields)})'

    def __reduce__(self) -> Any:
        return schema_of, (self.document_type,)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return tuple(_flatten(self, '', identity, False))

    @cached_property
    def fingerprint(self) -> str:
        """Equal for equal columns, those of all documents inside included; hex, the same in every process."""
        found: dict[type, str] = {}
        waiting = [self]
        while waiting:
            schema = waiting.pop(0)
            if schema.document_type not in found:
                fields = schema.fields.items()
                found[schema.document_type] = ';'.join(
                    f'{name}={describe(field.lowered)}' for name, field in fields
                )
                waiting += [inner for _, field in fields for inner in field.schemas]
        return hashlib.sha256('|'.join(found.values()).encode()).hexdigest()[:32]

    def resolve(self, path: str) -> tuple[Field, ...]:
        """Return the fields that a path passes, last one last; ``a.b`` and ``a__b`` are the same.

        Raises:
            PathError: The path names nothing; the error lists what there is.

        Example:
            >>> from docarray.documents import ImageDoc
            >>> [field.name for field in schema_of(ImageDoc).resolve('tensor')]
            ['tensor']
        """
        if not isinstance(path, str):
            raise self.unknown(path)
        if path in self.fields:
            return (self.fields[path],)
        for name in sorted(self.fields, key=len, reverse=True):
            rest = re.match(rf'{re.escape(name)}(?:\.|__)(.+)', path, re.DOTALL)
            if rest and self.fields[name].form in ('nested', 'docs'):
                field = self.fields[name]
                return (field, *field.schema.resolve(rest[1]))
        raise self.unknown(path)

    def unknown(self, path: str) -> PathError:
        """Return the error for a path that names nothing here."""
        head = re.split(r'\.|__', str(path))[0]
        close = difflib.get_close_matches(head, self.fields, n=1)
        return PathError(
            where=self.document_type.__name__,
            got=f'path {show(path)}',
            wanted=f'a field: {", ".join(self.fields)}',
            hint=f'Did you mean {close[0]!r}?' if close and close[0] != head else '',
        )


def schema_of(document_type: Any) -> Schema:
    """Return the schema of a document class, compiling it at the first request.

    Raises:
        SchemaError: It is no document class, or a field of it cannot be lowered.

    Example:
        >>> from docarray.documents import TextDoc
        >>> [column.path for column in schema_of(TextDoc).columns]
        ['id', 'text', 'url', 'embedding', 'bytes_']
    """
    if not is_document(document_type):
        raise SchemaError(got=show(document_type), wanted='a subclass of BaseDocument')
    cache = class_cache(document_type).values
    if 'schema' not in cache:
        if not document_type.__pydantic_complete__:
            document_type.model_rebuild()
        fields = {
            name: Field(name, lower_field(info, document_type))
            for name, info in document_type.model_fields.items()
        }
        for name, field in fields.items():
            if field.form == 'nested' and _reaches(field.lowered.documents[0], document_type):
                fields[name] = Field(name, _at_most_one(field.lowered))
        cache.setdefault('schema', Schema(document_type, fields))  # one for all threads
    schema: Schema = cache['schema']
    return schema


def _reaches(start: Any, target: type) -> bool:
    """Whether ``target`` is nested in ``start``, which would make an endless row of columns."""
    seen, waiting = set(), [start]
    while waiting:
        document = waiting.pop()
        if document is target:
            return True
        if document not in seen:
            seen.add(document)
            lowered = [lower_field(info, document) for info in document.model_fields.values()]
            waiting += [one.documents[0] for one in lowered if one.form == 'nested']
    return False


def _at_most_one(lowered: Lowered) -> Lowered:
    """A document inside itself is kept as an array of none or one."""
    return replace(
        lowered,
        form='docs',
        collect=lambda documents: documents[0] if documents else None,
        spread=lambda document: [document],
    )


def _flatten(schema: Schema, prefix: str, get: Getter, nullable: bool) -> Iterator[Column]:
    for name, field in schema.fields.items():
        path, may_miss = prefix + name, nullable or field.lowered.nullable
        getter = _reader(get, name)
        if field.form == 'cells':
            yield Column(path, field.codec, may_miss, getter)
        elif field.form == 'nested':
            if field.lowered.nullable:
                yield Column(path, Codec(Kind('present')), may_miss, getter)
            yield from _flatten(field.schema, path + '.', getter, may_miss)
        elif field.form == 'docs':
            kind = Kind('docs', schema=partial(schema_of, field.lowered.documents[0]))
            yield Column(path, Codec(kind, field.lowered.spread, field.lowered.collect), may_miss, getter)
        else:
            yield Column(path, Codec(Kind('str'), lambda value: type(value).__name__), may_miss, getter)
            for member in field.lowered.documents:
                codec = Codec(Kind('docs', schema=partial(schema_of, member)))
                yield Column(f'{path}.{member.__name__}', codec, True, getter)


def _reader(get: Getter, name: str) -> Getter:
    def read(document: Any) -> Any:
        document = get(document)
        return None if document is None else getattr(document, name)

    return read
