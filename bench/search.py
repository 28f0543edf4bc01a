"""Exact search over columns against numpy: matmul, argpartition and a sort of the best."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.timing import Row, compare, settings
from docarray import BaseDocument, DocumentArray
from docarray.search import find, find_batched
from docarray.typing import NdArray

LIMIT = 10
Array = np.ndarray[Any, Any]


class Page(BaseDocument):
    embedding: NdArray[128]


def best(scores: Array) -> tuple[Array, Array]:
    """The LIMIT largest of each row, largest first."""
    rows = np.argpartition(scores, -LIMIT, axis=1)[:, -LIMIT:]
    found = np.take_along_axis(scores, rows, axis=1)
    order = np.argsort(-found, axis=1)
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(rows, order, axis=1)


def cosine(queries: Array, vectors: Array) -> tuple[Array, Array]:
    """The same search in plain numpy; neither side knows the lengths of the vectors beforehand."""
    scores = queries @ vectors.T
    scores /= np.sqrt(np.einsum('ij,ij->i', vectors, vectors))
    scores /= np.sqrt(np.einsum('ij,ij->i', queries, queries))[:, None]
    return best(scores)


def rows() -> list[Row]:
    generator = np.random.default_rng(0)
    count = 2000 if settings.quick else 20_000
    vectors = generator.standard_normal((count, 128)).astype(np.float32)
    queries = generator.standard_normal((100, 128)).astype(np.float32)
    stacked = DocumentArray[Page]([Page(embedding=vector) for vector in vectors]).stack()
    data, one = np.asarray(stacked.embedding), queries[:1]
    scores, places = cosine(queries, data)
    found = find_batched(stacked, queries, limit=LIMIT)
    assert np.allclose(found.scores, scores, atol=1e-5)
    assert [document.id for document in found.documents[0]] == [stacked[row].id for row in places[0].tolist()]
    return [
        compare(
            'find_batched: 100 queries in 20,000 x 128, cosine',
            lambda: find_batched(stacked, queries, limit=LIMIT),
            lambda: cosine(queries, data),
            1.2,
        ),
        compare(
            'find: 1 query in 20,000 x 128, cosine',
            lambda: find(stacked, queries[0], limit=LIMIT),
            lambda: cosine(one, data),
            2.0,
        ),
        compare(
            '... against a bare matmul and argpartition: 100 queries',
            lambda: find_batched(stacked, queries, limit=LIMIT),
            lambda: best(queries @ data.T),
            1.2,
        ),
        compare(
            '... against a bare matmul and argpartition: 1 query',
            lambda: find(stacked, queries[0], limit=LIMIT),
            lambda: best(one @ data.T),
            2.0,
        ),
    ]
