"""The documents of an Arrow file, of which any rows or columns are read without the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from docarray.batch import Batch
from docarray.cells import Numbers, Objects, Tensors, Texts
from docarray.formats.arrow.faults import arrow_faults
from docarray.formats.arrow.match import Match, match
from docarray.formats.arrow.memory import texts_of
from docarray.formats.arrow.read import BatchReader, joined, validate
from docarray.formats.arrow.types import is_fixed, pa
from docarray.formats.files.arrow_blocks import ArrowFile
from docarray.schema import Field, Schema

__all__ = ['ArrowDocuments']

Array = np.ndarray[Any, Any]

#: Rows that are looked up one by one; of more, record batches are cut into runs.
_FEW = 256


class ArrowDocuments:
    """The documents of an Arrow file, of which any rows or columns are read.

    Args:
        file: The file.
        schema: Of their class.
    """

    def __init__(self, file: ArrowFile, schema: Schema) -> None:
        self.file, self.schema = file, schema
        self._reader = BatchReader(schema, file.types, file.limits, fill=True)
        self._shared = {
            node.name: field.type == pa.large_binary()
            for node, field in zip(self._reader.record.nodes, file.types, strict=False)
            if node.form in ('numbers', 'texts') or is_fixed(field.type) or field.type == pa.large_binary()
        }
        self._parts: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return int(self.file.starts[-1])

    @property
    def match(self) -> Match:
        """What has changed between the class whose documents these were and the one they are read as."""
        return Match() if self._reader.trusted else match(self._reader.record, self.file.types)

    def batches(self, release: bool = False) -> Iterator[Batch]:
        """Yield all documents, a record batch at a time.

        Args:
            release: Give back the memory of each when the next one is asked for.
        """
        for number, batch in enumerate(self.file.record_batches()):
            yield self._read(batch, self.file.starts.item(number))
            if release:
                self.file.release(number)

    def take(self, rows: Array) -> Batch:
        """Return some documents.

        Args:
            rows: Their numbers, int64 (n,), from 0, in any order.
        """
        if not len(rows):
            return Batch.of(self.schema, [])
        if self._reader.trusted and len(rows) <= _FEW:
            return self._gathered(rows)
        parts = [
            self.file.record_batch(number).slice(first, count) for number, first, count in self._runs(rows)
        ]
        made = parts[0] if len(parts) == 1 else pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
        return self._read(made, rows.item(0))

    def _gathered(self, rows: Array) -> Batch:
        """Return a few documents, value by value where columns share the memory of the file."""
        starts = self.file.starts
        numbers = np.searchsorted(starts, rows, 'right') - 1
        places = list(zip(numbers.tolist(), (rows - starts[numbers]).tolist(), strict=True))
        parts = {number: self._part(number) for number in set(numbers.tolist())}
        data = {}
        for name in self._shared:
            values = [parts[number][name].get(row) for number, row in places]
            data[name] = _packed(values, self.schema.fields[name])
        others = [name for name in self.schema.fields if name not in data]
        if others:
            slices = [self.file.record_batch(number).select(others).slice(row, 1) for number, row in places]
            made = pa.Table.from_batches(slices).combine_chunks().to_batches()[0]
            data |= self._read(made, rows.item(0), others).data
        return Batch(self.schema, {name: data[name] for name in self.schema.fields}, len(rows))

    def _part(self, number: int) -> dict[str, Any]:
        """Return those columns of a record batch that share its memory."""
        part = self._parts.get(number)
        if part is None:
            batch = self.file.record_batch(number)
            names = [name for name, is_bytes in self._shared.items() if not is_bytes]
            part = dict(self._read(batch, self.file.starts.item(number), names).data)
            for name in self._shared.keys() - part.keys():
                validate([batch.column(name)])
                part[name] = _Bytes(texts_of(batch.column(name)))
            if self.file.content.view is not None:
                self._parts[number] = part
        return part

    def column(self, name: str) -> Batch:
        """Return all documents as a batch that has this column, and perhaps others."""
        names = [name] if self._reader.trusted else None
        found = [
            self._read(batch, self.file.starts.item(number), names)
            for number, batch in enumerate(self.file.record_batches(names))
        ]
        return joined(self.schema, found)

    def _read(self, batch: Any, done: int, names: Sequence[str] | None = None) -> Batch:
        with arrow_faults(self.file.content.name):
            return self._reader.read(batch, done, names)

    def _runs(self, rows: Array) -> Iterator[tuple[int, int, int]]:
        """Yield runs of rows: the record batch, the first row in it, and how many."""
        starts = self.file.starts
        numbers = np.searchsorted(starts, rows, 'right') - 1
        breaks = np.flatnonzero((np.diff(rows) != 1) | (np.diff(numbers) != 0)) + 1
        firsts = np.concatenate([[0], breaks])
        counts = np.diff(np.concatenate([firsts, [len(rows)]]))
        inside = rows[firsts] - starts[numbers[firsts]]
        yield from zip(numbers[firsts].tolist(), inside.tolist(), counts.tolist(), strict=True)


class _Bytes:
    """A column of bytes in one piece of memory."""

    def __init__(self, memory: Texts) -> None:
        self.memory = memory

    def get(self, row: int) -> bytes | None:
        """Return the bytes of a row."""
        memory = self.memory
        if memory.valid is not None and not memory.valid[row]:
            return None
        return bytes(memory.buffer[memory.offsets.item(row) : memory.offsets.item(row + 1)])


def _packed(values: list[Any], field: Field) -> Any:
    """Return packed values as a column."""
    kind, codec = field.codec.kind.name, field.codec
    if kind == 'bytes':
        return Objects([None if value is None else codec.unpack(value) for value in values])
    if kind == 'tensor':
        return Tensors.pack(values, codec.framework, field.name, 'exact')
    return Texts.pack(values) if kind == 'str' else Numbers.pack(values, kind, field.name)
