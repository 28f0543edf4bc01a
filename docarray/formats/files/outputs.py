"""What the writers of files write into, and what they write: an array, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from docarray.array.rows import DocumentArray
from docarray.array.typed import typed
from docarray.formats.checksum import crc32
from docarray.formats.files.compression import compression
from docarray.formats.files.storage import write_all
from docarray.formats.files.tails import Tail
from docarray.lowering import STACKED_MARK

__all__ = ['CompressedSink', 'Job', 'Sink']

#: How many documents the first piece of an array has, how many any piece has at most, and how many bytes.
FIRST_ROWS, MOST_ROWS = 64, 1 << 16
PIECE_BYTES = 1 << 20


class Sink:
    """A file to write into, which need be able to do nothing else.

    Attributes:
        size: How many bytes were written.
        closed: False, which pyarrow asks for.

    Example:
        >>> import io
        >>> sink = Sink(io.BytesIO())
        >>> sink.write(b'abc'), sink.size
        (3, 3)
    """

    closed = False

    def __init__(self, file: Any) -> None:
        self._file = file
        self.size = 0

    def write(self, data: Any) -> int:
        """Write all of some bytes, however many the file takes at once."""
        view = memoryview(data).cast('B')
        self.size += len(view)
        self._put(view)
        return len(view)

    def flush(self) -> None:
        """Do nothing: the file is flushed by whoever opened it."""

    def finish(self) -> None:
        """Write what is to come last."""

    def _put(self, view: memoryview) -> None:
        write_all(self._file, view)


class CompressedSink(Sink):
    """A file that is compressed as a whole, with a seal at its end.

    Args:
        file: Where the compressed bytes go.
        compress: The name of the compression.
        tail: The form of the seal; None for no seal.
    """

    def __init__(self, file: Any, compress: str, tail: Tail | None) -> None:
        super().__init__(file)
        self._compressor = compression(compress).compressor()
        self._tail, self._checksum = tail, 0

    def finish(self) -> None:
        """Write the end of the compressed data and the seal."""
        self._pass_on(self._compressor.flush())
        if self._tail is not None:
            super()._put(memoryview(self._tail.pack(self._checksum)))

    def _put(self, view: memoryview) -> None:
        self._pass_on(self._compressor.compress(view))

    def _pass_on(self, data: bytes) -> None:
        self._checksum = crc32(data, self._checksum)
        super()._put(memoryview(data))


def _nothing(count: int) -> None:
    pass


@dataclass
class Job:
    """An array to write into a file.

    Attributes:
        array: Either array of documents.
        compress: How the whole file will be compressed, '' if it will not.
        each: How each document will be.
        advance: Called with how many documents were written, as they are.
    """

    array: Any
    compress: str = ''
    each: str = ''
    advance: Callable[[int], None] = _nothing

    @property
    def stacked(self) -> bool:
        """Whether the array is one of columns."""
        return hasattr(type(self.array), STACKED_MARK)

    @property
    def stored(self) -> str:
        """What the file says of itself: how it is compressed, or 'none'."""
        return self.compress or 'none'

    def pieces(self, sink: Sink) -> Iterator[Any]:
        """Yield the documents as arrays of rows, of about 1 MiB each as written into ``sink``."""
        rows, start = FIRST_ROWS, 0
        while start < len(self.array):
            before = sink.size
            piece = self.rows(start, start + rows)
            yield piece
            self.advance(len(piece))
            start += len(piece)
            if sink.size - before < PIECE_BYTES:
                rows = min(2 * rows, MOST_ROWS)
            elif sink.size - before > 4 * PIECE_BYTES:
                rows = max(1, rows // 4)

    def rows(self, start: int = 0, stop: int | None = None) -> Any:
        """Return some of the documents as an array of rows."""
        if not self.stacked:
            return self.array[start:stop]
        rows = self.array.batch.take(slice(start, stop)).rows()
        return typed(DocumentArray, type(self.array).document_type).construct(rows)
