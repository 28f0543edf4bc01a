"""TensorFlowTensor in tensorflow: a wrapper that tensorflow and Keras take as a tensor of their own.

What it shares with JaxArray is in test_wrapped_tensors.py.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
tf = pytest.importorskip('tensorflow')

from docarray.typing import (  # noqa: E402
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
    lambda t: tf.stack([t, t]),
    lambda t: tf.nest.map_structure(lambda leaf: leaf * 2, {'a': [t]})['a'][0],
    lambda t: next(iter(tf.data.Dataset.from_tensor_slices({'x': t}).batch(2)))['x'],
    lambda t: next(iter(tf.data.Dataset.range(1).map(lambda _: t))),
    lambda t: tf.gather(tf.range(9.0), tf.cast(t, tf.int32)),
    lambda t: tf.boolean_mask(t, t > 3),
    lambda t: tf.Variable(tf.zeros((3, 3))).assign(t).read_value(),
    lambda t: tf.Variable(tf.zeros((3, 3))).assign_add(t).read_value(),
    lambda t: tf.while_loop(lambda n, x: n < 3, lambda n, x: (n + 1, x * 2), [tf.constant(0), t])[1],
    lambda t: tf.scan(lambda total, row: total + row, t),
    lambda t: tf.cond(t[0, 1] > 0, lambda: t + 1, lambda: t),
    lambda t: tf.function(lambda d: d['a'] * 2)({'a': t}),
    lambda t: tf.function(lambda x: x @ x, jit_compile=True)(t),
    lambda t: tf.io.parse_tensor(tf.io.serialize_tensor(t), tf.float32),
    lambda t: tf.add_n([t, t]),
    lambda t: tf.clip_by_norm(t, 1.0),
]
#: What tensorflow looks at the class for; the docstring says so. Should it begin to take it, say that.
NATIVE_ONLY: list[Any] = [
    lambda t: watched(t),
    lambda t: tf.convert_to_tensor([t, t]),
    lambda t: tf.TensorSpec.from_tensor(t),
    lambda t: tf.experimental.numpy.sum(t),
    lambda t: tf.experimental.dlpack.to_dlpack(t),
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


def watched(t: Any) -> None:
    with tf.GradientTape() as tape:
        tape.watch(t)


@pytest.mark.parametrize('function', NATIVE_ONLY)
def test_what_wants_the_native_tensor(function: Any, square: Any) -> None:
    function(square)
    with pytest.raises((TypeError, ValueError, tf.errors.InvalidArgumentError)):
        function(TensorFlowTensor(square))


def test_places_in_other_tensors(square: Any) -> None:
    one = TensorFlowTensor(tf.constant(1))
    np.testing.assert_array_equal(square[one], square[1])
    np.testing.assert_array_equal(square[one:, one], square[1:, 1])
    np.testing.assert_array_equal(
        tf.gather(square, TensorFlowTensor(tf.constant([2, 0]))), [[6, 7, 8], [0, 1, 2]]
    )


def test_lists_name_rows_as_in_numpy(square: Any) -> None:
    made = TensorFlowTensor(square)
    made[[0, 2]] = 5.0
    assert made[[0, 2]].numpy().tolist() == [[5.0] * 3] * 2
    assert made[[True, False, False]].numpy().tolist() == [[5.0] * 3]
    assert tf.function(lambda t: TensorFlowTensor(t)[[-1]].tensor)(square).numpy().tolist() == [
        [6.0, 7.0, 8.0]
    ]


def test_variables_and_text() -> None:
    made = TypeAdapter(TensorFlowTensor[2]).validate_python(tf.Variable([1.0, 2.0]))
    assert type(made) is TensorFlowTensor
    with pytest.raises(ValidationError):
        TypeAdapter(TensorFlowTensor).validate_python(tf.constant(['a', 'b']))


def test_the_example_that_earlier_versions_could_not_run() -> None:
    t = TensorFlowTensor(tensor=tf.zeros((224, 224)))
    assert tf.broadcast_to(t, (3, 224, 224)).shape == (3, 224, 224)
    assert tf.broadcast_to(t.tensor, (3, 224, 224)).shape == (3, 224, 224)
    assert tf.broadcast_to(t.unwrap(), (3, 224, 224)).shape == (3, 224, 224)


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
    np.testing.assert_allclose(model(made), model(square))
    weights = TensorFlowTensor(tf.ones(3))
    assert model.fit(made, target, sample_weight=weights, validation_data=(made, target), verbose=0)
    assert model.fit(tf.data.Dataset.from_tensors((made, target)), verbose=0)
    assert np.isfinite(model.fit(made, target, verbose=0).history['loss']).all()
    assert model.predict(made, verbose=0).shape == (3, 1)
    with tf.GradientTape() as tape:
        tape.watch(made.tensor)
        result = tf.reduce_sum(layer(made))
    assert tape.gradient(result, made.tensor) is not None
