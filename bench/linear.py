"""How the cost of one document grows with the number of documents: 1,000, 10,000 and 100,000 of them.

``ours`` is the cost per document of the large number, ``yardstick`` that of 1,000. A cost that grew with
the square would show as 100 (10,000 documents: 10); what is measured here beyond 1 is mostly that 1,000
documents fit into the processor's caches and 100,000 do not, hence the bar. The garbage collector
is on, as it is for users: it is what makes the naive loop slow.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from bench.timing import Row, settings
from docarray import BaseDocument, DocumentArray
from docarray.search import find
from docarray.typing import NdArray

BAR = 2.0


class Page(BaseDocument):
    number: int
    title: str
    embedding: NdArray[16]


def tasks(count: int) -> dict[str, Callable[[], Any]]:
    """The work at one size, by name."""
    vectors = np.random.default_rng(0).standard_normal((count, 16)).astype(np.float32)
    fields = [{'number': i, 'title': f'page {i}', 'embedding': vector} for i, vector in enumerate(vectors)]
    array = DocumentArray[Page](fields)
    stacked = array.stack()
    text, data = array.to_json(), pickle.dumps(stacked, 5)
    return {
        'create': lambda: DocumentArray[Page](fields),
        'stack': array.stack,
        'unstack': stacked.unstack,
        'slice rows': lambda: array[1:-1],
        'slice columns': lambda: stacked[1:-1],
        'find': lambda: find(stacked, vectors[0]),
        'to_json': array.to_json,
        'from_json': lambda: DocumentArray[Page].from_json(text),
        'pickle columns': lambda: pickle.dumps(stacked, 5),
        'unpickle columns': lambda: pickle.loads(data),
    }


def each(task: Callable[[], Any], count: int) -> float:
    """Processor seconds per document: the median of several calls, more of them where they are short."""
    times: list[float] = []
    while not times or (sum(times) < settings.seconds / 4 and len(times) < 200):
        start = process_time()
        task()
        times.append(process_time() - start)
    return median(times) / count


def rows() -> list[Row]:
    sizes = (200, 1000) if settings.quick else (1000, 10_000, 100_000)
    costs: dict[str, list[float]] = {}
    for size in sizes:
        for name, task in tasks(size).items():
            if size == sizes[0]:
                task()  # compiles, fills caches
            costs.setdefault(name, []).append(each(task, size))
    return [
        Row(f'per document, {size:,} / {sizes[0]:,}: {name}', found, cost[0], BAR)
        for name, cost in costs.items()
        for size, found in zip(sizes[1:], cost[1:], strict=True)
    ]
