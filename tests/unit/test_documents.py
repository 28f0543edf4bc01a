"""The predefined documents: their fields, and the bare values that stand for them."""

from __future__ import annotations

import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pydantic
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.documents import (
    Audio,
    AudioDoc,
    Image,
    ImageDoc,
    LegacyDocument,
    Mesh3D,
    PointCloud3D,
    PointsAndColors,
    Text,
    TextDoc,
    VerticesAndFaces,
    Video,
    VideoDoc,
)
from docarray.typing import AudioNdArray, ImageBytes, ImageNdArray, NdArray, TextUrl, VideoNdArray

ALL = [TextDoc, ImageDoc, AudioDoc, VideoDoc, Mesh3D, PointCloud3D, LegacyDocument]


class Everything(BaseDocument):
    text: TextDoc | None = None
    image: ImageDoc | None = None
    audio: AudioDoc | None = None
    video: VideoDoc | None = None
    mesh: Mesh3D | None = None
    cloud: PointCloud3D | None = None


def test_first_and_later_names_are_the_same_classes() -> None:
    assert (Text, Image, Audio, Video) == (TextDoc, ImageDoc, AudioDoc, VideoDoc)
    assert TextDoc.__name__ == 'TextDoc'


def test_unknown_names_are_attribute_errors() -> None:
    import docarray.documents

    assert not hasattr(docarray.documents, 'Texts')
    assert {'Text', 'TextDoc', 'LegacyDocument'} <= set(dir(docarray.documents))


def test_documents_load_no_framework() -> None:
    code = (
        'import sys\n'
        'from docarray.documents import *\n'
        'from docarray.documents import helper\n'
        "print(sorted({'torch', 'tensorflow', 'jax', 'PIL', 'fastapi'} & set(sys.modules)))"
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == '[]'


@pytest.mark.parametrize('cls', ALL)
def test_every_field_but_the_id_may_be_missing(cls: type[BaseDocument]) -> None:
    document = cls()
    values = {name: value for name, value in document.model_dump().items() if name != 'id'}
    assert document.id
    assert set(map(str, values.values())) <= {'None', '{}'}


@pytest.mark.parametrize('cls', ALL)
def test_no_default_is_shared(cls: type[BaseDocument]) -> None:
    first, second = cls(), cls()
    for name in cls.model_fields:
        value = getattr(first, name)
        assert value is None or value is not getattr(second, name)


def test_text_is_its_text() -> None:
    text = TextDoc('hello')
    assert text == 'hello'
    assert text != 'other'
    assert 'ell' in text
    assert 'x' not in text
    assert text == TextDoc(text='hello')
    assert text != TextDoc('hello', url='a.txt')
    assert 'x' not in TextDoc()
    assert TextDoc() != ''
    assert text._get_string_for_regex_filter() == 'hello'
    assert TextDoc()._get_string_for_regex_filter() == ''


def test_positional_text_goes_with_keywords() -> None:
    text = TextDoc('a', id='1', url='a.txt')
    assert (text.text, text.id, text.url) == ('a', '1', 'a.txt')
    with pytest.raises(pydantic.ValidationError):
        TextDoc(3)  # type: ignore[arg-type]


def test_text_for_a_field() -> None:
    document = Everything(text='t', image='i.png', audio='a.wav', video='v.mp4', mesh='m.obj', cloud='c.ply')
    assert document.text == 't'
    assert document.image.url == 'i.png'
    assert document.audio.url == 'a.wav'
    assert document.video.url == 'v.mp4'
    assert document.mesh.url == 'm.obj'
    assert document.cloud.url == 'c.ply'
    document.text = 'changed'
    assert document.text.text == 'changed'


def test_a_url_for_a_text_is_its_url() -> None:
    assert TextDoc.model_validate(TextUrl('a.txt')).url == 'a.txt'
    assert TextDoc.model_validate(pathlib.PurePosixPath('a/b.txt')).url == 'a/b.txt'
    assert ImageDoc.model_validate(pathlib.PurePosixPath('a/b.png')).url == 'a/b.png'


@pytest.mark.parametrize('given', [b'\xff\xd8', bytearray(b'\xff\xd8'), memoryview(b'\xff\xd8')])
def test_bytes_for_a_field(given: object) -> None:
    for name in Everything.model_fields:
        if name != 'id':
            document = getattr(Everything(**{name: given}), name)
            assert document.bytes_ == b'\xff\xd8', name
    assert type(Everything(image=given).image.bytes_) is ImageBytes


def test_arrays_for_a_field() -> None:
    document = Everything(
        image=np.zeros((4, 6, 3), np.uint8),
        audio=np.zeros(80, np.float32),
        video=np.zeros((2, 4, 6, 3), np.uint8),
        cloud=np.zeros((10, 3)),
    )
    assert type(document.image.tensor) is ImageNdArray
    assert type(document.audio.tensor) is AudioNdArray
    assert type(document.video.tensor) is VideoNdArray
    assert document.cloud.tensors.points.shape == (10, 3)
    assert document.cloud.tensors.colors is None


def test_an_array_is_no_text() -> None:
    with pytest.raises(pydantic.ValidationError):
        Everything(text=np.zeros(3))
    with pytest.raises(pydantic.ValidationError):
        Everything(mesh=np.zeros((3, 3)))


@pytest.mark.parametrize('framework', ['torch', 'tensorflow', 'jax'])
def test_tensors_of_other_frameworks_for_a_field(framework: str) -> None:
    pytest.importorskip(framework)
    if framework == 'torch':
        import torch

        made, name = torch.zeros(3, 4, 6), 'ImageTorchTensor'
    elif framework == 'tensorflow':
        import tensorflow as tf

        made, name = tf.zeros((3, 4, 6)), 'ImageTensorFlowTensor'
    else:
        import jax.numpy as jnp

        made, name = jnp.zeros((3, 4, 6)), 'ImageJaxArray'
    assert type(Everything(image=made).image.tensor).__name__ == name
    back = Everything.from_json(Everything(image=made).to_json())
    assert back.image.tensor.shape == (3, 4, 6)


def test_documents_are_kept_as_they_are() -> None:
    text = TextDoc('x')
    assert Everything(text=text).text is text
    assert Everything(text={'text': 'x'}).text == text


def test_json_takes_bare_values_and_objects() -> None:
    document = Everything.from_json('{"text": "t", "image": {"url": "i.png"}, "video": {"audio": "a.wav"}}')
    assert document.text == 't'
    assert document.image.url == 'i.png'
    assert document.video.audio.url == 'a.wav'


def test_arrays_of_documents_take_bare_values() -> None:
    class Page(BaseDocument):
        parts: DocumentArray[TextDoc]

    page = Page(parts=['a', {'text': 'b'}, TextDoc('c')])
    assert page.parts.text == ['a', 'b', 'c']
    assert type(page.parts) is DocumentArray[TextDoc]


def test_bytes_has_two_names() -> None:
    for cls in (TextDoc, ImageDoc, AudioDoc, VideoDoc, Mesh3D, PointCloud3D):
        document = cls(bytes=b'\xff')
        assert document.bytes_ == document.bytes == cls(bytes_=b'\xff').bytes_ == b'\xff'
        document.bytes = b'\xfe'
        assert document.bytes_ == b'\xfe'
        assert '"bytes_":"' in document.to_json()
        assert '"bytes":' not in document.to_json()
        assert cls.from_json('{"bytes": "/w=="}').bytes_ == b'\xff'
        assert 'bytes_' in cls.model_json_schema()['properties']
        assert type(document.bytes) is type(document.bytes_)


def test_shapes_of_video() -> None:
    with pytest.raises(pydantic.ValidationError, match='tensor'):
        VideoDoc(tensor=np.zeros((4, 6)))


def test_meshes_need_both_parts_and_points_need_points() -> None:
    mesh = Mesh3D(tensors={'vertices': [[0, 0, 0], [1, 0, 0], [0, 1, 0]], 'faces': [[0, 1, 2]]})
    assert isinstance(mesh.tensors, VerticesAndFaces)
    assert mesh.tensors.faces.shape == (1, 3)
    with pytest.raises(pydantic.ValidationError, match='faces'):
        VerticesAndFaces(vertices=[[0, 0, 0]])
    with pytest.raises(pydantic.ValidationError, match='points'):
        PointsAndColors(colors=[[0, 0, 0]])


def test_default_embedding_of_a_mesh_is_none() -> None:
    assert Mesh3D(url='m.obj').embedding is None


def test_legacy_documents_are_trees() -> None:
    tree = LegacyDocument(
        text='root',
        chunks=[LegacyDocument(text='a', embedding=[1.0, 2.0]), {'text': 'b'}],
        matches=DocumentArray[LegacyDocument]([LegacyDocument(blob=b'\xff')]),
        tags={'n': 1, 'deep': [{'x': None}]},
        scores={'cosine': 0.5},
    )
    back = LegacyDocument.from_json(tree.to_json())
    assert back == tree
    assert type(back.chunks) is DocumentArray[LegacyDocument]
    assert back.chunks.text == ['a', 'b']
    assert 'chunks' in LegacyDocument.model_json_schema()['$defs']['LegacyDocument']['properties']


def test_a_class_of_your_own_keeps_all_that() -> None:
    class Caption(TextDoc):
        language: str = 'en'
        vector: NdArray[2] | None = None

    assert Caption('x') == 'x'
    assert Caption.model_validate('x').language == 'en'
    assert Caption(bytes=b'1').bytes_ == b'1'


@pytest.mark.parametrize('cls', ALL)
def test_documents_pickle_and_stack(cls: type[BaseDocument]) -> None:
    document = cls(url='a.png' if cls is ImageDoc else None, embedding=[1.0, 2.0])
    assert pickle.loads(pickle.dumps(document)) == document
    assert DocumentArray[cls]([document, document]).stack().unstack()[1] == document  # type: ignore[valid-type]
