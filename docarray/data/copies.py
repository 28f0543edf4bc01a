"""Copies of what functions may change: a document and all below it, or one tensor, and nothing else."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import types
import uuid
from collections.abc import Callable
from typing import Any

import pydantic

from docarray.array.views import plain
from docarray.kinds import identity
from docarray.lowering import ARRAY_MARK, DOCUMENT_MARK
from docarray.schema import Field
from docarray.values import TENSOR_COPIES, copy_tensor_of

__all__ = ['Copies', 'copier', 'shallow_copy']

Function = Callable[[Any], Any]

#: What nobody can change in place. Subclasses (IDs, URLs) count as such too.
_UNCHANGING = (
    str, bytes, int, float, complex, types.NoneType, enum.Enum, frozenset, range, type, types.FunctionType,
    datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, pathlib.PurePath,
)  # fmt: skip
_SLOTS = ('__dict__', '__pydantic_fields_set__', '__pydantic_extra__', '__pydantic_private__')
#: How the slots of a document are filled; half the price of looking them up by name each time.
_set_fields, _set_names, _set_extra, _set_private = (
    vars(pydantic.BaseModel)[slot].__set__ for slot in _SLOTS
)


class Copies:
    """The copies made for one document, which are known again and not copied twice."""

    __slots__ = ('made',)

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}  # by id, which is safe as long as the objects are held here

    def shallow(self, document: Any) -> Any:
        """Return a copy of a document that shares its values with it, or the document if it is one."""
        if id(document) in self.made:
            return document
        made = shallow_copy(document)
        self.made[id(made)] = made
        return made

    def deep(self, value: Any, memo: dict[int, Any]) -> Any:
        """Return a value that may be changed, with everything below it: a copy unless it is one already.

        Args:
            value: Any field value or document.
            memo: (source, copy) by the id of either, for values that occur twice; empty to begin with.
        """
        if isinstance(value, _UNCHANGING):
            return value
        if id(value) in memo:
            return memo[id(value)][1]
        cls = type(value)
        if getattr(cls, DOCUMENT_MARK, False):
            made = self.shallow(value)
        elif id(value) in self.made:
            made = value
        else:
            made = _copied(value, cls)
            self.made[id(made)] = made
        memo[id(value)] = memo[id(made)] = (value, made)
        for values in _inside(made):
            for name in values:
                values[name] = self.deep(values[name], memo)
        if _is_list(cls):
            list.__setitem__(made, slice(None), [self.deep(inner, memo) for inner in made])
        return made


def _is_list(cls: Any) -> bool:
    return cls is list or getattr(cls, ARRAY_MARK, False)


def _inside(made: Any) -> tuple[dict[Any, Any], ...]:
    """The dicts that hold what a document or a dict is made of."""
    if type(made) is dict:
        return (made,)
    if not getattr(type(made), DOCUMENT_MARK, False):
        return ()
    return made.__dict__, made.__pydantic_extra__ or {}, made.__pydantic_private__ or {}


def shallow_copy(document: Any) -> Any:
    """Copy a document as it stands; no validator and no ``model_post_init`` runs again."""
    if document.is_view():
        return plain(document)
    made = object.__new__(type(document))
    extra, private = document.__pydantic_extra__, document.__pydantic_private__
    _set_fields(made, document.__dict__.copy())
    _set_names(made, document.__pydantic_fields_set__.copy())
    _set_extra(made, extra if extra is None else extra.copy())
    _set_private(made, private if private is None else private.copy())
    return made


def _copied(value: Any, cls: Any) -> Any:
    """Copy a tensor, a list or a dict; of lists and dicts only the outermost level."""
    if cls is dict or _is_list(cls):
        return value.copy()
    return copy_tensor_of(value)(value)


def copier(field: Field | None) -> Function:
    """Return how to copy the values of a field with all below them, quickly where their class is known."""

    def deep(value: Any) -> Any:
        return Copies().deep(value, {})

    codec = None if field is None else field.lowered.codec
    if codec is not None and codec.plain and codec.kind.name in ('bool', 'int', 'float', 'str'):
        return identity
    if codec is None or codec.type is None or codec.framework not in TENSOR_COPIES:
        return deep
    known, copy_tensor = codec.type, TENSOR_COPIES[codec.framework]
    return lambda value: copy_tensor(value) if type(value) is known else deep(value)
