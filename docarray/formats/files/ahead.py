"""Reading ahead: parts of a file that is far away are fetched while those before them are used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

__all__ = ['read_ahead']

#: Parts that are on their way at one time: so many, and so many bytes if each is not more by itself.
_PARTS = 4
_BYTES = 64 << 20
#: What columns may need: the memory of a part starts at a multiple of so many bytes.
_ALIGNMENT = 8


def read_ahead(content: Any, ranges: Sequence[tuple[int, int]]) -> Iterator[memoryview]:
    """Yield the bytes of each range, and fetch the next ones meanwhile.

    Args:
        content: A file, with a method ``read``.
        ranges: Of its bytes.

    Raises:
        StoreError: They cannot be read.
    """

    def fetch(one: tuple[int, int]) -> memoryview:
        (data,) = content.read([one])
        view = memoryview(data)
        if len(view) and np.frombuffer(view, np.uint8).ctypes.data % _ALIGNMENT:
            view = memoryview(np.frombuffer(view, np.uint8).copy())
        return view

    waiting, left = deque(ranges), 0
    coming: deque[tuple[Future[memoryview], int]] = deque()
    pool = ThreadPoolExecutor(_PARTS, 'docarray-read')
    try:
        while waiting or coming:
            while waiting and (not coming or (len(coming) < _PARTS and left < _BYTES)):
                one = waiting.popleft()
                coming.append((pool.submit(fetch, one), one[1] - one[0]))
                left += one[1] - one[0]
            future, size = coming.popleft()
            left -= size
            yield future.result()
            del future
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
