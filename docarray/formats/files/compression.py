"""Compression by name: whole messages, and streams in steps of bounded size.

The output depends on the input and the version of the library alone: no times, no names of systems. What is
read may be several compressed streams one behind another, as their tools make them of joined files.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from docarray import _lazy
from docarray.errors import FormatError, InvalidValueError, LimitError, TruncatedError, show
from docarray.formats.checksum import crc32
from docarray.formats.limits import Limits

__all__ = ['COMPRESSIONS', 'compress', 'compress_stream', 'decompress', 'decompress_stream']

#: How many bytes one step of decompression takes and returns at most.
INPUT_BYTES, STEP_BYTES = 1 << 15, 1 << 20

#: What the dictionary of xz data may take: twice that of the strongest preset.
LZMA_MEMORY = 128 << 20


class Compressor(Protocol):
    """What compresses one stream."""

    def compress(self, data: Any) -> bytes:
        """Return what is ready."""

    def flush(self) -> bytes:
        """Return the rest."""


class Decompressor(Protocol):
    """What decompresses one stream, as ``bz2`` and its like have it."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether more must come before there is more to return."""

    @property
    def unused_data(self) -> Any:
        """What came behind the end of the stream."""

    def decompress(self, data: Any, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes."""


class Compression(NamedTuple):
    """One compression.

    Attributes:
        name: Its name in docarray.
        compressor: Makes what compresses one stream.
        decompressor: Makes what decompresses one stream.
    """

    name: str
    compressor: Callable[[], Compressor]
    decompressor: Callable[[], Decompressor]


def compress(data: Any, name: str) -> bytes:
    """Return bytes compressed as a whole.

    Args:
        data: Bytes or any buffer.
        name: One of ``COMPRESSIONS``.

    Raises:
        InvalidValueError: There is no such compression.
        MissingExtraError: Its package is not installed.

    Example:
        >>> decompress(compress(b'abc', 'gzip'), 'gzip', Limits())
        b'abc'
    """
    return b''.join(compress_stream([data], name))


def compress_stream(chunks: Iterable[Any], name: str) -> Iterator[bytes]:
    """Yield one compressed stream of the chunks, as they come. See ``compress``.

    Example:
        >>> b''.join(compress_stream([b'a', b'b'], 'bz2')) == compress(b'ab', 'bz2')
        True
    """
    compressor = compression(name).compressor()
    for chunk in chunks:
        piece = compressor.compress(memoryview(chunk).cast('B'))
        if piece:
            yield piece
    yield compressor.flush()


def decompress(data: Any, name: str, limits: Limits) -> bytes:
    """Return what was compressed.

    Args:
        data: Bytes or any buffer.
        name: One of ``COMPRESSIONS``.
        limits: ``size`` for the bytes that it becomes, checked step by step.

    Raises:
        InvalidValueError: There is no such compression.
        MissingExtraError: Its package is not installed.
        TruncatedError: The bytes end too early.
        FormatError: They are not compressed, or not so; says near which byte.
        LimitError: They become more than allowed.

    Example:
        >>> decompress(compress(b'a' * 100, 'zlib'), 'zlib', Limits(size=99))
        Traceback (most recent call last):
        docarray.errors.LimitError: zlib data: got 100 bytes, wanted at most 99. ...
    """
    pieces, size = [], 0
    for piece in decompress_stream([data], name):
        pieces.append(piece)
        size += len(piece)
        limits.check('size', size, f'{name} data')
    return b''.join(pieces)


def decompress_stream(chunks: Iterable[Any], name: str) -> Iterator[bytes]:
    """Yield what was compressed, in pieces of at most 1 MiB, as it arrives. See ``decompress``.

    Args:
        chunks: The compressed bytes, cut anywhere.
        name: One of ``COMPRESSIONS``.

    Example:
        >>> b''.join(decompress_stream([compress(b'a', 'lzma'), compress(b'b', 'lzma')], 'lzma'))
        b'ab'
    """
    new = compression(name).decompressor
    where = f'{name} data'
    stream: Decompressor | None = None
    seen = 0
    for rest in _short(chunks):
        seen += len(rest)
        while len(rest) or not (stream is None or stream.needs_input):
            stream = stream or new()
            piece = _step(stream, rest, where, seen)
            if piece:
                yield piece
            rest = b''
            if stream.eof:
                rest, stream = stream.unused_data or b'', None
    if stream is not None or not seen:
        raise TruncatedError(where=where, got=f'its end at byte {seen}', wanted='the rest of it')


def _short(chunks: Iterable[Any]) -> Iterator[Any]:
    """Yield the chunks cut so short that it costs little when a library copies what it has not read yet."""
    for chunk in chunks:
        view = memoryview(chunk).cast('B')
        for start in range(0, len(view), INPUT_BYTES):
            yield view[start : start + INPUT_BYTES]


def _step(stream: Decompressor, data: Any, where: str, seen: int) -> bytes:
    try:
        return stream.decompress(data, STEP_BYTES)
    except MemoryError:
        raise
    except Exception as error:  # each library has its own: OSError, ValueError, RuntimeError...
        if 'memory' in str(error).lower():
            raise LimitError(where=where, got=show(str(error)), wanted='a smaller dictionary') from error
        raise FormatError(
            where=f'{where}, before byte {seen}', got=show(str(error)), wanted='bytes compressed so'
        ) from error


def compression(name: str) -> Compression:
    """Return the compression of a name.

    Raises:
        InvalidValueError: There is none.

    Example:
        >>> compression('gzip').name
        'gzip'
    """
    found = _TABLE.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidValueError(where='compress', got=show(name), wanted=' or '.join(map(repr, COMPRESSIONS)))
    return found


# -- the libraries ------------------------------------------------------------------------------------
#
# Each is imported when it is asked for: Python may have been built without lzma or bz2.


class _Inflate:
    """zlib's decompressor with the methods that the others have."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: Any, max_length: int) -> bytes:
        tail = self._inner.unconsumed_tail
        piece = self._inner.decompress(tail + data if tail else data, max_length)
        # A full piece may leave more inside zlib, even where it has taken all of the input.
        self.needs_input = len(piece) < max_length and not self._inner.unconsumed_tail
        return piece


class _Gzip:
    """Compresses to gzip (RFC 1952) without a time and without the name of the system."""

    HEADER = bytes.fromhex('1f8b 08 00 00000000 00 ff')

    def __init__(self) -> None:
        self._inner = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._crc = self._size = 0

    def compress(self, data: Any) -> bytes:
        head = b'' if self._size else self.HEADER
        if not len(data):
            return b''
        self._crc = crc32(data, self._crc)
        self._size += len(data)
        return head + self._inner.compress(data)

    def flush(self) -> bytes:
        head = b'' if self._size else self.HEADER
        size = self._size & 0xFFFFFFFF
        return head + self._inner.flush() + self._crc.to_bytes(4, 'little') + size.to_bytes(4, 'little')


class _Lz4:
    """Compresses to one LZ4 frame."""

    def __init__(self) -> None:
        frame = _lazy.load('lz4.frame')
        self._inner = frame.LZ4FrameCompressor(content_checksum=True)
        self._head = self._inner.begin()

    def compress(self, data: Any) -> bytes:
        head, self._head = self._head, b''
        piece: bytes = head + self._inner.compress(data)
        return piece

    def flush(self) -> bytes:
        head, self._head = self._head, b''
        piece: bytes = head + self._inner.flush()
        return piece


def _zstd() -> Any:
    return _lazy.load('compression.zstd' if sys.version_info >= (3, 14) else 'backports.zstd')


def _zstd_compressor() -> Compressor:
    zstd = _zstd()
    made: Compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.checksum_flag: 1})
    return made


def _lzma_decompressor() -> Decompressor:
    lzma = _lazy.load('lzma')
    made: Decompressor = lzma.LZMADecompressor(memlimit=LZMA_MEMORY)
    return made


_TABLE = {
    row.name: row
    for row in (
        Compression('lz4', _Lz4, lambda: _lazy.load('lz4.frame').LZ4FrameDecompressor()),
        Compression('zstd', _zstd_compressor, lambda: _zstd().ZstdDecompressor()),
        Compression('gzip', _Gzip, lambda: _Inflate(16 + zlib.MAX_WBITS)),
        Compression(
            'bz2',
            lambda: _lazy.load('bz2').BZ2Compressor(),
            lambda: _lazy.load('bz2').BZ2Decompressor(),
        ),
        Compression('lzma', lambda: _lazy.load('lzma').LZMACompressor(), _lzma_decompressor),
        Compression('zlib', zlib.compressobj, lambda: _Inflate(zlib.MAX_WBITS)),
    )
}

#: The names there are.
COMPRESSIONS = tuple(_TABLE)
