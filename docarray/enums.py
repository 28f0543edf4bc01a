"""Enums: how they sit on a kind, and what documents take for their members."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import pydantic
from pydantic_core import core_schema

from docarray.kinds import Codec, Kind
from docarray.typing.serializers import own_nodes

__all__ = ['enum_codec', 'write_names']

_INT64 = range(-(2**63), 2**63)


def enum_codec(cls: type[enum.Enum]) -> Codec:
    """An Enum on its values where those are all text or all 64 bit, else on its names.

    Example:
        >>> import enum
        >>> enum_codec(enum.Enum('Size', {'SMALL': 0.5, 'LARGE': 'xl'})).unpack('SMALL')
        <Size.SMALL: 0.5>
    """
    values = [member.value for member in cls]
    if values and all(type(value) is str for value in values):
        return Codec(Kind('str'), _value, cls)
    if values and all(type(value) is int and value in _INT64 for value in values):
        return Codec(Kind('int'), _value, cls)
    return Codec(Kind('str'), lambda member: member.name, lambda name: cls[name])


def _value(member: Any) -> Any:
    return member.value if isinstance(member, enum.Enum) else member  # use_enum_values keeps the value


def write_names(schema: Any, document_type: type, handler: pydantic.GetCoreSchemaHandler) -> None:
    """Let documents take the names of Enums that are written by name, in the core schema of the class.

    Where only pydantic knows the class of a document that is read, as in a dict, no codec turns names
    into members.

    Args:
        schema: The core schema, changed in place.
        document_type: The class. Models nested in it do so for themselves.
        handler: Knows what pydantic wrote elsewhere, to refer to.
    """
    for node in list(own_nodes(schema, document_type)):
        found = _resolved(node, handler) if node.get('type') == 'definition-ref' else node
        if found.get('type') == 'enum' and enum_codec(found['cls']).unpack is not found['cls']:
            inner = dict(found)
            ref = inner.pop('ref', None)
            found.clear()
            found.update(core_schema.no_info_wrap_validator_function(_finder(inner['cls']), inner, ref=ref))


def _resolved(node: Any, handler: pydantic.GetCoreSchemaHandler) -> Any:
    try:
        return handler.resolve_ref_schema(node)
    except LookupError:  # a class that holds itself, which is not finished
        return node


def _finder(cls: type[enum.Enum]) -> Callable[[Any, Any], Any]:
    """Return the function that takes the names of members where pydantic refuses a value."""

    def find(value: Any, validate: Callable[[Any], Any]) -> Any:
        try:
            return validate(value)
        except pydantic.ValidationError:
            if isinstance(value, str) and value in cls.__members__:
                return cls[value]
            raise

    return find
