"""Batches of the same documents as they may lie in memory, which a format must not care about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from docarray.array.rows import DocumentArray
from docarray.batch import Batch
from docarray.errors import StackError
from docarray.rowbatch import RowBatch
from docarray.schema import Schema

#: A batch, and the plain documents that are in it.
Made = tuple[Batch, list[Any]]


def columns(schema: Schema, documents: list[Any]) -> Batch:
    """Return columns that change nothing, whatever shapes and dtypes the tensors have."""
    return Batch.of(schema, documents, ragged='exact')


def _of_rows(schema: Schema, documents: list[Any]) -> Made:
    return RowBatch(schema, documents), documents


def _of_columns(schema: Schema, documents: list[Any]) -> Made:
    return columns(schema, documents), documents


def _sliced(schema: Schema, documents: list[Any]) -> Made:
    """The end of a longer batch, whose memory it shares."""
    count = len(documents)
    return columns(schema, documents * 2).take(slice(count, 2 * count)), documents


def _gathered(schema: Schema, documents: list[Any]) -> Made:
    """Rows taken in another order than they lie in memory."""
    backwards = np.arange(len(documents))[::-1]
    return columns(schema, documents[::-1]).take(backwards), documents


def _joined(schema: Schema, documents: list[Any]) -> Made:
    made = columns(schema, documents)
    return Batch.concat([made, made]), documents * 2


def _written(schema: Schema, documents: list[Any]) -> Made:
    """Columns whose rows have all been written once more, where their tensors are of one shape."""
    made = columns(schema, documents[::-1])
    try:
        for row, document in enumerate(documents):
            made.put(row, document)
    except StackError:
        return _of_columns(schema, documents)
    return made, documents


def _live(schema: Schema, documents: list[Any]) -> Made:
    """Rows that are views of a stacked array."""
    cls: Any = DocumentArray[schema.document_type]  # type: ignore[name-defined]  # made at run time
    stacked = cls(documents).stack(ragged='list')
    return RowBatch(schema, list(stacked)), list(stacked.unstack())


FORMS: dict[str, Callable[[Schema, list[Any]], Made]] = {
    'rows': _of_rows,
    'columns': _of_columns,
    'sliced columns': _sliced,
    'gathered columns': _gathered,
    'joined columns': _joined,
    'written columns': _written,
    'live rows': _live,
}
