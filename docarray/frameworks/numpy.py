"""The numpy adapter, and the reference for the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from docarray.errors import ShapeError, StackError, TensorError, UnsupportedError
from docarray.frameworks import Framework, _rules
from docarray.frameworks._rules import Array


class NumpyFramework(Framework):
    """Adapter for ``numpy.ndarray``.

    Example:
        >>> numpy = NumpyFramework()
        >>> numpy.stack([np.zeros(3), np.ones(3)]).shape
        (2, 3)
    """

    name = 'numpy'

    def matches(self, value: object) -> bool:
        return isinstance(value, np.ndarray)

    def from_numpy(self, array: Array) -> Array:
        _rules.check_numeric(array.dtype)
        return np.asarray(array)

    def to_numpy(self, tensor: Array) -> Array:
        return np.asarray(tensor)

    @_rules.raises(TensorError, ValueError, TypeError, OverflowError)
    def asarray(self, value: Any, dtype: str | None = None) -> Array:
        made = np.asarray(value, None if dtype is None else _rules.numpy_dtype(dtype))
        if made.dtype.kind in 'OSUT':
            raise TensorError(got=f'values that numpy holds as {made.dtype.name}', wanted='numbers')
        return made

    @_rules.raises(StackError, ValueError)
    def stack(self, tensors: Sequence[Array]) -> Array:
        _rules.check_rows(tensors)
        return np.asarray(np.stack(tensors))

    @_rules.raises(StackError, ValueError)
    def concat(self, tensors: Sequence[Array]) -> Array:
        _rules.check_rows(tensors)
        return np.asarray(np.concatenate(tensors))

    def take(self, tensor: Array, indices: Array) -> Array:
        return np.asarray(tensor)[_rules.row_numbers(indices, len(tensor))]

    @_rules.raises(ShapeError, ValueError)
    def put(self, tensor: Array, index: Any, value: Any) -> Array:
        target = tensor if tensor.flags.writeable else tensor.copy()
        target[index] = value
        return target

    def empty(self, shape: tuple[int, ...], dtype: str | None = None, device: str | None = None) -> Array:
        zeros: Array = np.zeros(shape, 'float64' if dtype is None else _rules.numpy_dtype(dtype))
        return zeros if device is None else self.to_device(zeros, device)

    @_rules.raises(ShapeError, ValueError)
    def reshape(self, tensor: Array, shape: tuple[int, ...]) -> Array:
        return np.asarray(tensor).reshape(shape)

    def cast(self, tensor: Array, dtype: str) -> Array:
        return np.asarray(tensor).astype(_rules.numpy_dtype(dtype), copy=False)

    def shape(self, tensor: Array) -> tuple[int, ...]:
        return tuple(tensor.shape)

    def dtype(self, tensor: Array) -> str:
        return _rules.dtype_name(tensor.dtype)

    def device(self, tensor: Array) -> str:
        return 'cpu'

    def to_device(self, tensor: Array, device: str) -> Array:
        if device != 'cpu':
            raise UnsupportedError(where='numpy', got=f'device {device!r}', wanted="'cpu'")
        return tensor

    def equal(self, a: Any, b: Any) -> bool:
        return self.matches(a) and self.matches(b) and _rules.equal_arrays(np.asarray(a), np.asarray(b))

    def is_floating(self, tensor: Array) -> bool:
        return _rules.is_floating(tensor.dtype.name)

    def top_k(self, values: Array, k: int, descending: bool = False) -> tuple[Array, Array]:
        values = np.asarray(values)
        best = _rules.top_k_indices(values, k, descending)
        return np.take_along_axis(values, best, axis=1), best

    def cosine_sim(self, x: Array, y: Array, eps: float = 1e-7) -> Array:
        x, y = _pair(x, y)
        with np.errstate(all='ignore'):
            scores: Array = (x * _inverse_norms(x, eps)[:, None]) @ y.T
            scores *= _inverse_norms(y, eps)
            return np.clip(scores, -1, 1, out=scores)

    def euclidean_dist(self, x: Array, y: Array) -> Array:
        return _distances(x, y, np.sqrt)

    def sqeuclidean_dist(self, x: Array, y: Array) -> Array:
        return _distances(x, y, np.positive)


def _pair(x: Array, y: Array) -> tuple[Array, Array]:
    _rules.check_pair(x.shape, y.shape)
    dtype = _rules.metric_dtype(x.dtype.name, y.dtype.name)
    return np.asarray(x).astype(dtype, copy=False), np.asarray(y).astype(dtype, copy=False)


def _inverse_norms(x: Array, eps: float) -> Array:
    inverse: Array = 1 / np.sqrt(np.maximum(np.einsum('ij,ij->i', x, x), _rules.squared_guard(eps)))
    return inverse


def _distances(x: Array, y: Array, finish: Callable[[Array], Array]) -> Array:
    x, y = _pair(x, y)
    with np.errstate(all='ignore'):
        parts = [finish(_squares(x, y[rows])).astype(x.dtype) for rows in _rules.blocks(len(y))]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _squares(x: Array, y: Array) -> Array:
    """Return |x|^2 + |y|^2 - 2xy, in float64 because the terms cancel."""
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    squares: Array = x @ y.T
    squares *= -2
    squares += np.einsum('ij,ij->i', x, x)[:, None]
    squares += np.einsum('ij,ij->i', y, y)
    return np.maximum(squares, 0, out=squares)
