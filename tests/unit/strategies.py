"""Document classes and documents at random: those of the contract of formats, and what columns add."""

from __future__ import annotations

import collections
import enum
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from docarray import BaseDocument
from docarray.testing._formats import documents as kinds
from docarray.testing._formats.documents import FieldType
from docarray.typing import ID

try:
    import torch
except ImportError:  # the strategies then make numpy tensors only
    torch = None


class Strange(enum.Enum):
    PAIR = (1, 'a')
    NONE = None
    TEXT = 'text'


#: What columns hold and not every format does: values that JSON changes.
LEAVES = (
    *kinds.Choice().leaves,
    FieldType(Strange, st.sampled_from(Strange)),
    FieldType(
        Any, st.binary(max_size=3) | st.tuples(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=3))
    ),
)


def document_types(
    depth: int = 2, ragged: bool = False, tagged: bool = False
) -> st.SearchStrategy[FieldType]:
    """Return document classes at random, and documents of them; see ``Choice`` of the contract."""
    return kinds.document_types(kinds.Choice(depth, ragged, tagged, LEAVES))


def same(a: Any, b: Any, views: bool = False) -> bool:
    """Whether two values are the same in every bit: types, ids, dtypes, -0.0, and order of keys.

    Args:
        a: A value of a document.
        b: What it became.
        views: Whether documents in ``b``, and lists of them, may be live: of a derived class.
    """
    if isinstance(a, str) and isinstance(b, ID):
        return str(a) == str(b)  # a default id is a str until it has been through a column
    may_be_live = views and isinstance(a, (BaseDocument, list, collections.deque))
    if type(a) is not type(b) and not (may_be_live and isinstance(b, type(a))):
        return False
    again: Callable[[Any, Any], bool] = lambda x, y: same(x, y, views)  # noqa: E731
    if isinstance(a, BaseDocument):
        return all(again(getattr(a, name), getattr(b, name)) for name in type(a).model_fields)
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(map(again, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(again(value, b[key]) for key, value in a.items())
    if torch is not None and isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and same(np.asarray(a), np.asarray(b))
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, float):  # which NaN it is does not count: protobuf's Python code has one for all
        return math.isnan(a) and math.isnan(b) or np.float64(a).tobytes() == np.float64(b).tobytes()
    return bool(a == b)
