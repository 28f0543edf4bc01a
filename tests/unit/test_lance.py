"""Arrays in Lance datasets: what can be changed, and what cannot."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import (
    ConflictError,
    InvalidValueError,
    KindError,
    MissingFileError,
    SchemaError,
    StoreError,
    UnsupportedError,
)
from docarray.formats.limits import Limits
from docarray.schema import schema_of
from docarray.stores.arrays import delete, exists, info, list_arrays
from docarray.typing import Blob, NdArray
from tests.servers import S3_ENVIRONMENT, faulty_proxy, s3_server
from tests.unit.strategies import document_types, same

lance = pytest.importorskip('lance')
pa = pytest.importorskip('pyarrow')

from docarray.stores.lance import LanceArrays  # noqa: E402 - it needs pyarrow

ROOT = Path(__file__).parents[2]
Vector = NdArray[4, 'float32']


class Part(BaseDocument):
    n: int


class Page(BaseDocument):
    number: int
    title: str | None = None
    vector: Vector
    parts: DocumentArray[Part] = DocumentArray[Part]()
    part: Part | None = None
    data: Blob = Blob(b'')


class Rated(Page):
    rating: float
    note: str | None = None


Pages = DocumentArray[Page]


def page(number: int) -> Page:
    return Page(
        id=f'p{number}',
        number=number,
        title=None if number % 3 else f"it's {number}",
        vector=np.full(4, number, np.float32),
        parts=[Part(id=str(one), n=one) for one in range(number % 3)],
        part=Part(id='x', n=number) if number % 2 else None,
        data=bytes([number % 256]) * (number * 100),
    )


def pages(*numbers: int) -> Any:
    return Pages(page(number) for number in numbers)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f'lance://{tmp_path}/pages'


@pytest.fixture
def opened(url: str) -> Any:
    pages(*range(10)).push(url)
    return Pages.open(url)


# -- changes ------------------------------------------------------------------------------------------


def test_documents_are_appended(opened: Any, url: str) -> None:
    opened.append(page(number) for number in range(10, 15))
    assert list(opened) == list(Pages.open(url)) == pages(*range(15))
    assert opened[12] == page(12)
    opened.append([])
    assert len(opened) == 15


def test_documents_take_the_place_of_those_with_their_ids(opened: Any) -> None:
    changed = page(3).model_copy(update={'title': 'new', 'data': Blob(b'other')})
    opened.upsert([changed, page(20)])
    found = {one.id: one for one in opened}
    assert found['p3'] == changed
    assert found['p20'] == page(20)
    assert len(found) == len(opened) == 11
    assert all(found[f'p{number}'] == page(number) for number in range(10) if number != 3)
    opened.upsert([])
    for wrong in ([page(1), page(1)], [page(1).model_copy(update={'id': None})]):
        with pytest.raises(InvalidValueError, match='id'):
            opened.upsert(wrong)
    assert len(opened) == 11


@pytest.mark.parametrize('odd', ["it's", '"', "') or 1=1 --", 'a\nb', 'ä', '', '\\', '%'])
def test_documents_are_deleted_by_id(opened: Any, odd: str) -> None:
    opened.append([page(50).model_copy(update={'id': odd})])
    assert opened.delete(['p3', odd, 'p99']) == 2
    assert opened.number == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert opened.delete([]) == 0


def test_documents_are_deleted_by_a_condition(opened: Any) -> None:
    import pyarrow.compute as pc

    assert opened.delete(where=pc.field('number') > 7) == 2
    assert opened.delete(where=pc.field('title') == "it's 3") == 1
    assert opened.delete(where='number < 2') == 2
    assert opened.number == [2, 4, 5, 6, 7]
    for wrong in ({}, {'ids': ['p4'], 'where': 'number = 4'}, {'ids': 'p4'}):
        with pytest.raises(InvalidValueError):
            opened.delete(**wrong)
    with pytest.raises(StoreError):
        opened.delete(where='no_such_field = 3')
    assert len(opened) == 5


def test_fields_are_added(opened: Any, url: str) -> None:
    def rated(documents: Any) -> list[Rated]:
        return [Rated(**dict(one), rating=one.number / 2 + len(one.data)) for one in documents]

    found = opened.add_fields(Rated, rated)
    assert found.rating == [number / 2 + number * 100 for number in range(10)]
    assert found[7].title == page(7).title
    assert found[7].data == page(7).data
    found.append([Rated(**dict(page(10)), rating=1.0, note='a')])
    assert DocumentArray[Rated].pull(url)[10].note == 'a'
    assert info(url).document_type == 'Rated'
    with pytest.warns(UserWarning, match=r'Page\.rating'):
        assert Pages.pull(url)[3] == page(3)
    for wrong in (Page, Part):
        with pytest.raises(SchemaError):
            found.add_fields(wrong, list)
    with pytest.raises(InvalidValueError, match='as were given'):
        pages(1, 2).push(f'{url}-2')
        Pages.open(f'{url}-2').add_fields(
            Rated, lambda documents: [Rated(**dict(one), rating=1) for one in documents][1:]
        )


def test_a_class_that_is_not_that_of_the_array(opened: Any, url: str) -> None:
    with pytest.raises(InvalidValueError, match='Part'):
        opened.append([Part(n=1)])
    pages(1).push(url)

    class Page2(Page):
        more: int | None = None

    other = DocumentArray[Page2].open(url)
    assert other[0].more is None
    with pytest.raises(SchemaError, match='Page'):
        other.append([Page2(**dict(page(3)))])
    assert len(Pages.open(url)) == 1


# -- versions -----------------------------------------------------------------------------------------


def test_versions_stay(opened: Any, url: str) -> None:
    opened.append(pages(10))
    opened.delete(['p0'])
    assert [(one.number, one.documents) for one in opened.versions()] == [(1, 10), (2, 11), (3, 10)]
    assert opened.versions()[0].modified.tzinfo is not None
    opened.tag('gold', 2)
    opened.tag('newest')
    assert [one.tags for one in opened.versions()] == [(), ('gold',), ('newest',)]
    old = Pages.open(url, version='gold')
    assert list(old) == pages(*range(11))
    assert list(copy.deepcopy(old)) == pages(*range(11))
    for change in (lambda: old.append(pages(1)), lambda: old.delete(['p1']), old.compact):
        with pytest.raises(UnsupportedError, match='newest'):
            change()
    opened.tag('gold', 1)
    assert len(Pages.open(url, version='gold')) == 10
    opened.untag('gold')
    for missing in ('gold', 77):
        with pytest.raises(MissingFileError):
            Pages.open(url, version=missing)
    opened.restore(1)
    assert list(opened) == pages(*range(10))
    assert len(opened.versions()) == 4
    with pytest.raises(UnsupportedError):
        pages(1).push(f'file://{url[8:]}-x')
        Pages.open(f'file://{url[8:]}-x', version=1)


def test_a_push_is_a_version_too(opened: Any, url: str) -> None:
    pages(5).push(url)
    assert [one.documents for one in opened.versions()] == [10, 1]
    assert len(opened) == 10
    opened.refresh()
    assert list(opened) == pages(5)
    delete(url)
    assert not exists(url)
    with pytest.raises(MissingFileError):
        opened.append(pages(1))


def test_compaction(opened: Any, tmp_path: Path) -> None:
    for number in range(10, 30):
        opened.append(pages(number))
    opened.delete([f'p{number}' for number in range(5)])
    opened.tag('kept', 3)
    before = len(list((tmp_path / 'pages.lance' / 'data').iterdir()))
    opened.compact(timedelta(0))
    assert list(opened) == pages(*range(5, 30))
    assert len(list((tmp_path / 'pages.lance' / 'data').iterdir())) < before
    assert [one.number for one in opened.versions()][0] == 3
    assert len(opened.versions()) == 2


def test_writers_at_one_time(opened: Any, url: str) -> None:
    """Appends of several come one after the other; a push that another change came before is refused."""
    others = [Pages.open(url) for _ in range(4)]
    for number, other in enumerate(others):
        other.append(pages(100 + number))
    assert sorted(Pages.pull(url).number) == [*range(10), 100, 101, 102, 103]

    def slow() -> Iterator[Page]:
        yield from pages(1, 2, 3)
        others[0].append(pages(200))

    with pytest.raises(ConflictError):
        Pages.push_stream(slow(), url)
    assert len(Pages.pull(url)) == 15


def test_documents_may_come_from_the_same_array(opened: Any, url: str) -> None:
    opened.append(one.model_copy(update={'id': f'{one.id}-2'}) for one in Pages.pull_stream(url))
    assert len(opened) == 20
    Pages.push_stream(Pages.open(url), url)
    assert len(Pages.pull(url)) == 20


def test_a_stream_that_fails_appends_nothing(opened: Any, url: str) -> None:
    def failing() -> Iterator[Page]:
        yield from pages(*range(100, 200))
        raise OSError('the source is gone')

    with pytest.raises(OSError, match='the source is gone'):
        opened.append(failing())
    assert len(Pages.open(url)) == 10


@pytest.mark.timeout(200)
def test_killed_writers(tmp_path: Path) -> None:
    seed = str(time.time_ns() % 1000)
    command = [sys.executable, '-m', 'tests.unit.lance_killer', f'lance://{tmp_path}/killed', '200', seed]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=190)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('200 kills')


# -- what is in a dataset -----------------------------------------------------------------------------


def test_other_programs_read_the_dataset(opened: Any, url: str) -> None:
    dataset = lance.dataset(f'{url[8:]}.lance')
    found = dataset.to_table(nearest={'column': 'vector', 'q': np.full(4, 6, np.float32), 'k': 1})
    assert found['number'].to_pylist() == [6]
    assert dataset.to_table(filter='number > 7')['id'].to_pylist() == ['p8', 'p9']


def test_a_dataset_of_another_program_is_read(tmp_path: Path) -> None:
    table = pa.table({'id': ['a', 'b'], 'n': pa.array([1, 2], pa.int32())})
    lance.write_dataset(table, str(tmp_path / 'other.lance'))
    found = DocumentArray[Part].open(f'lance://{tmp_path}/other')
    assert found.n == [1, 2]
    assert found[1] == Part(id='b', n=2)
    with pytest.raises(SchemaError, match='another program'):
        found.append([Part(n=3)])


def test_blobs_are_left_in_the_dataset(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pages(*range(50)).push(url)
    opened = Pages.open(url)
    monkeypatch.setattr(lance.LanceDataset, 'take_blobs', lambda *args, **more: pytest.fail('read'))
    monkeypatch.setattr(lance.LanceDataset, 'read_blobs', lambda *args, **more: pytest.fail('read'))
    assert opened.number == list(range(50))
    found = opened[[7, 3, 7]]
    assert [one.data.size for one in found] == [700, 300, 700]
    assert [one.size for one in opened.data] == [number * 100 for number in range(50)]
    assert sum(one.data.size for one in opened) == sum(range(50)) * 100
    opened.summary()
    monkeypatch.undo()
    assert found[0].data.read(5, 8) == bytes([7] * 3)
    with found[1].data.open() as file:
        assert file.read() == bytes(page(3).data)
    stacked = DocumentArrayStacked[Page].pull(url)
    assert stacked.data == [one.data for one in pages(*range(50))]


def test_large_blobs_are_read_some_at_a_time(url: str) -> None:
    array = Pages(page(n).model_copy(update={'data': Blob(bytes([n]) * 1_000_000)}) for n in range(20))
    array.push(url)
    assert info(url).size > 20_000_000
    documents = LanceArrays().documents(url, schema_of(Page), Limits(), lazy=False)
    batches = list(documents.batches())
    assert max(map(len, batches)) <= 3
    assert sum(map(len, batches)) == 20
    assert Pages.pull(url) == list(Pages.pull_stream(url)) == array


def test_lists_find_datasets_only(opened: Any, url: str, tmp_path: Path) -> None:
    (tmp_path / 'folder.lance').mkdir()
    (tmp_path / 'a' / 'b.lance' / 'data').mkdir(parents=True)
    pages(1).push(f'lance://{tmp_path}/x/y')
    pages(1).push(f'lance://{tmp_path}/x')
    assert [one.url for one in list_arrays(f'lance://{tmp_path}')] == [
        f'lance://{tmp_path}/pages',
        f'lance://{tmp_path}/x',
        f'lance://{tmp_path}/x/y',
    ]
    assert [one.url for one in list_arrays(f'lance://{tmp_path}/x')] == [
        f'lance://{tmp_path}/x',
        f'lance://{tmp_path}/x/y',
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_class(data: Any, tmp_path: Path) -> None:
    kind = data.draw(document_types(tagged=True))
    documents = data.draw(st.lists(kind.values, max_size=4))
    array = DocumentArray[kind.annotation](documents)
    url = f'lance://{tmp_path}/{uuid.uuid4().hex}'
    try:
        array.push(url)
    except KindError:  # as of Arrow
        return
    wanted = DocumentArray[kind.annotation].from_arrow(array.to_arrow())
    for found in (DocumentArray[kind.annotation].pull(url), DocumentArray[kind.annotation].open(url)[:]):
        assert len(found) == len(wanted)
        assert all(map(same, found, wanted))


# -- S3 -----------------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip('localbucket')
    with s3_server('localbucket', str(tmp_path_factory.mktemp('lance'))) as endpoint:
        yield endpoint


def test_changes_in_s3(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('AWS_ENDPOINT_URL', 'AWS_PROFILE'):
        monkeypatch.delenv(name, raising=False)
    options = {'endpoint': server, 'access_key_id': 'a', 'secret_access_key': 'b', 'region': 'us-east-1'}
    url = f'lance+s3://bucket/{uuid.uuid4().hex}/pages'
    pages(*range(10)).push(url, storage_options=options)
    opened = Pages.open(url, storage_options=options)
    opened.append(pages(10))
    opened.upsert(pages(3, 11))
    assert opened.delete(['p0']) == 1
    opened.compact()
    assert sorted(opened, key=lambda one: one.number) == pages(*range(1, 12))
    assert len(Pages.open(url, storage_options=options, version=1)) == 10
    with pytest.raises(InvalidValueError, match='options'):
        Pages.open('lance:///a', storage_options=options)


def test_a_service_without_conditional_puts_is_refused(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with faulty_proxy(server) as proxy:
        for key, value in {**S3_ENVIRONMENT, 'AWS_ENDPOINT_URL': proxy.endpoint}.items():
            monkeypatch.setenv(key, value)
        proxy.faults = lambda method, path: 'unconditional'
        with pytest.raises(UnsupportedError, match='If-None-Match'):
            pages(1).push('lance+s3://bucket/refused')
        assert not exists('lance+s3://bucket/refused')


def test_forked_processes_are_told(url: str, tmp_path: Path) -> None:
    script = tmp_path / 'forking.py'
    script.write_text(
        'import multiprocessing, sys\n'
        'from docarray.errors import UnsupportedError\n'
        'from tests.unit.test_lance import Pages, pages\n'
        'def work(url):\n'
        '    try:\n'
        '        Pages.open(url)\n'
        '    except UnsupportedError as error:\n'
        "        sys.exit(7 if 'spawn' in str(error) else 8)\n"
        'pages(3).push(sys.argv[1])\n'
        "child = multiprocessing.get_context('fork').Process(target=work, args=(sys.argv[1],))\n"
        'child.start()\n'
        'child.join(30)\n'
        'sys.exit(child.exitcode)\n'
    )
    command = [sys.executable, str(script), url]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)}, timeout=60)
    assert done.returncode == 7
