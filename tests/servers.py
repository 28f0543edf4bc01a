"""Servers that tests run against, each a process of its own on a free port of this machine."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: What S3 clients read; a profile or an endpoint of whoever runs the tests must not be used.
S3_ENVIRONMENT = {
    'AWS_ACCESS_KEY_ID': 'tests',
    'AWS_SECRET_ACCESS_KEY': 'tests',
    'AWS_REGION': 'us-east-1',
    'AWS_EC2_METADATA_DISABLED': 'true',
}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def s3_server(kind: str, folder: str, bucket: str = 'bucket') -> Iterator[str]:
    """Run an S3 server with one bucket, and give its endpoint.

    Args:
        kind: 'localbucket', which keeps files in the folder, or 'moto', which keeps them in memory.
        folder: For files, and for what the server says.
        bucket: The name of the bucket.
    """
    port = free_port()
    arguments = {
        'localbucket': ['-m', 'localbucket', folder, '--port', str(port)],
        'moto': ['-m', 'moto.server', '-H', '127.0.0.1', '-p', str(port)],
    }[kind]
    with open(os.path.join(folder, f'.{kind}.log'), 'wb') as log:
        server = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log)
    try:
        endpoint = f'http://127.0.0.1:{port}'
        _create_bucket(f'{endpoint}/{bucket}', server)
        yield endpoint
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _create_bucket(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            request = urllib.request.Request(url, method='PUT', headers={'Authorization': _AUTHORIZATION})
            urllib.request.urlopen(request, timeout=10).close()
            return
        except (ConnectionError, urllib.error.URLError, TimeoutError):
            if time.monotonic() > end or server.poll() is not None:
                raise
            time.sleep(0.05)


#: moto looks for the service in it; nobody looks at the rest.
_AUTHORIZATION = (
    'AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0'
)


class FaultyProxy(ThreadingHTTPServer):
    """Passes requests on to a server, but for those that are to go wrong.

    Attributes:
        endpoint: Where it is.
        faults: Asked for each request (method, path), says what becomes of it: '' nothing, '503' an error
            of the server, 'drop' the connection ends before there is an answer, 'cut' in the middle of the
            answer, 'lost' the server does it, but its answer is lost, 'unconditional' without the condition.
        requests: What was asked for, and how many bytes the answer had.
    """

    daemon_threads = True

    def __init__(self, server: str) -> None:
        super().__init__(('127.0.0.1', 0), _Passing)
        self.server_url = server
        self.endpoint = f'http://127.0.0.1:{self.server_address[1]}'
        self.faults: Callable[[str, str], str] = lambda method, path: ''
        self.requests: list[tuple[str, str, int]] = []

    def first(self, count: int, fault: str, method: str = '', part: str = '') -> None:
        """Let the first requests of a sort go wrong."""
        left = [count]

        def faults(asked: str, path: str) -> str:
            if method in ('', asked) and part in path and left[0] > 0:
                left[0] -= 1
                return fault
            return ''

        self.faults = faults

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that broke; that is what this is for."""


class _Passing(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server: FaultyProxy

    def pass_on(self) -> None:
        fault = self.server.faults(self.command, self.path)
        size = int(self.headers.get('Content-Length') or 0)
        if fault == 'drop':
            self.rfile.read(size // 2)
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        body = self.rfile.read(size)
        if fault == '503':
            self.answer(503, {}, b'<Error><Code>SlowDown</Code><Message>Later.</Message></Error>')
            return
        headers = {key: value for key, value in self.headers.items() if key.lower() != 'content-length'}
        if fault == 'unconditional':
            headers = {key: value for key, value in headers.items() if key.lower() != 'if-none-match'}
        url = urllib.parse.urlsplit(self.server.server_url)
        connection = http.client.HTTPConnection(url.hostname or '', url.port, timeout=60)
        connection.request(self.command, self.path, body, {**headers, 'Content-Length': str(size)})
        found = connection.getresponse()
        data = found.read()
        connection.close()
        self.server.requests.append((self.command, self.path, len(data)))
        if fault == 'lost':
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.answer(found.status, dict(found.getheaders()), data, cut=fault == 'cut')

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on  # noqa: N815  (http.server wants these names)

    def answer(self, status: int, headers: dict[str, str], data: bytes, cut: bool = False) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in ('content-length', 'transfer-encoding', 'connection', 'date', 'server'):
                self.send_header(key, value)
        size = headers.get('Content-Length', len(data)) if self.command == 'HEAD' else len(data)
        self.send_header('Content-Length', str(size))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def faulty_proxy(server: str) -> Iterator[FaultyProxy]:
    """Run a proxy before a server."""
    proxy = FaultyProxy(server)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
