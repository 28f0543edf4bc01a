"""Field values, tensors among them: finding their framework, comparing them, showing them."""

from __future__ import annotations

from itertools import islice
from typing import Any

from docarray.frameworks import Framework, framework_of

_MOST_BYTES = 40
_MOST_ITEMS = 10


def adapter_of(value: Any) -> tuple[Framework | None, Any]:
    """Return the framework of a tensor, ours or native, and the native tensor; None for anything else."""
    native = value.unwrap() if hasattr(value, 'unwrap') else value
    return framework_of(native), native


_PLAIN = (bool, int, float, str, bytes)


def equal_values(a: Any, b: Any) -> bool:
    """Whether two field values are equal: tensors by shape and values, NaN equal to NaN.

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
    if adapter is not None or other is not None:
        return adapter is other and adapter is not None and adapter.equal(a, b)
    return bool(a == b) or bool(a != a and b != b)


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
