"""Columns into typed messages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from docarray.batch import OWN_VALUES, Batch
from docarray.composites import Docs
from docarray.errors import DocArrayError, KindError, show
from docarray.formats.protobuf.typed_plan import Place, Plan
from docarray.formats.protobuf.typed_values import MESSAGES, SCALARS, fill
from docarray.kinds import Codec

__all__ = ['Writer']


class Writer:
    """Writes batches into messages, column by column."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def write(self, batch: Batch, messages: Sequence[Any]) -> None:
        """Write the rows of a batch, each into a message."""
        document_type = batch.schema.document_type
        document = self.plan.documents[document_type]
        for place in document.places:
            name = place.field.name
            write = _WRITERS[place.form]
            there = write(self, place, batch.data[name], messages, f'{document_type.__name__}.{name}')
            if place.defaulted:
                for message in _chosen(messages, [not one for one in there]):
                    getattr(message, document.nulls).append(name)

    def cells(self, place: Place, column: Any, messages: Sequence[Any], where: str) -> Sequence[bool]:
        """Write values; as the other methods do, return which rows were there."""
        codec, (name,) = place.field.codec, place.names
        kind, values, put = codec.kind.name, column.values(), _PUT[place.form]
        pack = codec.pack if kind in OWN_VALUES else None
        says_none = kind == 'json' and not place.field.lowered.nullable
        for row, (message, value) in enumerate(zip(messages, values, strict=True)):
            if value is None and not says_none:
                continue
            try:
                put(message, name, value if pack is None else pack(value), codec)
            except DocArrayError as error:
                raise error.at(f'{where} (row {row})') from error.__cause__
            except Exception as error:  # whatever a codec or protobuf trips over
                raise KindError(
                    where=f'{where} (row {row})',
                    got=f'{show(value)}: {error}',
                    wanted=f'a value of kind {kind}',
                ) from error
        return [value is not None for value in values]

    def one(self, place: Place, column: Any, messages: Sequence[Any], where: str) -> Sequence[bool]:
        """Write a document inside each."""
        batch = column.batch
        there: list[bool]
        if isinstance(column, Docs):  # of at most one each
            whole = column.settled()
            batch, there = whole.batch, (np.diff(whole.offsets) > 0).tolist()
        elif column.valid is None:
            there = [True] * len(messages)
        else:
            batch, there = batch.take(np.flatnonzero(column.valid)), column.valid.tolist()
        self._write_into(place.names[0], batch, _chosen(messages, there))
        return there

    def many(self, place: Place, column: Any, messages: Sequence[Any], where: str) -> Sequence[bool]:
        """Write the documents inside each."""
        whole, (name,) = column.settled(), place.names
        there: list[bool] = [True] * len(messages) if whole.valid is None else whole.valid.tolist()
        targets: list[Any] = []
        for message, (start, stop), one in zip(
            messages, pairwise(whole.offsets.tolist()), there, strict=True
        ):
            if one:
                documents = getattr(message, name)
                if place.form == 'array':
                    documents.SetInParent()
                    documents = documents.documents
                targets += (documents.add() for _ in range(start, stop))
        if targets:
            self.write(whole.batch, targets)
        return there

    def variant(self, place: Place, column: Any, messages: Sequence[Any], where: str) -> Sequence[bool]:
        """Write a document of one of several classes inside each."""
        for tag, (name, batch) in enumerate(zip(place.names, column.batches, strict=True)):
            rows = np.flatnonzero(column.tags == tag)
            if len(rows):
                self._write_into(
                    name, batch.take(column.places[rows]), [messages[row] for row in rows.tolist()]
                )
        there: list[bool] = (column.tags >= 0).tolist()
        return there

    def _write_into(self, name: str, batch: Any, messages: Sequence[Any]) -> None:
        targets = [getattr(message, name) for message in messages]
        for target in targets:
            target.SetInParent()
        if targets:
            self.write(batch, targets)


def _chosen(messages: Sequence[Any], there: Sequence[bool]) -> list[Any]:
    return [message for message, one in zip(messages, there, strict=True) if one]


def _put_value(message: Any, name: str, value: Any, codec: Codec) -> None:
    setattr(message, name, SCALARS[codec.kind.name](value))


def _put_message(message: Any, name: str, value: Any, codec: Codec) -> None:
    target = getattr(message, name)
    target.SetInParent()
    MESSAGES[codec.kind.name](target, value, codec)


def _put_items(message: Any, name: str, value: Any, codec: Codec) -> None:
    fill(getattr(message, name), value, codec)


_PUT = {'value': _put_value, 'message': _put_message, 'items': _put_items}
_WRITERS = {
    **dict.fromkeys(_PUT, Writer.cells),
    'document': Writer.one,
    'documents': Writer.many,
    'array': Writer.many,
    'variant': Writer.variant,
}
