"""Batches to DocVecProto: tensor columns as they are in memory, everything else a node for each document."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from docarray.batch import OWN_VALUES, Batch, collector_paused
from docarray.cells import Numbers, Tensors
from docarray.composites import Docs, Nested
from docarray.errors import DocArrayError
from docarray.formats.protobuf.cellwriters import Heads, entry_head
from docarray.formats.protobuf.encode import SCHEMA, codec_writer, guarded, variant_writer, write_value
from docarray.formats.protobuf.leaves import BOOLEAN, FLOAT, TEXT, Out, encode_text, sized, text_type
from docarray.formats.protobuf.tensors import dense_header, payload, type_name
from docarray.formats.protobuf.wire import BYTES, field, tag
from docarray.frameworks import framework_of
from docarray.kinds import identity
from docarray.schema import Field
from docarray.texts import Texts

__all__ = ['encode_columns']

TENSORS, DOCUMENTS, ARRAYS, ANY = (tag(number, BYTES) for number in (1, 2, 3, 4))
_FIRST = tag(1, BYTES)
_NO_NODE = _FIRST + b'\0'
#: What stands for a column without a tensor.
_NO_TENSOR = field(1, field(2, b'\0') + field(3, b'None'))


def encode_columns(batch: Batch) -> list[Any]:
    """Return a batch as the pieces of a DocVecProto, large tensors among them not copied.

    Args:
        batch: Documents of one class.

    Returns:
        Buffers: ``b''.join(encode_columns(batch))`` is the message.

    Raises:
        KindError: A value that NodeProto cannot hold.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> batch = DocumentArray[TextDoc]([TextDoc(text='a')]).stack().batch
        >>> b'text' in b''.join(encode_columns(batch))
        True
    """
    out: Out = [field(SCHEMA, batch.schema.fingerprint.encode())]
    with collector_paused():
        guarded(batch, lambda: _write_batch(batch, out))
    return out


def _write_batch(batch: Batch, out: Out) -> int:
    """Write columns and return their size. At least one of them says how many rows there are."""
    total, counted = 0, not len(batch)
    for name, one in batch.schema.fields.items():
        column = batch.data[name]
        try:
            size, counts = _write_column(_key(name), one, column, out)
        except DocArrayError as error:
            raise error.at(f'{batch.schema.document_type.__name__}.{name}') from error.__cause__
        total, counted = total + size, counted or counts
    if not counted:
        total += _any_column(_key(''), [_NO_NODE * len(batch)], out)
    return total


@lru_cache
def _key(name: str) -> bytes:
    return field(1, encode_text(name)) + tag(2, BYTES)


def _entry(column: bytes, key: bytes, place: int, size: int, out: Out) -> int:
    """Put before a column that was written since ``place`` what makes it an entry of its map."""
    head = entry_head(key, size)
    out[place] = column + head[1:]  # an entry of field 1, but for the number
    return len(out[place]) + size


def _any_column(key: bytes, pieces: list[Any], out: Out) -> int:
    """Write a column of nodes, its items ready made."""
    place = len(out)
    out.append(b'')
    out += pieces
    return _entry(ANY, key, place, sum(map(len, pieces)), out)


def _write_column(key: bytes, one: Field, column: Any, out: Out) -> tuple[int, bool]:
    """Write a column; return its size and whether it says how many rows there are."""
    place = len(out)
    if isinstance(column, Tensors) and column.valid is None and column.data is not None:
        out.append(b'')
        size, filled = _write_tensor(one, column.data, out)
        return _entry(TENSORS, key, place, size, out), filled
    if isinstance(column, Tensors) and (column.data is None or not np.any(column.valid)):
        out += (b'', _NO_TENSOR)
        return _entry(TENSORS, key, place, len(_NO_TENSOR), out), False
    if isinstance(column, Nested) and (column.valid is None or not np.any(column.valid)):
        out.append(b'')
        size = _write_batch(column.batch, out) if column.valid is None else 0
        return _entry(DOCUMENTS, key, place, size, out), size > 0
    if isinstance(column, Docs) and column.valid is None:
        out.append(b'')
        return _entry(ARRAYS, key, place, _write_arrays(column, out), out), True
    return _any_column(key, _items(one, column), out), True


def _write_tensor(one: Field, data: Any, out: Out) -> tuple[int, bool]:
    """Write a tensor; return its size and whether it has values: no reader takes it at its word else."""
    adapter = framework_of(data)
    assert adapter is not None
    array = adapter.to_numpy(data)
    header, size = dense_header(array.dtype, array.shape)
    head = header
    if not one.codec.framework and adapter.name != 'numpy':  # which the field does not say
        parameter = field(1, field(1, b'type') + field(2, field(3, type_name(adapter.name, '').encode())))
        head = field(2, parameter) + header
    out += (head, payload(array))
    return len(head) - len(header) + size, array.size > 0


def _write_arrays(column: Docs, out: Out) -> int:
    """Write the arrays of documents of all rows, each a DocVecProto."""
    whole, total = column.settled(), 0
    batch: Any = whole.batch  # None only where no row has a document
    for start, stop in pairwise(whole.offsets.tolist()):
        place = len(out)
        out.append(b'')
        size = _write_batch(batch.take(slice(start, stop)), out) if start < stop else 0
        total += sized(place, _FIRST, size, out)
    return total


# -- nodes --------------------------------------------------------------------------------------------


def _items(one: Field, column: Any) -> list[Any]:
    """Return the items of a ListOfAnyProto, one for each row."""
    same_size = _same_size_items(one, column)
    if same_size is not None:
        return [same_size]
    if one.form == 'cells':
        own = one.codec.kind.name in OWN_VALUES
        write = codec_writer(one.codec if own else replace(one.codec, pack=identity))
    elif one.form == 'variant':
        write = variant_writer()
    else:
        write = _write_item
    out: Out = []
    for value in column.values() if one.form != 'docs' else _arrays(one, column):
        if value is None:
            out.append(_NO_NODE)
        else:
            write(value, out)
    return out


def _arrays(one: Field, column: Docs) -> list[Any]:
    collect = one.lowered.collect
    return [None if documents is None else collect(documents) for documents in column.values()]


def _write_item(value: Any, out: Out) -> int:
    place = len(out)
    out.append(b'')
    return sized(place, _FIRST, write_value(value, out, lenient=True), out)


def _same_size_items(one: Field, column: Any) -> Any:
    """Return all items in one piece, made by numpy, where all have one size: floats, bools, ids."""
    if isinstance(column, Numbers) and column.valid is None and column.data.dtype.kind in 'fb':
        head, dtype = (FLOAT, '<f8') if column.data.dtype.kind == 'f' else (BOOLEAN, '?')
        rows = np.ascontiguousarray(column.data, dtype).view(np.uint8)
        return _with_head(Heads(None, head, False), rows, len(column))
    if isinstance(column, Texts) and column.rows is None and column.valid is None and len(column):
        sizes = column.offsets[1:] - column.offsets[:-1]
        start, stop = column.offsets[[0, -1]].tolist()
        rows = np.frombuffer(column.buffer, np.uint8)[start:stop]
        if (sizes == sizes[0]).all() and (not len(rows) or rows.view(np.int8).min() >= 0):
            return _with_head(Heads(None, text_type(one.codec.unpack) + TEXT, True), rows, len(column))
    return None


def _with_head(heads: Heads, rows: Any, count: int) -> Any:
    size = len(rows) // count if count else 0
    if not size:
        return None
    head = heads[size]
    # Ids, of 32 bytes behind 8, go word by word, which takes half the time: numpy copies short rows slowly.
    unit = np.dtype(np.uint64) if len(head) % 8 == size % 8 == 0 and size <= 64 else np.dtype(np.uint8)
    values = rows.view(unit).reshape(count, -1)
    items = np.empty((count, (len(head) + size) // unit.itemsize), unit)
    front = items.shape[1] - values.shape[1]
    items[:, :front] = np.frombuffer(head, unit)
    if unit.itemsize == 1:
        items[:, front:] = values
    else:
        for place in range(values.shape[1]):
            items[:, front + place] = values[:, place]
    return items.reshape(-1).view(np.uint8).data
