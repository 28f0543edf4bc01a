"""What the adapters of docarray itself have in common: all that follows from a framework's own operations."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from docarray.frameworks import Framework, _rules


class Adapter(Framework):
    """An adapter for a framework whose tensors have ``shape`` and ``dtype.name``.

    Metrics are put together here: pairs are checked and cast, long right-hand sides are taken in
    blocks, and distances are computed in float64. Subclasses say how the framework computes a block.
    """

    def shape(self, tensor: Any) -> tuple[int, ...]:
        return tuple(tensor.shape)

    def dtype(self, tensor: Any) -> str:
        return str(tensor.dtype.name)

    def is_floating(self, tensor: Any) -> bool:
        return _rules.is_floating(self.dtype(tensor))

    def equal(self, a: Any, b: Any) -> bool:
        if not (self.matches(a) and self.matches(b)):
            return False
        return _rules.equal_arrays(self.to_numpy(a), self.to_numpy(b))

    def empty(self, shape: tuple[int, ...], dtype: str | None = None, device: str | None = None) -> Any:
        zeros = self.from_numpy(np.zeros(shape, _rules.numpy_dtype(dtype or 'float32')))
        return zeros if device is None else self.to_device(zeros, device)

    def top_k(self, values: Any, k: int, descending: bool = False) -> tuple[Any, Any]:
        best = self.from_numpy(_rules.top_k_indices(self.to_numpy(values), k, descending))
        return self._picked(values, best), best

    def cosine_sim(self, x: Any, y: Any, eps: float = 1e-7) -> Any:
        with self._metric(x, y):
            return self._cosines(*self._pair(x, y), _rules.squared_guard(eps))

    def euclidean_dist(self, x: Any, y: Any) -> Any:
        return self._distances(x, y, root=True)

    def sqeuclidean_dist(self, x: Any, y: Any) -> Any:
        return self._distances(x, y, root=False)

    def _pair(self, x: Any, y: Any) -> tuple[Any, Any]:
        _rules.check_pair(self.shape(x), self.shape(y))
        dtype = _rules.metric_dtype(self.dtype(x), self.dtype(y))
        return self._to_calculate(x, dtype), self._to_calculate(y, dtype)

    def _distances(self, x: Any, y: Any, root: bool) -> Any:
        with self._metric(x, y):
            x, y = self._pair(x, y)
            dtype, wide = self.dtype(x), self._to_calculate(x, 'float64')
            parts = []
            for rows in _rules.blocks(self.shape(y)[0]):
                squares = self._squares(wide, self._to_calculate(y[rows], 'float64'))
                parts.append(self.cast(self._root(squares) if root else squares, dtype))
            return parts[0] if len(parts) == 1 else self._side_by_side(parts)

    def _metric(self, x: Any, y: Any) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which a metric of these tensors is computed."""
        return contextlib.nullcontext()

    def _to_calculate(self, tensor: Any, dtype: str) -> Any:
        """Return the tensor in the dtype to calculate in, or in the nearest that there is."""
        return self.cast(tensor, dtype)

    @abstractmethod
    def _cosines(self, x: Any, y: Any, guard: float) -> Any:
        """Return the cosines of all pairs; squared norms below ``guard`` count as that."""

    @abstractmethod
    def _squares(self, x: Any, y: Any) -> Any:
        """Return |x|^2 + |y|^2 - 2xy, never negative; in float64, because the terms cancel."""

    @abstractmethod
    def _root(self, x: Any) -> Any:
        """Return the square roots."""

    @abstractmethod
    def _side_by_side(self, parts: Sequence[Any]) -> Any:
        """Return tensors joined along axis 1."""

    @abstractmethod
    def _picked(self, values: Any, columns: Any) -> Any:
        """Return of each row of (n, m) the values in ``columns`` (n, k)."""
