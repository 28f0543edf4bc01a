"""The computation backends of versions 0.30 to 0.41, as thin classes over the framework adapters.

New code asks ``docarray.frameworks`` for an adapter instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from docarray._lazy import load
from docarray.errors import QueryError
from docarray.frameworks import Framework, get_framework
from docarray.typing.tensors import tensor_class
from docarray.values import adapter_of

__all__ = [
    'AbstractComputationalBackend',
    'JaxCompBackend',
    'NumpyCompBackend',
    'TensorFlowCompBackend',
    'TorchCompBackend',
]

_MODULES = {'numpy': 'numpy', 'torch': 'torch', 'tensorflow': 'tensorflow', 'jax': 'jax.numpy'}
_WRAPPED = ('tensorflow', 'jax')


class _Bound:
    """Classes bound to one framework, and how tensors enter and leave them."""

    framework: ClassVar[str] = ''

    @classmethod
    def _adapter(cls) -> Framework:
        return get_framework(cls.framework)

    @classmethod
    def _native(cls, tensor: Any) -> Any:
        """Return a tensor of this framework, made of whatever it is."""
        adapter, native = adapter_of(tensor)
        wanted = cls._adapter()
        if adapter is wanted:
            return native
        return wanted.asarray(tensor) if adapter is None else wanted.from_numpy(adapter.to_numpy(native))

    @classmethod
    def _wrap(cls, native: Any) -> Any:
        """Return a tensor as users of this backend hold it: wrapped for tensorflow and jax."""
        if cls.framework not in _WRAPPED:
            return native
        return tensor_class(cls.framework)._docarray_from_native(native)

    @classmethod
    def _rows(cls, tensor: Any, device: str | None) -> Any:
        """Return a native tensor of two axes, one vector being one row, on ``device``."""
        adapter, native = cls._adapter(), cls._native(tensor)
        if len(adapter.shape(native)) == 1:
            native = adapter.reshape(native, (1, *adapter.shape(native)))
        return native if device is None else adapter.to_device(native, device)

    @classmethod
    def _squeezed(cls, native: Any) -> Any:
        adapter = cls._adapter()
        return cls._wrap(adapter.reshape(native, tuple(size for size in adapter.shape(native) if size != 1)))


class _Retrieval(_Bound):
    """Finding the best of scores."""

    @classmethod
    def top_k(
        cls, values: Any, k: int, descending: bool = False, device: str | None = None
    ) -> tuple[Any, Any]:
        """Return the best ``k`` of each row of scores (n, m), and where they stand: two tensors (n, k).

        Args:
            values: Scores (n, m), or (m,) for one row.
            k: How many; all where there are fewer.
            descending: Whether the largest are the best.
            device: Where to compute.
        """
        best, places = cls._adapter().top_k(cls._rows(values, device), k, descending)
        return cls._wrap(best), cls._wrap(places)


class _Metrics(_Bound):
    """Pairwise metrics of vectors (n, d) and (m, d), or (d,): scores (n, m) without the axes of size 1."""

    @classmethod
    def _pair(cls, x_mat: Any, y_mat: Any, device: str | None) -> tuple[Any, Any]:
        return cls._rows(x_mat, device), cls._rows(y_mat, device)

    @classmethod
    def cosine_sim(cls, x_mat: Any, y_mat: Any, eps: float = 1e-7, device: str | None = None) -> Any:
        """Return the cosine similarities; 0 for a zero vector."""
        return cls._squeezed(cls._adapter().cosine_sim(*cls._pair(x_mat, y_mat, device), eps))

    @classmethod
    def euclidean_dist(cls, x_mat: Any, y_mat: Any, device: str | None = None) -> Any:
        """Return the Euclidean distances."""
        return cls._squeezed(cls._adapter().euclidean_dist(*cls._pair(x_mat, y_mat, device)))

    @classmethod
    def sqeuclidean_dist(cls, x_mat: Any, y_mat: Any, device: str | None = None) -> Any:
        """Return the squared Euclidean distances, never negative."""
        return cls._squeezed(cls._adapter().sqeuclidean_dist(*cls._pair(x_mat, y_mat, device)))


class CompBackend(_Bound):
    """What the backends of all frameworks offer, as class methods.

    Those of numpy and torch take and return native tensors; those of tensorflow and jax return
    docarray's wrappers, and take either.
    """

    Retrieval: ClassVar[type[_Retrieval]] = _Retrieval
    Metrics: ClassVar[type[_Metrics]] = _Metrics

    def __init_subclass__(cls, framework: str) -> None:
        cls.framework = framework
        for name, base in (('Retrieval', _Retrieval), ('Metrics', _Metrics)):
            names = {'framework': framework, '__module__': cls.__module__, '__doc__': base.__doc__}
            setattr(cls, name, type(name, (base,), {**names, '__qualname__': f'{cls.__name__}.{name}'}))

    @classmethod
    def stack(cls, tensors: Sequence[Any], dim: int = 0) -> Any:
        """Return one tensor of several of equal shape, with a new axis at ``dim``."""
        natives = [cls._native(tensor) for tensor in tensors]
        if dim == 0:
            return cls._wrap(cls._adapter().stack(natives))
        return cls._wrap(load(_MODULES[cls.framework]).stack(natives, dim))

    @classmethod
    def copy(cls, tensor: Any) -> Any:
        """Return a tensor of equal values that shares no memory which could change."""
        adapter, native = cls._adapter(), cls._native(tensor)
        shape = adapter.shape(native)
        flat = adapter.concat([adapter.reshape(native, (1, *shape))])
        return cls._wrap(adapter.reshape(flat, shape))

    @classmethod
    def n_dim(cls, array: Any) -> int:
        """Return the number of axes."""
        return len(cls.shape(array))

    @classmethod
    def squeeze(cls, tensor: Any) -> Any:
        """Return the tensor without its axes of size 1."""
        return cls._squeezed(cls._native(tensor))

    @classmethod
    def to_numpy(cls, array: Any) -> np.ndarray[Any, Any]:
        """Return the values as a numpy array on the CPU."""
        return cls._adapter().to_numpy(cls._native(array))

    @classmethod
    def shape(cls, tensor: Any) -> tuple[int, ...]:
        """Return the shape as a tuple of ints."""
        return cls._adapter().shape(cls._native(tensor))

    @classmethod
    def reshape(cls, tensor: Any, shape: tuple[int, ...]) -> Any:
        """Return the tensor with another shape of the same size."""
        return cls._wrap(cls._adapter().reshape(cls._native(tensor), tuple(shape)))

    @classmethod
    def detach(cls, tensor: Any) -> Any:
        """Return the tensor cut off from gradients."""
        native = cls._native(tensor)
        if cls.framework == 'torch':
            native = native.detach()
        elif cls.framework == 'tensorflow':
            native = load('tensorflow').stop_gradient(native)
        elif cls.framework == 'jax':
            native = load('jax').lax.stop_gradient(native)
        return cls._wrap(native)

    @classmethod
    def isnan(cls, tensor: Any) -> Any:
        """Return which values are NaN; of integers none is."""
        native = cls._native(tensor)
        return cls._wrap(native != native)  # true of NaN alone, in every framework and dtype

    @classmethod
    def empty(cls, shape: tuple[int, ...], dtype: Any = None, device: str | None = None) -> Any:
        """Return a tensor of zeros of a shape, with the framework's own dtype or the name of one."""
        return cls._wrap(cls._adapter().empty(tuple(shape), _dtype_name(dtype), device))

    @classmethod
    def none_value(cls) -> Any:
        """Return what stands for a missing value: None for numpy, else NaN."""
        if cls.framework == 'numpy':
            return None
        return float('nan') if cls.framework == 'jax' else cls._adapter().asarray(float('nan'))

    @classmethod
    def to_device(cls, tensor: Any, device: str) -> Any:
        """Return the tensor on another device."""
        return cls._wrap(cls._adapter().to_device(cls._native(tensor), str(device)))

    @classmethod
    def device(cls, tensor: Any) -> str | None:
        """Return the device as the framework spells it; None for numpy, which has none."""
        return None if cls.framework == 'numpy' else cls._adapter().device(cls._native(tensor))

    @classmethod
    def dtype(cls, tensor: Any) -> Any:
        """Return the dtype: numpy's and torch's own, the name of tensorflow's and jax's."""
        native = cls._native(tensor)
        return cls._adapter().dtype(native) if cls.framework in _WRAPPED else native.dtype

    @classmethod
    def equal(cls, tensor1: Any, tensor2: Any) -> bool:
        """Whether both are tensors of this framework of equal shape and values."""
        return cls._adapter().equal(adapter_of(tensor1)[1], adapter_of(tensor2)[1])

    @classmethod
    def minmax_normalize(
        cls,
        tensor: Any,
        t_range: tuple[float, float] = (0, 1),
        x_range: tuple[Any, Any] | None = None,
        eps: float = 1e-7,
    ) -> Any:
        """Return the values scaled along the last axis, so that least and greatest meet ``t_range``.

        ``(b - a) * (x - low) / (high - low + eps) + a``, cut to the range.

        Args:
            tensor: Values (..., n). Floating dtypes are kept; of integers the result is float64.
            t_range: The wanted range (a, b); a may be greater than b.
            x_range: (low, high), numbers or one for each row (...), in place of the least and greatest.
            eps: Added to the denominator, which may be 0.

        Raises:
            QueryError: The range is not two numbers.
        """
        adapter, native = cls._adapter(), cls._native(tensor)
        if len(t_range) != 2:
            raise QueryError(where='minmax_normalize(t_range)', got=f'{len(t_range)} values', wanted='two')
        start, stop = t_range
        values = np.asarray(adapter.to_numpy(native), np.float64)
        low, high = (values.min(-1), values.max(-1)) if x_range is None else map(np.asarray, x_range)
        low, high = (bound[..., None] if bound.ndim else bound for bound in (low, high))
        scaled = (stop - start) * (values - low) / (high - low + eps) + start
        made = adapter.from_numpy(np.clip(scaled, min(start, stop), max(start, stop)))
        if adapter.is_floating(native):
            made = adapter.cast(made, adapter.dtype(native))
        if adapter.device(made) != adapter.device(native):
            made = adapter.to_device(made, adapter.device(native))
        return cls._wrap(made)


def _dtype_name(dtype: Any) -> str | None:
    """Return the name of a dtype of any framework."""
    if dtype is None or isinstance(dtype, str):
        return dtype
    text = str(dtype)
    if text.startswith('torch.'):
        return text.removeprefix('torch.')
    name = getattr(dtype, 'name', None)
    return name if isinstance(name, str) else np.dtype(dtype).name


#: What earlier versions called it, for issubclass.
AbstractComputationalBackend = CompBackend


class NumpyCompBackend(CompBackend, framework='numpy'):
    """Computation on numpy arrays.

    Example:
        >>> NumpyCompBackend.Metrics.cosine_sim(np.eye(2), np.eye(2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """


class TorchCompBackend(CompBackend, framework='torch'):
    """Computation on torch tensors, on their device.

    Example:
        >>> import torch
        >>> TorchCompBackend.n_dim(torch.zeros(2, 3))
        2
    """


class TensorFlowCompBackend(CompBackend, framework='tensorflow'):
    """Computation on tensorflow tensors and TensorFlowTensors.

    Example:
        >>> import tensorflow as tf
        >>> TensorFlowCompBackend.shape(tf.zeros((2, 3)))
        (2, 3)
    """


class JaxCompBackend(CompBackend, framework='jax'):
    """Computation on jax arrays and JaxArrays.

    Example:
        >>> import jax.numpy as jnp
        >>> JaxCompBackend.shape(jnp.zeros((2, 3)))
        (2, 3)
    """
