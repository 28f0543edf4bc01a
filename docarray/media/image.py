"""Images: encoded bytes to and from numpy arrays, by Pillow.

Arrays are uint8, (H, W, C) unless said otherwise. Sizes are checked in the header, before any pixel
is decoded: a file of a few kilobytes can claim gigabytes of pixels.
"""

from __future__ import annotations

import io
import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from docarray import _lazy
from docarray.errors import (
    DecodeError,
    DocArrayError,
    DtypeError,
    InvalidValueError,
    LimitError,
    ShapeError,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

__all__ = ['HWC', 'MAX_PIXELS', 'Layout', 'Pixels', 'decode', 'encode', 'open_pil', 'show', 'thumbnail']

Layout = tuple[str, str, str]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]

MAX_PIXELS = 100_000_000
HWC: Layout = ('H', 'W', 'C')

_CHANNELS = (1, 3, 4)
# Pillow reads these by running other programs or by drawing with the system.
_REFUSED = ('EPS', 'WMF', 'EMF')


def decode(
    data: bytes | bytearray | memoryview,
    *,
    width: int | None = None,
    height: int | None = None,
    axis_layout: Layout = HWC,
    max_pixels: int = MAX_PIXELS,
    orient: bool = False,
) -> Pixels:
    """Decode an image to RGB.

    The first frame of an animation is taken. An alpha channel is dropped, not blended. 16-bit gray
    is scaled to 8 bits. The EXIF orientation is left alone, as in most training pipelines and
    earlier versions, unless ``orient`` says otherwise.

    Args:
        data: The file's content: PNG, JPEG, GIF, WebP, TIFF or whatever else Pillow reads.
        width: Resize to so many pixels (bicubic); the height stays as it is unless given too.
        height: Likewise.
        axis_layout: The order of the axes, such as ``('C', 'H', 'W')``.
        max_pixels: The most that the file may hold, and that may be asked for.
        orient: Turn the picture upright as its EXIF orientation says.

    Returns:
        uint8, of shape (H, W, 3) or as ``axis_layout`` says, contiguous and writable.

    Raises:
        DecodeError: The bytes are corrupt, cut short or no image.
        LimitError: There are more than ``max_pixels`` pixels. Nothing was decoded.
        MissingExtraError: Pillow is not installed.

    Example:
        >>> png = encode(np.zeros((4, 6, 3), np.uint8))
        >>> decode(png).shape, decode(png, width=3, axis_layout=('C', 'H', 'W')).shape
        ((4, 6, 3), (3, 4, 3))
    """
    order = _order(axis_layout)
    size = _wanted_size(width, height, max_pixels)
    image = open_pil(data, max_pixels)
    with _decoding(len(data)):
        if orient:
            image = _lazy.load('PIL.ImageOps').exif_transpose(image)
        image = _rgb(image)
        if any(size):
            image = image.resize((size[0] or image.width, size[1] or image.height))
        return np.array(np.asarray(image).transpose(order), order='C')


def open_pil(data: bytes | bytearray | memoryview, max_pixels: int = MAX_PIXELS) -> Image:
    """Open an image with Pillow, reading no more than its header.

    Args:
        data: The file's content.
        max_pixels: The most that it may hold.

    Returns:
        A ``PIL.Image.Image``. Pixels are decoded when they are first used.

    Raises:
        DecodeError: The bytes are no image.
        LimitError: The header claims more than ``max_pixels`` pixels.
        MissingExtraError: Pillow is not installed.

    Example:
        >>> open_pil(encode(np.zeros((4, 6), np.uint8))).size
        (6, 4)
    """
    pil = _lazy.load('PIL.Image')
    with _decoding(len(data)):
        image = pil.open(io.BytesIO(data))
        if image.format in _REFUSED:
            raise DecodeError(where='image', got=image.format, wanted='an image of pixels, such as PNG')
        _check_pixels(image.width, image.height, max_pixels)
    return image


def encode(
    array: npt.NDArray[Any],
    format: str = 'PNG',  # noqa: A002  # the name that Pillow and earlier versions use
    *,
    axis_layout: Layout = HWC,
) -> bytes:
    r"""Encode an array as an image file.

    Args:
        array: uint8, of shape (H, W) or (H, W, C) with C being 1 (gray), 3 (RGB) or 4 (RGBA).
        format: A format that Pillow writes: ``'PNG'``, ``'JPEG'`` or ``'jpg'``, ``'WEBP'``...
        axis_layout: The order of the axes of a 3-d array.

    Returns:
        The content of the file.

    Raises:
        DtypeError: The array is not uint8.
        ShapeError: The array has another shape.
        InvalidValueError: Pillow cannot write this in that format.

    Example:
        >>> encode(np.zeros((4, 6, 3), np.uint8), 'jpg')[:2]
        b'\xff\xd8'
    """
    if array.dtype != np.uint8:
        floats = np.issubdtype(array.dtype, np.floating)
        scale = 'Scale to 0..255 first: (array * 255).round().astype("uint8") for values in 0..1.'
        raise DtypeError(
            where='image',
            got=str(array.dtype),
            wanted='uint8',
            hint=scale if floats else 'Convert it first, with array.astype("uint8") if values are in 0..255.',
        )
    if array.ndim == 3:
        array = array.transpose(np.argsort(_order(axis_layout)))
    _check_image_shape(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return _write(np.ascontiguousarray(array), 'JPEG' if format.upper() == 'JPG' else format.upper())


def thumbnail(source: npt.NDArray[Any] | bytes | bytearray | memoryview, size: int = 128) -> bytes:
    """Return a small PNG of an image, for showing it.

    Lenient where ``encode`` is strict, as nothing is stored: channels may come first, and values of
    any dtype are scaled to what can be seen.

    Args:
        source: An array of shape (H, W), (H, W, C) or (C, H, W), or the content of an image file.
        size: The longer side of the result is at most so many pixels.

    Returns:
        A PNG file.

    Raises:
        DecodeError: The bytes are no image.
        ShapeError: The array is no image.

    Example:
        >>> decode(thumbnail(np.random.rand(3, 200, 400), size=100)).shape
        (50, 100, 3)
    """
    if isinstance(source, np.ndarray):
        image = _lazy.load('PIL.Image').fromarray(_showable(source, size))
        image.thumbnail((size, size))
    else:
        image = open_pil(source)
        with _decoding(len(source)):
            image.draft('RGB', (size, size))  # JPEG decodes faster to a smaller size
            image = _rgb(_lazy.load('PIL.ImageOps').exif_transpose(image))
            image.thumbnail((size, size))
    buffer = io.BytesIO()
    image.save(buffer, 'PNG')
    return buffer.getvalue()


def show(source: npt.NDArray[Any] | bytes | bytearray | memoryview, size: int = 512) -> None:
    """Show an image in a notebook; elsewhere warn that there is nowhere to show it.

    Args:
        source: As for ``thumbnail``.
        size: The longer side is at most so many pixels.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True):
        ...     show(np.zeros((4, 4), np.uint8))
    """
    notebook = sys.modules.get('IPython')  # where it runs us, it is imported
    if notebook is None or notebook.get_ipython() is None:
        warnings.warn('An image can be shown in a notebook only; nothing is shown here.', stacklevel=2)
        return
    display = _lazy.load('IPython.display')
    display.display(display.Image(data=thumbnail(source, size), format='png'))


@contextmanager
def _decoding(size: int) -> Iterator[None]:
    """Turn whatever Pillow raises over bad bytes (it has no common base class) into our errors."""
    pil = _lazy.load('PIL.Image')
    try:
        yield
    except (DocArrayError, MemoryError):
        raise
    except (pil.DecompressionBombError, pil.DecompressionBombWarning) as error:
        hint = 'Pillow has its own limit too, PIL.Image.MAX_IMAGE_PIXELS.'
        raise LimitError(where='image', got=str(error), wanted='fewer pixels', hint=hint) from error
    except pil.UnidentifiedImageError as error:
        got = f'{size} bytes in no known image format'
        raise DecodeError(where='image', got=got, wanted='an image file') from error
    except Exception as error:
        got = f'{size} bytes that do not decode ({type(error).__name__}: {error})'
        raise DecodeError(where='image', got=got, wanted='a complete image file') from error


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise LimitError(
            where='image',
            got=f'{width} x {height} pixels',
            wanted=f'at most {max_pixels} pixels',
            hint='Pass a larger max_pixels if you trust the source.',
        )


def _wanted_size(width: int | None, height: int | None, max_pixels: int) -> tuple[int | None, int | None]:
    for name, value in (('width', width), ('height', height)):
        if value is not None and (not isinstance(value, (int, np.integer)) or value < 1):
            raise InvalidValueError(where=name, got=repr(value)[:80], wanted='an int of 1 or more, or None')
    _check_pixels(width or 1, height or 1, max_pixels)
    return width, height


def _order(layout: Layout) -> tuple[int, ...]:
    """Return where each axis of the layout is in (H, W, C)."""
    if sorted(layout) != sorted(HWC):
        raise InvalidValueError(where='axis_layout', got=repr(layout), wanted="'H', 'W' and 'C' in any order")
    return tuple(HWC.index(axis) for axis in layout)


def _rgb(image: Image) -> Image:
    """Return an image of any mode in 8-bit RGB."""
    if image.mode.startswith('I'):
        image = _from_16_bit(image)
    elif image.mode == 'F':
        raise DecodeError(
            where='image',
            got='32-bit float pixels, which have no fixed range',
            wanted='integer pixels',
            hint='Open it with load_pil() and scale it yourself.',
        )
    elif image.mode in ('P', 'PA'):
        image = image.convert('RGBA')  # a palette may hold transparency; Pillow wants this step
    return image if image.mode == 'RGB' else image.convert('RGB')


def _from_16_bit(image: Image) -> Image:
    """Scale 16-bit gray to 8 bits; Pillow's own conversion would cut values off at 255."""
    pixels = np.asarray(image).astype(np.int64)
    if pixels.size and (pixels.min() < 0 or pixels.max() > 65535):
        raise DecodeError(
            where='image',
            got='32-bit pixels, which have no fixed range',
            wanted='8 or 16 bits',
            hint='Open it with load_pil() and scale it yourself.',
        )
    return _lazy.load('PIL.Image').fromarray(((pixels * 255 + 32767) // 65535).astype(np.uint8))


def _check_image_shape(array: npt.NDArray[Any]) -> None:
    shape = array.shape
    if 0 not in shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in _CHANNELS)):
        return
    hint = ''
    if len(shape) == 3 and shape[0] in _CHANNELS and 0 not in shape:
        hint = (
            'The axes look channels-first; transpose them with array.transpose(1, 2, 0), '
            "or pass axis_layout=('C', 'H', 'W')."
        )
    raise ShapeError(where='image', got=f'shape {shape}', wanted='(H, W) or (H, W, 1, 3 or 4)', hint=hint)


def _write(array: npt.NDArray[Any], file_format: str) -> bytes:
    pil = _lazy.load('PIL.Image')
    pil.init()
    if file_format not in pil.SAVE:
        raise InvalidValueError(
            where='format', got=repr(file_format), wanted="one Pillow writes, such as 'PNG'"
        )
    buffer = io.BytesIO()
    try:
        pil.fromarray(array).save(buffer, file_format)
    except (OSError, ValueError, TypeError, KeyError) as error:
        got = f'an array of shape {array.shape} ({error})'
        raise InvalidValueError(where='image', got=got, wanted=f'one that {file_format} can hold') from error
    return buffer.getvalue()


def _showable(array: npt.NDArray[Any], size: int) -> Pixels:
    """Return (H, W) or (H, W, 3 or 4) uint8, thinned out to not much more than ``size``."""
    if array.ndim == 3 and array.shape[2] not in _CHANNELS and array.shape[0] in _CHANNELS:
        array = array.transpose(1, 2, 0)
    _check_image_shape(array)
    step = max(1, math.ceil(max(array.shape[:2]) / (4 * size)))
    array = array[::step, ::step]
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return np.ascontiguousarray(array if array.dtype == np.uint8 else _to_uint8(array))


def _to_uint8(array: npt.NDArray[Any]) -> Pixels:
    values = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    floats = not np.issubdtype(array.dtype, np.integer)
    if floats and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    scaled = (values - low) * (255 / (high - low or 1.0))
    return np.rint(scaled).astype(np.uint8)
