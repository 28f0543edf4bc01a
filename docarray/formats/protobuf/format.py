"""The format 'protobuf': batches as DocListProto or DocVecProto, streams as DocProto messages in frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from docarray.batch import Batch
from docarray.formats.framing import read_frames, write_frames
from docarray.formats.grouping import MOST_ROWS, groups
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.formats.protobuf.columns import encode_columns
from docarray.formats.protobuf.decode import decode_documents
from docarray.formats.protobuf.encode import encode_document, encode_rows
from docarray.formats.protobuf.messages import decode_rows, holds_columns
from docarray.formats.protobuf.readcolumns import decode_columns
from docarray.rowbatch import RowBatch
from docarray.schema import Schema

__all__ = ['ProtobufFormat']


class ProtobufFormat:
    """Batches in the messages of ``docarray.proto``, which docarray 0.30 to 0.41 reads and writes too.

    Args:
        columns: Write columns (DocVecProto) rather than rows (DocListProto); both are read. Streams are
            always of rows.
        limits: How much to read at most; None for ``DEFAULT_LIMITS``.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> batch = RowBatch(schema_of(TextDoc), [TextDoc(text='a')])
        >>> ProtobufFormat().loads(ProtobufFormat().dumps(batch), batch.schema).rows()[0].text
        'a'
    """

    name = 'protobuf'

    def __init__(self, columns: bool = False, limits: Limits | None = None) -> None:
        self.columns, self.limits = columns, limits or DEFAULT_LIMITS

    def dumps(self, batch: Batch) -> bytes:
        return b''.join(encode_columns(batch)) if self.columns else encode_rows(batch.rows(), batch.schema)

    def loads(self, data: bytes | bytearray | memoryview, schema: Schema) -> Batch:
        if holds_columns(data):
            return decode_columns(data, schema, self.limits)
        return RowBatch(schema, decode_rows(data, schema, self.limits))

    def dump_stream(self, batches: Iterable[Batch]) -> Iterator[bytes]:
        rows = chain.from_iterable(batch.rows() for batch in batches)
        return write_frames(map(encode_document, rows), None)

    def load_stream(self, chunks: Iterable[bytes], schema: Schema) -> Iterator[Batch]:
        done = 0
        for messages in groups(read_frames(chunks, self.limits), len, MOST_ROWS):
            where = f'{schema.document_type.__name__} (from row {done})' if done else ''
            yield RowBatch(schema, decode_documents(messages, schema, self.limits, where))
            done += len(messages)
