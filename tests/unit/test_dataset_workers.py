"""MultiModalDataset in worker processes: fork, spawn and forkserver."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import PreprocessError
from docarray.typing import NdArray

torch = pytest.importorskip('torch')
from torch.utils.data import DataLoader  # noqa: E402

from docarray.data import MultiModalDataset  # noqa: E402
from docarray.typing import TorchTensor  # noqa: E402

METHODS = [
    name for name in ('fork', 'spawn', 'forkserver') if name in multiprocessing.get_all_start_methods()
]
TIMEOUT = 100


class Text(BaseDocument):
    text: str
    embedding: TorchTensor[2] | None = None


class Student(BaseDocument):
    title: Text
    image: TorchTensor[4]
    scan: NdArray[2]
    label: int


def make(student: Any, text: Any, n: int) -> Any:
    return DocumentArray[student](
        student(
            id=f's{row}',
            title=text(text=str(row)),
            image=torch.full((4,), float(row)),
            scan=np.full(2, float(row)),
            label=row,
        )
        for row in range(n)
    )


def embed(title: Text, size: float) -> None:
    title.embedding = torch.full((2,), size)


def fail_at_five(label: int) -> int:
    if label == 5:
        raise ValueError('no fives')
    return label


def loader(dataset: Any, method: str, **options: Any) -> Any:
    options = {
        'batch_size': 4,
        'num_workers': 2,
        'timeout': TIMEOUT,
        'collate_fn': dataset.collate_fn,
        **options,
    }
    return DataLoader(dataset, multiprocessing_context=method, **options)


def check(batches: list[Any], student: Any, n: int) -> None:
    assert [type(batch) for batch in batches] == [DocumentArrayStacked[student]] * len(batches)
    assert [label for batch in batches for label in batch.label] == list(range(n))
    images = torch.cat([batch.image for batch in batches])
    assert images[:, 0].tolist() == [2.0 * row for row in range(n)]
    assert torch.cat([batch.scan for batch in batches])[:, 1].tolist() == list(range(n))
    assert all(batch.title.embedding.tolist() == [[3.0, 3.0]] * len(batch) for batch in batches)
    assert isinstance(batches[0][0], student)


@pytest.mark.parametrize('method', METHODS)
def test_batches_come_from_workers(method: str) -> None:
    """Hundreds of documents: more tensors than a forkserver takes files."""
    source = make(Student, Text, 600)
    factor = 2
    functions = {'title': partial(embed, size=3.0), 'image': lambda image: image * factor}
    dataset = MultiModalDataset[Student](source, functions)
    workers = loader(dataset, method, batch_size=64, persistent_workers=True)
    for _ in range(2):
        check(list(workers), Student, 600)
    assert source[3].title.embedding is None
    assert float(source[3].image[0]) == 3


def test_columns_go_to_spawned_workers() -> None:
    dataset = MultiModalDataset[Student](make(Student, Text, 9).stack())
    batches = list(loader(dataset, 'spawn', num_workers=1))
    assert [batch.image[0, 0].item() for batch in batches] == [0, 4, 8]


@pytest.mark.parametrize('method', METHODS)
def test_classes_declared_inside_a_function(method: str) -> None:
    class Text(BaseDocument):
        text: str
        embedding: TorchTensor[2] | None = None

    class Student(BaseDocument):
        title: Text
        image: TorchTensor[4]
        scan: NdArray[2]
        label: int

    def embed(title: Text) -> Text:
        return Text(text=title.text, embedding=torch.full((2,), 3.0))

    functions = {'title': embed, 'image': lambda image: image.mul_(2)}
    dataset = MultiModalDataset[Student](make(Student, Text, 10), functions)
    check(list(loader(dataset, method, num_workers=1)), Student, 10)


@pytest.mark.parametrize('method', [name for name in METHODS if name != 'forkserver'])
def test_errors_of_functions_reach_the_parent(method: str) -> None:
    dataset = MultiModalDataset[Student](make(Student, Text, 8), {'label': fail_at_five})
    with pytest.raises(PreprocessError, match=r'Student\.label of document 5 \(id s5\)') as caught:
        list(loader(dataset, method, num_workers=1))
    assert "ValueError('no fives') from fail_at_five" in str(caught.value)
    assert 'DataLoader worker process 0' in str(caught.value)


class BreaksInAWorker:
    """Can be pickled here and not unpickled there."""

    def __call__(self, label: int) -> int:
        return label

    def __reduce__(self) -> Any:
        return _break, (os.getpid(),)


def _break(parent: int) -> Any:
    if os.getpid() != parent:
        raise RuntimeError('not in this process')
    return BreaksInAWorker()


def test_a_worker_that_cannot_start_is_an_error_not_a_hang() -> None:
    dataset = MultiModalDataset[Student](make(Student, Text, 4), {'label': BreaksInAWorker()})
    with pytest.raises(RuntimeError, match='exited unexpectedly'):
        list(loader(dataset, 'spawn', num_workers=1))


SCRIPT = """
    import sys
    import torch
    from docarray import BaseDocument, DocumentArray
    from docarray.data import MultiModalDataset
    from docarray.typing import TorchTensor
    from torch.utils.data import DataLoader

    class Page(BaseDocument):
        image: TorchTensor[2]

    def double(image):
        return image * 2

    if __name__ == '__main__':  # so that the main module of a worker never writes MultiModalDataset[Page]
        pages = DocumentArray[Page](Page(image=torch.ones(2)) for _ in range(4))
        dataset = MultiModalDataset(pages, {'image': double})
        loader = DataLoader(
            dataset, 2, num_workers=1, multiprocessing_context='spawn', timeout=90,
            collate_fn=MultiModalDataset[Page].collate_fn,
        )
        for batch in loader:
            assert batch.document_type is Page and batch.image.tolist() == [[2, 2], [2, 2]]
        sys.exit(7)
"""


def test_a_script_whose_workers_never_name_the_typed_class(tmp_path: Path) -> None:
    script = tmp_path / 'train.py'
    script.write_text(textwrap.dedent(SCRIPT))
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, 'PYTHONPATH': str(root)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 7, done.stderr[-3000:]


@pytest.mark.filterwarnings('ignore:.*pin_memory.*:UserWarning')  # where there is no device to pin for
def test_batches_from_workers_can_be_pinned() -> None:
    dataset = MultiModalDataset[Student](make(Student, Text, 8))
    batches = list(loader(dataset, METHODS[0], pin_memory=True))
    assert [batch.label for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    for batch in batches:
        assert batch.image.is_pinned() == batch.scan.is_pinned() == torch.cuda.is_available()
