"""Documents as bodies and answers of FastAPI, in process and over a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Annotated, Any, List, Optional  # noqa: UP035 - users write List

import numpy as np
import pytest

pytest.importorskip('fastapi')
pytest.importorskip('httpx')

import fastapi
import httpx
from fastapi import APIRouter, Body, FastAPI

from docarray import AnyDocument, BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import AudioDoc, ImageDoc, LegacyDocument, Mesh3D, PointCloud3D, TextDoc, VideoDoc
from docarray.errors import InvalidValueError
from docarray.typing import ImageBytes, NdArray
from docarray.web import DocArrayResponse, DocumentResponse, DocumentRoute

pytestmark = pytest.mark.filterwarnings('ignore::DeprecationWarning')


Grid, Line, Rest, Floats = NdArray[3, 'n'], NdArray['n'], NdArray[2, ..., 'float32'], NdArray['float32']


class Page(BaseDocument):
    title: TextDoc
    grid: Grid
    line: Line
    rest: Rest | None = None
    raw: bytes = b''
    picture: ImageBytes | None = None
    parts: DocumentArray[TextDoc] | None = None


class Exact(BaseDocument, tensors='base64'):
    vector: Floats


PREDEFINED = [TextDoc, ImageDoc, AudioDoc, VideoDoc, Mesh3D, PointCloud3D, LegacyDocument]


def make_app() -> FastAPI:
    app = FastAPI()
    app.router.route_class = DocumentRoute

    @app.post('/one')
    def one(page: Page) -> Page:
        assert type(page) is Page
        return page

    @app.post('/rows')
    async def rows(body: DocumentArray[TextDoc]) -> DocumentArray[TextDoc]:
        assert type(body) is DocumentArray[TextDoc]
        return body

    @app.post('/pages', response_model=DocumentArray[Page])
    def pages(body: DocumentArray[Page]):
        return body

    @app.post('/list')
    def list_(body: List[Page]) -> List[Page]:  # noqa: UP006
        return body

    @app.post('/columns')
    def columns(body: DocumentArrayStacked[Page]) -> DocumentArrayStacked[Page]:
        assert body.grid.shape[1] == 3
        return body

    @app.post('/titles')
    def titles(body: DocumentArrayStacked[Page]) -> DocumentArray[TextDoc]:
        return body.unstack().title

    @app.post('/two')
    def two(text: TextDoc, pages: Optional[DocumentArray[Page]] = None, shift: int = 0) -> int:  # noqa: UP045 - the old spelling too
        return len(text.text or '') + len(pages or ()) + shift

    @app.post('/marked')
    def marked(body: Annotated[DocumentArray[TextDoc], Body(embed=True)]) -> int:
        return len(body)

    @app.post('/defaulted')
    def defaulted(body: DocumentArray[TextDoc] = Body()) -> int:  # noqa: B008
        return len(body)

    @app.post('/exact')
    def exact(body: DocumentArray[Exact]) -> DocumentArray[Exact]:
        return body

    @app.post('/open')
    def open_(body: AnyDocument) -> AnyDocument:
        body.added = np.ones(2)
        return body

    @app.post('/either')
    def either(body: Exact | Page) -> Exact | Page:
        return body

    @app.post('/direct', response_model=DocumentArray[Page])
    def direct(body: DocumentArray[Page], form: str = 'list'):
        return DocumentResponse(body, tensors=form)

    for cls in PREDEFINED:
        add_echo(app, cls)
    return app


def add_echo(app: FastAPI, cls: type) -> None:
    def echo(body: Any) -> Any:
        return body

    echo.__annotations__ = {'body': cls, 'return': cls}
    app.post(f'/{cls.__name__}')(echo)


APP = make_app()


class Client:
    """Requests to the application within this process."""

    def post(self, url: str, body: Any = None, text: str | bytes | None = None) -> httpx.Response:
        return self.ask('POST', url, json.dumps(body) if text is None else text)

    def ask(self, method: str, url: str, content: Any = None) -> httpx.Response:
        import asyncio

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            headers = {'content-type': 'application/json'}
            async with httpx.AsyncClient(transport=transport, base_url='http://test') as client:
                return await client.request(method, url, content=content, headers=headers)

        return asyncio.run(send())

    def __init__(self, app: FastAPI = APP) -> None:
        self.app = app


@pytest.fixture
def client() -> Client:
    return Client()


def body(**changes: Any) -> dict[str, Any]:
    page = {'title': 't', 'grid': [[1, 2], [3, 4], [5, 6]], 'line': [1, 2], 'raw': '_v8=', 'picture': '//4='}
    return {**page, 'parts': ['a', {'text': 'b'}], **changes}


# ----------------------------------------------------------------------------- bodies and answers


def test_a_document_comes_and_goes(client: Client) -> None:
    answer = client.post('/one', body())
    assert answer.status_code == 200, answer.text
    back = Page.from_json(answer.content)
    assert back == Page(**body())
    assert (back.raw, back.picture, back.parts.text) == (b'\xfe\xff', b'\xff\xfe', ['a', 'b'])
    page = Page(**body(rest=np.ones((2, 4), np.float32)))
    for form in ('list', 'base64'):
        assert Page.from_json(client.post('/one', text=page.to_json(tensors=form)).content) == page


def test_arrays_of_documents(client: Client) -> None:
    rows = client.post('/rows', ['a', {'text': 'b', 'id': 7}]).json()
    assert [(row['text'], len(row['id'])) for row in rows] == [('a', 32), ('b', 1)]
    pages = DocumentArray[Page]([Page(**body()), Page(**body(title='other'))])
    for url in ('/pages', '/list', '/columns', '/direct', '/direct?form=base64'):
        answer = client.post(url, text=pages.to_json())
        assert answer.status_code == 200, (url, answer.text)
        assert DocumentArray[Page].from_json(answer.content) == pages
    assert [row['text'] for row in client.post('/titles', text=pages.to_json()).json()] == ['t', 'other']
    assert client.post('/rows', []).json() == []


def test_several_bodies_and_a_parameter(client: Client) -> None:
    assert client.post('/two?shift=10', {'text': 'abc', 'pages': [body()]}).json() == 14
    assert client.post('/two', {'text': 'abc'}).json() == 3
    assert client.post('/marked', {'body': ['a']}).json() == 1
    assert client.post('/defaulted', ['a', 'b']).json() == 2


def test_classes_that_write_base64(client: Client) -> None:
    assert client.post('/exact', [{'vector': [1, 2]}]).json()[0]['vector']['data'] == 'AACAPwAAAEA='
    assert client.post('/either', {'vector': [1, 2]}).json()['vector']['dtype'] == 'float32'
    assert client.post('/either', body()).json()['line'] == [1, 2]


def test_documents_of_any_field(client: Client) -> None:
    answer = client.post('/open', {'x': {'y': [1, None]}}).json()
    assert (answer['x'], answer['added']) == ({'y': [1, None]}, [1.0, 1.0])


@pytest.mark.parametrize('cls', PREDEFINED)
def test_predefined_documents(client: Client, cls: Any) -> None:
    document = cls(embedding=[1.0, float('nan')])
    answer = client.post(f'/{cls.__name__}', text=document.to_json())
    assert cls.from_json(answer.content) == document


def test_numbers_that_are_not_finite(client: Client) -> None:
    answer = client.post('/one', text='{"title":"x","grid":[[1e999],[1],[NaN]],"line":[null]}')
    assert answer.json()['grid'] == [['Infinity'], [1.0], ['NaN']]
    assert answer.json()['line'] == ['NaN']


# ------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ('url', 'wrong', 'loc', 'code'),
    [
        ('/one', body(grid=[[1, 2]]), ['body', 'grid'], 'tensor_shape'),
        ('/one', body(grid=[[1], [2, 3], [4]]), ['body', 'grid'], 'tensor_value'),
        ('/one', body(grid=5), ['body', 'grid'], 'tensor_value'),
        ('/one', body(grid='text'), ['body', 'grid'], 'tensor_value'),
        ('/one', body(line=[1, 2, 3]), ['body', 'line'], 'tensor_shape'),
        ('/one', body(rest=[['x'], ['y']]), ['body', 'rest'], 'tensor_value'),
        (
            '/one',
            body(rest={'dtype': 'int8', 'shape': [2, 1], 'data': 'AAA='}),
            ['body', 'rest'],
            'tensor_dtype',
        ),
        (
            '/one',
            body(line={'dtype': 'int8', 'shape': [2**40], 'data': ''}),
            ['body', 'line'],
            'tensor_value',
        ),
        ('/one', body(picture='no base64!'), ['body', 'picture'], 'invalid_value'),
        ('/pages', [body(), body(line=['x', 1])], ['body', 1, 'line'], 'tensor_value'),
        ('/columns', [body(), body(line=[[1]])], ['body', 1, 'line'], 'tensor_shape'),
        ('/list', [body(), body(grid=[])], ['body', 1, 'grid'], 'tensor_shape'),
        ('/two', {'text': 'x', 'pages': [body(grid=[1])]}, ['body', 'pages', 0, 'grid'], 'tensor_shape'),
        ('/one', body(grid=[[float('nan'), 1]]), ['body', 'grid'], 'tensor_shape'),
    ],
)
def test_bad_tensors_are_422_with_their_path(
    client: Client, url: str, wrong: Any, loc: list[Any], code: str
) -> None:
    answer = client.post(url, wrong)
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()['detail']
    assert fault['loc'] == loc
    assert fault['ctx']['code'] == fault['type'] == code
    assert fault['ctx']['got']
    assert len(answer.content) < 2000


def test_other_faults(client: Client) -> None:
    for url, text in (
        ('/one', '{'),
        ('/one', '[]'),
        ('/rows', '{"a": 1}'),
        ('/rows', '[NaN]'),
        ('/rows', 'null'),
    ):
        answer = client.post(url, text=text)
        assert answer.status_code == 422, (url, text, answer.text)
        assert answer.json()['detail'][0]['loc'][0] == 'body'


def test_an_answer_about_a_large_tensor_is_small(client: Client) -> None:
    answer = client.post('/one', body(grid=np.zeros((100, 100)).tolist()))
    assert answer.status_code == 422
    assert len(answer.content) < 1000


def test_arrays_are_bodies_of_any_route() -> None:
    app = FastAPI()

    @app.post('/rows')
    def rows(body: DocumentArray[TextDoc]) -> DocumentArray[TextDoc]:
        assert type(body) is DocumentArray[TextDoc]
        return body

    @app.post('/columns')
    async def columns(body: DocumentArrayStacked[TextDoc]) -> int:
        assert type(body) is DocumentArrayStacked[TextDoc]
        return len(body)

    @app.post('/either')
    def either(body: Optional[DocumentArray[TextDoc]] = None, times: int = 1) -> int:  # noqa: UP045
        return -1 if body is None else len(body) * times

    client = Client(app)
    texts = DocumentArray[TextDoc]([TextDoc(text='a'), TextDoc(text='b')])
    assert DocumentArray[TextDoc].from_json(client.post('/rows', text=texts.to_json()).content) == texts
    assert client.post('/columns', text=texts.to_json()).json() == 2
    assert client.post('/either?times=3', text=texts.to_json()).json() == 6
    assert client.post('/either', text='').json() == -1
    assert client.post('/rows', text='[{"text": []}]').json()['detail'][0]['loc'] == ['body', 0, 'text']
    assert client.ask('GET', '/openapi.json').json()['paths']['/rows']['post']['requestBody']['required']


def test_faults_reach_a_handler_of_the_users() -> None:
    app = FastAPI()
    router = APIRouter(route_class=DocumentRoute)

    @router.post('/')
    def one(page: Page) -> None: ...

    @app.exception_handler(fastapi.exceptions.RequestValidationError)
    async def handle(request: Any, error: Any) -> Any:
        return fastapi.responses.JSONResponse({'where': error.errors()[0]['loc']}, status_code=418)

    app.include_router(router)
    answer = Client(app).post('/', body(grid=[]))
    assert (answer.status_code, answer.json()) == (418, {'where': ['body', 'grid']})


# ----------------------------------------------------------------------------------------- response


def test_response_takes_documents_arrays_and_ready_json() -> None:
    page = Page(**body())
    rows = DocumentArray[Page]([page])
    for content in (page, page.to_json(), page.to_json().encode(), bytearray(page.to_json().encode())):
        answer = DocumentResponse(content)
        assert Page.from_json(answer.body) == page
        assert answer.headers['content-type'] == 'application/json'
    for content in (rows, rows.stack(), rows.stack()[:1]):
        assert DocumentArray[Page].from_json(DocumentResponse(content).body) == rows
    assert DocumentArray[Page].from_json(DocumentResponse(DocumentArray([page])).body) == rows
    assert b'"dtype":"int64"' in DocumentResponse(rows.stack()[0], tensors='base64').body
    answer = DocumentResponse(page, 201, {'x-a': 'b'}, 'application/problem+json')
    assert (answer.status_code, answer.headers['x-a']) == (201, 'b')
    assert answer.media_type == 'application/problem+json'
    assert DocArrayResponse is DocumentResponse


@pytest.mark.parametrize('content', [object(), [1, object()], {'a': print}])
def test_response_refuses_anything_else(content: Any) -> None:
    with pytest.raises(InvalidValueError, match='a document, an array'):
        DocumentResponse(content)


# ------------------------------------------------------------------------------------------ OpenAPI


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get('$ref'), str):
            yield node['$ref']
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_openapi_describes_all_of_it(client: Client) -> None:
    answer = client.ask('GET', '/openapi.json')
    assert answer.status_code == 200
    spec = answer.json()
    assert spec['openapi'].startswith('3.1')
    schemas = spec['components']['schemas']
    for reference in references(spec):
        node = spec
        for part in reference.removeprefix('#/').split('/'):
            node = node[part]
    assert set(spec['paths']) == {route.path for route in APP.routes if isinstance(route, DocumentRoute)}
    for path, item in spec['paths'].items():
        assert set(item['post']['requestBody']['content']) == {'application/json'}, path
    grid = schemas['Page']['properties']['grid']
    assert grid['tensor/array shape'] == '[3, n]'
    assert (grid['type'], grid['minItems'], grid['maxItems']) == ('array', 3, 3)
    rows = spec['paths']['/rows']['post']
    for content in (rows['requestBody']['content'], rows['responses']['200']['content']):
        assert content['application/json']['schema']['items'] == {'$ref': '#/components/schemas/TextDoc'}
    written = schemas['Exact-Output']['properties']['vector']
    assert written['required'] == ['dtype', 'shape', 'data']
    assert client.ask('GET', '/openapi.json').content == answer.content


def test_each_schema_is_valid_and_accepts_what_is_written(client: Client) -> None:
    jsonschema = pytest.importorskip('jsonschema')
    schema = Page.model_json_schema(mode='serialization')
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(Page(**body()).to_json()), schema)


# -------------------------------------------------------------------------------------- real server


@pytest.fixture(scope='module')
def address() -> Iterator[str]:
    uvicorn = pytest.importorskip('uvicorn')
    server = uvicorn.Server(uvicorn.Config(APP, host='127.0.0.1', port=0, log_level='error', lifespan='off'))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < end
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f'http://127.0.0.1:{port}'
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def test_over_a_socket(address: str) -> None:
    pages = DocumentArray[Page](
        Page(title=f't{i}', grid=np.full((3, 50), i), line=np.arange(50.0), raw=bytes([i])) for i in range(40)
    )
    with httpx.Client(base_url=address, timeout=20, headers={'content-type': 'application/json'}) as client:
        for form in ('list', 'base64'):
            text = pages.to_json(tensors=form)
            answer = client.post(f'/direct?form={form}', content=text)
            assert DocumentArray[Page].from_json(answer.content) == pages
            assert DocumentArray[Page].from_json(client.post('/pages', content=text).content) == pages
        assert client.post('/one', content=pages[0].to_json()).status_code == 200
        assert client.post('/one', content='{"grid": [[1]]}').status_code == 422
        assert client.get('/openapi.json').status_code == 200
