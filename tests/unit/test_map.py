from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import InvalidValueError, PreprocessError
from docarray.search import map_docs, map_docs_batched
from docarray.typing import NdArray


class Doc(BaseDocument):
    n: int
    vector: NdArray = np.zeros(2)


@pytest.fixture
def docs() -> DocumentArray[Doc]:
    return DocumentArray[Doc]([Doc(id=f'id-{n}', n=n) for n in range(20)])


def spawning() -> ProcessPoolExecutor:
    # Other tests may have loaded frameworks whose threads a fork would not survive.
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn'))


@pytest.fixture(scope='module')
def workers() -> Iterator[ProcessPoolExecutor]:
    with spawning() as pool:
        yield pool


def local_class() -> Any:
    class Local(BaseDocument):
        n: int

    return Local


def double(doc: Doc) -> Doc:
    doc.n *= 2
    return doc


def add(doc: Doc, much: int) -> int:
    return doc.n + much


class Unruly(Exception):
    """An error that pickles but does not unpickle."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)


def test_threads_keep_order_and_give_the_documents_themselves(docs: DocumentArray[Doc]) -> None:
    def slow_at_first(doc: Doc) -> Doc:
        time.sleep(0.02 if doc.n == 0 else 0)
        return double(doc)

    results = list(map_docs(docs, slow_at_first, num_worker=4))
    assert [doc.n for doc in results] == list(range(0, 40, 2))
    assert all(result is doc for result, doc in zip(results, docs, strict=True))


def test_threads_work_at_the_same_time() -> None:
    meeting = threading.Barrier(3)
    docs = DocumentArray[Doc]([Doc(n=n) for n in range(3)])
    assert len(list(map_docs(docs, lambda doc: meeting.wait(5), num_worker=3))) == 3


def test_documents_are_handed_out_as_results_are_taken(docs: DocumentArray[Doc]) -> None:
    seen: list[int] = []
    many = DocumentArray[Doc](list(docs) * 50)
    results = map_docs(many, lambda doc: seen.append(doc.n), num_worker=1)
    assert not seen
    next(results)
    time.sleep(0.05)
    assert 0 < len(seen) < len(many)
    results.close()  # type: ignore[attr-defined]  # a generator


def test_rows_of_columns_are_live(docs: DocumentArray[Doc]) -> None:
    stacked = docs.stack()
    list(map_docs(stacked, double))
    assert stacked.n == list(range(0, 40, 2))


def test_processes_take_any_function_and_work_on_copies(
    docs: DocumentArray[Doc], workers: ProcessPoolExecutor
) -> None:
    offset = 3

    def local(doc: Doc) -> int:
        return doc.n + offset

    wanted = list(range(3, 23))
    options: Any = {'backend': 'process', 'pool': workers}
    assert list(map_docs(docs, local, **options)) == wanted
    assert list(map_docs(docs, lambda doc: doc.n + 3, **options)) == wanted
    assert list(map_docs(docs, partial(add, much=3), **options)) == wanted
    assert list(map_docs(docs.stack(), local, **options)) == wanted
    doubled = list(map_docs(docs, double, **options))
    assert all(type(doc) is Doc for doc in doubled)
    assert [doc.n for doc in doubled] == list(range(0, 40, 2))
    assert docs.n == list(range(20))
    assert os.getpid() not in set(map_docs(docs, lambda doc: os.getpid(), **options))


def test_classes_from_inside_functions_come_back_the_same(workers: ProcessPoolExecutor) -> None:
    Local = local_class()
    docs = DocumentArray[Local]([Local(n=n) for n in range(3)])
    back = list(map_docs(docs, lambda doc: doc, backend='process', pool=workers))
    assert all(type(doc) is Local for doc in back)
    batches = list(map_docs_batched(docs, lambda batch: batch, 2, backend='process', pool=workers))
    assert all(type(batch) is DocumentArray[Local] for batch in batches)


def test_processes_of_its_own_without_more_ado() -> None:
    script = """if __name__ == '__main__':
        from docarray import BaseDocument, DocumentArray
        from docarray.search import map_docs
        class Doc(BaseDocument):
            n: int
        docs = DocumentArray[Doc]([Doc(n=n) for n in range(9)])
        back = list(map_docs(docs, lambda doc: doc, backend='process', num_worker=2))
        print([doc.n for doc in back], {type(doc) is Doc for doc in back})
        try:
            list(map_docs(docs, lambda doc: 1 // doc.n, backend='process', num_worker=1))
        except RuntimeError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, timeout=60)
    assert '[0, 1, 2, 3, 4, 5, 6, 7, 8] {True}' in done.stdout, done.stderr
    assert 'document 0' in done.stdout


def test_pools_of_multiprocessing() -> None:
    docs = DocumentArray[Doc]([Doc(n=n) for n in range(4)])
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        assert list(map_docs(docs, lambda doc: doc.n + 1, backend='process', pool=pool)) == [1, 2, 3, 4]
        with pytest.raises(PreprocessError, match='document 0'):
            list(map_docs(docs, lambda doc: 1 // doc.n, backend='process', pool=pool))


def test_pools_are_used_and_stay_open(docs: DocumentArray[Doc]) -> None:
    with ThreadPool(2) as pool:
        assert list(map_docs(docs, partial(add, much=1), pool=pool)) == list(range(1, 21))
        assert pool.apply(int) == 0
    with ThreadPoolExecutor(1, thread_name_prefix='mine') as executor:
        names = set(map_docs(docs, lambda doc: threading.current_thread().name, pool=executor))
        assert names == {'mine_0'}
        assert executor.submit(int).result() == 0


@pytest.mark.parametrize('backend', ['thread', 'process'])
def test_errors_say_which_document_and_keep_their_cause(
    backend: Any, docs: DocumentArray[Doc], workers: ProcessPoolExecutor
) -> None:
    pool = workers if backend == 'process' else None
    results = map_docs(docs, lambda doc: 1 // (doc.n - 7), backend=backend, num_worker=2, pool=pool)
    assert [next(results) for _ in range(7)] == [1 // (n - 7) for n in range(7)]
    with pytest.raises(PreprocessError, match=r'document 7 \(id id-7\): got ZeroDivisionError') as caught:
        next(results)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_errors_that_do_not_travel_are_told_all_the_same(
    docs: DocumentArray[Doc], workers: ProcessPoolExecutor
) -> None:
    def fail(doc: Doc) -> None:
        raise Unruly('first', 'second')

    with pytest.raises(PreprocessError, match='Unruly: first') as caught:
        list(map_docs(docs, fail, backend='process', pool=workers))
    assert 'in fail' in str(caught.value)  # the traceback of the other process
    with pytest.raises(PreprocessError, match='does not pickle'):
        list(map_docs(docs, lambda doc: threading.Lock(), backend='process', pool=workers))
    with spawning() as pool, pytest.raises(PreprocessError, match='process that died'):
        list(map_docs(docs, lambda doc: os._exit(1), backend='process', pool=pool))


def test_batches(docs: DocumentArray[Doc], workers: ProcessPoolExecutor) -> None:
    assert list(map_docs_batched(docs, lambda batch: batch.n, 8)) == [
        list(range(8)),
        list(range(8, 16)),
        list(range(16, 20)),
    ]
    assert list(map_docs_batched(docs[:0], len, 8)) == []
    kinds = list(map_docs_batched(docs.stack(), type, 8, backend='process', pool=workers))
    assert kinds == [DocumentArrayStacked[Doc]] * 3
    stacked = docs.stack()

    def write(batch: Any) -> None:
        batch.vector[:] = 1

    list(map_docs_batched(stacked, write, 8))
    assert (stacked.vector == 1).all()  # batches of columns share their memory
    with pytest.raises(PreprocessError, match=r'map_docs_batched: batch 1 \(first id id-8\)'):
        list(map_docs_batched(docs, lambda batch: 1 // (batch[0].n - 8), 8))


def test_shuffled_batches(docs: DocumentArray[Doc]) -> None:
    first, again, other = (
        [
            n
            for batch in map_docs_batched(docs, lambda batch: batch.n, 8, shuffle=True, seed=seed)
            for n in batch
        ]
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert sorted(first) == list(range(20)) != first


def test_progress(docs: DocumentArray[Doc], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip('rich')
    assert len(list(map_docs(docs, double, show_progress=True))) == 20
    assert '100%' in capsys.readouterr().out


@pytest.mark.parametrize('options', [{'backend': 'gpu'}, {'num_worker': 0}, {'num_worker': 1.5}])
def test_wrong_options_are_refused_at_the_call(options: Any, docs: DocumentArray[Doc]) -> None:
    with pytest.raises(InvalidValueError, match='wanted'):
        map_docs(docs, double, **options)
    with pytest.raises(InvalidValueError, match='wanted'):
        map_docs_batched(docs, len, 2, **options)
    with pytest.raises(InvalidValueError, match='batch_size'):
        map_docs_batched(docs, len, 0)
