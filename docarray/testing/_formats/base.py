"""What the tests of the contract of formats share: the format, its documents, and how they are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, settings

from docarray.document import BaseDocument
from docarray.formats import Format
from docarray.schema import schema_of
from docarray.testing._formats.batches import FORMS
from docarray.testing._formats.classes import Part
from docarray.testing._formats.difference import difference
from docarray.typing import NdArray

# Not made smaller, which takes minutes for classes of fifty fields: failures say where they are.
many = settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.data_too_large,
        HealthCheck.differing_executors,
        HealthCheck.filter_too_much,
        HealthCheck.large_base_example,
        HealthCheck.too_slow,
    ],
)


class Message(BaseDocument):
    """What streams and damaged messages are made of: a few kinds, with None and without."""

    text: str
    number: int | None = None
    data: bytes = b''
    words: list[str] = []
    vector: NdArray | None = None
    part: Part | None = None


def messages(count: int, start: int = 0) -> list[Any]:
    """Return documents that are all different, the first of them numbered ``start``."""
    return [
        Message(
            id=f'm{number}',
            text='ab\n"é\U0001f600'[: number % 7],
            number=None if number % 3 else number,
            data=bytes(range(number % 9)),
            words=['w'] * (number % 4),
            vector=None if number % 2 else np.arange(number % 5, dtype=np.float32),
            part=Part(id=f'p{number}', text=f'{number}') if number % 5 else None,
        )
        for number in range(start, start + count)
    ]


def cut(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Yield data in pieces of such sizes, over and over; 0 is an empty piece."""
    at = 0
    for size in cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


class FormatTests:
    """A format and how to hold what it reads against what it wrote. See ``FormatContract``."""

    format: Format
    keeps_dtype: bool = True
    reads_early: bool = True
    damages: int = 300

    def check(self, cls: Any, documents: list[Any], form: str) -> None:
        """Write documents that lie in memory in one of ``FORMS``, and read them again."""
        schema = schema_of(cls)
        batch, wanted = FORMS[form](schema, documents)
        message = self.format.dumps(batch)
        assert type(message) is bytes
        self.same(batch.rows(), wanted, f'{form} after writing', views=True)
        read = self.format.loads(message, schema)
        assert read.schema is schema
        assert len(read) == len(wanted)
        self.same(read.rows(), wanted, form)
        self.same(read.take(slice(1, None)).rows(), wanted[1:], f'part of the {form}')
        assert list(read.data) == list(schema.fields)
        assert [len(column) for column in read.data.values()] == [len(wanted)] * len(schema.fields)

    def same(self, got: list[Any], wanted: list[Any], what: str = '', views: bool = False) -> None:
        """Fail where two lists of documents differ, and say where."""
        problem = difference(got, wanted, self.keeps_dtype, views)
        assert not problem, f'{what}{problem}'
