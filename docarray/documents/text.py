"""TextDoc: text, where it came from, and what a model makes of it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from docarray.documents.base import BYTES_NAMES, MediaDocument
from docarray.typing.tensors import AnyEmbedding
from docarray.typing.urls import TextUrl

__all__ = ['Text', 'TextDoc']


class TextDoc(MediaDocument):
    """A text.

    A bare str stands for one: ``TextDoc('x')``, or 'x' for a field of this class.

    Attributes:
        text: The text itself.
        url: Where it is to be found.
        embedding: A vector of any framework.
        bytes_: The text as bytes, in whatever encoding.

    Example:
        >>> text = TextDoc('hello')
        >>> text == 'hello', 'ell' in text
        (True, True)
    """

    text: str | None = None
    url: TextUrl | None = None
    embedding: AnyEmbedding | None = None
    bytes_: bytes | None = Field(default=None, validation_alias=BYTES_NAMES)

    _bare: ClassVar[dict[str, str]] = {'text': 'text', 'url': 'url', 'bytes': 'bytes_'}

    def __init__(self, text: str | None = None, /, **data: Any) -> None:
        super().__init__(**data if text is None else {'text': text, **data})

    # This __init__ adds a positional argument only: pydantic may fill instances without it.
    setattr(__init__, '__pydantic_base_init__', True)  # noqa: B010

    def __eq__(self, other: object) -> bool:
        """Whether a str is the text, or another document has equal fields."""
        return self.text == other if isinstance(other, str) else super().__eq__(other)

    def __contains__(self, part: str) -> bool:
        """Whether ``part`` stands somewhere in the text."""
        return self.text is not None and part in self.text

    def _get_string_for_regex_filter(self) -> str:
        return '' if self.text is None else self.text


Text = TextDoc
