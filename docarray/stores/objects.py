"""Streams in object services: ``s3://``, ``gs://``, ``az://``, and ``memory://`` of this process.

``s3://bucket/a/b`` is the stream a/b of a bucket. ``versions.py`` tells which objects it is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from docarray.errors import InvalidValueError, MissingFileError, StoreError, show
from docarray.stores import StoreEntry, name_of
from docarray.stores.clients import client_for, reading
from docarray.stores.faults import already_there, lost, missing
from docarray.stores.versions import Stream, Version, by_stream

__all__ = ['AzureStore', 'GoogleStore', 'MemoryStore', 'ObjectStore', 'S3Store']

#: Services take keys of 1,024 bytes; this leaves room for what follows the name.
_NAME_BYTES = 960
#: Ranges that follow each other are one request up to so much, and requests run side by side.
_REQUEST_BYTES = 8 << 20
_REQUESTS_AT_ONCE = 8
#: How often a delete tries to be the next version before it gives up.
_ATTEMPTS = 20


class ObjectContent:
    """One version of a stream in an object service.

    Attributes:
        name: Its URL.
        size: How many bytes it has.
        version: A text that another version does not have.
        view: None: its bytes are not in memory.
    """

    view = None

    def __init__(self, stream: Stream, version: Version) -> None:
        if version.meta is None:
            raise missing(stream.url)
        self.name, self._objects, self._key = stream.url, stream.client.objects, version.key
        self.size: int = version.meta['size']
        self.version = version.text

    def read(self, ranges: Sequence[tuple[int, int]]) -> Iterator[memoryview]:
        """Yield the bytes of each range; ranges that follow each other are fetched together."""
        from obstore import get_ranges

        for runs in _requests(ranges):
            starts, stops = [run[0][0] for run in runs], [run[-1][1] for run in runs]
            request = partial(get_ranges, self._objects, self._key, starts=starts, ends=stops, coalesce=0)
            try:
                found = reading(self.name, request)
            except MissingFileError as error:
                raise StoreError(
                    where=self.name,
                    got='a version that is there no more',
                    wanted='one that at most one later push has replaced',
                    hint='Open it again.',
                ) from error
            for run, data in zip(runs, found, strict=True):
                view = memoryview(data)
                if len(view) != run[-1][1] - run[0][0]:
                    raise StoreError(where=self.name, got=f'{len(view)} bytes', wanted='all of a range')
                for start, stop in run:
                    yield view[start - run[0][0] : stop - run[0][0]]

    def release(self, start: int, stop: int) -> None:
        """Nothing: what is read is kept by who reads it."""

    def close(self) -> None:
        """Nothing: clients are shared."""


def _requests(ranges: Iterable[tuple[int, int]]) -> Iterator[list[list[tuple[int, int]]]]:
    """Yield ranges, those that follow each other together, as many as are requested side by side."""
    runs: list[list[tuple[int, int]]] = []
    for start, stop in ranges:
        if runs and runs[-1][-1][1] == start and stop - runs[-1][0][0] <= _REQUEST_BYTES:
            runs[-1].append((start, stop))
            continue
        if len(runs) == _REQUESTS_AT_ONCE:
            yield runs
            runs = []
        runs.append([(start, stop)])
    if runs:
        yield runs


class ObjectStore:
    """Streams in an object service. See ``docs/stores.md`` for options and environment variables.

    Args:
        options: Settings of the client, by the names of obstore.
    """

    scheme: ClassVar[str]

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(options or {})

    def open(self, url: str) -> ObjectContent:
        """Return one version of a stream."""
        stream = self.stream(url)
        return ObjectContent(stream, stream.newest())

    def write(self, url: str, chunks: Iterable[Any], *, overwrite: bool = True) -> StoreEntry:
        """Write a stream, whole or not at all."""
        stream = self.stream(url)
        stream.guard()
        before = stream.newest()
        if before.meta is not None and not overwrite:
            raise already_there(url)
        made = stream.write(before, chunks)
        if made is None or made.meta is None:
            raise lost(url) if overwrite else already_there(url)
        return StoreEntry(url, made.meta['size'], None, made.text)

    def list(self, url: str) -> Iterator[StoreEntry]:
        """Yield the streams whose URL is ``url`` or starts with it and a slash, sorted by URL."""
        place = self.stream(url.rstrip('/'), least=0)
        root = place.url[: len(place.url) - len(place.key)] if place.key else f'{place.url}/'
        objects = place.client.objects
        streams = reading(url, lambda: by_stream(objects.list(place.key or None, chunk_size=1000)))
        for key in sorted(streams):
            found = Stream(place.client, key, root + key).chosen(streams[key])
            if found.meta is not None:
                yield StoreEntry(root + key, found.meta['size'], found.meta['last_modified'], found.text)

    def delete(self, url: str, *, missing_ok: bool = False) -> bool:
        """Delete one stream and return whether it was there."""
        stream = self.stream(url)
        for _ in range(_ATTEMPTS):
            before = stream.newest()
            if before.meta is None:
                if missing_ok:
                    return False
                raise missing(url)
            stream.guard()
            if stream.delete(before):
                return True
        raise lost(url)

    def stream(self, url: str, least: int = 1) -> Stream:
        """Return the stream of a URL, or the place for streams that it is."""
        name = name_of(url)
        bucket, _, key = ('', '', name) if self.scheme == 'memory' else name.partition('/')
        if (least and not key) or name.startswith('/') or '\x7f' in name or len(key.encode()) > _NAME_BYTES:
            before = '' if self.scheme == 'memory' else 'a bucket and '
            wanted = f'{before}a name of at most {_NAME_BYTES} bytes, without a slash before it'
            raise InvalidValueError(where=url, got=f'the name {show(name)}', wanted=wanted)
        return Stream(client_for(self.scheme, bucket, self.options, url), key, url)


class S3Store(ObjectStore):
    """Streams in S3 and in services that speak its protocol.

    Example:
        >>> S3Store().scheme
        's3'
    """

    scheme = 's3'


class GoogleStore(ObjectStore):
    """Streams in Google Cloud Storage.

    Example:
        >>> GoogleStore().scheme
        'gs'
    """

    scheme = 'gs'


class AzureStore(ObjectStore):
    """Streams in Azure Blob Storage.

    Example:
        >>> AzureStore().scheme
        'az'
    """

    scheme = 'az'


class MemoryStore(ObjectStore):
    """Streams in the memory of this process, for tests and caches.

    Example:
        >>> store = MemoryStore()
        >>> _ = store.write('memory://doctest/a', [b'one'])
        >>> [entry.size for entry in store.list('memory://doctest')]
        [3]
    """

    scheme = 'memory'
