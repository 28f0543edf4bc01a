"""Rows on their way to a worker process, with their torch tensors in a few blocks of bytes.

torch sends each tensor as a file of shared memory that stays open. An array of thousands of documents
would need thousands: more than most systems allow a process, and than a forkserver takes at all.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from docarray.array.rows import DocumentArray
from docarray.typing.abstract import AbstractTensor

__all__ = ['Parcel']

Bytes = npt.NDArray[np.uint8]
#: Where a tensor is: dtype of its block, first value, shape. None: it travels by itself.
Place = tuple[torch.dtype, int, tuple[int, ...]] | None


class Parcel:
    """A DocumentArray that is pickled with few tensors; the other side gets the array itself.

    Args:
        documents: The array.

    Example:
        >>> from docarray.documents import TextDoc
        >>> texts = DocumentArray[TextDoc]([TextDoc(text='a', embedding=torch.ones(2))])
        >>> rebuild, state = Parcel(texts).__reduce__()
        >>> rebuild(*state)[0].embedding
        TorchEmbedding([1., 1.])
    """

    __slots__ = ('documents',)

    def __init__(self, documents: DocumentArray[Any]) -> None:
        self.documents = documents

    def __reduce__(self) -> Any:
        file = io.BytesIO()
        packer = _Packer(file)
        packer.dump(self.documents)
        places, blocks, single = _blocks(packer.tensors)
        return _unpacked, (file.getvalue(), places, blocks, single)


class _Packer(pickle.Pickler):
    """Leaves torch tensors out, but for their number and class."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.tensors: list[Any] = []
        self._numbers: dict[int, int] = {}

    def persistent_id(self, value: Any) -> Any:
        if type(value) is not torch.Tensor and not (
            isinstance(value, torch.Tensor) and isinstance(value, AbstractTensor)
        ):
            return None
        number = self._numbers.setdefault(id(value), len(self.tensors))
        if number == len(self.tensors):
            self.tensors.append(value)
        return number, type(value)


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, tensors: list[Any]) -> None:
        super().__init__(file)
        self._tensors = tensors

    def persistent_load(self, pid: Any) -> Any:
        number, cls = pid
        tensor = self._tensors[number]
        return tensor if type(tensor) is cls else tensor.as_subclass(cls)


def _blocks(tensors: list[Any]) -> tuple[list[Place], dict[torch.dtype, Bytes], list[Any]]:
    """Return the place of each tensor, the bytes of those of each dtype, and the tensors that are neither.

    Not shared memory, which would have to stay open here for as long as a worker may need it.
    """
    places: list[Place] = []
    parts: dict[torch.dtype, list[Any]] = {}
    sizes: dict[torch.dtype, int] = {}
    single = []
    for tensor in tensors:
        if tensor.device.type != 'cpu' or tensor.layout is not torch.strided:
            places.append(None)
            single.append(tensor)
            continue
        plain = tensor.detach().as_subclass(torch.Tensor)  # gradients end where the process ends
        start = sizes.get(tensor.dtype, 0)
        places.append((tensor.dtype, start, tuple(tensor.shape)))
        sizes[tensor.dtype] = start + tensor.numel()
        parts.setdefault(tensor.dtype, []).append(plain.reshape(-1))
    blocks = {dtype: torch.cat(found).view(torch.uint8).numpy() for dtype, found in parts.items()}
    return places, blocks, single


def _unpacked(data: bytes, places: list[Place], blocks: dict[torch.dtype, Bytes], single: list[Any]) -> Any:
    values = {dtype: torch.from_numpy(block).view(dtype) for dtype, block in blocks.items()}
    waiting, tensors = iter(single), []
    for place in places:
        if place is None:
            tensors.append(next(waiting))
        else:
            dtype, start, shape = place
            tensors.append(values[dtype][start : start + math.prod(shape)].view(shape))
    return _Unpacker(io.BytesIO(data), tensors).load()
