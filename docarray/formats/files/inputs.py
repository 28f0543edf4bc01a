"""What the readers of files read: bytes at hand or as they come, decompressed, their seal verified."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from docarray.errors import FormatError, TruncatedError
from docarray.formats.files.compression import decompress_stream
from docarray.formats.files.storage import Source
from docarray.formats.files.tails import FILE_TAILS, untailed_chunks
from docarray.formats.limits import Limits
from docarray.schema import Schema

__all__ = ['Input', 'missing_seal', 'refuse_pickle']


@dataclass
class Input:
    """A file, or bytes, that one protocol reads.

    Attributes:
        source: Where the bytes are.
        schema: Of the class that the documents are to be of.
        compress: How the whole is compressed, '' if it is not.
        each: How each document is, '' if it is not.
        limits: How much may be read.
        streaming: Whether documents are wanted before all of them are there.
        sealed: Whether the compressed data were found to end in a seal.
    """

    source: Source
    schema: Schema
    compress: str
    each: str
    limits: Limits
    streaming: bool = False
    sealed: bool = False

    @property
    def name(self) -> str:
        """What is read, for errors."""
        return self.source.name

    def chunks(self) -> Iterator[Any]:
        """Yield the bytes, decompressed, as they come.

        Raises:
            TruncatedError: Compressed data end too early.
            FormatError: They are not compressed so, or have changed.
            LimitError: There is more than allowed, unless documents are handed on as they come.
        """
        chunks = self.source.chunks()
        if self.compress:
            chunks = untailed_chunks(chunks, FILE_TAILS[self.compress], self.name, self._found)
            chunks = decompress_stream(chunks, self.compress)
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if not self.streaming:
                self.limits.check('size', size, self.name)
            yield chunk

    def _found(self, sealed: bool) -> None:
        self.sealed = sealed

    def whole(self, chunks: Iterable[Any] | None = None) -> tuple[memoryview, FormatError | None]:
        """Return all bytes, decompressed, or those that there are and the error about the rest.

        Args:
            chunks: The bytes, where reading has begun.

        Raises:
            LimitError: There is more than allowed.
        """
        if self.source.view is not None and not self.compress:
            self.limits.check('size', len(self.source.view), self.name)
            return self.source.view, None
        data, fault = bytearray(), None
        try:
            for chunk in self.chunks() if chunks is None else chunks:
                data += chunk
                self.limits.check('size', len(data), self.name)
        except FormatError as error:
            fault = error
        return memoryview(data), fault

    def peeked(self, size: int) -> tuple[bytes, Iterator[Any]]:
        """Return the first bytes, decompressed, and the chunks with these bytes in them."""
        chunks, seen = self.chunks(), bytearray()
        try:
            while len(seen) < size and (chunk := next(chunks, None)) is not None:
                seen += chunk
        except FormatError as error:
            chunks = _raised(error)
        return bytes(seen[:size]), chain([bytes(seen)], chunks)


def _raised(error: FormatError) -> Iterator[Any]:
    """Raise an error where the next chunk would come."""
    yield from ()
    raise error


def missing_seal(where: str) -> TruncatedError:
    """Return the error about a file that should end in something that is not there.

    Example:
        >>> str(missing_seal('a.arrow'))
        'a.arrow: got a file without its end, wanted the whole file'
    """
    return TruncatedError(where=where, got='a file without its end', wanted='the whole file')


#: How pickles start: of protocols 2 to 5, and of protocol 0 with the name of a class or function.
_PICKLE = re.compile(rb'\x80[\x02-\x05]|c[\w.]+\n[\w.]+\n')


def refuse_pickle(head: Any, where: str) -> None:
    """Raise FormatError for what looks like a pickle: nothing is unpickled unless the call says so.

    Args:
        head: How the bytes start.
        where: What they are.
    """
    if _PICKLE.match(bytes(head[:256])):
        raise FormatError(
            where=where,
            got='a pickle',
            wanted='what the protocol says',
            hint="If you trust it, name protocol='pickle' or 'pickle-array': reading it can run any code.",
        )
