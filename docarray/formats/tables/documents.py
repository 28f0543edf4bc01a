"""Documents of flat columns: the way back from what ``flat`` makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import pydantic

from docarray.batch import collector_paused
from docarray.errors import SchemaError, ValidationError
from docarray.formats.building import builder_of
from docarray.formats.limits import DEFAULT_LIMITS
from docarray.formats.tables.flat import SEPARATOR, FlatColumn, blank_rows, flat_columns
from docarray.lowering import SCHEMALESS_MARK
from docarray.masks import mask_of
from docarray.schema import Schema, schema_of

__all__ = ['documents_of', 'schema_of_array']


def schema_of_array(cls: Any) -> Schema:
    """Return the schema of the documents of an array class.

    Raises:
        SchemaError: The class does not say what its documents are.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> schema_of_array(DocumentArray[TextDoc]).document_type.__name__
        'TextDoc'
    """
    if cls.document_type.__dict__.get(SCHEMALESS_MARK):
        raise SchemaError(
            where=cls.__name__,
            got='an array without a document type',
            wanted='a typed one, for a table does not tell the types of its columns',
            hint=f'Call it on {cls.__name__}[YourDocument].',
        )
    return schema_of(cls.document_type)


def documents_of(schema: Schema, columns: Mapping[str, Sequence[Any]], length: int) -> list[Any]:
    """Make documents of flat columns.

    Args:
        schema: The schema of their class.
        columns: By path, one value for each document: None where it is missing, else the packed value or
            the document's own. Columns may be missing, and stand in any order.
        length: How many documents there are.

    Raises:
        ValidationError: A document was refused; the path of its faults starts with the row.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> documents_of(schema_of(TextDoc), {'text': ['a', None]}, 2)[0].text
        'a'
    """
    DEFAULT_LIMITS.check('documents', length, schema.document_type.__name__)
    with collector_paused():
        return _Builder(columns, flat_columns(schema)).build(schema, (), list(range(length)), [None] * length)


#: In the place of a value: the field takes its default.
_DEFAULT = object()


class _Builder:
    """Makes documents of flat columns, those inside others first."""

    def __init__(self, given: Mapping[str, Sequence[Any]], columns: dict[str, FlatColumn]) -> None:
        self.given, self.columns = given, columns

    def build(self, schema: Schema, outer: tuple[str, ...], rows: list[int], wholes: list[Any]) -> list[Any]:
        """Return the documents at one place, one for each of these rows.

        Args:
            schema: The schema of their class.
            outer: The fields that lead there.
            rows: Which rows have a document there.
            wholes: For each of them an object of some of its fields, or None.
        """
        values: dict[str, list[Any]] = {}
        for name, field in schema.fields.items():
            column = self.columns[SEPARATOR.join((*outer, name))]
            if field.form == 'nested':
                values[name] = self.nested(column, (*outer, name), rows)
            elif column.path in self.given:
                given = self.given[column.path]
                values[name] = _without_none(column, _unpacked(column, [given[row] for row in rows]))
        build, made = builder_of(schema), []
        for row, found in zip(rows, _found(values, wholes), strict=True):
            try:
                made.append(build(found))
            except pydantic.ValidationError as error:
                raise ValidationError.of(error, inside=(row, *outer)) from error.__cause__
        return made

    def nested(self, column: FlatColumn, place: tuple[str, ...], rows: list[int]) -> list[Any]:
        """Return nested documents for these rows, or what stands for them where they are missing."""
        whole, inside = self.given.get(column.path), column.path + SEPARATOR
        inner = [values for path, values in self.given.items() if path.startswith(inside)]
        if whole is None and not inner:
            return [_DEFAULT] * len(rows)
        found = [None if whole is None else whole[row] for row in rows]
        blank = set() if column.always_there else set(blank_rows(rows, inner))
        numbers = [
            number
            for number, (row, value) in enumerate(zip(rows, found, strict=True))
            if isinstance(value, dict) or (value is None and row not in blank)
        ]
        chosen, wholes = [rows[number] for number in numbers], [found[number] for number in numbers]
        found = _without_none(column, found)
        for number, document in zip(
            numbers, self.build(column.field.schema, place, chosen, wholes), strict=True
        ):
            found[number] = document
        return found


def _found(values: dict[str, list[Any]], wholes: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield the values of each document by field name, without those that take their defaults."""
    names = list(values)
    sparse = any(value is _DEFAULT for column in values.values() for value in column)
    rows = zip(*values.values(), strict=True) if values else repeat(())
    for row, whole in zip(rows, wholes, strict=False):
        found = dict(zip(names, row, strict=True))
        if sparse:
            found = {name: value for name, value in found.items() if value is not _DEFAULT}
        if whole:
            found = whole | {name: value for name, value in found.items() if value is not None}
        yield found


def _without_none(column: FlatColumn, values: list[Any]) -> list[Any]:
    """Return the values with None replaced by the default, where the field has one and takes no None."""
    if column.field.lowered.nullable or not column.has_default or mask_of(values) is None:
        return values
    return [_DEFAULT if value is None else value for value in values]


def _unpacked(column: FlatColumn, values: list[Any]) -> list[Any]:
    """Return packed values as documents have them; what the codec does not take is left to pydantic."""
    codec = None if column.field.form != 'cells' else column.field.codec
    if codec is None or codec.plain or codec.kind.name not in _PACKED:
        return values
    wanted, unpack = _PACKED[codec.kind.name], codec.unpack

    def read(value: Any) -> Any:
        try:
            return unpack(value) if isinstance(value, wanted) else value
        except Exception:  # a codec raises what its type raises, and pydantic says it better
            return value

    return list(map(read, values))


#: What packed values of these kinds are; other kinds are read as the documents' own values.
_PACKED: dict[str, type] = {'bool': bool, 'int': int, 'float': float, 'str': str}
