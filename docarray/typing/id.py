"""ID: what a document is known by."""

from __future__ import annotations

from os import urandom

from docarray.errors import InvalidValueError, show
from docarray.typing._field_type import FieldType

__all__ = ['ID', 'new_id']


def new_id() -> str:
    """Return 16 random bytes as 32 hexadecimal digits.

    They come from the operating system at each call: nothing is kept that a fork, or a copy of a
    running machine, could hand out twice.

    Example:
        >>> len(new_id()), new_id() == new_id()
        (32, False)
    """
    return urandom(16).hex()


class ID(FieldType, str):
    """A string that names a document.

    As a field type it takes whatever has a text of its own: str, int, UUID... Bytes are read as
    UTF-8, or written as hexadecimal digits where they are not UTF-8.

    Example:
        >>> from pydantic import TypeAdapter
        >>> TypeAdapter(ID).validate_python(42)
        '42'
    """

    __slots__ = ()

    @classmethod
    def _docarray_validate(cls, value: object) -> ID:
        if type(value) is str and value.isascii():
            return cls(value)
        return value if isinstance(value, cls) else cls(_text(value))


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.hex()
    kind = type(value)
    # The text of None says nothing, and object's own names an address in memory.
    if value is None or (kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__):
        raise InvalidValueError(got=show(value), wanted='an id: a str, or an object with a text of its own')
    text = str(value)
    if not text.isascii():
        check_unicode(text)
    return text


def check_unicode(text: str) -> None:
    """Refuse lone surrogates, which no format can write.

    Example:
        >>> check_unicode('grüße')
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValueError(
            got=show(text),
            wanted='valid Unicode',
            hint=f'There is a lone surrogate at position {error.start}.',
        ) from error
