"""Blob: bytes as a field type that are not read before they are asked for."""

from __future__ import annotations

import io
from typing import Any, Protocol

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from docarray.errors import InvalidValueError, show
from docarray.kinds import Codec, Kind
from docarray.typing.bytes import from_base64, to_base64

__all__ = ['Blob', 'BlobSource']

#: How many bytes of two blobs are compared at a time.
_PIECE = 1 << 20


class BlobSource(Protocol):
    """Where the bytes of a blob are.

    Attributes:
        size: How many there are.
    """

    size: int

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from ``start`` to ``stop``, all of which are there."""


class _Memory:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)

    def read(self, start: int, stop: int) -> bytes:
        return self.data[start:stop]


class Blob:
    r"""The bytes of large media: as a field type, bytes that stores keep apart and read when asked for.

    A document of an opened array has a blob whose bytes are still in the store. One that was made of bytes
    has them. Both do the same; equal bytes are equal blobs. Pickled, copied to another process, and
    written in any format, a blob is its bytes.

    As a field type it takes bytes, bytearray, memoryview, base64 text and other blobs.

    Args:
        source: Bytes, another blob, or where bytes are.

    Attributes:
        size: How many bytes there are.

    Example:
        >>> from docarray import BaseDocument
        >>> class Video(BaseDocument):
        ...     title: str
        ...     data: Blob
        >>> video = Video(title='Waves', data=b'one two')
        >>> video.data, video.data.read(4), bytes(video.data)
        (Blob(7 bytes), b'two', b'one two')
        >>> with video.data.open() as file:
        ...     file.seek(4)
        ...     file.read(1)
        4
        b't'
    """

    __slots__ = ('_source', 'size')

    def __init__(self, source: bytes | bytearray | memoryview | Blob | BlobSource) -> None:
        if isinstance(source, bytes | bytearray | memoryview):
            source = _Memory(bytes(source))
        self._source: BlobSource = source._source if isinstance(source, Blob) else source
        self.size: int = self._source.size

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Return some of the bytes, by default all; ``start`` and ``stop`` are as in a slice."""
        first, last, _ = slice(start, stop).indices(self.size)
        return self._source.read(first, last) if first < last else b''

    def open(self) -> io.BufferedReader:
        """Return a file to read, of which ``seek`` and ``read`` fetch what they need."""
        return io.BufferedReader(_File(self._source))

    def __bytes__(self) -> bytes:
        return self.read()

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return self.size > 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bytes | bytearray | memoryview):
            other = Blob(other)
        if not isinstance(other, Blob):
            return NotImplemented
        if self._source is other._source or self.size != other.size:
            return self._source is other._source
        starts = range(0, self.size, _PIECE)
        return all(self.read(start, start + _PIECE) == other.read(start, start + _PIECE) for start in starts)

    __hash__ = None  # type: ignore[assignment]  # as of other values that are compared by what is in them

    def __repr__(self) -> str:
        return f'Blob({self.size:,} bytes)'

    def __copy__(self) -> Blob:
        return self  # it does not change

    def __deepcopy__(self, memo: dict[int, Any]) -> Blob:
        return self

    def __reduce__(self) -> Any:
        return Blob, (bytes(self),)

    @classmethod
    def __docarray_codec__(cls) -> Codec:
        return Codec(Kind('bytes', blob=True), bytes, cls)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(
            lambda blob: to_base64(bytes(blob)), return_schema=core_schema.str_schema(), when_used='json'
        )
        return core_schema.no_info_plain_validator_function(_validate, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {'type': 'string', 'format': 'base64', 'contentEncoding': 'base64'}


def _validate(value: object) -> Blob:
    if isinstance(value, Blob):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return Blob(value)
    if isinstance(value, str):
        return Blob(from_base64(value))
    raise InvalidValueError(
        got=f'{type(value).__name__} {show(value, 40)}',
        wanted='bytes, bytearray, memoryview, base64 text or a Blob',
    )


class _File(io.RawIOBase):
    """A blob as a file that is not buffered."""

    def __init__(self, source: BlobSource) -> None:
        self._source, self._place = source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._source.size}[whence]
        if base + offset < 0:
            raise ValueError(f'negative place {base + offset}')
        self._place = base + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast('B')
        stop = min(self._place + len(view), self._source.size)
        data = self._source.read(self._place, stop) if self._place < stop else b''
        view[: len(data)] = data
        self._place += len(data)
        return len(data)
