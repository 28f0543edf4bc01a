"""Record batches in Arrow files whose blobs stand apart, in blocks of their own.

Arrow says of each buffer of a record batch where it is, and lets it be anywhere behind the metadata. Those
of small columns come first; then, from a multiple of the block of checksums, the bytes of blobs, up to
another. So whatever is read of other columns neither reads blobs nor needs them to be whole. Any reader of
Arrow finds everything where the metadata say.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from docarray.formats.arrow.messages import Table
from docarray.formats.arrow.types import described, is_any, pa
from docarray.formats.files.seals import BLOCK_BYTES

__all__ = ['Laid', 'blob_buffers', 'cut', 'has_blobs', 'laid_apart', 'set_places']

_ALIGNMENT = 64
_BYTES = ('binary', 'string', 'large_binary', 'large_string')
#: Bytes before the metadata of a message: a mark and their size.
_PREFIX = 8
_BLOCK = struct.Struct('<qi4xq')


def has_blobs(fields: Iterable[Any]) -> bool:
    """Whether Arrow fields have blobs in them."""
    return any(marks(fields))


def marks(fields: Iterable[Any]) -> Iterator[bool]:
    """Yield for each buffer of columns, in Arrow's order, whether it is the bytes of blobs."""
    for field in fields:
        yield from _marks(field.type, bool(described(field).get('blob')))


def _marks(kind: Any, blob: bool) -> Iterator[bool]:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    types = pa.types
    if types.is_null(kind):
        return
    yield False
    if is_any(_BYTES, kind):
        yield False
        yield blob
        return
    if types.is_list(kind) or types.is_large_list(kind) or types.is_map(kind):
        yield False
    elif not (types.is_struct(kind) or types.is_fixed_size_list(kind)):
        yield False
        return
    yield from marks(kind.field(place) for place in range(kind.num_fields))


def blob_buffers(fields: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
    """Return the buffers of arrays that are the bytes of blobs."""
    buffers = list(chain.from_iterable(array.buffers() for array in arrays))
    return [one for one, blob in zip(buffers, marks(fields), strict=True) if blob and one is not None]


@dataclass(frozen=True)
class Laid:
    """The message of a record batch as it is written.

    Attributes:
        pieces: All of it.
        start: The size of its metadata.
        size: The size of its body.
    """

    pieces: list[Any]
    start: int
    size: int


def laid_apart(pieces: list[memoryview], before: int, fields: Sequence[Any], place: int) -> Laid:
    """Return the message of a record batch with the blobs in blocks of their own, if they are many bytes.

    Args:
        pieces: What pyarrow wrote.
        before: How much of that is not the message.
        fields: The Arrow fields of the record batch.
        place: Where the message will stand in the file.
    """
    end = sum(map(len, pieces))
    prefix = b''.join(cut(pieces, before, before + _PREFIX))
    start = _PREFIX + int.from_bytes(prefix[4:], 'little')
    blobs = list(marks(fields))
    if any(blobs):
        head = bytearray(b''.join(cut(pieces, before, before + start)))
        table = Table(memoryview(bytes(head))[_PREFIX:], *struct.unpack_from('<I', head, _PREFIX))
        records = table.table(2)
        assert records is not None
        buffers = list(zip(records.pairs(2), blobs, strict=True))
        if sum(length for (_, length), blob in buffers if blob) >= BLOCK_BYTES:
            body, places, size = _placed(pieces, before + start, buffers, place + start)
            for number, pair in enumerate(places):
                struct.pack_into('<qq', head, _PREFIX + records.vector(2) + 16 * number, *pair)
            struct.pack_into('<q', head, _PREFIX + table.field(3), size)
            return Laid([bytes(head), *body], start, size)
    return Laid(list(cut(pieces, before, end)), start, end - before - start)


def _placed(
    pieces: list[memoryview], start: int, buffers: list[tuple[tuple[int, int], bool]], place: int
) -> tuple[list[Any], list[tuple[int, int]], int]:
    """Return a body with the blobs behind all else, where its buffers are then, and its size."""
    body: list[Any] = []
    size, places = 0, [(0, 0)] * len(buffers)

    def pad(multiple: int) -> None:
        nonlocal size
        gap = -(place + size) % multiple
        body.append(bytes(gap))
        size += gap

    for blobs in (False, True):
        for number, ((first, length), blob) in enumerate(buffers):
            if blob == blobs:
                places[number] = size, length
                body += cut(pieces, start + first, start + first + length)
                size += length
                pad(_ALIGNMENT)
        pad(BLOCK_BYTES)
    return body, places, size


def cut(pieces: Iterable[Any], start: int, stop: int) -> Iterator[Any]:
    """Yield a part of what pieces are together.

    Example:
        >>> list(cut([b'abc', b'de', b'fgh'], 2, 6))
        [b'c', b'de', b'f']
    """
    place = 0
    for piece in pieces:
        first, last = max(start - place, 0), min(stop - place, len(piece))
        if first < last:
            yield piece[first:last]
        place += len(piece)


def set_places(footer: memoryview, places: Sequence[tuple[int, int, int]]) -> bytes:
    """Return the footer of an Arrow file with the places of its record batches.

    Args:
        footer: As pyarrow wrote it, up to the end of the file.
        places: Of each record batch: where it starts, the sizes of its metadata and of its body.
    """
    made = bytearray(footer)
    table = Table(footer, *struct.unpack_from('<I', footer))
    start = table.vector(3)
    for number, (place, metadata, body) in enumerate(places):
        _BLOCK.pack_into(made, start + _BLOCK.size * number, place, metadata, body)
    return bytes(made)
