"""The torch adapter: tensors on any device; results keep their autograd history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from docarray._lazy import load
from docarray.errors import DtypeError, ShapeError, StackError, TensorError, UnsupportedError
from docarray.frameworks import _rules
from docarray.frameworks._adapter import Adapter
from docarray.frameworks._rules import Array

torch = load('torch')

#: dtypes that numpy lacks travel as integers of their size; for unsigned integers torch has no
#: kernels to write by index or to sort, so they go as signed ones.
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_UNSIGNED = frozenset({'uint16', 'uint32', 'uint64'})


class TorchFramework(Adapter):
    """Adapter for ``torch.Tensor`` and its subclasses.

    Example:
        >>> TorchFramework().shape(torch.zeros(2, 3))
        (2, 3)
    """

    name = 'torch'

    def matches(self, value: object) -> bool:
        return isinstance(value, torch.Tensor)

    @_rules.raises(DtypeError, TypeError)
    def from_numpy(self, array: Array) -> Any:
        _rules.check_numeric(array.dtype)
        if not _shareable(array):
            array = np.array(array, array.dtype.newbyteorder('='), order='C', copy=True)
        if array.dtype.num < 256:
            return torch.from_numpy(np.asarray(array))
        dtype = _dtype(array.dtype.name)
        bits = array.view(np.uint8 if array.itemsize == 1 else np.int16)
        return torch.from_numpy(bits).view(dtype)

    @_rules.raises(DtypeError, TypeError)
    def to_numpy(self, tensor: Any) -> Array:
        plain = tensor.detach()
        plain = (plain if plain.layout is torch.strided else plain.to_dense()).cpu()
        plain = plain.resolve_conj().resolve_neg()
        name = self.dtype(plain)
        if name.startswith(('bfloat', 'float8')):
            bits: Array = plain.view(_BITS[plain.element_size()]).numpy()
            return bits.view(_rules.numpy_dtype(name))
        array: Array = plain.numpy()
        return array

    @_rules.raises(TensorError, ValueError, TypeError, RuntimeError)
    def asarray(self, value: Any, dtype: str | None = None) -> Any:
        return torch.as_tensor(value, dtype=None if dtype is None else _dtype(dtype))

    @_rules.raises(StackError, RuntimeError)
    def stack(self, tensors: Sequence[Any]) -> Any:
        _rules.check_rows(tensors)
        return torch.stack(tuple(tensors))

    @_rules.raises(StackError, RuntimeError)
    def concat(self, tensors: Sequence[Any]) -> Any:
        _rules.check_rows(tensors)
        return torch.cat(tuple(tensors))

    def take(self, tensor: Any, indices: Array) -> Any:
        rows = self.from_numpy(_rules.row_numbers(indices, len(tensor)))
        return tensor[rows.to(tensor.device)]

    @_rules.raises(ShapeError, RuntimeError)
    def put(self, tensor: Any, index: Any, value: Any) -> Any:
        if not isinstance(index, int) and not (isinstance(index, slice) and (index.step or 1) > 0):
            index = self.from_numpy(_rules.chosen_rows(index, len(tensor))).to(tensor.device)
        if tensor.requires_grad and tensor.is_leaf and torch.is_grad_enabled():
            raise UnsupportedError(got='a leaf that requires grad', hint='Write within torch.no_grad().')
        value = torch.as_tensor(value).to(device=tensor.device, dtype=tensor.dtype)
        _signed(tensor)[index] = _signed(value)
        return tensor

    def empty(self, shape: tuple[int, ...], dtype: str | None = None, device: str | None = None) -> Any:
        zeros = torch.zeros(shape, dtype=None if dtype is None else _dtype(dtype))
        return zeros if device is None else self.to_device(zeros, device)

    @_rules.raises(ShapeError, RuntimeError)
    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        return tensor.reshape(shape)

    def cast(self, tensor: Any, dtype: str) -> Any:
        return tensor.to(_dtype(dtype))

    def dtype(self, tensor: Any) -> str:
        return str(tensor.dtype)[6:]  # 'torch.float32'

    def device(self, tensor: Any) -> str:
        return str(tensor.device)

    @_rules.raises(UnsupportedError, RuntimeError, AssertionError)
    def to_device(self, tensor: Any, device: str) -> Any:
        return tensor.to(device)

    def equal(self, a: Any, b: Any) -> bool:
        if not (self.matches(a) and self.matches(b)) or a.shape != b.shape:
            return False
        a, b = a.detach(), b.detach().to(a.device)
        if a.dtype != b.dtype:
            a, b = _at_least_32_bits(a), _at_least_32_bits(b)
            return _rules.equal_arrays(self.to_numpy(a), self.to_numpy(b))
        same = a == b
        return bool(same.all()) or bool((same | ((a != a) & (b != b))).all())

    def top_k(self, values: Any, k: int, descending: bool = False) -> tuple[Any, Any]:
        scores = _at_least_32_bits(values.detach())
        if scores.device.type == 'cpu':
            best = torch.from_numpy(_rules.top_k_indices(scores.numpy(), k, descending))
        else:
            best = _order(scores, descending)[:, :k]
        return self._picked(values, best), best

    def _to_calculate(self, tensor: Any, dtype: str) -> Any:
        if tensor.device.type == 'mps':  # which has no float64
            dtype = 'float32'
        return tensor.to(_dtype(dtype))

    def _cosines(self, x: Any, y: Any, guard: float) -> Any:
        scores = (x * _inverse_norms(x, guard)[:, None]) @ y.T
        return (scores * _inverse_norms(y, guard)).clamp(-1, 1)

    def _squares(self, x: Any, y: Any) -> Any:
        return ((x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * (x @ y.T)).clamp(min=0)

    def _root(self, x: Any) -> Any:
        return torch.sqrt(x)

    def _side_by_side(self, parts: Sequence[Any]) -> Any:
        return torch.cat(tuple(parts), dim=1)

    def _picked(self, values: Any, columns: Any) -> Any:
        return values[torch.arange(len(values), device=values.device)[:, None], columns]


def _dtype(name: str) -> Any:
    found = getattr(torch, name, None)
    if str(found) != f'torch.{name}' or not isinstance(found, torch.dtype):  # torch.long is torch.int64
        raise DtypeError(where='torch', got=f'dtype {name!r}', wanted="a dtype name such as 'float32'")
    return found


def _shareable(array: Array) -> bool:
    """Whether torch can use the array's memory: it may be written, and steps forward item by item."""
    size = array.itemsize
    return (
        array.flags.writeable
        and array.flags.aligned
        and array.dtype.isnative
        and all(step >= 0 and step % size == 0 for step in array.strides)
    )


def _signed(tensor: Any) -> Any:
    """Return a view of unsigned integers as signed ones of the same bits; others as they are."""
    return tensor.view(_BITS[tensor.element_size()]) if str(tensor.dtype)[6:] in _UNSIGNED else tensor


def _at_least_32_bits(tensor: Any) -> Any:
    return tensor.float() if tensor.dtype.is_floating_point and tensor.element_size() < 4 else tensor


def _order(scores: Any, descending: bool) -> Any:
    """Return the stable order of each row, best first, for devices whose memory numpy cannot see."""
    if descending:
        scores = -scores if scores.dtype.is_floating_point else ~scores
    return torch.sort(scores, dim=1, stable=True).indices  # NaN sorts last, as wanted


def _inverse_norms(x: Any, guard: float) -> Any:
    return (x * x).sum(1).clamp(min=guard).rsqrt()
