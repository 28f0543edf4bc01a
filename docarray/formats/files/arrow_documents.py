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
from docarray.formats.arrow.read import BatchReader, Reading, joined, validate
from docarray.formats.arrow.types import Node, Record, is_fixed, pa
from docarray.formats.files.arrow_apart import has_blobs
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
        lazy: Whether the bytes of blobs are left in the file until they are asked for.
    """

    def __init__(self, file: ArrowFile, schema: Schema, lazy: bool = False) -> None:
        self.file, self.schema = file, schema
        self._reader = BatchReader(schema, file.types, file.limits, fill=True)
        found = lazy and self._reader.trusted and has_blobs(file.types)
        file.lazy = found and not _in_unions(self._reader.record)
        if file.lazy:
            self._reader.reading = Reading(file.limits, file.blob)
        pairs = list(zip(self._reader.record.nodes, file.types, strict=False))
        self._shared = {node.name: field for node, field in pairs if _is_shared(node, field)}
        #: Whether a few rows are gathered value by value: not where there are blobs within documents.
        self._gathers = self._reader.trusted and not (
            file.lazy and has_blobs(field for node, field in pairs if node.name not in self._shared)
        )
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
        if self._gathers and len(rows) <= _FEW:
            return self._gathered(rows)
        parts = (
            self.file.record_batch(number).slice(first, count) for number, first, count in self._runs(rows)
        )
        if self.file.lazy:  # blobs cannot be copied, and are looked at while their record batch is at hand
            return joined(self.schema, [self._read(part, 0) for part in parts])
        return self._read(_in_one(list(parts)), rows.item(0))

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
            data |= self._read(_in_one(slices), rows.item(0), others).data
        return Batch(self.schema, {name: data[name] for name in self.schema.fields}, len(rows))

    def _part(self, number: int) -> dict[str, Any]:
        """Return those columns of a record batch that share its memory."""
        part = self._parts.get(number)
        if part is None:
            batch = self.file.record_batch(number)
            names = [name for name, field in self._shared.items() if field.type != pa.large_binary()]
            part = dict(self._read(batch, self.file.starts.item(number), names).data)
            for name in self._shared.keys() - part.keys():
                validate([batch.column(name)])
                lazy = self.file.lazy and has_blobs([self._shared[name]])
                part[name] = (self._blobs if lazy else _Bytes)(texts_of(batch.column(name)))
            if self.file.content.view is not None:
                self._parts[number] = part
        return part

    def _blobs(self, memory: Texts) -> _Blobs:
        return _Blobs(memory, self.file)

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


def _in_unions(record: Record) -> bool:
    """Whether there are blobs in unions of documents, whose rows are put together anew when they are read."""
    return any(
        has_blobs([pa.field('', node.type)]) if node.form == 'variant' else any(map(_in_unions, node.members))
        for node in record.nodes
    )


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


class _Blobs:
    """A column of blobs, which are left where they are."""

    def __init__(self, memory: Texts, file: ArrowFile) -> None:
        self.memory, self.file = memory, file
        self.address = pa.py_buffer(memory.buffer).address

    def get(self, row: int) -> Any:
        """Return what the blob of a row is made of."""
        memory = self.memory
        if memory.valid is not None and not memory.valid[row]:
            return None
        first, last = memory.offsets[row : row + 2].tolist()
        return self.file.blob(self.address + first, last - first)


def _is_shared(node: Node, field: Any) -> bool:
    """Whether the values of a column are read one by one from the memory of the file."""
    return node.form in ('numbers', 'texts') or is_fixed(field.type) or field.type == pa.large_binary()


def _in_one(parts: list[Any]) -> Any:
    """Return record batches as one."""
    return parts[0] if len(parts) == 1 else pa.Table.from_batches(parts).combine_chunks().to_batches()[0]


def _packed(values: list[Any], field: Field) -> Any:
    """Return packed values as a column."""
    kind, codec = field.codec.kind.name, field.codec
    if kind == 'bytes':
        return Objects([None if value is None else codec.unpack(value) for value in values])
    if kind == 'tensor':
        return Tensors.pack(values, codec.framework, field.name, 'exact')
    return Texts.pack(values) if kind == 'str' else Numbers.pack(values, kind, field.name)
