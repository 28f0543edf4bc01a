"""Stores: streams of bytes by URL, arrays of documents, and what all of them have in common.

``docs/adding/store.md`` tells how to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from docarray import _registry
from docarray.errors import InvalidValueError, show

if TYPE_CHECKING:
    import numpy as np

    from docarray.batch import Batch
    from docarray.formats.arrow.match import Match
    from docarray.formats.arrow.write import Layout
    from docarray.formats.limits import Limits
    from docarray.schema import Schema

__all__ = [
    'ArrayEntry',
    'ArrayInfo',
    'ArrayVersion',
    'Arrays',
    'Documents',
    'Store',
    'StoreEntry',
    'Stored',
    'get_store',
    'name_of',
    'store_schemes',
]


@dataclass(frozen=True)
class StoreEntry:
    """One stream in a store.

    Attributes:
        url: Where it is; what ``read`` takes.
        size: How many bytes it has.
        modified: When it was written, with a time zone, or None where the store does not know.
        version: A text that changes whenever the content does, such as an ETag; '' where there is none.

    Example:
        >>> StoreEntry('file:///tmp/a', 3).size
        3
    """

    url: str
    size: int
    modified: datetime | None = None
    version: str = ''


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


@dataclass(frozen=True)
class ArrayVersion:
    """A version of an array that can be changed.

    Attributes:
        number: What opens it.
        modified: When it was made.
        documents: How many it has.
        tags: Its names, which open it too.
    """

    number: int
    modified: datetime
    documents: int
    tags: tuple[str, ...] = ()


class Documents(Protocol):
    """The documents of one version of an array, of which any are read without the rest.

    Attributes:
        schema: Of the class that they are read as.
        version: A text that another version does not have.
        size: How many bytes the array takes.
    """

    schema: Schema

    @property
    def version(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def match(self) -> Match:
        """What has changed between the class that was stored and the one that they are read as."""

    def __len__(self) -> int: ...

    def batches(self, release: bool = False) -> Iterator[Batch]:
        """Yield all documents in order; ``release`` gives back the memory of each batch before the next."""

    def take(self, rows: np.ndarray[Any, Any]) -> Batch:
        """Return some documents, by their numbers, int64 (n,)."""

    def column(self, name: str) -> Batch:
        """Return all documents as a batch that has this column, and perhaps others."""

    def close(self) -> None:
        """Let go of the array; what was read stays valid, but for blobs."""


class Arrays(Protocol):
    """A place where arrays of documents are kept, whatever they are made of there.

    Attributes:
        changing: Whether opened arrays have methods that change them.
        whole: How a few documents are written that come together.
        parts: How others are.
    """

    changing: bool
    whole: Layout
    parts: Layout

    def write(
        self, url: str, batches: Iterator[Any], overwrite: bool, advance: Callable[[int], None]
    ) -> None:
        """Write an array, whole or not at all.

        Args:
            url: Where to.
            batches: ``pyarrow.RecordBatch`` of one Arrow schema, at least one.
            overwrite: Whether an array that is there is replaced.
            advance: Called with how many documents were written, as they are.

        Raises:
            ConflictError: Another write of this array ended since this one began.
            StoreError: It cannot be written, or is there and not to be replaced.
        """

    def documents(
        self, url: str, schema: Schema, limits: Limits, lazy: bool, version: int | str | None
    ) -> Documents:
        """Return the documents of an array.

        Args:
            url: Where it is.
            schema: Of the class to read them as.
            limits: What is read at most.
            lazy: Whether any are read, and the bytes of blobs left there; else all are read in order.
            version: Which one, by its number or name; None is the newest.

        Raises:
            MissingFileError: There is none.
            StoreError: It cannot be read.
        """

    def changes(self, url: str, schema: Schema) -> Any:
        """Return what changes an array; see ``LanceChanges``.

        Raises:
            UnsupportedError: These arrays are written as a whole.
        """

    def info(self, url: str) -> ArrayInfo:
        """Return what an array is, without reading its documents."""

    def exists(self, url: str) -> bool:
        """Return whether there is an array."""

    def list(self, url: str) -> Iterator[ArrayEntry]:
        """Yield the arrays whose URL is ``url`` or starts with it and a slash, in any order."""

    def delete(self, url: str, missing_ok: bool) -> bool:
        """Delete an array and return whether it was there."""


class Stored(Protocol):
    """One version of a stream in a store. It stays as it is when another version is written.

    Attributes:
        name: Its URL.
        size: How many bytes it has.
        version: A text that another version does not have.
        view: All of its bytes, where they are in memory or mapped into it.
    """

    name: str
    size: int
    version: str
    view: memoryview | None

    def read(self, ranges: Sequence[tuple[int, int]]) -> Iterable[Any]:
        """Return the bytes of each range (start, stop).

        Raises:
            StoreError: They cannot be read, or this version is there no more.
        """

    def release(self, start: int, stop: int) -> None:
        """Give back the memory of a part that was read; what was returned of it stays valid."""

    def close(self) -> None:
        """Let go of it; memory that was returned stays valid."""


@runtime_checkable
class Store(Protocol):
    """What docarray asks of a place to keep things: streams of bytes, found by URL.

    A store knows nothing of documents; a format makes the bytes. The names in a URL are data: none of
    them, ``..`` included, may lead out of the root that the store was given, and no two names mean one
    stream. A missing stream is a MissingFileError, any other failure a StoreError with its cause.

    One store object may be used by several threads.

    Attributes:
        scheme: The URL scheme for which it is registered, such as 's3'.
    """

    scheme: str

    def open(self, url: str) -> Stored:
        """Return one version of a stream, which is read as a whole or in part.

        Raises:
            MissingFileError: There is no such stream.
            StoreError: It cannot be read.
        """

    def write(self, url: str, chunks: Iterable[bytes], *, overwrite: bool = True) -> StoreEntry:
        """Write a stream, whole or not at all, and return its entry.

        Readers and ``list`` see the old stream, or none, until this returns; then the new one. If ``chunks``
        raises, or the process is killed, the old stream stays, and what is left behind disturbs no
        later write. Of several writers at a time one wins, and all others get an error.

        Args:
            url: Where to.
            chunks: The content; it may be longer than memory.
            overwrite: False refuses where there is a stream, for certain, also if another
                process is writing it at the same time.

        Raises:
            StoreError: It cannot be written, or is there already and ``overwrite`` is False.
            ConflictError: Another write of the same stream ended since this one began.
        """

    def list(self, url: str) -> Iterator[StoreEntry]:
        """Yield the streams whose URL is ``url`` or starts with it and a slash, sorted by URL.

        For the URL of a stream that is its own entry. Unfinished writes are not listed. A place without
        streams yields nothing.
        """

    def delete(self, url: str, *, missing_ok: bool = False) -> bool:
        """Delete one stream and return whether it was there.

        Raises:
            MissingFileError: It was not, and ``missing_ok`` is False.
        """


def name_of(url: str) -> str:
    """Return the name in a URL, what stands behind ``scheme://``, having looked at it.

    A name has parts with slashes between them; the first may be empty, for a place that is not relative.

    Raises:
        InvalidValueError: Another part is empty, ``.`` or ``..``, or has a null character or another
            control character.

    Example:
        >>> name_of('s3://photos/2026/all')
        'photos/2026/all'
    """
    name = url.partition('://')[2]
    parts = name.removeprefix('/').split('/')
    if any(part in ('', '.', '..') or min(part) < ' ' for part in parts):
        raise InvalidValueError(
            where=url,
            got=f'the name {show(name)}',
            wanted='parts with slashes between them, none empty, "." or "..", without control characters',
        )
    return name


def get_store(url: str, options: Mapping[str, Any] | None = None) -> Any:
    """Return the store for a URL, by its scheme: a Store, or Arrays where documents are no streams.

    Args:
        url: Of a stream or a place for them.
        options: Settings of the store, such as where its service is. Its class is called with them, if there
            are any.

    Raises:
        InvalidValueError: It has no scheme, or one that no store is registered for, or the store does not
            have such options.
        MissingExtraError: The store needs a package that is not installed.

    Example:
        >>> try:
        ...     get_store('nowhere://a')
        ... except InvalidValueError as error:
        ...     error.got
        "'nowhere://a'"
    """
    scheme = urlsplit(url).scheme
    try:
        row = _registry.find('store', scheme)
    except KeyError:
        wanted = 'a URL with one of the schemes: ' + ', '.join(store_schemes())
        raise InvalidValueError(where='store', got=show(url), wanted=wanted) from None
    return row.load()(options) if options else row.load()()


def store_schemes() -> list[str]:
    """Return the schemes that stores are registered for, sorted.

    Example:
        >>> isinstance(store_schemes(), list)
        True
    """
    return _registry.names('store')
