"""Meshes of 3-d shapes. Decoding them is not part of this version yet; this is the shape it will have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from docarray.errors import UnsupportedError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['decode', 'unsupported']


def unsupported() -> UnsupportedError:
    """Return the error that says that meshes are not decoded here, and what to do.

    Example:
        >>> print(unsupported())
        mesh: decoding meshes is not part of this version yet. Decode it with trimesh and assign...
    """
    return UnsupportedError(
        'mesh: decoding meshes is not part of this version yet. '
        'Decode it with trimesh and assign the tensors.'
    )


def decode(
    data: bytes | bytearray | memoryview,
    *,
    file_type: str,
    skip_materials: bool = True,
    trimesh_args: Mapping[str, Any] | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Decode a mesh. Not part of this version yet.

    Args:
        data: The content of the file.
        file_type: Its extension, such as ``'obj'``: most formats cannot be told from the content.
        skip_materials: Leave textures and colours alone.
        trimesh_args: More keywords for ``trimesh.load``.

    Returns:
        Vertices, float64 (n, 3), and faces, int64 (m, 3), which are indices of vertices.

    Raises:
        UnsupportedError: Always, in this version.

    Example:
        >>> decode(b'', file_type='obj')
        Traceback (most recent call last):
        docarray.errors.UnsupportedError: mesh: decoding meshes is not part of this version yet. ...
    """
    raise unsupported()
