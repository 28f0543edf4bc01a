"""The seals of compressed data: the CRC-32 of all bytes before, in a form that readers skip.

===========  ==========================================================================
gzip         an empty member with the CRC-32 in its extra field (RFC 1952, section 2.3.1.1)
zstd, lz4    a skippable frame
bz2          eleven empty streams, whose block sizes spell the CRC-32
lzma         sixteen empty xz streams, whose kinds of checksum spell the CRC-32
zlib         bytes behind the end of the stream
===========  ==========================================================================

A file stays valid for the tools of its compression. A document that is compressed by itself, in a stream of
documents, is read by docarray alone: bz2 and lzma have the short form of zlib there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from docarray.errors import ChecksumError
from docarray.formats.checksum import crc32
from docarray.formats.files.seals import changed, nearly

__all__ = ['FILE_TAILS', 'FRAME_TAILS', 'Tail', 'split_tail', 'untailed_chunks']

#: How much comes together before it is handed on.
_PIECE_BYTES = 1 << 16


class Tail(NamedTuple):
    """A form of seal.

    Attributes:
        pack: From the CRC-32 to the bytes, which are always equally many.
        unpack: From such bytes to the CRC-32; anything from other bytes.

    Example:
        >>> FILE_TAILS['bz2'].unpack(FILE_TAILS['bz2'].pack(12345))
        12345
    """

    pack: Callable[[int], bytes]
    unpack: Callable[[bytes], int]

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return len(self.pack(0))

    def is_at(self, end: bytes, crc: int, where: str, place: int) -> bool:
        """Whether data end with this seal.

        Args:
            end: The last ``size`` bytes.
            crc: The CRC-32 of everything before.
            where: What it is, for errors.
            place: Where ``end`` starts.

        Raises:
            ChecksumError: They do, and the seal or what is before it has changed.
        """
        right = self.pack(crc)
        if end == right:
            return True
        if nearly(end, right):
            raise changed(where, place, place + len(end))
        if len(end) == len(right) and self.pack(self.unpack(end) & 0xFFFFFFFF) == end:
            raise changed(where, 0, place)
        return False


def split_tail(data: Any, tail: Tail, where: str) -> tuple[Any, bool]:
    """Return data without their seal, and whether they had one.

    Raises:
        ChecksumError: They have one, and it or they have changed.

    Example:
        >>> tail = FILE_TAILS['zlib']
        >>> split_tail(b'abc' + tail.pack(crc32(b'abc')), tail, 'here')
        (b'abc', True)
    """
    place = max(0, len(data) - tail.size)
    if tail.is_at(bytes(data[place:]), crc32(data[:place]), where, place):
        return data[:place], True
    return data, False


def untailed_chunks(
    chunks: Iterable[Any], tail: Tail, where: str, found: Callable[[bool], None]
) -> Iterator[bytes]:
    """Yield a stream without its seal.

    The checksum comes last, so what was damaged has been handed on before the error.

    Args:
        chunks: The stream, cut anywhere.
        tail: The form of the seal.
        where: What it is, for errors.
        found: Called at the end with whether there was a seal.

    Raises:
        ChecksumError: Bytes have changed.
    """
    size, crc, place = tail.size, 0, 0
    held = bytearray()
    for chunk in chunks:
        held += chunk
        ready = len(held) - size
        if ready >= _PIECE_BYTES:
            piece = bytes(held[:ready])
            del held[:ready]
            crc, place = crc32(piece, crc), place + ready
            yield piece
    start = max(0, len(held) - size)
    rest, end = bytes(held[:start]), bytes(held[start:])
    try:
        sealed = tail.is_at(end, crc32(rest, crc), where, place + start)
    except ChecksumError:
        yield rest  # which may have checksums inside that are right
        raise
    found(sealed)
    yield rest if sealed else rest + end


# -- the forms ----------------------------------------------------------------------------------------


def _around(before: bytes, after: bytes = b'') -> Tail:
    """The CRC-32 as four bytes between others."""
    start = len(before)
    return Tail(
        lambda crc: before + crc.to_bytes(4, 'little') + after,
        lambda data: int.from_bytes(data[start : start + 4], 'little'),
    )


def _digits(pieces: list[bytes], bits: int, count: int) -> Tail:
    """Some bits of the CRC-32 for each of several pieces."""
    size, mask = len(pieces[0]), len(pieces) - 1
    numbers = {piece: number for number, piece in enumerate(pieces)}

    def pack(crc: int) -> bytes:
        return b''.join(pieces[crc >> bits * place & mask] for place in range(count))

    def unpack(data: bytes) -> int:
        return sum(
            numbers.get(data[size * place : size * (place + 1)], 0) << bits * place for place in range(count)
        )

    return Tail(pack, unpack)


def _empty_xz(check: int) -> bytes:
    """An xz stream without blocks (https://tukaani.org/xz/xz-file-format.txt, section 2)."""
    flags = bytes([0, check])
    head = b'\xfd7zXZ\0' + flags + crc32(flags).to_bytes(4, 'little')
    index = bytes(4) + crc32(bytes(4)).to_bytes(4, 'little')
    size_and_flags = (len(index) // 4 - 1).to_bytes(4, 'little') + flags
    return head + index + crc32(size_and_flags).to_bytes(4, 'little') + size_and_flags + b'YZ'


def _empty_bz2(level: int) -> bytes:
    return b'BZh%d' % level + bytes.fromhex('177245385090 00000000')


_SKIPPABLE = _around((0x184D2A5D).to_bytes(4, 'little') + (12).to_bytes(4, 'little') + b'docseal\x01')
_PLAIN = _around(b'docseal\x01')

FILE_TAILS = {
    'gzip': _around(
        bytes.fromhex('1f8b 08 04 00000000 00 ff 0c00') + b'DA' + b'\x08\x00' + b'seal',
        bytes.fromhex('0300 00000000 00000000'),
    ),
    'zstd': _SKIPPABLE,
    'lz4': _SKIPPABLE,
    'bz2': _digits([_empty_bz2(1 + number) for number in range(8)], 3, 11),
    'lzma': _digits([_empty_xz(check) for check in (0, 1, 4, 10)], 2, 16),  # none, CRC-32, CRC-64, SHA-256
    'zlib': _PLAIN,
}
FRAME_TAILS = FILE_TAILS | {'bz2': _PLAIN, 'lzma': _PLAIN}
