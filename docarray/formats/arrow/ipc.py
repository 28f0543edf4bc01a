"""Arrow's own formats: the IPC stream, the IPC file, and Feather, which is such a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from docarray.batch import Batch
from docarray.errors import FormatError, InvalidValueError, TruncatedError, show
from docarray.formats.arrow.faults import arrow_faults
from docarray.formats.arrow.messages import Buffer, ChunkSource, MemorySource, Message, read_message
from docarray.formats.arrow.read import BatchReader, joined
from docarray.formats.arrow.types import FINGERPRINT, pa
from docarray.formats.arrow.write import IPC_STREAM, record_batch
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.schema import Schema

_MAGIC, _PADDED = b'ARROW1', b'ARROW1\x00\x00'
#: The footer's size and the magic word at the end of a file.
_TAIL = 10
_PIECE = 1 << 16

Compression = Literal['lz4', 'zstd']
Source = MemorySource | ChunkSource


class ArrowFormat:
    """Batches as Arrow IPC streams, which readers of any language know.

    Columns are written from their memory and read as views of the message: nothing is copied on reading,
    so that a message in a file that is mapped into memory is read as it is used. A stream of batches
    whose tensors change shape is several Arrow streams, one behind the other.

    Args:
        limits: What is read at most.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> schema = schema_of(TextDoc)
        >>> batch = Batch.of(schema, [TextDoc(text='a')])
        >>> ArrowFormat().loads(ArrowFormat().dumps(batch), schema).rows()[0].text
        'a'
    """

    name = 'arrow'

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = DEFAULT_LIMITS if limits is None else limits

    def dumps(self, batch: Batch) -> bytes:
        made = record_batch(batch)
        return written(lambda sink: _write(pa.ipc.new_stream(sink, made.schema), made))

    def loads(self, data: Buffer, schema: Schema) -> Batch:
        source = MemorySource(memoryview(data).cast('B'))
        if not source.stop:
            raise TruncatedError(where=self.name, got='no bytes', wanted='an Arrow stream')
        return joined(schema, list(read_batches(source, schema, self.limits, self.name)))

    def dump_stream(self, batches: Iterable[Batch]) -> Iterator[bytes]:
        sink, writer, types = Outbox(), None, pa.schema([])
        for batch in batches:
            made = record_batch(batch)
            if writer is None or not types.equals(made.schema, check_metadata=True):
                if writer is not None:
                    writer.close()
                types = made.schema
                writer = pa.ipc.new_stream(pa.PythonFile(sink, 'w'), types)
            writer.write_batch(made)
            yield b''.join(sink.taken())
        if writer is not None:
            writer.close()
            yield b''.join(sink.taken())

    def load_stream(self, chunks: Iterable[Buffer], schema: Schema) -> Iterator[Batch]:
        for batch in read_batches(ChunkSource(chunks), schema, self.limits, self.name):
            if len(batch):
                yield batch


class ArrowFileFormat:
    """Batches as Arrow IPC files, which other programs open at any place.

    Args:
        limits: What is read at most.

    Example:
        >>> ArrowFileFormat().name
        'arrow-file'
    """

    name = 'arrow-file'

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = DEFAULT_LIMITS if limits is None else limits
        self.options: Any = None

    def dumps(self, batch: Batch) -> bytes:
        made = record_batch(batch)
        return written(lambda sink: _write(self._writer(sink, made.schema), made))

    def loads(self, data: Buffer, schema: Schema) -> Batch:
        view = memoryview(data).cast('B')
        source = MemorySource(view, len(_PADDED), _check_file(view, self.name))
        return joined(schema, list(read_batches(source, schema, self.limits, self.name, one=True)))

    def dump_stream(self, batches: Iterable[Batch]) -> Iterator[bytes]:
        sink, writer = Outbox(), None
        for batch in batches:
            made = record_batch(batch, IPC_STREAM)
            if writer is None:
                writer = self._writer(pa.PythonFile(sink, 'w'), made.schema)
            writer.write_batch(made)
            yield b''.join(sink.taken())
        if writer is not None:
            writer.close()
            yield b''.join(sink.taken())

    def load_stream(self, chunks: Iterable[Buffer], schema: Schema) -> Iterator[Batch]:
        source = ChunkSource(chunks)
        start, done = source.take(len(_PADDED)), 0
        if not len(start):
            return
        _check_start(start, self.name)
        for batch in read_batches(source, schema, self.limits, self.name, one=True):
            if len(batch):
                yield batch
            done += len(batch)
        end = b''
        while piece := bytes(source.take(_PIECE)):
            end = (end + piece)[-_TAIL:]
        if not end.endswith(_MAGIC):
            error = TruncatedError(where=self.name, got='no end of the file', wanted=_MAGIC.decode())
            error.whole = done
            raise error

    def _writer(self, sink: Any, schema: Any) -> Any:
        return pa.ipc.new_file(sink, schema, options=self.options)


class FeatherFormat(ArrowFileFormat):
    """Batches as Feather files (version 2): Arrow IPC files whose buffers may be compressed.

    Args:
        compression: None, 'lz4' or 'zstd'.
        limits: What is read at most, decompressed.

    Example:
        >>> FeatherFormat('zstd').name
        'feather'
    """

    name = 'feather'

    def __init__(self, compression: Compression | None = None, limits: Limits | None = None) -> None:
        super().__init__(limits)
        if compression not in (None, 'lz4', 'zstd'):
            raise InvalidValueError(
                where='feather', got=f'compression {show(compression)}', wanted="None, 'lz4' or 'zstd'"
            )
        self.options = pa.ipc.IpcWriteOptions(compression=compression)


# -- writing ------------------------------------------------------------------------------------------


def written(write: Callable[[Any], None]) -> bytes:
    """Return what a function writes into a file, written once, into memory of the right size."""
    measure = pa.MockOutputStream()
    write(measure)
    # BytesIO writes into the very bytes that it is given, as long as nobody else has them.
    memory = io.BytesIO(bytes(measure.size()))
    write(pa.PythonFile(memory, 'w'))
    return memory.getvalue()


def _write(writer: Any, batch: Any) -> None:
    with writer:
        writer.write_batch(batch)


class Outbox(io.RawIOBase):
    """A file to write to, out of which what was written is taken as it comes."""

    def __init__(self) -> None:
        self.pieces: list[memoryview] = []
        self.place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def write(self, data: Any) -> int:
        self.pieces.append(memoryview(data).cast('B'))  # which pyarrow lets go of
        self.place += len(self.pieces[-1])
        return len(self.pieces[-1])

    def taken(self) -> list[memoryview]:
        """Return what was written since the last time, not copied."""
        pieces, self.pieces = self.pieces, []
        return pieces


# -- reading ------------------------------------------------------------------------------------------


def read_batches(
    source: Source, schema: Schema, limits: Limits, where: str, one: bool = False
) -> Iterator[Batch]:
    """Yield the batches of one stream, or of several on end."""
    done, stream = 0, None
    try:
        while (message := read_message(source, limits, where)) is not None:
            place = f'{where}, byte {source.place - len(message.data)}'
            if message.is_schema and stream is None:
                stream = _Stream(message, schema, limits, place)
            elif stream is None or message.is_schema:
                raise FormatError(where=place, got='another message', wanted='an Arrow schema')
            elif message.ends:
                stream = None
                if one:
                    return
            elif message.rows is None:
                stream.waiting.append(message.data)
            else:
                limits.check('documents', done + message.rows, where)
                yield stream.batch(message, done, place)
                done += message.rows
        if stream is not None and stream.ours:  # others may leave out the mark
            got = 'bytes without the mark that ends the stream'
            raise TruncatedError(where=f'{where}, byte {source.place}', got=got, wanted='all of it')
    except TruncatedError as error:
        error.whole = done
        raise


class _Stream:
    """One Arrow stream: what its schema says, and how its batches are read."""

    def __init__(self, message: Message, schema: Schema, limits: Limits, where: str) -> None:
        self.start = message.data
        with arrow_faults(where):
            self.types = pa.ipc.read_schema(pa.py_buffer(message.data))
            self.reader = BatchReader(schema, self.types, limits)
        self.ours = FINGERPRINT in (self.types.metadata or {})
        #: Dictionaries, which pyarrow reads together with the batch behind them.
        self.waiting: list[memoryview] = []
        self.feed: _Feed | None = None
        self.stream: Any = None

    def batch(self, message: Message, done: int, where: str) -> Batch:
        """Return the batch of a message."""
        with arrow_faults(where):
            return self.reader.read(self._record_batch(message.data), done)

    def _record_batch(self, data: memoryview) -> Any:
        if not self.waiting and self.feed is None:
            return pa.ipc.read_record_batch(pa.py_buffer(data), self.types)
        if self.feed is None:  # only a reader of streams remembers dictionaries
            self.feed = _Feed(self.start)
            self.stream = pa.ipc.open_stream(pa.PythonFile(self.feed, 'r'))
        self.feed.data = memoryview(b''.join([*self.waiting, data]))
        self.waiting = []
        return self.stream.read_next_batch()


class _Feed(io.RawIOBase):
    """A file that has one message at a time, whole. What is read shares its memory."""

    def __init__(self, data: memoryview) -> None:
        self.data = data

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> Any:
        size = len(self.data) if size < 0 else size
        found, self.data = self.data[:size], self.data[size:]
        return found


def _check_file(data: memoryview, where: str) -> int:
    """Check both ends of a file, and return where its footer starts."""
    _check_start(data[: len(_PADDED)], where)
    if len(data) < len(_PADDED) + _TAIL or bytes(data[-len(_MAGIC) :]) != _MAGIC:
        got = f'{len(data)} bytes without the end of a file'
        raise TruncatedError(where=where, got=got, wanted=f'{_MAGIC.decode()} at the end')
    size = int.from_bytes(data[-_TAIL : -len(_MAGIC)], 'little')
    start = len(data) - _TAIL - size
    if start < len(_PADDED):
        raise FormatError(where=where, got=f'a footer of {size} bytes', wanted='one within the file')
    return start


def _check_start(data: memoryview, where: str) -> None:
    if bytes(data[: len(_MAGIC)]) != _MAGIC:
        raise FormatError(where=where, got=show(bytes(data)), wanted=f'{_MAGIC.decode()} at the start')
