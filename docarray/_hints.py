"""Taking annotations apart: unions, metadata and type aliases.

Aliases are ``type X = ...`` of Python 3.12 and ``TypeAliasType`` of typing_extensions. Libraries write
their own annotations with them too: ``numpy.typing.NDArray`` is one as of numpy 2.5.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any

import typing_extensions

# typing_extensions has a class of its own up to Python 3.13, where it does more than typing's.
_ALIASES = (
    typing_extensions.TypeAliasType,
    getattr(typing, 'TypeAliasType', typing_extensions.TypeAliasType),
)


def alias_of(annotation: Any) -> Any:
    """Return the alias that an annotation uses, bare or with brackets, or None.

    Example:
        >>> Row = typing_extensions.TypeAliasType('Row', list[int])
        >>> alias_of(Row) is Row, alias_of(list[int])
        (True, None)
    """
    # The origin first: Python 3.10 takes X[int] for an instance of the class of X.
    origin = typing.get_origin(annotation)
    found = annotation if origin is None else origin
    return found if isinstance(found, _ALIASES) else None


def alias_value(annotation: Any) -> Any:
    """Return what an alias stands for in the end, type parameters filled in; anything else as it is.

    Example:
        >>> T = typing.TypeVar('T')
        >>> Row = typing_extensions.TypeAliasType('Row', dict[str, T], type_params=(T,))
        >>> alias_value(Row[int])
        dict[str, int]
    """
    alias = alias_of(annotation)
    if alias is None:
        return annotation
    value, given = alias.__value__, typing.get_args(annotation)
    filled = dict(zip(alias.__type_params__, given, strict=False))  # the rest may have defaults
    if isinstance(value, typing.TypeVar):
        value = filled.get(value, value)
    elif given and getattr(value, '__parameters__', ()):
        value = value[tuple(filled.get(part, part) for part in value.__parameters__)]
    return alias_value(value)


def needs_its_name(annotation: Any, inside: frozenset[Any] = frozenset()) -> bool:
    """Whether an alias refers to itself or to names not resolved yet, so that nothing can stand for it.

    Args:
        annotation: The alias, or any part of what it stands for.
        inside: The aliases around that part.

    Example:
        >>> import pydantic
        >>> needs_its_name(pydantic.JsonValue)
        True
    """
    alias, origin = alias_of(annotation), typing.get_origin(annotation)
    if isinstance(annotation, (str, typing.ForwardRef)) or alias in inside:
        return True
    if alias is not None and needs_its_name(alias.__value__, inside | {alias}):
        return True
    parts = typing.get_args(annotation)
    if origin in (typing.Annotated, typing.Literal):
        parts = parts[:1] if origin is typing.Annotated else ()
    return any(needs_its_name(part, inside) for part in parts)


def unalias(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take off Annotated, ``type X = ...`` aliases and NewType; return the rest and the metadata.

    An alias stays where it refers to itself: pydantic knows what to do with it.

    Example:
        >>> unalias(annotated(int, ['count']))
        (<class 'int'>, ('count',))
    """
    metadata: tuple[Any, ...] = ()
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            metadata = annotation.__metadata__ + metadata
            annotation = annotation.__origin__
        elif alias_of(annotation) is not None and not needs_its_name(annotation):
            annotation = alias_value(annotation)
        elif hasattr(annotation, '__supertype__'):
            annotation = annotation.__supertype__
        else:
            return annotation, metadata


def members_of(annotation: Any) -> list[Any]:
    """The members of a union, flat, without None; one member for anything else.

    Example:
        >>> members_of(int | str | None)
        [<class 'int'>, <class 'str'>]
    """
    annotation, metadata = unalias(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [found for arg in typing.get_args(annotation) for found in members_of(arg)]
    if annotation is type(None):
        return []
    return [annotated(annotation, metadata)]


def annotated(annotation: Any, metadata: Sequence[Any]) -> Any:
    """Put metadata back around an annotation.

    Example:
        >>> annotated(int, ['count'])
        typing.Annotated[int, 'count']
    """
    made: Any = typing.Annotated
    parts = (annotation, *metadata)
    return made[parts] if metadata else annotation


_SELF = (typing_extensions.Self, getattr(typing, 'Self', typing_extensions.Self))


def without_self(annotation: Any, cls: type) -> Any:
    """Put a class for ``Self`` in an annotation of one of its fields; return others as they are.

    Example:
        >>> without_self(list[typing_extensions.Self], int)
        list[int]
    """
    if any(annotation is one for one in _SELF):
        return cls
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    parts = tuple(without_self(arg, cls) for arg in args)
    if all(part is arg for part, arg in zip(parts, args, strict=True)):
        return annotation
    if origin is typing.Annotated:
        return annotated(parts[0], annotation.__metadata__)
    if origin in (typing.Union, types.UnionType):
        return typing.Union[parts]  # noqa: UP007 - made at run time
    assert origin is not None
    made: Any = origin
    return made[parts]
