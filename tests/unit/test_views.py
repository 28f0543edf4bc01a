"""Rows of a stacked array: documents that read and write the columns."""

from __future__ import annotations

import copy
import pickle
from functools import cached_property
from typing import Any

import numpy as np
import pydantic
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.errors import InvalidValueError, UnsupportedError, ValidationError
from docarray.typing import NdArray


class Inner(BaseDocument):
    n: int = 0
    tensor: NdArray[2] | None = None


class Page(BaseDocument):
    n: int = 0
    title: str | None = None
    embedding: NdArray[3]
    inner: Inner = Inner()
    maybe: Inner | None = None
    parts: DocumentArray[Inner] = DocumentArray[Inner]()
    data: dict[str, int] = {}

    def plus(self, more: int) -> int:
        return self.n + more

    @cached_property
    def total(self) -> float:
        return float(self.embedding.sum())


class Holder(BaseDocument):
    page: Page


def stacked(count: int = 3) -> Any:
    return DocumentArray[Page](
        [
            Page(n=i, embedding=np.full(3, float(i)), inner=Inner(n=i), parts=[Inner(n=j) for j in range(i)])
            for i in range(count)
        ]
    ).stack()


def test_a_row_is_a_document_of_the_class() -> None:
    view = stacked()[1]
    assert isinstance(view, Page)
    assert view.is_view()
    assert type(view).__name__ == 'Page'
    assert view == Page(n=1, embedding=[1, 1, 1], inner=Inner(n=1), parts=[Inner(n=0)])
    assert Page(n=1, embedding=[1, 1, 1], inner=Inner(n=1), parts=[Inner(n=0)]) == view
    assert (view.plus(2), view.total) == (3, 3.0)
    assert isinstance(view.inner, Inner)
    assert type(view.parts) is DocumentArray[Inner]
    assert type(view.embedding) is NdArray
    assert 'n=1' in repr(view)
    assert view != stacked()[2]


def test_pydantic_takes_a_row_for_a_document() -> None:
    array = stacked()
    view = array[1]
    assert view.model_dump()['inner']['n'] == 1
    assert Page.model_validate_json(view.model_dump_json()) == view
    assert view.model_dump(include={'n', 'title'}) == {'n': 1, 'title': None}
    holder = Holder(page=view)
    assert holder.page is view
    assert holder.model_dump()['page']['n'] == 1
    assert Page.model_validate(view) is view
    assert pydantic.TypeAdapter(list[Page]).validate_python([view])[0] is view
    assert dict(view)['n'] == 1
    assert view.model_fields_set == set(Page.model_fields)
    assert view.model_extra is None


def test_writes_reach_the_columns_and_the_other_way() -> None:
    array = stacked()
    view, again = array[1], array[1]
    view.n = '7'
    view.title = 'new'
    view.embedding = [7, 8, 9]
    view.inner.n = 11
    view.maybe = {'n': 12}
    view.maybe.tensor = [1, 2]
    view.parts = [Inner(n=5)]
    view.data = {'a': 1}
    assert array.n == [0, 7, 2]
    assert again.title == 'new'
    assert array.embedding[1].tolist() == [7, 8, 9]
    assert array.inner.n == [0, 11, 2]
    assert again.maybe.tensor.tolist() == [1, 2]
    assert [len(parts) for parts in array.parts] == [0, 1, 2]
    assert again.data == {'a': 1}
    view.embedding[0] = 50
    assert array.embedding[1, 0] == 50
    array.embedding = np.zeros((3, 3))
    array.n = [1, 2, 3]
    assert (view.embedding.tolist(), view.n) == ([0, 0, 0], 2)
    view.parts[0].n = 6
    assert again.parts[0].n == 6
    view.maybe = None
    assert again.maybe is None
    view.inner = Inner(n=99)
    assert array.inner.n == [1 - 1, 99, 2]


def test_refused_writes_change_nothing() -> None:
    array = stacked()
    before = array.unstack()
    for name, value, error in (
        ('n', 'x', ValidationError),
        ('n', None, ValidationError),
        ('n', 2**64, InvalidValueError),
        ('embedding', [1, 2], ValidationError),
        ('embedding', None, ValidationError),
        ('inner', None, ValidationError),
        ('parts', [5], ValidationError),
        ('nothing', 5, ValueError),
        ('model_fields_set', {1}, AttributeError),
    ):
        with pytest.raises(error):
            setattr(array[1], name, value)
        assert array.unstack() == before
    with pytest.raises(AttributeError):
        _ = array[1].nothing
    with pytest.raises(UnsupportedError, match='only fields'):
        array[1].total = 5.0


def test_an_error_names_the_row() -> None:
    with pytest.raises(ValidationError, match=r'Page \(row 2\)') as caught:
        stacked()[2].n = 'x'
    assert caught.value.errors()[0]['loc'] == ('n',)


def test_a_refused_write_of_several_columns_changes_none() -> None:
    class Twin(BaseDocument):
        a: int = 0
        b: int = 0

        @pydantic.model_validator(mode='after')
        def both(self) -> Any:
            self.__dict__['b'] = self.a * 2
            return self

    array = DocumentArray[Twin]([Twin(a=1), Twin(a=2)]).stack()
    array[0].a = 5
    assert (array.a, array.b) == ([5, 2], [10, 4])
    with pytest.raises(InvalidValueError):
        array[0].a = 2**62
    assert (array.a, array.b) == ([5, 2], [10, 4])


@pytest.mark.parametrize(
    'make',
    [
        copy.copy,
        copy.deepcopy,
        lambda view: pickle.loads(pickle.dumps(view)),
        lambda view: view.model_copy(),
        lambda view: view.copy(),
        lambda view: view.model_copy(deep=True),
        lambda view: DocumentArray[Page]([view]).stack().unstack()[0],
    ],
)
def test_copies_are_documents_of_their_own(make: Any) -> None:
    array = stacked()
    made = make(array[1])
    assert type(made) is Page
    assert not made.is_view()
    assert (made, made.id) == (array[1], array[1].id)
    made.n = 50
    made.embedding[0] = 50
    made.inner.n = 50
    assert array[1] == stacked()[1]


def test_update_of_a_row() -> None:
    array = stacked()
    array[1].update(Page(n=9, title='t', embedding=[5, 5, 5], maybe=Inner(n=3)))
    assert (array[1].n, array[1].title, array[1].maybe.n) == (9, 't', 3)
    assert array.embedding[1].tolist() == [5, 5, 5]


def test_rows_of_selections() -> None:
    array = stacked(5)
    array[1:][::2][1].embedding = [9, 9, 9]
    assert array[3].embedding.tolist() == [9, 9, 9]
    assert [view.n for view in array[::-1]] == [4, 3, 2, 1, 0]
    array[::-1][0].n = 77
    assert array[4].n == 4
    assert [view.n for view in reversed(list(array))] == [4, 3, 2, 1, 0]
    assert len([view for view in array if view.n > 2]) == 2


def test_arrays_of_rows() -> None:
    array = stacked()
    rows = DocumentArray[Page](array)
    assert rows == array.unstack()
    assert rows[0].n == 0
    live = DocumentArray[Page](list(array))
    live.n = [4, 5, 6]
    assert array.n == [4, 5, 6]
    assert live.stack() == array
    assert array[0] in live
    with pytest.raises(ValidationError):
        live.n = [7, 8, 'x']
    assert array.n == [4, 5, 6]
