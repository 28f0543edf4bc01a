"""Field values, tensors among them: finding their framework, comparing them, showing them."""

from __future__ import annotations

from typing import Any

from docarray.frameworks import Framework, framework_of


def adapter_of(value: Any) -> tuple[Framework | None, Any]:
    """Return the framework of a tensor, ours or native, and the native tensor; None for anything else."""
    native = value.unwrap() if hasattr(value, 'unwrap') else value
    return framework_of(native), native


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
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(equal_values, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal_values(value, b[key]) for key, value in a.items())
    (adapter, a), (other, b) = adapter_of(a), adapter_of(b)
    if adapter is not None or other is not None:
        return adapter is other and adapter is not None and adapter.equal(a, b)
    return bool(a == b) or bool(a != a and b != b)


class Shown:
    """A tensor in a repr: its class, shape and dtype, never its values."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __repr__(self) -> str:
        adapter, native = adapter_of(self.tensor)
        facts = f'shape={adapter.shape(native)}, dtype={adapter.dtype(native)}' if adapter else ''
        return f'{type(self.tensor).__name__}({facts})'
