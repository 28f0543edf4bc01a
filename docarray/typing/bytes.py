"""Bytes of media files as field types: ``ImageBytes``, ``AudioBytes``, ``VideoBytes``.

In JSON they are base64 (RFC 4648, standard alphabet, padded). A str that is given for one, in JSON or
in Python, is read as base64 too, so that a body that a web framework has parsed already means the same.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from docarray.errors import InvalidValueError, show
from docarray.media import audio, image, video
from docarray.typing._field_type import FieldType
from docarray.typing.tensors import AudioNdArray, ImageNdArray

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    'AudioBytes',
    'BaseBytes',
    'ImageBytes',
    'VideoBytes',
    'VideoLoadResult',
    'from_base64',
    'to_base64',
]

#: Earlier versions had a package here: its modules are found by ``docarray._aliases``.
__path__: list[str] = []

B = TypeVar('B', bound='BaseBytes')


def to_base64(data: bytes) -> str:
    r"""Return bytes as base64, in the standard alphabet, padded, on one line.

    Example:
        >>> to_base64(b'\xff\xfe')
        '//4='
    """
    return b2a_base64(data, newline=False).decode('ascii')


def from_base64(text: str) -> bytes:
    r"""Return the bytes that base64 stands for; the alphabet for URLs (``-_``) is understood too.

    Args:
        text: Padded base64 without white space.

    Returns:
        The bytes.

    Raises:
        InvalidValueError: This is not base64.

    Example:
        >>> from_base64('//4=') == from_base64('__4=') == b'\xff\xfe'
        True
    """
    plain = text.replace('-', '+').replace('_', '/') if '-' in text or '_' in text else text
    padding = len(plain) - len(plain.rstrip('='))
    try:
        data = a2b_base64(plain)
    except (Error, ValueError):  # ValueError: not ASCII
        data = None
    # a2b_base64 skips what it does not know; then something is missing.
    if data is None or len(plain) % 4 or len(data) != len(plain) // 4 * 3 - padding:
        raise InvalidValueError(
            got=show(text, 40),
            wanted='base64 with its padding',
            hint='A str for a bytes field is base64; give bytes for anything else.',
        )
    return data


class BaseBytes(FieldType, bytes):
    r"""Bytes of a media file; the base of the classes for each medium.

    As a field type it takes bytes, bytearray, memoryview and base64 text.

    Example:
        >>> from pydantic import TypeAdapter
        >>> TypeAdapter(BaseBytes).dump_json(BaseBytes(b'\xff\xfe'))
        b'"//4="'
    """

    __slots__ = ()
    _docarray_kind = 'bytes'
    _docarray_written = core_schema.plain_serializer_function_ser_schema(
        to_base64, return_schema=core_schema.str_schema(), when_used='json'
    )
    #: What JSON Schema calls ``contentMediaType``; '' for any.
    _media_type: ClassVar[str] = ''

    @classmethod
    def _docarray_validate(cls: type[B], value: object) -> B:
        if isinstance(value, cls):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return cls(value)
        if isinstance(value, str):
            return cls(from_base64(value))
        raise InvalidValueError(
            got=f'{type(value).__name__} {show(value, 40)}',
            wanted='bytes, bytearray, memoryview or base64 text',
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        more = {'contentMediaType': cls._media_type} if cls._media_type else {}
        return {'type': 'string', 'format': 'base64', 'contentEncoding': 'base64', **more}


class ImageBytes(BaseBytes):
    """An image file: PNG, JPEG or whatever else Pillow reads.

    Example:
        >>> import numpy as np
        >>> data = ImageBytes(image.encode(np.zeros((4, 6, 3), np.uint8)))
        >>> data.load().shape
        (4, 6, 3)
    """

    __slots__ = ()
    _media_type = 'image/*'

    def load(
        self,
        width: int | None = None,
        height: int | None = None,
        axis_layout: image.Layout = image.HWC,
        *,
        max_pixels: int = image.MAX_PIXELS,
        orient: bool = False,
    ) -> ImageNdArray:
        """Decode the image to RGB; arguments and errors are those of ``docarray.media.image.decode``.

        Args:
            width: Resize to so many pixels.
            height: Likewise.
            axis_layout: The order of the axes.
            max_pixels: The most that the file may hold.
            orient: Turn the picture upright as its EXIF orientation says.

        Returns:
            uint8, of shape (H, W, 3) or as ``axis_layout`` says.
        """
        pixels = image.decode(
            self,
            width=width,
            height=height,
            axis_layout=axis_layout,
            max_pixels=max_pixels,
            orient=orient,
        )
        return pixels.view(ImageNdArray)

    def load_pil(self, *, max_pixels: int = image.MAX_PIXELS) -> Image:
        """Open the image with Pillow; see ``docarray.media.image.open_pil``."""
        return image.open_pil(self, max_pixels)

    def display(self) -> None:
        """Show the image in a notebook; elsewhere warn."""
        image.show(self)


class AudioBytes(BaseBytes):
    """An audio file. This version decodes WAV.

    Example:
        >>> import numpy as np
        >>> samples, rate = AudioBytes(audio.encode_wav(np.zeros(80), 8000)).load()
        >>> samples.shape, rate
        ((80,), 8000)
    """

    __slots__ = ()
    _media_type = 'audio/*'

    def load(self) -> tuple[AudioNdArray, int]:
        """Decode the audio; see ``docarray.media.audio.decode``.

        Returns:
            float32 samples in [-1, 1] of shape (n,) or (n, channels), and the frame rate in Hz.
        """
        samples, rate = audio.decode(self)
        return samples.view(AudioNdArray), rate


class VideoLoadResult(NamedTuple):
    """What a decoded video consists of.

    Attributes:
        video: Frames, uint8 (n, H, W, 3).
        audio: Samples, (m,) or (m, channels).
        key_frame_indices: Which frames stand for themselves, int64 (k,).

    Example:
        >>> VideoLoadResult._fields
        ('video', 'audio', 'key_frame_indices')
    """

    video: Any
    audio: Any
    key_frame_indices: Any


class VideoBytes(BaseBytes):
    """A video file.

    Example:
        >>> VideoBytes(b'0123')[:2]
        b'01'
    """

    __slots__ = ()
    _media_type = 'video/*'

    def load(self) -> VideoLoadResult:
        """Decode the video. Not part of this version yet: raises UnsupportedError."""
        return VideoLoadResult(*video.decode(self))
