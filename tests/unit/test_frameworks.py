"""Finding adapters, and what is particular to each; what they share is in tests/contract."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import warnings
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import _registry
from docarray import frameworks as registry
from docarray.errors import DtypeError, MissingExtraError, UnsupportedError
from docarray.frameworks import Framework, _rules, framework_of, get_framework, known_frameworks

ROOT = Path(__file__).resolve().parents[2]
NAMES = ('jax', 'numpy', 'tensorflow', 'torch')


@pytest.fixture(params=NAMES)
def framework(request: pytest.FixtureRequest) -> Framework:
    pytest.importorskip(request.param)
    return get_framework(request.param)


def run(script: str) -> str:
    """Run a script in a fresh interpreter and return what it printed."""
    command = [sys.executable, '-c', script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


# finding


def test_names() -> None:
    assert set(NAMES) <= set(known_frameworks())
    with pytest.raises(KeyError, match="'numpy'"):
        get_framework('nothing')


def test_one_adapter_for_each_name(framework: Framework) -> None:
    assert isinstance(framework, Framework)
    assert get_framework(framework.name) is framework


@pytest.mark.parametrize('name', ['jax', 'tensorflow', 'torch'])
def test_missing_package(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f'docarray.frameworks.{name}', raising=False)
    with pytest.raises(MissingExtraError, match=re.escape(f"pip install 'docarray[{name}]'")) as caught:
        _registry.find('framework', name).load()
    assert caught.value.extra == name


def test_nothing_is_imported_before_it_is_needed() -> None:
    script = """
import sys, numpy as np
from docarray.frameworks import framework_of
assert framework_of(np.zeros(3)).name == 'numpy'
assert framework_of('text') is None
print(*sys.modules)
"""
    assert not {'jax', 'jaxlib', 'tensorflow', 'torch'} & set(run(script).split())


def test_framework_of_its_own_tensors(framework: Framework) -> None:
    for shape in ((), (0, 4), (2, 3)):
        tensor = framework.from_numpy(np.zeros(shape))
        assert framework_of(tensor) is framework
        assert framework_of(tensor) is framework  # now from memory


def test_framework_of_other_things() -> None:
    for value in (None, 1, 1.5, 'text', b'', [1.0], np.float32(1), np.dtype('f4'), np, int, object()):
        assert framework_of(value) is None


def test_framework_of_numpy_subclasses() -> None:
    class Mine(np.ndarray):
        pass

    for value in (np.zeros(3).view(Mine), np.zeros(3).view(np.recarray), np.ma.zeros(3)):
        assert framework_of(value) is get_framework('numpy')


def test_framework_of_values_whose_class_cannot_be_hashed() -> None:
    class Meta(type):
        __hash__ = None  # type: ignore[assignment]

    class Odd(metaclass=Meta):
        pass

    assert framework_of(Odd()) is None
    assert framework_of(Odd()) is None


def test_framework_of_a_class_of_two_worlds() -> None:
    """A base from another framework's package does not hide that the value is an array."""
    mixin = type('Mixin', (), {'__module__': 'torch.fake'})
    pytest.importorskip('torch')
    both = type('Both', (mixin, np.ndarray), {})
    assert framework_of(np.zeros(3).view(both)) is get_framework('numpy')


def test_classes_are_not_kept_alive() -> None:
    def use() -> weakref.ref[type]:
        made = type('Made', (np.ndarray,), {})
        assert framework_of(np.zeros(3).view(made)) is get_framework('numpy')
        return weakref.ref(made)

    gc.collect()
    before = len(registry._seen)
    found = [use() for _ in range(10)]
    gc.collect()
    assert [ref() for ref in found] == [None] * 10
    assert len(registry._seen) <= before


# dtypes and memory


def test_a_dtype_without_ml_dtypes_says_what_to_install() -> None:
    script = """
import sys
sys.modules['ml_dtypes'] = None
from docarray.errors import MissingExtraError
from docarray.frameworks import get_framework
try:
    get_framework('numpy').empty((2,), 'bfloat16')
except MissingExtraError as error:
    print(error)
"""
    assert 'pip install ml_dtypes' in run(script)


def test_torch_needs_ml_dtypes_only_to_reach_numpy() -> None:
    pytest.importorskip('torch')
    script = """
import sys
sys.modules['ml_dtypes'] = None
from docarray.errors import MissingExtraError
from docarray.frameworks import get_framework
torch = get_framework('torch')
x = torch.asarray([[3, 1, 2]], 'bfloat16')
assert torch.equal(torch.stack([x, x]), torch.concat([x, x]).reshape(2, 1, 3))
assert torch.top_k(x, 2)[1].tolist() == [[1, 2]]
assert torch.equal(x, torch.cast(x, 'float64'))
assert round(torch.cosine_sim(x, x).item(), 5) == 1
try:
    torch.to_numpy(x)
except MissingExtraError as error:
    print(error)
"""
    assert 'pip install ml_dtypes' in run(script)


def test_numpy_passes_arrays_through() -> None:
    numpy = get_framework('numpy')
    array = np.zeros((3, 4), '>f4')[:, ::-1]
    assert numpy.from_numpy(array) is array
    assert numpy.to_numpy(array) is array
    row = array.view(np.recarray)
    assert type(numpy.from_numpy(row)) is np.ndarray
    assert np.shares_memory(numpy.from_numpy(row), array)


def test_numpy_gives_no_docarray_classes() -> None:
    class Mine(np.ndarray):
        pass

    numpy = get_framework('numpy')
    x = np.eye(2).view(Mine)
    results = [
        numpy.stack([x, x]),
        numpy.concat([x, x]),
        numpy.take(x, np.array([0])),
        numpy.reshape(x, (4,)),
        numpy.cast(x, 'float32'),
        numpy.cosine_sim(x, x),
        numpy.euclidean_dist(x, x),
        *numpy.top_k(x, 1),
    ]
    assert [type(result) for result in results] == [np.ndarray] * len(results)


@pytest.mark.parametrize('dtype', ['uint8', 'float16', 'bfloat16', 'float32', 'complex128'])
def test_torch_shares_memory_both_ways(dtype: str) -> None:
    pytest.importorskip('torch')
    if dtype == 'bfloat16':
        pytest.importorskip('ml_dtypes')
    torch = get_framework('torch')
    array = np.zeros((3, 4), _rules.numpy_dtype(dtype))[:, 1:]
    tensor = torch.from_numpy(array)
    assert tensor.data_ptr() == array.ctypes.data
    assert torch.to_numpy(tensor).ctypes.data == array.ctypes.data


def test_torch_copies_what_it_may_not_write_without_a_warning() -> None:
    pytest.importorskip('torch')
    torch = get_framework('torch')
    array = np.frombuffer(b'\x01\x02\x03', np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        tensor = torch.from_numpy(array)
    tensor += 1
    assert tensor.tolist() == [2, 3, 4]
    assert array.tolist() == [1, 2, 3]


@pytest.mark.parametrize('name', ['tensorflow', 'jax'])
def test_what_does_not_change_does_not_alias(name: str) -> None:
    """Wherever the array starts. Slicing a tensor of memory that starts at an odd place aborts tensorflow."""
    pytest.importorskip(name)
    framework = get_framework(name)
    for start in range(0, 128, 8):
        array = np.zeros(300_000, np.float32)[start // 4 :]
        tensor = framework.from_numpy(array)
        assert framework.to_numpy(tensor).ctypes.data % 64 == 0
        assert not np.shares_memory(framework.to_numpy(tensor), array)
        array += 1
        assert not framework.to_numpy(tensor[1:] + tensor[:-1]).any()


def test_float8_goes_through_where_it_is_known(framework: Framework) -> None:
    extended = pytest.importorskip('ml_dtypes')
    array = np.array([[0, 1], [2, -3]], extended.float8_e4m3fn)
    tensor = framework.from_numpy(array)
    assert framework.dtype(tensor) == 'float8_e4m3fn'
    assert framework.is_floating(tensor)
    assert framework.to_numpy(tensor).tobytes() == array.tobytes()
    assert framework.equal(framework.take(tensor, np.array([1])), framework.from_numpy(array[1:]))


# numbers


def test_work_in_blocks_changes_nothing(framework: Framework, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, y = (framework.from_numpy(rng.integers(0, 3, (n, 4)).astype(np.float32)) for n in (5, 7))

    def results() -> list[Any]:
        distances = framework.euclidean_dist(x, y)
        tensors = [framework.sqeuclidean_dist(x, y), distances, *framework.top_k(distances, 3)]
        return [framework.to_numpy(tensor).tolist() for tensor in tensors]

    whole = results()
    monkeypatch.setattr(_rules, 'BLOCK', 3)
    monkeypatch.setattr(_rules, 'SCORES', 14)
    assert results() == whole


def test_half_precision_is_computed_in_single(framework: Framework) -> None:
    """300 * 300 is more than float16 can hold."""
    x = framework.from_numpy(np.full((1, 4), 300, np.float16))
    zero = framework.from_numpy(np.zeros((1, 4), np.float16))
    assert framework.to_numpy(framework.cosine_sim(x, x)).tolist() == [[pytest.approx(1)]]
    assert framework.to_numpy(framework.sqeuclidean_dist(x, zero)).tolist() == [[360_000]]


def test_one_row_and_many_queries_stay_a_matrix(framework: Framework) -> None:
    one, many = (framework.from_numpy(np.ones((n, 2), np.float32)) for n in (1, 4))
    for metric in (framework.cosine_sim, framework.euclidean_dist, framework.sqeuclidean_dist):
        assert framework.shape(metric(many, one)) == (4, 1)
        assert framework.shape(metric(one, many)) == (1, 4)
        assert framework.shape(metric(one, one)) == (1, 1)


def test_64_bit_scores_stay_exact(framework: Framework) -> None:
    near = np.array([[2**60 + 1, 2**60, 2**60 + 2]])
    values, indices = framework.top_k(framework.from_numpy(near), 2, descending=True)
    assert framework.to_numpy(values).tolist() == [[2**60 + 2, 2**60 + 1]]
    assert framework.to_numpy(indices).tolist() == [[2, 0]]
    assert framework.dtype(values) == framework.dtype(indices) == 'int64'


# torch


def test_framework_of_torch_classes() -> None:
    torch = pytest.importorskip('torch')

    class Mine(torch.Tensor):  # type: ignore[misc, name-defined]
        pass

    tensor = torch.zeros(2)
    for value in (torch.nn.Parameter(tensor), tensor.as_subclass(Mine)):
        assert framework_of(value) is get_framework('torch')
    for other in (torch.nn.Linear(1, 1), torch.float32, torch.device('cpu')):
        assert framework_of(other) is None


def test_torch_to_numpy_of_tensors_that_are_not_plain() -> None:
    torch = pytest.importorskip('torch')
    to_numpy = get_framework('torch').to_numpy
    values = torch.tensor([[1.0, 0], [0, 2]], requires_grad=True)
    for tensor in (values, values * 1, torch.nn.Parameter(values), values.detach().to_sparse(), values.T):
        assert to_numpy(tensor).tolist() == [[1, 0], [0, 2]]
    assert to_numpy(torch.tensor([1 + 2j]).conj()).tolist() == [1 - 2j]
    assert to_numpy(torch.tensor([1 + 2j]).conj().imag).tolist() == [-2]


def test_torch_gradients() -> None:
    torch = pytest.importorskip('torch')
    framework = get_framework('torch')
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    y = torch.tensor([[1.0, 1.0]])
    nearest, _ = framework.top_k(framework.sqeuclidean_dist(x, y).T, 1)
    (framework.cosine_sim(x, y).sum() + nearest.sum()).backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad[1].abs().sum() > 0
    with pytest.raises(UnsupportedError, match='no_grad'):
        framework.put(x, 0, 1.0)
    with torch.no_grad():
        assert framework.put(x, 0, 1.0) is x


@pytest.mark.parametrize('descending', [False, True])
def test_torch_order_on_other_devices(descending: bool) -> None:
    """The way that devices go whose memory numpy cannot see; here on the CPU."""
    torch = pytest.importorskip('torch')
    from docarray.frameworks.torch import _order

    rng = np.random.default_rng(0)
    scores = rng.integers(-3, 3, (20, 30)).astype(np.float32)
    scores[scores == -3] = np.nan
    for array in (scores, rng.integers(-128, 127, (20, 30)).astype(np.int8), scores > 0):
        expected = _rules.top_k_indices(array, 30, descending)
        assert _order(torch.from_numpy(array), descending).tolist() == expected.tolist()


def test_torch_dtypes_have_one_name() -> None:
    pytest.importorskip('torch')
    for alias in ('long', 'half', 'Tensor', 'nn', 'f4'):
        with pytest.raises(DtypeError):
            get_framework('torch').empty((1,), alias)


# tensorflow


def test_framework_of_tensorflow_classes() -> None:
    tf = pytest.importorskip('tensorflow')
    tensorflow = get_framework('tensorflow')
    assert framework_of(tf.Variable([1.0])) is tensorflow
    for other in (tf.TensorShape([1]), tf.float32, tf.ragged.constant([[1], []])):
        assert framework_of(other) is None

    @tf.function
    def traced(x: Any) -> Any:
        assert framework_of(x) is tensorflow
        assert tensorflow.device(x) == ''
        with pytest.raises(UnsupportedError, match='symbolic'):
            tensorflow.to_numpy(x)
        return tensorflow.cosine_sim(x, x) + tensorflow.euclidean_dist(x, x)

    eye = tf.eye(2)
    expected = tensorflow.cosine_sim(eye, eye) + tensorflow.euclidean_dist(eye, eye)
    np.testing.assert_allclose(traced(eye), expected, atol=1e-6)
    unknown = traced.get_concrete_function(tf.TensorSpec([None, 2]))
    np.testing.assert_allclose(unknown(eye), expected, atol=1e-6)


def test_tensorflow_variables() -> None:
    tf = pytest.importorskip('tensorflow')
    tensorflow = get_framework('tensorflow')
    variable = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    values = tensorflow.to_numpy(variable)
    variable.assign_add([[1.0, 1.0], [1.0, 1.0]])
    assert values.tolist() == [[1, 2], [3, 4]]  # what was read does not change
    assert tensorflow.equal(variable, tf.constant([[2, 3], [4, 5]]))
    assert tensorflow.take(variable, np.array([1])).numpy().tolist() == [[4, 5]]
    assert tensorflow.put(variable, 0, 0).numpy().tolist() == [[0, 0], [4, 5]]
    assert variable.numpy().tolist() == [[2, 3], [4, 5]]


def test_tensorflow_device_names() -> None:
    tf = pytest.importorskip('tensorflow')
    tensorflow = get_framework('tensorflow')
    with tf.device('/CPU:0'):
        tensor = tf.zeros(2)
    for name in ('cpu', 'CPU:0', '/CPU:0', '/cpu:0', '/device:CPU:0', tensor.device):
        assert tensorflow.to_device(tensor, name) is tensor
    with pytest.raises(UnsupportedError, match='TPU:7'):
        tensorflow.to_device(tensor, 'TPU:7')


# jax


def test_framework_of_jax_tracers() -> None:
    jax = pytest.importorskip('jax')
    adapter = get_framework('jax')
    seen = []

    def score(x: Any) -> Any:
        seen.append((framework_of(x), adapter.device(x), adapter.shape(x)))
        return (adapter.cosine_sim(x, x) + adapter.sqeuclidean_dist(x, x)).sum()

    eye = jax.numpy.eye(2)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        plain, jitted = score(eye), jax.jit(score)(eye)
        gradient = jax.grad(score)(eye)
    assert float(jitted) == pytest.approx(float(plain)) == 6
    assert bool(jax.numpy.isfinite(gradient).all())
    assert seen == [(adapter, 'cpu', (2, 2)), (adapter, '', (2, 2)), (adapter, '', (2, 2))]


def test_jax_keeps_64_bits_without_a_warning() -> None:
    jax = pytest.importorskip('jax')
    adapter = get_framework('jax')
    array = np.array([[1.0, 2], [3, 4]]) / 3
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        x = adapter.from_numpy(array)
        results = [
            adapter.stack([x, x]),
            adapter.take(x, np.array([1])),
            adapter.put(x, 0, 1.0),
            adapter.reshape(x, (4,)),
            adapter.cosine_sim(x, x),
            adapter.to_device(x, 'cpu'),
        ]
    assert [adapter.dtype(result) for result in results] == ['float64'] * len(results)
    assert not jax.config.jax_enable_x64
    assert jax.numpy.asarray([1.0]).dtype == 'float32'


# the page docs/adding/framework.md


@pytest.fixture
def documented() -> str:
    """The Python of that page as one script."""
    text = (ROOT / 'docs' / 'adding' / 'framework.md').read_text(encoding='utf-8')
    return '\n'.join(re.findall(r'```python\n(.*?)```', text, re.DOTALL))


def test_documented_framework_keeps_the_contract(documented: str) -> None:
    pytest.importorskip('hypothesis')
    namespace: dict[str, Any] = {'__name__': 'documented'}
    exec(documented, namespace)
    suite = namespace['TestGridFramework']()
    checks = [name for name in dir(suite) if name.startswith('test_')]
    assert len(checks) >= 25
    for check in checks:
        getattr(suite, check)()
    assert framework_of(namespace['Grid'](np.zeros(2))) is None  # not registered here


def test_documented_framework_is_found(documented: str, tmp_path: Path) -> None:
    """A package with that entry point, put where Python finds it."""
    pytest.importorskip('hypothesis')
    (tmp_path / 'grid_docarray.py').write_text(documented, encoding='utf-8')
    installed = tmp_path / 'grid_docarray-1.0.dist-info'
    installed.mkdir()
    (installed / 'METADATA').write_text('Name: grid-docarray\nVersion: 1.0\n', encoding='utf-8')
    (installed / 'entry_points.txt').write_text(
        '[docarray.framework]\ngrid = grid_docarray:GridFramework\n', encoding='utf-8'
    )
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import numpy as np
from docarray.frameworks import framework_of, get_framework, known_frameworks
from grid_docarray import Grid
print(framework_of(Grid(np.zeros(2))).name, framework_of('text'), 'grid' in known_frameworks())
print(get_framework('grid') is framework_of(Grid(np.ones(3))))
"""
    assert run(script).split() == ['grid', 'None', 'True', 'True']
