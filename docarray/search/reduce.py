"""Merging arrays of documents by id, as the results of parallel work come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from docarray.array import DocumentArray
from docarray.document import BaseDocumentWithoutId
from docarray.errors import InvalidValueError, show
from docarray.merge import merge, places_of

__all__ = ['reduce', 'reduce_all']

T = TypeVar('T', bound=BaseDocumentWithoutId)


def reduce(
    left: DocumentArray[T], right: DocumentArray[T], left_id_map: dict[str, int] | None = None
) -> DocumentArray[T]:
    """Merge ``right`` into ``left``, in place.

    A document of an id that ``left`` has updates the one there, as ``BaseDocument.update`` does: what
    is set on the right overwrites, lists and sets and dicts are joined, nested documents and arrays
    of them are merged in turn, and what is None on the right stays. Documents of other ids, and
    those without an id, are appended as copies, which share tensors. ``right`` stays as it is.

    Args:
        left: The array that changes.
        right: The array that is merged into it.
        left_id_map: Where each id stands in ``left``, if that is known already; brought up to date.

    Returns:
        ``left``.

    Raises:
        InvalidValueError: One of the two is no DocumentArray, or their documents have other fields.

    Example:
        >>> from docarray.documents import TextDoc
        >>> left = DocumentArray[TextDoc]([TextDoc(id='a', text='old')])
        >>> right = DocumentArray[TextDoc]([TextDoc(id='a', text='new'), TextDoc(id='b')])
        >>> reduce(left, right).text
        ['new', None]
    """
    for name, array in (('left', left), ('right', right)):
        if not isinstance(array, DocumentArray):
            raise InvalidValueError(where=f'reduce({name})', got=show(array), wanted='a DocumentArray')
    merged: DocumentArray[T] = merge(left, right, left_id_map)
    return merged


def reduce_all(docs: Sequence[DocumentArray[T]]) -> DocumentArray[T]:
    """Merge several arrays into the first of them, in place and in their order. See ``reduce``.

    Args:
        docs: The arrays, at least one.

    Returns:
        The first array.

    Raises:
        InvalidValueError: There is no array, or one of them is no DocumentArray.

    Example:
        >>> from docarray.documents import TextDoc
        >>> parts = [DocumentArray[TextDoc]([TextDoc(id=name)]) for name in ('a', 'b', 'a')]
        >>> reduce_all(parts).id
        ['a', 'b']
    """
    if not docs:
        raise InvalidValueError(where='reduce_all', got='no array', wanted='at least one')
    left, *others = docs
    places = places_of(reduce(left, left[:0]))
    for right in others:
        reduce(left, right, places)
    return left
