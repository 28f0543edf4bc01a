"""Reading a field of a row of columns against reading an attribute of a plain document."""

from __future__ import annotations

import numpy as np
import torch

from bench.timing import Row, compare
from docarray import BaseDocument, DocumentArray
from docarray.typing import NdArray, TorchTensor


class Page(BaseDocument):
    number: int
    title: str
    vector: NdArray[128]
    tensor: TorchTensor[128]


def rows() -> list[Row]:
    documents = [
        Page(number=i, title=f'page {i}', vector=np.ones(128, np.float32), tensor=torch.ones(128))
        for i in range(2000)
    ]
    stacked = DocumentArray[Page](documents).stack()
    names = {'view': stacked[7], 'document': documents[7], 'stacked': stacked, 'documents': documents}
    names['column'] = torch.ones(2000, 128)
    fields = {'number': 'an int', 'title': 'a text', 'vector': 'a numpy row', 'tensor': 'a torch row'}
    read = [
        compare(f'view: read {what}', f'view.{field}', f'document.{field}', 1e-6, unit='beyond', names=names)
        for field, what in fields.items()
    ]
    made = compare(
        'view: make it and read an int',
        'stacked[7].number',
        'documents[7].number',
        1e-6,
        unit='beyond',
        names=names,
    )
    bare = compare(
        'view: read a torch row, beyond a row of the bare tensor',
        'view.tensor',
        'column[7]',
        1e-6,
        unit='beyond',
        names=names,
    )
    return [*read, made, bare]
