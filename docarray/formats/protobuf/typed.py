"""Documents as messages of their class's own .proto file, for programs in other languages.

``proto_schema(cls)`` is the file; ``docarray.formats.protobuf.typed_plan`` says how it comes about.
"""

from __future__ import annotations

from typing import Any

from docarray.batch import Batch, collector_paused
from docarray.errors import FormatError, KindError, LimitError, show
from docarray.formats.building import array_of, batch_of
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.formats.protobuf.typed_classes import classes_of
from docarray.formats.protobuf.typed_plan import Plan, plan_of
from docarray.formats.protobuf.typed_read import Reader, Spot
from docarray.formats.protobuf.typed_text import proto_schema
from docarray.formats.protobuf.typed_write import Writer
from docarray.lowering import ARRAY_MARK, DOCUMENT_MARK, STACKED_MARK
from docarray.rowbatch import RowBatch
from docarray.schema import schema_of

__all__ = ['from_typed', 'proto_schema', 'to_typed']


def to_typed(value: Any) -> Any:
    """Return a document or an array as a message of the .proto file of its class.

    Args:
        value: A document, or an array of documents: rows or columns.

    Returns:
        A message of the class, or of arrays of it.

    Raises:
        SchemaError: The class has no such file; see ``proto_schema``.
        KindError: A value that its field cannot hold, such as text that is no Unicode.
        StackError: A document with more fields than its class declares.
        MissingExtraError: protobuf is not installed.

    Example:
        >>> from docarray.documents import TextDoc
        >>> to_typed(TextDoc(text='a')).text
        'a'
    """
    try:
        return _document(value) if hasattr(type(value), DOCUMENT_MARK) else _array(value)
    except RecursionError as error:
        raise KindError(
            where=type(value).__name__,
            got='values inside one another, too deep or in a circle',
            wanted='a tree of at most some hundred levels',
        ) from error


def _document(document: Any) -> Any:
    schema = document.__docarray_place__[0].schema if document.is_view() else schema_of(type(document))
    plan = plan_of(schema.document_type)
    message = _message_class(plan, array=False)()
    with collector_paused():
        Writer(plan).write(Batch.of(schema, [document], ragged='exact'), [message])
    return message


def _array(array: Any) -> Any:
    plan, batch = plan_of(type(array).document_type), batch_of(array)
    message = _message_class(plan, array=True)()
    with collector_paused():
        Writer(plan).write(batch, [message.documents.add() for _ in range(len(batch))])
    return message


def _message_class(plan: Plan, array: bool) -> Any:
    return classes_of(plan)[plan.messages[int(array)].name]


def from_typed(cls: Any, message: Any, tensor_type: Any = None, limits: Limits | None = None) -> Any:
    """Return a message of the .proto file of a class as a document or an array.

    Args:
        cls: The class of the document or the array.
        message: What ``to_typed`` returned, or a message of a class that protoc made of this file or
            of an older or newer one. Fields that are not known here are ignored, unless their document's
            class forbids extra ones.
        tensor_type: For fields that take tensors of any framework: the class that they are to have.
        limits: How many documents it may have, and how deep.

    Raises:
        FormatError: It is another message, or a tensor in it is none; says where.
        ValidationError: It does not fit the class; in arrays, the paths of its faults start with the row.
        LimitError: It is larger or deeper than allowed.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from_typed(TextDoc, to_typed(TextDoc(text='a'))).text
        'a'
    """
    is_array = hasattr(cls, ARRAY_MARK) or hasattr(cls, STACKED_MARK)
    plan = plan_of(cls.document_type if is_array else cls)
    own = _own_message(message, plan, is_array, cls.__name__)
    framework = '' if tensor_type is None else tensor_type.tensor_type.framework
    reader, schema = Reader(plan, cls.__name__, limits or DEFAULT_LIMITS, framework), schema_of(plan.root)
    with collector_paused():
        try:
            if not is_array:
                return reader.document(own, schema, Spot())
            documents = reader.documents(own.documents, schema, Spot())
        except RecursionError as error:
            raise LimitError(
                where=cls.__name__, got='documents too deep', wanted='a flatter message'
            ) from error
    return array_of(cls, RowBatch(schema, documents), tensor_type)


def _own_message(message: Any, plan: Plan, array: bool, where: str) -> Any:
    """Return a message of a class that protoc made as one of ours."""
    cls, wanted = _message_class(plan, array), plan.full_name(array)
    if type(message) is cls:
        return message
    name = getattr(getattr(message, 'DESCRIPTOR', None), 'full_name', '')
    if name != wanted:
        raise FormatError(where=where, got=name or show(message), wanted=f'a message {wanted}')
    try:
        return cls.FromString(message.SerializeToString())
    except Exception as error:  # each version of protobuf has its own
        raise FormatError(
            where=where, got=f'a message that is damaged: {show(str(error))}', wanted=wanted
        ) from error
