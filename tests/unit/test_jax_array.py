"""JaxArray in jax: a wrapper and pytree that jax.numpy and jax's transformations take and give back.

What it shares with TensorFlowTensor is in test_wrapped_tensors.py.
"""

from __future__ import annotations

import copy
import gc
import weakref
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

jax = pytest.importorskip('jax')

import jax.numpy as jnp  # noqa: E402

from docarray.typing import (  # noqa: E402
    ImageJaxArray,
    JaxArray,
    JaxArrayEmbedding,
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
    lambda t: jnp.array([t[0], t[1]]),
    lambda t: jnp.asarray([t, t]),
    lambda t: jnp.stack([t, t]),
    lambda t: jnp.full((2,), t[0, 1]),
    lambda t: jnp.einsum('ij,j', t, t[0]),
    lambda t: jnp.take(jnp.arange(20.0), t.astype(int)),
    lambda t: divmod(t, 2)[1],
    lambda t: round(t / 3, 1),
    lambda t: t.astype(int) << 1,
    lambda t: 64 >> t.astype(int),
    lambda t: jnp.zeros((3, 3)).at[0].set(t[1]),
    lambda t: jax.nn.one_hot(t.astype(int), 9),
    lambda t: jax.random.choice(jax.random.key(0), t),
    lambda t: jax.random.categorical(jax.random.key(0), t),
    lambda t: jax.lax.scan(lambda total, row: (total + row, None), jnp.zeros(3), t)[0],
    lambda t: jax.lax.map(jnp.sum, t),
    lambda t: jax.lax.cond(t[0, 1] > 0, jnp.sum, jnp.mean, t),
    lambda t: jax.lax.switch(t[0, 0].astype(int), [jnp.sum, jnp.mean], t),
    lambda t: jax.checkpoint(jnp.sin)(t),
    lambda t: jax.value_and_grad(lambda p: jnp.sum(p * p))(t)[0],
    lambda t: jnp.from_dlpack(t),
    lambda t: jax.pmap(lambda row: row * 2)(t[:1]),
    lambda t: jax.shard_map(lambda row: row * 2, mesh=MESH, in_specs=ROWS, out_specs=ROWS)(t),
    lambda t: jnp.asarray(jax.hessian(lambda row: jnp.sum(row**3))(t[0])),
]
#: What jax looks at the class for; the docstring says so. Should jax begin to take it, say that instead.
NATIVE_ONLY: list[Any] = [
    lambda t: jax.lax.sin(t),
    lambda t: jax.random.permutation(jax.random.key(0), t),
    lambda t: jax.lax.fori_loop(0, 3, lambda _, carry: carry * 2, t),
    lambda t: jax.lax.while_loop(lambda carry: jnp.sum(carry) < 9, lambda carry: carry + 1, t),
    lambda t: jax.lax.scan(lambda carry, _: (jnp.sin(carry), None), t, None, length=2),
]


MESH = jax.sharding.Mesh(np.array(jax.devices()[:1]), ('x',))
ROWS = jax.sharding.PartitionSpec('x')


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
        jax.device_get,
        jax.block_until_ready,
        lambda t: jax.device_put(t, jax.sharding.NamedSharding(MESH, ROWS)),
        lambda t: jax.jit(lambda a: a, donate_argnums=0)(jax.tree.map(jnp.copy, t)),
        lambda t: jax.tree.map(lambda p, g: p - 0.1 * g, t, jax.grad(lambda p: jnp.sum(p**2))(t)),
        lambda t: jax.tree.unflatten(jax.tree.structure(t), jax.tree.leaves(t)),
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


@pytest.mark.parametrize('function', NATIVE_ONLY)
def test_what_wants_the_native_array(function: Any) -> None:
    array = jnp.array([0.0, 1.0, 2.0])
    function(array)
    with pytest.raises((TypeError, ValueError)):
        function(JaxArray(array))


def test_the_brackets_of_another_array_want_the_native_array() -> None:
    index = JaxArray(jnp.array([2, 0]))
    assert jnp.arange(9)[index.tensor].tolist() == [2, 0]
    with pytest.raises((TypeError, ValueError, IndexError)):
        jnp.arange(9)[index]


def test_a_carry_is_wrapped_at_the_end_of_the_body(square: Any) -> None:
    first, made = JaxArray(square[0]), JaxArray(square)
    total, rows = jax.lax.scan(lambda carry, row: (JaxArray(carry + row), row), first, made)
    assert type(total) is type(rows) is JaxArray
    assert total.tolist() == [9.0, 13.0, 17.0]
    doubled = jax.lax.fori_loop(0, 3, lambda _, carry: JaxArray(jnp.add(carry, carry)), made)
    np.testing.assert_array_equal(doubled.tensor, square * 8)


def test_a_training_step(square: Any) -> None:
    """Parameters, gradients and state of an optimizer are trees of one structure."""

    @jax.jit
    def step(params: Any, velocity: Any) -> Any:
        grads = jax.grad(lambda p: jnp.sum((square @ p['w'] + p['b']) ** 2))(params)
        velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, grads)
        return jax.tree.map(lambda p, v: p - 0.001 * v, params, velocity), velocity

    params = {'w': JaxArray(jnp.ones((3, 2))), 'b': JaxArray(jnp.zeros(2))}
    plain = jax.tree.map(jnp.asarray, params, is_leaf=lambda leaf: isinstance(leaf, JaxArray))
    for _ in range(2):
        params, velocity = step(params, jax.tree.map(jnp.zeros_like, params))
        plain, _ = step(plain, jax.tree.map(jnp.zeros_like, plain))
    assert type(params['w']) is type(velocity['b']) is JaxArray
    np.testing.assert_allclose(params['w'].tensor, plain['w'], rtol=1e-6)


def test_paths_of_leaves_have_a_name() -> None:
    ((path, leaf),) = jax.tree_util.tree_leaves_with_path({'a': JaxArray(jnp.ones(2))})
    assert jax.tree_util.keystr(path) == "['a'].tensor"
    assert leaf.shape == (2,)


def test_videos() -> None:
    assert VideoJaxArray(np.zeros((2, 4, 4, 3), np.uint8)).shape == (2, 4, 4, 3)
    with pytest.raises(ValidationError):
        TypeAdapter(VideoJaxArray).validate_python(jnp.zeros((2, 4)))


def test_jax_does_not_keep_parametrised_classes() -> None:
    gone = weakref.ref(JaxArray[987, 321])
    gc.collect()
    assert gone() is None
