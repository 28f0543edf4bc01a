"""The jax adapter: 64-bit dtypes stay, whatever ``jax_enable_x64`` says; metrics work under jit."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from docarray._lazy import load
from docarray.errors import DtypeError, ShapeError, StackError, TensorError, UnsupportedError
from docarray.frameworks import _rules
from docarray.frameworks._adapter import Adapter
from docarray.frameworks._rules import Array

jax = load('jax')
jnp = load('jax.numpy')

_FOREIGN = (ValueError, TypeError)
_LARGE = 1 << 18  # bytes


class JaxFramework(Adapter):
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
        return super().empty(shape, dtype or str(jnp.zeros(()).dtype.name), device)

    @_rules.raises(ShapeError, *_FOREIGN)
    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        with _x64(tensor):
            return tensor.reshape(shape)

    @_rules.raises(DtypeError, *_FOREIGN)
    def cast(self, tensor: Any, dtype: str) -> Any:
        with _x64(tensor):
            return tensor.astype(_rules.numpy_dtype(dtype))

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

    def _metric(self, x: Any, y: Any) -> contextlib.AbstractContextManager[Any]:
        return _x64(x, y)

    def _to_calculate(self, tensor: Any, dtype: str) -> Any:
        return tensor.astype(jax.dtypes.canonicalize_dtype(dtype))  # float32 under a trace without 64 bits

    def _cosines(self, x: Any, y: Any, guard: float) -> Any:
        return _cosines(x, y, guard)

    def _squares(self, x: Any, y: Any) -> Any:
        return _squares(x, y)

    def _root(self, x: Any) -> Any:
        return jnp.sqrt(x)

    def _side_by_side(self, parts: Sequence[Any]) -> Any:
        return jnp.concatenate(parts, axis=1)

    def _picked(self, values: Any, columns: Any) -> Any:
        with _x64(values):
            if not columns.size:  # which jax 0.4 cannot gather by
                return values[:, : columns.shape[1]]
            return jnp.take_along_axis(values, columns, axis=1)


def _traced(*tensors: Any) -> bool:
    return any(isinstance(tensor, jax.core.Tracer) for tensor in tensors)


def _x64(*tensors: Any) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which 64-bit dtypes stay; under a trace, the setting of the tracer rules."""
    if _traced(*tensors):
        return contextlib.nullcontext()
    found: contextlib.AbstractContextManager[Any] = _enable_x64(True)
    return found


_enable_x64 = jax.enable_x64 if hasattr(jax, 'enable_x64') else load('jax.experimental').enable_x64


def _cosines_of(x: Any, y: Any, guard: float) -> Any:
    x_norms, y_norms = (jax.lax.rsqrt(jnp.maximum(jnp.sum(rows * rows, 1), guard)) for rows in (x, y))
    return jnp.clip(jnp.matmul(x * x_norms[:, None], y.T, precision='highest') * y_norms, -1, 1)


def _squares_of(x: Any, y: Any) -> Any:
    product = jnp.matmul(x, y.T, precision='highest')
    return jnp.maximum(jnp.sum(x * x, 1)[:, None] + jnp.sum(y * y, 1) - 2 * product, 0)


_cosines = jax.jit(_cosines_of)
_squares = jax.jit(_squares_of)
