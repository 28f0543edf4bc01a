"""FieldType: what the field types that are text or bytes have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from docarray.kinds import Codec, Kind, KindName, identity

__all__ = ['FieldType']


class FieldType:
    """A subclass of str or bytes as a field type. ``_docarray_validate`` makes values of anything.

    Attributes:
        _docarray_kind: What columns hold.
        _docarray_written: How pydantic writes it as JSON.

    Example:
        >>> from docarray.typing import ID
        >>> ID.__docarray_codec__().kind.name
        'str'
    """

    __slots__ = ()
    _docarray_kind: ClassVar[KindName] = 'str'
    _docarray_written: ClassVar[core_schema.SerSchema] = core_schema.simple_ser_schema('str')

    _docarray_validate: ClassVar[Any]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._docarray_validate, serialization=cls._docarray_written
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {'type': 'string'}

    @classmethod
    def __docarray_codec__(cls) -> Codec:
        # Bytes are not packed by bytes(), which would copy: they are bytes to every format as they are.
        pack = str if cls._docarray_kind == 'str' else identity
        return Codec(Kind(cls._docarray_kind), pack, cls)
