"""Seals of Arrow and Parquet files: checksums inside files that stay valid files of their formats.

A seal has the CRC-32 of each MiB, so that an error says where the file has changed. It stands behind the end
of an Arrow stream, or before the footer of a file, which readers find from the end of the file::

    zeros               up to a multiple of 8 bytes
    uint32 for each MiB before the seal: its CRC-32; the last may be shorter
    uint32              CRC-32 of what stands behind the seal
    uint64              bytes before the seal
    uint64              bytes behind it
    uint32              CRC-32 of the seal up to here
    16 bytes            SEAL_MARK

All numbers are little-endian. A mark with a few wrong bits is a damaged seal, not a file without one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from docarray.errors import ChecksumError
from docarray.formats.checksum import crc32

__all__ = [
    'BlockSeal',
    'BlockSums',
    'changed',
    'find_seal',
    'nearly',
    'pack_seal',
    'unsealed_chunks',
    'verified_blocks',
]

BLOCK_BYTES = 1 << 20
SEAL_MARK = b'\xd0docarray-seal1\n'

_TAIL = struct.Struct('<IQQ')  # CRC-32 of what is behind, bytes before, bytes behind
_TAIL_BYTES = _TAIL.size + 4 + len(SEAL_MARK)

#: How many wrong bits still leave a seal one that is damaged.
_NEAR_BITS = 8

#: The end of an Arrow stream is never handed on before the seal behind it has been looked at.
_END_BYTES = 8

#: How much comes together before it is handed on.
_PIECE_BYTES = 1 << 16


def changed(where: str, start: int, stop: int) -> ChecksumError:
    """Return the error about bytes whose checksum is wrong.

    Example:
        >>> str(changed('a.arrow', 0, 10))[:55]
        'a.arrow, bytes 0 to 10: got a wrong checksum, wanted th'
    """
    return ChecksumError(
        where=f'{where}, bytes {start} to {stop}',
        got='a wrong checksum',
        wanted='that of the bytes as they were written',
        hint='The file has changed since; salvage=True returns the documents before the damage.',
    )


def nearly(a: Any, b: Any) -> bool:
    """Whether two pieces of bytes are of one length and the same but for a few bits.

    Example:
        >>> nearly(b'abc', b'abb'), nearly(b'abc', b'')
        (True, False)
    """
    odd = int.from_bytes(a, 'big') ^ int.from_bytes(b, 'big')
    return len(a) == len(b) and bin(odd).count('1') <= _NEAR_BITS


class BlockSums:
    """The CRC-32 of each MiB of what goes by.

    Attributes:
        size: How many bytes there were.

    Example:
        >>> sums = BlockSums()
        >>> sums.add(b'abc')
        >>> sums.size, len(sums.all())
        (3, 1)
    """

    def __init__(self) -> None:
        self.size = 0
        self._done: list[int] = []
        self._last = 0

    def add(self, data: Any) -> None:
        """Take the next bytes."""
        view = memoryview(data).cast('B')
        while len(view):
            room = BLOCK_BYTES - self.size % BLOCK_BYTES
            part, view = view[:room], view[room:]
            self._last = crc32(part, self._last)
            self.size += len(part)
            if self.size % BLOCK_BYTES == 0:
                self._done.append(self._last)
                self._last = 0

    def all(self) -> list[int]:
        """Return the sums of all blocks, the last one maybe shorter."""
        return [*self._done, self._last] if self.size % BLOCK_BYTES else list(self._done)


def pack_seal(sums: BlockSums, behind: Any = b'') -> bytes:
    """Return the seal of the bytes that ``sums`` has seen, and of what will stand behind the seal.

    Example:
        >>> sums = BlockSums()
        >>> sums.add(b'abc')
        >>> find_seal(b'abc' + pack_seal(sums), 'here').before
        3
    """
    blocks = sums.all()
    body = struct.pack(f'<{len(blocks)}I', *blocks) + _TAIL.pack(crc32(behind), sums.size, len(behind))
    body = bytes(-(sums.size + len(body) + 4 + len(SEAL_MARK)) % 8) + body
    return body + crc32(body).to_bytes(4, 'little') + SEAL_MARK


def seal_bytes(size: int) -> int:
    """Return how long the seal of so many bytes is at most."""
    return 7 + 4 * -(-size // BLOCK_BYTES) + _TAIL_BYTES


class BlockSeal(NamedTuple):
    """The seal of a file.

    Attributes:
        before: How many bytes stand before it.
        end: Where it ends, and what is behind it starts.
        blocks: The CRC-32 of each MiB before it.
        behind: The CRC-32 of what is behind it.
        where: The name of the file, for errors.
    """

    before: int
    end: int
    blocks: tuple[int, ...]
    behind: int
    where: str

    def check_block(self, number: int, data: Any) -> None:
        """Raise ChecksumError unless this is the block of that number."""
        if crc32(data) != self.blocks[number]:
            start = number * BLOCK_BYTES
            raise changed(self.where, start, start + len(data))

    def check_behind(self, data: Any) -> None:
        """Raise ChecksumError unless this is what stands behind the seal."""
        if crc32(data) != self.behind:
            raise changed(self.where, self.end, self.end + len(data))


def find_seal(data: Any, where: str, behind: int = 0, skipped: int = 0) -> BlockSeal | None:
    """Return the seal of a file, or None where it has none.

    Args:
        data: The file, or enough of its end.
        where: Its name, for errors.
        behind: How many bytes stand behind the seal.
        skipped: How many bytes of the file come before ``data``.

    Raises:
        ChecksumError: The seal is damaged.
    """
    end = len(data) - behind
    mark = bytes(data[max(0, end - len(SEAL_MARK)) : max(0, end)])
    if end < _TAIL_BYTES or not nearly(mark, SEAL_MARK):
        return None
    body_end = end - len(SEAL_MARK) - 4
    sum_behind, before, size_behind = _TAIL.unpack_from(data, body_end - _TAIL.size)
    count = -(-before // BLOCK_BYTES)
    start = before - skipped
    table = body_end - _TAIL.size - 4 * count
    damaged = changed(where, skipped + max(0, end - _TAIL_BYTES), skipped + end)
    if mark != SEAL_MARK or size_behind != behind or not 0 <= start <= table < start + 8:
        raise damaged
    if crc32(data[start:body_end]).to_bytes(4, 'little') != bytes(data[body_end : body_end + 4]):
        raise damaged
    blocks = struct.unpack_from(f'<{count}I', data, table)
    return BlockSeal(before, skipped + end, blocks, sum_behind, where)


def verified_blocks(data: Any, seal: BlockSeal) -> Iterator[Any]:
    """Yield what stands before a seal block by block, each when its checksum is found right.

    Args:
        data: The whole file.
        seal: Its seal.

    Raises:
        ChecksumError: A block has changed.
    """
    seal.check_behind(data[seal.end :])
    for number in range(len(seal.blocks)):
        start = number * BLOCK_BYTES
        block = data[start : min(start + BLOCK_BYTES, seal.before)]
        seal.check_block(number, block)
        yield block


def unsealed_chunks(chunks: Iterable[Any], where: str, found: Callable[[bool], None]) -> Iterator[bytes]:
    """Yield a stream without the seal at its end.

    The checksums come last, so what was damaged may have been handed on before the error; the end of what
    is sealed has not.

    Args:
        chunks: The stream, cut anywhere.
        where: Its name, for errors.
        found: Called at the end with whether there was a seal.

    Raises:
        ChecksumError: Bytes have changed.
    """
    sums = BlockSums()
    held = bytearray()
    for chunk in chunks:
        held += chunk
        ready = len(held) - seal_bytes(sums.size + len(held)) - _END_BYTES
        if ready >= _PIECE_BYTES:
            piece = bytes(held[:ready])
            del held[:ready]
            sums.add(piece)
            yield piece
    seal = find_seal(held, where, skipped=sums.size)
    found(seal is not None)
    rest = bytes(held if seal is None else held[: seal.before - sums.size])
    if seal is not None:
        sums.add(rest)
        for number, (got, wanted) in enumerate(zip(sums.all(), seal.blocks, strict=True)):
            if got != wanted:
                start = number * BLOCK_BYTES
                raise changed(where, start, min(start + BLOCK_BYTES, seal.before))
    yield rest
