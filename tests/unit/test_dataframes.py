"""Data frames of pandas and polars: what columns they have, and what is read of them."""

from __future__ import annotations

import datetime
import decimal
import enum
import io
import subprocess
import sys
import uuid
from functools import partial
from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.errors import InvalidValueError, KindError, SchemaError, StackError, ValidationError
from docarray.typing import AnyTensor, ImageUrl, NdArray
from tests.unit.strategies import document_types, same
from tests.unit.test_csv import fits_json, same_but_for_json
from tests.unit.test_linear import check

pandas = pytest.importorskip('pandas')
polars = pytest.importorskip('polars')

LIBRARIES = ['pandas', 'polars']
Floats = NdArray[3, 'float32']
UTC = datetime.timezone.utc


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Artist(BaseDocument):
    name: str
    born: int = 1900


class Bid(BaseDocument):
    price: float
    curve: NdArray | None = None


class Cat(BaseDocument):
    lives: int = 9


class Dog(BaseDocument):
    tricks: list[str] = []


class Tree(BaseDocument):
    name: str
    below: DocumentArray[Tree] = DocumentArray([])


class Plain(BaseDocumentWithoutId):
    number: int = 0
    share: float = 0.0
    paid: bool = False
    word: str = ''
    some: int | None = None
    maybe: bool | None = None
    ratio: float | None = None
    text: str | None = None


class Ticket(BaseDocument):
    visitor: str
    data: bytes = b''
    when: datetime.datetime | None = None
    day: datetime.date | None = None
    took: datetime.timedelta | None = None
    price: decimal.Decimal = decimal.Decimal('1.50')
    colour: Colour = Colour.RED
    image: ImageUrl | None = None
    artist: Artist
    guest: Artist | None = None
    bids: DocumentArray[Bid] = DocumentArray[Bid]()
    pet: Cat | Dog | None = None
    words: list[str] = []
    tags: set[int] | None = None
    counts: dict[str, float] = {}
    either: int | str = 0
    vector: Floats | None = None
    pixels: NdArray | None = None
    tree: Tree | None = None


def tickets() -> DocumentArray[Ticket]:
    return DocumentArray[Ticket](
        [
            Ticket(visitor='Ann', artist=Artist(name='a')),
            Ticket(
                visitor='',
                data=b'\xff\x00',
                when=datetime.datetime(2024, 2, 29, 12, 0, 0, 123456),
                day=datetime.date(2024, 2, 29),
                took=datetime.timedelta(seconds=1.5),
                price=decimal.Decimal('0.10'),
                colour=Colour.BLUE,
                image='https://example.org/a.png',
                artist=Artist(name='b', born=2**62),
                guest=Artist(id=None, name=''),
                bids=[Bid(price=0.1, curve=np.float16([1, np.nan])), Bid(price=float('inf'))],
                pet=Dog(tricks=['sit', 'say "x"']),
                words=['', 'None'],
                tags={3, 1},
                counts={'a': float('nan'), 'b': -0.0},
                either='5',
                vector=np.float32([0.1, -0.0, np.nan]),
                pixels=np.zeros((0, 3), np.uint8),
                tree=Tree(name='a', below=[Tree(name='b')]),
            ),
            Ticket(
                visitor='Bo',
                artist=Artist(name='c'),
                pet=Cat(),
                either=5,
                pixels=np.arange(6.0).reshape(2, 3),
            ),
        ]
    )


def arrays(array: Any) -> list[Any]:
    return [array, array.stack(ragged='list')]


def rows(array: Any) -> list[Any]:
    return list(array.unstack() if isinstance(array, DocumentArrayStacked) else array)


def plain(**values: list[Any]) -> DocumentArray[Plain]:
    given = zip(*values.values(), strict=True)
    return DocumentArray[Plain]([Plain(**dict(zip(values, row, strict=True))) for row in given])


# -- there and back -----------------------------------------------------------------------------------


@pytest.mark.parametrize('library', LIBRARIES)
def test_every_value_there_and_back(library: Any) -> None:
    for array in arrays(tickets()):
        frame = array.to_dataframe(library)
        assert type(frame).__module__.startswith(library)
        back = type(array).from_dataframe(frame)
        assert type(back) is type(array)
        assert all(map(same, rows(array), rows(back)))


@pytest.mark.parametrize('library', LIBRARIES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_documents_there_and_back(library: Any, data: st.DataObject) -> None:
    made = data.draw(document_types(tagged=True))  # for JSON says nothing of classes
    cls: Any = made.annotation
    documents = DocumentArray[cls](data.draw(st.lists(made.values, max_size=3)))
    assume(library == 'pandas' or fits_json(documents))
    for array in (documents, documents.stack(ragged='list')):
        back = DocumentArray[cls].from_dataframe(array.to_dataframe(library))
        assert len(back) == len(documents)
        assert all(map(same if library == 'pandas' else same_but_for_json, documents, back))


@pytest.mark.parametrize('library', LIBRARIES)
def test_an_empty_array(library: Any) -> None:
    for array in arrays(DocumentArray[Ticket]()):
        frame = array.to_dataframe(library)
        assert list(frame.columns)[:3] == ['id', 'visitor', 'data']
        assert len(type(array).from_dataframe(frame)) == 0


@pytest.mark.parametrize('library', LIBRARIES)
def test_views_of_a_stacked_array(library: Any) -> None:
    stacked = tickets()[:1].stack()
    array = DocumentArray[Ticket]([stacked[0]])
    assert DocumentArray[Ticket].from_dataframe(array.to_dataframe(library)) == tickets()[:1]


@pytest.mark.parametrize('library', LIBRARIES)
def test_tensors_can_be_written_to(library: Any) -> None:
    array = DocumentArray[Bid]([Bid(price=1, curve=np.zeros(2)), Bid(price=1)])
    back = DocumentArray[Bid].from_dataframe(array.to_dataframe(library))
    back[0].curve[0] = 5
    assert back[0].curve.tolist() == [5, 0]


@pytest.mark.parametrize('library', LIBRARIES)
def test_the_frame_has_memory_of_its_own(library: Any) -> None:
    stacked = plain(number=[1, 2], share=[1.0, 2.0], some=[1, None]).stack()
    frame = stacked.to_dataframe(library)
    if library == 'pandas':
        frame.loc[0, 'number'], frame.loc[0, 'share'], frame.loc[0, 'some'] = 7, 7.0, 7
    stacked.number[1] = 9
    assert stacked.number == [1, 9]
    assert stacked.share == [1.0, 2.0]
    assert list(frame['number'])[1] == 2


@pytest.mark.parametrize('library', LIBRARIES)
@pytest.mark.parametrize(
    'curve',
    [
        np.array(1.5),
        np.zeros((2, 0, 3), 'int8'),
        np.array([1 + 2j]),
        np.arange(3, dtype='>f4'),
        np.ones((2, 2), bool),
    ],
)
def test_odd_tensors(library: Any, curve: Any) -> None:
    array = DocumentArray[Bid]([Bid(price=1, curve=curve), Bid(price=2), Bid(price=3, curve=curve)])
    for source in arrays(array):
        back = DocumentArray[Bid].from_dataframe(source.to_dataframe(library))
        assert back == array
        assert back[0].curve.dtype.newbyteorder('=') == curve.dtype.newbyteorder('=')


@pytest.mark.parametrize('library', LIBRARIES)
def test_torch_tensors(library: Any) -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Mixed(BaseDocument):
        own: TorchTensor
        any_: AnyTensor

    array = DocumentArray[Mixed]([Mixed(own=torch.ones(2, dtype=torch.bfloat16), any_=torch.zeros(2))] * 2)
    for source in arrays(array):
        frame = source.to_dataframe(library)
        back = DocumentArray[Mixed].from_dataframe(frame, tensor_type=TorchTensor)
        assert [one.own.dtype for one in back] == [torch.bfloat16] * 2
        assert isinstance(back[0].any_, TorchTensor)
        assert back == array
        stacked = DocumentArrayStacked[Mixed].from_dataframe(frame, tensor_type=TorchTensor)
        assert isinstance(stacked.any_, TorchTensor)


TIMES: dict[str, list[datetime.datetime | None]] = {
    'far': [datetime.datetime.min, None, datetime.datetime.max],
    'zone': [datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(minutes=345)))],
    'utc': [datetime.datetime(2024, 1, 1, tzinfo=UTC), None],
    'mixed': [datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, tzinfo=UTC)],
}


@pytest.mark.parametrize('library', LIBRARIES)
@pytest.mark.parametrize('name', TIMES)
def test_times(library: Any, name: str) -> None:
    array = DocumentArray[Ticket](
        [Ticket(visitor='', artist=Artist(name=''), when=when) for when in TIMES[name]]
    )
    back = DocumentArray[Ticket].from_dataframe(array.to_dataframe(library))
    assert back.when == TIMES[name]
    offsets = [None if when is None else when.utcoffset() for when in back.when]
    assert offsets == [None if when is None else when.utcoffset() for when in TIMES[name]]


@pytest.mark.parametrize('library', LIBRARIES)
def test_durations_beyond_any_column(library: Any) -> None:
    took = [datetime.timedelta.max, datetime.timedelta.min, None]
    array = DocumentArray[Ticket]([Ticket(visitor='', artist=Artist(name=''), took=one) for one in took])
    assert DocumentArray[Ticket].from_dataframe(array.to_dataframe(library)).took == took


@pytest.mark.parametrize('count', [1, 2000])
def test_text_that_is_no_valid_unicode(count: int) -> None:
    array = plain(word=['\ud800'] * count)
    for source in arrays(array):
        assert DocumentArray[Plain].from_dataframe(source.to_dataframe()) == array
        with pytest.raises(KindError, match=r'Plain.word: got .*surrogates'):
            source.to_dataframe('polars')


# -- what columns there are ---------------------------------------------------------------------------


def test_dtypes_of_pandas() -> None:
    for array in arrays(
        plain(number=[1, 2], some=[None, 2**62 + 1], maybe=[None, True], ratio=[None, float('nan')])
    ):
        dtypes = array.to_dataframe().dtypes.astype(str).to_dict()
        text = str(pandas.Series(['']).dtype)
        assert dtypes == {
            'number': 'int64',
            'share': 'float64',
            'paid': 'bool',
            'word': text,
            'some': 'Int64',
            'maybe': 'boolean',
            'ratio': 'Float64',
            'text': text,
        }
    frame = tickets()[:2].to_dataframe()
    assert (frame['when'].dtype.kind, frame['took'].dtype.kind) == ('M', 'm')
    assert type(frame['bids'][1]) is DocumentArray[Bid]
    assert type(frame['vector'][1]) is NdArray
    assert frame['words'][1] == ['', 'None']
    assert isinstance(frame['pet'][1], Dog)
    assert frame['price'].tolist() == ['1.50', '0.10']


def test_dtypes_of_polars() -> None:
    for array in arrays(
        plain(number=[1, 2], some=[None, 2**62 + 1], maybe=[None, True], ratio=[None, float('nan')])
    ):
        assert array.to_dataframe('polars').schema == {
            'number': polars.Int64,
            'share': polars.Float64,
            'paid': polars.Boolean,
            'word': polars.String,
            'some': polars.Int64,
            'maybe': polars.Boolean,
            'ratio': polars.Float64,
            'text': polars.String,
        }
    schema = tickets()[:2].to_dataframe('polars').schema
    assert (schema['when'], schema['took']) == (polars.Datetime('us'), polars.Duration('us'))
    assert (schema['day'], schema['data'], schema['words']) == (
        polars.Date,
        polars.Binary,
        polars.List(polars.String),
    )
    assert schema['vector'] == polars.Array(polars.Float32, 3)
    assert schema['tags'] == polars.List(polars.Int64)


@pytest.mark.parametrize(
    ('curves', 'dtype'),
    [
        ([np.zeros((2, 3), 'uint8'), None], polars.Array(polars.UInt8, (2, 3))),
        ([np.zeros(2, 'int16'), None, np.zeros(0, 'int16')], polars.List(polars.Int16)),
        ([np.zeros(2, 'int16'), np.zeros(2, 'int8')], polars.Struct),
        ([np.zeros((2, 1)), np.zeros(1)], polars.Struct),
    ],
)
def test_tensor_columns_of_polars(curves: list[Any], dtype: Any) -> None:
    array = DocumentArray[Bid]([Bid(price=1, curve=curve) for curve in curves])
    frame = array.to_dataframe('polars')
    assert frame.schema['curve'] == dtype
    file = io.BytesIO()
    frame.write_parquet(file)
    file.seek(0)
    back = DocumentArray[Bid].from_dataframe(polars.read_parquet(file))
    assert all(map(same, array, back))


def test_json_of_polars_can_be_decoded_there() -> None:
    frame = tickets().to_dataframe('polars')
    structs = frame['bids'].str.json_decode(polars.List(polars.Struct({'price': polars.String})))
    assert structs.to_list()[1][0] == {'price': '0.1'}


@pytest.mark.parametrize('library', LIBRARIES)
def test_ints_beyond_64_bits(library: Any) -> None:
    for value in (2**63, -(2**63) - 1):
        with pytest.raises(KindError, match=r'Plain.number \(row 1\)'):
            plain(number=[0, value]).to_dataframe(library)
    array = DocumentArray[Ticket]([Ticket(visitor='', artist=Artist(name=''), tags={2**70})])
    assert DocumentArray[Ticket].from_dataframe(array.to_dataframe(library)) == array


# -- frames of others ---------------------------------------------------------------------------------


def test_pandas_columns_of_any_make() -> None:
    frame = pandas.DataFrame(
        {
            'text': pandas.Categorical(['a', None, 'a']),
            'number': pandas.array([1, 2, 3], dtype='Int8'),
            'share': np.float32([0.5, np.nan, 1]),
            'some': [1.0, np.nan, 3.0],
            'ratio': pandas.array([0.5, None, 1.5], dtype='Float32'),
            'maybe': np.array([True, None, np.nan], dtype=object),
            'word': np.array(['x', 'y', ''], dtype=object),
            'paid': np.array([np.bool_(True), 0, 'yes'], dtype=object),
        },
        index=[7, 7, 'x'],
    )
    found = DocumentArray[Plain].from_dataframe(frame)
    assert (found.text, found.number, found.some) == (['a', None, 'a'], [1, 2, 3], [1, None, 3])
    assert (found.ratio, found.maybe, found.word) == ([0.5, None, 1.5], [True, None, None], ['x', 'y', ''])
    assert found.paid == [True, False, True]
    assert np.isnan(found.share[1])  # a value, where numbers may be NaN


def test_arrow_columns_of_pandas() -> None:
    pa = pytest.importorskip('pyarrow')
    table = pa.table(
        {
            'visitor': pa.array(['a', 'b']).dictionary_encode(),
            'artist__name': ['x', 'y'],
            'words': [['a'], []],
            'when': pa.array([datetime.datetime(2024, 1, 1), None]),
            'pixels': pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32())),
            'bids': [[{'price': 1.5}], []],
        }
    )
    found = DocumentArray[Ticket].from_dataframe(table.to_pandas(types_mapper=pandas.ArrowDtype))
    assert (found.visitor, found.words, found.when) == (
        ['a', 'b'],
        [['a'], []],
        [datetime.datetime(2024, 1, 1), None],
    )
    assert found[1].pixels.tolist() == [3.0, 4.0]
    assert found[0].bids.price == [1.5]


def test_missing_values_of_pandas() -> None:
    odd = [None, pandas.NA, pandas.NaT, np.nan, np.float64('nan')]
    frame = pandas.DataFrame(
        {'text': pandas.Series(odd, dtype=object), 'some': pandas.Series(odd, dtype=object)}
    )
    found = DocumentArray[Plain].from_dataframe(frame)
    assert found.text == found.some == [None] * 5
    ratio = (
        DocumentArray[Plain]
        .from_dataframe(pandas.DataFrame({'ratio': pandas.Series(odd, dtype=object)}))
        .ratio
    )
    assert ratio[:3] == [None] * 3
    assert all(np.isnan(ratio[3:]))
    nat = pandas.DataFrame({'visitor': ['a'], 'artist__name': ['b'], 'when': pandas.to_datetime([None])})
    assert DocumentArray[Ticket].from_dataframe(nat).when == [None]


def test_a_csv_file_that_pandas_has_read() -> None:
    file = io.StringIO(newline='')
    array = tickets()[1:]
    array[0].data, array[0].guest = b'', None  # base64 cannot be told from text
    array.to_csv(file)
    file.seek(0)
    frame = pandas.read_csv(file, keep_default_na=False, na_values={'born': ['']}, dtype={'either': object})
    frame['either'] = array.either
    text = [column for column in frame if frame[column].dtype.kind not in 'ifb']
    frame[text] = frame[text].astype(object).where(frame[text] != '', None)
    frame.loc[0, 'visitor'] = ''
    frame = frame.drop(columns='data')
    assert DocumentArray[Ticket].from_dataframe(frame) == array


def test_polars_columns_of_any_make() -> None:
    frame = polars.DataFrame(
        {
            'artist.name': ['x', 'y'],
            'visitor': polars.Series(['a', 'b'], dtype=polars.Categorical),
            'words': [['a'], []],
            'bids': [[{'price': 1.5}], []],
            'guest': [{'name': 'g', 'born': 3}, None],
            'pixels': [[[1, 2], [3, 4]], [[5, 6]]],
            'price': polars.Series(['1.5', '2']).cast(polars.Decimal(4, 2)),
            'either': ['x', '3'],
        }
    )
    first, second = DocumentArray[Ticket].from_dataframe(frame)
    assert (first.visitor, second.words, first.bids.price) == ('a', [], [1.5])
    assert (first.guest.born, second.guest) == (3, None)
    assert (first.pixels.shape, second.pixels.shape) == ((2, 2), (1, 2))
    assert (first.price, first.either) == (decimal.Decimal('1.5'), 'x')


@pytest.mark.parametrize('library', LIBRARIES)
def test_columns_in_any_order_and_missing_ones(library: str) -> None:
    frame = tickets().to_dataframe(library)
    kept = ['artist__name', 'visitor', 'pixels']
    found = DocumentArray[Ticket].from_dataframe(frame[kept])
    assert found.visitor == tickets().visitor
    assert found.colour == [Colour.RED] * 3
    assert len(set(found.id)) == 3


def test_other_types_of_fields() -> None:
    class Odd(BaseDocument):
        key: uuid.UUID
        level: int = pydantic.Field(alias='lvl')

    array = DocumentArray[Odd]([Odd(key=uuid.uuid4(), lvl=3)])
    for library in LIBRARIES:
        frame = array.to_dataframe(library)
        assert list(frame.columns) == ['id', 'key', 'level']
        assert DocumentArray[Odd].from_dataframe(frame) == array


# -- refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize('library', [pandas, polars], ids=LIBRARIES)
def test_frames_that_are_refused(library: Any) -> None:
    cls = DocumentArray[Ticket]
    with pytest.raises(InvalidValueError, match="'vistor', 'x'.*Did you mean 'visitor'"):
        cls.from_dataframe(library.DataFrame({'vistor': ['a'], 'x': [1]}))
    with pytest.raises(ValidationError) as caught:
        cls.from_dataframe(library.DataFrame({'visitor': ['a', 'b'], 'artist__name': ['x', None]}))
    assert caught.value.errors()[0]['loc'] == (1, 'artist', 'name')
    with pytest.raises(ValidationError) as caught:
        cls.from_dataframe(
            library.DataFrame({'visitor': ['a'], 'artist__name': ['x'], 'vector': [[1.0, 2.0]]})
        )
    assert caught.value.errors()[0]['loc'] == (0, 'vector')
    with pytest.raises(SchemaError, match='without a document type'):
        DocumentArray.from_dataframe(library.DataFrame({'a': [1]}))


def test_pandas_frames_with_odd_columns() -> None:
    with pytest.raises(InvalidValueError, match='no fields: .0, 1'):
        DocumentArray[Plain].from_dataframe(pandas.DataFrame([[1, 2]]))
    with pytest.raises(InvalidValueError, match='columns twice'):
        DocumentArray[Plain].from_dataframe(pandas.DataFrame([[1, 2]], columns=['number', 'number']))


@pytest.mark.parametrize(
    'value',
    [
        {'dtype': 'int8', 'shape': [2**40], 'data': b''},
        {'dtype': 'int8', 'shape': [-1], 'data': b''},
        {'dtype': 'object', 'shape': [1], 'data': b'12345678'},
        {'dtype': None, 'shape': [1], 'data': b'1'},
    ],
)
def test_structs_that_are_no_tensors(value: Any) -> None:
    with pytest.raises(InvalidValueError, match='curve'):
        DocumentArray[Bid].from_dataframe(polars.DataFrame({'price': [1.0], 'curve': [value]}))


@pytest.mark.parametrize('frame', [None, {'a': [1]}, polars.DataFrame({'a': [1]}).lazy(), pandas.Series([1])])
def test_what_is_no_frame(frame: Any) -> None:
    with pytest.raises(InvalidValueError, match='wanted a DataFrame of pandas or polars'):
        DocumentArray[Plain].from_dataframe(frame)


def test_no_such_library() -> None:
    with pytest.raises(InvalidValueError, match="'pandas' or 'polars'"):
        plain(number=[1]).to_dataframe('duckdb')  # type: ignore[arg-type]


def test_fields_without_a_column() -> None:
    class Larger(Plain):
        more: int = 0

    with pytest.raises(StackError, match='more'):
        DocumentArray[Plain]([Larger()]).to_dataframe()


def test_subclasses_of_frames() -> None:
    class Special(pandas.DataFrame):  # as of geopandas
        pass

    assert DocumentArray[Plain].from_dataframe(Special({'number': [1]})).number == [1]


def test_neither_library_is_loaded_before_it_is_used() -> None:
    code = (
        'import sys, docarray.formats.tables.frames; sys.exit(bool({"pandas", "polars"} & set(sys.modules)))'
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


# -- cost ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize('library', LIBRARIES)
def test_cost_is_linear(library: Any) -> None:
    few, many = (
        DocumentArray[TextDoc]([TextDoc(text=f'text {row}', embedding=np.zeros(2)) for row in range(count)])
        for count in (1000, 10_000)
    )
    for a, b in zip(arrays(few), arrays(many), strict=True):
        check(lambda array: array.to_dataframe(library), a, b)
    frames = few.to_dataframe(library), many.to_dataframe(library)
    check(partial(DocumentArray[TextDoc].from_dataframe), *frames)
