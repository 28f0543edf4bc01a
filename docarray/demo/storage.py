"""Keeps the documents of the demo in a store, and says how large and how fast that is."""

from __future__ import annotations

import random
import time
from typing import Any

from docarray import DocumentArray
from docarray._lazy import load
from docarray.demo.digits import Digit
from docarray.stores.arrays import info
from docarray.stores.opened import OpenedArray

#: How many documents are read at random, and how often.
READ, TIMES = 64, 20


def keep(digits: DocumentArray[Digit], url: str, seed: int) -> tuple[OpenedArray[Digit], str]:
    """Push documents to a store and open them there.

    Args:
        digits: The documents.
        url: Where to.
        seed: Decides which documents are read to see how long that takes.

    Returns:
        The opened array, whose documents are read when they are needed, and a line that says how it went.
    """
    load('docarray.stores.streams')  # whose imports are no part of writing
    started = time.perf_counter()
    digits.push(url)
    written = time.perf_counter() - started
    opened: Any = DocumentArray[Digit].open(url)
    chance = random.Random(seed)  # noqa: S311 - no secret
    times = []
    for _ in range(TIMES):
        chosen = [chance.randrange(len(opened)) for _ in range(READ)]
        started = time.perf_counter()
        opened.take(chosen)
        times.append(time.perf_counter() - started)
    size = info(url).size
    return opened, (
        f'Kept in {url}: {size / 1e6:.1f} MB, written in {written * 1e3:.0f} ms '
        f'({len(digits) / written:,.0f} documents a second); '
        f'{READ} at random are read in {sorted(times)[TIMES // 2] * 1e3:.1f} ms'
    )
