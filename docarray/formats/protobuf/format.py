"""The format 'protobuf': batches as DocListProto or DocVecProto, streams as DocProto messages in frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from docarray.batch import Batch
from docarray.errors import DocArrayError
from docarray.formats.framing import read_frames, write_frames
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.formats.protobuf.columns import encode_columns
from docarray.formats.protobuf.decode import decode_documents
from docarray.formats.protobuf.encode import encode_document, encode_rows
from docarray.formats.protobuf.messages import decode_rows, holds_columns
from docarray.formats.protobuf.readcolumns import decode_columns
from docarray.rowbatch import RowBatch
from docarray.schema import Schema

__all__ = ['ProtobufFormat']

#: How many documents, and bytes of them, a stream reads before it makes a batch of them.
BATCH_ROWS, BATCH_BYTES = 1024, 1 << 20


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
        frames, fault, done = read_frames(chunks, self.limits), None, 0
        while fault is None:
            messages, fault = _take(frames)
            if messages:
                where = f'{schema.document_type.__name__} (from row {done})' if done else ''
                yield RowBatch(schema, decode_documents(messages, schema, self.limits, where))
            elif fault is None:
                return
            done += len(messages)
        raise fault


def _take(frames: Iterator[bytes]) -> tuple[list[bytes], Any]:
    """Return the next messages of a stream, and the error that ended them early, if one did."""
    messages: list[bytes] = []
    size = 0
    try:
        for message in islice(frames, BATCH_ROWS):
            messages.append(message)
            size += len(message)
            if size >= BATCH_BYTES:
                break
    except DocArrayError as error:
        return messages, error
    return messages, None
