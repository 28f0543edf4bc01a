"""Values: a column of a stacked array as a list-like of the documents' own values, live both ways."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from docarray.array.select import read_index
from docarray.array.views import read_field, view
from docarray.batch import Batch, field_values
from docarray.cells import Numbers
from docarray.schema import Field
from docarray.values import equal_values, shown


class Values(Collection[Any]):
    """A column as the values that the documents have, list-like.

    No ``Sequence``: tensorflow would take that for a structure of n leaves, where it takes this for an array.

    Equal to a list of equal values. Assigning to a row validates the value and writes the column.
    ``np.asarray(values)`` of numbers without missing rows shares the column's memory.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> stacked = DocumentArray[TextDoc]([TextDoc(text='a'), TextDoc(text='b')]).stack()
        >>> stacked.text[0] = 'z'
        >>> stacked.text == ['z', 'b'], stacked[0].text
        (True, 'z')
    """

    __slots__ = ('_batch', '_column', '_field', '_read')

    def __init__(self, field: Field, column: Any, batch: Batch) -> None:
        self._field, self._column, self._batch = field, column, batch
        self._read = read_field(field)

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, index: Any) -> Any:
        rows = read_index(index, len(self), self._field.name)
        if isinstance(rows, int):
            return self._read(self._column, rows)
        return [self._read(self._column, row) for row in np.arange(len(self))[rows].tolist()]

    def __setitem__(self, index: int, value: Any) -> None:
        name = self._field.name
        row = read_index(index, len(self), name)
        if not isinstance(row, int):
            raise TypeError(f'{name}: a column takes one value at a time; assign the whole column instead')
        setattr(view(self._batch, row), name, value)

    def __iter__(self) -> Iterator[Any]:
        if self._field.form == 'cells':
            return iter(field_values(self._field, self._column))
        return (self._read(self._column, row) for row in range(len(self)))

    def __contains__(self, value: object) -> bool:
        return value in list(self)

    def __reversed__(self) -> Iterator[Any]:
        return iter(list(self)[::-1])

    @property
    def shape(self) -> tuple[int]:
        """The number of rows, as the shape of an array."""
        return (len(self),)

    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """Return the first row, from ``start`` on and before ``stop``, whose value is equal."""
        return list(self).index(value, start, len(self) if stop is None else stop)

    def count(self, value: object) -> int:
        """Return how many rows have this value."""
        return list(self).count(value)

    def tolist(self) -> list[Any]:
        """Return the values as a list of their own."""
        return list(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Values, list, tuple)):
            return equal_values(list(self), list(other))
        return NotImplemented

    def __repr__(self) -> str:
        return repr(shown(self[:11]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if isinstance(self._column, Numbers) and self._column.valid is None:
            data = self._column.data
            return data if dtype is None and not copy else data.astype(dtype or data.dtype)
        return np.array(list(self), dtype=dtype)
