"""Vectors for search: out of rows or columns of documents, and out of what a query may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from docarray.array import DocumentArray, DocumentArrayStacked
from docarray.batch import Batch
from docarray.cells import Ragged, Tensors
from docarray.document import AnyDocument
from docarray.errors import DocArrayError, PathError, QueryError, StackError, show
from docarray.frameworks import Framework, get_framework
from docarray.lowering import is_document
from docarray.schema import Field, Schema, schema_of
from docarray.search.query import split_path
from docarray.values import adapter_of

__all__ = ['Vectors', 'many_queries', 'one_query', 'vectors_of', 'vectors_path']

#: Which rows are there; None means all of them.
Mask = npt.NDArray[np.bool_] | None


@dataclass(frozen=True)
class Vectors:
    """Vectors of documents.

    Attributes:
        framework: The adapter of ``data``; None for a query of plain numbers, which is a numpy array
            that any framework may take over, and where there is no vector at all.
        data: A native tensor (m, d), or None.
        rows: Which documents the vectors are of, or None where every document has one.
    """

    framework: Framework | None
    data: Any
    rows: npt.NDArray[np.int64] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of ``data``."""
        return tuple(self.data.shape) if self.framework is None else self.framework.shape(self.data)


# -- the vectors of the index ---------------------------------------------------------------------


def vectors_path(index: Any, path: str) -> str:
    """Return the path of the vectors, found by the schema where none is given."""
    if not isinstance(index, (DocumentArray, DocumentArrayStacked)):
        raise QueryError(where='index', got=show(index), wanted='a DocumentArray or DocumentArrayStacked')
    if path:
        return path
    if index.document_type is AnyDocument:
        return 'embedding'
    schema = schema_of(index.document_type)
    if 'embedding' in schema.fields:
        return 'embedding'
    tensors = [column.path for column in schema.columns if column.codec.kind.name == 'tensor']
    if len(tensors) == 1:
        return tensors[0]
    raise QueryError(
        where=f'find in {schema.document_type.__name__}',
        got='no search_field',
        wanted=f'one of its tensor fields: {", ".join(tensors) or "it has none"}',
    )


def _fields(schema: Schema, path: str) -> tuple[Field, ...]:
    """Return the fields on a path to a tensor, through nested documents only."""
    fields = schema.resolve(path)
    where = f'{schema.document_type.__name__}.{path}'
    for field in fields[:-1]:
        if field.form != 'nested':
            raise PathError(
                where=where,
                got=f'a path through {field.name}, an array of documents',
                wanted='a path through nested documents, which has one vector for each document',
                hint='Search the inner documents themselves: traverse_flat() lists them.',
            )
    last = fields[-1]
    if last.form != 'cells' or last.codec.kind.name != 'tensor':
        kind = last.codec.kind.name if last.form == 'cells' else 'documents'
        raise QueryError(where=where, got=f'a field of {kind}', wanted='a tensor field to search in')
    return fields


def vectors_of(documents: Any, path: str) -> Vectors:
    """Return the vectors at a path of an array of documents, leaving out what is missing."""
    if isinstance(documents, DocumentArrayStacked):
        return _column_vectors(documents.batch, path)
    return _row_vectors(documents, path, documents.document_type)


def _column_vectors(batch: Batch, path: str) -> Vectors:
    schema, valid = batch.schema, None
    fields = _fields(schema, path)
    for field in fields[:-1]:
        nested = batch.data[field.name]
        valid, batch = _both(valid, nested.valid), nested.batch
    column = batch.data[fields[-1].name]
    if isinstance(column, Ragged):
        there = np.ones(len(column), np.bool_) if valid is None else valid
        values = [value if known else None for value, known in zip(column.rows, there, strict=True)]
        return _stacked(values, fields[-1].codec.framework, f'{schema.document_type.__name__}.{path}')
    assert isinstance(column, Tensors)
    valid = _both(valid, column.valid)
    if column.data is None:
        return Vectors(None, None)
    framework, data = adapter_of(column.data)
    assert framework is not None
    if valid is None or valid.all():
        return Vectors(framework, data)
    rows = np.flatnonzero(valid)
    return Vectors(framework, framework.take(data, rows), rows)


def _both(first: Mask, second: Mask) -> Mask:
    if first is None or second is None:
        return second if first is None else first
    return first & second


def _row_vectors(documents: Iterable[Any], path: str, document_type: Any) -> Vectors:
    values: list[Any] = list(documents)
    framework = ''
    if document_type is AnyDocument:
        for name in split_path(path):
            values = [None if value is None else getattr(value, name, None) for value in values]
    else:
        fields = _fields(schema_of(document_type), path)
        framework = fields[-1].codec.framework
        for field in fields:
            values = [None if value is None else getattr(value, field.name) for value in values]
    return _stacked(values, framework, f'{document_type.__name__}.{path}')


def _stacked(values: Sequence[Any], framework: str, where: str) -> Vectors:
    """Put vectors, some of them None, into one tensor."""
    present = [row for row, value in enumerate(values) if value is not None]
    if not present:
        return Vectors(None, None)
    natives = [adapter_of(values[row])[1] for row in present]
    try:
        column = Tensors.pack(natives, framework, where)
    except StackError as error:
        raise QueryError(where=where, got=error.got, wanted='vectors of one length and dtype') from error
    except DocArrayError as error:
        raise error.at(where) from error.__cause__
    assert isinstance(column, Tensors)
    rows = None if len(present) == len(values) else np.array(present, np.int64)
    return Vectors(adapter_of(column.data)[0], column.data, rows)


# -- queries --------------------------------------------------------------------------------------


def one_query(query: Any, path: str) -> Vectors:
    """Return a query for ``find`` as vectors (1, d)."""
    asked = _of_document(query, path) if is_document(type(query)) else _as_tensor(query)
    shape = asked.shape
    if len(shape) == 2 and shape[0] == 1:
        return asked
    if len(shape) != 1:
        raise QueryError(
            where='query',
            got=f'shape {shape}',
            wanted='one vector: (d,) or (1, d)',
            hint='For several at once, use find_batched.' if len(shape) == 2 else '',
        )
    return _as_rows(asked)


def many_queries(query: Any, path: str) -> Vectors:
    """Return queries for ``find_batched`` as vectors (n, d)."""
    if is_document(type(query)):
        return _of_document(query, path)
    if isinstance(query, (DocumentArray, DocumentArrayStacked)):
        asked = vectors_of(query, path)
        return _complete(asked, len(query))
    if isinstance(query, (list, tuple)) and query:
        if all(is_document(type(one)) for one in query):
            return _complete(_row_vectors(query, path, type(query[0])), len(query))
        if adapter_of(query[0])[0] is not None:
            return _complete(_stacked(query, '', 'query'), len(query))
    asked = _as_tensor(query)
    shape = asked.shape
    if len(shape) == 1 and shape[0]:
        return _as_rows(asked)
    if len(shape) == 1:
        return Vectors(None, np.zeros((0, 0), np.float32))
    if len(shape) != 2:
        raise QueryError(where='query', got=f'shape {shape}', wanted='vectors (n, d)')
    return asked


def _as_rows(vector: Vectors) -> Vectors:
    """Return one vector (d,) as (1, d)."""
    framework = vector.framework or get_framework('numpy')
    return Vectors(vector.framework, framework.reshape(vector.data, (1, *vector.shape)))


def _of_document(document: Any, path: str) -> Vectors:
    return _complete(_row_vectors([document], path, type(document)), 1)


def _complete(vectors: Vectors, count: int) -> Vectors:
    """Return the vectors of query documents, all of which must have one."""
    if count and (vectors.framework is None or vectors.rows is not None):
        present = set() if vectors.rows is None else set(vectors.rows.tolist())
        missing = next(row for row in range(count) if row not in present)
        where = f'query (row {missing})'
        raise QueryError(where=where, got='a document without the vector', wanted='one that has it')
    if not count:
        return Vectors(None, np.zeros((0, 0), np.float32))
    return vectors


def _as_tensor(query: Any) -> Vectors:
    framework, native = adapter_of(query)
    if framework is not None:
        return Vectors(framework, native)
    if isinstance(query, (list, tuple)):
        try:
            return Vectors(None, np.asarray(query, np.float64))
        except (TypeError, ValueError):
            pass  # said below, with what it is
    raise QueryError(where='query', got=show(query), wanted='a tensor, a list of numbers or a document')
