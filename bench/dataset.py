"""A training epoch: MultiModalDataset beside a hand-written dataset of dicts, and beside TensorDataset."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from docarray import BaseDocument, DocumentArray
from docarray.data import MultiModalDataset
from docarray.typing import TorchTensor

DOCUMENTS, BATCH, ROUNDS = 2000, 64, 11
Row = tuple[str, float, float, float]


class Picture(BaseDocument):
    image: TorchTensor[3, 64, 64]
    label: int
    caption: str


def double(image: torch.Tensor) -> torch.Tensor:
    return image.mul_(2)


def shout(caption: str) -> str:
    return caption.upper()


class Dicts(Dataset[dict[str, Any]]):
    """What one writes without docarray: the same two functions, on a copy of the image."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.rows[index]
        return {
            'image': double(row['image'].clone()),
            'label': row['label'],
            'caption': shout(row['caption']),
        }


class PlainDicts(Dicts):
    """The same without preprocessing."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        'image': torch.stack([row['image'] for row in rows]),
        'label': torch.tensor([row['label'] for row in rows]),
        'caption': [row['caption'] for row in rows],
    }


def epoch(loader: Iterable[Any]) -> Callable[[], None]:
    def run() -> None:
        for _ in loader:
            pass

    return run


def interleaved(*runs: Callable[[], None]) -> list[float]:
    """Return the median seconds of each, all measured in turn, so that a busy machine slows all alike."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(ROUNDS + 1):
        for run, found in zip(runs, seconds, strict=True):
            gc.collect()
            start = time.process_time()
            run()
            found.append(time.process_time() - start)
    return [statistics.median(found[1:]) for found in seconds]  # the first round warms up


def rows() -> list[Row]:
    """Return (name, seconds of docarray, seconds of the yardstick, most that their ratio may be)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _rows()
    finally:
        torch.set_num_threads(threads)


def _rows() -> list[Row]:
    images = torch.randn(DOCUMENTS, 3, 64, 64)
    labels = list(range(DOCUMENTS))
    plain = [
        {'image': images[row].clone(), 'label': row, 'caption': f'picture number {row}'} for row in labels
    ]
    documents = DocumentArray[Picture](Picture(**row) for row in plain)
    functions = {'image': double, 'caption': shout}
    dataset = MultiModalDataset[Picture](documents, functions)
    columns = MultiModalDataset[Picture](documents.stack(), functions)
    unchanged = MultiModalDataset[Picture](documents)
    ours = MultiModalDataset[Picture].collate_fn
    both, stacked, dicts, bare, bare_dicts, tensors = interleaved(
        *(
            epoch(DataLoader(data, batch_size=BATCH, collate_fn=how))
            for data, how in (
                (dataset, ours),
                (columns, ours),
                (Dicts(plain), collate),
                (unchanged, ours),
                (PlainDicts(plain), collate),
                (TensorDataset(images, torch.tensor(labels)), None),
            )
        )
    )
    return [
        ('epoch, two cheap functions, against dicts', both, dicts, 1.5),
        ('epoch over columns, two cheap functions, against dicts', stacked, dicts, math.inf),
        ('epoch, no functions, against dicts', bare, bare_dicts, math.inf),
        ('epoch, no functions, against TensorDataset', bare, tensors, math.inf),
    ]


if __name__ == '__main__':
    for name, ours, yardstick, bar in rows():
        print(
            f'{name:58} {ours / DOCUMENTS * 1e6:7.1f} us  {yardstick / DOCUMENTS * 1e6:7.1f} us  '
            f'{ours / yardstick:5.2f} x  (bar {bar})'
        )
