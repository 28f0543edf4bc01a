"""Video. Decoding it is not part of this version yet; this is the shape it will have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docarray.errors import UnsupportedError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['decode', 'unsupported']


def unsupported() -> UnsupportedError:
    """Return the error that says that video is not decoded here, and what to do.

    Example:
        >>> str(unsupported())
        'video: decoding video is not part of this version yet. Decode it with PyAV and assign the tensor.'
    """
    return UnsupportedError(
        'video: decoding video is not part of this version yet. Decode it with PyAV and assign the tensor.'
    )


def decode(
    data: bytes | bytearray | memoryview,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Decode a video file. Not part of this version yet.

    Args:
        data: The content of the file.

    Returns:
        Frames, uint8 (n, H, W, 3); samples, float32 (m,) or (m, channels); and the indices of the
        key frames, int64 (k,).

    Raises:
        UnsupportedError: Always, in this version.

    Example:
        >>> decode(b'')
        Traceback (most recent call last):
        docarray.errors.UnsupportedError: video: decoding video is not part of this version yet. ...
    """
    raise unsupported()
