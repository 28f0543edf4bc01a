"""Defaults that are tensors or arrays of documents: a value of the declared class for each document.

pydantic neither validates defaults nor copies those that can be hashed, as torch's tensors can: all
documents would share one tensor, and ``pages: DocumentArray[Page] = []`` would be a plain list.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pydantic
from pydantic.fields import FieldInfo

from docarray._hints import annotated, members_of
from docarray.lowering import ARRAY_MARK, STACKED_MARK, lower_field
from docarray.typing.serializers import own_nodes
from docarray.values import adapter_of, copy_tensor_of

__all__ = ['OwnDefault', 'write_defaults']


class OwnDefault:
    """Makes the default of a field, a new one at each call.

    The default is validated once, at the first call. One that does not fit its field stays what it is,
    as pydantic's defaults do.

    Example:
        >>> from docarray.typing import NdArray
        >>> make = OwnDefault(NdArray[2], [0, 0])
        >>> make(), make() is make()
        (NdArray([0, 0]), False)
    """

    __slots__ = ('annotation', 'default', 'make')

    def __init__(self, annotation: Any, default: Any) -> None:
        self.annotation, self.default = annotation, default
        self.make: Callable[[], Any] | None = None

    def __call__(self) -> Any:
        if self.make is None:
            self.make = _maker(self._valid())
        return self.make()

    def _valid(self) -> Any:
        try:
            return pydantic.TypeAdapter(self.annotation).validate_python(self.default)
        except (pydantic.ValidationError, pydantic.PydanticUserError):
            return self.default

    def json_schema(self, node: Any, handler: Any) -> Any:
        """Describe the field by the default that its class declares; pydantic leaves factories out."""
        plain = {key: part for key, part in node.items() if key not in ('default_factory', 'metadata')}
        return handler({**plain, 'default': self.default})


def _maker(value: Any) -> Callable[[], Any]:
    if hasattr(type(value), ARRAY_MARK) and not len(value):
        return partial(value.copy)
    return partial(copy_tensor_of(value), value)


def write_defaults(schema: Any, document_type: Any) -> None:
    """Give each document defaults of its own, in the core schema of its class, in place.

    Args:
        schema: The core schema of the class. Models nested in it do so for themselves.
        document_type: The class. What its ``model_fields`` say stays as it is.
    """
    wanted = {name: field for name, field in document_type.model_fields.items() if _needs_its_own(field)}
    if not wanted:
        return
    for node in own_nodes(schema, document_type):
        if node.get('type') == 'model-fields':
            for name in wanted.keys() & node['fields'].keys():
                _write_default(node['fields'][name]['schema'], wanted[name], document_type)


def _write_default(schema: Any, field: FieldInfo, document_type: Any) -> None:
    for node in own_nodes(schema, document_type):
        if node.get('type') == 'default' and node.get('default') is field.default:
            own = OwnDefault(annotated(field.annotation, field.metadata), node.pop('default'))
            node['default_factory'] = own
            metadata = node.setdefault('metadata', {})
            metadata.setdefault('pydantic_js_functions', []).append(own.json_schema)


def _needs_its_own(field: FieldInfo) -> bool:
    default = field.default
    if not isinstance(default, (list, tuple)) and not _is_array(type(default)):
        return adapter_of(default)[0] is not None
    codec = lower_field(field).codec
    if codec is not None and codec.kind.name == 'tensor':
        return True
    return any(map(_is_array, members_of(field.annotation))) or _holds_tensor(default)


def _is_array(cls: Any) -> bool:
    return hasattr(cls, ARRAY_MARK) or hasattr(cls, STACKED_MARK)


def _holds_tensor(value: Any) -> bool:
    """Whether a value is a tensor, or a tuple of some, which pydantic takes for immutable."""
    if isinstance(value, tuple):
        return any(map(_holds_tensor, value))
    return adapter_of(value)[0] is not None
