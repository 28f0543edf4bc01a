"""Where files are: paths that are replaced whole, open files, pipes, sockets, URLs."""

import http.server
import io
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import field_serializer

from docarray import BaseDocument, DocumentArray
from docarray.documents import TextDoc
from docarray.errors import FetchError, InvalidValueError, KindError, MissingFileError, TruncatedError
from docarray.formats.files.storage import open_source, open_target

pytest.importorskip('pyarrow')
pytest.importorskip('google.protobuf')

Texts = DocumentArray[TextDoc]
PROTOCOLS = ('protobuf', 'protobuf-array', 'arrow', 'parquet', 'json')
posix = pytest.mark.skipif(os.name == 'nt', reason='of POSIX')


def texts(*words: str) -> Any:
    return Texts(TextDoc(text=word) for word in words)


class Stubborn(BaseDocument):
    """A document that cannot be written."""

    text: str

    @field_serializer('text')
    def refuse(self, text: str) -> str:
        raise RuntimeError('no')


# -- replacing files ----------------------------------------------------------------------------------


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_an_error_leaves_the_old_file_and_nothing_else(protocol: str, tmp_path: Path) -> None:
    path = tmp_path / 'texts'
    texts('old').save_binary(path, protocol)
    before = path.read_bytes()
    for broken in (texts('a', '\ud800'), DocumentArray[Stubborn]([Stubborn(text='a')])):
        if protocol == 'json' or isinstance(broken[0], TextDoc):
            with pytest.raises(Exception, match='surrogate|no|utf-8|UTF-8'):
                broken.save_binary(path, protocol)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_half_of_a_character_is_named(tmp_path: Path) -> None:
    for protocol in ('protobuf', 'protobuf-array', 'arrow', 'parquet'):
        with pytest.raises((KindError, InvalidValueError), match='TextDoc.text'):
            texts('a', '\ud800').save_binary(tmp_path / 'texts', protocol)


KILLED = """
import sys, time
from pydantic import field_serializer
from docarray import BaseDocument, DocumentArray

class Slow(BaseDocument):
    text: str

    @field_serializer('text')
    def slowly(self, text):
        if text == 'stop':
            sys.stdout.write('writing')
            sys.stdout.flush()
            time.sleep(600)
        return text

words = ['x' * 1000] * 5000 + ['stop']
DocumentArray[Slow](Slow(text=word) for word in words).save_binary(sys.argv[1], 'json')
"""


@posix
def test_a_killed_writer_leaves_the_old_file_and_nothing_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / 'texts'
    texts('old').save_binary(path, 'json')
    with subprocess.Popen(
        [sys.executable, '-c', KILLED, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.read(7) == b'writing'
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert Texts.load_binary(path, 'json').text == ['old']
    if hasattr(os, 'O_TMPFILE'):
        assert list(tmp_path.iterdir()) == [path]
    texts('new').save_binary(path, 'json')
    assert Texts.load_binary(path, 'json').text == ['new']


FULL = """
import random, resource, sys
from docarray import DocumentArray
from docarray.documents import TextDoc

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
texts = DocumentArray[TextDoc](TextDoc(text=random.randbytes(500).hex()) for _ in range(1000))
try:
    texts.save_binary(sys.argv[1], sys.argv[2])
except OSError as error:
    sys.exit(error.errno)
"""


@posix
@pytest.mark.parametrize('protocol', ['protobuf-array', 'arrow', 'parquet'])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(protocol: str, tmp_path: Path) -> None:
    import errno

    path = tmp_path / 'texts'
    texts('old').save_binary(path, protocol)
    command = [sys.executable, '-c', FULL, str(path), protocol]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == errno.EFBIG or 'File too large' in done.stderr
    assert Texts.load_binary(path, protocol).text == ['old']
    assert list(tmp_path.iterdir()) == [path]


def test_readers_never_see_a_file_that_is_half_written(tmp_path: Path) -> None:
    path, done = tmp_path / 'texts', threading.Event()
    arrays = [texts(*'a' * 100), texts(*'b' * 3000)]
    arrays[0].save_binary(path)

    def write(array: Any) -> None:
        while not done.is_set():
            array.save_binary(path)

    writers = [threading.Thread(target=write, args=[array]) for array in arrays]
    for writer in writers:
        writer.start()
    try:
        lengths = {len(Texts.load_binary(path)) for _ in range(60)}
    finally:
        done.set()
        for writer in writers:
            writer.join()
    assert lengths <= {100, 3000}
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_permissions_stay_and_new_files_have_the_usual_ones(tmp_path: Path) -> None:
    path = tmp_path / 'texts'
    before = os.umask(0o027)
    try:
        texts('a').save_binary(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        texts('b').save_binary(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


@posix
def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / 'there').mkdir()
    real, link = tmp_path / 'there' / 'texts', tmp_path / 'link'
    real.write_bytes(b'old')
    link.symlink_to(real)
    texts('new').save_binary(link)
    assert link.is_symlink()
    assert Texts.load_binary(real).text == Texts.load_binary(link).text == ['new']
    dangling = tmp_path / 'dangling'
    dangling.symlink_to(tmp_path / 'there' / 'none')
    texts('a').save_binary(dangling)
    assert dangling.is_symlink()
    assert Texts.load_binary(tmp_path / 'there' / 'none').text == ['a']


@posix
def test_where_files_cannot_be_without_a_name_one_is_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, 'O_TMPFILE', raising=False)
    path = tmp_path / 'texts'
    texts('a').save_binary(path)
    with pytest.raises(RuntimeError), open_target(path) as target:
        target.write(b'half')
        target.flush()
        (other,) = set(tmp_path.iterdir()) - {path}
        assert other.name.startswith('.texts.')
        raise RuntimeError
    assert list(tmp_path.iterdir()) == [path]
    texts('b').save_binary(path)
    assert Texts.load_binary(path).text == ['b']


@posix
@pytest.mark.parametrize('unnamed', [True, False])
@pytest.mark.parametrize('name', ['\N{PILE OF POO}' * 60, 'a' * 255, 'a\nb.json', 'a\udcff.json', ' ', '...'])
def test_any_name_that_a_file_may_have(
    name: str, unnamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not unnamed:
        monkeypatch.delattr(os, 'O_TMPFILE', raising=False)
    for word in ('a', 'b'):
        texts(word).save_binary(tmp_path / name)
        assert Texts.load_binary(tmp_path / name).text == [word]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_names_that_no_file_may_have(tmp_path: Path) -> None:
    for name in (str(tmp_path / 'a\0b'), f'{tmp_path.as_uri()}/a%00b', 'file://folder/texts.json'):
        with pytest.raises(InvalidValueError):
            texts('a').save_binary(name)
        with pytest.raises(InvalidValueError):
            Texts.load_binary(name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_or_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        texts('a').save_binary(tmp_path / 'none' / 'texts')
    with pytest.raises(OSError):
        texts('a').save_binary(tmp_path)
    with pytest.raises(MissingFileError):
        Texts.load_binary(tmp_path / 'none')
    with pytest.raises(FetchError):
        Texts.load_binary(tmp_path)


def test_names_in_other_forms(tmp_path: Path) -> None:
    path = tmp_path / 'tëxts with space.json'
    texts('a').save_binary(str(path))
    assert Texts.load_binary(path).text == ['a']
    assert Texts.load_binary(path.as_uri()).text == ['a']
    texts('b').save_binary(path.as_uri())
    assert Texts.load_binary(str(path)).text == ['b']
    for nothing in (None, 3, object(), io.StringIO()):
        with pytest.raises(InvalidValueError):
            texts('a').save_binary(nothing)
        with pytest.raises(InvalidValueError):
            Texts.load_binary(nothing)
    with pytest.raises(InvalidValueError):
        texts('a').save_binary(b'bytes are data, not a name')


# -- open files, pipes, sockets -----------------------------------------------------------------------


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_open_files_are_written_where_they_stand_and_stay_open(protocol: str, tmp_path: Path) -> None:
    with open(tmp_path / 'texts', 'w+b') as file:
        file.write(b'before')
        texts('a', 'b').save_binary(file, protocol)
        file.seek(6)
        assert Texts.load_binary(file, protocol).text == ['a', 'b']
        assert not file.closed


class OneByte(io.RawIOBase):
    """A file that takes and gives one byte at a time, as a raw one may."""

    def __init__(self, data: bytes = b'') -> None:
        self.data = bytearray(data)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data[:1])
        return 1

    def read(self, size: int = -1) -> bytes:
        found, self.data = bytes(self.data[:1]), self.data[1:]
        return found


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize('compress', [None, 'gzip'])
def test_files_that_take_less_than_they_are_given(protocol: str, compress: str | None) -> None:
    file = OneByte()
    texts('a', 'b').save_binary(file, protocol, compress)
    data = bytes(file.data)
    assert Texts.load_binary(data, protocol, compress).text == ['a', 'b']
    for streaming in (False, True):
        found = Texts.load_binary(OneByte(data), protocol, compress, streaming=streaming)
        assert [document.text for document in found] == ['a', 'b']


class Impatient(OneByte):
    """A file that has nothing more to give for the time being, and does not wait."""

    def read(self, size: int = -1) -> Any:
        return super().read(size) or None


def test_a_file_that_does_not_wait_is_not_taken_for_its_end() -> None:
    with pytest.raises(FetchError, match='wanted a file that waits for its bytes'):
        Texts.load_binary(Impatient(texts('a').to_bytes('json')), 'json')


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_documents_come_through_a_socket_while_they_are_written(protocol: str) -> None:
    here, there = socket.socketpair()
    many = texts(*map(str, range(5000)))

    def write() -> None:
        with here, here.makefile('wb') as file:
            many.save_binary(file, protocol)

    writer = threading.Thread(target=write)
    writer.start()
    with there, there.makefile('rb') as file:
        found = Texts.load_binary(file, protocol, streaming=True)
        assert [document.text for document in found] == many.text
    writer.join()


@posix
def test_a_named_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / 'pipe.protobuf'
    os.mkfifo(pipe)
    many = texts(*map(str, range(5000)))
    writer = threading.Thread(target=many.save_binary, args=[pipe])
    writer.start()
    assert Texts.load_binary(pipe).text == many.text
    writer.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_connection_that_breaks_is_a_file_that_ends_too_early() -> None:
    here, there = socket.socketpair()
    data = texts('a', 'b').to_bytes('protobuf')
    here.sendall(data[:-1])
    here.close()
    with there, there.makefile('rb') as file, pytest.raises(TruncatedError) as caught:
        Texts.load_binary(file, 'protobuf')
    assert caught.value.whole == 1


# -- URLs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize('compress', ['', '.gz'])
def test_urls_of_fsspec(protocol: str, compress: str) -> None:
    fsspec = pytest.importorskip('fsspec')
    url = f'memory://folder/texts.{protocol}{compress}'
    texts('a', 'b').save_binary(url)
    assert Texts.load_binary(url).text == ['a', 'b']
    assert [text.text for text in Texts.load_binary(url, streaming=True)] == ['a', 'b']
    before = fsspec.filesystem('memory').cat(url)
    with pytest.raises(Exception, match='surrogate|utf-8|UTF-8'):
        texts('a', '\ud800').save_binary(url)
    assert fsspec.filesystem('memory').cat(url) == before
    assert [Path(name).name for name in fsspec.filesystem('memory').ls('/folder', detail=False)] == [
        f'texts.{protocol}{compress}'
    ]
    fsspec.filesystem('memory').rm('/folder', recursive=True)


def test_an_upload_that_breaks_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip('fsspec')
    memory = pytest.importorskip('fsspec.implementations.memory')
    url = 'memory://texts.protobuf'
    texts('old').save_binary(url)

    def break_off(*args: Any) -> int:
        raise ConnectionError('gone')

    with monkeypatch.context() as patch:
        patch.setattr(memory.MemoryFile, 'write', break_off, raising=False)
        with pytest.raises(ConnectionError):
            texts('new').save_binary(url)
    assert Texts.load_binary(url).text == ['old']
    fsspec.filesystem('memory').rm('/texts.protobuf')


def test_files_in_archives_are_read(tmp_path: Path) -> None:
    pytest.importorskip('fsspec')
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.writestr('texts.protobuf', texts('a', 'b').to_bytes('protobuf'))
    assert Texts.load_binary(f'zip://texts.protobuf::{tmp_path / "a.zip"}').text == ['a', 'b']


def test_urls_that_nobody_knows_or_where_nothing_is() -> None:
    pytest.importorskip('fsspec')
    for call in (Texts.load_binary, texts('a').save_binary):
        with pytest.raises(InvalidValueError, match='wanted a URL that fsspec knows'):
            call('carrier-pigeon://roof/texts.json')
    with pytest.raises(MissingFileError):
        Texts.load_binary('memory://nothing/here.json')


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def test_files_come_from_the_web_and_do_not_go_there(web: str, tmp_path: Path) -> None:
    texts('a', 'b').save_binary(tmp_path / 'texts.protobuf.gz')
    assert Texts.load_binary(f'{web}/texts.protobuf.gz').text == ['a', 'b']
    with pytest.raises(FetchError):
        Texts.load_binary(f'{web}/none.protobuf')
    with pytest.raises(InvalidValueError, match='a URL to write to'):
        texts('a').save_binary(f'{web}/new.protobuf')


def test_sources_give_their_bytes_in_any_form(tmp_path: Path) -> None:
    path = tmp_path / 'x'
    path.write_bytes(b'abc')
    for file in (path, str(path), b'abc', bytearray(b'abc'), memoryview(b'abc'), io.BytesIO(b'abc')):
        with open_source(file) as source:
            assert b''.join(source.chunks()) == b'abc'
    (tmp_path / 'empty').touch()
    with open_source(tmp_path / 'empty') as source:
        assert list(source.chunks()) == []
    with open(path) as text, pytest.raises(InvalidValueError, match="open\\(..., 'rb'\\)"):
        Texts.load_binary(text)
