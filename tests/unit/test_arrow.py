"""Documents as Arrow tables and back: types, shared memory, missing values, metadata."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import Self

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.document import BaseDocumentWithoutId
from docarray.documents import TextDoc
from docarray.errors import KindError, ValidationError
from docarray.schema import schema_of
from docarray.typing import AnyTensor, ImageUrl, NdArray
from tests.unit.strategies import document_types, same

pa = pytest.importorskip('pyarrow')


class Page(BaseDocument):
    title: str
    number: int
    score: float
    shown: bool
    data: bytes = b''
    tags: list[str] = []
    counts: dict[str, int] = {}
    anything: Any = None
    url: ImageUrl | None = None
    embedding: NdArray[3, np.float32] | None = None


class Cat(BaseDocument):
    lives: int


class Dog(BaseDocument):
    vector: NdArray[2, np.float32]


class Book(BaseDocument):
    cover: Page | None = None
    pages: DocumentArray[Page] = DocumentArray[Page]()
    more: DocumentArray[Page] | None = None
    pet: Cat | Dog | None = None


class Tree(BaseDocument):
    name: str
    below: DocumentArray[Tree] | None = None
    parent: Tree | None = None
    friend: Tree | Cat | None = None


class Left(BaseDocument):
    right: Right | None = None
    tree: DocumentArray[Right] | None = None


class Right(BaseDocument):
    left: Left | None = None
    vector: NdArray[2] | None = None


class Nothing(BaseDocumentWithoutId):
    pass


class Around(BaseDocument):
    nothing: Nothing
    some: list[Nothing]


Left.model_rebuild()
Tree.model_rebuild()


def pages(count: int) -> DocumentArray[Page]:
    return DocumentArray[Page](
        Page(
            title=f'Page {i} é',
            number=i,
            score=i / 3,
            shown=i % 2 == 0,
            data=bytes([i % 256]) * i,
            tags=['a'] * (i % 3),
            counts={'x': i},
            anything={'n': [i, None]},
            url=None if i % 3 else f'{i}.png',
            embedding=None if i % 4 == 1 else np.full(3, i, np.float32),
        )
        for i in range(count)
    )


def books() -> DocumentArray[Book]:
    found = pages(5)
    return DocumentArray[Book](
        [
            Book(cover=found[0], pages=found[1:3], more=found[:0], pet=Cat(lives=9)),
            Book(cover=None, pages=[], more=None, pet=Dog(vector=[1, 2])),
            Book(cover=found[4], pages=found[3:], more=found[:1], pet=None),
        ]
    )


def all_same(got: Any, wanted: Any) -> bool:
    return len(got) == len(wanted) and all(map(same, wanted, got))


def address(array: Any) -> int:
    return int(np.asarray(array).ctypes.data)


# -- types --------------------------------------------------------------------------------------------


def test_the_type_of_each_kind() -> None:
    types = {field.name: field.type for field in Page.arrow_schema()}
    assert types == {
        'id': pa.large_string(),
        'title': pa.large_string(),
        'number': pa.int64(),
        'score': pa.float64(),
        'shown': pa.bool_(),
        'data': pa.large_binary(),
        'tags': pa.large_list(pa.large_string()),
        'counts': pa.map_(pa.string(), pa.int64()),
        'anything': pa.large_string(),
        'url': pa.large_string(),
        'embedding': pa.fixed_shape_tensor(pa.float32(), [3]),
    }


def test_the_types_of_documents() -> None:
    types = {field.name: field.type for field in Book.arrow_schema()}
    page = pa.struct(list(Page.arrow_schema()))
    assert types['cover'] == page
    assert types['pages'] == pa.large_list(page)
    assert [field.name for field in types['pet']] == ['type', 'Cat', 'Dog']
    assert {field.name: field.type for field in Tree.arrow_schema()}['below'] == pa.large_string()


@pytest.mark.parametrize(
    'array', [pages(4), books(), pages(0), books()[:0]], ids=lambda array: str(len(array))
)
def test_a_table_has_the_schema_of_its_class(array: Any) -> None:
    wanted = array.document_type.arrow_schema()
    assert array.to_arrow().schema.equals(wanted, check_metadata=True)
    assert array.stack().to_arrow().schema.equals(wanted, check_metadata=True)
    assert pa.schema(array).equals(wanted, check_metadata=True)


def test_open_tensors_have_the_type_of_their_values() -> None:
    class Open(BaseDocument):
        tensor: NdArray

    def kind(*values: Any) -> Any:
        return (
            DocumentArray[Open](Open(tensor=value) for value in values).to_arrow().schema.field('tensor').type
        )

    assert kind(np.zeros((2, 3)), np.ones((2, 3))) == pa.fixed_shape_tensor(pa.float64(), [2, 3])
    assert kind(np.zeros((2, 3), np.bool_)) == pa.fixed_shape_tensor(pa.bool_(), [2, 3])
    struct = Open.arrow_schema().field('tensor').type
    assert [field.name for field in struct] == ['data', 'shape', 'dtype', 'framework']
    assert kind(np.zeros(2), np.zeros(3)) == struct
    assert kind(np.zeros(2), np.zeros(2, np.float32)) == struct
    assert kind(np.zeros(2, np.complex64)) == struct
    assert kind() == struct


def test_a_tensor_is_readable_without_docarray() -> None:
    class Open(BaseDocument):
        tensor: NdArray

    array = DocumentArray[Open]([Open(tensor=np.array([1j])), Open(tensor=np.array([[1.5]], '>f4'))])
    first, second = array.to_arrow()['tensor'].to_pylist()
    assert np.frombuffer(first['data'], first['dtype']).reshape(first['shape']) == np.array([1j])
    assert second == {
        'data': np.array(1.5, '<f4').tobytes(),
        'shape': [1, 1],
        'dtype': 'float32',
        'framework': 'numpy',
    }


# -- round trips --------------------------------------------------------------------------------------


@pytest.mark.parametrize('make', [lambda: pages(2000), lambda: pages(7), lambda: pages(0), books])
def test_rows_and_columns_come_back(make: Any) -> None:
    array = make()
    rows, stacked = type(array), DocumentArrayStacked[array.document_type]
    for table in (array.to_arrow(), array.stack().to_arrow()):
        table.validate(full=True)
        assert all_same(rows.from_arrow(table), array)
        assert all_same(stacked.from_arrow(table).unstack(), array)


@pytest.mark.parametrize('make', [lambda: pages(9), books])
def test_slices_and_chunks(make: Any) -> None:
    array = make()
    rows, stacked = type(array), DocumentArrayStacked[array.document_type]
    table = array.to_arrow()
    assert all_same(rows.from_arrow(table[1:-1]), array[1:-1])
    assert all_same(stacked.from_arrow(table[1:-1]).unstack(), array[1:-1])
    chunked = pa.concat_tables([table[2:], table[:1], table[1:2]])
    wanted = array[2:] + array[:1] + array[1:2]
    assert all_same(rows.from_arrow(chunked), wanted)
    assert all_same(stacked.from_arrow(chunked).unstack(), wanted)
    assert all_same(rows.from_arrow(pa.RecordBatchReader.from_stream(chunked)), wanted)
    assert all_same(rows.from_arrow(table.combine_chunks().to_batches()[0]), array)
    assert len(rows.from_arrow(pa.Table.from_batches([], table.schema))) == 0
    assert len(stacked.from_arrow(table[:0])) == 0


def test_recursive_documents_are_json() -> None:
    leaf = Tree(name='leaf', friend=Cat(lives=1))
    array = DocumentArray[Tree](
        [
            Tree(name='a', below=[leaf, Tree(name='b', below=[leaf])], parent=leaf, friend=leaf),
            Tree(name='c', below=[], friend=Cat(lives=3)),
            Tree(name='d'),
        ]
    )
    table = array.to_arrow()
    assert table['below'].to_pylist()[1:] == ['[]', None]
    assert all_same(DocumentArray[Tree].from_arrow(table), array)
    lefts = DocumentArray[Left](
        [
            Left(right=Right(left=Left(right=Right(vector=[1, 2]))), tree=[Right(left=Left())]),
            Left(),
            Left(right=Right(vector=[1, 2])),
        ]
    )
    assert DocumentArray[Left].from_arrow(lefts.to_arrow()) == lefts


def test_documents_of_the_same_class_inside() -> None:
    class Chain(BaseDocument):
        number: int
        following: Self | None = None

    array = DocumentArray[Chain]([Chain(number=1, following=Chain(number=2)), Chain(number=3)])
    assert array.to_arrow().schema.field('following').type == pa.large_string()
    assert all_same(DocumentArray[Chain].from_arrow(array.to_arrow()), array)
    assert all_same(array.stack().unstack(), array)


def test_classes_without_fields() -> None:
    array = DocumentArray[Around]([Around(nothing=Nothing(), some=[Nothing()] * i) for i in range(3)])
    assert DocumentArray[Around].from_arrow(array.to_arrow()) == array
    bare = DocumentArray[Nothing]([Nothing()] * 3)
    assert len(DocumentArray[Nothing].from_arrow(bare.to_arrow())) == 3


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.booleans())
def test_any_class(data: Any, columns: bool) -> None:
    kind = data.draw(document_types(ragged=True))
    documents = data.draw(st.lists(kind.values, max_size=4))
    array = DocumentArray[kind.annotation](documents)
    source = array.stack(ragged='list') if columns else array
    try:
        wanted = _through_json(array)
    except UnicodeDecodeError:  # bytes in a field of any type, which are no text, and so no JSON
        with pytest.raises(KindError):
            source.to_arrow()
        return
    got = DocumentArray[kind.annotation].from_arrow(source.to_arrow())
    assert all_same(got, wanted)
    again = DocumentArrayStacked[kind.annotation].from_arrow(source.to_arrow())
    assert all_same(again.unstack(), wanted)


def _through_json(documents: Any) -> list[Any]:
    """Return copies of documents in which what has no kind but JSON is what JSON keeps of it."""
    made = []
    for document in documents:
        values = dict(document.__dict__)
        for name, field in schema_of(type(document)).fields.items():
            values[name] = _value_through_json(field, values[name])
        made.append(type(document).__docarray_construct__(values))
    return made


def _value_through_json(field: Any, value: Any) -> Any:
    if value is None:
        return None
    if field.form == 'cells':
        codec = field.codec
        return codec.unpack(codec.pack(value)) if codec.kind.name in ('json', 'list', 'map') else value
    if field.form == 'docs':
        return field.lowered.collect(_through_json(field.lowered.spread(value)))
    return _through_json([value])[0]


# -- memory -------------------------------------------------------------------------------------------


class Packed(BaseDocument):
    text: str
    number: int
    inner: Dog
    many: DocumentArray[Dog]


def packed() -> Any:
    made = [
        Packed(text=f't{i}', number=i, inner=Dog(vector=[i, 1]), many=[Dog(vector=[0, i])])
        for i in range(1500)
    ]
    return DocumentArray[Packed](made).stack()


def test_columns_go_to_arrow_without_a_copy() -> None:
    columns = packed()
    table = columns.to_arrow()
    batch, arrays = columns.batch, {name: table[name].chunk(0) for name in table.column_names}
    assert arrays['number'].buffers()[1].address == address(batch.data['number'].data)
    assert arrays['text'].buffers()[2].address == address(np.frombuffer(batch.data['text'].buffer, np.uint8))
    inner = arrays['inner'].field('vector').storage.values
    assert inner.buffers()[1].address == address(columns.inner.vector)
    many = arrays['many'].values.field('vector').storage.values
    assert many.buffers()[1].address == address(batch.data['many'].batch.data['vector'].data)


def test_columns_come_from_arrow_without_a_copy() -> None:
    table = packed().to_arrow()
    columns = DocumentArrayStacked[Packed].from_arrow(table)
    batch, arrays = columns.batch, {name: table[name].chunk(0) for name in table.column_names}
    assert arrays['number'].buffers()[1].address == address(batch.data['number'].data)
    assert arrays['text'].buffers()[2].address == address(np.frombuffer(batch.data['text'].buffer, np.uint8))
    assert arrays['inner'].field('vector').storage.values.buffers()[1].address == address(
        columns.inner.vector
    )
    some = DocumentArrayStacked[Packed].from_arrow(table[10:20])
    assert address(some.inner.vector) == address(columns.inner.vector[10:])
    assert np.array_equal(some.inner.vector, columns.inner.vector[10:20])


def test_writing_to_columns_leaves_the_table_as_it_was() -> None:
    table = packed().to_arrow()
    columns = DocumentArrayStacked[Packed].from_arrow(table)
    before = table.to_pylist()
    columns[3].number = -1
    columns[3].text = 'new'
    columns[3].inner.vector = [5, 5]
    assert table.to_pylist() == before
    assert (columns[3].number, columns[3].text, columns[3].inner.vector.tolist()) == (-1, 'new', [5, 5])
    assert columns[4].number == 4


def test_documents_have_memory_of_their_own() -> None:
    table = packed().to_arrow()
    before = table.to_pylist()
    rows = DocumentArray[Packed].from_arrow(table)
    rows[0].inner.vector[:] = 7
    rows[0].many[0].vector[:] = 7
    assert rows[0].inner.vector.tolist() == [7, 7]
    assert rows[1].inner.vector.tolist() == [1, 1]
    assert table.to_pylist() == before
    assert address(rows[1].inner.vector) - address(rows[0].inner.vector) == 8  # one copy of the column


def test_missing_tensors_are_zeros_in_the_column() -> None:
    columns = DocumentArrayStacked[Page].from_arrow(pages(4).to_arrow())
    assert columns.embedding.tolist() == [[0] * 3, [0] * 3, [2] * 3, [3] * 3]
    assert columns.validity('embedding').tolist() == [True, False, True, True]
    taken = pages(4).to_arrow().take(pa.array([2, None, 3]))
    assert [page.number for page in DocumentArray[Page].from_arrow(taken[::2])] == [2, 3]


@pytest.mark.parametrize('dtype', ['bool', 'uint8', 'int16', 'float16', 'float64', 'complex64', '>i4', '>f8'])
@pytest.mark.parametrize('shape', [(), (0,), (3,), (2, 0), (2, 3)])
def test_shapes_and_dtypes(dtype: str, shape: tuple[int, ...]) -> None:
    class Open(BaseDocument):
        tensor: NdArray | None

    value = np.arange(6).astype(dtype)[: int(np.prod(shape))].reshape(shape)
    for values in ([value], [value, None, value], [None, value[..., ::-1] if shape else value]):
        array = DocumentArray[Open](Open(tensor=one) for one in values)
        native = [None if one is None else one.astype(one.dtype.newbyteorder('=')) for one in values]
        for source in (array, array.stack()):
            got = DocumentArray[Open].from_arrow(source.to_arrow()).tensor
            assert all(same(w if w is None else NdArray(w), g) for w, g in zip(native, got, strict=True))


@pytest.mark.parametrize('name', ['bfloat16', 'float8_e4m3fn'])
def test_dtypes_beyond_numpy(name: str) -> None:
    ml_dtypes = pytest.importorskip('ml_dtypes')

    class Open(BaseDocument):
        tensor: NdArray

    value = np.arange(3).astype(getattr(ml_dtypes, name))
    array = DocumentArray[Open]([Open(tensor=value)] * 2)
    assert same(DocumentArray[Open].from_arrow(array.to_arrow())[1].tensor, NdArray(value))


def test_tensors_of_any_framework() -> None:
    torch = pytest.importorskip('torch')

    class Open(BaseDocument):
        tensor: AnyTensor
        mixed: AnyTensor

    def make(i: int) -> Open:
        return Open(tensor=torch.full((2,), i), mixed=torch.zeros(2) if i else np.zeros(2))

    array = DocumentArray[Open](map(make, range(3)))
    assert all_same(DocumentArray[Open].from_arrow(array.to_arrow()), array)


# -- metadata, and what is not ours -------------------------------------------------------------------


def test_the_metadata_say_whose_table_it_is() -> None:
    metadata = pages(1).to_arrow().schema.metadata
    assert metadata[b'docarray.class'] == b'Page'
    assert metadata[b'docarray.fingerprint'].decode() == schema_of(Page).fingerprint
    assert b'docarray.version' in metadata


def test_without_metadata_documents_are_validated() -> None:
    table = pages(5).to_arrow().replace_schema_metadata(None)
    assert all_same(DocumentArray[Page].from_arrow(table), pages_with_ids(table))
    assert books_equal(books().to_arrow())


def pages_with_ids(table: Any) -> Any:
    return DocumentArray[Page].from_arrow(table.replace_schema_metadata(pages(1).to_arrow().schema.metadata))


def books_equal(table: Any) -> bool:
    got = DocumentArray[Book].from_arrow(table.replace_schema_metadata(None))
    return all_same(got, DocumentArray[Book].from_arrow(table))


def test_an_inner_class_that_has_changed_is_validated() -> None:
    class Part(BaseDocument):
        n: int

    class Whole(BaseDocument):
        parts: DocumentArray[Part]

    old = DocumentArray[Whole]([Whole(parts=[Part(n=1)])])

    class Part(BaseDocument):  # type: ignore[no-redef]  # as it is after an update
        n: int
        m: str = 'new'

    class Whole(BaseDocument):  # type: ignore[no-redef]
        parts: DocumentArray[Part]

    got = DocumentArray[Whole].from_arrow(old.to_arrow())
    assert got[0].parts[0].m == 'new'
    assert got[0].parts[0].id == old[0].parts[0].id


def test_values_that_no_longer_fit_name_row_and_field() -> None:
    import enum

    def make(*names: str) -> Any:
        colour = enum.Enum('Colour', {name: name for name in names})

        class Car(BaseDocument):
            colour: colour

        return Car

    old, new = make('red', 'blue'), make('red', 'green')
    array = DocumentArray[old]([old(colour='red'), old(colour='blue')])
    for cls in (DocumentArray[new], DocumentArrayStacked[new]):
        with pytest.raises(ValidationError) as info:
            cls.from_arrow(array.to_arrow())
        assert info.value.errors()[0]['loc'] == (1, 'colour')


# -- what cannot be written ---------------------------------------------------------------------------


@pytest.mark.parametrize('count', [2, 2000])
def test_half_a_surrogate_pair_is_refused(count: int) -> None:
    array = DocumentArray[TextDoc](TextDoc(text='a') for _ in range(count))
    array[1].text = '\ud800'
    for source in (array, array.stack()):
        with pytest.raises(KindError, match=r'TextDoc.text \(row 1\).*surrogate'):
            source.to_arrow()


def test_what_does_not_fit_is_refused_by_row() -> None:
    class Lists(BaseDocument):
        numbers: list[int]

    array = DocumentArray[Lists]([Lists(numbers=[1]), Lists(numbers=[2**70])])
    with pytest.raises(KindError, match=r'Lists.numbers \(row 1\)'):
        array.to_arrow()
    wrong = Lists.model_construct(id='x', numbers=7)
    with pytest.raises(KindError, match=r'Lists.numbers \(row 0\)'):
        DocumentArray[Lists]([wrong]).to_arrow()
