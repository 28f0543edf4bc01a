"""Stores: names, faults, killed writers, damaged files, and the calls of earlier versions."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.documents.helper import create_doc
from docarray.errors import (
    ChecksumError,
    ConflictError,
    FormatError,
    InvalidValueError,
    KindError,
    LimitError,
    MissingFileError,
    SchemaError,
    StoreError,
    TruncatedError,
    ValidationError,
)
from docarray.formats import Limits
from docarray.stores import Store, get_store
from docarray.stores.arrays import exists, info, list_arrays
from docarray.stores.file import path_of
from docarray.testing._formats.difference import difference
from docarray.testing._formats.documents import Choice, document_types
from docarray.typing import NdArray, Shape
from tests.unit.test_repository import ROOT

pytest.importorskip('pyarrow')


class Page(BaseDocument):
    number: int
    data: bytes = b''
    vector: NdArray | None = None


def pages(count: int, size: int = 0) -> DocumentArray[Page]:
    return DocumentArray[Page]([Page(number=number, data=bytes(size)) for number in range(count)])


def file_of(url: str) -> Path:
    return Path(path_of(f'{url}.docs'))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f'file://{tmp_path}/pages'


# -- files --------------------------------------------------------------------------------------------


def test_a_stored_array_is_an_arrow_file(url: str, tmp_path: Path) -> None:
    import pyarrow as pa

    pages(3).push(url)
    (file,) = tmp_path.iterdir()
    assert file.name == 'pages.docs'
    with pa.memory_map(str(file)) as source:
        assert pa.ipc.open_file(source).read_all()['number'].to_pylist() == [0, 1, 2]
    assert DocumentArray[Page].load_binary(file, protocol='arrow-file').number == [0, 1, 2]


def test_names_without_a_root_are_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DOCARRAY_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    pages(1).push('file://a/b')
    pages(2).push('file://~/c')
    assert (tmp_path / 'cache/a/b.docs').is_file()
    assert (tmp_path / 'home/c.docs').is_file()
    assert [entry.url for entry in list_arrays('file://')] == ['file://a/b']
    assert [entry.url for entry in list_arrays('file://a')] == ['file://a/b']
    assert [entry.url for entry in list_arrays('file://~')] == ['file://~/c']
    monkeypatch.delenv('DOCARRAY_CACHE')
    assert path_of('file://x') == str(tmp_path / 'home/.cache/docarray/x')


def test_a_folder_of_a_name_is_another_name(url: str) -> None:
    pages(1).push(url)
    pages(2).push(f'{url}/inside')
    assert (len(DocumentArray[Page].pull(url)), len(DocumentArray[Page].pull(f'{url}/inside'))) == (1, 2)


def test_what_stands_in_the_way_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'')
    (tmp_path / 'folder.docs').mkdir()
    for name in ('file/x', 'folder'):
        with pytest.raises(StoreError) as caught:
            pages(1).push(f'file://{tmp_path}/{name}')
        assert caught.value.where == f'file://{tmp_path}/{name}'
    with pytest.raises(StoreError):
        DocumentArray[Page].pull(f'file://{tmp_path}/folder')
    if os.path.isdir('/proc/self'):
        with pytest.raises(StoreError):  # where even root may write nothing
            pages(1).push('file:///proc/docarray/x')


def test_unknown_schemes_and_arrays_without_a_class() -> None:
    for call in (pages(1).push, DocumentArray[Page].pull, info, exists, list_arrays):
        for wrong in ('nowhere://x', 'x', ''):
            with pytest.raises(InvalidValueError, match='file'):
                call(wrong)
    with pytest.raises(SchemaError, match='DocumentArray'):
        DocumentArray.pull('file://x')
    with pytest.raises(SchemaError, match='DocumentArray'):
        DocumentArray([TextDoc()]).push('file://x')
    with pytest.raises(InvalidValueError, match=r'row 1'):
        DocumentArray[Page].push_stream([Page(number=1), TextDoc()], 'file://x')


def test_the_file_store_is_a_store(tmp_path: Path) -> None:
    store, url = get_store('file://x'), f'file://{tmp_path}/a'
    assert isinstance(store, Store)
    entry = store.write(url, [b'one', memoryview(b'two')])
    assert (entry.url, entry.size) == (url, 6)
    stored = store.open(url)
    assert [bytes(part) for part in stored.read([(1, 4), (0, 0)])] == [b'net', b'']
    assert store.write(url, []).version != entry.version
    assert (stored.size, store.open(url).size) == (6, 0)
    assert [entry.size for entry in store.list(url)] == [0]


# -- writers that fail --------------------------------------------------------------------------------

_SMALL_DISK = """
import resource, signal, sys
from docarray.errors import StoreError
from tests.unit.test_stores import pages
url = sys.argv[1]
pages(10).push(url)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    pages(100, 10_000).push(url)
except StoreError as error:
    print(error.where == url, type(error.__cause__).__name__)
pages(11).push(url)
"""


@pytest.mark.skipif(sys.platform == 'win32', reason='limits of files are of POSIX')
def test_a_full_disk_leaves_what_was_there(url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-c', _SMALL_DISK, url], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == 'True OSError\n', done.stderr
    assert len(DocumentArray[Page].pull(url)) == 11
    assert [path.name for path in tmp_path.iterdir()] == ['pages.docs']


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == 'win32', reason='it forks')
@pytest.mark.timeout(300)
def test_killed_writers_leave_whole_arrays(url: str, tmp_path: Path) -> None:
    command = [sys.executable, '-m', 'tests.unit.store_killer', url, '200', str(time.time_ns() % 1000)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('200 kills')
    assert [path.name for path in tmp_path.iterdir()] == ['pages.docs']


def test_what_a_killed_writer_left_is_removed(url: str, tmp_path: Path) -> None:
    from docarray.formats.files.replacing import try_lock

    stale, live, other = (tmp_path / f'.{name}.part' for name in ('pages.docs.1', 'pages.docs.2', 'x.docs.1'))
    for path in (stale, live, other):
        path.write_bytes(b'half')
    with open(live, 'rb') as file:
        assert try_lock(file.fileno())
        pages(1).push(url)
        assert not stale.exists()
        assert live.exists()
        assert other.exists()
    assert [entry.url for entry in list_arrays(f'file://{tmp_path}')] == [url]


@pytest.mark.parametrize('unnamed', [True, False])
def test_a_push_within_a_push_wins(url: str, unnamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not unnamed:  # as on file systems without files that have no name
        monkeypatch.setattr('docarray.formats.files.replacing._unnamed', lambda folder: None)

    def documents() -> Iterator[Page]:
        yield Page(number=0)
        pages(7).push(url)

    with pytest.raises(ConflictError) as caught:
        DocumentArray[Page].push_stream(documents(), url)
    assert caught.value.where == url
    assert len(DocumentArray[Page].pull(url)) == 7
    assert [path.name for path in file_of(url).parent.iterdir()] == ['pages.docs']


def test_readers_see_whole_arrays_while_others_write(url: str) -> None:
    pages(100).push(url)
    done = threading.Event()

    def write() -> None:
        for count in range(100, 160):
            pages(count).push(url)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert 100 <= len(DocumentArray[Page].pull(url)) < 160
    writer.join(60)


# -- damage -------------------------------------------------------------------------------------------

BLOCK = 1 << 20


def test_a_flipped_bit_in_any_block_is_found_and_the_others_are_read(url: str) -> None:
    rng = np.random.default_rng(0)
    array = DocumentArray[Page](
        [Page(number=number, data=rng.bytes(20_000)) for number in range(400)]  # 8 MB
    )
    array.push(url)
    path = file_of(url)
    good = path.read_bytes()
    for block in range(len(good) // BLOCK + 1):
        place = min(block * BLOCK + int(rng.integers(BLOCK)), len(good) - 1)
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with pytest.raises(FormatError) as caught:
            DocumentArray[Page].pull(url)
        assert f'{url}.docs' in caught.value.where
        try:
            opened = DocumentArray[Page].open(url)
        except FormatError:  # the index and the schema are in the first and last blocks
            assert block in (0, len(good) // BLOCK - 1, len(good) // BLOCK)
            continue
        read = []
        for row in range(400):
            try:
                assert opened[row] == array[row]
                read.append(row)
            except ChecksumError as error:
                start, stop = map(int, error.where.rpartition('bytes ')[2].split(' to '))
                assert start <= place < stop
        assert 100 < len(read) < 400


def test_columns_do_not_touch_others(url: str) -> None:
    pages(100, 100_000).push(url)
    path = file_of(url)
    bad = bytearray(path.read_bytes())
    for place in range(5 * BLOCK // 2, len(bad) - 2 * BLOCK, BLOCK):
        bad[place] ^= 1
    path.write_bytes(bad)
    opened = DocumentArray[Page].open(url)
    assert len(opened) == 100
    assert info(url).documents == 100
    with pytest.raises(ChecksumError):
        opened.data  # noqa: B018 - reads it


@pytest.mark.parametrize('size', [0, 1, 5, 100, -1, -30, -2000])
def test_truncated_files(url: str, size: int) -> None:
    pages(100, 1000).push(url)
    path = file_of(url)
    path.write_bytes(path.read_bytes()[:size])
    for call in (DocumentArray[Page].pull, DocumentArray[Page].open, info):
        with pytest.raises(TruncatedError):
            call(url)


def test_other_files_are_refused(url: str, tmp_path: Path) -> None:
    path = file_of(url)
    for data in (b'hello', b'ARROW1' * 100, bytes(100), b'\x80\x04pickle'):
        path.write_bytes(data)
        for call in (DocumentArray[Page].pull, DocumentArray[Page].open, info):
            with pytest.raises(FormatError):
                call(url)
    pages(5).save_binary(tmp_path / 'x.arrow')
    shutil.copy(tmp_path / 'x.arrow', path)
    assert len(DocumentArray[Page].open(url)) == 5  # which has an index too


@pytest.mark.parametrize(
    'table',
    [[(8, 10)], [(8, 2**62), (16, 2**62), (24, 2**62)], [(2**40, 10)], [(16, 1), (8, 1)], [], [(400, 2**40)]],
)
def test_an_index_that_lies_is_refused(url: str, table: list[tuple[int, int]]) -> None:
    from docarray.formats.files.arrow_index import pack_index
    from docarray.formats.files.seals import BlockSums, find_seal, pack_seal

    pages(10).push(url)
    path = file_of(url)
    data = path.read_bytes()
    behind = int.from_bytes(data[-10:-6], 'little') + 10
    seal = find_seal(data, 'x', behind)
    assert seal is not None
    body = data[: seal.before - len(pack_index([(8, 10)], 0))]
    body += pack_index(table, len(body))
    sums = BlockSums()
    sums.add(body)
    path.write_bytes(body + pack_seal(sums, data[-behind:]) + data[-behind:])
    for call in (DocumentArray[Page].pull, lambda url: DocumentArray[Page].open(url)[:]):
        with pytest.raises((FormatError, LimitError)):
            call(url)


def test_limits(url: str) -> None:
    pages(10).push(url)
    with pytest.raises(LimitError):
        DocumentArray[Page].pull(url, limits=Limits(documents=9))
    with pytest.raises(LimitError):
        DocumentArray[Page].open(url, Limits(documents=9))


# -- other classes ------------------------------------------------------------------------------------


def test_fields_that_were_added(url: str) -> None:
    class More(Page):
        note: str | None = None
        word: str | None
        kind: str = 'page'

    pages(3, 10).push(url)
    for found in (DocumentArray[More].pull(url), DocumentArray[More].open(url)[[0, 1, 2]]):
        assert (found.note, found.word, found.kind) == ([None] * 3, [None] * 3, ['page'] * 3)
        assert found.data == [bytes(10)] * 3
    assert DocumentArray[More].open(url).kind == ['page'] * 3

    class Strict(Page):
        needed: str

    with pytest.raises(ValidationError, match='needed'):
        DocumentArray[Strict].pull(url)


def test_fields_that_were_removed(url: str) -> None:
    class Less(BaseDocument):
        number: int

    pages(3, 10).push(url)
    for read in (lambda: DocumentArray[Less].pull(url), lambda: DocumentArray[Less].open(url)[:]):
        with pytest.warns(UserWarning, match=r'Less\.data, Less\.vector'):
            assert read().number == [0, 1, 2]
    with pytest.raises(SchemaError, match='number, data, vector'):
        DocumentArray[TextDoc].pull(url)


def test_fields_that_were_changed_are_all_listed(url: str) -> None:
    class Inner(BaseDocument):
        x: int

    class Before(BaseDocument):
        number: int
        name: str
        vector: Annotated[NdArray, Shape(3)]
        inner: Inner
        tags: list[str]

    def now(**changes: Any) -> Any:
        fields = {'number': int, 'name': str, 'vector': Before.model_fields['vector'].annotation, **changes}
        return create_doc('Now', **{name: (kind, ...) for name, kind in fields.items()})

    class Other(BaseDocument):
        x: str

    array = DocumentArray[Before]([Before(number=1, name='a', vector=[1, 2, 3], inner=Inner(x=1), tags=[])])
    array.push(url)
    wrong = now(number=str, name=bytes, vector=NdArray[4], inner=Other, tags=list[int])
    for read in (DocumentArray[wrong].pull, DocumentArray[wrong].open):
        with pytest.raises(SchemaError) as caught:
            read(url)
        for part in (
            'Now.number as int',
            'Now.name as str',
            'Now.vector as',
            'Now.inner.x as int',
            'Now.tags as',
        ):
            assert part in caught.value.got
    right = now(number=int | None, vector=NdArray[3, 'int64'], inner=Inner, tags=list[str])
    assert DocumentArray[right].pull(url).vector[0].tolist() == [1, 2, 3]


# -- earlier versions ---------------------------------------------------------------------------------

STORE = ROOT / 'tests/golden/docarray-0.41/store'


def test_truncated_files_of_earlier_versions(tmp_path: Path) -> None:
    data = (STORE / 'artworks.docs').read_bytes()
    for size in (4, 100, len(data) - 5, len(data) - 4, len(data) - 1):
        (tmp_path / 'x.docs').write_bytes(data[:size])
        with pytest.raises(FormatError):
            info(f'file://{tmp_path}/x')
    (tmp_path / 'x.docs').write_bytes(data + b'\0')
    with pytest.raises(FormatError, match='more bytes'):
        info(f'file://{tmp_path}/x')
    (tmp_path / 'x.docs').write_bytes(bytes(4))
    assert len(DocumentArray[Page].pull(f'file://{tmp_path}/x')) == 0


def test_the_calls_of_earlier_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from docarray.store import FileDocStore
    from docarray.store.exceptions import ConcurrentPushException

    from docarray import DocList

    assert ConcurrentPushException is ConflictError
    name, docs = f'{tmp_path}/a', DocList[Page]([Page(number=1)])
    assert FileDocStore.push(docs, name) == {}
    assert FileDocStore.pull(DocList[Page], name) == docs
    assert FileDocStore.push_stream(iter(docs * 3), f'{tmp_path}/b') == {}
    assert len(list(FileDocStore.pull_stream(DocList[Page], f'{tmp_path}/b'))) == 3
    assert FileDocStore.list(str(tmp_path), show_table=True) == [name, f'{tmp_path}/b']
    assert 'Bytes' in capsys.readouterr().out
    assert FileDocStore.delete(name) is True
    assert FileDocStore.delete(name) is False
    with pytest.raises(MissingFileError):
        FileDocStore.delete(name, missing_ok=False)
    with pytest.raises(InvalidValueError, match='no documents'):
        FileDocStore.push_stream([], name)
    docs.push(f'file://{name}', show_progress=True)
    assert DocList[Page].pull(f'file://{name}', show_progress=True, local_cache=True) == docs


# -- opened arrays ------------------------------------------------------------------------------------


def test_a_field_may_be_called_open(url: str) -> None:
    class Price(BaseDocument):
        open: float
        close: float

    DocumentArray[Price]([Price(open=1, close=2)]).push(url)
    opened = DocumentArray[Price].open(url)
    assert opened[:].open == [1]
    assert opened.open == [1]
    assert opened.column('close') == [2]


def test_opened_arrays_go_to_other_processes(url: str) -> None:
    pages(50).push(url)
    opened = DocumentArray[Page].open(url)
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        assert pool.apply_async(opened.__getitem__, (7,)).get(60) == opened[7]
    kept = pickle.dumps(opened)
    pages(51).push(url)
    with pytest.raises(ConflictError):
        pickle.loads(kept)


def test_opened_arrays_of_columns_of_any_shape(url: str) -> None:
    shapes = [(2,), (3,), (2, 2)]
    array = DocumentArray[Page]([Page(number=i, vector=np.ones(shapes[i % 3])) for i in range(9)])
    array.push(url)
    opened: Any = DocumentArray[Page].open(url)
    assert opened[[8, 1]] == array[[8, 1]]
    assert [tensor.shape for tensor in opened.vector] == shapes * 3
    assert isinstance(opened.take([1, 4]), DocumentArrayStacked)
    with pytest.raises(AttributeError):
        opened.nothing  # noqa: B018 - raises


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_documents_are_kept_and_opened(tmp_path: Path, data: st.DataObject) -> None:
    made = data.draw(document_types(Choice(ragged=True)))
    cls: Any = made.annotation
    documents = data.draw(st.lists(made.values, max_size=6))
    count, url = len(documents), f'file://{tmp_path}/any'
    try:
        DocumentArray[cls](documents).push(url)
    except KindError:  # such as an int beyond 64 bits
        return
    assert not difference(list(DocumentArray[cls].pull(url)), documents)
    opened = DocumentArray[cls].open(url)
    assert len(opened) == count
    rows = data.draw(st.lists(st.integers(-count, count - 1), max_size=400)) if count else []
    assert not difference(list(opened[rows]), [documents[row] for row in rows])
    assert not difference(list(opened), documents)
