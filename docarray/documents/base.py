"""What the predefined documents share: a bare value - text, bytes, a tensor - makes a whole document."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from pydantic import AliasChoices, BaseModel, model_validator

from docarray.document import BaseDocument
from docarray.typing.urls import AnyUrl
from docarray.values import adapter_of

__all__ = ['MediaDocument']

#: For the field ``bytes_``, which the first versions called ``bytes``: both are read, the first is written.
BYTES_NAMES = AliasChoices('bytes_', 'bytes')


class MediaDocument(BaseDocument):
    """Base of documents that a bare value can stand for, wherever such a document is expected.

    A subclass says in ``_bare`` which field takes values of which sort: 'text' for str, 'url' for URLs
    and paths (and str, where nothing is said of 'text'), 'bytes' and 'tensor'.

    Attributes:
        bytes: The field ``bytes_`` under the name of the first versions.

    Example:
        >>> from docarray.documents import ImageDoc
        >>> ImageDoc.model_validate(b'...').bytes_
        b'...'
    """

    _bare: ClassVar[dict[str, str]] = {'url': 'url', 'bytes': 'bytes_', 'tensor': 'tensor'}

    @model_validator(mode='before')
    @classmethod
    def _of_bare_value(cls, value: Any) -> Any:
        if type(value) is dict or isinstance(value, (BaseModel, dict)):
            return value
        if isinstance(value, memoryview):  # which pydantic's bytes does not take
            value = value.tobytes()
        field = cls._bare.get(_sort(value, 'text' in cls._bare))
        return value if field is None else {field: value}

    def _get_bytes(self) -> Any:
        return getattr(self, 'bytes_')  # noqa: B009 - a field of the subclasses

    def _set_bytes(self, value: Any) -> None:
        self.bytes_ = value

    bytes = property(_get_bytes, _set_bytes, doc='The field ``bytes_`` under the name of the first versions.')


def _sort(value: Any, plain_text: bool) -> str:
    """Which sort of bare value this is, '' for none."""
    if isinstance(value, str):
        return 'text' if plain_text and not isinstance(value, AnyUrl) else 'url'
    if isinstance(value, (bytes, bytearray)):
        return 'bytes'
    if isinstance(value, os.PathLike):
        return 'url'
    return '' if adapter_of(value)[0] is None else 'tensor'
