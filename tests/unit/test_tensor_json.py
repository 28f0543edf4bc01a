"""Tensors in JSON: lists that strict JSON can hold, base64 that keeps every bit, and schemas for both."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import BaseModel, TypeAdapter, ValidationError

from docarray.errors import DtypeError, TensorError
from docarray.typing import AnyTensor, ImageNdArray, NdArray
from docarray.typing.tensor_json import cast, from_json, numpy_dtype, to_base64, to_json, to_lists
from docarray.typing.types import DTYPES

NUMPY_OWN = sorted(name for name in DTYPES if not name.startswith(('bfloat', 'float8')))


def arrays(min_dims: int = 0) -> Any:
    return st.sampled_from(NUMPY_OWN).flatmap(
        lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=0))
    )


def same_bits(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@given(arrays())
def test_base64_keeps_every_bit(array: np.ndarray[Any, Any]) -> None:
    form = json.loads(json.dumps(to_base64(array), allow_nan=False))
    back = from_json(form)
    assert same_bits(array, back)
    assert back.flags.writeable


@given(arrays())
def test_lists_keep_values_and_shape(array: np.ndarray[Any, Any]) -> None:
    text = json.dumps(to_json(array), allow_nan=False)
    back = from_json(json.loads(text), array.dtype.name)
    assert back.shape == array.shape
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize('name', sorted(DTYPES))
@pytest.mark.parametrize('order', ['C', 'F', 'strided', 'swapped'])
def test_any_memory_layout(name: str, order: str) -> None:
    if name not in NUMPY_OWN:
        pytest.importorskip('ml_dtypes')
    array = np.array([[1, 2, 1], [2, 1, 2]]).astype(numpy_dtype(name))
    if order == 'F':
        array = np.asfortranarray(array)
    elif order == 'strided':
        array = np.repeat(array, 2, axis=1)[:, ::2]
    elif order == 'swapped' and name in NUMPY_OWN:
        array = array.astype(array.dtype.newbyteorder('>'))
    for back in (from_json(to_base64(array)), from_json(to_lists(array), name)):
        assert back.dtype == numpy_dtype(name)
        assert np.array_equal(back.astype(np.complex128), array.astype(np.complex128))


def test_bytes_on_the_wire_are_little_endian() -> None:
    big = np.array([1, 256], '>i2')
    form = {'dtype': 'int16', 'shape': [2], 'data': 'AQAAAQ=='}
    assert to_base64(big) == to_base64(big.astype('<i2')) == form


def test_not_finite() -> None:
    array = np.array([[1.5, np.nan], [np.inf, -np.inf]])
    assert to_lists(array) == [[1.5, 'NaN'], ['Infinity', '-Infinity']]
    for text in ('[[1.5, "NaN"], ["Infinity", "-Infinity"]]', '[[1.5, null], ["Infinity", "-Infinity"]]'):
        np.testing.assert_array_equal(from_json(text), array)
    assert math.isnan(from_json([None], 'float32')[0])
    for bad in (['nan'], ['1.0'], ['Inf'], ['']):
        with pytest.raises(TensorError):
            from_json(bad)
    with pytest.raises(TensorError):
        from_json([None], 'int64')


def test_complex_numbers_keep_the_shape() -> None:
    array = np.array([1 + 2j, complex('nan+infj')])
    assert to_lists(array) == ['(1+2j)', '(nan+infj)']
    assert from_json(to_lists(array)).shape == (2,)
    assert from_json([1, 2.5], 'complex64').tolist() == [1, 2.5]
    with pytest.raises(TensorError):
        from_json(['1+2j'], 'float64')
    with pytest.raises(TensorError):
        from_json(['xj'])


def test_integers_beyond_int64_stay_exact() -> None:
    assert from_json([2**63 + 1, 0]).tolist() == [2**63 + 1, 0]
    assert from_json([[0], [2**64 - 1]], 'uint64').tolist() == [[0], [2**64 - 1]]
    assert from_json([2.0**60, 1]).dtype == np.float64
    assert from_json([2**63, -1]).dtype == np.float64


@pytest.mark.parametrize('shape', [(), (0,), (0, 3), (2, 0), (0, 0), (1, 0, 2)])
def test_arrays_without_values_keep_their_shape(shape: tuple[int, ...]) -> None:
    adapter = TypeAdapter(NdArray)
    array = np.zeros(shape, np.float32)
    assert adapter.validate_json(adapter.dump_json(array.view(NdArray))).shape == shape


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        ([[1, 2], [3]], 'at level 0 item 0 has shape (2,) and item 1 (1,)'),
        ([[[1], [2]], [[1], [2, 3]]], 'at level 1 item 0 has shape (1,) and item 1 (2,)'),
        ([1, [2]], 'at level 0 item 0 has shape () and item 1 (1,)'),
        (['a'], "str 'a' in a list"),
        ([b'a'], 'bytes'),
        ([{}], 'dict'),
        ([object()], 'object'),
        ([2**64], 'beyond 64 bits'),
        ('{', 'JSON'),
        ('3', 'int 3'),
        ('"abc"', 'abc'),
        ('[1,', 'JSON'),
        (3, 'int 3'),
        ({'dtype': 'uint8'}, "'dtype', 'shape'"),
    ],
)
def test_what_is_no_tensor(value: Any, text: str) -> None:
    with pytest.raises(TensorError) as caught:
        from_json(value)
    assert text in str(caught.value)


def test_depth_is_bounded() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    for value in (deep, '[' * 100_000, '[' * 150 + ']' * 150):
        with pytest.raises(TensorError):
            from_json(value)


@pytest.mark.parametrize(
    'form',
    [
        {'dtype': 'float32', 'shape': [2**30], 'data': ''},
        {'dtype': 'float32', 'shape': [2**62, 2**62], 'data': 'AAAA'},
        {'dtype': 'uint8', 'shape': [4], 'data': 'AAAA'},
        {'dtype': 'uint8', 'shape': [2], 'data': 'AAAA'},
        {'dtype': 'uint8', 'shape': [-3], 'data': 'AAAA'},
        {'dtype': 'uint8', 'shape': [3.0], 'data': 'AAAA'},
        {'dtype': 'uint8', 'shape': [True, 3], 'data': 'AAAA'},
        {'dtype': 'uint8', 'shape': 3, 'data': 'AAAA'},
        {'dtype': 'uint8', 'shape': [3], 'data': 'AA!A'},
        {'dtype': 'uint8', 'shape': [3], 'data': 'AAA'},
        {'dtype': 'uint8', 'shape': [3], 'data': 'ÄAAA'},
        {'dtype': 'uint8', 'shape': [3], 'data': b'AAAA'},
        {'dtype': 'uint8', 'shape': [1] * 65, 'data': 'AA=='},
        {'dtype': 'object', 'shape': [1], 'data': 'AAAAAAAAAAA='},
        {'dtype': 'O', 'shape': [0], 'data': ''},
        {'dtype': 'f4', 'shape': [0], 'data': ''},
        {'dtype': 3, 'shape': [0], 'data': ''},
    ],
)
def test_declared_sizes_must_match_the_data(form: dict[str, Any]) -> None:
    with pytest.raises((TensorError, DtypeError)):
        from_json(form)


@pytest.mark.parametrize(
    ('values', 'dtype'),
    [
        ([300], 'uint8'),
        ([-1], 'uint8'),
        ([0.5], 'int64'),
        ([math.inf], 'int64'),
        ([math.nan], 'int8'),
        ([2.0**63], 'int64'),
        ([2**63], 'int64'),
        ([-1], 'uint64'),
        ([2], 'bool'),
        ([0.5], 'bool'),
        ([1e300], 'float32'),
        ([70000], 'float16'),
        ([1j], 'float64'),
        ([1j], 'int64'),
    ],
)
def test_values_that_do_not_fit_are_refused(values: list[Any], dtype: str) -> None:
    with pytest.raises(TensorError, match=f'values that fit {dtype}'):
        from_json(values, dtype)


@pytest.mark.parametrize(
    ('values', 'dtype'),
    [
        ([0, 255], 'uint8'),
        ([1.0, -128.0], 'int8'),
        ([2**64 - 1], 'uint64'),
        ([-(2**63), 2**63 - 1], 'int64'),
        ([True, False], 'uint8'),
        ([0, 1], 'bool'),
        ([0.1, 3e38], 'float32'),
        ([math.inf, -math.inf], 'float16'),
        ([1, 2.5], 'complex64'),
        ([], 'uint8'),
    ],
)
def test_values_that_fit_are_taken(values: list[Any], dtype: str) -> None:
    array = from_json(values, dtype)
    assert array.dtype.name == dtype
    np.testing.assert_allclose(array, values, rtol=1e-3)


@given(hnp.arrays(st.sampled_from([np.int64, np.uint64, np.float64]), 3), st.sampled_from(NUMPY_OWN))
def test_cast_never_changes_an_integer(array: np.ndarray[Any, Any], dtype: str) -> None:
    try:
        made = cast(array, dtype)
    except TensorError:
        return
    assert made.dtype.name == dtype
    if made.dtype.kind in 'biu':
        assert made.tolist() == array.tolist()


# ------------------------------------------------------------------------------- in a document


Small = NdArray[2, 'uint8']


class Page(BaseModel):
    small: Small
    any: AnyTensor | None = None
    rows: dict[str, list[NdArray]] = {}


@pytest.fixture
def page() -> Page:
    return Page(small=[1, 2], any=np.array([1.0, np.nan], np.float32), rows={'a': [np.zeros((2, 2))]})


def test_lists_are_the_default(page: Page) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        text = page.model_dump_json()
        data = page.model_dump(mode='json')
    wanted = {'small': [1, 2], 'any': [1.0, 'NaN'], 'rows': {'a': [[[0.0, 0.0], [0.0, 0.0]]]}}
    assert json.loads(text) == data == wanted
    back = Page.model_validate_json(text)
    assert back.small.dtype == np.uint8
    assert math.isnan(back.any[1])


def test_base64_where_the_context_asks_for_it(page: Page) -> None:
    text = page.model_dump_json(context={'tensors': 'base64'})
    assert json.loads(text)['any']['dtype'] == 'float32'
    back = Page.model_validate_json(text)
    assert same_bits(np.asarray(back.any), np.asarray(page.any))
    assert type(back.any) is NdArray


def test_a_sink_takes_the_tensors(page: Page) -> None:
    taken: list[Any] = []
    data = page.model_dump(mode='json', context={'tensor_sink': taken.append, 'tensor_word': '#'})
    assert data == {'small': '#', 'any': '#', 'rows': {'a': ['#']}}
    assert [id(tensor) for tensor in taken] == [id(page.small), id(page.any), id(page.rows['a'][0])]


def test_python_mode_keeps_the_objects(page: Page) -> None:
    assert page.model_dump()['small'] is page.small


def test_what_was_not_validated_is_written_as_it_is() -> None:
    made = Page.model_construct(small=np.array([3, 4]), any='text')
    assert json.loads(made.model_dump_json()) == {'small': [3, 4], 'any': 'text', 'rows': {}}


def test_a_wrong_value_names_its_place() -> None:
    with pytest.raises(ValidationError) as caught:
        Page.model_validate_json('{"small": [1, 300], "rows": {"a": [[1], "x"]}}')
    assert [fault['loc'] for fault in caught.value.errors()] == [('small',), ('rows', 'a', 1)]


# ------------------------------------------------------------------------------- JSON Schema


@pytest.mark.parametrize(
    ('cls', 'schema'),
    [
        (NdArray, {'type': 'array', 'items': {}, 'tensor/array shape': 'not specified'}),
        (
            NdArray[2],
            {
                'type': 'array',
                'items': {'type': 'number'},
                'minItems': 2,
                'maxItems': 2,
                'tensor/array shape': '[2]',
            },
        ),
        (
            ImageNdArray['h', None, 'uint8'],
            {
                'type': 'array',
                'items': {'type': 'array', 'items': {'type': 'integer'}},
                'tensor/array shape': '[h, None]',
                'tensor/array modality': 'image',
                'tensor/array dtype': 'uint8',
            },
        ),
        (
            AnyTensor['x', ..., 3],
            {
                'type': 'array',
                'items': {'type': 'array', 'items': {}},
                'tensor/array shape': '[x, ..., 3]',
            },
        ),
    ],
)
def test_json_schemas(cls: Any, schema: dict[str, Any]) -> None:
    adapter = TypeAdapter(cls)
    assert adapter.json_schema() == adapter.json_schema(mode='serialization') == schema


Square = NdArray[3, 'x', 'x']
Flags = ImageNdArray[2, 'bool']


class Gallery(BaseModel):
    one: Square
    two: NdArray[..., 3]
    three: Flags | None
    four: list[AnyTensor]
    five: NdArray[()]


def test_json_schemas_are_valid_and_describe_what_is_written() -> None:
    jsonschema = pytest.importorskip('jsonschema')
    schema = Gallery.model_json_schema(mode='serialization')
    jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.warns(UserWarning, match='reshaped'):
        made = Gallery(one=np.zeros((3, 2, 2)), two=np.ones((2, 3)), three=[1, 0], four=[[1]], five=[1])
    jsonschema.validate(json.loads(made.model_dump_json()), schema)


def test_openapi() -> None:
    fastapi = pytest.importorskip('fastapi')
    pytest.importorskip('httpx')
    testclient = pytest.importorskip('fastapi.testclient')
    app = fastapi.FastAPI()

    @app.post('/')
    def twice(page: Page) -> Page:
        return Page(small=page.small * 2)

    client = testclient.TestClient(app)
    shown = client.get('/openapi.json').json()['components']['schemas']
    assert shown['Page']['properties']['small']['tensor/array shape'] == '[2]'
    assert client.post('/', json={'small': [1, 2]}).json()['small'] == [2, 4]
    assert client.post('/', json={'small': [1, 2, 3]}).status_code == 422
