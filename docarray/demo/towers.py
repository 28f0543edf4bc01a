"""A small model with a tower for images and one for texts, its training, and search with what it learned."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from docarray import DocumentArray, DocumentArrayStacked
from docarray.data import MultiModalDataset
from docarray.demo.digits import Caption, Digit
from docarray.search import find_batched
from docarray.stores.opened import OpenedArray

BUCKETS = 512


def tokenize(caption: Caption) -> None:
    """Fill in the tokens of a caption: a number for each word, 0 where there is none."""
    words = [1 + zlib.crc32(word.encode()) % (BUCKETS - 1) for word in caption.text.lower().split()[:8]]
    caption.tokens = torch.tensor(words + [0] * (8 - len(words)))


def jitter(image: Tensor) -> Tensor:
    """Shift an image (1, 8, 8) by up to one pixel, so that training sees each a little differently."""
    down, right = torch.randint(0, 3, (2,)).tolist()
    return functional.pad(image, (1, 1, 1, 1))[:, down : down + 8, right : right + 8]


class Towers(nn.Module):
    """Embeds images (n, 1, 8, 8) and tokens (n, 8) as unit vectors (n, 64) in one space."""

    def __init__(self) -> None:
        super().__init__()
        self.images = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.25), nn.Linear(64 * 4 * 4, 64),
        )  # fmt: skip
        self.words = nn.EmbeddingBag(BUCKETS, 64, mode='sum', padding_idx=0)
        self.texts = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def embed_images(self, images: Tensor) -> Tensor:
        return functional.normalize(self.images(images), dim=1)

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        return functional.normalize(self.texts(self.words(tokens)), dim=1)

    def forward(self, batch: DocumentArrayStacked[Digit]) -> Tensor:
        """Return the contrastive loss: each image near the captions of its digit, and the reverse."""
        logits = self.embed_images(batch.image) @ self.embed_tokens(batch.caption.tokens).T
        logits = logits * self.log_scale.exp()
        digits = torch.tensor(batch.digit)
        same = (digits[:, None] == digits[None, :]).float()
        target = same / same.sum(1, keepdim=True)
        return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def train(
    digits: DocumentArray[Digit] | OpenedArray[Digit],
    *,
    epochs: int,
    workers: int,
    seed: int,
    on_batch: Callable[[float], Any] = lambda loss: None,
) -> Towers:
    """Train towers on documents: a plain PyTorch loop over typed batches."""
    torch.manual_seed(seed)
    towers = Towers()
    dataset = MultiModalDataset[Digit](digits, preprocessing={'image': jitter, 'caption': tokenize})
    loader = DataLoader(
        dataset,
        batch_size=64,
        shuffle=True,
        collate_fn=dataset.collate_fn,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator().manual_seed(seed),
    )
    optimizer = torch.optim.AdamW(towers.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, epochs * len(loader))
    for _ in range(epochs):
        for batch in loader:
            loss = towers(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            on_batch(loss.item())
    return towers.eval()


@torch.no_grad()
def embed_digits(towers: Towers, digits: DocumentArray[Digit]) -> DocumentArrayStacked[Digit]:
    """Return the documents as columns, with the embeddings of their images filled in."""
    stacked = digits.stack()
    stacked.embedding = towers.embed_images(stacked.image)
    return stacked


@torch.no_grad()
def embed_captions(towers: Towers, captions: DocumentArray[Caption]) -> DocumentArrayStacked[Caption]:
    """Return captions as columns, with tokens and embeddings filled in."""
    captions = DocumentArray[Caption](caption.model_copy() for caption in captions)
    for caption in captions:
        tokenize(caption)
    stacked = captions.stack()
    stacked.embedding = towers.embed_tokens(stacked.tokens)
    return stacked


def images_of(
    captions: DocumentArrayStacked[Caption], digits: DocumentArrayStacked[Digit], limit: int = 10
) -> list[DocumentArray[Digit]]:
    """Return for each caption the images nearest to it, nearest first."""
    return find_batched(digits, captions.embedding, search_field='embedding', limit=limit).documents


def captions_of(
    digits: DocumentArrayStacked[Digit], captions: DocumentArrayStacked[Caption]
) -> list[Caption]:
    """Return for each image the caption nearest to it."""
    found = find_batched(captions, digits.embedding, search_field='embedding', limit=1).documents
    return [best[0] for best in found]
