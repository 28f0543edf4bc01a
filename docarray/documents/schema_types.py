"""What JSON Schema's leaves become: strings by their format, numbers, tensors, enumerations, constraints.

Nothing in here refers to another schema; ``docarray.documents.from_schema`` does.
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import pathlib
import re
import typing
import uuid
from collections.abc import Hashable, Mapping
from typing import Any, Literal

import pydantic
import pydantic_core
from pydantic import GetJsonSchemaHandler

from docarray._hints import annotated
from docarray.errors import SchemaError, show
from docarray.lowering import is_document
from docarray.typing.bytes import AudioBytes, BaseBytes, ImageBytes, VideoBytes
from docarray.typing.tensors import tensor_class
from docarray.typing.types import DTYPES
from docarray.typing.urls import (
    AnyUrl,
    AudioUrl,
    ImageUrl,
    Mesh3DUrl,
    PointCloud3DUrl,
    TextUrl,
    Url3D,
    VideoUrl,
)

__all__ = [
    'Keywords',
    'constrained',
    'enum_class',
    'hashable',
    'is_tensor',
    'kept',
    'literal',
    'string',
    'tensor',
]

#: An annotation, and the keywords of the JSON Schema that it says by itself.
Read = tuple[Any, set[str]]

SHAPE, _DTYPE, _MODALITY = 'tensor/array shape', 'tensor/array dtype', 'tensor/array modality'

_FORMATS: dict[str, Any] = {
    'date-time': datetime.datetime,
    'date': datetime.date,
    'time': datetime.time,
    'duration': datetime.timedelta,
    'uuid': uuid.UUID,
    'path': pathlib.Path,
    'binary': bytes,
    'base64url': bytes,
    'ipv4': ipaddress.IPv4Address,
    'ipv6': ipaddress.IPv6Address,
    'ipv4network': ipaddress.IPv4Network,
    'ipv6network': ipaddress.IPv6Network,
}
#: By ``targetMediaType``, the media type of what a URL points to.
_URLS = {
    'image/*': ImageUrl,
    'audio/*': AudioUrl,
    'video/*': VideoUrl,
    'text/*': TextUrl,
    'model/*': Url3D,
    'model/mesh': Mesh3DUrl,
    'model/x.point-cloud': PointCloud3DUrl,
}
#: By ``contentMediaType``, the media type of the bytes.
_BYTES = {'image/*': ImageBytes, 'audio/*': AudioBytes, 'video/*': VideoBytes}

_SCALARS = (str, int, float, bool, type(None))


class Keywords:
    """Keywords of a JSON Schema that no Python type stands for; as metadata, it writes them back.

    Args:
        keywords: Any keywords, such as ``{'format': 'email'}``.

    Example:
        >>> mail = typing.Annotated[str, Keywords({'format': 'email'})]
        >>> pydantic.TypeAdapter(mail).json_schema()['format']
        'email'
    """

    __slots__ = ('keywords',)

    def __init__(self, keywords: Mapping[str, Any]) -> None:
        self.keywords = dict(keywords)

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), **self.keywords}


def string(node: Mapping[str, Any]) -> Read:
    """Return the type of a string: by its format, if that is known, else str.

    Example:
        >>> string({'type': 'string', 'format': 'date'})[0]
        <class 'datetime.date'>
    """
    name = node.get('format')
    if node.get('contentEncoding') == 'base64':
        used = {'type', 'contentEncoding', 'contentMediaType', *(['format'] if name == 'base64' else ())}
        found = _by_name(_BYTES, node.get('contentMediaType'))
        return (BaseBytes, used - {'contentMediaType'}) if found is None else (found, used)
    if name == 'uri':
        found = _by_name(_URLS, node.get('targetMediaType'))
        return (
            (AnyUrl, {'type', 'format'}) if found is None else (found, {'type', 'format', 'targetMediaType'})
        )
    found = _by_name(_FORMATS, name)
    if found is None:
        return str, {'type'}
    # What a bytes field writes for its format is up to the class that it stands in.
    return found, {'type', 'format'}


def _by_name(table: Mapping[str, Any], name: Any) -> Any:
    return table.get(name) if isinstance(name, str) else None


def is_tensor(node: Mapping[str, Any]) -> bool:
    """Whether a JSON Schema is that of a tensor; of the first versions, too.

    Example:
        >>> is_tensor({'type': 'array', 'tensor/array shape': '[3]'})
        True
    """
    return SHAPE in node or node.get('format') == 'tensor'


def tensor(node: Mapping[str, Any], where: str) -> Read:
    """Return the tensor class that a JSON Schema tells of: of any framework, with its shape and dtype.

    Raises:
        SchemaError: Shape, dtype or modality are none.

    Example:
        >>> tensor({'tensor/array shape': '[3, x, ...]'}, '')[0]
        <class 'docarray.typing.tensors.AnyTensor[3, x, ...]'>
    """
    modality, dtype, shape = node.get(_MODALITY, ''), node.get(_DTYPE), node.get(SHAPE, 'not specified')
    if modality not in ('', 'embedding', 'image', 'audio', 'video'):
        raise SchemaError(where=f'{where}.{_MODALITY}', got=show(modality), wanted='a modality')
    if not isinstance(shape, str):
        raise SchemaError(where=f'{where}.{SHAPE}', got=show(shape), wanted="a text such as '[3, w, w]'")
    if dtype is not None and dtype not in sorted(DTYPES):
        raise SchemaError(where=f'{where}.{_DTYPE}', got=show(dtype), wanted='the name of a dtype')
    axes = re.fullmatch(r'\s*[\[(](.*)[\])]\s*', shape, re.DOTALL)
    key = [_axis(part) for part in axes[1].split(',') if part.strip()] if axes else []
    key += [] if dtype is None else [dtype]
    used = {'type', 'items', 'minItems', 'maxItems', 'properties', 'required', SHAPE, _DTYPE, _MODALITY}
    used |= {'format'} if node.get('format') == 'tensor' else set()
    made = tensor_class('', modality)
    try:
        return (made[tuple(key)] if key or axes else made), used
    except SchemaError as error:
        raise error.at(where) from error.__cause__


def _axis(text: str) -> Any:
    text = text.strip().strip('\'"')
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    return {'None': None, '...': ..., 'Ellipsis': ...}.get(text, text)


def literal(node: Mapping[str, Any], where: str) -> Read:
    """Return the Literal of the values of ``const`` or ``enum``, or Any where one of them is no scalar.

    Raises:
        SchemaError: There is no list of values.

    Example:
        >>> literal({'enum': ['a', 'b']}, '')[0]
        typing.Literal['a', 'b']
    """
    keyword = 'const' if 'const' in node else 'enum'
    values = [node['const']] if keyword == 'const' else _values(node, where)
    if not all(isinstance(value, _SCALARS) for value in values):
        return Any, set()
    # A class method, so that type checkers do not take this for an annotation.
    return Literal.__getitem__(tuple(values)), {keyword, 'type'}


def _values(node: Mapping[str, Any], where: str) -> list[Any]:
    values = node['enum']
    if not isinstance(values, (list, tuple)) or not values:
        raise SchemaError(where=f'{where}.enum', got=show(values), wanted='a list of values')
    return list(values)


def enum_class(node: Mapping[str, Any], name: str, where: str) -> Any:
    """Return an Enum class of the values of ``enum``; its members are str or int where all values are.

    Raises:
        SchemaError: There is no list of values.

    Example:
        >>> enum_class({'enum': ['red', 'light blue']}, 'Colour', '').LIGHT_BLUE.value
        'light blue'
    """
    members: dict[str, Any] = {}
    for number, value in enumerate(_values(node, where)):
        word = re.sub(r'\W+', '_', value).strip('_').upper() if isinstance(value, str) else ''
        word = word if word.isidentifier() and word not in members else f'VALUE_{number}'
        members[word] = value
    kind = next((kind for kind in (str, int) if all(type(value) is kind for value in members.values())), None)
    make: Any = enum.Enum
    made = make(name, members, type=kind, module=__name__)
    made.__doc__ = node['description'] if isinstance(node.get('description'), str) else None
    return made


def hashable(annotation: Any) -> bool:
    """Whether values of a type can stand in a set.

    Example:
        >>> hashable(int), hashable(list[int])
        (True, False)
    """
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return hashable(args[0])
    if origin is Literal or annotation is Any or annotation is None:
        return True
    if origin in (tuple, typing.Union):
        return all(hashable(arg) for arg in args if arg is not Ellipsis)
    if not isinstance(annotation, type) or origin is not None or is_document(annotation):
        return False
    return issubclass(annotation, Hashable) and not hasattr(annotation, 'tensor_type')


_LENGTHS = {'min_length': ('minLength', 'minItems', 'minProperties')}
_LENGTHS['max_length'] = ('maxLength', 'maxItems', 'maxProperties')
_BOUNDS = {'ge': 'minimum', 'le': 'maximum', 'gt': 'exclusiveMinimum', 'lt': 'exclusiveMaximum'}
_PREFIX = {str: 'Length', list: 'Items', set: 'Items', dict: 'Properties'}


def constrained(annotation: Any, used: set[str], node: Mapping[str, Any]) -> Any:
    """Return a type with the constraints of a JSON Schema, and all of its other keywords as metadata.

    Plain strings, numbers, lists, sets and dicts are held to their constraints; those of other types
    stay in the JSON Schema alone.

    Args:
        annotation: The type.
        used: The keywords that the type says by itself.
        node: The JSON Schema.

    Example:
        >>> few = constrained(list[int], {'type', 'items'}, {'type': 'array', 'maxItems': 2})
        >>> pydantic.TypeAdapter(few).validate_python([1, 2])
        [1, 2]
    """
    kind = annotation if isinstance(annotation, type) else None
    kind = typing.get_origin(annotation) or kind
    options: dict[str, Any] = {}
    if kind in _PREFIX:
        for option, keywords in _LENGTHS.items():
            keyword = next(word for word in keywords if word.endswith(_PREFIX[kind]))
            if type(node.get(keyword)) is int and 0 <= node[keyword] < 2**63:
                options[option] = node[keyword]
                used = {*used, keyword}
    if kind in (int, float):
        for option, keyword in {**_BOUNDS, 'multiple_of': 'multipleOf'}.items():
            if _bound(node.get(keyword), option):
                options[option] = node[keyword]
                used = {*used, keyword}
    if kind is str and _compiles(node.get('pattern')):
        options['pattern'] = node['pattern']
        used = {*used, 'pattern'}
    rest = kept(node, used)
    metadata: list[Any] = list(pydantic.Field(**options).metadata) if kind is not str else []
    if kind is str and options:
        metadata = [pydantic.StringConstraints(**options)]
    return annotated(annotation, [*metadata, *([Keywords(rest)] if rest else [])])


def kept(node: Mapping[str, Any], used: set[str]) -> dict[str, Any]:
    """Return the keywords that are kept as they are; not those that refer to what will not be there.

    Example:
        >>> kept({'type': 'string', 'examples': ['a'], 'if': {'$ref': '#/$defs/A'}}, {'type'})
        {'examples': ['a']}
    """
    return {key: value for key, value in node.items() if key not in used and not _refers(value)}


def _refers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return '$ref' in value or any(map(_refers, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_refers, value))


def _bound(value: Any, option: str) -> bool:
    """Whether a bound is one: in old drafts, ``exclusiveMinimum`` is true or false."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value > 0 if option == 'multiple_of' else abs(value) < 2**63


def _compiles(pattern: Any) -> bool:
    """Whether pydantic takes the pattern: not every one of JavaScript's."""
    if not isinstance(pattern, str):
        return False
    try:
        pydantic.TypeAdapter(annotated(str, [pydantic.StringConstraints(pattern=pattern)]))
    except pydantic_core.SchemaError:
        return False
    return True
