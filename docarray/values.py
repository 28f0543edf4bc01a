"""Field values, tensors among them: finding their framework, comparing them, showing them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from docarray.frameworks import Framework, framework_of, get_framework

_MOST_BYTES = 40
_MOST_ITEMS = 10


def adapter_of(value: Any) -> tuple[Framework | None, Any]:
    """Return the framework of a tensor, ours or native, and the native tensor; None for anything else."""
    native = value.unwrap() if hasattr(type(value), 'unwrap') else value
    return framework_of(native), native


_PLAIN = (bool, int, float, str, bytes)


def equal_values(a: Any, b: Any) -> bool:
    """Whether two field values are equal: tensors by shape and values, NaN equal to NaN.

    Neither the framework nor the dtype of a tensor counts.

    Example:
        >>> import numpy as np
        >>> equal_values([np.zeros(2)], [np.zeros(2)]), equal_values(np.zeros(2), None)
        (True, False)
    """
    if a is b:
        return True
    if a is None or b is None:
        return False
    if isinstance(a, _PLAIN) and isinstance(b, _PLAIN):
        return a == b or (a != a and b != b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(equal_values, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal_values(value, b[key]) for key, value in a.items())
    (adapter, a), (other, b) = adapter_of(a), adapter_of(b)
    if adapter is not None and other is not None:
        return adapter.equal(a, b) if adapter is other else _equal_arrays(adapter, a, other, b)
    if adapter is not None or other is not None:
        return False
    return bool(a == b) or bool(a != a and b != b)


def _equal_arrays(adapter: Framework, a: Any, other: Framework, b: Any) -> bool:
    """Whether tensors of two frameworks are equal."""
    if adapter.shape(a) != other.shape(b):
        return False
    return get_framework('numpy').equal(adapter.to_numpy(a), other.to_numpy(b))


def _copy_array(array: Any) -> Any:
    return copy.deepcopy(array) if array.dtype == np.object_ else array.copy('K')


def _copy_torch(tensor: Any) -> Any:
    made = tensor.clone()  # deepcopy would copy all of the memory that it is a view of
    if type(made) is not type(tensor):
        made.__class__ = type(tensor)  # nobody else has it yet; as_subclass would make a second object
    return made


def _copy_wrapper(tensor: Any) -> Any:
    native = tensor.unwrap() if hasattr(tensor, 'unwrap') else tensor
    if hasattr(native, 'assign'):  # a tf.Variable
        return copy.deepcopy(tensor)
    return tensor if native is tensor else copy.copy(tensor)


#: How to copy a tensor. Those of TensorFlow and JAX never change, but for variables; the wrappers do.
TENSOR_COPIES: dict[str, Callable[[Any], Any]] = {
    'numpy': _copy_array,
    'torch': _copy_torch,
    'tensorflow': _copy_wrapper,
    'jax': _copy_wrapper,
}


def copy_tensor_of(value: Any) -> Callable[[Any], Any]:
    """Return how to copy a tensor, quickly for those of known frameworks; deepcopy for anything else.

    Example:
        >>> array = np.zeros(2)
        >>> copy_tensor_of(array)(array) is array
        False
    """
    framework, ours = framework_of(value), getattr(type(value), 'tensor_type', None)
    name = getattr(ours, 'framework', '') if framework is None else framework.name
    return TENSOR_COPIES.get(name, copy.deepcopy)


class Shown:
    """Text that stands for itself in a repr."""

    __slots__ = ('text',)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def shown(value: Any) -> Any:
    """Return what stands for a value in the repr of its document: short, whatever its size.

    A tensor is its class, shape and dtype, in lists and dicts too, of which the first ten items are
    shown; bytes are cut. Text is whole: it is what people look for.

    Example:
        >>> import numpy as np
        >>> shown([np.zeros(3)])
        [ndarray(shape=(3,), dtype=float64)]
    """
    adapter, native = adapter_of(value)
    if adapter is not None:
        return Shown(f'{type(value).__name__}(shape={adapter.shape(native)}, dtype={adapter.dtype(native)})')
    if isinstance(value, bytes):
        return (
            value if len(value) <= _MOST_BYTES else Shown(f'{value[:_MOST_BYTES]!r}... ({len(value)} bytes)')
        )
    more = [Shown('...')]
    if type(value) in (list, tuple):
        items = list(map(shown, value[:_MOST_ITEMS])) + more * (len(value) > _MOST_ITEMS)
        return type(value)(items)
    if type(value) is dict:
        first = {key: shown(item) for key, item in islice(value.items(), _MOST_ITEMS)}
        return first | ({more[0]: more[0]} if len(value) > _MOST_ITEMS else {})
    return value
