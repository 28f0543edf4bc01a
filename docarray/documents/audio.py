"""AudioDoc: sound as URL, as bytes and as samples."""

from __future__ import annotations

from pydantic import Field

from docarray.documents.base import BYTES_NAMES, MediaDocument
from docarray.typing.bytes import AudioBytes
from docarray.typing.tensors import AnyEmbedding, AudioTensor
from docarray.typing.urls import AudioUrl

__all__ = ['Audio', 'AudioDoc']


class AudioDoc(MediaDocument):
    """A sound. A URL, bytes or a tensor of any framework stand for one.

    Attributes:
        url: Where it is to be found.
        tensor: Its samples, (n,) or (n, channels).
        embedding: A vector of any framework.
        bytes_: The audio file.
        frame_rate: Samples per second.

    Example:
        >>> import numpy as np
        >>> sound = AudioDoc(tensor=np.zeros(8000, np.float32), frame_rate=8000)
        >>> len(sound.tensor) / sound.frame_rate
        1.0
    """

    url: AudioUrl | None = None
    tensor: AudioTensor | None = None
    embedding: AnyEmbedding | None = None
    bytes_: AudioBytes | None = Field(default=None, validation_alias=BYTES_NAMES)
    frame_rate: int | None = None


Audio = AudioDoc
