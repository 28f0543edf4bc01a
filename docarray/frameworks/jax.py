"""The jax adapter: 64-bit dtypes stay, whatever ``jax_enable_x64`` says; metrics work under jit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from docarray._lazy import load
from docarray.errors import DtypeError, ShapeError, StackError, TensorError, UnsupportedError
from docarray.frameworks import Framework, _rules
from docarray.frameworks._rules import Array

jax = load('jax')
jnp = load('jax.numpy')

_FOREIGN = (ValueError, TypeError)
_LARGE = 1 << 18  # bytes


class JaxFramework(Framework):
    """Adapter for ``jax.Array``, tracers included where no values are needed.

    Example:
        >>> JaxFramework().shape(jnp.zeros((2, 3)))
        (2, 3)
    """

    name = 'jax'

    def matches(self, value: object) -> bool:
        return isinstance(value, (jax.Array, jax.core.Tracer))

    @_rules.raises(DtypeError, *_FOREIGN)
    def from_numpy(self, array: Array) -> Any:
        """Return an array of that shape and dtype: always a copy, as jax arrays do not change."""
        _rules.check_numeric(array.dtype)
        if array.dtype.name in ('float128', 'complex256'):
            raise DtypeError(where='jax', got=f'dtype {array.dtype.name}', wanted='float64 or complex128')
        with _x64():
            if array.nbytes < _LARGE:
                return jnp.array(array.astype(array.dtype.newbyteorder('='), copy=False))
            return jax.device_put(_rules.private_copy(array))  # which jax need not copy again

    def to_numpy(self, tensor: Any) -> Array:
        """Return a read-only view of the values, or a copy where they are not in the CPU's memory."""
        return np.asarray(tensor)

    @_rules.raises(TensorError, *_FOREIGN, OverflowError)
    def asarray(self, value: Any, dtype: str | None = None) -> Any:
        if dtype is not None:
            return self.from_numpy(np.asarray(value, _rules.numpy_dtype(dtype)))
        if not self.matches(value) and np.asarray(value).dtype.kind in 'OSUT':
            # Some versions take text for the name of a dtype, and None for NaN.
            raise TensorError(got='text or objects', wanted='numbers')
        return jnp.asarray(value)

    @_rules.raises(StackError, *_FOREIGN)
    def stack(self, tensors: Sequence[Any]) -> Any:
        _rules.check_rows(tensors)
        with _x64(*tensors):
            return jnp.stack(tensors)

    @_rules.raises(StackError, *_FOREIGN)
    def concat(self, tensors: Sequence[Any]) -> Any:
        _rules.check_rows(tensors)
        with _x64(*tensors):
            return jnp.concatenate(tensors)

    def take(self, tensor: Any, indices: Array) -> Any:
        with _x64(tensor):
            return jnp.take(tensor, _rules.row_numbers(indices, len(tensor)), axis=0)

    @_rules.raises(ShapeError, *_FOREIGN)
    def put(self, tensor: Any, index: Any, value: Any) -> Any:
        """Return a copy of the array with ``value`` at ``index`` of axis 0."""
        rows = _rules.chosen_rows(index, len(tensor))
        with _x64(tensor):
            return tensor.at[rows].set(jnp.asarray(value).astype(tensor.dtype))

    def empty(self, shape: tuple[int, ...], dtype: str | None = None, device: str | None = None) -> Any:
        if dtype is None:
            zeros = jnp.zeros(shape)
        else:
            zeros = self.from_numpy(np.zeros(shape, _rules.numpy_dtype(dtype)))
        return zeros if device is None else self.to_device(zeros, device)

    @_rules.raises(ShapeError, *_FOREIGN)
    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        with _x64(tensor):
            return tensor.reshape(shape)

    @_rules.raises(DtypeError, *_FOREIGN)
    def cast(self, tensor: Any, dtype: str) -> Any:
        with _x64(tensor):
            return tensor.astype(_rules.numpy_dtype(dtype))

    def shape(self, tensor: Any) -> tuple[int, ...]:
        return tuple(tensor.shape)

    def dtype(self, tensor: Any) -> str:
        return str(tensor.dtype.name)

    def device(self, tensor: Any) -> str:
        """Return 'cpu', 'gpu:1' and the like, several with commas; '' for a tracer, which has none."""
        if _traced(tensor):
            return ''
        places = sorted((place.platform, place.id) for place in tensor.devices())
        return ','.join(platform if number == 0 else f'{platform}:{number}' for platform, number in places)

    def to_device(self, tensor: Any, device: str) -> Any:
        if device == self.device(tensor):
            return tensor
        platform, _, number = device.partition(':')
        try:
            place = jax.devices(platform)[int(number or 0)]
        except (RuntimeError, ValueError, IndexError) as error:
            raise UnsupportedError(
                where='jax', got=f'device {device!r}', wanted=f'one of {jax.devices()}'
            ) from error
        if not _traced(tensor) and tensor.devices() == {place}:
            return tensor
        with _x64(tensor):
            return jax.device_put(tensor, place)

    def equal(self, a: Any, b: Any) -> bool:
        if not (self.matches(a) and self.matches(b)):
            return False
        return _rules.equal_arrays(self.to_numpy(a), self.to_numpy(b))

    def is_floating(self, tensor: Any) -> bool:
        return _rules.is_floating(tensor.dtype.name)

    def top_k(self, values: Any, k: int, descending: bool = False) -> tuple[Any, Any]:
        best = self.from_numpy(_rules.top_k_indices(self.to_numpy(values), k, descending))
        with _x64(values):
            if not best.size:  # which jax 0.4 cannot gather by
                return values[:, : best.shape[1]], best
            return jnp.take_along_axis(values, best, axis=1), best

    def cosine_sim(self, x: Any, y: Any, eps: float = 1e-7) -> Any:
        with _x64(x, y):
            return _cosines(*_pair(x, y), _rules.squared_guard(eps))

    def euclidean_dist(self, x: Any, y: Any) -> Any:
        return _distances(x, y, jnp.sqrt)

    def sqeuclidean_dist(self, x: Any, y: Any) -> Any:
        return _distances(x, y, jnp.asarray)


def _traced(*tensors: Any) -> bool:
    return any(isinstance(tensor, jax.core.Tracer) for tensor in tensors)


def _x64(*tensors: Any) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which 64-bit dtypes stay; under a trace, the setting of the tracer rules."""
    if _traced(*tensors):
        return contextlib.nullcontext()
    found: contextlib.AbstractContextManager[Any] = _enable_x64(True)
    return found


_enable_x64 = jax.enable_x64 if hasattr(jax, 'enable_x64') else load('jax.experimental').enable_x64


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    _rules.check_pair(x.shape, y.shape)
    dtype = jax.dtypes.canonicalize_dtype(_rules.metric_dtype(x.dtype.name, y.dtype.name))
    return x.astype(dtype), y.astype(dtype)


def _cosines_of(x: Any, y: Any, guard: float) -> Any:
    x_norms, y_norms = (jax.lax.rsqrt(jnp.maximum(jnp.sum(rows * rows, 1), guard)) for rows in (x, y))
    return jnp.clip(jnp.matmul(x * x_norms[:, None], y.T, precision='highest') * y_norms, -1, 1)


def _distances(x: Any, y: Any, finish: Callable[[Any], Any]) -> Any:
    with _x64(x, y):
        x, y = _pair(x, y)
        parts = [finish(_squares(x, y[rows])).astype(x.dtype) for rows in _rules.blocks(len(y))]
        return parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=1)


def _squares_of(x: Any, y: Any) -> Any:
    """Return |x|^2 + |y|^2 - 2xy, in float64 where there is one, because the terms cancel."""
    wide = jax.dtypes.canonicalize_dtype(np.float64)
    x, y = x.astype(wide), y.astype(wide)
    product = jnp.matmul(x, y.T, precision='highest')
    return jnp.maximum(jnp.sum(x * x, 1)[:, None] + jnp.sum(y * y, 1) - 2 * product, 0)


_cosines = jax.jit(_cosines_of)
_squares = jax.jit(_squares_of)
