"""Arrays of documents in stores: what ``push``, ``pull``, ``open`` and their like do."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from operator import attrgetter
from typing import Any

from docarray.batch import Batch, collector_paused
from docarray.errors import InvalidValueError, SchemaError
from docarray.formats.building import array_of, of_framework, owned
from docarray.formats.files.progress import progress
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.lowering import SCHEMALESS_MARK, STACKED_MARK
from docarray.schema import Schema, schema_of
from docarray.stores import ArrayEntry, ArrayInfo, Arrays, Documents, Store, get_store

__all__ = [
    'ArrayEntry',
    'ArrayInfo',
    'arrays_at',
    'checked',
    'delete',
    'documents_at',
    'exists',
    'info',
    'list_arrays',
    'pull',
    'pull_stream',
    'push',
    'push_stream',
]

Options = Mapping[str, Any] | None

#: How many documents are made at once of columns that are read as a stream.
_STREAM_ROWS = 256


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
    from docarray.formats.files.arrow import array_batches  # needs pyarrow

    schema_of_class(type(array))
    with progress(show_progress, 'Pushing', len(array)) as advance:
        arrays = arrays_at(url, storage_options)
        arrays.write(url, array_batches(array, arrays.whole), overwrite, advance)


def push_stream(
    cls: Any,
    docs: Iterable[Any],
    url: str,
    show_progress: bool = False,
    overwrite: bool = True,
    storage_options: Options = None,
) -> None:
    """Write documents to a store, as they come. See ``DocumentArray.push_stream``."""
    from docarray.formats.files.arrow import stream_batches

    schema = schema_of_class(cls)
    with progress(show_progress, 'Pushing') as advance:
        arrays = arrays_at(url, storage_options)
        batches = stream_batches(schema, checked(cls, docs), arrays.parts)
        arrays.write(url, batches, overwrite, advance)


def arrays_at(url: str, storage_options: Options) -> Arrays:
    """Return where the array of a URL is kept."""
    found: Arrays | Store = get_store(url, storage_options)
    if not isinstance(found, Store):
        return found
    from docarray.stores.streams import StreamArrays  # needs pyarrow

    return StreamArrays(found)


def checked(cls: Any, docs: Iterable[Any]) -> Iterator[Any]:
    """Yield documents, and refuse those that are not of the class of an array."""
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
    with closing(documents_at(url, schema, limits, storage_options)) as documents:
        yield from documents.batches(release)


def documents_at(
    url: str,
    schema: Schema,
    limits: Limits | None,
    storage_options: Options,
    lazy: bool = False,
    version: int | str | None = None,
) -> Documents:
    """Return the documents of an array, as those of a class; ``lazy`` leaves the bytes of blobs there.

    Raises:
        SchemaError: Fields of the class are something else in the array, or none of them is in it.
    """
    arrays = arrays_at(url, storage_options)
    documents = arrays.documents(url, schema, limits or DEFAULT_LIMITS, lazy, version)
    name, found = schema.document_type.__name__, documents.match
    if found.changed:
        raise SchemaError(
            where=url,
            got=', '.join(f'{path} as {before}' for path, before, _ in found.changed),
            wanted=', '.join(f'{path} as {now}' for path, _, now in found.changed),
            hint='Pull it as the class that it was pushed as, and make documents of the new class of those.',
        )
    if {*found.added} >= {f'{name}.{field}' for field in schema.fields if field != 'id'} and found.added:
        raise SchemaError(
            where=url,
            got=f'an array with the fields {", ".join(path.partition(".")[2] for path in found.removed)}',
            wanted=f'some of {name}: {", ".join(schema.fields)}',
        )
    if found.removed:
        warnings.warn(
            f'{url}: {name} has no {", ".join(found.removed)}; what is stored there is left out.',
            UserWarning,
            stacklevel=4,
        )
    return documents


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
    return arrays_at(url, storage_options).info(url)


def exists(url: str, storage_options: Options = None) -> bool:
    """Return whether there is an array at a URL.

    Example:
        >>> exists('file:///nowhere/at/all')
        False
    """
    return arrays_at(url, storage_options).exists(url)


def list_arrays(url: str, storage_options: Options = None) -> list[ArrayEntry]:
    """Return the arrays whose URL is ``url`` or starts with it and a slash, sorted by URL.

    Example:
        >>> list_arrays('file:///nowhere/at/all')
        []
    """
    return sorted(arrays_at(url, storage_options).list(url), key=attrgetter('url'))


def delete(url: str, missing_ok: bool = False, storage_options: Options = None) -> bool:
    """Delete an array and return whether it was there.

    Raises:
        MissingFileError: It was not, and ``missing_ok`` is False.
        StoreError: It cannot be deleted.

    Example:
        >>> delete('file:///nowhere/at/all', missing_ok=True)
        False
    """
    return arrays_at(url, storage_options).delete(url, missing_ok)
