"""Cost per document stays what it is, from a thousand documents to a hundred thousand."""

from __future__ import annotations

import gc
import pickle
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.batch import Batch
from docarray.schema import schema_of
from docarray.typing import NdArray

FEW, MANY = 2_000, 100_000
FACTOR = 3
#: Seconds per document that the processor's caches explain; what grows with the square takes far more.
UNSEEN = 0.5e-6


class Inner(BaseDocument):
    n: int


class Item(BaseDocument):
    n: int
    text: str
    vector: NdArray[4]
    inner: Inner
    maybe: float | None = None


_vector = np.arange(4.0)


def documents(count: int) -> list[Item]:
    return [
        Item(n=row, text=f'text {row}', vector=_vector, inner=Inner(n=row), maybe=None if row % 2 else 0.5)
        for row in range(count)
    ]


@pytest.fixture(scope='module')
def arrays() -> dict[int, Any]:
    return {count: DocumentArray[Item](documents(count)) for count in (FEW, MANY)}


ACTIONS: dict[str, Callable[[Any], Any]] = {
    'array': lambda array: DocumentArray[Item](list(array)),
    'stack': lambda array: array.stack(),
    'field': lambda array: array.n,
    'slice': lambda array: array[: len(array) // 2],
    'indices': lambda array: array[list(range(0, len(array), 2))],
    'copy and add': lambda array: array.copy() + array,
}
STACKED: dict[str, Callable[[Any], Any]] = {
    'unstack': lambda stacked: stacked.unstack(),
    'texts': lambda stacked: stacked.text.tolist(),
    'numbers': lambda stacked: stacked.n.tolist(),
    'slice': lambda stacked: stacked[: len(stacked) // 2],
    'indices': lambda stacked: stacked[np.arange(0, len(stacked), 2)],
    'mask': lambda stacked: stacked[np.arange(len(stacked)) % 2 == 0],
    'join': lambda stacked: stacked + stacked,
    'pickle': lambda stacked: pickle.loads(pickle.dumps(stacked)),
    'assign': lambda stacked: setattr(stacked, 'vector', stacked.vector),
    'rows': lambda stacked: [view.n for view in stacked],
    'equal': lambda stacked: stacked == stacked[:],
}


def cost(action: Callable[[Any], Any], given: Any) -> float:
    """Seconds per document, the best of a few runs, the collector out of the way."""
    rounds, best = max(1, 10_000 // len(given)), float('inf')
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            start = time.perf_counter()
            action(given)
            best = min(best, time.perf_counter() - start)
    finally:
        gc.enable()
    return best / len(given)


def check(action: Callable[[Any], Any], few: Any, many: Any) -> None:
    for _ in range(3):  # another process may have had the processor
        small, large = cost(action, few), cost(action, many)
        if large <= FACTOR * small + UNSEEN:
            return
    pytest.fail(f'{small * 1e6:.3f} us per document of {FEW}, {large * 1e6:.3f} us of {MANY}')


@pytest.mark.parametrize('name', ACTIONS)
def test_rows(arrays: dict[int, Any], name: str) -> None:
    check(ACTIONS[name], arrays[FEW], arrays[MANY])


@pytest.mark.parametrize('name', STACKED)
def test_columns(arrays: dict[int, Any], name: str) -> None:
    check(STACKED[name], arrays[FEW].stack(), arrays[MANY].stack())


def test_creating() -> None:
    check(lambda numbers: documents(len(numbers)), range(FEW), range(MANY))


def test_joining_many_parts() -> None:
    part = Batch.of(schema_of(Inner), [Inner(n=1), Inner(n=2)])
    check(Batch.concat, [part] * 4_000, [part] * 40_000)


def test_the_collector_is_not_kept_off() -> None:
    stacked = DocumentArray[Inner]([Inner(n=1)]).stack()
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        stacked.unstack()
        assert gc.isenabled() is enabled
        gc.enable()
