from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from docarray import BaseDocument, DocumentArray
from docarray.errors import PathError, QueryError
from docarray.frameworks import get_framework
from docarray.search import FindResult, FindResultBatched, find, find_batched
from docarray.search.metrics import METRICS, nearest, ranking
from docarray.typing import AnyTensor, NdArray

FRAMEWORKS = ['numpy', 'torch', 'tensorflow', 'jax']


class Part(BaseDocument):
    vector: NdArray | None = None


class Page(BaseDocument):
    n: int = 0
    embedding: AnyTensor | None = None
    title: str = ''
    part: Part | None = None
    parts: DocumentArray[Part] = DocumentArray[Part]()


class Two(BaseDocument):
    a: NdArray
    b: NdArray


def framework(name: str) -> Any:
    if name != 'numpy':
        pytest.importorskip(name)
    return get_framework(name)


def pages(vectors: Any) -> DocumentArray[Page]:
    return DocumentArray[Page]([Page(n=n, embedding=vector) for n, vector in enumerate(vectors)])


def numbers(found: Any) -> list[int]:
    return [page.n for page in found]


def oracle(
    queries: np.ndarray, vectors: np.ndarray, metric: str, limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and rows in float64, by the definitions, sorted stably."""
    q, x = queries.astype(np.float64), vectors.astype(np.float64)
    if metric == 'cosine_sim':
        norms = np.linalg.norm(q, axis=1)[:, None] * np.linalg.norm(x, axis=1)
        scores = np.divide(q @ x.T, norms, out=np.zeros((len(q), len(x))), where=norms > 0)
        order = np.argsort(-scores, axis=1, kind='stable')
    else:
        scores = ((q[:, None] - x) ** 2).sum(-1)
        scores = np.sqrt(scores) if metric == 'euclidean_dist' else scores
        order = np.argsort(scores, axis=1, kind='stable')
    return np.take_along_axis(scores, order, 1)[:, :limit], order[:, :limit]


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((50, 8)).astype(np.float32)


@pytest.mark.parametrize('name', FRAMEWORKS)
@pytest.mark.parametrize('metric', METRICS)
@pytest.mark.parametrize('stacked', [False, True])
def test_agrees_with_the_definition_in_every_framework(
    name: str, metric: str, stacked: bool, vectors: np.ndarray
) -> None:
    adapter = framework(name)
    index: Any = pages([adapter.from_numpy(vector.copy()) for vector in vectors])
    index = index.stack() if stacked else index
    queries = np.random.default_rng(4).standard_normal((7, 8)).astype(np.float32)
    scores, rows = oracle(queries, vectors, metric, 5)
    found = find_batched(index, adapter.from_numpy(queries), 'embedding', metric, limit=5)
    assert isinstance(found, FindResultBatched)
    assert adapter.matches(found.scores)
    assert [numbers(documents) for documents in found.documents] == rows.tolist()
    np.testing.assert_allclose(adapter.to_numpy(found.scores), scores, rtol=1e-4, atol=1e-5)
    one = find(index, adapter.from_numpy(queries[2]), 'embedding', metric, limit=5)
    assert isinstance(one, FindResult)
    assert adapter.matches(one.scores)
    assert adapter.shape(one.scores) == (5,)
    assert numbers(one.documents) == rows[2].tolist()


@pytest.mark.parametrize('metric', METRICS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_is_exact_with_ties_zeros_and_far_away_clusters(metric: str, data: Any) -> None:
    # Small integers make many ties, and the offset makes the terms of |x|^2 + |y|^2 - 2xy cancel.
    shape = (data.draw(st.integers(1, 60)), 3)
    rows = data.draw(hnp.arrays(np.float32, shape, elements=st.integers(-2, 2)))
    queries = data.draw(
        hnp.arrays(np.float32, (data.draw(st.integers(1, 4)), 3), elements=st.integers(-2, 2))
    )
    if metric != 'cosine_sim':
        offset = data.draw(st.sampled_from([0, 1000]))
        rows, queries = rows + np.float32(offset), queries + np.float32(offset)
    limit = data.draw(st.integers(0, 12))
    scores, order = oracle(queries, rows, metric, limit)
    got, places = nearest(get_framework('numpy'), queries, rows, ranking(metric, limit))
    np.testing.assert_allclose(got, scores, rtol=1e-5, atol=1e-6)
    if metric != 'cosine_sim':  # of which equal values need not come out equal to the last bit
        assert places.tolist() == order.tolist()


def test_many_near_neighbours_that_float32_products_cannot_tell_apart() -> None:
    rng = np.random.default_rng(0)
    centre = (rng.standard_normal(32) * 100).astype(np.float32)
    rows = centre + rng.standard_normal((3000, 32)).astype(np.float32) * np.float32(1e-3)
    for metric in METRICS[1:]:
        scores, order = oracle(rows[:20], rows, metric, 10)
        got, places = nearest(get_framework('numpy'), rows[:20], rows, ranking(metric))
        assert places[:, 0].tolist() == list(range(20))
        np.testing.assert_allclose(got, scores, rtol=1e-3, atol=2e-5)


def test_large_index_takes_the_quick_way_to_the_same_answer() -> None:
    rng = np.random.default_rng(1)
    rows, queries = rng.standard_normal((4000, 16)).astype('f4'), rng.standard_normal((9, 16)).astype('f4')
    for metric in METRICS:
        for limit in (1, 10, 300, 5000):
            scores, order = oracle(queries, rows, metric, limit)
            got, places = nearest(get_framework('numpy'), queries, rows, ranking(metric, limit))
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, scores, rtol=1e-4, atol=1e-5)
            assert (places == order).mean() > 0.999


def test_many_queries_are_answered_in_turns(monkeypatch: pytest.MonkeyPatch, vectors: np.ndarray) -> None:
    whole = find_batched(pages(vectors).stack(), vectors, limit=3)
    monkeypatch.setattr('docarray.search.metrics._SCORES_AT_ONCE', 120)
    parts = find_batched(pages(vectors).stack(), vectors, limit=3)
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=1e-5)
    assert [numbers(d) for d in parts.documents] == [numbers(d) for d in whole.documents]


@pytest.mark.parametrize('stacked', [False, True])
def test_missing_vectors_are_skipped(stacked: bool) -> None:
    rows: Any = pages([None, [1.0, 0.0], None, [0.0, 1.0]])
    index = rows.stack() if stacked else rows
    assert numbers(find(index, [0.0, 1.0]).documents) == [3, 1]
    assert find(index, [0.0, 1.0]).scores.tolist() == [1.0, 0.0]
    nothing: Any = pages([None, None])
    nothing = nothing.stack() if stacked else nothing
    found = find(nothing, np.ones(2))
    assert (len(found.documents), found.scores.shape) == (0, (0,))
    assert find_batched(nothing, np.ones((3, 2))).scores.shape == (3, 0)


@pytest.mark.parametrize('path', ['part.vector', 'part__vector'])
@pytest.mark.parametrize('stacked', [False, True])
def test_nested_paths_and_absent_nested_documents(path: str, stacked: bool) -> None:
    rows = DocumentArray[Page](
        [
            Page(n=0),
            Page(n=1, part=Part(vector=[1.0, 0.0])),
            Page(n=2, part=Part()),
            Page(n=3, part=Part(vector=[0.0, 1.0])),
        ]
    )
    index: Any = rows.stack() if stacked else rows
    assert numbers(find(index, [0.1, 0.9], path).documents) == [3, 1]
    assert numbers(find(index, rows[1], path).documents) == [1, 3]
    with pytest.raises(QueryError, match='without the vector'):
        find(index, rows[0], path)


@pytest.mark.parametrize('stacked', [False, True])
def test_ragged_columns_and_empty_arrays(stacked: bool) -> None:
    rows = DocumentArray[Two]([Two(a=[1.0, 0.0], b=np.zeros(n + 1)) for n in range(3)])
    index: Any = rows.stack(ragged='list') if stacked else rows
    assert len(find(index, [1.0, 0.0], 'a').documents) == 3
    with pytest.raises(QueryError, match=r'Two\.b: got tensors of shapes'):
        find(index, [1.0], 'b')
    empty: Any = DocumentArray[Page]().stack() if stacked else DocumentArray[Page]()
    assert find(empty, [1.0]).documents == []
    assert [len(d) for d in find_batched(empty, np.ones((2, 4))).documents] == [0, 0]


def test_hits_are_the_documents_themselves(vectors: np.ndarray) -> None:
    rows = pages(vectors)
    found = find(rows, rows[7])
    assert type(found.documents) is DocumentArray[Page]
    assert found.documents[0] is rows[7]
    stacked = rows.stack()
    hit = find(stacked, rows[7]).documents[0]
    hit.title = 'changed'
    assert stacked.title[7] == 'changed'
    stacked[7] = Page(n=7, embedding=-vectors[7])
    assert find(stacked, rows[7]).documents[0].n != 7  # columns are live: nothing was remembered


def test_a_cache_keeps_the_vectors_of_rows(vectors: np.ndarray) -> None:
    rows, others = pages(vectors), pages(vectors[::-1])
    cache: dict[Any, Any] = {}
    plain = find(rows, vectors[7])
    for found in (
        find(rows, vectors[7], cache=cache),
        find(rows, vectors[7], '', 'cosine_sim', 10, None, None, cache),
    ):
        assert numbers(found.documents) == numbers(plain.documents)
        assert found.scores.tolist() == plain.scores.tolist()
    assert [d[0].n for d in find_batched(rows, vectors[:3], cache=cache).documents] == [0, 1, 2]
    rows[0].embedding = vectors[7]
    assert find(rows, vectors[7], cache=cache).documents[0].n == 7  # remembered, as documented
    cache.clear()
    assert find(rows, vectors[7], cache=cache).documents[0].n == 0
    # Another array, and one that has grown, are not taken for the one that was seen.
    assert find(others, vectors[7], cache=cache).documents[0].n == len(vectors) - 8
    others.append(Page(n=-1, embedding=vectors[7]))
    assert -1 in numbers(find(others, vectors[7], cache=cache).documents)
    stacked = rows.stack()
    assert find(stacked, vectors[3], cache=cache).documents[0].n == 3
    stacked[9] = Page(n=9, embedding=vectors[3])
    stacked[3] = Page(n=3, embedding=-vectors[3])
    assert find(stacked, vectors[3], cache=cache).documents[0].n == 9


def test_a_cache_saves_the_stacking() -> None:
    read = []

    class Watched(BaseDocument):
        embedding: NdArray

        def __getattribute__(self, name: str) -> Any:
            if name == 'embedding':
                read.append(name)
            return super().__getattribute__(name)

    rows = DocumentArray[Watched]([Watched(embedding=row) for row in np.eye(4)])
    cache: dict[Any, Any] = {}
    find(rows, np.ones(4), cache=cache)
    assert read
    read.clear()
    assert len(find(rows, np.ones(4), cache=cache).documents) == 4
    assert read == []


def test_ties_come_in_order_and_limits_are_kept() -> None:
    index = pages([[1.0, 1.0]] * 30)
    for metric in METRICS:
        assert numbers(find(index.stack(), [1.0, 1.0], metric=metric, limit=4).documents) == [0, 1, 2, 3]
    assert len(find(index, [1.0, 1.0], limit=99).documents) == 30
    found = find(index, [1.0, 1.0], limit=0)
    assert (len(found.documents), found.scores.shape) == (0, (0,))


def test_one_document_and_several_queries() -> None:
    for index in (pages([[1.0, 0.0]]), pages([[1.0, 0.0]]).stack()):
        found = find_batched(index, np.eye(2))
        assert found.scores.tolist() == [[1.0], [0.0]]
        assert [numbers(d) for d in found.documents] == [[0], [0]]


def test_queries_of_many_forms(vectors: np.ndarray) -> None:
    index = pages(vectors)
    stacked = index.stack()
    want = numbers(find(stacked, vectors[3]).documents)
    for query in (
        vectors[3].tolist(),
        vectors[3:4],
        index[3],
        stacked[3],
        tuple(vectors[3]),
        vectors[3].astype('f8'),
    ):
        found = find(stacked, query)
        assert numbers(found.documents) == want
        assert found.scores.dtype == np.float32
    many: list[Any] = [
        vectors[:4],
        list(vectors[:4]),
        vectors[:4].tolist(),
        index[:4],
        stacked[:4],
        list(index[:4]),
    ]
    for queries in many:
        assert [d[0].n for d in find_batched(stacked, queries).documents] == [0, 1, 2, 3]
    assert [d[0].n for d in find_batched(stacked, vectors[5]).documents] == [5]
    assert find_batched(stacked, []).documents == []
    assert find_batched(stacked, np.zeros((0, 8))).scores.shape[0] == 0
    assert find_batched(stacked, index[:0]).documents == []


@pytest.mark.parametrize('name', FRAMEWORKS[1:])
def test_a_query_of_another_framework_gets_numpy_scores(name: str, vectors: np.ndarray) -> None:
    adapter = framework(name)
    native = pages([adapter.from_numpy(vector.copy()) for vector in vectors]).stack()
    found = find(native, vectors[4])
    assert isinstance(found.scores, np.ndarray)
    assert found.documents[0].n == 4
    found = find(pages(vectors), adapter.from_numpy(vectors[4].copy()))
    assert isinstance(found.scores, np.ndarray)
    assert found.documents[0].n == 4
    assert adapter.matches(find(native, vectors[4].tolist()).scores)


def test_wrapped_and_subclassed_tensors_are_queries(vectors: np.ndarray) -> None:
    from docarray.typing import NdArrayEmbedding

    index = pages(vectors)
    assert find(index, NdArrayEmbedding(vectors[2])).documents[0].n == 2
    pytest.importorskip('tensorflow')
    from docarray.typing import TensorFlowTensor

    assert find(index, TensorFlowTensor(vectors[2])).documents[0].n == 2


def test_the_field_is_found_where_there_is_one_to_find(vectors: np.ndarray) -> None:
    assert find(pages(vectors), vectors[1]).documents[0].n == 1
    assert find(DocumentArray[Part]([Part(vector=v) for v in vectors]), vectors[1]).scores[
        0
    ] == pytest.approx(1)
    with pytest.raises(QueryError, match='one of its tensor fields: a, b'):
        find(DocumentArray[Two]([Two(a=[1], b=[2])]), [1.0])
    assert find(pages(vectors), vectors[1], embedding_field='embedding').documents[0].n == 1


def test_half_precision_integers_and_bytes_are_searched_in_wider_numbers() -> None:
    rows = np.array([[200, 100], [250, 3], [1, 255]], np.uint8)
    for dtype in ('uint8', 'float16', 'int32', 'float64'):
        found = find(pages(rows.astype(dtype)).stack(), np.array([250.5, 3.25]), metric='sqeuclidean_dist')
        assert numbers(found.documents)[0] == 1
        assert found.scores[0] == pytest.approx(0.3125, rel=1e-5)


@pytest.mark.parametrize('metric', METRICS)
@pytest.mark.parametrize('stacked', [False, True])
def test_vectors_that_are_not_finite_are_skipped(metric: str, stacked: bool) -> None:
    rows: Any = pages([[np.nan, 1.0], [1.0, 0.0], [np.inf, 0.0], [0.0, 1.0], [-np.inf, np.nan]])
    index = rows.stack() if stacked else rows
    for descending in (None, True, False):
        found = find(index, [0.0, 1.0], metric=metric, descending=descending)
        assert sorted(numbers(found.documents)) == [1, 3]
        assert np.isfinite(found.scores).all()
    assert find_batched(index, np.eye(2), metric=metric).scores.shape == (2, 2)


def test_descending_may_be_turned_round(vectors: np.ndarray) -> None:
    index = pages(vectors)
    near, far = (
        numbers(find(index, vectors[0], limit=50, descending=way).documents) for way in (True, False)
    )
    assert far == near[::-1]
    assert (
        numbers(find(index, vectors[0], metric='euclidean_dist', descending=True, limit=1).documents)[0] != 0
    )


@pytest.mark.parametrize(
    ('query', 'options', 'message'),
    [
        (np.ones(5), {}, r'Page\.embedding: got a query of 5 values, wanted 8'),
        (np.ones(8), {'metric': 'cosine'}, "'cosine_sim', 'euclidean_dist', 'sqeuclidean_dist'"),
        (np.array([np.nan] * 8), {}, 'NaN or infinite'),
        ([float('inf')] * 8, {}, 'NaN or infinite'),
        (np.ones(8), {'limit': -1}, 'limit: got -1'),
        (np.ones(8), {'limit': 2.5}, 'limit: got 2.5'),
        (np.ones((2, 8)), {}, 'find_batched'),
        (np.ones((1, 1, 8)), {}, r'wanted one vector'),
        (3.0, {}, 'query: got 3.0'),
        ('text', {}, "query: got 'text'"),
        (np.ones(8), {'search_field': 'title'}, r'Page\.title: got a field of str'),
        (Page(), {}, 'without the vector'),
    ],
)
@pytest.mark.parametrize('stacked', [False, True])
def test_queries_that_cannot_be_answered(
    query: Any, options: Any, message: str, stacked: bool, vectors: np.ndarray
) -> None:
    index: Any = pages(vectors).stack() if stacked else pages(vectors)
    with pytest.raises(QueryError, match=message):
        find(index, query, **options)


@pytest.mark.parametrize('stacked', [False, True])
def test_paths_that_lead_to_no_single_vector(stacked: bool, vectors: np.ndarray) -> None:
    index: Any = pages(vectors).stack() if stacked else pages(vectors)
    with pytest.raises(PathError, match='through parts, an array of documents'):
        find(index, np.ones(8), 'parts.vector')
    with pytest.raises(PathError, match="Did you mean 'embedding'"):
        find(index, np.ones(8), 'embeding')
    with pytest.raises(QueryError, match='got a field of documents'):
        find(index, np.ones(8), 'part')
    with pytest.raises(QueryError, match='wanted a DocumentArray'):
        find(vectors, np.ones(8))  # type: ignore[arg-type]  # that is the point


def test_matrices_are_not_vectors() -> None:
    index = pages(np.zeros((3, 2, 2)))
    with pytest.raises(QueryError, match=r'got tensors of shape \(2, 2\)'):
        find(index, np.ones(4))


def test_untyped_arrays() -> None:
    index: Any = DocumentArray(
        [Page(n=1, embedding=[1.0, 0.0]), Two(a=[1.0], b=[2.0]), Page(n=2, embedding=[0.0, 1.0])]
    )
    assert numbers(find(index, [0.0, 1.0], 'embedding').documents) == [2, 1]


def test_torch_columns_are_searched_on_their_device(vectors: np.ndarray) -> None:
    torch = pytest.importorskip('torch')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    index = pages([torch.tensor(vector) for vector in vectors]).stack().to(device)
    for query in (torch.tensor(vectors[6]), vectors[6].tolist(), torch.tensor(vectors[6], device=device)):
        found = find(index, query, metric='euclidean_dist')
        assert found.scores.device.type == device
        assert found.documents[0].n == 6
    assert find(index, vectors[6], device='cpu').documents[0].n == 6
    assert find(index, torch.tensor(vectors[6]), device='cpu').scores.device.type == 'cpu'


def test_a_column_is_not_copied() -> None:
    import tracemalloc

    rows = np.random.default_rng(0).standard_normal((5000, 256)).astype(np.float32)
    index = pages(rows).stack()
    for metric in METRICS:
        find(index, rows[0], metric=metric)
        tracemalloc.start()
        find(index, rows[0], metric=metric)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < rows.nbytes / 4
