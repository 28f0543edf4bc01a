"""Hypothesis strategies that make document classes, and documents of them, at random."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import ipaddress
import itertools
import math
import pathlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pydantic
from hypothesis import strategies as st

from docarray import BaseDocument, DocumentArray
from docarray.typing import ID, ImageBytes, NdArray

try:
    import torch
except ImportError:  # the strategies then make numpy tensors only
    torch = None


class Colour(str, enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Level(enum.Enum):
    LOW = 1
    HIGH = 2**40


class Odd(enum.Enum):
    PAIR = (1, 'a')
    NONE = None
    TEXT = 'text'


class Flags(enum.IntFlag):
    A = 1
    B = 2


@dataclass
class FieldType:
    """An annotation and the values that fields of it are given."""

    annotation: Any
    values: st.SearchStrategy[Any]


DTYPES = ('bool', 'uint8', 'int8', 'int32', 'int64', 'float16', 'float32', 'float64', 'complex64')
_names = (f'Made{number}' for number in itertools.count())
_INT64 = st.integers(-(2**63), 2**63 - 1)
_text = st.text(max_size=8)
_zones = st.sampled_from(
    [datetime.timezone(datetime.timedelta(minutes=minutes)) for minutes in (0, 345, -480)]
)

SCALARS: list[FieldType] = [
    FieldType(bool, st.booleans()),
    FieldType(int, _INT64),
    FieldType(float, st.floats(width=64)),
    FieldType(str, _text),
    FieldType(bytes, st.binary(max_size=8)),
    FieldType(Colour, st.sampled_from(Colour)),
    FieldType(Level, st.sampled_from(Level)),
    FieldType(Odd, st.sampled_from(Odd)),
    FieldType(Flags, st.sampled_from([Flags.A, Flags.B, Flags.A | Flags.B])),
    FieldType(datetime.datetime, st.one_of(st.datetimes(), st.datetimes(timezones=_zones))),
    FieldType(datetime.date, st.dates()),
    FieldType(datetime.time, st.times()),
    FieldType(datetime.timedelta, st.timedeltas()),
    FieldType(uuid.UUID, st.uuids()),
    FieldType(decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    FieldType(pathlib.Path, st.sampled_from(['a', 'a/b', '/x/y.png', '.']).map(pathlib.Path)),
    FieldType(ipaddress.IPv4Address, st.ip_addresses(v=4)),
    FieldType(Literal['a', 'b'], st.sampled_from(['a', 'b'])),
    FieldType(Literal[1, 'b', None], st.sampled_from([1, 'b', None])),
    FieldType(int | str, st.one_of(_INT64, _text)),
    FieldType(complex, st.complex_numbers(allow_nan=False)),
    FieldType(ImageBytes, st.binary(max_size=4)),
    FieldType(
        Any,
        st.one_of(
            st.none(), _text, _INT64, st.booleans(), st.lists(_INT64, max_size=2), st.binary(max_size=3)
        ),
    ),
]

CONTAINERS: list[FieldType] = [
    FieldType(list[int], st.lists(_INT64, max_size=3)),
    FieldType(list[str], st.lists(_text, max_size=3)),
    FieldType(list[float | None], st.lists(st.none() | st.floats(), max_size=3)),
    FieldType(list[list[int]], st.lists(st.lists(_INT64, max_size=2), max_size=2)),
    FieldType(list[datetime.date], st.lists(st.dates(), max_size=2)),
    FieldType(list, st.lists(_INT64 | _text, max_size=2)),
    FieldType(set[str], st.sets(_text, max_size=3)),
    FieldType(frozenset[int], st.frozensets(_INT64, max_size=3)),
    FieldType(collections.deque[int], st.lists(_INT64, max_size=2).map(collections.deque)),
    FieldType(tuple[int, str], st.tuples(_INT64, _text)),
    FieldType(tuple[int, ...], st.lists(_INT64, max_size=3).map(tuple)),
    FieldType(dict[str, int], st.dictionaries(_text, _INT64, max_size=2)),
    FieldType(dict[int, str], st.dictionaries(_INT64, _text, max_size=2)),
    FieldType(dict, st.dictionaries(_text, st.booleans(), max_size=2)),
    FieldType(dict[str, list[int]], st.dictionaries(_text, st.lists(_INT64, max_size=2), max_size=2)),
]


@st.composite
def arrays(draw: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    """Arrays of one shape and dtype: small numbers, and NaN and infinities in floats."""
    size = math.prod(shape)
    numbers: list[Any] = draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))
    made = np.array(numbers, 'int64').astype(dtype).reshape(shape)
    if dtype.startswith('float') and size and draw(st.booleans()):
        made.flat[0] = draw(st.sampled_from([np.nan, np.inf, -0.0]))
    return made


@st.composite
def tensor_types(draw: Any) -> FieldType:
    """Tensor fields of numpy and torch, of any dtype, of a fixed shape or without one."""
    shape = draw(st.sampled_from([(), (0,), (1,), (3,), (2, 3), (2, 0), (1, 2, 2)]))
    dtype = draw(st.sampled_from(DTYPES))
    values = arrays(shape, dtype)
    base: Any = NdArray
    if torch is not None and draw(st.booleans()):
        from docarray.typing import TorchTensor

        base, values = TorchTensor, values.map(torch.from_numpy)
    declared = draw(st.booleans()) and shape
    return FieldType(base[shape] if declared else base, values)


def ragged_types() -> st.SearchStrategy[FieldType]:
    """Tensor fields whose rows have shapes of their own."""
    shapes = st.sampled_from([(), (0,), (2,), (3, 1), (1, 2, 2)])
    kinds = st.sampled_from(['float32', 'uint8'])
    return kinds.map(lambda dtype: FieldType(NdArray, shapes.flatmap(lambda shape: arrays(shape, dtype))))


@st.composite
def document_types(draw: Any, depth: int = 2, ragged: bool = False) -> FieldType:
    """Document classes, and documents of them."""
    count = draw(st.integers(0, 4))
    fields = {f'f{number}': draw(field_types(depth, ragged)) for number in range(count)}
    made: Any = pydantic.create_model(
        next(_names),
        __base__=BaseDocument,
        **{name: (field.annotation, ...) for name, field in fields.items()},
    )
    values = st.fixed_dictionaries({name: field.values for name, field in fields.items()})
    return FieldType(made, values.map(lambda given: made(**given)))


@st.composite
def field_types(draw: Any, depth: int, ragged: bool = False) -> FieldType:
    """Fields of any form, half of them Optional."""
    simple = [st.sampled_from(SCALARS), st.sampled_from(CONTAINERS), tensor_types()]
    if ragged:
        simple.append(ragged_types())
    nested = [composite_types(depth - 1, ragged)] if depth else []
    found = draw(st.one_of(*simple, *nested))
    if draw(st.booleans()):
        return FieldType(found.annotation | None, st.none() | found.values)
    return found


@st.composite
def composite_types(draw: Any, depth: int, ragged: bool) -> FieldType:
    """Fields of documents: one, many, one of two classes."""
    first = draw(document_types(depth, ragged))
    many = st.lists(first.values, max_size=3)
    form = draw(st.sampled_from(['one', 'list', 'tuple', 'array', 'union', 'map']))
    if form == 'list':
        return FieldType(list[first.annotation], many)
    if form == 'tuple':
        return FieldType(tuple[first.annotation, ...], many.map(tuple))
    if form == 'array':
        array = DocumentArray[first.annotation]
        return FieldType(array, many.map(array))
    if form == 'map':
        return FieldType(dict[str, first.annotation], st.dictionaries(_text, first.values, max_size=2))
    if form == 'union':
        second = draw(document_types(depth, ragged))
        return FieldType(first.annotation | second.annotation, first.values | second.values)
    return first


def same(a: Any, b: Any, views: bool = False) -> bool:
    """Whether two values are the same in every bit: types, ids, dtypes, NaN, and order of keys.

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
    if isinstance(a, float):
        return np.float64(a).tobytes() == np.float64(b).tobytes()
    return bool(a == b)
