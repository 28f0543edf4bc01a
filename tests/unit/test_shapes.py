"""Shapes and dtypes in brackets: what fits, what is said about what does not, and how keys are read."""

from __future__ import annotations

import gc
import pickle
import warnings
import weakref
from typing import Annotated, Any

import cloudpickle
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from docarray.errors import DtypeError, SchemaError, ShapeError
from docarray.typing import (
    AnyTensor,
    AudioNdArray,
    ImageNdArray,
    NdArray,
    NdArrayEmbedding,
    Shape,
    TensorType,
    VideoNdArray,
)
from docarray.typing.types import DTYPES, dtype_name, parse_key


@pytest.mark.parametrize(
    ('declared', 'shape', 'fits'),
    [
        (None, (), True),
        (None, (3, 4, 5), True),
        ((3, 4), (3, 4), True),
        ((3, 4), (4, 3), False),
        ((3, 4), (3, 4, 1), False),
        ((), (), True),
        ((), (1,), False),
        ((3, None), (3, 9), True),
        ((3, None), (3,), False),
        ((3, 'x', 'x'), (3, 5, 5), True),
        ((3, 'x', 'x'), (3, 5, 6), False),
        (('x', 'y', 'x'), (5, 6, 5), True),
        (('x', 'y', 'x'), (5, 5, 6), False),
        ((3, ...), (3, 4), True),
        ((3, ...), (3, 4, 5), True),
        ((3, ...), (3,), False),
        ((..., 3), (9, 9, 3), True),
        ((..., 3), (9, 3, 9), False),
        (('x', ..., 'x'), (5, 1, 2, 5), True),
        (('x', ..., 'x'), (5, 1, 2, 6), False),
        ((2, ..., 'x', 'x'), (2, 7, 5, 5), True),
        ((2, ..., 'x', 'x'), (2, 5, 5), False),
        ((...,), (), False),
        ((...,), (1,), True),
    ],
)
def test_fits_and_mismatch_agree(declared: Any, shape: tuple[int, ...], fits: bool) -> None:
    kind = TensorType('numpy', '', declared)
    assert kind.fits(shape) is fits
    assert (kind.mismatch(shape) == '') is fits
    assert (kind.error(shape) is None) is fits


@given(st.lists(st.sampled_from([1, 2, 3]), max_size=5), st.lists(st.sampled_from([1, 2, 3]), max_size=5))
def test_a_shape_of_sizes_fits_itself_alone(declared: list[int], shape: list[int]) -> None:
    assert TensorType(shape=tuple(declared)).fits(tuple(shape)) == (declared == shape)


@given(st.data())
def test_named_axes_are_read_off_a_fitting_shape(data: Any) -> None:
    sizes = data.draw(st.dictionaries(st.sampled_from('abc'), st.integers(0, 9), min_size=1))
    names = data.draw(st.lists(st.sampled_from(sorted(sizes)), min_size=1, max_size=6))
    dots = data.draw(st.integers(0, len(names)))
    inner = tuple(data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=3)))
    kind = TensorType(shape=(*names[:dots], ..., *names[dots:]))
    shape = (*(sizes[n] for n in names[:dots]), *inner, *(sizes[n] for n in names[dots:]))
    assert kind.mismatch(shape) == ''
    assert kind.axes(shape) == {name: sizes[name] for name in names}


@pytest.mark.parametrize(
    ('declared', 'shape', 'text'),
    [
        (
            (3, 224, 224),
            (224, 224, 3),
            'got shape (224, 224, 3), wanted (3, 224, 224). '
            'The axes look channels-last; transpose them or declare [224, 224, 3].',
        ),
        (
            (224, 200, 3),
            (3, 224, 200),
            'got shape (3, 224, 200), wanted (224, 200, 3). '
            'The axes look channels-first; transpose them or declare [3, 224, 200].',
        ),
        (
            ('n', 3, 'h', 'w'),
            (8, 20, 30, 3),
            'got shape (8, 20, 30, 3), wanted (n, 3, h, w). '
            'The axes look channels-last; transpose them or declare [8, 20, 30, 3].',
        ),
        (
            (5, 6, 7),
            (7, 5, 6),
            'got shape (7, 5, 6), wanted (5, 6, 7). '
            'The axes look to be in another order; transpose them or declare [7, 5, 6].',
        ),
        ((128,), (127,), 'got shape (127,), wanted (128,)'),
        (('x', 'x'), (2, 3), "got shape (2, 3), wanted (x, x). Axis 'x' is 2 in one place and 3 in another."),
        ((3, ...), (3,), 'got shape (3,), wanted (3, ...). The number of axes is 1, not 2 or more.'),
    ],
)
def test_the_reason_is_one_text(declared: Any, shape: tuple[int, ...], text: str) -> None:
    assert TensorType(shape=declared).mismatch(shape) == text


def test_the_error_of_a_field_names_the_layout() -> None:
    class Page(BaseModel):
        image: NdArray[3, 224, 224]

    with pytest.raises(ValidationError) as caught:
        Page(image=np.zeros((224, 224, 3)))
    assert caught.value.error_count() == 1
    (fault,) = caught.value.errors()
    assert fault['loc'] == ('image',)
    assert isinstance(fault['ctx']['error'], ShapeError)
    assert 'The axes look channels-last; transpose them or declare [224, 224, 3].' in fault['msg']


# ------------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ('key', 'shape', 'dtype'),
    [
        (128, (128,), ''),
        ((3, 4), (3, 4), ''),
        ([3, 4], (3, 4), ''),
        ((), (), ''),
        ('x', ('x',), ''),
        ('uint8', None, 'uint8'),
        (np.uint8, None, 'uint8'),
        ((3, 'h', None, ..., 'bfloat16'), (3, 'h', None, ...), 'bfloat16'),
        ((np.int64(3), np.dtype('float32')), (3,), 'float32'),
        ((3, float), (3,), 'float64'),
    ],
)
def test_keys(key: Any, shape: Any, dtype: str) -> None:
    assert parse_key(key) == (shape, dtype)


@pytest.mark.parametrize(
    'key',
    [
        -1,
        True,
        2.5,
        '',
        (..., 3, ...),
        ('uint8', 3),
        ('uint8', 'float32'),
        (3, object()),
        (3, b'x'),
        (3, [4]),
        np.dtype('datetime64[s]'),
        (3, np.str_),
        np.object_,
    ],
)
def test_bad_keys_are_refused_at_once(key: Any) -> None:
    with pytest.raises(SchemaError):
        NdArray[key]


def test_a_class_is_parametrised_once() -> None:
    with pytest.raises(SchemaError):
        NdArray[3]['uint8']


def test_dtype_names_of_all_frameworks() -> None:
    assert [dtype_name(x) for x in ('float32', np.float32, np.dtype('>f4'), bool, 'height', 3, None)] == [
        'float32',
        'float32',
        'float32',
        'bool',
        '',
        '',
        '',
    ]
    torch = pytest.importorskip('torch')
    assert {dtype_name(getattr(torch, name)) for name in DTYPES if hasattr(torch, name)} <= DTYPES
    assert dtype_name(torch.bfloat16) == 'bfloat16'


# ------------------------------------------------------------------------------- classes


def test_one_class_per_key() -> None:
    assert NdArray[3, 4] is NdArray[3, 4] is NdArray[[3, 4]]
    assert NdArray[3, np.uint8] is NdArray[3, 'uint8']
    assert NdArray[3, 4] is not ImageNdArray[3, 4]
    assert NdArray['x'] is not NdArray['x', ...]
    assert NdArray[3, 'x', ..., 'uint8'].__name__ == 'NdArray[3, x, ..., uint8]'


def test_a_parametrised_class_is_a_real_class() -> None:
    made = ImageNdArray[3, 4]
    assert isinstance(made, type)
    assert issubclass(made, ImageNdArray)
    assert issubclass(made, NdArray)
    assert issubclass(made, np.ndarray)
    assert not issubclass(NdArray, made)
    assert made.tensor_type == TensorType('numpy', 'image', (3, 4))
    assert made.__unparametrizedcls__ is ImageNdArray
    assert made.__docarray_target_shape__ == (3, 4)


@pytest.mark.parametrize('key', [(3, 4), (3, 'x', ...), 'uint8', (3, 'uint8'), ()])
@pytest.mark.parametrize('base', [NdArray, ImageNdArray, AnyTensor])
def test_classes_pickle(base: Any, key: Any) -> None:
    made = base[key]
    for pickler in (pickle, cloudpickle):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickler.dumps(made, protocol)) is made
    assert made.__unparametrizedcls__ is base  # reading it again changes nothing about the class
    assert pickle.loads(pickle.dumps(base)) is base


def test_classes_are_forgotten() -> None:
    gone = weakref.ref(NdArray[987, 654])
    gc.collect()
    assert gone() is None
    assert NdArray[987, 654].__name__ == 'NdArray[987, 654]'


def test_a_class_in_use_survives_the_collector() -> None:
    adapter = TypeAdapter(NdArray[987, 653])
    made = NdArray[987, 653]
    name = id(made)
    del made
    gc.collect()
    assert id(NdArray[987, 653]) == name
    assert adapter.validate_python(np.zeros((987, 653))).shape == (987, 653)


@pytest.mark.parametrize(
    ('key', 'inside'),
    [
        ((3, 5, 5), True),
        ((3, 5, 6), False),
        ((3, 'x', 'x'), True),
        (('x', 'x', 5), False),
        ((3, ...), True),
        ((..., 6), False),
        ('float32', True),
        ('float64', False),
        ((3, ..., 'float32'), True),
        ((3, ..., 'uint8'), False),
    ],
)
def test_isinstance_looks_at_the_tensor(key: Any, inside: bool) -> None:
    value = ImageNdArray(np.zeros((3, 5, 5), np.float32))
    assert isinstance(value, NdArray[key]) is inside
    assert isinstance(value, ImageNdArray[key]) is inside
    assert isinstance(value, AnyTensor[key]) is inside
    assert not isinstance(value, AudioNdArray[key])
    assert not isinstance(value.unwrap(), NdArray[key])


def test_a_class_derived_from_brackets_keeps_them() -> None:
    class Thumbnail(ImageNdArray['h', 'w', 3, 'uint8']):  # type: ignore[misc,type-arg]
        pass

    made = TypeAdapter(Thumbnail).validate_python(np.zeros((4, 5, 3), np.uint8))
    assert type(made) is Thumbnail
    with pytest.raises(ValidationError):
        TypeAdapter(Thumbnail).validate_python(np.zeros((4, 5, 3)))


# ------------------------------------------------------------------------------- reshaping


@pytest.mark.parametrize(
    ('declared', 'shape'),
    [
        ((3, 4), (3, 4, 1)),
        ((3, 4), (1, 3, 4)),
        ((1, 3, 1, 4), (3, 4)),
        ((12,), (3, 4)),
        ((3, 4), (12,)),
        ((1,), ()),
        ((), (1, 1)),
    ],
)
def test_what_cannot_change_meaning_is_reshaped_with_a_warning(declared: Any, shape: Any) -> None:
    value = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    with pytest.warns(UserWarning, match='reshaped'):
        made = NdArray[declared](value)
    assert made.shape == declared
    assert made.ravel().tolist() == value.ravel().tolist()
    assert value.shape == shape


@pytest.mark.parametrize(
    ('declared', 'shape'),
    [
        ((3, 4), (4, 3)),
        ((3, 224, 224), (224, 224, 3)),
        ((6, 2), (3, 4)),
        ((6, 4), (2, 3, 4)),
        ((2, 'x'), (2, 3, 1)),
        (('x',), (2, 3)),
        ((..., 3), (3,)),
        ((5,), (2, 3)),
    ],
)
def test_nothing_else_is_reshaped(declared: Any, shape: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with pytest.raises(ShapeError):
            NdArray[declared](np.zeros(shape))


# ------------------------------------------------------------------------------- modalities


@pytest.mark.parametrize('key', [(3, 4), (3, 4, 'float32'), ()])
def test_embeddings_have_one_axis(key: Any) -> None:
    with pytest.raises(SchemaError):
        NdArrayEmbedding[key]
    assert NdArrayEmbedding[128, 'float32'].tensor_type.shape == (128,)
    assert NdArrayEmbedding['float32'].tensor_type.shape is None


@pytest.mark.parametrize('shape', [(10, 4, 5, 3), (4, 5, 3)])
def test_videos(shape: Any) -> None:
    assert VideoNdArray(np.zeros(shape)).shape == shape
    assert VideoNdArray['n', 'c', 'h', 'w'](np.zeros((2, 3, 4, 5))).shape == (2, 3, 4, 5)


@pytest.mark.parametrize('shape', [(10, 3, 4, 5), (4, 3), (3,), (), (1, 1, 1, 1, 3)])
def test_what_is_no_video(shape: Any) -> None:
    with pytest.raises(ShapeError, match='a video'):
        VideoNdArray(np.zeros(shape))


@pytest.mark.parametrize('shape', [(4, 5), (4, 5, 3), (8, 4, 5, 3)])
def test_images_and_audio_may_come_in_batches(shape: Any) -> None:
    assert ImageNdArray(np.zeros(shape)).shape == shape
    assert AudioNdArray(np.zeros(shape)).shape == shape


# ------------------------------------------------------------------------------- dtypes


def test_an_array_of_another_dtype_is_refused() -> None:
    with pytest.raises(DtypeError) as caught:
        NdArray[2, 'uint8'](np.zeros(2))
    assert str(caught.value) == "got dtype float64, wanted uint8. Convert it first: value.astype('uint8')."


@pytest.mark.parametrize('dtype', sorted(DTYPES))
def test_every_dtype_can_be_declared(dtype: str) -> None:
    if dtype.startswith(('bfloat', 'float8')):
        pytest.importorskip('ml_dtypes')
    made = NdArray[2, dtype]([1, 1])
    assert made.dtype.name == dtype
    assert isinstance(made, NdArray[2, dtype])
    assert NdArray[dtype](np.asarray(made)).dtype.name == dtype


# ------------------------------------------------------------------------------- Annotated[..., Shape(...)]


def test_shape_behaves_as_the_brackets() -> None:
    class Page(BaseModel):
        a: Annotated[npt.NDArray[Any], Shape(3, 'x', dtype='uint8')]
        b: Annotated[NdArray, Shape(2)] | None = None
        c: Annotated[np.ndarray | None, Shape(..., 3)] = None  # type: ignore[type-arg]

    page = Page(a=[[1, 2]] * 3, b=[1.0, 2.0], c=np.ones((2, 3)))
    assert type(page.a) is type(page.b) is type(page.c) is NdArray
    assert page.a.dtype == np.uint8
    assert Page(a=page.a, c=None).c is None
    faults = pytest.raises(
        ValidationError, Page, a=np.zeros((4, 2), np.uint8), b=[1.0], c=[1.0]
    ).value.errors()
    assert [fault['loc'][0] for fault in faults] == ['a', 'b', 'c']
    assert Page.model_json_schema()['properties']['a']['tensor/array shape'] == '[3, x]'


def test_shape_finds_the_class() -> None:
    assert Shape(3, 4).tensor_class(np.ndarray) is NdArray[3, 4]
    assert Shape(3, dtype=np.uint8).tensor_class(ImageNdArray) is ImageNdArray[3, 'uint8']
    assert Shape(dtype='uint8').tensor_class(AnyTensor) is AnyTensor['uint8']
    assert Shape(3).tensor_class(npt.NDArray[np.float32]) is NdArray[3, 'float32']
    assert Shape().tensor_class(np.ndarray) is NdArray


@pytest.mark.parametrize('source', [int, list[int], np.float32, 'text', None])
def test_shape_wants_a_tensor_class(source: Any) -> None:
    with pytest.raises(SchemaError):
        Shape(3).tensor_class(source)


def test_shape_is_checked_when_it_is_written() -> None:
    with pytest.raises(SchemaError):
        Shape(..., 3, ...)
    with pytest.raises(SchemaError):
        Shape(3, dtype='height')
    with pytest.raises(SchemaError):
        Shape(3, dtype='uint8').tensor_class(npt.NDArray[np.float32])
    assert Shape(3, 'x') == Shape(3, 'x')
    assert repr(Shape(3, ..., dtype='uint8')) == "Shape(3, ..., dtype='uint8')"
    assert len({Shape(3), Shape(3), Shape(4)}) == 2
