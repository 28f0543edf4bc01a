"""Arrays in stores of streams: each is one stream, an Arrow file with an index and checksums.

The stream of the array ``file://name`` is ``file://name.docs``, as it was in docarray 0.30 to 0.41, whose
own files are read too. Any program that knows Arrow IPC files reads the new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from docarray.errors import DocArrayError, InvalidValueError, MissingFileError, UnsupportedError, show
from docarray.formats.arrow.types import CLASS
from docarray.formats.arrow.write import IPC, IPC_STREAM
from docarray.formats.files.arrow import file_chunks
from docarray.formats.files.arrow_blocks import ArrowFile
from docarray.formats.files.arrow_documents import ArrowDocuments
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.schema import Schema
from docarray.stores import ArrayEntry, ArrayInfo, Documents, Store, Stored, name_of
from docarray.stores.legacy import LegacyDocuments, is_legacy, legacy_frames

__all__ = ['StreamArrays']

SUFFIX = '.docs'


class StreamDocuments(ArrowDocuments):
    """The documents of a stream."""

    def __init__(self, content: Stored, schema: Schema, limits: Limits, lazy: bool) -> None:
        super().__init__(ArrowFile(content, limits), schema, lazy)
        self.version, self.size, self.close = content.version, content.size, content.close


class StreamArrays:
    """Arrays of documents in a store of streams.

    Args:
        store: The store.
    """

    changing, whole, parts = False, IPC, IPC_STREAM

    def __init__(self, store: Store) -> None:
        self.store = store

    def write(
        self, url: str, batches: Iterator[Any], overwrite: bool, advance: Callable[[int], None]
    ) -> None:
        """Write an array."""
        with _named(url), closing(file_chunks(batches, advance)) as chunks:
            self.store.write(_stream(url), chunks, overwrite=overwrite)

    def documents(
        self, url: str, schema: Schema, limits: Limits, lazy: bool, version: int | str | None
    ) -> Documents:
        """Return the documents of an array."""
        if version is not None:
            raise UnsupportedError(
                where=url,
                got=f'version {show(version)}',
                wanted='the newest one, which alone is kept',
                hint='Arrays of lance:// keep older versions.',
            )
        content = self._content(url)
        if not is_legacy(content):
            return StreamDocuments(content, schema, limits, lazy)
        if lazy:
            raise UnsupportedError(
                where=url,
                got='an array of docarray before 1.0, which can only be read from the start',
                wanted='one of today',
                hint='Pull it and push it again.',
            )
        return LegacyDocuments(content, schema, limits)

    def changes(self, url: str, schema: Schema) -> Any:
        """Refuse it: streams are written as a whole."""
        raise UnsupportedError(where=url, got='a change', wanted='a whole array', hint='Use lance://.')

    def info(self, url: str) -> ArrayInfo:
        """Return what an array is."""
        with closing(self._content(url)) as content:
            if is_legacy(content):
                count = sum(1 for _ in legacy_frames(content))
                return ArrayInfo(url, '', {}, count, content.size, '', content.version)
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

    def exists(self, url: str) -> bool:
        """Return whether there is an array."""
        try:
            self._content(url).close()
            return True
        except MissingFileError:
            return False

    def list(self, url: str) -> Iterator[ArrayEntry]:
        """Yield the arrays at a place."""
        found = [entry for entry in self.store.list(url) if entry.url.endswith(SUFFIX)]
        with suppress(InvalidValueError, MissingFileError):  # there may be an array of this name, too
            self.store.open(url + SUFFIX).close()
            found += (entry for entry in self.store.list(url + SUFFIX) if entry.url == url + SUFFIX)
        for entry in found:
            yield ArrayEntry(entry.url.removesuffix(SUFFIX), entry.size, entry.modified)

    def delete(self, url: str, missing_ok: bool) -> bool:
        """Delete an array."""
        with _named(url):
            return self.store.delete(_stream(url), missing_ok=missing_ok)

    def _content(self, url: str) -> Stored:
        with _named(url):
            return self.store.open(_stream(url))


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
