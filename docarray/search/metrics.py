"""Exact nearest neighbours: scores by one of three metrics, and the best of them. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from docarray.errors import QueryError, show
from docarray.frameworks import Framework

__all__ = ['METRICS', 'Ranking', 'nearest', 'ranking']

#: The metrics, as frameworks name them. Of a similarity (``_sim``) more is better, of a distance less.
METRICS = ('cosine_sim', 'euclidean_dist', 'sqeuclidean_dist')

#: Scores that are held at one time: 128 MiB of float32. More queries are answered in turns.
_SCORES_AT_ONCE = 2**25


@dataclass(frozen=True)
class Ranking:
    """What is wanted of a search.

    Attributes:
        metric: One of ``METRICS``.
        limit: How many hits at most for each query.
        descending: Whether the largest scores are the best.
    """

    metric: str
    limit: int
    descending: bool


def ranking(metric: str = 'cosine_sim', limit: int = 10, descending: bool | None = None) -> Ranking:
    """Return a checked Ranking.

    Args:
        metric: One of ``METRICS``.
        limit: How many hits at most, 0 or more.
        descending: Whether the largest scores are the best; None says it by the metric's name.

    Raises:
        QueryError: There is no such metric, or the limit is not a count.

    Example:
        >>> ranking('cosine_sim', 3)
        Ranking(metric='cosine_sim', limit=3, descending=True)
    """
    if metric not in METRICS:
        raise QueryError(where='metric', got=show(metric), wanted=', '.join(map(repr, METRICS)))
    if isinstance(limit, bool) or not hasattr(limit, '__index__') or limit.__index__() < 0:
        raise QueryError(where='limit', got=show(limit), wanted='an int of 0 or more')
    if descending is None:
        descending = metric.endswith('_sim')
    return Ranking(metric, limit.__index__(), bool(descending))


def nearest(framework: Framework, queries: Any, vectors: Any, wanted: Ranking) -> tuple[Any, Any]:
    """Return the best rows of ``vectors`` for each query, by looking at all of them.

    Args:
        framework: The adapter of both tensors.
        queries: Native tensor (n, d).
        vectors: Native tensor (m, d) on the same device; it is not copied.
        wanted: Metric, limit and direction.

    Returns:
        Native tensors of scores and of row numbers (int64), both (n, min(limit, m)), best first; of
        equal scores the lower row first, NaN after everything else.

    Example:
        >>> import numpy as np
        >>> from docarray.frameworks import get_framework
        >>> vectors = np.array([[0.0, 1.0], [1.0, 0.0]])
        >>> scores, rows = nearest(get_framework('numpy'), vectors[1:], vectors, ranking(limit=1))
        >>> scores.tolist(), rows.tolist()
        ([[1.0]], [[1]])
    """
    narrow = framework.name == 'numpy' and queries.dtype == vectors.dtype == np.float32
    if narrow and wanted.metric != 'cosine_sim':
        found = _nearest_by_distance(framework, queries, vectors, wanted)
        if found is not None:
            return found
    score, descending = getattr(framework, wanted.metric), wanted.descending
    flipped = descending and wanted.metric == 'cosine_sim'
    if flipped:  # cos(-x, y) is -cos(x, y), and the lowest are found without a negated copy of all scores
        queries, descending = -queries, False
    n, m = framework.shape(queries)[0], framework.shape(vectors)[0]
    step = max(1, _SCORES_AT_ONCE // max(1, m))
    parts = [
        framework.top_k(score(queries[start : start + step], vectors), wanted.limit, descending)
        for start in range(0, max(1, n), step)
    ]
    if flipped:
        parts = [(0 - scores, rows) for scores, rows in parts]  # 0 - 0 is 0, where -0 would be -0.0
    if len(parts) == 1:
        return parts[0]
    return framework.concat([part[0] for part in parts]), framework.concat([part[1] for part in parts])


def _nearest_by_distance(
    framework: Framework, queries: Any, vectors: Any, wanted: Ranking
) -> tuple[Any, Any] | None:
    """Return what ``nearest`` does, from float32 products; None where those cannot tell for sure.

    Distances are asked for exactly, but |y|^2 - 2xy in float32 loses digits where its terms cancel, and
    float64 costs twice the time. So float32 chooses twice as many rows as are wanted. If the last
    of them is worse than the last wanted one by more than rounding can explain, the wanted ones are
    among them, and only their distances are computed again, in float64.
    """
    (n, d), (m, _) = queries.shape, vectors.shape
    more = 2 * wanted.limit + 8
    if wanted.descending or more >= m or n * max(m, more * d) > _SCORES_AT_ONCE or n * wanted.limit == 0:
        return None
    with np.errstate(all='ignore'):
        squares = np.einsum('ij,ij->i', vectors, vectors)
        rough = (-2 * queries) @ vectors.T
        rough += squares
        scores, rows = framework.top_k(rough, more)
        longest = np.sqrt(np.einsum('ij,ij->i', queries, queries)) + np.sqrt(squares.max())
        doubt = 4 * (d + 4) * np.finfo(np.float32).eps * longest**2
        if not np.all(scores[:, -1] - scores[:, wanted.limit - 1] > doubt):
            return None  # NaN and overflow end here as well
    rows = np.sort(rows, axis=1)
    away = vectors[rows].astype(np.float64) - queries[:, None, :]
    exact = np.einsum('ijk,ijk->ij', away, away)
    if wanted.metric == 'euclidean_dist':
        exact = np.sqrt(exact)
    best, places = framework.top_k(exact.astype(np.float32), wanted.limit)
    return best, np.take_along_axis(rows, places, axis=1)
