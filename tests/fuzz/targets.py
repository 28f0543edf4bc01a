"""Everything that reads bytes from outside, with messages to damage."""

from __future__ import annotations

import functools
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from docarray import DocumentArray, DocumentArrayStacked
from docarray.array.typed import typed
from docarray.documents.from_arrow import create_doc_from_arrow_schema
from docarray.documents.from_schema import create_base_doc_from_schema
from docarray.documents.helper import create_doc_from_dict
from docarray.errors import MissingExtraError
from docarray.formats.building import array_of
from docarray.formats.files.compression import COMPRESSIONS, compress
from docarray.formats.files.seals import BlockSums, find_seal, pack_seal
from docarray.formats.limits import Limits
from docarray.schema import schema_of
from docarray.serve.service import Side
from docarray.serve.wire import WIRES, unpack
from docarray.testing._formats import documents as kinds
from docarray.testing._formats.base import Message, messages
from docarray.testing._formats.classes import GALLERY
from tests.compat import golden

PROTOCOLS = ('protobuf-array', 'protobuf', 'json-array', 'json', 'arrow', 'arrow-file', 'feather', 'parquet')
OF_DOCUMENTS = ('protobuf', 'json')

#: Far more than any message here needs, and far less than what a worker may take.
LIMITS = Limits(size=1 << 26, documents=1 << 16)

#: Fields of every type; what they hold is drawn once.
Everything = kinds.document_class({**kinds.SCALARS, **kinds.CONTAINERS, **kinds.tensors()}, optional=True)


@functools.cache
def everything() -> list[Any]:
    full = kinds.document_class({**kinds.SCALARS, **kinds.CONTAINERS, **kinds.tensors()})
    found: list[Any] = []

    @settings(
        max_examples=4,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(full.values)
    def draw(document: Any) -> None:
        found.append(Everything.annotation(**dict(document)))

    draw()
    return [*found, Everything.annotation()]


@functools.cache
def corpus() -> dict[Any, list[Any]]:
    """Return documents of many classes, by class."""
    earlier: dict[Any, list[Any]] = {cls: [] for file in golden.files() for cls in file.readers()}
    return {**GALLERY, Message: messages(5), Everything.annotation: everything(), **earlier}


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        name: By which to choose it.
        write: Makes a message of documents of a class.
        read: Reads bytes as documents of a class.
        wrap: What is done to the damaged bytes before they are read, such as compressing them.
        seeds: Messages by class that ``write`` does not make.
    """

    name: str
    write: Callable[[Any], bytes]
    read: Callable[[bytes, Any], Any]
    wrap: Callable[[bytes], bytes] = bytes
    seeds: Callable[[Any], list[bytes]] = lambda cls: []

    @functools.cache  # noqa: B019 - as many as there are targets, for as long as the process lives
    def messages(self, cls: Any) -> list[bytes]:
        documents = corpus().get(cls, [])
        written = [self.write(documents), self.write(documents[:1])] if documents else []
        return written + self.seeds(cls)


def rows(cls: Any) -> Any:
    return DocumentArray[cls]


def stacked(cls: Any) -> Any:
    return DocumentArrayStacked[cls]


def write_with(box: Callable[[Any], Any], protocol: str, how: str | None = None) -> Callable[[Any], bytes]:
    def write(documents: Any) -> bytes:
        array = DocumentArray[type(documents[0])](documents)
        found: bytes = (array if box is rows else array.stack(ragged='list')).to_bytes(protocol, how)
        return found

    return write


def whole(array: Any) -> Any:
    """Look at all that was read: what is wrong with it must have been noticed before."""
    documents = list(array.unstack() if isinstance(array, DocumentArrayStacked) else array)
    return array.to_bytes('protobuf-array'), documents


def array_target(box: Callable[[Any], Any], protocol: str, how: str | None = None) -> Target:
    return Target(
        f'compressed:{protocol}:{how}' if how else f'{box.__name__}:{protocol}',
        write_with(box, protocol, how),
        lambda data, cls: whole(box(cls).from_bytes(data, protocol, how, limits=LIMITS)),
        seeds=golden_seeds(protocol, how),
    )


def wire_target(wire: str, protocol: str) -> Target:
    """A reader of messages of services, which believes nothing."""
    return Target(
        f'wire:{wire}',
        write_with(rows, protocol),
        lambda data, cls: whole(unpack(wire, data, Side(rows(cls)), LIMITS)),
    )


def compressed_target(protocol: str, how: str) -> Target:
    """A reader of bytes that are damaged first and then compressed."""
    return Target(
        f'inside:{protocol}:{how}',
        write_with(rows, protocol),
        lambda data, cls: whole(rows(cls).from_bytes(data, protocol, how, limits=LIMITS)),
        lambda data: compress(data, how),
    )


def file_target(protocol: str, how: str | None, streaming: bool, salvage: bool) -> Target:
    def write(documents: Any) -> bytes:
        file = io.BytesIO()
        DocumentArray[type(documents[0])](documents).save_binary(file, protocol, how)
        return file.getvalue()

    def read(data: bytes, cls: Any) -> Any:
        array = rows(cls)
        options = {'streaming': streaming, 'salvage': salvage, 'limits': LIMITS}
        found = array.load_binary(io.BytesIO(data), protocol, how, **options)
        return list(found) if streaming else whole(found)

    words = ':streaming' * streaming + ':salvage' * salvage
    return Target(f'file:{protocol}' + (f':{how}' if how else '') + words, write, read)


def document_target(protocol: str) -> Target:
    def read(data: bytes, cls: Any) -> Any:
        return cls.from_bytes(data, protocol, limits=LIMITS).to_bytes()

    return Target(f'document:{protocol}', lambda documents: documents[0].to_bytes(protocol), read)


def golden_seeds(*call: str | None) -> Callable[[Any], list[bytes]]:
    """Files of earlier versions, written with such a protocol and compression."""
    files = [file for file in golden.of_kind('doclist', 'docvec') if file.call == call]
    return lambda cls: [file.where.read_bytes() for file in files if file.class_name == cls.__name__]


class Far:
    """A stream of a store, which is not in memory, or is."""

    def __init__(self, data: bytes, near: bool) -> None:
        self.name, self.size, self.version = 'here', len(data), ''
        self.view = memoryview(data) if near else None
        self.data = data

    def read(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.data[start:stop] for start, stop in ranges]

    def release(self, start: int, stop: int) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is open."""


def sealed(data: bytes) -> bytes:
    """Return an Arrow file that was damaged, with a seal that says that it was not."""
    size = min(int.from_bytes(data[-10:-6], 'little') + 10, len(data))
    before, footer = data[: len(data) - size], data[len(data) - size :]
    sums = BlockSums()
    sums.add(before)
    return before + pack_seal(sums, footer) + footer


def store_target(near: bool) -> Target:
    """A reader of arrays in stores, whose checksums are right."""
    from docarray.formats.files.arrow import array_batches, file_chunks
    from docarray.stores.streams import StreamDocuments

    def write(documents: Any) -> bytes:
        array = DocumentArray[type(documents[0])](documents)
        data = b''.join(file_chunks(array_batches(array)))
        seal = find_seal(data, '', int.from_bytes(data[-10:-6], 'little') + 10)
        assert seal is not None
        return data[: seal.before] + data[seal.end :]

    def read(data: bytes, cls: Any) -> Any:
        found = StreamDocuments(Far(data, near), schema_of(cls), LIMITS, lazy=True)
        array = typed(DocumentArray, cls)
        few = array_of(array, found.take(np.arange(len(found))[-2:]))
        for name in () if found.match.changed else found.schema.fields:
            found.column(name)
        every = [document for batch in found.batches() for document in array_of(array, batch)]
        return whole(few), whole(array(every))

    return Target(f'store:{"near" if near else "far"}', write, read, sealed)


# -- parsed by others first ---------------------------------------------------------------------------


def message_target(box: Callable[[Any], Any], style: str) -> Target:
    """A reader of protobuf messages that protobuf has parsed."""
    from google.protobuf.message import DecodeError

    def write(documents: Any) -> bytes:
        array = DocumentArray[type(documents[0])](documents)
        message = (array if box is rows else array.stack(ragged='list')).to_protobuf(style=style)
        found: bytes = message.SerializeToString()
        return found

    def read(data: bytes, cls: Any) -> Any:
        message = type(box(cls)(corpus().get(cls, [])[:1]).to_protobuf(style=style))()
        try:
            message.ParseFromString(data)
        except DecodeError:
            return None
        return whole(box(cls).from_protobuf(message))

    return Target(f'message:{style}:{box.__name__}', write, read)


def table_target(box: Callable[[Any], Any]) -> Target:
    """A reader of Arrow tables that pyarrow has read."""
    import pyarrow as pa

    def read(data: bytes, cls: Any) -> Any:
        try:
            table = pa.ipc.open_stream(data).read_all()
            table.validate(full=True)  # what is not a table is not for us to find out
        except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError):
            return None
        return whole(box(cls).from_arrow(table, limits=LIMITS))

    return Target(f'table:{box.__name__}', write_with(box, 'arrow'), read)


def arrow_schema_target() -> Target:
    import pyarrow as pa

    def read(data: bytes, cls: Any) -> Any:
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(data))
        except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError):
            return None
        return create_doc_from_arrow_schema(schema)

    return Target(
        'arrow-schema', lambda documents: type(documents[0]).arrow_schema().serialize().to_pybytes(), read
    )


def json_schema_target() -> Target:
    def read(data: bytes, cls: Any) -> Any:
        try:
            schema = json.loads(data)
        except ValueError:
            return None
        return create_base_doc_from_schema(schema, 'Made')

    return Target(
        'json-schema', lambda documents: json.dumps(type(documents[0]).json_schema()).encode(), read
    )


def dict_target() -> Target:
    def read(data: bytes, cls: Any) -> Any:
        try:
            values = json.loads(data)
        except ValueError:
            return None
        return create_doc_from_dict('Made', values) if isinstance(values, dict) else None

    return Target('dict', lambda documents: documents[0].to_json().encode(), read)


# -- text ---------------------------------------------------------------------------------------------


def json_target(box: Callable[[Any], Any] | None) -> Target:
    def write(documents: Any) -> bytes:
        text = (
            documents[0].to_json() if box is None else DocumentArray[type(documents[0])](documents).to_json()
        )
        return text.encode()

    def read(data: bytes, cls: Any) -> Any:
        if box is None:
            return cls.from_json(data).to_bytes()
        return whole(box(cls).from_json(data))

    return Target('json' + (f':{box.__name__}' if box else ''), write, read)


def csv_target() -> Target:
    def write(documents: Any) -> bytes:
        file = io.StringIO()
        DocumentArray[type(documents[0])](documents).to_csv(file)
        return file.getvalue().encode()

    def read(data: bytes, cls: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'a.csv')
            path.write_bytes(data)
            return whole(DocumentArray[cls].from_csv(path))

    return Target('csv', write, read)


def _installed(how: str) -> bool:
    try:
        return bool(compress(b'', how))
    except MissingExtraError:
        return False


def _targets() -> Iterator[Target]:
    for protocol in PROTOCOLS:
        for box in (rows, stacked):
            yield array_target(box, protocol)
        for how in filter(_installed, COMPRESSIONS):
            yield array_target(rows, protocol, how)
            if protocol != 'protobuf':  # which compresses each document by itself
                yield compressed_target(protocol, how)
        for how in (None, *filter(_installed, ('zstd', 'gzip'))):
            for streaming in (False, True):
                for salvage in (False, True):
                    yield file_target(protocol, how, streaming, salvage)
    for near in (False, True):
        yield store_target(near)
    yield from map(document_target, OF_DOCUMENTS)
    for wire, protocol in zip(WIRES, ('protobuf-array', 'arrow', 'json-array'), strict=True):
        yield wire_target(wire, protocol)
    for box in (rows, stacked):
        yield message_target(box, 'open')
        yield table_target(box)
        yield json_target(box)
    yield message_target(rows, 'typed')
    yield from (json_target(None), csv_target(), arrow_schema_target(), json_schema_target(), dict_target())


@functools.cache
def targets() -> dict[str, Target]:
    """Return all readers by name."""
    return {target.name: target for target in _targets()}
