from __future__ import annotations

import datetime
import enum
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, computed_field

from docarray import BaseDocument, DocumentArray
from docarray.errors import PathError, QueryError
from docarray.search import filter_docs, filter_mask
from docarray.search.query import And, Compare, Exists, FieldRef, In, Not, Or, Size, parse
from docarray.typing import NdArray


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Plain(BaseModel):
    n: int = 0


class Author(BaseDocument):
    name: str = ''
    age: int | None = None


class Item(BaseDocument):
    price: float | None = None
    count: int = 0
    title: str = ''
    tags: list[str] = []
    extra: dict[str, Any] = {}
    author: Author | None = None
    authors: DocumentArray[Author] = DocumentArray[Author]()
    colour: Colour = Colour.RED
    day: datetime.date | None = None
    embedding: NdArray | None = None
    double__under: int = 7


ITEMS = DocumentArray[Item](
    [
        Item(
            id='0',
            price=1.5,
            count=1,
            title='alpha',
            tags=['x', 'y'],
            extra={'k': 1, 'a.b': 2, 'deep': {'z': [5, 6]}},
        ),
        Item(id='1', price=None, count=2, title='beta', author=Author(name='ann', age=30), colour='blue'),
        Item(id='2', price=10.0, count=10, title='Alphabet', author=Author(name='bob'), day='2024-02-29'),
        Item(
            id='3',
            price=float('nan'),
            count=-3,
            tags=['x'],
            authors=[Author(name='cy'), Author(name='di')],
            embedding=[1.0, 2.0],
        ),
    ]
)

CASES: list[tuple[Any, str]] = [
    ({}, '0123'),
    ([], '0123'),
    ({'count': 2}, '1'),
    ({'count': {'$eq': 2}}, '1'),
    ({'count': {'$ne': 2}}, '023'),
    ({'count': {'$neq': 2}}, '023'),
    ({'price': {'$lt': 5}}, '0'),
    ({'price': {'$lte': 10}}, '02'),
    ({'price': {'$gt': 1.5}}, '2'),
    ({'price': {'$gte': 1.5}}, '02'),
    ({'price': {'$ne': 1.5}}, '123'),
    ({'price': None}, '1'),
    ({'price': {'$ne': None}}, '023'),
    ({'price': {'$lt': 'text'}}, ''),
    ({'title': {'$lt': 3}}, ''),
    ({'count': {'$gt': 0, '$lt': 10}}, '01'),
    ({'count': {'$in': [1, 2, 99]}}, '01'),
    ({'count': {'$nin': [1, 2, 99]}}, '23'),
    ({'count': {'$in': []}}, ''),
    ({'tags': {'$in': [['x'], ['z']]}}, '3'),
    ({'title': {'$regex': 'lpha'}}, '02'),
    ({'title': {'$regex': '^alpha'}}, '0'),
    ({'count': {'$regex': '1'}}, ''),
    ({'tags': {'$regex': 'x'}}, ''),
    ({'author': {'$regex': 'ann'}}, '1'),
    ({'tags': {'$size': 2}}, '0'),
    ({'tags': {'$size': {'$gte': 1}}}, '03'),
    ({'authors': {'$size': 2}}, '3'),
    ({'title': {'$size': 4}}, '1'),
    ({'embedding': {'$size': 2}}, '3'),
    ({'count': {'$size': 1}}, ''),
    ({'price': {'$exists': True}}, '0123'),
    ({'nothing': {'$exists': True}}, ''),
    ({'nothing': {'$exists': False}}, '0123'),
    ({'$not': {'nothing.at.all': {'$exists': True}}}, '0123'),
    ({'extra.nothing': {'$ne': 1}}, ''),
    ({'tags.x': {'$nin': [1]}}, ''),
    ({'author.name': {'$exists': True}}, '12'),
    ({'author.name': {'$exists': False}}, '03'),
    ({'author.name': 'ann'}, '1'),
    ({'author__name': 'ann'}, '1'),
    ({'author__age': {'$gt': 1}}, '1'),
    ({'author__age': {'$ne': 30}}, '2'),
    ({'authors__0__name': 'cy'}, '3'),
    ({'authors.-1.name': 'di'}, '3'),
    ({'authors.7.name': {'$ne': 'di'}}, ''),
    ({'authors.name': 'di'}, ''),
    ({'tags.0': 'x'}, '03'),
    ({'extra.k': 1}, '0'),
    ({'extra.a.b': 2}, '0'),
    ({'extra__deep__z__1': {'$gte': 6}}, '0'),
    ({'double__under': 7}, '0123'),
    ({'title.__class__': {'$exists': True}}, ''),
    ({'__class__': {'$exists': True}}, ''),
    ({'colour': 'blue'}, '1'),
    ({'colour': Colour.BLUE}, '1'),
    ({'colour': {'$in': ['blue', 'green']}}, '1'),
    ({'day': '2024-02-29'}, '2'),
    ({'day': {'$gt': '2024-01-01'}}, '2'),
    ({'day': {'$lt': datetime.date(2025, 1, 1)}}, '2'),
    ({'embedding': {'$eq': [1.0, 2.0]}}, '3'),
    ({'embedding': {'$eq': np.array([1.0, 2.0])}}, '3'),
    ({'embedding': {'$eq': [1.0]}}, ''),
    ({'price': {'$eq': '{count}'}}, '2'),
    ({'price': {'$lt': '{count}'}}, ''),
    ({'price': {'$gt': '{count}'}}, '0'),
    ({'title': {'$ne': '{author.name}'}}, '12'),
    ({'$not': {'count': {'$gt': 1}}}, '03'),
    ({'$not': [{'count': 1}, {'title': 'alpha'}]}, '123'),
    ({'count': {'$not': {'$gt': 1}}}, '03'),
    ({'price': {'$not': {'$gt': 1}}}, '13'),
    ({'count': {'$or': [{'$lt': 0}, {'$gt': 5}]}}, '23'),
    ({'count': {'$and': [{'$gt': 0}, {'$lt': 5}]}}, '01'),
    ({'$and': {'count': {'$gt': 1}, 'title': {'$regex': 'a'}}}, '12'),
    ({'$and': []}, '0123'),
    ({'$or': []}, ''),
    ({'$or': {'count': 1, 'title': 'beta'}}, '01'),
    ({'$or': [{'count': 1}, {'title': 'beta', 'count': 99}]}, '0'),
    ({'$or': [{'count': 1}, {'count': 2}], 'title': 'beta'}, '1'),
    ({'title': 'beta', '$or': [{'count': 1}, {'count': 2}]}, '1'),
    ({'$or': {'count': 1, 'title': 'beta'}, 'price': {'$gt': 0}}, '0'),
    ([{'count': {'$gt': 0}}, {'title': {'$regex': '^[a-z]'}}], '01'),
    ([{'count': 1}, {'count': 2}], ''),
]


def ids(found: Any) -> str:
    return ''.join(item.id for item in found)


@pytest.mark.parametrize(('query', 'expected'), CASES, ids=str)
def test_the_language(query: Any, expected: str) -> None:
    assert ids(filter_docs(ITEMS, query)) == expected
    stacked = ITEMS.stack()
    assert ids(filter_docs(stacked, query)) == expected
    assert ids(stacked[filter_mask(stacked, query)]) == expected
    assert ids(ITEMS[filter_mask(ITEMS, query)]) == expected


def test_json_texts_mean_what_dicts_mean() -> None:
    for query, expected in CASES:
        try:
            text = json.dumps(query)
        except TypeError:
            continue
        assert ids(filter_docs(ITEMS, text)) == expected


def test_results_are_the_documents_themselves_in_an_array_of_their_class() -> None:
    found = filter_docs(ITEMS, {'count': 2})
    assert type(found) is DocumentArray[Item]
    assert found[0] is ITEMS[1]
    stacked = ITEMS.stack()
    filter_docs(stacked, {'count': 2})[0].title = 'written'
    assert stacked.title[1] == 'written'
    assert filter_docs(DocumentArray[Item](), {'count': 2}) == []


def test_untyped_arrays_and_subclasses() -> None:
    class Special(Item):
        rank: int = 5

    mixed: Any = DocumentArray([ITEMS[0], Author(id='a', name='ann'), Special(id='s')])
    assert ids(filter_docs(mixed, {'name': 'ann'})) == 'a'
    assert ids(filter_docs(mixed, {'rank': {'$gte': 5}})) == 's'
    typed = DocumentArray[Item]([ITEMS[0], Special(id='s')])
    assert ids(filter_docs(typed, {'rank': {'$exists': True}})) == 's'
    with pytest.raises(PathError):
        filter_docs(typed, {'rank': 5})  # Item has no such field, whatever its subclasses have


class Loose(BaseDocument):
    model_config = ConfigDict(extra='allow')
    author: Author | None = None


class Open(BaseDocument):
    anything: Any = None
    held: object = None
    either: Author | Item | None = None
    plain: Plain | None = None
    loose: Loose | None = None

    @computed_field
    def twice(self) -> int:
        return 2


@pytest.mark.parametrize(
    ('query', 'message'),
    [
        ({'nothing': 1}, "Item: got path 'nothing', wanted a field: id, price, .*"),
        ({'cont': {'$ne': 2}}, "Did you mean 'count'"),
        ({'nothing': {'$in': [1]}}, 'nothing'),
        ({'nothing': {'$size': 1}}, 'nothing'),
        ({'nothing': {'$regex': 'x'}}, 'nothing'),
        ({'$not': {'nothing': 1}}, 'nothing'),
        ({'$or': [{'count': 1}, {'nothing': 1}]}, 'nothing'),
        ([{'count': 1}, {'count': {'$not': {'$eq': '{nothing}'}}}], 'nothing'),
        ({'author.nme': 'ann'}, r"Author: got path 'nme'.*Did you mean 'name'"),
        ({'author__nme': 'ann'}, r"Author: got path 'nme'"),
        ({'count': {'$lt': '{author.nme}'}}, r"Author: got path 'nme'"),
        ({'title.length': 5}, r"got path 'title\.length'"),
        ({'embedding.0': 5}, r"got path 'embedding\.0'"),
        ({'title.__class__': 5}, 'title.__class__'),
        ({'__class__': 5}, '__class__'),
        ({'copy': 5}, 'copy'),
    ],
)
def test_paths_that_leave_the_schema_are_refused(query: Any, message: str) -> None:
    for docs in (ITEMS, ITEMS.stack(), ITEMS[:0], ITEMS[:0].stack()):
        for search in (filter_docs, filter_mask):
            with pytest.raises(PathError, match=message):
                search(docs, query)


@pytest.mark.parametrize(
    ('query', 'found'),
    [
        ({'anything.a.b': 1}, True),
        ({'anything.a.c': 1}, False),
        ({'held.0': 5}, True),
        ({'either.price': 1}, True),
        ({'plain.n': 1}, True),
        ({'plain.nothing': 1}, False),
        ({'twice': 2}, True),
        ({'loose.author.name': 'ann'}, True),
        ({'loose.unheard': 1}, True),
        ({'loose.never': 1}, False),
        ({'plain.n': '{loose.unheard}'}, True),
    ],
)
def test_paths_beyond_the_schema_are_followed_in_each_document(query: Any, found: bool) -> None:
    loose = Loose(unheard=1, author=Author(name='ann'))
    document = Open(anything={'a': {'b': 1}}, held=[5], plain=Plain(n=1), loose=loose, either=Item(price=1))
    for docs in (DocumentArray[Open]([document]), DocumentArray([document])):
        assert len(filter_docs(docs, query)) == found
        assert filter_docs(docs[:0], query) == []
    assert filter_docs(DocumentArray([document]), {'no.such.path': 1}) == []


@pytest.mark.parametrize(
    ('query', 'message'),
    [
        ('{"a": ', 'a JSON text'),
        ('3', r'query: got 3'),
        (5, 'query: got 5'),
        ({'count': {'$gtt': 1}}, r"query\.count\.\$gtt: got operator '\$gtt'.*Did you mean '\$gt'"),
        ({'count': {'$ge': 1, '$lt': 1}}, r"operator '\$ge'"),
        ({'$nor': []}, r"operator '\$nor'"),
        ({'$gt': 3}, 'Operators stand behind a field'),
        ({'count': {}}, 'operators and their values'),
        ({'author': {'name': 'ann'}}, 'write its path'),
        ({'count': {'$gt': 1, 'x': 2}}, 'operators and their values'),
        ({'count': {'$in': 'abc'}}, 'a list of values'),
        ({'count': {'$nin': 3}}, 'a list of values'),
        ({'count': {'$exists': 1}}, 'True or False'),
        ({'title': {'$regex': '('}}, r'query\.title\.\$regex: got .*unterminated'),
        ({'title': {'$regex': 3}}, 'a regular expression'),
        ({'tags': {'$size': 'two'}}, 'a count'),
        ({'tags': {'$size': {'$in': [1]}}}, 'a count'),
        ({'$or': 3}, r'query\.\$or: got 3, wanted a list of filters'),
        ({'$or': [{'count': 1}, 5]}, r'query\.\$or\[1\]: got 5'),
        ({'count': {'$not': 3}}, 'a dict of operators'),
        ({3: 4}, 'a field or operator'),
        ({'embedding': {'$lt': 3}}, 'values that have an order'),
    ],
)
def test_faults_are_told_with_their_place(query: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        filter_docs(ITEMS, query)


def test_deep_queries_are_refused_before_they_overflow_the_stack() -> None:
    query: Any = {'count': 1}
    for _ in range(400):
        query = {'$not': query}
    with pytest.raises(QueryError, match='levels'):
        parse(query)
    with pytest.raises(QueryError):
        parse('[' * 100_000 + ']' * 100_000)
    inside: Any = {'$gt': 1}
    for _ in range(400):
        inside = {'$not': inside}
    with pytest.raises(QueryError, match='levels'):
        parse({'count': inside})


def test_the_tree_that_indexes_get() -> None:
    assert parse({'a': {'$lt': 1, '$exists': True}}) == And((Compare('a', 'lt', 1), Exists('a', True)))
    assert parse([{'a': 1}]) == Compare('a', 'eq', 1)
    assert parse({'$or': {'a': '{b}', 'c': {'$nin': [1]}}}) == Or(
        (Compare('a', 'eq', FieldRef('b')), In('c', (1,), negated=True))
    )
    assert parse({'a': {'$not': {'$size': 3}}}) == Not(Size('a', 'eq', 3))
    assert filter_mask(ITEMS, parse({'count': 2})).tolist() == [False, True, False, False]


def test_numbers_beyond_float_are_compared_exactly() -> None:
    big = 2**53
    items = DocumentArray[Item]([Item(id='a', count=big), Item(id='b', count=big + 1)])
    for index in (items, items.stack()):
        assert ids(filter_docs(index, {'count': float(big)})) == 'a'
        assert ids(filter_docs(index, {'count': {'$gt': float(big)}})) == 'b'
        assert ids(filter_docs(index, {'count': {'$lt': 2**80}})) == 'ab'
        assert ids(filter_docs(index, {'count': {'$lt': float('inf')}})) == 'ab'


NUMBERS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, 2.0, float('nan')]))
LEAVES = st.one_of(
    st.tuples(
        st.sampled_from(['price', 'count', 'author.age']),
        st.sampled_from(['$eq', '$ne', '$lt', '$gte']),
        NUMBERS,
    ).map(lambda leaf: {leaf[0]: {leaf[1]: leaf[2]}}),
    st.tuples(
        st.sampled_from(['price', 'title', 'author.name']), st.lists(st.sampled_from([None, 1, 'a', 'b']))
    ).map(lambda leaf: {leaf[0]: {'$in': leaf[1]}}),
    st.sampled_from(['price', 'author', 'author.age']).map(lambda path: {path: {'$exists': True}}),
)
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {'$or': parts}),
        st.lists(inner, max_size=3).map(lambda parts: {'$and': parts}),
        inner.map(lambda part: {'$not': part}),
    ),
    max_leaves=6,
)
AUTHORS = st.builds(Author, name=st.sampled_from('ab'), age=st.one_of(st.none(), st.integers(-3, 3)))
DOCUMENTS = st.builds(
    Item,
    price=st.one_of(st.none(), st.integers(-3, 3), st.just(float('nan'))),
    count=st.integers(-3, 3),
    title=st.sampled_from('ab'),
    author=st.one_of(st.none(), AUTHORS),
)


@given(st.lists(DOCUMENTS, max_size=6), QUERIES)
@settings(max_examples=150, deadline=None)
def test_rows_and_columns_give_the_same_answer(documents: list[Item], query: Any) -> None:
    rows = DocumentArray[Item](documents)
    matched = filter_mask(rows, query).tolist()
    assert filter_mask(rows.stack(), query).tolist() == matched
    assert filter_mask(rows, {'$not': query}).tolist() == [not match for match in matched]
