"""The contract of framework adapters: the same edges for all of them, with numpy as the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal, assert_no_warnings, assert_raises

from docarray.errors import (
    DtypeError,
    MissingExtraError,
    QueryError,
    ShapeError,
    StackError,
    TensorError,
    UnsupportedError,
)
from docarray.frameworks import Framework
from docarray.frameworks._rules import numpy_dtype

__all__ = ['FrameworkContract']

Array = np.ndarray[Any, Any]

_many = settings(
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)
_shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
_tables = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)
_score_dtypes = ('float16', 'float32', 'float64', 'int8', 'uint8', 'int64', 'bool')
_metric_dtypes = ('float16', 'float32', 'float64', 'int8', 'uint8', 'int32', 'int64')

#: What an array may look like in memory; each takes an array of at least one axis.
_LAYOUTS = {
    'transposed': lambda array: array.T,
    'backwards': lambda array: array[::-1],
    'every other': lambda array: array.repeat(2, axis=0)[::2],
    'repeated': lambda array: np.broadcast_to(array, (2, *array.shape)),
    'read-only': lambda array: _read_only(array),
    'other byte order': lambda array: array.astype(array.dtype.newbyteorder()),
    'unaligned': lambda array: _unaligned(array),
}


class FrameworkContract:
    """What every framework adapter must do; subclass it in a test module and pytest runs it.

    Attributes:
        framework: The adapter under test.
        dtypes: The dtypes that the framework can hold; bfloat16 is left out without ml_dtypes.
        mutable: Whether tensors can be written to. Then ``from_numpy`` shares memory and ``put``
            writes in place; else ``from_numpy`` copies and ``put`` leaves its argument as it was.

    Example:
        >>> from docarray.frameworks.numpy import NumpyFramework
        >>> class TestNumpyFramework(FrameworkContract):
        ...     framework = NumpyFramework()
        ...     mutable = True
        >>> TestNumpyFramework().test_top_k()
    """

    framework: Framework
    mutable: bool = False
    dtypes: tuple[str, ...] = (
        'bool',
        'int8',
        'int16',
        'int32',
        'int64',
        'uint8',
        'uint16',
        'uint32',
        'uint64',
        'float16',
        'bfloat16',
        'float32',
        'float64',
        'complex64',
        'complex128',
    )

    # what a tensor is

    def test_matches(self) -> None:
        """Native tensors are recognised, other things are not."""
        fw = self.framework
        assert isinstance(fw.name, str)
        assert fw.matches(fw.from_numpy(np.zeros((2, 3), np.float32)))
        assert not any(fw.matches(value) for value in (None, 1, 1.5, 'text', b'', [1.0], {}, np.float32(1)))

    @_many
    @given(st.data())
    def test_round_trip(self, data: st.DataObject) -> None:
        """Every dtype and shape comes back from the framework bit by bit."""
        array = data.draw(_arrays(self.dtypes))
        self._check(self.framework.from_numpy(array), array)

    @_many
    @given(st.data(), st.sampled_from(sorted(_LAYOUTS)))
    def test_round_trip_of_any_layout(self, data: st.DataObject, layout: str) -> None:
        """Arrays of any strides, byte order and alignment are taken, without a warning."""
        array = _LAYOUTS[layout](data.draw(_arrays(self.dtypes, _tables)))
        with assert_no_warnings():
            tensor = self.framework.from_numpy(array)
        self._check(tensor, array.astype(array.dtype.newbyteorder('=')))

    def test_from_numpy_of_no_numbers(self) -> None:
        """Text, objects, dates and records are no tensors."""
        for array in (np.array(['a']), np.array([None]), np.array(['2020-01-01'], 'M8[D]'), np.zeros(2, 'i4,f4')):
            assert_raises(DtypeError, self.framework.from_numpy, array)

    def test_from_numpy_shares_memory_or_copies(self) -> None:
        """Writing to the array afterwards changes the tensor always or never, never by luck."""
        for offset in range(0, 64, 4):
            array = np.zeros(64 + 16, np.uint8)[offset : offset + 16].view(np.float32)
            tensor = self.framework.from_numpy(array)
            array[:] = 7
            assert_array_equal(self.framework.to_numpy(tensor), array if self.mutable else array * 0)

    def test_from_numpy_never_makes_read_only_memory_writable(self) -> None:
        """A tensor made of a read-only array does not let it be written to."""
        array = _read_only(np.zeros(4, np.float32))
        tensor = self.framework.from_numpy(array)
        self.framework.put(tensor, 0, 1.0)
        assert_array_equal(array, np.zeros(4))

    def test_to_numpy_shares_memory(self) -> None:
        """Reading a tensor of the CPU costs no copy."""
        for dtype in self._dtypes():
            tensor = self.framework.from_numpy(np.zeros((3, 4), numpy_dtype(dtype)))
            first, second = self.framework.to_numpy(tensor), self.framework.to_numpy(tensor)
            assert type(first) is np.ndarray
            assert first.ctypes.data == second.ctypes.data, dtype
            assert first.flags.writeable == self.mutable

    def test_asarray(self) -> None:
        """Lists and numbers become tensors; a dtype asked for is the dtype given."""
        fw = self.framework
        for value, shape in (([[1, 2], [3, 4]], (2, 2)), (3, ()), (True, ()), ([0.5], (1,)), ([], (0,))):
            made = fw.asarray(value)
            assert fw.matches(made)
            assert fw.shape(made) == shape
            assert_array_equal(fw.to_numpy(made), np.array(value))
        assert fw.is_floating(fw.asarray([0.5]))
        for dtype in self._dtypes():
            self._check(fw.asarray([[1, 0]], dtype), np.array([[1, 0]], numpy_dtype(dtype)))

    def test_asarray_of_no_numbers(self) -> None:
        """Ragged lists, text and objects are refused."""
        for value in ([[1], [2, 3]], ['a'], 'a', None, [None], object()):
            assert_raises(TensorError, self.framework.asarray, value)

    def test_dtype(self) -> None:
        """Dtypes have their full names, and floating ones are known."""
        fw = self.framework
        for dtype in self._dtypes():
            tensor = fw.empty((2,), dtype)
            assert fw.dtype(tensor) == dtype
            assert fw.is_floating(tensor) is ('float' in dtype)
        for wrong in ('f4', 'float', 'long', 'object', 'string', 'nothing'):
            assert_raises(DtypeError, fw.empty, (2,), wrong)
            assert_raises(DtypeError, fw.cast, fw.empty((2,)), wrong)

    def test_empty(self) -> None:
        """A new tensor is zeros of a floating dtype, unless told otherwise."""
        fw = self.framework
        for shape in ((), (0, 4), (2, 3)):
            assert fw.is_floating(fw.empty(shape))
            for dtype in self._dtypes():
                self._check(fw.empty(shape, dtype, 'cpu'), np.zeros(shape, numpy_dtype(dtype)))

    def test_device(self) -> None:
        """A tensor stays the same object on its own device; an unknown device is an error."""
        fw = self.framework
        tensor = fw.empty((2, 3), device='cpu')
        assert isinstance(fw.device(tensor), str)
        assert fw.to_device(tensor, 'cpu') is tensor
        assert fw.to_device(tensor, fw.device(tensor)) is tensor
        assert_raises(UnsupportedError, fw.to_device, tensor, 'no such device')
        assert_raises(UnsupportedError, fw.empty, (2,), None, 'no such device')

    # rows

    @_many
    @given(st.data(), st.integers(1, 3))
    def test_stack_and_concat(self, data: st.DataObject, n: int) -> None:
        """Rows become one tensor of their dtype, and tensors are joined."""
        array = data.draw(_arrays(self.dtypes))
        tensors = [self.framework.from_numpy(array) for _ in range(n)]
        self._check(self.framework.stack(tensors), np.stack([array] * n))
        if array.ndim:
            self._check(self.framework.concat(tensors), np.concatenate([array] * n))

    def test_stack_of_what_does_not_fit(self) -> None:
        """No row, rows of several shapes and rows of several dtypes make no column."""
        fw = self.framework
        row, wide = fw.from_numpy(np.zeros((2, 3), np.float32)), fw.from_numpy(np.zeros((2, 4), np.float32))
        for rows in ([], [row, wide], [row, fw.cast(row, 'int32')]):
            assert_raises(StackError, fw.stack, rows)
            assert_raises(StackError, fw.concat, rows)

    @_many
    @given(st.data())
    def test_take(self, data: st.DataObject) -> None:
        """Rows come by number, repeated and in any order; no number gives no row."""
        array = data.draw(_arrays(self.dtypes, _tables))
        numbers = data.draw(st.lists(st.integers(0, len(array) - 1), max_size=5))
        tensor = self.framework.from_numpy(array)
        expected = array[np.array(numbers, np.int64)]
        self._check(self.framework.take(tensor, np.array(numbers, np.int64)), expected)
        self._check(self.framework.take(tensor, np.array(numbers)), expected)

    def test_take_of_no_row(self) -> None:
        """A number past the end is an error, also where the framework itself would clip it."""
        tensor = self.framework.from_numpy(np.zeros((3, 2), np.float32))
        assert_raises(IndexError, self.framework.take, tensor, np.array([0, 3]))

    @_many
    @given(st.data())
    def test_put(self, data: st.DataObject) -> None:
        """Rows are written by number, slice, list or mask."""
        before = data.draw(_arrays(self.dtypes, _tables))
        n = len(before)
        index: Any = data.draw(
            st.integers(-n, n - 1)
            | st.slices(n)
            | st.lists(st.integers(0, n - 1), unique=True)
            | st.lists(st.integers(0, n - 1), unique=True).map(lambda rows: np.array(rows, np.int64))
            | hnp.arrays(np.bool_, n)
        )
        value = np.ones(before[index].shape, before.dtype)
        expected = before.copy()
        expected[index] = value
        tensor = self.framework.from_numpy(before.copy())
        after = self.framework.put(tensor, index, self.framework.from_numpy(value))
        self._check(after, expected)
        self._check(tensor, expected if self.mutable else before)
        self._check(self.framework.put(tensor, index, 1), expected)

    def test_put_of_what_does_not_fit(self) -> None:
        """A value of the wrong shape and a row that is not there are errors."""
        fw = self.framework
        tensor, value = fw.empty((3, 2), 'float32'), fw.empty((5,), 'float32')
        assert_raises(ShapeError, fw.put, tensor, 0, value)
        assert_raises(ShapeError, fw.put, tensor, slice(0, 2), value)
        assert_raises(IndexError, fw.put, tensor, 3, 1.0)
        assert_raises(IndexError, fw.put, tensor, [0, 3], 1.0)
        assert_raises(IndexError, fw.put, tensor, np.array([True, False]), 1.0)

    @_many
    @given(st.data())
    def test_reshape(self, data: st.DataObject) -> None:
        """A shape of the same size can be given, another cannot."""
        array = data.draw(_arrays(self.dtypes))
        tensor = self.framework.from_numpy(array)
        self._check(self.framework.reshape(tensor, (1, array.size)), array.reshape(1, array.size))
        assert_raises(ShapeError, self.framework.reshape, tensor, (array.size + 1,))

    def test_cast(self) -> None:
        """Whole numbers and booleans keep their value in every dtype that has them."""
        array = np.array([[0, 1, 2], [3, 4, 5]])
        for source in self._dtypes():
            start = array.astype(numpy_dtype(source))
            for target in self._dtypes():
                if source.startswith('complex') and not target.startswith('complex'):
                    continue
                expected = start.astype(numpy_dtype(target))
                self._check(self.framework.cast(self.framework.from_numpy(start), target), expected)

    # values

    @_many
    @given(st.data())
    def test_equal(self, data: st.DataObject) -> None:
        """Equal are the same values in the same shape, NaN among them."""
        fw = self.framework
        array = data.draw(_arrays(self.dtypes))
        assert fw.equal(fw.from_numpy(array), fw.from_numpy(array.copy())) is True
        assert fw.equal(fw.from_numpy(array), fw.from_numpy(array[None])) is False
        if array.size:
            other = array.copy()
            other.flat[-1] = 0 if other.flat[-1] else 1
            assert fw.equal(fw.from_numpy(array), fw.from_numpy(other)) is False

    def test_equal_of_unlike_things(self) -> None:
        """Dtypes may differ, -0.0 is 0.0, NaN is only NaN, and other things are not equal."""
        fw = self.framework
        ones = fw.from_numpy(np.ones(2, np.float32))
        for dtype in self._dtypes():
            assert fw.equal(fw.from_numpy(np.ones(2, numpy_dtype(dtype))), ones) is True, dtype
            assert fw.equal(fw.from_numpy(np.zeros(2, numpy_dtype(dtype))), ones) is False, dtype
        assert fw.equal(fw.from_numpy(np.array([-0.0])), fw.from_numpy(np.array([0.0]))) is True
        assert fw.equal(fw.from_numpy(np.array([np.nan])), fw.from_numpy(np.array([0.0]))) is False
        assert not any(fw.equal(ones, other) or fw.equal(other, ones) for other in (None, [1.0, 1.0], 1.0, 'x'))

    @_many
    @given(st.data(), st.integers(0, 6), st.booleans())
    def test_top_k(self, data: st.DataObject, k: int, descending: bool) -> None:
        """The best k, in order, ties by index, NaN last, and no more than there are."""
        dtype = np.dtype(data.draw(st.sampled_from(_score_dtypes)))
        elements = st.sampled_from(_scores(dtype))
        shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6))
        self._check_top_k(data.draw(hnp.arrays(dtype, shape, elements=elements)), k, descending)

    def test_top_k_of_many(self) -> None:
        """As above for rows that are long enough for a partial sort, with and without ties."""
        for seed, kinds in ((0, 3), (1, 40), (2, 10**6)):
            values = np.random.default_rng(seed).integers(0, kinds, (4, 300)).astype(np.float32)
            values[1, ::2] = np.nan
            values[2] = np.nan
            for descending in (False, True):
                for k in (1, 7, 299, 300, 301):
                    self._check_top_k(values, k, descending)

    def test_top_k_of_no_scores(self) -> None:
        """Scores are (n, m), and k is no less than 0."""
        fw = self.framework
        assert_raises(QueryError, fw.top_k, fw.empty((3,)), 1)
        assert_raises(QueryError, fw.top_k, fw.empty((3, 3)), -1)

    @_many
    @given(st.data())
    def test_metrics(self, data: st.DataObject) -> None:
        """All pairs are measured, (n, m) whatever n and m are."""
        n, m, d = (data.draw(st.integers(0, 3)) for _ in range(3))
        x, y = (data.draw(_rows((rows, d))) for rows in (n, m))
        self._check_metrics(x, y)

    @_many
    @given(st.sampled_from(_metric_dtypes), st.floats(1e-9, 1e-3))
    @example('float32', 1e-7)
    def test_metrics_of_zero_vectors(self, dtype: str, eps: float) -> None:
        """The cosine with a zero vector is 0, and two zero vectors have no distance."""
        fw = self.framework
        x = fw.from_numpy(np.array([[0, 0], [3, 4]], dtype))
        assert_allclose(fw.to_numpy(fw.cosine_sim(x, x, eps)), [[0, 0], [0, 1]], atol=1e-6)
        assert_array_equal(fw.to_numpy(fw.euclidean_dist(x, x)), [[0, 5], [5, 0]])
        assert_array_equal(fw.to_numpy(fw.sqeuclidean_dist(x, x)), [[0, 25], [25, 0]])

    def test_metrics_of_nan(self) -> None:
        """A row with NaN has NaN for a score, and leaves the others alone."""
        fw = self.framework
        x, y = fw.from_numpy(np.array([[np.nan, 1], [0, 1]])), fw.from_numpy(np.array([[0.0, 1]]))
        assert_array_equal(fw.to_numpy(fw.cosine_sim(x, y)), [[np.nan], [1]])
        assert_array_equal(fw.to_numpy(fw.euclidean_dist(x, y)), [[np.nan], [0]])
        assert_array_equal(fw.to_numpy(fw.sqeuclidean_dist(x, y)), [[np.nan], [0]])

    def test_distances_of_near_rows(self) -> None:
        """Rows that are near each other but far from 0 keep their distance."""
        fw = self.framework
        x = np.full((2, 64), 100, np.float32)
        x[1, 0] += 0.0078125
        distances = fw.to_numpy(fw.euclidean_dist(fw.from_numpy(x), fw.from_numpy(x)))
        assert_allclose(distances, [[0, 0.0078125], [0.0078125, 0]], atol=1e-4)

    def test_metrics_of_what_does_not_fit(self) -> None:
        """Rows of other lengths, single vectors and complex numbers are refused."""
        fw = self.framework
        x = fw.empty((2, 3), 'float32')
        for metric in (fw.cosine_sim, fw.euclidean_dist, fw.sqeuclidean_dist):
            assert_raises(ShapeError, metric, x, fw.empty((2, 4), 'float32'))
            assert_raises(ShapeError, metric, x, fw.empty((3,), 'float32'))
            if 'complex64' in self.dtypes:
                assert_raises(DtypeError, metric, x, fw.empty((2, 3), 'complex64'))

    # helpers

    def _dtypes(self) -> tuple[str, ...]:
        return _present(self.dtypes)

    def _check(self, tensor: Any, expected: Array) -> None:
        """Compare all that can be seen of a tensor with an array; values bit by bit."""
        fw = self.framework
        assert fw.matches(tensor)
        assert fw.shape(tensor) == expected.shape
        assert type(fw.shape(tensor)) is tuple
        assert fw.dtype(tensor) == expected.dtype.name
        array = fw.to_numpy(tensor)
        assert (array.shape, array.dtype) == (expected.shape, expected.dtype)
        assert array.tobytes() == expected.tobytes()

    def _check_top_k(self, scores: Array, k: int, descending: bool) -> None:
        values, indices = self.framework.top_k(self.framework.from_numpy(scores), k, descending)
        sign = -1 if descending else 1

        def rank(row: list[Any], i: int) -> tuple[Any, ...]:
            return (1, 0, i) if row[i] != row[i] else (0, sign * row[i], i)

        orders = [sorted(range(len(row)), key=lambda i, row=row: rank(row, i))[:k] for row in scores.tolist()]
        best = np.array(orders, np.int64).reshape(len(scores), min(k, scores.shape[1]))
        self._check(indices, best)
        self._check(values, np.take_along_axis(scores, best, axis=1))

    def _check_metrics(self, x: Array, y: Array) -> None:
        fw = self.framework
        wide = {'float64', 'int32', 'int64'} & {x.dtype.name, y.dtype.name}
        a, b = x.astype(np.float64), y.astype(np.float64)
        norms = [np.maximum(np.linalg.norm(rows, axis=1), 1e-7) for rows in (a, b)]
        squares = ((a[:, None] - b[None]) ** 2).sum(-1)
        for metric, expected in (
            (fw.cosine_sim, (a @ b.T) / norms[0][:, None] / norms[1]),
            (fw.sqeuclidean_dist, squares),
            (fw.euclidean_dist, np.sqrt(squares)),
        ):
            scores = metric(fw.from_numpy(x), fw.from_numpy(y))
            assert fw.matches(scores)
            assert fw.dtype(scores) == ('float64' if wide else 'float32')
            assert fw.shape(scores) == (len(x), len(y))
            assert_allclose(fw.to_numpy(scores), expected, rtol=1e-6 if wide else 1e-5, atol=1e-5)
            assert (fw.to_numpy(scores) >= -1).all()


def _present(dtypes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the dtypes that this environment has."""
    found = []
    for dtype in dtypes:
        try:
            numpy_dtype(dtype)
        except MissingExtraError:
            continue
        found.append(dtype)
    return tuple(found)


@st.composite
def _arrays(
    draw: st.DrawFn, dtypes: tuple[str, ...], shapes: st.SearchStrategy[tuple[int, ...]] = _shapes
) -> Array:
    dtype = numpy_dtype(draw(st.sampled_from(_present(dtypes))))
    if dtype.kind in 'biufc' and dtype.num < 256:
        array: Array = draw(hnp.arrays(dtype, shapes))
    else:  # hypothesis does not know it: any bits will do
        array = draw(hnp.arrays(f'u{dtype.itemsize}', shapes)).view(dtype)
    return array


@st.composite
def _rows(draw: st.DrawFn, shape: tuple[int, int]) -> Array:
    dtype = np.dtype(draw(st.sampled_from(_metric_dtypes)))
    if dtype.kind == 'f':
        elements: st.SearchStrategy[Any] = st.floats(-100, 100, width=16)
    else:
        elements = st.integers(0 if dtype.kind == 'u' else -100, 100)
    rows: Array = draw(hnp.arrays(dtype, shape, elements=elements))
    return rows


def _scores(dtype: np.dtype[Any]) -> list[Any]:
    """Return a few values with everything that sorting has to get right, so that ties are frequent."""
    if dtype.kind == 'f':
        return [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan]
    if dtype.kind == 'b':
        return [False, True]
    info = np.iinfo(dtype)
    return [0, 1, info.min, info.max]


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _unaligned(array: Array) -> Array:
    view: Array = np.ndarray(array.shape, array.dtype, bytearray(array.nbytes + 1), 1)
    view[...] = array
    return view
