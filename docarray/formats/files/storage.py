"""Where files are: paths, URLs, open files and bytes, for reading and for writing.

A path is written to a file without a name in the same folder (or one with a name that nothing else has),
which takes the place of the old file when it is complete and on disk. The old file's permissions stay. A
symbolic link stays too: the file that it points to is replaced. Pipes and devices are written as they are.

A path is read through a map of the file into memory, which stays valid when the file is replaced or deleted.
A program that shortens the file while it is read ends the process that reads it.
"""

from __future__ import annotations

import io
import mmap
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urlsplit

from docarray import _lazy
from docarray.errors import DocArrayError, FetchError, InvalidValueError, MissingFileError, show
from docarray.formats.files.replacing import replacing
from docarray.formats.limits import Limits
from docarray.media.fetch import fetch

__all__ = [
    'Source',
    'as_buffer',
    'file_name',
    'mapped',
    'open_source',
    'open_target',
    'write_all',
]

#: How much is read from an open file at once.
CHUNK_BYTES = 1 << 16
#: How long a file may take to come from the web.
_WEB_SECONDS = 3600.0


def file_name(file: Any) -> str:
    """Return the path or URL of a file, or '' for an open file or bytes.

    Example:
        >>> file_name('a/b.json'), file_name(b'...')
        ('a/b.json', '')
    """
    if isinstance(file, (str, os.PathLike)):
        return os.fsdecode(file)
    return ''


def _is_url(file: Any) -> bool:
    return isinstance(file, str) and ('://' in file or '::' in file)


def _is_web(url: str) -> bool:
    return url.lower().startswith(('http://', 'https://')) and '::' not in url


def _local(file: Any) -> str | None:
    """The path that a file is at, or None if it is no local file."""
    path = '' if _is_url(file) else file_name(file)
    if isinstance(file, str) and file.lower().startswith('file://') and '::' not in file:
        from urllib.request import url2pathname  # slow to load

        url = urlsplit(file)
        if url.netloc not in ('', 'localhost'):
            got = f'the host {show(url.netloc)}'
            raise InvalidValueError(where=file, got=got, wanted='a file here: file:///folder/name')
        path = url2pathname(url.path)
    if '\0' in path:
        raise InvalidValueError(where='file', got=show(path), wanted='a path without null characters')
    return path or None


# -- reading ------------------------------------------------------------------------------------------


class Source:
    """Bytes to read: all at hand, or as they come.

    Attributes:
        name: What they are, for errors.
        view: All of them as one buffer, where they are at hand: bytes, or a file that is mapped into memory.

    Example:
        >>> with open_source(b'abc') as source:
        ...     b''.join(source.chunks())
        b'abc'
    """

    def __init__(self, name: str, view: memoryview | None = None, file: Any = None) -> None:
        self.name, self.view, self._file = name, view, file

    def chunks(self) -> Iterator[Any]:
        """Yield the bytes in pieces."""
        if self.view is not None:
            size = 1 << 20
            for start in range(0, len(self.view), size):
                yield self.view[start : start + size]
            return
        while True:
            with _read_errors(self.name):
                chunk = self._file.read(CHUNK_BYTES)
            if isinstance(chunk, str):
                raise InvalidValueError(
                    where=self.name, got='a file open for text', wanted="one open for bytes: open(..., 'rb')"
                )
            if chunk is None:
                raise FetchError(where=self.name, got='nothing yet', wanted='a file that waits for its bytes')
            if not chunk:
                return
            yield chunk

    def whole(self, limits: Limits) -> memoryview:
        """Return all bytes, once they have come.

        Raises:
            LimitError: There are more than ``limits.size``.
        """
        if self.view is not None:
            return self.view
        data = bytearray()
        for chunk in self.chunks():
            data += chunk
            limits.check('size', len(data), self.name)
        return memoryview(data)


@contextmanager
def open_source(file: Any, limits: Limits | None = None) -> Iterator[Source]:
    """Open something to read.

    Args:
        file: A path, a URL, a file object open for reading bytes, or any buffer of bytes.
        limits: ``size`` for what http and https URLs may have.

    Raises:
        MissingFileError: There is no such file.
        FetchError: It cannot be read.
        InvalidValueError: It is nothing to read from.
    """
    path = _local(file)
    if path is not None:
        with _read_errors(path):
            opened = open(path, 'rb')  # noqa: SIM115 - closed below; what happens there is not about opening
        with opened:
            yield Source(path, mapped(opened), opened)
    elif _is_url(file):
        if _is_web(file):
            most = (limits or Limits()).size
            yield Source(file, memoryview(fetch(file, max_bytes=most, timeout=_WEB_SECONDS)))
        else:
            with _read_errors(file):
                store, path = _store(file)
                remote = store.open(path, 'rb')
            with remote:
                yield Source(file, None, remote)
    elif hasattr(file, 'read'):
        yield Source(_shown_name(file), None, file)
    else:
        yield Source('bytes', as_buffer(file))


def mapped(file: IO[bytes]) -> memoryview | None:
    """Return a file's bytes without reading them; None for a pipe, a device or an empty file."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        return None
    try:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):  # not every file system can
        return None


def as_buffer(
    data: Any, where: str = 'file', wanted: str = 'a path, a URL, a file open for reading bytes, or bytes'
) -> memoryview:
    """Return a view of the bytes of anything that has them in one piece.

    Example:
        >>> as_buffer(bytearray(b'abc')).tobytes()
        b'abc'
    """
    try:
        return memoryview(data).cast('B')
    except TypeError as error:
        raise InvalidValueError(where=where, got=show(data), wanted=wanted) from error


def _shown_name(file: Any) -> str:
    name = getattr(file, 'name', None)
    return name if isinstance(name, str) else type(file).__name__


@contextmanager
def _read_errors(name: str) -> Iterator[None]:
    try:
        yield
    except DocArrayError:
        raise
    except FileNotFoundError as error:
        raise MissingFileError(where=name, got='no such file', wanted='an existing file') from error
    except OSError as error:
        got = f'{type(error).__name__}: {error.strerror or error}'
        raise FetchError(where=name, got=got, wanted='a file that can be read') from error


def _store(url: str, **options: Any) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it."""
    try:
        found: tuple[Any, str] = _lazy.load('fsspec.core').url_to_fs(url, **options)
    except ValueError as error:  # fsspec knows no such scheme
        raise InvalidValueError(where=url, got=show(str(error)), wanted='a URL that fsspec knows') from error
    return found


# -- writing ------------------------------------------------------------------------------------------


@contextmanager
def open_target(file: Any) -> Iterator[Any]:
    """Open something to write; what was there is replaced when the block ends, and stays if it fails.

    What goes to an open file, a pipe or a device is there as soon as it is written.

    Args:
        file: A path, a URL, or a file object open for writing bytes.

    Yields:
        A file object open for writing bytes.

    Example:
        >>> import io
        >>> memory = io.BytesIO()
        >>> with open_target(memory) as target:
        ...     target.write(b'abc')
        3
    """
    path = _local(file)
    if path is not None and _is_replaceable(path):
        with replacing(os.path.realpath(path)) as opened:
            yield opened
    elif path is not None:
        with open(path, 'wb') as opened:
            yield opened
    elif _is_url(file) and not _is_web(file):
        with tempfile.TemporaryFile() as local:
            yield local
            local.seek(0)
            _upload(local, file)
    elif hasattr(file, 'write') and not isinstance(file, io.TextIOBase):
        yield file
    else:
        raise InvalidValueError(
            where='file', got=show(file), wanted='a path, a URL to write to, or a file open for writing bytes'
        )


def _is_replaceable(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


def write_all(file: Any, view: memoryview) -> None:
    """Write all of some bytes into a file that may take less at once.

    Example:
        >>> memory = io.BytesIO()
        >>> write_all(memory, memoryview(b'abc'))
        >>> memory.getvalue()
        b'abc'
    """
    while len(view):
        taken = file.write(view)
        if taken is None or taken >= len(view):  # buffered files take all, and some do not say so
            return
        view = view[taken:]


def _upload(local: IO[bytes], url: str) -> None:
    """Copy a file to a URL, in a transaction where the store has them."""
    # A transaction belongs to the object: no other thread may have this one.
    store, path = _store(url, skip_instance_cache=True)
    with store.transaction, store.open(path, 'wb') as remote:
        shutil.copyfileobj(local, remote, 1 << 20)
