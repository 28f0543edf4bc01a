"""Reading: Arrow record batches as batches, sharing their memory where they are as docarray writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from docarray.batch import Batch, pack_field
from docarray.cells import Numbers, Objects, Ragged, Tensors
from docarray.composites import Docs, Nested, Variants
from docarray.errors import DocArrayError, FormatError, InvalidValueError, show
from docarray.formats.arrow import tensors
from docarray.formats.arrow.convert import checked_documents, load_documents
from docarray.formats.arrow.decode import values_of, with_gaps
from docarray.formats.arrow.faults import arrow_faults
from docarray.formats.arrow.memory import bits_of, is_ascii, lists, numbers_of, texts_of, valid_of
from docarray.formats.arrow.types import (
    FINGERPRINT,
    MAPPING,
    VALUES,
    VERSION,
    Node,
    Record,
    described,
    pa,
    record_fits,
    record_of,
)
from docarray.formats.building import array_of
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.frameworks import framework_of
from docarray.kinds import identity
from docarray.rowbatch import RowBatch
from docarray.schema import Schema, schema_of
from docarray.texts import Texts
from docarray.typing.types import TensorType


@dataclass(frozen=True)
class Reading:
    """How columns are read.

    Attributes:
        limits: How much there may be.
        blob: Gives what a blob is made of that is left where it is, for the address of its bytes and how many
            they are; None if the bytes of blobs are to be read.
    """

    limits: Limits
    blob: Callable[[int, int], Any] | None = None


class _UnfitError(Exception):
    """Values are not as the class wants them, though the table says so: they have to be validated."""


def from_arrow(cls: Any, table: Any, limits: Limits | None = None) -> Any:
    """Read an array of documents from a table of any library. See ``ArrayIO.from_arrow``.

    Example:
        >>> import pyarrow
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> from_arrow(DocumentArray[TextDoc], pyarrow.table({'text': ['a', 'b']})).text
        ['a', 'b']
    """
    where = cls.__name__
    schema, most = schema_of(cls.document_type), DEFAULT_LIMITS if limits is None else limits
    batches: list[Batch] = []
    with arrow_faults(where):
        done, reader = 0, None
        for part in record_batches(table, where):
            reader = reader or BatchReader(schema, part.schema, most)
            batches.append(reader.read(part, done))
            done += len(part)
            most.check('documents', done, where)
    return array_of(cls, joined(schema, batches))


def joined(schema: Schema, batches: list[Batch]) -> Batch:
    """Return batches in one: as columns, unless one of them is documents."""
    if not batches:
        return Batch.of(schema, [])
    if len(batches) == 1:
        return batches[0]
    if any(isinstance(batch, RowBatch) for batch in batches) or not _alike(batches):
        return RowBatch.concat(batches)
    return Batch.concat(batches)


def _alike(batches: list[Batch]) -> bool:
    """Whether the tensors of all batches go into the same columns."""
    return len({tuple(_tensor_types(batch)) for batch in batches}) == 1


def _tensor_types(batch: Batch) -> Iterator[Any]:
    for path, column in batch.tensors():
        if isinstance(column, Tensors) and column.data is not None:
            adapter: Any = framework_of(column.data)
            yield path, adapter.name, adapter.dtype(column.data), adapter.shape(column.data)[1:]


def record_batches(table: Any, where: str) -> Iterator[Any]:
    """Yield the record batches of whatever speaks Arrow.

    Raises:
        InvalidValueError: It does not.
    """
    if isinstance(table, pa.RecordBatch):
        yield table
    elif isinstance(table, pa.Table):
        yield from table.to_batches()
    elif hasattr(table, '__arrow_c_stream__'):
        yield from pa.RecordBatchReader.from_stream(table)
    elif hasattr(table, '__arrow_c_array__'):
        yield pa.record_batch(table)
    else:
        raise InvalidValueError(
            where=where,
            got=show(table),
            wanted='an Arrow table, or anything with __arrow_c_stream__',
            hint='Convert it with the methods of its library: to_arrow(), arrow() or the like.',
        )


class BatchReader:
    """Reads record batches of one Arrow schema as documents of one class.

    Args:
        schema: Of the document class.
        types: A ``pyarrow.Schema`` of any columns.
        limits: How much it may be.
        fill: Whether fields that may be None and have no default are None where there is no column.

    Raises:
        LimitError: There are too many columns, or types too deep in one another.
    """

    def __init__(self, schema: Schema, types: Any, limits: Limits, fill: bool = False) -> None:
        self.schema, self.limits, self.fill, self.reading = schema, limits, fill, Reading(limits)
        self.where = schema.document_type.__name__
        check_schema(types, limits, self.where)
        self.fields = list(types)
        self.record = record_of(schema)
        self.trusted = is_trusted(self.record, schema.fingerprint, types)

    def read(self, batch: Any, done: int = 0, names: Sequence[str] | None = None) -> Batch:
        """Return a record batch as a batch: as columns, or as documents where it was validated.

        Args:
            batch: A ``pyarrow.RecordBatch``.
            done: How many documents came before it, for errors.
            names: Read only these fields, in their order; only if the class is ``trusted``.

        Raises:
            ValidationError: A document was refused.
            FormatError: The memory of the record batch is not as Arrow has it.
            LimitError: There are too many documents, or they are too deep.
        """
        self.limits.check('documents', batch.num_rows, self.where)
        if names is None:
            batch.validate()
            arrays, nodes, fields = batch.columns, list(self.record.nodes), self.fields
        else:
            arrays = list(map(batch.column, names))
            nodes = [node for node in self.record.nodes if node.name in names]
            fields = [field for field in self.fields if field.name in names]
        validate(arrays)
        if self.trusted:
            try:
                return _batch(self.record.schema, nodes, arrays, fields, batch.num_rows, self.reading)
            except _UnfitError:
                pass
        return RowBatch(self.schema, checked_documents(self.record, batch, self.limits, done, self.fill))


def validate(arrays: Iterable[Any]) -> None:
    """Raise ArrowInvalid unless the memory of arrays is as Arrow has it: offsets, UTF-8, codes."""
    for array in arrays:
        # Ids and the like: looking at all bytes at once is several times as fast.
        if not (pa.types.is_large_string(array.type) and is_ascii(array)):
            array.validate(full=True)


def is_trusted(record: Record, fingerprint: str, schema: Any) -> bool:
    """Whether documents of the class with this fingerprint were written with this Arrow schema."""
    metadata = schema.metadata or {}
    same = metadata.get(FINGERPRINT) == fingerprint.encode()
    return same and metadata.get(VERSION) == MAPPING and record_fits(record, schema)


def check_schema(schema: Any, limits: Limits, where: str) -> None:
    """Raise LimitError if there are too many columns, or types too deep in one another."""
    count, level = 0, [field.type for field in schema if field.name is not None]
    for depth in range(limits.depth + 2):
        limits.check('depth', depth, where)
        count += len(level)
        limits.check('columns', count, where)
        level = [inner for kind in level for inner in _inner_types(kind)]
        if not level:
            return


def _inner_types(kind: Any) -> list[Any]:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    fields = [kind.field(place) for place in range(kind.num_fields)]
    return [field.type for field in fields if field.name is not None]  # a name may be no UTF-8: an error


def _batch(
    schema: Schema,
    nodes: Iterable[Node],
    arrays: Iterable[Any],
    fields: list[Any],
    length: int,
    given: Reading,
) -> Batch:
    data = {
        node.name: _READERS[node.form](node, array, field, given)
        for node, array, field in zip(nodes, arrays, fields, strict=False)
    }
    return Batch(schema, data, length)


def _struct(record: Record, array: Any, given: Reading) -> Batch:
    kind = array.type
    # What stands in a row that is missing is missing, too.
    parts = array.flatten() if array.null_count else [array.field(place) for place in range(kind.num_fields)]
    return _batch(record.schema, record.nodes, parts, list(kind), len(array), given)


# -- a column of each form ----------------------------------------------------------------------------


def _numbers(node: Node, array: Any, field: Any, given: Reading) -> Numbers:
    is_bool = pa.types.is_boolean(array.type)
    data = bits_of(array, 0, len(array)) if is_bool else numbers_of(array)
    column = Numbers(data, valid_of(array))
    if node.field.codec.unpack is not identity:
        _try(node, column.values())
    return column


def _texts(node: Node, array: Any, field: Any, given: Reading) -> Texts:
    column = texts_of(array)
    if not node.field.codec.total:
        _try(node, column.values())
    return column


def _try(node: Node, values: list[Any]) -> None:
    """Unpack each value once: an Enum, for one, may have changed since they were written."""
    _unpacked(node, list(set(values)))


def _unpacked(node: Node, values: list[Any]) -> list[Any]:
    unpack = node.field.codec.unpack
    if unpack is identity:
        return values
    try:
        return [None if value is None else unpack(value) for value in values]
    except DocArrayError as error:
        raise error.at(node.where) from error.__cause__
    except Exception as error:  # whatever a codec trips over in a value that is not of its type
        raise _UnfitError from error


def _objects(node: Node, array: Any, field: Any, given: Reading) -> Objects:
    codec = node.field.codec
    lazy = given.blob is not None and codec.kind.blob
    values = _blobs(array, given) if lazy else values_of(codec, array, node.where)
    return Objects(_unpacked(node, values))


def _blobs(array: Any, given: Reading) -> list[Any]:
    """Return what blobs are made of whose bytes are left where they are."""
    assert given.blob is not None
    offsets, memory = lists(array)[0].tolist(), array.buffers()[2]
    start = 0 if memory is None else memory.address
    found = [given.blob(start + first, last - first) for first, last in pairwise(offsets)]
    return with_gaps(found, array)


def _tensors(node: Node, array: Any, field: Any, given: Reading) -> Tensors | Ragged:
    codec = node.field.codec
    hint = described(field).get(VALUES, '')
    column = tensors.from_arrow(array, codec.framework, hint, node.where)
    declared = TensorType(shape=codec.kind.shape, dtype=codec.kind.dtype or '')
    rest = 1 if isinstance(column, Tensors) else 0
    for tensor in [column.data] if isinstance(column, Tensors) else column.values():
        if tensor is not None:
            adapter: Any = framework_of(tensor)
            shape = adapter.shape(tensor)[rest:]
            if not declared.fits(shape) or declared.dtype not in ('', adapter.dtype(tensor)):
                raise _UnfitError
    return column


def _nested(node: Node, array: Any, field: Any, given: Reading) -> Nested:
    return Nested(_struct(node.members[0], array, given), valid_of(array))


def _docs(node: Node, array: Any, field: Any, given: Reading) -> Docs:
    offsets, values = lists(array)
    first, last = offsets.item(0), offsets.item(-1)
    given.limits.check('documents', last - first, node.where)
    batch = _struct(node.members[0], values.slice(first, last - first), given) if last > first else None
    return Docs(batch, offsets - first if first else offsets, valid_of(array))


def _variant(node: Node, array: Any, field: Any, given: Reading) -> Variants:
    places = {member.schema.document_type.__name__: tag for tag, member in enumerate(node.members)}
    valid = valid_of(array)
    names = texts_of(array.field(0)).values()
    there = [True] * len(array) if valid is None else valid.tolist()
    found = [places.get(name) if here else -1 for name, here in zip(names, there, strict=True)]
    if None in found:
        row = found.index(None)
        wanted = f'one of {", ".join(places)}'
        raise FormatError(where=f'{node.where} (row {row})', got=f'type {show(names[row])}', wanted=wanted)
    tags = np.array(found, np.int8)
    numbers = np.zeros(len(tags), np.int64)
    batches: list[Batch | None] = []
    for tag, member in enumerate(node.members):
        rows = np.flatnonzero(tags == tag)
        numbers[rows] = np.arange(len(rows))
        part = array.field(tag + 1).take(pa.array(rows))
        if part.null_count:
            raise FormatError(where=node.where, got=f'no document of type {names[rows[0]]}', wanted='one')
        batches.append(_struct(member, part, given) if len(rows) else None)
    return Variants(tags, numbers, tuple(batches))


def _recursive(node: Node, array: Any, field: Any, given: Reading) -> Any:
    values = [load_documents(node, text, row) for row, text in enumerate(texts_of(array).values())]
    return pack_field(node.field, values, {'framework': '', 'ragged': 'exact'}, node.where)


_READERS: dict[str, Callable[[Node, Any, Any, Reading], Any]] = {
    'numbers': _numbers,
    'texts': _texts,
    'objects': _objects,
    'tensors': _tensors,
    'nested': _nested,
    'docs': _docs,
    'variant': _variant,
    'recursive': _recursive,
}
