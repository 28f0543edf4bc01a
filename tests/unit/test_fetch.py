"""Guarded loading, against real servers on the loopback interface and real files."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docarray.errors import FetchError, FetchTimeoutError, InvalidValueError, LimitError, MissingFileError
from docarray.media.fetch import fetch, scheme_of

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    answers: dict[str, Answer]
    seen: list[Any]

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server_address[1]}'

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested here."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        self.server.answers[self.path.partition('?')[0]](self)

    def log_message(self, *args: Any) -> None:
        pass


def say(handler: BaseHTTPRequestHandler, status: int = 200, body: bytes = b'', **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace('_', '-'), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv('no_proxy', '127.0.0.1,localhost')
    made = Server(('127.0.0.1', 0), Handler)
    made.answers, made.seen = {}, []
    threading.Thread(target=made.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def serves(server: Server, path: str = '/', **said: Any) -> str:
    server.answers[path] = lambda handler: say(handler, **said)
    return server.url + path


# ---------------------------------------------------------------------------------------- http


def test_a_body_with_and_without_its_length(server: Server) -> None:
    assert fetch(serves(server, '/a', body=b'hello', Content_Length='5')) == b'hello'
    assert fetch(serves(server, '/b', body=b'hello')) == b'hello'
    assert fetch(serves(server, '/c', Content_Length='0')) == b''


def test_a_chunked_body(server: Server) -> None:
    chunked = b'5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n'
    assert fetch(serves(server, body=chunked, Transfer_Encoding='chunked')) == b'helloyou'


def test_a_large_body_arrives_whole(server: Server) -> None:
    body = os.urandom(3_000_001)
    assert fetch(serves(server, body=body, Content_Length=str(len(body)))) == body


def test_compression_is_not_asked_for_and_not_taken(server: Server) -> None:
    url = serves(server, body=b'x', Content_Encoding='gzip')
    with pytest.raises(FetchError, match="content in 'gzip'"):
        fetch(url)
    assert server.seen[0][1]['Accept-Encoding'] == 'identity'


@pytest.mark.parametrize('status', [204, 206, 304, 404, 500])
def test_another_status_than_200(server: Server, status: int) -> None:
    with pytest.raises(FetchError, match=f'{server.url}/: got {status} .*, wanted 200 OK'):
        fetch(serves(server, status=status, Content_Length='0'))


def test_no_server() -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))  # bound, but not listening
        with pytest.raises(FetchError, match='refused'):
            fetch(f'http://127.0.0.1:{taken.getsockname()[1]}/')


def test_what_is_no_http(server: Server) -> None:
    server.answers['/'] = lambda handler: handler.wfile.write(b'SSH-2.0-OpenSSH_9.6\r\n') and None
    with pytest.raises(FetchError, match='BadStatusLine'):
        fetch(server.url + '/')


def test_a_server_that_hangs_up(server: Server) -> None:
    server.answers['/'] = lambda handler: None
    with pytest.raises(FetchError, match='RemoteDisconnected'):
        fetch(server.url + '/')


def test_spaces_and_letters_beyond_ascii_in_a_url(server: Server) -> None:
    serves(server, '/' + quote('größe 1.png'), body=b'ok')
    assert fetch(server.url + '/größe 1.png?q=ä b') == b'ok'
    assert server.seen[0][0].endswith('?q=%C3%A4%20b')


@pytest.mark.parametrize(
    'url', ['http://', 'http:///path', 'http://[::1', 'http://host:port/', 'http://h\x00st/']
)
def test_a_malformed_url(url: str) -> None:
    with pytest.raises(FetchError):
        fetch(url, timeout=2)


def test_a_password_is_neither_sent_nor_shown() -> None:
    with pytest.raises(FetchError, match='user or password') as caught:
        fetch('http://me:sesame@127.0.0.1/a.png')
    assert 'sesame' not in str(caught.value)


def test_a_query_is_not_shown(server: Server) -> None:
    with pytest.raises(FetchError, match='404') as caught:
        fetch(serves(server, '/a', status=404) + '?signature=sesame')
    assert 'sesame' not in str(caught.value)


# ----------------------------------------------------------------------------------- redirects


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(server: Server, status: int) -> None:
    serves(server, '/b', body=b'there')
    assert fetch(serves(server, '/a', status=status, Location='/b')) == b'there'


def test_a_redirect_with_an_endless_body_is_followed_without_reading_it(server: Server) -> None:
    serves(server, '/b', body=b'there')
    server.answers['/a'] = lambda handler: endless(handler, status=302, Location='/b')
    assert fetch(server.url + '/a', timeout=5) == b'there'


def test_a_loop_of_redirects(server: Server) -> None:
    with pytest.raises(FetchError, match='more than 5 redirects'):
        fetch(serves(server, '/a', status=302, Location='/a'))
    assert len(server.seen) == 6


@pytest.mark.parametrize('scheme', ['file', 'ftp', 'data'])
def test_a_redirect_stays_on_the_web(server: Server, tmp_path: Path, scheme: str) -> None:
    (tmp_path / 'secret').write_text('secret')
    target = {'file': (tmp_path / 'secret').as_uri(), 'ftp': 'ftp://127.0.0.1/a', 'data': 'data:,secret'}[
        scheme
    ]
    with pytest.raises(FetchError, match=f"the scheme '{scheme}'"):
        fetch(serves(server, status=302, Location=target))


def test_a_redirect_stays_within_the_schemes_allowed(server: Server) -> None:
    with pytest.raises(FetchError, match="the scheme 'https', wanted one of http"):
        fetch(serves(server, status=302, Location='https://127.0.0.1/'), schemes=('http',))


def test_a_redirect_to_nowhere(server: Server) -> None:
    with pytest.raises(FetchError, match='redirects'):
        fetch(serves(server, status=302))


# -------------------------------------------------------------------------------------- limits


def endless(handler: BaseHTTPRequestHandler, **said: Any) -> None:
    say(handler, **said)
    for _ in range(10_000):
        handler.wfile.write(b'x' * 65536)


def test_an_endless_body_stops_at_the_limit(server: Server) -> None:
    server.answers['/'] = endless
    with pytest.raises(LimitError, match='more than 1000000 bytes, wanted at most 1000000'):
        fetch(server.url + '/', max_bytes=1_000_000)


def test_an_endless_chunked_body_stops_at_the_limit(server: Server) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        say(handler, Transfer_Encoding='chunked')
        for _ in range(10_000):
            handler.wfile.write(b'10000\r\n' + b'x' * 65536 + b'\r\n')

    server.answers['/'] = answer
    with pytest.raises(LimitError):
        fetch(server.url + '/', max_bytes=1_000_000)


def test_a_length_beyond_the_limit_is_refused_before_the_body(server: Server) -> None:
    with pytest.raises(LimitError, match='got 1000 bytes, wanted at most 10'):
        fetch(serves(server, Content_Length='1000'), max_bytes=10)


def test_a_body_shorter_than_promised(server: Server) -> None:
    with pytest.raises(FetchError, match='got 3 bytes, wanted the 10 promised'):
        fetch(serves(server, body=b'abc', Content_Length='10', Connection='close'))


def test_a_chunked_body_cut_short(server: Server) -> None:
    with pytest.raises(FetchError, match='IncompleteRead'):
        fetch(serves(server, body=b'5\r\nhel', Transfer_Encoding='chunked'))


def test_exactly_the_limit_is_allowed(server: Server, tmp_path: Path) -> None:
    (tmp_path / 'ten').write_bytes(b'0123456789')
    for url in (serves(server, body=b'0123456789'), str(tmp_path / 'ten'), 'data:,0123456789'):
        assert fetch(url, max_bytes=10) == b'0123456789'
        with pytest.raises(LimitError):
            fetch(url, max_bytes=9)


def test_an_empty_body_at_a_limit_of_zero(server: Server) -> None:
    assert fetch(serves(server, Content_Length='0'), max_bytes=0) == b''


def drip(handler: BaseHTTPRequestHandler, head: bytes, piece: bytes) -> None:
    handler.wfile.write(head)
    for _ in range(100):
        handler.wfile.write(piece)
        time.sleep(0.05)


@pytest.mark.parametrize(
    ('head', 'piece'),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n', b'x'),  # a body that never ends, each byte in time
        (b'HTTP/1.1 200 OK\r\n', b'X-More: and more\r\n'),
        (b'HTTP/1.1 200 O', b'K'),
        (b'', b''),
    ],
)
def test_the_time_limit_is_for_the_whole_transfer(server: Server, head: bytes, piece: bytes) -> None:
    server.answers['/'] = lambda handler: drip(handler, head, piece)
    start = time.monotonic()
    with pytest.raises(FetchTimeoutError, match='wanted one within 0.4 seconds') as caught:
        fetch(server.url + '/', timeout=0.4)
    assert 0.3 < time.monotonic() - start < 2
    assert isinstance(caught.value, TimeoutError)


def test_the_time_limit_counts_over_redirects(server: Server) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        say(handler, status=302, Location='/')

    server.answers['/'] = slow
    with pytest.raises(FetchTimeoutError):
        fetch(server.url + '/', timeout=0.5)


def test_a_server_that_never_accepts(server: Server) -> None:
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen(1)
        with pytest.raises(FetchTimeoutError):
            fetch(f'http://127.0.0.1:{silent.getsockname()[1]}/', timeout=0.3)
        with pytest.raises(FetchTimeoutError):  # here it is the TLS handshake that waits
            fetch(f'https://127.0.0.1:{silent.getsockname()[1]}/', timeout=0.3)


@pytest.mark.parametrize('timeout', [None, float('inf'), 5])
def test_no_time_limit(server: Server, timeout: float | None) -> None:
    assert fetch(serves(server, body=b'ok'), timeout=timeout) == b'ok'


@pytest.mark.parametrize('timeout', [0, -1, float('nan')])
def test_an_impossible_time_limit(timeout: float) -> None:
    with pytest.raises(InvalidValueError, match='timeout'):
        fetch('data:,x', timeout=timeout)


def test_a_server_without_tls(server: Server) -> None:
    with pytest.raises(FetchError, match='SSL'):
        fetch(serves(server).replace('http:', 'https:'), timeout=5)


@pytest.fixture
def certificate(server: Server, tmp_path: Path) -> Path:
    """The self-signed certificate that the server shows from now on."""
    openssl = shutil.which('openssl')
    if openssl is None:
        pytest.skip('needs the openssl command to make a certificate')
    key, path = tmp_path / 'key.pem', tmp_path / 'certificate.pem'
    words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost'
    more = ['subjectAltName=DNS:localhost', 'keyUsage=critical,digitalSignature,keyCertSign']
    extensions = [word for extension in more for word in ('-addext', extension)]
    subprocess.run(
        [openssl, *words.split(), '-keyout', key, '-out', path, *extensions], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return path


def test_a_certificate_that_nobody_vouches_for(server: Server, certificate: Path) -> None:
    with pytest.raises(FetchError, match='CERTIFICATE_VERIFY_FAILED'):
        fetch(serves(server).replace('http://127.0.0.1', 'https://localhost'), timeout=5)


def test_a_certificate_that_is_trusted(
    server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SSL_CERT_FILE', str(certificate))
    url = serves(server, body=b'safe', Content_Length='4')
    assert fetch(url.replace('http://127.0.0.1', 'https://localhost'), timeout=5) == b'safe'
    with pytest.raises(FetchError, match='CERTIFICATE_VERIFY_FAILED'):  # it names another host
        fetch(url.replace('http:', 'https:'), timeout=5)


def test_a_proxy_of_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('http_proxy', server.url)
    monkeypatch.setenv('no_proxy', '')
    server.answers['http://elsewhere.invalid/a'] = lambda handler: say(handler, body=b'by proxy')
    assert fetch('http://elsewhere.invalid/a', timeout=5) == b'by proxy'


# ----------------------------------------------------------------------------- files and data


def test_paths_and_file_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'a b%20#?.txt'
    path.write_bytes(b'there')
    monkeypatch.chdir(tmp_path)
    for url in (
        path,
        str(path),
        path.name,
        path.as_uri(),
        path.as_uri().replace('file://', 'file://localhost'),
    ):
        assert fetch(url) == b'there'


def test_a_path_that_looks_like_a_url_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data:,hello').write_bytes(b'file')
    assert fetch(Path('data:,hello')) == b'file'
    assert fetch('data:,hello') == b'hello'


@pytest.mark.skipif(os.name == 'nt', reason='there two slashes begin the name of a server')
def test_names_that_python_versions_read_differently(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b'/\xff'
    try:
        Path(os.fsdecode(path)).write_bytes(b'x')
    except OSError:
        pytest.skip('this file system takes UTF-8 only')
    assert fetch(f'file://{tmp_path}/%FF') == fetch(f'file:///{tmp_path}/%FF') == b'x'


@pytest.mark.parametrize('url', ['missing.txt', 'file:///no/such/file', 'not a url at all', ''])
def test_a_missing_file(url: str) -> None:
    with pytest.raises(MissingFileError, match='no such file') as caught:
        fetch(url)
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value, FetchError)


@pytest.mark.parametrize(
    'url', ['.', 'file://elsewhere/a', 's3://bucket/key', 'nul\x00byte', os.devnull, 'a' * 5000]
)
def test_what_is_no_readable_file(url: str) -> None:
    with pytest.raises(FetchError):
        fetch(url)


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='needs named pipes')
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(FetchError, match='wanted a file'):
        fetch(tmp_path / 'pipe')


def test_only_schemes_that_are_allowed(tmp_path: Path) -> None:
    for url in ('/etc/hosts', 'file:///etc/hosts', tmp_path, 'data:,x', 'http://127.0.0.1/'):
        with pytest.raises(FetchError, match='wanted one of https'):
            fetch(url, schemes=('https',))


@pytest.mark.parametrize(
    ('url', 'data'),
    [
        ('data:,', b''),
        ('data:text/plain,a%20b', b'a b'),
        ('data:text/plain;charset=utf-8,gr%C3%BC%C3%9Fe', 'grüße'.encode()),
        ('DATA:image/png;BASE64,aGk=', b'hi'),
        ('data:;base64,aGk', b'hi'),
        ('data:;base64,aG%6B%3D', b'hi'[:1] + b'i'),
        ('data:;base64,a G\nk =', b'hi'),
    ],
)
def test_data_urls(url: str, data: bytes) -> None:
    assert fetch(url) == data


@pytest.mark.parametrize('url', ['data:', 'data:nothing', 'data:;base64,a', 'data:;base64,a*c='])
def test_bad_data_urls(url: str) -> None:
    with pytest.raises(FetchError, match='data:'):
        fetch(url)


@given(st.binary(max_size=200))
def test_data_urls_round_trip(data: bytes) -> None:
    assert fetch('data:application/octet-stream;base64,' + base64.b64encode(data).decode()) == data
    assert fetch('data:,' + quote(data)) == data
    assert fetch('data:,' + quote(data), max_bytes=len(data)) == data


@pytest.mark.parametrize(
    ('url', 'scheme'),
    [
        ('HTTP://a', 'http'),
        ('data:x', 'data'),
        ('file:/a', 'file'),
        ('C:\\a', ''),
        ('a:b', ''),
        ('a/b', ''),
        ('', ''),
    ],
)
def test_schemes(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme
