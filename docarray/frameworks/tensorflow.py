"""The tensorflow adapter: eager tensors and variables; metrics work inside ``tf.function`` too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from docarray._lazy import load
from docarray.errors import DtypeError, ShapeError, StackError, TensorError, UnsupportedError
from docarray.frameworks import _rules
from docarray.frameworks._adapter import Adapter
from docarray.frameworks._rules import Array

tf = load('tensorflow')

_FOREIGN = (ValueError, TypeError, tf.errors.OpError)


class TensorFlowFramework(Adapter):
    """Adapter for ``tf.Tensor`` and ``tf.Variable``; the results are always ``tf.Tensor``.

    Example:
        >>> TensorFlowFramework().shape(tf.zeros((2, 3)))
        (2, 3)
    """

    name = 'tensorflow'

    def matches(self, value: object) -> bool:
        return isinstance(value, (tf.Tensor, tf.Variable))

    @_rules.raises(DtypeError, *_FOREIGN)
    def from_numpy(self, array: Array) -> Any:
        """Return a tensor of the array's shape and dtype: always a copy, as tensors do not change."""
        _rules.check_numeric(array.dtype)
        if array.dtype.num >= 256 and array.dtype.name != 'bfloat16':
            return tf.convert_to_tensor(array)
        # Handing over memory of our own is up to 40 times faster than convert_to_tensor, and
        # safe: it starts where tensorflow wants it, and nobody else can write to it.
        copy = _rules.private_copy(array)
        if array.dtype.num < 256:
            return tf.experimental.dlpack.from_dlpack(copy.__dlpack__())
        return tf.bitcast(tf.experimental.dlpack.from_dlpack(copy.view(np.uint16).__dlpack__()), tf.bfloat16)

    @_rules.raises(DtypeError, *_FOREIGN)
    def to_numpy(self, tensor: Any) -> Array:
        """Return a read-only view of the values, or a copy where they are not in the CPU's memory."""
        value = tf.convert_to_tensor(tensor)
        if tf.is_symbolic_tensor(value):
            raise UnsupportedError(got='a symbolic tensor', wanted='an eager one, which has values')
        if value.dtype == tf.bfloat16:
            return self.to_numpy(tf.bitcast(value, tf.uint16)).view(_rules.numpy_dtype('bfloat16'))
        try:
            return np.asarray(memoryview(value))
        except ValueError:  # a dtype that the buffer protocol cannot name: 8 bits and less
            array: Array = value.numpy()
            _rules.check_numeric(array.dtype)
            return array

    @_rules.raises(TensorError, *_FOREIGN, OverflowError)
    def asarray(self, value: Any, dtype: str | None = None) -> Any:
        if dtype is not None:
            return self.from_numpy(np.asarray(value, _rules.numpy_dtype(dtype)))
        made = tf.convert_to_tensor(value)
        if made.dtype == tf.string:
            raise TensorError(got='text', wanted='numbers')
        return made

    @_rules.raises(StackError, *_FOREIGN)
    def stack(self, tensors: Sequence[Any]) -> Any:
        _rules.check_rows(tensors)
        return tf.stack(tensors)

    @_rules.raises(StackError, *_FOREIGN)
    def concat(self, tensors: Sequence[Any]) -> Any:
        _rules.check_rows(tensors)
        return tf.concat(tensors, 0)

    def take(self, tensor: Any, indices: Array) -> Any:
        return tf.gather(tensor, _rules.row_numbers(indices, tensor.shape[0]))

    @_rules.raises(ShapeError, *_FOREIGN)
    def put(self, tensor: Any, index: Any, value: Any) -> Any:
        """Return a copy of the tensor with ``value`` at ``index`` of axis 0."""
        rows = _rules.chosen_rows(index, tensor.shape[0])
        if not self.matches(value):
            value = self.from_numpy(np.asarray(value))
        value = tf.broadcast_to(tf.cast(value, tensor.dtype), (len(rows), *tensor.shape[1:]))
        return tf.tensor_scatter_nd_update(tensor, rows[:, None], value)

    @_rules.raises(ShapeError, *_FOREIGN)
    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        return tf.reshape(tensor, shape)

    @_rules.raises(DtypeError, *_FOREIGN)
    def cast(self, tensor: Any, dtype: str) -> Any:
        return tf.cast(tensor, _rules.numpy_dtype(dtype))

    def device(self, tensor: Any) -> str:
        return str(tensor.device)

    def to_device(self, tensor: Any, device: str) -> Any:
        wanted = _device_name(device)
        if wanted == _device_name(tensor.device):
            return tensor
        known = {_device_name(logical.name) for logical in tf.config.list_logical_devices()}
        if wanted not in known:
            raise UnsupportedError(where='tensorflow', got=f'device {device!r}', wanted=f'in {sorted(known)}')
        with tf.device(f'/{wanted}'):
            return tf.identity(tensor)

    def _cosines(self, x: Any, y: Any, guard: float) -> Any:
        scores = tf.matmul(x * _inverse_norms(x, guard)[:, None], y, transpose_b=True)
        return tf.clip_by_value(scores * _inverse_norms(y, guard), -1, 1)

    def _squares(self, x: Any, y: Any) -> Any:
        product = tf.matmul(x, y, transpose_b=True)
        squares = tf.reduce_sum(x * x, 1)[:, None] + tf.reduce_sum(y * y, 1) - 2 * product
        return tf.maximum(squares, tf.zeros((), tf.float64))

    def _root(self, x: Any) -> Any:
        return tf.sqrt(x)

    def _side_by_side(self, parts: Sequence[Any]) -> Any:
        return tf.concat(parts, 1)

    def _picked(self, values: Any, columns: Any) -> Any:
        return tf.gather(values, columns, batch_dims=1)


def _device_name(device: str) -> str:
    """Return 'CPU:0' for 'cpu', '/cpu:0', '/device:CPU:0' and longer forms."""
    name = device.rpartition('/')[2].upper().removeprefix('DEVICE:')
    return name if ':' in name else f'{name}:0'


def _inverse_norms(x: Any, guard: float) -> Any:
    return tf.math.rsqrt(tf.maximum(tf.reduce_sum(x * x, 1), guard))
