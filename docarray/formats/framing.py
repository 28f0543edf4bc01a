"""The stream of documents of the protocols 'protobuf' and 'pickle': how messages stand one behind another.

::

    byte        version: 2; 1 from docarray of February 2023, whose framing is the same
    uint64      number of messages, or 2**64 - 1 where it was not known beforehand
    then for each message
        uint32  its length in bytes
        ...     the message
    uint32      2**32 - 1, the end mark, only where the number was not known

All numbers are big-endian. Versions 0.30 to 0.41 of docarray write and read streams whose number is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docarray.errors import FormatError, InvalidValueError, TruncatedError
from docarray.formats.limits import Limits

__all__ = ['FrameReader', 'read_frames', 'write_frames']

VERSION = 2
VERSIONS = (1, 2)
HEADER_BYTES = 9
UNKNOWN_COUNT = 2**64 - 1
END_MARK = 2**32 - 1

_WHERE = 'stream of documents'


def write_frames(messages: Iterable[bytes], count: int | None) -> Iterator[bytes]:
    """Yield the bytes of a stream of messages, as they come.

    Args:
        messages: The messages.
        count: How many there are; None if that is not known, which docarray before 1.0 cannot read.

    Raises:
        InvalidValueError: A message has 4 GiB or more, or there are not as many as ``count`` said.

    Example:
        >>> b''.join(write_frames([b'ab'], 1)).hex()
        '020000000000000001000000026162'
    """
    yield bytes([VERSION]) + (UNKNOWN_COUNT if count is None else count).to_bytes(8, 'big')
    written = 0
    for message in messages:
        if len(message) >= END_MARK:
            raise InvalidValueError(
                where=f'{_WHERE}, document {written}',
                got=f'{len(message)} bytes',
                wanted='less than 4 GiB for each document',
                hint="Write it with the protocol 'arrow'.",
            )
        yield len(message).to_bytes(4, 'big')
        yield message
        written += 1
    if count is None:
        yield END_MARK.to_bytes(4, 'big')
    elif written != count:
        raise InvalidValueError(where=_WHERE, got=f'{written} documents', wanted=str(count))


def read_frames(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """Yield the messages of a stream, as they arrive.

    Args:
        chunks: The stream, cut anywhere.
        limits: ``documents`` for the number of messages, ``size`` for the bytes of each.

    Raises:
        TruncatedError: The stream ends too early; ``whole`` messages have been yielded.
        FormatError: It is no such stream, or something stands behind its end; says at which byte.
        LimitError: It has more than allowed.

    Example:
        >>> from docarray.formats.limits import DEFAULT_LIMITS
        >>> list(read_frames(write_frames([b'ab', b''], 2), DEFAULT_LIMITS))
        [b'ab', b'']
    """
    return FrameReader(chunks, limits).messages()


class FrameReader:
    """Reads one stream and knows how far it came. See ``read_frames``.

    Args:
        chunks: The stream, cut anywhere.
        limits: As for ``read_frames``.

    Attributes:
        version: The version of the stream, once the first message is asked for.
        count: How many messages it says to have; None where it does not.
        whole: How many messages have been yielded.

    Example:
        >>> from docarray.formats.limits import DEFAULT_LIMITS
        >>> reader = FrameReader(write_frames([b'ab'], 1), DEFAULT_LIMITS)
        >>> list(reader.messages()), reader.version, reader.count
        ([b'ab'], 2, 1)
    """

    def __init__(self, chunks: Iterable[bytes], limits: Limits) -> None:
        self.version = 0
        self.count: int | None = None
        self.whole = 0
        self._chunks = iter(chunks)
        self._limits = limits
        self._pending = bytearray()
        self._start = 0  # of what has not been taken, in what is pending
        self._offset = 0  # of the same in the stream

    def messages(self) -> Iterator[bytes]:
        """Yield the messages."""
        self._read_header()
        while self.count is None or self.whole < self.count:
            start = self._offset
            length = int.from_bytes(self._take(4, 'the length of a document'), 'big')
            if length == END_MARK:
                if self.count is not None:
                    raise self._wrong(start, 'an end mark', f'{self.count} documents')
                break
            self._limits.check('size', length, f'{_WHERE}, document {self.whole}')
            message = self._take(length, f'the {length} bytes of document {self.whole}')
            self.whole += 1
            self._limits.check('documents', self.whole, _WHERE)
            yield message
        self._expect_end()

    def _read_header(self) -> None:
        self.version = self._take(1, 'a version')[0]
        if self.version not in VERSIONS:
            raise self._wrong(0, f'version {self.version}', 'version 2 or 1')
        count = int.from_bytes(self._take(8, 'the number of documents'), 'big')
        if count != UNKNOWN_COUNT:
            self._limits.check('documents', count, _WHERE)
            self.count = count

    def _take(self, length: int, what: str) -> bytes:
        """Return the next bytes; none are allocated before they have arrived."""
        while len(self._pending) - self._start < length:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise self._too_short(what)
            if self._start:
                del self._pending[: self._start]
                self._start = 0
            self._pending += chunk
        end = self._start + length
        with memoryview(self._pending) as view:
            taken = bytes(view[self._start : end])
        self._start = end
        self._offset += length
        return taken

    def _expect_end(self) -> None:
        while len(self._pending) == self._start:
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._pending, self._start = bytearray(chunk), 0
        raise self._wrong(self._offset, 'more bytes', f'the end after {self.whole} documents')

    def _too_short(self, what: str) -> TruncatedError:
        end = self._offset + len(self._pending) - self._start
        error = TruncatedError(
            where=_WHERE,
            got=f'its end at byte {end}, after {self.whole} whole documents',
            wanted=f'{what} from byte {self._offset}',
        )
        error.whole = self.whole
        return error

    def _wrong(self, offset: int, got: str, wanted: str) -> FormatError:
        return FormatError(where=f'{_WHERE}, byte {offset}', got=got, wanted=wanted)
