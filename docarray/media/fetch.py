"""Guarded loading of URLs and local files: one limit on the whole time, one on the size.

Files and data URLs are read here; http and https in ``_web``, which is imported when it is needed,
because Python's own modules for it take a while to load.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Collection
from urllib.parse import unquote_to_bytes, urlsplit

from docarray.errors import FetchError, InvalidValueError, MissingFileError, show
from docarray.media._schemes import SCHEMES, check_scheme, scheme_of, shown, too_long

__all__ = ['DEFAULT_TIMEOUT', 'MAX_BYTES', 'SCHEMES', 'fetch', 'scheme_of']

DEFAULT_TIMEOUT = 30.0
MAX_BYTES = 256 * 1024 * 1024


def fetch(
    url: str | os.PathLike[str],
    *,
    timeout: float | None = DEFAULT_TIMEOUT,
    max_bytes: int = MAX_BYTES,
    schemes: Collection[str] = SCHEMES,
) -> bytes:
    """Return what a URL or a local path holds.

    Args:
        url: An http, https, data or file URL, or a path. A PathLike is always a path.
        timeout: Seconds for the whole transfer, redirects included. None waits for ever.
        max_bytes: Stop with an error as soon as there is more than this.
        schemes: What may be read, at the start and after a redirect; ``'file'`` stands for paths
            too. A server that loads URLs given by others should pass ``('https',)``.

    Returns:
        The bytes, just as the server or the disk has them.

    Raises:
        FetchError: The URL cannot be read: a wrong scheme, no answer, a status other than 200.
        MissingFileError: There is no such file; it is a FetchError and a FileNotFoundError.
        FetchTimeoutError: ``timeout`` is over.
        LimitError: There is more than ``max_bytes``.

    Example:
        >>> fetch('data:text/plain;base64,aGk=')
        b'hi'
    """
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        raise InvalidValueError(where='timeout', got=show(timeout), wanted='seconds > 0, or None')
    local = isinstance(url, os.PathLike)
    text = os.fspath(url)
    scheme = 'file' if local else scheme_of(text) or 'file'
    where = shown(text)
    check_scheme(scheme, schemes, where)
    if scheme in ('http', 'https'):
        from docarray.media._web import read_web

        return read_web(text, timeout, max_bytes, schemes)
    if scheme == 'data':
        return _read_data(text, max_bytes, where)
    return _read_file(text if local or not scheme_of(text) else _path_of(text, where), max_bytes, where)


def _path_of(url: str, where: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ('', 'localhost'):
        raise FetchError(
            where=where, got=f'the host {parts.netloc!r}', wanted='file:///path, of this machine'
        )
    if os.name != 'nt':  # what url2pathname does with '//x' and odd bytes depends on the Python version
        return os.fsdecode(unquote_to_bytes(parts.path))
    from urllib.request import url2pathname  # slow to load

    return url2pathname(parts.path)


def _read_file(path: str, max_bytes: int, where: str) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait for its writer
            raise FetchError(where=where, got='a directory or device', wanted='a file')
        with open(path, 'rb') as file:
            size = os.fstat(file.fileno()).st_size
            data = b'' if size > max_bytes else file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise MissingFileError(
            where=where, got='no such file', wanted='an existing file, or a URL with its scheme'
        ) from error
    except FetchError:
        raise
    except (OSError, ValueError) as error:
        got = f'{type(error).__name__}: {getattr(error, "strerror", "") or error}'  # str repeats the path
        raise FetchError(where=where, got=got, wanted='a readable file') from error
    if max(size, len(data)) > max_bytes:
        raise too_long(where, f'{max(size, len(data))} bytes', max_bytes)
    return data


def _read_data(url: str, max_bytes: int, where: str) -> bytes:
    """Decode a data URL (RFC 2397), forgiving white space and missing padding as browsers do."""
    head, comma, body = url.partition(',')
    if not comma:
        raise FetchError(where=where, got='no comma', wanted='data:[type][;base64],content')
    # Four characters at most stand for a byte: 4/3 in base64, each of them as three, such as %41.
    if len(body) > 4 * max_bytes + 16:
        raise too_long(where, f'{len(body)} characters', max_bytes)
    data = unquote_to_bytes(body)
    if head.rpartition(';')[2].strip().lower() == 'base64':
        packed = b''.join(data.split()).rstrip(b'=')
        try:
            data = base64.b64decode(packed + b'=' * (-len(packed) % 4), validate=True)
        except binascii.Error as error:
            raise FetchError(where=where, got=f'bad base64 ({error})', wanted='valid base64') from error
    if len(data) > max_bytes:
        raise too_long(where, f'{len(data)} bytes', max_bytes)
    return data
