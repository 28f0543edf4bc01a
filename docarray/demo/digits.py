"""Documents of handwritten digits: the 1,797 images of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from docarray import BaseDocument, DocumentArray
from docarray._lazy import load
from docarray.typing import ImageTorchTensor, Shape

WORDS = ('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine')
PHRASES = ('a handwritten {}', 'the digit {}', '{} written by hand', 'a picture of the number {}')


class Caption(BaseDocument):
    """A short text, the words of it as numbers, and what the model makes of them."""

    text: str
    tokens: Annotated[Tensor, Shape(8, dtype='int64')] | None = None
    embedding: Annotated[Tensor, Shape(64)] | None = None


class Digit(BaseDocument):
    """A grey image of a digit, pixels from 0 to 1, with a caption."""

    image: Annotated[ImageTorchTensor, Shape(1, 8, 8)]
    caption: Caption
    digit: int
    embedding: Annotated[Tensor, Shape(64)] | None = None


def load_digits(seed: int) -> tuple[DocumentArray[Digit], DocumentArray[Digit]]:
    """Return training and held-out documents, four fifths and one fifth, shuffled by ``seed``.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998 (UCI Machine
    Learning Repository, CC BY 4.0), as shipped inside scikit-learn.
    """
    data = load('sklearn.datasets').load_digits()
    images = torch.as_tensor(data.images, dtype=torch.float32).div(16).unsqueeze(1)
    chance = torch.Generator().manual_seed(seed)
    phrases = torch.randint(len(PHRASES), (len(images),), generator=chance).tolist()
    digits = DocumentArray[Digit](
        Digit(image=image, digit=digit, caption=Caption(text=PHRASES[phrase].format(WORDS[digit])))
        for image, digit, phrase in zip(images, data.target.tolist(), phrases, strict=True)
    )
    order = torch.randperm(len(digits), generator=chance)
    cut = len(digits) * 4 // 5
    return digits[order[:cut]], digits[order[cut:]]


def captions() -> DocumentArray[Caption]:
    """Return one caption for each digit, in order: what is searched for."""
    return DocumentArray[Caption](Caption(text=PHRASES[0].format(word)) for word in WORDS)
