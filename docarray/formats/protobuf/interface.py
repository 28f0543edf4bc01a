"""What documents and arrays offer as methods: messages of protobuf, in the open and in the typed style."""

from __future__ import annotations

from typing import Any

from docarray.errors import FormatError, InvalidValueError, KindError, show
from docarray.formats.building import array_of
from docarray.formats.protobuf.columns import encode_columns
from docarray.formats.protobuf.decode import decode_documents
from docarray.formats.protobuf.descriptor import OLD_NAMES, PACKAGE, message_class
from docarray.formats.protobuf.encode import encode_document, encode_rows
from docarray.formats.protobuf.messages import decode_rows
from docarray.formats.protobuf.readcolumns import decode_columns
from docarray.lowering import ARRAY_MARK, SCHEMALESS_MARK, STACKED_MARK
from docarray.rowbatch import RowBatch
from docarray.schema import schema_of

__all__ = ['from_protobuf', 'proto_schema', 'to_protobuf']


def to_protobuf(value: Any, style: str = 'open') -> Any:
    """Return a document or an array as a protobuf message.

    Args:
        value: A document, or an array of documents.
        style: 'open' for a DocProto, DocListProto or, of a stacked array, DocVecProto; 'typed' for the
            message of its class's own ``proto_schema``.

    Raises:
        KindError: A value that the message cannot hold, or it is too large or too deep for protobuf.
        MissingExtraError: protobuf is not installed.

    Example:
        >>> from docarray.documents import TextDoc
        >>> to_protobuf(TextDoc(text='a')).data['text'].text
        'a'
    """
    if style == 'typed':
        from docarray.formats.protobuf.typed import to_typed

        return to_typed(value)
    if style != 'open':
        raise InvalidValueError(where='to_protobuf', got=f'style={show(style)}', wanted="'open' or 'typed'")
    if hasattr(type(value), STACKED_MARK):
        return _message('DocVecProto', b''.join(encode_columns(value.batch)), value)
    if hasattr(type(value), ARRAY_MARK):
        return _message('DocListProto', encode_rows(value, _schema_of_array(type(value))), value)
    return _message('DocProto', encode_document(value), value)


def _message(name: str, data: bytes, value: Any) -> Any:
    cls = message_class(name)
    try:
        return cls.FromString(data)
    except Exception as error:  # DecodeError, which is another class in each version
        raise KindError(
            where=type(value).__name__,
            got=f'{len(data)} bytes that protobuf does not take: {show(str(error), 200)}',
            wanted='messages of less than 2 GiB, and at most 100 inside one another',
            hint='to_bytes() has no such limits.',
        ) from error


def _schema_of_array(cls: Any) -> Any:
    return None if getattr(cls.document_type, SCHEMALESS_MARK, False) else schema_of(cls.document_type)


def from_protobuf(cls: Any, message: Any, tensor_type: Any = None) -> Any:
    """Read a document or an array from a protobuf message.

    Args:
        cls: The class of the document or array.
        message: As ``to_protobuf`` returns it, in either style.
        tensor_type: For fields of a stacked array that take tensors of any framework: the class to read.

    Raises:
        ValidationError: The message does not fit the class.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from_protobuf(TextDoc, to_protobuf(TextDoc(text='a'))).text
        'a'
    """
    name = _open_name(message)
    if not name:
        from docarray.formats.protobuf.typed import from_typed

        return from_typed(cls, message, tensor_type)
    if hasattr(cls, ARRAY_MARK) or hasattr(cls, STACKED_MARK):
        return _array(cls, name, message, tensor_type)
    if name != 'DocProto':
        raise FormatError(where=cls.__name__, got=f'a {name}', wanted='a DocProto')
    return decode_documents([message.SerializeToString()], schema_of(cls))[0]


def _open_name(message: Any) -> str:
    """Return the name of a message of ours, '' for any other; other packages may have classes of theirs."""
    full_name = getattr(getattr(message, 'DESCRIPTOR', None), 'full_name', '')
    package, _, name = full_name.rpartition('.')
    return OLD_NAMES.get(name, name) if package == PACKAGE else ''


def _array(cls: Any, name: str, message: Any, tensor_type: Any) -> Any:
    schema = schema_of(cls.document_type)
    if name == 'DocVecProto':
        return array_of(cls, decode_columns(message.SerializeToString(), schema), tensor_type)
    if name != 'DocListProto':
        raise FormatError(where=cls.__name__, got=f'a {name}', wanted='a DocListProto or DocVecProto')
    documents = decode_rows(message.SerializeToString(), schema)
    return array_of(cls, RowBatch(schema, documents), tensor_type)


def proto_schema(cls: Any) -> str:
    """Return a document class as the text of a .proto file. See ``BaseDocument.proto_schema``."""
    from docarray.formats.protobuf.typed import proto_schema as typed_schema

    text: str = typed_schema(cls)
    return text
