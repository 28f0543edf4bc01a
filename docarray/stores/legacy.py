"""Files of the file store of docarray 0.30 to 0.41: documents one behind the other, each compressed by gzip.

::

    for each document
        uint32      its length in bytes, big-endian
        ...         a DocProto, compressed by gzip
    uint32          0: the end
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docarray.batch import Batch
from docarray.errors import FormatError, TruncatedError, UnsupportedError
from docarray.formats.arrow.match import Match
from docarray.formats.files.compression import decompress
from docarray.formats.grouping import MOST_ROWS, groups
from docarray.formats.limits import Limits
from docarray.rowbatch import RowBatch
from docarray.schema import Schema
from docarray.stores import Stored

__all__ = ['LegacyDocuments', 'is_legacy', 'legacy_batches', 'legacy_frames']

_GZIP = b'\x1f\x8b'


def is_legacy(content: Stored) -> bool:
    """Whether a stream is one of these: of no documents, or one whose first is compressed by gzip."""
    (start,) = content.read([(0, min(6, content.size))])
    head = bytes(start)
    if head[:2] == _GZIP:
        raise UnsupportedError(
            where=content.name,
            got='what docarray 0.30 to 0.41 pushed to S3: pickles',
            wanted='an array of documents; a pickle could run any code',
            hint='Pull it by that version, push it to file://, and read that.',
        )
    return head == bytes(4) or (len(head) == 6 and head[4:] == _GZIP)


def legacy_frames(content: Stored) -> Iterator[memoryview]:
    """Yield the documents, as they are stored.

    Raises:
        TruncatedError: The stream ends too early.
        FormatError: Something stands behind its end.
    """
    place = whole = 0
    while True:
        size = int.from_bytes(_part(content, place, 4, whole), 'big')
        place += 4
        if not size:
            break
        yield _part(content, place, size, whole)
        place, whole = place + size, whole + 1
    if place != content.size:
        raise FormatError(
            where=f'{content.name}, byte {place}', got='more bytes', wanted=f'the end after {whole} documents'
        )


def _part(content: Stored, place: int, size: int, whole: int) -> memoryview:
    if place + size > content.size:
        error = TruncatedError(
            where=content.name,
            got=f'its end after {whole} whole documents',
            wanted=f'{size} bytes from byte {place}',
        )
        error.whole = whole
        raise error
    (part,) = content.read([(place, place + size)])
    return memoryview(part)


def legacy_batches(content: Stored, schema: Schema, limits: Limits) -> Iterator[RowBatch]:
    """Yield the documents.

    Args:
        content: The stream.
        schema: Of the class to read them as.
        limits: What is read at most.

    Raises:
        ValidationError: A document does not fit the class; the error's path starts with the row.
    """
    from docarray.formats.protobuf.decode import decode_documents  # needs protobuf, as nothing else here does

    done, where = 0, schema.document_type.__name__

    def messages() -> Iterator[Any]:
        for frame in legacy_frames(content):
            yield decompress(frame, 'gzip', limits)

    for group in groups(messages(), len, MOST_ROWS):
        limits.check('documents', done + len(group), content.name)
        place = f'{where} (from row {done})' if done else where
        yield RowBatch(schema, decode_documents(group, schema, limits, place))
        done += len(group)


class LegacyDocuments:
    """The documents of such a stream, which are read in order.

    Attributes:
        schema: Of the class that they are read as.
        version: A text that another version does not have.
        size: How many bytes the array takes.
        match: Nothing: what the documents have is seen when they are read.
    """

    def __init__(self, content: Stored, schema: Schema, limits: Limits) -> None:
        self.content, self.schema, self.limits = content, schema, limits
        self.version, self.size, self.close = content.version, content.size, content.close
        self.match = Match()

    def __len__(self) -> int:
        return sum(1 for _ in legacy_frames(self.content))

    def batches(self, release: bool = False) -> Iterator[RowBatch]:
        """Yield all documents."""
        return legacy_batches(self.content, self.schema, self.limits)

    def take(self, rows: Any) -> Batch:
        """Refuse it: one document is found after those before it."""
        raise UnsupportedError(where=self.content.name, got='some documents', wanted='all, in order')

    def column(self, name: str) -> Batch:
        """Refuse it: there are no columns."""
        raise UnsupportedError(where=self.content.name, got=f'the column {name}', wanted='documents')
