"""Stacking documents against stacking their bare tensors."""

from __future__ import annotations

import numpy as np
import torch

from bench.timing import Row, compare, settings
from docarray import BaseDocument, DocumentArray
from docarray.typing import NdArray, TorchTensor


class TorchImage(BaseDocument):
    tensor: TorchTensor[3, 64, 64]


class NumpyImage(BaseDocument):
    tensor: NdArray[3, 64, 64]


def rows() -> list[Row]:
    count = 50 if settings.quick else 1000
    arrays = list(np.random.default_rng(0).random((count, 3, 64, 64), np.float32))
    tensors = [torch.from_numpy(array).clone() for array in arrays]
    in_torch = DocumentArray[TorchImage]([TorchImage(tensor=tensor) for tensor in tensors])
    in_numpy = DocumentArray[NumpyImage]([NumpyImage(tensor=array) for array in arrays])
    return [
        compare(
            'stack 1,000 of (3, 64, 64): torch', in_torch.stack, lambda: torch.stack(tensors), 1.3, rounds=60
        ),
        compare(
            'stack 1,000 of (3, 64, 64): numpy', in_numpy.stack, lambda: np.stack(arrays), 1.3, rounds=60
        ),
    ]
