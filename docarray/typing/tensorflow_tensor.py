"""TensorFlowTensor and its modalities. Imported when one of them is named or a tensorflow tensor shows up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from docarray.typing import _coerce
from docarray.typing.modality import (
    AbstractAudioTensor,
    AbstractEmbedding,
    AbstractImageTensor,
    AbstractVideoTensor,
    modality_classes,
)
from docarray.typing.types import TensorType
from docarray.typing.wrapper import WrappedTensor

__all__ = [
    'AudioTensorFlowTensor',
    'ImageTensorFlowTensor',
    'TensorFlowEmbedding',
    'TensorFlowTensor',
    'VideoTensorFlowTensor',
]


class TensorFlowTensor(WrappedTensor):
    """A tensorflow tensor as a field type: a wrapper around ``.tensor`` that tensorflow and Keras accept.

    ``tf.function`` traces once for all of them, and sees plain tensors. To watch one on a
    ``tf.GradientTape``, give the tape ``t.tensor``.

    Args:
        tensor: What to make it of: tensors, arrays, nested lists, JSON.

    Raises:
        TensorError: This cannot become a tensor.

    Example:
        >>> t = TensorFlowTensor(tensor=tf.zeros((224, 224)))
        >>> tf.broadcast_to(t, (3, 224, 224)).shape
        TensorShape([3, 224, 224])
    """

    __slots__ = ()
    tensor_type = TensorType('tensorflow')
    _docarray_own = (tf.Tensor,)

    # Both are needed: with __array__ alone gradients are cut without a word, and without it Keras
    # refuses the wrapper and tf.function traces anew for every object.
    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self.tensor if dtype is None else tf.convert_to_tensor(self.tensor, dtype, name=name)

    def __setitem__(self, index: Any, value: Any) -> None:
        parts = [_coerce.native(part) for part in (index if isinstance(index, tuple) else (index,))]
        if any(np.ndim(part) for part in parts):  # masks and lists of places, which variables do not take
            array = self.tensor.numpy()
            array[tuple(map(_place, parts))] = np.asarray(_coerce.native(value))
            with tf.device(self.tensor.device):
                self.tensor = tf.convert_to_tensor(array)
            return
        variable = tf.Variable(self.tensor)
        variable[_coerce.native(index)].assign(tf.cast(_coerce.native(value), variable.dtype))
        self.tensor = tf.convert_to_tensor(variable)


def _place(part: Any) -> Any:
    return np.asarray(part) if np.ndim(part) or tf.is_tensor(part) else part


if TYPE_CHECKING:

    class TensorFlowEmbedding(AbstractEmbedding, TensorFlowTensor):
        """An embedding as a tensorflow tensor."""

    class ImageTensorFlowTensor(AbstractImageTensor, TensorFlowTensor):
        """An image as a tensorflow tensor."""

    class AudioTensorFlowTensor(AbstractAudioTensor, TensorFlowTensor):
        """Audio as a tensorflow tensor."""

    class VideoTensorFlowTensor(AbstractVideoTensor, TensorFlowTensor):
        """Video as a tensorflow tensor."""

else:
    (
        TensorFlowEmbedding,
        ImageTensorFlowTensor,
        AudioTensorFlowTensor,
        VideoTensorFlowTensor,
    ) = modality_classes(TensorFlowTensor)
