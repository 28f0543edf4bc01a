"""Filters of documents by the query language, over rows one by one and over columns of numbers at once."""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from docarray.array import DocumentArray, DocumentArrayStacked
from docarray.array.typed import typed
from docarray.batch import Batch, field_values
from docarray.cells import Numbers
from docarray.codecs import STANDARD
from docarray.composites import Nested
from docarray.document import BaseDocumentWithoutId
from docarray.enums import enum_codec
from docarray.errors import PathError, QueryError
from docarray.schema import Field
from docarray.search.paths import MISSING, check_paths, lookup
from docarray.search.query import And, Compare, Exists, FieldRef, In, Node, Not, Op, Or, Regex, Size, parse
from docarray.values import adapter_of

__all__ = ['filter', 'filter_docs', 'filter_mask', 'predicate']

T = TypeVar('T', bound=BaseDocumentWithoutId)
Bools = npt.NDArray[np.bool_]
Test = Callable[[Any], bool]

_OPERATORS: dict[Op, Callable[[Any, Any], Any]] = {
    'eq': operator.eq,
    'ne': operator.ne,
    'lt': operator.lt,
    'lte': operator.le,
    'gt': operator.gt,
    'gte': operator.ge,
}


def filter_docs(docs: DocumentArray[T] | DocumentArrayStacked[T], query: Any) -> DocumentArray[T]:
    """Return the documents that a query matches, in their order.

    Args:
        docs: Documents as rows or columns.
        query: A dict, a JSON text, or a list of those. ``docarray.search.query.parse`` tells the
            language; a parsed query is taken too.

    Returns:
        The same documents; of columns, live rows. (``docs[filter_mask(docs, query)]`` gives columns.)

    Raises:
        QueryError: The query is none; says where in it.
        PathError: A path names no field, where the array is typed. ``$exists`` may ask for any path; what
            is inside of dicts, lists, unions and extra fields is up to each document.

    Example:
        >>> from docarray.documents import TextDoc
        >>> texts = DocumentArray[TextDoc]([TextDoc(text='ab'), TextDoc(text='b'), TextDoc()])
        >>> filter_docs(texts, {'text': {'$regex': '^a'}}).text
        ['ab']
    """
    node = _node(query, docs)
    found: DocumentArray[T]
    if isinstance(docs, DocumentArrayStacked):
        rows = np.flatnonzero(_mask(node, docs.batch, docs)).tolist()
        found = typed(DocumentArray, docs.document_type).construct([docs[row] for row in rows])
        return found
    matches = predicate(node)
    found = type(docs).construct([document for document in docs if matches(document)])
    return found


filter = filter_docs  # noqa: A001 - the name that the earliest versions had


def filter_mask(docs: DocumentArray[T] | DocumentArrayStacked[T], query: Any) -> Bools:
    """Return which documents a query matches, as a bool array (n,). See ``filter_docs``.

    Raises:
        QueryError: The query is none; says where in it.
        PathError: A path names no field, where the array is typed.

    Example:
        >>> from docarray.documents import TextDoc
        >>> texts = DocumentArray[TextDoc]([TextDoc(text='a'), TextDoc(text='b')])
        >>> filter_mask(texts, {'text': 'b'}).tolist()
        [False, True]
    """
    node = _node(query, docs)
    if isinstance(docs, DocumentArrayStacked):
        return _mask(node, docs.batch, docs)
    matches = predicate(node)
    return np.fromiter(map(matches, docs), np.bool_, len(docs))


def _node(query: Any, docs: Any) -> Node:
    node = query if isinstance(query, Node) else parse(query)
    check_paths(node, docs.document_type)
    return node


# -- one document ---------------------------------------------------------------------------------


def predicate(node: Node) -> Test:
    """Return the function document -> whether it matches.

    Example:
        >>> from docarray.documents import TextDoc
        >>> predicate(parse({'text': 'a'}))(TextDoc(text='a'))
        True
    """
    if isinstance(node, And):
        parts = [predicate(part) for part in node.parts]
        return lambda document: all(part(document) for part in parts)
    if isinstance(node, Or):
        parts = [predicate(part) for part in node.parts]
        return lambda document: any(part(document) for part in parts)
    if isinstance(node, Not):
        part = predicate(node.part)
        return lambda document: not part(document)
    get = lookup(node.path)
    if isinstance(node, Exists):
        present = node.present
        return lambda document: (get(document) is not MISSING) is present
    if isinstance(node, Compare) and isinstance(node.value, FieldRef):
        return _compare_fields(node.path, node.op, node.value.path)
    test = value_test(node)

    def matches(document: Any) -> bool:
        value = get(document)
        return value is not MISSING and test(value)

    return matches


def _compare_fields(path: str, op: Op, other: str) -> Test:
    first, second = lookup(path), lookup(other)
    compare = _EQUALITY.get(op) or _ordering(path, op)

    def matches(document: Any) -> bool:
        a, b = first(document), second(document)
        return a is not MISSING and b is not MISSING and compare(a, b)

    return matches


def value_test(node: Compare | In | Regex | Size | Exists) -> Test:
    """Return the function value -> whether it meets the condition of a leaf of the tree."""
    if isinstance(node, Compare):
        compare, wanted = _EQUALITY.get(node.op) or _ordering(node.path, node.op), node.value
        return lambda value: compare(value, wanted)
    if isinstance(node, In):
        return _membership(node.values, node.negated)
    if isinstance(node, Size):
        measure, count = _OPERATORS[node.op], node.count
        return lambda value: (size := _size_of(value)) is not None and bool(measure(size, count))
    if isinstance(node, Exists):
        present = node.present
        return lambda value: present
    search = node.pattern.search
    return lambda value: (text := _text_of(value)) is not None and search(text) is not None


def _membership(values: tuple[Any, ...], negated: bool) -> Test:
    try:
        known = frozenset(values)
    except TypeError:
        known = frozenset()

    def test(value: Any) -> bool:
        if type(value) in _SIMPLE and value in known:
            return not negated
        return any(equal(value, wanted) for wanted in values) is not negated

    return test


_SIMPLE = frozenset({bool, int, float, str, type(None)})


def _size_of(value: Any) -> int | None:
    try:
        return len(value)
    except TypeError:
        return None


def _text_of(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, BaseDocumentWithoutId):
        return value._get_string_for_regex_filter()
    packed = _packed(value)
    return packed if isinstance(packed, str) else None


def equal(value: Any, wanted: Any) -> bool:
    """Whether a value is the wanted one. Dates, enums and the like may be given as they are stored too."""
    result = value == wanted
    if result is True:
        return True
    if result is False:
        packed = _packed(value)
        return packed is not value and bool(packed == wanted)
    (adapter, native), (other, wanted) = adapter_of(value), adapter_of(wanted)
    if adapter is None and other is None:
        return bool(result)
    a = native if adapter is None else adapter.to_numpy(native)
    return np.array_equal(a, wanted if other is None else other.to_numpy(wanted))


def _unequal(value: Any, wanted: Any) -> bool:
    return not equal(value, wanted)


_EQUALITY: dict[Op, Callable[[Any, Any], bool]] = {'eq': equal, 'ne': _unequal}


def _ordering(path: str, op: Op) -> Callable[[Any, Any], bool]:
    compare = _OPERATORS[op]

    def ordered(value: Any, wanted: Any) -> bool:
        try:
            result = compare(value, wanted)
        except TypeError:
            packed = _packed(value)
            if packed is value:
                return False  # None, or things that have no order among them
            try:
                result = compare(packed, wanted)
            except TypeError:
                return False
        if result is True or result is False or isinstance(result, np.bool_):
            return bool(result)
        raise QueryError(
            where=path, got=f'${op} of {type(value).__name__}', wanted='values that have an order'
        )

    return ordered


def _packed(value: Any) -> Any:
    """Return a value as its column stores it, a date as ISO text for one; others as they are."""
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, enum.Enum):
        return enum_codec(type(value)).pack(value)
    codec = next((STANDARD[base] for base in type(value).__mro__ if base in STANDARD), None)
    return value if codec is None else codec.pack(value)


# -- columns --------------------------------------------------------------------------------------


def _mask(node: Node, batch: Batch, documents: Any) -> Bools:
    """Return which rows match; what columns cannot answer is asked of the rows themselves."""
    if isinstance(node, Not):
        return ~_mask(node.part, batch, documents)
    if isinstance(node, (And, Or)):
        join = np.logical_and if isinstance(node, And) else np.logical_or
        found = np.full(len(batch), isinstance(node, And))
        for part in node.parts:
            join(found, _mask(part, batch, documents), out=found)
        return found
    place = _column(batch, node.path)
    if place is None or (isinstance(node, Compare) and isinstance(node.value, FieldRef)):
        return np.fromiter(map(predicate(node), documents), np.bool_, len(batch))
    field, column, reached = place
    if isinstance(node, Exists):
        there = np.ones(len(batch), np.bool_) if reached is None else reached
        return there if node.present else ~there
    numbers = isinstance(column, Numbers) and field.codec.plain
    if numbers and isinstance(node, Compare) and isinstance(node.value, (bool, int, float)):
        found = _compare_numbers(column, node.op, node.value)
    else:
        found = np.fromiter(map(value_test(node), field_values(field, column)), np.bool_, len(batch))
    return found if reached is None else found & reached


def _column(batch: Batch, path: str) -> tuple[Field, Any, Bools | None] | None:
    """Return the column at a path and which rows are inside all nested documents on it, or None."""
    try:
        fields = batch.schema.resolve(path)
    except PathError:
        return None
    reached: Bools | None = None
    for field in fields[:-1]:
        nested = batch.data[field.name]
        if not isinstance(nested, Nested):
            return None
        if nested.valid is not None:
            reached = nested.valid if reached is None else reached & nested.valid
        batch = nested.batch
    last = fields[-1]
    return (last, batch.data[last.name], reached) if last.form == 'cells' else None


def _compare_numbers(column: Numbers, op: Op, wanted: float) -> Bools:
    if isinstance(wanted, float) and wanted.is_integer():
        wanted = int(wanted)  # which int64 compares with exactly
    found = np.asarray(_OPERATORS[op](column.data, wanted), np.bool_)
    if column.valid is None:
        return found
    return found | ~column.valid if op == 'ne' else found & column.valid
