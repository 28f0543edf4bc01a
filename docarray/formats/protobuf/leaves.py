"""Single values as nodes: numbers, text, bytes, tensors.

Writers append pieces of bytes to ``out`` and return how many bytes they were, so that nothing large is
copied before all is joined.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

import numpy as np

from docarray.errors import KindError, show
from docarray.formats.protobuf.tensors import dense_header, payload, type_name
from docarray.formats.protobuf.wire import BYTES, FIXED64, VARINT, field, tag, varint
from docarray.frameworks import framework_of
from docarray.typing import bytes as media
from docarray.typing import urls
from docarray.typing.id import ID

__all__ = [
    'SIMPLE',
    'STRUCT_START',
    'Out',
    'encode_text',
    'integer',
    'pack_double',
    'sized',
    'text_type',
    'write_tensor',
]

Out = list[Any]

TEXT, INTEGER, FLOAT, BOOLEAN = tag(1, BYTES), tag(2, VARINT), tag(3, FIXED64), tag(4, VARINT)
BLOB, NDARRAY = tag(5, BYTES), tag(6, BYTES)

#: The types of text.
TEXT_TYPES: dict[str, Any] = {
    'id': ID,
    'image_url': urls.ImageUrl,
    'audio_url': urls.AudioUrl,
    'video_url': urls.VideoUrl,
    'text_url': urls.TextUrl,
    'mesh_url': urls.Mesh3DUrl,
    'point_cloud_url': urls.PointCloud3DUrl,
    'url3d': urls.Url3D,
    'any_url': urls.AnyUrl,
}
BLOB_TYPES: dict[str, Any] = {
    'image_bytes': media.ImageBytes,
    'audio_bytes': media.AudioBytes,
    'video_bytes': media.VideoBytes,
}
_NAMES = {cls: name for name, cls in (*TEXT_TYPES.items(), *BLOB_TYPES.items())}
#: Of the node of bytes that start as a google.protobuf.Struct does: that they are none.
_OPAQUE = tag(1000, VARINT) + b'\1'
STRUCT_START = b'\n'
_INT64 = range(-(2**63), 2**63)
pack_double = Struct('<d').pack


def text_type(cls: Any) -> bytes:
    r"""Return the field ``type`` of the nodes of a class of text or bytes, b'' for one that has none.

    Example:
        >>> text_type(ID), text_type(str)
        (b'j\x02id', b'')
    """
    for base in cls.__mro__ if isinstance(cls, type) else ():
        if base in _NAMES:
            return field(13, _NAMES[base].encode())
    return b''


def encode_text(text: str) -> bytes:
    """Return text as UTF-8.

    Raises:
        KindError: It has lone surrogates.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        hint = f'There is a lone surrogate at position {error.start}.'
        raise KindError(got=show(text), wanted='valid Unicode', hint=hint) from error


def integer(value: int) -> bytes:
    """Return an int as the varint of 64 bits.

    Raises:
        KindError: It has more.
    """
    if value not in _INT64:
        hint = 'Declare the field as str or float to keep it.'
        raise KindError(got=show(value), wanted='an int of 64 bits', hint=hint)
    return varint(value)


def _blob(value: bytes) -> bytes:
    return field(5, value) + (_OPAQUE if value.startswith(STRUCT_START) else b'')


#: The nodes of values of these very classes.
SIMPLE: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b'',
    bool: lambda value: BOOLEAN + (b'\1' if value else b'\0'),
    int: lambda value: INTEGER + integer(value),
    float: lambda value: FLOAT + pack_double(value),
    str: lambda value: field(1, encode_text(value)),
    bytes: _blob,
    bytearray: lambda value: _blob(bytes(value)),
    memoryview: lambda value: _blob(value.tobytes()),
    **{
        cls: lambda value: text_type(type(value)) + field(1, encode_text(str(value)))
        for cls in TEXT_TYPES.values()
    },
    **{cls: lambda value: text_type(type(value)) + field(5, bytes(value)) for cls in BLOB_TYPES.values()},
}


def sized(place: int, head: bytes, size: int, out: Out) -> int:
    """Put before what was written since ``place`` its head and its size; return the size of all of it."""
    out[place] = start = head + varint(size)
    return len(start) + size


def array_and_type(value: Any) -> tuple[Any, str] | None:
    """Return a tensor, docarray's or native, as an array and the type of its node; None for anything else."""
    if isinstance(value, np.ndarray):
        return value, array_type(value)
    ours = getattr(type(value), 'tensor_type', None)
    if ours is not None and hasattr(value, '_docarray_to_ndarray'):
        return np.asarray(value._docarray_to_ndarray()), type_name(ours.framework, ours.modality)
    adapter = framework_of(value)
    return None if adapter is None else (adapter.to_numpy(value), type_name(adapter.name, ''))


def array_type(array: Any) -> str:
    """Return the type of the node of a numpy array, docarray's or native."""
    ours = getattr(type(array), 'tensor_type', None)
    return type_name('numpy', '' if ours is None else ours.modality)


def tensor_head(dtype: Any, shape: tuple[int, ...], name: str) -> tuple[bytes, int]:
    """Return what stands before the values in the node of a tensor, and the size of the node."""
    header, size = dense_header(dtype, shape)
    head = field(13, name.encode()) + NDARRAY + varint(size) + header
    return head, len(head) + size - len(header)


def write_tensor(value: Any, out: Out) -> int | None:
    """Write a tensor as a node and return its size; None for anything else."""
    found = array_and_type(value)
    if found is None:
        return None
    array, name = found
    head, size = tensor_head(array.dtype, array.shape, name)
    out += (head, payload(array))
    return size
