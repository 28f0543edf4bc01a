"""Document classes of every structure for the contract of formats, with documents of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydantic
from typing_extensions import Self

from docarray.array.rows import DocumentArray
from docarray.document import BaseDocument, BaseDocumentWithoutId
from docarray.typing import AnyTensor, ImageUrl, NdArray

_Pair: Any = NdArray[2]


class Part(BaseDocument):
    text: str
    vector: _Pair | None = None


class Tree(BaseDocument):
    name: str
    below: DocumentArray[Tree] = DocumentArray([])


class Chain(BaseDocument):
    number: int
    following: Self | None = None


class Whole(BaseDocument):
    part: Part
    maybe: Part | None = None
    parts: DocumentArray[Part]
    some: DocumentArray[Part] | None = None
    plain: list[Part] = []
    pair: tuple[Part, ...] = ()
    by_name: dict[str, Part] = {}
    grid: list[list[Part]] = []


class Cat(BaseDocument):
    lives: int


class Dog(BaseDocument):
    tricks: list[str]


class Owner(BaseDocument):
    pet: Cat | Dog
    second: Cat | Dog | None = None
    pets: list[Cat | Dog] = []


class Bare(BaseDocumentWithoutId):
    word: str | None = None


class Empty(BaseDocumentWithoutId):
    pass


class Wrapper(BaseDocumentWithoutId):
    empty: Empty
    maybe: Empty | None = None
    many: DocumentArray[Empty]


class Named(BaseDocument):
    """Names that something else might want for itself."""

    class_: int = pydantic.Field(1, alias='class')
    größe: float = 0.5
    a__b: str = 'c'
    data: bytes = b''
    schema_: str = ''
    values: list[int] = []
    valid: bool | None = None


class Outer(BaseDocument):
    """A field of several levels, whose inner columns have rows where there is no outer document."""

    inner: Whole | None = None
    url: ImageUrl | None = None
    tensor: AnyTensor | None = None


def _part(number: int) -> Part:
    return Part(text='x' * number, vector=None if number % 2 else np.full(2, number, np.float32))


def _parts(count: int) -> list[Part]:
    return [_part(number) for number in range(count)]


def _tree(depth: int, width: int) -> Tree:
    below = [_tree(depth - 1, width) for _ in range(width if depth else 0)]
    return Tree(name=f'{depth}', below=DocumentArray[Tree](below))


def _chain(length: int) -> Chain | None:
    return Chain(number=length, following=_chain(length - 1)) if length else None


def _whole(number: int) -> Whole:
    some = (None, DocumentArray[Part]([]), DocumentArray[Part](_parts(number)))[number % 3]
    return Whole(
        part=_part(number),
        maybe=_part(number) if number % 2 else None,
        parts=DocumentArray[Part](_parts(number)),
        some=some,
        plain=_parts(2),
        pair=tuple(_parts(number)),
        by_name={'': _part(1), 'ä': _part(2)},
        grid=[[], _parts(1), _parts(2)],
    )


#: Rows of each class: with and without what may be missing, many below and none.
GALLERY: dict[type[BaseDocumentWithoutId], list[Any]] = {
    Part: _parts(3),
    Tree: [_tree(3, 2), _tree(0, 0), _tree(1, 3)],
    Chain: [_chain(5), _chain(1)],
    Whole: [_whole(number) for number in range(4)],
    Owner: [
        Owner(pet=Cat(lives=9), second=Dog(tricks=[]), pets=[Dog(tricks=['a']), Cat(lives=1)]),
        Owner(pet=Dog(tricks=['roll', 'sit'])),
        Owner(pet=Cat(lives=-1), second=Cat(lives=0)),
    ],
    Bare: [Bare(), Bare(word=''), Bare(word='w')],
    Empty: [Empty(), Empty()],
    Wrapper: [
        Wrapper(empty=Empty(), maybe=Empty(), many=DocumentArray[Empty]([])),
        Wrapper(empty=Empty(), many=DocumentArray[Empty]([Empty(), Empty()])),
    ],
    Named: [Named(), Named(größe=1.5, a__b='', values=[1], valid=True, **{'class': 2})],
    Outer: [
        Outer(),
        Outer(inner=_whole(3), tensor=np.zeros((2, 0), np.int8)),
        Outer(inner=_whole(0), url='https://example.com/a.png'),
        Outer(tensor=np.float64(1.5)),
    ],
}
