"""The index of an Arrow file: where its record batches are, and how many rows each has.

It stands before the seal, behind the end of the stream of messages, where readers of Arrow do not look::

    zeros               up to a multiple of 8 bytes
    for each record batch
        uint64          where its message starts
        uint64          how many rows it has
    uint64              how many record batches there are
    16 bytes            INDEX_MARK

All numbers are little-endian. The footer of the file has the places too, but not the numbers of rows, for
which all messages would have to be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from docarray.errors import FormatError

__all__ = ['index_bytes', 'pack_index', 'unpack_index']

INDEX_MARK = b'\xd0docarray-rows1\n'
_END_BYTES = 8 + len(INDEX_MARK)


def pack_index(batches: Sequence[tuple[int, int]], place: int) -> bytes:
    """Return the index of record batches.

    Args:
        batches: Where each starts and how many rows it has.
        place: Where the index will stand.

    Example:
        >>> packed = pack_index([(8, 100), (4096, 20)], 8001)
        >>> unpack_index(packed, 'here').tolist()
        [[8, 100], [4096, 20]]
    """
    table = np.array(batches, '<u8').reshape(-1, 2).tobytes()
    return bytes(-place % 8) + table + len(batches).to_bytes(8, 'little') + INDEX_MARK


def index_bytes(end: Any) -> int:
    """Return how long the index is whose end this is; 0 where there is none.

    Args:
        end: The last bytes before the seal, 24 at least.

    Example:
        >>> index_bytes(pack_index([(8, 100)], 0))
        40
    """
    tail = bytes(end[-_END_BYTES:])
    if len(tail) < _END_BYTES or tail[8:] != INDEX_MARK:
        return 0
    return 16 * int.from_bytes(tail[:8], 'little') + _END_BYTES


def unpack_index(data: Any, where: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return where each record batch starts and how many rows it has, (n, 2).

    Args:
        data: The index, or more before it.
        where: The name of the file, for errors.

    Raises:
        FormatError: It is none.
    """
    size = index_bytes(data)
    if not size or size > len(data):
        raise FormatError(where=where, got='no index of record batches', wanted='one before the seal')
    table = np.frombuffer(data[len(data) - size : len(data) - _END_BYTES], '<u8').reshape(-1, 2)
    found = table.astype(np.int64)
    if (found < 0).any() or (np.diff(found[:, 0]) <= 0).any():
        raise FormatError(where=where, got='an index out of order', wanted='places that rise')
    return found
