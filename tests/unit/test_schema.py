"""Schemas: compiled once, paths, columns, fingerprints, recursion."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest

from docarray import BaseDocument, DocumentArray, schema_of
from docarray.errors import PathError, SchemaError
from docarray.typing import NdArray


class Image(BaseDocument):
    url: str = ''
    tensor: NdArray[3] | None = None


class Chunk(BaseDocument):
    text: str = ''
    image: Image = Image()


class Page(BaseDocument):
    title: str
    cover: Image | None = None
    chunks: DocumentArray[Chunk] = DocumentArray[Chunk]()
    either: Image | Chunk | None = None


class Tree(BaseDocument):
    n: int = 0
    kids: list[Tree] = []
    parent: Tree | None = None


class Left(BaseDocument):
    right: Right | None = None


class Right(BaseDocument):
    left: Left | None = None
    n: int = 0


class Odd(BaseDocument):
    a__b: int = 1
    a: Image = Image()
    a__url: str = 'own'


def test_columns_are_flat() -> None:
    assert [(column.path, column.codec.kind.name, column.nullable) for column in schema_of(Page).columns] == [
        ('id', 'str', True),
        ('title', 'str', False),
        ('cover', 'present', True),
        ('cover.id', 'str', True),
        ('cover.url', 'str', True),
        ('cover.tensor', 'tensor', True),
        ('chunks', 'docs', False),
        ('either', 'str', True),
        ('either.Image', 'docs', True),
        ('either.Chunk', 'docs', True),
    ]


def test_columns_read_documents() -> None:
    page = Page(title='t', cover=Image(url='u'), either=Chunk())
    read = {
        column.path: column.codec.pack(column.getter(page))
        for column in schema_of(Page).columns
        if column.path in ('title', 'cover.url', 'either')
    }
    assert read == {'title': 't', 'cover.url': 'u', 'either': 'Chunk'}
    bare = {column.path: column.getter(Page(title='t')) for column in schema_of(Page).columns}
    assert bare['cover.url'] is None


@pytest.mark.parametrize(
    ('path', 'names'),
    [
        ('title', ['title']),
        ('cover.url', ['cover', 'url']),
        ('cover__url', ['cover', 'url']),
        ('chunks.image.tensor', ['chunks', 'image', 'tensor']),
        ('chunks__image.tensor', ['chunks', 'image', 'tensor']),
    ],
)
def test_paths(path: str, names: list[str]) -> None:
    assert [field.name for field in schema_of(Page).resolve(path)] == names


def test_a_field_with_two_underscores_is_found_by_its_own_name_first() -> None:
    schema = schema_of(Odd)
    assert [field.name for field in schema.resolve('a__b')] == ['a__b']
    assert [field.name for field in schema.resolve('a__url')] == ['a__url']
    assert [field.name for field in schema.resolve('a.url')] == ['a', 'url']
    assert [field.name for field in schema.resolve('a__tensor')] == ['a', 'tensor']
    array = DocumentArray[Odd]([Odd(a=Image(url='inner'))])
    for one in (array, array.stack()):
        assert list(one.traverse_flat('a__url')) == ['own']
        assert list(one.traverse_flat('a.url')) == ['inner']


@pytest.mark.parametrize(
    'path', ['titel', 'cover.ulr', 'title.x', '', '.', 'cover.', 'either.url', 'cover..url', '__']
)
def test_wrong_paths_say_what_there_is(path: str) -> None:
    with pytest.raises(PathError) as caught:
        schema_of(Page).resolve(path)
    assert isinstance(caught.value, AttributeError)
    assert 'wanted a field: id' in str(caught.value)


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(PathError, match="Did you mean 'title'"):
        schema_of(Page).resolve('titel')


def test_one_schema_for_a_class() -> None:
    assert schema_of(Page) is schema_of(Page)
    assert pickle.loads(pickle.dumps(schema_of(Page))) is schema_of(Page)

    class Derived(Page):
        more: int = 0

    assert schema_of(Derived) is not schema_of(Page)
    assert 'more' in schema_of(Derived).fields


@pytest.mark.parametrize('wrong', [int, 'Page', None, Page(title='x'), DocumentArray[Page]])
def test_only_document_classes_have_one(wrong: Any) -> None:
    with pytest.raises(SchemaError):
        schema_of(wrong)


def test_fingerprints_tell_columns_apart() -> None:
    def make(annotation: Any) -> Any:
        class Doc(BaseDocument):
            x: annotation

        return Doc

    kinds = [int, int | None, str, list[int], NdArray[3], NdArray[4], NdArray, Image, Image | None, Chunk]
    prints = [schema_of(make(kind)).fingerprint for kind in kinds]
    assert len(set(prints)) == len(kinds)
    assert prints == [schema_of(make(kind)).fingerprint for kind in kinds]


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    code = (
        'from tests.unit.test_schema import *; print(*(schema_of(one).fingerprint for one in (Page, Tree)))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={'PYTHONHASHSEED': '7', 'PYTHONPATH': ':'.join(sys.path)},
    )
    assert done.stdout.split() == [schema_of(Page).fingerprint, schema_of(Tree).fingerprint]


def test_trees() -> None:
    leaf = Tree(n=3, kids=[Tree(n=4, kids=[Tree(n=5)])])
    array = DocumentArray[Tree]([Tree(n=1, parent=Tree(n=2, parent=leaf)), leaf, Tree()])
    stacked = array.stack()
    assert stacked.unstack() == array
    assert stacked[0].parent.parent.kids[0].kids[0].n == 5
    stacked[0].parent = None
    assert stacked[0].parent is None
    stacked[2].parent = leaf
    assert stacked[2].parent.n == 3
    assert schema_of(Tree).fingerprint


def test_mutual_recursion() -> None:
    array = DocumentArray[Left]([Left(right=Right(n=1, left=Left(right=Right(n=2)))), Left()])
    stacked = array.stack()
    assert stacked.unstack() == array
    assert stacked[0].right.left.right.n == 2
    assert schema_of(Left).fingerprint != schema_of(Right).fingerprint


def test_forward_references_inside_a_function() -> None:
    class Node(BaseDocument):
        n: int = 0
        kids: list[Node] = []

    array = DocumentArray[Node]([Node(kids=[Node(n=1), Node(n=2)])])
    assert array.stack().unstack() == array
    assert array.traverse_flat('kids.n') == [1, 2]
