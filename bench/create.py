"""Creating and validating one document against a plain pydantic model of the same fields."""

from __future__ import annotations

from os import urandom
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from bench.timing import Row, compare
from docarray import BaseDocument
from docarray.typing import NdArray, TorchTensor


def random_id() -> str:
    return urandom(16).hex()


class PlainBase(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    id: str | None = Field(default_factory=random_id)


class PlainAuthor(PlainBase):
    name: str
    age: int


class PlainPage(PlainBase):
    title: str
    number: int
    score: float
    draft: bool
    language: str
    author: PlainAuthor


class PlainNumpy(PlainBase):
    embedding: np.ndarray[Any, Any]


class PlainTorch(PlainBase):
    tensor: torch.Tensor


class Author(BaseDocument):
    name: str
    age: int


class Page(BaseDocument):
    title: str
    number: int
    score: float
    draft: bool
    language: str
    author: Author


class Numpy(BaseDocument):
    embedding: NdArray[128]


class Torch(BaseDocument):
    tensor: TorchTensor[128]


FIELDS: dict[str, Any] = {
    'title': 'On documents',
    'number': 7,
    'score': 0.5,
    'draft': False,
    'language': 'en',
    'author': {'name': 'Ada', 'age': 36},
}


def rows() -> list[Row]:
    names = {
        **globals(),
        'array': np.arange(128, dtype=np.float32),
        'native': torch.arange(128, dtype=torch.float32),
    }
    pairs = [
        ('5 scalars and a nested document', 'Page(**FIELDS)', 'PlainPage(**FIELDS)', 1.2),
        ('an NdArray[128]', 'Numpy(embedding=array)', 'PlainNumpy(embedding=array)', 1.7),
        ('a TorchTensor[128]', 'Torch(tensor=native)', 'PlainTorch(tensor=native)', 3.0),
    ]
    return [
        compare(f'create: {name}', ours, plain, bar, names=names, rounds=600)
        for name, ours, plain, bar in pairs
    ]
