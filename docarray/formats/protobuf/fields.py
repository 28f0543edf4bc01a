"""Readers of fields: from the nodes of one field, of many documents at once, to its values.

A reader goes by columns, since loops over one kind of thing are what Python is quickest at. ``values`` is
strict: whatever is not just as the field's own class would have written it is ``UnfitError``. ``given`` takes
what is there, for pydantic to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, chain, pairwise
from operator import attrgetter
from typing import Any

import numpy as np

from docarray.cells import Tensors
from docarray.errors import DocArrayError, LimitError, ValidationError
from docarray.formats.protobuf.natural import BytesNeededError, Reading, items_of, natural
from docarray.formats.protobuf.tensors import array_of, wire_framework
from docarray.frameworks import Framework, get_framework
from docarray.kinds import Codec, identity
from docarray.schema import Schema
from docarray.typing.types import TensorType

__all__ = ['Nodes', 'Reader', 'RefusedError', 'UnfitError', 'reader_of_codec', 'split']

Nodes = Sequence[Any]
Array = np.ndarray[Any, Any]


class UnfitError(Exception):
    """A node does not hold what its field would have written."""


class RefusedError(Exception):
    """A document of which the wire says the class is not valid.

    Args:
        fault: What pydantic raised.
        row: In which of the nodes or documents that are read it is.
        path: Where in there.
    """

    def __init__(self, fault: Any, row: int, path: tuple[int | str, ...] = ()) -> None:
        super().__init__(fault, row, path)
        self.fault, self.row, self.path = fault, row, path

    def inside(self, row: int, *path: int | str) -> RefusedError:
        """Return this error with another row, and what leads there from it."""
        return RefusedError(self.fault, row, path + self.path)

    def located(self, schema: Schema, done: int = 0) -> ValidationError:
        """Return this as an error about documents of that schema, of which some were ``done`` before."""
        title = schema.document_type.__name__
        return ValidationError.of(self.fault, title=title, inside=(done + self.row, *self.path))


class Reader:
    """Reads the nodes of one field."""

    def values(self, nodes: Nodes, reading: Reading) -> list[Any]:
        """Return the values of the field, None for nodes without content.

        Raises:
            UnfitError: A node holds something else.
        """
        raise NotImplementedError

    def unchecked(self, nodes: Nodes, reading: Reading) -> list[Any]:
        """Return what pydantic makes the values of the field of: not known to be valid.

        Raises:
            UnfitError: A node holds something else.
        """
        return self.values(nodes, reading)

    def given(self, nodes: Nodes, reading: Reading) -> list[Any]:
        """Return what the nodes hold, whatever it is, for pydantic to judge.

        Raises:
            RefusedError: Pydantic would not know of which class a document is that is not valid.
        """
        try:
            return self.unchecked(nodes, reading)
        except UnfitError:
            return [self._one(row, node, reading) for row, node in enumerate(nodes)]

    def _one(self, row: int, node: Any, reading: Reading) -> Any:
        try:
            return self.unchecked([node], reading)[0]
        except UnfitError:
            return natural(node, reading)
        except RefusedError as error:
            raise error.inside(row) from None


class CellReader(Reader):
    """Reads a field with a codec.

    Args:
        codec: The codec.
        nullable: Whether values may be None.
    """

    def __init__(self, codec: Codec, nullable: bool) -> None:
        self.codec, self.nullable = codec, nullable

    def packed(self, nodes: Nodes, reading: Reading) -> list[Any]:
        """Return values of the codec's kind, None for nodes without content.

        Raises:
            UnfitError: A node holds something else.
        """
        raise NotImplementedError

    def values(self, nodes: Nodes, reading: Reading) -> list[Any]:
        values = self.packed(nodes, reading)
        missing = any(value is None for value in values)
        if missing and not self.nullable:
            raise UnfitError
        unpack = self.codec.unpack
        if unpack is identity:
            return values
        try:
            if not missing:
                return list(map(unpack, values))
            return [None if value is None else unpack(value) for value in values]
        except Exception as error:  # whatever a codec trips over
            raise UnfitError from error


class ScalarReader(CellReader):
    """Reads numbers, text or bytes."""

    content = ''

    def packed(self, nodes: Nodes, reading: Reading) -> list[Any]:
        values = list(map(attrgetter(self.content), nodes))
        if not all(values):  # those that look false may be missing, or something else
            for row, value in enumerate(values):
                if not value and nodes[row].WhichOneof('content') != self.content:
                    if nodes[row].WhichOneof('content') is not None:
                        raise UnfitError
                    values[row] = None
        return values


class TextReader(ScalarReader):
    """Reads text."""

    content = 'text'


class IntReader(ScalarReader):
    """Reads integers."""

    content = 'integer'


class FloatReader(ScalarReader):
    """Reads floats."""

    content = 'float'


class BoolReader(ScalarReader):
    """Reads bools."""

    content = 'boolean'


class BytesReader(ScalarReader):
    """Reads bytes."""

    content = 'blob'


class TensorReader(CellReader):
    """Reads tensors: those of one shape and dtype in one piece of memory, for all rows."""

    def __init__(self, codec: Codec, nullable: bool) -> None:
        super().__init__(codec, nullable)
        declared = getattr(codec.type, 'tensor_type', TensorType())
        self.fits = TensorType(modality=declared.modality, shape=codec.kind.shape).fitter

    def values(self, nodes: Nodes, reading: Reading) -> list[Any]:
        try:
            whole = self._whole(nodes)
            if whole is None:
                return super().values(nodes, reading)
            column = Tensors(whole)
            rows = column.typed(self.codec.unpack)
            if rows is not None:
                return list(rows)
            return [self.codec.unpack(value) for value in column.values()]
        except DocArrayError as error:
            raise UnfitError from error

    def packed(self, nodes: Nodes, reading: Reading) -> list[Any]:
        try:
            return [self._tensor(node) for node in nodes]
        except DocArrayError as error:
            raise UnfitError from error

    def _whole(self, nodes: Nodes) -> Any:
        """Return all tensors as one, or None if they differ or some are missing."""
        if len(nodes) < 2:
            return None
        dense = [node.ndarray.dense for node in nodes]
        first = dense[0]
        buffer, shape, dtype = first.buffer, list(first.shape), first.dtype
        same_type = self.codec.framework or all(node.type == nodes[0].type for node in nodes)
        if not buffer or not same_type or not all(one.dtype == dtype and one.shape == shape for one in dense):
            return None
        buffers = [one.buffer for one in dense]
        if set(map(len, buffers)) != {len(buffer)}:
            return None
        array_of(buffer, tuple(shape), dtype)
        array = array_of(bytearray().join(buffers), (len(nodes), *shape), dtype)
        return self.column(array, nodes[0].type)

    def column(self, array: Array, name: str) -> Any:
        """Return the tensors of all rows, of one node type, as one native tensor.

        Raises:
            UnfitError: They do not fit the field.
            DtypeError: The field's framework has no such dtype.
        """
        self._check(array, array.shape[1:])
        return self.native(array, name)

    def native(self, array: Array, name: str) -> Any:
        """Return an array as a native tensor of the field's framework, or else that of a node type."""
        framework = self._framework(name)
        return array if framework.name == 'numpy' else framework.from_numpy(array)

    def _tensor(self, node: Any) -> Any:
        if node.WhichOneof('content') != 'ndarray':
            if node.WhichOneof('content') is None:
                return None
            raise UnfitError
        dense = node.ndarray.dense
        array = array_of(bytearray(dense.buffer), tuple(dense.shape), dense.dtype)
        self._check(array, array.shape)
        return self.native(array, node.type)

    def _framework(self, name: str) -> Framework:
        return get_framework(self.codec.framework) if self.codec.framework else wire_framework(name)[0]

    def _check(self, array: Array, shape: tuple[int, ...]) -> None:
        if not self.fits(shape) or self.codec.kind.dtype not in (None, array.dtype.name):
            raise UnfitError


class ListReader(CellReader):
    """Reads lists, sets and tuples of one kind."""

    def __init__(self, codec: Codec, nullable: bool) -> None:
        super().__init__(codec, nullable)
        assert codec.kind.item is not None
        self.item = reader_of_codec(codec.kind.item, codec.kind.item.kind.name == 'json')

    def packed(self, nodes: Nodes, reading: Reading) -> list[Any]:
        lists = [_items_of(node) for node in nodes]
        items = list(chain.from_iterable(filter(None, lists)))
        return split(self._items(items, reading.deeper()) if items else [], lists)

    def _items(self, items: Nodes, reading: Reading) -> list[Any]:
        values = self.item.packed(items, reading)
        if not self.item.nullable and any(value is None for value in values):
            raise UnfitError
        return values


def _items_of(node: Any) -> Any:
    content = node.WhichOneof('content')
    if content not in (None, 'list', 'set', 'tuple'):
        raise UnfitError
    return None if content is None else getattr(node, content).data


def split(values: list[Any], like: Sequence[Any]) -> list[Any]:
    """Return values as lists as long as those of ``like``, None where there is None."""
    ends = accumulate((0 if one is None else len(one) for one in like), initial=0)
    return [
        None if one is None else values[start:stop]
        for one, (start, stop) in zip(like, pairwise(ends), strict=True)
    ]


class MapReader(ListReader):
    """Reads dicts of one kind of values."""

    def packed(self, nodes: Nodes, reading: Reading) -> list[Any]:
        maps: list[Any] = []
        for node in nodes:
            content = node.WhichOneof('content')
            if content not in (None, 'dict'):
                raise UnfitError
            maps.append(None if content is None else items_of(node.dict))
        items = list(chain.from_iterable(one.values() for one in maps if one is not None))
        values = split(self._items(items, reading.deeper()) if items else [], maps)
        return [
            None if one is None else dict(zip(one, found, strict=True))
            for one, found in zip(maps, values, strict=True)
        ]


class JsonReader(CellReader):
    """Reads fields of any type, which hold what the wire says."""

    def packed(self, nodes: Nodes, reading: Reading) -> list[Any]:
        try:
            return [natural(node, reading) for node in nodes]
        except LimitError:
            raise
        except DocArrayError as error:
            raise UnfitError from error

    def values(self, nodes: Nodes, reading: Reading) -> list[Any]:
        unpack = self.codec.unpack
        try:
            return [None if value is None else unpack(value) for value in self.packed(nodes, reading)]
        except (LimitError, BytesNeededError):
            raise
        except Exception as error:  # what pydantic refuses
            raise UnfitError from error


_READERS: dict[str, Callable[[Codec, bool], CellReader]] = {
    'bool': BoolReader,
    'int': IntReader,
    'float': FloatReader,
    'str': TextReader,
    'bytes': BytesReader,
    'tensor': TensorReader,
    'list': ListReader,
    'map': MapReader,
    'json': JsonReader,
}


def reader_of_codec(codec: Codec, nullable: bool) -> CellReader:
    """Return the reader of a field of that codec."""
    return _READERS[codec.kind.name](codec, nullable)
