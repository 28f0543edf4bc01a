"""What a demanding user tries first, across the layers: faults that a review found, each of them once."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import ImageDoc, TextDoc
from docarray.errors import (
    DocArrayError,
    FetchError,
    InvalidValueError,
    KindError,
    PathError,
    ShapeError,
    ValidationError,
)
from docarray.media.fetch import fetch
from docarray.media.image import decode
from docarray.typing import AnyTensor, NdArray

Tags = Annotated[list[int], pydantic.Field(max_length=3)]


class Part(BaseDocument):
    n: int = 0
    tags: Tags = []


class Page(BaseDocument):
    n: int = 0
    part: Part = Part()
    tags: Tags = []
    vector: NdArray[3] | None = None
    parts: DocumentArray[Part] = DocumentArray[Part]()


def pages(count: int = 3) -> DocumentArray[Page]:
    return DocumentArray[Page]([Page(n=n, vector=[n, n, n]) for n in range(count)])


# -- types ---------------------------------------------------------------------------------------------


def test_a_numpy_integer_is_a_size() -> None:
    assert NdArray[np.int64(3), np.int32(4), 'uint8'] is NdArray[3, 4, 'uint8']
    assert NdArray[3, np.int64(4)] is NdArray[3, 4]


def test_fields_equal_to_their_defaults_are_left_out() -> None:
    dumped = Page(id='a', vector=[1, 2, 3]).model_dump(exclude_defaults=True)
    assert dumped.keys() == {'id', 'vector'}
    assert Page(id='a').model_dump(exclude_defaults=True).keys() == {'id'}


def test_an_array_compares_with_anything_but_none_elementwise() -> None:
    vector = NdArray([1, 2])
    assert (vector == [1, 3]).tolist() == [True, False]
    assert (vector != [1, 3]).tolist() == [False, True]
    assert (vector == None) is False  # noqa: E711 - as pydantic compares
    assert (vector != None) is True  # noqa: E711


@pytest.mark.parametrize('tensor_type', [NdArray, AnyTensor])
def test_a_mask_is_not_lost(tensor_type: Any) -> None:
    class Masked(BaseDocument):
        vector: tensor_type

    with pytest.raises(pydantic.ValidationError, match=r'masked array .*array\.filled\(0\)'):
        Masked(vector=np.ma.array([1, 2], mask=[False, True]))
    assert Masked(vector=np.ma.array([1, 2])).vector.tolist() == [1, 2]


def test_tensors_without_memory_of_their_own_are_refused() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Doc(BaseDocument):
        tensor: TorchTensor[3] | None = None

    for tensor in (torch.ones(3).to_sparse(), torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])):
        with pytest.raises(ValidationError, match=r'Doc\.tensor: got Tensor'):
            Doc(tensor=tensor)


def test_tensorflow_takes_masks_and_lists_of_places() -> None:
    tf = pytest.importorskip('tensorflow')
    from docarray.typing import TensorFlowTensor

    tensor = TensorFlowTensor(tf.zeros((3, 2)))
    before = tensor.tensor
    tensor[np.array([True, False, False])] = 1
    tensor[[2], 1] = tf.constant([5.0])
    tensor[1] = 2
    assert tensor.numpy().tolist() == [[1, 1], [2, 2], [0, 5]]
    assert before.numpy().sum() == 0


@pytest.mark.parametrize(
    ('module', 'name'),
    [
        ('typing.tensor.image.image_ndarray', 'ImageNdArray'),
        ('typing.tensor.video.video_tensor', 'VideoTensor'),
        ('typing.url.image_url', 'ImageUrl'),
        ('typing.url.url_3d.url_3d', 'Url3D'),
    ],
)
def test_deep_module_paths_of_earlier_versions(module: str, name: str) -> None:
    found = getattr(importlib.import_module(f'docarray.{module}'), name)
    assert found.__name__ == name


# -- columns as other libraries take them --------------------------------------------------------------


def test_a_column_of_numbers_is_an_array_to_keras_and_tf_data() -> None:
    tf = pytest.importorskip('tensorflow')
    from docarray.typing import TensorFlowTensor

    class Digit(BaseDocument):
        image: TensorFlowTensor[4]
        label: int
        name: str = 'a'

    batch = DocumentArray[Digit]([Digit(image=np.ones(4, np.float32), label=n % 2) for n in range(8)]).stack()
    images, labels = next(iter(tf.data.Dataset.from_tensor_slices((batch.image, batch.label)).batch(4)))
    assert images.shape == (4, 4)
    assert labels.numpy().tolist() == [0, 1, 0, 1]
    names = tf.data.Dataset.from_tensor_slices(batch.name)
    assert [name.numpy() for name in names] == [b'a'] * 8

    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile('sgd', 'mse')
    model.fit(batch.image, batch.label, verbose=0)
    assert model.predict(batch.image, verbose=0).shape == (8, 1)


def test_a_column_behaves_like_a_list() -> None:
    column = pages().stack().n
    assert column.shape == (3,)
    assert 2 in column
    assert 5 not in column
    assert column.index(2) == 2
    assert column.count(1) == 1
    assert list(reversed(column)) == [2, 1, 0]
    with pytest.raises(ValueError, match='5'):
        column.index(5)


def test_a_column_chooses_rows() -> None:
    class Doc(BaseDocument):
        good: bool
        n: int

    rows = DocumentArray[Doc]([Doc(good=n != 1, n=2 - n) for n in range(3)])
    stacked = rows.stack()
    assert list(stacked[stacked.good].n) == [2, 0] == rows[stacked.good].n
    assert list(stacked[stacked.n].n) == [0, 1, 2]


# -- what is refused, and how --------------------------------------------------------------------------


def test_errors_have_a_readable_repr() -> None:
    with pytest.raises(ValidationError) as caught:
        Page(vector=[1.0])
    assert repr(caught.value.causes[0]) == "ShapeError('Page.vector: got shape (1,), wanted (3,)')"
    assert 'Page.vector' in repr(caught.value)
    assert repr(ShapeError('text')) == "ShapeError('text')"


@pytest.mark.parametrize('docs', [5, 'abc', b'abc', {'n': 1}, Page()])
def test_one_thing_where_several_documents_belong(docs: Any) -> None:
    rows = pages()
    for attempt in (DocumentArray[Page], DocumentArrayStacked[Page], rows.extend):
        with pytest.raises(InvalidValueError, match=r'\[Page\]: got .*, wanted several documents'):
            attempt(docs)
    assert len(rows) == 3


@pytest.mark.parametrize('values', ['abc', b'abc', 5, None])
def test_one_value_where_a_column_belongs(values: Any) -> None:
    rows = pages()
    with pytest.raises(InvalidValueError, match=r'Page\]\.n: got .*, wanted one value for each document'):
        rows.n = values
    assert rows.n == [0, 1, 2]


@pytest.mark.parametrize('path', [5, None, ('n',), b'n'])
def test_a_path_that_is_no_text(path: Any) -> None:
    rows = pages()
    for array in (rows, rows.stack()):
        with pytest.raises(PathError, match='Page: got path'):
            array.traverse_flat(path)


def test_a_number_that_no_column_holds_names_no_wrong_row() -> None:
    stacked = pages().stack()
    with pytest.raises(KindError) as caught:
        stacked[1].n = 2**70
    assert caught.value.where == 'Page.n'
    assert list(stacked.n) == [0, 1, 2]


def test_unvalidated_values_are_named_when_they_meet_columns() -> None:
    class Loose(BaseDocument):
        title: TextDoc = 'x'
        vector: NdArray[3] = 'abc'
        parts: DocumentArray[Part] = [1]

    for name, value in (('title', 'x'), ('vector', 'abc'), ('parts', [1])):
        given = {'title': TextDoc('x'), 'vector': [1, 2, 3], 'parts': []}
        del given[name]
        with pytest.raises(KindError) as caught:
            DocumentArray[Loose]([Loose(**given)]).stack()
        assert caught.value.where == f'Loose.{name}'
        assert repr(value).strip('[]') in caught.value.got


def test_json_of_an_array_names_the_array() -> None:
    for cls in (DocumentArray[Page], DocumentArrayStacked[Page]):
        with pytest.raises(ValidationError) as caught:
            cls.from_json('[{}, {"vector": [1]}]')
        assert caught.value.title == cls.__name__
        assert caught.value.causes[0].where == f'{cls.__name__}.1.vector'
        assert caught.value.errors()[0]['loc'] == (1, 'vector')


def test_a_form_of_tensors_that_there_is_not() -> None:
    for write in (Page().to_json, pages().to_json, pages().stack().to_json):
        with pytest.raises(InvalidValueError, match="got tensors='lists', wanted 'list' or 'base64'"):
            write(tensors='lists')
    with pytest.raises(InvalidValueError, match="wanted 'list' or 'base64'"):

        class Other(BaseDocument, tensors='base46'):  # type: ignore[call-arg]
            pass


def test_sizes_and_timeouts_that_are_no_numbers(tmp_path: Path) -> None:
    pytest.importorskip('PIL')
    png = ImageDoc(tensor=np.zeros((2, 3, 3), np.uint8)).tensor.to_bytes()
    for size in ({'width': 'a'}, {'height': 2.5}):
        with pytest.raises(InvalidValueError, match='an int of 1 or more, or None'):
            decode(png, **size)  # type: ignore[arg-type]
    assert decode(png, width=np.int64(6)).shape == (2, 6, 3)
    with pytest.raises(InvalidValueError, match='seconds > 0, or None'):
        fetch(tmp_path / 'a', timeout='1')  # type: ignore[arg-type]


def test_a_long_path_is_cut_in_the_error() -> None:
    with pytest.raises(FetchError) as caught:
        fetch('x' * 5000)
    assert len(str(caught.value)) < 300
    assert 'File name too long' in str(caught.value)


# -- whole or not at all -------------------------------------------------------------------------------


@pytest.mark.parametrize('stacked', [False, True])
def test_a_refused_update_changes_nothing(stacked: bool) -> None:
    page = Page(n=1, part=Part(n=1), tags=[1, 2], parts=[Part(id='a', n=1)])
    if stacked:
        page = DocumentArray[Page]([page]).stack()[0]
    before = page.model_dump()
    with pytest.raises(ValidationError, match='tags'):
        page.update(Page(n=2, part=Part(n=2), tags=[3, 4], parts=[Part(id='a', n=2), Part()]))
    assert page.model_dump() == before
    page.update(Page(n=2, part=Part(n=2), tags=[3], parts=[Part(id='a', n=2), Part(n=3)]))
    assert (page.n, page.part.n, page.tags, page.parts.n) == (2, 2, [1, 2, 3], [2, 3])


def test_an_update_with_something_else() -> None:
    page = Page()
    for other in (None, 5, {'n': 1}, Part()):
        with pytest.raises(InvalidValueError, match=r'Page\.update: got .*, wanted a Page'):
            page.update(other)


def test_a_refused_merge_changes_nothing() -> None:
    left = DocumentArray[Part]([Part(id='a', n=1), Part(id='b', tags=[1, 2])])
    right = DocumentArray[Part]([Part(id='a', n=9), Part(id='c'), Part(id='b', tags=[3, 4])])
    with pytest.raises(ValidationError):
        left.reduce(right)
    with pytest.raises(DocArrayError):
        left.reduce(DocumentArray([Part(id='a', n=9), Page()]))
    assert left.n == [1, 0]
    assert left.id == ['a', 'b']
    assert right.n == [9, 0, 0]
    twice = DocumentArray[Part]([Part(id='c', n=1), Part(id='c', n=2), Part(id='a', n=9)])
    assert left.reduce(twice).n == [9, 0, 2]
    assert twice.n == [1, 2, 9]


# -- over HTTP -----------------------------------------------------------------------------------------


def test_a_response_class_writes_what_fastapi_has_made_of_a_document() -> None:
    fastapi = pytest.importorskip('fastapi')
    pytest.importorskip('httpx')
    from docarray.base_doc import DocArrayResponse
    from fastapi.testclient import TestClient

    app = fastapi.FastAPI()

    @app.post('/one', response_model=Page, response_class=DocArrayResponse)
    def one() -> Any:
        return Page(id='a', vector=[1.0, np.nan, np.inf])

    @app.post('/many', response_class=DocArrayResponse)
    def many() -> list[Page]:
        return [Page(id='a'), Page(id='b')]

    client = TestClient(app)
    assert client.post('/one').json()['vector'] == [1.0, 'NaN', 'Infinity']
    assert [row['id'] for row in client.post('/many').json()] == ['a', 'b']
