"""Parquet: columns for data lakes, compressed, in groups of rows, each page with a checksum."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from docarray._lazy import load
from docarray.batch import Batch
from docarray.errors import FormatError, InvalidValueError, TruncatedError, show
from docarray.formats.arrow.faults import arrow_faults
from docarray.formats.arrow.ipc import Outbox
from docarray.formats.arrow.messages import Buffer
from docarray.formats.arrow.read import BatchReader, check_schema, joined
from docarray.formats.arrow.types import pa
from docarray.formats.arrow.write import PARQUET, PARQUET_STREAM, record_batch
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.schema import Schema

pq = load('pyarrow.parquet')

_MAGIC = b'PAR1'
_COMPRESSIONS = (None, 'snappy', 'gzip', 'brotli', 'lz4', 'zstd')


class ParquetFormat:
    """Batches as Parquet files.

    Pages carry checksums, which are verified on reading. Parquet cannot read back lists of a fixed size that
    are missing or empty; tensor columns with such rows are structs instead (see
    ``docarray.formats.arrow.types``).

    Args:
        compression: None, 'snappy', 'gzip', 'brotli', 'lz4' or 'zstd'.
        row_group_size: Documents that are written, and read in a stream, at once.
        limits: What is read at most, decompressed.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> schema = schema_of(TextDoc)
        >>> batch = Batch.of(schema, [TextDoc(text='a')])
        >>> ParquetFormat().loads(ParquetFormat().dumps(batch), schema).rows()[0].text
        'a'
    """

    name = 'parquet'

    def __init__(
        self,
        compression: str | None = 'snappy',
        row_group_size: int = 1 << 16,
        limits: Limits | None = None,
    ) -> None:
        self.limits = DEFAULT_LIMITS if limits is None else limits
        if compression not in _COMPRESSIONS:
            wanted = f'one of {", ".join(map(str, _COMPRESSIONS))}'
            raise InvalidValueError(where='parquet', got=f'compression {show(compression)}', wanted=wanted)
        if row_group_size < 1:
            raise InvalidValueError(
                where='parquet', got=f'row_group_size={row_group_size}', wanted='1 or more'
            )
        self.row_group_size = row_group_size
        self.options = {'compression': compression or 'none', 'write_page_checksum': True}

    def dumps(self, batch: Batch) -> bytes:
        made, sink = record_batch(batch, PARQUET), io.BytesIO()
        with self._writer(sink, made.schema) as writer:
            writer.write_batch(made, self.row_group_size)
        return sink.getvalue()

    def loads(self, data: Buffer, schema: Schema) -> Batch:
        return joined(schema, list(self.read_groups(data, schema)))

    def dump_stream(self, batches: Iterable[Batch]) -> Iterator[bytes]:
        sink, writer = Outbox(), None
        for batch in batches:
            made = record_batch(batch, PARQUET_STREAM)
            if writer is None:
                writer = self._writer(sink, made.schema)
            writer.write_batch(made, self.row_group_size)
            yield b''.join(sink.taken())
        if writer is not None:
            writer.close()
            yield b''.join(sink.taken())

    def load_stream(self, chunks: Iterable[Buffer], schema: Schema) -> Iterator[Batch]:
        # What is where stands at the end of the file: it has to be there whole.
        data = b''.join(_within(chunks, self.limits))
        if data:
            yield from filter(len, self.read_groups(data, schema))

    def _writer(self, sink: Any, schema: Any) -> Any:
        return pq.ParquetWriter(sink, schema, **self.options)

    def read_groups(self, data: Buffer, schema: Schema) -> Iterator[Batch]:
        """Yield a batch for each group of rows."""
        view = memoryview(data).cast('B')
        _check_ends(view, self.name)
        with arrow_faults(self.name):
            file = pq.ParquetFile(pa.BufferReader(view), page_checksum_verification=True)
            _check_sizes(file.metadata, self.limits, self.name)
            check_schema(file.schema_arrow, self.limits, self.name)
        done, reader = 0, None
        for group in range(file.num_row_groups):
            with arrow_faults(f'{self.name}, row group {group}'):
                parts = file.read_row_group(group).to_batches()
                found = []
                for part in parts:
                    reader = reader or BatchReader(schema, part.schema, self.limits)
                    found.append(reader.read(part, done))
            if found:
                yield joined(schema, found)
            done += sum(map(len, found))


def _within(chunks: Iterable[Buffer], limits: Limits) -> Iterator[Buffer]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        limits.check('size', size, 'parquet')
        yield chunk


def _check_ends(data: memoryview, where: str) -> None:
    if bytes(data[:4]) != _MAGIC:
        raise FormatError(where=where, got=show(bytes(data[:4])), wanted='PAR1 at the start')
    if len(data) < 12 or bytes(data[-4:]) != _MAGIC:
        got = f'{len(data)} bytes without the end of a file'
        raise TruncatedError(where=where, got=got, wanted='PAR1 at the end')


def _check_sizes(metadata: Any, limits: Limits, where: str) -> None:
    """Compare what a file says that it has with the limits."""
    limits.check('documents', metadata.num_rows, where)
    limits.check('columns', metadata.num_columns, where)
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    limits.check('size', sum(group.total_byte_size for group in groups), where)
