"""Bytes of media files as field types: validation, JSON, pickling and loading."""

from __future__ import annotations

import base64
import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from docarray.errors import DecodeError, InvalidValueError, LimitError, UnsupportedError
from docarray.media import audio, image
from docarray.typing.bytes import (
    AudioBytes,
    BaseBytes,
    ImageBytes,
    VideoBytes,
    VideoLoadResult,
    from_base64,
    to_base64,
)

CLASSES = [BaseBytes, ImageBytes, AudioBytes, VideoBytes]
PHOTO = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


class Page(BaseModel):
    model_config = ConfigDict(ser_json_bytes='base64', val_json_bytes='base64')

    data: ImageBytes | None = None
    plain: bytes = b''


# ---------------------------------------------------------------------------------- validation


@pytest.mark.parametrize('cls', CLASSES)
@pytest.mark.parametrize(
    'value', [b'a\xff', bytearray(b'a\xff'), memoryview(b'a\xff'), memoryview(b'aX\xffX')[::2], 'Yf8=']
)
def test_what_is_accepted(cls: Any, value: object) -> None:
    found = TypeAdapter(cls).validate_python(value)
    assert (found, type(found)) == (b'a\xff', cls)


@pytest.mark.parametrize(
    'value', [5, 1.5, None, [1, 2], np.zeros(3, np.uint8), 'no base64', 'grüße', 'Yf8', 'Y', '=', '====']
)
def test_what_is_refused(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(ImageBytes).validate_python(value)
    assert isinstance(caught.value.errors()[0]['ctx']['error'], InvalidValueError)


def test_instances_are_not_copied() -> None:
    one = ImageBytes(b'abc')
    assert TypeAdapter(ImageBytes).validate_python(one) is one
    assert TypeAdapter(BaseBytes).validate_python(one) is one
    assert ImageBytes.__docarray_codec__().pack(one) is one


def test_bytes_of_another_medium_change_their_class() -> None:
    assert type(TypeAdapter(ImageBytes).validate_python(AudioBytes(b'x'))) is ImageBytes


# ---------------------------------------------------------------------------------------- JSON


@given(st.binary(max_size=100))
def test_base64_round_trips_and_is_the_standard_one(data: bytes) -> None:
    assert to_base64(data) == base64.b64encode(data).decode()
    assert from_base64(to_base64(data)) == data
    assert from_base64(base64.urlsafe_b64encode(data).decode()) == data


@given(st.text(alphabet='AQz09+/-_=\n *ß', max_size=12))
def test_base64_refuses_what_python_refuses(text: str) -> None:
    try:
        wanted = base64.b64decode(text.replace('-', '+').replace('_', '/'), validate=True)
    except ValueError:
        wanted = None
    if len(text) % 4:
        wanted = None  # Python 3.10 takes a lone '='
    try:
        found = from_base64(text)
    except InvalidValueError:
        found = None
    assert found == wanted


@given(st.binary(max_size=100))
def test_models_round_trip_through_json_with_any_bytes(data: bytes) -> None:
    page = Page(data=ImageBytes(data), plain=data)
    written = page.model_dump_json()
    assert f'"data":"{base64.b64encode(data).decode()}"' in written
    back = Page.model_validate_json(written)
    assert back == page
    assert type(back.data) is ImageBytes


def test_json_that_a_framework_has_parsed_means_the_same() -> None:
    page = Page(data=ImageBytes(b'a\xff'), plain=b'a\xff')
    assert Page.model_validate(page.model_dump(mode='json')) == page
    assert type(page.model_dump(mode='json')['data']) is str
    assert page.model_dump() == {'data': b'a\xff', 'plain': b'a\xff'}


def test_none_stays_none() -> None:
    assert Page.model_validate_json(Page().model_dump_json()).data is None


def test_the_json_schema() -> None:
    wanted = {'type': 'string', 'format': 'base64', 'contentEncoding': 'base64'}
    for cls, more in ((BaseBytes, {}), (ImageBytes, {'contentMediaType': 'image/*'})):
        for mode in ('validation', 'serialization'):
            assert TypeAdapter(cls).json_schema(mode=mode) == {**wanted, **more}  # type: ignore[arg-type]


def test_an_error_does_not_repeat_the_whole_value() -> None:
    with pytest.raises(InvalidValueError) as caught:
        from_base64('*' * 1_000_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize('cls', CLASSES)
def test_pickle_copy_and_codec(cls: Any) -> None:
    one = cls(b'a\xff')
    codec = cls.__docarray_codec__()
    assert codec.kind.name == 'bytes'
    for other in (
        pickle.loads(pickle.dumps(one)),
        copy.deepcopy(one),
        codec.unpack(b'a\xff'),
        codec.unpack(codec.pack(one)),
    ):
        assert (other, type(other)) == (b'a\xff', cls)


# ------------------------------------------------------------------------------------- loading


def test_loading_an_image() -> None:
    pytest.importorskip('PIL')
    from docarray.typing.tensors import ImageNdArray

    data = ImageBytes(image.encode(PHOTO))
    found = data.load()
    assert isinstance(found, ImageNdArray)
    assert np.array_equal(found, PHOTO)
    assert data.load(3, 2, ('C', 'H', 'W')).shape == (3, 2, 3)
    assert data.load_pil().size == (6, 4)
    with pytest.raises(LimitError):
        data.load(max_pixels=23)
    with pytest.raises(LimitError):
        data.load_pil(max_pixels=23)
    with pytest.raises(DecodeError):
        ImageBytes(b'no').load()
    with pytest.warns(UserWarning, match='notebook'):
        data.display()


def test_loading_audio() -> None:
    from docarray.typing.tensors import AudioNdArray

    samples, rate = AudioBytes(audio.encode_wav(np.array([0.0, 0.5, -1.0]), 8000)).load()
    assert isinstance(samples, AudioNdArray)
    assert (samples.tolist(), rate) == ([0.0, 0.5, -1.0], 8000)
    with pytest.raises(UnsupportedError, match='soundfile'):
        AudioBytes(b'ID3').load()


def test_loading_video_is_clearly_not_there_yet() -> None:
    with pytest.raises(UnsupportedError, match='PyAV'):
        VideoBytes(b'x').load()
    assert VideoLoadResult(1, 2, 3).key_frame_indices == 3
