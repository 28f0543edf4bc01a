"""Pickling a stacked array against pickling its bare columns, both by protocol 5."""

from __future__ import annotations

import pickle

import numpy as np

from bench.timing import Row, compare, settings
from docarray import BaseDocument, DocumentArray
from docarray.typing import NdArray


class Page(BaseDocument):
    text: str
    embedding: NdArray[128]


def rows() -> list[Row]:
    count = 2000 if settings.quick else 10_000
    vectors = np.random.default_rng(0).standard_normal((count, 128)).astype(np.float32)
    documents = [
        Page(text=f'This is the text of page {i}.', embedding=vector) for i, vector in enumerate(vectors)
    ]
    stacked = DocumentArray[Page](documents).stack()
    bare = {
        'id': [str(document.id) for document in documents],
        'text': [document.text for document in documents],
        'embedding': vectors,
    }
    ours, plain = pickle.dumps(stacked, 5), pickle.dumps(bare, 5)
    assert pickle.loads(ours).text == bare['text']
    name = f'pickle {count:,} x 128 f32, id and text'
    return [
        compare(f'{name}: dump', lambda: pickle.dumps(stacked, 5), lambda: pickle.dumps(bare, 5), 1.5),
        compare(f'{name}: load', lambda: pickle.loads(ours), lambda: pickle.loads(plain), 1.5),
    ]
