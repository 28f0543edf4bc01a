"""Writers of single values of each kind, with all that stands before them made beforehand.

A writer takes a value that is not None, writes it as an entry of DocProto or as an item of ListOfAnyProto,
and returns its size. What is not of its kind, since it was never validated, goes to a ``fallback``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from docarray.formats.protobuf.leaves import (
    BLOB,
    BOOLEAN,
    FLOAT,
    INTEGER,
    TEXT,
    Out,
    array_and_type,
    array_type,
    encode_text,
    integer,
    pack_double,
    tensor_head,
    text_type,
)
from docarray.formats.protobuf.tensors import payload
from docarray.formats.protobuf.wire import BYTES, tag, varint
from docarray.kinds import Codec, identity

__all__ = ['KIND_WRITERS', 'Heads', 'Writer', 'entry_head']

Writer = Callable[[Any, Out], int]

FIRST = tag(1, BYTES)
#: Heads that are kept are those of shorter values than this, and as many.
_KEPT = 1024


def entry_head(key: bytes, size: int) -> bytes:
    """Return what stands before the value, of this size, of an entry."""
    inside = key + varint(size)
    return FIRST + varint(len(inside) + size) + inside


class Heads(dict[int, bytes]):
    """What stands before a value in its entry or item, with its tags and lengths, by the size of the value.

    Args:
        key: Of the entry; None for an item of a list.
        node: What stands before the value in its node.
        counted: Whether the size of the value stands before it too.
    """

    def __init__(self, key: bytes | None, node: bytes, counted: bool) -> None:
        self.key, self.node, self.counted = key, node, counted

    def __missing__(self, size: int) -> bytes:
        start = self.node + varint(size) if self.counted else self.node
        whole = len(start) + size
        head = (FIRST + varint(whole) if self.key is None else entry_head(self.key, whole)) + start
        if size < _KEPT:
            self[size] = head
        return head


def _text_writer(codec: Codec, key: bytes | None, fallback: Writer) -> Writer:
    heads = Heads(key, text_type(codec.unpack) + TEXT, True)
    pack = None if codec.pack in (identity, str) else codec.pack

    def write(value: Any, out: Out) -> int:
        try:
            text = value if pack is None else pack(value)
            data = text.encode()
        except UnicodeEncodeError:
            data = encode_text(text)
        except Exception:  # a value that was not validated
            return fallback(value, out)
        piece = heads[len(data)] + data
        out.append(piece)
        return len(piece)

    return write


def _bytes_writer(codec: Codec, key: bytes | None, fallback: Writer) -> Writer:
    heads = Heads(key, text_type(codec.unpack) + BLOB, True)

    def write(value: Any, out: Out) -> int:
        if not isinstance(value, bytes):
            return fallback(value, out)
        start = heads[len(value)]
        out += (start, value)
        return len(start) + len(value)

    return write


def _int_writer(codec: Codec, key: bytes | None, fallback: Writer) -> Writer:
    heads, pack = Heads(key, INTEGER, False), codec.pack

    def write(value: Any, out: Out) -> int:
        if pack is not identity:
            value = pack(value)
        if type(value) is not int:
            return fallback(value, out)
        data = integer(value)
        piece = heads[len(data)] + data
        out.append(piece)
        return len(piece)

    return write


def _float_writer(codec: Codec, key: bytes | None, fallback: Writer) -> Writer:
    head, pack = Heads(key, FLOAT, False)[8], codec.pack

    def write(value: Any, out: Out) -> int:
        if pack is not identity:
            value = pack(value)
        if type(value) is not float:
            return fallback(value, out)
        out.append(head + pack_double(value))
        return len(head) + 8

    return write


def _bool_writer(codec: Codec, key: bytes | None, fallback: Writer) -> Writer:
    head, pack = Heads(key, BOOLEAN, False)[1], codec.pack
    pieces = {True: head + b'\1', False: head + b'\0'}

    def write(value: Any, out: Out) -> int:
        if pack is not identity:
            value = pack(value)
        if type(value) is not bool:
            return fallback(value, out)
        out.append(pieces[value])
        return len(head) + 1

    return write


def _tensor_writer(codec: Codec, key: bytes | None, fallback: Writer) -> Writer:
    kept: dict[Any, bytes] = {}

    def make(kind: Any, array: Any, name: str) -> bytes:
        start, size = tensor_head(array.dtype, array.shape, name)
        head = (FIRST + varint(size) if key is None else entry_head(key, size)) + start
        if len(kept) < _KEPT:
            kept[kind, array.dtype, array.shape] = head
        return head

    def write(value: Any, out: Out) -> int:
        array, name, kind = value, '', type(value)
        if not isinstance(value, np.ndarray):
            found = array_and_type(value)
            if found is None:
                return fallback(value, out)
            array, name = found
        head = kept.get((kind, array.dtype, array.shape)) or make(kind, array, name or array_type(array))
        out += (head, payload(array))
        return len(head) + int(array.nbytes)

    return write


KIND_WRITERS: dict[str, Callable[[Codec, bytes | None, Writer], Writer]] = {
    'str': _text_writer,
    'bytes': _bytes_writer,
    'int': _int_writer,
    'float': _float_writer,
    'bool': _bool_writer,
    'tensor': _tensor_writer,
}
