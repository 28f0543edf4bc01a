"""Reading http and https within one time limit for the whole transfer.

It goes through urllib's connection classes, so proxies from the environment work, with two changes:
every wait on the socket ends at one deadline, and redirects are followed here, without reading their
bodies. Only the lookup of a host name is left to the system's own time limit.
"""

from __future__ import annotations

import io
import math
import socket
import time
import urllib.request
from collections.abc import Callable, Collection
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.error import URLError
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from docarray.errors import DocArrayError, FetchError, FetchTimeoutError
from docarray.media._schemes import check_scheme, scheme_of, shown, too_long

_CHUNK = 256 * 1024
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
# Some servers turn away clients that do not name themselves like a browser.
_HEADERS = {'User-Agent': 'Mozilla/5.0 (compatible; docarray)', 'Accept': '*/*'}


class _Deadline:
    """The moment at which the whole transfer has to be over."""

    def __init__(self, timeout: float | None) -> None:
        self.timeout = None if timeout is None or math.isinf(timeout) else timeout
        self.end = math.inf if self.timeout is None else time.monotonic() + self.timeout

    def left(self) -> float | None:
        """Return the seconds left, as sockets want them, or raise TimeoutError."""
        if self.timeout is None:
            return None
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError('the time is over')
        return left


class _TimedReader(io.RawIOBase):
    """What arrives on a socket, each wait cut to the time left."""

    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile('rb', buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.left())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, deadline: _Deadline, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(sock, deadline))


class _Timed(HTTPConnection):
    """A connection that shares one deadline between its addresses, handshake and answer."""

    def __init__(self, host: str, *, deadline: _Deadline, **options: Any) -> None:
        super().__init__(host, **options)
        self._deadline = deadline
        self.response_class = cast('type[HTTPResponse]', partial(_Response, deadline=deadline))
        self._create_connection = self._dial  # what HTTPConnection.connect calls, since Python 3.4

    def _dial(self, address: tuple[str, int], *_: Any) -> socket.socket:
        failure: OSError | None = None
        for family, kind, protocol, _name, place in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self._deadline.left())
                sock.connect(place)
                sock.settimeout(self._deadline.left())  # for the TLS handshake
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure or OSError('the host has no address')


class _TimedSecure(_Timed, HTTPSConnection):
    pass


class _Http(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_Timed, deadline=self._deadline), req)

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_TimedSecure, deadline=self._deadline), req)


def read_web(url: str, timeout: float | None, max_bytes: int, schemes: Collection[str]) -> bytes:
    """Return the body of a GET; arguments and errors are those of ``fetch``."""
    deadline = _Deadline(timeout)
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.ProxyHandler())
    opener.add_handler(_Http(deadline))
    where = shown(url)
    try:
        for _ in range(_MAX_REDIRECTS + 1):
            # The scheme was checked, and the opener has no handlers for others.
            request = urllib.request.Request(_ascii(url, where), headers=_HEADERS)  # noqa: S310
            with opener.open(request, timeout=deadline.left()) as response:
                if response.status not in _REDIRECTS:
                    return _read_body(response, max_bytes, where)
                url = urljoin(url, response.headers.get('Location', ''))
            where = f'{shown(url)}, where the server sent us'
            check_scheme(scheme_of(url), {'http', 'https'} & set(schemes), where)
        raise FetchError(where=where, got=f'more than {_MAX_REDIRECTS} redirects', wanted='a document')
    except DocArrayError:
        raise
    except (OSError, HTTPException, ValueError) as error:
        raise _failure(error, deadline, where) from error


def _failure(error: Exception, deadline: _Deadline, where: str) -> FetchError:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError) or time.monotonic() >= deadline.end:
        return FetchTimeoutError(
            where=where,
            got='no complete answer',
            wanted=f'one within {deadline.timeout} seconds' if deadline.timeout else 'one',
            hint='Pass a larger timeout if the server is slow.',
        )
    return FetchError(where=where, got=f'{type(reason).__name__}: {reason}', wanted='an answer')


def _read_body(response: HTTPResponse, max_bytes: int, where: str) -> bytes:
    if response.status != 200:
        raise FetchError(where=where, got=f'{response.status} {response.reason}', wanted='200 OK')
    packing = response.headers.get('Content-Encoding', 'identity')
    if packing.strip().lower() not in ('identity', ''):
        raise FetchError(where=where, got=f'content in {packing!r}', wanted='it plain, as we asked')
    promised: int | None = response.length
    if promised is not None and promised > max_bytes:
        raise too_long(where, f'{promised} bytes', max_bytes)
    body = io.BytesIO()
    while chunk := response.read(min(_CHUNK, max_bytes + 1 - body.tell())):
        body.write(chunk)
        if body.tell() > max_bytes:
            raise too_long(where, f'more than {max_bytes} bytes', max_bytes)
    if promised is not None and body.tell() < promised:
        raise FetchError(where=where, got=f'{body.tell()} bytes', wanted=f'the {promised} promised')
    return body.getvalue()


def _ascii(url: str, where: str) -> str:
    """Return the URL in ASCII: the host by IDNA, the rest percent-encoded."""
    parts = urlsplit(url)
    if '@' in parts.netloc:
        raise FetchError(where=where, got='a user or password in the URL', wanted='a URL without them')
    if not parts.hostname:
        raise FetchError(where=where, got='no host', wanted='http://host/path')
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode('idna').decode('ascii')
    keep: Callable[[str], str] = partial(quote, safe="%/:=&?~+!$,;'@()*[]")
    return urlunsplit((parts.scheme, host, keep(parts.path), keep(parts.query), ''))
