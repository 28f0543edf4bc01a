"""Axis names shared by the fields of one document: equal names are equal sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import pydantic_core
from pydantic import BaseModel

from docarray.errors import ShapeError
from docarray.lowering import lower_field
from docarray.typing.types import TensorType
from docarray.values import adapter_of

D = TypeVar('D', bound=BaseModel)


def shared_axes(cls: type[BaseModel]) -> dict[str, TensorType]:
    """The tensor fields of a class that share the name of an axis with another field of it."""
    types = {}
    for name, field in cls.model_fields.items():
        codec = lower_field(field).codec
        if codec is not None and codec.kind.name == 'tensor':
            types[name] = TensorType(shape=codec.kind.shape)
    fields_of = Counter(axis for kind in types.values() for axis in _axis_names(kind))
    return {
        name: kind for name, kind in types.items() if any(fields_of[axis] > 1 for axis in _axis_names(kind))
    }


def _axis_names(kind: TensorType) -> set[str]:
    return {axis for axis in kind.shape or () if isinstance(axis, str)}


def axes_checker(types: dict[str, TensorType]) -> Callable[[D], D]:
    """Return the check that equal axis names are equal sizes across the fields of a document."""

    def check(document: D) -> D:
        sizes: dict[str, tuple[int, str]] = {}
        for name, kind in types.items():
            value = getattr(document, name)
            for axis, size in {} if value is None else kind.axes(_shape(value)).items():
                wanted, where = sizes.setdefault(axis, (size, name))
                if size != wanted:
                    error = ShapeError(
                        where=f'{type(document).__name__}.{name}',
                        got=f'{size} on axis {axis!r}',
                        wanted=f'{wanted}, as in field {where!r}',
                        hint='An axis name means one size in a whole document; rename it to keep them apart.',
                    )
                    raise _at_field(error, type(document), name, _shape(value))
        return document

    return check


def _at_field(
    error: ShapeError, cls: type[BaseModel], name: str, shape: Any
) -> pydantic_core.ValidationError:
    """The error as pydantic's own, which a validator of a whole document may raise about one field of it.

    Its input is the shape: the tensor itself is nothing that FastAPI could put into its answer.
    """
    field = cls.model_fields[name]
    alias = field.validation_alias
    known = alias if isinstance(alias, str) and cls.model_config.get('loc_by_alias', True) else name
    fault: Any = {'type': 'value_error', 'loc': (known,), 'input': shape, 'ctx': {'error': error}}
    return pydantic_core.ValidationError.from_exception_data(cls.__name__, [fault])


def _shape(value: Any) -> tuple[int, ...]:
    adapter, native = adapter_of(value)
    return adapter.shape(native) if adapter else ()
