"""Documents over HTTP: a response class and a route class for FastAPI.

Documents and arrays of documents as bodies and return values need nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_json

from docarray import _lazy
from docarray.array.typed import AnyDocumentArray
from docarray.document import BaseDocumentWithoutId
from docarray.document_io import TensorForm
from docarray.errors import InvalidValueError, show
from docarray.formats.faults import brief

if TYPE_CHECKING:
    from fastapi import Request, Response
    from fastapi.exceptions import RequestValidationError
    from fastapi.routing import APIRoute
    from starlette.background import BackgroundTask
else:
    _fastapi = _lazy.load('fastapi')
    Request, Response = _fastapi.Request, _fastapi.Response
    RequestValidationError = _lazy.load('fastapi.exceptions').RequestValidationError
    APIRoute = _lazy.load('fastapi.routing').APIRoute

__all__ = ['DocArrayResponse', 'DocumentResponse', 'DocumentRoute']


class DocumentResponse(Response):
    """A response with a document or an array of documents as JSON.

    It is written by ``to_json``, which is faster than what FastAPI does with a returned document, since
    that is validated once more first.

    Args:
        content: A document, an array of documents, or JSON: as dicts and lists, or as bytes or str, which
            is sent as it is.
        status_code: The HTTP status.
        headers: More headers.
        media_type: Instead of 'application/json'.
        background: What Starlette is to run afterwards.
        tensors: 'list' or 'base64'; None for what the document class says.

    Raises:
        InvalidValueError: ``content`` is something else.

    Example:
        >>> from docarray.documents import TextDoc
        >>> DocumentResponse(TextDoc(id='a', text='x')).body[:21]
        b'{"id":"a","text":"x",'
    """

    media_type = 'application/json'

    def __init__(
        self,
        content: Any = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        tensors: TensorForm | None = None,
    ) -> None:
        self.tensors = tensors
        super().__init__(content, status_code, headers, media_type, background)

    def render(self, content: Any) -> bytes:
        """Return the body of the response."""
        if isinstance(content, (bytes, bytearray, memoryview)):
            return bytes(content)
        if isinstance(content, str):
            return content.encode()
        if isinstance(content, (BaseDocumentWithoutId, AnyDocumentArray)):
            documents: Any = content
            text: str = documents.to_json(tensors=self.tensors)
            return text.encode()
        try:  # as ``response_class``, it is given what FastAPI has made of the returned document
            return to_json(content, inf_nan_mode='strings', bytes_mode='base64')
        except PydanticSerializationError as error:
            raise InvalidValueError(
                where=type(self).__name__,
                got=f'{type(content).__name__} {show(content)}',
                wanted='a document, an array of documents, or JSON, as text or as dicts and lists',
                hint='Put a list of documents into a DocumentArray.',
            ) from error


DocArrayResponse = DocumentResponse


class DocumentRoute(APIRoute):
    """A route that answers bad tensors briefly.

    ``APIRouter(route_class=DocumentRoute)``, or ``app.router.route_class = DocumentRoute`` before the first
    path, does this for all paths of a router: errors about a body quote no more than the start of what
    was wrong, where FastAPI sends whole tensors back, and fails on NaN, which JSON cannot say.

    Example:
        >>> from fastapi import FastAPI
        >>> from docarray.array.rows import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> app = FastAPI()
        >>> app.router.route_class = DocumentRoute
        >>> @app.post('/count')
        ... def count(texts: DocumentArray[TextDoc]) -> int:
        ...     return len(texts)
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that answers a request."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise RequestValidationError(
                    [brief(fault) for fault in error.errors()], body=error.body
                ) from error

        return answer
