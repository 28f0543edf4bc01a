"""Writing: a batch as an Arrow record batch, sharing its memory wherever Arrow has the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydantic_core

from docarray.array.rows import DocumentArray
from docarray.array.typed import typed
from docarray.batch import Batch
from docarray.cells import Numbers, Objects, Ragged, Tensors
from docarray.composites import Docs, Nested, Variants
from docarray.errors import DocArrayError, KindError, show
from docarray.formats.arrow import tensors
from docarray.formats.arrow.memory import bitmap, from_numbers, from_texts
from docarray.formats.arrow.types import (
    DTYPES,
    NOTHING,
    TAG,
    Node,
    Record,
    fixed_type,
    is_fixed,
    list_of,
    pa,
    record_of,
)
from docarray.formats.building import batch_of
from docarray.formats.json import dump_document, dump_rows
from docarray.frameworks import framework_of
from docarray.kinds import Kind, identity
from docarray.masks import Mask
from docarray.texts import Texts
from docarray.values import adapter_of

#: What pyarrow raises about values that do not fit a type; ArrowInvalid and its like are among them.
_REFUSED = (OverflowError, TypeError, UnicodeError, ValueError, pa.ArrowException)


@dataclass(frozen=True)
class Layout:
    """Which tensor columns are written as fixed-shape tensors; the others are structs.

    Attributes:
        by_values: Those whose tensors are of one shape and dtype, so that the type depends on the values.
            Otherwise those that are declared so, and any batch of a class has the same types.
        gaps: Also those with missing rows, or without values; Parquet cannot read such lists back.
        zeros: Also those of a shape with a 0 in it, which Parquet and Lance do not have.
    """

    by_values: bool = True
    gaps: bool = True
    zeros: bool = True


IPC, PARQUET = Layout(), Layout(gaps=False, zeros=False)
#: For files that are written batch by batch, of which the first must have the types of all.
IPC_STREAM, PARQUET_STREAM = Layout(by_values=False), Layout(by_values=False, gaps=False, zeros=False)
LANCE = Layout(by_values=False, zeros=False)


def to_arrow(array: Any) -> Any:
    """Return either array of documents as a ``pyarrow.Table``. See ``ArrayIO.to_arrow``.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> to_arrow(DocumentArray[TextDoc]([TextDoc(text='a')]))['text'].to_pylist()
        ['a']
    """
    return pa.Table.from_batches([record_batch(batch_of(array))])


def record_batch(batch: Batch, layout: Layout = IPC) -> Any:
    """Return a batch as a ``pyarrow.RecordBatch``.

    Raises:
        KindError: A value that Arrow cannot hold; names the column and the row.
    """
    record = record_of(batch.schema)
    arrays, fields = _columns(record, batch, layout, False)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata=record.metadata))


def _columns(record: Record, batch: Batch, layout: Layout, gaps: bool) -> tuple[list[Any], list[Any]]:
    """Return the arrays and fields of a batch; ``gaps`` says that rows around it are missing."""
    arrays, fields = [], []
    for node in record.nodes:
        column = batch.data[node.name]
        array = _WRITERS[node.form](node, column, layout, gaps)
        arrays.append(array)
        fields.append(node.arrow_field(array.type, _framework(node, column)))
    return (arrays, fields) if fields else ([pa.nulls(len(batch))], [NOTHING])


def _framework(node: Node, column: Any) -> str:
    """The framework of a column of fixed-shape tensors, where the class does not tell."""
    if not isinstance(column, Tensors) or column.data is None or node.field.codec.framework:
        return ''
    found = framework_of(column.data)
    return '' if found is None else found.name


def _struct(record: Record, batch: Batch, valid: Mask, layout: Layout, gaps: bool) -> Any:
    arrays, fields = _columns(record, batch, layout, gaps or valid is not None)
    missing = None if valid is None else pa.array(~valid)
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=missing)


def _empty(record: Record, layout: Layout) -> Any:
    return _struct(record, Batch.of(record.schema, []), None, layout, False)


# -- a column of each form ----------------------------------------------------------------------------


def _numbers(node: Node, column: Numbers, layout: Layout, gaps: bool) -> Any:
    return from_numbers(column.data, column.valid, node.type)


def _texts(node: Node, column: Texts, layout: Layout, gaps: bool) -> Any:
    if column.rows is not None:
        return _made(node, column.rows)
    try:
        _check_utf8(column.buffer)
    except UnicodeError:
        return _made(node, column.values())
    return from_texts(column)


def _check_utf8(buffer: bytes | memoryview) -> None:
    """Raise UnicodeError for lone surrogates, which Python takes for text and UTF-8 does not."""
    if not (isinstance(buffer, bytes) and buffer.isascii()):
        str(buffer, 'utf-8')


def _objects(node: Node, column: Objects, layout: Layout, gaps: bool) -> Any:
    pack, encode = node.field.codec.pack, encoder(node.field.codec.kind)
    if pack is identity and encode is identity:
        return _made(node, column.rows)
    row, values = 0, []
    try:
        for row, value in enumerate(column.rows):  # noqa: B007 - the row is for the error
            values.append(None if value is None else encode(pack(value)))
    except DocArrayError as error:
        raise error.at(f'{node.where} (row {row})') from error.__cause__
    except (*_REFUSED, AttributeError, pydantic_core.PydanticSerializationError) as error:
        raise _refused(node, row, column.rows[row], error) from error
    return _made(node, values)


def _made(node: Node, values: list[Any]) -> Any:
    """Make an array of Python values, or say which of them Arrow does not take."""
    try:
        return pa.array(values, node.type)
    except _REFUSED:
        for row, value in enumerate(values):
            try:
                pa.array([value], node.type)
            except _REFUSED as error:
                raise _refused(node, row, value, error) from error
        raise


def _refused(node: Node, row: int, value: Any, error: Exception) -> KindError:
    if isinstance(error, UnicodeEncodeError):
        hint = 'Half of a surrogate pair is no text in UTF-8; replace it, or declare the field as bytes.'
    else:
        hint = str(error)[:200]
    wanted = f'a value for Arrow as {node.type}'
    return KindError(where=f'{node.where} (row {row})', got=show(value), wanted=wanted, hint=hint)


def encoder(kind: Kind) -> Callable[[Any], Any]:
    """Return the function from a packed value of a kind to the Python value that pyarrow takes for it."""
    if kind.name == 'json':
        return dump_json
    if kind.name == 'tensor':
        return lambda tensor: tensors.to_values(adapter_of(tensor)[1])
    if kind.item is None:
        return identity
    item = encoder(kind.item.kind)
    if kind.name == 'map':
        return lambda values: [(name, item(value)) for name, value in values.items()]
    return identity if item is identity else lambda values: [item(value) for value in values]


def dump_json(value: Any) -> str:
    """Return JSON text. NaN and infinities are as Python's own json writes them."""
    return json.dumps(value, ensure_ascii=False, separators=(',', ':'))


def _tensors(node: Node, column: Tensors | Ragged, layout: Layout, gaps: bool) -> Any:
    held = _fixed_type(node, column, layout, gaps)
    wanted = held if layout.by_values else _declared_type(node, layout)
    if wanted is None:
        try:
            return tensors.to_structs(column.values())
        except DocArrayError as error:
            raise error.at(node.where) from error.__cause__
    if held is None or held != wanted:
        raise KindError(
            where=node.where,
            got='tensors that are not as declared, or None',
            wanted=f'tensors for Arrow as {wanted}',
            hint='Write the array as one message, or as an Arrow stream.',
        )
    assert isinstance(column, Tensors)
    if column.data is None:
        return pa.nulls(len(column), wanted)
    return tensors.to_fixed(column.data, column.valid)


def _fixed_type(node: Node, column: Tensors | Ragged, layout: Layout, gaps: bool) -> Any:
    """Return the type as which a column can be written as fixed-shape tensors, or None."""
    if not isinstance(column, Tensors):
        return None
    has_gaps = len(column) and (gaps or column.valid is not None)
    if column.data is None:
        found = node.type if is_fixed(node.type) else None
    else:
        adapter: Any = framework_of(column.data)
        shape, dtype = adapter.shape(column.data)[1:], adapter.dtype(column.data)
        found = fixed_type(shape, dtype) if dtype in DTYPES else None
    if found is None or (has_gaps and not layout.gaps):
        return None
    return found if layout.zeros or 0 not in found.shape else None


def _declared_type(node: Node, layout: Layout) -> Any:
    """Return the type of fixed-shape tensors that a field has in all batches of a class, or None."""
    if not is_fixed(node.type):
        return None
    if not layout.zeros and 0 in node.type.shape:
        return None
    return node.type if layout.gaps or not node.optional else None


def _nested(node: Node, column: Nested, layout: Layout, gaps: bool) -> Any:
    return _struct(node.members[0], column.batch, column.valid, layout, gaps)


def _docs(node: Node, column: Docs, layout: Layout, gaps: bool) -> Any:
    whole = column.settled()
    member = node.members[0]
    values = (
        _empty(member, layout) if whole.batch is None else _struct(member, whole.batch, None, layout, False)
    )
    offsets = np.ascontiguousarray(whole.offsets, np.int64)
    buffers = [bitmap(whole.valid), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(list_of(values.type), len(whole), buffers, children=[values])


def _variant(node: Node, column: Variants, layout: Layout, gaps: bool) -> Any:
    names = np.array([member.schema.document_type.__name__ for member in node.members], object)
    valid = column.tags >= 0
    arrays = [pa.array(names[column.tags], pa.string(), mask=~valid)]
    for tag, (member, batch) in enumerate(zip(node.members, column.batches, strict=True)):
        # Rows of other classes are missing ones.
        made = _empty(member, layout) if batch is None else _struct(member, batch, None, layout, True)
        arrays.append(made.take(pa.array(column.places, mask=column.tags != tag)))
    fields = [pa.field(TAG, pa.string()), *node.tagged([array.type for array in arrays[1:]])]
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=pa.array(~valid))


def _recursive(node: Node, column: Docs | Nested | Variants, layout: Layout, gaps: bool) -> Any:
    write = _tagged_json if node.field.form == 'variant' else _documents_json(node)
    return _made(node, [None if value is None else write(value) for value in column.values()])


def _documents_json(node: Node) -> Callable[[Any], str]:
    array = typed(DocumentArray, node.field.lowered.documents[0])
    one = node.field.form == 'nested'
    return lambda value: dump_rows(array.construct([value] if one else value), 'base64')


def _tagged_json(document: Any) -> str:
    return f'{{{json.dumps(type(document).__name__)}:{dump_document(document, "base64")}}}'


_WRITERS: dict[str, Callable[[Node, Any, Layout, bool], Any]] = {
    'numbers': _numbers,
    'texts': _texts,
    'objects': _objects,
    'tensors': _tensors,
    'nested': _nested,
    'docs': _docs,
    'variant': _variant,
    'recursive': _recursive,
}
