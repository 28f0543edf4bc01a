"""The numpy adapter, and the reference for the others."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from docarray.errors import ShapeError, StackError, TensorError, UnsupportedError
from docarray.frameworks import _rules
from docarray.frameworks._adapter import Adapter
from docarray.frameworks._rules import Array


class NumpyFramework(Adapter):
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

    @_rules.raises(StackError, ValueError, IndexError)  # of as many axes as numpy can have
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
        zeros: Array = super().empty(shape, dtype or 'float64', device)
        return zeros

    @_rules.raises(ShapeError, ValueError)
    def reshape(self, tensor: Array, shape: tuple[int, ...]) -> Array:
        return np.asarray(tensor).reshape(shape)

    def cast(self, tensor: Array, dtype: str) -> Array:
        return np.asarray(tensor).astype(_rules.numpy_dtype(dtype), copy=False)

    def dtype(self, tensor: Array) -> str:
        return _rules.dtype_name(tensor.dtype)

    def device(self, tensor: Array) -> str:
        return 'cpu'

    def to_device(self, tensor: Array, device: str) -> Array:
        if device != 'cpu':
            raise UnsupportedError(where='numpy', got=f'device {device!r}', wanted="'cpu'")
        return tensor

    def _metric(self, x: Any, y: Any) -> AbstractContextManager[Any]:
        return np.errstate(all='ignore')  # infinity and NaN are values, about which only numpy warns

    def _cosines(self, x: Array, y: Array, guard: float) -> Array:
        scores: Array = (x * _inverse_norms(x, guard)[:, None]) @ y.T
        scores *= _inverse_norms(y, guard)
        return np.clip(scores, -1, 1, out=scores)

    def _squares(self, x: Array, y: Array) -> Array:
        squares: Array = x @ y.T
        squares *= -2
        squares += np.einsum('ij,ij->i', x, x)[:, None]
        squares += np.einsum('ij,ij->i', y, y)
        return np.maximum(squares, 0, out=squares)

    def _root(self, x: Array) -> Array:
        return np.sqrt(x)

    def _side_by_side(self, parts: Sequence[Array]) -> Array:
        return np.concatenate(parts, axis=1)

    def _picked(self, values: Array, columns: Array) -> Array:
        return np.take_along_axis(np.asarray(values), columns, axis=1)


def _inverse_norms(x: Array, guard: float) -> Array:
    inverse: Array = 1 / np.sqrt(np.maximum(np.einsum('ij,ij->i', x, x), guard))
    return inverse
