"""JSON of arrays of documents, beside orjson on the bare numbers.

Run it with ``python bench/json.py``: one line for each case, with the ratio and the bar.
"""

from __future__ import annotations

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
    text = array.to_json()
    small, large = pages(2000).to_json(), pages(8000).to_json()
    plain = pydantic.TypeAdapter(list[dict[str, object]])
    write, yard_write, read, yard_read, base64, less, more = medians(
        [
            lambda: array.to_json(),
            lambda: orjson.dumps(bare, option=orjson.OPT_SERIALIZE_NUMPY),
            lambda: DocumentArray[Page].from_json(text),
            lambda: [np.array(row['embedding']) for row in plain.validate_json(text)],
            lambda: array.to_json(tensors='base64'),
            lambda: DocumentArray[Page].from_json(small),
            lambda: DocumentArray[Page].from_json(large),
        ]
    )
    return [
        ('2,000 documents x 128 float32, written', write, yard_write, 1.5),
        ('the same, written in base64', base64, yard_write, 1.5),
        ('the same, read (beside JSON to lists to arrays)', read, yard_read, 1.5),
        ('read 8,000 (beside four times 2,000)', more, 4 * less, 1.5),
    ]


if __name__ == '__main__':
    for name, ours, yardstick, bar in rows():
        ratio = ours / yardstick
        print(f'{name:55} {ours * 1e3:8.2f} ms / {yardstick * 1e3:8.2f} ms = {ratio:5.2f} (bar {bar})')
