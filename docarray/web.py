"""Documents over HTTP: a response class for FastAPI and Starlette.

Bodies, parameters and return values need nothing of this: document classes are pydantic models, and
``DocumentArray[T]`` and ``DocumentArrayStacked[T]`` are types that pydantic knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from docarray import _lazy
from docarray.document import BaseDocumentWithoutId, TensorForm
from docarray.errors import InvalidValueError, show
from docarray.lowering import ARRAY_MARK

if TYPE_CHECKING:
    from starlette.background import BackgroundTask
    from starlette.responses import Response
else:
    Response = _lazy.load('fastapi').Response

__all__ = ['DocArrayResponse', 'DocumentResponse']


class DocumentResponse(Response):
    """A response with a document or an array of documents as JSON.

    It is written by ``to_json``, which is faster than what FastAPI does with a returned document, since
    that is validated once more first.

    Args:
        content: A document, an array of documents, or JSON as bytes or str, which is sent as it is.
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
        if isinstance(content, BaseDocumentWithoutId) or is_array(content):
            text: str = content.to_json(tensors=self.tensors)
            return text.encode()
        raise InvalidValueError(
            where=type(self).__name__,
            got=f'{type(content).__name__} {show(content)}',
            wanted='a document, an array of documents, or JSON as bytes or str',
            hint='Put a list of documents into a DocumentArray.',
        )


def is_array(value: object) -> bool:
    """Whether a value is a DocumentArray or DocumentArrayStacked."""
    return bool(getattr(type(value), ARRAY_MARK, False)) or hasattr(type(value), '__docarray_stacked__')


DocArrayResponse = DocumentResponse
