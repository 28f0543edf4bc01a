"""Document classes and documents at random for the contract suites: every type on every kind."""

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
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import pydantic
from hypothesis import strategies as st

from docarray import typing as types
from docarray.array.rows import DocumentArray
from docarray.document import BaseDocument
from docarray.errors import MissingExtraError
from docarray.frameworks import get_framework
from docarray.testing import _arrays
from docarray.typing import ID, AnyTensor, AnyUrl, Blob, ImageBytes, ImageUrl, NdArray, TextUrl

Array = np.ndarray[Any, Any]


class Colour(str, enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Level(enum.Enum):
    LOW = 1
    HIGH = 2**40


class Odd(enum.Enum):
    NUMBER = 1.5
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
_pictures = st.sampled_from(['https://example.com/a/b.png', 'file:///x/y.jpg', 's3://k/ü?q=1#f'])
_pages = st.sampled_from(['https://example.com/a.html', 'b/c.txt'])
_zones = st.sampled_from(
    [datetime.timezone(datetime.timedelta(minutes=minutes)) for minutes in (0, 345, -480)]
)
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _INT64 | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_text, inner, max_size=2),
    max_leaves=4,
)

SCALARS: dict[str, FieldType] = {
    'bool': FieldType(bool, st.booleans()),
    'int': FieldType(int, _INT64),
    'float': FieldType(float, st.floats(width=64)),
    'str': FieldType(str, _text),
    'bytes': FieldType(bytes, st.binary(max_size=8)),
    'str_enum': FieldType(Colour, st.sampled_from(Colour)),
    'int_enum': FieldType(Level, st.sampled_from(Level)),
    'odd_enum': FieldType(Odd, st.sampled_from(Odd)),
    'flags': FieldType(Flags, st.sampled_from([Flags.A, Flags.B, Flags.A | Flags.B])),
    'datetime': FieldType(datetime.datetime, st.one_of(st.datetimes(), st.datetimes(timezones=_zones))),
    'date': FieldType(datetime.date, st.dates()),
    'time': FieldType(datetime.time, st.times()),
    'timedelta': FieldType(datetime.timedelta, st.timedeltas()),
    'uuid': FieldType(uuid.UUID, st.uuids()),
    'decimal': FieldType(decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    'path': FieldType(pathlib.Path, st.sampled_from(['a', 'a/b', '/x/y.png', '.']).map(pathlib.Path)),
    'address': FieldType(ipaddress.IPv4Address, st.ip_addresses(v=4)),
    'literal': FieldType(Literal['a', 'b'], st.sampled_from(['a', 'b'])),
    'mixed_literal': FieldType(Literal[1, 'b', None], st.sampled_from([1, 'b', None])),
    'int_or_str': FieldType(int | str, st.one_of(_INT64, _text)),
    'complex': FieldType(complex, st.complex_numbers(allow_nan=False)),
    'any': FieldType(Any, _json),
    'ref': FieldType(ID, _text),
    'url': FieldType(AnyUrl, _pictures | _pages),
    'image_url': FieldType(ImageUrl, _pictures),
    'text_url': FieldType(TextUrl, _pages),
    'image_bytes': FieldType(ImageBytes, st.binary(max_size=4)),
    'blob': FieldType(Blob, st.binary(max_size=4).map(Blob)),
}

CONTAINERS: dict[str, FieldType] = {
    'ints': FieldType(list[int], st.lists(_INT64, max_size=3)),
    'bools': FieldType(list[bool], st.lists(st.booleans(), max_size=3)),
    'texts': FieldType(list[str], st.lists(_text, max_size=3)),
    'blobs': FieldType(list[bytes], st.lists(st.binary(max_size=3), max_size=3)),
    'gaps': FieldType(list[float | None], st.lists(st.none() | st.floats(), max_size=3)),
    'grid': FieldType(list[list[int]], st.lists(st.lists(_INT64, max_size=2), max_size=2)),
    'dates': FieldType(list[datetime.date], st.lists(st.dates(), max_size=2)),
    'urls': FieldType(list[ImageUrl], st.lists(_pictures, max_size=2)),
    'free_list': FieldType(list, st.lists(_INT64 | _text, max_size=2)),
    'set': FieldType(set[str], st.sets(_text, max_size=3)),
    'frozen': FieldType(frozenset[int], st.frozensets(_INT64, max_size=3)),
    'deque': FieldType(collections.deque[int], st.lists(_INT64, max_size=2).map(collections.deque)),
    'pair': FieldType(tuple[int, str], st.tuples(_INT64, _text)),
    'row': FieldType(tuple[int, ...], st.lists(_INT64, max_size=3).map(tuple)),
    'counts': FieldType(dict[str, int], st.dictionaries(_text, _INT64, max_size=2)),
    'by_number': FieldType(dict[int, str], st.dictionaries(_INT64, _text, max_size=2)),
    'free_map': FieldType(dict, st.dictionaries(_text, st.booleans(), max_size=2)),
    'nested_map': FieldType(
        dict[str, list[int]], st.dictionaries(_text, st.lists(_INT64, max_size=2), max_size=2)
    ),
}


def present_dtypes() -> tuple[str, ...]:
    """Return the dtypes to try: numpy's own, and those of ml_dtypes where it is installed."""
    return _arrays.present((*_arrays.DTYPES, 'float8_e4m3fn', 'float8_e5m2'))


def installed(*frameworks: str) -> list[str]:
    """Return those of the named frameworks that this environment has."""
    found = []
    for name in frameworks:
        try:
            get_framework(name)
        except MissingExtraError:
            continue
        found.append(name)
    return found


@cache
def tensors() -> dict[str, FieldType]:
    """Return the types of tensor fields; those of torch where it is installed."""
    pixels = _arrays.any_array(present_dtypes())
    found = {
        'vector': FieldType(NdArray[3], arrays((3,), 'float32')),
        'typed': FieldType(NdArray[2, 2, 'float16'], arrays((2, 2), 'float16')),
        'whole': FieldType(NdArray['int64'], arrays((2,), 'int64')),
        'array': FieldType(NdArray, pixels),
        'array_list': FieldType(list[NdArray], st.lists(pixels, max_size=2)),
        'array_map': FieldType(dict[str, NdArray], st.dictionaries(_text, pixels, max_size=2)),
        'any_tensor': FieldType(AnyTensor, pixels),
    }
    if installed('torch'):
        torch = get_framework('torch').from_numpy
        found['torch'] = FieldType(types.TorchTensor, arrays((2, 3), 'float32').map(torch))
        found['any_torch'] = FieldType(AnyTensor, arrays((2,), 'int64').map(torch))
    return found


@st.composite
def arrays(draw: st.DrawFn, shape: tuple[int, ...], dtype: str) -> Array:
    """Arrays of one shape and dtype: small numbers, and NaN and infinities in floats."""
    size = math.prod(shape)
    numbers: list[Any] = draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))
    made: Array = np.array(numbers, 'int64').astype(dtype).reshape(shape)
    if dtype.startswith('float') and size and draw(st.booleans()):
        made.flat[0] = draw(st.sampled_from([np.nan, np.inf, -0.0]))
    return made


@st.composite
def tensor_types(draw: st.DrawFn) -> FieldType:
    """Tensor fields of numpy and torch, of any dtype, of a fixed shape or without one."""
    shape: Any = draw(st.sampled_from([(), (0,), (1,), (3,), (2, 3), (2, 0), (1, 2, 2)]))
    base: Any = NdArray
    values: st.SearchStrategy[Any] = arrays(shape, draw(st.sampled_from(DTYPES)))
    torch, declared = draw(st.booleans()), draw(st.booleans())
    if torch and installed('torch'):
        base, values = types.TorchTensor, values.map(get_framework('torch').from_numpy)
    return FieldType(base[shape] if declared and shape else base, values)


def ragged_types() -> st.SearchStrategy[FieldType]:
    """Tensor fields whose rows have shapes of their own."""
    shapes = st.sampled_from([(), (0,), (2,), (3, 1), (1, 2, 2)])

    def field(dtype: str) -> FieldType:
        return FieldType(NdArray, shapes.flatmap(lambda shape: arrays(shape, dtype)))

    return st.sampled_from(['float32', 'uint8']).map(field)


def made_class(base: Any, **fields: Any) -> Any:
    """Return a class with more fields than its base: annotations, or pairs of one and a default."""
    create: Any = pydantic.create_model
    given = {name: field if isinstance(field, tuple) else (field, ...) for name, field in fields.items()}
    return create(next(_names), __base__=base, **given)


def document_class(fields: dict[str, FieldType], optional: bool = False) -> FieldType:
    """Return a document class of such fields, and documents of it.

    Args:
        fields: The types of its fields by name.
        optional: Whether all of them may be None, which is their default then.
    """
    given: dict[str, Any] = {
        name: (field.annotation | None, None) if optional else field.annotation
        for name, field in fields.items()
    }
    made = made_class(BaseDocument, **given)
    values = st.fixed_dictionaries({name: field.values for name, field in fields.items()})
    return FieldType(made, values.map(lambda values: made(**values)))


@dataclass(frozen=True)
class Choice:
    """What classes at random are made of.

    Attributes:
        depth: How many levels of documents inside documents.
        ragged: Whether rows of one tensor field may have different shapes.
        tagged: Whether the classes of a union have fields of their own, by which readers of formats
            without tags tell them apart.
        leaves: The types of fields that are no tensors and no documents.
    """

    depth: int = 2
    ragged: bool = False
    tagged: bool = False
    leaves: tuple[FieldType, ...] = (*SCALARS.values(), *CONTAINERS.values())


@st.composite
def document_types(draw: st.DrawFn, choice: Choice = Choice()) -> FieldType:
    """Document classes at random, and documents of them."""
    count = draw(st.integers(0, 4))
    return document_class({f'f{number}': draw(field_types(choice)) for number in range(count)})


@st.composite
def field_types(draw: st.DrawFn, choice: Choice) -> FieldType:
    """Fields of any form, half of them Optional."""
    forms = [st.sampled_from(choice.leaves), tensor_types()]
    if choice.ragged:
        forms.append(ragged_types())
    if choice.depth:
        forms.append(composite_types(replace(choice, depth=choice.depth - 1)))
    found: FieldType = draw(st.one_of(*forms))
    if draw(st.booleans()):
        return FieldType(found.annotation | None, st.none() | found.values)
    return found


#: What holds many documents of a class.
_BOXES: dict[str, Any] = {'list': list, 'tuple': tuple, 'array': DocumentArray, 'map': dict}


@st.composite
def composite_types(draw: st.DrawFn, choice: Choice) -> FieldType:
    """Fields of documents: one, many, one of two classes."""
    box = draw(st.sampled_from([*_BOXES, 'one', 'union']))
    if box == 'map':  # a dict is JSON, which has no tags
        choice = replace(choice, tagged=True)
    first: FieldType = draw(document_types(choice))
    many = st.lists(first.values, max_size=3)
    if box == 'map':
        return FieldType(_BOXES[box][str, first.annotation], st.dictionaries(_text, first.values, max_size=2))
    if box == 'union':
        second = draw(document_types(choice))
        if choice.tagged:
            first, second = _with_tag(first, 'is_first'), _with_tag(second, 'is_second')
        return FieldType(first.annotation | second.annotation, first.values | second.values)
    if box == 'one':
        return first
    made = _BOXES[box][(first.annotation, ...) if box == 'tuple' else first.annotation]
    return FieldType(made, many.map(made if box == 'array' else _BOXES[box]))


def _with_tag(kind: FieldType, name: str) -> FieldType:
    """Return a class derived from another, with one more field that is required."""
    made = made_class(kind.annotation, **{name: bool})
    return FieldType(made, kind.values.map(lambda document: made(**dict(document), **{name: True})))
