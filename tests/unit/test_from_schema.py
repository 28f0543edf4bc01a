"""Document classes out of JSON Schema."""

from __future__ import annotations

import copy
import datetime
import enum
import json
import pickle
import uuid
from typing import Annotated, Any, Literal

import annotated_types
import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import docarray.documents
from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray
from docarray.documents import (
    AudioDoc,
    ImageDoc,
    LegacyDocument,
    Mesh3D,
    PointCloud3D,
    TextDoc,
    VideoDoc,
)
from docarray.documents.from_json_schema import create_doc_from_json_schema
from docarray.documents.from_schema import create_base_doc_from_schema, create_pure_python_type_model
from docarray.errors import SchemaError, ValidationError
from docarray.schema import schema_of
from docarray.typing import (
    AnyEmbedding,
    AnyTensor,
    AnyUrl,
    AudioBytes,
    AudioTensor,
    ImageBytes,
    ImageTensor,
    ImageUrl,
    Mesh3DUrl,
    NdArray,
    PointCloud3DUrl,
    TextUrl,
    VideoBytes,
    VideoTensor,
)
from tests.unit import strategies

Pixels = NdArray[3, 'w', 'w', 'uint8']
Ragged = NdArray['n', ..., 2]


def again(document_type: Any, **options: Any) -> Any:
    """The class made of the JSON Schema of another one, which stays as it is and is the same again."""
    schema = document_type.model_json_schema()
    before = copy.deepcopy(schema)
    made = create_base_doc_from_schema(schema, document_type.__name__, **options)
    assert schema == before
    assert made.model_json_schema() == schema
    return made


def of(**properties: Any) -> Any:
    """The class of an object with these properties, all required."""
    schema = {'type': 'object', 'properties': properties, 'required': list(properties)}
    return create_base_doc_from_schema(schema, 'Made')


def annotation(node: Any) -> Any:
    return of(x=node).model_fields['x'].annotation


@given(strategies.document_types(depth=2))
@settings(max_examples=60, deadline=None)
def test_schema_to_class_to_schema(field: strategies.FieldType) -> None:
    again(field.annotation)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_json_of_the_one_class_is_read_and_written_by_the_other(data: Any) -> None:
    field = data.draw(strategies.document_types(depth=1))
    document = data.draw(field.values)
    try:
        text = document.to_json()
        document = type(document).from_json(text)  # what JSON cannot carry, no class can
    except ValueError:
        return
    made = again(field.annotation)
    if 'Flags' in str(made.model_json_schema()):  # two flags together are none of the values of the schema
        return
    written = made.from_json(text).to_json()
    assert unordered(json.loads(written)) == unordered(json.loads(text))
    assert type(document).from_json(written) == document  # where order matters, it is that of the original


def unordered(value: Any) -> Any:
    """JSON with its lists sorted: those that are sets are written in any order."""
    if isinstance(value, dict):
        return {name: unordered(part) for name, part in value.items()}
    return sorted(map(unordered, value), key=repr) if isinstance(value, list) else value


class Colour(str, enum.Enum):
    RED = 'red'
    LIGHT = 'light blue'


class Part(BaseDocument):
    """A part.

    Of two lines.
    """

    pixels: Pixels
    ragged: Ragged | None = None


class Book(BaseDocument):
    title: str = pydantic.Field(description='What it is called', examples=['Emma'])
    colour: Colour = Colour.RED
    kind: Literal['a', 'b']
    when: datetime.datetime
    key: uuid.UUID
    counts: dict[str, int]
    parts: DocumentArray[Part]
    cover: Part | None = None
    one_of: Part | TextDoc | None = None
    many: list[int | str] = [0, 'x']
    pair: tuple[int, str] = (1, 'a')
    tags: set[str] = set()
    vector: NdArray[2] = NdArray([0.0, 1.0])
    maybe: dict[str, Any] | None = None


VALUES: dict[str, Any] = {
    'title': 'Emma',
    'kind': 'b',
    'when': '2020-01-02T03:04:05Z',
    'key': '12345678-1234-5678-1234-567812345678',
    'counts': {'a': 1},
    'parts': [{'pixels': np.zeros((3, 2, 2), np.uint8).tolist()}],
}


def test_fields_have_the_types_of_the_original() -> None:
    made = again(Book)
    types = {name: field.annotation for name, field in made.model_fields.items()}
    part = types['parts'].document_type
    assert issubclass(made, BaseDocument)
    assert types['parts'] is DocumentArray[part]
    assert part.__doc__ == 'A part.\n\nOf two lines.'
    assert part.model_fields['pixels'].annotation is AnyTensor[3, 'w', 'w', 'uint8']
    assert part.model_fields['ragged'].annotation == AnyTensor['n', ..., 2] | None
    assert types['counts'] == dict[str, int]
    assert types['pair'] == tuple[int, str]
    assert types['tags'] == set[str]
    assert types['when'] is datetime.datetime
    assert types['key'] is uuid.UUID
    assert types['kind'] == Literal['a', 'b']
    assert [member.value for member in types['colour']] == ['red', 'light blue']
    assert made.model_fields['title'].description == 'What it is called'


def test_documents_of_the_class_and_its_defaults() -> None:
    made = again(Book)
    document = made(**VALUES)
    assert document.colour == 'red'
    assert isinstance(document.colour, enum.Enum)
    assert document.pair == (1, 'a')
    assert document.tags == set()
    assert np.array_equal(document.vector, [0.0, 1.0])
    assert made(**VALUES).vector is not document.vector
    assert made(**VALUES).id != document.id
    assert document.parts.stack().pixels.shape == (1, 3, 2, 2)
    original = Book(id='same', **VALUES)
    assert made.from_json(original.to_json()).to_json() == original.to_json()
    with pytest.raises(ValidationError, match='counts'):
        made(**{**VALUES, 'counts': {'a': 'many'}})
    with pytest.raises(ValidationError, match='pixels'):
        made(**{**VALUES, 'parts': [{'pixels': np.zeros((3, 2, 4)).tolist()}]})


@pytest.mark.parametrize(
    'document_type', [TextDoc, ImageDoc, AudioDoc, VideoDoc, Mesh3D, PointCloud3D, LegacyDocument]
)
def test_the_predefined_documents(document_type: Any) -> None:
    again(document_type)


def test_media_types_are_told_apart() -> None:
    class Media(BaseDocument):
        image: ImageUrl
        text: TextUrl
        mesh: Mesh3DUrl
        points: PointCloud3DUrl
        any: AnyUrl
        picture: ImageBytes
        sound: AudioBytes
        clip: VideoBytes
        data: bytes
        tensor: ImageTensor

    made = again(Media)
    for name, field in Media.model_fields.items():
        assert made.model_fields[name].annotation == field.annotation
    assert ImageDoc.model_json_schema()['properties']['url']['anyOf'][0] == {
        'type': 'string',
        'format': 'uri',
        'targetMediaType': 'image/*',
    }


class Tree(BaseDocument):
    value: int
    children: DocumentArray[Tree] = DocumentArray()
    parent: Tree | None = None


class Ping(BaseDocument):
    pong: Pong | None = None


class Pong(BaseDocument):
    pings: DocumentArray[Ping]


def test_recursive_classes() -> None:
    made = again(Tree)
    assert made.model_fields['children'].annotation is DocumentArray[made]
    tree = made(value=1, children=[{'value': 2, 'children': [{'value': 3}]}], parent={'value': 0})
    assert type(tree.children[0].children[0]) is made
    assert len(DocumentArray[made]([tree]).stack()) == 1
    ping = again(Ping)
    pong = ping.model_fields['pong'].annotation.__args__[0]
    assert pong.model_fields['pings'].annotation is DocumentArray[ping]
    assert ping(pong={'pings': [{}, {}]}).pong.pings[1].pong is None
    whole = {'type': 'object', 'properties': {'next': {'anyOf': [{'$ref': '#'}, {'type': 'null'}]}}}
    chain = create_base_doc_from_schema(whole, 'Chain')
    assert type(chain(next={'next': {'next': None}}).next.next) is chain


def test_classes_that_are_known_are_taken() -> None:
    class Page(BaseDocument):
        picture: ImageDoc
        text: TextDoc

    known: dict[str, Any] = {'ImageDoc': ImageDoc}
    made = create_base_doc_from_schema(Page.model_json_schema(), 'Page', known)
    assert made.model_fields['picture'].annotation is ImageDoc
    assert known == {
        'ImageDoc': ImageDoc,
        'Page': made,
        'TextDoc': made.model_fields['text'].annotation,
    }
    assert create_base_doc_from_schema({}, 'Page', known) is made
    known = {}
    with pytest.raises(SchemaError):
        create_base_doc_from_schema(
            {'properties': {'a': {'$ref': '#/$defs/T'}, 'b': 3}, '$defs': {'T': {'properties': {}}}},
            'X',
            known,
        )
    assert known == {}


def test_the_dialect_of_pydantic_1_and_openapi() -> None:
    definitions = {
        'Base': {'type': 'object', 'properties': {'id': {'type': 'string'}, 'n': {'type': 'integer'}}},
        'Part': {
            'title': 'Part',
            'allOf': [
                {'$ref': '#/components/schemas/Base'},
                {
                    'type': 'object',
                    'properties': {'note': {'type': 'string', 'nullable': True}},
                    'required': ['note'],
                },
            ],
        },
    }
    schema = {
        'title': 'Page',
        'type': 'object',
        'properties': {
            'id': {'title': 'Id', 'type': 'string', 'example': 'x'},
            'part': {'allOf': [{'$ref': '#/definitions/Part'}], 'title': 'The part'},
            'parts': {'title': 'Parts', 'type': 'array', 'items': {'$ref': '#/definitions/Part'}},
            'vector': {
                'type': 'array',
                'items': {'type': 'number'},
                'tensor/array shape': '[2, 3]',
                'example': '[[0]]',
            },
            'first': {'type': 'string', 'format': 'tensor'},
            'point': {
                'type': 'array',
                'items': [{'type': 'integer'}, {'type': 'integer'}],
                'minItems': 2,
                'maxItems': 2,
            },
            'optional': {'type': 'integer'},
            'listed': {'type': 'array', 'items': {'type': 'integer'}},
            'both': {'type': ['string', 'null']},
        },
        'required': ['part', 'vector', 'first', 'point'],
    }
    made = create_base_doc_from_schema(schema, 'Page', {}, definitions)
    types = {name: field.annotation for name, field in made.model_fields.items()}
    assert types['vector'] is AnyTensor[2, 3]
    assert types['first'] is AnyTensor
    assert types['point'] == tuple[int, int]
    assert types['parts'] is DocumentArray[types['part']]
    assert issubclass(types['part'], BaseDocument)
    document = made(
        part={'n': 1, 'note': None}, vector=[[1, 2, 3], [4, 5, 6]], first=[1], point=[1, 2], both=None
    )
    assert (document.optional, document.listed, document.parts) == (None, [], [])
    assert type(document.parts) is DocumentArray[types['part']]
    assert made.model_json_schema()['properties']['vector']['example'] == '[[0]]'


def test_bytes_as_the_writer_of_the_schema_means_them() -> None:
    class Theirs(pydantic.BaseModel):
        data: bytes

    class Ours(BaseDocument):
        data: bytes

    text = Theirs(data=b'plain').model_dump_json()
    made = create_base_doc_from_schema(Theirs.model_json_schema(), 'Theirs')
    assert made.from_json(text).data == b'plain'
    assert made(data=b'plain').to_json() == text
    assert again(Ours).from_json(Ours(data=b'\xff').to_json()).data == b'\xff'


def test_constraints_hold_and_unknown_keywords_stay() -> None:
    class Limited(BaseDocument):
        age: Annotated[int, annotated_types.Ge(0), annotated_types.Lt(150), annotated_types.MultipleOf(2)]
        name: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=3, pattern='^[a-z]+$')]
        some: Annotated[list[int], annotated_types.Len(1, 2)]
        mail: Annotated[str, pydantic.Field(json_schema_extra={'format': 'email', 'x-mine': [1]})]
        parts: Annotated[DocumentArray[Part], annotated_types.MinLen(1)]
        keys: dict[Annotated[str, pydantic.StringConstraints(pattern='^k')], int]

    made = again(Limited)
    good: dict[str, Any] = {
        'age': 2,
        'name': 'a',
        'some': [1],
        'mail': 'not checked',
        'parts': [],
        'keys': {'k': 1},
    }
    assert made(**good).mail == 'not checked'
    for bad in (
        {'age': -2},
        {'age': 150},
        {'age': 3},
        {'name': ''},
        {'name': 'A'},
        {'some': []},
        {'keys': {'x': 1}},
    ):
        with pytest.raises(ValidationError, match=next(iter(bad))):
            made(**{**good, **bad})
    assert annotation({'type': 'string', 'format': 'no-such-format'}) is str
    assert annotation({'type': 'string', 'pattern': '(?=a)'}) is str  # one that pydantic cannot compile
    assert annotation({'type': 'integer', 'exclusiveMinimum': True}) is int
    assert (
        annotation({'type': 'array', 'uniqueItems': True, 'items': {'type': 'object'}})
        == list[dict[str, Any]]
    )
    assert annotation({'enum': [[1], 2]}) is Any
    assert annotation({'const': 'a'}) == Literal['a']
    assert annotation({}) is Any
    assert annotation(True) is Any


def test_unions_that_say_what_tells_them_apart() -> None:
    class Cat(BaseDocument):
        kind: Literal['cat']

    class Dog(BaseDocument):
        kind: Literal['dog']

    class Owner(BaseDocument):
        pet: Annotated[Cat | Dog, pydantic.Field(discriminator='kind')]

    made = again(Owner)
    assert type(made(pet={'kind': 'dog'}).pet).__name__ == 'Dog'
    assert DocumentArray[made]([made(pet={'kind': 'dog'})]).stack()[0].pet.kind == 'dog'


def test_whether_there_is_an_id_and_what_else_may_be_there() -> None:
    class Bare(BaseDocumentWithoutId):
        n: int

    class Strict(BaseDocument):
        model_config = pydantic.ConfigDict(extra='forbid', title='Very strict')

    class Loose(BaseDocument):
        model_config = pydantic.ConfigDict(extra='allow')

    made = again(Bare)
    assert issubclass(made, BaseDocumentWithoutId)
    assert not issubclass(made, BaseDocument)
    with pytest.raises(ValidationError, match='more'):
        create_base_doc_from_schema(Strict.model_json_schema(), 'Strict')(more=1)
    assert again(Loose)(more=1).more == 1


def test_names_that_python_has_no_place_for() -> None:
    names = ['_private', 'private_', 'model_config', 'a-b']
    made = of(**{name: {'type': 'integer'} for name in names})
    document = made.from_json('{"_private": 1, "private_": 2, "model_config": 3, "a-b": 4}')
    assert (document.private__, document.private_, document.model_config_) == (1, 2, 3)
    assert getattr(document, 'a-b') == 4
    if pydantic.VERSION >= '2.11':
        assert made.from_json(document.to_json()) == document
        assert '"_private":1' in document.to_json()
    assert list(made.model_json_schema()['properties']) == names


def test_the_classes_pickle() -> None:
    made = again(Book)
    assert pickle.loads(pickle.dumps(made)) is made
    document = made(**VALUES)
    assert pickle.loads(pickle.dumps(document)) == document


def deep(levels: int) -> Any:
    node: Any = {'type': 'integer'}
    for _ in range(levels):
        node = {'type': 'array', 'items': node}
    return node


@pytest.mark.parametrize(
    ('schema', 'message'),
    [
        (3, r'schema: got 3, wanted a JSON Schema'),
        ({}, r'Made: got \{\}, wanted the JSON Schema of an object'),
        ({'type': 'string'}, 'the JSON Schema of an object'),
        ({'properties': []}, r'Made\.properties: got \[\]'),
        ({'properties': {'x': 3}}, r'Made\.x: got 3'),
        ({'properties': {'x': {'type': 'text'}}}, r"Made\.x\.type: got 'text', wanted one of array, object"),
        (
            {'properties': {'x': {'$ref': '#/$defs/No'}}, '$defs': {'Yes': {}}},
            r"reference to 'No', wanted one of Yes",
        ),
        ({'properties': {'x': {'$ref': 'https://example.org/a.json'}}}, 'inside of the same schema'),
        ({'$ref': '#/$defs/A', '$defs': {'A': {'$ref': '#/$defs/A'}}}, 'the JSON Schema of an object'),
        ({'properties': {'x': {'anyOf': []}}}, r'Made\.x\.anyOf: got \[\]'),
        ({'properties': {'x': {'enum': 'abc'}}}, r'Made\.x\.enum'),
        ({'properties': {}, 'required': 'x'}, r'Made\.required'),
        ({'properties': {'x': {'type': 'array', 'tensor/array shape': [3]}}}, r'Made\.x\..*: got \[3\]'),
        ({'properties': {'x': {'tensor/array shape': '[3, ..., ...]'}}}, r'Made\.x: got .*at most once'),
        ({'properties': {'x': {'tensor/array shape': '[3]', 'tensor/array dtype': 'int3'}}}, "got 'int3'"),
        ({'properties': {'x': deep(400)}}, r'Made\.x: got more than 100 levels'),
    ],
)
def test_what_is_no_schema(schema: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        create_base_doc_from_schema(schema, 'Made')


JUNK = (None, True, -1, 3.5, 'x', '(', '#', '#/$defs/TextDoc', 'array', 'object', [], {}, [{}], [1], 10**30)
KEYWORDS = (
    'type',
    'anyOf',
    'allOf',
    'enum',
    'const',
    'items',
    'properties',
    'required',
    'maxItems',
    'minimum',
)
KEYWORDS += ('pattern', 'format', '$ref', 'discriminator', 'tensor/array shape', 'default', 'propertyNames')


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: what holds it, and the key or number."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [(node, key) for key in keys] + [place for key in keys for place in places(node[key])]


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_schema_makes_a_class_or_is_refused(data: Any) -> None:
    schema = data.draw(st.sampled_from([Book, ImageDoc, Tree])).model_json_schema()
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(places(schema)))
        inside = isinstance(holder[key], dict) and data.draw(st.booleans())
        if inside:
            holder, key = holder[key], data.draw(st.sampled_from(KEYWORDS))
        holder[key] = copy.deepcopy(data.draw(st.sampled_from(JUNK)))
    try:
        made = create_base_doc_from_schema(schema, 'Made')
    except SchemaError:
        return
    assert issubclass(made, BaseDocumentWithoutId)
    made.model_json_schema()


def test_the_name_has_to_be_one() -> None:
    with pytest.raises(SchemaError, match='the name of a class'):
        create_base_doc_from_schema({'properties': {}}, '')


def test_names_that_meet_are_told_apart() -> None:
    class Page(BaseDocument):
        text: TextDoc

    made = create_base_doc_from_schema(Page.model_json_schema(), 'TextDoc')
    inner = made.model_fields['text'].annotation
    assert (made.__name__, inner.__name__) == ('TextDoc', 'TextDoc_2')
    assert made(text={'text': 'x'}).text.text == 'x'


def test_pure_python_types() -> None:
    class Page(BaseDocument):
        """A page."""

        n: int = 3
        texts: DocumentArray[TextDoc]
        more: DocumentArray[TextDoc] | None = pydantic.Field(default=None, description='More')
        held: dict[str, DocumentArray[TextDoc]] = {}

    made = create_pure_python_type_model(Page)
    types = {name: field.annotation for name, field in made.model_fields.items()}
    assert types['texts'] == list[TextDoc]
    assert types['more'] == list[TextDoc] | None
    assert types['held'] == dict[str, list[TextDoc]]
    assert made.model_json_schema() == Page.model_json_schema()
    assert made.__doc__ == 'A page.'
    document = made(texts=[{'text': 'a'}])
    assert type(document.texts) is list
    assert Page.from_json(document.to_json()).texts[0].text == 'a'
    assert Page.model_fields['texts'].annotation is DocumentArray[TextDoc]
    with pytest.raises(SchemaError, match='a document class'):
        create_pure_python_type_model(3)  # type: ignore[arg-type]  # that is the point


SHAPES: list[Any] = [
    (3,),
    (3, 'w', 'w'),
    (None, 4),
    ('n', ..., 2),
    (..., 3),
    (2, 'h', 3, 'uint8'),
    'bfloat16',
]
Vectors = NdArray[3, 'float32']
Pictures = ImageTensor['h', 'w', 3]
TENSORS = [
    cls[shape] for cls in (AnyTensor, NdArray, ImageTensor, AudioTensor, VideoTensor) for shape in SHAPES
]
#: Types that JSON Schema has a way to tell, each in a place where something could get lost.
TOLD: list[Any] = [
    *TENSORS,
    AnyEmbedding[128],
    AnyEmbedding['d', 'float16'],
    NdArray[2] | None,
    list[Vectors],
    list[list[NdArray[3]]],
    dict[str, Pictures],
    tuple[NdArray[2], ...],
    list[NdArray[2] | None],
    Part,
    Part | None,
    list[Part],
    DocumentArray[Part],
    DocumentArray[Part] | None,
    list[DocumentArray[Part]],
    dict[str, DocumentArray[Part]],
    Part | TextDoc,
    list[ImageUrl],
    dict[str, ImageBytes],
    set[Mesh3DUrl],
    VideoBytes | None,
    AudioBytes | AnyUrl,
]


@pytest.mark.parametrize('annotation', TOLD, ids=str)
def test_shapes_dtypes_nesting_and_media_types_are_kept(annotation: Any) -> None:
    class Holder(BaseDocument):
        value: annotation
        optional: annotation | None = None  # type: ignore[valid-type]  # made at run time

    made = again(Holder)
    assert schema_of(made).fingerprint == schema_of(Holder).fingerprint
    if annotation in TENSORS:
        found, kind = made.model_fields['value'].annotation.tensor_type, annotation.tensor_type
        assert (found.modality, found.shape, found.dtype) == (kind.modality, kind.shape, kind.dtype)


def test_the_columns_are_the_same_at_every_depth() -> None:
    class Shelf(BaseDocument):
        books: DocumentArray[Book]
        cover: ImageDoc | None = None
        tree: Tree

    made = again(Shelf)

    def columns(cls: Any) -> Any:
        return [(column.path, column.codec.kind.name, column.nullable) for column in schema_of(cls).columns]

    assert columns(made) == columns(Shelf)
    for path in ('books', 'cover', 'tree', 'tree.children'):
        inner = [schema_of(cls).resolve(path)[-1].schema for cls in (made, Shelf)]
        assert inner[0].fingerprint == inner[1].fingerprint


def test_by_the_schema_alone() -> None:
    made = create_doc_from_json_schema(Book.json_schema())
    assert made.__name__ == 'Book'
    assert made.json_schema() == Book.json_schema()
    assert create_doc_from_json_schema(Book.json_schema(), 'Other').__name__ == 'Other'
    assert create_doc_from_json_schema({'properties': {'n': {'type': 'integer'}}}).__name__ == 'Document'
    for bad in (None, [], {'type': 'string'}, {'title': 3}):
        with pytest.raises(SchemaError):
            create_doc_from_json_schema(bad)  # type: ignore[arg-type]  # that is the point
    assert docarray.documents.create_doc_from_json_schema is create_doc_from_json_schema


def test_numbers_of_protobuf_are_kept() -> None:
    class Pinned(BaseDocument):
        text: str = pydantic.Field(json_schema_extra={'proto': 3})
        part: Part | None = pydantic.Field(None, json_schema_extra={'proto': 4})

    assert '  optional string text = 3;' in again(Pinned).proto_schema()
    assert '  Part part = 4;' in again(Pinned).proto_schema()


def test_the_names_of_earlier_versions() -> None:
    from docarray.utils import create_dynamic_doc_class as old  # type: ignore[import-not-found]  # an alias

    assert old.create_base_doc_from_schema is create_base_doc_from_schema
    assert old.create_pure_python_type_model is create_pure_python_type_model
    plain = old.create_pure_python_type_model(Book)
    made = old.create_base_doc_from_schema(plain.model_json_schema(), 'Book', {})
    assert made(**VALUES).parts[0].pixels.shape == (3, 2, 2)
