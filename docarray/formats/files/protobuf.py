"""Files of protobuf messages: one of the whole array, or a stream of documents, with their checksums.

A whole message starts with the field ``stored``, which says that a checksum ends it, and how the file around
it is compressed, so that a file that was cut between two documents, or before its seal, is known to be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from docarray.batch import Batch
from docarray.errors import ChecksumError, FormatError, TruncatedError
from docarray.formats.checksum import crc32
from docarray.formats.files.compression import compress, decompress
from docarray.formats.files.inputs import Input, missing_seal, refuse_pickle
from docarray.formats.files.outputs import Job, Sink
from docarray.formats.files.tails import FRAME_TAILS, split_tail
from docarray.formats.framing import read_frames, write_frames
from docarray.formats.grouping import groups
from docarray.formats.protobuf.columns import encode_columns
from docarray.formats.protobuf.decode import decode_documents
from docarray.formats.protobuf.encode import encode_document, encode_rows
from docarray.formats.protobuf.format import ProtobufFormat
from docarray.formats.protobuf.messages import (
    CHECKSUM,
    STORED,
    holds_columns,
    seal,
    split_rows,
    verify,
    whole_documents,
)
from docarray.formats.protobuf.wire import BYTES, FIXED32, field, records, tag
from docarray.lowering import SCHEMALESS_MARK
from docarray.rowbatch import RowBatch
from docarray.schema import schema_of

__all__ = ['read_message', 'read_stream', 'save_message', 'save_stream', 'write_message', 'write_stream']

_SEAL, _STORED = tag(CHECKSUM, FIXED32), tag(STORED, BYTES)


# -- one message --------------------------------------------------------------------------------------


def write_message(array: Any) -> bytes:
    """Return an array as one message without a checksum, for ``to_bytes``."""
    return b''.join(_columns_or_rows(Job(array), [array]))


def save_message(job: Job, sink: Sink) -> None:
    """Write an array as one message, rows some at a time."""
    checksum = 0
    for part in chain([field(STORED, job.stored.encode())], _columns_or_rows(job, job.pieces(sink))):
        checksum = crc32(part, checksum)
        sink.write(part)
    sink.write(_SEAL + checksum.to_bytes(4, 'little'))


def _columns_or_rows(job: Job, pieces: Any) -> Iterator[Any]:
    if job.stacked:
        yield from encode_columns(job.array.batch)
        return
    cls = type(job.array).document_type
    schema = None if getattr(cls, SCHEMALESS_MARK, False) else schema_of(cls)
    if any(type(document) is not cls for document in job.array):
        schema = None  # what the message says of its documents, it says of all
    for piece in pieces:
        yield encode_rows(piece, schema)
        schema = None


def read_message(data: Input) -> Iterator[Batch]:
    """Yield the documents of one message; all of them, or those that are whole before the error."""
    view, fault = data.whole()
    refuse_pickle(view, data.name)
    try:
        verify(view, where=data.name)
        sealed = is_sealed(view)
        stored = _stored(view)
    except TruncatedError as error:
        yield from _whole(view, data)
        raise fault or error from error
    except FormatError as error:
        raise fault or _without_checksum(view, error) from error
    if stored is not None and (not sealed or (stored == data.compress and not data.sealed)):
        fault = fault or missing_seal(data.name)
    if fault is not None and not sealed:
        if isinstance(fault, TruncatedError):
            yield from _whole(view, data)
        raise fault
    if data.streaming and not holds_columns(view):
        yield from _some_at_a_time(view, data)
    else:
        yield ProtobufFormat(limits=data.limits).loads(view, data.schema)
    if fault is not None:
        raise fault


def _without_checksum(view: Any, error: FormatError) -> FormatError:
    """Return the error about what is no message, where nothing says that it had a checksum."""
    cause = error.__cause__
    claims = bytes(view[:2]) == _STORED or bytes(view[-len(_SEAL) - 4 : -4]) == _SEAL
    return cause if isinstance(cause, FormatError) and not claims else error


def _some_at_a_time(view: Any, data: Input) -> Iterator[Batch]:
    rows = split_rows(view, data.limits, data.name)
    trusted, done = rows.schema == data.schema.fingerprint, 0
    for group in groups(rows.documents, len):
        where = f'{data.name} (from row {done})'
        yield RowBatch(data.schema, decode_documents(group, data.schema, data.limits, where, trusted))
        done += len(group)


def is_sealed(view: Any) -> bool:
    """Whether a message ends in its checksum."""
    end = bytes(view[-len(_SEAL) - 4 :])
    return end == _SEAL + crc32(view[: -len(end)]).to_bytes(4, 'little') if end[:-4] == _SEAL else False


def _stored(view: Any) -> str | None:
    """What a message of a file says of the file, None if it is not of one."""
    for number, wire_type, _, start, stop in records(view, 'protobuf'):
        return str(view[start:stop], 'utf-8', 'replace') if (number, wire_type) == (STORED, BYTES) else None
    return None


def _whole(view: Any, data: Input) -> Iterator[Batch]:
    if not holds_columns(view):
        buffers = list(whole_documents(view))
        yield RowBatch(data.schema, decode_documents(buffers, data.schema, data.limits))


# -- a stream of documents ----------------------------------------------------------------------------


def write_stream(array: Any, each: str) -> bytes:
    """Return an array as a stream of documents without checksums, for ``to_bytes``."""
    messages = (encode_document(document) for document in Job(array).rows())
    if each:
        messages = (compress(message, each) for message in messages)
    return b''.join(write_frames(messages, len(array)))


def save_stream(job: Job, sink: Sink) -> None:
    """Write an array as a stream of documents, each with its checksum."""
    documents = (document for piece in job.pieces(sink) for document in piece)
    messages = (_sealed(document, job.each) for document in documents)
    for part in write_frames(messages, len(job.array)):
        sink.write(part)


def _sealed(document: Any, each: str) -> bytes:
    message = seal(encode_document(document))
    if not each:
        return message
    packed = compress(message, each)
    return packed + FRAME_TAILS[each].pack(crc32(packed))


def read_stream(data: Input) -> Iterator[Batch]:
    """Yield the documents of a stream, few at first and then more at a time, up to an error."""
    done = 0
    for group in groups(_messages(data), len):
        where = f'{data.name} (from row {done})'
        yield RowBatch(data.schema, decode_documents(group, data.schema, data.limits, where))
        done += len(group)


def _messages(data: Input) -> Iterator[Any]:
    """Yield the documents of a stream as messages that are verified and decompressed."""
    sealed: tuple[bool, bool] | None = None
    size = 0
    for row, frame in enumerate(read_frames(data.chunks(), data.limits)):
        where = f'{data.name} (row {row})'
        message, outside = frame, True
        if data.each:
            body, outside = split_tail(frame, FRAME_TAILS[data.each], where)
            message = decompress(body, data.each, data.limits)
        refuse_pickle(message, where)
        verify(message, where=where)
        found = (is_sealed(message), outside)
        if sealed is None:
            sealed = found
        elif sealed != found:
            raise ChecksumError(
                where=where, got='a checksum here and none there', wanted='all documents alike'
            )
        size += len(message)
        if not data.streaming:
            data.limits.check('size', size, data.name)
        yield message
