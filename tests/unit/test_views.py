"""Rows of a stacked array: documents that read and write the columns."""

from __future__ import annotations

import copy
import pickle
import time
from collections import deque
from functools import cached_property
from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, DocumentArray
from docarray.errors import DocArrayError, InvalidValueError, UnsupportedError, ValidationError
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
    assert isinstance(view.parts, DocumentArray[Inner])
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


# ------------------------------------------------------------------------- arrays of documents in a row


class Part(BaseDocument):
    n: int = 0
    tensor: NdArray | None = None


class Shelf(BaseDocument):
    typed: DocumentArray[Part] = DocumentArray[Part]()
    plain: list[Part] = []
    ends: deque[Part] = deque()
    maybe: DocumentArray[Part] | None = None


def shelves() -> DocumentArray[Shelf]:
    def part(n: int) -> Part:
        return Part(n=n, tensor=[n, n])

    return DocumentArray[Shelf](
        [
            Shelf(
                typed=[part(10 * i + j) for j in range(i)],
                plain=[part(i)],
                maybe=[part(i)] if i % 2 else None,
            )
            for i in range(4)
        ]
    )


@pytest.mark.parametrize('name', ['typed', 'plain'])
def test_arrays_in_a_row_write_their_changes(name: str) -> None:
    array = shelves().stack()
    before = getattr(array[3], name)[-1]
    inside = getattr(array[2], name)
    assert inside is getattr(array[2], name)
    kept = inside[0]
    inside.append(Part(n=7, tensor=[7, 7]))
    inside.insert(0, Part(n=8, tensor=[8, 8]))
    assert [one.n for one in getattr(array[2], name)] == [
        8,
        *(one.n for one in getattr(shelves()[2], name)),
        7,
    ]
    kept.n = 99
    inside[0].n = 88
    assert [one.n for one in getattr(array.unstack()[2], name)][:2] == [88, 99]
    before.n = -1
    assert getattr(array[3], name)[-1].n == -1
    assert getattr(pickle.loads(pickle.dumps(array))[3], name)[-1].n == -1
    assert inside.pop().n == 7
    del inside[0]
    inside.clear()
    assert list(getattr(array[2], name)) == list(getattr(array[1:][1], name)) == []


def test_arrays_in_rows_are_of_one_class() -> None:
    array = shelves().stack()
    for name in ('typed', 'plain', 'ends'):
        assert type(getattr(array, name)[1]) is type(getattr(array[2], name))
        assert type(getattr(array, name)[0]) is type(getattr(shelves().stack()[2], name))


def test_a_deque_in_a_row_writes_its_changes() -> None:
    array = DocumentArray[Shelf]([Shelf(ends=[Part(n=1)])]).stack()
    array[0].ends.appendleft(Part(n=2))
    array[0].ends.rotate()
    array[0].ends.extend([Part(n=3)])
    assert array[0].ends.popleft().n == 1
    assert [one.n for one in array.unstack()[0].ends] == [2, 3]


def test_assigning_an_array_shows_in_the_one_that_was_read() -> None:
    row = shelves().stack()[1]
    parts = row.typed
    row.typed = [Part(n=1, tensor=[1, 1]), Part(n=2, tensor=[1, 1])]
    assert parts.n == [1, 2]
    row.typed += [Part(n=3, tensor=[1, 1])]
    assert row.typed.n == parts.n == [1, 2, 3]
    parts.n = [4, 5, 6]
    assert row.typed.n == [4, 5, 6]
    assert row.maybe.n == [1]
    row.maybe = None
    assert row.maybe is None


@pytest.mark.parametrize('name', ['typed', 'plain'])
def test_a_refused_change_of_an_array_in_a_row_changes_nothing(name: str) -> None:
    array = shelves().stack()
    inside, before = getattr(array[2], name), list(getattr(shelves()[2], name))
    for wrong in (Part(tensor=[1, 2, 3]), 5, None):
        with pytest.raises(DocArrayError):
            inside.append(wrong)
        assert list(inside) == list(getattr(array[2], name)) == before
    with pytest.raises(IndexError):
        inside[9] = Part()


def test_copies_of_an_array_in_a_row_are_plain_arrays_of_their_own() -> None:
    array = shelves().stack()
    inside = array[2].typed
    for other in (pickle.loads(pickle.dumps(inside)), copy.deepcopy(inside), copy.copy(inside)):
        assert type(other) is DocumentArray[Part]
        assert other == inside
        other[0].n = 77
    for other in (inside[:], inside + [], inside.copy(), inside[[0, 1]]):
        assert type(other) is DocumentArray[Part]
        other.append(Part())
    assert array.unstack() == shelves()
    assert inside.stack()[0] == inside[0]
    assert Shelf(typed=inside).typed is inside


def test_writing_every_row_is_linear() -> None:
    def cost(count: int) -> float:
        array = DocumentArray[Shelf]([Shelf(plain=[Part(n=1)]) for _ in range(count)]).stack()
        began = time.perf_counter()
        for row in array:
            row.plain.append(Part(n=2))
        assert sum(len(row.plain) for row in array.unstack()) == 2 * count
        return time.perf_counter() - began

    cost(10)
    assert min(cost(2000) for _ in range(3)) < 30 * min(cost(200) for _ in range(3))


CHANGES = st.one_of(
    st.tuples(st.just('append'), st.integers(0, 9)),
    st.tuples(st.just('insert'), st.integers(-3, 3), st.integers(0, 9)),
    st.tuples(st.just('extend'), st.lists(st.integers(0, 9), max_size=3)),
    st.tuples(st.just('assign'), st.lists(st.integers(0, 9), max_size=3)),
    st.tuples(st.just('reverse')),
    st.tuples(st.just('clear')),
    st.tuples(st.just('sort')),
    st.tuples(st.just('pop')),
    st.tuples(st.just('set'), st.integers(0, 9)),
    st.tuples(st.just('move')),
)


def change(document: Any, name: str, step: tuple[Any, ...]) -> None:
    made = [[Part(n=n, tensor=[n]) for n in one] if isinstance(one, list) else one for one in step[1:]]
    inside = getattr(document, name)
    if step[0] == 'append':
        inside.append(Part(n=made[0], tensor=[1]))
    elif step[0] == 'insert':
        inside.insert(made[0], Part(n=made[1]))
    elif step[0] == 'assign':
        setattr(document, name, made[0])
    elif step[0] == 'sort':
        inside.sort(key=lambda one: one.n)
    elif step[0] == 'set':
        for one in inside[1:]:
            one.n = made[0]
    elif step[0] == 'move':
        setattr(document, name, [*inside[2:], *inside[:2]])
    elif step[0] != 'pop' or inside:
        getattr(inside, step[0])(*made)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(['typed', 'plain']), CHANGES), max_size=12))
def test_rows_change_as_documents_do(steps: list[Any]) -> None:
    documents = DocumentArray[Shelf](
        [Shelf(typed=[Part(n=i) for _ in range(i)], plain=[Part(n=i)]) for i in range(3)]
    )
    documents = copy.deepcopy(documents)
    array = documents.stack()
    for row, name, step in steps:
        change(array[row], name, step)
        change(documents[row], name, step)
        assert array[row] == documents[row]
    assert array.unstack() == documents
    assert array[1:].unstack() == documents[1:]
    assert array[[2, 0]].unstack() == documents[[2, 0]]
    assert (array + array).unstack() == documents + documents
