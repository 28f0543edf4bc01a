"""ImageDoc: an image as URL, as bytes and as pixels."""

from __future__ import annotations

from pydantic import Field

from docarray.documents.base import BYTES_NAMES, MediaDocument
from docarray.typing.bytes import ImageBytes
from docarray.typing.tensors import AnyEmbedding, ImageTensor
from docarray.typing.urls import ImageUrl

__all__ = ['Image', 'ImageDoc']


class ImageDoc(MediaDocument):
    """An image. A URL, bytes or a tensor of any framework stand for one.

    Attributes:
        url: Where it is to be found.
        tensor: Its pixels.
        embedding: A vector of any framework.
        bytes_: The image file.

    Example:
        >>> import numpy as np
        >>> image = ImageDoc(url='cat.png')
        >>> image.tensor = np.zeros((4, 6, 3), np.uint8)
        >>> image.bytes_ = image.tensor.to_bytes()
        >>> image.bytes_.load().shape
        (4, 6, 3)
    """

    url: ImageUrl | None = None
    tensor: ImageTensor | None = None
    embedding: AnyEmbedding | None = None
    bytes_: ImageBytes | None = Field(default=None, validation_alias=BYTES_NAMES)


Image = ImageDoc
