"""Pickles, read only where the call names the protocol: whoever wrote them can run any code in the reader.

What versions 0.30 to 0.41 wrote is read too; the classes must be importable under the names that they had.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

from docarray.batch import Batch
from docarray.errors import DocArrayError, FormatError, TruncatedError, show
from docarray.formats.files.compression import compress, decompress
from docarray.formats.files.inputs import Input
from docarray.formats.files.outputs import Job, Sink
from docarray.formats.framing import read_frames, write_frames
from docarray.formats.grouping import groups
from docarray.lowering import ARRAY_MARK, SCHEMALESS_MARK, STACKED_MARK, is_document
from docarray.rowbatch import RowBatch

__all__ = [
    'load_document',
    'read_array',
    'read_stream',
    'save_array',
    'save_stream',
    'write_array',
    'write_document',
    'write_stream',
]


def write_document(document: Any) -> bytes:
    """Return a document as a pickle.

    Example:
        >>> from docarray.documents import TextDoc
        >>> load_document(write_document(TextDoc(text='a')), TextDoc, 'here').text
        'a'
    """
    return pickle.dumps(document, protocol=pickle.HIGHEST_PROTOCOL)


def write_array(array: Any) -> bytes:
    """Return an array as one pickle."""
    return pickle.dumps(array, protocol=pickle.HIGHEST_PROTOCOL)


def save_array(job: Job, sink: Sink) -> None:
    """Write an array as one pickle."""
    pickle.dump(job.array, sink, protocol=pickle.HIGHEST_PROTOCOL)
    job.advance(len(job.array))


def write_stream(array: Any, each: str) -> bytes:
    """Return an array as a stream of pickles, one a document."""
    return b''.join(write_frames(_messages(Job(array).rows(), each), len(array)))


def save_stream(job: Job, sink: Sink) -> None:
    """Write an array as a stream of pickles, one a document."""
    documents = (document for piece in job.pieces(sink) for document in piece)
    for part in write_frames(_messages(documents, job.each), len(job.array)):
        sink.write(part)


def _messages(documents: Any, each: str) -> Iterator[bytes]:
    for document in documents:
        message = write_document(document)
        yield compress(message, each) if each else message


# -- reading ------------------------------------------------------------------------------------------


def load_document(data: Any, cls: Any, where: str) -> Any:
    """Return the document of a pickle. It can run any code.

    Args:
        data: The pickle.
        cls: The class of the document.
        where: What is read, for errors.

    Raises:
        FormatError: It is no pickle, or of something else.
    """
    return _document(_load(data, where), cls, where)


def read_array(data: Input) -> Iterator[Batch]:
    """Yield the documents of the pickle of an array."""
    view, fault = data.whole()
    if fault is not None:
        raise fault
    cls = data.schema.document_type
    found = _load(view, data.name)
    if not hasattr(type(found), ARRAY_MARK) and not hasattr(type(found), STACKED_MARK):
        raise _unexpected(found, 'an array of documents', data.name)
    if hasattr(type(found), STACKED_MARK):
        found = found.unstack()
    yield RowBatch(data.schema, [_document(document, cls, data.name) for document in found])


def read_stream(data: Input) -> Iterator[Batch]:
    """Yield the documents of a stream of pickles, up to an error."""
    cls = data.schema.document_type
    frames = read_frames(data.chunks(), data.limits)
    messages = (decompress(frame, data.each, data.limits) if data.each else frame for frame in frames)
    documents = ((load_document(message, cls, data.name), len(message)) for message in messages)
    for group in groups(documents, lambda item: item[1]):
        yield RowBatch(data.schema, [document for document, _ in group])


def _load(data: Any, where: str) -> Any:
    try:
        return pickle.loads(data)  # noqa: S301 - the caller has named the protocol
    except (DocArrayError, MemoryError):
        raise
    except EOFError as error:
        raise TruncatedError(where=where, got='the end of a pickle', wanted='the rest of it') from error
    except Exception as error:  # a pickle calls whatever it likes, which may raise whatever it likes
        cls = TruncatedError if 'truncated' in str(error) else FormatError
        got = f'{type(error).__name__}: {show(str(error))}'
        hint = 'The classes must be importable under the names that they had when it was written.'
        raise cls(where=where, got=got, wanted='a pickle that can be read', hint=hint) from error


def _document(found: Any, cls: Any, where: str) -> Any:
    if isinstance(found, cls) or (getattr(cls, SCHEMALESS_MARK, False) and is_document(type(found))):
        return found
    raise _unexpected(found, f'a {cls.__name__}', where)


def _unexpected(found: Any, wanted: str, where: str) -> FormatError:
    return FormatError(where=where, got=f'the pickle of {show(found)}', wanted=wanted)
