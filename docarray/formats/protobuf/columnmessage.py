"""A DocVecProto taken apart: its columns by name, their values not yet read."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from docarray.cells import Numbers
from docarray.errors import FormatError
from docarray.formats.protobuf.descriptor import message_class
from docarray.formats.protobuf.natural import Reading
from docarray.formats.protobuf.nodes import Dense, NodeList, decode_text, inside, map_entries
from docarray.formats.protobuf.tensors import array_of
from docarray.formats.protobuf.wire import BYTES, FIXED64, VARINT, records
from docarray.texts import Texts

__all__ = ['ColumnMessage', 'Items', 'TensorColumn']

Array = np.ndarray[Any, Any]

_SCHEMA = 1000
#: By the kind of a field: the number and wire type of its content in NodeProto.
_SAME_SIZE = {'str': (1, BYTES), 'float': (3, FIXED64), 'bool': (4, VARINT)}
_TYPE = 13


class TensorColumn:
    """An NdArrayProto: the tensors of all documents as one.

    Attributes:
        type: The type of a node that holds such a tensor, '' where the field says it.
    """

    def __init__(self, raw: memoryview) -> None:
        self._dense = Dense(inside(raw, 1))
        self.type = ''
        for parameters in inside(raw, 2):
            for key, value in map_entries(parameters, 1):
                texts = inside(value, 3)
                if key == 'type' and texts:
                    self.type = decode_text(texts[-1])

    def array(self) -> Array | None:
        """Return the tensor (n, *shape) as a view of the message, None where no document has one.

        Raises:
            FormatError: The message does not hold such a tensor.
        """
        dense = self._dense
        if dense.dtype == 'None':
            return None
        made = array_of(dense.buffer, tuple(dense.shape), dense.dtype)
        if not made.ndim:
            raise FormatError(got='a tensor without axes', wanted='one with a row for each document')
        return made

    def length(self) -> int | None:
        """Return how many documents it is of, if it says so."""
        return None if self._dense.dtype == 'None' or not self._dense.shape else self._dense.shape[0]


class Items:
    """A ListOfAnyProto: a node for each document."""

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw

    def __len__(self) -> int:
        same = self._same_size
        return len(self.nodes) if same is None or not same[1] else len(same[2]) // same[1]

    @cached_property
    def nodes(self) -> Any:
        """The nodes, parsed by protobuf, or by docarray where they are too deep for it."""
        try:
            return message_class('ListOfAnyProto').FromString(bytes(self._raw)).data
        except Exception:  # DecodeError, which is another class in each version
            return NodeList(self._raw).data

    @cached_property
    def _same_size(self) -> tuple[tuple[int, int], int, bytes] | None:
        """Where all nodes are alike but for values of one size: number and wire type, size, and values."""
        if not len(self._raw):
            return None
        try:
            field, form, _, begin, stop = next(records(self._raw, ''))
            contents = [one for one in records(self._raw[begin:stop], '') if one[0] < _TYPE]
        except FormatError:
            return None
        if (field, form) != (1, BYTES) or len(contents) != 1 or len(self._raw) % stop:
            return None
        ((number, wire_type, _, start, end),) = contents
        count = len(self._raw) // stop
        for first, last in ((0, begin + start), (begin + end, stop)):
            if _every(self._raw, stop, first, last) != bytes(self._raw[first:last]) * count:
                return None
        return (number, wire_type), end - start, _every(self._raw, stop, begin + start, begin + end)

    def same_size_values(self, kind: str) -> Any:
        """Return the column of a field of that kind, if all its values are there and have one size."""
        content, size, data = self._same_size or ((0, 0), 0, b'')
        if not size or content != _SAME_SIZE.get(kind):
            return None
        if kind == 'float':
            return Numbers(np.frombuffer(data, '<f8').astype(np.float64))
        if kind == 'bool':
            bools = np.frombuffer(data, np.uint8)
            return Numbers(bools.astype(np.bool_)) if size == 1 and bools.max() <= 1 else None
        if not data.isascii():
            return None
        return Texts(None, data, np.arange(0, len(data) + 1, size, dtype=np.int64))


def _every(raw: memoryview, step: int, start: int, stop: int) -> bytes:
    """Return the bytes from ``start`` to ``stop`` of every ``step`` bytes."""
    if start == stop:
        return b''
    part = np.dtype(
        {'names': ['part'], 'formats': [f'V{stop - start}'], 'offsets': [start], 'itemsize': step}
    )
    return np.frombuffer(raw, part)['part'].tobytes()


class ColumnMessage:
    """A DocVecProto.

    Attributes:
        raw: Its bytes.
        schema: The fingerprint of the class that its documents are valid documents of, or ''.
        tensors: Columns of tensors.
        documents: Columns of nested documents.
        arrays: Columns of arrays of documents, a message for each document.
        items: All other columns.
    """

    def __init__(self, raw: memoryview, reading: Reading) -> None:
        self.raw, self.reading, self.schema = raw, reading, ''
        maps: dict[int, dict[str, memoryview]] = {1: {}, 2: {}, 3: {}, 4: {}}
        for number, wire_type, begin, start, stop in records(raw, reading.where):
            if wire_type == BYTES and number in maps:
                entry = raw[begin:stop]
                ((key, value),) = map_entries(entry, number)
                maps[number][key] = value
                reading.limits.check('columns', len(maps[number]), reading.where)
            elif (number, wire_type) == (_SCHEMA, BYTES):
                self.schema = decode_text(raw[start:stop])
        tensors, documents, arrays, items = maps.values()
        self.tensors = {name: TensorColumn(value) for name, value in tensors.items()}
        self.items = {name: Items(value) for name, value in items.items()}
        self.documents = {name: ColumnMessage(value, reading.deeper()) for name, value in documents.items()}
        self.arrays = {
            name: [ColumnMessage(part, reading.deeper()) for part in inside(value, 1)]
            for name, value in arrays.items()
        }

    def names(self) -> list[str]:
        """Return the names of all columns."""
        return [name for name in {**self.tensors, **self.documents, **self.arrays, **self.items} if name]

    @cached_property
    def lengths(self) -> set[int]:
        """How many documents each column has, of those that say so."""
        counted = {*map(len, self.arrays.values()), *map(len, self.items.values())}
        tensors = {column.length() for column in self.tensors.values()}
        nested = (message.lengths for message in self.documents.values())
        return counted.union({length for length in tensors if length is not None}, *nested)
