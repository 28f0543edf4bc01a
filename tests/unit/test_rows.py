"""DocumentArray: a list of documents that validates what enters it."""

from __future__ import annotations

import copy
import operator
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.errors import (
    DocArrayError,
    InvalidValueError,
    LengthError,
    PathError,
    SchemaError,
    StackError,
    ValidationError,
)
from docarray.typing import NdArray


class Inner(BaseDocument):
    n: int = 0
    tensor: NdArray | None = None


class Page(BaseDocument):
    n: int = 0
    embedding: NdArray[3] | None = None
    inner: Inner = Inner()
    maybe: Inner | None = None
    parts: DocumentArray[Inner] = DocumentArray[Inner]()


class Shadow(BaseDocument):
    index: int = 1
    count: int = 2
    sort: int = 3
    tensor_type: str = 'own'


class Other(BaseDocument):
    pass


def pages(*numbers: int) -> Any:
    return DocumentArray[Page](
        [
            Page(n=n, embedding=np.full(3, float(n)), inner=Inner(n=n), parts=[Inner(n=i) for i in range(n)])
            for n in numbers
        ]
    )


ENTRIES = [
    lambda array, value: array.append(value),
    lambda array, value: array.insert(0, value),
    lambda array, value: array.extend([Page(), value]),
    lambda array, value: array.__setitem__(0, value),
    lambda array, value: array.__setitem__(slice(0, 1), [value]),
    lambda array, value: array.__setitem__([0], [value]),
    lambda array, value: array.__setitem__([True, False], [value]),
    lambda array, value: array + [value],
    lambda array, value: [value] + array,
    lambda array, value: operator.iadd(array, [Page(), value]),
    lambda array, value: DocumentArray[Page]([Page(), value]),
]


@pytest.mark.parametrize('enter', ENTRIES)
@pytest.mark.parametrize('wrong', [5, None, 'x', Other(), {'n': 'x'}, Page], ids=repr)
def test_nothing_wrong_enters_and_nothing_is_half_done(enter: Any, wrong: Any) -> None:
    array = pages(1, 2)
    before = list(array)
    with pytest.raises(InvalidValueError):
        enter(array, wrong)
    assert len(array) == 2
    assert all(one is other for one, other in zip(array, before, strict=True))


@pytest.mark.parametrize('enter', ENTRIES)
def test_dicts_become_documents_and_stay_as_they_are(enter: Any) -> None:
    array, given = pages(1, 2), {'n': '7', 'inner': {'n': 8}}
    made = enter(array, given)
    assert given == {'n': '7', 'inner': {'n': 8}}
    found = [page for page in (array if made is None else made) if page.n == 7]
    assert len(found) == 1
    assert type(found[0]) is Page


def test_an_error_says_where() -> None:
    with pytest.raises(InvalidValueError, match=r'DocumentArray\[Page\]\[1\]: got 5'):
        DocumentArray[Page]([Page(), 5])


def test_documents_are_kept_as_they_are() -> None:
    one = Page()
    assert DocumentArray[Page]([one])[0] is one
    assert DocumentArray[Page].construct([one])[0] is one


def test_a_bare_array_takes_documents_of_any_class() -> None:
    array = DocumentArray([Page(n=1), Inner(n=2)])
    assert array.n == [1, 2]
    for refused in (lambda: DocumentArray([5]), lambda: DocumentArray([{'n': 1}])):
        with pytest.raises(InvalidValueError):
            refused()
    with pytest.raises(StackError, match='without a document type'):
        array.stack()
    with pytest.raises(SchemaError):
        _ = array.schema


# -- a list -------------------------------------------------------------------------------------------


def test_it_is_a_list() -> None:
    array = pages(3, 1, 2)
    assert isinstance(array, list)
    assert array == [Page(**page.model_dump()) for page in array]
    assert array != pages(3, 1)
    assert array != None  # noqa: E711
    assert not array == 5
    assert array[1] in array
    assert Page(n=99) not in array
    assert (array.index(array[2]), list.count(array, array[0])) == (2, 1)
    array.sort(key=lambda page: page.n)
    assert array.n == [1, 2, 3]
    array.reverse()
    assert array.pop().n == 1
    array.remove(array[0])
    assert array.n == [2]
    array.clear()
    assert array == []
    assert not array
    with pytest.raises(TypeError, match='unhashable'):
        hash(array)


def test_results_are_of_the_same_class() -> None:
    array = pages(1, 2)
    for made in (
        array + array,
        array * 2,
        2 * array,
        array[:1],
        array[[0]],
        array.copy(),
        copy.copy(array),
        array + [Page()],
        [Page()] + array,
        copy.deepcopy(array),
    ):
        assert type(made) is DocumentArray[Page]
    assert (array + array).n == [1, 2, 1, 2]
    assert array.copy() == array
    assert array.copy() is not array
    assert array.copy()[0] is array[0]
    assert copy.deepcopy(array)[0] is not array[0]
    array.extend(array)
    assert array.n == [1, 2, 1, 2]
    array *= 2
    assert (len(array), type(array)) == (8, DocumentArray[Page])
    with pytest.raises(TypeError):
        array + 5


def test_text_is_short() -> None:
    assert repr(pages(1, 2)) == str(pages(1, 2)) == '<DocumentArray[Page] (length=2)>'
    assert repr(DocumentArray()) == '<DocumentArray (length=0)>'


# -- brackets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('index', 'wanted'),
    [
        ([0, -1], [1, 4]),
        ((1, 1), [2, 2]),
        (np.array([3, 0], np.uint8), [4, 1]),
        (range(2), [1, 2]),
        ([True, False, True, False], [1, 3]),
        (np.array([False] * 4), []),
        ([], []),
        ((), []),
        (np.array([]), []),
        (np.array([], bool)[:0].astype(int), []),
        (slice(None, None, -2), [4, 2]),
        (None, [1, 2, 3, 4]),
    ],
    ids=str,
)
def test_selections(index: Any, wanted: list[int]) -> None:
    array = pages(1, 2, 3, 4)
    for one in (array, array.stack()):
        assert list(one[index].n) == wanted


@pytest.mark.parametrize('index', [0, -1, np.int8(2), np.array(1)], ids=repr)
def test_one_row(index: Any) -> None:
    array = pages(0, 1, 2)
    assert array[index].n == array.stack()[index].n == [0, 1, 2][int(index)]


@pytest.mark.parametrize(
    ('index', 'error'),
    [
        (4, IndexError),
        (-5, IndexError),
        ([4], IndexError),
        ([-5], IndexError),
        ([True], LengthError),
        ([True] * 5, LengthError),
        (np.ones(3, bool), LengthError),
        ('n', TypeError),
        (1.0, TypeError),
        ([1.0], TypeError),
        (True, TypeError),
        ([[0]], TypeError),
        (['a'], TypeError),
        ([None], TypeError),
        ({0}, TypeError),
    ],
    ids=repr,
)
def test_wrong_indices(index: Any, error: Any) -> None:
    array = pages(1, 2, 3, 4)
    for one in (array, array.stack()):
        with pytest.raises(error):
            one[index]
    with pytest.raises(error):
        array[index] = [Page()]
    with pytest.raises(error):
        del array[index]
    assert array.n == [1, 2, 3, 4]


def test_tensors_of_frameworks_select() -> None:
    torch = pytest.importorskip('torch')
    array = pages(1, 2, 3)
    for one in (array, array.stack()):
        assert list(one[torch.tensor([2, 0])].n) == [3, 1]
        assert list(one[torch.tensor([True, False, True])].n) == [1, 3]
        assert one[torch.tensor(1)].n == 2


def test_setting_and_deleting_selections() -> None:
    array = pages(1, 2, 3, 4)
    array[[0, -1]] = pages(7, 8)
    assert array.n == [7, 2, 3, 8]
    array[[False, True, True, False]] = pages(5, 6)
    assert array.n == [7, 5, 6, 8]
    array[1:3] = pages(9)
    assert array.n == [7, 9, 8]
    for short in ([0, 1], [True, True, False], slice(None, None, 2)):
        with pytest.raises(ValueError, match=r'got 1|size 1'):
            array[short] = pages(0)
    del array[[0, -1, 0]]
    assert array.n == [9]
    del array[np.array([True])]
    assert array == []


# -- fields -------------------------------------------------------------------------------------------


def test_fields_are_read_as_lists_or_arrays() -> None:
    array = pages(1, 2)
    assert array.n == [1, 2]
    assert type(array.inner) is DocumentArray[Inner]
    assert array.inner.n == [1, 2]
    assert array.maybe == [None, None]
    array.maybe = [Inner(n=1), Inner(n=2)]
    assert type(array.maybe) is DocumentArray[Inner]
    with pytest.raises(PathError, match="Did you mean 'inner'"):
        _ = array.iner
    with pytest.raises(AttributeError):
        array.nothing = [1, 2]
    assert DocumentArray[Page]().n == []


def test_fields_are_set_for_all_or_for_none() -> None:
    array = pages(1, 2)
    array.n = ['5', 6]
    assert array.n == [5, 6]
    for wrong in ([1], [1, 2, 3], []):
        with pytest.raises(LengthError, match=r'DocumentArray\[Page\]\.n: got'):
            array.n = wrong
    with pytest.raises(ValidationError):
        array.n = [7, 'x']
    assert array.n == [5, 6]
    array.embedding = np.zeros((2, 3))
    assert array[1].embedding.tolist() == [0, 0, 0]


def test_validators_run_once_on_what_is_assigned() -> None:
    import pydantic

    class Plus(BaseDocument):
        n: int = 0

        @pydantic.field_validator('n')
        @classmethod
        def more(cls, value: int) -> int:
            return value + 100

    array = DocumentArray[Plus]([Plus(), Plus()])
    array.n = [1, 2]
    assert array.n == [101, 102]
    stacked = array.stack()
    stacked.n = [1, 2]
    stacked[0].n = 5
    stacked.n[1] = 6
    assert stacked.n == [105, 106]


def test_methods_win_over_fields_of_their_name() -> None:
    array = DocumentArray[Shadow]([Shadow(index=5), Shadow(index=6)])
    assert array.index(array[1]) == 1
    assert array.traverse_flat('index') == [5, 6]
    array.index = [7, 8]
    assert [row.index for row in array] == [7, 8]
    assert array.stack().column('tensor_type') == ['own', 'own']
    assert array.stack().unstack() == array
    assert array[:1].traverse_flat('tensor_type') == ['own']


def test_traverse_flat() -> None:
    array = pages(1, 2)
    array[0].maybe = Inner(n=9)
    for one in (array, array.stack()):
        assert list(one.traverse_flat('inner.n')) == list(one.traverse_flat('inner__n')) == [1, 2]
        assert list(one.traverse_flat('parts.n')) == list(one.traverse_flat('parts__n')) == [0, 0, 1]
        assert type(one.traverse_flat('parts')) is DocumentArray[Inner]
        assert list(one.traverse_flat('maybe.n')) == [9]
        assert one.traverse_flat('') is one
        for wrong in ('nothing', 'inner.nothing', 'n.x'):
            with pytest.raises(PathError):
                one.traverse_flat(wrong)
    assert [value.tolist() for value in array.traverse_flat('embedding')] == [[1, 1, 1], [2, 2, 2]]
    assert array.stack().traverse_flat('embedding').shape == (2, 3)


def test_empty_arrays() -> None:
    empty = DocumentArray[Page]()
    assert empty == [] == empty[[]] == empty[:] == empty + empty == empty[[False][:0]]
    stacked = empty.stack()
    assert len(stacked) == 0
    assert stacked.unstack() == empty
    assert stacked.embedding.shape == (0, 3)
    assert stacked.n == []
    assert len(stacked.inner) == 0
    assert stacked + stacked == stacked == stacked[[]] == stacked[:]
    assert stacked + pages(1).stack() == pages(1).stack()
    assert empty.traverse_flat('parts.n') == []


def test_batches() -> None:
    array = pages(1, 2, 3)
    assert [part.n for part in array._batch(2)] == [[1, 2], [3]]
    shuffled = [n for part in array._batch(2, shuffle=True, seed=1) for n in part.n]
    assert sorted(shuffled) == [1, 2, 3]


def test_stacking_leaves_rows_as_they_were() -> None:
    array = pages(1, 2)
    kept, tensors = list(array), [page.embedding for page in array]
    stacked = array.stack()
    stacked[0].n = 99
    stacked[0].embedding = np.zeros(3)
    stacked[0].inner.n = 99
    assert array.n == [1, 2]
    assert array[0].inner.n == 1
    assert all(
        page is old and page.embedding is tensor
        for page, old, tensor in zip(array, kept, tensors, strict=True)
    )
    assert array[0].embedding.tolist() == [1, 1, 1]


def test_an_int_of_more_than_64_bits_says_so() -> None:
    with pytest.raises(
        DocArrayError, match=r'Page\.n \(row 1\): got 1208925819614629174706176, wanted an int of 64 bits'
    ):
        DocumentArray[Page]([Page(), Page(n=2**80)]).stack()
