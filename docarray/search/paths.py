"""Paths of filters: checked against the schema before any document is looked at, then followed in each."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pydantic

from docarray._hints import members_of
from docarray.document import AnyDocument
from docarray.schema import schema_of
from docarray.search.query import And, Compare, Exists, FieldRef, Node, Not, Or

__all__ = ['MISSING', 'check_paths', 'lookup']

MISSING: Any = object()
"""What a path leads to that leads nowhere."""


# -- checking -------------------------------------------------------------------------------------


def check_paths(node: Node, document_type: Any) -> None:
    """Refuse a filter whose paths name no fields of a document class.

    ``$exists`` may ask for any path. Nothing is known, and so nothing refused, inside of dicts, lists,
    unions, models that are no documents, and extra fields of classes that allow them.

    Args:
        node: The filter.
        document_type: The class; anything goes for AnyDocument.

    Raises:
        PathError: A path names no field; the error lists what there is.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.search.query import parse
        >>> check_paths(parse({'text': 'a'}), TextDoc)
    """
    if document_type is not AnyDocument:
        for path in _paths(node):
            _check_path(path, document_type)


def _paths(node: Node) -> Iterator[str]:
    """All paths that have to lead somewhere."""
    if isinstance(node, (And, Or)):
        for part in node.parts:
            yield from _paths(part)
    elif isinstance(node, Not):
        yield from _paths(node.part)
    elif not isinstance(node, Exists):
        yield node.path
        if isinstance(node, Compare) and isinstance(node.value, FieldRef):
            yield node.value.path


def _check_path(path: str, document_type: Any) -> None:
    rest, document = path, document_type
    while rest:
        schema = schema_of(document)
        head, behind = _field_head(document, rest)
        field = schema.fields.get(head)
        if field is None:
            if not head and document.model_config.get('extra') != 'allow':
                raise schema.unknown(rest)
            return
        if behind and field.form == 'cells' and _is_leaf(document.model_fields[head].annotation):
            raise schema.unknown(rest)
        if field.form != 'nested':
            return
        rest, document = behind, field.lowered.documents[0]


def _is_leaf(annotation: Any) -> bool:
    """Whether no path leads into any value of a type."""
    return all(isinstance(member, type) and _is_leaf_class(member) for member in members_of(annotation))


def _is_leaf_class(cls: type) -> bool:
    if cls is Any or typing.get_origin(cls) is not None:
        return False
    if issubclass(cls, (str, bytes)):
        return True
    holds = issubclass(cls, (pydantic.BaseModel, Mapping, Sequence))
    return not holds and not any(issubclass(held, cls) for held in (pydantic.BaseModel, dict, list))


# -- following ------------------------------------------------------------------------------------


def lookup(path: str) -> Callable[[Any], Any]:
    """Return the function document -> value at a path, or MISSING.

    The path goes through fields of documents, keys of mappings and numbers of sequences, and nowhere
    else: it may come from outside. Names that contain ``__`` win over two names joined by it.

    Example:
        >>> lookup('a__1.b')({'a': [0, {'b': 5}]})
        5
    """
    heads: dict[Any, tuple[str, str]] = {}
    whole: set[type] = set()  # classes of which the path is one field

    def get(value: Any) -> Any:
        if type(value) in whole:
            return getattr(value, path)
        rest = path
        while rest and value is not MISSING:
            key = (type(value), rest)
            head = heads.get(key)
            if head is None:
                head = heads[key] = _field_head(*key)
                if head == (path, ''):
                    whole.add(key[0])
            if head[0]:
                value, rest = getattr(value, head[0]), head[1]
            else:
                value, rest = _inside(value, rest)
        return value

    return get


def _field_head(cls: type, rest: str) -> tuple[str, str]:
    """Return the field of a model class that a path starts with and the rest of the path, or ('', '')."""
    if not issubclass(cls, pydantic.BaseModel):
        return '', ''
    return _head(rest, {**cls.model_fields, **cls.model_computed_fields}) or ('', '')


def _inside(value: Any, rest: str) -> tuple[Any, str]:
    """Take one step of a path into a mapping, a sequence or the undeclared fields of a model."""
    if isinstance(value, pydantic.BaseModel):
        value = value.__pydantic_extra__ or {}
    if isinstance(value, Mapping):
        head = _head(rest, value)
        return (MISSING, '') if head is None else (value[head[0]], head[1])
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return MISSING, ''
    number, rest = _splits(rest)[-1] if _splits(rest) else (rest, '')
    try:
        return value[int(number)], rest
    except (ValueError, IndexError):
        return MISSING, ''


def _head(path: str, names: Any) -> tuple[str, str] | None:
    """Return the longest of ``names`` that a path starts with, and the rest of the path."""
    if path in names:
        return path, ''
    return next((split for split in _splits(path) if split[0] in names), None)


def _splits(path: str) -> list[tuple[str, str]]:
    """Return all ways to cut a path in two at a ``.`` or ``__``, the longest head first."""
    ways = [(path[:at], path[at + len(mark) :]) for mark in ('.', '__') for at in _places(path, mark)]
    return sorted((way for way in ways if way[0] and way[1]), key=lambda way: len(way[0]), reverse=True)


def _places(path: str, mark: str) -> list[int]:
    return [at for at in range(len(path)) if path.startswith(mark, at)]
