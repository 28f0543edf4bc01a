"""Exact vector search over rows or columns of documents."""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from typing_extensions import NamedTuple

from docarray.array import DocumentArray, DocumentArrayStacked
from docarray.document import BaseDocumentWithoutId
from docarray.errors import QueryError
from docarray.frameworks import Framework, get_framework
from docarray.search.metrics import Ranking, nearest, ranking
from docarray.search.vectors import Vectors, many_queries, one_query, vectors_of, vectors_path

__all__ = ['FindResult', 'FindResultBatched', 'find', 'find_batched']

T = TypeVar('T', bound=BaseDocumentWithoutId)
Cache = dict[Any, Any]


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
    cache: Cache | None = None,
    *,
    embedding_field: str = '',
) -> FindResult[T]:
    """Find the documents whose vectors are nearest to one vector, by looking at all of them.

    Documents without the vector are skipped (None, or inside a missing document), and so are vectors
    with NaN or infinite values. Of equal scores, the document that stands first comes first.

    Args:
        index: The documents. Columns are searched as they are, without a copy; vectors of rows are
            put together first, so stack once to search often, or give a ``cache``.
        query: A tensor (d,) or (1, d) of any framework, a list of d numbers, or a document, whose own
            ``search_field`` is taken.
        search_field: The path to the vectors, through nested documents (``a.b`` or ``a__b``); '' means
            the field ``embedding``, or else the only tensor field that there is.
        metric: 'cosine_sim', 'euclidean_dist' or 'sqeuclidean_dist'.
        limit: How many documents at most.
        device: Where to compute; by default where the index's vectors are.
        descending: Whether large scores are the best; by default they are if the metric ends in '_sim'.
        cache: A dict of your own, in which the vectors of rows that were put together are kept for the
            next call; empty it when the array or a vector in it has changed. Columns need none.
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
    path = vectors_path(index, search_field or embedding_field)
    asked = one_query(query, path)
    scores, rows = _search(index, asked, path, wanted, device, cache)
    return FindResult(_documents(index, rows[0].tolist()), scores[0])


def find_batched(
    index: DocumentArray[T] | DocumentArrayStacked[T],
    query: Any,
    search_field: str = '',
    metric: str = 'cosine_sim',
    limit: int = 10,
    device: str | None = None,
    descending: bool | None = None,
    cache: Cache | None = None,
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
        cache: A dict of your own, in which the vectors of rows are kept for the next call.
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
    path = vectors_path(index, search_field or embedding_field)
    asked = many_queries(query, path)
    scores, rows = _search(index, asked, path, wanted, device, cache)
    return FindResultBatched([_documents(index, hits) for hits in rows.tolist()], scores)


#: Vectors of these dtypes are compared in float64, all others in float32.
_WIDE = frozenset({'float64', 'int32', 'int64', 'uint32', 'uint64'})


def _search(
    index: Any, query: Vectors, path: str, wanted: Ranking, device: str | None, cache: Cache | None
) -> tuple[Any, npt.NDArray[np.int64]]:
    """Return the scores (n, k) as the user gets them, and the index's row numbers (n, k)."""
    vectors = vectors_of(index, path) if cache is None else _remembered(index, path, cache)
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


def _remembered(index: Any, path: str, cache: Cache) -> Vectors:
    """Return the vectors of this index from the cache, if they were put there and it is no longer since."""
    if isinstance(index, DocumentArrayStacked):
        return vectors_of(index, path)
    owner, count, vectors = cache.get(path, (None, 0, None))
    if owner is None or owner() is not index or count != len(index):
        vectors = vectors_of(index, path)
        cache[path] = weakref.ref(index), len(index), vectors
    found: Vectors = vectors
    return found


def _finite_rows(framework: Framework, data: Any) -> npt.NDArray[np.int64]:
    values = framework.to_numpy(data)
    if not framework.is_floating(data):
        return np.arange(len(values))
    return np.flatnonzero(np.isfinite(values).all(axis=1))


def _nothing(query: Vectors, wanted: Ranking) -> tuple[Any, npt.NDArray[np.int64]]:
    framework = query.framework or get_framework('numpy')
    count = query.shape[0]
    return framework.empty((count, 0), 'float32'), np.zeros((count, 0), np.int64)


def _fitted(query: Vectors, framework: Framework, data: Any, where: str) -> Any:
    """Return the queries (n, d) as tensors that go with the vectors: framework, dtype, device, width."""
    native, wanted = query.data, framework.shape(data)
    if len(wanted) != 2:
        raise QueryError(where=where, got=f'tensors of shape {wanted[1:]}', wanted='vectors (d,)')
    if query.shape[1] != wanted[1] and query.shape[0]:
        raise QueryError(
            where=where, got=f'a query of {query.shape[1]} values', wanted=f'{wanted[1]}, as the vectors have'
        )
    if not query.shape[0]:
        return framework.empty((0, wanted[1]), 'float32', framework.device(data))
    if query.framework is not framework:
        values = native if query.framework is None else query.framework.to_numpy(native)
        native = framework.from_numpy(np.ascontiguousarray(values))
    # A wider query would have all the vectors widened, which scores of float32 are not worth.
    native = framework.cast(native, 'float64' if framework.dtype(data) in _WIDE else 'float32')
    if not np.isfinite(framework.to_numpy(native)).all():
        raise QueryError(where=where, got='a query with NaN or infinite values', wanted='finite numbers')
    place = framework.device(data)
    return native if framework.device(native) == place else framework.to_device(native, place)


def _documents(index: Any, rows: list[int]) -> DocumentArray[Any]:
    found: DocumentArray[Any]
    if isinstance(index, DocumentArrayStacked):
        found = DocumentArray[index.document_type].construct([index[row] for row in rows])
    else:
        found = type(index).construct([list.__getitem__(index, row) for row in rows])
    return found
