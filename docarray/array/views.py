"""Rows of a batch as documents: cheap, live, and instances of the document class.

A view class derives from the document class without running pydantic's class building; it has a
property for each field that reads the column, and assignment writes it. Where pydantic asks for
``__dict__`` (to dump, to copy, to validate a model that holds the view) it gets the row's values.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from docarray._typed import class_cache
from docarray.batch import OWN_VALUES, Batch
from docarray.kinds import identity
from docarray.schema import Field, schema_of

_set = object.__setattr__
Reader = Callable[[Any, int], Any]


def view(batch: Batch, row: int) -> Any:
    """Return row ``row`` of a batch as a document that reads and writes its columns."""
    made = object.__new__(view_class(batch.schema.document_type))
    _set(made, '_batch', batch)
    _set(made, '_row', row)
    return made


def view_class(document_type: Any) -> Any:
    """Return the class of the views of a document class, made at the first request."""
    cache = class_cache(document_type).values
    found = cache.get('view')
    if found is None:
        found = cache['view'] = _make_view_class(document_type)
    return found


def plain(document: Any) -> Any:
    """Return a document of its own with a view's values, which shares nothing with the columns."""
    return document._batch.take(np.array([document._row])).rows()[0]


def read_field(field: Field) -> Reader:
    """Return the function (column data, row) -> the document's value of that field."""
    if field.form == 'nested':
        return _read_nested
    if field.form == 'variant':
        return _read_variant
    if field.form == 'docs':
        collect = field.lowered.collect

        def read_docs(column: Any, row: int) -> Any:
            rows = column.get(row)
            return None if rows is None else collect([view(column.batch, i) for i in rows])

        return read_docs
    if field.codec.plain or field.codec.kind.name in OWN_VALUES:
        return _read_plain
    unpack = field.codec.unpack

    def read_packed(column: Any, row: int) -> Any:
        value = column.get(row)
        return None if value is None else unpack(value)

    return read_packed


def _read_plain(column: Any, row: int) -> Any:
    return column.get(row)


def _read_nested(column: Any, row: int) -> Any:
    if column.valid is not None and not column.valid[row]:
        return None
    return view(column.batch, row)


def _read_variant(column: Any, row: int) -> Any:
    found = column.get(row)
    return None if found is None else view(*found)


def _make_view_class(document_type: Any) -> Any:
    fields = schema_of(document_type).fields
    namespace = {
        '__slots__': ('_batch', '_row'),
        '__module__': document_type.__module__,
        '__qualname__': document_type.__qualname__,
        '__doc__': document_type.__doc__,
        '__dict__': property(lambda self: {name: getattr(self, name) for name in fields}),
        '__pydantic_fields_set__': property(lambda self: set(fields)),
        '__pydantic_extra__': None,
        '__pydantic_private__': None,
        '__setattr__': _write,
        '__copy__': plain,
        '__deepcopy__': lambda self, memo=None: copy.deepcopy(plain(self), memo),
        '__reduce_ex__': lambda self, protocol: (identity, (plain(self),)),
        'model_copy': lambda self, **options: plain(self).model_copy(**options),
        'is_view': lambda self: True,
    }
    made: Any = type.__new__(type(document_type), document_type.__name__, (document_type,), namespace)
    for name, field in fields.items():
        type.__setattr__(made, name, _property(name, field))
    return made


def _property(name: str, field: Field) -> property:
    read = read_field(field)
    if read is _read_plain:
        return property(lambda self: self._batch.data[name].get(self._row))
    return property(lambda self: read(self._batch.data[name], self._row))


def _write(self: Any, name: str, value: Any) -> None:
    """Validate as the document class does, then write the column, and any field that a validator changed."""
    batch, row = self._batch, self._row
    values = self.__dict__
    document = batch.schema.document_type.__docarray_construct__(dict(values))
    setattr(document, name, value)
    for field, new in document.__dict__.items():
        if field == name or new is not values[field]:
            batch.put_value(row, field, new)
