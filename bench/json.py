"""JSON of arrays of documents, beside orjson on the bare numbers.

Run it with ``python bench/json.py``: one line for each case, with the ratio and the bar.
"""

from __future__ import annotations

import base64
import statistics
import time
from collections.abc import Callable

import numpy as np
import orjson
import pydantic

from docarray import BaseDocument, DocumentArray
from docarray.typing import NdArray


class Page(BaseDocument):
    embedding: NdArray[128]


def medians(functions: list[Callable[[], object]], rounds: int = 15) -> list[float]:
    """Seconds of each function, called in turn so that a busy machine disturbs all of them alike."""
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, found in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            function()
            found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in seconds]


def pages(count: int) -> DocumentArray[Page]:
    numbers = np.random.default_rng(0).random((count, 128), np.float32)
    return DocumentArray[Page](Page(embedding=row) for row in numbers)


def rows() -> list[tuple[str, float, float, float]]:
    """(case, our seconds, seconds of the yardstick, the most that the ratio may be)."""
    array = pages(2000)
    bare = [page.embedding.unwrap() for page in array]
    small, large = array.to_json(), pages(8000).to_json()
    in_lists = pydantic.TypeAdapter(list[dict[str, object]])
    found = []
    for name, ours, yardstick, bar in (
        (
            'written (beside orjson of the bare arrays)',
            lambda: array.to_json(),
            lambda: orjson.dumps(bare, option=orjson.OPT_SERIALIZE_NUMPY),
            1.5,
        ),
        (
            'written in base64 (beside the same by hand)',
            lambda: array.to_json(tensors='base64'),
            lambda: orjson.dumps([in_base64(page) for page in array]).decode(),
            3.0,
        ),
        (
            'read (beside JSON to lists to arrays)',
            lambda: DocumentArray[Page].from_json(small),
            lambda: [np.array(row['embedding']) for row in in_lists.validate_json(small)],
            3.0,
        ),
        (
            '8,000 read (beside 2,000, four times)',
            lambda: DocumentArray[Page].from_json(large),
            lambda: [DocumentArray[Page].from_json(small) for _ in range(4)],
            1.5,
        ),
    ):
        found.append((f'2,000 documents x 128 float32, {name}', *medians([ours, yardstick]), bar))
    return found


def in_base64(page: Page) -> dict[str, object]:
    """The JSON of a page, as somebody would write it without docarray."""
    data = base64.b64encode(page.embedding).decode()
    return {'id': page.id, 'embedding': {'dtype': 'float32', 'shape': [128], 'data': data}}


if __name__ == '__main__':
    for name, ours, yardstick, bar in rows():
        ratio = ours / yardstick
        print(f'{name:78} {ours * 1e3:8.2f} ms / {yardstick * 1e3:8.2f} ms = {ratio:5.2f} (bar {bar})')
