"""One adapter per tensor framework, found by the type of a value; nothing is imported before it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol, runtime_checkable

import numpy as np

from docarray import _registry

__all__ = ['Framework', 'framework_of', 'get_framework', 'known_frameworks']


@runtime_checkable
class Framework(Protocol):
    """What docarray asks of a tensor framework. Tensors are native values, never docarray classes.

    All adapters agree on every edge: no row, one row, zero vectors, 0-d values.
    ``docarray.testing.FrameworkContract`` checks one against numpy.
    """

    name: str

    def matches(self, value: object) -> bool:
        """Whether ``value`` is a native tensor of this framework (subclasses included)."""

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Any:
        """Return a tensor of the array's shape and dtype, sharing its memory where possible."""

    def to_numpy(self, tensor: Any) -> np.ndarray[Any, Any]:
        """Return the values as numpy on the CPU, without a copy where possible, detached from autograd."""

    def asarray(self, value: Any, dtype: str | None = None) -> Any:
        """Return a tensor made from lists and numbers as the framework itself would make it."""

    def stack(self, tensors: Sequence[Any]) -> Any:
        """Return one tensor (n, *shape) of n tensors of equal shape; dtype and device are kept."""

    def concat(self, tensors: Sequence[Any]) -> Any:
        """Return the tensors joined along axis 0."""

    def take(self, tensor: Any, indices: np.ndarray[Any, Any]) -> Any:
        """Return the rows ``indices`` (int64) along axis 0, a new tensor on the same device."""

    def put(self, tensor: Any, index: Any, value: Any) -> Any:
        """Write ``value`` at ``index`` of axis 0, in place where the framework can, and return the tensor."""

    def empty(self, shape: tuple[int, ...], dtype: str | None = None, device: str | None = None) -> Any:
        """Return a tensor of zeros. (Named as in the earlier library; never uninitialised memory.)"""

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        """Return the tensor with another shape of the same size."""

    def cast(self, tensor: Any, dtype: str) -> Any:
        """Return the tensor with another dtype."""

    def shape(self, tensor: Any) -> tuple[int, ...]:
        """The shape as a tuple of ints."""

    def dtype(self, tensor: Any) -> str:
        """The dtype's name as numpy and ml_dtypes spell it: 'float32', 'bool', 'bfloat16', ..."""

    def device(self, tensor: Any) -> str:
        """The device as the framework spells it, 'cpu' for numpy."""

    def to_device(self, tensor: Any, device: str) -> Any:
        """Return the tensor on another device; the same object where it is there already."""

    def equal(self, a: Any, b: Any) -> bool:
        """Whether shapes and values are equal (NaN equals NaN at the same place); False for foreign types."""

    def is_floating(self, tensor: Any) -> bool:
        """Whether the dtype is a floating one, 16-bit and 8-bit floats included."""

    def top_k(self, values: Any, k: int, descending: bool = False) -> tuple[Any, Any]:
        """Return the best k of each row of (n, m): values and int64 indices, both (n, min(k, m)).

        Sorted, best first; of equal values the lower index comes first. Best is the smallest
        unless ``descending``.
        """

    def cosine_sim(self, x: Any, y: Any, eps: float = 1e-7) -> Any:
        """Return pairwise cosine similarities (n, m) of rows (n, d) and (m, d); 0 for a zero vector."""

    def euclidean_dist(self, x: Any, y: Any) -> Any:
        """Return pairwise Euclidean distances (n, m)."""

    def sqeuclidean_dist(self, x: Any, y: Any) -> Any:
        """Return pairwise squared Euclidean distances (n, m), never negative."""


_TOP_MODULES = {'numpy': 'numpy', 'torch': 'torch', 'tensorflow': 'tensorflow', 'jax': 'jax', 'jaxlib': 'jax'}


@cache
def get_framework(name: str) -> Framework:
    """Return the adapter of that name: 'numpy', 'torch', 'tensorflow' or 'jax', or an entry point's.

    Raises:
        MissingExtraError: The framework is not installed.
        KeyError: Nothing of that name is registered.

    Example:
        >>> get_framework('numpy').name
        'numpy'
    """
    adapter: Framework = _registry.find('framework', name).load()()
    return adapter


def known_frameworks() -> list[str]:
    """Return the names that ``get_framework`` takes, installed or not."""
    return _registry.names('framework')


def framework_of(value: object) -> Framework | None:
    """Return the adapter for a native tensor, or None for anything else.

    Found by the class of the value, so frameworks that are not in use are never imported.

    Example:
        >>> framework_of(np.zeros(3)).name
        'numpy'
        >>> framework_of('text') is None
        True
    """
    for cls in type(value).__mro__:
        name = _TOP_MODULES.get(cls.__module__.partition('.')[0])
        if name is not None:
            adapter = get_framework(name)
            return adapter if adapter.matches(value) else None
    for name in _registry.extra_names('framework'):
        adapter = get_framework(name)
        if adapter.matches(value):
            return adapter
    return None
