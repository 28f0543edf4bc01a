"""What columns have in common: how they pickle, what rows are taken by, and masks of what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import is_not
from typing import Any

import numpy as np
import numpy.typing as npt

#: Rows to take: a slice with a positive step, or row numbers, none negative.
Index = slice | npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_] | None


class Column:
    """A column pickles, and is copied deep, as its class and state."""

    __slots__ = ()

    def state(self) -> Any:
        """Return what the column is made of again."""
        raise NotImplementedError

    def __reduce__(self) -> Any:
        return type(self), self.state()


def mask_of(values: Sequence[Any]) -> Mask:
    """Return which values are not None, or None where all are there."""
    if all(map(is_not, values, repeat(None))):
        return None
    return np.fromiter(map(is_not, values, repeat(None)), np.bool_, len(values))


def take_mask(valid: Mask, index: Index) -> Mask:
    """Return the mask of some rows, or None where none of them is missing."""
    if valid is None:
        return None
    taken = valid[index].copy()
    return None if taken.all() else taken


def put_mask(valid: Mask, length: int, row: int, present: bool) -> Mask:
    """Return the mask with one row changed."""
    if valid is None:
        if present:
            return None
        valid = np.ones(length, np.bool_)
    valid[row] = present
    return None if present and valid.all() else valid


def concat_masks(parts: Sequence[tuple[Mask, int]]) -> Mask:
    """Return the mask of columns joined; each part is (mask, number of rows)."""
    if all(valid is None for valid, _ in parts):
        return None
    return np.concatenate([np.ones(n, np.bool_) if valid is None else valid for valid, n in parts])
