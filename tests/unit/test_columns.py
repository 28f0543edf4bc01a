"""DocumentArrayStacked: columns, their assignment, selections, devices."""

from __future__ import annotations

import copy
from typing import Annotated, Any

import numpy as np
import pydantic
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import (
    InvalidValueError,
    LengthError,
    PathError,
    SchemaError,
    StackError,
    UnsupportedError,
    ValidationError,
)
from docarray.typing import AnyTensor, NdArray


class Inner(BaseDocument):
    n: int = 0
    s: str | None = None


class Page(BaseDocument):
    title: str = ''
    embedding: NdArray[3]
    number: int | None = None
    maybe: NdArray | None = None
    inner: Inner = Inner()
    optional: Inner | None = None
    parts: list[Inner] = []
    data: dict[str, int] = {}


def pages(count: int = 4, **fields: Any) -> Any:
    return DocumentArray[Page](
        [Page(title=f't{i}', embedding=np.full(3, float(i)), **fields) for i in range(count)]
    )


def test_columns_by_kind() -> None:
    array = pages(number=5, parts=[Inner(n=1)])
    array[1].maybe = np.ones(2)
    array[2].optional = Inner(n=3)
    stacked = array.stack()
    assert type(stacked) is DocumentArrayStacked[Page]
    assert type(stacked.embedding) is NdArray
    assert stacked.embedding.shape == (4, 3)
    assert stacked.title == ['t0', 't1', 't2', 't3']
    assert np.asarray(stacked.number).dtype == np.int64
    assert np.shares_memory(np.asarray(stacked.number), np.asarray(stacked.number))
    assert type(stacked.inner) is DocumentArrayStacked[Inner]
    assert [part[0].n for part in stacked.parts] == [1, 1, 1, 1]
    assert [one and one.n for one in stacked.optional] == [None, None, 3, None]
    assert stacked.maybe.shape == (4, 2)
    assert stacked.validity('maybe').tolist() == [False, True, False, False]
    assert stacked.validity('optional').tolist() == [False, False, True, False]
    assert stacked.validity('optional.n').tolist() == [False, False, True, False]
    assert stacked.validity('inner.s').tolist() == [False] * 4
    assert stacked.validity('title').all()


def test_columns_where_nothing_is_set() -> None:
    stacked = pages().stack()
    assert stacked.maybe is None
    assert stacked.optional is None
    assert stacked[0].maybe is None
    assert stacked.number == [None] * 4


def test_columns_at_paths() -> None:
    stacked = pages(inner=Inner(n=7)).stack()
    assert stacked.column('inner.n') == stacked.column('inner__n') == [7] * 4
    stacked.column('inner.n')[1] = '9'
    stacked.column('inner.s')[0] = 'deep'
    assert (stacked[1].inner.n, stacked[0].inner.s, stacked[0].title) == (9, 'deep', 't0')
    for wrong in ('nothing', 'inner.nothing', 'parts.n', 'title.x'):
        with pytest.raises(PathError):
            stacked.column(wrong)


def test_methods_win_over_columns_of_their_name() -> None:
    class Odd(BaseDocument):
        batch: int = 1
        column: int = 2
        to: str = 'x'

    stacked = DocumentArray[Odd]([Odd(batch=5)]).stack()
    assert len(stacked.batch) == 1
    assert stacked.column('batch') == [5]
    assert stacked.column('column') == [2]
    stacked.batch = [6]
    assert stacked[0].batch == 6


def test_an_array_needs_a_document_type() -> None:
    with pytest.raises(SchemaError, match='YourDocument'):
        DocumentArrayStacked([Inner()])
    with pytest.raises(InvalidValueError):
        DocumentArrayStacked[Page]([5])
    assert DocumentArrayStacked[Inner]([{'n': 1}, Inner(n=2)]).n == [1, 2]


# -- assignment ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('values', 'dtype'),
    [
        (np.ones((4, 3), 'float32'), 'float32'),
        (np.ones((4, 1, 3)), 'float64'),
        (np.ones((8, 3))[::2], 'float64'),
        (np.ones((4, 3))[::-1], 'float64'),
        ([[1, 1, 1]] * 4, 'int64'),
        ([np.ones(3, 'float16')] * 4, 'float16'),
        (np.broadcast_to(np.float32(1), (4, 3)), 'float32'),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_tensor_column_is_set(values: Any, dtype: str) -> None:
    stacked = pages().stack()
    stacked.embedding = values
    assert (stacked.embedding == 1).all()
    assert stacked.embedding.dtype == dtype
    stacked[2].embedding = [5, 6, 7]
    assert stacked.embedding.tolist() == [[1, 1, 1], [1, 1, 1], [5, 6, 7], [1, 1, 1]]


@pytest.mark.parametrize(
    ('name', 'values', 'error'),
    [
        ('embedding', np.ones((3, 3)), LengthError),
        ('embedding', np.ones((4, 2)), ValidationError),
        ('embedding', np.ones(()), InvalidValueError),
        ('embedding', None, ValidationError),
        ('embedding', [[1, 2, 3]] * 3 + [[1, 2]], ValidationError),
        ('embedding', np.array(['a'] * 4), ValidationError),
        ('title', ['a'], LengthError),
        ('title', 'abcd', InvalidValueError),
        ('title', ['a', 'b', 'c', 5], ValidationError),
        ('title', None, ValidationError),
        ('number', [1, 2, 3, 'x'], ValidationError),
        ('number', 5, InvalidValueError),
        ('number', [1, 2, 3, 2**70], InvalidValueError),
        ('maybe', [[1], [1, 2], None, [1]], StackError),
        ('inner', [Inner()] * 3, LengthError),
        ('inner', None, ValidationError),
        ('inner', [Inner(), Inner(), Inner(), None], ValidationError),
        ('nothing', [1] * 4, AttributeError),
    ],
)
def test_a_refused_column_changes_nothing(name: str, values: Any, error: Any) -> None:
    array = pages()
    stacked = array.stack()
    with pytest.raises(error):
        setattr(stacked, name, values)
    assert stacked.unstack() == array


def test_a_refused_row_is_named() -> None:
    stacked = pages().stack()
    with pytest.raises(ValidationError, match=r'Page \(row 3\)'):
        stacked.title = ['a', 'b', 'c', 5]
    with pytest.raises(ValidationError, match='got shape') as caught:
        stacked.embedding = [[1, 2, 3]] * 3 + [[1, 2]]
    assert caught.value.causes[0].where == 'Page.embedding (row 3)'


def test_nested_columns_are_set() -> None:
    stacked = pages().stack()
    stacked.inner = [Inner(n=i) for i in range(4)]
    assert stacked.column('inner.n') == [0, 1, 2, 3]
    stacked.inner = DocumentArray[Inner]([Inner(n=5)] * 4).stack()
    assert stacked[3].inner.n == 5
    stacked.inner = [{'n': 6}] * 4
    assert stacked.inner.n == [6] * 4
    stacked.optional = [None, {'n': 1}, None, None]
    assert stacked.validity('optional').tolist() == [False, True, False, False]
    stacked.optional = None
    assert stacked.optional is None
    stacked.parts = [[Inner(n=i)] * i for i in range(4)]
    assert list(stacked.traverse_flat('parts.n')) == [1, 2, 2, 3, 3, 3]


def test_values_that_became_missing_are_gone_from_inner_columns() -> None:
    stacked = pages(optional=Inner(n=5)).stack()
    stacked[1].optional = None
    assert stacked.column('optional.n') == [5, None, 5, 5]
    stacked[1].optional = Inner(n=6)
    assert stacked.optional.n == [5, 6, 5, 5]
    assert type(stacked.optional) is DocumentArrayStacked[Inner]


def test_validators_hold_for_columns() -> None:
    class Checked(BaseDocument):
        low: Annotated[int, pydantic.Field(ge=0)] = 0
        high: int = 10
        unit: NdArray | None = None

        @pydantic.field_validator('unit')
        @classmethod
        def positive(cls, value: Any) -> Any:
            if value is not None and (value < 0).any():
                raise ValueError('negative')
            return value

    stacked = DocumentArray[Checked]([Checked(), Checked()]).stack()
    for name, values in (('low', [1, -1]), ('unit', np.array([[1.0], [-1.0]]))):
        with pytest.raises(ValidationError):
            setattr(stacked, name, values)
    stacked.unit = np.array([[1.0], [2.0]])
    assert stacked.unit.tolist() == [[1], [2]]


def test_model_validators_see_the_whole_document() -> None:
    class Span(BaseDocument):
        start: int
        stop: int
        size: int = 0

        @pydantic.model_validator(mode='after')
        def check(self) -> Any:
            if self.start > self.stop:
                raise ValueError('order')
            self.__dict__['size'] = self.stop - self.start
            return self

    stacked = DocumentArray[Span]([Span(start=0, stop=1), Span(start=5, stop=9)]).stack()
    with pytest.raises(ValidationError, match='order'):
        stacked.stop = [3, 4]
    assert stacked.stop == [1, 9]
    assert stacked.size == [1, 4]
    stacked.stop = [3, 8]
    assert stacked.size == [3, 3]
    with pytest.raises(ValidationError, match='order'):
        stacked[0].start = 4
    stacked[0].start = 1
    assert stacked.size == [2, 3]


# -- ragged and mixed tensors -------------------------------------------------------------------------


class Loose(BaseDocument):
    tensor: AnyTensor | None = None


def loose(*values: Any) -> Any:
    return DocumentArray[Loose]([Loose(tensor=value) for value in values])


def test_tensors_of_several_shapes_are_refused_by_name_and_shape() -> None:
    array = loose(np.ones(2), None, np.ones((2, 3)))
    with pytest.raises(StackError, match=r'Loose\.tensor: got tensors of shapes \(2,\) and \(2, 3\)'):
        array.stack()
    with pytest.raises(StackError, match="ragged='list'"):
        DocumentArrayStacked[Loose](array)


def test_tensors_of_several_shapes_are_kept_as_a_list() -> None:
    array = loose(np.ones(2), None, np.ones((2, 3)))
    for stacked in (array.stack(ragged='list'), DocumentArrayStacked[Loose](array, ragged='list')):
        assert stacked.unstack() == array
        assert [value is not None and value.shape for value in stacked.tensor] == [(2,), False, (2, 3)]
        assert stacked.validity('tensor').tolist() == [True, False, True]
        assert stacked[::-1].unstack() == array[::-1]
        assert (stacked + stacked).unstack() == array + array
        assert copy.deepcopy(stacked) == stacked
        stacked[0].tensor = np.zeros((1, 1, 1))
        stacked.tensor[1] = [4.0]
        assert [value.shape for value in stacked.tensor] == [(1, 1, 1), (1,), (2, 3)]
        stacked.tensor = [[1.0], [1.0, 2.0], None]
        assert stacked[1].tensor.tolist() == [1, 2]
    assert array[1].tensor is None


def test_a_row_of_another_shape_is_refused() -> None:
    stacked = loose(np.ones(2), None).stack()
    with pytest.raises(StackError, match=r'Loose\.tensor: got a tensor of shape \(3,\), wanted \(2,\)'):
        stacked[1].tensor = np.ones(3)
    assert stacked[1].tensor is None
    empty = loose(None, None).stack()
    empty[1].tensor = np.ones((2, 2))
    assert empty.tensor.shape == (2, 2, 2)
    assert empty[0].tensor is None


def test_digits_are_never_cut_off() -> None:
    mixed = loose([1, 2], [1.5, 2.0]).stack()
    assert mixed.tensor.tolist() == [[1, 2], [1.5, 2]]
    stacked = loose([1, 2], [3, 4]).stack()
    stacked[0].tensor = [1.5, 2.5]
    assert stacked.tensor.tolist() == [[1.5, 2.5], [3, 4]]
    both = loose([1, 2]).stack() + loose([0.5, 1.0]).stack()
    assert both.tensor.tolist() == [[1, 2], [0.5, 1]]


def test_shapes_must_agree_when_arrays_are_joined() -> None:
    with pytest.raises(StackError, match=r'Loose\.tensor: got tensors of shapes \(1,\) and \(2,\)'):
        loose([1.0]).stack() + loose([1.0, 2.0]).stack()
    assert len(loose(None).stack() + loose([1.0]).stack()) == 2
    with pytest.raises(InvalidValueError):
        loose(None).stack() + pages().stack()


# -- rows, selections, copies -------------------------------------------------------------------------


def test_rows_are_written_whole_or_not_at_all() -> None:
    array = pages()
    stacked = array.stack()
    new = Page(title='new', embedding=[9, 9, 9], inner=Inner(n=9), optional=Inner(n=8), parts=[Inner()])
    stacked[1] = new
    assert stacked[1] == new
    assert stacked[1].id == new.id
    stacked[[0, -1]] = [new, {'embedding': [1, 1, 1]}]
    assert (stacked[0] == new, stacked[3].embedding.tolist()) == (True, [1, 1, 1])
    before = stacked.unstack()
    for index, rows, error in (
        (0, 5, InvalidValueError),
        (slice(2), [new], LengthError),
        (slice(2), [new, 5], InvalidValueError),
        ([0, 1], [new, Page(embedding=[1, 2, 3], number=2**70)], InvalidValueError),
        (7, new, IndexError),
    ):
        with pytest.raises(error):
            stacked[index] = rows
        assert stacked.unstack() == before
    with pytest.raises(UnsupportedError, match='unstack'):
        del stacked[0]


def test_slices_share_tensor_memory() -> None:
    stacked = pages().stack()
    part = stacked[1:3]
    part.embedding[0, 0] = 50.0
    part[1].embedding = [7, 7, 7]
    assert stacked.embedding[:, 0].tolist() == [0, 50, 7, 3]
    assert np.shares_memory(stacked[1:][1:].embedding, stacked.embedding)
    assert not np.shares_memory(stacked[[1, 2]].embedding, stacked.embedding)
    assert not np.shares_memory(stacked.copy().embedding, stacked.embedding)


def test_equality() -> None:
    array = pages()
    assert array.stack() == array.stack()
    assert array.stack() != pages(3).stack()
    assert (array.stack() == None) is False  # noqa: E711
    assert array.stack() != 5
    assert array.stack() != loose(None, None, None, None).stack()
    changed = array.stack()
    changed[0].embedding = [9, 9, 9]
    assert changed != array.stack()
    with pytest.raises(TypeError, match='unhashable'):
        hash(changed)


def test_rows_and_columns_are_joined_as_rows() -> None:
    array = pages(2)
    assert type(array + array.stack()) is DocumentArray[Page]
    assert type(array.stack() + array) is DocumentArray[Page]
    assert type(array.stack() + array.stack()) is DocumentArrayStacked[Page]
    assert array + array.stack() == array.stack() + array == array + array


def test_text_is_short() -> None:
    assert repr(pages().stack()) == str(pages().stack()) == '<DocumentArrayStacked[Page] (length=4)>'


def test_many_texts_are_packed_and_stay_what_they_are() -> None:
    class Text(BaseDocument):
        text: str | None

    texts = [None if i % 7 == 0 else ('ä€𝄞' * (i % 3) + str(i)) for i in range(3000)]
    stacked = DocumentArray[Text]([Text(text=text) for text in texts]).stack()
    assert stacked.text == texts
    assert stacked[1000:2500].text == texts[1000:2500]
    assert stacked[::-1].text == texts[::-1]
    assert stacked[[5, 0, 2999, 5] * 500].text == [texts[5], texts[0], texts[2999], texts[5]] * 500
    assert (stacked + stacked).text == texts + texts
    stacked[7].text = 'set'
    stacked[8].text = None
    assert stacked.text[6:9] == [texts[6], 'set', None]
    odd = DocumentArray[Text]([Text.model_construct(text='a\ud800b')] * 2000).stack()
    assert odd[::2][0].text == 'a\ud800b'


# -- devices ------------------------------------------------------------------------------------------


def test_moving_to_a_device() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Deep(BaseDocument):
        tensor: TorchTensor

    class Doc(BaseDocument):
        tensor: TorchTensor
        deep: Deep
        many: DocumentArray[Deep]
        either: Deep | Inner
        maybe: TorchTensor | None = None

    deep = Deep(tensor=torch.ones(2))
    array = DocumentArray[Doc]([Doc(tensor=torch.ones(1), deep=deep, many=[deep], either=deep)] * 2)
    stacked = array.stack()
    row = stacked[0]
    assert stacked.to('meta') is stacked
    assert {column.data.device.type for _, column in stacked.batch.tensors() if column.data is not None} == {
        'meta'
    }
    assert row.deep.tensor.device.type == 'meta'
    assert array[0].tensor.device.type == 'cpu'
    assert array.stack().to(torch.device('cpu')) == array.stack()


def test_a_device_that_cannot_be_had_changes_nothing() -> None:
    stacked = pages().stack()
    assert stacked.to('cpu') is stacked
    with pytest.raises(UnsupportedError):
        stacked.to('nowhere')
    assert stacked == pages().stack()


def test_pinning_memory() -> None:
    torch = pytest.importorskip('torch')
    stacked = pages().stack()
    assert stacked.pin_memory() == stacked
    tensors = loose(torch.ones(2)).stack()
    if torch.cuda.is_available():
        assert tensors.pin_memory().tensor.is_pinned()
    else:
        with pytest.raises(UnsupportedError):
            tensors.pin_memory()


def test_gradients() -> None:
    torch = pytest.importorskip('torch')
    leaf = torch.nn.Parameter(torch.ones(2, 3))
    stacked = loose(torch.zeros(3), torch.zeros(3)).stack()
    stacked.tensor = leaf
    with pytest.raises(UnsupportedError, match='no_grad'):
        stacked[0].tensor = torch.ones(3)
    stacked.tensor.sum().backward()
    assert leaf.grad.tolist() == [[1, 1, 1]] * 2
    assert type(leaf) is torch.nn.Parameter
    stacked.tensor = leaf * 2
    assert copy.deepcopy(stacked) == stacked
    stacked.tensor = torch.ones(1, 3).expand(2, 3)
    stacked[0].tensor = torch.zeros(3)
    assert stacked.tensor.tolist() == [[0, 0, 0], [1, 1, 1]]


def test_modes_of_the_earliest_versions() -> None:
    rows = pages()
    with rows.stacked_mode() as stacked:
        stacked.number = range(len(rows))
    assert rows.number == list(range(len(rows)))
    stacked = rows.stack()
    with stacked.unstacked_mode() as inside:
        inside.pop()
        inside[0].number = 7
    assert len(stacked) == len(rows) - 1
    assert stacked[0].number == 7
    before = rows.number
    with pytest.raises(ZeroDivisionError), rows.stacked_mode() as columns:
        columns.number = [1 // 0] * len(rows)
    assert rows.number == before
    assert type(stacked).from_columns_storage(stacked.batch) == stacked
