"""MultiModalDataset of opened arrays: batches are read when they are needed, also by workers."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.errors import InvalidValueError, PreprocessError
from docarray.typing import NdArray

torch = pytest.importorskip('torch')
pytest.importorskip('pyarrow')
from torch.utils.data import DataLoader, Subset  # noqa: E402

from docarray.data import MultiModalDataset  # noqa: E402
from docarray.typing import TorchTensor  # noqa: E402

Scan = NdArray[2, 'float32']


class Label(BaseDocument):
    text: str


class Scanned(BaseDocument):
    label: Label
    image: TorchTensor[4] | None = None
    scan: Scan
    number: int


Scans = DocumentArray[Scanned]


def scans(count: int) -> Any:
    return Scans(
        Scanned(
            id=f's{n}',
            label=Label(id='', text=str(n)),
            image=torch.full((4,), float(n)),
            scan=np.full(2, n, np.float32),
            number=n,
        )
        for n in range(count)
    )


def double(value: Any) -> Any:
    return value * 2


def shout(label: Label) -> None:
    label.text += '!'


def fail_at_five(number: int) -> int:
    return 1 // (number - 5)


@pytest.fixture(params=['file', 'lance', 'memory'])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param != 'file':
        pytest.importorskip('lance' if request.param == 'lance' else 'obstore')
    place = uuid.uuid4().hex if request.param == 'memory' else tmp_path
    url = f'{request.param}://{place}/scans'
    scans(400).push(url)
    return Scans.open(url)


@pytest.mark.parametrize('functions', [{}, {'scan': double}, {'image': double, 'label': shout}])
def test_batches_are_those_of_the_array(opened: Any, functions: Any) -> None:
    expected = MultiModalDataset[Scanned](scans(400), functions)
    dataset = MultiModalDataset[Scanned](opened, functions)
    assert len(dataset) == 400
    assert dataset[7] == expected[7]
    rows = [3, 399, 0, 3]
    found, wanted = (one.collate_fn(one.__getitems__(rows)) for one in (dataset, expected))
    assert found.unstack() == wanted.unstack()
    assert isinstance(found.scan, torch.Tensor)
    found.scan.add_(1)  # it is the caller's own
    assert opened[3] == scans(4)[3]
    loader = DataLoader(Subset(dataset, range(100, 400)), batch_size=300, collate_fn=dataset.collate_fn)
    (batch,) = loader
    assert batch.number == list(range(100, 400))
    batch.scan.add_(1)
    assert opened[150] == scans(151)[150]


@pytest.mark.filterwarnings('ignore:lance is not fork-safe')  # which a child that does not use it can do
def test_workers_open_it_themselves(tmp_path: Path) -> None:
    scans(64).push(f'file://{tmp_path}/scans')
    dataset = MultiModalDataset[Scanned](Scans.open(f'file://{tmp_path}/scans'), {'scan': double})
    for method in ('fork', 'spawn'):
        loader = DataLoader(
            dataset,
            batch_size=16,
            num_workers=2,
            multiprocessing_context=method,
            collate_fn=dataset.collate_fn,
        )
        assert [n for batch in loader for n in batch.number] == list(range(64))
        assert [x for batch in loader for x in batch.scan[:, 0].tolist()] == list(range(0, 128, 2))


def test_errors_name_the_document(opened: Any) -> None:
    dataset = MultiModalDataset[Scanned](opened, {'number': fail_at_five})
    with pytest.raises(PreprocessError, match='5'):
        dataset.__getitems__([4, 5])
    with pytest.raises(InvalidValueError, match='Label'):
        MultiModalDataset[Label](opened)
