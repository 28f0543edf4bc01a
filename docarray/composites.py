"""Columns of documents: nested ones, arrays of them, and unions of several classes.

What they hold are batches; they are handed those ready made, and make more by ``Maker`` functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from docarray.errors import InvalidValueError, show
from docarray.masks import Column, Index, Mask, concat_masks, put_mask, take_mask

#: A document class and the function that makes a Batch of a list of its documents.
Maker = tuple[type, Callable[[list[Any]], Any]]


class Nested(Column):
    """A column of nested documents: their columns, and which of them are there."""

    __slots__ = ('batch', 'valid')

    def __init__(self, batch: Any, valid: Mask = None) -> None:
        self.batch, self.valid = batch, valid

    def __len__(self) -> int:
        return len(self.batch)

    def take(self, index: Index) -> Nested:
        return Nested(self.batch.take(index), take_mask(self.valid, index))

    def values(self) -> list[Any]:
        rows: list[Any] = self.batch.rows()
        if self.valid is None:
            return rows
        return [row if there else None for row, there in zip(rows, self.valid, strict=True)]

    def put(self, row: int, document: Any) -> None:
        self.batch.put(row, document)
        self.valid = put_mask(self.valid, len(self), row, document is not None)

    def state(self) -> Any:
        return self.batch, self.valid

    @classmethod
    def concat(cls, parts: Sequence[Nested]) -> Nested:
        masks = concat_masks([(part.valid, len(part)) for part in parts])
        return cls(_join([part.batch for part in parts]), masks)


class Docs(Column):
    """A column of arrays of documents: all in one batch, row i at ``offsets[i]:offsets[i + 1]``.

    The batch is None where no row has a document (a tree of arrays of itself would never end).
    """

    __slots__ = ('batch', 'offsets', 'valid')

    def __init__(self, batch: Any | None, offsets: npt.NDArray[np.int64], valid: Mask = None) -> None:
        self.batch, self.offsets, self.valid = batch, offsets, valid

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def get(self, row: int) -> range | None:
        """Return which rows of the batch are the documents of this row."""
        if self.valid is not None and not self.valid[row]:
            return None
        return range(self.offsets.item(row), self.offsets.item(row + 1))

    def take(self, index: Index) -> Docs:
        rows = np.arange(len(self))[index]
        starts, sizes = self.offsets[rows], np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        chosen = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes) + np.repeat(starts, sizes)
        batch = None if self.batch is None or not len(chosen) else self.batch.take(chosen)
        return Docs(batch, offsets, take_mask(self.valid, index))

    def values(self) -> list[Any]:
        rows = [] if self.batch is None else self.batch.rows()
        ranges = [self.get(row) for row in range(len(self))]
        return [None if found is None else rows[found.start : found.stop] for found in ranges]

    def put(self, row: int, documents: list[Any] | None, maker: Maker) -> None:
        start, stop = self.offsets.item(row), self.offsets.item(row + 1)
        made = maker[1](documents) if documents else None
        if self.batch is None:
            self.batch = made
        else:
            before, after = self.batch.take(slice(0, start)), self.batch.take(slice(stop, len(self.batch)))
            self.batch = _join([before, made, after])
        self.offsets = self.offsets.copy()
        self.offsets[row + 1 :] += len(documents or ()) - (stop - start)
        self.valid = put_mask(self.valid, len(self), row, documents is not None)

    def state(self) -> Any:
        return self.batch, self.offsets, self.valid

    @classmethod
    def concat(cls, parts: Sequence[Docs]) -> Docs:
        starts = np.cumsum([0, *(part.offsets[-1] for part in parts)])
        offsets = [part.offsets[:-1] + start for part, start in zip(parts, starts, strict=False)]
        masks = concat_masks([(part.valid, len(part)) for part in parts])
        return cls(_join([part.batch for part in parts]), np.concatenate([*offsets, starts[-1:]]), masks)


class Variants(Column):
    """A column of documents of several classes.

    ``tags`` says the class of each row (-1 for None), ``places`` its row in that class's batch.
    """

    __slots__ = ('batches', 'places', 'tags')

    def __init__(
        self, tags: npt.NDArray[np.int8], places: npt.NDArray[np.int64], batches: tuple[Any, ...]
    ) -> None:
        self.tags, self.places, self.batches = tags, places, batches

    @classmethod
    def pack(cls, values: Sequence[Any], makers: Sequence[Maker], where: str) -> Variants:
        types = [document_type for document_type, _ in makers]
        tags = np.fromiter((_tag(value, types, where) for value in values), np.int8, len(values))
        places = np.zeros(len(values), np.int64)
        batches = []
        for tag, (_, make) in enumerate(makers):
            rows = np.flatnonzero(tags == tag)
            places[rows] = np.arange(len(rows))
            batches.append(make([values[row] for row in rows.tolist()]) if len(rows) else None)
        return cls(tags, places, tuple(batches))

    def __len__(self) -> int:
        return len(self.tags)

    def get(self, row: int) -> tuple[Any, int] | None:
        """Return the batch and the row of it that this row is, or None."""
        tag = self.tags.item(row)
        batch = None if tag < 0 else self.batches[tag]
        return None if batch is None else (batch, self.places.item(row))

    def take(self, index: Index) -> Variants:
        tags, places = self.tags[index].copy(), self.places[index].copy()
        batches = []
        for tag, batch in enumerate(self.batches):
            rows = np.flatnonzero(tags == tag)
            batches.append(None if batch is None or not len(rows) else batch.take(places[rows]))
            places[rows] = np.arange(len(rows))
        return Variants(tags, places, tuple(batches))

    def values(self) -> list[Any]:
        rows = [[] if batch is None else batch.rows() for batch in self.batches]
        return [
            None if tag < 0 else rows[tag][place]
            for tag, place in zip(self.tags.tolist(), self.places.tolist(), strict=True)
        ]

    def put(self, row: int, document: Any, makers: Sequence[Maker]) -> None:
        values = self.values()
        values[row] = document
        made = Variants.pack(values, makers, '')
        self.tags, self.places, self.batches = made.tags, made.places, made.batches

    def state(self) -> Any:
        return self.tags, self.places, self.batches

    @classmethod
    def concat(cls, parts: Sequence[Variants]) -> Variants:
        parts = [part if _in_order(part) else part.take(np.arange(len(part))) for part in parts]
        tags = np.concatenate([part.tags for part in parts])
        places = np.zeros(len(tags), np.int64)
        batches = []
        for tag in range(len(parts[0].batches)):
            batches.append(_join([part.batches[tag] for part in parts]))
            rows = np.flatnonzero(tags == tag)
            places[rows] = np.arange(len(rows))
        return cls(tags, places, tuple(batches))


def _in_order(part: Variants) -> bool:
    """Whether the rows of each class stand in its batch in the order of the column."""
    return all(
        np.array_equal(part.places[part.tags == tag], np.arange(len(batch)))
        for tag, batch in enumerate(part.batches)
        if batch is not None
    )


def _tag(value: Any, types: list[type], where: str) -> int:
    if value is None:
        return -1
    exact = [tag for tag, cls in enumerate(types) if type(value) is cls]
    found = exact or [tag for tag, cls in enumerate(types) if isinstance(value, cls)]
    if not found:
        names = ' | '.join(cls.__name__ for cls in types)
        raise InvalidValueError(where=where, got=show(value), wanted=names)
    return found[0]


def _join(batches: Sequence[Any]) -> Any:
    """Join batches of one schema, None standing for one without rows."""
    found = [batch for batch in batches if batch is not None]
    return type(found[0]).concat(found) if found else None
