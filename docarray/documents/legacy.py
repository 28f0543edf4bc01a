"""LegacyDocument: the fields that every document had before version 0.30."""

from __future__ import annotations

from typing import Any

from docarray.array.rows import DocumentArray
from docarray.document import BaseDocument
from docarray.typing.tensors import AnyEmbedding, AnyTensor

__all__ = ['LegacyDocument']

#: Earlier versions had a package here: its modules are found by ``docarray._aliases``.
__path__: list[str] = []


class LegacyDocument(BaseDocument):
    """A document with the fields of versions up to 0.21, a tree by its chunks and matches.

    Attributes:
        tensor: A tensor of any framework.
        chunks: Its parts.
        matches: What a search found for it.
        blob: Bytes.
        text: Text.
        url: Where it is to be found.
        embedding: A vector of any framework.
        tags: Anything else.
        scores: Numbers by the name of their metric.

    Example:
        >>> LegacyDocument(text='a', chunks=[LegacyDocument(text='b')]).chunks[0].text
        'b'
    """

    tensor: AnyTensor | None = None
    chunks: DocumentArray[LegacyDocument] | None = None
    matches: DocumentArray[LegacyDocument] | None = None
    blob: bytes | None = None
    text: str | None = None
    url: str | None = None
    embedding: AnyEmbedding | None = None
    tags: dict[str, Any] = {}
    scores: dict[str, Any] | None = None
