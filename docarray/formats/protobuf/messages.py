"""Whole messages: arrays of documents as rows, checksums, and what is left of a damaged one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from struct import pack, unpack
from typing import Any

from docarray.errors import ChecksumError, FormatError, TruncatedError
from docarray.formats.checksum import crc32
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.formats.protobuf.decode import decode_documents
from docarray.formats.protobuf.nodes import decode_text
from docarray.formats.protobuf.wire import BYTES, FIXED32, read_varint, records, tag
from docarray.schema import Schema

__all__ = ['decode_rows', 'holds_columns', 'seal', 'seal_parts', 'split_rows', 'verify', 'whole_documents']

Buffer = bytes | bytearray | memoryview

SCHEMA, CHECKSUM, STORED = 1000, 1001, 1002
_SEAL = tag(CHECKSUM, FIXED32)
_SEAL_BYTES = len(_SEAL) + 4
_DOC = 0x0A
#: The fields that messages of documents have at their top.
_KNOWN = {
    **{(number, BYTES): name for number, name in enumerate(('data', 'docs', 'columns', 'columns'), 1)},
    (SCHEMA, BYTES): 'schema',
    (CHECKSUM, FIXED32): 'checksum',
    (STORED, BYTES): 'stored',
}


# -- checksums ----------------------------------------------------------------------------------------


def seal(message: bytes) -> bytes:
    """Return a message with its checksum as its last field.

    Args:
        message: A DocProto, DocListProto or DocVecProto.

    Example:
        >>> verify(seal(b''), required=True)
    """
    return message + _trailer(crc32(message))


def seal_parts(parts: Sequence[Any]) -> list[Any]:
    """Return the buffers of a message with one more, its checksum. See ``seal``."""
    checksum = 0
    for part in parts:
        checksum = crc32(part, checksum)
    return [*parts, _trailer(checksum)]


def _trailer(checksum: int) -> bytes:
    return _SEAL + pack('<I', checksum)


def verify(buffer: Buffer, required: bool = False, where: str = 'protobuf') -> None:
    """Check a message of documents against its checksum.

    A message without one, as earlier versions wrote, must at least have no field at its top that is not
    known: a flipped bit in the checksum's own tag would make one.

    Args:
        buffer: The message.
        required: Whether it must have a checksum.
        where: What it is, for errors.

    Raises:
        ChecksumError: It has changed since it was written, or has no checksum and must have one.
        TruncatedError: It ends too early.

    Example:
        >>> verify(b'', required=True)
        Traceback (most recent call last):
        docarray.errors.ChecksumError: protobuf: got no checksum, wanted one at the end of the message
    """
    view = memoryview(buffer)
    sealed = view[-_SEAL_BYTES:-4] == _SEAL
    if sealed and unpack('<I', view[-4:])[0] == crc32(view[:-_SEAL_BYTES]):
        return
    fields = set()
    try:
        for number, wire_type, *_ in records(view, where):
            if (number, wire_type) not in _KNOWN:
                raise ChecksumError(
                    where=where,
                    got=f'a field that no such message has ({number})',
                    wanted='the message as it was written',
                )
            fields.add(number)
    except TruncatedError as error:
        if sealed:  # its end is there: what changed is a length
            raise _changed(where) from error
        raise
    except ChecksumError:
        raise
    except FormatError as error:
        raise _changed(where) from error
    if CHECKSUM in fields or (sealed and SCHEMA in fields):
        raise _changed(where)
    if required:
        raise ChecksumError(where=where, got='no checksum', wanted='one at the end of the message')


def _changed(where: str) -> ChecksumError:
    return ChecksumError(
        where=where,
        got='bytes that do not match their checksum',
        wanted='the message as it was written',
        hint='Read it with salvage=True to get what comes before the damage.',
    )


# -- rows ---------------------------------------------------------------------------------------------


@dataclass
class Rows:
    """A DocListProto, its documents not yet read.

    Attributes:
        documents: Each a DocProto.
        schema: The fingerprint of the class that they are valid documents of, '' if it is not known.
    """

    documents: list[memoryview] = field(default_factory=list)
    schema: str = ''


def split_rows(buffer: Buffer, limits: Limits | None = None, where: str = 'protobuf') -> Rows:
    """Return the documents of a DocListProto as messages of their own, without reading them.

    Raises:
        TruncatedError: It ends too early; ``whole`` says how many documents are whole.
        FormatError: It is no such message.
        LimitError: It has more documents than the limits allow.
    """
    limits = limits or DEFAULT_LIMITS
    limits.check('size', len(buffer), where)
    rows = Rows()
    try:
        _split(buffer, rows, where)
    except TruncatedError as error:
        error.whole = len(rows.documents)
        error.hint = f'{error.whole} documents before are whole; salvage=True returns them.'
        raise
    limits.check('documents', len(rows.documents), where)
    return rows


def _split(buffer: Buffer, rows: Rows, where: str) -> None:
    pos, end, documents = 0, len(buffer), rows.documents
    view = memoryview(buffer)
    while pos < end:
        if buffer[pos] != _DOC:
            pos = _read_other(view, pos, rows, where)
            continue
        begin, pos = pos, pos + 1
        size = buffer[pos] if pos < end else 0x80
        if size < 0x80:
            pos += 1
        else:
            size, pos = read_varint(buffer, pos, where)
        if size > end - pos:
            got = f'document {len(documents)} of {size} bytes'
            raise TruncatedError(where=f'{where}, byte {begin}', got=got, wanted=f'the {end - pos} left')
        documents.append(view[pos : pos + size])
        pos += size


def _read_other(view: memoryview, pos: int, rows: Rows, where: str) -> int:
    """Read a field that is no document, and return where the next one starts."""
    number, wire_type, _, start, stop = next(records(view, where, pos))
    if _KNOWN.get((number, wire_type)) == 'columns':
        raise FormatError(where=where, got='documents as columns', wanted='documents as rows')
    if (number, wire_type) == (SCHEMA, BYTES):
        rows.schema = decode_text(view[start:stop])
    return stop


def decode_rows(buffer: Buffer, schema: Schema, limits: Limits | None = None, where: str = '') -> list[Any]:
    """Return the documents of a DocListProto.

    Args:
        buffer: The message.
        schema: The schema of the class that the documents are to be of.
        limits: For what is read.
        where: What is read, for errors; else the array of the class.

    Raises:
        TruncatedError: It ends too early; ``whole`` says how many documents are whole.
        FormatError: It is damaged; says at which byte or in which row.
        ValidationError: A document does not fit the class; the path of its faults starts with the row.
        LimitError: There is more than the limits allow.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.protobuf.encode import encode_rows
        >>> from docarray.schema import schema_of
        >>> decode_rows(encode_rows([TextDoc(text='a')]), schema_of(TextDoc))[0].text
        'a'
    """
    where = where or f'DocumentArray[{schema.document_type.__name__}]'
    rows = split_rows(buffer, limits, where)
    trusted = rows.schema == schema.fingerprint
    return decode_documents(rows.documents, schema, limits, where, trusted)


def whole_documents(buffer: Buffer) -> Iterator[memoryview]:
    """Yield the documents of a DocListProto, each a DocProto, up to where it is damaged or ends.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.protobuf.encode import encode_rows
        >>> data = encode_rows([TextDoc(text='a'), TextDoc(text='b')])
        >>> len(list(whole_documents(data[:-1])))
        1
    """
    rows = Rows()
    with suppress(FormatError):  # whatever comes after these is not whole
        _split(buffer, rows, 'protobuf')
    yield from rows.documents


def holds_columns(buffer: Buffer) -> bool:
    """Whether a message of an array is a DocVecProto, not a DocListProto.

    Both have messages in field 1: entries of a map from text to a tensor there, documents here. The first
    field in an entry is its key, and another follows; all fields in a document are entries.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.protobuf.encode import encode_rows
        >>> holds_columns(encode_rows([TextDoc(text='a')]))
        False
    """
    try:
        for number, wire_type, _, start, stop in records(memoryview(buffer), 'protobuf'):
            name = _KNOWN.get((number, wire_type))
            if name == 'columns' or number == 2:
                return True
            if name == 'data':
                inner = [number for number, *_ in records(memoryview(buffer)[start:stop], 'protobuf')]
                if inner:
                    return 2 in inner
    except FormatError:
        return False
    return False
