from __future__ import annotations

from typing import Any

import pytest

from docarray import BaseDocument, DocumentArray
from docarray.errors import InvalidValueError
from docarray.search import reduce, reduce_all


class Inner(BaseDocument):
    text: str | None = None


class Doc(BaseDocument):
    a: int | None = None
    names: list[str] = []
    inner: Inner | None = None
    inners: DocumentArray[Inner] = DocumentArray[Inner]()


def test_right_overwrites_where_it_has_something_and_the_rest_is_appended() -> None:
    left = DocumentArray[Doc]([Doc(id='x', a=1, names=['l']), Doc(id='y', a=2)])
    right = DocumentArray[Doc]([Doc(id='y', a=20), Doc(id='z', a=3), Doc(id='x', names=['r'])])
    first = left[0]
    assert reduce(left, right) is left
    assert left[0] is first
    assert left.id == ['x', 'y', 'z']
    assert left.a == [1, 20, 3]
    assert left[0].names == ['l', 'r']


def test_nested_documents_and_arrays_are_merged() -> None:
    left = DocumentArray[Doc]([Doc(id='x', inner=Inner(text='old'), inners=[Inner(id='i', text='a')])])
    right = DocumentArray[Doc](
        [Doc(id='x', inner=Inner(text='new'), inners=[Inner(id='i', text='b'), Inner(id='j', text='c')])]
    )
    reduce(left, right)
    assert left[0].inner.text == 'new'
    assert left[0].inners.text == ['b', 'c']


def test_right_arrays_stay_as_they_are() -> None:
    parts = [
        DocumentArray[Doc]([Doc(id='first')]),
        DocumentArray[Doc]([Doc(id='x', a=1, inner=Inner(text='one'), inners=[Inner(id='i', text='one')])]),
        DocumentArray[Doc]([Doc(id='x', a=2, inner=Inner(text='two'), inners=[Inner(id='i', text='two')])]),
    ]
    merged = reduce_all(parts)
    assert merged is parts[0]
    assert (merged[1].a, merged[1].inner.text, merged[1].inners.text) == (2, 'two', ['two'])
    assert (parts[1][0].a, parts[1][0].inner.text, parts[1][0].inners.text) == (1, 'one', ['one'])
    assert [len(part) for part in parts[1:]] == [1, 1]


def test_a_document_taken_over_whole_is_not_shared() -> None:
    left = DocumentArray[Doc]([Doc(id='x')])
    right = DocumentArray[Doc]([Doc(id='x', inner=Inner(text='one'))])
    reduce_all([left, right, DocumentArray[Doc]([Doc(id='x', inner=Inner(text='two'))])])
    assert left[0].inner.text == 'two'
    assert right[0].inner.text == 'one'


def test_ids_that_repeat_within_the_right_array_are_one_document() -> None:
    left = DocumentArray[Doc]()
    reduce(left, DocumentArray[Doc]([Doc(id='x', a=1), Doc(id='x', a=2)]))
    assert left.a == [2]


def test_documents_without_an_id_are_all_different() -> None:
    left = DocumentArray[Doc]([Doc(id=None, a=1)])
    reduce(left, DocumentArray[Doc]([Doc(id=None, a=2), Doc(id=None, a=3)]))
    assert left.a == [1, 2, 3]


def test_a_known_map_of_ids_is_used_and_kept() -> None:
    left = DocumentArray[Doc]([Doc(id='x', a=1), Doc(id='y', a=2)])
    places = {'x': 0, 'y': 1}
    reduce(left, DocumentArray[Doc]([Doc(id='y', a=5), Doc(id='z', a=6)]), places)
    assert places == {'x': 0, 'y': 1, 'z': 2}
    reduce(left, DocumentArray[Doc]([Doc(id='z', a=7)]), places)
    assert left.a == [1, 5, 7]


def test_views_of_columns_are_merged_as_documents_of_their_own() -> None:
    stacked = DocumentArray[Doc]([Doc(id='x', a=1)]).stack()
    left = DocumentArray[Doc]()
    reduce(left, DocumentArray[Doc](list(stacked)))
    left[0].a = 9
    assert stacked[0].a == 1


@pytest.mark.parametrize('wrong', [[], None, DocumentArray[Doc]([Doc()]).stack()])
def test_only_arrays_of_rows_can_be_reduced(wrong: Any) -> None:
    with pytest.raises(InvalidValueError, match='wanted a DocumentArray'):
        reduce(wrong, DocumentArray[Doc]())
    with pytest.raises(InvalidValueError, match='wanted a DocumentArray'):
        reduce_all([DocumentArray[Doc](), wrong])
    with pytest.raises(InvalidValueError, match='at least one'):
        reduce_all([])
