"""Text and audio coders, and the media that this version does not decode."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from docarray.errors import (
    DecodeError,
    DtypeError,
    InvalidValueError,
    LimitError,
    MediaError,
    ShapeError,
    UnsupportedError,
)
from docarray.media import audio, mesh, pointcloud, text, video

# ---------------------------------------------------------------------------------------- text


@given(st.text())
def test_text_round_trips(value: str) -> None:
    assert text.decode(value.encode()) == value
    assert text.decode(memoryview(value.encode('utf-16')), 'utf-16') == value


def test_text_in_another_charset_names_the_position() -> None:
    with pytest.raises(
        DecodeError, match=r"got b'\\xfc' at position 2 \(invalid start byte\), wanted text in utf-8"
    ):
        text.decode('grün'.encode('latin-1'))


def test_text_cut_inside_a_character() -> None:
    with pytest.raises(DecodeError, match='at position 3'):
        text.decode('abcß'.encode()[:-1])


@pytest.mark.parametrize('charset', ['no-such', 'hex', 'idna'])
def test_impossible_charsets(charset: str) -> None:
    with pytest.raises(DecodeError, match=charset):
        text.decode(b'\xff\xfe', charset)


# --------------------------------------------------------------------------------------- audio


def frames_of(data: bytes) -> tuple[Any, bytes]:
    with wave.open(io.BytesIO(data)) as file:
        return file.getparams(), file.readframes(file.getnframes())


def test_full_scale_does_not_overflow() -> None:
    _, frames = frames_of(audio.encode_wav(np.array([1.0, -1.0, 0.0, 2.0, -2.0, 0.5, np.inf])))
    assert struct.unpack('<7h', frames) == (32767, -32768, 0, 32767, -32768, 16384, 32767)


@pytest.mark.parametrize('width', [1, 2, 3, 4])
@pytest.mark.parametrize('shape', [(100,), (100, 1), (50, 2), (20, 5), (0,), (0, 2)])
def test_floats_round_trip_to_within_a_step(width: int, shape: tuple[int, ...]) -> None:
    samples = np.random.default_rng(1).uniform(-1, 1, shape)
    data = audio.encode_wav(samples, 8000, width)
    params, _ = frames_of(data)
    assert (params.nchannels, params.sampwidth, params.framerate) == ((*shape, 1)[1], width, 8000)
    back, rate = audio.decode_wav(data)
    assert rate == 8000
    assert back.dtype == np.float32
    assert back.shape == (shape if shape[1:] != (1,) else shape[:1])
    assert back.size == 0 or np.abs(back - samples.reshape(back.shape)).max() <= 2.0 ** (1 - 8 * width) + 1e-7


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.int16, st.tuples(st.integers(1, 20), st.integers(1, 4))))
def test_16_bits_survive_decoding_and_encoding(array: Any) -> None:
    data = audio.encode_wav(array, 44100, 2)
    assert audio.encode_wav(audio.decode_wav(data)[0].reshape(array.shape)) == data


@pytest.mark.parametrize(('dtype', 'width'), [(np.uint8, 1), (np.int16, 2), (np.int32, 4), ('>i2', 2)])
def test_integers_are_written_as_they_are(dtype: Any, width: int) -> None:
    array = np.array([0, 1, 100], dtype)
    assert (
        frames_of(audio.encode_wav(array, sample_width=width))[1]
        == array.astype(array.dtype.newbyteorder('<')).tobytes()
    )


@pytest.mark.parametrize(
    ('width', 'raw', 'value'),
    [
        (1, b'\x00', -1.0),
        (1, b'\x80', 0.0),
        (2, b'\x00\x80', -1.0),
        (3, b'\x00\x00\x80', -1.0),
        (3, b'\xff\xff\xff', -(2.0**-23)),
        (3, b'\x00\x00\x40', 0.5),
        (4, b'\x00\x00\x00\xc0', -0.5),
    ],
)
def test_integers_are_scaled(width: int, raw: bytes, value: float) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, 'wb') as file:
        file.setparams((1, width, 100, 0, 'NONE', ''))
        file.writeframes(raw)
    assert audio.decode_wav(buffer.getvalue())[0].tolist() == [value]


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b''.join(
        name + struct.pack('<I', len(data)) + data + b'\0' * (len(data) % 2) for name, data in chunks
    )
    return b'RIFF' + struct.pack('<I', len(body) + 4) + b'WAVE' + body


def fmt(tag: int, channels: int, bits: int, rate: int = 100, more: bytes = b'') -> tuple[bytes, bytes]:
    frame = channels * ((bits + 7) // 8)
    return b'fmt ', struct.pack('<HHIIHH', tag, channels, rate, rate * frame, frame, bits) + more


def test_floats_other_chunks_and_the_extensible_header() -> None:
    raw = np.array([0.25, -1.5], '<f4').tobytes()
    assert audio.decode_wav(riff((b'LIST', b'odd'), fmt(3, 1, 32), (b'data', raw)))[0].tolist() == [
        0.25,
        -1.5,
    ]
    double = np.array([0.25, -0.5], '<f8').tobytes()
    assert audio.decode_wav(riff(fmt(3, 2, 64), (b'data', double)))[0].tolist() == [[0.25, -0.5]]
    more = struct.pack('<HHIH', 22, 16, 3, 1) + b'\0' * 14
    samples, rate = audio.decode_wav(riff(fmt(0xFFFE, 2, 16, more=more), (b'data', b'\0\x40' * 4)))
    assert (samples.tolist(), rate) == ([[0.5, 0.5]] * 2, 100)


def test_a_file_written_to_a_pipe_has_no_length() -> None:
    data = bytearray(riff(fmt(1, 1, 16), (b'data', b'\0\x40' * 4)))
    at = data.index(b'data') + 4
    data[at : at + 4] = b'\xff\xff\xff\xff'
    assert audio.decode_wav(bytes(data))[0].tolist() == [0.5] * 4


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'RIFF',
        b'RIFF\0\0\0\0WAVE',
        riff(fmt(1, 1, 16)),
        riff((b'data', b'\0\0'), fmt(1, 1, 16)),
        riff((b'fmt ', b'short'), (b'data', b'')),
        riff(fmt(1, 0, 16), (b'data', b'')),
        riff(fmt(1, 1, 16, rate=0), (b'data', b'')),
        riff(fmt(1, 2, 16), (b'data', b'\0\0\0')),
        audio.encode_wav(np.zeros(100))[:-1],
    ],
)
def test_corrupt_wav(data: bytes) -> None:
    with pytest.raises(DecodeError, match='wanted a complete WAV file'):
        audio.decode_wav(data)


@settings(max_examples=100, deadline=None)
@given(st.integers(0), st.binary(min_size=1, max_size=6))
def test_damaged_wav_gives_samples_or_our_error(place: int, damage: bytes) -> None:
    data = bytearray(audio.encode_wav(np.zeros((10, 2))))
    place %= 44
    data[place : place + len(damage)] = damage
    try:
        samples, _ = audio.decode(bytes(data))
    except (MediaError, UnsupportedError):
        return
    assert samples.dtype == np.float32


@pytest.mark.parametrize(
    'data', [b'ID3\x03', b'fLaC', b'', riff(fmt(0x11, 1, 4), (b'data', b'')), b'RIFF\0\0\0\0AVI ']
)
def test_other_audio_is_clearly_not_there_yet(data: bytes) -> None:
    with pytest.raises(UnsupportedError, match='soundfile or PyAV'):
        audio.decode(data)


def test_samples_that_cannot_be_written() -> None:
    with pytest.raises(DtypeError, match='got int64, wanted floats in .*int16 for 2 bytes'):
        audio.encode_wav(np.zeros(3, np.int64))
    with pytest.raises(DtypeError, match='got int32, wanted floats'):
        audio.encode_wav(np.zeros(3, np.int32), sample_width=3)
    with pytest.raises(InvalidValueError, match='NaN'):
        audio.encode_wav(np.array([np.nan]))
    with pytest.raises(ShapeError, match=r'shape \(2, 44100\).*channels-first'):
        audio.encode_wav(np.zeros((2, 44100)))
    for shape in ((), (2, 2, 2), (3, 0)):
        with pytest.raises(ShapeError):
            audio.encode_wav(np.zeros(shape))
    with pytest.raises(InvalidValueError, match='sample_width'):
        audio.encode_wav(np.zeros(1), sample_width=5)
    for rate in (0, -1, 2**32):
        with pytest.raises(InvalidValueError, match='frame_rate'):
            audio.encode_wav(np.zeros(1), rate)


def test_more_samples_than_a_wav_file_holds() -> None:
    with pytest.raises(LimitError, match='4 GiB'):
        audio.encode_wav(np.broadcast_to(np.zeros(1, np.float32), (2**31,)))


# ---------------------------------------------------------------------- not part of this version


@pytest.mark.parametrize(
    ('decode', 'text_'),
    [
        (lambda: video.decode(b'x'), 'decoding video is not part of this version yet. Decode it with PyAV'),
        (lambda: mesh.decode(b'x', file_type='obj'), 'decoding meshes is not part .* Decode it with trimesh'),
        (lambda: pointcloud.decode(b'x', 5, file_type='ply'), 'decoding point clouds is not .* trimesh'),
    ],
)
def test_what_is_not_decoded_says_so(decode: Callable[[], Any], text_: str) -> None:
    with pytest.raises(UnsupportedError, match=text_) as caught:
        decode()
    assert isinstance(caught.value, NotImplementedError)
