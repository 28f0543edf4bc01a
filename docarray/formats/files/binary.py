"""Documents and arrays as bytes and files: what ``to_bytes``, ``save_binary`` and their counterparts do."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from docarray.batch import Batch
from docarray.errors import FormatError, InvalidValueError, TruncatedError, show
from docarray.formats.building import array_of, of_framework
from docarray.formats.files.compression import compress as compressed
from docarray.formats.files.compression import decompress
from docarray.formats.files.inputs import Input, refuse_pickle
from docarray.formats.files.json import load_document
from docarray.formats.files.outputs import CompressedSink, Job, Sink
from docarray.formats.files.progress import progress
from docarray.formats.files.protocols import Protocol, chosen
from docarray.formats.files.storage import Source, as_buffer, file_name, open_source, open_target
from docarray.formats.files.tails import FILE_TAILS
from docarray.formats.json import dump_document
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.rowbatch import RowBatch
from docarray.schema import Schema, schema_of

__all__ = [
    'array_from_bytes',
    'array_to_bytes',
    'document_from_bytes',
    'document_to_bytes',
    'load_binary',
    'save_binary',
]


# -- arrays -------------------------------------------------------------------------------------------


def array_to_bytes(array: Any, protocol: str, compress: str | None) -> bytes:
    """Return an array as bytes. See ``ArrayIO.to_bytes``."""
    form, how = chosen('', protocol, compress)
    write = form.function('write')
    if form.each:
        data: bytes = write(array, how)
        return data
    data = write(array)
    return compressed(data, how) if how else data


def array_from_bytes(
    cls: Any, data: Any, protocol: str, compress: str | None, tensor_type: Any, limits: Limits | None
) -> Any:
    """Read an array from bytes. See ``ArrayIO.from_bytes``."""
    source = Source(cls.__name__, as_buffer(data, cls.__name__, 'bytes'))
    return _load(cls, source, chosen('', protocol, compress), tensor_type, limits)


def save_binary(
    array: Any, file: Any, protocol: str | None, compress: str | None, show_progress: bool
) -> None:
    """Write an array to a file. See ``ArrayIO.save_binary``."""
    form, how = chosen(file_name(file), protocol, compress)
    with (
        progress(show_progress, 'Writing', len(array)) as advance,
        open_target(file) as target,
    ):
        job = Job(array, '' if form.each else how, how if form.each else '', advance)
        sink = (
            CompressedSink(target, how, FILE_TAILS[how] if form.sealed else None)
            if job.compress
            else Sink(target)
        )
        form.function('save')(job, sink)
        sink.finish()


def load_binary(
    cls: Any,
    file: Any,
    protocol: str | None,
    compress: str | None,
    show_progress: bool,
    streaming: bool,
    salvage: bool,
    tensor_type: Any,
    limits: Limits | None,
) -> Any:
    """Read an array from a file. See ``ArrayIO.load_binary``."""
    how = chosen(file_name(file), protocol, compress)
    if streaming:
        return _stream(cls, file, how, show_progress, salvage, tensor_type, limits)
    with progress(show_progress, 'Reading') as advance, open_source(file, limits) as source:
        return _load(cls, source, how, tensor_type, limits, salvage, advance)


def _stream(
    cls: Any,
    file: Any,
    how: tuple[Protocol, str],
    show_progress: bool,
    salvage: bool,
    tensor_type: Any,
    limits: Limits | None,
) -> Iterator[Any]:
    with progress(show_progress, 'Reading') as advance, open_source(file, limits) as source:
        data = _input(cls, source, how, limits, streaming=True)
        for batch in _batches(how[0], data, salvage):
            for start in range(0, len(batch), _STREAM_ROWS):
                rows = of_framework(batch.take(slice(start, start + _STREAM_ROWS)), tensor_type).rows()
                advance(len(rows))
                yield from rows


#: How many documents are made at once of columns that are read as a stream.
_STREAM_ROWS = 256


def _load(
    cls: Any,
    source: Source,
    how: tuple[Protocol, str],
    tensor_type: Any,
    limits: Limits | None,
    salvage: bool = False,
    advance: Callable[[int], object] = bool,
) -> Any:
    data = _input(cls, source, how, limits)
    batches = []
    for batch in _batches(how[0], data, salvage):
        batches.append(batch)
        advance(len(batch))
    return array_of(cls, _joined(data.schema, batches), tensor_type)


def _input(
    cls: Any, source: Source, how: tuple[Protocol, str], limits: Limits | None, streaming: bool = False
) -> Input:
    form, compress = how
    view = source.view
    if limits is None:
        # What lies there takes no more memory than it has; only what it becomes may.
        most = max(DEFAULT_LIMITS.size, 0 if view is None or compress else len(view))
        limits = replace(DEFAULT_LIMITS, size=most)
    if compress == 'zlib' and not form.each and view is not None and _is_plain(view):
        compress = ''
    each = compress if form.each else ''
    whole = '' if form.each else compress
    return Input(source, schema_of(cls.document_type), whole, each, limits, streaming)


def _is_plain(view: memoryview) -> bool:
    """Whether data said to be of zlib are not compressed: versions 0.30 to 0.41 wrote whole arrays so."""
    head = bytes(view[:2])
    is_zlib = len(head) == 2 and head[0] & 0x0F == 8 and int.from_bytes(head, 'big') % 31 == 0
    return not is_zlib and head[:1] in (b'', b'\n', b'[', b'{')


def _batches(form: Protocol, data: Input, salvage: bool) -> Iterator[Batch]:
    """Yield what a protocol reads, and raise its error with the number of documents that were whole."""
    whole = 0
    try:
        for batch in form.function('read')(data, *form.options):
            whole += len(batch)
            data.limits.check('documents', whole, data.name)
            yield batch
    except FormatError as error:
        if isinstance(error, TruncatedError):
            error.whole = whole
            error.hint = error.hint or f'{whole} documents before are whole; salvage=True returns them.'
        if not salvage:
            raise
        warnings.warn(f'{error} Returned are the {whole} documents before.', UserWarning, stacklevel=5)


def _joined(schema: Schema, batches: list[Batch]) -> Batch:
    if not batches:
        return RowBatch(schema, [])
    if len(batches) == 1:
        return batches[0]
    if any(isinstance(batch, RowBatch) for batch in batches):
        return RowBatch.concat(batches)
    from docarray.formats.arrow.read import joined  # only Arrow is read as columns, several at a time

    return joined(schema, batches)


# -- documents ----------------------------------------------------------------------------------------


def document_to_bytes(document: Any, protocol: str, compress: str | None) -> bytes:
    """Return a document as bytes. See ``DocumentIO.to_bytes``."""
    write, how = _one(protocol)[0], chosen('', protocol, compress)[1]
    data: bytes = write(document)
    return compressed(data, how) if how else data


def document_from_bytes(
    cls: Any, data: Any, protocol: str, compress: str | None, limits: Limits | None
) -> Any:
    """Read a document from bytes. See ``DocumentIO.from_bytes``."""
    read, how = _one(protocol)[1], chosen('', protocol, compress)[1]
    most = DEFAULT_LIMITS if limits is None else limits
    view = as_buffer(data, cls.__name__, 'bytes')
    message = decompress(view, how, most) if how else view
    most.check('size', len(message), cls.__name__)
    return read(message, cls, most)


def _one(protocol: str) -> tuple[Callable[[Any], bytes], Callable[[Any, Any, Limits], Any]]:
    """Return how one document is written and read."""
    found = _DOCUMENTS.get(protocol) if isinstance(protocol, str) else None
    if found is None:
        wanted = ' or '.join(map(repr, _DOCUMENTS))
        raise InvalidValueError(where='protocol', got=show(protocol), wanted=f'{wanted} for one document')
    return found


def _write_protobuf(document: Any) -> bytes:
    from docarray.formats.protobuf.encode import encode_document

    return encode_document(document)


def _read_protobuf(data: Any, cls: Any, limits: Limits) -> Any:
    from docarray.formats.protobuf.decode import decode_documents

    refuse_pickle(data, cls.__name__)
    return decode_documents([data], schema_of(cls), limits)[0]


def _write_json(document: Any) -> bytes:
    return dump_document(document).encode()


def _read_json(data: Any, cls: Any, limits: Limits) -> Any:
    refuse_pickle(data, cls.__name__)
    return load_document(bytes(data), cls)


def _write_pickle(document: Any) -> bytes:
    from docarray.formats.files.pickle import write_document

    return write_document(document)


def _read_pickle(data: Any, cls: Any, limits: Limits) -> Any:
    from docarray.formats.files.pickle import load_document

    return load_document(data, cls, cls.__name__)


_DOCUMENTS: dict[str, tuple[Callable[[Any], bytes], Callable[[Any, Any, Limits], Any]]] = {
    'protobuf': (_write_protobuf, _read_protobuf),
    'json': (_write_json, _read_json),
    'pickle': (_write_pickle, _read_pickle),
}
