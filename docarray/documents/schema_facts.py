"""What a JSON Schema says about an object, its fields and its class, without following references."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from docarray.document import BaseDocument
from docarray.documents import schema_types
from docarray.errors import SchemaError, show

CLASS_KEYWORDS = {'$defs', 'definitions', '$ref', 'type', 'title', 'description', 'properties', 'required'}
CLASS_KEYWORDS |= {'allOf', 'additionalProperties'}


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return a value that has to be a dict."""
    if not isinstance(value, Mapping):
        raise SchemaError(where=where, got=show(value), wanted='a JSON Schema: a dict')
    return value


def is_single(parts: Any) -> bool:
    """Whether these are the parts of an ``allOf`` of one, which stands for that one."""
    return isinstance(parts, (list, tuple)) and len(parts) == 1


def key_of(reference: Any, where: str) -> str:
    """Return the name that a reference gives to a definition, '' for the whole schema."""
    if not isinstance(reference, str) or not reference.startswith('#'):
        raise SchemaError(
            where=f'{where}.$ref', got=show(reference), wanted="'#/$defs/Name', inside of the same schema"
        )
    return unquote(reference[1:]).rpartition('/')[2].replace('~1', '/').replace('~0', '~')


def is_document(node: Mapping[str, Any]) -> bool:
    """Whether it is an object with fields of its own."""
    if schema_types.is_tensor(node) or node.get('type', 'object') != 'object':
        return False
    if 'allOf' in node and any('$ref' in part or 'properties' in part for part in node['allOf'][1:]):
        return True
    return 'properties' in node or (
        node.get('additionalProperties') is False and 'patternProperties' not in node
    )


def is_own_id(part: Any, required: bool) -> bool:
    """Whether this is the ``id`` that every BaseDocument has."""
    if required or not isinstance(part, Mapping) or 'default' in part:
        return False
    parts = part.get('anyOf', [part])
    if not isinstance(parts, (list, tuple)) or not all(isinstance(one, Mapping) for one in parts):
        return False
    plain = [{key: one[key] for key in ('type', 'format', 'enum', '$ref') if key in one} for one in parts]
    return plain in ([{'type': 'string'}], [{'type': 'string'}, {'type': 'null'}])


def class_name(title: Any, key: str) -> str:
    """Return the title of a definition, if pydantic refers to such a class by this key, else the key."""
    fits = isinstance(title, str) and re.sub(r'[^\w.-]', '_', title, flags=re.ASCII) == key
    return str(title) if fits else key


def has_constant(node: Any, name: str) -> bool:
    """Whether a field of an object is one of a few values, so that it can tell the class."""
    properties = node.get('properties') if isinstance(node, Mapping) else None
    field = properties.get(name) if isinstance(properties, Mapping) else None
    return isinstance(field, Mapping) and ('const' in field or 'enum' in field)


def takes_none(node: Mapping[str, Any]) -> bool:
    """Whether null is allowed, as far as can be told without following references."""
    if node.get('nullable') is True:
        return True
    parts = node.get('anyOf', [node])
    if not isinstance(parts, (list, tuple)):
        return False
    return any(isinstance(part, Mapping) and part.get('type', 'null') == 'null' for part in parts) and not (
        '$ref' in node or 'enum' in node or 'const' in node or 'oneOf' in node
    )


def empty(node: Any) -> Any:
    """What makes the empty value of a list or dict that may be empty."""
    if (
        not isinstance(node, Mapping)
        or schema_types.is_tensor(node)
        or node.get('minItems')
        or is_document(node)
    ):
        return None
    return {'array': list, 'object': dict}.get(str(node.get('type')))


def camel(name: Any) -> str:
    """Return the name of a class for what stands in a field of this name."""
    return ''.join(word.title() for word in re.split(r'\W|_', str(name))) or 'Inner'


def field_name(json_name: Any, taken: set[str], where: str) -> tuple[str, dict[str, Any]]:
    """Return the name of a field, and its alias where Python cannot call it as JSON does."""
    if not isinstance(json_name, str) or not json_name:
        raise SchemaError(where=f'{where}.properties', got=show(json_name), wanted='names of fields')
    if not json_name.startswith(('_', 'model_')) or not (
        json_name[0] == '_' or hasattr(BaseDocument, json_name)
    ):
        return json_name, {}
    name = (json_name.strip('_') or 'field') + '_'
    while name in taken:
        name += '_'
    return name, {'alias': json_name}


def config(node: Mapping[str, Any], name: str, properties: Mapping[str, Any]) -> Any:
    """Return what the configuration of the class has to say."""
    found: dict[str, Any] = {}
    title = node.get('title')
    if isinstance(title, str) and title != name:
        found['title'] = title
    if 'additionalProperties' in node:
        found['extra'] = 'forbid' if node['additionalProperties'] is False else 'allow'
    rest = schema_types.kept(node, CLASS_KEYWORDS)
    if rest:
        found['json_schema_extra'] = rest
    if 'binary' in formats(properties):
        found.update(ser_json_bytes='utf8', val_json_bytes='utf8')  # as pydantic's own bytes are in JSON
    if any(name.startswith(('_', 'model_')) for name in properties if isinstance(name, str)):
        found.update(serialize_by_alias=True, populate_by_name=True)
    return found


def formats(node: Any) -> Iterator[Any]:
    """All formats in a schema, not following references."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part.get('format')
            waiting += part.values()
        elif isinstance(part, (list, tuple)):
            waiting += part
