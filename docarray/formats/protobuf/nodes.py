"""Messages of documents read by docarray itself, one level at a time, in the shape that protobuf gives them.

They stand in for protobuf's own messages where those do not do: protobuf refuses messages deeper than 100,
and does not keep the bytes of what February 2023 wrote in other messages under the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack
from typing import Any

from docarray.errors import FormatError
from docarray.formats.protobuf.wire import BYTES, FIXED64, VARINT, read_varint, records, signed

__all__ = ['Dense', 'Doc', 'Node', 'NodeList', 'decode_text', 'inside', 'map_entries']

_WHERE = 'protobuf'


def inside(raw: memoryview, number: int) -> list[memoryview]:
    """Return the messages in the fields of one number."""
    return [
        raw[start:stop]
        for found, wire_type, _, start, stop in records(raw, _WHERE)
        if found == number and wire_type == BYTES
    ]


def map_entries(raw: memoryview, number: int) -> list[tuple[str, memoryview]]:
    """Return the keys and values of a map from text to messages; a key may be there several times."""
    found = []
    for entry in inside(raw, number):
        keys, values = inside(entry, 1), inside(entry, 2)
        key = decode_text(keys[-1]) if keys else ''
        found.append((key, values[-1] if values else entry[:0]))
    return found


def decode_text(raw: memoryview) -> str:
    """Return UTF-8 as text.

    Raises:
        FormatError: It is not UTF-8.
    """
    try:
        return str(raw, 'utf-8')
    except UnicodeDecodeError as error:
        raise FormatError(where=_WHERE, got='text that is not UTF-8', wanted='UTF-8') from error


class Doc:
    """A DocProto."""

    __slots__ = ('data',)

    def __init__(self, raw: memoryview) -> None:
        self.data = {key: Node(value) for key, value in map_entries(raw, 1)}


class _Dict(Doc):
    """A DictOfAnyProto."""

    __slots__ = ('order',)

    def __init__(self, raw: memoryview) -> None:
        super().__init__(raw)
        self.order = list(map(decode_text, inside(raw, 1000)))


class _Docs:
    """A DocListProto."""

    __slots__ = ('docs',)

    def __init__(self, raw: memoryview) -> None:
        self.docs = list(map(Doc, inside(raw, 1)))


class NodeList:
    """A ListOfAnyProto."""

    __slots__ = ('data',)

    def __init__(self, raw: memoryview) -> None:
        self.data = list(map(Node, inside(raw, 1)))


class _Array:
    """An NdArrayProto."""

    __slots__ = ('dense',)

    def __init__(self, raw: memoryview) -> None:
        self.dense = Dense(inside(raw, 1))


class Dense:
    """A DenseNdArrayProto, in as many pieces as it may have."""

    __slots__ = ('buffer', 'dtype', 'shape')

    def __init__(self, pieces: list[memoryview]) -> None:
        self.buffer: Any = b''
        self.shape: list[int] = []
        self.dtype = ''
        for piece in pieces:
            for number, wire_type, _, start, stop in records(piece, _WHERE):
                if number == 1 and wire_type == BYTES:
                    self.buffer = piece[start:stop]
                elif number == 2 and wire_type in (BYTES, VARINT):
                    self.shape += _numbers(piece[start:stop])
                elif number == 3 and wire_type == BYTES:
                    self.dtype = decode_text(piece[start:stop])


def _numbers(raw: memoryview) -> list[int]:
    found, pos = [], 0
    while pos < len(raw):
        number, pos = read_varint(raw, pos, _WHERE)
        found.append(number & 0xFFFF_FFFF)
    return found


Reader = Callable[[memoryview], Any]

#: By its number in NodeProto: the name, wire type, reader and default of a content.
_CONTENTS: dict[int, tuple[str, int, Reader]] = {
    1: ('text', BYTES, decode_text),
    2: ('integer', VARINT, lambda raw: signed(read_varint(raw, 0, _WHERE)[0])),
    3: ('float', FIXED64, lambda raw: unpack('<d', raw)[0]),
    4: ('boolean', VARINT, lambda raw: bool(read_varint(raw, 0, _WHERE)[0])),
    5: ('blob', BYTES, bytes),
    6: ('ndarray', BYTES, _Array),
    7: ('doc', BYTES, Doc),
    8: ('doc_array', BYTES, _Docs),
    9: ('list', BYTES, NodeList),
    10: ('set', BYTES, NodeList),
    11: ('tuple', BYTES, NodeList),
    12: ('dict', BYTES, _Dict),
}
_TYPE, _OPAQUE = 13, 1000
_DEFAULTS: dict[str, Any] = {'text': '', 'integer': 0, 'float': 0.0, 'boolean': False, 'blob': b''}


class Node:
    """A NodeProto. What it holds is read when it is asked for.

    Example:
        >>> Node(memoryview(bytes.fromhex('1001'))).integer
        1
    """

    __slots__ = ('content', 'inner', 'opaque', 'raw', 'read', 'type')

    def __init__(self, raw: memoryview) -> None:
        self.raw, self.content, self.type, self.opaque = raw, '', '', False
        self.inner: memoryview = raw[:0]
        self.read: Reader = bytes
        for number, wire_type, _, start, stop in records(raw, _WHERE):
            name, wanted, read = _CONTENTS.get(number, ('', -1, bytes))
            if wire_type == wanted:
                self.content, self.inner, self.read = name, raw[start:stop], read
            elif number == _TYPE and wire_type == BYTES:
                self.type = decode_text(raw[start:stop])
            elif number == _OPAQUE:
                self.opaque = True

    def __getattr__(self, name: str) -> Any:
        if name == self.content:
            return self.read(self.inner)
        if name in _DEFAULTS:
            return _DEFAULTS[name]
        if name in _MESSAGES:
            return _MESSAGES[name](self.raw[:0])
        raise AttributeError(name)

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802 - protobuf's name
        """Return the name of the content; ``group`` is 'content'."""
        return self.content or None

    def ByteSize(self) -> int:  # noqa: N802 - protobuf's name
        """Return the size of the node."""
        return len(self.raw)


_MESSAGES = {name: read for name, wire_type, read in _CONTENTS.values() if name not in _DEFAULTS}
