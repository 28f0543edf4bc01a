"""Streams in files of this machine: ``file://`` URLs.

``file:///folder/name`` is the file /folder/name, ``file://name`` is one in the folder of the environment
variable DOCARRAY_CACHE, by default ``~/.cache/docarray``, and ``file://~/name`` one in the user's home. Names
are taken as they are, without decoding of ``%``; a part that is empty, ``.`` or ``..`` is refused.

A write goes to a file that has no name, or one that nothing else has, and takes its place when it is whole
and on disk. At that moment the folder is locked, which is undone by the system if the process ends, and the
old file has to be the one that was there when the write began.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from mmap import PAGESIZE, mmap
from typing import Any

from docarray.errors import (
    DocArrayError,
    InvalidValueError,
    MissingFileError,
    StoreError,
    show,
)
from docarray.formats.files.replacing import PART, replacing, sync_folder, try_lock
from docarray.formats.files.storage import mapped, write_all
from docarray.stores import StoreEntry, name_of
from docarray.stores.faults import already_there, lost

if sys.platform != 'win32':
    import fcntl
    from mmap import MADV_DONTNEED

__all__ = ['FileContent', 'FileStore']

#: Characters that names may not have, beside those that separate their parts.
_FORBIDDEN = '\\:*?"<>|' if os.name == 'nt' else ''
_NAME_BYTES = 255
#: How long to wait for another process to put a file in its place.
_LOCK_SECONDS = 30.0


class FileContent:
    """One version of a file, which stays as it is when the file is replaced or deleted.

    Attributes:
        name: Its URL.
        size: How many bytes it has.
        view: Its bytes, mapped into memory.
        version: A text that another version does not have.

    Raises:
        MissingFileError: There is no such file.
        StoreError: It cannot be read.
    """

    def __init__(self, url: str) -> None:
        with _read_errors(url), open(path_of(url), 'rb') as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise StoreError(where=url, got='a folder or device', wanted='a file')
            self.view: memoryview | None = mapped(file)
            if self.view is None:  # it is empty, or the file system maps no files
                self.view = memoryview(file.read())
        self.name, self.size, self.version = url, len(self.view), _version(status)

    def read(self, ranges: Iterable[tuple[int, int]]) -> list[memoryview]:
        """Return the bytes of each range, not copied."""
        if self.view is None:
            raise StoreError(where=self.name, got='an array that was closed', wanted='an open one')
        return [self.view[start:stop] for start, stop in ranges]

    def release(self, start: int, stop: int) -> None:
        """Give back the memory of a part that was read; it is read again if it is needed again."""
        file = None if self.view is None else self.view.obj
        if isinstance(file, mmap) and hasattr(file, 'madvise'):
            start = -(-start // PAGESIZE) * PAGESIZE
            if start < stop:
                file.madvise(MADV_DONTNEED, start, stop - start)

    def close(self) -> None:
        """Let go of the file; the memory that was returned stays valid."""
        self.view = None


class FileStore:
    """Streams in files.

    Example:
        >>> FileStore().scheme
        'file'
    """

    scheme = 'file'

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        if options:
            raise InvalidValueError(where='file://', got=f'options {show(dict(options))}', wanted='none')

    def open(self, url: str) -> FileContent:
        """Return one version of a stream."""
        return FileContent(url)

    def write(self, url: str, chunks: Iterable[Any], *, overwrite: bool = True) -> StoreEntry:
        """Write a stream, whole or not at all."""
        path = path_of(url)
        folder, name = os.path.split(path)
        with _store_errors(url):
            os.makedirs(folder, exist_ok=True)
            before = _status(path)
            _remove_stale(folder, name)
        if before is not None and not overwrite:
            raise already_there(url)

        @contextmanager
        def only_if_unchanged() -> Iterator[None]:
            with _locked(folder, url):
                now = _status(path)
                if _version(now) != _version(before):
                    raise already_there(url) if not overwrite else lost(url)
                yield

        with ExitStack() as stack:
            with _store_errors(url):
                file = stack.enter_context(replacing(path, only_if_unchanged))
            for chunk in chunks:  # whose errors are the caller's own
                with _store_errors(url):
                    write_all(file, memoryview(chunk))
            with _store_errors(url):
                stack.close()
        return _entry(url, path)

    def list(self, url: str) -> Iterator[StoreEntry]:
        """Yield the streams whose URL is ``url`` or starts with it and a slash, sorted by URL."""
        path = folder_of(url)
        if os.path.isfile(path):
            yield _entry(url, path)
            return
        base = url if url.endswith('://') else url.rstrip('/') + '/'
        found = []
        for folder, _, names in os.walk(path):
            inside = os.path.relpath(folder, path).replace(os.sep, '/')
            start = base if inside == '.' else f'{base}{inside}/'
            found += [(start + name, os.path.join(folder, name)) for name in names if not _is_part(name)]
        for one, place in sorted(found):
            with suppress(MissingFileError):  # deleted since
                yield _entry(one, place)

    def delete(self, url: str, *, missing_ok: bool = False) -> bool:
        """Delete one stream and return whether it was there."""
        path = path_of(url)
        try:
            with _read_errors(url), _locked(os.path.dirname(path), url):
                os.unlink(path)
        except MissingFileError:
            if missing_ok:
                return False
            raise
        with suppress(OSError):
            sync_folder(os.path.dirname(path))
        return True


# -- names --------------------------------------------------------------------------------------------


def path_of(url: str) -> str:
    """Return the path of the file of a URL.

    Raises:
        InvalidValueError: The URL names none, or has parts that could lead elsewhere.

    Example:
        >>> path_of('file:///tmp/a b')
        '/tmp/a b'
    """
    root, inside = _root(name_of(url).split('/'))
    for part in inside:
        if any(mark in part for mark in _FORBIDDEN) or len(os.fsencode(part)) > _NAME_BYTES:
            raise InvalidValueError(
                where=url,
                got=f'a name with the part {show(part)}',
                wanted=f'at most {_NAME_BYTES} bytes, none of {show(_FORBIDDEN)}',
            )
    return os.path.join(root, *inside)


def folder_of(url: str) -> str:
    """Return the path of the folder of a URL, which may be a root itself.

    Example:
        >>> folder_of('file:///tmp/'), folder_of('file:///')
        ('/tmp', '/')
    """
    name = url.partition('://')[2]
    if name.strip('/') in ('', '~'):
        return _root(name.rstrip('/').split('/') + [''] * bool(name))[0]
    return path_of(url.rstrip('/'))


def _root(parts: list[str]) -> tuple[str, list[str]]:
    """Return the folder that a name is in, and the parts of the name."""
    if len(parts) > 1 and parts[0] == '~':
        return os.path.expanduser('~'), parts[1:]
    if len(parts) > 1 and parts[0] == '':
        drive = os.name == 'nt' and parts[1][1:] == ':'
        return (parts[1] + os.sep, parts[2:]) if drive else (os.sep, parts[1:])
    cache = os.environ.get('DOCARRAY_CACHE') or os.path.join(os.path.expanduser('~'), '.cache', 'docarray')
    return os.path.abspath(cache), parts


# -- files --------------------------------------------------------------------------------------------


@contextmanager
def _store_errors(url: str) -> Iterator[None]:
    """Raise what the system says as an error of ours."""
    try:
        yield
    except OSError as error:
        if isinstance(error, DocArrayError):
            raise
        got = f'{type(error).__name__}: {error.strerror or error}'
        raise StoreError(where=url, got=got, wanted='a file that can be read and written') from error


@contextmanager
def _read_errors(url: str) -> Iterator[None]:
    """Raise what the system says of a file that should be there."""
    with _store_errors(url):
        try:
            yield
        except FileNotFoundError as error:
            if isinstance(error, DocArrayError):
                raise
            raise MissingFileError(where=url, got='no such file', wanted='an existing one') from error


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _version(status: os.stat_result | None) -> str:
    return '' if status is None else f'{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}'


def _entry(url: str, path: str) -> StoreEntry:
    with _read_errors(url):
        status = os.stat(path)
    modified = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    return StoreEntry(url, status.st_size, modified, _version(status))


@contextmanager
def _locked(folder: str, url: str) -> Iterator[None]:
    """Keep others from changing what is in a folder. The system undoes it if the process ends."""
    if sys.platform == 'win32':
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + _LOCK_SECONDS
        while not try_lock(descriptor):
            if time.monotonic() > end:
                raise StoreError(
                    where=url, got='a folder that another process has locked', wanted='a moment without'
                )
            time.sleep(0.001)
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # also for a child that was forked meanwhile
        os.close(descriptor)


def _is_part(name: str) -> bool:
    return name.startswith('.') and name.endswith(PART)


def _remove_stale(folder: str, name: str) -> None:
    """Remove what writers of a name left behind that were killed: what nobody has locked."""
    for found in os.scandir(folder):
        if _is_part(found.name) and found.name.startswith(f'.{name[:50]}.'):
            with suppress(OSError), open(found.path, 'rb') as file:
                if try_lock(file.fileno()):
                    os.unlink(found.path)
