"""What docarray of February 2023 wrote for lists, sets, tuples and dicts: google.protobuf.Value and its kin.

They stand under the numbers of today's messages, and say by their own numbers and wire types that they are
not these. All numbers in them are doubles.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack
from typing import Any

from docarray.errors import FormatError
from docarray.formats.protobuf.nodes import decode_text
from docarray.formats.protobuf.wire import BYTES, FIXED64, VARINT, records

__all__ = ['NotSeedError', 'seed_list', 'seed_struct', 'seed_value']

_WHERE = 'google.protobuf.Value'


class NotSeedError(Exception):
    """These bytes are no such message."""


def seed_value(raw: memoryview) -> Any:
    """Return a ``google.protobuf.Value`` as a Python value.

    Raises:
        NotSeedError: It is none: not exactly one field, or one of another number or wire type.

    Example:
        >>> seed_value(memoryview(bytes.fromhex('1a0161')))
        'a'
    """
    ((number, wire_type, value),) = _fields(raw, 1)
    wanted, read = _KINDS.get(number, (-1, bytes))
    if wire_type != wanted:
        raise NotSeedError
    return read(value)


def seed_list(raw: memoryview) -> list[Any]:
    """Return a ``google.protobuf.ListValue`` as a list.

    Raises:
        NotSeedError: It is none.
    """
    found = []
    for number, wire_type, value in _fields(raw):
        if (number, wire_type) != (1, BYTES):
            raise NotSeedError
        found.append(seed_value(value))
    return found


def seed_struct(raw: memoryview) -> dict[str, Any]:
    """Return a ``google.protobuf.Struct`` as a dict.

    Raises:
        NotSeedError: It is none.
    """
    found = {}
    for number, wire_type, entry in _fields(raw):
        if (number, wire_type) != (1, BYTES):
            raise NotSeedError
        (first, first_type, key), (second, second_type, value) = _fields(entry, 2)
        if (first, first_type, second, second_type) != (1, BYTES, 2, BYTES):
            raise NotSeedError
        try:
            found[decode_text(key)] = seed_value(value)
        except FormatError as error:
            raise NotSeedError from error
    return found


def _fields(raw: memoryview, count: int | None = None) -> list[tuple[int, int, memoryview]]:
    try:
        found = [(number, wire, raw[start:stop]) for number, wire, _, start, stop in records(raw, _WHERE)]
    except FormatError as error:
        raise NotSeedError from error
    if count is not None and len(found) != count:
        raise NotSeedError
    return found


#: By its number in Value: the wire type and the reader of a kind.
_KINDS: dict[int, tuple[int, Callable[[memoryview], Any]]] = {
    1: (VARINT, lambda raw: None),
    2: (FIXED64, lambda raw: unpack('<d', raw)[0]),
    3: (BYTES, decode_text),
    4: (VARINT, lambda raw: bytes(raw) != b'\0'),
    5: (BYTES, seed_struct),
    6: (BYTES, seed_list),
}
