"""Services over HTTP: a router of FastAPI."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from docarray import _lazy
from docarray.errors import show
from docarray.formats.limits import Limits
from docarray.serve.http_call import Call, problem
from docarray.serve.media import JSON, MEDIA, Media, accepted, media_of
from docarray.serve.service import Endpoint, Service

if TYPE_CHECKING:
    from fastapi import APIRouter, Request, Response
    from fastapi.routing import APIRoute
else:
    _fastapi = _lazy.load('fastapi')
    APIRouter, Request, Response = _fastapi.APIRouter, _fastapi.Request, _fastapi.Response
    APIRoute = _lazy.load('fastapi.routing').APIRoute

__all__ = ['router']

_BINARY = {name: {'schema': {'type': 'string', 'format': 'binary'}} for name in MEDIA if name != JSON.name}
_NAMES = ' or '.join(MEDIA)
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {'content': _BINARY},
    406: {'description': 'No such type of answer'},
    413: {'description': 'The body is too large'},
    415: {'description': 'No such type of body'},
}


def router(
    service: Service | Callable[..., Any] | Iterable[Callable[..., Any]],
    *,
    max_body_bytes: int = 64 << 20,
    max_body_documents: int = 1 << 20,
    batch_size: int = 32,
    timeout: float | None = None,
    workers: int = 40,
    **options: Any,
) -> APIRouter:
    """Return a router of FastAPI with a path for each function: ``POST /embed``.

    Bodies are JSON (an array, or one document), newline-delimited JSON, protobuf or Arrow, as
    ``Content-Type`` says; answers are as ``Accept`` says, else as the body was. Functions that are not
    asynchronous run in threads.

    Args:
        service: A Service, or the functions to make one of.
        max_body_bytes: How large the body of a request may be, a stream all in all; 413 beyond.
        max_body_documents: How many documents the body may have, all in all; of JSON, how many objects.
        batch_size: How many documents of a stream are given to a function at once, at most.
        timeout: After how many seconds a request is answered with 504; an answer that has begun by then is
            broken off. None for never.
        workers: How many requests whose body is a stream are served at once, each in a thread; others wait.
        **options: What ``APIRouter`` takes, such as ``prefix``, ``tags`` and ``dependencies``.

    Raises:
        SchemaError: A function cannot be served.
        MissingExtraError: ``docarray[web]`` is not installed.

    Example:
        >>> from docarray.documents import TextDoc
        >>> def shout(text: TextDoc) -> TextDoc:
        ...     return TextDoc(text=text.text.upper())
        >>> router(shout, prefix='/v1').routes[0].path
        '/v1/shout'
    """
    limits = Limits(max_body_bytes, documents=max_body_documents)
    made = APIRouter(route_class=_LateBodyRoute, **options)
    threads = ThreadPoolExecutor(workers, 'docarray-serve-http')
    for name, endpoint in Service.of(service).endpoints.items():
        made.add_api_route(
            f'/{name}',
            _handler(endpoint, limits, batch_size, timeout, threads),
            methods=['POST'],
            name=name,
            description=(endpoint.function.__doc__ or '').strip(),
            response_model=endpoint.output.json_type,
            responses=_RESPONSES,
            openapi_extra={'requestBody': {'required': True, 'content': _BINARY}},
        )
    return made


def _handler(
    endpoint: Endpoint, limits: Limits, batch_size: int, timeout: float | None, threads: Executor
) -> Any:
    async def answer(request: Any, documents: Any = None) -> Response:
        given, wanted = _types(request)
        return await Call(endpoint, request, given, wanted, limits, batch_size, threads).response(timeout)

    # For FastAPI: ``documents`` is there for the OpenAPI page alone.
    answer.__annotations__ = {'request': Request, 'documents': endpoint.input.json_type, 'return': Any}
    return answer


def _types(request: Request) -> tuple[Media, Media]:
    """Return the types of the body and of the answer."""
    headers = request.headers
    content_type, accept = headers.get('content-type', ''), ','.join(headers.getlist('accept'))
    encoding = headers.get('content-encoding', 'identity').lower()
    given = media_of(content_type)
    if given is None or encoding != 'identity':
        got = show(content_type) if given is None else f'Content-Encoding {show(encoding)}'
        raise problem(415, 'content_type', f'got {got}, wanted {_NAMES}')
    wanted = accepted(accept, given)
    if wanted is None:
        raise problem(406, 'accept', f'got {show(accept)}, wanted {_NAMES}')
    return given, wanted


class _LateBody(Request):
    """A request whose body FastAPI leaves alone: the handler reads it, of whatever type it is, as it comes.

    FastAPI asks for the body once, before dependencies and all else, to parse it as JSON.
    """

    _asked = False

    async def body(self) -> bytes:
        if self._asked:
            return await super().body()
        self._asked = True
        return b''


class _LateBodyRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            return await handle(_LateBody(request.scope, request.receive))

        return answer
