"""Mesh3D: a shape made of triangles."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from docarray.document import BaseDocument
from docarray.documents.base import BYTES_NAMES, MediaDocument
from docarray.typing.tensors import AnyEmbedding, AnyTensor
from docarray.typing.urls import Mesh3DUrl

__all__ = ['Mesh3D', 'VerticesAndFaces']

#: Earlier versions had a package here: its modules are found by ``docarray._aliases``.
__path__: list[str] = []


class VerticesAndFaces(BaseDocument):
    """The corners of a mesh, and which of them make a face.

    Attributes:
        vertices: Coordinates, (n, 3).
        faces: Numbers of vertices, (m, 3) for triangles.

    Example:
        >>> VerticesAndFaces(
        ...     vertices=[[0, 0, 0], [1, 0, 0], [0, 1, 0]], faces=[[0, 1, 2]]
        ... ).faces.shape
        (1, 3)
    """

    vertices: AnyTensor
    faces: AnyTensor


class Mesh3D(MediaDocument):
    """A mesh. A URL or bytes stand for one.

    Attributes:
        url: Where it is to be found.
        tensors: Its vertices and faces.
        embedding: A vector of any framework.
        bytes_: The file.

    Example:
        >>> Mesh3D(url='bunny.obj').url
        'bunny.obj'
    """

    url: Mesh3DUrl | None = None
    tensors: VerticesAndFaces | None = None
    embedding: AnyEmbedding | None = None
    bytes_: bytes | None = Field(default=None, validation_alias=BYTES_NAMES)

    _bare: ClassVar[dict[str, str]] = {'url': 'url', 'bytes': 'bytes_'}
