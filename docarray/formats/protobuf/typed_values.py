"""Values of kinds in typed messages: numbers and text, tensors, lists and dicts of them, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from docarray.errors import DtypeError, FormatError, KindError, LimitError, MissingExtraError, show
from docarray.formats.protobuf.tensors import array_of
from docarray.frameworks import Framework, framework_of, get_framework
from docarray.kinds import Codec, identity
from docarray.typing.types import DTYPES

__all__ = ['MESSAGES', 'SCALARS', 'fill', 'gather', 'read_message', 'read_scalar']


# -- writing ------------------------------------------------------------------------------------------


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(',', ':'))


def write_tensor(message: Any, tensor: Any, codec: Codec) -> None:
    """Write a native tensor into a Tensor message."""
    framework = framework_of(tensor)
    assert framework is not None
    array, dtype = framework.to_numpy(tensor), framework.dtype(tensor)
    if dtype not in DTYPES:
        raise KindError(got=f'a tensor of dtype {dtype}', wanted='one of ' + ', '.join(sorted(DTYPES)))
    if sys.byteorder == 'big' or not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder('<'))
    message.dtype, message.data = dtype, array.tobytes()
    message.shape.extend(array.shape)
    if not codec.framework:
        message.framework = framework.name


def _write_values(message: Any, value: Any, codec: Codec) -> None:
    fill(message.values, value, codec)


#: What a scalar of a kind is in protobuf.
SCALARS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(('bool', 'int', 'float', 'str', 'bytes'), identity),
    'json': _to_json,
}
#: How to write a value of a kind that is a message.
MESSAGES: dict[str, Callable[[Any, Any, Codec], None]] = {
    'tensor': write_tensor,
    'list': _write_values,
    'map': _write_values,
}


def fill(container: Any, value: Any, codec: Codec) -> None:
    """Write a packed list or dict into a repeated field or a map.

    Args:
        container: The field.
        value: A list or dict, as ``codec.pack`` returns it.
        codec: The codec of the list or dict.
    """
    item = codec.kind.item
    assert item is not None
    scalar = SCALARS.get(item.kind.name)
    if codec.kind.name == 'list':
        if scalar is not None:
            container.extend(map(scalar, value))
        else:
            for one in value:
                MESSAGES[item.kind.name](container.add(), one, item)
    else:
        for key, one in value.items():
            if scalar is not None:
                container[key] = scalar(one)
            else:
                MESSAGES[item.kind.name](container[key], one, item)


# -- reading ------------------------------------------------------------------------------------------


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise LimitError(got='JSON of too many levels', wanted='some hundred at most') from error
    except ValueError as error:
        raise FormatError(got=f'{show(text)}: {error}', wanted='JSON') from error


def read_scalar(value: Any, codec: Codec) -> Any:
    """Return a scalar of protobuf as a packed value of a codec.

    Raises:
        FormatError: It is to be JSON and is none.
    """
    return _from_json(value) if codec.kind.name == 'json' else value


def read_message(message: Any, codec: Codec, framework: str) -> Any:
    """Return a Tensor, or a message around a list or dict, as a packed value of a codec.

    Args:
        message: The message.
        codec: The codec.
        framework: Which one the tensors are to be of where the codec takes all of them; '' for the one
            that they were of.

    Raises:
        FormatError: A tensor is none, or text that is to be JSON.
    """
    if codec.kind.name == 'tensor':
        return _read_tensor(message, codec.framework or framework)
    return gather(message.values, codec, framework)


def gather(container: Any, codec: Codec, framework: str) -> Any:
    """Return a repeated field or a map as a packed value of a codec: a list or dict, which is sorted.

    Maps have no order in protobuf. See ``read_message``.
    """
    item = codec.kind.item
    assert item is not None
    if item.kind.name in SCALARS:
        read: Callable[[Any], Any] = lambda value: read_scalar(value, item)  # noqa: E731
    else:
        read = lambda value: read_message(value, item, framework)  # noqa: E731
    if codec.kind.name == 'list':
        return list(map(read, container))
    return {key: read(container[key]) for key in sorted(container)}


def _read_tensor(message: Any, name: str) -> Any:
    """Return a Tensor message as a native tensor, whose memory is its own."""
    shape, dtype = tuple(message.shape), message.dtype
    if dtype not in DTYPES:
        raise FormatError(got=f'a tensor of dtype {show(dtype)}', wanted="a name such as 'float32'")
    if any(axis < 0 for axis in shape):
        raise FormatError(got=f'a tensor of shape {show(shape)}', wanted='sizes of axes')
    array = array_of(bytearray(message.data), shape, dtype)
    if sys.byteorder == 'big':
        array = array.byteswap()
    framework = _installed(name or message.framework)
    try:
        return framework.from_numpy(array)
    except DtypeError:  # which the framework does not have
        return array


@lru_cache(64)
def _installed(name: str) -> Framework:
    """Return a framework, or numpy for one that is not installed or not known."""
    try:
        return get_framework(name or 'numpy')
    except (MissingExtraError, KeyError):
        return get_framework('numpy')
