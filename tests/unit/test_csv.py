"""CSV files of documents: what is written, what is read, and what is refused."""

from __future__ import annotations

import base64
import codecs
import csv
import datetime
import enum
import io
import json
import os
import runpy
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray, DocumentArrayStacked
from docarray.errors import (
    FormatError,
    InvalidValueError,
    MissingFileError,
    SchemaError,
    TruncatedError,
    ValidationError,
)
from docarray.formats.tables.csv_rows import read_rows, settled_dialect
from docarray.typing import AnyTensor, ImageUrl, NdArray
from tests.unit.strategies import document_types, same
from tests.unit.test_linear import check

GOLDEN = Path(__file__).parents[1] / 'golden' / 'docarray-0.41'


Floats = NdArray[3, 'float32']


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


class Ticket(BaseDocument):
    visitor: str
    persons: int = 1
    price: float | None = None
    paid: bool = False
    remark: str | None = None
    data: bytes = b''
    stamp: bytes | None = None
    day: datetime.date | None = None
    colour: Colour = Colour.RED
    image: ImageUrl | None = None
    artist: Artist
    guest: Artist | None = None
    bids: DocumentArray[Bid] = DocumentArray[Bid]()
    pet: Cat | Dog | None = None
    words: list[str] = []
    tags: set[int] = set()
    counts: dict[str, float] = {}
    either: int | str = 0
    vector: Floats | None = None
    pixels: NdArray | None = None


class Tiny(BaseDocumentWithoutId):
    word: str | None = None


class Text(BaseDocumentWithoutId):
    word: str


def text_of(array: Any, **options: Any) -> str:
    file = io.StringIO(newline='')
    array.to_csv(file, **options)
    return file.getvalue()


def read(cls: Any, text: str, **options: Any) -> Any:
    return cls.from_csv(io.StringIO(text, newline=''), **options)


def tickets() -> DocumentArray[Ticket]:
    artist = Artist(name='a')
    return DocumentArray[Ticket](
        [
            Ticket(visitor='Ann', artist=artist),
            Ticket(
                visitor='Bo, "the" bee\r\nand\nso on',
                persons=-(2**70),
                price=float('nan'),
                paid=True,
                remark='',
                data=b'\xff\x00',
                stamp=base64.b64decode('None'),
                day=datetime.date(2024, 2, 29),
                colour=Colour.BLUE,
                image='https://example.org/a.png',
                artist=artist,
                guest=Artist(id=None, name=''),
                bids=[Bid(price=0.1, curve=np.float16([1, np.nan])), Bid(price=float('inf'))],
                pet=Dog(tricks=['sit', 'say "x"']),
                words=['', 'None'],
                tags={3, 1},
                counts={'a': float('nan'), 'b': -0.0},
                either='5',
                vector=np.float32([0.1, -0.0, np.nan]),
                pixels=np.zeros((0, 3), np.uint8),
            ),
            Ticket(
                visitor='None',
                remark='None',
                stamp=b'',
                artist=artist,
                pet=Cat(),
                either=5,
                pixels=np.arange(6, dtype='>i4').reshape(2, 3).T,
            ),
        ]
    )


DIALECTS: dict[str, Any] = {
    'excel': 'excel',
    'excel-tab': 'excel-tab',
    'unix': 'unix',
    'class': csv.unix_dialect,
    'object': csv.excel_tab(),
    'semicolon': type('Semicolon', (csv.excel,), {'delimiter': ';', 'quotechar': "'"}),
    'escape': type('Escape', (csv.excel,), {'doublequote': False, 'escapechar': '\\'}),
    'no quotes': type('NoQuotes', (csv.excel,), {'quoting': csv.QUOTE_NONE, 'escapechar': '\\'}),
    'numbers': type('Numbers', (csv.excel,), {'quoting': csv.QUOTE_NONNUMERIC}),
    'spaces': type('Spaces', (csv.excel,), {'skipinitialspace': True}),
    'newline': type('Newline', (csv.excel,), {'lineterminator': '\n'}),
    'strict': type('Strict', (csv.excel,), {'strict': True, 'lineterminator': '\r'}),
}


# -- there and back -----------------------------------------------------------------------------------


@pytest.mark.parametrize('name', DIALECTS)
def test_every_value_there_and_back(name: str) -> None:
    written = text_of(tickets(), dialect=DIALECTS[name])
    assert all(
        map(
            same,
            tickets_without_ids(),
            without_ids(read(DocumentArray[Ticket], written, dialect=DIALECTS[name])),
        )
    )


def without_ids(array: Any) -> list[Any]:
    for document in array:
        for inner in (document, document.artist, document.pet, *document.bids):
            if inner is not None:
                inner.id = None
        if document.pixels is not None:
            document.pixels = np.ascontiguousarray(document.pixels, document.pixels.dtype.newbyteorder('='))
    return list(array)


def tickets_without_ids() -> list[Any]:
    return without_ids(tickets())


def test_ids_and_columns_stay() -> None:
    array = tickets()[[0, 2]]
    array[1].pixels = None
    for stacked in (False, True):
        source = array.stack() if stacked else array
        cls: Any = DocumentArrayStacked if stacked else DocumentArray
        back = read(cls[Ticket], text_of(source))
        assert list(back.id) == array.id
        assert list(back) == list(array)
        assert type(back) is cls[Ticket]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_documents_there_and_back(data: st.DataObject) -> None:
    made = data.draw(document_types(tagged=True))  # for JSON says nothing of classes
    cls: Any = made.annotation
    documents = data.draw(st.lists(made.values, max_size=3))
    dialect = DIALECTS[data.draw(st.sampled_from(sorted(DIALECTS)))]
    array = DocumentArray[cls](documents)
    assume(fits_json(array))
    back = read(DocumentArray[cls], text_of(array, dialect=dialect), dialect=dialect)
    assert len(back) == len(array)
    assert all(map(same_but_for_json, array, back))


def fits_json(array: Any) -> bool:
    """Whether pydantic reads the JSON that it writes: not so where an enum has values of tuples or None."""
    text = repr([document.model_dump() for document in array])
    return 'Strange.PAIR' not in text and 'Strange.NONE' not in text


def same_but_for_json(a: Any, b: Any) -> bool:
    """Whether two documents are the same, but for bytes where anything may be, which JSON has no type for."""
    return same(without_free_bytes(a), without_free_bytes(b))


def without_free_bytes(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        fields = type(value).model_fields
        return {
            name: without_free_bytes(part)
            for name, part in value
            if fields[name].annotation is not Any and fields[name].annotation != Any | None
        }
    if isinstance(value, (list, tuple)):
        return list(map(without_free_bytes, value))
    return (
        {key: without_free_bytes(part) for key, part in value.items()} if isinstance(value, dict) else value
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.sampled_from('"N\\one \r\n,;\'\té'), max_size=6) | st.none(), min_size=1, max_size=4),
    st.sampled_from(sorted(DIALECTS)),
)
def test_any_text_and_none_there_and_back(words: list[str | None], name: str) -> None:
    array = DocumentArray[Ticket](
        [Ticket(visitor=word or 'None', remark=word, artist=Artist(name=word or '')) for word in words]
    )
    back = read(DocumentArray[Ticket], text_of(array, dialect=DIALECTS[name]), dialect=DIALECTS[name])
    assert back.remark == words
    assert back.visitor == array.visitor
    assert [one.artist.name for one in back] == [one.artist.name for one in array]


@pytest.mark.parametrize(
    'word', ['', 'None', '"', '""', '"None"', '""None""', '"None', 'none', ' ', '\ufeff']
)
@pytest.mark.parametrize('cls', [Tiny, Text])
def test_text_that_looks_like_nothing(cls: Any, word: str) -> None:
    array = DocumentArray[cls]([cls(word=word), cls(word='x')])
    assert read(DocumentArray[cls], text_of(array)).word == [word, 'x']


def test_none_in_a_file_of_one_column() -> None:
    array = DocumentArray[Tiny]([Tiny(), Tiny(word='a'), Tiny()])
    assert read(DocumentArray[Tiny], text_of(array)).word == [None, 'a', None]


def test_what_is_written() -> None:
    array = tickets()[1:2]
    header, *_ = text_of(array).split('\r\n')
    assert header.startswith(
        'id,visitor,persons,price,paid,remark,data,stamp,day,colour,image,artist__id,artist__name'
    )
    row = next(csv.DictReader(io.StringIO(text_of(array), newline='')))
    assert row['visitor'] == 'Bo, "the" bee\r\nand\nso on'
    assert (row['paid'], row['price'], row['colour'], row['day']) == ('True', 'nan', 'blue', '2024-02-29')
    assert (row['remark'], row['data'], row['stamp']) == ('""', '/wA=', '"None"')
    assert row['vector'] == '[0.1,-0.0,"NaN"]'  # the class says of which dtype
    assert json.loads(row['pixels']) == {'dtype': 'uint8', 'shape': [0, 3], 'data': ''}
    assert json.loads(row['pet']).keys() == {'Dog'}
    assert [bid['price'] for bid in json.loads(row['bids'])] == [0.1, 'Infinity']


def test_an_empty_array() -> None:
    assert len(read(DocumentArray[Ticket], text_of(DocumentArray[Ticket]()))) == 0


def test_tensors_of_other_frameworks() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Mixed(BaseDocument):
        own: TorchTensor
        any_: AnyTensor

    array = DocumentArray[Mixed](
        [
            Mixed(own=torch.ones(2, 2, dtype=torch.bfloat16), any_=torch.zeros(2)),
            Mixed(own=torch.tensor(1.5, requires_grad=True), any_=np.zeros(2, np.int8)),
        ]
    )
    back = read(DocumentArray[Mixed], text_of(array))
    assert [one.own.dtype for one in back] == [torch.bfloat16, torch.float32]
    assert [type(one.any_).__name__ for one in back] == ['TorchTensor', 'NdArray']
    assert list(back) == list(array)


def test_a_large_cell_needs_no_global_limit() -> None:
    before = csv.field_size_limit()
    array = DocumentArray[Bid]([Bid(price=1, curve=np.random.default_rng(1).random((200, 200)))])
    written = text_of(array)
    assert len(written) > 4 * before
    assert read(DocumentArray[Bid], written) == array
    assert csv.field_size_limit() == before


def test_views_of_a_stacked_array() -> None:
    stacked = tickets()[[0]].stack()
    array = DocumentArray[Ticket]([stacked[0]])
    assert read(DocumentArray[Ticket], text_of(array)) == tickets()[[0]]


# -- files of others ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('name', 'dialect'),
    [('tickets.csv', 'excel'), ('tickets.tsv', 'excel-tab'), ('tickets.unix.csv', 'unix')],
)
def test_files_of_docarray_041(name: str, dialect: str) -> None:
    cls = runpy.run_path(str(GOLDEN / 'gallery.py'))['Ticket']
    array = DocumentArray[cls].from_csv(GOLDEN / 'csv' / name, dialect=dialect)
    wanted = json.loads((GOLDEN / 'expected.json').read_text('utf-8'))['docsets']['tickets']['docs']

    def plain(value: Any) -> Any:
        if isinstance(value, dict) and '$doc' in value:
            return {name: plain(part) for name, part in value['$doc']['fields'].items()}
        return value['$str']['value'] if isinstance(value, dict) else value

    assert [one.model_dump() for one in array] == list(map(plain, wanted))


def test_cells_as_people_write_them() -> None:
    text = (
        'artist.name,visitor,paid,persons,price,day,colour,words,bids,pixels,guest,pet\n'
        'x,Ann,true, 3 ,1e3,2024-02-29,blue,'
        '"[""a""]","[{""price"": 2}]","[[1, 2]]","{""name"": ""y""}","{""lives"": 3}"\n'
        '\n'
        'x,None,no,,,,,,,,,\n'
    )
    first, second = read(DocumentArray[Ticket], text)
    assert (first.paid, first.persons, first.price, first.colour) == (True, 3, 1000.0, Colour.BLUE)
    assert (first.words, first.bids.price, first.guest.name, first.pet) == (['a'], [2.0], 'y', Cat(lives=3))
    assert first.pixels.tolist() == [[1, 2]]
    assert (second.visitor, second.paid, second.persons) == ('None', False, 1)  # the defaults
    assert (second.day, second.words, second.guest) == (None, [], None)


def test_class_names_of_fields_that_only_aliases_fill() -> None:
    class Named(BaseDocument):
        class_: int = pydantic.Field(alias='class')
        inner: list[Tiny] = pydantic.Field(alias='in')

    array = DocumentArray[Named]([Named(**{'class': 3, 'in': [Tiny(word='a')]})])
    written = text_of(array)
    assert 'class_,inner' in written
    assert read(DocumentArray[Named], written) == array


@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_line_ends_and_a_missing_last_one(end: str) -> None:
    assert read(DocumentArray[Text], end.join(['word', 'a', '', 'b'])).word == ['a', 'b']


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-32', 'gb18030'])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    array = DocumentArray[Text]([Text(word='東京 🎨'), Text(word='ü')])
    array.to_csv(tmp_path / 'a.csv', encoding=encoding)
    assert (tmp_path / 'a.csv').read_bytes().decode(encoding) == 'word\r\n東京 🎨\r\nü\r\n'
    assert DocumentArray[Text].from_csv(tmp_path / 'a.csv', encoding=encoding) == array


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    (tmp_path / 'a.csv').write_bytes(codecs.BOM_UTF8 + b'word\r\na\r\n')
    assert DocumentArray[Text].from_csv(str(tmp_path / 'a.csv')).word == ['a']


@pytest.mark.parametrize(
    'text',
    [
        'a,b\r\n1,2\r\n',
        '"a""b",c d, e \n"x\ny","",z"q"z\r"p"tail,,""""\n',
        'a\n\n\n"",\n,\n',
        '',
        '"',  # ends within a cell: the csv module does not mind
    ],
)
@pytest.mark.parametrize('name', ['excel', 'excel-tab', 'unix', 'semicolon', 'spaces', 'no quotes', 'escape'])
def test_rows_are_those_of_the_csv_module(text: str, name: str) -> None:
    dialect = settled_dialect(DIALECTS[name])
    wanted = [row for row in csv.reader(io.StringIO(text, newline=''), dialect) if row]
    try:
        assert [row for _, row in read_rows(text, dialect, 'text')] == wanted
    except TruncatedError:
        assert text == '"'


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from('ab",\n\r\\ '), max_size=12), st.sampled_from(sorted(DIALECTS)))
def test_odd_text_is_read_as_the_csv_module_reads_it(text: str, name: str) -> None:
    dialect = settled_dialect(DIALECTS[name])
    if dialect.quoting == csv.QUOTE_NONNUMERIC:
        return
    try:
        found = [row for _, row in read_rows(text, dialect, 'text')]
    except FormatError:
        return
    wanted = [row for row in csv.reader(io.StringIO(text, newline=''), dialect) if row]
    assert found == wanted


# -- where files are ----------------------------------------------------------------------------------


def test_file_objects_of_text_and_of_bytes(tmp_path: Path) -> None:
    array = DocumentArray[Text]([Text(word='ü')])
    memory = io.BytesIO()
    array.to_csv(memory, encoding='utf-16')
    memory.seek(0)
    assert DocumentArray[Text].from_csv(memory, encoding='utf-16') == array
    assert not memory.closed
    with open(tmp_path / 'a.csv', 'w+', encoding='latin-1', newline='') as file:
        array.to_csv(file)
        file.seek(0)
        assert DocumentArray[Text].from_csv(file) == array
    assert (tmp_path / 'a.csv').read_bytes() == b'word\r\n\xfc\r\n'
    with tempfile.NamedTemporaryFile('w+', encoding='utf-8', newline='', dir=tmp_path) as wrapped:
        array.to_csv(wrapped)
        wrapped.seek(0)
        assert DocumentArray[Text].from_csv(wrapped) == array


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / 'a.csv'
    path.write_text('old')
    array = DocumentArray[Text]([Text(word='x')] * 3000 + [Text(word='\ud800')])
    with pytest.raises(InvalidValueError, match='utf-8'):
        array.to_csv(path)
    assert path.read_text() == 'old'
    array[:2].to_csv(path)
    assert path.read_text() == 'word\nx\nx\n'
    assert os.listdir(tmp_path) == ['a.csv']


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    made = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f'http://127.0.0.1:{made.server_port}'
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_url(server: str, tmp_path: Path) -> None:
    DocumentArray[Text]([Text(word='a')]).to_csv(tmp_path / 'a.csv')
    assert DocumentArray[Text].from_csv(f'{server}/a.csv').word == ['a']
    with pytest.raises(OSError, match='404'):
        DocumentArray[Text].from_csv(f'{server}/b.csv')


# -- refused ------------------------------------------------------------------------------------------


ODD: dict[str, tuple[str, type[Exception], str]] = {
    'empty': ('', FormatError, 'got an empty file, wanted a header'),
    'unknown column': ('visitr\nx\n', InvalidValueError, "visitr.*Did you mean 'visitor'"),
    'column twice': ('visitor,visitor\na,b\n', InvalidValueError, 'columns twice'),
    'path through an array': ('bids__price\n1\n', InvalidValueError, 'bids__price'),
    'too few cells': (
        'visitor,persons\n"a\nb",1\nc\n',
        FormatError,
        r"line 4: got 1 cells, wanted 2.*'persons' has none",
    ),
    'too many cells': ('visitor,persons\nc,1,zz\n', FormatError, r"line 2: got 3 cells.*'persons', is 'zz'"),
    'open quote': ('visitor\na\nb\n"c\n', TruncatedError, 'line 4 on: got the end of the file within a cell'),
}


@pytest.mark.parametrize('name', ODD)
def test_files_that_are_refused(name: str) -> None:
    text, error, message = ODD[name]
    with pytest.raises(error, match=message):
        read(DocumentArray[Ticket], text)


def test_how_many_documents_were_whole() -> None:
    with pytest.raises(TruncatedError) as caught:
        read(DocumentArray[Text], 'word\na\nb\n"c')
    assert caught.value.whole == 2


CELLS: dict[str, tuple[str, str, str]] = {
    'int': ('persons', 'three', 'valid integer'),
    'huge int': ('persons', '9' * 5000, 'integer'),
    'bool': ('paid', 'perhaps', 'valid boolean'),
    'tensor': ('vector', '[1, 2', 'JSON'),
    'shape of a tensor': ('vector', '[1, 2]', 'shape'),
    'bytes of a tensor': ('pixels', '{"dtype": "int8", "shape": [1099511627776], "data": ""}', '0 bytes'),
    'list': ('words', '[1]', 'valid string'),
    'no list': ('words', 'a', 'valid list'),
    'documents': ('bids', '[{"price": "x"}]', 'valid number'),
    'union': ('pet', '{"Cat": {"lives": "x"}}', 'valid integer'),
    'deep JSON': ('words', '[' * 100_000, 'valid list'),
    'enum': ('colour', 'green', "'red' or 'blue'"),
}


@pytest.mark.parametrize('name', CELLS)
def test_cells_that_are_refused_name_row_and_field(name: str) -> None:
    column, cell, message = CELLS[name]
    file = io.StringIO(newline='')
    writer = csv.writer(file)
    writer.writerows([('visitor', 'artist__name', column), ('a', 'b', ''), ('a', 'b', cell)])
    with pytest.raises(ValidationError, match=message) as caught:
        read(DocumentArray[Ticket], file.getvalue())
    assert caught.value.errors()[0]['loc'][:2] == (1, column)


def test_bytes_that_are_no_base64() -> None:
    with pytest.raises(InvalidValueError, match=r'Ticket.data \(row 0\): got .*hello.*wanted base64'):
        read(DocumentArray[Ticket], "visitor,artist__name,data\na,b,b'hello!'\n")


def test_bytes_of_another_encoding() -> None:
    with pytest.raises(FormatError, match="encoding='latin-1'"):
        DocumentArray[Text].from_csv(io.BytesIO(b'word\n\xfc\n'))
    with pytest.raises(InvalidValueError, match='latin-1 can hold|latin-1'):
        DocumentArray[Text]([Text(word='東')]).to_csv(io.BytesIO(), encoding='latin-1')


@pytest.mark.parametrize('encoding', ['nothing', 'hex'])
def test_no_encoding_of_text(encoding: str) -> None:
    with pytest.raises(InvalidValueError, match=encoding):
        DocumentArray[Text]([]).to_csv(io.BytesIO(), encoding=encoding)
    with pytest.raises(InvalidValueError, match=encoding):
        DocumentArray[Text].from_csv(io.BytesIO(b'word\n'), encoding=encoding)


def test_no_dialect() -> None:
    with pytest.raises(InvalidValueError, match='excel-tab'):
        DocumentArray[Text]([]).to_csv(io.StringIO(), dialect='exel')
    odd = type('Odd', (csv.excel,), {'lineterminator': '|'})
    with pytest.raises(InvalidValueError, match='the line end'):
        DocumentArray[Text]([]).to_csv(io.StringIO(), dialect=odd)
    bare = type('Bare', (csv.excel,), {'quoting': csv.QUOTE_NONE})
    with pytest.raises(InvalidValueError, match='escapechar'):
        DocumentArray[Text]([Text(word='a,b')]).to_csv(io.StringIO(), dialect=bare)


def test_text_behind_a_closing_quote() -> None:
    assert read(DocumentArray[Text], 'word\n"a"b\n').word == ['ab']
    with pytest.raises(FormatError, match='behind a closing quote'):
        read(DocumentArray[Text], 'word\r"a"b\r', dialect=DIALECTS['strict'])


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        DocumentArray[Text].from_csv(tmp_path / 'none.csv')


def test_an_array_without_a_type() -> None:
    with pytest.raises(SchemaError, match='without a document type'):
        DocumentArray.from_csv(io.StringIO('a\n'))
    with pytest.raises(SchemaError, match='without a document type'):
        DocumentArray([Text(word='a')]).to_csv(io.StringIO())


# -- cost ---------------------------------------------------------------------------------------------


def test_cost_is_linear() -> None:
    few, many = (
        DocumentArray[Artist]([Artist(name=f'"{row}"\n', born=row) for row in range(count)])
        for count in (1000, 20_000)
    )
    check(text_of, few, many)
    texts = text_of(few), text_of(many)
    check(partial(read, DocumentArray[Artist]), *texts)


def test_one_long_cell_costs_what_its_length_does() -> None:
    texts = ['word\n"' + 'a""\n' * count + '"\n' for count in (2000, 60_000)]
    check(partial(read, DocumentArray[Text]), *texts)
