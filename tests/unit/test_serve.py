"""Services themselves: what annotations mean, and how calls run, without any transport."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, List, Optional  # noqa: UP035 - users write List

import pytest

from docarray import AnyDocument, BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.errors import InvalidValueError, RemoteError, SchemaError
from docarray.serve import Service
from docarray.serve.flow import Credit, Pipe
from docarray.serve.running import LoopThread, Run

Texts = DocumentArray[TextDoc]


class Odd(BaseDocument):
    any_of: dict[int, object]


def rows(documents: DocumentArray[TextDoc]) -> DocumentArrayStacked[TextDoc]:
    return documents.stack()


def one(document: TextDoc) -> TextDoc:
    return TextDoc(text=f'{document.text}!')


def many(document: TextDoc, limit: int = 3) -> Iterator[TextDoc]:
    return (TextDoc(text=f'{document.text}{i}') for i in range(limit))


def split(document: TextDoc) -> DocumentArray[TextDoc]:
    return Texts([TextDoc(text=letter) for letter in document.text or ''])


def each(documents: Iterator[TextDoc]) -> Iterator[TextDoc]:
    yield from map(one, documents)


def batches(arrays: Iterator[DocumentArray[TextDoc]]) -> DocumentArray[TextDoc]:
    return Texts([TextDoc(text=str(len(array))) for array in arrays])


async def later(document: TextDoc) -> TextDoc:
    await asyncio.sleep(0)
    return one(document)


async def flow(arrays: AsyncIterator[DocumentArray[TextDoc]]) -> AsyncIterator[TextDoc]:
    async for array in arrays:
        for document in array:
            yield one(document)


class Caller:
    def __call__(self, document: Annotated[TextDoc, 'a note']) -> TextDoc:
        return one(document)

    def method(self, document: TextDoc) -> TextDoc:
        return one(document)


def sides(function: Any) -> tuple[Any, ...]:
    (endpoint,) = Service({'f': function}).endpoints.values()
    return tuple((side.array_class, side.single, side.stream) for side in (endpoint.input, endpoint.output))


@pytest.mark.parametrize(
    ('function', 'taken', 'given'),
    [
        (rows, (Texts, False, False), (DocumentArrayStacked[TextDoc], False, False)),
        (one, (Texts, True, False), (Texts, True, False)),
        (many, (Texts, True, False), (Texts, True, True)),
        (each, (Texts, True, True), (Texts, True, True)),
        (batches, (Texts, False, True), (Texts, False, False)),
        (later, (Texts, True, False), (Texts, True, False)),
        (flow, (Texts, False, True), (Texts, True, True)),
        (Caller(), (Texts, True, False), (Texts, True, False)),
        (Caller().method, (Texts, True, False), (Texts, True, False)),
        (functools.partial(many, limit=2), (Texts, True, False), (Texts, True, True)),
    ],
)
def test_annotations_say_what_goes_in_and_out(function: Any, taken: Any, given: Any) -> None:
    assert sides(function) == (taken, given)


def bare(documents): ...  # type: ignore[no-untyped-def]
def nothing_out(document: TextDoc): ...  # type: ignore[no-untyped-def]
def no_documents(count: int) -> TextDoc: ...  # type: ignore[empty-body]
def in_list(documents: List[TextDoc]) -> TextDoc: ...  # type: ignore[empty-body]  # noqa: UP006
def maybe(document: Optional[TextDoc]) -> TextDoc: ...  # type: ignore[empty-body]  # noqa: UP045
def untyped(documents: DocumentArray) -> TextDoc: ...  # type: ignore[empty-body, type-arg]
def of_any(document: AnyDocument) -> TextDoc: ...  # type: ignore[empty-body]
def unknown(document: Nowhere) -> TextDoc: ...  # type: ignore[name-defined]  # noqa: F821
def two(document: TextDoc, other: TextDoc) -> TextDoc: ...  # type: ignore[empty-body]
def by_name(*, document: TextDoc) -> TextDoc: ...  # type: ignore[empty-body]
def none() -> TextDoc: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ('function', 'text'),
    [
        (bare, r'bare\(documents\): got no annotation'),
        (nothing_out, r'nothing_out\(\): got no annotation'),
        (no_documents, r"no_documents\(count\): got <class 'int'>"),
        (in_list, r'Write DocumentArray\[TextDoc\]'),
        (maybe, r'maybe\(document\): got'),
        (untyped, r'untyped\(documents\): got'),
        (of_any, r'of_any\(document\): got'),
        (unknown, r"unknown: got .*'Nowhere' is not defined.*top of the module"),
        (two, 'two: got required parameters document, other'),
        (by_name, 'by_name: got required parameters document'),
        (none, r'none: got required parameters \(none\)'),
        (lambda document: document, "named '<lambda>'"),
        (3, 'got 3, wanted a function'),
    ],
)
def test_what_cannot_be_served_is_refused_at_once(function: Any, text: str) -> None:
    with pytest.raises(SchemaError, match=text):
        Service(function)


def test_names_are_those_of_functions_or_given() -> None:
    assert list(Service([one, many]).endpoints) == ['one', 'many']
    assert list(Service({'first': one, 'second': one}).endpoints) == ['first', 'second']
    for wrong in ([one, one], {'_hidden': one}, {'no name': one}, {'a': one, 'a_stream': one}):
        with pytest.raises(SchemaError):
            Service(wrong)


# ------------------------------------------------------------------------------------------- running


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


def texts(*words: str) -> Any:
    return Texts([TextDoc(text=word) for word in words])


def answers(function: Any, loop: LoopThread, *arrays: Any) -> list[list[str]]:
    run = Run(Service({'f': function}).endpoints['f'], loop.loop)
    return [[document.text for document in array] for array in run.outputs(arrays)]


def test_arrays_in_and_arrays_out(loop: LoopThread) -> None:
    given = (texts('a', 'b'), texts('c'))
    assert answers(rows, loop, *given) == [['a', 'b'], ['c']]
    assert answers(one, loop, *given) == answers(later, loop, *given) == [['a!', 'b!'], ['c!']]
    assert answers(each, loop, *given) == answers(flow, loop, *given) == [['a!'], ['b!'], ['c!']]
    assert answers(batches, loop, *given) == [['2', '1']]
    assert answers(many, loop, texts('a')) == [['a0'], ['a1'], ['a2']]
    assert answers(split, loop, texts('ab')) == [['a', 'b']]
    assert answers(one, loop) == answers(each, loop) == answers(flow, loop) == []
    assert answers(one, loop, texts()) == [[]]
    with pytest.raises(InvalidValueError, match='got 2 documents, wanted one'):
        answers(split, loop, texts('a', 'b'))


@pytest.mark.parametrize('result', [None, 'text', AnyDocument(), {'text': 'a'}, 5])
def test_a_result_of_another_type_is_an_error(result: Any, loop: LoopThread) -> None:
    def wrong_document(document: TextDoc) -> TextDoc:
        return result  # type: ignore[no-any-return]

    def wrong_array(document: TextDoc) -> DocumentArray[TextDoc]:
        return result  # type: ignore[no-any-return]

    def wrong_iterator(document: TextDoc) -> Iterator[DocumentArray[TextDoc]]:
        yield result

    for function in (wrong_document, wrong_array, wrong_iterator):
        with pytest.raises(SchemaError, match='f: got a result of type'):
            answers(function, loop, texts('a'))


def test_a_list_of_documents_will_do_for_an_array(loop: LoopThread) -> None:
    def listed(document: TextDoc) -> DocumentArray[TextDoc]:
        return [document, document]  # type: ignore[return-value]

    assert answers(listed, loop, texts('a')) == [['a', 'a']]


def test_a_stopped_call_cancels_what_it_waits_for(loop: LoopThread) -> None:
    started, seen = threading.Event(), []

    async def forever(document: TextDoc) -> TextDoc:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            seen.append('cancelled')
        return document

    run = Run(Service(forever).endpoints['forever'], loop.loop)
    threading.Thread(target=lambda: (started.wait(5), run.stop())).start()
    with pytest.raises(RemoteError, match='the end of the call'):
        list(run.outputs([texts('a')]))
    assert seen == ['cancelled']
    with pytest.raises(RemoteError, match='the end of the call'):
        list(run.outputs([texts('a')]))


def test_many_asynchronous_streams_may_wait_at_once(loop: LoopThread) -> None:
    count = 40  # more than the threads that an event loop has to lend
    meeting = threading.Barrier(count, timeout=20)

    def waiting() -> Iterator[Any]:
        meeting.wait()
        yield texts('a')

    def call() -> list[str]:
        run = Run(Service(flow).endpoints['flow'], loop.loop)
        return [document.text for array in run.outputs(waiting()) for document in array]

    with ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(call) for _ in range(count)]
        assert [made.result(20) for made in calls] == [['a!']] * count


def test_iterators_are_closed_with_their_call(loop: LoopThread) -> None:
    seen: list[str] = []

    def sync(document: TextDoc) -> Iterator[TextDoc]:
        try:
            while True:
                yield document
        finally:
            seen.append('sync')

    async def asynchronous(document: TextDoc) -> AsyncIterator[TextDoc]:
        try:
            while True:
                yield document
        finally:
            seen.append('async')

    for function in (sync, asynchronous):
        run = Run(Service({'f': function}).endpoints['f'], loop.loop)
        outputs = run.outputs([texts('a')])
        assert next(outputs)[0].text == 'a'
        run.stop()
        outputs.close()
    assert seen == ['sync', 'async']


# ---------------------------------------------------------------------------------------------- flow


def test_a_pipe_holds_so_many_and_ends() -> None:
    pipe = Pipe[int](2)
    assert pipe.put(1)
    assert pipe.put(2)
    third = threading.Thread(target=pipe.put, args=(3,), daemon=True)
    third.start()
    third.join(0.05)
    assert third.is_alive()
    assert next(pipe) == 1
    third.join(5)
    assert not third.is_alive()
    pipe.end()
    assert list(pipe) == [2, 3]
    assert not pipe.closed


def test_closing_wakes_both_ends() -> None:
    full, empty, credit = Pipe[int](1), Pipe[int](), Credit(0)
    full.put(1)
    results: list[Any] = []
    waiting = [
        threading.Thread(target=lambda: results.append(full.put(2))),
        threading.Thread(target=lambda: results.append(list(empty))),
        threading.Thread(target=lambda: results.append(credit.take())),
    ]
    for thread in waiting:
        thread.start()
    for part in (full, empty, credit):
        part.close()
    for thread in waiting:
        thread.join(5)
    assert sorted(map(str, results)) == ['False', 'False', '[]']
    assert list(full) == []
    assert not empty.put(1)


def test_a_loop_that_was_closed_does_not_come_back() -> None:
    thread = LoopThread()
    running = thread.loop()
    assert thread.loop() is running
    thread.close()
    assert running.is_closed()
    with pytest.raises(RemoteError, match='the end of the server'):
        thread.loop()


def test_importing_the_package_loads_no_transport() -> None:
    code = (
        'import sys, docarray.serve\n'
        "sys.exit(', '.join({'grpc', 'fastapi', 'google.protobuf', 'pyarrow'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
