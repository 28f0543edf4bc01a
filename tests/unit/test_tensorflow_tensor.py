"""TensorFlowTensor: a wrapper that tensorflow and Keras take as a tensor of their own."""

from __future__ import annotations

import copy
import os
import pickle
from typing import Annotated, Any

import cloudpickle
import numpy as np
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
tf = pytest.importorskip('tensorflow')

from docarray.errors import DtypeError, TensorError  # noqa: E402
from docarray.typing import (  # noqa: E402
    AnyTensor,
    ImageTensorFlowTensor,
    NdArray,
    Shape,
    TensorFlowEmbedding,
    TensorFlowTensor,
)

FUNCTIONS: list[Any] = [
    tf.reduce_sum,
    tf.nn.softmax,
    tf.io.serialize_tensor,
    tf.Variable,
    tf.convert_to_tensor,
    np.asarray,
    lambda t: tf.broadcast_to(t, (4, 3, 3)),
    lambda t: tf.concat([t, t], 0),
    lambda t: tf.stack([t, tf.ones((3, 3))]),
    lambda t: tf.matmul(t, t),
    lambda t: tf.where(t > 0, t, -t),
    lambda t: tf.cast(t, tf.int32),
    lambda t: tf.gather(t, [0, 2]),
    lambda t: tf.raw_ops.Sum(input=t, axis=0),
    lambda t: tf.image.resize(t[:, :, None], (6, 6)),
    lambda t: tf.ones((3, 3)) + t,
    lambda t: t + tf.ones((3, 3)),
    lambda t: 2.0 - t,
    lambda t: np.ones((3, 3), np.float32) * t,
    lambda t: t @ t,
    lambda t: -(abs(t) ** 2) / 3,
    lambda t: tf.vectorized_map(tf.reduce_sum, t),
    lambda t: tf.map_fn(tf.reduce_sum, t),
    lambda t: next(iter(tf.data.Dataset.from_tensor_slices(t).batch(3))),
    lambda t: next(iter(tf.data.Dataset.from_tensors(t))),
    lambda t: tf.py_function(lambda x: x * 2, [t], tf.float32),
    lambda t: t.numpy(),
]


@pytest.fixture
def square() -> Any:
    return tf.reshape(tf.range(9.0), (3, 3))


@pytest.mark.parametrize('function', FUNCTIONS)
def test_functions_take_the_wrapper_as_the_tensor(function: Any, square: Any) -> None:
    made = TensorFlowTensor(tensor=square)
    result, wanted = function(made), function(square)
    assert type(result) is type(wanted)
    if wanted.dtype != tf.string:
        np.testing.assert_array_equal(np.asarray(result), np.asarray(wanted))


def test_the_example_that_earlier_versions_could_not_run() -> None:
    t = TensorFlowTensor(tensor=tf.zeros((224, 224)))
    assert tf.broadcast_to(t, (3, 224, 224)).shape == (3, 224, 224)
    assert tf.broadcast_to(t.tensor, (3, 224, 224)).shape == (3, 224, 224)
    assert tf.broadcast_to(t.unwrap(), (3, 224, 224)).shape == (3, 224, 224)


def test_it_holds_the_very_tensor(square: Any) -> None:
    made = TypeAdapter(TensorFlowTensor[3, 3]).validate_python(square)
    assert made.tensor is made.unwrap() is square
    assert TypeAdapter(TensorFlowTensor).validate_python(made) is made
    assert made.shape == (3, 3)
    assert made.dtype == tf.float32
    assert len(made) == 3
    assert [type(row) for row in made] == [TensorFlowTensor] * 3
    assert type(made[0]) is TensorFlowTensor
    assert float(made[1, 2]) == 5.0
    assert type(made + 1) is type(square)
    assert 'TensorFlowTensor(' in repr(made)


def test_comparisons_and_truth(square: Any) -> None:
    made = TensorFlowTensor(square)
    assert bool(tf.reduce_all(made == square))
    assert not bool(tf.reduce_any(made != made))
    assert int(tf.reduce_sum(tf.cast(made >= 4, tf.int32))) == 5
    assert bool(TensorFlowTensor(tf.constant(True)))
    with pytest.raises(ValueError):
        bool(made)
    with pytest.raises(TypeError):
        hash(made)
    assert [10, 11, 12][TensorFlowTensor(tf.constant(1))] == 11


def test_one_trace_for_all(square: Any) -> None:
    traces = []

    @tf.function
    def twice(t: Any) -> Any:
        traces.append(t)
        return t * 2

    for _ in range(5):
        assert twice(TensorFlowTensor(square + 1)).shape == (3, 3)
    assert len(traces) == 1


def test_signatures(square: Any) -> None:
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32)])
        def rows(self, t: Any) -> Any:
            return tf.reduce_sum(t, axis=1)

    assert Module().rows(TensorFlowTensor(square)).numpy().tolist() == [3.0, 12.0, 21.0]


def test_gradients(square: Any) -> None:
    made = TensorFlowTensor(square)
    function = tf.function(lambda t: t * t)
    for square_of in (lambda t: t * t, tf.square, function):
        with tf.GradientTape() as tape:
            tape.watch(made.tensor)
            result = tf.reduce_sum(square_of(made))
        np.testing.assert_allclose(tape.gradient(result, made.tensor), 2 * square)


def test_keras(square: Any) -> None:
    keras = pytest.importorskip('keras')
    made, target = TensorFlowTensor(square), TensorFlowTensor(tf.ones((3, 1)))
    layer = keras.layers.Dense(1)
    np.testing.assert_allclose(layer(made), layer(square))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(loss='mse', optimizer='sgd')
    assert np.isfinite(model.fit(made, target, verbose=0).history['loss']).all()
    assert model.predict(made, verbose=0).shape == (3, 1)
    with tf.GradientTape() as tape:
        tape.watch(made.tensor)
        result = tf.reduce_sum(layer(made))
    assert tape.gradient(result, made.tensor) is not None


def test_writing(square: Any) -> None:
    made = TensorFlowTensor(square)
    made[0] = 7
    made[1, 2] = TensorFlowTensor(tf.constant(9.0))
    made[2, :2] = [1.0, 2.0]
    assert made.numpy().tolist() == [[7.0, 7.0, 7.0], [3.0, 4.0, 9.0], [1.0, 2.0, 8.0]]
    assert square[0, 0] == 0.0


@pytest.mark.parametrize('cls', [TensorFlowTensor, ImageTensorFlowTensor, TensorFlowEmbedding])
def test_copies_keep_the_class(cls: Any) -> None:
    made = cls(tf.ones(3))
    copies = [copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))]
    copies.append(cloudpickle.loads(cloudpickle.dumps(made)))
    for other in copies:
        assert type(other) is cls
        assert other.numpy().tolist() == [1.0, 1.0, 1.0]
        other[0] = 5
    assert made.numpy().tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ('value', 'dtype'),
    [
        ([1, 2], tf.int32),
        ([1.0, 2], tf.float32),
        ([2**40, 1], tf.int64),
        ('[1, 2]', tf.int32),
        (np.zeros(2), tf.float64),
        (NdArray(np.zeros(2, np.uint8)), tf.uint8),
        (tf.zeros(2, tf.bfloat16), tf.bfloat16),
        (tf.Variable([1.0, 2.0]), tf.float32),
    ],
)
def test_dtypes_are_tensorflows_own(value: Any, dtype: Any) -> None:
    made = TypeAdapter(TensorFlowTensor[2]).validate_python(value)
    assert type(made) is TensorFlowTensor
    assert made.dtype == dtype


def test_declared_dtypes() -> None:
    assert TensorFlowTensor[2, tf.uint8] is TensorFlowTensor[2, 'uint8']
    assert TensorFlowTensor['bfloat16']([1, 2]).dtype == tf.bfloat16
    with pytest.raises(TensorError):
        TensorFlowTensor['uint8']([300])
    with pytest.raises(DtypeError, match=r"tf\.cast\(value, 'uint8'\)"):
        TensorFlowTensor['uint8'](tf.zeros(2))


@pytest.mark.parametrize(
    'value', [1, None, 'a', ['a'], [[1], [2, 3]], b'x', tf.zeros(2), tf.constant(['a', 'b', 'c'])]
)
def test_what_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(TensorFlowTensor[3]).validate_python(value)
    assert caught.value.error_count() == 1


def test_in_a_document(square: Any) -> None:
    class Page(BaseModel):
        one: Annotated[tf.Tensor, Shape(3, 'n')]
        two: AnyTensor[3, 3]

    page = Page(one=square, two=square)
    assert type(page.one) is type(page.two) is TensorFlowTensor
    assert isinstance(page.two, TensorFlowTensor['n', 'n', 'float32'])
    assert not isinstance(page.two, TensorFlowTensor[4, ...])
    for context in (None, {'tensors': 'base64'}):
        again = Page.model_validate_json(page.model_dump_json(context=context))
        assert type(again.one) is TensorFlowTensor
        assert again.one.numpy().tolist() == square.numpy().tolist()
    assert pickle.loads(pickle.dumps(TensorFlowTensor[3])) is TensorFlowTensor[3]


def test_inside_a_traced_function() -> None:
    @tf.function
    def checked(t: Any) -> Any:
        return TypeAdapter(TensorFlowTensor[3, 'float32']).validate_python(t) * 2

    assert checked(tf.ones(3)).numpy().tolist() == [2.0, 2.0, 2.0]
