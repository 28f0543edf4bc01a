"""One adapter per tensor framework, found by the type of a value; nothing is imported before it is needed."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
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

    Attributes:
        name: The name that ``get_framework`` takes.
    """

    name: str

    def matches(self, value: object) -> bool:
        """Whether ``value`` is a native tensor of this framework (subclasses included).

        The answer depends on the class of the value alone; ``framework_of`` asks once per class.
        """

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Any:
        """Return a tensor of the array's shape and dtype, on the CPU or the default device.

        Frameworks whose tensors can be written to (numpy, torch) share the array's memory where they
        can use it as it is; torch copies read-only, foreign-endian and backwards arrays. Others
        (tensorflow, jax) always copy, so that later writes to the array cannot change the tensor.

        Raises:
            DtypeError: The framework has no such dtype.
            MissingExtraError: The dtype needs ml_dtypes, which is not installed.
        """

    def to_numpy(self, tensor: Any) -> np.ndarray[Any, Any]:
        """Return the values as numpy, detached from autograd.

        Shares the tensor's memory where that is the CPU's, and is then read-only for tensors that
        do not change.
        """

    def asarray(self, value: Any, dtype: str | None = None) -> Any:
        """Return a tensor made from lists and numbers as the framework itself would make it.

        Raises:
            TensorError: The lists are ragged, or hold something other than numbers.
        """

    def stack(self, tensors: Sequence[Any]) -> Any:
        """Return one tensor (n, *shape) of n tensors of equal shape; dtype and device are kept.

        Raises:
            StackError: There is no tensor, or shapes or dtypes differ.
        """

    def concat(self, tensors: Sequence[Any]) -> Any:
        """Return the tensors joined along axis 0; dtype and device are kept.

        Raises:
            StackError: There is no tensor, or dtypes or the other axes differ.
        """

    def take(self, tensor: Any, indices: np.ndarray[Any, Any]) -> Any:
        """Return the rows ``indices`` (int64, not negative) along axis 0, a new tensor on the same device.

        Raises:
            IndexError: An index names no row.
        """

    def put(self, tensor: Any, index: Any, value: Any) -> Any:
        """Write ``value`` at ``index`` of axis 0, in place where the framework can, and return the tensor.

        ``index`` is an int, a slice, a list or array of ints (each at most once) or a mask; ``value`` is
        broadcast to its rows and cast to the tensor's dtype. A read-only tensor is copied first.

        Raises:
            ShapeError: The value does not fit.
            IndexError: The index names no row.
        """

    def empty(self, shape: tuple[int, ...], dtype: str | None = None, device: str | None = None) -> Any:
        """Return a tensor of zeros. (Named as in the earlier library; never uninitialised memory.)

        Without ``dtype`` it is the framework's own: float64 for numpy, float32 for the others.

        Raises:
            UnsupportedError: There is no such device.
        """

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        """Return the tensor with another shape of the same size.

        Raises:
            ShapeError: The sizes differ.
        """

    def cast(self, tensor: Any, dtype: str) -> Any:
        """Return the tensor with another dtype.

        Raises:
            DtypeError: The framework has no such dtype.
        """

    def shape(self, tensor: Any) -> tuple[int, ...]:
        """The shape as a tuple of ints."""

    def dtype(self, tensor: Any) -> str:
        """The dtype's name as numpy and ml_dtypes spell it: 'float32', 'bool', 'bfloat16', ..."""

    def device(self, tensor: Any) -> str:
        """The device as the framework spells it, 'cpu' for numpy; '' for a tensor that is only traced."""

    def to_device(self, tensor: Any, device: str) -> Any:
        """Return the tensor on another device; the same object where it is there already.

        'cpu' means the CPU for every framework.

        Raises:
            UnsupportedError: There is no such device.
        """

    def equal(self, a: Any, b: Any) -> bool:
        """Whether shapes and values are equal (NaN equals NaN at the same place); False for foreign types.

        Dtypes may differ: 1 equals 1.0.
        """

    def is_floating(self, tensor: Any) -> bool:
        """Whether the dtype is a floating one, 16-bit and 8-bit floats included."""

    def top_k(self, values: Any, k: int, descending: bool = False) -> tuple[Any, Any]:
        """Return the best k of each row of (n, m): values and int64 indices, both (n, min(k, m)).

        Sorted, best first; of equal values (0.0 and -0.0 too) the lower index comes first, and NaN
        comes last. Best is the smallest unless ``descending``.

        Raises:
            QueryError: ``values`` is not (n, m), or ``k`` is negative.
        """

    def cosine_sim(self, x: Any, y: Any, eps: float = 1e-7) -> Any:
        """Return pairwise cosine similarities (n, m) of rows (n, d) and (m, d), within -1 and 1.

        The dot product over the product of the norms, where a norm below ``eps`` counts as ``eps``:
        0 for a zero vector. All metrics give float64 where an input is float64 or an integer of 32
        bits or more, and else float32.

        Raises:
            ShapeError: The shapes are not (n, d) and (m, d).
            DtypeError: The values are complex.
        """

    def euclidean_dist(self, x: Any, y: Any) -> Any:
        """Return pairwise Euclidean distances (n, m) of rows (n, d) and (m, d); raises as ``cosine_sim``."""

    def sqeuclidean_dist(self, x: Any, y: Any) -> Any:
        """Return pairwise squared Euclidean distances (n, m), never negative; raises as ``cosine_sim``.

        |x|^2 + |y|^2 - 2xy, computed in float64, since these terms cancel for rows that are near.
        """


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


# By the id of the class, as a class may be unhashable; the weak reference keeps ids from being reused.
_seen: dict[int, tuple[weakref.ref[type], Framework | None]] = {}


def framework_of(value: object) -> Framework | None:
    """Return the adapter for a native tensor, or None for anything else.

    Found by the class of the value, so frameworks that are not in use are never imported.

    Example:
        >>> framework_of(np.zeros(3)).name
        'numpy'
        >>> framework_of('text') is None
        True
    """
    cls = type(value)
    known = _seen.get(id(cls))
    if known is not None and known[0]() is cls:
        return known[1]
    found = next((adapter for adapter in _candidates(cls) if adapter.matches(value)), None)
    key = id(cls)
    _seen[key] = weakref.ref(cls, lambda _: _seen.pop(key, None)), found
    return found


def _candidates(cls: type) -> Iterator[Framework]:
    tops = dict.fromkeys(str(base.__module__).partition('.')[0] for base in cls.__mro__)
    for top in tops:
        if top in _TOP_MODULES:
            yield get_framework(_TOP_MODULES[top])
    for name in _registry.extra_names('framework'):
        yield get_framework(name)
