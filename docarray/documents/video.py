"""VideoDoc: a video as URL, as bytes and as frames, with its sound."""

from __future__ import annotations

from pydantic import Field

from docarray.documents.audio import AudioDoc
from docarray.documents.base import BYTES_NAMES, MediaDocument
from docarray.typing.bytes import VideoBytes
from docarray.typing.tensors import AnyEmbedding, AnyTensor, VideoTensor
from docarray.typing.urls import VideoUrl

__all__ = ['Video', 'VideoDoc']


class VideoDoc(MediaDocument):
    """A video. A URL, bytes or a tensor of any framework stand for one.

    Attributes:
        url: Where it is to be found.
        audio: Its sound.
        tensor: Its frames, (n, height, width, 3), or one frame.
        key_frame_indices: Which frames stand for themselves, (k,).
        embedding: A vector of any framework.
        bytes_: The video file.

    Example:
        >>> import numpy as np
        >>> VideoDoc(tensor=np.zeros((2, 4, 6, 3), np.uint8), audio='a.wav').audio.url
        'a.wav'
    """

    url: VideoUrl | None = None
    audio: AudioDoc | None = None
    tensor: VideoTensor | None = None
    key_frame_indices: AnyTensor | None = None
    embedding: AnyEmbedding | None = None
    bytes_: VideoBytes | None = Field(default=None, validation_alias=BYTES_NAMES)


Video = VideoDoc
