"""How tensors become JSON within pydantic, and where a class's core schema says so."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from operator import is_
from typing import Any

from pydantic_core import core_schema

from docarray.typing import _coerce
from docarray.typing.tensor_json import to_base64, to_json

__all__ = ['own_nodes', 'serialize', 'serialize_base64', 'write_base64', 'write_extras']


def serialize(value: Any, info: Any) -> Any:
    """The serializer of tensor fields."""
    context = info.context
    if type(context) is dict and 'tensor_sink' in context:
        context['tensor_sink'](value)  # docarray.formats.json writes the numbers where this word stands
        return context['tensor_word']
    return _in_form(value, context)


def _in_form(value: Any, context: Any) -> Any:
    array = _coerce.to_numpy(value)
    if array is None:  # a document made without validation may hold anything
        return value
    form = context.get('tensors') if type(context) is dict else None
    return (to_base64 if form == 'base64' else to_json)(array, _coerce.framework_name(value))


def serialize_base64(value: Any, info: Any) -> Any:
    """The serializer in classes that write base64; what a single call asks for goes first."""
    if type(info.context) is dict and info.context.get('tensors'):
        return serialize(value, info)
    array = _coerce.to_numpy(value)
    return value if array is None else to_base64(array, _coerce.framework_name(value))


def _serialize_extras(document: Any, handler: Any, info: Any) -> Any:
    """The serializer of documents with fields that nobody declared: tensors in those as everywhere."""
    extras = document.__pydantic_extra__
    written = _written(extras, info.context)
    if written is not extras:
        document = copy(document)
        object.__setattr__(document, '__pydantic_extra__', written)
    return handler(document)


def _written(value: Any, context: Any) -> Any:
    """Return a value as JSON can have it where that is, or holds, a tensor; else the value itself."""
    if isinstance(value, (dict, list, tuple)):
        names = list(value) if isinstance(value, dict) else range(len(value))
        parts = [value[name] for name in names]
        written = [_written(part, context) for part in parts]
        if all(map(is_, parts, written)):
            return value
        return dict(zip(names, written, strict=True)) if isinstance(value, dict) else written
    return value if _coerce.to_numpy(value) is None else _in_form(value, context)


def write_base64(schema: Any, document_type: type) -> None:
    """Make the tensors of a document class write base64, in its core schema, in place.

    Args:
        schema: The core schema of the class. Models nested in it say for themselves what they write.
        document_type: The class.
    """
    for node in own_nodes(schema, document_type):
        written = node.get('serialization')
        if isinstance(written, dict) and written.get('function') is serialize:
            written['function'] = serialize_base64


def write_extras(schema: Any, document_type: type) -> None:
    """Make a document class that takes any field write tensors in those, in its core schema, in place.

    Args:
        schema: The core schema of the class.
        document_type: The class.
    """
    # pydantic 2.13 has serializers for extra fields themselves; older ones would leave those out.
    for node in own_nodes(schema, document_type):
        if node.get('type') == 'model' and not node.get('serialization'):
            node['serialization'] = core_schema.wrap_serializer_function_ser_schema(
                _serialize_extras, info_arg=True, when_used='json'
            )


def own_nodes(schema: Any, document_type: type) -> Iterator[dict[str, Any]]:
    """The parts of a class's core schema that are not those of models nested in it."""
    if isinstance(schema, dict):
        if schema.get('type') in ('model', 'dataclass') and schema.get('cls') is not document_type:
            return
        yield schema
        schema = [part for key, part in schema.items() if key not in ('default', 'metadata', 'serialization')]
    if isinstance(schema, (list, tuple)):
        for part in schema:
            yield from own_nodes(part, document_type)
