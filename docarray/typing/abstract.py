"""AbstractTensor and its metaclass: what all tensor classes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from operator import methodcaller
from threading import RLock
from typing import Any, ClassVar, TypeVar
from weakref import ref

import numpy as np
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from docarray import _registry
from docarray._typed import TypedMeta, class_cache, derive, pickles_by_recipe
from docarray.errors import SchemaError, ShapeError, UnsupportedError
from docarray.frameworks import Framework, framework_of, get_framework
from docarray.kinds import Codec, Kind, identity
from docarray.typing import _coerce
from docarray.typing.serializers import serialize, serialize_base64
from docarray.typing.tensor_json import cast, json_schema, to_json
from docarray.typing.types import TensorType, parse_key, show_shape

__all__ = ['AbstractTensor', 'TensorMeta']

T = TypeVar('T', bound='AbstractTensor')
Array = np.ndarray[Any, np.dtype[Any]]
Validator = Callable[[Any], Any]

_lock = RLock()


class _Typed(dict[Any, Any]):
    """The classes ``X[key]`` of one class X, by key, weakly. A class pickled by value leaves them behind."""

    def __reduce__(self) -> Any:
        return _Typed, ()

    def remember(self, key: Any, made: type) -> None:
        def forget(gone: Any) -> None:
            if self.get(key) is gone:
                del self[key]

        self[key] = ref(made, forget)


@pickles_by_recipe
class TensorMeta(TypedMeta):
    """Metaclass of tensor classes: ``X[3, 'w', 'uint8']`` is a class, and ``isinstance`` looks at the tensor.

    A tensor class whose base class has a metaclass of its own mixes the two and registers the
    result with ``docarray._typed.pickles_by_recipe``.

    Example:
        >>> isinstance(AbstractTensor, TensorMeta)
        True
    """

    tensor_type: TensorType
    _typed: _Typed
    __unparametrizedcls__: Any

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> None:
        super().__init__(name, bases, namespace)
        if '__unparametrizedcls__' in cls.__dict__:  # X[key], just made or found again by cloudpickle
            if '_typed' not in cls.__dict__:
                cls._typed = _Typed()
            return
        cls.__unparametrizedcls__ = cls
        cls._typed = _Typed()
        if not cls.tensor_type.framework and np.ndarray in cls.__mro__:
            cls.tensor_type = replace(cls.tensor_type, framework='numpy')

    def __getitem__(cls, key: Any) -> Any:
        try:
            found = cls._typed[key]()
        except (KeyError, TypeError):  # TypeError: a list, for one
            found = None
        return cls._parametrized(key) if found is None else found

    def _parametrized(cls, key: Any) -> Any:
        shape, dtype = parse_key(key)
        kind = cls.tensor_type
        if kind.shape is not None or kind.dtype:
            raise SchemaError(where=cls.__name__, got=f'brackets {key!r} again', wanted='one pair')
        if kind.modality == 'embedding' and shape is not None and len(shape) != 1:
            raise SchemaError(where=cls.__name__, got=f'{len(shape)} axes', wanted='one')
        canonical = (*(shape or ()), *([dtype] if dtype else []))
        with _lock:
            held = cls._typed.get(canonical)
            made = None if held is None else held()
            if made is None:
                space = {
                    'tensor_type': replace(kind, shape=shape, dtype=dtype),
                    '__unparametrizedcls__': cls.__unparametrizedcls__,
                    '__docarray_target_shape__': shape,
                    '__slots__': (),
                }
                made = derive(cls, canonical, cls.__name__ + show_shape(shape or (), dtype=dtype), space)
                cls._typed.remember(canonical, made)
            if key.__hash__ is not None and key not in cls._typed:
                cls._typed.remember(key, made)
        return made

    def __instancecheck__(cls, value: Any) -> bool:
        plain = cls.__unparametrizedcls__
        if not type.__instancecheck__(plain, value):
            return False
        return cls is plain or fits(value, cls.tensor_type)


class AbstractTensor(metaclass=TensorMeta):
    """Base of all tensor classes, and of tensor types of your own.

    Subclass it together with ``numpy.ndarray`` and nothing more is needed. A wrapper around
    something else says by ``_docarray_to_ndarray`` and ``_docarray_from_ndarray`` how its values
    become numpy and come back, and, if it takes more than tensors and lists, by
    ``_docarray_validate`` what it is made of.

    Attributes:
        tensor_type: Framework, modality, shape and dtype.

    Example:
        >>> class Spectrum(AbstractTensor, np.ndarray):
        ...     pass
        >>> Spectrum[3]._docarray_validate([1.0, 2.0, 3.0])
        Spectrum([1., 2., 3.])
    """

    __slots__ = ()
    tensor_type: ClassVar[TensorType] = TensorType()
    __docarray_target_shape__: ClassVar[Any] = None
    #: The native classes.
    _docarray_own: ClassVar[tuple[type, ...]] = ()
    #: The exact class of native values that need no conversion, how to re-class them, and their dtypes.
    _docarray_plain: ClassVar[tuple[type, Callable[[Any, Any], Any], frozenset[Any]] | None] = None

    @classmethod
    def _docarray_validate(cls: type[T], value: Any) -> T:
        """Return a value as a tensor of this class, in its shape and dtype.

        Raises:
            TensorError: The value cannot become a tensor.
            ShapeError: Its shape is another.
            DtypeError: Its dtype is another.
        """
        made: T = _cached(cls, 'own', cls._docarray_compile)(value)
        return made

    @classmethod
    def _docarray_compile(cls) -> Validator:
        """Return the function that makes values of this class, with all that is known beforehand settled."""
        target, kind = cls.__unparametrizedcls__, cls.tensor_type
        framework = get_framework(kind.framework or 'numpy')
        wrap = target._docarray_from_native if kind.framework else target._docarray_from_ndarray

        def convert(value: Any) -> Any:
            if type(value) is target and fits(value, kind):
                return value
            tensor = _coerce.to_native(value, framework, kind.dtype)
            return wrap(_coerce.conform(tensor, framework, kind))

        slow = _coerce.guarded(convert)
        plain = target._docarray_plain
        return slow if plain is None else _quick(target, kind, plain, slow)

    @classmethod
    def _docarray_from_native(cls: type[T], value: Any) -> T:
        """Return a native tensor as this class, sharing its memory; nothing is checked."""
        if np.ndarray in cls.__mro__:
            made: T = value.view(cls.__unparametrizedcls__)
            return made
        return cls._docarray_from_ndarray(value)

    @classmethod
    def _docarray_from_ndarray(cls: type[T], value: Array) -> T:
        """Return a numpy array as this class; nothing is checked."""
        if cls.tensor_type.framework:
            return cls._docarray_from_native(get_framework(cls.tensor_type.framework).from_numpy(value))
        raise UnsupportedError(f'{cls.__name__} cannot be made: override _docarray_from_ndarray.')

    def _docarray_to_ndarray(self) -> Array:
        """Return the values as numpy, without a copy where possible."""
        if self.tensor_type.framework:
            return get_framework(self.tensor_type.framework).to_numpy(self.unwrap())
        name = type(self).__name__
        raise UnsupportedError(f'{name} has no values to give: override _docarray_to_ndarray.')

    def _docarray_to_json_compatible(self) -> Any:
        """Return what JSON holds of this tensor: nested lists."""
        return to_json(self._docarray_to_ndarray())

    @classmethod
    def from_ndarray(cls: type[T], value: Array) -> T:
        """Return a numpy array as this class.

        Args:
            value: An array of a shape and dtype that the class takes.

        Raises:
            ShapeError: Its shape is another than the class declares.
            DtypeError: Its dtype is another.
        """
        return cls._docarray_validate(np.asarray(value))

    def to_protobuf(self) -> Any:
        """Return the tensor as an NdArrayProto, which ``from_protobuf`` reads.

        Raises:
            MissingExtraError: protobuf is not installed.
        """
        return _registry.method('tensor_to_protobuf')(self)

    @classmethod
    def from_protobuf(cls: type[T], message: Any) -> T:
        """Return an NdArrayProto as this class.

        Args:
            message: What ``to_protobuf`` returned, of any tensor class.

        Raises:
            FormatError: The message holds no tensor.
            ShapeError: Its shape is another than the class declares.
            DtypeError: Its dtype is another.
        """
        made: T = _registry.method('tensor_from_protobuf')(cls, message)
        return made

    def unwrap(self) -> Any:
        """Return the native tensor, which shares its memory with this one.

        Example:
            >>> from docarray.typing import NdArray
            >>> type(NdArray([1, 2]).unwrap())
            <class 'numpy.ndarray'>
        """
        array: Any = self
        return array.view(np.ndarray) if isinstance(array, np.ndarray) else self._docarray_to_ndarray()

    @classmethod
    def get_comp_backend(cls) -> Framework:
        """Return the adapter of the framework that computes with these tensors.

        Example:
            >>> from docarray.typing import NdArray
            >>> NdArray.get_comp_backend().name
            'numpy'
        """
        return get_framework(cls.tensor_type.framework or 'numpy')

    @classmethod
    def __docarray_codec__(cls) -> Codec:
        target, kind = cls.__unparametrizedcls__, cls.tensor_type
        unpack: Callable[[Any], Any]
        if target._docarray_plain is not None:  # as below, without a call in Python for each row of a column
            pack, unpack = target._docarray_pack, methodcaller(target._docarray_plain[1].__name__, target)
        elif kind.framework:
            pack, unpack = target._docarray_pack, target._docarray_from_native
        else:
            pack, unpack = target._docarray_to_ndarray, target._docarray_from_ndarray
        stored = Kind('tensor', shape=kind.shape, dtype=kind.dtype or None)
        return Codec(stored, pack, unpack, kind.framework or 'numpy', target)

    #: From a value to what columns hold: itself, where the class is a subclass of the native one.
    _docarray_pack: ClassVar[Any] = staticmethod(identity)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # In a union, pydantic prefers the member that a value fits exactly: the one of its own framework.
        # Anything else may still become a tensor, but ranks below.
        target, own = cls.__unparametrizedcls__, cls._docarray_own
        native = core_schema.is_instance_schema(
            own if issubclass(target, own) else (*own, target), cls_repr=cls.__name__
        )
        given = core_schema.union_schema([native, core_schema.any_schema()], mode='left_to_right')
        return core_schema.no_info_after_validator_function(
            validator_of(cls),
            core_schema.json_or_python_schema(
                core_schema.no_info_after_validator_function(
                    partial(_number, cls.tensor_type.dtype), core_schema.any_schema()
                ),
                given,
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                serialize, info_arg=True, when_used='json'
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        written: Any = schema.get('serialization', {})
        in_base64 = handler.mode == 'serialization' and written.get('function') is serialize_base64
        return json_schema(replace(cls.tensor_type, shape=()) if in_base64 else cls.tensor_type)


def _number(dtype: str, value: Any) -> Any:
    """Return a number from JSON as a tensor without axes, as earlier versions wrote those; else the value."""
    if type(value) not in (int, float, bool):
        return value
    array = np.array(value)
    return cast(array, dtype) if dtype else array


def _cached(cls: type, name: str, make: Callable[[], Validator]) -> Validator:
    values = class_cache(cls).values
    if name not in values:
        values[name] = make()
    found: Validator = values[name]
    return found


def validator_of(cls: Any) -> Validator:
    """Return the function that pydantic calls: the compiled one, or the one that a subclass overrides."""
    target, kind = cls.__unparametrizedcls__, cls.tensor_type
    if target._docarray_validate.__func__ is AbstractTensor.__dict__['_docarray_validate'].__func__:
        return _cached(cls, 'own', cls._docarray_compile)

    def validate(value: Any) -> Any:
        made = target._docarray_validate(value)
        framework = framework_of(_coerce.native(made)) or get_framework('numpy')
        tensor = _coerce.to_native(made, framework)
        if _coerce.conform(tensor, framework, kind) is not tensor:
            raise kind.error(framework.shape(tensor)) or ShapeError()
        return made

    return _cached(cls, 'overridden', lambda: _coerce.guarded(validate))


def fits(value: Any, kind: TensorType) -> bool:
    """Whether a tensor of ours has the shape and dtype of a type."""
    tensor = _coerce.native(value)
    framework = framework_of(tensor)
    if framework is None:
        framework, tensor = get_framework('numpy'), value._docarray_to_ndarray()
    return kind.fits(framework.shape(tensor)) and kind.dtype in ('', framework.dtype(tensor))


def _quick(target: Any, kind: TensorType, plain: Any, slow: Validator) -> Validator:
    """The way of native values that fit: no copy, a few comparisons. All others go the slow way."""
    native, reclass, dtypes = plain
    if kind.dtype:
        names = [dtype for dtype in dtypes if str(dtype).rpartition('.')[2] == kind.dtype]
        dtypes = frozenset(names)
    sizes = kind.sizes
    fitting = kind.fitter

    def validate(value: Any) -> Any:
        given = type(value)
        try:
            if (
                (given is native or given is target)
                and value.dtype in dtypes
                and (value.shape == sizes or fitting(value.shape))
            ):
                return value if given is target else reclass(value, target)
        except RuntimeError:  # sparse, nested and other tensors without memory of their own: refused below
            pass
        return slow(value)

    return validate
