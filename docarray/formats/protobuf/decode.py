"""DocProto to documents.

Messages are parsed by protobuf, some hundred at a time, and read field by field. Where the message says that
it was written from this very class, valid documents are made of it straight away, as long as every node
holds what the class would have written; all else is validated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pydantic

from docarray.batch import collector_paused
from docarray.errors import DocArrayError, FormatError, LimitError, MissingExtraError, ValidationError
from docarray.formats.building import validator_of
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.formats.protobuf.descriptor import message_class
from docarray.formats.protobuf.documents import Maps, reader_of
from docarray.formats.protobuf.fields import RefusedError, UnfitError
from docarray.formats.protobuf.natural import BytesNeededError, Reading
from docarray.formats.protobuf.nodes import Doc
from docarray.formats.protobuf.wire import BYTES, tag, varint
from docarray.schema import Schema

__all__ = ['decode_documents']

Buffer = bytes | bytearray | memoryview

#: How many documents, and bytes of them, are read at once.
CHUNK_ROWS, CHUNK_BYTES = 1024, 4 << 20
FIRST = tag(1, BYTES)


def decode_documents(
    buffers: Sequence[Buffer],
    schema: Schema,
    limits: Limits | None = None,
    where: str = '',
    trusted: bool = False,
) -> list[Any]:
    """Return the documents of DocProto messages.

    Args:
        buffers: The messages.
        schema: The schema of the class that the documents are to be of.
        limits: For what is read.
        where: What is read, for errors; else the class.
        trusted: The messages say that they hold valid documents of this very schema.

    Raises:
        FormatError: A message is damaged; says in which row.
        ValidationError: A document does not fit the class; the path of its faults starts with the row.
        LimitError: There is more than the limits allow.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> decode_documents([bytes.fromhex('0a0b0a047465787412030a0161')], schema_of(TextDoc))[
        ...     0
        ... ].text
        'a'
    """
    limits = limits or DEFAULT_LIMITS
    reading = Reading(limits, where or schema.document_type.__name__, old=not trusted)
    limits.check('documents', len(buffers), reading.where)
    limits.check('size', sum(map(len, buffers)), reading.where)
    rows: list[Any] = []
    with collector_paused():
        for chunk in _chunks(buffers):
            rows += _Chunk(chunk, schema, reading, len(rows)).documents(trusted)
            reading.keep()
    return rows


def _chunks(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    chunk: list[Buffer] = []
    size = 0
    for buffer in buffers:
        chunk.append(buffer)
        size += len(buffer)
        if size >= CHUNK_BYTES or len(chunk) == CHUNK_ROWS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class _Chunk:
    """Messages that are read at once.

    Args:
        buffers: The messages as bytes.
        schema: The schema of their class.
        reading: Limits, and what is read.
        done: How many documents came before.
    """

    def __init__(self, buffers: list[Buffer], schema: Schema, reading: Reading, done: int) -> None:
        self.buffers, self.done, self.reading = buffers, done, reading
        self.reader, self.validate = reader_of(schema), validator_of(schema)

    def documents(self, trusted: bool) -> list[Any]:
        """Return the documents."""
        try:
            if trusted:
                try:
                    return self.reader.documents(self._parsed(), self.reading)
                except (UnfitError, BytesNeededError):
                    pass  # that reading may have added empty fields to the messages
            self.reading.begin()
            try:
                return self._validated(self._parsed())
            except BytesNeededError:
                self.reading.begin()
                return self._validated(self._by_hand())
        except RecursionError as error:
            got = 'documents, lists and maps inside one another'
            raise LimitError(where=self.reading.where, got=got, wanted='fewer, for Python to read') from error

    def _parsed(self) -> Maps:
        """Return the fields of each message as protobuf parses them, or docarray where that refuses to."""
        parts = chain.from_iterable((FIRST + varint(len(buffer)), buffer) for buffer in self.buffers)
        try:
            maps: Maps = [doc.data for doc in message_class('DocListProto').FromString(b''.join(parts)).docs]
        except MissingExtraError:
            raise
        except Exception:  # DecodeError, which is another class in each version; docarray finds what is wrong
            maps = self._by_hand()
        self.reading.limits.check('columns', max(map(len, maps)), self.reading.where)
        return maps

    def _by_hand(self) -> Maps:
        found = []
        for row, buffer in enumerate(self.buffers):
            try:
                found.append(Doc(memoryview(buffer)).data)
            except FormatError as error:
                raise self._located(error, row) from error.__cause__
        return found

    def _validated(self, maps: Maps) -> list[Any]:
        try:
            rows = self.reader.given(maps, self.reading)
        except (FormatError, LimitError) as error:
            raise self._first_fault(maps, error) from error.__cause__
        except RefusedError as error:
            raise error.located(self.reader.schema, self.done) from error.fault.__cause__
        return [self._built(row, values) for row, values in enumerate(rows)]

    def _first_fault(self, maps: Maps, error: DocArrayError) -> DocArrayError:
        for row, one in enumerate(maps):
            try:
                self.reader.given([one], self.reading)
            except (FormatError, LimitError) as found:
                return self._located(found, row)
        return error

    def _built(self, row: int, values: dict[str, Any]) -> Any:
        try:
            return self.validate(values)
        except pydantic.ValidationError as error:
            raise ValidationError.of(error, inside=(self.done + row,)) from error.__cause__

    def _located(self, error: DocArrayError, row: int) -> DocArrayError:
        error.at(self.reading.where)
        error.where += f' (row {self.done + row})'
        return error
