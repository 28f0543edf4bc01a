"""Services over HTTP: a router of FastAPI behind a real server, asked by a real client."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest

pytest.importorskip('fastapi')
pytest.importorskip('uvicorn')
pytest.importorskip('httpx')

import httpx
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.formats import get_format
from docarray.formats.building import batch_of
from docarray.schema import schema_of
from docarray.serve import Service, router
from docarray.serve.media import JSON, MEDIA, accepted
from tests.unit import served
from tests.unit.served import (
    FAILING,
    SECONDS,
    Page,
    Texts,
    each,
    eventually,
    flow,
    local,
    lying_pages,
    mark,
    pages,
    rows,
    shout,
    texts,
)

pytestmark = pytest.mark.filterwarnings('ignore::DeprecationWarning')

NDJSON, PROTOBUF, ARROW = (
    'application/x-ndjson',
    'application/x-protobuf',
    'application/vnd.apache.arrow.stream',
)
PROTOBUF_STREAM = 'application/x-protobuf-stream'


class Node(BaseDocument):
    name: str
    children: DocumentArray[Node] = []


def columns(pages: DocumentArrayStacked[Page]) -> DocumentArrayStacked[Page]:
    assert type(pages) is DocumentArrayStacked[Page]
    return pages


def total(documents: DocumentArray[TextDoc]) -> TextDoc:
    return TextDoc(text=str(len(documents)))


def letters(document: TextDoc) -> DocumentArray[TextDoc]:
    return Texts([TextDoc(text=letter) for letter in document.text or ''])


def tree(node: Node) -> Node:
    return node


def teapot(document: TextDoc) -> TextDoc:
    raise HTTPException(418, 'a teapot')


def fails_midway(document: TextDoc) -> Iterator[TextDoc]:
    yield document
    raise KeyError('a secret')


FUNCTIONS = [*served.FUNCTIONS, columns, total, letters, tree, teapot, fails_midway]


@contextmanager
def serving(*functions: Any, **options: Any) -> Iterator[httpx.Client]:
    app = FastAPI()
    app.include_router(router(functions, **options))
    with running(app) as client:
        yield client


@contextmanager
def running(app: FastAPI) -> Iterator[httpx.Client]:
    config = uvicorn.Config(app, host='127.0.0.1', port=0, log_level='critical', timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f'http://127.0.0.1:{port}', timeout=SECONDS) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope='module')
def client() -> Iterator[httpx.Client]:
    with serving(*FUNCTIONS, max_body_bytes=1 << 20, batch_size=4) as made:
        yield made


def post(
    client: httpx.Client, path: str, content: Any, given: str = JSON.name, accept: str = ''
) -> httpx.Response:
    headers = {'content-type': given, **({'accept': accept} if accept else {'accept': '*/*'})}
    return client.post(path, content=content, headers=headers)


def body_of(array: Any, media: str) -> bytes:
    made = get_format(MEDIA[media].format)
    if MEDIA[media].streams:
        return b''.join(made.dump_stream([batch_of(array)]))
    return made.dumps(batch_of(array))


def read(answer: httpx.Response, cls: Any) -> Any:
    assert answer.status_code == 200, answer.text
    media = MEDIA[answer.headers['content-type'].partition(';')[0]]
    made, schema = get_format(media.format), schema_of(cls)
    if media.streams:
        batches = list(made.load_stream([answer.content], schema))
        return DocumentArray[cls]([row for batch in batches for row in batch.rows()])
    return DocumentArray[cls](made.loads(answer.content, schema).rows())


# --------------------------------------------------------------------------------- bodies and answers


def test_one_function_is_enough() -> None:
    app = FastAPI()
    app.include_router(router(shout))
    with running(app) as client:
        given = texts('a', 'b')
        answer = client.post('/shout', content=given.to_json(), headers={'content-type': 'application/json'})
        back = Texts.from_json(answer.content)
    assert (back.text, back.id) == (['A', 'B'], given.id)


def test_json_arrays_and_single_documents(client: httpx.Client) -> None:
    assert [row['text'] for row in post(client, '/shout', '["a", {"text": "b"}]').json()] == ['A', 'B']
    assert [row['text'] for row in post(client, '/shout', ' {"text": "b"}').json()] == ['B']
    assert post(client, '/shout', '[]').json() == []
    for path in ('/mark', '/mark_later'):
        assert post(client, path, '{"text": "a"}').json()['text'] == 'a!'
        assert [row['text'] for row in post(client, path, '["a", "b"]').json()] == ['a!', 'b!']
    assert post(client, '/total', '["a", "b"]').json()['text'] == '2'
    assert [row['text'] for row in post(client, '/letters', '{"text": "ab"}').json()] == ['a', 'b']
    assert [row['text'] for row in post(client, '/each', '["a", "b"]').json()] == ['a!', 'b!']
    nested = '{"name": "a", "children": [{"name": "b"}]}'
    assert post(client, '/tree', nested).json()['children'][0]['name'] == 'b'


@pytest.mark.parametrize('given', list(MEDIA))
@pytest.mark.parametrize('accept', ['', *MEDIA])
def test_every_type_in_and_out(client: httpx.Client, given: str, accept: str) -> None:
    for media in {given, accept or given}:
        for name in MEDIA[media].format, 'pyarrow' if 'arrow' in media else '':
            if name in ('pyarrow', 'protobuf'):
                pytest.importorskip({'protobuf': 'google.protobuf'}.get(name, name))
    sent = pages(6)
    for path in ('/rows', '/columns'):
        if path == '/columns':
            sent = DocumentArray[Page]([page for page in sent if page.scores is not None])
        answer = post(client, path, body_of(sent, given), given, accept)
        assert answer.headers['content-type'].partition(';')[0] == accept or given
        back = read(answer, Page)
        assert back == sent
        assert back.id == sent.id
        assert {page.vector.dtype.name for page in back} == {'float16'}


def test_streams_are_served_in_batches(client: httpx.Client) -> None:
    ten = body_of(texts(*map(str, range(10))), NDJSON)
    assert read(post(client, '/sizes', ten, NDJSON), TextDoc).text == ['4', '4', '2']
    assert read(post(client, '/total', ten, NDJSON, JSON.name), TextDoc).text == ['4', '4', '2']
    assert read(post(client, '/each', ten, NDJSON), TextDoc).text == [f'{i}!' for i in range(10)]
    assert read(post(client, '/flow', ten, NDJSON), TextDoc).text == [f'{i}!' for i in range(10)]
    assert read(post(client, '/sizes', b'', NDJSON), TextDoc) == []
    assert post(client, '/sizes', body_of(texts(*'abcdef'), JSON.name)).json()[0]['text'] == '6'


def test_arrow_streams_where_the_function_does(client: httpx.Client) -> None:
    pytest.importorskip('pyarrow')
    ten = texts(*map(str, range(10)))
    assert read(post(client, '/sizes', body_of(ten, ARROW), ARROW), TextDoc).text == ['10']
    assert read(post(client, '/each', body_of(ten, ARROW), ARROW), TextDoc).text == [
        f'{i}!' for i in range(10)
    ]


@pytest.mark.parametrize(
    ('header', 'expected'),
    [
        ('', 'application/json'),
        ('*/*', 'application/json'),
        ('application/*', 'application/json'),
        ('application/x-protobuf', PROTOBUF),
        ('application/protobuf', PROTOBUF),
        ('application/json;q=0.1, application/x-protobuf;q=0.2', PROTOBUF),
        ('application/json;q=0, */*', NDJSON),
        ('application/x-ndjson;q=0.5, */*;q=0.1', NDJSON),
        ('text/html, application/xhtml+xml, */*;q=0.8', 'application/json'),
        ('APPLICATION/JSON ; Q=0.3', 'application/json'),
        ('text/html', None),
        ('application/json;q=0', None),
        ('application/json;q=high', None),
    ],
)
def test_the_answer_is_what_the_client_likes_best(header: str, expected: str | None) -> None:
    found = accepted(header, JSON)
    assert (found and found.name) == expected


# --------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ('path', 'body', 'loc', 'code'),
    [
        ('/shout', '[{"text": []}]', ['body', 0, 'text'], 'string_type'),
        ('/shout', '[', ['body'], 'json_invalid'),
        ('/shout', '5', ['body'], 'list_type'),
        ('/mark', '{"text": []}', ['body', 'text'], 'string_type'),
        ('/mark', '{', ['body'], 'json_invalid'),
        ('/shout', '', ['body'], 'json_invalid'),
        ('/rows', '[{"title": "a", "number": 1, "vector": [1, 2]}]', ['body', 0, 'vector'], 'tensor_shape'),
        ('/letters', '["a", "b"]', ['body'], 'invalid_value'),
        ('/refuse', '"a"', ['body'], 'list_type'),
        ('/refuse', '["a"]', ['body'], 'invalid_value'),
    ],
)
def test_bad_bodies_are_422_with_their_place(
    client: httpx.Client, path: str, body: str, loc: list[Any], code: str
) -> None:
    answer = post(client, path, body)
    assert answer.status_code == 422, answer.text
    fault = answer.json()['detail'][0]
    assert (fault['loc'], fault['type']) == (loc, code)
    assert len(answer.content) < 2000


@pytest.mark.parametrize('given', [NDJSON, PROTOBUF, PROTOBUF_STREAM, ARROW])
def test_broken_bodies_of_other_types_are_422(client: httpx.Client, given: str) -> None:
    good = body_of(pages(2), given)
    for body in (good[:-3], b'\xff' * 40, b'{"title": 1}', np.random.default_rng(0).bytes(200)):
        answer = post(client, '/rows', body, given, JSON.name)
        assert answer.status_code in (413, 422), (body, answer.text)
        assert answer.json()['detail'][0]['loc'][0] == 'body'
    assert post(client, '/rows', good, given).status_code == 200


@pytest.mark.parametrize('given', [PROTOBUF, ARROW])
def test_a_fingerprint_convinces_nobody(client: httpx.Client, given: str) -> None:
    answer = post(client, '/rows', body_of(lying_pages(), given), given)
    assert answer.json()['detail'][0]['loc'] == ['body', 0, 'vector']


def test_types_that_are_not_known(client: httpx.Client) -> None:
    for given in ('text/plain', 'application/x-www-form-urlencoded', ''):
        answer = post(client, '/shout', '[]', given)
        assert answer.status_code == 415
        assert 'application/json' in answer.json()['detail'][0]['msg']
    assert post(client, '/shout', '[]', accept='text/html').status_code == 406
    headers = [('content-type', JSON.name), ('accept', 'text/html'), ('accept', 'application/json')]
    assert client.post('/shout', content=b'[]', headers=headers).status_code == 200
    headers = {'content-type': 'application/json', 'content-encoding': 'gzip'}
    assert client.post('/shout', content=b'x', headers=headers).status_code == 415
    assert client.get('/shout').status_code == 405


def test_what_goes_wrong_in_a_function_is_not_told(client: httpx.Client, caplog: Any) -> None:
    caplog.set_level(logging.ERROR, 'docarray.serve')
    for name in FAILING:
        answer = post(client, f'/{name}', '{"text": "a"}')
        assert answer.status_code == 500
        assert answer.json()['detail'] == [{'type': 'internal', 'loc': ['body'], 'msg': f'{name} failed'}]
    assert len([record for record in caplog.records if record.name == 'docarray.serve']) == len(FAILING)
    assert post(client, '/mark_later', '{"text": "a"}').json()['text'] == 'a!'
    assert post(client, '/teapot', '{"text": "a"}').status_code == 418


def test_an_answer_that_fails_midway_is_broken_off(client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(client, '/fails_midway', '{"text": "a"}', accept=NDJSON)
    assert post(client, '/fails_midway', '{"text": "a"}').status_code == 500
    good, bad = body_of(texts(*'abcd'), NDJSON), b'{"text": []}\n'
    assert post(client, '/shout', bad + good, NDJSON).status_code == 422


# ------------------------------------------------------------------------------ limits and deadlines


@pytest.mark.parametrize('media', list(MEDIA))
def test_the_number_of_documents_in_a_body_is_limited(media: str) -> None:
    with serving(*FUNCTIONS, max_body_documents=4) as client:
        assert post(client, '/shout', body_of(texts(*'abcd'), media), media).status_code == 200
        try:
            answer = post(client, '/shout', body_of(texts(*'abcde'), media), media)
        except httpx.RemoteProtocolError:  # the answer to the first four had begun
            assert media == 'application/x-protobuf-stream'
            return
        assert answer.status_code == 413
        assert 'at most 4' in answer.text


def test_a_body_is_refused_as_soon_as_it_is_too_large(client: httpx.Client) -> None:
    assert post(client, '/shout', json.dumps(['x' * (1 << 20)])).status_code == 413
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 1 << 30:
            sent += 1 << 16
            yield b' ' * (1 << 16)

    try:
        assert post(client, '/shout', endless()).status_code == 413
    except httpx.TransportError:  # the server may close while the client still writes
        pass
    assert sent < 1 << 28
    assert post(client, '/shout', '["a"]').status_code == 200


@pytest.mark.parametrize('given', [JSON.name, NDJSON])
def test_slow_clients_leave_the_threads_to_others(given: str) -> None:
    app = FastAPI()
    app.include_router(router([shout, each, flow]))
    app.get('/other')(lambda: 'answered')
    head = f'host: x\r\ncontent-type: {given}\r\ncontent-length: 1000\r\n\r\n"a"\n'
    with running(app) as client, ExitStack() as connections:
        for path in ('shout', 'each', 'flow') * 15:  # of threads for functions FastAPI has 40
            place = ('127.0.0.1', client.base_url.port)
            connection = connections.enter_context(socket.create_connection(place, timeout=SECONDS))
            connection.sendall(f'POST /{path} HTTP/1.1\r\n{head}'.encode())
        time.sleep(0.3)
        assert client.get('/other').text == '"answered"'
        assert post(client, '/shout', '["a"]').status_code == 200


def test_deadlines(caplog: Any) -> None:
    release, ended = threading.Event(), []

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
    with serving(*functions, timeout=0.3) as client:
        for path in ('/stuck', '/stuck_later', '/ticks'):
            begun = time.monotonic()
            answer = post(client, path, '{"text": "a"}')
            assert (answer.status_code, answer.json()['detail'][0]['type']) == (504, 'timeout')
            assert time.monotonic() - begun < 5
        with pytest.raises(httpx.RemoteProtocolError):
            post(client, '/ticks', '{"text": "a"}', accept=NDJSON)
        assert eventually(lambda: sorted(ended) == ['async', 'sync', 'sync'])
        release.set()
        assert post(client, '/stuck', '{"text": "a"}').status_code == 200
    gc.collect()  # errors that nobody has asked for are told of then
    assert not [record for record in caplog.records if record.name in ('asyncio', 'docarray.serve')]


def test_a_body_that_does_not_come_has_the_same_deadline() -> None:
    with serving(shout, each, timeout=0.2) as client:
        for path, given in (('shout', JSON.name), ('each', NDJSON)):
            with socket.create_connection(('127.0.0.1', client.base_url.port), timeout=SECONDS) as connection:
                head = f'host: x\r\ncontent-type: {given}\r\ncontent-length: 1000\r\n\r\n"a"\n'
                connection.sendall(f'POST /{path} HTTP/1.1\r\n{head}'.encode())
                assert connection.recv(1000).startswith(b'HTTP/1.1 504 ')


@pytest.mark.parametrize('asynchronous', [False, True])
def test_a_slow_reader_stops_the_function_and_leaving_ends_it(asynchronous: bool) -> None:
    made = 0
    closed = threading.Event()
    large = TextDoc(text='x' * 500_000)

    def endless(document: TextDoc) -> Iterator[TextDoc]:
        nonlocal made
        try:
            while True:
                made += 1
                yield large
        finally:
            closed.set()

    async def endless_later(document: TextDoc) -> AsyncIterator[TextDoc]:
        for found in endless(document):
            yield found

    function = local(endless_later if asynchronous else endless, TextDoc, Iterator[TextDoc])
    with serving(function) as client:
        headers = {'content-type': JSON.name, 'accept': NDJSON}
        path = f'/{function.__name__}'
        with client.stream('POST', path, content='{"text": "a"}', headers=headers) as answer:
            next(answer.iter_raw())
            time.sleep(0.3)
            first = made
            time.sleep(0.2)
            assert made == first <= 40  # what sockets hold: up to some megabytes
        assert closed.wait(10)
        assert made <= first + 2


def test_a_slow_function_stops_the_body() -> None:
    go = threading.Semaphore(0)
    line = (TextDoc(text='x' * 500_000).to_json() + '\n').encode()
    sent = 0

    def slow(document: TextDoc) -> TextDoc:
        go.acquire(timeout=SECONDS)
        return TextDoc(text='done')

    def sending() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield line

    with serving(local(slow), max_body_bytes=1 << 30) as client:
        answers: list[Any] = []
        caller = threading.Thread(target=lambda: answers.append(post(client, '/slow', sending(), NDJSON)))
        caller.start()
        assert eventually(lambda: sent > 2)
        time.sleep(0.3)
        first = sent
        time.sleep(0.2)
        assert sent == first <= 60
        go.release(1000)
        caller.join(SECONDS)
        assert sent == 100
        assert len(answers[0].text.splitlines()) == 100


def test_a_client_that_leaves_while_it_sends_ends_the_function(caplog: Any) -> None:
    caplog.set_level(logging.INFO, 'docarray.serve')
    ended = threading.Event()

    def listens(documents: Iterator[TextDoc]) -> Iterator[TextDoc]:
        try:
            yield from documents
        finally:
            ended.set()

    with serving(local(listens, Iterator[TextDoc], Iterator[TextDoc])) as client:
        assert client.base_url.port is not None
        with socket.create_connection(('127.0.0.1', client.base_url.port), timeout=SECONDS) as connection:
            head = (
                f'POST /listens HTTP/1.1\r\nhost: x\r\ncontent-type: {NDJSON}\r\ncontent-length: 1000\r\n\r\n'
            )
            connection.sendall(head.encode() + b'"a"\n')
            time.sleep(0.2)
            assert not ended.is_set()
        assert ended.wait(10)
    assert caplog.records == []


@pytest.mark.parametrize('asynchronous', [False, True])
def test_a_client_that_leaves_before_the_answer_ends_the_function(asynchronous: bool, caplog: Any) -> None:
    caplog.set_level(logging.INFO, 'docarray.serve')
    begun, ended = threading.Event(), threading.Event()

    def endless(document: TextDoc) -> Iterator[TextDoc]:
        try:
            while True:
                begun.set()
                time.sleep(0.01)
                yield document
        finally:
            ended.set()

    async def waits(document: TextDoc) -> TextDoc:
        try:
            begun.set()
            await asyncio.sleep(SECONDS)
        finally:
            ended.set()
        return document

    function = local(waits) if asynchronous else local(endless, TextDoc, Iterator[TextDoc])
    with serving(function) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(f'/{function.__name__}', json={'text': 'a'}, timeout=0.3)
        assert begun.is_set()
        assert ended.wait(10)
        assert post(client, f'/{function.__name__}', '[').status_code == 422
    assert caplog.records == []


# ----------------------------------------------------------------------------------- within FastAPI


def test_options_and_dependencies_are_those_of_any_router() -> None:
    async def signed(request: Request) -> None:
        if request.headers.get('token') != 'abc' or b'evil' in await request.body():
            raise HTTPException(401)

    app = FastAPI()
    app.include_router(
        router(shout, prefix='/v1', tags=['texts'], dependencies=[Depends(signed)]), prefix='/api'
    )
    with running(app) as client:
        headers = {'content-type': 'application/json', 'token': 'abc'}
        assert post(client, '/api/v1/shout', '["a"]').status_code == 401
        assert client.post('/api/v1/shout', content='["evil"]', headers=headers).status_code == 401
        assert client.post('/api/v1/shout', content='["a"]', headers=headers).json()[0]['text'] == 'A'


def test_middleware_that_gives_the_body_again() -> None:
    class Again:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            message = await receive() if scope['type'] == 'http' else None

            async def again() -> Any:
                return message

            await self.app(scope, again if message else receive, send)

    def slow(document: TextDoc) -> TextDoc:
        time.sleep(0.05)
        return document

    app = FastAPI()
    app.include_router(router(local(slow)))
    app.add_middleware(Again)

    @app.middleware('http')
    async def another(request: Request, following: Any) -> Any:
        return await following(request)

    with running(app) as client:
        assert post(client, '/slow', '{"text": "a"}').json()['text'] == 'a'


def test_openapi_describes_documents() -> None:
    app = FastAPI()
    app.include_router(router(Service([rows, columns, mark, each, tree, shout]), prefix='/v1'))
    spec = app.openapi()
    schemas = spec['components']['schemas']
    assert set(spec['paths']) == {
        f'/v1/{name}' for name in ('rows', 'columns', 'mark', 'each', 'tree', 'shout')
    }
    for path, item in spec['paths'].items():
        body, answer = item['post']['requestBody'], item['post']['responses']['200']
        assert body['required'], path
        assert set(body['content']) == set(answer['content']) == set(MEDIA)
        for content in (body['content'], answer['content']):
            schema = content['application/json']['schema']
            reference = schema.get('$ref') or schema['items']['$ref']
            assert reference.removeprefix('#/components/schemas/') in schemas
    assert '$ref' in spec['paths']['/v1/mark']['post']['requestBody']['content']['application/json']['schema']
    assert spec['paths']['/v1/shout']['post']['description'] == 'Write in capitals.'
    assert schemas['Page']['properties']['vector']['tensor/array shape'] == '[3]'


def test_several_requests_at_once() -> None:
    meeting = threading.Barrier(4, timeout=SECONDS)

    def together(document: TextDoc) -> TextDoc:
        meeting.wait()
        return document

    with serving(local(together)) as client:
        answers: list[int] = []
        callers = [
            threading.Thread(
                target=lambda: answers.append(post(client, '/together', '{"text": "a"}').status_code)
            )
            for _ in range(4)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(SECONDS)
    assert answers == [200] * 4
