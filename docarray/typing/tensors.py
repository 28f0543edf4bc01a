"""NdArray and its modalities, the classes for any framework, and all tensor classes by name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from docarray import _lazy
from docarray._typed import pickles_by_recipe
from docarray.errors import TensorError
from docarray.frameworks import framework_of
from docarray.kinds import Codec, Kind
from docarray.typing.abstract import AbstractTensor, TensorMeta, fits, validator_of
from docarray.typing.modality import (
    AbstractAudioTensor,
    AbstractEmbedding,
    AbstractImageTensor,
    AbstractVideoTensor,
    class_name,
    modality_classes,
)
from docarray.typing.types import DTYPES, TensorType

__all__ = [
    'AnyEmbedding',
    'AnyTensor',
    'AudioNdArray',
    'AudioTensor',
    'ImageNdArray',
    'ImageTensor',
    'NdArray',
    'NdArrayEmbedding',
    'VideoNdArray',
    'VideoTensor',
    'tensor_class',
]

Array = np.ndarray[Any, np.dtype[Any]]
N = TypeVar('N', bound='NdArray')

#: Where the classes of each framework are, and what has to be installed for them.
_HOMES = {
    'numpy': ('docarray.typing.tensors', 'NdArray'),
    'torch': ('docarray.typing.torch_tensor', 'TorchTensor'),
    'tensorflow': ('docarray.typing.tensorflow_tensor', 'TensorFlowTensor'),
    'jax': ('docarray.typing.jax_array', 'JaxArray'),
}


class NdArray(AbstractTensor, np.ndarray[Any, np.dtype[Any]]):
    """A numpy array as a field type: a view class, whose arrays share the memory they were given.

    ``NdArray(value)`` makes one of arrays, tensors of other frameworks, nested lists and JSON, as a
    field does. It never allocates: ``np.ndarray``'s own arguments (a shape, a buffer) are not taken.

    Args:
        tensor: What to make it of.

    Raises:
        TensorError: This cannot become an array.

    Example:
        >>> NdArray[2, 'n']([[1, 2, 3], [4, 5, 6]]).shape
        (2, 3)
    """

    __slots__ = ()
    tensor_type = TensorType('numpy')
    _docarray_own = (np.ndarray,)
    _docarray_plain = (
        np.ndarray,
        np.ndarray.view,
        frozenset(np.dtype(name) for name in DTYPES if not name.startswith(('bfloat', 'float8'))),
    )

    def __new__(cls: type[N], tensor: Any) -> N:
        made: N = validator_of(cls)(tensor)
        return made

    # No array equals None, as in the other frameworks: pydantic compares values with the default of
    # their field, for ``exclude_defaults``, and numpy would answer with an array.
    def __eq__(self, other: Any) -> Any:
        return False if other is None else np.ndarray.__eq__(self, other)

    def __ne__(self, other: Any) -> Any:
        return True if other is None else np.ndarray.__ne__(self, other)

    def __dlpack__(self, **options: Any) -> Any:
        """Return a DLPack capsule, which shares the memory; a copy of read-only memory, if need be.

        Only DLPack 1.0 can say that memory is read-only: columns of a file, for one, are.
        """
        try:
            return super().__dlpack__(**options)
        except BufferError:
            if self.flags.writeable or options.get('copy') is False:
                raise
            return self.copy().__dlpack__(**options)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # As numpy pickles a plain array: from protocol 5 on without a copy, where there is a place for it.
        return _as_class, (type(self), self.view(np.ndarray))


def _as_class(cls: Any, array: Array) -> Any:
    return array.view(cls)


@pickles_by_recipe
class UnionMeta(TensorMeta):
    """Metaclass of the classes for any framework: tensors of all frameworks count as their instances."""

    def __instancecheck__(cls, value: Any) -> bool:
        kind = cls.tensor_type
        if not type.__instancecheck__(AbstractTensor, value) or kind.modality not in (
            '',
            type(value).tensor_type.modality,
        ):
            return False
        return (kind.shape is None and not kind.dtype) or fits(value, kind)

    def __subclasscheck__(cls, other: type) -> bool:
        if type.__subclasscheck__(cls, other):
            return True
        if cls is not cls.__unparametrizedcls__ or not isinstance(other, TensorMeta):
            return False
        return other is not AbstractTensor and cls.tensor_type.modality in ('', other.tensor_type.modality)


class AnyTensor(AbstractTensor, metaclass=UnionMeta):
    """A tensor of any framework, as a field type.

    There are no instances of its own: a value becomes an instance of its own framework's class, lists
    and JSON become numpy. JSON in base64 names the framework, and becomes a tensor of it again where
    it has been imported. ``isinstance(value, AnyTensor)`` holds for all tensor classes.

    Example:
        >>> type(AnyTensor([1, 2])).__name__
        'NdArray'
        >>> isinstance(NdArray([1, 2]), AnyTensor[2])
        True
    """

    __slots__ = ()
    tensor_type = TensorType()
    _docarray_own = (np.ndarray, AbstractTensor)

    def __new__(cls, tensor: Any) -> Any:
        return validator_of(cls)(tensor)

    @classmethod
    def _docarray_compile(cls) -> Callable[[Any], Any]:
        kind = cls.tensor_type
        validators: dict[str, Callable[[Any], Any]] = {}

        def of(name: str) -> Callable[[Any], Any]:
            concrete = tensor_class(name, kind.modality)
            key = (*(kind.shape or ()), *([kind.dtype] if kind.dtype else []))
            open_type = kind.shape is None and not kind.dtype
            validators[name] = validator_of(concrete if open_type else concrete[key])
            return validators[name]

        numpy = of('numpy')

        def validate(value: Any) -> Any:
            if type(value) is np.ndarray:
                return numpy(value)
            if isinstance(value, AbstractTensor):
                name = value.tensor_type.framework
                if not name and not kind.modality:
                    return _checked(value, kind)
            else:
                framework = framework_of(value)
                name = _imported_framework(value) if framework is None else framework.name
            name = name if name in _HOMES else 'numpy'
            return (validators.get(name) or of(name))(value)

        return validate

    @classmethod
    def __docarray_codec__(cls) -> Codec:
        kind = cls.tensor_type
        stored = Kind('tensor', shape=kind.shape, dtype=kind.dtype or None)

        def unpack(tensor: Any) -> Any:
            framework = framework_of(tensor)
            name = 'numpy' if framework is None or framework.name not in _HOMES else framework.name
            return tensor_class(name, kind.modality)._docarray_from_native(tensor)

        return Codec(stored, _pack_any, unpack, '', cls.__unparametrizedcls__)


def _imported_framework(value: Any) -> str:
    """Return the framework that JSON names, if it is in use here: no text from outside may import one."""
    name = value.get('framework') if isinstance(value, Mapping) else None
    return name if isinstance(name, str) and name in _HOMES and name in sys.modules else ''


def _checked(value: AbstractTensor, kind: TensorType) -> AbstractTensor:
    """A tensor of a user's own class, which stays what it is."""
    if fits(value, kind):
        return value
    shape = np.shape(value._docarray_to_ndarray())
    raise kind.error(shape) or TensorError(got=f'shape {shape}', wanted=f'dtype {kind.dtype}')


def _pack_any(value: Any) -> Any:
    if not isinstance(value, AbstractTensor):
        return value
    return value._docarray_pack(value) if value.tensor_type.framework else value._docarray_to_ndarray()


if TYPE_CHECKING:

    class NdArrayEmbedding(AbstractEmbedding, NdArray):
        """An embedding as a numpy array."""

    class ImageNdArray(AbstractImageTensor, NdArray):
        """An image as a numpy array."""

    class AudioNdArray(AbstractAudioTensor, NdArray):
        """Audio as a numpy array."""

    class VideoNdArray(AbstractVideoTensor, NdArray):
        """Video as a numpy array."""

    class AnyEmbedding(AbstractEmbedding, AnyTensor):
        """An embedding as a tensor of any framework."""

    class ImageTensor(AbstractImageTensor, AnyTensor):
        """An image as a tensor of any framework."""

    class AudioTensor(AbstractAudioTensor, AnyTensor):
        """Audio as a tensor of any framework."""

    class VideoTensor(AbstractVideoTensor, AnyTensor):
        """Video as a tensor of any framework."""

else:
    NdArrayEmbedding, ImageNdArray, AudioNdArray, VideoNdArray = modality_classes(NdArray)
    AnyEmbedding, ImageTensor, AudioTensor, VideoTensor = modality_classes(AnyTensor)


@cache
def tensor_class(framework: str, modality: str = '') -> Any:
    """Return the tensor class of a framework and a modality, importing the framework.

    Args:
        framework: 'numpy', 'torch', 'tensorflow' or 'jax', or '' for the class that takes any.
        modality: '', 'embedding', 'image', 'audio' or 'video'.

    Raises:
        MissingExtraError: The framework is not installed.

    Example:
        >>> tensor_class('numpy', 'image').__name__
        'ImageNdArray'
    """
    module, name = _HOMES[framework] if framework else (__name__, 'AnyTensor')
    if framework:
        _lazy.load(framework)
    return getattr(importlib.import_module(module), class_name(name, modality))
