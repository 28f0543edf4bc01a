"""Merging documents and arrays of documents in place."""

from __future__ import annotations

from typing import Any

from docarray.errors import InvalidValueError, show
from docarray.lowering import ARRAY_MARK, is_document


def update(document: Any, other: Any) -> None:
    """Take over into ``document`` all that ``other`` has, or nothing; see ``BaseDocument.update``."""
    _update(_own(document), other)  # a refusal comes here, before the document itself is touched
    _update(document, other)


def _update(document: Any, other: Any) -> None:
    fields = type(document).model_fields
    if not is_document(type(other)) or type(other).model_fields.keys() != fields.keys():
        raise InvalidValueError(
            where=f'{type(document).__name__}.update', got=show(other), wanted=f'a {type(document).__name__}'
        )
    for name in fields:
        value = getattr(other, name)
        if name != 'id' and value is not None:
            _take_over(document, name, getattr(document, name), value)


def _take_over(document: Any, name: str, mine: Any, theirs: Any) -> None:
    if is_document(type(mine)) and is_document(type(theirs)):
        _update(mine, theirs)
    elif getattr(type(mine), ARRAY_MARK, False):
        _merge(mine, theirs, places_of(mine))
        setattr(document, name, mine)  # which a row of a stacked array has to be told
    elif isinstance(mine, list) and isinstance(theirs, list):
        setattr(document, name, [*mine, *theirs])
    elif isinstance(mine, (set, frozenset)) and isinstance(theirs, (set, frozenset)):
        setattr(document, name, mine | theirs)
    elif isinstance(mine, dict) and isinstance(theirs, dict):
        setattr(document, name, {**mine, **theirs})
    else:
        setattr(document, name, _own(theirs))


def merge(left: Any, right: Any, places: dict[Any, int] | None = None) -> Any:
    """Merge the documents of ``right`` into the array ``left``: equal ids are updated, others appended.

    If one of them is refused, ``left`` stays as it was. Documents without an id are all different. What
    is appended is copied as far as documents go, so that merging more into ``left`` never changes ``right``.

    Args:
        left: The array that changes.
        right: Documents of the same fields.
        places: Where each id stands in ``left``, if known; brought up to date.
    """
    if places is None:
        places = places_of(left)
    right = list(right)
    _try(left, right, places)
    _merge(left, right, places)
    return left


def _try(left: Any, right: list[Any], places: dict[Any, int]) -> None:
    """Merge into copies of what would change, so that a refusal comes before anything has changed."""
    made = left[:0]
    done: dict[Any, int] = {}
    for document in right:
        key = getattr(document, 'id', None)
        if key in places and key not in done:
            made.append(_own(left[places[key]]))
            done[key] = len(made) - 1
    _merge(made, right, done)


def _merge(left: Any, right: Any, places: dict[Any, int]) -> None:
    for document in right:
        key = getattr(document, 'id', None)
        place = None if key is None else places.get(key)
        if place is not None:
            _update(left[place], document)
            continue
        left.append(_own(document))
        if key is not None:
            places[key] = len(left) - 1


def places_of(documents: Any) -> dict[Any, int]:
    """Return where each id stands in an array."""
    return {
        document.id: row
        for row, document in enumerate(documents)
        if getattr(document, 'id', None) is not None
    }


def _own(value: Any) -> Any:
    """Copy documents and arrays of them all the way down; tensors and all else are shared."""
    if is_document(type(value)):
        copy = value.model_copy()
        copy.__dict__.update({name: _own(inner) for name, inner in copy.__dict__.items()})
        return copy
    if getattr(type(value), ARRAY_MARK, False):
        return value[:0] + [_own(document) for document in value]
    return value
