"""The cells of flat columns as text, for tables that hold nothing else.

======================  ============================================================================
kind                    text
======================  ============================================================================
bool, int, float        ``True``, ``-1``, ``0.5``, ``nan``, ``inf``
str                     the text itself; of dates, URLs, enums and so on what stands for them
bytes                   base64
tensor                  nested lists, if these are read back as they were, or else an object of dtype,
                        shape and base64 data (``docarray.typing.tensor_json``)
list, map, json         JSON, with NaN and infinities as Python's own json writes them
arrays of documents     a JSON array of them
unions of documents     JSON: an object of the class's name and the document
a nested document       a JSON object of some of its fields
======================  ============================================================================
"""

from __future__ import annotations

import base64
import binascii
import inspect
from collections.abc import Callable
from typing import Any

import pydantic
from pydantic_core import from_json, to_json

from docarray._hints import annotated, without_self
from docarray._typed import class_cache
from docarray.batch import check_fields
from docarray.errors import InvalidValueError, ValidationError, show
from docarray.formats.json import tensor_text
from docarray.formats.tables.flat import FlatColumn
from docarray.typing._coerce import framework_name, to_numpy
from docarray.typing.tensor_json import to_base64

__all__ = ['reader_of', 'writer_of']

Writer = Callable[[Any], str]
Reader = Callable[[str], Any]

#: The dtypes that lists of numbers are read as where no other is declared.
_LIST_DTYPES = ('float64', 'int64', 'bool')


def writer_of(column: FlatColumn) -> Writer:
    """Return the function that writes a value of the documents' own, never None, as text.

    Columns of bool, int, float and str have none: what writes them is ``FlatCells.packed``.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.tables.flat import flat_columns
        >>> from docarray.schema import schema_of
        >>> writer_of(flat_columns(schema_of(TextDoc))['bytes_'])(b'hello')
        'aGVsbG8='
    """
    return _WRITERS[column.kind](column)


def reader_of(column: FlatColumn) -> Reader:
    """Return the function that reads what ``writer_of`` wrote, into what ``documents_of`` takes.

    It leaves to pydantic, as text, what is no such value, and may raise errors of docarray.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.tables.flat import flat_columns
        >>> from docarray.schema import schema_of
        >>> reader_of(flat_columns(schema_of(TextDoc))['bytes_'])('aGVsbG8=')
        b'hello'
    """
    return _READERS[column.kind](column)


def _bytes_writer(column: FlatColumn) -> Writer:
    pack = column.field.codec.pack  # a blob is no bytes before
    return lambda value: base64.b64encode(pack(value)).decode('ascii')


def _bytes_reader(column: FlatColumn) -> Reader:
    def read(text: str) -> Any:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            # As plain text it would be taken for the bytes themselves.
            raise InvalidValueError(got=show(text), wanted='base64') from error

    return read


def _tensor_writer(column: FlatColumn) -> Writer:
    codec = column.field.codec
    home, dtype = codec.framework or 'numpy', codec.kind.dtype

    def write(value: Any) -> str:
        array, framework = to_numpy(value), framework_name(value)
        if array is None:
            raise InvalidValueError(got=f'{type(value).__name__} {show(value)}', wanted='a tensor')
        kept = array.dtype.name == dtype or (framework == 'numpy' and array.dtype.name in _LIST_DTYPES)
        if framework == home and kept and array.size and array.dtype.kind != 'c':
            return tensor_text(value)
        return to_json(to_base64(array, framework)).decode()

    return write


def _json_writer(column: FlatColumn) -> Writer:
    serializer = _adapter(column).serializer

    def write(value: Any) -> str:
        made: bytes = serializer.to_json(value, **_WRITTEN)
        return made.decode()

    return write


def _docs_writer(column: FlatColumn) -> Writer:
    write, schema, spread = _json_writer(column), column.field.schema, column.field.lowered.spread

    def write_checked(value: Any) -> str:
        check_fields(schema, spread(value), column.where)
        return write(value)

    return write_checked


def _json_reader(column: FlatColumn) -> Reader:
    adapter, is_open = _adapter(column), column.kind == 'json'

    def read(text: str) -> Any:
        try:
            return adapter.validate_json(text, **_OF_NAME)
        except pydantic.ValidationError:
            return text if is_open else _parsed(text)  # which is refused again, with its place

    return read


def _adapter(column: FlatColumn) -> pydantic.TypeAdapter[Any]:
    values = class_cache(column.owner).values
    key = 'flat adapter', column.field.name
    if key not in values:
        info = column.owner.model_fields[column.field.name]
        annotation = without_self(annotated(info.annotation, info.metadata), column.owner)
        try:
            values[key] = pydantic.TypeAdapter(annotation, config=_CONFIG)
        except pydantic.PydanticUserError:  # a class that has a configuration of its own
            values[key] = pydantic.TypeAdapter(annotation)
    adapter: pydantic.TypeAdapter[Any] = values[key]
    return adapter


def _plain(value: Any) -> Any:
    """What to write for values that pydantic does not know, in fields that take anything."""
    array = to_numpy(value)
    if array is None:
        wanted = 'a value that JSON can hold'
        raise InvalidValueError(got=f'{type(value).__name__} {show(value)}', wanted=wanted)
    return to_base64(array, framework_name(value))


#: How pydantic writes: fields by name, whatever their aliases, and tensors with every bit.
_WRITTEN: dict[str, Any] = {
    'by_alias': False,
    'context': {'tensors': 'base64'},
    'fallback': _plain,
    'warnings': False,
}

#: Fields are read by name too; before 2.11 pydantic knows them by their aliases only.
_OF_NAME: dict[str, Any] = (
    {'by_alias': True, 'by_name': True}
    if 'by_name' in inspect.signature(pydantic.TypeAdapter.validate_json).parameters
    else {}
)

_CONFIG = pydantic.ConfigDict(
    arbitrary_types_allowed=True,
    ser_json_inf_nan='constants',
    ser_json_bytes='base64',
    val_json_bytes='base64',
)


def _parsed(text: str) -> Any:
    """Return what JSON says, and text that is none as it is."""
    try:
        return from_json(text)
    except ValueError:
        return text


def _variant_writer(column: FlatColumn) -> Writer:
    schemas = {schema.document_type: schema for schema in column.field.schemas}

    def write(value: Any) -> str:
        schema = schemas.get(type(value)) or next(
            schema for cls, schema in schemas.items() if isinstance(value, cls)
        )
        check_fields(schema, [value], column.where)
        document_type: Any = schema.document_type
        made: bytes = document_type.__pydantic_serializer__.to_json(value, **_WRITTEN)
        return f'{{"{document_type.__name__}":{made.decode()}}}'

    return write


def _variant_reader(column: FlatColumn) -> Reader:
    readers = {schema.document_type.__name__: schema.document_type for schema in column.field.schemas}

    def read(text: str) -> Any:
        value = _parsed(text)
        if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= readers.keys():
            return value  # written by somebody else: pydantic finds out which class it is
        ((name, fields),) = value.items()
        cls: Any = readers[name]
        try:
            return cls.__pydantic_validator__.validate_json(to_json(fields), **_OF_NAME)
        except pydantic.ValidationError as error:
            raise ValidationError.of(error) from error.__cause__

    return read


def _number_reader(make: Callable[[str], Any]) -> Callable[[FlatColumn], Reader]:
    def read(text: str) -> Any:
        try:
            return make(text)
        except ValueError:
            return text

    return lambda column: read


_BOOLS = {'true': True, 'false': False}

_WRITERS: dict[str, Callable[[FlatColumn], Writer]] = {
    'bytes': _bytes_writer,
    'tensor': _tensor_writer,
    'list': _json_writer,
    'map': _json_writer,
    'json': _json_writer,
    'docs': _docs_writer,
    'variant': _variant_writer,
    'nested': lambda column: lambda value: to_json(value).decode(),
}

_READERS: dict[str, Callable[[FlatColumn], Reader]] = {
    'bool': lambda column: lambda text: _BOOLS.get(text.strip().lower(), text),
    'int': _number_reader(int),
    'float': _number_reader(float),
    'str': lambda column: lambda text: text,
    'bytes': _bytes_reader,
    'tensor': lambda column: _parsed,
    'list': _json_reader,
    'map': _json_reader,
    'json': _json_reader,
    'docs': _json_reader,
    'variant': _variant_reader,
    'nested': lambda column: _parsed,
}
