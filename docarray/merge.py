"""Merging documents and arrays of documents in place."""

from __future__ import annotations

from typing import Any

from docarray.errors import InvalidValueError, show
from docarray.lowering import ARRAY_MARK, is_document


def update(document: Any, other: Any) -> None:
    """Take over into ``document`` what ``other`` has; see ``BaseDocument.update``."""
    fields = type(document).model_fields
    if type(other).model_fields.keys() != fields.keys():
        raise InvalidValueError(
            where=f'{type(document).__name__}.update', got=show(other), wanted=f'a {type(document).__name__}'
        )
    for name in fields:
        value = getattr(other, name)
        if name != 'id' and value is not None:
            _take_over(document, name, getattr(document, name), value)


def _take_over(document: Any, name: str, mine: Any, theirs: Any) -> None:
    if is_document(type(mine)) and is_document(type(theirs)):
        update(mine, theirs)
    elif getattr(type(mine), ARRAY_MARK, False):
        merge(mine, theirs)
    elif isinstance(mine, list) and isinstance(theirs, list):
        setattr(document, name, [*mine, *theirs])
    elif isinstance(mine, (set, frozenset)) and isinstance(theirs, (set, frozenset)):
        setattr(document, name, mine | theirs)
    elif isinstance(mine, dict) and isinstance(theirs, dict):
        setattr(document, name, {**mine, **theirs})
    else:
        setattr(document, name, theirs)


def merge(left: Any, right: Any) -> Any:
    """Merge the documents of ``right`` into the array ``left``: equal ids are updated, others appended."""
    places = {document.id: document for document in left}
    for document in right:
        if document.id in places:
            update(places[document.id], document)
        else:
            left.append(document)
    return left
