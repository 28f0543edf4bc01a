"""Files of Arrow and Parquet, with a seal.

A stacked array is one record batch, whose columns are read where they are in a file that is mapped into
memory. Rows are several, of some MiB each, so that they can be read one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from docarray.batch import Batch
from docarray.errors import ChecksumError, FormatError, TruncatedError
from docarray.formats.arrow.faults import arrow_faults
from docarray.formats.arrow.ipc import ArrowFileFormat, ArrowFormat, FeatherFormat, read_batches
from docarray.formats.arrow.messages import MemorySource
from docarray.formats.arrow.parquet import ParquetFormat, pq
from docarray.formats.arrow.types import pa
from docarray.formats.arrow.write import IPC, IPC_STREAM, PARQUET, PARQUET_STREAM, Layout, record_batch
from docarray.formats.building import batch_of
from docarray.formats.files.compression import COMPRESSIONS
from docarray.formats.files.inputs import Input, missing_seal, refuse_pickle
from docarray.formats.files.outputs import Job, Sink
from docarray.formats.files.seals import (
    BlockSeal,
    BlockSums,
    find_seal,
    pack_seal,
    unsealed_chunks,
    verified_blocks,
)

__all__ = [
    'read_arrow',
    'read_parquet',
    'save_feather',
    'save_file',
    'save_parquet',
    'save_stream',
    'write_feather',
    'write_file',
    'write_parquet',
    'write_stream',
]

#: The key of the metadata by which a file says that it is sealed; how it is compressed follows.
_SEALED = b'docarray.sealed:'
_MARKS = ('none', *COMPRESSIONS)
_ARROW, _PARQUET = b'ARROW1', b'PAR1'
#: Where the stream starts in an Arrow file.
_FILE_START = 8
#: What comes behind the footer: its size and the magic word.
_ENDS = {_ARROW: 10, _PARQUET: 8}

#: Rows up to this many bytes become columns all at once, so that their types can follow from all values.
_WHOLE_BYTES = 16 << 20
#: Bytes of rows in a record batch, and in a group of rows of Parquet.
_BATCH_BYTES, _GROUP_BYTES = 2 << 20, 8 << 20
_SAMPLE_ROWS = 16
#: Where the metadata of an Arrow file are looked for at most.
_HEAD_BYTES = 1 << 20


# -- writing ------------------------------------------------------------------------------------------


def feather() -> FeatherFormat:
    """Return the format of Feather files as their own library writes them: with buffers compressed by LZ4."""
    return FeatherFormat('lz4')


def write_stream(array: Any) -> bytes:
    """Return an array as an Arrow stream without a seal, for ``to_bytes``."""
    return ArrowFormat().dumps(batch_of(array))


def write_file(array: Any) -> bytes:
    """Return an array as an Arrow file without a seal."""
    return ArrowFileFormat().dumps(batch_of(array))


def write_feather(array: Any) -> bytes:
    """Return an array as a Feather file without a seal."""
    return feather().dumps(batch_of(array))


def write_parquet(array: Any) -> bytes:
    """Return an array as a Parquet file without a seal."""
    return ParquetFormat().dumps(batch_of(array))


class _SealedSink(Sink):
    """Passes on what is written, sums it up, and puts a seal behind it, or before the footer.

    Args:
        inner: Where it goes.
        magic: The word that ends the file, if that has a footer.
    """

    def __init__(self, inner: Sink, magic: bytes = b'') -> None:
        super().__init__(inner)
        self.sums = BlockSums()
        self._magic, self._held = magic, bytearray()
        self._holding = False

    def hold(self) -> None:
        """Keep what is written from now on, with the footer at its end, until ``finish``."""
        self._holding = bool(self._magic)

    def finish(self) -> None:
        held, size = memoryview(self._held), 0
        if self._holding:
            tail = _ENDS[self._magic]
            size = int.from_bytes(held[len(held) - tail :][:4], 'little') + tail
        self._holding = False
        footer = held[len(held) - size :]
        self._put(held[: len(held) - size])
        self._file.write(pack_seal(self.sums, footer))
        self._file.write(footer)

    def _put(self, view: memoryview) -> None:
        if self._holding:
            self._held += view
        else:
            self.sums.add(view)
            self._file.write(view)


def save_stream(job: Job, sink: Sink) -> None:
    """Write an array as an Arrow stream with its seal behind it."""
    _save(job, _SealedSink(sink), pa.ipc.new_stream, _BATCH_BYTES)


def save_file(job: Job, sink: Sink, form: Callable[[], Any] = ArrowFileFormat) -> None:
    """Write an array as an Arrow file with a seal before its footer; ``form`` makes the format."""
    options = form().options
    _save(job, _SealedSink(sink, _ARROW), partial(pa.ipc.new_file, options=options), _BATCH_BYTES)


def save_feather(job: Job, sink: Sink) -> None:
    """Write an array as a Feather file with a seal before its footer."""
    save_file(job, sink, feather)


def save_parquet(job: Job, sink: Sink) -> None:
    """Write an array as a Parquet file with a seal before its footer."""
    writer = partial(pq.ParquetWriter, **ParquetFormat().options)
    _save(job, _SealedSink(sink, _PARQUET), writer, _GROUP_BYTES, PARQUET, PARQUET_STREAM)


def _save(
    job: Job,
    sink: _SealedSink,
    open_writer: Callable[[Any, Any], Any],
    size: int,
    whole: Layout = IPC,
    parts: Layout = IPC_STREAM,
) -> None:
    sealed = {_SEALED + job.stored.encode(): b'1'}
    file = pa.PythonFile(sink, 'w')
    with ExitStack() as opened:
        writer = None
        for made in _record_batches(job, size, whole, parts):
            marked = made.replace_schema_metadata({**made.schema.metadata, **sealed})
            writer = writer or opened.enter_context(open_writer(file, marked.schema))
            writer.write_batch(marked)
            job.advance(len(made))
            del made, marked  # before the next ones are made
        sink.hold()
    sink.finish()


def _record_batches(job: Job, size: int, whole: Layout, parts: Layout) -> Iterator[Any]:
    batch = batch_of(job.array)
    count = len(batch)
    if job.stacked or not count:
        yield record_batch(batch, whole)
        return
    row = _row_bytes(batch, whole)
    step = max(1, size // row)
    if row * count <= _WHOLE_BYTES:
        made = record_batch(batch, whole)
        yield from (made.slice(start, step) for start in range(0, count, step))
    else:
        for start in range(0, count, step):
            yield record_batch(batch.take(slice(start, start + step)), parts)


def _row_bytes(batch: Batch, layout: Layout) -> int:
    """About how many bytes a row has, from some of them."""
    rows = np.unique(np.linspace(0, len(batch) - 1, _SAMPLE_ROWS).astype(np.int64))
    return max(1, int(record_batch(batch.take(rows), layout).nbytes) // len(rows))


# -- reading ------------------------------------------------------------------------------------------


def read_arrow(data: Input) -> Iterator[Batch]:
    """Yield the record batches of an Arrow stream or file, whichever it is, up to an error."""
    if data.streaming and (data.compress or data.source.view is None):
        head, chunks = data.peeked(len(_ARROW))
        if head != _ARROW:
            refuse_pickle(head, data.name)
            yield from _read_chunks(data, chunks)
            return
        view, fault = data.whole(chunks)
    else:
        view, fault = data.whole()
    refuse_pickle(view, data.name)
    is_file = bytes(view[: len(_ARROW)]) == _ARROW
    seal, damaged = _find_seal(data, view, _ARROW if is_file else b'')
    if fault is not None and not isinstance(fault, TruncatedError) and not _is_right(view, seal):
        raise fault
    mark = _mark(view, is_file)
    yield from _sealed(data, view, seal, is_file) if seal else _unsealed(data, view, mark, is_file, damaged)
    _check_ends(data, mark, damaged or fault)


def _mark(view: Any, is_file: bool = False) -> str:
    """What an Arrow file says of itself in the metadata of its first message, '' if it says nothing."""
    start = _FILE_START if is_file else 0
    size = int.from_bytes(view[start + 4 : start + 8], 'little')
    found = bytes(view[start : start + 8 + min(size, _HEAD_BYTES)]).partition(_SEALED)[2]
    return next((known for known in _MARKS if found.startswith(known.encode())), '')


def _check_ends(data: Input, mark: str, fault: FormatError | None) -> None:
    """Raise what was wrong with a file of which all documents were read."""
    if fault is not None:
        raise fault
    if mark and mark == data.compress and not data.sealed:
        raise missing_seal(data.name)


def _find_seal(data: Input, view: memoryview, magic: bytes) -> tuple[BlockSeal | None, ChecksumError | None]:
    """Return the seal of a file with that magic word at its end, or of a stream; or what is wrong with it."""
    behind = _footer_bytes(view, magic) if magic else 0
    try:
        return find_seal(view, data.name, behind) if behind or not magic else None, None
    except ChecksumError as error:
        return None, error


class _VerifiedSource(MemorySource):
    """A file with a seal: each block is verified before anything of it is taken."""

    def __init__(self, data: memoryview, seal: BlockSeal, place: int) -> None:
        super().__init__(data, place, seal.before)
        seal.check_behind(data[seal.end :])
        self.blocks = verified_blocks(data, seal)
        self.verified = 0

    def take(self, size: int) -> memoryview:
        """Return the next bytes."""
        piece = super().take(size)
        while self.verified < self.place:
            self.verified += len(next(self.blocks))
        return piece


def _sealed(data: Input, view: memoryview, seal: BlockSeal, is_file: bool) -> Iterator[Batch]:
    source = _VerifiedSource(view, seal, _FILE_START if is_file else 0)
    yield from read_batches(source, data.schema, data.limits, data.name, one=is_file)
    source.take(seal.before)


def _unsealed(
    data: Input, view: memoryview, mark: str, is_file: bool, damaged: ChecksumError | None
) -> Iterator[Batch]:
    """Yield the batches of what has no seal; where it should have one, it ends too early."""
    if not len(view):
        raise _empty(data)
    if is_file and not mark and damaged is None and _footer_bytes(view, _ARROW):
        yield ArrowFileFormat(data.limits).loads(view, data.schema)
        return
    source = MemorySource(view, _FILE_START if is_file else 0)
    try:
        yield from read_batches(source, data.schema, data.limits, data.name, one=is_file)
    except TruncatedError:
        raise
    except FormatError as error:
        if mark:
            raise damaged or missing_seal(data.name) from error
        raise
    if mark or is_file:
        raise damaged or missing_seal(data.name)


def _read_chunks(data: Input, chunks: Iterator[Any]) -> Iterator[Batch]:
    """Read a stream as it comes."""
    sealed: list[bool] = []
    head = bytearray()
    body = unsealed_chunks(_remembered(chunks, head), data.name, sealed.append)
    yield from ArrowFormat(data.limits).load_stream(body, data.schema)
    if not head:
        raise _empty(data)
    mark = _mark(head)
    if mark and sealed != [True]:
        raise missing_seal(data.name)
    _check_ends(data, mark, None)


def _remembered(chunks: Iterator[Any], head: bytearray) -> Iterator[Any]:
    """Pass chunks on and put copies of the first ones into ``head``."""
    for chunk in chunks:
        if len(head) < _HEAD_BYTES:
            head += chunk
        yield chunk


def _empty(data: Input) -> TruncatedError:
    return TruncatedError(where=data.name, got='no bytes', wanted='an Arrow stream')


def _is_right(view: memoryview, seal: BlockSeal | None) -> bool:
    """Whether there is a seal, and all is as it says."""
    if seal is None:
        return False
    try:
        for _ in verified_blocks(view, seal):
            pass
    except FormatError:
        return False
    return True


def _footer_bytes(view: memoryview, magic: bytes) -> int:
    """How long the footer is, with what ends the file; 0 where there is none."""
    size = _ENDS[magic]
    if len(view) < size + 8 or bytes(view[-len(magic) :]) != magic:
        return 0
    footer = int.from_bytes(view[-size : len(view) - len(magic)], 'little')
    return footer + size if footer + size <= len(view) - 8 else 0


def read_parquet(data: Input) -> Iterator[Batch]:
    """Yield the groups of rows of a Parquet file; without its end, nothing of it can be read."""
    view, fault = data.whole()
    refuse_pickle(view, data.name)
    seal, damaged = _find_seal(data, view, _PARQUET)
    fault = fault or damaged
    if fault is not None and not _is_right(view, seal):
        raise fault
    if len(view) < len(_PARQUET):
        raise missing_seal(data.name)
    mark = _parquet_mark(view) if _footer_bytes(view, _PARQUET) else ''
    if seal is not None:
        for _ in verified_blocks(view, seal):
            pass
    elif mark:
        raise missing_seal(data.name)
    yield from ParquetFormat(limits=data.limits).read_groups(view, data.schema)
    _check_ends(data, mark, fault)


def _parquet_mark(view: memoryview) -> str:
    """What a Parquet file says of itself in its metadata. See ``_mark``."""
    with arrow_faults('parquet'):
        keys = pq.read_metadata(pa.BufferReader(view)).metadata or {}
    return next((known for known in _MARKS if _SEALED + known.encode() in keys), '')
