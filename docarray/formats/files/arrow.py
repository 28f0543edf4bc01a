"""Files of Arrow and Parquet, with a seal.

A stacked array is one record batch, whose columns are read where they are in a file that is mapped into
memory. Rows are several, of some MiB each, so that they can be read one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from docarray.batch import Batch
from docarray.formats.arrow.ipc import ArrowFileFormat, ArrowFormat, FeatherFormat, Outbox
from docarray.formats.arrow.parquet import ParquetFormat, pq
from docarray.formats.arrow.types import pa, record_of
from docarray.formats.arrow.write import IPC, IPC_STREAM, PARQUET, PARQUET_STREAM, Layout, record_batch
from docarray.formats.building import batch_of
from docarray.formats.files.arrow_apart import cut, has_blobs, laid_apart, set_places
from docarray.formats.files.arrow_index import pack_index
from docarray.formats.files.outputs import Job, Sink
from docarray.formats.files.seals import BlockSums, pack_seal
from docarray.rowbatch import RowBatch
from docarray.schema import Schema, schema_of

__all__ = [
    'array_batches',
    'file_chunks',
    'save_feather',
    'save_file',
    'save_parquet',
    'save_stream',
    'stream_batches',
    'write_feather',
    'write_file',
    'write_parquet',
    'write_stream',
]

#: The key of the metadata by which a file says that it is sealed; how it is compressed follows.
SEALED = b'docarray.sealed:'
#: The words that end files, and how many bytes stand behind the footer: its size and that word.
ENDS = {b'ARROW1': 10, b'PAR1': 8}
#: Where the stream starts in an Arrow file.
FILE_START = 8

#: Rows up to this many bytes become columns all at once, so that their types can follow from all values.
_WHOLE_BYTES = 16 << 20
#: Bytes of rows in a record batch, and in a group of rows of Parquet.
_BATCH_BYTES, _GROUP_BYTES = 2 << 20, 8 << 20
#: The same of rows that have blobs, between which there are gaps.
_BLOB_BATCH_BYTES = 32 << 20
_SAMPLE_ROWS = 16
#: Documents in the first record batch of a stream; the size of theirs says how many the next one has.
_FIRST_ROWS = 16
#: Pieces up to this size are handed on together.
_SMALL_BYTES = 1 << 14


def _nothing(count: int) -> None:
    pass


# -- messages -----------------------------------------------------------------------------------------


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


# -- files --------------------------------------------------------------------------------------------


def save_stream(job: Job, sink: Sink) -> None:
    """Write an array as an Arrow stream with its seal behind it."""
    _save(job, sink, _File(pa.ipc.new_stream), _BATCH_BYTES)


def save_file(job: Job, sink: Sink) -> None:
    """Write an array as an Arrow file with a seal before its footer."""
    _save(job, sink, _arrow_file(), _BATCH_BYTES)


def save_feather(job: Job, sink: Sink) -> None:
    """Write an array as a Feather file with a seal before its footer."""
    _save(job, sink, _arrow_file(feather()), _BATCH_BYTES)


def save_parquet(job: Job, sink: Sink) -> None:
    """Write an array as a Parquet file with a seal before its footer."""
    file = _File(partial(pq.ParquetWriter, **ParquetFormat().options), b'PAR1')
    _save(job, sink, file, _GROUP_BYTES, PARQUET, PARQUET_STREAM)


def file_chunks(
    batches: Iterable[Any], advance: Callable[[int], None] = _nothing
) -> Generator[Any, None, None]:
    """Yield the bytes of an Arrow file with an index, as its record batches come.

    Args:
        batches: Record batches of one Arrow schema, at least one.
        advance: Called with how many documents were written, as they are.
    """
    return _arrow_file().chunks(batches, 'none', advance)


def array_batches(array: Any, layout: Layout = IPC) -> Iterator[Any]:
    """Yield either array of documents as record batches, small enough to be read one after another.

    Args:
        array: The array.
        layout: That of a few documents; of more, types follow from the class.
    """
    size = _batch_bytes(schema_of(array.document_type))
    return _record_batches(Job(array), size, layout, replace(layout, by_values=False), True)


def _batch_bytes(schema: Schema) -> int:
    return _BLOB_BATCH_BYTES if has_blobs(record_of(schema).fields) else _BATCH_BYTES


def stream_batches(schema: Schema, documents: Iterable[Any], layout: Layout = IPC_STREAM) -> Iterator[Any]:
    """Yield documents as record batches, at least one, as they come.

    Args:
        schema: Of their class.
        documents: The documents. Whatever their values, all columns have the types that the class declares.
        layout: How tensors are written; not by their values.
    """
    rows, size, found = _FIRST_ROWS, _batch_bytes(schema), iter(documents)
    piece = list(islice(found, rows))
    while True:
        made = record_batch(RowBatch(schema, piece), layout)  # the first one also of no documents
        yield made
        rows = max(1, min(2 * rows, len(piece) * size // max(1, made.nbytes)))
        del made
        piece = list(islice(found, rows))
        if not piece:
            return


def _save(
    job: Job,
    sink: Sink,
    file: _File,
    size: int,
    whole: Layout = IPC,
    parts: Layout = IPC_STREAM,
) -> None:
    for chunk in file.chunks(_record_batches(job, size, whole, parts), job.stored, job.advance):
        sink.write(chunk)


def _record_batches(job: Job, size: int, whole: Layout, parts: Layout, small: bool = False) -> Iterator[Any]:
    """Yield an array as record batches of about a size; columns as one, unless they are to be ``small``."""
    batch = batch_of(job.array)
    count = len(batch)
    if (job.stacked and not small) or not count:
        yield record_batch(batch, whole)
        return
    row = _row_bytes(batch, whole)
    step = max(1, size // row)
    if job.stacked or row * count <= _WHOLE_BYTES:
        made = record_batch(batch, whole)
        yield from (made.slice(start, step) for start in range(0, count, step))
    else:
        for start in range(0, count, step):
            yield record_batch(batch.take(slice(start, start + step)), parts)


def _row_bytes(batch: Batch, layout: Layout) -> int:
    """About how many bytes a row has, from some of them."""
    rows = np.unique(np.linspace(0, len(batch) - 1, _SAMPLE_ROWS).astype(np.int64))
    return max(1, int(record_batch(batch.take(rows), layout).nbytes) // len(rows))


def _arrow_file(form: ArrowFileFormat | None = None) -> _File:
    options = (form or ArrowFileFormat()).options
    return _File(partial(pa.ipc.new_file, options=options), b'ARROW1', options is None)


@dataclass
class _File:
    """A file that is being written.

    Attributes:
        open_writer: Makes what writes record batches, of where they go and their Arrow schema.
        magic: The word that ends the file, if that has a footer.
        indexed: Whether an index of the record batches stands before the seal.
    """

    open_writer: Callable[[Any, Any], Any]
    magic: bytes = b''
    indexed: bool = False
    outbox: Outbox = field(default_factory=Outbox)
    sums: BlockSums = field(default_factory=BlockSums)
    index: list[tuple[int, int]] = field(default_factory=list)
    places: list[tuple[int, int, int]] = field(default_factory=list)

    def chunks(
        self, batches: Iterable[Any], stored: str, advance: Callable[[int], None] = _nothing
    ) -> Generator[Any, None, None]:
        """Yield the bytes of the file, as its record batches come.

        Args:
            batches: Record batches of one Arrow schema, at least one.
            stored: What the file is to say of itself: how it will be compressed, or 'none'.
            advance: Called with the number of rows of each that was written.
        """
        sealed, writer = {SEALED + stored.encode(): b'1'}, None
        for made in batches:
            marked = made.replace_schema_metadata({**made.schema.metadata, **sealed})
            writer = writer or self.open_writer(pa.PythonFile(self.outbox, 'w'), marked.schema)
            writer.write_batch(marked)
            pieces = self.outbox.taken()
            yield from self._summed(self._indexed(marked, pieces) if self.indexed else pieces)
            advance(len(made))
            del made, marked, pieces  # before the next ones are made
        assert writer is not None
        writer.close()
        yield from self._end(memoryview(b''.join(self.outbox.taken())))

    def _indexed(self, batch: Any, pieces: list[Any]) -> list[Any]:
        """Return the message of a record batch, its blobs apart, and remember where it stands."""
        before = sum(map(len, pieces)) - pa.ipc.get_record_batch_size(batch)  # the schema, before the first
        head = list(cut(pieces, 0, before))
        message = laid_apart(pieces, before, list(batch.schema), self.sums.size + before)
        self.index.append((self.sums.size + before, len(batch)))
        self.places.append((self.sums.size + before, message.start, message.size))
        return head + message.pieces

    def _end(self, rest: memoryview) -> Iterator[Any]:
        size = 0
        if self.magic:
            tail = ENDS[self.magic]
            size = int.from_bytes(rest[len(rest) - tail :][:4], 'little') + tail
        footer = rest[len(rest) - size :]
        if self.places:
            footer = memoryview(set_places(footer, self.places))
        yield from self._summed([rest[: len(rest) - size]])
        if self.indexed:
            yield from self._summed([pack_index(self.index, self.sums.size)])
        yield pack_seal(self.sums, footer)
        yield footer

    def _summed(self, pieces: list[Any]) -> Iterator[Any]:
        """Pass pieces on, small ones together, and sum them up."""
        small: list[Any] = []
        for piece in [*pieces, None]:
            if piece is not None and len(piece) <= _SMALL_BYTES:
                small.append(piece)
                continue
            for one in (b''.join(small), piece):
                if one is not None and len(one):
                    self.sums.add(one)
                    yield one
            small = []
