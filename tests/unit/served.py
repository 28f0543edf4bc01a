"""What the tests of both kinds of services share: documents, functions, and how to wait for something."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np

from docarray import BaseDocument, DocumentArray
from docarray.documents import TextDoc
from docarray.errors import InvalidValueError
from docarray.typing import AnyTensor, NdArray

Texts = DocumentArray[TextDoc]
Three = NdArray[3, 'float16']

#: How long to wait for what should be there at once.
SECONDS = 20.0


class Page(BaseDocument):
    title: TextDoc
    number: int
    vector: Three
    scores: AnyTensor | None = None
    raw: bytes = b''
    parts: DocumentArray[TextDoc] = []


def texts(*words: str) -> Any:
    return Texts([TextDoc(text=word) for word in words])


def pages(count: int) -> Any:
    return DocumentArray[Page](
        Page(
            title=TextDoc(text=f'Page {i}'),
            number=i - 1,
            vector=np.array([i, np.nan, -0.0], 'float16'),
            scores=None if i % 2 else np.arange(4, dtype='int16').reshape(2, 2),
            raw=bytes([i, 255]),
            parts=[TextDoc(text='part')] * i,
        )
        for i in range(count)
    )


def lying_pages() -> Any:
    """Documents that are not valid, in an array that says that they are."""
    wrong = {**dict(pages(1)[0]), 'vector': np.zeros(5, 'float16')}
    return DocumentArray[Page].construct([Page.model_construct(**wrong)])


# -- functions to serve -------------------------------------------------------------------------------


def shout(documents: DocumentArray[TextDoc]) -> DocumentArray[TextDoc]:
    """Write in capitals."""
    documents.text = [text.upper() for text in documents.text]
    return documents


def rows(pages: DocumentArray[Page]) -> DocumentArray[Page]:
    assert type(pages) is DocumentArray[Page]
    return pages


def mark(document: TextDoc) -> TextDoc:
    return TextDoc(id=document.id, text=f'{document.text}!')


async def mark_later(document: TextDoc) -> TextDoc:
    await asyncio.sleep(0)
    return mark(document)


def each(documents: Iterator[TextDoc]) -> Iterator[TextDoc]:
    yield from map(mark, documents)


async def flow(arrays: AsyncIterator[DocumentArray[TextDoc]]) -> AsyncIterator[TextDoc]:
    async for array in arrays:
        for document in array:
            yield mark(document)


def sizes(documents: DocumentArray[TextDoc]) -> DocumentArray[TextDoc]:
    return texts(str(len(documents)))  # type: ignore[no-any-return]


def fail(document: TextDoc) -> TextDoc:
    raise KeyError('a secret')


def refuse(document: TextDoc) -> TextDoc:
    raise InvalidValueError(where='refuse', got='tea', wanted='coffee', hint='Ask for coffee — ☕.')


def lies(document: TextDoc) -> TextDoc:
    return 'no document'  # type: ignore[return-value]


def exits(document: TextDoc) -> TextDoc:
    sys.exit('leaving')


async def exits_later(document: TextDoc) -> TextDoc:
    sys.exit('leaving')


def miscounts(documents: DocumentArray[TextDoc]) -> DocumentArray[TextDoc]:
    documents.text = ['a'] * 7
    return documents


def reads_a_broken_file(document: TextDoc) -> TextDoc:
    return TextDoc.from_bytes(b'not protobuf')


FUNCTIONS = [shout, rows, mark, mark_later, each, flow, sizes, fail, refuse, lies]
FUNCTIONS += [exits, exits_later, miscounts, reads_a_broken_file]

#: Those that fail, each in a way that is no business of the client's.
FAILING = ['fail', 'lies', 'exits', 'exits_later', 'miscounts', 'reads_a_broken_file']


# -- tools --------------------------------------------------------------------------------------------


def local(function: Any, taken: Any = TextDoc, given: Any = TextDoc) -> Any:
    """A function of a test, its annotations resolved: they are strings in these modules."""
    (name,) = (key for key in function.__annotations__ if key != 'return')
    function.__annotations__ = {name: taken, 'return': given}
    return function


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
