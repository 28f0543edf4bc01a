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
import uuid
from collections.abc import Callable, Hashable
from operator import getitem
from types import FunctionType
from typing import Any, TypeVar
from weakref import WeakValueDictionary

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
    generic = getattr(cls, '__pydantic_generic_metadata__', None)
    if generic and generic['origin'] is not None:
        return getitem, (generic['origin'], generic['args'])
    import cloudpickle

    token = _token_of(class_cache(cls))
    _local_classes[token] = cls
    return _local_class, (token, cloudpickle.dumps(cls))


def is_importable(cls: Any) -> bool:
    """Whether another process would find this very class or function under its module and name."""
    module = sys.modules.get(cls.__module__)
    if module is None or (cls.__module__ == '__main__' and not hasattr(module, '__file__')):
        return False
    found: Any = module
    for part in cls.__qualname__.split('.'):
        found = getattr(found, part, None)
    return found is cls


class ByValue:
    """A function on its way to another process, which gets the function itself."""

    __slots__ = ('function',)

    def __init__(self, function: Any) -> None:
        self.function = function

    def __reduce__(self) -> Any:
        import cloudpickle

        return cloudpickle.loads, (cloudpickle.dumps(self.function),)


def portable(function: Any) -> Any:
    """Return a callable as pickle can take it: itself where that is enough, else wrapped to go by value.

    Example:
        >>> portable(len) is len, type(portable(lambda value: value)).__name__
        (True, 'ByValue')
    """
    import pickle

    if isinstance(function, FunctionType):
        return function if is_importable(function) else ByValue(function)
    if not hasattr(sys.modules.get('__main__'), '__file__'):
        return ByValue(function)  # no name in an interactive session leads anywhere
    try:
        pickle.dumps(function)
    except Exception:  # picklers raise errors of all kinds
        return ByValue(function)
    return function


def derive(origin: T, argument: Any, name: str, namespace: dict[str, Any]) -> T:
    """Make the class ``origin[argument]``; callers cache it."""
    made: T = type(origin)(name, (origin,), {'__module__': origin.__module__, **namespace})
    type.__setattr__(made, '__orig_bases__', (Recipe(origin, argument),))
    return made


class ClassCache:
    """What docarray remembers about a document class, in that class's own ``__dict__``.

    It lives and dies with the class. cloudpickle, which writes whole classes and in the process they
    come from writes them over themselves, finds it again by its token; elsewhere it begins empty.
    """

    __slots__ = ('__weakref__', 'token', 'values')

    def __init__(self, token: str = '') -> None:
        self.values: dict[Hashable, Any] = {}
        self.token = token

    def __reduce__(self) -> Any:
        return _cache_of_token, (_token_of(self),)


_CACHE = '__docarray_cache__'
_caches: WeakValueDictionary[str, ClassCache] = WeakValueDictionary()
_local_classes: WeakValueDictionary[str, type] = WeakValueDictionary()


def _token_of(cache: ClassCache) -> str:
    if not cache.token:
        cache.token = uuid.uuid4().hex
        _caches[cache.token] = cache
    return cache.token


def _cache_of_token(token: str) -> ClassCache:
    found = _caches.get(token)
    if found is None:
        found = _caches[token] = ClassCache(token)
    return found


def _local_class(token: str, data: bytes) -> type:
    """Return the class of that token, from ``data`` where this process does not have it yet."""
    found = _local_classes.get(token)
    if found is None:
        import cloudpickle

        found = _local_classes[token] = cloudpickle.loads(data)
    return found


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

    Kept by ``argument``, and freed with it. Threads that ask at once get the same class: of two that
    were made, ``setdefault`` on a dict lets one in.
    """
    made = class_cache(argument).values
    found: Any = made.get(('typed', origin))
    if found is None:
        found = made.setdefault(('typed', origin), make())
    result: T = found
    return result
