"""Parametrised classes that are real classes: cached weakly, one per key, pickled by recipe.

``DocumentArray[Student]`` is ``origin[argument]``. Pickle writes just that, through the metaclass, so
no class is ever put into a module's globals and unpickling gives the class that the other side
makes for the same key. Pickle asks copyreg about a class before it treats it as a global;
cloudpickle does not, but rebuilds a class from its ``__orig_bases__``, which is where the recipe
stands for it.

Classes that are not ours (an Enum, a dataclass) and that no name leads to are another matter: pickle
refuses their instances. Documents write the values of fields of such classes as ``ByValue``.
"""

from __future__ import annotations

import copyreg
import io
import sys
import uuid
from collections.abc import Callable, Hashable
from copy import deepcopy
from functools import cache
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
        return getitem, (generic['origin'], ByValue(generic['args']))
    import cloudpickle

    token = _token_of(class_cache(cls))
    _local_classes[token] = cls
    return _local_class, (token, cloudpickle.dumps(cls))


def is_importable(cls: Any) -> bool:
    """Whether another process would find this very class or function under its module and name."""
    if cls.__module__ == 'builtins':  # among them NoneType, which pickle knows
        return True
    module = sys.modules.get(cls.__module__)
    if module is None or (cls.__module__ == '__main__' and not hasattr(module, '__file__')):
        return False
    found: Any = module
    for part in cls.__qualname__.split('.'):
        found = getattr(found, part, None)
    return found is cls


class FunctionByValue:
    """A function on its way to another process, which gets the function itself."""

    __slots__ = ('function',)

    def __init__(self, function: Any) -> None:
        self.function = function

    def __reduce__(self) -> Any:
        import cloudpickle

        return cloudpickle.loads, (cloudpickle.dumps(self.function),)


class _ClassByValue:
    """A class that no name leads to, on its way to another process.

    There is one such object per class: pickle writes it once, however many values of the class there are.
    """

    __slots__ = ('cls',)

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __reduce__(self) -> Any:
        return reduce_class(self.cls)


class _Apart:
    """The classes that pickle would not find by name, set aside while a value is written."""

    __slots__ = ('classes', 'places')

    def __init__(self) -> None:
        self.classes: list[Any] = []
        self.places: dict[type, int] = {}

    def place(self, obj: Any) -> int | None:
        """Return the place of such a class; None for whatever pickle can write."""
        if not isinstance(obj, type):
            return None
        ours = type(obj) in copyreg.dispatch_table
        if not ours and is_importable(obj):
            return None
        if obj not in self.places:
            self.places[obj] = len(self.classes)
            values = None if ours else class_cache(obj).values
            self.classes.append(obj if values is None else values.setdefault('by value', _ClassByValue(obj)))
        return self.places[obj]


@cache
def _picklers() -> tuple[Any, Any]:
    import pickle

    class Pickler(pickle.Pickler):
        def __init__(self, file: io.BytesIO, apart: _Apart) -> None:
            super().__init__(file, pickle.HIGHEST_PROTOCOL)
            self.apart = apart

        def persistent_id(self, obj: Any) -> int | None:
            return self.apart.place(obj)

    class Unpickler(pickle.Unpickler):
        def __init__(self, data: bytes, classes: list[Any]) -> None:
            super().__init__(io.BytesIO(data))
            self.classes = classes

        def persistent_load(self, pid: Any) -> Any:
            return self.classes[pid]

    return Pickler, Unpickler


def _packed(value: Any) -> tuple[bytes, list[Any]]:
    file, apart = io.BytesIO(), _Apart()
    _picklers()[0](file, apart).dump(value)
    return file.getvalue(), apart.classes


def _unpacked(data: bytes, classes: list[Any]) -> Any:
    return _picklers()[1](data, classes).load()


class ByValue:
    """A value on its way to another process, which gets the value itself, local classes in it included.

    Example:
        >>> import pickle
        >>> pickle.loads(pickle.dumps(ByValue([1, 2])))
        [1, 2]
    """

    __slots__ = ('value',)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> Any:
        return _unpacked, _packed(self.value)

    def __deepcopy__(self, memo: Any) -> Any:
        return deepcopy(self.value, memo)


def carried(cls: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a document's fields, or its columns, as pickle can take them.

    What a field is declared with decides: where that is Any or a base class, pickle refuses a value of a
    local class as ever, and cloudpickle takes it.

    Args:
        cls: The document class.
        values: By field name. Those of fields that are declared with local classes are wrapped.
    """
    known = class_cache(cls).values
    local = known.get('local fields')
    if local is None:
        fields = cls.model_fields.items()
        local = [name for name, field in fields if _names_local_classes(field.annotation)]
        known['local fields'] = local
    if not local:
        return values
    return {**values, **{name: ByValue(values[name]) for name in local if values.get(name) is not None}}


def _names_local_classes(annotation: Any) -> bool:
    """Whether an annotation names a class, other than ours, that no name leads to."""
    try:
        _, classes = _packed(annotation)
    except Exception:  # metadata of any kind, aliases without a module: taken for the rarer case
        return True
    return any(isinstance(found, _ClassByValue) for found in classes)


def portable(function: Any) -> Any:
    """Return a callable as pickle can take it: itself where that is enough, else wrapped to go by value.

    Example:
        >>> type(portable(lambda value: value)).__name__
        'FunctionByValue'
    """
    import pickle

    if isinstance(function, FunctionType):
        return function if is_importable(function) else FunctionByValue(function)
    if not hasattr(sys.modules.get('__main__'), '__file__'):
        return FunctionByValue(function)  # no name in an interactive session leads anywhere
    try:
        pickle.dumps(function)
    except Exception:  # picklers raise errors of all kinds
        return FunctionByValue(function)
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
