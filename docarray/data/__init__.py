"""Data for training: MultiModalDataset for the PyTorch DataLoader; torch is imported on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from docarray._lazy import load

if TYPE_CHECKING:
    from docarray.data.torch import MultiModalDataset as MultiModalDataset

__all__ = ['MultiModalDataset']


def __getattr__(name: str) -> Any:
    if name != 'MultiModalDataset':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    load('torch')
    found = importlib.import_module('docarray.data.torch').MultiModalDataset
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
