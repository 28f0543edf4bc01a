"""Merging arrays by id."""

from __future__ import annotations

from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray


class Item(BaseDocument):
    n: int | None = None
    tags: list[str] = []


class Loose(BaseDocumentWithoutId):
    n: int = 0


def test_equal_ids_are_updated_and_others_appended() -> None:
    left = DocumentArray[Item]([Item(id='a', n=1), Item(id='b', n=2, tags=['x'])])
    right = DocumentArray[Item]([Item(id='b', tags=['y']), Item(id='c', n=3)])
    assert left.reduce(right) is left
    assert [(item.id, item.n, item.tags) for item in left] == [
        ('a', 1, []),
        ('b', 2, ['x', 'y']),
        ('c', 3, []),
    ]
    assert [(item.id, item.n) for item in right] == [('b', None), ('c', 3)]


def test_what_was_merged_is_not_changed_by_later_merges() -> None:
    left, right = DocumentArray[Item](), DocumentArray[Item]([Item(id='a', n=1)])
    left.reduce(right)
    left.reduce(DocumentArray[Item]([Item(id='a', n=2)]))
    assert left.n == [2]
    assert right.n == [1]


def test_an_id_twice_on_the_right() -> None:
    left = DocumentArray[Item]([])
    left.reduce(DocumentArray[Item]([Item(id='a', n=1), Item(id='a', n=2)]))
    assert left.n == [2]


def test_documents_without_ids_are_all_different() -> None:
    left = DocumentArray[Item]([Item(id=None, n=1)])
    left.reduce(DocumentArray[Item]([Item(id=None, n=2)]))
    assert left.n == [1, 2]
    loose = DocumentArray[Loose]([Loose(n=1)])
    assert loose.reduce(DocumentArray[Loose]([Loose(n=1)])).n == [1, 1]
