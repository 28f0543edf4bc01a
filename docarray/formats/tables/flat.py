"""Documents as flat columns, for tables that know no nesting: nested fields are ``outer__inner``.

A missing document is one whose columns are all blank: None, or text or bytes of length 0. A document that is
there although all of its columns are blank is told by a column of its own, ``outer``, which holds an
empty object in its row; there is such a column only where it is needed. When reading, the object may
have fields too, which columns of their own overrule.

None in a field that takes no None stands for its default. Arrays of documents, unions of documents, lists
and maps are one column each.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from docarray._typed import class_cache
from docarray.batch import Batch, check_fields, field_values
from docarray.cells import Mask, Numbers, Texts
from docarray.errors import DocArrayError, InvalidValueError, KindError, SchemaError, ValidationError, show
from docarray.formats.limits import DEFAULT_LIMITS
from docarray.kinds import identity
from docarray.masks import mask_of
from docarray.rowbatch import RowBatch
from docarray.schema import Field, Schema

__all__ = [
    'SEPARATOR',
    'FlatCells',
    'FlatColumn',
    'blank_rows',
    'converted',
    'flat_cells',
    'flat_columns',
    'known_paths',
]

SEPARATOR = '__'

_PLAIN_TEXT = {str, type(None)}


@dataclass(frozen=True)
class FlatColumn:
    """One flat column.

    Attributes:
        path: Its name: field names joined by ``__``.
        where: The same for errors, with the document class.
        owner: The document class that has the field, which may be a nested one.
        field: The field.
    """

    path: str
    where: str
    owner: Any
    field: Field

    @property
    def kind(self) -> str:
        """The name of the field's kind, or its form: 'nested', 'docs' or 'variant'."""
        return self.field.codec.kind.name if self.field.form == 'cells' else self.field.form

    @cached_property
    def has_default(self) -> bool:
        """Whether documents may be made without a value for it."""
        return not self.owner.model_fields[self.field.name].is_required()

    @cached_property
    def takes_none(self) -> bool:
        """Whether documents have None in this field, which some do by their default alone."""
        info = self.owner.model_fields[self.field.name]
        return self.field.lowered.nullable or (self.has_default and info.default is None)

    @property
    def always_there(self) -> bool:
        """Whether a nested document is made even of blank columns."""
        return not self.field.lowered.nullable and not self.has_default


def flat_columns(schema: Schema) -> dict[str, FlatColumn]:
    """Return the flat columns of a document class by name, those of whole nested documents included.

    Raises:
        SchemaError: Two fields have one name when their paths are joined.

    Example:
        >>> from docarray.documents import Mesh3D
        >>> from docarray.schema import schema_of
        >>> list(flat_columns(schema_of(Mesh3D)))[2:5]
        ['tensors', 'tensors__id', 'tensors__vertices']
    """
    document_type: Any = schema.document_type
    values = class_cache(document_type).values
    if 'flat' not in values:
        found: dict[str, FlatColumn] = {}
        for column in _columns(schema, '', document_type.__name__):
            if column.path in found:
                raise SchemaError(
                    where=document_type.__name__,
                    got=f'two flat columns of the name {show(column.path)}',
                    wanted='field names that differ when they are joined by __',
                )
            found[column.path] = column
        values['flat'] = found
    columns: dict[str, FlatColumn] = values['flat']
    return columns


def _columns(schema: Schema, prefix: str, where: str) -> Iterator[FlatColumn]:
    for name, field in schema.fields.items():
        path, place = prefix + name, f'{where}.{name}'
        yield FlatColumn(path, place, schema.document_type, field)
        if field.form == 'nested':
            yield from _columns(field.schema, path + SEPARATOR, place)


def known_paths(schema: Schema, names: Sequence[Any]) -> list[str]:
    """Return the flat column that each name of a table means; a dot is as good as ``__``.

    Raises:
        InvalidValueError: Names that mean none, or one twice.
        LimitError: More names than any table should have.
    """
    where = schema.document_type.__name__
    DEFAULT_LIMITS.check('columns', len(names), where)
    columns = flat_columns(schema)
    paths = [name if name in columns else str(name).replace('.', SEPARATOR) for name in names]
    unknown = [name for name, path in zip(names, paths, strict=True) if path not in columns]
    if unknown:
        close = [difflib.get_close_matches(str(name), columns, n=1) for name in unknown]
        meant = [f'{one[0]!r} for {show(name)}' for name, one in zip(unknown, close, strict=True) if one]
        raise InvalidValueError(
            where=where,
            got=f'columns that are no fields: {show(unknown, 300)}',
            wanted=f'columns of {show(list(columns), 500)}',
            hint=f'Did you mean {", ".join(meant[:5])}?' if meant else 'Drop them first.',
        )
    twice = sorted({path for path in paths if paths.count(path) > 1}) if len(set(paths)) < len(paths) else []
    if twice:
        raise InvalidValueError(where=where, got=f'columns twice: {show(twice)}', wanted='each column once')
    return paths


# -- out of documents ---------------------------------------------------------------------------------


class FlatCells:
    """The values of one flat column, made when they are asked for.

    Args:
        column: Which column.
        own: The documents' own values, None where missing, if they are known already.
        data: The column of a batch that has them otherwise.
        mask: Which rows of ``data`` are there, if not all.
    """

    __slots__ = ('_data', '_mask', '_own', '_packed', 'column')

    def __init__(
        self, column: FlatColumn, own: list[Any] | None = None, data: Any = None, mask: Mask = None
    ) -> None:
        self.column, self._own, self._data, self._mask = column, own, data, mask
        self._packed: list[Any] | None = None

    def own(self) -> list[Any]:
        """Return the documents' own values."""
        if self._own is None:
            self._own = self._masked(field_values(self.column.field, self._data))
        return self._own

    def packed(self) -> list[Any]:
        """Return the values as their kind stores them: bool, int, float or str."""
        if self._packed is None:
            self._packed = self._pack()
        return self._packed

    def _pack(self) -> list[Any]:
        if isinstance(self._data, (Numbers, Texts)):
            return self._masked(self._data.values())
        pack, own = self.column.field.codec.pack, self.own()
        if pack is identity or (pack is str and set(map(type, own)) <= _PLAIN_TEXT):
            return own
        return converted(own, pack, self.column)

    def example(self) -> Any:
        """Return the documents' own value of the first row that is not missing, None if all are."""
        if not isinstance(self._data, Texts):
            return next((value for value in self.own() if value is not None), None)
        packed = next(filter(_is_there, map(self._data.get, range(len(self._data)))), None)
        return packed if packed is None else self.column.field.codec.unpack(packed)

    def texts(self) -> Texts | None:
        """Return the values of a column of text as one buffer, where they are in one already."""
        if not isinstance(self._data, Texts) or self._data.rows is not None:
            return None
        data = self._data
        return Texts(None, data.buffer, data.offsets, _both(data.valid, self._mask))

    def numbers(self) -> Numbers:
        """Return the values of a column of bool, int or float as one array with a mask.

        Raises:
            KindError: A value that the kind cannot hold, such as an int beyond 64 bits.
        """
        if not isinstance(self._data, Numbers):
            return Numbers.pack(self.packed(), self.column.kind, self.column.where)
        return Numbers(self._data.data, _both(self._data.valid, self._mask))

    def _masked(self, values: list[Any]) -> list[Any]:
        if self._mask is None:
            return values
        return [value if there else None for value, there in zip(values, self._mask.tolist(), strict=True)]


def _is_there(value: Any) -> bool:
    return value is not None


def _both(valid: Mask, mask: Mask) -> Mask:
    return mask if valid is None else valid if mask is None else valid & mask


def converted(
    values: Iterable[Any], function: Callable[[Any], Any], column: FlatColumn, first: int = 0
) -> list[Any]:
    """Return the values, of rows ``first`` and on, with a function applied to all but None.

    Raises:
        DocArrayError: The function refused a value; the error says where that is.
    """
    made: list[Any] = []
    try:
        made.extend(None if value is None else function(value) for value in values)
    except ValidationError as error:
        inside: tuple[int | str, ...] = (first + len(made), *column.where.split('.')[1:])
        raise ValidationError.of(error, inside=inside) from error.__cause__
    except DocArrayError as error:
        raise error.at(f'{column.where} (row {first + len(made)})') from error.__cause__
    except Exception as error:  # whatever a codec trips over in a value that is not of its type
        where = f'{column.where} (row {first + len(made)})'
        wanted = 'a value of the declared type'
        raise KindError(where=where, got=show(str(error)), wanted=wanted) from error
    return made


def flat_cells(batch: Batch) -> list[FlatCells]:
    """Return the flat columns of documents, in the order of their fields.

    Args:
        batch: The documents, as rows (``RowBatch``) or columns.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> cells = flat_cells(Batch.of(schema_of(TextDoc), [TextDoc(text='a'), TextDoc()]))
        >>> cells[1].column.path, cells[1].own()
        ('text', ['a', None])
    """
    columns = flat_columns(batch.schema)
    if isinstance(batch, RowBatch):
        return list(_cells_of_rows(batch.schema, batch.documents, '', columns))
    return list(_cells_of_columns(batch, '', None, columns))


def _cells_of_rows(
    schema: Schema, documents: Sequence[Any], prefix: str, columns: dict[str, FlatColumn]
) -> Iterator[FlatCells]:
    check_fields(schema, documents, schema.document_type.__name__)
    missing: dict[str, Any] = {}
    rows = [missing if document is None else document.__dict__ for document in documents]
    for name, field in schema.fields.items():
        column = columns[prefix + name]
        values = _field_of(rows, name)
        if field.form == 'nested':
            inner = list(_cells_of_rows(field.schema, values, column.path + SEPARATOR, columns))
            yield from _with_marks(column, inner, mask_of(values), len(values))
        else:
            yield FlatCells(column, values)


def _field_of(rows: list[dict[str, Any]], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), rows))
    except KeyError:  # documents that are missing, or were made without validation
        return [row.get(name) for row in rows]


def _cells_of_columns(
    batch: Batch, prefix: str, mask: Mask, columns: dict[str, FlatColumn]
) -> Iterator[FlatCells]:
    for name, field in batch.schema.fields.items():
        column, data = columns[prefix + name], batch.data[name]
        if field.form == 'nested':
            valid = _both(data.valid, mask)
            inner = list(_cells_of_columns(data.batch, column.path + SEPARATOR, valid, columns))
            yield from _with_marks(column, inner, valid, len(data))
        else:
            yield FlatCells(column, data=data, mask=mask)


def _with_marks(column: FlatColumn, inner: list[FlatCells], mask: Mask, length: int) -> list[FlatCells]:
    """Return the columns of a nested document, and before them, if need be, the one that says it is there."""
    if column.always_there:
        return inner
    there = list(range(length)) if mask is None else mask.nonzero()[0].tolist()
    shown = (cells.packed() if cells.column.kind == 'str' else cells.own() for cells in inner)
    rows = blank_rows(there, shown)
    if not rows:
        return inner
    marks: list[Any] = [None] * length
    for row in rows:
        marks[row] = {}
    return [FlatCells(column, marks), *inner]


def blank_rows(rows: list[int], columns: Iterable[Sequence[Any]]) -> list[int]:
    """Return those of the rows that are blank in all columns; no more columns are made than it takes."""
    for values in columns:
        rows = [row for row in rows if _is_blank(values[row])]
        if not rows:
            break
    return rows


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, (str, bytes)) and not value)
