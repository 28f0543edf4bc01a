"""JaxArray and its modalities. Imported when one of them is named or a jax array shows up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax

from docarray.typing import _coerce
from docarray.typing.modality import (
    AbstractAudioTensor,
    AbstractEmbedding,
    AbstractImageTensor,
    AbstractVideoTensor,
    modality_classes,
)
from docarray.typing.types import TensorType
from docarray.typing.wrapper import WrappedTensor, native_index

__all__ = ['AudioJaxArray', 'ImageJaxArray', 'JaxArray', 'JaxArrayEmbedding', 'VideoJaxArray']


class JaxArray(WrappedTensor):
    """A jax array as a field type: a wrapper around ``.tensor`` that jax.numpy and jax.jit accept.

    It is a pytree of one leaf: ``jit``, ``grad``, ``vmap``, ``shard_map``, ``device_put`` and the trees of
    an optimizer take it and give it back. ``jax.numpy``, ``jax.nn``, the operators of other arrays and
    ``from_dlpack`` of any package take it as the array. These want ``.tensor``, for jax looks there for
    arrays of its own classes:

    - the primitives in ``jax.lax``, and ``jax.random`` where it calls them (``permutation``);
    - the brackets of another array: ``x[t.tensor]``, ``x.at[t.tensor]``;
    - what ``scan``, ``fori_loop`` and ``while_loop`` carry, and what the branches of ``cond`` give:
      operations give native arrays, and a carry must stay of one class. (``JaxArray(carry + x)`` at
      the end of the body works as well.) What is scanned over and what ``cond`` is given may be wrapped;
    - a tree next to one whose leaves are native: ``tree.map(f, params, grads)`` wants two of one kind.

    Args:
        tensor: What to make it of: arrays, tensors, nested lists, JSON.

    Raises:
        TensorError: This cannot become an array.

    Example:
        >>> import jax.numpy as jnp
        >>> float(jax.jit(jnp.sum)(JaxArray(tensor=[1.0, 2.0])))
        3.0
    """

    __slots__ = ()
    tensor_type = TensorType('jax')
    _docarray_own = (jax.Array,)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if '__unparametrizedcls__' not in cls.__dict__:  # X[shape] has no instances
            _register(cls)

    def __jax_array__(self) -> Any:
        tensor = self.tensor
        while isinstance(tensor, JaxArray):  # jax.hessian gives a tree of trees
            tensor = tensor.tensor
        return tensor

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tensor = self.tensor.at[native_index(index)].set(_coerce.native(value))


def _register(cls: type[JaxArray]) -> None:
    """Make a class known to jax as a pytree of one leaf, which may be anything that jax puts there."""
    jax.tree_util.register_pytree_with_keys(
        cls,
        lambda array: (((jax.tree_util.GetAttrKey('tensor'), array.tensor),), None),
        lambda _, leaves: cls._docarray_from_native(leaves[0]),
        lambda array: ((array.tensor,), None),
    )


_register(JaxArray)


if TYPE_CHECKING:

    class JaxArrayEmbedding(AbstractEmbedding, JaxArray):
        """An embedding as a jax array."""

    class ImageJaxArray(AbstractImageTensor, JaxArray):
        """An image as a jax array."""

    class AudioJaxArray(AbstractAudioTensor, JaxArray):
        """Audio as a jax array."""

    class VideoJaxArray(AbstractVideoTensor, JaxArray):
        """Video as a jax array."""

else:
    JaxArrayEmbedding, ImageJaxArray, AudioJaxArray, VideoJaxArray = modality_classes(JaxArray)
