"""Images: decoding, encoding, limits and thumbnails."""

from __future__ import annotations

import base64
import io
import struct
import threading
import tracemalloc
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from docarray.errors import DecodeError, DtypeError, InvalidValueError, LimitError, ShapeError
from docarray.media import image

pil = pytest.importorskip('PIL.Image')

PHOTO = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def saved(picture: Any, file_format: str = 'PNG', **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims this size."""
    header = png_chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + header + png_chunk(b'IDAT', zlib.compress(b'')) + png_chunk(b'IEND', b'')


# -------------------------------------------------------------------------------- round trips


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.uint8,
        st.one_of(
            st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
            st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(1)),
            st.tuples(st.integers(1, 9), st.integers(1, 9)),
        ),
    ),
    st.sampled_from(['PNG', 'png', 'BMP', 'TIFF']),
)
def test_lossless_formats_round_trip(array: Any, file_format: str) -> None:
    back = image.decode(image.encode(array, file_format))
    gray = array.reshape(*array.shape[:2], -1)
    assert np.array_equal(back, np.broadcast_to(gray, (*array.shape[:2], 3)))
    assert back.dtype == np.uint8


def test_what_is_decoded_can_be_written_to_and_is_contiguous() -> None:
    for layout in (('H', 'W', 'C'), ('C', 'H', 'W'), ('W', 'H', 'C')):
        array = image.decode(image.encode(PHOTO), axis_layout=layout)
        assert array.flags.writeable
        assert array.flags.c_contiguous


@pytest.mark.parametrize('data', [bytearray, memoryview])
def test_other_buffers(data: Any) -> None:
    assert np.array_equal(image.decode(data(image.encode(PHOTO))), PHOTO)


def test_alpha_is_kept_when_writing_and_dropped_when_reading() -> None:
    array = np.dstack([PHOTO, np.full(PHOTO.shape[:2], 7, np.uint8)])
    data = image.encode(array)
    assert pil.open(io.BytesIO(data)).mode == 'RGBA'
    assert np.array_equal(image.decode(data), PHOTO)


@pytest.mark.parametrize(
    'layout', [('H', 'W', 'C'), ('W', 'H', 'C'), ('C', 'H', 'W'), ('C', 'W', 'H'), ('W', 'C', 'H')]
)
def test_layouts_round_trip(layout: Any) -> None:
    data = image.encode(PHOTO)
    array = image.decode(data, axis_layout=layout)
    assert dict(zip(layout, array.shape, strict=True)) == {'H': 24, 'W': 32, 'C': 3}
    assert image.encode(array, axis_layout=layout) == data


def test_array_that_is_not_contiguous() -> None:
    assert np.array_equal(image.decode(image.encode(PHOTO[::2, ::-1])), PHOTO[::2, ::-1])


# -------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ('width', 'height', 'shape'),
    [
        (8, 6, (6, 8, 3)),
        (8, None, (24, 8, 3)),
        (None, 6, (6, 32, 3)),
        (None, None, (24, 32, 3)),
        (64, 48, (48, 64, 3)),
    ],
)
def test_resizing(width: int | None, height: int | None, shape: tuple[int, ...]) -> None:
    assert image.decode(image.encode(PHOTO), width=width, height=height).shape == shape


@pytest.mark.parametrize('size', [{'width': 0}, {'height': -1}])
def test_an_impossible_size(size: dict[str, int]) -> None:
    with pytest.raises(InvalidValueError, match='an int of 1 or more'):
        image.decode(image.encode(PHOTO), **size)  # type: ignore[arg-type]


@pytest.mark.parametrize('layout', [('H', 'W'), ('H', 'H', 'C'), ('h', 'w', 'c'), 'HW'])
def test_an_impossible_layout(layout: Any) -> None:
    with pytest.raises(InvalidValueError, match='axis_layout'):
        image.decode(image.encode(PHOTO), axis_layout=layout)


# -------------------------------------------------------------------------------------- modes


@pytest.mark.parametrize('mode', ['1', 'L', 'LA', 'P', 'RGBA', 'CMYK', 'YCbCr'])
def test_modes_become_rgb(mode: str) -> None:
    picture = pil.fromarray(np.full((4, 6, 3), 255, np.uint8)).convert(mode)
    data = saved(picture, 'TIFF' if mode in ('CMYK', 'YCbCr') else 'PNG')
    array = image.decode(data)
    assert array.shape == (4, 6, 3)
    assert array.min() >= 250


def test_a_palette_with_transparency_warns_of_nothing() -> None:
    picture = pil.fromarray(PHOTO).convert('P')
    data = saved(picture, transparency=bytes(range(256)))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert np.array_equal(image.decode(data), np.asarray(picture.convert('RGB')))


@pytest.mark.parametrize(('file_format', 'order'), [('PNG', '<'), ('TIFF', '<'), ('PPM', '<')])
def test_16_bits_are_scaled_and_not_cut_off(file_format: str, order: str) -> None:
    values = np.array([[0, 255, 257, 32768, 65535]], dtype=f'{order}u2')
    array = image.decode(saved(pil.fromarray(values), file_format))
    assert array[0, :, 0].tolist() == [0, 1, 1, 128, 255]
    assert np.array_equal(array[..., 0], array[..., 2])


@pytest.mark.parametrize('dtype', [np.int32, np.float32])
def test_pixels_without_a_range_are_refused(dtype: Any) -> None:
    data = saved(pil.fromarray(np.full((2, 2), 1e6, dtype)), 'TIFF')
    with pytest.raises(DecodeError, match='no fixed range.*load_pil'):
        image.decode(data)


def test_the_first_frame_of_an_animation() -> None:
    frames = [pil.fromarray(np.full((4, 4, 3), shade, np.uint8)) for shade in (10, 200)]
    data = saved(frames[0], 'PNG', save_all=True, append_images=frames[1:])
    assert np.unique(image.decode(data)).tolist() == [10]


def test_orientation_only_when_asked_for() -> None:
    exif = pil.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    data = saved(pil.fromarray(PHOTO), 'PNG', exif=exif)
    assert np.array_equal(image.decode(data), PHOTO)
    assert np.array_equal(image.decode(data, orient=True), np.rot90(PHOTO, -1))


# --------------------------------------------------------------------------------- bad content


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    tracemalloc.start()
    with pytest.raises(LimitError, match='12000 x 12000 pixels'):
        image.decode(bomb(12_000, 12_000))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_bomb_beyond_pillows_own_limit() -> None:
    with pytest.raises(LimitError):
        image.decode(bomb(60_000, 60_000))
    with pytest.raises(LimitError, match='MAX_IMAGE_PIXELS'):
        image.decode(bomb(60_000, 60_000), max_pixels=10**10)


def test_the_limit_is_exact_and_for_the_result_too() -> None:
    data = image.encode(PHOTO)
    assert image.decode(data, max_pixels=24 * 32).shape == (24, 32, 3)
    with pytest.raises(LimitError, match='32 x 24 pixels, wanted at most 767 pixels'):
        image.decode(data, max_pixels=24 * 32 - 1)
    with pytest.raises(LimitError):
        image.decode(data, width=1_000_000, height=1_000_000)


@pytest.mark.parametrize('file_format', ['PNG', 'JPEG', 'GIF', 'BMP', 'TIFF', 'WEBP'])
def test_an_image_cut_short(file_format: str) -> None:
    data = image.encode(PHOTO, file_format)
    for length in (0, 3, len(data) // 3, len(data) // 2):
        with pytest.raises(DecodeError):
            image.decode(data[:length])


@pytest.mark.parametrize(
    'data', [b'', b'not an image', b'\x89PNG\r\n\x1a\n', bomb(5, 5), b'%!PS-Adobe-3.0 EPSF-3.0\n']
)
def test_what_is_no_image(data: bytes) -> None:
    with pytest.raises(DecodeError):
        image.decode(data)


def test_a_format_that_runs_other_programs_is_refused() -> None:
    data = saved(pil.fromarray(PHOTO), 'EPS')
    with pytest.raises(DecodeError, match='EPS'):
        image.decode(data)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(['PNG', 'JPEG', 'GIF', 'BMP', 'TIFF']), st.integers(0), st.binary(min_size=1, max_size=4)
)
def test_damaged_bytes_give_an_image_or_our_error(file_format: str, place: int, damage: bytes) -> None:
    data = bytearray(image.encode(PHOTO, file_format))
    place %= len(data)
    data[place : place + len(damage)] = damage
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            array = image.decode(bytes(data), max_pixels=100_000)
        except (DecodeError, LimitError):
            return
    assert array.dtype == np.uint8
    assert array.ndim == 3


def test_opening_reads_the_header_only() -> None:
    picture = image.open_pil(image.encode(PHOTO)[:60])
    assert picture.size == (32, 24)
    with pytest.raises(OSError, match='truncated'):
        picture.load()


# ------------------------------------------------------------------------------------ encoding


@pytest.mark.parametrize('name', ['jpg', 'JPG', 'jpeg', 'JPEG'])
def test_both_names_of_jpeg(name: str) -> None:
    smooth = np.full((8, 8, 3), 90, np.uint8)
    data = image.encode(smooth, name)
    assert data.startswith(b'\xff\xd8')
    assert abs(image.decode(data).astype(int) - 90).max() <= 2


@pytest.mark.parametrize('dtype', ['float32', 'float64', 'float16'])
def test_floats_are_not_guessed_at(dtype: str) -> None:
    with pytest.raises(DtypeError, match=f'got {dtype}, wanted uint8. Scale to 0..255'):
        image.encode(PHOTO.astype(dtype))


@pytest.mark.parametrize('dtype', ['int64', 'uint16', 'bool'])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(DtypeError, match=f'got {dtype}, wanted uint8. Convert'):
        image.encode(PHOTO.astype(dtype))


def test_channels_first_is_told_to_transpose() -> None:
    with pytest.raises(ShapeError, match=r'got shape \(3, 24, 32\).*channels-first; transpose'):
        image.encode(PHOTO.transpose(2, 0, 1))


@pytest.mark.parametrize('shape', [(), (3,), (4, 5, 2), (2, 4, 5, 3), (0, 5, 3), (5, 0)])
def test_shapes_that_are_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match='wanted'):
        image.encode(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ('channels', 'name', 'text'), [(3, 'XYZ', 'XYZ'), (3, '', 'format'), (4, 'JPEG', 'RGBA')]
)
def test_what_pillow_cannot_write(channels: int, name: str, text: str) -> None:
    with pytest.raises(InvalidValueError, match=text):
        image.encode(np.zeros((4, 4, channels), np.uint8), name)


# ----------------------------------------------------------------------------------- thumbnails


@pytest.mark.parametrize('shape', [(400, 800), (400, 800, 1), (400, 800, 3), (3, 400, 800), (1, 400, 800)])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32, np.float16, bool, np.int64])
def test_thumbnails_of_all_kinds(shape: tuple[int, ...], dtype: Any) -> None:
    data = image.thumbnail(np.ones(shape, dtype), 100)
    assert data.startswith(b'\x89PNG')
    assert image.decode(data).shape == (50, 100, 3)


def test_thumbnails_show_what_there_is_to_see() -> None:
    ramp = np.linspace(0, 1, 64).reshape(8, 8)
    for array in (
        ramp,
        ramp * 255,
        ramp * 1000 - 500,
        (ramp * 255).astype(np.int32),
        (ramp * 255).astype(np.uint8),
    ):
        shown = image.decode(image.thumbnail(array))[..., 0].astype(int)
        assert abs(shown - ramp * 255).max() <= 1
    assert image.decode(image.thumbnail(np.full((4, 4), np.nan))).max() == 0


def test_a_small_image_is_not_enlarged_and_a_file_is_turned_upright() -> None:
    assert np.array_equal(image.decode(image.thumbnail(PHOTO, 64)), PHOTO)
    exif = pil.Exif()
    exif[0x0112] = 6
    assert image.decode(image.thumbnail(saved(pil.fromarray(PHOTO), 'JPEG', exif=exif), 16)).shape == (
        16,
        12,
        3,
    )


def test_thumbnails_of_what_is_no_image() -> None:
    with pytest.raises(ShapeError):
        image.thumbnail(np.zeros(5))
    with pytest.raises(DecodeError):
        image.thumbnail(b'no')
    with pytest.raises(LimitError):
        image.thumbnail(bomb(12_000, 12_000))


def test_showing_outside_a_notebook_warns() -> None:
    with pytest.warns(UserWarning, match='notebook'):
        image.show(PHOTO)


def test_showing_in_a_notebook() -> None:
    shell = pytest.importorskip('IPython.core.interactiveshell').InteractiveShell
    capture = pytest.importorskip('IPython.utils.capture')
    shell.instance()
    try:
        with capture.capture_output() as captured:
            image.show(PHOTO, size=16)
    finally:
        shell.clear_instance()
    (shown,) = captured.outputs
    assert image.decode(base64.b64decode(shown.data['image/png'])).shape == (12, 16, 3)


def test_threads() -> None:
    data, found = image.encode(PHOTO), []

    def work() -> None:
        found.extend(np.array_equal(image.decode(data), PHOTO) for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 40
