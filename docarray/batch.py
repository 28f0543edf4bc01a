"""Batch: columns of one document class. What containers, formats, stores, indexes and datasets exchange."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from docarray._typed import carried
from docarray.cells import Numbers, Objects, Ragged, RaggedRule, Tensors
from docarray.composites import Docs, Nested, Variants
from docarray.errors import DocArrayError, KindError, StackError, show
from docarray.kinds import Codec, identity
from docarray.lowering import is_document
from docarray.masks import Index, mask_of
from docarray.schema import Field, Schema
from docarray.texts import Texts
from docarray.values import equal_values

#: Kinds whose columns hold the documents' own values; a format packs them with the codec.
OWN_VALUES = frozenset({'bytes', 'list', 'map', 'json'})


_UNCHECKED = 'What was not validated may be anything: the default of a field, or what construct() was given.'


class Batch:
    """Columns of one document class, all of one length.

    Attributes:
        schema: What the columns are.
        data: Column data by field name; nested documents are batches inside ``Nested``.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> batch = Batch.of(schema_of(TextDoc), [TextDoc(text='a'), TextDoc(text='b')])
        >>> len(batch), [row.text for row in batch.rows()]
        (2, ['a', 'b'])
    """

    __slots__ = ('__weakref__', 'data', 'length', 'schema')

    def __init__(self, schema: Schema, data: dict[str, Any], length: int) -> None:
        self.schema, self.data, self.length = schema, data, length

    @classmethod
    def of(
        cls,
        schema: Schema,
        documents: Sequence[Any],
        framework: str = '',
        ragged: RaggedRule = False,
        where: str = '',
    ) -> Batch:
        """Make columns of documents; the documents stay as they are.

        Args:
            schema: The schema of their class.
            documents: Documents of that class, or None for a row whose fields are all missing.
            framework: For tensor fields that take any framework: which one the columns are of;
                '' means that of the first value.
            ragged: Keep tensors of different shapes as a list instead of refusing them; 'exact' also keeps
                those of different dtypes or frameworks so, as they are.
            where: The path of these columns, for errors.

        Raises:
            StackError: Tensors of different shapes in one column, or documents of a subclass or with
                extra fields, for which there is no column.
            KindError: A value that its kind cannot hold, such as an int beyond 64 bits.
        """
        where = where or schema.document_type.__name__
        check_fields(schema, documents, where)
        options = {'framework': framework, 'ragged': ragged}
        missing: dict[str, Any] = {}
        rows = [missing if document is None else document.__dict__ for document in documents]
        data = {}
        with collector_paused():
            for name, field in schema.fields.items():
                values = [row.get(name) for row in rows]
                data[name] = pack_field(field, values, options, f'{where}.{name}')
        return cls(schema, data, len(rows))

    def __len__(self) -> int:
        return self.length

    def __reduce__(self) -> Any:
        return Batch, (self.schema, carried(self.schema.document_type, self.data), self.length)

    def take(self, index: Index) -> Batch:
        """Return some rows: a slice shares tensor memory, row numbers (int64, none negative) copy."""
        if isinstance(index, slice):
            chosen = range(self.length)[index]
            if chosen.step < 0:
                index = np.arange(self.length)[index]
            length = len(chosen)
        else:
            length = len(index)
        return Batch(self.schema, {name: column.take(index) for name, column in self.data.items()}, length)

    @classmethod
    def concat(cls, batches: Sequence[Batch]) -> Batch:
        """Return batches of one schema joined (at least one)."""
        first = batches[0]
        data = {}
        for name in first.data:
            try:
                data[name] = _concat_columns([batch.data[name] for batch in batches])
            except DocArrayError as error:
                raise error.at(f'{first.schema.document_type.__name__}.{name}') from error.__cause__
        return cls(first.schema, data, sum(map(len, batches)))

    def column(self, path: str) -> tuple[Field, Any]:
        """Return the field and the column data at a path through nested documents.

        Raises:
            PathError: The path names nothing, or passes an array of documents.
        """
        batch, field = self.owner(path)
        return field, batch.data[field.name]

    def owner(self, path: str) -> tuple[Batch, Field]:
        """Return the batch, this one or a nested one, that has the column at a path, and its field there.

        Raises:
            PathError: The path names nothing, or passes an array of documents.
        """
        batch, (*outer, last) = self, self.schema.resolve(path)
        for field in outer:
            if field.form != 'nested':
                raise self.schema.unknown(path)
            batch = batch.data[field.name].batch
        return batch, last

    def rows(self) -> list[Any]:
        """Return plain documents of the rows; their tensors are views of the columns."""
        document_type: Any = self.schema.document_type
        construct = document_type.__docarray_construct__
        names = list(self.schema.fields)
        with collector_paused():
            columns = [field_values(field, self.data[name]) for name, field in self.schema.fields.items()]
            if not columns:
                return [construct({}) for _ in range(self.length)]
            return [construct(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]

    def put(self, row: int, document: Any) -> None:
        """Write the fields of a document into a row; None makes all of them missing."""
        check_fields(self.schema, [document], self.schema.document_type.__name__)
        values = {} if document is None else document.__dict__
        for name in self.schema.fields:
            self.put_value(row, name, values.get(name))

    def put_value(self, row: int, name: str, value: Any) -> None:
        """Write one field of a row; the value is a valid one of the field, or None."""
        field, column = self.schema.fields[name], self.data[name]
        where = f'{self.schema.document_type.__name__}.{name}'
        if field.form == 'variant':
            column.put(row, value, [_maker(schema, {}, where) for schema in field.schemas])
        elif field.form == 'docs':
            put_documents(field, column, row, value, where)
        elif field.form == 'nested':
            column.put(row, value)
        else:
            try:
                column.put(row, value if value is None else _packer(field.codec)(value), where)
            except DocArrayError as error:
                raise error.at(where) from error.__cause__

    def equal(self, other: Batch) -> bool:
        """Whether the documents of two batches of one schema are equal, column by column, but for ids."""
        return len(self) == len(other) and all(
            _equal_columns(field, self.data[name], other.data[name])
            for name, field in self.schema.fields.items()
            if name != 'id'
        )

    def tensors(self) -> Iterator[tuple[str, Tensors | Ragged]]:
        """Yield (path, column) for all tensor columns, nested ones too."""
        for name, column in self.data.items():
            if isinstance(column, (Tensors, Ragged)):
                yield name, column
            for batch in _inner(column):
                yield from ((f'{name}.{path}', inner) for path, inner in batch.tensors())

    def map_tensors(self, function: Callable[[Any], Any]) -> Batch:
        """Return a batch with ``function`` applied to each native tensor; other columns are shared."""
        return Batch(
            self.schema, {name: _mapped(column, function) for name, column in self.data.items()}, self.length
        )


def check_fields(schema: Schema, documents: Sequence[Any], where: str) -> None:
    """Refuse documents with fields that have no column: they would get lost."""
    classes: set[Any] = set(map(type, documents)) - {type(None)}
    for cls in classes:
        if not is_document(cls):
            other = next(document for document in documents if type(document) is cls)
            raise KindError(
                where=where, got=show(other), wanted=f'a {schema.document_type.__name__}', hint=_UNCHECKED
            )
        more = (
            []
            if cls is schema.document_type
            else [name for name in cls.model_fields if name not in schema.fields]
        )
        if cls.model_config.get('extra') == 'allow':
            extras = [document.__pydantic_extra__ for document in documents if type(document) is cls]
            more += {name: None for extra in extras for name in extra or ()}
        if more:
            raise StackError(
                where=where,
                got=f'{cls.__name__} documents with more fields: {show(more)}',
                wanted=f'the fields of {schema.document_type.__name__} only',
                hint='Declare the fields, or the array with the class that has them.',
            )


def _packer(codec: Codec) -> Callable[[Any], Any]:
    return _same if codec.kind.name in OWN_VALUES else codec.pack


def _same(value: Any) -> Any:
    return value


def _maker(schema: Schema, options: dict[str, Any], where: str) -> tuple[type, Callable[[list[Any]], Batch]]:
    """A document class and how to make a batch of documents of it."""
    return schema.document_type, lambda documents: Batch.of(schema, documents, **options, where=where)


def put_documents(field: Field, column: Docs, row: int, value: Any, where: str = '') -> None:
    """Write the documents of a field's value into a row of its column of arrays."""
    documents = None if value is None else _spread(field, value, where)
    column.put(row, documents, _maker(field.schema, {}, where))


def _spread(field: Field, value: Any, where: str) -> list[Any]:
    documents = field.lowered.spread(value)
    if any(document is None for document in documents):
        wanted = f'{field.schema.document_type.__name__} documents'
        raise KindError(where=where or field.name, got='None among documents', wanted=wanted, hint=_UNCHECKED)
    return documents


def pack_field(field: Field, values: list[Any], options: dict[str, Any], where: str) -> Any:
    """Make the column of one field of its values (None where missing)."""
    if field.form == 'nested':
        valid = mask_of(values)
        return Nested(Batch.of(field.schema, values, **options, where=where), valid)
    if field.form == 'docs':
        lists = [() if value is None else _spread(field, value, where) for value in values]
        offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        flat = [document for documents in lists for document in documents]
        batch = Batch.of(field.schema, flat, **options, where=where) if flat else None
        return Docs(batch, offsets, mask_of(values))
    if field.form == 'variant':
        return Variants.pack(values, [_maker(schema, options, where) for schema in field.schemas], where)
    kind = field.codec.kind.name
    if kind in OWN_VALUES:
        return Objects(values)
    pack = field.codec.pack
    if pack is not identity:
        values = _codec_applied(pack, values, where)
    if kind == 'tensor':
        try:
            return Tensors.pack(
                values, field.codec.framework or options['framework'], where, options['ragged']
            )
        except DocArrayError as error:
            raise error.at(where) from error.__cause__
    return Texts.pack(values) if kind == 'str' else Numbers.pack(values, kind, where)


def _codec_applied(change: Callable[[Any], Any], values: list[Any], where: str) -> list[Any]:
    try:
        return [None if value is None else change(value) for value in values]
    except DocArrayError as error:
        raise error.at(where) from error.__cause__
    except Exception as error:  # whatever a codec trips over in a value that is not of its type
        wanted = 'values of the declared type'
        raise KindError(where=where, got=show(str(error)), wanted=wanted, hint=_UNCHECKED) from error


def field_values(field: Field, column: Any) -> list[Any]:
    """Return the documents' values of a column, None where missing."""
    rows = column.typed(field.codec.unpack) if isinstance(column, Tensors) else None
    if rows is not None:
        return list(rows)
    values: list[Any] = column.values()
    if field.form == 'docs':
        collect = field.lowered.collect
        return [None if documents is None else collect(documents) for documents in values]
    if field.form != 'cells' or field.codec.kind.name in OWN_VALUES or field.codec.plain:
        return values
    return _codec_applied(field.codec.unpack, values, field.name)


def _equal_columns(field: Field, a: Any, b: Any) -> bool:
    if not len(a):
        return True
    if not isinstance(a, (Numbers, Tensors, Nested)) or type(a) is not type(b):
        return equal_values(field_values(field, a), field_values(field, b))
    if not equal_values(a.valid, b.valid):
        return False
    if a.valid is not None:  # what stands in the place of missing values does not count
        there = np.flatnonzero(a.valid)
        a, b = a.take(there), b.take(there)
    if isinstance(a, Nested):
        return bool(a.batch.equal(b.batch))
    return not len(a) or equal_values(a.data, b.data)


def _concat_columns(columns: Sequence[Any]) -> Any:
    kinds = {type(column) for column in columns}
    return (Ragged if Ragged in kinds else type(columns[0])).concat(columns)


def _inner(column: Any) -> tuple[Batch, ...]:
    """The batches inside a column."""
    if isinstance(column, Nested):
        return (column.batch,)
    if isinstance(column, Docs):
        return column.batches()
    batches = column.batches if isinstance(column, Variants) else ()
    return tuple(batch for batch in batches if batch is not None)


def _mapped(column: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(column, (Tensors, Ragged)):
        return column.mapped(function)
    if isinstance(column, Nested):
        return Nested(column.batch.map_tensors(function), column.valid)
    if isinstance(column, Docs):
        whole = column.settled()
        batch = None if whole.batch is None else whole.batch.map_tensors(function)
        return Docs(batch, whole.offsets, whole.valid)
    if isinstance(column, Variants):
        inner = (None if batch is None else batch.map_tensors(function) for batch in column.batches)
        return Variants(column.tags, column.places, tuple(inner))
    return column


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector while many objects are made, then restore its state.

    Each collection walks all living objects, so that making n documents would cost n squared.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
