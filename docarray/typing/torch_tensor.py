"""TorchTensor and its modalities. Imported when one of them is named or a torch tensor shows up."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from docarray._typed import pickles_by_recipe
from docarray.typing.abstract import AbstractTensor, TensorMeta, validator_of
from docarray.typing.modality import (
    AbstractAudioTensor,
    AbstractEmbedding,
    AbstractImageTensor,
    AbstractVideoTensor,
    modality_classes,
)
from docarray.typing.types import DTYPES, TensorType

__all__ = ['AudioTorchTensor', 'ImageTorchTensor', 'TorchEmbedding', 'TorchTensor', 'VideoTorchTensor']

T = TypeVar('T', bound='TorchTensor')


@pickles_by_recipe
class TorchMeta(TensorMeta, type(torch.Tensor)):  # type: ignore[misc]  # a metaclass that torch makes in C
    """Metaclass of torch tensor classes."""


class TorchTensor(AbstractTensor, torch.Tensor, metaclass=TorchMeta):
    """A torch tensor as a field type: a subclass that shares memory and graph with the tensor it was given.

    The results of operations are plain tensors, at the price of plain operations. ``TorchTensor(value)``
    makes one of tensors, arrays, nested lists and JSON, as a field does; sizes, which make an
    uninitialised tensor in torch, are not taken.

    Parameters, buffers, optimizers, loaders and ``torch.save`` take it. ``torch.load`` gives it back, with
    ``weights_only`` too where this class has been imported; for files that are read without docarray, save
    ``unwrap()``. ``torch.compile`` takes it, but in torch 2.13 the first call of what the default backend
    compiled refuses every subclass of tensors (pytorch issue 193932): give it ``unwrap()`` there.

    Args:
        tensor: What to make it of.

    Raises:
        TensorError: This cannot become a tensor.

    Example:
        >>> weights = torch.nn.Parameter(torch.ones(2))
        >>> TorchTensor[2](weights).sum().backward()
        >>> weights.grad
        tensor([1., 1.])
    """

    tensor_type = TensorType('torch')
    _docarray_own = (torch.Tensor,)
    _docarray_plain = (
        torch.Tensor,
        torch.Tensor.as_subclass,
        frozenset(getattr(torch, name) for name in DTYPES if hasattr(torch, name)),
    )
    __torch_function__ = torch._C._disabled_torch_function_impl

    def __new__(cls: type[T], tensor: Any) -> T:
        made: T = validator_of(cls)(tensor)
        return made

    @classmethod
    def _docarray_from_native(cls: type[T], value: Any) -> T:
        made: T = value.as_subclass(cls.__unparametrizedcls__)
        return made

    def unwrap(self) -> torch.Tensor:
        """Return the plain tensor, which shares memory and graph with this one."""
        return self.as_subclass(torch.Tensor)

    def detach(self) -> torch.Tensor:
        """Return this tensor without its graph, of this class, as ``torch.nn.Parameter`` requires."""
        return super().detach().as_subclass(type(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        if self.is_leaf:
            made = self.detach().clone().as_subclass(type(self)).requires_grad_(self.requires_grad)
            made.grad = copy.deepcopy(self.grad, memo)
        else:  # the copy stays part of the graph, as a clone does; torch refuses it for plain tensors
            made = self.clone().as_subclass(type(self))
        memo[id(self)] = made
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not self.requires_grad:
            return super().__reduce_ex__(protocol)
        # torch re-classes what it has read, which would make a leaf that requires a gradient a view of one.
        return _leaf, (self.detach(), self.__dict__)

    def __format__(self, spec: str) -> str:
        return format(self.unwrap(), spec) if spec else str(self)  # torch formats numbers of its own class


def _leaf(tensor: TorchTensor, attributes: dict[str, Any]) -> TorchTensor:
    tensor.__dict__.update(attributes)
    return tensor.requires_grad_()


if TYPE_CHECKING:

    class TorchEmbedding(AbstractEmbedding, TorchTensor):
        """An embedding as a torch tensor."""

    class ImageTorchTensor(AbstractImageTensor, TorchTensor):
        """An image as a torch tensor."""

    class AudioTorchTensor(AbstractAudioTensor, TorchTensor):
        """Audio as a torch tensor."""

    class VideoTorchTensor(AbstractVideoTensor, TorchTensor):
        """Video as a torch tensor."""

else:
    TorchEmbedding, ImageTorchTensor, AudioTorchTensor, VideoTorchTensor = modality_classes(TorchTensor)

if hasattr(torch.serialization, 'add_safe_globals'):  # torch 2.4
    torch.serialization.add_safe_globals(
        [TorchTensor, TorchEmbedding, ImageTorchTensor, AudioTorchTensor, VideoTorchTensor, _leaf]
    )
