"""Arrays in object services: what goes wrong on the way, and who asks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import (
    ConflictError,
    InvalidValueError,
    MissingFileError,
    StoreError,
    UnsupportedError,
)
from docarray.stores.arrays import delete, exists, info, list_arrays
from docarray.typing import NdArray
from tests.servers import S3_ENVIRONMENT, FaultyProxy, faulty_proxy, s3_server

pytest.importorskip('pyarrow')
obstore = pytest.importorskip('obstore')
pytest.importorskip('localbucket')

ROOT = Path(__file__).parents[2]
Vector = NdArray[8, 'float32']


class Photo(BaseDocument):
    number: int
    data: bytes
    vector: Vector


Photos = DocumentArray[Photo]


def photos(count: int, first: int = 0, size: int = 1000) -> Any:
    return Photos(
        Photo(id=str(n), number=n, data=bytes([n % 256]) * size, vector=np.full(8, n, np.float32))
        for n in range(first, first + count)
    )


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('objects')


@pytest.fixture(scope='module')
def server(folder: Path) -> Iterator[str]:
    with s3_server('localbucket', str(folder)) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in [name for name in os.environ if name.startswith('AWS_')]:
        monkeypatch.delenv(name)
    for name, value in {**S3_ENVIRONMENT, 'AWS_ENDPOINT_URL': server}.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def url(endpoint: str) -> str:
    return f's3://bucket/{uuid.uuid4().hex}/photos'


@pytest.fixture
def proxy(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    with faulty_proxy(endpoint) as proxy:
        monkeypatch.setenv('AWS_ENDPOINT_URL', proxy.endpoint)
        yield proxy


def objects(folder: Path, url: str) -> list[str]:
    return sorted(
        path.name for path in (folder / 'bucket' / (url.partition('bucket/')[2] + '.docs')).iterdir()
    )


# -- versions -----------------------------------------------------------------------------------------


def test_an_opened_array_outlives_one_push_but_not_two(url: str) -> None:
    array = photos(500, size=10_000)
    array.push(url)
    opened = Photos.open(url)
    assert opened[3] == array[3]
    photos(5).push(url)
    assert opened[490] == array[490]
    photos(6).push(url)
    with pytest.raises(StoreError, match='there no more'):
        opened[250]


def test_what_is_not_needed_is_removed(folder: Path, url: str) -> None:
    for count in range(6):
        photos(count).push(url)
    assert [name[10:12] for name in objects(folder, url)] == ['05', '05', '06', '06']
    delete(url)
    assert [name[10:12] for name in objects(folder, url)] == ['07', '07']
    assert not exists(url)
    assert list_arrays(url.rpartition('/')[0]) == []
    photos(3).push(url, overwrite=False)
    assert len(Photos.pull(url)) == 3


def test_a_writer_who_comes_so_late_that_its_version_is_gone_knows(url: str) -> None:
    photos(1).push(url)

    def slow() -> Iterator[Photo]:
        yield from photos(10)
        for count in (2, 3, 4, 5):
            photos(count).push(url)

    with pytest.raises(ConflictError):
        Photos.push_stream(slow(), url)
    assert len(Photos.pull(url)) == 5
    photos(6).push(url)
    assert len(Photos.pull(url)) == 6


def test_a_writer_knows_that_the_array_was_deleted_and_written_anew(url: str) -> None:
    photos(1).push(url)

    def slow() -> Iterator[Photo]:
        yield from photos(10)
        delete(url)
        photos(2).push(url)

    with pytest.raises(ConflictError):
        Photos.push_stream(slow(), url)
    assert len(Photos.pull(url)) == 2


def test_objects_that_other_programs_put_there(url: str, endpoint: str, tmp_path: Path) -> None:
    photos(40).push(f'file://{tmp_path}/photos')
    key = url.partition('bucket/')[2] + '.docs'
    client = obstore.store.from_url(
        's3://bucket', endpoint=endpoint, client_options={'allow_http': True}, disable_bulk_delete=True
    )
    client.put(key, (tmp_path / 'photos.docs').read_bytes())
    assert Photos.pull(url) == photos(40)
    assert [entry.url for entry in list_arrays(url.rpartition('/')[0])] == [url]
    assert info(url).documents == 40
    with pytest.raises(StoreError, match='already'):
        photos(1).push(url, overwrite=False)
    assert delete(url)
    assert not exists(url)


def test_an_upload_that_never_ended_hides_nothing(url: str, endpoint: str, tmp_path: Path) -> None:
    pytest.importorskip('moto')
    photos(4).push(f'file://{tmp_path}/photos')
    with s3_server('moto', str(tmp_path)) as other:
        options = {'endpoint': other}
        client = obstore.store.from_url('s3://bucket', endpoint=other, client_options={'allow_http': True})
        client.put('photos.docs', (tmp_path / 'photos.docs').read_bytes())
        client.put('photos.docs/000000000001-' + 32 * 'a', b'half')
        assert Photos.pull('s3://bucket/photos', storage_options=options) == photos(4)
        photos(5).push('s3://bucket/photos', storage_options=options)
        assert len(Photos.pull('s3://bucket/photos', storage_options=options)) == 5
        assert delete('s3://bucket/photos', storage_options=options)
        assert not exists('s3://bucket/photos', storage_options=options)
        assert list_arrays('s3://bucket', storage_options=options) == []


def test_memory_stays_when_the_environment_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f'memory://{uuid.uuid4().hex}'
    photos(3).push(url)
    monkeypatch.setenv('AWS_REGION', 'elsewhere')
    assert len(Photos.pull(url)) == 3


def test_pickles_of_earlier_versions_are_refused(url: str, endpoint: str) -> None:
    client = obstore.store.from_url('s3://bucket', endpoint=endpoint, client_options={'allow_http': True})
    client.put(url.partition('bucket/')[2] + '.docs', b'\x1f\x8b\x08\x00' + bytes(100))
    for call in (Photos.pull, Photos.open, info):
        with pytest.raises(UnsupportedError, match='pickles'):
            call(url)


def test_killed_writers(url: str) -> None:
    command = [sys.executable, '-m', 'tests.unit.store_killer', url, '25', str(time.time_ns() % 1000)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('25 kills')


def test_documents_may_come_from_an_array_in_the_same_place(url: str) -> None:
    photos(3000, size=10_000).push(url)
    Photos.push_stream(Photos.pull_stream(url), f'{url}-2')
    Photos.push_stream(Photos.open(url), f'{url}-3')
    assert info(f'{url}-2').documents == info(f'{url}-3').documents == 3000
    assert Photos.open(f'{url}-3')[[2999, 0]] == photos(3000, size=10_000)[[2999, 0]]


# -- what goes wrong on the way -----------------------------------------------------------------------


@pytest.mark.parametrize('fault', ['503', 'drop', 'lost'])
def test_uploads_are_tried_again(url: str, proxy: FaultyProxy, fault: str) -> None:
    photos(1).push(url)
    for part in ('partNumber=2', 'uploads', 'uploadId', '.docs/000000000005'):
        proxy.first(2, fault, method='PUT' if part[0] in 'p.' else '', part=part)
        photos(300, size=100_000).push(url)
    proxy.faults = lambda method, path: ''
    assert Photos.pull(url) == photos(300, size=100_000)
    assert info(url).version.startswith('000000000005')


def test_a_commit_whose_answer_is_lost_was_made(url: str, proxy: FaultyProxy) -> None:
    photos(1).push(url)
    proxy.faults = lambda method, path: 'lost' if path.endswith('.docs/000000000002') else ''
    lost = []

    def once(method: str, path: str) -> str:
        if method == 'PUT' and path.endswith('.docs/000000000002') and not lost:
            lost.append(path)
            return 'lost'
        return ''

    proxy.faults = once
    photos(2).push(url)
    assert len(lost) == 1
    assert len(Photos.pull(url)) == 2


@pytest.mark.parametrize('fault', ['503', 'drop', 'cut'])
def test_reads_are_tried_again(url: str, proxy: FaultyProxy, fault: str) -> None:
    array = photos(300, size=100_000)
    array.push(url)
    for part in ('list-type', '.docs/'):
        proxy.first(3, fault, method='GET', part=part)
        assert Photos.pull(url) == array
        proxy.first(3, fault, method='GET', part=part)
        assert Photos.open(url)[250] == array[250]


def test_a_connection_that_always_breaks_is_an_error(url: str, proxy: FaultyProxy) -> None:
    options = {'client_max_retries': 1}
    array = photos(200, size=100_000)
    array.push(url, storage_options=options)
    proxy.faults = lambda method, path: 'cut' if method == 'GET' and '.docs/' in path else ''
    with pytest.raises(StoreError):
        Photos.pull(url, storage_options=options)
    proxy.faults = lambda method, path: 'drop' if 'partNumber' in path else ''
    with pytest.raises(StoreError):
        photos(300, size=100_000).push(url, storage_options=options)
    proxy.faults = lambda method, path: ''
    assert Photos.pull(url) == array
    proxy.faults = lambda method, path: 'drop'
    for call in (Photos.open, info, exists, list_arrays, delete):
        with pytest.raises(StoreError):
            call(url, storage_options=options)


def test_a_service_without_conditional_puts_is_refused(url: str, proxy: FaultyProxy) -> None:
    proxy.faults = lambda method, path: 'unconditional'
    with pytest.raises(UnsupportedError, match='If-None-Match'):
        photos(1).push(url)
    assert not exists(url)


def test_what_is_read_of_an_opened_array(url: str, proxy: FaultyProxy) -> None:
    photos(1000, size=60_000).push(url)
    proxy.requests.clear()
    opened = Photos.open(url)
    assert opened[700].number == 700
    assert sum(size for _, _, size in proxy.requests) < 6 << 20
    proxy.requests.clear()
    assert opened.number[-1] == 999
    assert len(proxy.requests) < 40
    proxy.requests.clear()
    assert sum(1 for _ in Photos.pull_stream(url)) == 1000
    assert sum(size for _, _, size in proxy.requests) < 70 << 20


# -- who asks -----------------------------------------------------------------------------------------


def test_options_say_where(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith('AWS_')]:
        monkeypatch.delenv(name)
    options = {'endpoint': server, 'access_key_id': 'a', 'secret_access_key': 'b', 'region': 'eu-west-1'}
    url = f's3://bucket/{uuid.uuid4().hex}/photos'
    photos(3).push(url, storage_options=options)
    Photos.push_stream(iter(photos(4)), url, storage_options=options)
    assert len(Photos.pull(url, storage_options=options)) == 4
    assert len(DocumentArrayStacked[Photo].pull(url, storage_options=options)) == 4
    assert len(list(Photos.pull_stream(url, storage_options=options))) == 4
    assert Photos.open(url, storage_options=options)[2].number == 2
    assert info(url, storage_options=options).documents == 4
    assert [entry.url for entry in list_arrays('s3://bucket', storage_options=options) if entry.url == url]
    assert delete(url, storage_options=options)
    with pytest.raises(InvalidValueError, match='nonsense'):
        Photos.pull(url, storage_options={'nonsense': '1'})
    with pytest.raises(InvalidValueError, match='options'):
        Photos.pull('file:///a', storage_options=options)


def test_profiles(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('boto3')
    for name in [name for name in os.environ if name.startswith('AWS_')]:
        monkeypatch.delenv(name)
    (tmp_path / '.aws').mkdir()
    (tmp_path / '.aws' / 'credentials').write_text(
        '[default]\naws_access_key_id=a\naws_secret_access_key=b\n'
        '[work]\naws_access_key_id=c\naws_secret_access_key=d\n'
    )
    (tmp_path / '.aws' / 'config').write_text(
        f'[default]\nregion=us-east-1\nendpoint_url=http://127.0.0.1:9\n'
        f'[profile work]\nregion=us-east-1\nendpoint_url={server}\n'
    )
    monkeypatch.setenv('HOME', str(tmp_path))
    url = f's3://bucket/{uuid.uuid4().hex}/photos'
    photos(3).push(url, storage_options={'profile': 'work'})
    monkeypatch.setenv('AWS_PROFILE', 'work')
    assert len(Photos.pull(url)) == 3
    monkeypatch.delenv('AWS_PROFILE')
    with pytest.raises(StoreError):
        Photos.pull(url, storage_options={'client_max_retries': 0})
    with pytest.raises(StoreError, match='nobody'):
        Photos.pull(url, storage_options={'profile': 'nobody'})


def test_missing_buckets(endpoint: str) -> None:
    for call in (photos(1).push, Photos.pull, list_arrays, delete):
        with pytest.raises((StoreError, MissingFileError)):
            call('s3://no-such-bucket/photos')


def test_urls_without_names(endpoint: str) -> None:
    for url in (
        's3://',
        's3://bucket',
        's3://bucket/',
        's3:///bucket/a',
        's3://bucket//a',
        's3://bucket/a\x7f',
    ):
        with pytest.raises(InvalidValueError):
            photos(1).push(url)


def test_forked_processes_are_told(url: str, tmp_path: Path) -> None:
    script = tmp_path / 'forking.py'
    script.write_text(
        'import multiprocessing, sys\n'
        'from docarray.errors import UnsupportedError\n'
        'from tests.unit.test_object_stores import Photos, photos\n'
        'def work(url):\n'
        '    try:\n'
        '        Photos.open(url)\n'
        '    except UnsupportedError as error:\n'
        "        sys.exit(7 if 'spawn' in str(error) else 8)\n"
        'photos(3).push(sys.argv[1])\n'
        "child = multiprocessing.get_context('fork').Process(target=work, args=(sys.argv[1],))\n"
        'child.start()\n'
        'child.join(30)\n'
        'sys.exit(child.exitcode)\n'
    )
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    command = [sys.executable, str(script), url]
    assert subprocess.run(command, cwd=ROOT, env=environment, timeout=60).returncode == 7


def test_earlier_names(url: str) -> None:
    from docarray.store import S3DocStore

    name = url.partition('://')[2]
    assert S3DocStore.push(photos(3), name) == {}
    S3DocStore.push_stream(iter(photos(4)), name)
    assert S3DocStore.list(name.rpartition('/')[0]) == [name]
    assert len(S3DocStore.pull(Photos, name)) == 4
    assert len(list(S3DocStore.pull_stream(Photos, name))) == 4
    assert S3DocStore.delete(name)
    assert not S3DocStore.delete(name)
