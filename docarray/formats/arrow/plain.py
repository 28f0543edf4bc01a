"""Tables without extension types, for libraries that do not know them."""

from __future__ import annotations

from math import prod
from typing import Any

from docarray.formats.arrow.memory import bitmap, lists, valid_of
from docarray.formats.arrow.types import is_fixed, pa
from docarray.formats.arrow.write import to_arrow


def plain_table(array: Any) -> Any:
    """Return an array of documents, or a table, as a ``pyarrow.Table`` with tensors as lists in lists.

    The lists have fixed sizes, so that dtype and shape are kept, and the numbers' memory is shared.
    Hugging Face ``datasets`` is a library that knows no other tensors: ``Dataset(plain_table(array))``.

    Args:
        array: Either array of documents, or a ``pyarrow.Table``.

    Example:
        >>> from docarray import BaseDocument, DocumentArray
        >>> from docarray.typing import NdArray
        >>> class Point(BaseDocument):
        ...     at: NdArray[2, 'float32']
        >>> str(plain_table(DocumentArray[Point]([Point(at=[1, 2])])).schema.field('at').type)
        'fixed_size_list<item: float>[2]'
    """
    table = array if isinstance(array, pa.Table) else to_arrow(array)
    batches = [_plain_batch(batch) for batch in table.to_batches()]
    return pa.Table.from_batches(batches) if batches else table


def _plain_batch(batch: Any) -> Any:
    columns = list(map(_plain, batch.columns))
    pairs = zip(batch.schema, columns, strict=True)
    fields = [field.with_type(column.type) for field, column in pairs]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields, metadata=batch.schema.metadata))


def _plain(array: Any) -> Any:
    kind = array.type
    if is_fixed(kind):
        return _lists(array)
    if pa.types.is_struct(kind):
        parts = [_plain(array.field(place)) for place in range(kind.num_fields)]
        fields = [field.with_type(part.type) for field, part in zip(kind, parts, strict=True)]
        return pa.StructArray.from_arrays(parts, fields=fields, mask=array.is_null())
    if pa.types.is_large_list(kind):
        offsets, values = lists(array)
        made = _plain(values)
        buffers = [bitmap(valid_of(array)), pa.py_buffer(offsets)]
        return pa.Array.from_buffers(
            pa.large_list(kind.value_field.with_type(made.type)), len(array), buffers, children=[made]
        )
    return array


def _lists(array: Any) -> Any:
    """Return fixed-shape tensors as lists in lists; of tensors without axes, those of the one number."""
    shape, size = array.type.shape or [1], array.storage.type.list_size
    made = array.storage.values.slice(array.offset * size, len(array) * size)
    for level, axis in reversed(list(enumerate(shape))):
        count = len(array) * prod(shape[:level])
        valid = None if level else bitmap(valid_of(array))
        made = pa.Array.from_buffers(pa.list_(made.type, axis), count, [valid], children=[made])
    return made
