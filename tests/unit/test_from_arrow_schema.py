"""Document classes out of Arrow schemas: docarray's own, those that went through files, and any others."""

from __future__ import annotations

import datetime
import decimal
import enum
import io
import uuid
from typing import Any, Literal

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings

from docarray import BaseDocument, DocumentArray
from docarray.document import BaseDocumentWithoutId
from docarray.documents import AudioDoc, ImageDoc, TextDoc
from docarray.errors import SchemaError
from docarray.schema import schema_of
from docarray.typing import AnyTensor, AudioUrl, ImageBytes, ImageNdArray, ImageUrl, NdArray
from tests.unit.strategies import document_types

pa = pytest.importorskip('pyarrow')
VIEW = getattr(pa, 'string_view', pa.string)()  # as of version 16

from docarray.documents.from_arrow import create_doc_from_arrow_schema  # noqa: E402

Pixels: Any = ImageNdArray[3, 'w', 'w', np.uint8]


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Cat(BaseDocument):
    lives: int


class Dog(BaseDocumentWithoutId):
    tricks: list[str]


class Page(BaseDocument):
    title: str
    number: int | None = None
    score: float = 0
    data: bytes | None = None
    when: datetime.datetime | None = None
    colour: Colour = Colour.RED
    kind: Literal['a', 'b'] = 'a'
    url: ImageUrl
    sound: AudioUrl | None = None
    picture: ImageBytes | None = None
    pixels: Pixels
    open: NdArray
    rest: AnyTensor[2, ...] | None = None
    counts: dict[str, int] = {}
    dates: list[datetime.date] = []
    anything: Any = None
    few: int = pydantic.Field(0, ge=0, le=9)
    cat: Cat
    maybe: Cat | None = None
    pet: Cat | Dog | None = None
    cats: DocumentArray[Cat]
    plain: list[Dog]
    pair: tuple[Cat, ...] = ()


class Tree(BaseDocument):
    name: str
    below: DocumentArray[Tree] | None = None
    parent: Tree | None = None


Tree.model_rebuild()


def through_parquet(schema: Any) -> Any:
    pq = pytest.importorskip('pyarrow.parquet')
    file = io.BytesIO()
    pq.ParquetWriter(file, schema).close()
    return pq.read_schema(io.BytesIO(file.getvalue()))


def through_ipc(schema: Any) -> Any:
    return pa.ipc.read_schema(schema.serialize())


@pytest.mark.parametrize('way', [lambda schema: schema, through_ipc, through_parquet])
@pytest.mark.parametrize('cls', [Page, Tree, TextDoc, ImageDoc, AudioDoc, Cat, Dog])
def test_a_class_comes_back(cls: Any, way: Any) -> None:
    made = create_doc_from_arrow_schema(way(cls.arrow_schema()))
    assert made.__name__ == cls.__name__
    assert issubclass(made, BaseDocument) == issubclass(cls, BaseDocument)
    assert schema_of(made).fingerprint == schema_of(cls).fingerprint
    assert made.arrow_schema().types == cls.arrow_schema().types


def test_annotations() -> None:
    fields = create_doc_from_arrow_schema(Page.arrow_schema()).model_fields
    same = ('title', 'number', 'score', 'data', 'when', 'url', 'sound', 'picture', 'pixels', 'open', 'rest')
    for name in (*same, 'counts', 'dates', 'anything', 'kind'):
        wanted = Page.model_fields[name].annotation
        assert fields[name].annotation in (wanted, wanted | None), name
    assert fields['pixels'].annotation is Pixels
    assert [colour.value for colour in fields['colour'].annotation] == ['red', 'blue']
    assert fields['title'].is_required()
    assert not fields['number'].is_required()
    assert fields['cats'].annotation.document_type.__name__ == 'Cat'
    assert fields['plain'].annotation.__args__[0].__name__ == 'Dog'


def test_constraints_hold() -> None:
    Few = create_doc_from_arrow_schema(Page.arrow_schema().remove(0)).model_fields['few']
    with pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(pydantic.create_model('M', few=(Few.annotation, Few))).validate_python(
            {'few': 10}
        )


def test_documents_of_the_class_that_was_made() -> None:
    array = DocumentArray[Tree]([Tree(name='a', below=[Tree(name='b', parent=Tree(name='c'))])])
    table = array.to_arrow()
    Copy = create_doc_from_arrow_schema(table.schema)
    assert Copy.model_fields['below'].annotation.__args__[0].document_type is Copy
    got = DocumentArray[Copy].from_arrow(table)
    assert got.to_json() == array.to_json()
    assert type(got[0].below[0].parent) is Copy


class Knot(BaseDocument):
    either: Knot | Cat | None = None


def test_a_union_with_a_class_around_it_is_anything() -> None:
    """It is JSON in Arrow, of which the fields of the other classes are not known."""
    made = create_doc_from_arrow_schema(Knot.arrow_schema())
    assert made.model_fields['either'].annotation == Any | None
    knot = Knot(either=Cat(id='c', lives=2))
    got = DocumentArray[made].from_arrow(DocumentArray[Knot]([knot]).to_arrow())
    assert got[0].either == {'Cat': {'id': 'c', 'lives': 2}}


def test_the_name_may_be_given() -> None:
    assert create_doc_from_arrow_schema(Cat.arrow_schema(), 'Tiger').__name__ == 'Tiger'
    assert create_doc_from_arrow_schema(pa.schema([('n', pa.int8())])).__name__ == 'Document'


def test_some_columns_of_a_table() -> None:
    table = DocumentArray[Cat]([Cat(lives=9)]).to_arrow().select(['lives'])
    made = create_doc_from_arrow_schema(table.schema)
    assert list(made.model_fields) == ['lives']
    assert DocumentArray[made].from_arrow(table)[0].lives == 9


OTHERS: list[tuple[Any, Any]] = [
    (pa.bool_(), bool),
    (pa.uint16(), int),
    (pa.float16(), float),
    (pa.decimal128(9, 2), decimal.Decimal),
    (pa.string(), str),
    (VIEW, str),
    (pa.binary(4), bytes),
    (pa.timestamp('ns', 'UTC'), datetime.datetime),
    (pa.date32(), datetime.date),
    (pa.time64('us'), datetime.time),
    (pa.duration('s'), datetime.timedelta),
    (pa.dictionary(pa.int8(), pa.string()), str),
    (pa.list_(pa.int32()), list[int]),
    (pa.map_(pa.string(), pa.list_(pa.float32())), dict[str, list[float]]),
    (pa.fixed_shape_tensor(pa.uint8(), [2, 3]), AnyTensor[2, 3, 'uint8']),
    (pa.list_(pa.list_(pa.float32(), 3), 2), AnyTensor[2, 3, 'float32']),
]


@pytest.mark.parametrize(('kind', 'wanted'), OTHERS, ids=str)
def test_schemas_of_others(kind: Any, wanted: Any) -> None:
    made = create_doc_from_arrow_schema(
        pa.schema([pa.field('must', kind, nullable=False), pa.field('may', kind)]), 'Other'
    )
    assert issubclass(made, BaseDocumentWithoutId)
    assert not issubclass(made, BaseDocument)
    assert made.model_fields['must'].annotation == wanted
    assert made.model_fields['must'].is_required()
    assert not made.model_fields['may'].is_required()


def test_structs_and_names_of_others() -> None:
    part = pa.struct([('n', pa.int64())])
    schema = pa.schema([('id', pa.string()), ('one', part), ('many', pa.list_(part)), ('_x', pa.int8())])
    made = create_doc_from_arrow_schema(schema, 'Whole')
    table = pa.table(
        {'id': ['a'], 'one': [{'n': 1}], 'many': [[{'n': 2}]], '_x': pa.array([3], pa.int8())}, schema
    )
    (got,) = DocumentArray[made].from_arrow(table)
    assert (got.id, got.one.n, got.many[0].n, got.x_) == ('a', 1, 2, 3)
    assert type(got.many).document_type.__name__ == 'Many'


def test_uuids() -> None:
    if not hasattr(pa, 'uuid'):
        pytest.skip('no such type in this version')
    made = create_doc_from_arrow_schema(pa.schema([pa.field('u', pa.uuid(), nullable=False)]))
    assert made.model_fields['u'].annotation is uuid.UUID


@pytest.mark.parametrize('schema', [None, 7, {'n': int}, [pa.field('n', pa.int8())]])
def test_what_is_no_schema(schema: Any) -> None:
    with pytest.raises(SchemaError):
        create_doc_from_arrow_schema(schema)


def test_schemas_that_make_no_class() -> None:
    with pytest.raises(SchemaError):
        create_doc_from_arrow_schema(pa.schema([('n', pa.int8()), ('n', pa.int8())]))
    with pytest.raises(SchemaError):
        create_doc_from_arrow_schema(pa.schema([('', pa.int8())]))
    deep = pa.int8()
    for _ in range(200):
        deep = pa.list_(deep)
    with pytest.raises(SchemaError):
        create_doc_from_arrow_schema(pa.schema([('n', deep)]))


METADATA = [
    b'{',
    b'7',
    b'{"kind": 3}',
    b'{"kind": "tensor", "framework": "os", "modality": ""}',
    b'{"kind": "tensor", "framework": "numpy", "modality": "", "shape": [{}], "dtype": "x"}',
    b'{"kind": "nested", "type": [1]}',
    b'{"kind": "docs", "type": ["A"]}',
    b'{"kind": "variant", "recursive": true, "type": ["B"]}',
    b'{"kind": "str", "schema": {"type": 7}}',
    b'{"kind": "str", "schema": []}',
    b'[' * 100_000,
]


@pytest.mark.parametrize('text', METADATA, ids=lambda text: text[:40].decode())
@pytest.mark.parametrize('kind', [pa.int8(), pa.struct([('a', pa.int8())])], ids=str)
def test_metadata_of_anybody(text: bytes, kind: Any) -> None:
    schema = pa.schema([pa.field('n', kind, metadata={b'docarray.field': text})])
    try:
        made = create_doc_from_arrow_schema(schema)
    except SchemaError:
        return
    assert list(made.model_fields) == ['n']


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(document_types(ragged=True))
def test_any_class(kind: Any) -> None:
    made = create_doc_from_arrow_schema(kind.annotation.arrow_schema())
    assert list(made.model_fields) == list(kind.annotation.model_fields)
    schema_of(made)
