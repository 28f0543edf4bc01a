"""DocVecProto to batches: tensor columns are views of the message's own bytes.

The message is taken apart here, one level at a time, since protobuf would copy every tensor. Where it says
that it was written from this very class, its columns become the columns of the batch; any other message is
read as documents, which are validated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pydantic

from docarray.batch import Batch, collector_paused, pack_field
from docarray.cells import Numbers, Tensors
from docarray.composites import Docs, Nested
from docarray.document import AnyDocument
from docarray.errors import DocArrayError, FormatError, LimitError, ValidationError
from docarray.formats.building import validator_of
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.formats.protobuf.columnmessage import ColumnMessage, Items, TensorColumn
from docarray.formats.protobuf.documents import reader_of
from docarray.formats.protobuf.fields import CellReader, Reader, RefusedError, TensorReader, UnfitError
from docarray.formats.protobuf.natural import Reading, natural
from docarray.masks import Mask
from docarray.rowbatch import RowBatch
from docarray.schema import Field, Schema, schema_of
from docarray.texts import Texts

__all__ = ['decode_columns']

Buffer = bytes | bytearray | memoryview

#: How many more documents than bytes messages may have, for the fields of documents may all be missing.
_FEW = 1 << 16
_EXACT = {'framework': '', 'ragged': 'exact'}


def decode_columns(buffer: Buffer, schema: Schema, limits: Limits | None = None, where: str = '') -> Batch:
    """Return the batch of a DocVecProto.

    Args:
        buffer: The message. Tensor columns of numpy are views of it, which cannot be written to.
        schema: The schema of the class that the documents are to be of.
        limits: For what is read.
        where: What is read, for errors; else the class.

    Raises:
        TruncatedError: It ends too early.
        FormatError: It is damaged.
        ValidationError: A document does not fit the class; the path of its faults starts with the row.
        LimitError: There is more than the limits allow.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.protobuf.columns import encode_columns
        >>> batch = DocumentArray[TextDoc]([TextDoc(text='a')]).stack().batch
        >>> decode_columns(b''.join(encode_columns(batch)), batch.schema).rows()[0].text
        'a'
    """
    limits = limits or DEFAULT_LIMITS
    where = where or schema.document_type.__name__
    limits.check('size', len(buffer), where)
    view = memoryview(buffer).toreadonly().cast('B')
    try:
        with collector_paused():
            message = ColumnMessage(view, Reading(limits, where, old=False))  # its own is another message
            _check_numbers(message)
            if message.schema == schema.fingerprint:
                try:
                    return _batch(message, schema, None)
                except UnfitError:
                    pass
            return RowBatch(schema, _documents(message, schema))
    except RecursionError as error:
        raise LimitError(where=where, got='columns inside one another', wanted='fewer levels') from error


def _check_numbers(message: ColumnMessage) -> None:
    """Check how many documents a message says to have, those in arrays inside it counted apart."""
    where, limits = message.reading.where, message.reading.limits
    own, inside, surplus = max(message.lengths, default=0), 0, 0
    waiting: list[tuple[ColumnMessage, int | None]] = [(message, own)]
    while waiting:
        one, known = waiting.pop()  # None for those in arrays
        length = max(one.lengths, default=known or 0)
        inside += length if known is None else 0
        surplus += max(0, length - len(one.raw))
        waiting += [(nested, length) for nested in one.documents.values() if nested.raw]
        waiting += [(part, None) for parts in one.arrays.values() for part in parts]
    limits.check('documents', max(own, inside), where)
    if surplus > _FEW:
        raise FormatError(
            where=where,
            got=f'{own} documents in {len(message.raw)} bytes, and {inside} inside them',
            wanted='as many as there are bytes for',
        )


def _length(message: ColumnMessage, known: int | None) -> int:
    """Return how many documents a message has, by all columns that say so."""
    found = message.lengths | (set() if known is None else {known})
    if len(found) > 1:
        got = f'columns of {" and ".join(map(str, sorted(found)))} documents'
        raise FormatError(where=message.reading.where, got=got, wanted='columns of one length')
    return found.pop() if found else 0


# -- as columns ---------------------------------------------------------------------------------------


def _batch(message: ColumnMessage, schema: Schema, known: int | None) -> Batch:
    """Return a message as a batch of just these columns.

    Raises:
        UnfitError: It is not as this class would have written it.
    """
    length = _length(message, known)
    data, readers = {}, reader_of(schema).readers
    for name, one in schema.fields.items():
        try:
            data[name] = _column(message, name, one, readers[name], length)
        except LimitError:
            raise
        except DocArrayError as error:
            raise UnfitError from error
    return Batch(schema, data, length)


def _column(message: ColumnMessage, name: str, one: Field, reader: Reader, length: int) -> Any:
    if name in message.tensors and isinstance(reader, TensorReader):
        return _tensors(message.tensors[name], one, reader, length)
    if name in message.documents and one.form == 'nested':
        return _nested(message.documents[name], one, length)
    if name in message.arrays and one.form == 'docs':
        return _arrays(message.arrays[name], one)
    if name not in message.items:
        raise UnfitError
    return _items(message.items[name], one, reader, message.reading)


def _tensors(column: TensorColumn, one: Field, reader: Reader, length: int) -> Tensors:
    array = column.array()
    if array is not None and isinstance(reader, TensorReader):
        return Tensors(reader.column(array, column.type))
    if length and (array is not None or not one.lowered.nullable):
        raise UnfitError
    return Tensors(None, _nothing(length), length)


def _nothing(length: int) -> Mask:
    return np.zeros(length, np.bool_) if length else None


def _nested(message: ColumnMessage, one: Field, length: int) -> Nested:
    if message.raw:
        return Nested(_batch(message, one.schema, length))
    if length and not one.lowered.nullable:
        raise UnfitError
    return Nested(Batch.of(one.schema, [None] * length, ragged='exact'), _nothing(length))


def _arrays(messages: list[ColumnMessage], one: Field) -> Docs:
    batches = [_batch(message, one.schema, None) if message.raw else () for message in messages]
    offsets = np.cumsum([0, *map(len, batches)], dtype=np.int64)
    filled = [batch for batch in batches if isinstance(batch, Batch) and len(batch)]
    return Docs(Batch.concat(filled) if filled else None, offsets)


def _items(items: Items, one: Field, reader: Reader, reading: Reading) -> Any:
    kind = one.codec.kind.name if one.form == 'cells' else ''
    made = items.same_size_values(kind)
    if made is not None:
        _try(one, made)
        return made
    if kind not in ('str', 'int', 'float', 'bool') or not isinstance(reader, CellReader):
        return pack_field(one, reader.values(items.nodes, reading), _EXACT, reading.where)
    packed = reader.packed(items.nodes, reading)
    if None in packed and not one.lowered.nullable:
        raise UnfitError
    column = Texts.pack(packed) if kind == 'str' else Numbers.pack(packed, kind, reading.where)
    _try(one, column)
    return column


def _try(one: Field, column: Any) -> None:
    """Unpack each value once: an Enum, for one, may have changed since they were written."""
    if one.codec.total:
        return
    try:
        for value in set(column.values()) - {None}:
            one.codec.unpack(value)
    except Exception as error:  # whatever a codec trips over
        raise UnfitError from error


# -- as documents -------------------------------------------------------------------------------------


def _documents(message: ColumnMessage, schema: Schema) -> list[Any]:
    """Return the documents of a message, validated."""
    validate, found = validator_of(schema), []
    try:
        rows = _given(message, schema, None)
    except RefusedError as error:
        raise error.located(schema) from error.fault.__cause__
    for row, values in enumerate(rows):
        try:
            found.append(validate(values))
        except pydantic.ValidationError as error:
            raise ValidationError.of(error, inside=(row,)) from error.__cause__
    return found


def _given(message: ColumnMessage, schema: Schema, known: int | None) -> list[dict[str, Any]]:
    """Return for each document of a message what pydantic makes one of: its fields, those that are there."""
    length, reader = _length(message, known), reader_of(schema)
    rows: list[dict[str, Any]] = [{} for _ in range(length)]
    for name in message.names():
        one = schema.fields.get(name)
        if one is None and reader.extra == 'ignore':
            continue
        try:
            values = _field_values(message, name, one, reader.readers.get(name), length)
        except DocArrayError as error:
            raise error.at(f'{schema.document_type.__name__}.{name}') from error.__cause__
        except RefusedError as error:
            raise error.inside(error.row, name) from None
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return rows if reader.rename is None else list(map(reader.rename, rows))


def _field_values(
    message: ColumnMessage, name: str, one: Field | None, reader: Reader | None, length: int
) -> list[Any]:
    reading = message.reading
    if name in message.tensors:
        array = message.tensors[name].array()
        if array is None:
            return [None] * length
        own = array.copy()  # documents may be written to
        native = reader.native(own, message.tensors[name].type) if isinstance(reader, TensorReader) else own
        return Tensors(native).values()
    if name in message.documents:
        if not message.documents[name].raw:
            return [None] * length
        return _given(message.documents[name], _schema_inside(one, 'nested'), length)
    if name in message.arrays:
        inside = _schema_inside(one, 'docs')
        return [_array_given(part, inside, row) for row, part in enumerate(message.arrays[name])]
    nodes = message.items[name].nodes
    return [natural(node, reading) for node in nodes] if reader is None else reader.given(nodes, reading)


def _array_given(message: ColumnMessage, schema: Schema, row: int) -> list[dict[str, Any]]:
    try:
        return _given(message, schema, None)
    except RefusedError as error:
        raise error.inside(row, error.row) from None


def _schema_inside(one: Field | None, form: str) -> Schema:
    return schema_of(AnyDocument) if one is None or one.form != form else one.schema
