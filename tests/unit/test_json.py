"""JSON of documents and arrays: what goes out comes back, whatever it is."""

from __future__ import annotations

import base64
import datetime
import decimal
import enum
import json
import math
import time
import uuid
from typing import Annotated, Any, Generic, Literal, TypeVar

import numpy as np
import pydantic
import pydantic_core
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from pydantic import ConfigDict, Field, computed_field, field_serializer, model_serializer

from docarray import AnyDocument, BaseDocument, BaseDocumentWithoutId, DocumentArray, DocumentArrayStacked
from docarray.batch import Batch
from docarray.documents import ImageDoc, TextDoc
from docarray.errors import DocArrayError, InvalidValueError, LimitError, ValidationError
from docarray.formats import Format, Limits, format_names, get_format
from docarray.formats.grouping import MOST_BYTES
from docarray.formats.json import JsonFormat
from docarray.schema import schema_of
from docarray.typing import AnyTensor, ImageBytes, NdArray, Shape

DTYPES = [
    'bool',
    'uint8',
    'int8',
    'uint16',
    'int32',
    'int64',
    'uint64',
    'float16',
    'float32',
    'float64',
    'complex128',
]


def strict(text: str | bytes) -> Any:
    """Parse JSON as the standard has it: without NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f'{word} in JSON')

    return json.loads(text, parse_constant=refuse)


Floats, Pair = NdArray['float32'], NdArray[2, 'float32']


class Page(BaseDocument):
    tensor: NdArray
    maybe: Floats | None = None
    several: list[NdArray] = []
    named: dict[str, NdArray] = {}
    text: TextDoc | None = None
    parts: DocumentArray[TextDoc] | None = None


class Small(BaseDocument):
    vector: Pair


class Exact(BaseDocument, tensors='base64'):
    tensor: NdArray
    several: dict[str, list[NdArray | None]] = {}
    plain: Small | None = None
    below: list[Exact] = []


def ways(document: BaseDocument) -> list[str]:
    """The document as JSON in all ways there are."""
    return [
        document.to_json(),
        document.to_json(tensors='list'),
        document.to_json(tensors='base64'),
        document.json(),
        document.model_dump_json(),
        json.dumps(document.model_dump(mode='json'), allow_nan=False),
    ]


# ------------------------------------------------------------------------------------------ tensors


@given(stn.arrays(st.sampled_from(DTYPES), stn.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
@settings(max_examples=60, deadline=None)
def test_any_tensor_comes_back(array: np.ndarray) -> None:
    document = Page(tensor=array, several=[array, array], named={'x': array})
    found = []
    for text in ways(document):
        strict(text)
        found.append(Page.from_json(text))
    both = DocumentArray[Page]([document, document])
    for text in (both.to_json(), both.to_json(tensors='base64'), both.stack(ragged='list').to_json()):
        strict(text)
        found += DocumentArray[Page].from_json(text)
    for back in found:
        for tensor in (back.tensor, *back.several, back.named['x']):
            assert tensor.shape == array.shape
            # A list does not tell float32 from float64, and has no more digits than float32 needs.
            np.testing.assert_array_equal(tensor.astype(array.dtype), array)


@pytest.mark.parametrize('dtype', DTYPES)
def test_base64_keeps_dtype_shape_and_bits(dtype: str) -> None:
    raw = np.random.default_rng(0).integers(0, 2, (2, 3, 16), np.uint8).tobytes()
    array = np.frombuffer(raw, dtype)[:24].reshape(2, 3, -1)
    for text in (Exact(tensor=array).to_json(tensors='base64'), Exact(tensor=array).model_dump_json()):
        form = strict(text)['tensor']
        assert set(form) == {'dtype', 'shape', 'data'}
        back = Exact.from_json(text).tensor
        assert (back.dtype.name, back.shape, back.tobytes()) == (dtype, array.shape, array.tobytes())


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64', 'int8', 'uint64', 'bool'])
def test_lists_restore_a_declared_dtype(dtype: str) -> None:
    class Typed(BaseDocument):
        x: NdArray[..., dtype]

    array = np.frombuffer(np.random.default_rng(0).bytes(4096), np.uint8 if dtype == 'bool' else dtype)
    array = array.astype(dtype) if dtype == 'bool' else array
    back = Typed.from_json(Typed(x=array).to_json()).x
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)


def test_not_finite_numbers_are_words() -> None:
    array = np.array([[np.nan, 1.5], [np.inf, -np.inf]], np.float32)
    for text in ways(Page(tensor=array, maybe=array)):
        if '"data"' not in text:
            assert strict(text)['tensor'] == [['NaN', 1.5], ['Infinity', '-Infinity']]
    text = DocumentArray[Page]([Page(tensor=array), Page(tensor=[1])]).to_json()
    assert [row['tensor'] for row in strict(text)] == [[['NaN', 1.5], ['Infinity', '-Infinity']], [1]]


def test_null_in_a_list_of_numbers_is_nan() -> None:
    assert np.isnan(Page.from_json('{"tensor": [1, null]}').tensor).tolist() == [False, True]


@pytest.mark.parametrize(
    'array',
    [
        np.arange(12).reshape(3, 4).T,
        np.arange(12)[::-3],
        np.arange(6, dtype='>i4'),
        np.arange(6, dtype='>f8').reshape(2, 3)[:, ::2],
        np.array(7.5),
        np.zeros((0, 3)),
        np.zeros((2, 0, 3)),
        np.zeros((3, 0)),
        np.array([2**64 - 1], np.uint64),
        np.array([True, False]),
        np.array([1 + 2j, np.nan]),
        np.array([1 + 2j, 3j], '>c16'),
        np.broadcast_to(np.float32(1), (2, 3)),
    ],
    ids=lambda array: f'{array.dtype}{array.shape}',
)
def test_odd_arrays(array: np.ndarray) -> None:
    array.flags.writeable = False
    document = Page(tensor=array)
    for text in [*ways(document), DocumentArray[Page]([document]).to_json()[1:-1]]:
        assert Page.from_json(text) == document
        assert Page.from_json(text).tensor.shape == array.shape
    assert strict(document.to_json()) == strict(DocumentArray[Page]([document]).to_json())[0]


@pytest.mark.parametrize('name', ['torch', 'tensorflow', 'jax'])
def test_frameworks_and_their_own_dtypes(name: str) -> None:
    pytest.importorskip(name)
    if name == 'torch':
        import torch

        tensor: Any = torch.tensor([1.0, 0.1, float('nan')], dtype=torch.bfloat16, requires_grad=True)
        own: Any = Annotated[torch.Tensor, Shape(3, dtype='bfloat16')]
    elif name == 'tensorflow':
        import tensorflow as tf

        tensor, own = (
            tf.constant([1.0, 0.1, float('nan')], tf.bfloat16),
            Annotated[tf.Tensor, Shape(3, dtype='bfloat16')],
        )
    else:
        import jax.numpy as jnp

        tensor, own = (
            jnp.array([1.0, 0.1, float('nan')], jnp.bfloat16),
            Annotated[jnp.ndarray, Shape(3, dtype='bfloat16')],
        )

    class Mixed(BaseDocument):
        own: own  # type: ignore[valid-type]
        any: AnyTensor[3]

    document = Mixed(own=tensor, any=tensor)
    for text in ways(document):
        back = Mixed.from_json(text)
        assert back.own.dtype == document.own.dtype
        assert Mixed(own=back.own, any=back.own) == Mixed(own=tensor, any=tensor)
    back = Mixed.from_json(document.to_json(tensors='base64'))
    assert back.any.dtype == document.any.dtype


# --------------------------------------------------------------------------------- base64 by class


def test_a_class_may_write_base64_and_a_call_overrides_it() -> None:
    document = Exact(
        tensor=np.ones(2, np.float32),
        several={'a': [np.zeros(1), None]},
        plain=Small(vector=[1, 2]),
        below=[Exact(tensor=[3])],
    )
    for text in (
        document.to_json(),
        document.model_dump_json(),
        DocumentArray[Exact]([document]).to_json()[1:-1],
    ):
        form = strict(text)
        assert form['tensor'] == {'dtype': 'float32', 'shape': [2], 'data': 'AACAPwAAgD8='}
        assert form['several']['a'][0]['dtype'] == 'float64'
        assert form['several']['a'][1] is None
        assert form['plain']['vector'] == [1.0, 2.0]  # that class says nothing
        assert form['below'][0]['tensor']['dtype'] == 'int64'
        assert Exact.from_json(text) == document
    assert strict(document.to_json(tensors='list'))['below'][0]['tensor'] == [3]
    assert strict(document.to_json(tensors='base64'))['plain']['vector']['dtype'] == 'float32'
    assert strict(DocumentArray[Exact]([document]).to_json(tensors='list'))[0]['tensor'] == [1.0, 1.0]


def test_the_form_of_a_class_holds_in_plain_pydantic_and_for_its_heirs() -> None:
    class Heir(Exact):
        more: NdArray

    class Model(pydantic.BaseModel):
        rows: list[Heir]
        columns: DocumentArrayStacked[Heir]

    heir = Heir(tensor=[1], more=[2])
    made = Model(rows=[heir], columns=[heir])
    form = strict(made.model_dump_json())
    assert {form[name][0][field]['dtype'] for name in form for field in ('tensor', 'more')} == {'int64'}
    assert strict(pydantic.TypeAdapter(Heir).dump_json(heir)) == strict(heir.to_json())
    assert Model.model_validate_json(made.model_dump_json()).columns == made.columns


def test_the_schema_says_what_a_class_writes() -> None:
    read, write = (
        Exact.model_json_schema(mode=mode)['$defs']['Exact'] for mode in ('validation', 'serialization')
    )
    assert read['properties']['tensor']['type'] == 'array'
    assert write['properties']['tensor']['required'] == ['dtype', 'shape', 'data']


# ------------------------------------------------------------------------- what pydantic can do too


class Colour(enum.Enum):
    RED = 'red'


class Odd(BaseDocument):
    model_config = ConfigDict(populate_by_name=True)

    when: datetime.datetime = datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc)
    day: datetime.timedelta = datetime.timedelta(days=1, microseconds=1)
    price: decimal.Decimal = decimal.Decimal('0.10')
    key: uuid.UUID = uuid.UUID(int=7)
    colour: Colour = Colour.RED
    huge: int = 10**40
    odd: float = math.nan
    raw: bytes = b'\xff\xfe\x00'
    image: ImageBytes | None = ImageBytes(b'\xff\xfe\x00')
    points: set[int] = {1, 2}
    pair: tuple[int, str] = (1, 'x')
    kind: Literal['a', 1] = 1
    either: int | TextDoc | NdArray | None = None
    aliased: NdArray[2] = Field(
        default=[1, 2], validation_alias='in', serialization_alias='out', validate_default=True
    )
    hidden: int = Field(default=3, exclude=True)
    free: Any = None

    @computed_field
    @property
    def doubled(self) -> NdArray:
        return NdArray(self.aliased * 2)


def test_every_sort_of_field() -> None:
    for either in (None, 5, TextDoc('x'), np.array([1.5, np.nan])):
        document = Odd(either=either, free={'deep': [1, None, 'x', {'y': 2.5}]})
        text = document.to_json()
        form = strict(text)
        assert form['aliased'] == [1, 2]
        assert form['doubled'] == [2, 4]
        assert form['odd'] == 'NaN'
        assert form['huge'] == 10**40
        assert 'hidden' not in form
        back = Odd.from_json(text)
        assert back.raw == b'\xff\xfe\x00' == back.image
        assert math.isnan(back.odd)
        assert back.model_copy(update={'hidden': 3}) == document
        assert strict(DocumentArray[Odd]([document, document]).to_json()) == [form, form]
    assert strict(Odd().model_dump_json(by_alias=True))['out'] == [1, 2]
    assert Odd.from_json('{"in": [5, 6]}').aliased.tolist() == [5, 6]


def test_bytes_are_base64_of_either_alphabet() -> None:
    class Raw(BaseDocument):
        raw: bytes
        image: ImageBytes

    data = bytes(range(256))
    document = Raw(raw=data, image=data)
    assert Raw.from_json(document.to_json()) == document
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        text = encode(data).decode()
        assert Raw.from_json(json.dumps({'raw': text, 'image': text})) == document
        assert Raw(raw=text, image=text) == document
    with pytest.raises(pydantic.ValidationError):
        Raw(raw='no base64!', image=b'')


def test_serializers_see_real_tensors() -> None:
    class Wrapped(BaseDocument):
        tensor: NdArray
        other: NdArray = Field(default=[9], validate_default=True)

        @field_serializer('tensor', mode='wrap')
        def shorten(self, value: Any, handler: Any) -> Any:
            return {'first': handler(value)[0], 'count': len(handler(value))}

    class Plain(BaseDocument):
        tensor: NdArray

        @field_serializer('tensor')
        def total(self, value: Any) -> float:
            return float(value.sum())

    class Whole(BaseDocument):
        a: NdArray
        b: NdArray

        @model_serializer(mode='wrap')
        def turned(self, handler: Any) -> Any:
            form = handler(self)
            return {'b': form['b'], 'a': form['a']}

    class Outer(BaseDocument):
        inner: Any
        tensor: NdArray

    wrapped, whole = Wrapped(tensor=[5, 6, 7]), Whole(a=[1], b=[2])
    assert strict(DocumentArray[Wrapped]([wrapped]).to_json())[0]['tensor'] == {'first': 5, 'count': 3}
    assert strict(wrapped.to_json())['other'] == [9]
    assert strict(Plain(tensor=[1, 2]).to_json())['tensor'] == 3.0
    assert strict(whole.to_json()) == {'b': [2], 'a': [1]}
    assert strict(Outer(inner=whole, tensor=[3]).to_json())['inner'] == {'b': [2], 'a': [1]}
    assert strict(DocumentArray([wrapped, whole]).to_json())[1] == {'b': [2], 'a': [1]}


def test_extra_fields_may_be_tensors() -> None:
    class Open(BaseDocument):
        model_config = ConfigDict(extra='allow')
        tensor: NdArray

    for document in (
        Open(tensor=[1], x=np.ones(2), y=np.float32(2)),
        AnyDocument(x=np.ones(2), y=np.float32(2)),
    ):
        assert strict(document.to_json())['x'] == [1.0, 1.0]
        assert strict(document.to_json())['y'] == 2.0
        assert strict(document.to_json(tensors='base64'))['x']['dtype'] == 'float64'
    assert Open.from_json('{"tensor": [1], "z": {"a": 1}}').z == {'a': 1}
    assert AnyDocument(x=np.ones(2)).model_dump(mode='json')['x'] == [1.0, 1.0]


def test_what_json_cannot_hold_is_our_error() -> None:
    with pytest.raises(InvalidValueError, match='AnyDocument: got .*object'):
        AnyDocument(x=object()).to_json()


def test_unions_of_documents() -> None:
    class Either(BaseDocument):
        one: Small | TextDoc
        rows: list[ImageDoc | Small] = []

    document = Either(
        one=Small(vector=[1, 2]), rows=[ImageDoc(tensor=np.zeros((1, 1, 3))), Small(vector=[3, 4])]
    )
    for text in (document.to_json(), DocumentArray[Either]([document]).to_json()[1:-1]):
        back = Either.from_json(text)
        assert type(back.one) is Small
        assert [type(row) for row in back.rows] == [ImageDoc, Small]
        assert back == document


def test_deep_trees() -> None:
    class Tree(BaseDocument):
        tensor: NdArray | None = None
        below: DocumentArray[Tree] = []  # type: ignore[assignment]

    tree = Tree(tensor=[0])
    for depth in range(1, 60):
        tree = Tree(tensor=[depth], below=[tree])
    assert Tree.from_json(tree.to_json()) == tree


T = TypeVar('T')
Axis = NdArray['n']


class Knot(BaseDocument, Generic[T], tensors='base64'):
    label: T
    a: Axis
    b: Axis
    below: list[Knot[T]] = []


def test_generic_recursive_classes_keep_their_form_and_their_axes() -> None:
    class Holder(BaseDocument):
        knots: DocumentArray[Knot[int]]

    knot: dict[str, Any] = {'label': 1, 'a': [1], 'b': [2], 'below': [{'label': 2, 'a': [1, 2], 'b': [3, 4]}]}
    holder = Holder(knots=[knot])
    assert strict(holder.to_json())['knots'][0]['below'][0]['a']['dtype'] == 'int64'
    assert Holder.from_json(holder.to_json()) == holder
    knot['below'][0]['b'] = [3]
    with pytest.raises(ValidationError, match="axis 'n'"):
        Holder(knots=[knot])


def test_documents_without_id() -> None:
    class Bare(BaseDocumentWithoutId):
        vector: NdArray[2]

    assert Bare(vector=[1, 2]).to_json() == '{"vector":[1,2]}'
    assert DocumentArray[Bare].from_json('[{"vector":[1,2]}]')[0] == Bare(vector=[1, 2])


def test_the_word_for_a_tensor_cannot_be_forged() -> None:
    nasty = ['"', '\\', '"}],[{"', 'null', 'NaN', '\u2028', '\x00', '😀' * 100]
    rows = DocumentArray[Page]([Page(tensor=[i], text=text) for i, text in enumerate(nasty)])
    assert DocumentArray[Page].from_json(rows.to_json()) == rows


# ------------------------------------------------------------------------------------------- arrays


def test_arrays_of_any_class() -> None:
    rows = DocumentArray([TextDoc('a'), Small(vector=[1, 2]), Exact(tensor=[3])])
    form = strict(rows.to_json())
    assert form[0]['text'] == 'a'
    assert form[1]['vector'] == [1.0, 2.0]
    assert form[2]['tensor']['dtype'] == 'int64'
    back = DocumentArray.from_json(rows.to_json())
    assert [type(row) for row in back] == [AnyDocument] * 3
    assert back[0].text == 'a'

    class Holder(BaseDocument):
        rows: DocumentArray

    holder = Holder(rows=rows)
    assert strict(holder.to_json())['rows'] == form
    assert strict(holder.model_dump_json())['rows'] == form


def test_empty_arrays() -> None:
    assert DocumentArray[Page]([]).to_json() == '[]' == DocumentArray([]).to_json()
    assert DocumentArray[Page].from_json('[]') == DocumentArray[Page]([])
    assert len(DocumentArrayStacked[Page].from_json('[]')) == 0


def test_stacked_arrays_and_their_rows() -> None:
    rows = DocumentArray[Small]([Small(vector=[i, 0.1]) for i in range(3)])
    stacked = rows.stack()
    assert stacked.to_json() == rows.to_json()
    assert stacked[1].to_json() == rows[1].to_json()
    assert DocumentArrayStacked[Small].from_json(rows.to_json()) == stacked


def test_errors_name_row_and_field() -> None:
    with pytest.raises(ValidationError) as caught:
        DocumentArray[Page].from_json(
            '[{"tensor":[1]},{"tensor":[[1],[2,3]]},{"tensor":[1],"text":{"text":5}}]'
        )
    assert [fault['loc'] for fault in caught.value.errors()] == [(1, 'tensor'), (2, 'text', 'text')]
    assert 'ragged' in str(caught.value)
    for text in ('{', '[1]', '{}', 'null', '[{}]', b'\xff'):
        with pytest.raises(ValidationError):
            DocumentArray[Page].from_json(text)


def test_reading_takes_linear_time() -> None:
    def seconds(count: int) -> float:
        text = DocumentArray[Small]([Small(vector=[1, 2])] * count).to_json()
        best = math.inf
        for _ in range(3):
            start = time.perf_counter()
            DocumentArray[Small].from_json(text)
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(8000) < 8 * 3 * seconds(1000)


# ------------------------------------------------------------------------------------------- format


def pages(count: int) -> list[Page]:
    return [
        Page(id=str(i), tensor=np.arange(i % 3 + 1), text=f't{i}' if i % 2 else None, parts=['a'] * (i % 3))
        for i in range(count)
    ]


def test_the_format_is_registered() -> None:
    assert 'json' in format_names()
    assert isinstance(get_format('json'), JsonFormat)
    assert isinstance(get_format('json', tensors='base64'), Format)
    with pytest.raises(KeyError, match='json'):
        get_format('nonsense')


@pytest.mark.parametrize('tensors', [None, 'list', 'base64'])
@pytest.mark.parametrize('count', [0, 1, 7])
def test_batches_come_back(tensors: Any, count: int) -> None:
    form, schema, rows = JsonFormat(tensors), schema_of(Page), pages(count)
    batch = Batch.of(schema, rows, ragged=True)
    data = form.dumps(batch)
    assert isinstance(data, bytes)
    back = form.loads(data, schema)
    assert (back.schema, back.rows()) == (schema, rows)
    assert [row.id for row in back.rows()] == [row.id for row in rows]


@pytest.mark.parametrize('cut', [1, 7, 10_000])
def test_streams_may_be_cut_anywhere(cut: int) -> None:
    form, schema, rows = JsonFormat('base64'), schema_of(Page), pages(9)
    batches = [Batch.of(schema, rows[start:stop], ragged=True) for start, stop in ((0, 4), (4, 4), (4, 9))]
    stream = b''.join(form.dump_stream(batches))
    assert stream.count(b'\n') == len(rows)
    chunks = (stream[start : start + cut] for start in range(0, len(stream), cut))
    back = list(form.load_stream(chunks, schema))
    assert all(map(len, back))
    assert [row for batch in back for row in batch.rows()] == rows


def test_streams_without_documents() -> None:
    form, schema = JsonFormat(), schema_of(Page)
    assert list(form.dump_stream([])) == []
    assert list(form.load_stream([], schema)) == []
    assert list(form.load_stream([b'', b'\r\n \n'], schema)) == []


def test_streams_are_read_as_they_come() -> None:
    form, schema = JsonFormat(), schema_of(TextDoc)
    line = TextDoc(text='x' * (MOST_BYTES // 2)).to_json().encode() + b'\n'
    given = []

    def chunks() -> Any:
        for number in range(6):
            given.append(number)
            yield line

    batches = form.load_stream(chunks(), schema)
    first = len(next(batches))
    assert 1 <= first <= len(given) <= 3
    assert first + sum(map(len, batches)) == 6


def test_objects_are_limited_and_braces_in_text_are_none() -> None:
    texts = [TextDoc(text=text) for text in ('{{{', '{"', '\\\\{', '"\\{\\"')]
    batch, schema = Batch.of(schema_of(TextDoc), texts), schema_of(TextDoc)
    data, lines = JsonFormat().dumps(batch), b''.join(JsonFormat().dump_stream([batch]))
    enough, less = (JsonFormat(limits=Limits(documents=most)) for most in (4, 3))
    assert [row.text for row in enough.loads(data, schema).rows()] == [text.text for text in texts]
    assert sum(map(len, enough.load_stream([lines[:30], lines[30:]], schema))) == 4
    with pytest.raises(LimitError, match='TextDoc: got'):
        less.loads(data, schema)
    with pytest.raises(LimitError, match='TextDoc: got'):
        list(less.load_stream([lines], schema))
    with pytest.raises(LimitError, match='bytes'):
        list(JsonFormat(limits=Limits(size=10)).load_stream([b' ' * 6, b'{"text": "aaaaa'], schema))


def test_faults_in_a_stream_name_the_row() -> None:
    form, schema, rows = JsonFormat(), schema_of(Page), pages(3)
    stream = b''.join(form.dump_stream([Batch.of(schema, rows, ragged=True)]))
    with pytest.raises(ValidationError) as caught:
        list(form.load_stream([stream, b'{"tensor": [[1], [2, 3]]}\n'], schema))
    assert caught.value.errors()[0]['loc'] == (3, 'tensor')
    with pytest.raises(DocArrayError):
        list(form.load_stream([stream[:-20]], schema))
    with pytest.raises(DocArrayError):
        list(form.load_stream([b'{"tensor":[1]},{"tensor":[1]}\n'], schema))


def test_faults_of_a_users_own_type_in_a_stream() -> None:
    class Even(BaseDocument):
        n: int

        @pydantic.field_validator('n')
        @classmethod
        def is_even(cls, value: int) -> int:
            if value % 2:
                raise pydantic_core.PydanticCustomError('odd', 'not even')
            return value

    with pytest.raises(ValidationError) as caught:
        list(JsonFormat().load_stream([b'{"n":2}\n{"n":1}\n'], schema_of(Even)))
    assert [(one['type'], one['loc']) for one in caught.value.errors()] == [('odd', (1, 'n'))]


def test_a_list_that_holds_itself_is_refused() -> None:
    inside: list[Any] = []
    inside += [inside, inside]
    with pytest.raises(InvalidValueError, match='AnyDocument'):
        AnyDocument(x=inside).to_json()
    with pytest.raises(InvalidValueError):
        DocumentArray([AnyDocument(x=inside)]).to_json()
