"""The query language of filters: parsed once into a small tree, which rows, columns and indexes evaluate.

``{'price': {'$lt': 10}, '$or': [{'tag': 'a'}, {'tag': {'$exists': False}}]}``: all entries of a dict
must hold, whatever stands among them. See ``parse`` for the whole of it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from docarray.errors import QueryError, show

__all__ = [
    'And',
    'Compare',
    'Exists',
    'FieldRef',
    'In',
    'Node',
    'Not',
    'Op',
    'Or',
    'Regex',
    'Size',
    'parse',
    'split_path',
]

Op = Literal['eq', 'ne', 'lt', 'lte', 'gt', 'gte']

_DEEPEST = 100  # levels of a query; a limit on what others may send


@dataclass(frozen=True)
class And:
    """All parts hold; without parts it always does."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """At least one part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Node


@dataclass(frozen=True)
class FieldRef:
    """Another field of the same document, to compare with. Written ``'{path}'``."""

    path: str


@dataclass(frozen=True)
class Compare:
    """The value at ``path`` is there and compares so with ``value``, which may be a FieldRef."""

    path: str
    op: Op
    value: Any


@dataclass(frozen=True)
class In:
    """The value at ``path`` is there and is one of ``values``, or none of them."""

    path: str
    values: tuple[Any, ...]
    negated: bool = False


@dataclass(frozen=True)
class Exists:
    """Whether the path leads to a value; None is one."""

    path: str
    present: bool


@dataclass(frozen=True)
class Regex:
    """The pattern is found somewhere in the text at ``path``."""

    path: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Size:
    """The length of the value at ``path`` compares so with ``count``."""

    path: str
    op: Op
    count: int


Node = And | Or | Not | Compare | In | Exists | Regex | Size

_COMPARISONS: dict[str, Op] = {
    '$eq': 'eq',
    '$ne': 'ne',
    '$neq': 'ne',
    '$lt': 'lt',
    '$lte': 'lte',
    '$gt': 'gt',
    '$gte': 'gte',
}


def parse(query: Any) -> Node:
    """Read a filter.

    =================================  =========================================================
    ``{field: {op: value, ...}, ...}``  every condition holds; ``{field: value}`` means ``$eq``
    ``$eq $ne $lt $lte $gt $gte``       comparison; ``$neq`` is ``$ne``; ``'{other}'`` names a field
    ``$in $nin``                        one of a list, none of a list
    ``$exists``                         True or False: the path leads to a value (None is one)
    ``$regex``                          found somewhere in a text, as ``re.search`` does
    ``$size``                           length: a count, or ``{'$gt': count}``
    ``$and $or``                        of a list of filters, or of the entries of a dict
    ``$not``                            before a filter, or inside a field
    =================================  =========================================================

    Fields are paths through documents, mappings and sequences: ``a.b.0`` or ``a__b__0``. A value
    that is missing or of a type that does not compare meets no condition (but those under ``$not``).

    Args:
        query: A dict, a JSON text of one, or a list of such, all of which must hold.

    Raises:
        QueryError: It is no such filter; says where in it.

    Example:
        >>> parse({'price': {'$lt': 10}})
        Compare(path='price', op='lt', value=10)
    """
    if isinstance(query, (str, bytes)):
        try:
            query = json.loads(query)
        except (ValueError, RecursionError) as error:
            raise QueryError(where='query', got=show(query), wanted='a JSON text') from error
    return _filter(query, 'query', 0)


def split_path(path: str) -> list[str]:
    """Return the names in a path, ``a.b`` or ``a__b``.

    Example:
        >>> split_path('a.b__c')
        ['a', 'b', 'c']
    """
    return re.split(r'\.|__', path)


def _filter(query: Any, where: str, depth: int) -> Node:
    if depth > _DEEPEST:
        raise QueryError(where='query', got=f'more than {_DEEPEST} levels', wanted='a flatter filter')
    if isinstance(query, (list, tuple)):
        return _all([_filter(part, f'{where}[{i}]', depth + 1) for i, part in enumerate(query)])
    if not isinstance(query, Mapping):
        raise QueryError(where=where, got=show(query), wanted='a filter: {field: {operator: value}}')
    return _all([_entry(key, value, f'{where}.{key}', depth + 1) for key, value in query.items()])


def _all(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _entry(key: Any, value: Any, where: str, depth: int) -> Node:
    """Read one entry of a dict: a connective of filters, or a field and its conditions."""
    if not isinstance(key, str) or not key:
        raise QueryError(where=where, got=show(key), wanted='a field or operator')
    if not key.startswith('$'):
        return _field(key, value, where, depth)
    if key == '$not':
        return Not(_filter(value, where, depth))
    if key not in ('$and', '$or'):
        hint = 'Operators stand behind a field: {field: {operator: value}}.'
        raise _unknown(key, ['$and', '$or', '$not'], where, hint)
    parts = _parts(value, where, lambda part, at: _filter(part, at, depth))
    return And(parts) if key == '$and' else Or(parts)


def _parts(value: Any, where: str, read: Callable[[Any, str], Node]) -> tuple[Node, ...]:
    """Read what a connective connects: the items of a list, or the entries of a dict."""
    if isinstance(value, Mapping):
        return tuple(read({key: part}, where) for key, part in value.items())
    if not isinstance(value, (list, tuple)):
        raise QueryError(where=where, got=show(value), wanted='a list of filters')
    return tuple(read(part, f'{where}[{i}]') for i, part in enumerate(value))


def _field(path: str, conditions: Any, where: str, depth: int) -> Node:
    """Read what is asked of one field."""
    if depth > _DEEPEST:
        raise QueryError(where='query', got=f'more than {_DEEPEST} levels', wanted='a flatter filter')
    if not isinstance(conditions, Mapping):
        return Compare(path, 'eq', _operand(conditions))
    if not conditions or not all(isinstance(op, str) and op.startswith('$') for op in conditions):
        raise QueryError(
            where=where,
            got=show(dict(conditions)),
            wanted='operators and their values',
            hint='For a field of a nested document write its path; for a dict as the value, {"$eq": {...}}.',
        )
    return _all([_condition(path, op, value, f'{where}.{op}', depth + 1) for op, value in conditions.items()])


def _condition(path: str, op: str, value: Any, where: str, depth: int) -> Node:
    if op in _COMPARISONS:
        return Compare(path, _COMPARISONS[op], _operand(value))
    if op == '$not':
        if not isinstance(value, Mapping):
            raise QueryError(where=where, got=show(value), wanted='a dict of operators')
        return Not(_field(path, value, where, depth))
    if op in ('$and', '$or'):
        parts = _parts(value, where, lambda part, at: _field(path, part, at, depth))
        return And(parts) if op == '$and' else Or(parts)
    if op not in _READERS:
        raise _unknown(op, [*_COMPARISONS, *_READERS, '$not', '$and', '$or'], where, '')
    return _READERS[op](path, value, where)


def _operand(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 2 and value[0] == '{' and value[-1] == '}':
        return FieldRef(value[1:-1])
    return value


def _unknown(op: str, known: list[str], where: str, hint: str) -> QueryError:
    close = difflib.get_close_matches(op, known, n=1)
    if close:
        hint = f'Did you mean {close[0]!r}?'
    return QueryError(where=where, got=f'operator {show(op)}', wanted=', '.join(known), hint=hint)


def _in(path: str, value: Any, where: str) -> Node:
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise QueryError(where=where, got=show(value), wanted='a list of values')
    return In(path, tuple(value))


def _not_in(path: str, value: Any, where: str) -> Node:
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise QueryError(where=where, got=show(value), wanted='a list of values')
    return In(path, tuple(value), negated=True)


def _exists(path: str, value: Any, where: str) -> Node:
    if not isinstance(value, bool):
        raise QueryError(where=where, got=show(value), wanted='True or False')
    return Exists(path, value)


def _regex(path: str, value: Any, where: str) -> Node:
    try:
        return Regex(path, re.compile(value))
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        got = f'{show(value)} ({error})'
        raise QueryError(where=where, got=got, wanted='a regular expression') from error


def _size(path: str, value: Any, where: str) -> Node:
    asked = value if isinstance(value, Mapping) else {'$eq': value}
    parts: list[Node] = []
    for op, count in asked.items():
        if op not in _COMPARISONS or isinstance(count, bool) or not isinstance(count, int):
            raise QueryError(where=where, got=show(value), wanted='a count, or {"$gt": count}')
        parts.append(Size(path, _COMPARISONS[op], count))
    return _all(parts)


_READERS: dict[str, Callable[[str, Any, str], Node]] = {
    '$in': _in,
    '$nin': _not_in,
    '$exists': _exists,
    '$regex': _regex,
    '$size': _size,
}
