"""PointCloud3D: a shape made of points."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from docarray.documents.base import BYTES_NAMES, MediaDocument
from docarray.typing.tensors import AnyEmbedding, AnyTensor
from docarray.typing.urls import PointCloud3DUrl

__all__ = ['PointCloud3D', 'PointsAndColors']

#: Earlier versions had a package here: its modules are found by ``docarray._aliases``.
__path__: list[str] = []


class PointsAndColors(MediaDocument):
    """Points, and the colour of each. A tensor of any framework stands for one without colours.

    Attributes:
        points: Coordinates, (n, 3).
        colors: Colours, (n, 3) or (n, 4).

    Example:
        >>> import numpy as np
        >>> PointsAndColors.model_validate(np.zeros((100, 3))).points.shape
        (100, 3)
    """

    points: AnyTensor
    colors: AnyTensor | None = None

    _bare: ClassVar[dict[str, str]] = {'tensor': 'points'}


class PointCloud3D(MediaDocument):
    """A point cloud. A URL, bytes, or a tensor of points stand for one.

    Attributes:
        url: Where it is to be found.
        tensors: Its points and their colours.
        embedding: A vector of any framework.
        bytes_: The file.

    Example:
        >>> import numpy as np
        >>> PointCloud3D(tensors=np.zeros((2, 3))).tensors.points.shape
        (2, 3)
    """

    url: PointCloud3DUrl | None = None
    tensors: PointsAndColors | None = None
    embedding: AnyEmbedding | None = None
    bytes_: bytes | None = Field(default=None, validation_alias=BYTES_NAMES)

    _bare: ClassVar[dict[str, str]] = {'url': 'url', 'bytes': 'bytes_', 'tensor': 'tensors'}
