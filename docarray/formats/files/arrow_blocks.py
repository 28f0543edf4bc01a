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
from docarray.formats.files.arrow import ENDS, FILE_START
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
    """A record batch, in memory of which only the columns that are ``ready`` have values."""

    memory: memoryview
    start: int
    batch: Any = None
    ready: set[str] = field(default_factory=set)


class ArrowFile:
    """An Arrow file that docarray wrote, of which any columns of any record batch are read.

    Args:
        content: The file.
        limits: What is read at most.

    Attributes:
        types: The Arrow schema.
        starts: The row that each record batch starts with, and how many there are in all (n + 1,).

    Raises:
        TruncatedError: The file ends too early.
        ChecksumError: It has changed since it was written.
        FormatError: It is no Arrow file with an index.
        LimitError: It has more than the limits allow.
    """

    def __init__(self, content: Content, limits: Limits) -> None:
        self.content, self.limits = content, limits
        self.seal = _find_seal(content)
        self._verified = np.zeros(len(self.seal.blocks), np.bool_)
        self._blocks: OrderedDict[int, memoryview] = OrderedDict()
        self._records: OrderedDict[int, _Record] = OrderedDict()
        self._places, self._counts = self._index()
        limits.check('documents', sum(self._counts.tolist()), content.name)  # in ints that do not overflow
        self.starts = np.concatenate([[0], np.cumsum(self._counts)])
        message = self._message(_Record(self._memory(FILE_START, self._places.item(0)), FILE_START))
        with arrow_faults(content.name):
            self.types = pa.ipc.read_schema(pa.py_buffer(message))
        check_schema(self.types, limits, content.name)

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

    def release(self, number: int) -> None:
        """Give back the memory of a record batch."""
        record = self._records.pop(number, None)
        if record is not None:
            self.content.release(record.start, record.start + len(record.memory))

    # -- record batches ---------------------------------------------------------------------------

    def _record(self, number: int) -> _Record:
        record = self._records.get(number)
        if record is None:
            start = self._places.item(number)
            following = self._places[number + 1 : number + 2].tolist() or [self._end]
            record = _Record(self._memory(start, following[0]), start)
            message = self._message(record, self._counts.item(number))
            with arrow_faults(self.content.name):
                record.batch = pa.ipc.read_record_batch(pa.py_buffer(message), self.types)
            self._records[number] = record
        if self.content.view is None:
            self._records.move_to_end(number)
            kept = sum(len(one.memory) for one in self._records.values())
            while kept > _KEPT_BYTES and len(self._records) > 1:
                kept -= len(self._records.popitem(last=False)[1].memory)
        return record

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
        base = pa.py_buffer(record.memory).address
        arrays = [record.batch.column(name) for name in missing]
        buffers = [buffer for array in arrays for buffer in array.buffers() if buffer is not None]
        ranges = [(one.address - base, one.address - base + one.size) for one in buffers]
        self._load(record, sorted(one for one in ranges if 0 <= one[0] < one[1] <= len(record.memory)))
        with arrow_faults(self.content.name):
            validate(arrays)
        record.ready.update(missing)

    # -- bytes ------------------------------------------------------------------------------------

    def _index(self) -> tuple[Array, Array]:
        """Return where each record batch starts, and how many rows it has."""
        before = self.seal.before
        end = self._loaded(max(0, before - _METADATA_BYTES), before)
        size = index_bytes(end)
        if size > len(end):
            end = self._loaded(max(0, before - size), before)
        self._end = before - size
        places, counts = unpack_index(end, self.content.name).T
        if not len(places) or not FILE_START < places[0] <= places[-1] < self._end:
            raise FormatError(where=self.content.name, got='an index of other bytes', wanted='its own')
        return places, counts

    def _loaded(self, start: int, stop: int) -> memoryview:
        record = _Record(self._memory(start, stop), start)
        self._load(record, [(0, stop - start)])
        return record.memory

    def _memory(self, start: int, stop: int) -> memoryview:
        """Return memory for a part of the file; if that is not mapped, only what is loaded takes any."""
        view = self.content.view
        return memoryview(mmap(-1, stop - start)) if view is None else view[start:stop]

    def _load(self, record: _Record, ranges: Ranges) -> None:
        """Put ranges of a record into its memory, all blocks that they touch verified."""
        start, wanted = record.start, set[int]()
        for first, last in ranges:
            wanted.update(range((start + first) // BLOCK_BYTES, -(-(start + last) // BLOCK_BYTES)))
        if self.content.view is not None:
            for number in sorted(wanted):
                if not self._verified[number]:
                    self.seal.check_block(number, self.content.view[slice(*self._bounds(number))])
                    self._verified[number] = True
            return
        for number, block in self._fetched(sorted(wanted)):
            place = number * BLOCK_BYTES - start
            first, last = max(place, 0), min(place + len(block), len(record.memory))
            record.memory[first:last] = block[first - place : last - place]

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
