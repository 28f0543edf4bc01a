"""ID: what a document is known by."""

from __future__ import annotations

from os import urandom
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from docarray.errors import InvalidValueError, show
from docarray.kinds import Codec, Kind

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


class ID(str):
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

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._docarray_validate, serialization=core_schema.simple_ser_schema('str')
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {'type': 'string'}

    @classmethod
    def __docarray_codec__(cls) -> Codec:
        return Codec(Kind('str'), pack=str, unpack=cls)


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
