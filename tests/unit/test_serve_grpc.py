"""Services over gRPC: real servers on this machine's loopback, real clients, everything bounded in time."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip('grpc')
pytest.importorskip('google.protobuf')

import grpc

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.errors import InvalidValueError, LimitError, RemoteError, RemoteTimeoutError
from docarray.formats import Limits
from docarray.serve import Client, GrpcServer, Service, serve_grpc
from docarray.typing import NdArray
from tests.unit import served
from tests.unit.served import SECONDS, Page, Texts, eventually, local, lying_pages, mark, pages, shout, texts

Any16 = NdArray['float16']


class Small(BaseDocument):
    number: int


def columns(pages: DocumentArrayStacked[Page]) -> DocumentArrayStacked[Page]:
    assert type(pages) is DocumentArrayStacked[Page]
    pages.number = [number + 1 for number in pages.number]
    return pages


def titles(pages: DocumentArray[Page]) -> DocumentArrayStacked[TextDoc]:
    return pages.title.stack() if isinstance(pages.title, DocumentArray) else pages.title


def total(documents: Iterator[TextDoc]) -> TextDoc:
    return TextDoc(text=str(sum(1 for _ in documents)))


def grow(document: TextDoc) -> TextDoc:
    return TextDoc(text='x' * int(document.text or '0'))


def makes_wrong_documents(document: TextDoc) -> Small:
    return Small(number='not a number')  # type: ignore[arg-type]


SERVICE = Service([*served.FUNCTIONS, columns, titles, total, grow, makes_wrong_documents])
WIRES = ['protobuf', 'arrow', 'json']


@pytest.fixture(scope='module')
def server() -> Iterator[GrpcServer]:
    with serve_grpc(SERVICE) as running:
        yield running


@pytest.fixture(params=WIRES)
def client(request: Any, server: GrpcServer) -> Iterator[Client]:
    if request.param == 'arrow':
        pytest.importorskip('pyarrow')
    with Client(server.address, SERVICE, wire=request.param, timeout=SECONDS) as made:
        yield made


@pytest.fixture
def plain(server: GrpcServer) -> Iterator[Client]:
    """A client that knows nothing of the functions."""
    with Client(server.address, timeout=SECONDS) as made:
        yield made


def many(count: int) -> Iterator[TextDoc]:
    return (TextDoc(text=str(i)) for i in range(count))


# ------------------------------------------------------------------------------------- calls, unary


def test_one_function_is_enough() -> None:
    with serve_grpc(shout) as server, Client(f'localhost:{server.port}') as client:
        given = texts('a', 'b')
        answer = client.shout(given)
        assert type(answer) is Texts
        assert (answer.text, answer.id) == (['A', 'B'], given.id)


def test_arrays_come_and_go_whole(client: Client) -> None:
    for count in (0, 1, 3):
        given = pages(count)
        answer = client.rows(given)
        assert type(answer) is DocumentArray[Page]
        assert answer == given
        assert answer.id == given.id
        for page in answer:
            assert (page.vector.dtype, page.vector.shape) == ('float16', (3,))
        assert [None if page.scores is None else page.scores.dtype for page in answer] == [
            None if page.scores is None else page.scores.dtype for page in given
        ]


def test_columns_come_and_go_whole(client: Client) -> None:
    given = pages(4)
    for array in (given, given.stack()):
        answer = client.columns(array)
        assert type(answer) is DocumentArrayStacked[Page]
        assert list(answer.number) == [0, 1, 2, 3]
        assert answer.vector.dtype == 'float16'
        np.testing.assert_array_equal(np.signbit(answer.vector[:, 2]), True)
        assert answer.title.text == given.title.text
        assert answer.id == given.id
    assert client.rows(given.stack()) == given


def test_a_function_of_one_document(client: Client) -> None:
    assert client.mark(TextDoc(text='a')).text == 'a!'
    assert client.mark(texts('a').stack()[0]).text == 'a!'  # a live view
    assert client.mark(texts('a', 'b')).text == ['a!', 'b!']
    assert client.mark([TextDoc(text='a')]).text == ['a!']
    assert client.mark_later(texts('a', 'b')).text == ['a!', 'b!']
    assert client.total(texts('a', 'b')).text == '2'
    assert client.each(texts('a', 'b')).text == client.flow(texts('a', 'b')).text == ['a!', 'b!']


def test_what_comes_back_is_known_from_the_functions_or_the_call(client: Client, plain: Client) -> None:
    answer = client.titles(pages(2))
    assert type(answer) is DocumentArrayStacked[TextDoc]
    for returns in (Texts, DocumentArrayStacked[TextDoc]):
        answer = plain.call('titles', pages(2), returns=returns)
        assert type(answer) is returns
        assert list(answer.text) == ['Page 0', 'Page 1']
    assert plain.call('total', texts('a'), returns=TextDoc).text == '1'
    assert type(plain.shout(texts('a'))) is Texts
    assert type(plain.mark(TextDoc(text='a'))) is TextDoc


def test_a_closed_client_says_so(server: GrpcServer) -> None:
    client = Client(server.address)
    client.close()
    for call in (lambda: client.shout(texts('a')), lambda: list(client.stream('shout', texts('a')))):
        with pytest.raises(RemoteError, match='shout at .*: got a client that was closed'):
            call()


def test_a_client_of_an_unknown_format_is_not_made() -> None:
    for wire in ('pickle', 'parquet'):
        with pytest.raises(InvalidValueError, match=f"wire: got '{wire}', wanted protobuf or arrow or json"):
            Client('localhost:1', wire=wire)


def test_what_is_no_array_of_documents_is_not_sent(plain: Client) -> None:
    for value in ([], DocumentArray([]), 'text', {'text': 'a'}, [1], None):
        with pytest.raises(InvalidValueError, match='shout: got'):
            plain.shout(value)
    with pytest.raises(AttributeError):
        plain._shout  # noqa: B018


# ------------------------------------------------------------------------------------ calls, streams


@pytest.mark.parametrize('name', ['mark', 'mark_later', 'each', 'flow'])
def test_documents_stream_in_order(client: Client, name: str) -> None:
    answers = list(client.stream(name, many(30), batch_size=7))
    assert [document.text for document in answers] == [f'{i}!' for i in range(30)]
    assert {type(document) for document in answers} == {TextDoc}
    assert list(client.stream(name, [])) == []


def test_the_client_chooses_the_batches(client: Client) -> None:
    answers = client.stream('sizes', many(10), batch_size=4)
    assert [document.text for document in answers] == ['4', '4', '2']
    assert [document.text for document in client.stream('total', many(10), batch_size=4)] == ['10']
    with pytest.raises(InvalidValueError, match='batch_size'):
        list(client.stream('sizes', many(10), batch_size=0))


def test_arrays_stream_as_they_are(client: Client) -> None:
    given = [pages(3).stack(), pages(0).stack(), pages(1).stack()]
    answers = list(client.batches('columns', given))
    assert [type(array) for array in answers] == [DocumentArrayStacked[Page]] * 3
    assert [list(array.number) for array in answers] == [[0, 1, 2], [], [0]]


def test_a_stream_can_be_a_conversation(client: Client) -> None:
    heard: list[str] = []

    def talk() -> Iterator[TextDoc]:
        yield TextDoc(text='0')
        for i in range(1, 20):
            assert eventually(lambda i=i: len(heard) == i)
            yield TextDoc(text=str(i))

    for document in client.stream('each', talk(), batch_size=1):
        heard.append(document.text)
    assert heard == [f'{i}!' for i in range(20)]


def test_an_error_in_what_is_sent_ends_the_stream(client: Client) -> None:
    def broken() -> Iterator[TextDoc]:
        yield from many(3)
        raise LookupError('no more')

    with pytest.raises(LookupError, match='no more'):
        list(client.stream('total', broken(), batch_size=1))
    with pytest.raises(InvalidValueError, match='a typed array'):
        list(client.batches('shout', [texts('a'), ['not a document']]))


def test_several_clients_at_once() -> None:
    meeting = threading.Barrier(4, timeout=SECONDS)

    def together(document: TextDoc) -> TextDoc:
        meeting.wait()
        return document

    here = 0

    async def together_later(document: TextDoc) -> TextDoc:
        nonlocal here
        here += 1
        while here % 4:
            await asyncio.sleep(0.001)
        return document

    service = Service([local(together), local(together_later)])
    with serve_grpc(service) as server, Client(server.address, timeout=SECONDS) as client:
        for name in service.endpoints:
            with ThreadPoolExecutor(4) as pool:
                calls = [pool.submit(client.call, name, TextDoc(text=str(i))) for i in range(4)]
                assert [call.result(SECONDS).text for call in calls] == ['0', '1', '2', '3']


# -------------------------------------------------------------------------------------- back-pressure


@pytest.mark.parametrize('asynchronous', [False, True])
def test_a_slow_reader_stops_the_function(asynchronous: bool) -> None:
    made = 0
    closed = threading.Event()

    def endless(document: TextDoc) -> Iterator[TextDoc]:
        nonlocal made
        try:
            while True:
                made += 1
                yield document
        finally:
            closed.set()

    async def endless_later(document: TextDoc) -> AsyncIterator[TextDoc]:
        for found in endless(document):
            yield found

    function = endless_later if asynchronous else endless
    with serve_grpc(local(function, TextDoc, Iterator[TextDoc])) as server:
        with Client(server.address, timeout=SECONDS, window=3) as client:
            answers = client.stream(function.__name__, [TextDoc(text='a')])
            next(answers)
            assert eventually(lambda: made >= 3)
            time.sleep(0.1)
            assert made <= 6
            for _ in range(50):
                next(answers)
            time.sleep(0.1)
            assert 50 < made <= 57
            answers.close()
            assert closed.wait(10)


@pytest.mark.parametrize('whole_stream', [False, True])
def test_a_slow_function_stops_what_is_sent(whole_stream: bool) -> None:
    sent = 0
    go = threading.Semaphore(0)

    def slow(document: TextDoc) -> TextDoc:
        go.acquire(timeout=SECONDS)
        return document

    def slow_stream(documents: Iterator[TextDoc]) -> Iterator[TextDoc]:
        yield from map(slow, documents)

    def sending() -> Iterator[TextDoc]:
        nonlocal sent
        while True:
            sent += 1
            yield TextDoc(text=str(sent))

    function = local(slow_stream, Iterator[TextDoc], Iterator[TextDoc]) if whole_stream else local(slow)
    with serve_grpc(function) as server, Client(server.address, timeout=SECONDS, window=3) as client:
        answers = client.stream(function.__name__, sending(), batch_size=1)
        first: list[Any] = []
        reader = threading.Thread(target=lambda: first.append(next(answers)))
        reader.start()
        assert eventually(lambda: sent >= 3)
        time.sleep(0.1)
        assert sent <= 6
        go.release(20)
        reader.join(SECONDS)
        for _ in range(19):
            next(answers)
        time.sleep(0.1)
        assert 20 <= sent <= 26
        go.release(1000)
        answers.close()
        after = sent
        time.sleep(0.1)
        assert sent <= after + 1


def test_a_client_without_a_window_is_held_by_http2_alone(server: GrpcServer) -> None:
    from docarray.formats.protobuf import encode_rows

    given = [encode_rows([TextDoc(text=str(i))]) for i in range(20)]
    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_stream('/docarray.DocumentService/shout_stream')(iter(given), timeout=SECONDS)
        answers = [Texts.from_bytes(message).text for message in call]
    assert answers == [[str(i)] for i in range(20)]


# -------------------------------------------------------------------- deadlines, cancelling, stopping


def test_deadlines(caplog: Any) -> None:
    caplog.set_level(logging.INFO, 'docarray.serve')
    ended: list[str] = []
    release = threading.Event()

    def stuck(document: TextDoc) -> TextDoc:
        release.wait(SECONDS)
        return document

    async def stuck_later(document: TextDoc) -> TextDoc:
        try:
            await asyncio.sleep(SECONDS)
        finally:
            ended.append('async')
        return document

    def ticks(document: TextDoc) -> Iterator[TextDoc]:
        try:
            while True:
                time.sleep(0.01)
                yield document
        finally:
            ended.append('sync')

    functions = [local(stuck), local(stuck_later), local(ticks, TextDoc, Iterator[TextDoc])]
    with serve_grpc(functions) as server, Client(server.address, timeout=0.2) as client:
        for name in ('stuck', 'stuck_later', 'ticks'):
            with pytest.raises(RemoteTimeoutError, match=f'{name} at .*DEADLINE_EXCEEDED') as caught:
                client.call(name, TextDoc(text='a'))
            assert caught.value.status == 'DEADLINE_EXCEEDED'
            assert isinstance(caught.value, TimeoutError)
        with pytest.raises(RemoteTimeoutError):
            for _ in client.stream('ticks', [TextDoc(text='a')], timeout=0.2):
                pass
        assert eventually(lambda: sorted(ended) == ['async', 'sync', 'sync'])
        release.set()
        assert client.call('stuck', TextDoc(text='a'), timeout=SECONDS).text == 'a'
    assert caplog.records == []


def test_leaving_a_stream_ends_the_function_that_waits_for_more(caplog: Any) -> None:
    caplog.set_level(logging.INFO, 'docarray.serve')
    ended: list[str] = []
    silence = threading.Event()

    def listens(documents: Iterator[TextDoc]) -> Iterator[TextDoc]:
        try:
            yield from documents
        except RemoteError:
            ended.append('told')
            raise
        finally:
            ended.append('ended')

    def quiet() -> Iterator[TextDoc]:
        yield TextDoc(text='a')
        silence.wait(SECONDS)

    with serve_grpc(local(listens, Iterator[TextDoc], Iterator[TextDoc])) as server:
        with Client(server.address, timeout=SECONDS) as client:
            for document in client.stream('listens', quiet(), batch_size=1):
                assert document.text == 'a'
                break
            assert eventually(lambda: 'ended' in ended)
        silence.set()
    assert caplog.records == []


def test_stopping_lets_calls_finish_and_refuses_new_ones() -> None:
    before = set(threading.enumerate())
    started, release = threading.Event(), threading.Event()

    def slow(document: TextDoc) -> TextDoc:
        started.set()
        release.wait(SECONDS)
        return document

    async def quick(document: TextDoc) -> TextDoc:
        return document

    server = serve_grpc([local(slow), local(quick)])
    with Client(server.address, timeout=SECONDS) as client, ThreadPoolExecutor(2) as pool:
        assert client.quick(TextDoc(text='q')).text == 'q'
        call = pool.submit(client.slow, TextDoc(text='a'))
        assert started.wait(SECONDS)
        stopping = pool.submit(server.stop, SECONDS)
        assert eventually(lambda: refused(server))
        assert not stopping.done()
        release.set()
        assert call.result(SECONDS).text == 'a'
        stopping.result(SECONDS)
    server.stop()  # again, to no effect
    assert not server.wait(0)
    left = {thread.name for thread in set(threading.enumerate()) - before if 'docarray' in thread.name}
    assert left == set()


def refused(server: GrpcServer) -> bool:
    with Client(server.address, timeout=2) as client:
        try:
            client.quick(TextDoc(text='late'))
        except RemoteError as error:
            return error.status == 'UNAVAILABLE'
    return False


def test_stopping_cancels_what_does_not_finish() -> None:
    ended = threading.Event()

    async def forever(document: TextDoc) -> TextDoc:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return document

    server = serve_grpc(local(forever))
    with Client(server.address, timeout=SECONDS) as client, ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.forever, TextDoc(text='a'))
        time.sleep(0.2)
        begun = time.monotonic()
        server.stop(grace=0.1)
        assert time.monotonic() - begun < 5
        assert ended.wait(5)
        with pytest.raises(RemoteError):
            call.result(SECONDS)


SCRIPT = """
    import sys
    from docarray import DocumentArray
    from docarray.documents import TextDoc
    from docarray.serve import serve_grpc

    def shout(documents: DocumentArray[TextDoc]) -> DocumentArray[TextDoc]:
        documents.text = [text.upper() for text in documents.text]
        return documents

    server = serve_grpc(shout)
    sys.stdout.write(f'{server.port}\\n')
    sys.stdout.flush()
    server.run()
    sys.stdout.write('stopped\\n')
"""


@pytest.mark.skipif(sys.platform == 'win32', reason='no SIGTERM')
def test_a_server_in_a_process_of_its_own_stops_when_told() -> None:
    process = subprocess.Popen(
        [sys.executable, '-c', textwrap.dedent(SCRIPT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        with Client(f'localhost:{port}', timeout=SECONDS) as client:
            assert client.shout(texts('a')).text == ['A']
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=SECONDS)
        assert (out, process.returncode) == ('stopped\n', 0), err
    finally:
        process.kill()


# --------------------------------------------------------------------------------------------- limits


def test_size_limits_in_both_directions() -> None:
    with serve_grpc([local(grow), local(mark)], max_message_bytes=10_000) as server:
        with Client(server.address, max_message_bytes=10_000) as client:
            with pytest.raises(LimitError, match='got a message of .* wanted at most 10000.*as a stream'):
                client.mark(TextDoc(text='x' * 20_000))
        with Client(server.address, timeout=SECONDS) as client:
            with pytest.raises(RemoteError) as caught:
                client.mark(TextDoc(text='x' * 20_000))
            assert caught.value.status == 'RESOURCE_EXHAUSTED'
            with pytest.raises(RemoteError, match='wanted at most 10000') as caught:
                client.grow(TextDoc(text='20000'))
            assert caught.value.status == 'RESOURCE_EXHAUSTED'
            with pytest.raises(RemoteError, match='wanted at most 10000'):
                list(client.stream('grow', [TextDoc(text='20000')]))
            assert len(client.grow(TextDoc(text='9000')).text) == 9000
        with Client(server.address, max_message_bytes=5_000, timeout=SECONDS) as client:
            with pytest.raises(RemoteError) as caught:
                client.grow(TextDoc(text='9000'))
            assert caught.value.status == 'RESOURCE_EXHAUSTED'


@pytest.mark.parametrize('wire', ['protobuf', 'arrow', 'json'])
def test_the_number_of_documents_in_a_message_is_limited(wire: str) -> None:
    documents = DocumentArray[TextDoc]([TextDoc(text='a')] * 5)
    with serve_grpc(local(mark), max_message_documents=4) as server:
        with Client(server.address, timeout=SECONDS, wire=wire) as client:
            assert len(client.mark(documents[:4])) == 4
            with pytest.raises(RemoteError, match='wanted at most 4.*max_message_documents') as caught:
                client.mark(documents)
            assert caught.value.status == 'RESOURCE_EXHAUSTED'
        with Client(server.address, timeout=SECONDS, wire=wire, max_message_documents=3) as client:
            with pytest.raises(LimitError, match='wanted at most 3'):
                client.mark(documents[:4])


def test_an_answer_without_end_is_refused_unless_it_is_a_stream() -> None:
    closed = threading.Event()

    def endless(document: TextDoc) -> Iterator[TextDoc]:
        try:
            while True:
                yield document
        finally:
            closed.set()

    with serve_grpc(local(endless, TextDoc, Iterator[TextDoc]), max_message_bytes=100_000) as server:
        with Client(server.address) as client:
            with pytest.raises(RemoteError, match='wanted at most 100000.*as a stream') as caught:
                client.endless(TextDoc(text='x' * 1000))
            assert caught.value.status == 'RESOURCE_EXHAUSTED'
            assert closed.wait(SECONDS)
            assert next(client.stream('endless', texts('a'))).text == 'a'


def test_large_messages_pass_where_allowed(server: GrpcServer) -> None:
    with Client(server.address, timeout=SECONDS) as client:
        assert len(client.grow(TextDoc(text='8000000')).text) == 8_000_000  # gRPC's own limit is 4 MiB


# ---------------------------------------------------------------------------------------------- errors


def test_invalid_documents_are_refused_with_their_place(server: GrpcServer) -> None:
    with Client(server.address, wire='json', timeout=SECONDS) as client:
        with pytest.raises(RemoteError) as caught:
            client.call('rows', DocumentArray[Small]([Small(number=1)]), returns=DocumentArray[Small])
        assert caught.value.status == 'INVALID_ARGUMENT'
        assert 'title' in str(caught.value)


class Loose(BaseDocument):
    title: TextDoc = TextDoc()
    number: int = 0
    vector: Any16


def test_the_error_says_what_the_server_said(plain: Client) -> None:
    wrong = DocumentArray[Loose]([Loose(vector=np.zeros(3, 'float16')), Loose(vector=np.zeros(2, 'float16'))])
    with pytest.raises(RemoteError) as caught:
        plain.call('rows', wrong)
    error = caught.value
    assert (error.status, error.got, error.wanted) == ('INVALID_ARGUMENT', 'shape (2,)', '(3,)')
    assert '1.vector' in error.where
    with pytest.raises(RemoteError, match='refuse at .*: INVALID_ARGUMENT: refuse: got tea') as caught:
        plain.refuse(TextDoc(text='a'))
    error = caught.value
    assert (error.where, error.got, error.wanted) == ('refuse', 'tea', 'coffee')
    assert error.hint == 'Ask for coffee — ☕.'


@pytest.mark.parametrize('wire', WIRES)
def test_a_fingerprint_convinces_nobody(server: GrpcServer, wire: str) -> None:
    with Client(server.address, wire=wire, timeout=SECONDS) as client:
        with pytest.raises(RemoteError) as caught:
            client.rows(lying_pages())
    assert (caught.value.status, caught.value.got) == ('INVALID_ARGUMENT', 'shape (5,)')


@pytest.mark.parametrize('wire', WIRES)
def test_bytes_of_any_kind_are_refused_and_the_server_lives_on(server: GrpcServer, wire: str) -> None:
    rng = np.random.default_rng(0)
    good = client_message(wire)
    broken = [good[:-3], b'\xff' * 40, b'\x0a\xff\xff\xff\xff\x7f', b'{', b'null', bytes(8)]
    broken += [rng.bytes(int(size)) for size in rng.integers(1, 200, 20)]
    with grpc.insecure_channel(server.address) as channel:
        method = channel.unary_unary('/docarray.DocumentService/rows')
        for data in broken:
            with pytest.raises(grpc.RpcError) as caught:
                method(data, timeout=SECONDS, metadata=[('docarray-wire', wire)])
            assert caught.value.code().name in ('INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED'), data
        assert method(good, timeout=SECONDS, metadata=[('docarray-wire', wire)])


def client_message(wire: str) -> bytes:
    from docarray.serve.wire import pack

    return pack(wire, pages(2), Limits())


@pytest.mark.parametrize('name', [*served.FAILING, 'makes_wrong_documents'])
def test_what_goes_wrong_in_a_function_is_not_told(plain: Client, caplog: Any, name: str) -> None:
    caplog.set_level(logging.ERROR, 'docarray.serve')
    for answer in (lambda: plain.call(name, TextDoc(text='a')), lambda: list(plain.stream(name, texts('a')))):
        with pytest.raises(RemoteError) as caught:
            answer()
        assert caught.value.status == 'INTERNAL'
        assert str(caught.value).endswith(f'INTERNAL: {name} failed')
    records = [record for record in caplog.records if record.name == 'docarray.serve']
    assert len(records) == 2
    assert all(record.exc_info for record in records)
    assert plain.mark_later(TextDoc(text='a')).text == 'a!'


def test_long_errors_fit_into_headers() -> None:
    def long(document: TextDoc) -> TextDoc:
        raise InvalidValueError(where='é' * 5000, got='☕' * 5000, wanted='x\n\r\0' * 5000, hint='😀' * 5000)

    with serve_grpc(local(long)) as server, Client(server.address, timeout=SECONDS) as client:
        with pytest.raises(RemoteError, match='INVALID_ARGUMENT') as caught:
            client.long(TextDoc(text='a'))
        assert caught.value.got.startswith('☕')


def test_other_refusals(plain: Client, server: GrpcServer) -> None:
    with pytest.raises(RemoteError) as caught:
        plain.nowhere(TextDoc(text='a'))
    assert caught.value.status == 'UNIMPLEMENTED'
    with grpc.insecure_channel(server.address) as channel:
        for metadata in (
            [('docarray-wire', 'pickle')],
            [('docarray-window', '0')],
            [('docarray-window', 'x')],
            [('docarray-window', '9' * 5000)],
        ):
            with pytest.raises(grpc.RpcError) as wrong:
                path = '/docarray.DocumentService/shout_stream'
                list(channel.stream_stream(path)(iter([b'']), timeout=SECONDS, metadata=metadata))
            assert wrong.value.code().name == 'INVALID_ARGUMENT'
    with pytest.raises(RemoteError, match='localhost') as caught:
        serve_grpc(shout, server.address)
    with Client('localhost:1', timeout=5) as client, pytest.raises(RemoteError) as caught:
        client.shout(texts('a'))
    assert caught.value.status in ('UNAVAILABLE', 'DEADLINE_EXCEEDED')


# ------------------------------------------------------------------------------------- around calls


class Noted(grpc.ServerInterceptor):  # type: ignore[misc]
    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        self.seen.append((details.method, dict(details.invocation_metadata).get('token')))
        return continuation(details)


def test_interceptors_metadata_and_credentials_pass_through() -> None:
    noted = Noted()
    with serve_grpc(
        shout,
        'localhost:0',
        interceptors=[noted],
        credentials=grpc.local_server_credentials(),
        options=[('grpc.max_connection_idle_ms', 10_000)],
    ) as server:
        with Client(
            server.address,
            metadata=[('token', 'abc')],
            credentials=grpc.local_channel_credentials(),
            timeout=SECONDS,
        ) as client:
            assert client.shout(texts('a')).text == ['A']
    assert noted.seen == [('/docarray.DocumentService/shout', 'abc')]


def test_health(server: GrpcServer) -> None:
    name = SERVICE.name.encode()
    with grpc.insecure_channel(server.address) as channel:
        check = channel.unary_unary('/grpc.health.v1.Health/Check')
        for request in (b'', b'\x0a' + bytes([len(name)]) + name):
            assert check(request, timeout=SECONDS) == b'\x08\x01'
        with pytest.raises(grpc.RpcError) as caught:
            check(b'\x0a\x04nope', timeout=SECONDS)
        assert caught.value.code().name == 'NOT_FOUND'


def test_two_services_by_name() -> None:
    service = Service(shout, name='texts.Service')
    with serve_grpc(service) as server:
        with Client(server.address, service, timeout=SECONDS) as client:
            assert client.shout(texts('a')).text == ['A']
        with (
            Client(server.address, timeout=SECONDS) as client,
            pytest.raises(RemoteError, match='UNIMPLEMENTED'),
        ):
            client.shout(texts('a'))


def test_messages_are_those_of_the_proto_file(server: GrpcServer) -> None:
    from docarray.formats.protobuf import from_protobuf

    with grpc.insecure_channel(server.address) as channel:
        message = texts('a').to_protobuf()
        method = channel.unary_unary(
            '/docarray.DocumentService/shout',
            request_serializer=type(message).SerializeToString,
            response_deserializer=type(message).FromString,
        )
        assert from_protobuf(Texts, method(message, timeout=SECONDS)).text == ['A']
