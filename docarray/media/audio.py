"""Audio: WAV files to and from numpy arrays. Other formats are not part of this version yet.

The format is described in Microsoft's "Multimedia Programming Interface and Data Specifications 1.0"
(1991) and, for the extensible header, in its "Multiple Channel Audio Data and WAVE Files" (2007).
"""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from docarray.errors import (
    DecodeError,
    DtypeError,
    InvalidValueError,
    LimitError,
    ShapeError,
    UnsupportedError,
)

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['decode', 'decode_wav', 'encode_wav']

Samples = np.ndarray[Any, np.dtype[np.float32]]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_INTEGERS = {1: np.uint8, 2: np.int16, 4: np.int32}  # 8-bit WAV is unsigned
_MAX_CHANNELS = 256
_MAX_WAV = 2**32 - 64  # sizes in the header have 32 bits


def decode(data: bytes | bytearray | memoryview) -> tuple[Samples, int]:
    """Decode an audio file. Only WAV is understood in this version.

    Args:
        data: The content of the file.

    Returns:
        Samples in [-1, 1] of shape (n,) or (n, channels), and the frame rate in Hz.

    Raises:
        DecodeError: The file is corrupt or cut short.
        UnsupportedError: It is not a WAV file.

    Example:
        >>> decode(encode_wav(np.zeros(8), frame_rate=8000))[1]
        8000
    """
    head = bytes(data[:12])
    if head[:4] == b'RIFF' and head[8:] == b'WAVE':
        return decode_wav(data)
    raise UnsupportedError(
        where='audio',
        got=f'a file that starts with {head[:4]!r}',
        wanted='WAV: decoding other audio is not part of this version yet',
        hint='Decode it with soundfile or PyAV and assign the tensor.',
    )


def decode_wav(data: bytes | bytearray | memoryview) -> tuple[Samples, int]:
    """Decode a WAV file of 8, 16, 24 or 32-bit integers, or of floats.

    Args:
        data: The content of the file.

    Returns:
        float32 samples of shape (n,) for one channel or (n, channels), integers scaled to
        [-1, 1) by 2 ** (bits - 1), and the frame rate in Hz.

    Raises:
        DecodeError: The file is corrupt or cut short, or no WAV file.
        UnsupportedError: The samples are compressed.

    Example:
        >>> samples, rate = decode_wav(encode_wav(np.array([0.0, 0.5, -1.0]), 16000))
        >>> samples.tolist(), rate
        ([0.0, 0.5, -1.0], 16000)
    """
    head, body = _wav_parts(memoryview(data).cast('B'))
    if len(head) < 16:
        raise _corrupt('a format chunk of fewer than 16 bytes')
    tag, channels, rate, _, frame, bits = struct.unpack_from('<HHIIHH', head)
    if tag == _EXTENSIBLE and len(head) >= 26:
        (tag,) = struct.unpack_from('<H', head, 24)
    if not (channels and rate and frame and frame == channels * ((bits + 7) // 8)):
        raise _corrupt(f'{channels} channels, {rate} Hz, {bits} bits, {frame} bytes a frame')
    if (tag, bits) not in _READERS:
        raise UnsupportedError(
            where='audio',
            got=f'WAV format {tag:#x} of {bits} bits',
            wanted='PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64',
            hint='Decode it with soundfile or PyAV and assign the tensor.',
        )
    if len(body) % frame:
        raise _corrupt(f'{len(body)} bytes of samples in frames of {frame}')
    samples = _READERS[tag, bits](body)
    return (samples if channels == 1 else samples.reshape(-1, channels)), rate


def encode_wav(array: npt.NDArray[Any], frame_rate: int = 44100, sample_width: int = 2) -> bytes:
    r"""Encode samples as a WAV file of integers.

    Args:
        array: Shape (n,) or (n, channels). Floats are in [-1, 1]; what is beyond is clipped, so
            that +1.0 becomes the largest integer. Integers are written as they are, and must be
            uint8, int16 or int32 as ``sample_width`` says.
        frame_rate: Frames a second.
        sample_width: Bytes per sample: 1, 2, 3 or 4.

    Returns:
        The content of the file.

    Raises:
        DtypeError: The dtype is not one of these.
        ShapeError: The array has another shape.
        InvalidValueError: A sample is NaN, or the rate or the width is impossible.
        LimitError: There is more than fits into a WAV file (4 GiB).

    Example:
        >>> encode_wav(np.array([1.0, -1.0]))[-4:]
        b'\xff\x7f\x00\x80'
    """
    if sample_width not in (1, 2, 3, 4):
        raise InvalidValueError(where='sample_width', got=repr(sample_width), wanted='1, 2, 3 or 4 bytes')
    if not 0 < frame_rate < 2**32:
        raise InvalidValueError(where='frame_rate', got=repr(frame_rate), wanted='a rate in Hz')
    if array.ndim not in (1, 2) or (array.ndim == 2 and not 0 < array.shape[1] <= _MAX_CHANNELS):
        hint = 'The axes look channels-first; transpose them.' if array.ndim == 2 and array.size else ''
        raise ShapeError(where='audio', got=f'shape {array.shape}', wanted='(n,) or (n, channels)', hint=hint)
    if array.size * sample_width > _MAX_WAV:
        raise LimitError(where='audio', got=f'{array.size} samples', wanted='at most 4 GiB in a WAV file')
    buffer = io.BytesIO()
    with wave.open(buffer, 'wb') as file:
        file.setnchannels(array.shape[1] if array.ndim == 2 else 1)
        file.setsampwidth(sample_width)
        file.setframerate(frame_rate)
        file.writeframes(_pack(array, sample_width))
    return buffer.getvalue()


def _pack(array: npt.NDArray[Any], width: int) -> bytes:
    """Return the samples as little-endian integers of ``width`` bytes."""
    fits = _INTEGERS.get(width)
    if np.issubdtype(array.dtype, np.floating):
        if np.isnan(array).any():
            raise InvalidValueError(where='audio', got='NaN among the samples', wanted='values in [-1, 1]')
        array = _quantize(array, width)
        if width == 3:
            return array.astype('<i4').reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    elif fits is None or array.dtype.newbyteorder('=') != fits:
        wanted = 'floats in [-1, 1]' + (f', or {np.dtype(fits)}' if fits else '')
        raise DtypeError(where='audio', got=str(array.dtype), wanted=f'{wanted} for {width} bytes a sample')
    return array.astype(array.dtype.newbyteorder('<')).tobytes()


def _quantize(array: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    full = 2 ** (8 * width - 1)
    scaled: npt.NDArray[Any] = np.clip(np.rint(array.astype(np.float64) * full), -full, full - 1)
    result: npt.NDArray[Any] = (scaled + full if width == 1 else scaled).astype(
        _INTEGERS.get(width, np.int32)
    )
    return result


def _corrupt(got: str) -> DecodeError:
    return DecodeError(where='audio', got=got, wanted='a complete WAV file')


def _wav_parts(data: memoryview) -> tuple[memoryview, memoryview]:
    """Return the format chunk and the samples."""
    if bytes(data[:4]) != b'RIFF' or bytes(data[8:12]) != b'WAVE':
        raise _corrupt(f'a file that starts with {bytes(data[:4])!r}')
    head: memoryview | None = None
    for name, part in _chunks(data):
        if name == b'fmt ':
            head = part
        elif name == b'data' and head is not None:
            return head, part
    raise _corrupt('a file without a format and samples')


def _chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from('<4sI', data, position)
        part = data[position + 8 : position + 8 + size]
        if len(part) < size and not (name == b'data' and size == 0xFFFFFFFF):  # written to a pipe
            raise _corrupt(f'{len(part)} bytes of {size} in the chunk {name!r}')
        yield name, part
        position += 8 + size + size % 2


def _integers(dtype: str, bits: int) -> Any:
    def read(body: memoryview) -> Samples:
        samples = np.frombuffer(body, dtype).astype(np.float32)
        samples *= np.float32(2.0 ** (1 - bits))
        return samples

    return read


def _bytes(body: memoryview) -> Samples:
    samples = np.frombuffer(body, np.uint8).astype(np.float32)
    samples -= np.float32(128)
    samples /= np.float32(128)
    return samples


def _triples(body: memoryview) -> Samples:
    raw = np.frombuffer(body, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(raw), 4), np.uint8)
    wide[:, 1:] = raw  # in the upper bytes, which brings the sign along
    samples = wide.view('<i4')[:, 0].astype(np.float32)
    samples *= np.float32(2.0**-31)
    return samples


def _floats(dtype: str) -> Any:
    def read(body: memoryview) -> Samples:
        return np.frombuffer(body, dtype).astype(np.float32)

    return read


_READERS: dict[tuple[int, int], Any] = {
    (_PCM, 8): _bytes,
    (_PCM, 16): _integers('<i2', 16),
    (_PCM, 24): _triples,
    (_PCM, 32): _integers('<i4', 32),
    (_FLOAT, 32): _floats('<f4'),
    (_FLOAT, 64): _floats('<f8'),
}
