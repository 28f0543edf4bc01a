from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from docarray.errors import DocArrayError
from docarray.search import computation

NAMES = {
    'numpy': 'NumpyCompBackend',
    'torch': 'TorchCompBackend',
    'tensorflow': 'TensorFlowCompBackend',
    'jax': 'JaxCompBackend',
}


@pytest.fixture(params=NAMES)
def backend(request: pytest.FixtureRequest) -> Any:
    if request.param != 'numpy':
        pytest.importorskip(request.param)
    return getattr(computation, NAMES[request.param])


def values(backend: Any, tensor: Any) -> np.ndarray:
    return backend.to_numpy(tensor)


def make(backend: Any, array: Any, dtype: str = 'float32') -> Any:
    return backend._wrap(backend._native(np.asarray(array, dtype)))


def test_what_comes_out_is_what_users_of_the_framework_hold(backend: Any) -> None:
    tensor = make(backend, np.ones((2, 3)))
    for made in (backend.stack([tensor]), backend.copy(tensor), backend.empty((2,)), backend.detach(tensor)):
        assert type(made) is type(tensor)
    if backend.framework in ('tensorflow', 'jax'):
        assert type(tensor).__name__ in ('TensorFlowTensor', 'JaxArray')
        assert type(backend.squeeze(tensor.tensor)) is type(tensor)  # native ones go in too


def test_shapes(backend: Any) -> None:
    tensor = make(backend, np.arange(6).reshape(1, 2, 3))
    assert backend.shape(tensor) == (1, 2, 3)
    assert backend.n_dim(tensor) == 3
    assert backend.shape(backend.squeeze(tensor)) == (2, 3)
    assert backend.shape(backend.reshape(tensor, (6,))) == (6,)
    flat = backend.squeeze(tensor)
    for dim in (0, 1, 2):
        stacked = backend.stack([flat, flat], dim=dim)
        np.testing.assert_array_equal(
            values(backend, stacked), np.stack([values(backend, flat)] * 2, axis=dim)
        )


def test_copies_share_nothing(backend: Any) -> None:
    for array in (np.zeros((2, 2)), np.zeros(())):
        tensor = make(backend, array)
        copied = backend.copy(tensor)
        assert backend.equal(copied, tensor)
        assert backend.shape(copied) == array.shape
    if backend.framework in ('numpy', 'torch'):
        tensor = make(backend, np.zeros(2))
        copied = backend.copy(tensor)
        copied[0] = 5
        assert values(backend, tensor).tolist() == [0, 0]


def test_equal(backend: Any) -> None:
    one, same, other = make(backend, [1.0, 2.0]), make(backend, [1.0, 2.0]), make(backend, [1.0, 3.0])
    assert backend.equal(one, same)
    assert not backend.equal(one, other)
    assert not backend.equal(other, one)
    assert not backend.equal(one, make(backend, [[1.0, 2.0]]))
    assert not backend.equal(one, [1.0, 2.0])
    assert not backend.equal(one, None)


def test_isnan(backend: Any) -> None:
    assert values(backend, backend.isnan(make(backend, [1.0, np.nan]))).tolist() == [False, True]
    assert values(backend, backend.isnan(make(backend, [1, 2], 'int32'))).tolist() == [False, False]


def test_dtypes_and_devices(backend: Any) -> None:
    tensor = make(backend, [1.0])
    assert 'float32' in str(backend.dtype(tensor))
    assert isinstance(backend.dtype(tensor), str) is (backend.framework in ('tensorflow', 'jax'))
    for dtype in ('float64', backend.dtype(make(backend, [1.0], 'float64')), np.float64):
        assert 'float64' in str(backend.dtype(backend.empty((2, 2), dtype=dtype)))
    device = backend.device(tensor)
    assert device is None if backend.framework == 'numpy' else 'cpu' in device.lower()
    assert backend.equal(backend.to_device(tensor, 'cpu'), tensor)
    with pytest.raises(DocArrayError):
        backend.to_device(tensor, 'cuda:99' if backend.framework == 'torch' else 'gpu:99')


def test_none_value(backend: Any) -> None:
    missing = backend.none_value()
    assert missing is None if backend.framework == 'numpy' else bool(np.isnan(np.asarray(missing)))


def test_detach_cuts_gradients() -> None:
    torch = pytest.importorskip('torch')
    tensor = torch.ones(2, requires_grad=True)
    assert not computation.TorchCompBackend.detach(tensor).requires_grad


def test_metrics_are_pairwise_and_squeezed(backend: Any) -> None:
    x, y = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    squares = ((x[:, None] - y) ** 2).sum(-1)
    wanted = {
        'cosine_sim': np.array([[1, 0], [0.6, 0.8], [0, 0]]),
        'sqeuclidean_dist': squares,
        'euclidean_dist': np.sqrt(squares),
    }
    for name, scores in wanted.items():
        metric = getattr(backend.Metrics, name)
        for rows, columns in ((x, y), (x[:1], y), (x, y[:1]), (x[0], y), (x[0], y[0])):
            found = metric(make(backend, rows), make(backend, columns))
            shape = tuple(n for n in (len(np.atleast_2d(rows)), len(np.atleast_2d(columns))) if n != 1)
            assert backend.shape(found) == shape
            np.testing.assert_allclose(
                values(backend, found),
                scores[: len(np.atleast_2d(rows)), : len(np.atleast_2d(columns))].reshape(shape),
                atol=1e-6,
            )
        np.testing.assert_allclose(
            values(backend, metric(make(backend, x), make(backend, y), device='cpu')), scores, atol=1e-6
        )


def test_top_k(backend: Any) -> None:
    scores = make(backend, [[3.0, 1.0, 2.0, 1.0], [0.0, 9.0, 5.0, 7.0]])
    best, places = backend.Retrieval.top_k(scores, 2)
    assert values(backend, best).tolist() == [[1, 1], [0, 5]]
    assert values(backend, places).tolist() == [[1, 3], [0, 2]]
    best, places = backend.Retrieval.top_k(scores, 2, descending=True)
    assert values(backend, places).tolist() == [[0, 2], [1, 3]]
    best, places = backend.Retrieval.top_k(make(backend, [3.0, 1.0]), 5)
    assert values(backend, places).tolist() == [[1, 0]]


def test_minmax_normalize(backend: Any) -> None:
    rows = make(backend, [[0.0, 5.0, 10.0], [-2.0, 0.0, 2.0], [4.0, 4.0, 4.0]])
    scaled = values(backend, backend.minmax_normalize(rows))
    np.testing.assert_allclose(scaled, [[0, 0.5, 1], [0, 0.5, 1], [0, 0, 0]], atol=1e-6)
    assert scaled.dtype == np.float32
    scaled = values(backend, backend.minmax_normalize(rows, t_range=(5, 10)))
    np.testing.assert_allclose(scaled, [[5, 7.5, 10], [5, 7.5, 10], [5, 5, 5]], atol=1e-5)
    scaled = values(backend, backend.minmax_normalize(rows, t_range=(1, -1)))
    np.testing.assert_allclose(scaled, [[1, 0, -1], [1, 0, -1], [1, 1, 1]], atol=1e-5)
    scaled = values(backend, backend.minmax_normalize(rows, x_range=(0, 5)))
    np.testing.assert_allclose(scaled[0], [0, 1, 1], atol=1e-5)
    each = backend.minmax_normalize(rows, x_range=(np.array([0, -2, 0]), np.array([10, 2, 8])))
    np.testing.assert_allclose(values(backend, each), [[0, 0.5, 1], [0, 0.5, 1], [0.5] * 3], atol=1e-5)
    integers = backend.minmax_normalize(make(backend, [0, 1, 4], 'int32'))
    np.testing.assert_allclose(values(backend, integers), [0, 0.25, 1], atol=1e-5)
    assert backend.shape(backend.minmax_normalize(make(backend, np.zeros((2, 3, 4))))) == (2, 3, 4)


def test_backends_cost_nothing_until_they_are_used() -> None:
    code = (
        'import sys, docarray.search.computation as c; c.TorchCompBackend.Metrics; '
        'print([m for m in ("torch", "tensorflow", "jax") if m in sys.modules])'
    )
    shown = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == '[]'
