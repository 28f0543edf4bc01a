"""URLs and paths as field types: the extension rule, JSON, pickling and loading."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from docarray.errors import DecodeError, FetchError, InvalidValueError, LimitError, UnsupportedError
from docarray.media import audio, image
from docarray.typing._extensions import suits
from docarray.typing.bytes import AudioBytes, ImageBytes, VideoBytes
from docarray.typing.urls import (
    AnyUrl,
    AudioUrl,
    ImageUrl,
    Mesh3DUrl,
    PointCloud3DUrl,
    TextUrl,
    Url3D,
    VideoUrl,
)

CLASSES = [AnyUrl, ImageUrl, AudioUrl, VideoUrl, TextUrl, Url3D, Mesh3DUrl, PointCloud3DUrl]
PHOTO = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


def accepts(cls: Any, value: object) -> bool:
    """Whether the class takes the value; checks what it makes of it, or how it refuses."""
    if not cls.is_extension_allowed(str(value)):
        with pytest.raises(ValidationError) as caught:
            TypeAdapter(cls).validate_python(value)
        assert isinstance(caught.value.errors()[0]['ctx']['error'], InvalidValueError)
        return False
    found = TypeAdapter(cls).validate_python(value)
    assert (found, type(found)) == (str(value), cls)
    return True


# ------------------------------------------------------------------------------ extension rule


@pytest.mark.parametrize(
    ('cls', 'names'),
    [
        (ImageUrl, 'a.png a.jpg a.jpeg a.gif a.webp a.avif a.heic a.bmp a.tif a.svg a.ico'),
        (AudioUrl, 'a.wav a.mp3 a.flac a.ogg a.opus a.m4a a.aiff'),
        (VideoUrl, 'a.mp4 a.mkv a.webm a.mov a.avi a.m4v a.3gp a.ogv'),
        (TextUrl, 'a.txt a.md a.log a.csv a.html a.rst a.json a.py a.c a.markdown'),
        (Mesh3DUrl, 'a.obj a.glb a.gltf a.stl a.ply a.off a.dae'),
        (PointCloud3DUrl, 'a.ply a.pcd a.xyz a.las a.e57 a.obj a.xyzrgb'),
    ],
)
def test_extensions_that_suit(cls: Any, names: str) -> None:
    for name in names.split():
        for url in (
            name,
            name.upper(),
            f'./b.c/{name}',
            f'data/{name}',
            f'https://example.org/{name}',
            f'https://example.org/{name}?v=1.5&u=/x.zip',
            f'https://example.org/{name}#page.zip',
            f'https://example.org/{name}?u=a.zip#page?',
            f'file:///tmp/{name}',
            f'C:\\b.c\\{name}',
        ):
            assert accepts(cls, url), url


@pytest.mark.parametrize('cls', CLASSES)
@pytest.mark.parametrize(
    'url',
    [
        '',
        'no extension',
        'a/b',
        '.hidden',
        'dir.zip/name',
        'https://example.org',
        'https://example.zip',
        'https://example.zip?x=a.b',
        'https://example.org/a?file=b.zip',
        'https://example.org/a?file=b/c.zip',
        'https://example.org/a#b.zip',
        'https://example.org/photo.large@w=300',
        'Mr. Smith',
        'a.',
    ],
)
def test_no_extension_suits_all(cls: Any, url: str) -> None:
    assert accepts(cls, url)


@pytest.mark.parametrize(
    ('cls', 'url'),
    [
        (ImageUrl, 'a.txt'),
        (ImageUrl, 'https://example.org/a.mp4?name=b.png'),
        (ImageUrl, 'https://example.org/a.mp4?name=/b'),
        (ImageUrl, 'https://example.org/a.mp4#b.png'),
        (ImageUrl, 'https://example.org/a.mp4#/b'),
        (ImageUrl, 'C:\\dir\\a.zip'),
        (ImageUrl, 'a.unheardof'),
        (ImageUrl, 'data:text/plain,a.png'),
        (ImageUrl, 'DATA:text/plain,a'),
        (AudioUrl, 'a.png'),
        (VideoUrl, 'a.wav'),
        (TextUrl, 'a.png'),
        (Mesh3DUrl, 'a.pcd'),
        (Mesh3DUrl, 'a.png'),
        (PointCloud3DUrl, 'a.mp3'),
    ],
)
def test_extensions_that_do_not(cls: Any, url: str) -> None:
    assert not accepts(cls, url)
    assert accepts(AnyUrl, url)


@pytest.mark.parametrize(
    ('cls', 'url'),
    [
        (ImageUrl, 'data:image/png;base64,iVBORw0KGgo='),
        (ImageUrl, 'DATA:IMAGE/WEBP,x'),
        (ImageUrl, 'data:;base64,iVBORw0KGgo='),
        (ImageUrl, 'data:application/octet-stream,x'),
        (TextUrl, 'data:,hello'),
        (TextUrl, 'data:application/json,{}'),
        (Mesh3DUrl, 'data:model/gltf-binary;base64,AAAA'),
    ],
)
def test_types_of_data_urls(cls: Any, url: str) -> None:
    assert accepts(cls, url)


@given(st.text(alphabet='aA.:/\\?#pngtx', max_size=16))
@example('data:a.png')
@example('dat/a.png?b.c')
def test_the_quick_look_and_the_rule_agree(url: str) -> None:
    assert ImageUrl.is_extension_allowed(url) == suits(url, 'image', ImageUrl._extensions)


def test_an_error_says_what_is_wanted() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(ImageUrl).validate_python('notes.txt')
    text = str(caught.value)
    assert (
        "got 'notes.txt', wanted a URL or path with no extension, with one of type image/*, or one of "
        in text
    )
    assert '.jpeg' in text


def test_what_the_classes_say_of_themselves() -> None:
    assert [cls.mime_type() for cls in CLASSES] == ['', 'image', 'audio', 'video', 'text', *['model'] * 3]
    assert {'md', 'log'} <= set(TextUrl.extra_extensions())
    assert AnyUrl.extra_extensions() == []
    assert ImageUrl._get_url_extension('https://example.org/A.PNG?x=1.2') == 'png'


def test_a_class_of_your_own() -> None:
    class FontUrl(AnyUrl):
        @classmethod
        def mime_type(cls) -> str:
            return 'font'

        @classmethod
        def extra_extensions(cls) -> list[str]:
            return ['.PFB', 'ttf']

    assert accepts(FontUrl, 'a.ttf')
    assert accepts(FontUrl, 'a.pfb')
    assert not accepts(FontUrl, 'a.png')


# ---------------------------------------------------------------------------------- validation


@pytest.mark.parametrize('cls', CLASSES)
@pytest.mark.parametrize(
    'value',
    [
        'https://example.org/a',
        Path('a/b'),
        PurePosixPath('a/b'),
        pydantic.AnyUrl('https://example.org/a'),
        pydantic.HttpUrl('https://example.org/a'),
        pydantic.FileUrl('file:///a'),
        AnyUrl('a/größe'),
        AudioUrl('a'),
    ],
)
def test_what_is_accepted(cls: Any, value: object) -> None:
    assert accepts(cls, value)


@pytest.mark.parametrize('value', [None, 5, b'a.png', ['a.png'], 'a\ud800.png'])
def test_what_is_refused(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(AnyUrl).validate_python(value)
    assert isinstance(caught.value.errors()[0]['ctx']['error'], InvalidValueError)


def test_a_url_of_another_class_is_checked_again() -> None:
    assert not accepts(ImageUrl, TextUrl('a.txt'))
    assert accepts(AnyUrl, TextUrl('a.txt'))


def test_an_instance_is_passed_on_as_it_is() -> None:
    url = ImageUrl('a.png')
    assert TypeAdapter(ImageUrl).validate_python(url) is url


class Page(BaseModel):
    image: ImageUrl | None = None
    links: list[AnyUrl] = []


def test_in_a_model() -> None:
    page = Page(image='a.png', links=['x', Path('y')])  # type: ignore[arg-type, list-item]  # coerced
    assert page.model_dump_json() == '{"image":"a.png","links":["x","y"]}'
    back = Page.model_validate_json(page.model_dump_json())
    assert back == page
    assert type(back.image) is ImageUrl
    assert [type(link) for link in back.links] == [AnyUrl, AnyUrl]
    assert type(page.model_dump()['image']) is ImageUrl
    assert type(page.model_dump(mode='json')['image']) is str


#: What the URLs of a class point to, as JSON Schema says it.
TARGETS: dict[Any, str] = {
    ImageUrl: 'image/*',
    AudioUrl: 'audio/*',
    VideoUrl: 'video/*',
    TextUrl: 'text/*',
    Url3D: 'model/*',
    Mesh3DUrl: 'model/mesh',
    PointCloud3DUrl: 'model/x.point-cloud',
}


@pytest.mark.parametrize('cls', CLASSES)
def test_json_schema_pickle_copy_and_codec(cls: Any) -> None:
    target = TARGETS.get(cls)
    wanted = {'type': 'string', 'format': 'uri', **({'targetMediaType': target} if target else {})}
    for mode in ('validation', 'serialization'):
        assert TypeAdapter(cls).json_schema(mode=mode) == wanted  # type: ignore[arg-type]
    one = cls('https://example.org/a')
    codec = cls.__docarray_codec__()
    packed = codec.pack(one)
    assert (codec.kind.name, type(packed)) == ('str', str)
    for other in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one), codec.unpack(packed)):
        assert (other, type(other)) == (one, cls)


# ------------------------------------------------------------------------------------- loading


@pytest.fixture
def photo(tmp_path: Path) -> ImageUrl:
    pytest.importorskip('PIL')
    (tmp_path / 'photo.png').write_bytes(image.encode(PHOTO))
    return ImageUrl(tmp_path / 'photo.png')


def test_loading_an_image(photo: ImageUrl) -> None:
    from docarray.typing.tensors import ImageNdArray

    found = photo.load()
    assert isinstance(found, ImageNdArray)
    assert np.array_equal(found, PHOTO)
    assert photo.load(3, 2, ('C', 'H', 'W'), 5.0).shape == (3, 2, 3)
    assert photo.load(width=3, axis_layout=('C', 'W', 'H')).shape == (3, 3, 4)


def test_an_image_as_bytes_and_in_pillow(photo: ImageUrl) -> None:
    data = photo.load_bytes()
    assert type(data) is ImageBytes
    assert np.array_equal(image.decode(data), PHOTO)
    assert photo.load_pil().size == (6, 4)
    with pytest.warns(UserWarning, match='notebook'):
        photo.display()


def test_limits_reach_down(photo: ImageUrl) -> None:
    for call in (photo.load, photo.load_pil):
        with pytest.raises(LimitError, match='pixels'):
            call(max_pixels=23)
        with pytest.raises(LimitError, match='bytes'):
            call(max_bytes=9)
    for cls in CLASSES:
        with pytest.raises(LimitError):
            cls(photo).load_bytes(max_bytes=9)


def test_loading_what_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        ImageUrl('missing.png').load()
    with pytest.raises(FetchError):
        AnyUrl('s3://bucket/key').load_bytes()


def test_loading_what_is_no_image() -> None:
    pytest.importorskip('PIL')
    with pytest.raises(DecodeError):
        ImageUrl('data:,text').load()


@pytest.mark.parametrize(
    ('cls', 'kind'), [(AnyUrl, bytes), (AudioUrl, AudioBytes), (VideoUrl, VideoBytes), (TextUrl, bytes)]
)
def test_the_class_of_the_bytes(cls: Any, kind: type) -> None:
    data = cls('data:;base64,aGk=').load_bytes(timeout=5)
    assert (data, type(data)) == (b'hi', kind)


def test_loading_text() -> None:
    url = TextUrl('data:text/plain,gr%FC%DFe')
    assert url.load('latin-1') == 'grüße'
    with pytest.raises(DecodeError, match='position 2'):
        url.load()


def test_loading_audio(tmp_path: Path) -> None:
    from docarray.typing.tensors import AudioNdArray

    (tmp_path / 'a.wav').write_bytes(audio.encode_wav(np.array([0.0, 0.5]), 8000))
    samples, rate = AudioUrl(tmp_path / 'a.wav').load()
    assert isinstance(samples, AudioNdArray)
    assert (samples.tolist(), rate) == ([0.0, 0.5], 8000)
    with pytest.raises(UnsupportedError, match='soundfile'):
        AudioUrl('data:audio/mpeg,ID3').load()


@pytest.mark.parametrize(
    ('load', 'text'),
    [
        (VideoUrl('http://127.0.0.1:9/a.mp4').load, 'PyAV'),
        (Mesh3DUrl('http://127.0.0.1:9/a.obj').load, 'trimesh'),
        (lambda: PointCloud3DUrl('http://127.0.0.1:9/a.ply').load(100), 'trimesh'),
    ],
)
def test_what_is_not_decoded_says_so_before_it_is_fetched(load: Any, text: str) -> None:
    with pytest.raises(UnsupportedError, match=text):
        load()
