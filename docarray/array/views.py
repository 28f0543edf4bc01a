"""Rows of a batch as documents: cheap, live, and instances of the document class.

A view class derives from the document class without running pydantic's class building; it has a
property for each field that reads the column, and assignment writes it. Where pydantic asks for
``__dict__`` (to dump, to copy, to validate a model that holds the view) it gets the row's values.
"""

from __future__ import annotations

import copy
import functools
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic_core import PydanticUndefined

from docarray._typed import class_cache
from docarray.array.validate import field_adapter
from docarray.batch import OWN_VALUES, Batch, put_documents
from docarray.errors import UnsupportedError
from docarray.kinds import identity
from docarray.schema import Field, Schema, schema_of

_set = object.__setattr__
Reader = Callable[[Any, int], Any]


def view(batch: Batch, row: int) -> Any:
    """Return row ``row`` of a batch as a document that reads and writes its columns."""
    schema = batch.schema
    made = object.__new__(schema.view_class or _view_class(schema))
    _set(made, '__docarray_place__', (batch, row))
    return made


def _view_class(schema: Schema) -> Any:
    """Make the class of the views of a document class; of two threads that do so, the first is heard."""
    made = _make_view_class(schema.document_type)
    schema.view_class = class_cache(schema.document_type).values.setdefault('view', made)
    return schema.view_class


def plain(document: Any) -> Any:
    """Return a document of its own with a view's values, which shares nothing with the columns."""
    batch, row = document.__docarray_place__
    return batch.take(np.array([row])).rows()[0]


def read_field(field: Field) -> Reader:
    """Return the function (column data, row) -> the document's value of that field."""
    if field.form == 'nested':
        return _read_nested
    if field.form == 'variant':
        return _read_variant
    if field.form == 'docs':
        return _read_documents(field)
    if field.codec.plain or field.codec.kind.name in OWN_VALUES:
        return _read_plain
    unpack = field.codec.unpack

    def read_packed(column: Any, row: int) -> Any:
        value = column.get(row)
        return None if value is None else unpack(value)

    if field.codec.kind.name != 'tensor':
        return read_packed

    def read_tensor(column: Any, row: int) -> Any:
        rows = column.typed(unpack)
        return read_packed(column, row) if rows is None else rows[row]

    return read_tensor


def _read_plain(column: Any, row: int) -> Any:
    return column.get(row)


def _read_nested(column: Any, row: int) -> Any:
    if column.valid is not None and not column.valid[row]:
        return None
    return view(column.batch, row)


def _read_variant(column: Any, row: int) -> Any:
    found = column.get(row)
    return None if found is None else view(*found)


def _read_documents(field: Field) -> Reader:
    """Return the reader of an array of documents: a live one, the same each time, if it can be changed."""
    collect = field.lowered.collect
    live_class = _live_class(type(collect([])), field.schema.document_type)

    def read(column: Any, row: int) -> Any:
        places = column.get(row)
        if places is None or live_class is None:
            return None if places is None else collect([view(*place) for place in places])
        live = column.live.get(row)
        if live is None:
            live = live_class()
            _set(live, '__docarray_row__', (field, column, row))
            live.__docarray_reload__()
            column.live[row] = live
        return live

    return read


def _live_class(container: Any, document_type: type) -> Any:
    """Return the class of arrays of documents in a row that write changes; None where nothing can change.

    One for each container: a list, a deque or a DocumentArray.
    """
    if not issubclass(container, (list, deque)):
        return None
    known = class_cache(document_type).values
    return known.get(('live', container)) or known.setdefault(
        ('live', container), _make_live_class(container)
    )


def _make_live_class(container: Any) -> Any:
    weak = () if container.__weakrefoffset__ else ('__weakref__',)
    namespace = {
        '__slots__': ('__docarray_row__', *weak),
        '__module__': container.__module__,
        '__qualname__': container.__qualname__,
        '__doc__': container.__doc__,
        '__docarray_reload__': _reload,
        '__reduce_ex__': lambda self, protocol: (identity, (container(map(plain, self)),)),
        '_like': lambda self, documents: container(())._like(documents),
        **{name: _writing(getattr(container, name)) for name in _CHANGES if hasattr(container, name)},
    }
    return type.__new__(type(container), container.__name__, (container,), namespace)


_CHANGES = (
    *('append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'),
    *('appendleft', 'extendleft', 'popleft', 'rotate'),
    *('__delitem__', '__iadd__', '__imul__', '__setitem__'),
)


def _writing(change: Callable[..., Any]) -> Callable[..., Any]:
    """A method of lists that changes them, writing the column; if that is refused, nothing has changed."""

    @functools.wraps(change)
    def write(self: Any, *args: Any, **options: Any) -> Any:
        before = list(self)
        result = change(self, *args, **options)
        field, column, row = self.__docarray_row__
        try:
            put_documents(field, column, row, self)
        except Exception:
            _fill(self, before)
            raise
        return result

    return write


def _reload(live: Any) -> None:
    _, column, row = live.__docarray_row__
    _fill(live, [view(*place) for place in column.get(row) or ()])


def _fill(live: Any, documents: list[Any]) -> None:
    """Replace what a list or deque holds, by its own methods: those of ``live`` would write the column."""
    kind: Any = list if isinstance(live, list) else deque
    kind.clear(live)
    kind.extend(live, documents)


def _make_view_class(document_type: Any) -> Any:
    fields = schema_of(document_type).fields
    namespace = {
        '__slots__': ('__docarray_place__',),
        '__module__': document_type.__module__,
        '__qualname__': document_type.__qualname__,
        '__doc__': document_type.__doc__,
        '__dict__': property(lambda self: {name: getattr(self, name) for name in fields}),
        '__pydantic_fields_set__': property(lambda self: set(fields)),
        '__pydantic_extra__': None,
        '__pydantic_private__': property(_private),
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
    if read is _read_plain:  # as below, one call shorter

        def get(self: Any) -> Any:
            batch, row = self.__docarray_place__
            return batch.data[name].get(row)

        return property(get)

    def read_row(self: Any) -> Any:
        batch, row = self.__docarray_place__
        return read(batch.data[name], row)

    return property(read_row)


def _write(self: Any, name: str, value: Any) -> None:
    """Validate as the document class does, then write the column, and any field that a validator changed."""
    batch, row = self.__docarray_place__
    document_type = batch.schema.document_type
    adapter = field_adapter(document_type, name) if name in batch.schema.fields else None
    if adapter is not None and adapter.alone:
        changed = {name: adapter.assign(value, row)}
    else:
        values = self.__dict__
        document = document_type.__docarray_construct__(dict(values))
        setattr(document, name, value)
        changed = {
            key: new
            for key, new in document.__dict__.items()
            if key in values and (key == name or new is not values[key])  # a cached property is no field
        }
    if not changed:
        raise UnsupportedError(
            where=f'{document_type.__name__}.{name}',
            got='assignment to a row of a stacked array',
            wanted='a field: only fields have columns',
            hint='Take a document of its own: copy() of the row, or unstack().',
        )
    if len(changed) > 1:
        trial = batch.take(np.array([row]))
        for key, new in changed.items():
            trial.put_value(0, key, new)  # refused here, before the first column is touched
    for key, new in changed.items():
        batch.put_value(row, key, new)


def _private(self: Any) -> dict[str, Any] | None:
    """Private attributes have no columns: a row has their defaults."""
    attributes = type(self).__private_attributes__.items()
    found = {name: attribute.get_default() for name, attribute in attributes}
    return {name: value for name, value in found.items() if value is not PydanticUndefined} or None
