"""Tables that others made: other types of a kind, missing and unknown columns, values that do not fit."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any

import numpy as np
import pydantic
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import FormatError, InvalidValueError, LimitError, ValidationError
from docarray.formats.limits import Limits
from docarray.typing import NdArray

pa = pytest.importorskip('pyarrow')
VIEW = getattr(pa, 'string_view', pa.string)()  # as of version 16


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Part(BaseDocument):
    n: int


class Other(BaseDocument):
    text: str


class Doc(BaseDocument):
    n: int = 0
    x: float = 0
    ok: bool = False
    text: str = ''
    data: bytes = b''
    colour: Colour = Colour.RED
    when: datetime.datetime | None = None
    price: decimal.Decimal | None = None
    key: uuid.UUID | None = None
    numbers: list[int] = []
    gaps: list[float | None] = []
    counts: dict[str, int] = {}
    anything: Any = None
    vector: NdArray | None = None
    part: Part | None = None
    parts: DocumentArray[Part] = DocumentArray[Part]()
    either: Part | Other | None = None


def read(**columns: Any) -> Any:
    return DocumentArray[Doc].from_arrow(pa.table(columns))


def values(name: str, array: Any) -> list[Any]:
    return [getattr(document, name) for document in read(**{name: array})]


SCALARS: list[tuple[str, Any, Any, list[Any]]] = [
    ('n', pa.int32(), [1, 2], [1, 2]),
    ('n', pa.uint64(), [1, 2**63 - 1], [1, 2**63 - 1]),
    ('n', pa.float64(), [1.0], [1]),
    ('n', pa.string(), ['17'], [17]),
    ('n', pa.dictionary(pa.int8(), pa.int16()), [5, 5], [5, 5]),
    ('x', pa.float16(), [np.float16(0.5)], [0.5]),
    ('x', pa.int8(), [3], [3.0]),
    ('x', pa.decimal128(5, 2), [decimal.Decimal('1.25')], [1.25]),
    ('ok', pa.bool_(), [True, False], [True, False]),
    ('text', pa.string(), ['a', 'é'], ['a', 'é']),
    ('text', VIEW, ['a', 'long enough not to be inline'], ['a', 'long enough not to be inline']),
    ('text', pa.dictionary(pa.int32(), pa.string()), ['a', 'b', 'a'], ['a', 'b', 'a']),
    ('data', pa.binary(), [b'a'], [b'a']),
    ('data', pa.binary(2), [b'ab'], [b'ab']),
    ('colour', pa.string(), ['blue'], [Colour.BLUE]),
    ('colour', pa.dictionary(pa.int8(), pa.string()), ['blue', 'red'], [Colour.BLUE, Colour.RED]),
    ('when', pa.timestamp('us'), [datetime.datetime(2020, 1, 2)], [datetime.datetime(2020, 1, 2)]),
    ('when', pa.string(), ['2020-01-02T00:00:00'], [datetime.datetime(2020, 1, 2)]),
    ('price', pa.decimal128(5, 2), [decimal.Decimal('1.25'), None], [decimal.Decimal('1.25'), None]),
    ('key', pa.string(), [str(uuid.UUID(int=7))], [uuid.UUID(int=7)]),
    ('numbers', pa.list_(pa.int32()), [[1, 2], []], [[1, 2], []]),
    ('numbers', pa.list_(pa.int8(), 2), [[1, 2]], [[1, 2]]),
    ('gaps', pa.list_(pa.float32()), [[1, None]], [[1.0, None]]),
    ('counts', pa.map_(pa.large_string(), pa.int16()), [[('a', 1)]], [{'a': 1}]),
    ('counts', pa.struct([('a', pa.int64())]), [{'a': 1}], [{'a': 1}]),
    ('anything', pa.string(), ['hello', '{"a": 1}', None], ['hello', {'a': 1}, None]),
    ('anything', pa.list_(pa.int64()), [[1]], [[1]]),
]


@pytest.mark.parametrize(('name', 'kind', 'given', 'wanted'), SCALARS, ids=lambda value: str(value)[:30])
def test_other_types_of_a_kind(name: str, kind: Any, given: list[Any], wanted: list[Any]) -> None:
    array = pa.array(given, kind)
    assert values(name, array) == wanted
    assert values(name, pa.chunked_array([array[:1], array[1:]])) == wanted
    stacked = DocumentArrayStacked[Doc].from_arrow(pa.table({name: array}))
    assert [getattr(document, name) for document in stacked] == wanted


def test_run_end_encoding() -> None:
    array = pa.RunEndEncodedArray.from_arrays([2, 3, 5], pa.array(['a', 'b', 'c']))
    assert values('text', array) == ['a', 'a', 'b', 'c', 'c']
    assert values('text', array[1:4]) == ['a', 'b', 'c']
    lists = pa.RunEndEncodedArray.from_arrays([2, 3], pa.array([[1], [2, 3]]))
    assert values('numbers', lists) == [[1], [1], [2, 3]]


@pytest.mark.skipif(not hasattr(pa, 'list_view'), reason='no such type in this version')
@pytest.mark.parametrize('name', ['list_view', 'large_list_view'])
def test_lists_that_are_views(name: str) -> None:
    kind = getattr(pa, name, pa.list_)
    rows: Any = [[1, 2], [3], None, [4, 5, 6]]
    array = pa.array(rows, kind(pa.int64()))
    assert values('anything', array) == rows
    assert values('numbers', array.filter(array.is_valid())) == [[1, 2], [3], [4, 5, 6]]
    assert [None if row is None else row.tolist() for row in values('vector', array[1:])] == rows[1:]
    assert values('numbers', pa.array([[1], [2]], kind(pa.int32())))[1] == [2]
    parts = pa.array([[{'n': 1}], [], [{'n': 2}, {'n': 3}]], kind(pa.struct([('n', pa.int64())])))
    assert [row.n for row in values('parts', parts)] == [[1], [], [2, 3]]
    assert values('anything', pa.array([[[1], [2, 3]]], kind(kind(pa.int64())))) == [[[1], [2, 3]]]


@pytest.mark.parametrize('name', ['when', 'anything'])
def test_nanoseconds_are_times_of_python(name: str) -> None:
    """Whether pandas is there makes no difference."""
    array = pa.array([1_500_000_001, None], pa.timestamp('ns'))
    got = values(name, array)
    assert got == [datetime.datetime(1970, 1, 1, 0, 0, 1, 500_000), None]
    assert type(got[0]) is datetime.datetime
    ((time,),) = values('anything', pa.array([[1_000_001]], pa.list_(pa.duration('ns'))))
    assert (time, type(time)) == (datetime.timedelta(microseconds=1000), datetime.timedelta)


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], ['n', 'n'])
    with pytest.raises(FormatError, match=r'Doc\.n: got two columns'):
        DocumentArray[Doc].from_arrow(table)


@pytest.mark.parametrize(
    'kind',
    [
        pa.list_(pa.float32()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float32(), 4),
        pa.list_(pa.list_(pa.float32(), 2), 2),
    ],
)
def test_lists_as_tensors_keep_their_dtype(kind: Any) -> None:
    rows: Any = [[1, 2, 3, 4], None]
    if pa.types.is_fixed_size_list(kind.value_type):
        rows = [[[1, 2], [3, 4]], None]
    first, second = values('vector', pa.array(rows, kind))
    assert (first.tolist(), str(first.dtype), second) == (rows[0], 'float32', None)
    assert first.flags.writeable


def test_tensors_whose_axes_are_permuted() -> None:
    kind = pa.fixed_shape_tensor(pa.int32(), [2, 3], permutation=[1, 0])
    storage = pa.array([[0, 1, 2, 3, 4, 5]], kind.storage_type)
    (got,) = values('vector', pa.ExtensionArray.from_storage(kind, storage))
    assert got.tolist() == np.arange(6).reshape(2, 3).T.tolist()


def test_documents_of_structs() -> None:
    assert values('part', pa.array([{'n': 1}, None]))[0].n == 1
    (parts,) = values('parts', pa.array([[{'n': 1}, {'n': 2}]]))
    assert type(parts) is DocumentArray[Part]
    assert parts.n == [1, 2]
    (first, second) = values(
        'either',
        pa.array(
            [
                {'type': 'Other', 'Part': None, 'Other': {'text': 'x'}},
                {'type': 'Part', 'Part': {'n': 3}, 'Other': None},
            ]
        ),
    )
    assert (type(first), type(second)) == (Other, Part)


def test_missing_columns_have_their_defaults_and_unknown_ones_are_ignored() -> None:
    array = read(n=[1], unknown=[2])
    assert (array[0].n, array[0].colour, array[0].id is None) == (1, Colour.RED, False)
    assert not hasattr(array[0], 'unknown')


def test_extra_fields_are_for_the_class_to_judge() -> None:
    class Strict(BaseDocument):
        model_config = pydantic.ConfigDict(extra='forbid')
        n: int

    class Open(BaseDocument):
        model_config = pydantic.ConfigDict(extra='allow')
        n: int

    table = pa.table({'n': [1], 'm': ['x']})
    assert DocumentArray[Open].from_arrow(table)[0].m == 'x'
    with pytest.raises(ValidationError) as info:
        DocumentArray[Strict].from_arrow(table)
    assert info.value.errors()[0]['loc'] == (0, 'm')


def test_aliases() -> None:
    class Aliased(BaseDocument):
        n: int = pydantic.Field(alias='number')

    for name in ('n', 'number'):
        assert DocumentArray[Aliased].from_arrow(pa.table({name: [5]}))[0].n == 5
    array = DocumentArray[Aliased]([Aliased(number=1)])
    assert DocumentArray[Aliased].from_arrow(array.to_arrow().replace_schema_metadata(None)) == array


@pytest.mark.parametrize(
    ('name', 'array', 'where'),
    [
        ('n', pa.array([1, 2, None]), (2, 'n')),
        ('n', pa.array(['1', 'x']), (1, 'n')),
        ('n', pa.array([datetime.datetime(2020, 1, 1)]), (0, 'n')),
        ('text', pa.array([1]), (0, 'text')),
        ('colour', pa.array(['red', 'green']), (1, 'colour')),
        ('numbers', pa.array([[1], ['a']][1:]), (0, 'numbers', 0)),
        ('part', pa.array([{'n': 1}, {'n': None}]), (1, 'part', 'n')),
        ('part', pa.array(['x']), (0, 'part')),
        ('parts', pa.array([[], [{'n': 1}, {'m': 1}]]), (1, 'parts', 1, 'n')),
        ('either', pa.array([{'type': 'Part', 'Part': {'n': None}}]), (0, 'either', 'n')),
    ],
    ids=str,
)
def test_faults_say_row_and_field(name: str, array: Any, where: tuple[Any, ...]) -> None:
    chunked = pa.table({name: pa.chunked_array([array])})
    for table in (chunked, pa.concat_tables([chunked[:1], chunked[1:]])):
        with pytest.raises(ValidationError) as info:
            DocumentArray[Doc].from_arrow(table)
        loc = info.value.errors()[0]['loc']
        assert loc[: len(where)] == where


@pytest.mark.parametrize('table', [None, 7, [1], {'n': [1]}])
def test_what_does_not_speak_arrow(table: Any) -> None:
    with pytest.raises(InvalidValueError, match='Arrow table'):
        DocumentArray[Doc].from_arrow(table)


def test_limits() -> None:
    table = pa.table({'n': range(5)})
    assert len(DocumentArray[Doc].from_arrow(table, limits=Limits(documents=5, columns=1))) == 5
    with pytest.raises(LimitError, match='5 documents'):
        DocumentArray[Doc].from_arrow(table, limits=Limits(documents=4))
    with pytest.raises(LimitError, match='2 columns'):
        DocumentArray[Doc].from_arrow(pa.table({'n': [1], 'x': [1.0]}), limits=Limits(columns=1))
    kind = pa.int64()
    for _ in range(70):
        kind = pa.list_(kind)
    with pytest.raises(LimitError, match='levels'):
        DocumentArray[Doc].from_arrow(pa.table({'numbers': pa.array([[]], kind)}))
    with pytest.raises(LimitError, match='documents'):
        DocumentArray[Doc].from_arrow(pa.table({'parts': [[{'n': 1}] * 9]}), limits=Limits(documents=8))


def test_what_takes_no_room_is_limited() -> None:
    """Lists of nulls have no bytes; texts in views, runs and dictionaries are there once for many rows."""
    nulls = pa.LargeListArray.from_arrays(
        pa.array([0, 2**40]), pa.Array.from_buffers(pa.null(), 2**40, [None])
    )
    text = pa.array([{'text': 'x' * 2**20}])
    repeated = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2**13, np.int32)), text)
    run = pa.RunEndEncodedArray.from_arrays([2**13], text)
    for array in (nulls, repeated, run):
        with pytest.raises(LimitError, match='bytes'):
            read(anything=array)
    assert len(read(either=repeated[:3])) == 3


@pytest.mark.skipif(not hasattr(pa, 'string_view'), reason='no such type in this version')
def test_views_of_the_same_memory_are_limited() -> None:
    _, views, data = pa.array(['x' * 2**20], pa.string_view()).buffers()
    many = pa.py_buffer(views.to_pybytes()[:16] * 2**13)
    with pytest.raises(LimitError, match='bytes'):
        read(text=pa.Array.from_buffers(pa.string_view(), 2**13, [None, many, data]))
    with pytest.raises(LimitError, match='bytes'):
        starts, sizes = np.zeros(2**13, np.int32), np.full(2**13, 2**20, np.int32)
        values = pa.array(np.zeros(2**20, np.int8))
        read(numbers=pa.ListViewArray.from_arrays(pa.array(starts), pa.array(sizes), values))


def test_damaged_memory_is_refused() -> None:
    offsets = pa.py_buffer(np.array([0, 5, 2], np.int64))
    broken = pa.Array.from_buffers(pa.large_string(), 2, [None, offsets, pa.py_buffer(b'ab')])
    with pytest.raises(FormatError):
        read(text=broken)
    latin = pa.Array.from_buffers(
        pa.large_string(), 1, [None, pa.py_buffer(np.array([0, 1], np.int64)), pa.py_buffer(b'\xff')]
    )
    with pytest.raises(FormatError):
        read(text=latin)


@pytest.mark.parametrize(
    'tensor',
    [
        {'data': b'1234', 'shape': [2], 'dtype': 'int32', 'framework': ''},
        {'data': b'1234', 'shape': [-1, -1], 'dtype': 'int32', 'framework': ''},
        {'data': b'', 'shape': [2**62, 2**62, 0], 'dtype': 'int32', 'framework': ''},
        {'data': b'1234', 'shape': [1], 'dtype': 'object', 'framework': ''},
        {'data': b'1234', 'shape': [1], 'dtype': None, 'framework': ''},
        {'data': None, 'shape': [1], 'dtype': 'int32', 'framework': ''},
    ],
)
def test_structs_that_are_no_tensors(tensor: dict[str, Any]) -> None:
    kind = Doc.arrow_schema().field('vector').type
    with pytest.raises((InvalidValueError, FormatError)):
        read(vector=pa.array([tensor], kind))
