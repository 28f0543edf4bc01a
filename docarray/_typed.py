"""Parametrised classes that are real classes: cached weakly, one per key, pickled by recipe.

``DocumentArray[Student]`` is ``origin[argument]``. Pickle writes just that, through the metaclass, so
no class is ever put into a module's globals and unpickling gives the class that the other side
makes for the same key. Pickle asks copyreg about a class before it treats it as a global;
cloudpickle does not, but rebuilds a class from its ``__orig_bases__``, which is where the recipe
stands for it.
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable, Hashable
from operator import getitem
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

T = TypeVar('T', bound=type)


class Recipe:
    """A base class in waiting: ``class X(Recipe(origin, argument))`` is ``origin[argument]``."""

    __slots__ = ('argument', 'origin')

    def __init__(self, origin: Any, argument: Any) -> None:
        self.origin = origin
        self.argument = argument

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (self.origin,)

    def __reduce__(self) -> Any:
        return Recipe, (self.origin, self.argument)


class TypedMeta(type):
    """The metaclass of classes that can be parametrised; mix it with a framework's own metaclass."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kw: Any) -> Any:
        for base in namespace.get('__orig_bases__', ()):
            if isinstance(base, Recipe):
                return base.origin[base.argument]
        return super().__new__(mcs, name, bases, namespace, **kw)

    @property
    def recipe(cls) -> Recipe | None:
        """The origin and argument that made this class, or None for one written with ``class``."""
        bases = cls.__dict__.get('__orig_bases__', ())
        return bases[0] if bases and isinstance(bases[0], Recipe) else None


def pickles_by_recipe(metaclass: type) -> type:
    """Make pickle write the classes of a metaclass as recipes. A class decorator."""
    copyreg.pickle(metaclass, reduce_class)
    return metaclass


def reduce_class(cls: Any) -> Any:
    """Tell pickle how to find a class again: by recipe, by name, or (a local class) by value."""
    recipe = cls.recipe if isinstance(cls, TypedMeta) else None
    if recipe is not None:
        return getitem, (recipe.origin, recipe.argument)
    if is_importable(cls):
        return cls.__qualname__  # pickle's word for "a global of this name"
    import cloudpickle

    return cloudpickle.loads, (cloudpickle.dumps(cls),)


def is_importable(cls: type) -> bool:
    """Whether another process would find this very class under its module and name."""
    module = sys.modules.get(cls.__module__)
    if module is None or (cls.__module__ == '__main__' and not hasattr(module, '__file__')):
        return False
    found: Any = module
    for part in cls.__qualname__.split('.'):
        found = getattr(found, part, None)
    return found is cls


def derive(origin: T, argument: Any, name: str, namespace: dict[str, Any]) -> T:
    """Make the class ``origin[argument]``; callers cache it."""
    made: T = type(origin)(name, (origin,), {'__module__': origin.__module__, **namespace})
    type.__setattr__(made, '__orig_bases__', (Recipe(origin, argument),))
    return made


class ClassCache:
    """What docarray remembers about a document class, in that class's own ``__dict__``.

    It lives and dies with the class. Pickled (cloudpickle writes whole classes) it is empty.
    """

    __slots__ = ('keep', 'values')

    def __init__(self) -> None:
        self.values: dict[Hashable, Any] = {}
        self.keep: list[type] = []

    def __reduce__(self) -> Any:
        return ClassCache, ()


_CACHE = '__docarray_cache__'
_typed: WeakKeyDictionary[type, WeakValueDictionary[type, type]] = WeakKeyDictionary()


def class_cache(cls: type) -> ClassCache:
    """Return the cache of this very class (never an inherited one)."""
    cache = cls.__dict__.get(_CACHE)
    if cache is None:
        cache = ClassCache()
        type.__setattr__(cls, _CACHE, cache)
    result: ClassCache = cache
    return result


def typed_by_class(origin: T, argument: type, make: Callable[[], T]) -> T:
    """Return the one class ``origin[argument]``, making it at the first request.

    Found through ``argument`` without keeping it alive; kept alive by it.
    """
    made = _typed.setdefault(argument, WeakValueDictionary())
    found = made.get(origin)
    if found is None:
        found = made.setdefault(origin, make())
        class_cache(argument).keep.append(found)
    return found  # type: ignore[return-value]  # the value under this key is made by ``make``
