"""Tensor classes: what they accept, what they are, how they are copied, sent, subclassed and found."""

from __future__ import annotations

import array
import copy
import doctest
import importlib
import io
import pickle
import subprocess
import sys
import wave
from typing import Any, Optional, Union

import cloudpickle
import numpy as np
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import docarray.typing
from docarray.errors import DtypeError, ShapeError, TensorError, UnsupportedError
from docarray.kinds import identity
from docarray.typing import (
    AbstractTensor,
    AnyEmbedding,
    AnyTensor,
    AudioNdArray,
    AudioTensor,
    ImageNdArray,
    ImageTensor,
    NdArray,
    NdArrayEmbedding,
    TensorType,
    VideoNdArray,
    VideoTensor,
)
from docarray.typing.tensors import tensor_class

MODALITIES = ['', 'embedding', 'image', 'audio', 'video']
NATIVES = {'numpy': 'numpy', 'torch': 'torch', 'tensorflow': 'tensorflow', 'jax': 'jax.numpy'}
FRAMEWORKS = sorted(NATIVES)


def native(framework: str, values: Any = ((1.0, 2.0, 3.0),)) -> Any:
    """A float32 tensor of a framework, of shape (1, 3) unless said otherwise."""
    module = pytest.importorskip(NATIVES[framework])
    make = {'torch': 'tensor', 'tensorflow': 'constant'}.get(framework, 'array')
    return getattr(module, make)(np.asarray(values, np.float32))


# ------------------------------------------------------------------------------- names


@pytest.mark.parametrize('modality', MODALITIES)
@pytest.mark.parametrize('framework', FRAMEWORKS)
def test_every_framework_has_every_modality(framework: str, modality: str) -> None:
    pytest.importorskip(framework)
    cls = tensor_class(framework, modality)
    assert cls.tensor_type == TensorType(framework, modality)
    assert getattr(docarray.typing, cls.__name__) is cls
    assert issubclass(cls, tensor_class(framework))
    assert issubclass(cls, AbstractTensor)
    assert issubclass(cls, tensor_class('', modality))
    assert issubclass(cls, AnyTensor)
    assert issubclass(cls, ImageTensor) == (modality == 'image')
    assert cls.__doc__
    for pickler in (pickle, cloudpickle):
        assert pickle.loads(pickler.dumps(cls)) is cls


def test_the_names_of_earlier_versions() -> None:
    stems = {'NdArray': 'NdArray', 'TorchTensor': 'Torch', 'TensorFlowTensor': 'TensorFlow'}
    stems['JaxArray'] = 'JaxArray'
    names = {'AnyTensor', 'AnyEmbedding', 'ImageTensor', 'AudioTensor', 'VideoTensor'}
    for plain, stem in stems.items():
        names |= {plain, f'{stem}Embedding', f'Image{plain}', f'Audio{plain}', f'Video{plain}'}
    names |= {
        'ImageBytes',
        'AudioBytes',
        'VideoBytes',
        'VideoLoadResult',
        'ID',
        'Shape',
        'TensorType',
        'Blob',
    }
    names |= {'AnyUrl', 'ImageUrl', 'AudioUrl', 'VideoUrl', 'TextUrl', 'Mesh3DUrl', 'PointCloud3DUrl'}
    assert names | {'AbstractTensor'} == set(docarray.typing.__all__)
    assert names <= set(dir(docarray.typing))


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(docarray.typing, 'NoSuchTensor')
    with pytest.raises(AttributeError, match='NoSuchTensor'):
        docarray.typing.NoSuchTensor  # type: ignore[attr-defined]


def run(code: str) -> str:
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    return done.stdout


def test_no_framework_is_imported_before_it_is_needed() -> None:
    code = """
import sys
import numpy as np
from pydantic import TypeAdapter
from docarray.typing import AnyTensor, ImageTensor, NdArray, AnyUrl, ImageBytes, ID, Shape
TypeAdapter(AnyTensor[3]).validate_python(np.zeros(3))
TypeAdapter(ImageTensor).validate_python([[1, 2]])
isinstance(NdArray([1]), AnyTensor)
print({'torch', 'tensorflow', 'jax', 'PIL', 'ml_dtypes'} & set(sys.modules))
"""
    assert run(code) == 'set()\n'


def test_a_missing_framework_is_named() -> None:
    code = """
import sys
sys.modules['torch'] = None
import docarray.typing
from docarray.errors import MissingExtraError
assert 'TorchTensor' in dir(docarray.typing)
try:
    docarray.typing.ImageTorchTensor
except MissingExtraError as error:
    print(error)
"""
    assert "pip install 'docarray[torch]'" in run(code)


@pytest.mark.parametrize('name', ['tensors', 'abstract', 'torch_tensor', 'tensorflow_tensor', 'jax_array'])
def test_examples_of_classes(name: str) -> None:
    for top in ('torch', 'tensorflow', 'jax'):
        if name.startswith(top):
            pytest.importorskip(top)
    assert doctest.testmod(importlib.import_module(f'docarray.typing.{name}')).failed == 0


# ------------------------------------------------------------------------------- what becomes an NdArray


def test_an_array_is_viewed_not_copied() -> None:
    given = np.zeros((2, 3), np.float16)
    for cls in (NdArray, NdArray[2, 3], NdArray['a', ..., 'float16'], ImageNdArray, AnyTensor[2, 3]):
        made = TypeAdapter(cls).validate_python(given)
        assert np.shares_memory(made, given)
        assert type(made) is (ImageNdArray if cls is ImageNdArray else NdArray)
        assert made.dtype == np.float16
    assert type(given) is np.ndarray


def test_a_value_of_the_class_stays_itself() -> None:
    made = NdArray([1, 2])
    assert TypeAdapter(NdArray[2]).validate_python(made) is made


def test_the_class_is_that_of_the_field() -> None:
    image = ImageNdArray([[1, 2]])
    assert type(TypeAdapter(NdArray).validate_python(image)) is NdArray
    assert type(TypeAdapter(ImageNdArray).validate_python(NdArray([[1, 2]]))) is ImageNdArray
    assert type(TypeAdapter(AudioTensor).validate_python(image)) is AudioNdArray


@pytest.mark.parametrize(
    ('value', 'wanted'),
    [
        ([1, 2], np.array([1, 2])),
        ((1.5, 2), np.array([1.5, 2])),
        ([[True], [False]], np.array([[True], [False]])),
        ('[[1, 2], [3, 4]]', np.array([[1, 2], [3, 4]])),
        ({'dtype': 'uint8', 'shape': [2], 'data': 'AQI='}, np.array([1, 2], np.uint8)),
        ([np.zeros(2), np.ones(2)], np.array([[0.0, 0.0], [1.0, 1.0]])),
        (np.float32(1.5), np.array(1.5, np.float32)),
        (np.array(3), np.array(3)),
        ([], np.array([])),
        (np.array([1, 2], '>i2'), np.array([1, 2], '>i2')),
    ],
)
def test_what_becomes_an_array(value: Any, wanted: np.ndarray[Any, Any]) -> None:
    for cls in (NdArray, AnyTensor):
        made = TypeAdapter(cls).validate_python(value)
        assert type(made) is NdArray
        assert made.dtype == wanted.dtype
        np.testing.assert_array_equal(made, wanted)


class Broken:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError('no')


@pytest.mark.parametrize(
    'value',
    [
        5,
        2.5,
        True,
        1j,
        None,
        b'abc',
        bytearray(b'abc'),
        memoryview(b'abc'),
        'abc',
        '5',
        'null',
        {},
        {'a': 1},
        {1, 2},
        object(),
        Broken(),
        NdArray,
        [1, [2]],
        ['a'],
        ['1'],
        [[1, 2], None],
        [object()],
        np.array(['a']),
        np.array([None]),
        np.array([object()]),
        np.array(['2020-01-01'], 'datetime64[D]'),
        np.zeros(2, [('a', 'i4')]),
        iter([1, 2]),
    ],
)
@pytest.mark.parametrize('cls', [NdArray, NdArray[3], NdArray['x', 'uint8'], AnyTensor, AnyTensor[2]])
def test_what_does_not(cls: Any, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(cls).validate_python(value)
    assert caught.value.error_count() == 1
    with pytest.raises((TensorError, DtypeError)):
        cls(value)


def test_an_int_is_no_shape() -> None:
    with pytest.raises(TensorError):
        NdArray(5)
    with pytest.raises(TypeError):
        NdArray((2, 3), np.float32)  # type: ignore[call-arg]
    assert NdArray((2, 3)).tolist() == [2, 3]
    assert NdArray(tensor=[1]).tolist() == [1]


def test_objects_that_know_how_to_be_arrays() -> None:
    image = pytest.importorskip('PIL.Image').new('RGB', (4, 2))
    assert ImageNdArray['h', 'w', 3, 'uint8'](image).shape == (2, 4, 3)


def test_an_array_of_the_standard_library() -> None:
    with pytest.raises(TensorError):
        NdArray(array.array('i', [1, 2]))


@pytest.mark.parametrize('source', FRAMEWORKS)
@pytest.mark.parametrize('target', FRAMEWORKS)
def test_from_framework_to_framework(source: str, target: str) -> None:
    pytest.importorskip(target)
    value = native(source)
    cls = tensor_class(target)
    wrapped = tensor_class(source)(value)
    for given in (value, wrapped):
        made = TypeAdapter(cls[1, 3, 'float32']).validate_python(given)
        assert type(made) is cls
        assert made._docarray_to_ndarray().tolist() == [[1.0, 2.0, 3.0]]
    with pytest.raises(ValidationError, match='wanted'):
        TypeAdapter(cls[3, 1, 'uint8']).validate_python(value)


def test_a_list_of_tensors() -> None:
    torch = pytest.importorskip('torch')
    rows = [torch.ones(2, requires_grad=True), tensor_class('torch')(torch.zeros(2))]
    assert NdArray(rows).tolist() == [[1.0, 1.0], [0.0, 0.0]]
    with pytest.raises(TensorError):
        NdArray([torch.ones(2), torch.ones(3)])


def test_from_ndarray_checks() -> None:
    assert ImageNdArray.from_ndarray(np.zeros((2, 2))).shape == (2, 2)
    with pytest.raises(ShapeError):
        NdArray[3].from_ndarray(np.zeros(2))


# ------------------------------------------------------------------------------- what an NdArray is


def test_an_ndarray_computes_as_numpy_does() -> None:
    made = NdArray([[1.0, 2.0], [3.0, 4.0]])
    assert type(made + 1) is type(made[0]) is type(made.T) is NdArray
    assert type(np.stack([made, made])) is np.ndarray
    made[0, 0] = 7
    assert made.unwrap()[0, 0] == 7
    assert type(made.unwrap()) is np.ndarray
    assert np.shares_memory(made, made.unwrap())


@pytest.mark.parametrize('cls', [NdArray, ImageNdArray, NdArrayEmbedding])
def test_copies_keep_the_class(cls: Any) -> None:
    made = cls([1, 2, 3])
    copies = [copy.copy(made), copy.deepcopy(made), made.copy()]
    copies += [pickle.loads(pickle.dumps(made, protocol)) for protocol in range(2, 6)]
    for other in copies:
        assert type(other) is cls
        assert other.tolist() == [1, 2, 3]
        assert not np.shares_memory(other, made)


def test_pickle_can_leave_the_values_where_they_are() -> None:
    made = NdArray(np.zeros(1000))
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(made, 5, buffer_callback=buffers.append)
    assert len(data) < 500
    again = pickle.loads(data, buffers=buffers)
    assert type(again) is NdArray
    assert np.shares_memory(again, made)


def test_the_hooks_of_earlier_versions() -> None:
    made = ImageNdArray._docarray_validate([[1, 2]])
    assert type(made._docarray_to_ndarray()) is np.ndarray
    assert type(ImageNdArray._docarray_from_native(np.zeros(2))) is ImageNdArray
    assert type(ImageNdArray[2, 2]._docarray_from_ndarray(np.zeros(2))) is ImageNdArray
    assert made._docarray_to_json_compatible() == [[1, 2]]
    assert made.get_comp_backend().name == 'numpy'
    assert ImageNdArray.__unparametrizedcls__ is ImageNdArray
    assert ImageNdArray.__docarray_target_shape__ is None


# ------------------------------------------------------------------------------- any framework


@pytest.mark.parametrize('framework', FRAMEWORKS)
@pytest.mark.parametrize('modality', MODALITIES)
def test_a_union_takes_the_class_of_the_value(framework: str, modality: str) -> None:
    values = np.ones((1, 2, 3)) if modality == 'video' else np.ones((1, 3))
    value = native(framework, values)
    union, concrete = tensor_class('', modality), tensor_class(framework, modality)
    key = ('x',) if modality == 'embedding' else (1, ...)
    if modality == 'embedding':
        value = value[0]
    for cls in (union, union[key], union[(*key, 'float32')]):
        made = TypeAdapter(cls).validate_python(value)
        assert type(made) is concrete
        assert isinstance(made, cls)
        assert isinstance(made, AnyTensor)
        # A tensor class of another modality, too, becomes that of the field.
        assert type(TypeAdapter(cls).validate_python(tensor_class(framework)(value))) is concrete
        assert type(TypeAdapter(AnyTensor).validate_python(made)) is tensor_class(framework)
        with pytest.raises(ValidationError):
            TypeAdapter(union[9]).validate_python(value)
    assert not isinstance(value, union)


def test_unions_have_no_instances() -> None:
    assert type(AnyTensor([1])) is NdArray
    assert type(ImageTensor[1, 2]([[1, 2]])) is ImageNdArray
    assert type(AnyEmbedding([1.0])) is NdArrayEmbedding
    assert type(VideoTensor(np.zeros((2, 2, 3)))) is VideoNdArray
    assert not isinstance(NdArray([1]), ImageTensor)
    assert not isinstance([1], AnyTensor)
    assert not issubclass(NdArray, AnyTensor[3])
    assert not issubclass(AbstractTensor, AnyTensor)


def test_python_unions_prefer_the_own_framework() -> None:
    torch = pytest.importorskip('torch')
    numpy_class, torch_class = NdArray, tensor_class('torch')
    for union in (Union[numpy_class, torch_class], torch_class | numpy_class):  # noqa: UP007
        adapter = TypeAdapter(union)
        assert type(adapter.validate_python(torch.zeros(2))) is torch_class
        assert type(adapter.validate_python(np.zeros(2))) is numpy_class
    assert TypeAdapter(Union[NdArray, str]).validate_python('[1]') == '[1]'  # noqa: UP007
    assert TypeAdapter(Union[NdArray, list[int]]).validate_json('[1]') == [1]  # noqa: UP007


def test_optional_fields_and_assignment() -> None:
    class Page(BaseModel, validate_assignment=True):
        tensor: Optional[NdArray[3]] = None  # noqa: UP045
        many: list[ImageTensor] = []

    page = Page(many=[[[1, 2]]])
    assert page.tensor is None
    page.tensor = [1, 2, 3]
    assert type(page.tensor) is NdArray
    with pytest.raises(ValidationError):
        page.tensor = [1, 2]
    assert type(page.many[0]) is ImageNdArray
    again = pickle.loads(cloudpickle.dumps(page))
    assert again.tensor.tolist() == [1, 2, 3]


# ------------------------------------------------------------------------------- codecs


@pytest.mark.parametrize('framework', FRAMEWORKS)
def test_codecs_pack_to_native_tensors(framework: str) -> None:
    value = native(framework)
    cls = tensor_class(framework, 'image')
    codec = cls[1, 'x', 'float32'].__docarray_codec__()
    made = cls(value)
    assert (codec.kind.name, codec.kind.shape, codec.kind.dtype) == ('tensor', (1, 'x'), 'float32')
    assert codec.framework == framework
    assert codec.type is cls
    assert (codec.pack is identity) == (framework in ('numpy', 'torch'))
    packed = codec.pack(made)
    assert cls.get_comp_backend().matches(packed)
    again = codec.unpack(packed)
    assert type(again) is cls
    assert again._docarray_to_ndarray().tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize('framework', FRAMEWORKS)
def test_the_codec_of_a_union_follows_the_value(framework: str) -> None:
    value = native(framework)
    codec = ImageTensor['h', 'w'].__docarray_codec__()
    assert (codec.framework, codec.type, codec.kind.dtype) == ('', ImageTensor, None)
    cls = tensor_class(framework, 'image')
    packed = codec.pack(cls(value))
    assert cls.get_comp_backend().matches(packed)
    assert type(codec.unpack(packed)) is cls


# ------------------------------------------------------------------------------- tensor types of your own


class Spectrum(AbstractTensor, np.ndarray):  # type: ignore[type-arg]
    """A user's subclass of numpy's array."""


class Ticks(AbstractTensor):
    """A user's wrapper around something that docarray does not know: a list of ints."""

    def __init__(self, ticks: list[int]) -> None:
        self.ticks = ticks

    def _docarray_to_ndarray(self) -> Any:
        return np.array(self.ticks)

    @classmethod
    def _docarray_from_ndarray(cls, value: Any) -> Ticks:
        return Ticks(value.tolist())


class Sorted(NdArray):
    """A user's subclass that checks more."""

    @classmethod
    def _docarray_validate(cls, value: Any) -> Any:
        made = super()._docarray_validate(value)
        if (np.diff(made) < 0).any():
            raise ValueError('not sorted')
        return made


def test_a_numpy_subclass_of_your_own() -> None:
    made = TypeAdapter(Spectrum[3, 'uint8']).validate_python([1, 2, 3])
    assert type(made) is Spectrum
    assert Spectrum.tensor_type == TensorType('numpy')
    assert isinstance(made, Spectrum[3])
    assert isinstance(made, AnyTensor[3])
    assert type(pickle.loads(pickle.dumps(made))) is Spectrum
    with pytest.raises(ValidationError):
        TypeAdapter(Spectrum[2]).validate_python(np.zeros(3))
    assert type(Spectrum.__docarray_codec__().unpack(np.zeros(3))) is Spectrum


def test_a_wrapper_of_your_own() -> None:
    ticks = Ticks([1, 2, 3])
    for cls in (Ticks, Ticks[3], AnyTensor, AnyTensor['n', 'int64']):
        assert TypeAdapter(cls).validate_python(ticks) is ticks
    assert TypeAdapter(Ticks[2]).validate_python([4, 5]).ticks == [4, 5]
    assert TypeAdapter(Ticks).validate_json(TypeAdapter(Ticks).dump_json(ticks)).ticks == [1, 2, 3]
    assert isinstance(ticks, Ticks[3])
    assert not isinstance(ticks, Ticks[4])
    for cls in (Ticks[4], AnyTensor[4], AnyTensor['uint8']):
        with pytest.raises(ValidationError):
            TypeAdapter(cls).validate_python(ticks)
    assert type(TypeAdapter(ImageTensor).validate_python(ticks)) is ImageNdArray
    codec = Ticks[3].__docarray_codec__()
    assert codec.framework == 'numpy'
    assert codec.unpack(codec.pack(ticks)).ticks == [1, 2, 3]
    assert ticks.unwrap().tolist() == [1, 2, 3]


def test_a_wrapper_without_hooks_says_which() -> None:
    class Empty(AbstractTensor):
        pass

    with pytest.raises(UnsupportedError, match='_docarray_to_ndarray'):
        Empty()._docarray_to_ndarray()
    with pytest.raises(UnsupportedError, match='_docarray_from_ndarray'):
        Empty._docarray_validate([1])


def test_an_overridden_check_is_used() -> None:
    for cls in (Sorted, Sorted[3], Sorted['n', 'int64']):
        assert TypeAdapter(cls).validate_python([1, 2, 3]).tolist() == [1, 2, 3]
        with pytest.raises(ValidationError, match='not sorted'):
            TypeAdapter(cls).validate_python([3, 2, 1])
    for cls in (Sorted[2], Sorted['uint8']):
        with pytest.raises(ValidationError):
            TypeAdapter(cls).validate_python([1, 2, 3])
    assert type(Sorted[3]([1, 2, 3])) is Sorted


def test_a_class_of_your_own_is_sent_to_other_processes() -> None:
    class Local(ImageNdArray):
        pass

    made = pickle.loads(pickle.dumps(Local[1, 2]([[1, 2]])))
    assert type(made).__name__ == 'Local'
    assert isinstance(made, ImageNdArray)
    assert made.tolist() == [[1, 2]]


# ------------------------------------------------------------------------------- modalities


def test_images_become_files(tmp_path: Any) -> None:
    pil = pytest.importorskip('PIL.Image')
    made = ImageNdArray(np.random.default_rng(0).integers(0, 255, (4, 6, 3), dtype=np.uint8))
    data = made.to_bytes()
    assert type(data) is docarray.typing.ImageBytes
    np.testing.assert_array_equal(data.load(), made)
    assert type(data.load()) is ImageNdArray
    made.save(tmp_path / 'a.webp')
    assert pil.open(tmp_path / 'a.webp').format == 'WEBP'
    assert made.to_bytes('jpg')[:2] == b'\xff\xd8'
    with pytest.raises(DtypeError):
        ImageNdArray(np.zeros((2, 2, 3))).to_bytes()
    with pytest.warns(UserWarning, match='notebook'):
        made.display()


def test_audio_becomes_wav(tmp_path: Any) -> None:
    made = AudioNdArray(np.array([0.0, 1.0, -1.0, 0.5]))
    data = made.to_bytes(8000)
    assert type(data) is docarray.typing.AudioBytes
    samples, rate = data.load()
    assert rate == 8000
    assert type(samples) is AudioNdArray
    np.testing.assert_allclose(samples, made, atol=1e-4)
    made.save(tmp_path / 'a.wav', frame_rate=16000, sample_width=3)
    with wave.open(str(tmp_path / 'a.wav')) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnframes()) == (16000, 3, 4)
    with wave.open(io.BytesIO(data)) as file:
        assert file.readframes(2)[2:] == b'\xff\x7f'
    with pytest.raises(UnsupportedError, match='mp3'):
        made.save(tmp_path / 'a.mp3', format='mp3')  # type: ignore[arg-type]


def test_video_is_not_written_yet(tmp_path: Any) -> None:
    made = VideoNdArray(np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(UnsupportedError):
        made.save(tmp_path / 'a.mp4')
    with pytest.raises(UnsupportedError):
        made.to_bytes()


@pytest.mark.parametrize('framework', ['torch', 'tensorflow', 'jax'])
def test_images_of_every_framework_become_files(framework: str) -> None:
    pytest.importorskip('PIL')
    cls = tensor_class(framework, 'image') if pytest.importorskip(framework) else None
    made = cls['uint8']([[0, 255], [255, 0]])
    assert made.to_bytes().load()[:, :, 0].tolist() == [[0, 255], [255, 0]]
