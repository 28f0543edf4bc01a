"""Tensors on the wire: their type names, dtypes and headers, and NdArrayProto."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np

from docarray.errors import DtypeError, FormatError, KindError, MissingExtraError, show
from docarray.formats.protobuf.descriptor import message_class
from docarray.formats.protobuf.wire import BYTES, field, tag, varint
from docarray.frameworks import Framework, get_framework
from docarray.typing.tensor_json import numpy_dtype
from docarray.typing.tensors import tensor_class
from docarray.typing.types import DTYPES

__all__ = [
    'array_of',
    'dense_header',
    'dtype_of',
    'payload',
    'tensor_from_proto',
    'tensor_of',
    'tensor_to_proto',
    'type_name',
    'wire_framework',
]

Array = np.ndarray[Any, Any]

_PLAIN = {'numpy': 'ndarray', 'torch': 'torch_tensor', 'tensorflow': 'tensorflow_tensor', 'jax': 'jaxarray'}
_EMBEDDINGS = {'numpy': 'ndarray', 'torch': 'torch', 'tensorflow': 'tensorflow', 'jax': 'jaxarray'}

#: From (framework, modality) to the type of the node.
TYPE_NAMES: dict[tuple[str, str], str] = {
    **{(framework, ''): name for framework, name in _PLAIN.items()},
    **{(framework, 'embedding'): f'{name}_embedding' for framework, name in _EMBEDDINGS.items()},
    **{
        (framework, modality): f'{modality}_{name}'
        for framework, name in _PLAIN.items()
        for modality in ('image', 'audio', 'video')
    },
}
TENSOR_TYPES = {name: key for key, name in TYPE_NAMES.items()}

#: Numbers, and the text and times that arrays of earlier versions could hold. No objects, which are pointers.
_CODE = re.compile(
    r'[<>=|]?(b1|[iu][1248]|f(2|4|8|12|16)|c(8|16|24|32)|[SU][1-9]\d{0,8}|[mM]8(\[\w{1,9}\])?)'
)
_USER_DTYPES = 256  # numpy numbers those of other packages from here on
_LITTLE = 4096  # bytes that are sooner copied than looked at


def type_name(framework: str, modality: str) -> str:
    """Return the type of a node that holds a tensor; of frameworks that have none, that of numpy.

    Example:
        >>> type_name('torch', 'image')
        'image_torch_tensor'
    """
    return TYPE_NAMES.get((framework, modality)) or TYPE_NAMES['numpy', modality]


@cache
def wire_framework(name: str) -> tuple[Framework, str]:
    """Return the framework and the modality of a node's type: numpy, where it is not known or not installed.

    Example:
        >>> wire_framework('image_ndarray')[1], wire_framework('no such thing')[0].name
        ('image', 'numpy')
    """
    framework, modality = TENSOR_TYPES.get(name, ('numpy', ''))
    try:
        return get_framework(framework), modality
    except MissingExtraError:
        return get_framework('numpy'), modality


# -- dtypes -------------------------------------------------------------------------------------------


def dtype_text(dtype: np.dtype[Any]) -> str:
    """Return how a dtype is written.

    Example:
        >>> dtype_text(np.dtype('float32'))
        '<f4'
    """
    text: str = dtype.name if dtype.num >= _USER_DTYPES else dtype.str
    if _CODE.fullmatch(text) is None and text not in DTYPES:
        raise KindError(got=f'a tensor of dtype {dtype}', wanted='one of numbers, text or times')
    return text


@lru_cache(256)
def dtype_of(text: str) -> np.dtype[Any]:
    """Return the dtype that was written so.

    Raises:
        FormatError: No tensor can have it.
    """
    try:
        return np.dtype(text) if _CODE.fullmatch(text) else numpy_dtype(text)
    except (DtypeError, TypeError) as error:
        raise FormatError(got=f'dtype {show(text)}', wanted="a dtype such as '<f4'") from error


# -- writing ------------------------------------------------------------------------------------------


@lru_cache(1024)
def dense_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> tuple[bytes, int]:
    """Return what comes before the values in an NdArrayProto, and the size of the whole message.

    The values come last, so that whatever is around them needs to be put before them only.
    """
    if any(axis >> 32 for axis in shape):
        raise KindError(got=f'a tensor of shape {shape}', wanted='axes below 2**32')
    size = prod(shape) * dtype.itemsize
    axes = b''.join(map(varint, shape))
    about = (field(2, axes) if shape else b'') + field(3, dtype_text(dtype).encode())
    dense = about + (tag(1, BYTES) + varint(size) if size else b'')
    header = tag(1, BYTES) + varint(len(dense) + size) + dense
    return header, len(header) + size


def payload(array: Array) -> Any:
    """Return the values of an array in C order, without a copy where there are many."""
    if array.nbytes <= _LITTLE or not array.flags.c_contiguous:
        return array.tobytes()
    return array.reshape(-1).view(np.uint8).data


# -- reading ------------------------------------------------------------------------------------------


def array_of(buffer: Any, shape: tuple[int, ...], dtype: str) -> Array:
    """Return the array of a dense message: a view of its buffer.

    Raises:
        FormatError: The buffer does not hold such an array.
    """
    found = dtype_of(dtype)
    wanted = prod(shape) * found.itemsize
    if wanted != len(buffer):
        got = f'a tensor of {len(buffer)} bytes'
        raise FormatError(got=got, wanted=f'{wanted}, for shape {show(shape)} of dtype {dtype}')
    try:
        array: Array = np.ndarray(shape, found, buffer)
    except ValueError as error:  # more axes than numpy can count
        raise FormatError(got=f'a tensor of shape {show(shape)}', wanted='one that numpy can hold') from error
    if found.kind == 'b' and array.size and array.view(np.uint8).max() > 1:
        raise FormatError(got='a tensor of bool with bytes other than 0 and 1', wanted='0 and 1')
    return array


def tensor_of(array: Array, name: str) -> Any:
    """Return an array as a tensor of docarray's, of the class that the type of its node says.

    Args:
        array: Its values, which are copied.
        name: The type; tensors of frameworks that are not installed become numpy's.
    """
    framework, modality = wire_framework(name)
    own = array.copy()
    try:
        return tensor_class(framework.name, modality)._docarray_from_native(framework.from_numpy(own))
    except DtypeError:  # which the framework does not have
        return tensor_class('numpy', modality)._docarray_from_native(own)


def tensor_to_proto(tensor: Any) -> Any:
    """Return a tensor as an NdArrayProto.

    Args:
        tensor: One of docarray's.

    Example:
        >>> from docarray.typing import NdArray
        >>> tensor_to_proto(NdArray([1, 2])).dense.dtype
        '<i8'
    """
    array = tensor._docarray_to_ndarray()
    header, _ = dense_header(array.dtype, array.shape)
    return message_class('NdArrayProto').FromString(header + array.tobytes())


def tensor_from_proto(cls: Any, message: Any) -> Any:
    """Return an NdArrayProto as a tensor of a class.

    Args:
        cls: A tensor class of docarray's; its shape and dtype are checked.
        message: What ``tensor_to_proto`` returned, or earlier versions.

    Raises:
        FormatError: The message holds no tensor.

    Example:
        >>> from docarray.typing import NdArray
        >>> tensor_from_proto(NdArray[2], tensor_to_proto(NdArray([1, 2])))
        NdArray([1, 2])
    """
    dense = message.dense
    try:
        array = array_of(dense.buffer, tuple(dense.shape), dense.dtype).copy()
    except FormatError as error:
        raise error.at(cls.__name__) from error.__cause__
    if array.dtype.kind in 'SUmM':  # which only what is a tensor already may have
        array = tensor_class('numpy', cls.tensor_type.modality)._docarray_from_native(array)
    return cls._docarray_validate(array)
