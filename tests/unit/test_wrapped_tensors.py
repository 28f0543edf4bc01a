"""What the wrappers of jax and tensorflow share: they hold the very tensor, and act as it."""

from __future__ import annotations

import copy
import operator
import os
import pickle
from typing import Annotated, Any

import cloudpickle
import numpy as np
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from docarray import typing as types
from docarray.errors import DtypeError, TensorError
from docarray.frameworks import get_framework
from docarray.typing import AnyTensor, NdArray, Shape

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')


class World:
    """One framework: its wrapper classes, its native class, and how it makes and traces."""

    def __init__(self, name: str) -> None:
        self.module = pytest.importorskip('jax.numpy' if name == 'jax' else name)
        self.native = pytest.importorskip('jax').Array if name == 'jax' else self.module.Tensor
        self.trace = pytest.importorskip('jax').jit if name == 'jax' else self.module.function
        self.of = get_framework(name).from_numpy
        kind, embedding = {
            'jax': ('JaxArray', 'JaxArrayEmbedding'),
            'tensorflow': ('TensorFlowTensor', 'TensorFlowEmbedding'),
        }[name]
        self.cls: Any = getattr(types, kind)
        self.classes: list[Any] = [self.cls, getattr(types, f'Image{kind}'), getattr(types, embedding)]

    def numbers(self, *values: Any, dtype: str = 'float32') -> Any:
        return self.of(np.array(values, dtype))


@pytest.fixture(params=['jax', 'tensorflow'])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


@pytest.fixture
def square(world: World) -> Any:
    return world.of(np.arange(9, dtype=np.float32).reshape(3, 3))


def lists(value: Any) -> Any:
    return np.asarray(value).tolist()


def test_it_holds_the_very_tensor(world: World, square: Any) -> None:
    made = TypeAdapter(world.cls[3, 3]).validate_python(square)
    assert made.tensor is made.unwrap() is square
    assert TypeAdapter(world.cls).validate_python(made) is made
    assert (made.shape, made.dtype, made.ndim, len(made)) == ((3, 3), square.dtype, 2, 3)
    assert [type(row) for row in made] == [world.cls] * 3
    assert type(made[0]) is world.cls
    assert float(made[1, 2]) == 5.0
    assert type(made + 1) is type(square)
    assert repr(made).startswith(f'{world.cls.__name__}(')
    with pytest.raises(TypeError):
        hash(made)


OPERATORS = [
    'add',
    'sub',
    'mul',
    'truediv',
    'floordiv',
    'mod',
    'pow',
    'matmul',
    'lt',
    'le',
    'gt',
    'ge',
    'eq',
    'ne',
]


@pytest.mark.parametrize('name', OPERATORS)
def test_operators_are_the_tensors_own(world: World, square: Any, name: str) -> None:
    function, other = getattr(operator, name), square + 1
    made, wanted = world.cls(square), function(square, other)
    for result in (
        function(made, other),
        function(square, world.cls(other)),
        function(made, world.cls(other)),
    ):
        assert type(result) is type(wanted)
        np.testing.assert_array_equal(result, wanted)


def test_truth_numbers_and_formats(world: World, square: Any) -> None:
    made = world.cls(square)
    assert bool(world.cls(world.of(np.array(True))))
    with pytest.raises(ValueError):
        bool(made)
    one = world.cls(world.of(np.array(1)))
    assert [10, 11, 12][one] == 11
    assert (int(one), float(one), f'{one:03d}', f'{world.cls(world.of(np.array(1.5))):.2f}') == (
        1,
        1.0,
        '001',
        '1.50',
    )
    assert f'{made}' == str(made)


def test_rows_by_lists_masks_and_wrapped_numbers(world: World, square: Any) -> None:
    made = world.cls(square)
    whole, mask = world.cls(world.numbers(2, -3, dtype='int32')), world.cls(made > 3.5)
    one = world.cls(world.of(np.array(1, np.int32)))
    array = np.asarray(square)
    for index, wanted in [
        (whole, array[[2, -3]]),
        (np.array([2, 0]), array[[2, 0]]),
        (world.cls(world.numbers(True, False, True, dtype='bool')), array[[0, 2]]),
        (mask, array[array > 3.5]),
        ((one, one), array[1, 1]),
        ((..., one), array[..., 1]),
        (slice(one, None), array[1:]),
        (one, array[1]),
    ]:
        assert type(made[index]) is world.cls
        assert lists(made[index]) == wanted.tolist()


def test_writing(world: World, square: Any) -> None:
    made, one = world.cls(square), world.cls(world.of(np.array(1, np.int32)))
    made[0] = 7
    made[one, 2] = world.cls(world.of(np.array(9, np.float32)))
    made[2, :2] = world.numbers(1, 2)
    made[made > 8.5] = 0.0
    assert lists(made) == [[7.0, 7.0, 7.0], [3.0, 4.0, 0.0], [1.0, 2.0, 8.0]]
    assert lists(square)[0] == [0.0, 1.0, 2.0]


def test_what_is_read_is_what_was_written(world: World, square: Any) -> None:
    for index in (np.array([0, 2]), world.cls(world.numbers(0, 2, dtype='int32'))):
        made = world.cls(square)
        made[index] = 5
        assert lists(made) == [[5.0] * 3, [3.0, 4.0, 5.0], [5.0] * 3]
        assert lists(made[index]) == [[5.0] * 3] * 2


def test_dlpack(world: World, square: Any) -> None:
    made = world.cls(square)
    np.testing.assert_array_equal(np.from_dlpack(made), square)
    torch = pytest.importorskip('torch')
    assert torch.from_dlpack(made).tolist() == lists(square)


def test_copies_keep_the_class(world: World) -> None:
    for cls in world.classes:
        made = cls(world.numbers(1, 1, 1))
        copies = [copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))]
        copies.append(cloudpickle.loads(cloudpickle.dumps(made)))
        for other in copies:
            assert type(other) is cls
            assert lists(other) == [1.0, 1.0, 1.0]
            other[0] = 5
            assert lists(other) == [5.0, 1.0, 1.0]
        assert lists(made) == [1.0, 1.0, 1.0]
    assert pickle.loads(pickle.dumps(world.cls[3])) is world.cls[3]


@pytest.mark.parametrize(
    ('value', 'dtype'),
    [
        ([1, 2], 'int32'),
        ([1.0, 2], 'float32'),
        ('[1, 2]', 'int32'),
        ([2**40, 1], 'int64'),
        (np.zeros(2), 'float64'),
        (np.zeros(2, np.float32), 'float32'),
        (NdArray(np.zeros(2, np.uint8)), 'uint8'),
        ({'dtype': 'uint8', 'shape': [2], 'data': 'AQI='}, 'uint8'),
    ],
)
def test_dtypes_are_the_frameworks_own(world: World, value: Any, dtype: str) -> None:
    made = TypeAdapter(world.cls[2]).validate_python(value)
    assert type(made) is world.cls
    assert made.dtype.name == dtype


def test_declared_dtypes(world: World) -> None:
    assert world.cls[2, world.module.uint8] is world.cls[2, 'uint8']
    assert world.cls['bfloat16']([1, 2]).dtype == world.module.bfloat16
    assert world.cls(world.module.zeros(2, world.module.bfloat16)).dtype == world.module.bfloat16
    with pytest.raises(TensorError):
        world.cls['uint8']([300])
    with pytest.raises(DtypeError, match=r"tf\.cast\(value, 'uint8'\)|value\.astype\('uint8'\)"):
        world.cls['uint8'](world.numbers(0, 0))


@pytest.mark.parametrize('value', [1, None, 'a', ['a'], [[1], [2, 3]], b'x', np.zeros(2), np])
def test_what_is_refused(world: World, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(world.cls[3]).validate_python(value)
    assert caught.value.error_count() == 1


def test_in_a_document(world: World, square: Any) -> None:
    class Page(BaseModel):
        one: Annotated[world.native, Shape(3, 'n')]  # type: ignore[name-defined]
        two: AnyTensor[3, 3]

    page = Page(one=square, two=square)
    assert type(page.one) is type(page.two) is world.cls
    assert isinstance(page.two, world.cls['n', 'n', 'float32'])
    assert not isinstance(page.two, world.cls[4, ...])
    for context in (None, {'tensors': 'base64'}):
        again = Page.model_validate_json(page.model_dump_json(context=context))
        assert type(again.one) is world.cls
        assert lists(again.one) == lists(square)


def test_one_trace_for_all(world: World, square: Any) -> None:
    traces = []

    @world.trace
    def twice(t: Any) -> Any:
        traces.append(t)
        return t * 2

    for number in range(5):
        np.testing.assert_array_equal(twice(world.cls(square + number)), (square + number) * 2)
    assert len(traces) == 1


def test_validation_inside_a_trace(world: World) -> None:
    @world.trace
    def checked(t: Any) -> Any:
        return TypeAdapter(world.cls[3, 'float32']).validate_python(t) * 2

    assert lists(checked(world.numbers(1, 1, 1))) == [2.0, 2.0, 2.0]
    with pytest.raises(Exception, match=r'wanted \(3,\)'):  # tensorflow puts it into an error of its own
        checked(world.numbers(1, 1, 1, 1))
