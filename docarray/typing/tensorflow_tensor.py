"""TensorFlowTensor and its modalities. Imported when one of them is named or a tensorflow tensor shows up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

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
from docarray.typing.wrapper import WrappedTensor, native_index

__all__ = [
    'AudioTensorFlowTensor',
    'ImageTensorFlowTensor',
    'TensorFlowEmbedding',
    'TensorFlowTensor',
    'VideoTensorFlowTensor',
]

T = TypeVar('T', bound='TensorFlowTensor')


class TensorFlowTensor(WrappedTensor):
    """A tensorflow tensor as a field type: a wrapper around ``.tensor`` that tensorflow and Keras accept.

    ``tf.function`` traces once for all of them, and sees plain tensors; ``tf.data``, loops, ``tf.cond``,
    variables, ``fit`` and ``predict`` take it as the tensor, and so does ``from_dlpack`` of any package.
    Lists and integer tensors in its brackets name rows, as in numpy. These want ``.tensor``, for
    tensorflow looks there for tensors of its own classes:

    - a ``tf.GradientTape``: ``tape.watch(t.tensor)``, ``tape.gradient(loss, t.tensor)``. What is
      computed from ``t`` is computed from that tensor;
    - lists of them that tensorflow would stack without being told to, as in
      ``Dataset.from_tensor_slices([a, b])``; ``tf.stack([a, b])`` is fine;
    - ``tf.switch_case``, ``tf.TensorSpec.from_tensor``, and all of ``tf.experimental.numpy`` and
      ``tf.experimental.dlpack``.

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

    def __getitem__(self: T, index: Any) -> T:
        rows = native_index(index)
        if isinstance(rows, tuple) or not np.ndim(rows):
            return super().__getitem__(rows)
        return type(self)._docarray_from_native(_rows(self.tensor, tf.convert_to_tensor(rows)))

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


def _rows(tensor: Any, rows: Any) -> Any:
    """Return the rows that a mask or a tensor of integers, which may be negative, names."""
    if rows.dtype == tf.bool:
        return tf.boolean_mask(tensor, rows)
    return tf.gather(tensor, tf.where(rows < 0, rows + tf.shape(tensor, rows.dtype)[0], rows))


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
