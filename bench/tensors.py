"""Operations on a TorchTensor against those on a plain torch tensor, small ones, where overhead shows."""

from __future__ import annotations

import torch

from bench.timing import Row, compare
from docarray.typing import TorchTensor


def rows() -> list[Row]:
    plain = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    names = {'plain': plain, 'ours': TorchTensor[3, 4](plain.clone())}
    statements = {'add a number': '{} + 1', 'add a tensor': '{0} + {0}', 'index a row': '{}[0]'}
    return [
        compare(
            f'TorchTensor: {name}', code.format('ours'), code.format('plain'), 1.2, names=names, rounds=600
        )
        for name, code in statements.items()
    ]
