"""A document class as the text of a .proto file, with comments for those who do not know Python."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import pydantic

from docarray._hints import members_of
from docarray.formats.protobuf.typed_plan import ProtoField, ProtoMessage, plan_of
from docarray.kinds import Codec
from docarray.schema import Field, Schema
from docarray.typing._field_type import FieldType
from docarray.typing.types import show_shape

__all__ = ['proto_schema']

_HEADER = """\
// {name}, made by docarray. The numbers of fields follow from their names: they stay as they are when others
// are added, removed or moved. What is left out is None, or the default that the class has for it.
syntax = "proto3";

package {package};
"""
_MANY_VALUES = 20


def proto_schema(cls: Any) -> str:
    """Return a document class as the text of a .proto file.

    Args:
        cls: The class.

    Returns:
        A file (proto3) with a message for each document class in it and for arrays of each, for any protobuf
        compiler. ``to_protobuf(style='typed')`` and ``from_protobuf`` speak it.

    Raises:
        SchemaError: Two fields have the same number, and one has to be pinned.

    Example:
        >>> from docarray.document import BaseDocumentWithoutId
        >>> class Page(BaseDocumentWithoutId):
        ...     title: str
        >>> print(proto_schema(Page).split('package ')[1])
        docarray.typed.page;
        <BLANKLINE>
        message Page {
          // Python: str
          optional string title = 12179801;
        }
        <BLANKLINE>
        // Documents of Page.
        message PageArray {
          repeated Page documents = 1;
        }
        <BLANKLINE>
    """
    plan = plan_of(cls)
    header = _HEADER.format(name=_one_line(plan.root.__name__), package=plan.package)
    return '\n'.join([header, *('\n'.join(_message(one)) + '\n' for one in plan.messages)])


def _message(message: ProtoMessage) -> Iterator[str]:
    document_type: Any = None if message.schema is None else message.schema.document_type
    yield from _comment([_summary(document_type) or message.comment], '')
    yield f'message {message.name} {{'
    for oneof, group in groupby(message.fields, lambda one: one.oneof):
        fields = list(group)
        if oneof:
            yield from _comment(_about(fields[0], message.schema), '  ')
            yield f'  oneof {oneof} {{'
            yield from (f'    {one.type} {one.name} = {one.number};' for one in fields)
            yield '  }'
        else:
            for one in fields:
                yield from _comment(_about(one, message.schema), '  ')
                yield f'  {_declaration(one)} {one.name} = {one.number};'
    yield '}'


def _summary(document_type: Any) -> str:
    """Return the first paragraph of a class's docstring."""
    text = getattr(document_type, '__dict__', {}).get('__doc__')
    return inspect.cleandoc(text).partition('\n\n')[0] if isinstance(text, str) else ''


def _declaration(one: ProtoField) -> str:
    return f'map<string, {one.type}>' if one.label == 'map' else f'{one.label} {one.type}'.lstrip()


def _comment(parts: Iterable[str], indent: str) -> Iterator[str]:
    for part in parts:
        for line in part.splitlines():
            yield f'{indent}// {_one_line(line)}'.rstrip()


def _one_line(text: str) -> str:
    """Return text without what ends a line or is no Unicode, as protoc reads it."""
    shown = ''.join(char if char.isprintable() else ' ' for char in text)
    return shown.encode('utf-8', 'replace').decode()


# -- what a field is --------------------------------------------------------------------------------------


def _about(one: ProtoField, schema: Schema | None) -> Iterator[str]:
    if one.source is None:
        if schema is not None:
            yield 'Names of fields that are None where leaving them out would mean their default.'
        return
    assert schema is not None
    document_type: Any = schema.document_type
    info = document_type.model_fields[one.source.name]
    if info.description:
        yield str(info.description)
    yield '; '.join([f'Python: {_type_name(info.annotation)}', *_facts(one.source, info)])


def _facts(field: Field, info: Any) -> Iterator[str]:
    if field.name != field.name.encode('ascii', 'replace').decode() or not field.name.isidentifier():
        yield f'named {field.name!r} there'
    codec = field.codec if field.form == 'cells' else None
    while codec is not None and codec.kind.item is not None:
        codec = codec.kind.item
    if codec is None:
        return
    if codec.kind.name == 'tensor':
        yield from _tensor_facts(codec)
    if codec.kind.name == 'json':
        yield 'JSON'
    for member in members_of(info.annotation):
        yield from _member_facts(member, field.codec)


def _tensor_facts(codec: Codec) -> Iterator[str]:
    kind, modality = codec.kind, getattr(getattr(codec.type, 'tensor_type', None), 'modality', '')
    yield f'shape {show_shape(kind.shape)}' if kind.shape is not None else 'any shape'
    yield f'dtype {kind.dtype}' if kind.dtype else 'any dtype'
    if modality:
        yield modality


def _member_facts(member: Any, codec: Codec) -> Iterator[str]:
    if not isinstance(member, type):
        return
    if issubclass(member, enum.Enum) and codec.kind.name in ('str', 'int'):
        values = [repr(codec.pack(one)) for one in member]
        yield 'one of ' + ', '.join(values[:_MANY_VALUES] + ['...'] * (len(values) > _MANY_VALUES))
    if issubclass(member, FieldType):
        found = pydantic.TypeAdapter(member).json_schema()
        yield from (
            f'media type {found[key]}' for key in ('contentMediaType', 'targetMediaType') if key in found
        )


_MODULES = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?:[A-Za-z_<][\w<>]*\.)+""")


def _type_name(annotation: Any) -> str:
    """Return an annotation as it was written, as far as can be told."""
    return _MODULES.sub(lambda found: found[1] or '', inspect.formatannotation(annotation))
