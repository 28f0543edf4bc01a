"""Arrow files of which any rows or columns are read without the rest.

The file's index says where its record batches are. Of a record batch only the columns that are asked for
are read, and of these only the memory that Arrow's own metadata name. Every block of the file is verified
before anything of it is used for the first time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from mmap import mmap
from typing import Any, Protocol

import numpy as np

from docarray.errors import FormatError, TruncatedError
from docarray.formats.arrow.faults import arrow_faults
from docarray.formats.arrow.messages import MemorySource, read_message
from docarray.formats.arrow.read import check_schema, validate
from docarray.formats.arrow.types import pa
from docarray.formats.checksum import crc32
from docarray.formats.files.ahead import read_ahead
from docarray.formats.files.arrow import ENDS, FILE_START
from docarray.formats.files.arrow_apart import blob_buffers
from docarray.formats.files.arrow_index import index_bytes, unpack_index
from docarray.formats.files.seals import BLOCK_BYTES, BlockSeal, find_seal, seal_bytes
from docarray.formats.limits import Limits

__all__ = ['ArrowFile', 'Content']

Array = np.ndarray[Any, Any]
Ranges = Sequence[tuple[int, int]]

_MAGIC = b'ARROW1'
#: Bytes of the end of a file that are read at first; the footer is in them, if it has up to so many.
_TAIL_BYTES = 1 << 16
#: More than the metadata of most messages; of others, the rest is read when that is known.
_METADATA_BYTES = 1 << 12
#: How much of a file that is not in memory is fetched by one request when all of it is read.
_WINDOW_BYTES = 16 << 20
#: Of how many record batches columns are fetched together.
_TOGETHER = 32
#: How much of a file that is not in memory is kept.
_KEPT_BYTES = 64 << 20


class Content(Protocol):
    """The bytes of one version of a file.

    Attributes:
        name: Of the file, for errors.
        size: How many bytes it has.
        view: All of them, where they are in memory or mapped into it.
    """

    name: str
    size: int
    view: memoryview | None

    def read(self, ranges: Ranges) -> Iterable[Any]:
        """Return the bytes of each range."""

    def release(self, start: int, stop: int) -> None:
        """Give back the memory of a part that was read; what was returned of it stays valid."""


@dataclass(eq=False)
class _Record:
    """A record batch. If it is not whole, only columns that are ``ready`` have values in its memory."""

    memory: memoryview
    start: int
    whole: bool = False
    loaded: int = 0
    batch: Any = None
    ready: set[str] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class FilePart:
    """A part of a file, which is read and verified when it is asked for: what a blob is made of.

    Attributes:
        file: The file.
        place: Where it starts.
        size: How many bytes it has.
    """

    file: ArrowFile
    place: int
    size: int

    def read(self, start: int, stop: int) -> bytes:
        """Return some of its bytes."""
        return self.file.read(self.place + start, self.place + stop)


class ArrowFile:
    """An Arrow file that docarray wrote, of which any columns of any record batch are read.

    Args:
        content: The file.
        limits: What is read at most.
        lazy: Whether the bytes of blobs are left where they are.

    Attributes:
        types: The Arrow schema.
        starts: The row that each record batch starts with, and how many there are in all (n + 1,).

    Raises:
        TruncatedError: The file ends too early.
        ChecksumError: It has changed since it was written.
        FormatError: It is no Arrow file with an index.
        LimitError: It has more than the limits allow.
    """

    def __init__(self, content: Content, limits: Limits, lazy: bool = False) -> None:
        self.content, self.limits, self.lazy = content, limits, lazy
        self.seal = _find_seal(content)
        self._verified = np.zeros(len(self.seal.blocks), np.bool_)
        self._blocks: OrderedDict[int, memoryview] = OrderedDict()
        self._records: OrderedDict[int, _Record] = OrderedDict()
        self._edges, self._counts = self._index()
        limits.check('documents', sum(self._counts.tolist()), content.name)  # in ints that do not overflow
        self.starts = np.concatenate([[0], np.cumsum(self._counts)])
        message = self._message(_Record(self._memory(FILE_START, self._edges.item(0)), FILE_START))
        with arrow_faults(content.name):
            self.types = pa.ipc.read_schema(pa.py_buffer(message))
            check_schema(self.types, limits, content.name)
            names = self.types.names
        if len(set(names)) < len(names):
            raise FormatError(where=content.name, got='two columns of one name', wanted='names, each once')

    @property
    def checksum(self) -> str:
        """A checksum of the whole file, made of those of its blocks."""
        blocks = np.array(self.seal.blocks, '<u4').tobytes()
        return f'crc32:{crc32(blocks, self.seal.behind):08x}'

    def record_batch(self, number: int, names: Sequence[str] | None = None) -> Any:
        """Return a record batch in which these columns, by default all, have been loaded and verified."""
        record = self._record(number)
        if names is not None:
            self._make_ready(record, names)
        elif len(record.ready) < len(self.types):
            self._make_ready(record, self.types.names)
        return record.batch

    def record_batches(self, names: Sequence[str] | None = None) -> Iterator[Any]:
        """Yield all record batches, in order, with these columns, by default all.

        Of a file that is not in memory many are fetched together, and the next ones while one is used.
        """
        count = len(self._counts)
        if self.content.view is not None:
            for number in range(count):
                yield self.record_batch(number, names)
        elif names is None and not self.lazy:
            yield from self._whole_batches()
        else:
            names = self.types.names if names is None else names
            for first in range(0, count, _TOGETHER):
                group = range(first, min(first + _TOGETHER, count))
                heads = self._edges[group.start : group.stop].tolist()
                self._fetch([(start, min(start + _METADATA_BYTES, self.seal.before)) for start in heads])
                records = map(self._record, group)
                self._fetch([one for record in records for one in self._ranges(record, names, True)])
                for number in group:
                    yield self.record_batch(number, names)

    def _whole_batches(self) -> Iterator[Any]:
        windows = list(self._windows())
        ranges = [self._blocks_of(*self._edges[[first, last]].tolist()) for first, last in windows]
        parts = read_ahead(self.content, ranges)
        for (first, last), (base, _), part in zip(windows, ranges, parts, strict=True):
            for place in range(0, len(part), BLOCK_BYTES):
                self.seal.check_block((base + place) // BLOCK_BYTES, part[place : place + BLOCK_BYTES])
            for number in range(first, last):
                start, stop = self._edges[number : number + 2].tolist()
                record = _Record(part[start - base : stop - base], start, whole=True)
                self._parse(record, number)
                self._make_ready(record, self.types.names)
                yield record.batch

    def _windows(self) -> Iterator[tuple[int, int]]:
        """Yield numbers of record batches, first and behind the last, that are fetched by one request."""
        first, count = 0, len(self._counts)
        while first < count:
            end = self._edges.item(first) + _WINDOW_BYTES
            last = max(first + 1, int(np.searchsorted(self._edges, end, 'right')) - 1)
            yield first, last
            first = last

    def release(self, number: int) -> None:
        """Give back the memory of a record batch."""
        record = self._records.pop(number, None)
        if record is not None:
            self.content.release(record.start, record.start + len(record.memory))

    def blob(self, address: int, size: int) -> FilePart:
        """Return the bytes of a blob, by where they would be in the memory of a record batch."""
        base = self.content.view
        if not size:
            return FilePart(self, 0, 0)
        if base is not None:
            return FilePart(self, address - pa.py_buffer(base).address, size)
        for record in self._records.values():
            start = address - pa.py_buffer(record.memory).address
            if 0 <= start <= len(record.memory):
                return FilePart(self, record.start + start, size)
        raise AssertionError('the record batch of a blob that is being read is there')

    def read(self, start: int, stop: int) -> bytes:
        """Return a part of the file, verified."""
        pieces = []
        for first in range(start - start % BLOCK_BYTES, stop, _KEPT_BYTES // 2):
            last = min(first + _KEPT_BYTES // 2, stop)
            part = _Record(self._memory(max(first, start), last), max(first, start))
            self._load(part, [(0, len(part.memory))])
            pieces.append(part.memory)
        return b''.join(pieces)

    # -- record batches ---------------------------------------------------------------------------

    def _record(self, number: int) -> _Record:
        record = self._records.get(number)
        if record is None:
            start, stop = self._edges[number : number + 2].tolist()
            record = _Record(self._memory(start, stop), start)
            self._parse(record, number)
            self._records[number] = record
        if self.content.view is None:
            self._records.move_to_end(number)
            kept = sum(one.loaded for one in self._records.values())
            while kept > _KEPT_BYTES and len(self._records) > 1:
                kept -= self._records.popitem(last=False)[1].loaded
        return record

    def _parse(self, record: _Record, number: int) -> None:
        message = self._message(record, self._counts.item(number))
        with arrow_faults(self.content.name):
            record.batch = pa.ipc.read_record_batch(pa.py_buffer(message), self.types)

    def _message(self, record: _Record, rows: int | None = None) -> memoryview:
        """Return the message of a record, its metadata verified, or raise an error."""
        where, size = self.content.name, len(record.memory)
        self._load(record, [(0, min(_METADATA_BYTES, size))])
        metadata = 8 + int.from_bytes(record.memory[4:8], 'little')
        self._load(record, [(0, min(metadata, size))])
        message = read_message(MemorySource(record.memory), self.limits, f'{where}, byte {record.start}')
        if message is None or message.rows != rows:
            got = 'no message' if message is None else f'a message of {message.rows} rows'
            raise FormatError(where=where, got=got, wanted=f'{rows} rows, as the index says')
        return message.data

    def _make_ready(self, record: _Record, names: Sequence[str]) -> None:
        """Load and validate columns of a record."""
        missing = [name for name in names if name not in record.ready]
        self._load(record, self._ranges(record, missing))
        with arrow_faults(self.content.name):
            validate([record.batch.column(name) for name in missing])
        record.ready.update(missing)

    def _ranges(self, record: _Record, names: Sequence[str], in_file: bool = False) -> Ranges:
        """Return where the memory of columns is, in that of their record or in the file."""
        base, shift = pa.py_buffer(record.memory).address, record.start if in_file else 0
        arrays = [record.batch.column(name) for name in names]
        buffers = [buffer for array in arrays for buffer in array.buffers() if buffer is not None]
        if self.lazy:
            fields = [self.types.field(name) for name in names]
            later = {buffer.address for buffer in blob_buffers(fields, arrays)}
            buffers = [buffer for buffer in buffers if buffer.address not in later]
        places = [(one.address - base, one.address - base + one.size) for one in buffers]
        inside = (one for one in places if 0 <= one[0] < one[1] <= len(record.memory))
        return sorted((start + shift, stop + shift) for start, stop in inside)

    # -- bytes ------------------------------------------------------------------------------------

    def _index(self) -> tuple[Array, Array]:
        """Return where record batches start and the last one ends, (n + 1,), and how many rows each has."""
        before = self.seal.before
        end = self._loaded(max(0, before - _METADATA_BYTES), before)
        size = index_bytes(end)
        if size > len(end):
            end = self._loaded(max(0, before - size), before)
        places, counts = unpack_index(end, self.content.name).T
        if not len(places) or not FILE_START < places[0] <= places[-1] < before - size:
            raise FormatError(where=self.content.name, got='an index of other bytes', wanted='its own')
        return np.append(places, before - size), counts

    def _loaded(self, start: int, stop: int) -> memoryview:
        record = _Record(self._memory(start, stop), start)
        self._load(record, [(0, stop - start)])
        return record.memory

    def _memory(self, start: int, stop: int) -> memoryview:
        """Return memory for a part of the file; if that is not mapped, only what is loaded takes any."""
        view = self.content.view
        if view is not None or start == stop:  # there is no mmap of nothing
            return memoryview(b'') if view is None else view[start:stop]
        return memoryview(mmap(-1, stop - start))

    def _load(self, record: _Record, ranges: Ranges) -> None:
        """Put ranges of a record into its memory, all blocks that they touch verified."""
        if record.whole:
            return
        start = record.start
        wanted = _blocks_in((start + first, start + last) for first, last in ranges)
        if self.content.view is not None:
            for number in wanted:
                if not self._verified[number]:
                    self.seal.check_block(number, self.content.view[slice(*self._bounds(number))])
                    self._verified[number] = True
            return
        for number, block in self._fetched(wanted):
            place = number * BLOCK_BYTES - start
            first, last = max(place, 0), min(place + len(block), len(record.memory))
            record.memory[first:last] = block[first - place : last - place]
            record.loaded += last - first

    def _fetch(self, ranges: Ranges) -> None:
        """Let blocks be at hand when they are asked for."""
        for _ in self._fetched(_blocks_in(ranges)):
            pass

    def _blocks_of(self, start: int, stop: int) -> tuple[int, int]:
        """Return where the blocks that a part touches start and end."""
        return start - start % BLOCK_BYTES, min(-(-stop // BLOCK_BYTES) * BLOCK_BYTES, self.seal.before)

    def _bounds(self, number: int) -> tuple[int, int]:
        start = number * BLOCK_BYTES
        return start, min(start + BLOCK_BYTES, self.seal.before)

    def _fetched(self, numbers: list[int]) -> Iterator[tuple[int, memoryview]]:
        """Yield blocks of a file that is not in memory."""
        missing = [number for number in numbers if number not in self._blocks]
        for number, data in zip(missing, self.content.read([*map(self._bounds, missing)]), strict=True):
            self.seal.check_block(number, data)
            self._blocks[number] = memoryview(data)
        for number in numbers:
            yield number, self._blocks[number]
            self._blocks.move_to_end(number)
        while len(self._blocks) > _KEPT_BYTES // BLOCK_BYTES:
            self._blocks.popitem(last=False)


def _blocks_in(ranges: Iterable[tuple[int, int]]) -> list[int]:
    """Return the numbers of the blocks that parts of a file touch."""
    found = set[int]()
    for start, stop in ranges:
        found.update(range(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES)))
    return sorted(found)


def _find_seal(content: Content) -> BlockSeal:
    """Return the seal of an Arrow file, which with the footer behind it is verified."""
    size = content.size
    wanted = _TAIL_BYTES + seal_bytes(size)
    while True:
        start = max(0, size - wanted)
        tail = memoryview(next(iter(content.read([(start, size)]))))
        if len(tail) < size - start or bytes(tail[-len(_MAGIC) :]) != _MAGIC:
            got = f'{size} bytes without the end of a file'
            raise TruncatedError(where=content.name, got=got, wanted=f'{_MAGIC.decode()} at the end')
        behind = int.from_bytes(tail[-ENDS[_MAGIC] :][:4], 'little') + ENDS[_MAGIC]
        if behind + seal_bytes(size) <= wanted or not start:
            break
        wanted = behind + seal_bytes(size)
    found = find_seal(tail, content.name, behind, start) if behind < len(tail) else None
    if found is None:
        hint = 'Read it with load_binary, and push what it has.'
        raise FormatError(where=content.name, got='a file without a seal', wanted='one of a store', hint=hint)
    found.check_behind(tail[len(tail) - behind :])
    return found
