"""Exact vector search over rows or columns of documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from typing_extensions import NamedTuple

from docarray.array import DocumentArray, DocumentArrayStacked
from docarray.batch import Batch
from docarray.cells import Mask, Ragged, Tensors
from docarray.document import AnyDocument, BaseDocumentWithoutId
from docarray.errors import DocArrayError, PathError, QueryError, StackError, show
from docarray.frameworks import Framework, get_framework
from docarray.lowering import is_document
from docarray.schema import Field, Schema, schema_of
from docarray.search.metrics import Ranking, nearest, ranking
from docarray.search.query import split_path
from docarray.values import adapter_of

__all__ = ['FindResult', 'FindResultBatched', 'find', 'find_batched']

T = TypeVar('T', bound=BaseDocumentWithoutId)


class FindResult(NamedTuple, Generic[T]):
    """What ``find`` returns: the documents found, best first, and their scores, a tensor (k,)."""

    documents: DocumentArray[T]
    scores: Any


class FindResultBatched(NamedTuple, Generic[T]):
    """What ``find_batched`` returns: an array of documents for each query, and scores, a tensor (n, k)."""

    documents: list[DocumentArray[T]]
    scores: Any


def find(
    index: DocumentArray[T] | DocumentArrayStacked[T],
    query: Any,
    search_field: str = '',
    metric: str = 'cosine_sim',
    limit: int = 10,
    device: str | None = None,
    descending: bool | None = None,
    *,
    embedding_field: str = '',
) -> FindResult[T]:
    """Find the documents whose vectors are nearest to one vector, by looking at all of them.

    Documents without the vector are skipped (None, or inside a missing document), and so are vectors
    with NaN or infinite values. Of equal scores, the document that stands first comes first.

    Args:
        index: The documents. Columns are searched as they are, without a copy; vectors of rows are
            put together first, so stack once to search often.
        query: A tensor (d,) or (1, d) of any framework, a list of d numbers, or a document, whose own
            ``search_field`` is taken.
        search_field: The path to the vectors, through nested documents (``a.b`` or ``a__b``); '' means
            the field ``embedding``, or else the only tensor field that there is.
        metric: 'cosine_sim', 'euclidean_dist' or 'sqeuclidean_dist'.
        limit: How many documents at most.
        device: Where to compute; by default where the index's vectors are.
        descending: Whether large scores are the best; by default they are if the metric ends in '_sim'.
        embedding_field: The name that the earliest versions had for ``search_field``.

    Returns:
        The documents (the index's own; of columns, live rows) and their scores (k,), a tensor of the
        framework of the vectors, or of numpy where the query is of another one.

    Raises:
        QueryError: No such metric, or a query that does not fit the vectors.
        PathError: The path names nothing, or passes an array of documents.

    Example:
        >>> import numpy as np
        >>> from docarray.documents import TextDoc
        >>> pages = [TextDoc(text=str(n), embedding=np.eye(4)[n]) for n in range(4)]
        >>> found = find(DocumentArray[TextDoc](pages), query=[0.0, 0.9, 0.1, 0.0], limit=2)
        >>> found.documents.text
        ['1', '2']
    """
    wanted = ranking(metric, limit, descending)
    path = _search_field(index, search_field or embedding_field)
    asked = _one_query(query, path)
    scores, rows = _search(index, asked, path, wanted, device)
    return FindResult(_documents(index, rows[0].tolist()), scores[0])


def find_batched(
    index: DocumentArray[T] | DocumentArrayStacked[T],
    query: Any,
    search_field: str = '',
    metric: str = 'cosine_sim',
    limit: int = 10,
    device: str | None = None,
    descending: bool | None = None,
    *,
    embedding_field: str = '',
) -> FindResultBatched[T]:
    """Find the nearest documents for each of several vectors. See ``find``.

    Args:
        index: The documents, rows or columns.
        query: A tensor (n, d), a list of n tensors, of n lists of numbers or of n documents, or an
            array of documents, whose own ``search_field`` is taken.
        search_field: The path to the vectors.
        metric: 'cosine_sim', 'euclidean_dist' or 'sqeuclidean_dist'.
        limit: How many documents at most for each query.
        device: Where to compute; by default where the index's vectors are.
        descending: Whether large scores are the best; by default they are if the metric ends in '_sim'.
        embedding_field: The name that the earliest versions had for ``search_field``.

    Returns:
        n arrays of documents and their scores (n, k).

    Raises:
        QueryError: No such metric, or queries that do not fit the vectors.
        PathError: The path names nothing, or passes an array of documents.

    Example:
        >>> import numpy as np
        >>> from docarray.documents import TextDoc
        >>> pages = [TextDoc(text=str(n), embedding=np.eye(4)[n]) for n in range(4)]
        >>> found = find_batched(DocumentArray[TextDoc](pages), query=np.eye(4)[2:], limit=1)
        >>> [documents.text for documents in found.documents], found.scores.shape
        ([['2'], ['3']], (2, 1))
    """
    wanted = ranking(metric, limit, descending)
    path = _search_field(index, search_field or embedding_field)
    asked = _many_queries(query, path)
    scores, rows = _search(index, asked, path, wanted, device)
    return FindResultBatched([_documents(index, hits) for hits in rows.tolist()], scores)


@dataclass(frozen=True)
class _Vectors:
    """Vectors of documents: a native tensor (m, d), and the documents' rows where some have none.

    Without a framework there is no vector (or, for a query of plain numbers, none to keep to).
    """

    framework: Framework | None
    data: Any
    rows: npt.NDArray[np.int64] | None = None


def _search(
    index: Any, query: _Vectors, path: str, wanted: Ranking, device: str | None
) -> tuple[Any, npt.NDArray[np.int64]]:
    """Return the scores (n, k) as the user gets them, and the index's row numbers (n, k)."""
    vectors = _vectors_of(index, path)
    framework = vectors.framework
    if framework is None:
        return _nothing(query, wanted)
    where = f'{index.document_type.__name__}.{path}'
    data = vectors.data if device is None else framework.to_device(vectors.data, device)
    queries = _fitted(query, framework, data, where)
    scores, places = nearest(framework, queries, data, wanted)
    rows = vectors.rows
    if not np.isfinite(framework.to_numpy(scores)).all():
        finite = _finite_rows(framework, data)
        scores, places = nearest(framework, queries, framework.take(data, finite), wanted)
        rows = finite if rows is None else rows[finite]
    found = np.asarray(framework.to_numpy(places))
    if query.framework not in (None, framework):
        scores = framework.to_numpy(scores)
    return scores, found if rows is None else rows[found]


def _finite_rows(framework: Framework, data: Any) -> npt.NDArray[np.int64]:
    values = framework.to_numpy(data)
    if not framework.is_floating(data):
        return np.arange(len(values))
    return np.flatnonzero(np.isfinite(values).all(axis=1))


def _nothing(query: _Vectors, wanted: Ranking) -> tuple[Any, npt.NDArray[np.int64]]:
    framework = query.framework or get_framework('numpy')
    count = framework.shape(query.data)[0] if query.framework else len(query.data)
    return framework.empty((count, 0), 'float32'), np.zeros((count, 0), np.int64)


def _fitted(query: _Vectors, framework: Framework, data: Any, where: str) -> Any:
    """Return the queries (n, d) as tensors that go with the vectors: framework, dtype, device, width."""
    native = query.data
    shape, wanted = np.shape(native), framework.shape(data)
    if len(wanted) != 2:
        raise QueryError(where=where, got=f'tensors of shape {wanted[1:]}', wanted='vectors (d,) to search in')
    if shape[1] != wanted[1]:
        raise QueryError(where=where, got=f'a query of {shape[1]} values', wanted=f'{wanted[1]}, as the vectors')
    if query.framework is not framework:
        values = native if query.framework is None else query.framework.to_numpy(native)
        native = framework.from_numpy(np.ascontiguousarray(values))
    dtype = framework.dtype(data)
    # Scores of narrow floats are given in float32 anyway; a wider query would widen every vector.
    native = framework.cast(native, 'float64' if dtype == 'float64' or dtype.endswith('64') else 'float32')
    if not np.isfinite(framework.to_numpy(native)).all():
        raise QueryError(where=where, got='a query with NaN or infinite values', wanted='finite numbers')
    place = framework.device(data)
    return native if framework.device(native) == place else framework.to_device(native, place)


def _documents(index: Any, rows: list[int]) -> DocumentArray[Any]:
    found: DocumentArray[Any]
    if isinstance(index, DocumentArrayStacked):
        found = DocumentArray[index.document_type].construct([index[row] for row in rows])  # type: ignore[name-defined]  # a class made here
    else:
        found = type(index).construct([list.__getitem__(index, row) for row in rows])
    return found


# -- the vectors of the index ---------------------------------------------------------------------


def _search_field(index: Any, path: str) -> str:
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
        wanted=f'one of its tensor fields: {", ".join(tensors)}' if tensors else 'a class with a tensor field',
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


def _vectors_of(documents: Any, path: str) -> _Vectors:
    """Return the vectors at a path of an array of documents, leaving out what is missing."""
    if isinstance(documents, DocumentArrayStacked):
        return _column_vectors(documents.batch, path)
    return _row_vectors(documents, path, documents.document_type)


def _column_vectors(batch: Batch, path: str) -> _Vectors:
    schema, valid = batch.schema, None
    fields = _fields(schema, path)
    for field in fields[:-1]:
        nested = batch.data[field.name]
        valid, batch = _both(valid, nested.valid), nested.batch
    column = batch.data[fields[-1].name]
    if isinstance(column, Ragged):
        values = [value if there else None for value, there in zip(column.rows, _all(valid, column), strict=True)]
        return _stacked(values, fields[-1].codec.framework, f'{schema.document_type.__name__}.{path}')
    assert isinstance(column, Tensors)
    valid = _both(valid, column.valid)
    if column.data is None:
        return _Vectors(None, None)
    framework, data = adapter_of(column.data)
    assert framework is not None
    if valid is None or valid.all():
        return _Vectors(framework, data)
    rows = np.flatnonzero(valid)
    return _Vectors(framework, framework.take(data, rows), rows)


def _both(first: Mask, second: Mask) -> Mask:
    if first is None or second is None:
        return second if first is None else first
    return first & second


def _all(valid: Mask, column: Ragged) -> npt.NDArray[np.bool_]:
    return np.ones(len(column), np.bool_) if valid is None else valid


def _row_vectors(documents: Iterable[Any], path: str, document_type: Any) -> _Vectors:
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


def _stacked(values: Sequence[Any], framework: str, where: str) -> _Vectors:
    """Put vectors, some of them None, into one tensor."""
    present = [row for row, value in enumerate(values) if value is not None]
    if not present:
        return _Vectors(None, None)
    natives = [adapter_of(values[row])[1] for row in present]
    try:
        column = Tensors.pack(natives, framework, where)
    except StackError as error:
        raise QueryError(where=where, got=error.got, wanted='vectors of one length and dtype') from error
    except DocArrayError as error:
        raise error.at(where) from error.__cause__
    assert isinstance(column, Tensors)
    rows = None if len(present) == len(values) else np.array(present, np.int64)
    return _Vectors(adapter_of(column.data)[0], column.data, rows)


# -- queries --------------------------------------------------------------------------------------


def _one_query(query: Any, path: str) -> _Vectors:
    """Return a query for ``find`` as vectors (1, d)."""
    asked = _queries_of_document(query, path) if is_document(type(query)) else _as_tensor(query)
    shape = np.shape(asked.data)
    if len(shape) == 2 and shape[0] == 1:
        return asked
    if len(shape) != 1:
        raise QueryError(
            where='query',
            got=f'shape {tuple(shape)}',
            wanted='one vector: (d,) or (1, d)',
            hint='For several at once, use find_batched.' if len(shape) == 2 else '',
        )
    return _as_rows(asked)


def _many_queries(query: Any, path: str) -> _Vectors:
    """Return queries for ``find_batched`` as vectors (n, d)."""
    if is_document(type(query)):
        return _as_rows(_queries_of_document(query, path))
    if isinstance(query, (DocumentArray, DocumentArrayStacked)):
        asked = _vectors_of(query, path)
        return _complete(asked, len(query))
    if isinstance(query, (list, tuple)) and query:
        if all(is_document(type(one)) for one in query):
            return _complete(_row_vectors(query, path, type(query[0])), len(query))
        if adapter_of(query[0])[0] is not None:
            return _complete(_stacked(query, '', 'query'), len(query))
    asked = _as_tensor(query)
    shape = np.shape(asked.data)
    if len(shape) == 1 and shape[0]:
        return _as_rows(asked)
    if len(shape) == 1:
        return _Vectors(None, np.zeros((0, 0), np.float32))
    if len(shape) != 2:
        raise QueryError(where='query', got=f'shape {tuple(shape)}', wanted='vectors (n, d)')
    return asked


def _as_rows(vector: _Vectors) -> _Vectors:
    """Return one vector (d,) as (1, d)."""
    framework = vector.framework or get_framework('numpy')
    return _Vectors(vector.framework, framework.reshape(vector.data, (1, *np.shape(vector.data))[-2:]))


def _queries_of_document(document: Any, path: str) -> _Vectors:
    asked = _row_vectors([document], path, type(document))
    return _Vectors(asked.framework, _complete(asked, 1).data[0])


def _complete(vectors: _Vectors, count: int) -> _Vectors:
    """Return the vectors of query documents, all of which must have one."""
    if count and (vectors.framework is None or vectors.rows is not None):
        present = set() if vectors.rows is None else set(vectors.rows.tolist())
        missing = next(row for row in range(count) if row not in present)
        raise QueryError(where=f'query (row {missing})', got='a document without the vector', wanted='one that has it')
    if not count:
        return _Vectors(None, np.zeros((0, 0), np.float32))
    return vectors


def _as_tensor(query: Any) -> _Vectors:
    framework, native = adapter_of(query)
    if framework is not None:
        return _Vectors(framework, native)
    if isinstance(query, (list, tuple)):
        try:
            return _Vectors(None, np.asarray(query, np.float64))
        except (TypeError, ValueError):
            pass  # said below, with what it is
    raise QueryError(where='query', got=show(query), wanted='a tensor, a list of numbers or a document')
