"""Arrays of documents in stores: each is one stream, an Arrow file with an index and checksums.

The stream of the array ``file://name`` is ``file://name.docs``, as it was in docarray 0.30 to 0.41, whose
own files are read too. Any program that knows Arrow IPC files reads the new ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from docarray.batch import Batch, collector_paused
from docarray.errors import DocArrayError, InvalidValueError, MissingFileError, SchemaError
from docarray.formats.building import array_of, of_framework, owned
from docarray.formats.files.progress import progress
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.lowering import SCHEMALESS_MARK, STACKED_MARK
from docarray.schema import Schema, schema_of
from docarray.stores import Stored, get_store, name_of
from docarray.stores.legacy import is_legacy, legacy_batches, legacy_frames

if TYPE_CHECKING:
    from docarray.formats.files.arrow_documents import ArrowDocuments

__all__ = [
    'ArrayInfo',
    'delete',
    'documents_in',
    'exists',
    'info',
    'list_arrays',
    'pull',
    'pull_stream',
    'push',
    'push_stream',
]

Options = Mapping[str, Any] | None

SUFFIX = '.docs'
#: How many documents are made at once of columns that are read as a stream.
_STREAM_ROWS = 256


@dataclass(frozen=True)
class ArrayInfo:
    """What a store knows of an array without reading its documents.

    Attributes:
        url: Where it is.
        document_type: The name of the class of its documents; '' for an array of docarray before 1.0.
        fields: What each field is, as text, by name.
        documents: How many there are.
        size: How many bytes they take.
        checksum: Of all of its bytes; '' for an array of docarray before 1.0.
        version: A text that another version of the array does not have.
    """

    url: str
    document_type: str
    fields: dict[str, str]
    documents: int
    size: int
    checksum: str
    version: str


@dataclass(frozen=True)
class ArrayEntry:
    """An array in a store, as ``list_arrays`` shows it.

    Attributes:
        url: Where it is.
        size: How many bytes it takes.
        modified: When it was written, or None where the store does not know.
    """

    url: str
    size: int
    modified: datetime | None


def push(
    array: Any, url: str, show_progress: bool = False, overwrite: bool = True, storage_options: Options = None
) -> None:
    """Write an array to a store. See ``DocumentArray.push``.

    Example:
        >>> import tempfile
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> folder = tempfile.mkdtemp()
        >>> push(DocumentArray[TextDoc]([TextDoc(text='a')]), f'file://{folder}/texts')
        >>> pull(DocumentArray[TextDoc], f'file://{folder}/texts').text
        ['a']
    """
    from docarray.formats.files.arrow import array_chunks

    schema_of_class(type(array))
    with progress(show_progress, 'Pushing', len(array)) as advance:
        _write(url, array_chunks(array, advance), overwrite, storage_options)


def push_stream(
    cls: Any,
    docs: Iterable[Any],
    url: str,
    show_progress: bool = False,
    overwrite: bool = True,
    storage_options: Options = None,
) -> None:
    """Write documents to a store, as they come. See ``DocumentArray.push_stream``."""
    from docarray.formats.files.arrow import stream_chunks

    schema = schema_of_class(cls)
    with progress(show_progress, 'Pushing') as advance:
        _write(url, stream_chunks(schema, _checked(cls, docs), advance), overwrite, storage_options)


def _write(url: str, chunks: Generator[Any, None, None], overwrite: bool, storage_options: Options) -> None:
    with _named(url), closing(chunks):
        get_store(url, storage_options).write(_stream(url), chunks, overwrite=overwrite)


def _stream(url: str) -> str:
    """Return the URL of the stream of an array."""
    name_of(url)
    return url + SUFFIX


@contextmanager
def _named(url: str) -> Iterator[None]:
    """Let errors about the stream of an array name the array."""
    try:
        yield
    except DocArrayError as error:
        error.where = url if error.where == url + SUFFIX else error.where
        raise


def _checked(cls: Any, docs: Iterable[Any]) -> Iterator[Any]:
    for row, document in enumerate(docs):
        if not isinstance(document, cls.document_type):
            raise InvalidValueError(
                where=f'{cls.__name__} (row {row})',
                got=f'a {type(document).__name__}',
                wanted=f'a {cls.document_type.__name__}',
            )
        yield document


def schema_of_class(cls: Any) -> Schema:
    """Return the schema of the documents of an array class."""
    if cls.document_type.__dict__.get(SCHEMALESS_MARK):
        raise SchemaError(
            where=cls.__name__,
            got='an array without a document type',
            wanted='a typed one, for stores keep columns',
            hint=f'Use {cls.__name__}[YourDocument].',
        )
    return schema_of(cls.document_type)


def pull(
    cls: Any,
    url: str,
    show_progress: bool = False,
    tensor_type: Any = None,
    limits: Limits | None = None,
    storage_options: Options = None,
) -> Any:
    """Read an array from a store. See ``DocumentArray.pull``."""
    batches: list[Batch] = []
    documents: list[Any] = []
    schema = schema_of_class(cls)
    with progress(show_progress, 'Pulling') as advance, collector_paused():
        for batch in _batches(url, schema, limits, storage_options):
            if hasattr(cls, STACKED_MARK):
                batches.append(batch)
            else:
                documents += owned(of_framework(batch, tensor_type)).rows()
            advance(len(batch))
    if not hasattr(cls, STACKED_MARK):
        return cls.construct(documents)
    from docarray.formats.arrow.read import joined

    return array_of(cls, joined(schema, batches), tensor_type)


def pull_stream(
    cls: Any,
    url: str,
    show_progress: bool = False,
    tensor_type: Any = None,
    limits: Limits | None = None,
    storage_options: Options = None,
) -> Iterator[Any]:
    """Yield the documents of an array in a store. See ``DocumentArray.pull_stream``."""
    schema = schema_of_class(cls)
    with progress(show_progress, 'Pulling') as advance:
        for batch in _batches(url, schema, limits, storage_options, release=True):
            for start in range(0, len(batch), _STREAM_ROWS):
                part = batch.take(slice(start, start + _STREAM_ROWS))
                rows = owned(of_framework(part, tensor_type)).rows()
                advance(len(rows))
                yield from rows


def _batches(
    url: str, schema: Schema, limits: Limits | None, storage_options: Options, release: bool = False
) -> Iterator[Batch]:
    with closing(stored(url, storage_options)) as content:
        if is_legacy(content):
            yield from legacy_batches(content, schema, limits or DEFAULT_LIMITS)
            return
        yield from documents_in(content, schema, limits).batches(release)


def documents_in(
    content: Stored, schema: Schema, limits: Limits | None, lazy: bool = False
) -> ArrowDocuments:
    """Return the documents of a stream, as those of a class; ``lazy`` leaves the bytes of blobs there.

    Raises:
        SchemaError: Fields of the class are something else in the array, or none of them is in it.
    """
    from docarray.formats.files.arrow_blocks import ArrowFile  # needs pyarrow
    from docarray.formats.files.arrow_documents import ArrowDocuments

    documents = ArrowDocuments(ArrowFile(content, limits or DEFAULT_LIMITS), schema, lazy)
    name, found = schema.document_type.__name__, documents.match
    if found.changed:
        raise SchemaError(
            where=content.name,
            got=', '.join(f'{path} as {before}' for path, before, _ in found.changed),
            wanted=', '.join(f'{path} as {now}' for path, _, now in found.changed),
            hint='Pull it as the class that it was pushed as, and make documents of the new class of those.',
        )
    if {*found.added} >= {f'{name}.{field}' for field in schema.fields if field != 'id'} and found.added:
        raise SchemaError(
            where=content.name,
            got=f'an array with the fields {", ".join(documents.file.types.names)}',
            wanted=f'some of {name}: {", ".join(schema.fields)}',
        )
    if found.removed:
        warnings.warn(
            f'{content.name}: {name} has no {", ".join(found.removed)}; what is stored there is left out.',
            UserWarning,
            stacklevel=4,
        )
    return documents


def stored(url: str, storage_options: Options = None) -> Stored:
    """Return the stream of an array."""
    with _named(url):
        return get_store(url, storage_options).open(_stream(url))


def info(url: str, storage_options: Options = None) -> ArrayInfo:
    """Return what an array in a store is, without reading its documents.

    Raises:
        MissingFileError: There is none.
        StoreError: It cannot be read.
        FormatError: It is no array.

    Example:
        >>> import tempfile
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> folder = tempfile.mkdtemp()
        >>> push(DocumentArray[TextDoc]([TextDoc()] * 3), f'file://{folder}/texts')
        >>> found = info(f'file://{folder}/texts')
        >>> found.document_type, found.documents, list(found.fields)
        ('TextDoc', 3, ['id', 'text', 'url', 'embedding', 'bytes_'])
    """
    with closing(stored(url, storage_options)) as content:
        if is_legacy(content):
            count = sum(1 for _ in legacy_frames(content))
            return ArrayInfo(url, '', {}, count, content.size, '', content.version)
        from docarray.formats.arrow.types import CLASS
        from docarray.formats.files.arrow_blocks import ArrowFile

        file = ArrowFile(content, DEFAULT_LIMITS)
        return ArrayInfo(
            url,
            (file.types.metadata or {}).get(CLASS, b'').decode(),
            {field.name: str(field.type) for field in file.types},
            file.starts.item(-1),
            content.size,
            file.checksum,
            content.version,
        )


def exists(url: str, storage_options: Options = None) -> bool:
    """Return whether there is an array at a URL.

    Example:
        >>> exists('file:///nowhere/at/all')
        False
    """
    try:
        stored(url, storage_options).close()
        return True
    except MissingFileError:
        return False


def list_arrays(url: str, storage_options: Options = None) -> list[ArrayEntry]:
    """Return the arrays whose URL is ``url`` or starts with it and a slash, sorted by URL.

    Example:
        >>> list_arrays('file:///nowhere/at/all')
        []
    """
    store = get_store(url, storage_options)
    found = [entry for entry in store.list(url) if entry.url.endswith(SUFFIX)]
    with suppress(InvalidValueError, MissingFileError):  # there may be an array of this name, too
        store.open(url + SUFFIX).close()
        found += (entry for entry in store.list(url + SUFFIX) if entry.url == url + SUFFIX)
    arrays = (ArrayEntry(entry.url.removesuffix(SUFFIX), entry.size, entry.modified) for entry in found)
    return sorted(arrays, key=attrgetter('url'))


def delete(url: str, missing_ok: bool = False, storage_options: Options = None) -> bool:
    """Delete an array and return whether it was there.

    Raises:
        MissingFileError: It was not, and ``missing_ok`` is False.
        StoreError: It cannot be deleted.

    Example:
        >>> delete('file:///nowhere/at/all', missing_ok=True)
        False
    """
    with _named(url):
        return get_store(url, storage_options).delete(_stream(url), missing_ok=missing_ok)
