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
    QueryError,
    ShapeError,
    StackError,
    TensorError,
    UnsupportedError,
)
from docarray.frameworks import Framework
from docarray.frameworks._rules import numpy_dtype
from docarray.testing import _arrays as arrays

__all__ = ['FrameworkContract']

Array = np.ndarray[Any, Any]

_many = settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)


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
    dtypes: tuple[str, ...] = arrays.DTYPES

    # what a tensor is

    def test_matches(self) -> None:
        """Native tensors are recognised, other things are not."""
        fw = self.framework
        assert isinstance(fw.name, str)
        assert fw.matches(fw.from_numpy(np.zeros((2, 3), np.float32)))
        others: list[Any] = [None, 1, 1.5, 'text', b'', [1.0], {}, np.float32(1)]
        assert not any(fw.matches(value) for value in others)

    @_many
    @given(st.data())
    def test_round_trip(self, data: st.DataObject) -> None:
        """Every dtype and shape comes back from the framework bit by bit."""
        array = data.draw(arrays.any_array(self.dtypes))
        tensor = self.framework.from_numpy(array)
        self._check(tensor, array)
        assert self.framework.to_numpy(tensor).tobytes() == array.tobytes()

    @_many
    @given(st.data(), st.sampled_from(sorted(arrays.LAYOUTS)))
    def test_round_trip_of_any_layout(self, data: st.DataObject, layout: str) -> None:
        """Arrays of any strides, byte order and alignment are taken, without a warning."""
        array = arrays.LAYOUTS[layout](data.draw(arrays.any_array(self.dtypes, arrays.TABLES)))
        with assert_no_warnings():
            tensor = self.framework.from_numpy(array)
        self._check(tensor, array)

    def test_from_numpy_of_no_numbers(self) -> None:
        """Text, objects, dates and records are no tensors."""
        for dtype in ('U1', 'S1', 'O', 'M8[D]', 'm8[s]', 'V4', 'i4,f4'):
            assert_raises(DtypeError, self.framework.from_numpy, np.zeros(2, dtype))

    def test_from_numpy_shares_memory_or_copies(self) -> None:
        """Writing to the array afterwards changes the tensor always or never, never by luck."""
        for offset in range(0, 64, 4):
            array = np.zeros(64 + 16, np.uint8)[offset : offset + 16].view(np.float32)
            tensor = self.framework.from_numpy(array)
            array[:] = 7
            assert_array_equal(self.framework.to_numpy(tensor), array if self.mutable else array * 0)

    def test_from_numpy_never_makes_read_only_memory_writable(self) -> None:
        """A tensor made of a read-only array does not let it be written to."""
        array = arrays.read_only(np.zeros(4, np.float32))
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
        array = data.draw(arrays.any_array(self.dtypes))
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
        array = data.draw(arrays.any_array(self.dtypes, arrays.TABLES))
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
        before = data.draw(arrays.any_array(self.dtypes, arrays.TABLES))
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
        array = data.draw(arrays.any_array(self.dtypes))
        tensor = self.framework.from_numpy(array)
        self._check(self.framework.reshape(tensor, (1, array.size)), array.reshape(1, array.size))
        assert_raises(ShapeError, self.framework.reshape, tensor, (array.size + 1,))

    def test_cast(self) -> None:
        """Whole numbers and booleans keep their value in every dtype that has them."""
        array = np.array([[0, 1, 2], [3, 4, 5]])
        for source in self._dtypes():
            start = array.astype(numpy_dtype(source))
            tensor = self.framework.from_numpy(start)
            for target in {source, 'float32', 'int64'} & set(self._dtypes()):
                if target == source or not source.startswith('complex'):
                    self._check(self.framework.cast(tensor, target), start.astype(numpy_dtype(target)))
        for target in self._dtypes():
            tensor = self.framework.from_numpy(array.astype(np.int32))
            self._check(self.framework.cast(tensor, target), array.astype(numpy_dtype(target)))

    # values

    @_many
    @given(st.data())
    def test_equal(self, data: st.DataObject) -> None:
        """Equal are the same values in the same shape, NaN among them."""
        fw = self.framework
        array = data.draw(arrays.any_array(self.dtypes))
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
        for dtype in ('float16', 'bfloat16', 'float32', 'float64', 'complex64', 'complex128'):
            if dtype in self._dtypes():
                nan = np.array([np.nan, 1]).astype(numpy_dtype(dtype))
                assert fw.equal(fw.from_numpy(nan), fw.from_numpy(nan.copy())) is True, dtype
                assert fw.equal(fw.from_numpy(nan), fw.from_numpy(nan[::-1])) is False, dtype
        assert fw.equal(fw.from_numpy(np.array([-0.0])), fw.from_numpy(np.array([0.0]))) is True
        assert fw.equal(fw.from_numpy(np.array([np.nan])), fw.from_numpy(np.array([0.0]))) is False
        for other in (None, [1.0, 1.0], 1.0, 'text'):
            assert fw.equal(ones, other) is False
            assert fw.equal(other, ones) is False

    @_many
    @given(st.data(), st.integers(0, 6), st.booleans())
    def test_top_k(self, data: st.DataObject, k: int, descending: bool) -> None:
        """The best k, in order, ties by index, NaN last, and no more than there are."""
        dtype = np.dtype(data.draw(st.sampled_from(arrays.SCORE_DTYPES)))
        elements = st.sampled_from(arrays.scores(dtype))
        shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6))
        self._check_top_k(data.draw(hnp.arrays(dtype, shape, elements=elements)), k, descending)

    def test_top_k_of_many(self) -> None:
        """As above for rows that are long enough for a partial sort, with and without ties."""
        for seed, kinds in ((0, 3), (1, 40), (2, 10**6)):
            values = np.random.default_rng(seed).integers(-kinds, kinds, (4, 300)).astype(np.float32)
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
        x, y = (data.draw(arrays.any_rows((rows, d))) for rows in (n, m))
        self._check_metrics(x, y)

    @_many
    @given(st.sampled_from(arrays.METRIC_DTYPES), st.floats(1e-9, 1e-3))
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
        return arrays.present(self.dtypes)

    def _check(self, tensor: Any, expected: Array) -> None:
        """Compare all that can be seen of a tensor with an array, the sign of zeros included."""
        fw = self.framework
        assert fw.matches(tensor)
        assert fw.shape(tensor) == expected.shape
        assert type(fw.shape(tensor)) is tuple
        assert fw.dtype(tensor) == expected.dtype.name
        array = fw.to_numpy(tensor)
        assert (array.shape, array.dtype.name) == (expected.shape, expected.dtype.name)
        assert arrays.bits(array) == arrays.bits(expected)

    def _check_top_k(self, scores: Array, k: int, descending: bool) -> None:
        values, indices = self.framework.top_k(self.framework.from_numpy(scores), k, descending)
        n, m = scores.shape
        best = np.empty((n, min(k, m)), np.int64)
        for i, row in enumerate(scores.tolist()):
            ranks = [(True, 0) if x != x else (False, -x if descending else x) for x in row]
            best[i] = sorted(range(m), key=ranks.__getitem__)[:k]
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
