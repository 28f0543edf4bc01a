"""JaxArray: a wrapper and pytree that jax.numpy and jax's transformations take and give back."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Annotated, Any

import cloudpickle
import numpy as np
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

jax = pytest.importorskip('jax')

import jax.numpy as jnp  # noqa: E402

from docarray.errors import DtypeError, TensorError  # noqa: E402
from docarray.typing import (  # noqa: E402
    AnyTensor,
    ImageJaxArray,
    JaxArray,
    JaxArrayEmbedding,
    NdArray,
    Shape,
    VideoJaxArray,
)

FUNCTIONS: list[Any] = [
    jnp.sum,
    jnp.linalg.norm,
    jax.nn.softmax,
    jnp.asarray,
    np.asarray,
    lambda t: jnp.matmul(t, t),
    lambda t: jnp.where(t > 0, t, -t),
    lambda t: jnp.stack([t, jnp.ones((3, 3))]),
    lambda t: jnp.concatenate([t, t]),
    lambda t: jnp.broadcast_to(t, (4, 3, 3)),
    lambda t: jnp.ones((3, 3)) + t,
    lambda t: t + jnp.ones((3, 3)),
    lambda t: 2.0 - t,
    lambda t: np.ones((3, 3), np.float32) * t,
    lambda t: t @ t,
    lambda t: -(abs(t) ** 2) / 3,
    lambda t: jax.jit(jnp.sum)(t),
    lambda t: t.mean(axis=0),
]


@pytest.fixture
def square() -> Any:
    return jnp.arange(9.0).reshape(3, 3)


@pytest.mark.parametrize('function', FUNCTIONS)
def test_functions_take_the_wrapper_as_the_array(function: Any, square: Any) -> None:
    result, wanted = function(JaxArray(tensor=square)), function(square)
    assert type(result) is type(wanted)
    np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize(
    'transform',
    [
        jax.jit(lambda t: t),
        jax.grad(lambda t: jnp.sum(t * t)),
        jax.vmap(lambda t: t),
        lambda t: jax.lax.scan(lambda total, row: (total + jnp.sum(row), row), 0.0, t)[1],
        lambda t: jax.tree.map(lambda leaf: leaf + 1, t),
        jax.device_put,
        jax.block_until_ready,
    ],
)
@pytest.mark.parametrize('cls', [JaxArray, ImageJaxArray, JaxArrayEmbedding])
def test_transformations_give_the_class_back(cls: Any, transform: Any, square: Any) -> None:
    result = transform(cls(square))
    assert type(result) is cls
    np.testing.assert_array_equal(result.tensor, transform(square))


def test_a_subclass_is_a_pytree_too(square: Any) -> None:
    class Mask(ImageJaxArray):
        pass

    made = TypeAdapter(Mask[3, 3]).validate_python(square)
    assert type(made) is type(jax.jit(lambda t: t)(made)) is Mask
    assert type(copy.deepcopy(made)) is Mask


def test_documents_of_leaves(square: Any) -> None:
    doubled = jax.tree.map(lambda leaf: leaf * 2, {'a': [JaxArray(square)], 'b': square})
    assert type(doubled['a'][0]) is JaxArray
    np.testing.assert_array_equal(doubled['a'][0].tensor, doubled['b'])


def test_one_trace_for_all(square: Any) -> None:
    traces = []

    @jax.jit
    def twice(t: Any) -> Any:
        traces.append(t)
        return t * 2

    for number in range(5):
        np.testing.assert_array_equal(twice(JaxArray(square + number)), (square + number) * 2)
    assert len(traces) == 1


def test_validation_inside_jit() -> None:
    @jax.jit
    def checked(t: Any) -> Any:
        return TypeAdapter(JaxArray[3, 'float32']).validate_python(t) * 2

    assert checked(jnp.ones(3)).tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(ValidationError):
        checked(jnp.ones(4))


def test_it_holds_the_very_array(square: Any) -> None:
    made = TypeAdapter(JaxArray[3, 3]).validate_python(square)
    assert made.tensor is made.unwrap() is square
    assert TypeAdapter(JaxArray).validate_python(made) is made
    assert (made.shape, made.dtype, made.ndim, len(made)) == ((3, 3), jnp.float32, 2, 3)
    assert [type(row) for row in made] == [JaxArray] * 3
    assert type(made[0]) is JaxArray
    assert float(made[1, 2]) == 5.0
    assert isinstance(made + 1, jax.Array)
    with pytest.raises(TypeError):
        hash(made)


def test_comparisons_and_truth(square: Any) -> None:
    made = JaxArray(square)
    assert (made == square).all()
    assert not (made != made).any()
    assert (made >= JaxArray(square)).all()
    assert bool(JaxArray(jnp.array(True)))
    with pytest.raises(ValueError):
        bool(made)


def test_writing(square: Any) -> None:
    made = JaxArray(square)
    made[0] = 7
    made[1, 2] = JaxArray(jnp.array(9.0))
    made[2, :2] = jnp.array([1.0, 2.0])
    made[made > 8.5] = 0.0
    assert made.tolist() == [[7.0, 7.0, 7.0], [3.0, 4.0, 0.0], [1.0, 2.0, 8.0]]
    assert square[0, 0] == 0.0


@pytest.mark.parametrize('cls', [JaxArray, ImageJaxArray, JaxArrayEmbedding])
def test_copies_keep_the_class(cls: Any) -> None:
    made = cls(jnp.ones(3))
    copies = [copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))]
    copies.append(cloudpickle.loads(cloudpickle.dumps(made)))
    for other in copies:
        assert type(other) is cls
        other[0] = 5
        assert other.tolist() == [5.0, 1.0, 1.0]
    assert made.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ('value', 'dtype'),
    [
        ([1, 2], jnp.int32),
        ([1.0, 2], jnp.float32),
        ('[1, 2]', jnp.int32),
        (np.zeros(2, np.float32), jnp.float32),
        (NdArray(np.zeros(2, np.uint8)), jnp.uint8),
        (jnp.zeros(2, jnp.bfloat16), jnp.bfloat16),
        ({'dtype': 'uint8', 'shape': [2], 'data': 'AQI='}, jnp.uint8),
    ],
)
def test_dtypes_are_jaxs_own(value: Any, dtype: Any) -> None:
    made = TypeAdapter(JaxArray[2]).validate_python(value)
    assert type(made) is JaxArray
    assert made.dtype == dtype


def test_declared_dtypes() -> None:
    assert JaxArray[2, jnp.uint8] is JaxArray[2, 'uint8']
    assert JaxArray['bfloat16']([1, 2]).dtype == jnp.bfloat16
    with pytest.raises(TensorError):
        JaxArray['uint8']([300])
    with pytest.raises(DtypeError, match='astype'):
        JaxArray['uint8'](jnp.zeros(2))


@pytest.mark.parametrize('value', [1, None, 'a', ['a'], [[1], [2, 3]], b'x', jnp.zeros(2), jnp])
def test_what_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(JaxArray[3]).validate_python(value)
    assert caught.value.error_count() == 1


def test_videos() -> None:
    assert VideoJaxArray(np.zeros((2, 4, 4, 3), np.uint8)).shape == (2, 4, 4, 3)
    with pytest.raises(ValidationError):
        TypeAdapter(VideoJaxArray).validate_python(jnp.zeros((2, 4)))


def test_in_a_document(square: Any) -> None:
    class Page(BaseModel):
        one: Annotated[jax.Array, Shape(3, 'n')]
        two: AnyTensor[3, 3]

    page = Page(one=square, two=square)
    assert type(page.one) is type(page.two) is JaxArray
    assert isinstance(page.two, JaxArray['n', 'n', 'float32'])
    assert not isinstance(page.two, JaxArray[4, ...])
    for context in (None, {'tensors': 'base64'}):
        again = Page.model_validate_json(page.model_dump_json(context=context))
        assert type(again.one) is JaxArray
        assert again.one.tolist() == square.tolist()
    assert pickle.loads(pickle.dumps(JaxArray[3])) is JaxArray[3]


def test_jax_does_not_keep_parametrised_classes() -> None:
    gone = weakref.ref(JaxArray[987, 321])
    gc.collect()
    assert gone() is None
