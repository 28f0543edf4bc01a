"""Leaf columns in memory: numbers, objects and tensors, n rows each, with a mask for what is missing.

All speak one small language: ``len``, ``get(row)``, ``put(row, value)``, ``take(index)``, ``values()``,
``state()``. Values are packed ones (of a kind); None is a missing row. A mask (``valid``) is None
where every row is there, so that the usual column costs nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from docarray.errors import KindError, StackError, show
from docarray.frameworks import Framework, framework_of, get_framework
from docarray.kinds import Codec
from docarray.masks import Column, Index, Mask, concat_masks, mask_of, put_mask, take_mask
from docarray.texts import Texts

__all__ = ['Column', 'Index', 'Mask', 'Numbers', 'Objects', 'Ragged', 'Tensors', 'Texts', 'mask_of']


RaggedRule = bool | Literal['exact']


class Numbers(Column):
    """A column of bool, int (64 bit) or float: one numpy array."""

    __slots__ = ('data', 'valid')
    DTYPES: ClassVar[dict[str, Any]] = {'bool': np.bool_, 'int': np.int64, 'float': np.float64}

    def __init__(self, data: npt.NDArray[Any], valid: Mask = None) -> None:
        self.data, self.valid = data, valid

    @classmethod
    def pack(cls, values: Sequence[Any], kind: str, where: str) -> Numbers:
        """Make a column of Python numbers and None."""
        valid = mask_of(values) if None in values else None
        if valid is not None:
            values = [0 if value is None else value for value in values]
        try:
            return cls(np.array(values, cls.DTYPES[kind]).reshape(len(values)), valid)
        except (OverflowError, TypeError, ValueError):
            raise cls._refusal(values, kind, where) from None

    @classmethod
    def _refusal(cls, values: Sequence[Any], kind: str, where: str) -> KindError:
        for row, value in enumerate(values):
            try:
                np.array(value, cls.DTYPES[kind]).reshape(())
            except (OverflowError, TypeError, ValueError):
                where = f'{where} (row {row})'
                break
        else:
            value = values
        return cls._refused(value, kind, where)

    @staticmethod
    def _refused(value: Any, kind: str, where: str) -> KindError:
        wanted = 'an int of 64 bits' if kind == 'int' else f'a {kind}'
        return KindError(
            where=where, got=show(value), wanted=wanted, hint='Declare the field as str or Any to keep it.'
        )

    def __len__(self) -> int:
        return len(self.data)

    def get(self, row: int) -> Any:
        if self.valid is not None and not self.valid[row]:
            return None
        return self.data.item(row)

    def put(self, row: int, value: Any, where: str = '') -> None:
        if value is not None:
            if not self.data.flags.writeable:  # it is shared with a file or a table
                self.data = self.data.copy()
            try:
                self.data[row] = value
            except (OverflowError, TypeError, ValueError):
                kinds = {'b': 'bool', 'i': 'int', 'f': 'float'}
                raise self._refused(value, kinds[self.data.dtype.kind], where) from None
        self.valid = put_mask(self.valid, len(self.data), row, value is not None)

    def take(self, index: Index) -> Numbers:
        return Numbers(self.data[index], take_mask(self.valid, index))

    def values(self) -> list[Any]:
        found: list[Any] = self.data.tolist()
        if self.valid is not None:
            found = [value if there else None for value, there in zip(found, self.valid, strict=True)]
        return found

    def state(self) -> Any:
        return self.data, self.valid

    @classmethod
    def concat(cls, parts: Sequence[Numbers]) -> Numbers:
        masks = concat_masks([(part.valid, len(part)) for part in parts])
        return cls(np.concatenate([part.data for part in parts]), masks)


class Objects(Column):
    """A column of the documents' own values (bytes, lists, maps, JSON): a list."""

    __slots__ = ('rows',)

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, row: int) -> Any:
        return self.rows[row]

    def put(self, row: int, value: Any, where: str = '') -> None:
        self.rows[row] = value

    def take(self, index: Index) -> Objects:
        if isinstance(index, slice):
            return type(self)(self.rows[index])
        return type(self)([self.rows[i] for i in index.tolist()])

    def values(self) -> list[Any]:
        return list(self.rows)

    def state(self) -> Any:
        return (self.rows,)

    @classmethod
    def concat(cls, parts: Sequence[Any]) -> Any:
        return cls([row for part in parts for row in part.values()])


class Ragged(Objects):
    """A column of tensors of any shapes: a list of native tensors."""

    __slots__ = ()

    @property
    def valid(self) -> Mask:
        return mask_of(self.rows)

    def mapped(self, function: Callable[[Any], Any]) -> Ragged:
        """Return the column with ``function`` applied to each tensor."""
        return Ragged([None if row is None else function(row) for row in self.rows])

    def replace(self, other: Ragged) -> None:
        """Take over the tensors of another column, in place."""
        self.rows = other.rows

    def typed(self, unpack: Callable[[Any], Any]) -> None:
        """Return None: there is no one array. See ``Tensors.typed``."""


class Tensors(Column):
    """A column of tensors of one shape: one native tensor (n, *shape), or None where every row is missing.

    Missing rows are zeros in it.
    """

    __slots__ = ('_typed', 'data', 'length', 'valid')

    def __init__(self, data: Any, valid: Mask = None, length: int | None = None) -> None:
        self.data, self.valid = data, valid
        self.length = len(data) if length is None else length
        self._typed: tuple[Any, Any] = (None, None)

    @classmethod
    def pack(
        cls, values: Sequence[Any], framework: str, where: str, ragged: RaggedRule = False
    ) -> Tensors | Ragged:
        """Stack native tensors and None into a column.

        Args:
            values: Native tensors of one shape. Of several dtypes the column has the one that numpy
                promotes them to, as web clients write 1 for 1.0, if that one holds every integer exactly.
            framework: The framework of the column, or '' for that of the first value.
            where: For the error.
            ragged: Keep tensors that fit into no column as a list instead of refusing them; 'exact' also
                keeps tensors of several dtypes or frameworks so, as they are.
        """
        valid = mask_of(values)
        there = list(values) if valid is None else [value for value in values if value is not None]
        if not there:
            return cls(None, valid, len(values))
        adapter = get_framework(framework) if framework else _adapter(there[0])
        if not all(map(adapter.matches, {type(value): value for value in there}.values())):
            if ragged == 'exact':
                return Ragged(list(values))
            there = [value if adapter.matches(value) else _convert(value, adapter) for value in there]
        if valid is None:
            with suppress(StackError):  # of several shapes or dtypes, which are looked at below
                return cls(adapter.stack(there))
        shape = adapter.shape(there[0])
        odd = next((row for row, value in enumerate(there) if adapter.shape(value) != shape), None)
        if odd is not None:
            if ragged:
                return Ragged(_spread(there, values, None))
            other = adapter.shape(there[odd])
            raise StackError(
                where=where,
                got=f'tensors of shapes {shape} and {other}',
                wanted='one shape in the whole column',
                hint="Resize or pad them, or keep the column as a list with stack(ragged='list').",
            )
        rows = there
        if valid is not None:
            filler = adapter.empty(shape, adapter.dtype(there[0]), adapter.device(there[0]))
            rows = _spread(there, values, filler)
            with suppress(StackError):
                return cls(adapter.stack(rows), valid)
        try:
            if ragged == 'exact':
                return Ragged(_spread(there, values, None))
            rows = _one_dtype(rows, adapter, where)
        except StackError:
            if ragged:
                return Ragged(_spread(there, values, None))
            raise
        return cls(adapter.stack(rows), valid)

    def __len__(self) -> int:
        return self.length

    def get(self, row: int) -> Any:
        if self.valid is not None and not self.valid[row]:
            return None
        data = self.data
        return data[row, ...] if isinstance(data, np.ndarray) else data[row]

    def typed(self, unpack: Callable[[Any], Any]) -> Any:
        """Return the column as an array whose rows are what ``unpack`` makes of each, if there is one.

        The rows of an instance of a numpy subclass are of that class, which is several times as fast.
        """
        if self._typed[0] is not self.data:
            whole = unpack(self.data) if isinstance(self.data, np.ndarray) and self.data.ndim > 1 else None
            self._typed = self.data, whole if isinstance(whole, np.ndarray) else None
        return self._typed[1] if self.valid is None else None

    def put(self, row: int, value: Any, where: str = '') -> None:
        if value is not None:
            if self.data is None:
                adapter = _adapter(value)
                shape = (self.length, *adapter.shape(value))
                self.data = adapter.empty(shape, adapter.dtype(value), adapter.device(value))
            adapter = _adapter(self.data)
            value = value if adapter.matches(value) else _convert(value, adapter)
            got, wanted = adapter.shape(value), adapter.shape(self.data)[1:]
            if got != wanted:
                raise StackError(
                    where=where, got=f'a tensor of shape {got}', wanted=f'{wanted}, as the other rows'
                )
            if not _holds(adapter.dtype(self.data), value, adapter):
                self.data, value = _one_dtype([self.data, value], adapter, where)
            self.data = adapter.put(self.data, row, value)
        self.valid = put_mask(self.valid, self.length, row, value is not None)

    def take(self, index: Index) -> Tensors:
        valid = take_mask(self.valid, index)
        if self.data is None:
            length = len(range(self.length)[index]) if isinstance(index, slice) else len(index)
            return Tensors(None, np.zeros(length, np.bool_), length)
        return Tensors(
            self.data[index] if isinstance(index, slice) else _adapter(self.data).take(self.data, index),
            valid,
        )

    def values(self) -> list[Any]:
        return [self.get(row) for row in range(self.length)]

    def state(self) -> Any:
        return self.data, self.valid, self.length

    def empty(self, codec: Codec) -> Any:
        """Return the tensor of a column without rows: (0, *shape), sizes that are not known being 0."""
        if self.data is not None:
            return self.data
        sizes = [axis if isinstance(axis, int) else 0 for axis in codec.kind.shape or ()]
        return get_framework(codec.framework or 'numpy').empty((0, *sizes), codec.kind.dtype)

    def mapped(self, function: Callable[[Any], Any]) -> Tensors:
        """Return the column with ``function`` applied to its tensor."""
        return Tensors(None if self.data is None else function(self.data), self.valid, self.length)

    def replace(self, other: Tensors) -> None:
        """Take over the tensor of another column, in place."""
        self.data = other.data

    def __deepcopy__(self, memo: Any) -> Tensors:
        return self.take(np.arange(self.length))  # frameworks refuse a deepcopy of what has a gradient

    @classmethod
    def concat(cls, parts: Sequence[Any]) -> Any:
        if any(isinstance(part, Ragged) for part in parts):
            return Ragged.concat(parts)
        filled = [part for part in parts if part.data is not None]
        masks = concat_masks([(part.valid, len(part)) for part in parts])
        if not filled:
            return cls(None, masks, sum(map(len, parts)))
        adapter = _adapter(filled[0].data)
        if len({_row_type(part.data) for part in filled}) > 1:
            return cls.pack([value for part in parts for value in part.values()], adapter.name, '')
        shape, dtype = adapter.shape(filled[0].data)[1:], adapter.dtype(filled[0].data)
        blocks = [
            adapter.empty((len(part), *shape), dtype, adapter.device(filled[0].data))
            if part.data is None
            else part.data
            for part in parts
        ]
        return cls(adapter.concat(blocks), masks)


def _row_type(data: Any) -> tuple[Any, ...]:
    adapter = _adapter(data)
    return adapter.name, adapter.shape(data)[1:], adapter.dtype(data)


def _spread(there: Sequence[Any], values: Sequence[Any], missing: Any) -> list[Any]:
    """Return one row per value: the next of ``there``, or ``missing`` where the value is None."""
    waiting = iter(there)
    return [missing if value is None else next(waiting) for value in values]


def _rank(dtype: str) -> int:
    """The order of kinds of numbers: bool, uint, int, float, complex."""
    return 3 if 'float' in dtype else 'buixc'.index(dtype[0])


def _holds(dtype: str, tensor: Any, adapter: Framework) -> bool:
    """Whether a cast to ``dtype`` keeps the kind of a tensor's numbers, and the value of its integers."""
    own = adapter.dtype(tensor)
    return own == dtype or (_rank(own) <= _rank(dtype) and _changed(tensor, dtype, adapter) is None)


#: Up to here floating dtypes hold every integer.
_EXACT = {'float16': 2**11, 'float32': 2**24, 'complex64': 2**24, 'float64': 2**53, 'complex128': 2**53}


def _changed(tensor: Any, dtype: str, adapter: Framework) -> tuple[Any, Any] | None:
    """Return the first integer of a tensor that ``dtype`` cannot hold, and what it would become."""
    if not adapter.dtype(tensor).startswith(('int', 'uint')) or not adapter.device(tensor):  # only traced
        return None
    array, limit = adapter.to_numpy(tensor), _EXACT.get(dtype, 0)
    array = array[(array > limit) | (array < -limit)]
    with np.errstate(all='ignore'):
        cast = adapter.to_numpy(adapter.cast(adapter.from_numpy(array), dtype))
    pairs = zip(array.tolist(), cast.tolist(), strict=True)  # Python compares int and float exactly
    return next(((value, kept) for value, kept in pairs if value != kept), None)


def _one_dtype(tensors: Sequence[Any], adapter: Framework, where: str) -> list[Any]:
    """Cast tensors to the dtype that numpy promotes theirs to, if it holds every integer exactly."""
    names = sorted({adapter.dtype(tensor) for tensor in tensors})
    got = f'tensors of dtypes {" and ".join(names)}'
    try:
        common = np.result_type(*names).name
    except TypeError:
        raise StackError(where=where, got=got, wanted='one dtype in the whole column', hint=_KEEP) from None
    for tensor in tensors:
        changed = None if adapter.dtype(tensor) == common else _changed(tensor, common, adapter)
        if changed is not None:
            got = f'{got}: {changed[0]} would be {changed[1]!r} in {common}'
            raise StackError(where=where, got=got, wanted='one dtype that holds every value', hint=_KEEP)
    return [adapter.cast(tensor, common) for tensor in tensors]


_KEEP = "Declare the dtype of the field, or keep the tensors as they are with stack(ragged='list')."


def _adapter(value: Any) -> Framework:
    found = framework_of(value)
    if found is None:
        raise KindError(got=show(value), wanted='a tensor')
    return found


def _convert(value: Any, adapter: Framework) -> Any:
    source = _adapter(value)
    return adapter.from_numpy(source.to_numpy(value))
