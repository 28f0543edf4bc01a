"""TorchTensor where models are trained: autograd, modules, optimizers, compilers, files, processes."""

import contextlib
import copy
import io
import pickle
import shutil
import subprocess
import sys
from typing import Any

import pytest

torch = pytest.importorskip('torch')

from docarray.typing import ImageTorchTensor, TorchEmbedding, TorchTensor  # noqa: E402


def test_autograd_and_functional_transforms() -> None:
    made = TorchTensor(torch.tensor([1.0, 2.0]))
    assert torch.func.grad(lambda t: (t * t).sum())(made).tolist() == [2.0, 4.0]
    assert torch.vmap(lambda t: t * 2)(made).tolist() == [2.0, 4.0]
    made.requires_grad_()
    (made * 3).sum().backward()
    assert made.grad.tolist() == [3.0, 3.0]


def test_parameters_and_modules() -> None:
    made = TorchTensor(torch.ones(2, 3))
    weights = torch.nn.Parameter(made)
    assert isinstance(weights, torch.nn.Parameter)
    module = torch.nn.Embedding.from_pretrained(made)
    assert module(torch.tensor([0])).tolist() == [[1.0, 1.0, 1.0]]
    assert type(made.detach()) is TorchTensor


def test_compile_without_graph_breaks() -> None:
    @torch.compile(fullgraph=True, backend='eager')
    def compiled(t: Any) -> Any:
        return torch.relu(t.detach() * 2 + t.sum())[0]

    assert compiled(TorchTensor(torch.ones(3))).item() == 5.0


@pytest.mark.parametrize('backend', ['aot_eager', 'inductor'])
def test_compile_with_a_compiler_behind_it(backend: str) -> None:
    """By itself this works from the second call on: the check of custom operators, which torch makes
    during the first, refuses every subclass of tensors (pytorch issue 193932)."""
    if backend == 'inductor' and not (shutil.which('cc') or shutil.which('c++')):
        pytest.skip('no C compiler')
    settings = pytest.importorskip('torch._functorch.config')
    known = hasattr(settings, 'check_custom_op_aliasing')
    linear, given = torch.nn.Linear(3, 2), TorchTensor(torch.ones(4, 3))
    torch._dynamo.reset()
    compiled = torch.compile(linear, backend=backend, fullgraph=True)
    torch.testing.assert_close(compiled(given.unwrap()), linear(given))
    torch._dynamo.reset()
    with settings.patch(check_custom_op_aliasing=False) if known else contextlib.nullcontext():
        torch.testing.assert_close(compiled(given), linear(given))
        leaf = TorchTensor(torch.ones(2, 2)).requires_grad_()
        torch.compile(lambda t: (t @ t).sum(), backend=backend, fullgraph=True)(leaf).backward()
    assert leaf.grad.tolist() == [[4.0, 4.0], [4.0, 4.0]]


def test_one_compilation_for_all() -> None:
    graphs = []

    def backend(graph: Any, _: Any) -> Any:
        graphs.append(graph)
        return graph

    doubled = torch.compile(lambda t: t * 2, backend=backend)
    for number in range(4):
        assert doubled(TorchTensor(torch.full((3,), float(number)))).tolist() == [2.0 * number] * 3
    assert len(graphs) == 1


def saved(value: Any, **options: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, **options)


@pytest.mark.parametrize('cls', [TorchTensor, ImageTorchTensor, TorchEmbedding])
def test_files_of_weights(cls: Any) -> None:
    if not hasattr(torch.serialization, 'add_safe_globals'):
        pytest.skip('torch 2.4 or later')
    module = torch.nn.Module()
    module.register_buffer('mean', cls(torch.arange(3.0)))
    module.weights = torch.nn.Parameter(cls(torch.ones(2)))
    state = saved(module.state_dict(), weights_only=True)
    assert type(state['mean']) is cls
    assert state['mean'].tolist() == [0.0, 1.0, 2.0]
    with torch.no_grad():
        module.weights += 1
    module.load_state_dict(state)
    assert module.weights.tolist() == [1.0, 1.0]
    plain = saved({'mean': cls(torch.arange(3.0)).unwrap()}, weights_only=True)
    assert type(plain['mean']) is torch.Tensor


def test_subclasses_in_files_of_weights_are_named_in_the_error() -> None:
    class Mask(TorchTensor):
        pass

    with pytest.raises(Exception, match='Weights only load failed'):
        saved(Mask(torch.ones(2)), weights_only=True)


@pytest.mark.parametrize('again', [copy.copy, lambda t: pickle.loads(pickle.dumps(t)), saved, copy.deepcopy])
def test_leaves_and_parameters_stay_so(again: Any) -> None:
    leaf = TorchTensor(torch.ones(2)).requires_grad_()
    leaf.note = ['kept']
    for given in (leaf, torch.nn.Parameter(TorchTensor(torch.ones(2)))):
        made = again(given)
        assert type(made) is TorchTensor
        assert made.is_leaf
        assert made.requires_grad
        torch.optim.SGD([made], lr=0.1)
    assert again(leaf).note == ['kept']
    assert isinstance(made, torch.nn.Parameter)


def test_deepcopy_copies_the_gradient_as_torch_does() -> None:
    leaf = TorchTensor(torch.ones(2)).requires_grad_()
    (leaf * 2).sum().backward()
    made = copy.deepcopy(leaf)
    assert made.grad.tolist() == [2.0, 2.0]
    made.grad += 1
    assert leaf.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize('optimizer', ['SGD', 'Adam', 'AdamW'])
def test_optimizers_move_leaves_and_parameters(optimizer: str) -> None:
    plain, leaf = torch.ones(3, requires_grad=True), TorchTensor(torch.ones(3)).requires_grad_()
    parameter = torch.nn.Parameter(TorchTensor(torch.ones(3)))
    for weights in (plain, leaf, parameter):
        steps = getattr(torch.optim, optimizer)([weights], lr=0.1)
        (weights * weights).sum().backward()
        torch.nn.utils.clip_grad_norm_([weights], 1.0)
        steps.step()
        steps.zero_grad()
    assert plain.tolist() == leaf.tolist() == parameter.tolist() != [1.0, 1.0, 1.0]


def test_buffers_follow_their_module() -> None:
    module = torch.nn.Linear(3, 2)
    module.register_buffer('mean', TorchTensor(torch.ones(3)))
    assert type(module.mean) is TorchTensor
    assert set(module.state_dict()) == {'weight', 'bias', 'mean'}
    assert module.to(torch.float64).mean.dtype == torch.float64
    module.load_state_dict(
        {'weight': TorchTensor(torch.ones(2, 3)), 'bias': torch.ones(2), 'mean': torch.zeros(3)}
    )
    assert module.weight.sum() == 6
    assert module.mean.tolist() == [0.0, 0.0, 0.0]


def test_functional_transforms_of_modules() -> None:
    rows = TorchTensor(torch.arange(6.0).reshape(2, 3))
    weights = {'weight': TorchTensor(torch.ones(2, 3)), 'bias': TorchTensor(torch.zeros(2))}
    result = torch.func.functional_call(torch.nn.Linear(3, 2), weights, rows)
    assert result.tolist() == [[3.0, 3.0], [12.0, 12.0]]
    per_row = torch.func.vmap(torch.func.grad(lambda t: (TorchTensor(t) ** 2).sum()))(rows)
    assert per_row.tolist() == (rows * 2).tolist()
    assert torch.func.jacrev(lambda t: t * t)(rows[0]).diagonal().tolist() == [0.0, 2.0, 4.0]


SHARED = """
import torch, torch.multiprocessing as processes
from docarray.typing import TorchTensor

def add(queue, done):
    queue.get().add_(1)
    done.set()

context = processes.get_context('fork')
queue, done, tensor = context.Queue(), context.Event(), TorchTensor(torch.zeros(2)).share_memory_()
process = context.Process(target=add, args=(queue, done))
process.start()
queue.put(tensor)
done.wait(60)
process.join(60)
print(tensor.tolist())
"""


def test_processes_share_a_tensor() -> None:
    done = subprocess.run(
        [sys.executable, '-c', SHARED], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout == '[1.0, 1.0]\n'


def test_shared_memory_and_loaders() -> None:
    rows = [TorchTensor(torch.full((2,), float(i))) for i in range(4)]
    assert rows[0].share_memory_().is_shared()
    assert type(torch.utils.data.default_collate(rows)) is torch.Tensor
    (batch,) = torch.utils.data.DataLoader(rows, batch_size=4)
    assert batch.tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]


LOADER = """
import torch
from docarray.typing import ImageTorchTensor
rows = [ImageTorchTensor(torch.full((2, 2), float(i))) for i in range(2)]
options = {'batch_size': None, 'num_workers': 1, 'multiprocessing_context': 'fork'}
print([row.sum().item() for row in torch.utils.data.DataLoader(rows, **options)])
"""


def test_a_loader_with_a_worker_process() -> None:
    # In a process of its own: this one may hold threads of other frameworks, which a fork would not survive.
    done = subprocess.run(
        [sys.executable, '-c', LOADER], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout == '[0.0, 4.0]\n'
