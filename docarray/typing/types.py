"""TensorType: everything a tensor class means, as one frozen record."""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import Any

AxisSpec = int | str | None | EllipsisType


@dataclass(frozen=True)
class TensorType:
    """What a tensor class means.

    Attributes:
        framework: 'numpy', 'torch', 'tensorflow', 'jax', or '' for a tensor of any framework.
        modality: '', 'embedding', 'image', 'audio' or 'video'.
        shape: Axes, or None where any shape will do. An int is a size, a string a name (equal
            names in one document are equal sizes), ``...`` stands for one axis or more.
        dtype: A dtype name ('uint8', 'bfloat16'), or '' where any will do.

    Example:
        >>> TensorType('numpy', 'image', (3, 'h', 'w'), 'uint8').shape
        (3, 'h', 'w')
    """

    framework: str = ''
    modality: str = ''
    shape: tuple[AxisSpec, ...] | None = None
    dtype: str = ''

    def mismatch(self, shape: tuple[int, ...]) -> str:
        """Return why ``shape`` does not fit, or '' where it fits."""
        raise NotImplementedError

    def axes(self, shape: tuple[int, ...]) -> dict[str, int]:
        """Return the size of each named axis in a tensor of this (fitting) shape."""
        raise NotImplementedError


def _unused(value: Any) -> None: ...
