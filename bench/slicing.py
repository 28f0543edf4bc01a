"""Selecting rows: of a document array against a list, of a stacked array against its bare columns."""

from __future__ import annotations

from itertools import compress

import numpy as np

from bench.timing import Row, compare, settings
from docarray import BaseDocument, DocumentArray
from docarray.typing import NdArray


class Page(BaseDocument):
    number: int
    title: str
    embedding: NdArray[128]


def rows() -> list[Row]:
    count = 2000 if settings.quick else 10_000
    vectors = np.random.default_rng(0).standard_normal((count, 128)).astype(np.float32)
    documents = [Page(number=i, title=f'page {i}', embedding=vector) for i, vector in enumerate(vectors)]
    array = DocumentArray[Page](documents)
    stacked = array.stack()
    part = slice(count // 10, count // 2)
    chosen = np.random.default_rng(1).permutation(count)[: count // 2].tolist()
    mask = [row % 3 != 0 for row in range(count)]
    ids, titles = [document.id for document in documents], [document.title for document in documents]
    numbers = np.arange(count)

    def bare(index: slice | list[int] | list[bool]) -> None:
        """All four columns: numpy where that holds them, lists of strings else."""
        if isinstance(index, slice):
            ids[index], titles[index], numbers[index], vectors[index]
            return
        picked = np.array(index)
        if picked.dtype == np.bool_:
            list(compress(ids, index)), list(compress(titles, index))
        else:
            [ids[i] for i in index], [titles[i] for i in index]
        numbers[picked], vectors[picked]

    return [
        compare('rows: a slice of 4,000', lambda: array[part], lambda: documents[part], 1.5),
        compare('rows: 5,000 by list', lambda: array[chosen], lambda: [documents[i] for i in chosen], 1.5),
        compare('rows: 6,666 by mask', lambda: array[mask], lambda: list(compress(documents, mask)), 1.5),
        compare('columns: a slice of 4,000', lambda: stacked[part], lambda: bare(part), 1.5),
        compare('columns: 5,000 by list', lambda: stacked[chosen], lambda: bare(chosen), 1.5),
        compare('columns: 6,666 by mask', lambda: stacked[mask], lambda: bare(mask), 1.5),
    ]
