"""The wire format of protobuf, as far as docarray writes and reads it by itself.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docarray.errors import FormatError, TruncatedError

__all__ = [
    'BYTES',
    'FIXED32',
    'FIXED64',
    'VARINT',
    'field',
    'read_varint',
    'records',
    'signed',
    'tag',
    'varint',
]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}

Buffer = bytes | memoryview


def varint(number: int) -> bytes:
    """Return an unsigned integer of up to 64 bits, or a negative one of 64, as a varint.

    Example:
        >>> varint(300).hex()
        'ac02'
    """
    if 0 <= number < 0x80:
        return _SMALL[number]
    number &= 0xFFFF_FFFF_FFFF_FFFF
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


_SMALL = [bytes([number]) for number in range(0x80)]


def tag(number: int, wire_type: int) -> bytes:
    """Return what stands before the value of a field.

    Example:
        >>> tag(1, BYTES).hex()
        '0a'
    """
    return varint(number << 3 | wire_type)


def field(number: int, data: bytes) -> bytes:
    """Return a whole field of bytes, text or a message.

    Example:
        >>> field(1, b'ab').hex()
        '0a026162'
    """
    return tag(number, BYTES) + varint(len(data)) + data


def read_varint(data: Any, pos: int, where: str = '') -> tuple[int, int]:
    """Read a varint.

    Args:
        data: bytes or a memoryview of bytes.
        pos: Where it starts.
        where: For the error.

    Returns:
        The number, unsigned, and where the next thing starts.

    Raises:
        FormatError: It has more than ten bytes.
        TruncatedError: The data end within it.
    """
    number = shift = 0
    start = pos
    while True:
        if pos >= len(data):
            raise TruncatedError(where=f'{where}, byte {start}', got='its end', wanted='a whole number')
        byte = data[pos]
        pos += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, pos
        shift += 7
        if shift > 63:
            raise FormatError(
                where=f'{where}, byte {start}', got='a number of too many bytes', wanted='up to 10'
            )


def signed(number: int) -> int:
    """Return a number of 64 bits as the signed one that it stands for.

    Example:
        >>> signed(2**64 - 1)
        -1
    """
    return number - (1 << 64) if number >> 63 else number


def records(data: Buffer, where: str, start: int = 0) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield the fields of a message, one level deep.

    Args:
        data: The message, or more of which it is the rest.
        where: For errors.
        start: Where the message starts.

    Yields:
        The field's number and wire type; where it starts; where its value starts and stops.

    Raises:
        TruncatedError: The data end within a field.
        FormatError: Something is no field.
    """
    pos, end = start, len(data)
    while pos < end:
        begin = pos
        key = data[pos]
        pos += 1
        if key >= 0x80:
            key, pos = read_varint(data, begin, where)
        number, wire_type = key >> 3, key & 7
        if not 0 < number < 1 << 29:
            raise FormatError(
                where=f'{where}, byte {begin}', got=f'field number {number}', wanted='1 or more'
            )
        if wire_type == BYTES:
            size, pos = read_varint(data, pos, where)
        elif wire_type == VARINT:
            _, stop = read_varint(data, pos, where)
            size = stop - pos
        elif wire_type in _FIXED:
            size = _FIXED[wire_type]
        else:
            raise FormatError(
                where=f'{where}, byte {begin}', got=f'wire type {wire_type}', wanted='0, 1, 2 or 5'
            )
        if size > end - pos:
            got = f'a field of {size} bytes'
            raise TruncatedError(
                where=f'{where}, byte {begin}', got=got, wanted=f'the {end - pos} that are left'
            )
        yield number, wire_type, begin, pos, pos + size
        pos += size
