"""Columns of documents: nested ones, arrays of them, and unions of several classes.

What they hold are batches; they are handed those ready made, and make more by ``Maker`` functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, repeat
from typing import Any
from weakref import WeakValueDictionary

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

    A document never moves, so that its views stay true: a row that was written lists in ``written`` where
    its documents are, in the batch or in one of ``more``, by id; ``settled`` puts all into one batch. The
    batch is None where no row has a document (a tree of arrays of itself would never end). ``live`` has
    what shows a row as an array, and is reloaded when the row is written.
    """

    __slots__ = ('batch', 'live', 'more', 'offsets', 'valid', 'written')

    def __init__(self, batch: Any | None, offsets: npt.NDArray[np.int64], valid: Mask = None) -> None:
        self.batch, self.offsets, self.valid = batch, offsets, valid
        self.written: dict[int, list[tuple[Any, int]]] = {}
        self.more: dict[int, Any] = {}
        self.live: WeakValueDictionary[int, Any] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def get(self, row: int) -> list[tuple[Any, int]] | None:
        """Return of each document of this row its batch and its row there, or None."""
        if self.valid is not None and not self.valid[row]:
            return None
        if row in self.written:
            return self.written[row]
        return [(self.batch, place) for place in range(*self.offsets[row : row + 2].tolist())]

    def batches(self) -> tuple[Any, ...]:
        """Return all batches that have documents."""
        return (*(() if self.batch is None else (self.batch,)), *self.more.values())

    def settled(self) -> Docs:
        """Return the column with all documents in one batch: this very column, unless rows were written."""
        if not self.written:
            return self
        batches = self.batches()
        starts = dict(zip(map(id, batches), np.cumsum([0, *map(len, batches)]).tolist(), strict=False))
        sizes, chosen, done = np.diff(self.offsets), [], 0
        for row, places in sorted(self.written.items()):
            chosen.append(np.arange(self.offsets[done], self.offsets[row]))
            chosen.append(np.array([starts[id(batch)] + place for batch, place in places], np.int64))
            sizes[row], done = len(places), row + 1
        chosen.append(np.arange(self.offsets[done], self.offsets[-1]))
        return _gathered(_join(batches), np.concatenate(chosen), sizes, self.valid)

    def take(self, index: Index) -> Docs:
        whole, valid = self.settled(), take_mask(self.valid, index)
        if isinstance(index, slice) and index.step in (None, 1):
            start, stop, _ = index.indices(len(self))
            offsets = whole.offsets[start : max(start, stop) + 1]
            first, last = offsets[[0, -1]].tolist()
            batch = None if whole.batch is None or first == last else whole.batch.take(slice(first, last))
            return Docs(batch, offsets - first, valid)
        starts, sizes = whole.offsets[:-1][index], np.diff(whole.offsets)[index]
        chosen = np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
        return _gathered(whole.batch, chosen, sizes, valid)

    def values(self) -> list[Any]:
        whole = self.settled()
        rows = [] if whole.batch is None else whole.batch.rows()
        found = [rows[start:stop] for start, stop in pairwise(whole.offsets.tolist())]
        valid = repeat(True) if self.valid is None else self.valid.tolist()
        return [documents if there else None for documents, there in zip(found, valid, strict=False)]

    def put(self, row: int, documents: list[Any] | None, maker: Maker) -> None:
        made = maker[1](documents) if documents else None
        _join([*(batch.take(slice(0, 1)) for batch in self.batches()[:1]), made])  # refused if they differ
        known = [self._place(document) for document in documents or ()]
        new = [number for number, place in enumerate(known) if place is None]
        if made is not None and new:
            made = made.take(np.array(new)) if len(new) < len(known) else made
            self.more[id(made)] = made
        places = iter(range(len(new)))
        self.written[row] = [place or (made, next(places)) for place in known]
        self.valid = put_mask(self.valid, len(self), row, documents is not None)
        shown = self.live.get(row)
        if shown is not None:
            shown.__docarray_reload__()

    def _place(self, document: Any) -> tuple[Any, int] | None:
        """Where a document is, if it is one of this column."""
        if not document.is_view():
            return None
        batch, row = document.__docarray_place__
        return (batch, row) if batch is self.batch or id(batch) in self.more else None

    def state(self) -> Any:
        whole = self.settled()
        return whole.batch, whole.offsets, whole.valid

    @classmethod
    def concat(cls, parts: Sequence[Docs]) -> Docs:
        parts = [part.settled() for part in parts]
        starts = np.cumsum([0, *(part.offsets[-1] for part in parts)])
        offsets = [part.offsets[:-1] + start for part, start in zip(parts, starts, strict=False)]
        masks = concat_masks([(part.valid, len(part)) for part in parts])
        return cls(_join([part.batch for part in parts]), np.concatenate([*offsets, starts[-1:]]), masks)


def _gathered(
    batch: Any | None, chosen: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], valid: Mask
) -> Docs:
    """Return a column of arrays of so many documents each, taken from anywhere in a batch."""
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Docs(None if batch is None or not len(chosen) else batch.take(chosen), offsets, valid)


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
