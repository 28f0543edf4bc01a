"""Point clouds. Decoding them is not part of this version yet; this is the shape it will have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from docarray.errors import UnsupportedError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['decode', 'unsupported']


def unsupported() -> UnsupportedError:
    """Return the error that says that point clouds are not decoded here, and what to do.

    Example:
        >>> print(unsupported())
        point cloud: decoding point clouds is not part of this version yet. Decode it with trimesh...
    """
    return UnsupportedError(
        'point cloud: decoding point clouds is not part of this version yet. '
        'Decode it with trimesh and assign the tensor.'
    )


def decode(
    data: bytes | bytearray | memoryview,
    samples: int,
    *,
    file_type: str,
    multiple_geometries: bool = False,
    skip_materials: bool = True,
    trimesh_args: Mapping[str, Any] | None = None,
) -> npt.NDArray[Any]:
    """Decode a point cloud, or sample points from a mesh. Not part of this version yet.

    Args:
        data: The content of the file.
        samples: How many points to take from the surface of a mesh.
        file_type: Its extension, such as ``'ply'``.
        multiple_geometries: Keep the geometries of a scene apart.
        skip_materials: Leave textures and colours alone.
        trimesh_args: More keywords for ``trimesh.load``.

    Returns:
        Points, float64 (samples, 3), or (geometries, samples, 3).

    Raises:
        UnsupportedError: Always, in this version.

    Example:
        >>> decode(b'', 100, file_type='ply')
        Traceback (most recent call last):
        docarray.errors.UnsupportedError: point cloud: decoding point clouds is not part of this ...
    """
    raise unsupported()
