"""The messages of an Arrow IPC stream, looked at before pyarrow sees them.

pyarrow allocates what a message declares. So the sizes are read here first, straight from the metadata (a
flatbuffer, of which a few numbers are needed), and compared with the bytes that are there and with the
limits. See https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from docarray.errors import FormatError, TruncatedError
from docarray.formats.limits import Limits

__all__ = ['Buffer', 'ChunkSource', 'MemorySource', 'Message', 'Table', 'read_message']

Buffer = bytes | bytearray | memoryview

_CONTINUATION = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _RECORDS = 1, 2, 3
#: Rows that are taken on trust; more need at least a bit each, though columns of nothing need none.
_ROWS = 1 << 16
#: Bytes that an LZ4 block of one byte may become at most, and then some.
_LZ4_RATIO = 256


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        data: All of its bytes.
        is_schema: Whether it starts a stream.
        rows: How many rows it has, if it is a record batch.
        ends: Whether it ends the stream.
    """

    data: memoryview
    is_schema: bool = False
    rows: int | None = None
    ends: bool = False


class MemorySource:
    """Bytes that are all there; what is taken shares their memory."""

    def __init__(self, data: memoryview, place: int = 0, stop: int | None = None) -> None:
        self.data, self.place = data, place
        self.stop = len(data) if stop is None else stop

    def take(self, size: int) -> memoryview:
        """Return the next bytes, fewer where they end."""
        piece = self.data[self.place : min(self.place + size, self.stop)]
        self.place += len(piece)
        return piece

    def since(self, start: int, parts: list[memoryview]) -> memoryview:
        """Return all that was taken since a place."""
        return self.data[start : self.place]


class ChunkSource:
    """Bytes that come in chunks of any size, of which no more are asked for than are needed."""

    def __init__(self, chunks: Iterable[Buffer]) -> None:
        self.chunks, self.rest = iter(chunks), memoryview(b'')
        self.place = 0

    def take(self, size: int) -> memoryview:
        """Return the next bytes, fewer where they end."""
        if len(self.rest) < size:
            pieces, have = [self.rest], len(self.rest)
            while have < size:
                chunk = next(self.chunks, None)
                if chunk is None:
                    break
                pieces.append(memoryview(chunk))
                have += len(chunk)
            self.rest = memoryview(b''.join(pieces))
        found, self.rest = self.rest[:size], self.rest[size:]
        self.place += len(found)
        return found

    def since(self, start: int, parts: list[memoryview]) -> memoryview:
        """Return all that was taken since a place, which is these parts."""
        return memoryview(b''.join(parts))


def read_message(source: MemorySource | ChunkSource, limits: Limits, where: str) -> Message | None:
    """Return the next message of a stream, or None where the bytes end before it.

    Raises:
        TruncatedError: The bytes end within it.
        FormatError: It is no message, or says that it has more than it has.
        LimitError: It is too large.
    """
    start = source.place
    where = f'{where}, byte {start}'
    prefix = source.take(4)
    if not len(prefix):
        return None
    parts = [prefix]
    (size,) = struct.unpack('<I', _whole(prefix, 4, where))
    if size == _CONTINUATION:
        parts.append(source.take(4))
        (size,) = struct.unpack('<I', _whole(parts[1], 4, where))
    if size == 0:
        return Message(memoryview(b''.join(parts)), ends=True)
    limits.check('size', size, where)
    metadata = _whole(source.take(size), size, where)
    try:
        header, body_size = _header(metadata)
        if body_size < 0:
            raise FormatError(where=where, got=f'a body of {body_size} bytes', wanted='no negative number')
        limits.check('size', body_size, where)
        body = _whole(source.take(body_size), body_size, where)
        rows = _rows(header, body, limits, where)
    except (struct.error, IndexError) as error:
        raise FormatError(where=where, got='no Arrow message', wanted='one') from error
    return Message(source.since(start, [*parts, metadata, body]), header.kind == _SCHEMA, rows)


def _whole(data: memoryview, size: int, where: str) -> memoryview:
    if len(data) < size:
        raise TruncatedError(
            where=where, got=f'{len(data)} bytes', wanted=f'{size}: the message ends too early'
        )
    return data


class Table:
    """A table of a flatbuffer: a place in it, and by its vtable the places of its fields.

    Args:
        data: The flatbuffer.
        place: Where the table stands.
        kind: What sort of table it is, if there are several.
    """

    def __init__(self, data: memoryview, place: int, kind: int = 0) -> None:
        self.data, self.place, self.kind = data, place, kind
        self.vtable = place - self._read('<i', place)
        self.size = self._read('<H', self.vtable)

    def _read(self, form: str, place: int) -> int:
        if place < 0:
            raise IndexError(place)
        found: int = struct.unpack_from(form, self.data, place)[0]
        return found

    def field(self, number: int) -> int:
        """Return where a field stands; 0 where it is left out."""
        entry = 4 + 2 * number
        offset = self._read('<H', self.vtable + entry) if entry + 2 <= self.size else 0
        return self.place + offset if offset else 0

    def number(self, number: int, form: str) -> int:
        """Return a field that is a number; 0 where it is left out."""
        place = self.field(number)
        return self._read(form, place) if place else 0

    def table(self, number: int, kind: int = 0) -> Table | None:
        """Return a field that is a table; None where it is left out."""
        place = self.field(number)
        return Table(self.data, place + self._read('<I', place), kind) if place else None

    def pairs(self, number: int) -> list[tuple[int, int]]:
        """Return a vector of structs of two numbers of 64 bits."""
        place = self.vector(number)
        if not place:
            return []
        end = place + 16 * self._read('<I', place - 4)
        if end > len(self.data):
            raise IndexError(end)
        return list(struct.iter_unpack('<qq', self.data[place:end]))

    def vector(self, number: int) -> int:
        """Return where the first item of a vector stands; 0 where it is left out."""
        place = self.field(number)
        return place + self._read('<I', place) + 4 if place else 0


def _header(metadata: memoryview) -> tuple[Table, int]:
    """Return what a message is about, and the size of its body."""
    message = Table(metadata, struct.unpack_from('<I', metadata)[0])
    header = message.table(2, message.number(1, '<B'))
    if header is None:
        raise IndexError
    return header, message.number(3, '<q')


def _rows(header: Table, body: memoryview, limits: Limits, where: str) -> int | None:
    """Check the sizes of a record batch or dictionary, and return the rows of a record batch."""
    records = header.table(1) if header.kind == _DICTIONARY else header
    if header.kind not in (_DICTIONARY, _RECORDS) or records is None:
        return None
    rows, size = records.number(0, '<q'), _body_size(records, body, where)
    limits.check('size', size, where)
    if not 0 <= rows <= max(_ROWS, 8 * size):
        raise FormatError(where=where, got=f'{rows} rows in {size} bytes', wanted='rows that have values')
    limits.check('documents', rows, where)
    return rows if header.kind == _RECORDS else None


def _body_size(records: Table, body: memoryview, where: str) -> int:
    """Return the bytes of all buffers, decompressed."""
    compression = records.table(3)
    total = 0
    for offset, length in records.pairs(2):
        if not 0 <= offset <= offset + length <= len(body):
            got = f'a buffer of bytes {offset} to {offset + length}'
            raise FormatError(where=where, got=got, wanted=f'one within {len(body)} bytes')
        size = length
        if compression is not None and length:
            (size,) = struct.unpack_from('<q', body, offset)
            size = length - 8 if size == -1 else size
            if size < 0 or length < 8 or (compression.number(0, '<b') == 0 and size > _LZ4_RATIO * length):
                raise FormatError(where=where, got=f'{size} bytes compressed to {length}', wanted='fewer')
        total += size
    return total
