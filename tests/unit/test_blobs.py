"""Blobs: bytes that are not read before they are asked for."""

from __future__ import annotations

import copy
import io
import os
import pickle
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import ChecksumError, StoreError
from docarray.typing import Blob, NdArray

Vector = NdArray[4, 'float32']


class Clip(BaseDocument):
    number: int
    sound: Blob | None = None


class Video(BaseDocument):
    title: str
    data: Blob
    vector: Vector
    clip: Clip
    clips: DocumentArray[Clip] = DocumentArray[Clip]()


Videos = DocumentArray[Video]


def video(number: int, size: int = 100_000) -> Video:
    return Video(
        id=str(number),
        title=f'Video {number}',
        data=np.random.default_rng(number).bytes(size),
        vector=np.full(4, number, np.float32),
        clip=Clip(id='c', number=number, sound=None if number % 3 else bytes([number]) * 60_000),
        clips=[Clip(id=str(one), number=one, sound=bytes([one]) * 30_000) for one in range(number % 3)],
    )


@pytest.fixture(scope='module')
def videos() -> Any:
    return Videos(video(number) for number in range(60))


# -- the type -----------------------------------------------------------------------------------------


class Unread:
    """A source whose bytes must not be read."""

    size = 10**9

    def read(self, start: int, stop: int) -> bytes:
        raise AssertionError('read')


def test_a_blob_is_its_bytes() -> None:
    blob = Blob(b'one two')
    assert (bytes(blob), len(blob), blob.size, bool(blob), bool(Blob(b''))) == (b'one two', 7, 7, True, False)
    assert blob == b'one two' == blob
    assert blob == Blob(bytearray(b'one two')) == Blob(blob)
    assert all(blob != other for other in (b'one', 'one two', Blob(b'one twO')))
    assert [blob.read(4), blob.read(-3, -1), blob.read(2, 2), blob.read(5, 100)] == [
        b'two',
        b'tw',
        b'',
        b'wo',
    ]
    assert copy.deepcopy(blob) == copy.copy(blob) == pickle.loads(pickle.dumps(blob)) == blob
    assert repr(blob) == 'Blob(7 bytes)'
    with pytest.raises(TypeError):
        hash(blob)


@settings(max_examples=50, deadline=None)
@given(
    st.binary(max_size=100),
    st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(-120, 120), st.integers(-1, 120)), max_size=8),
)
def test_a_blob_is_read_as_a_file_is(data: bytes, moves: list[tuple[int, int, int]]) -> None:
    expected = io.BytesIO(data)
    with Blob(data).open() as file:
        for whence, offset, count in moves:
            base = (0, expected.tell(), len(data))[whence]
            if base + offset < 0:
                with pytest.raises((ValueError, OSError)):
                    file.seek(offset, whence)
                continue
            assert file.seek(offset, whence) == expected.seek(offset, whence)
            assert file.read(count) == expected.read(count)
            assert file.tell() == expected.tell()


def test_what_a_field_takes() -> None:
    adapter = TypeAdapter(Blob)
    for value in (b'abc', bytearray(b'abc'), memoryview(b'abc'), 'YWJj', Blob(b'abc')):
        assert adapter.validate_python(value) == b'abc'
    for wrong in (1, None, 'not base64!', [b'abc']):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
    assert adapter.dump_json(Blob(b'\xff\xfe')) == b'"//4="'
    assert adapter.json_schema()['contentEncoding'] == 'base64'
    assert Video.model_json_schema()['properties']['data']['format'] == 'base64'


def test_nothing_is_read_to_show_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    one = video(1).model_copy(update={'data': Blob(Unread())})
    array = Videos([one])
    assert '1,000,000,000 bytes' in repr(one)
    one.summary()
    array.summary()
    array.stack().summary()
    assert 'Video 1' in one._repr_html_()
    assert 'Video 1' in array._repr_html_()
    assert 'Video 1' in capsys.readouterr().out
    assert array.title == array.stack().title == ['Video 1']
    assert copy.deepcopy(array)[0].data.size == 10**9


def test_every_format_has_the_bytes(videos: Any, tmp_path: Path) -> None:
    few = videos[:4]
    for protocol in ('protobuf', 'protobuf-array', 'arrow', 'arrow-file', 'parquet', 'json', 'json-array'):
        assert Videos.from_bytes(few.to_bytes(protocol), protocol) == few
    assert Videos.from_json(few.to_json()) == few
    assert Videos.from_arrow(few.to_arrow()) == few
    assert pickle.loads(pickle.dumps(few)) == few
    assert DocumentArrayStacked[Video].from_arrow(few.stack().to_arrow()).data == few.data


# -- stores -------------------------------------------------------------------------------------------


@pytest.fixture(params=['file', 'memory'])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    pytest.importorskip('pyarrow')
    if request.param == 'memory':
        pytest.importorskip('obstore')
    return f'file://{tmp_path}/videos' if request.param == 'file' else f'memory://{uuid.uuid4().hex}/videos'


def spied(opened: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return the list of what is read of an opened array from now on, in bytes of its file."""
    read: list[tuple[int, int]] = []
    file = opened._documents.file
    load = file._load

    def loading(record: Any, ranges: Any) -> None:
        read.extend((record.start + start, record.start + stop) for start, stop in ranges)
        load(record, ranges)

    monkeypatch.setattr(file, '_load', loading)
    return read


def test_arrays_come_back(url: str, videos: Any) -> None:
    for push in (videos.push, videos.stack().push, lambda url: Videos.push_stream(iter(videos), url)):
        push(url)
        assert Videos.pull(url) == videos
        assert list(Videos.pull_stream(url)) == videos
        assert list(DocumentArrayStacked[Video].pull(url)) == videos
        opened = Videos.open(url)
        assert list(opened) == videos
        assert opened[:] == videos
        assert opened[[59, 3, 3]] == videos[[59, 3, 3]]
        assert opened[17] == videos[17]
        assert opened.column('clip.sound') == videos.stack().column('clip.sound')
        assert opened.take([5, 2]).data == [videos[5].data, videos[2].data]


def test_blobs_are_left_in_the_store(url: str, videos: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    videos.push(url)
    opened = Videos.open(url)
    read = spied(opened, monkeypatch)
    assert opened.title == videos.title
    np.testing.assert_array_equal(opened.vector, videos.stack().vector)
    found = opened[[7, 50]]
    assert found.title == ['Video 7', 'Video 50']
    assert [one.data.size for one in opened] == [100_000] * 60
    opened.summary()
    assert sum(stop - start for start, stop in read) < 200_000
    del read[:]
    assert found[1].data.read(10, 20) == videos[50].data.read(10, 20)
    assert sum(stop - start for start, stop in read) == 10
    assert bytes(found[0].data) == bytes(videos[7].data)
    assert found[0].clips[0].sound == videos[7].clips[0].sound
    with found[1].data.open() as file:
        file.seek(-100, os.SEEK_END)
        assert file.read() == bytes(videos[50].data)[-100:]
    assert found[0] == pickle.loads(pickle.dumps(found[0]))


def test_a_damaged_blob_is_found_when_it_is_read(tmp_path: Path, videos: Any) -> None:
    videos.push(f'file://{tmp_path}/videos')
    path = tmp_path / 'videos.docs'
    data = bytearray(path.read_bytes())
    place = data.index(bytes(videos[30].data))
    data[place + 50_000] ^= 1
    path.write_bytes(data)
    opened = Videos.open(f'file://{tmp_path}/videos')
    assert opened.title == videos.title
    assert opened[0] == videos[0]
    one = opened[30]
    with pytest.raises(ChecksumError, match='bytes 3145728'):
        bytes(one.data)
    with pytest.raises(ChecksumError):
        Videos.pull(f'file://{tmp_path}/videos')


def test_other_programs_read_the_file(tmp_path: Path, videos: Any) -> None:
    ipc = pytest.importorskip('pyarrow.ipc')
    pa = pytest.importorskip('pyarrow')
    videos.push(f'file://{tmp_path}/videos')
    table = ipc.open_file(pa.memory_map(str(tmp_path / 'videos.docs'))).read_all()
    table.validate(full=True)
    assert table['data'].to_pylist() == [bytes(one.data) for one in videos]
    assert Videos.from_arrow(table) == videos
    polars = pytest.importorskip('polars')
    assert polars.read_ipc(tmp_path / 'videos.docs')['data'].to_list() == table['data'].to_pylist()


def test_blobs_outlive_another_push_and_tell_of_a_closed_array(url: str, videos: Any) -> None:
    videos.push(url)
    opened = Videos.open(url)
    one = opened[5]
    videos[:1].push(url)
    assert one.data == videos[5].data
    opened.close()
    if url.startswith('file:'):
        with pytest.raises(StoreError, match='closed'):
            one.data.read()


def test_blobs_go_from_store_to_store(url: str, videos: Any) -> None:
    videos.push(url)
    Videos.push_stream(Videos.open(url), f'{url}-2')
    assert Videos.pull(f'{url}-2') == videos


class Note(BaseDocument):
    text: str


class Reel(BaseDocument):
    part: Note | Clip


class PlainVideo(BaseDocument):
    title: str
    data: bytes


class Video2(BaseDocument):
    title: str
    data: Blob


def test_blobs_in_unions_are_read_at_once(url: str) -> None:
    reels = DocumentArray[Reel](
        Reel(part=Clip(number=n, sound=bytes([n]) * 50_000) if n % 2 else Note(text=str(n)))
        for n in range(50)
    )
    reels.push(url)
    opened = DocumentArray[Reel].open(url)
    assert opened[:] == reels
    assert opened[7] == reels[7]


def test_bytes_become_blobs_and_blobs_bytes(url: str) -> None:
    plain = DocumentArray[PlainVideo](PlainVideo(title=str(n), data=bytes([n]) * 90_000) for n in range(30))
    plain.push(url)
    opened = DocumentArray[Video2].open(url)
    assert opened[3].data == plain[3].data
    DocumentArray[Video2].pull(url).push(url)
    assert DocumentArray[PlainVideo].pull(url) == plain
    assert DocumentArray[PlainVideo].open(url)[4] == plain[4]


def test_few_bytes_need_no_blocks_of_their_own(tmp_path: Path) -> None:
    DocumentArray[Video2](Video2(title='a', data=b'abc') for _ in range(3)).push(f'file://{tmp_path}/few')
    assert (tmp_path / 'few.docs').stat().st_size < 10_000
