"""Tables of other libraries, and of other versions of a class: values for pydantic to judge.

A column need not be of the type that docarray writes: other libraries hand back int32, string views,
dictionaries, decimals, timestamps. Values that are of the right kind are unpacked by the field's codec;
all others are left to pydantic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import pydantic
import typing_extensions

from docarray.batch import collector_paused
from docarray.errors import FormatError, ValidationError
from docarray.formats.arrow import tensors
from docarray.formats.arrow.decode import load_json, values_of, with_gaps
from docarray.formats.arrow.encodings import check_spread, dense, python_values
from docarray.formats.arrow.memory import lists, numbers_of, texts_of
from docarray.formats.arrow.types import (
    BYTES,
    DTYPES,
    LISTS,
    TAG,
    TENSOR,
    TEXTS,
    VALUES,
    Node,
    Record,
    described,
    is_any,
    is_fixed,
    pa,
)
from docarray.formats.building import builder_of
from docarray.formats.json import load_rows
from docarray.formats.limits import Limits
from docarray.kinds import Kind


@dataclass
class Pending:
    """A document still to be made of its values."""

    record: Record
    values: dict[str, Any]


def checked_documents(record: Record, batch: Any, limits: Limits, done: int, fill: bool = False) -> list[Any]:
    """Return the documents of a record batch, validated.

    Args:
        record: The document class.
        batch: A record batch, which has been validated as far as Arrow goes.
        limits: How many documents there may be within documents.
        done: How many documents came before it.
        fill: Whether fields that may be None and have no default are None where there is no column.

    Raises:
        ValidationError: A document was refused; the path of its faults starts with the row.
    """
    fields = list(batch.schema)
    for field, array in zip(fields, batch.columns, strict=True):
        check_spread(array, limits, field.name)
    rows = _Reading(limits, fill).rows(record, fields, batch.columns, batch.num_rows)
    made: list[Any] = []
    with collector_paused():
        for row in rows:
            try:
                made.append(_finished(Pending(record, row)))
            except pydantic.ValidationError as error:
                raise ValidationError.of(error, inside=(done + len(made),)) from error.__cause__
    return made


def _finished(value: Any) -> Any:
    """Make the documents in a value; the paths of their faults say where in it they are."""
    if isinstance(value, list):
        return [_inside(place, item) for place, item in enumerate(value)]
    if not isinstance(value, Pending):
        return value
    given = value.values
    for node in value.record.nodes:
        if node.members and node.name in given:
            given[node.name] = _inside(node.name, given[node.name])
    return builder_of(value.record.schema)(given)


def _inside(place: int | str, value: Any) -> Any:
    try:
        return _finished(value)
    except pydantic.ValidationError as error:
        raise ValidationError.of(error, inside=(place,)) from error.__cause__


def load_documents(node: Node, text: str | None, row: int) -> Any:
    """Return the value of a field whose documents are JSON."""
    if text is None:
        return None
    documents = node.field.lowered.documents
    try:
        tagged = node.field.form == 'variant'
        found = (
            list(_tagged(documents).validate_json(text).values()) if tagged else load_rows(text, documents[0])
        )
    except pydantic.ValidationError as error:
        raise ValidationError.of(error, inside=(row, node.name)) from error.__cause__
    if node.field.form == 'docs':
        return node.field.lowered.collect(found)
    if len(found) != 1:
        where = f'{node.where} (row {row})'
        raise FormatError(where=where, got=f'JSON of {len(found)} documents', wanted='one')
    return found[0]


@cache
def _tagged(documents: tuple[type, ...]) -> pydantic.TypeAdapter[Any]:
    """What reads an object of one member, whose name tells the class."""
    make: Any = typing_extensions.TypedDict
    return pydantic.TypeAdapter(make('Tagged', {one.__name__: one for one in documents}, total=False))


class _Reading:
    """Columns of any types as the values of fields.

    Attributes:
        limits: How many documents there may be.
        fill: Whether fields without a column are None where that will do and there is no default.
    """

    def __init__(self, limits: Limits, fill: bool) -> None:
        self.limits, self.fill = limits, fill

    def rows(self, record: Record, fields: list[Any], arrays: list[Any], length: int) -> list[dict[str, Any]]:
        """Return one dict of values for each row."""
        document_type: Any = record.schema.document_type
        nodes = {node.name: node for node in record.nodes}
        aliases = {document_type.model_fields[name].alias: node for name, node in nodes.items()}
        others = document_type.model_config.get('extra') in ('allow', 'forbid')
        where = record.schema.document_type.__name__
        names: list[str] = []
        columns: list[list[Any]] = []
        for field, array in zip(fields, arrays, strict=True):
            node = nodes.get(field.name) or aliases.get(field.name)
            if node is not None:
                columns.append(self.values(node, dense(array, self.limits, where), field))
            elif others and not pa.types.is_null(array.type):
                columns.append(python_values(array))
            else:
                continue
            name = field.name if node is None else node.name
            if name in names:
                raise FormatError(where=f'{where}.{name}', got='two columns', wanted='one')
            names.append(name)
        if self.fill:
            declared = document_type.model_fields
            empty = [
                name
                for name, node in nodes.items()
                if name not in names and node.field.lowered.nullable and declared[name].is_required()
            ]
            names, columns = names + empty, columns + [[None] * length] * len(empty)
        if not names:
            return [{} for _ in range(length)]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def values(self, node: Node, array: Any, field: Any) -> list[Any]:
        """Return the values of one field, None where missing."""
        if node.form == 'tensors':
            return _tensors(node, array, described(field).get(VALUES, ''))
        if node.form == 'nested' and pa.types.is_struct(array.type):
            return self.documents(node.members[0], array)
        if node.form == 'docs' and _is_list_of_structs(array.type):
            return self.lists(node.members[0], array)
        if node.form == 'variant' and pa.types.is_struct(array.type):
            return self.variant(node, array)
        if node.form == 'recursive' and is_any(TEXTS, array.type):
            texts = texts_of(array.cast(pa.large_string())).values()
            return [load_documents(node, text, row) for row, text in enumerate(texts)]
        return python_values(array) if node.members or node.form == 'recursive' else _cells(node, array)

    def documents(self, record: Record, array: Any) -> list[Any]:
        """Return the documents of structs."""
        rows = self.rows(record, list(array.type), array.flatten(), len(array))
        return with_gaps([Pending(record, row) for row in rows], array)

    def lists(self, record: Record, array: Any) -> list[Any]:
        """Return lists of documents."""
        if not pa.types.is_large_list(array.type):
            array = array.cast(pa.large_list(array.type.value_field))
        offsets, values = lists(array)
        first, last = offsets.item(0), offsets.item(-1)
        self.limits.check('documents', last - first, record.schema.document_type.__name__)
        found = self.documents(record, values.slice(first, last - first))
        return with_gaps([found[start:stop] for start, stop in pairwise((offsets - first).tolist())], array)

    def variant(self, node: Node, array: Any) -> list[Any]:
        """Return documents of one of several classes, by tag."""
        parts = {field.name: part for field, part in zip(array.type, array.flatten(), strict=True)}
        tags = python_values(parts[TAG]) if TAG in parts else []
        members = {member.schema.document_type.__name__: member for member in node.members}
        found = {
            name: self.documents(member, parts[name])
            for name, member in members.items()
            if name in parts and pa.types.is_struct(parts[name].type)
        }
        if not found or TAG not in parts:
            return python_values(array)
        values = [found[tag][row] if tag in found else tag for row, tag in enumerate(tags)]
        return with_gaps(values, array)


def _is_list_of_structs(kind: Any) -> bool:
    return is_any(LISTS, kind) and bool(pa.types.is_struct(kind.value_type))


# -- cells --------------------------------------------------------------------------------------------


def _cells(node: Node, array: Any) -> list[Any]:
    codec = node.field.codec
    packed = _packed(node, array)
    if packed is None:
        packed = python_values(array)
        if codec.kind.name == 'json':
            packed = list(map(_json_or_text, packed))
    right = _RIGHT.get(codec.kind.name, object)
    return [_unpacked(codec.unpack, value) if isinstance(value, right) else value for value in packed]


def _packed(node: Node, array: Any) -> list[Any] | None:
    """Return the values of a column of the field's kind; None for a column of anything else."""
    if not _is_of_kind(node.field.codec.kind, array.type):
        return None
    try:
        return values_of(node.field.codec, array.cast(node.type), node.where)
    except (FormatError, pa.ArrowException):  # JSON that is none, or numbers that do not fit
        return None


def _is_of_kind(kind: Kind, given: Any) -> bool:
    if kind.item is None:
        return is_any(_OF_KIND[kind.name], given)
    if kind.name == 'list':
        return is_any(LISTS, given) and _is_of_kind(kind.item.kind, given.value_type)
    return bool(pa.types.is_map(given)) and _is_of_kind(kind.item.kind, given.item_type)


#: The Arrow types of each kind.
_OF_KIND: dict[str, tuple[str, ...]] = {
    'bool': ('boolean',),
    'int': ('integer',),
    'float': ('floating',),
    'str': TEXTS,
    'json': TEXTS,
    'bytes': BYTES,
    'tensor': ('struct',),
}
#: What values are unpacked by the codec.
_RIGHT: dict[str, Any] = {
    'bool': bool,
    'int': int,
    'float': float,
    'str': str,
    'bytes': bytes,
    'list': list,
    'map': dict,
}


def _json_or_text(value: Any) -> Any:
    try:
        return load_json(value, '') if isinstance(value, str) else value
    except FormatError:  # text of others, which stands for itself
        return value


def _unpacked(unpack: Callable[[Any], Any], value: Any) -> Any:
    """Unpack a value, or leave it to pydantic to say what is wrong with it."""
    if value is None:
        return None
    try:
        return unpack(value)
    except Exception:  # whatever a codec trips over in a value that is not of its type
        return value


# -- tensors ------------------------------------------------------------------------------------------


def _tensors(node: Node, array: Any, hint: str) -> list[Any]:
    framework = node.field.codec.framework
    arrays, names = _numpy_rows(node, array, hint)
    if framework or arrays is None:
        return python_values(array) if arrays is None else arrays
    pairs = zip(arrays, names, strict=True)
    return [row if row is None else tensors.installed(name).from_numpy(row) for row, name in pairs]


def _numpy_rows(node: Node, array: Any, hint: str) -> tuple[list[Any] | None, list[str]]:
    """Return each tensor as numpy, in memory of its own, and its framework; None for what is no tensor."""
    kind = array.type
    if pa.types.is_struct(kind) and {field.name for field in kind} >= {'data', 'shape', 'dtype'}:
        if kind != TENSOR:
            array = _as_tensor_structs(array)
        return tensors.struct_rows(array, node.where), tensors.struct_frameworks(array)
    rows = _fixed_rows(array) if is_fixed(kind) else _list_rows(array)
    return rows, [hint] * len(array)


def _as_tensor_structs(array: Any) -> Any:
    parts = dict(zip([field.name for field in array.type], array.flatten(), strict=True))
    columns = [parts.get(field.name, pa.nulls(len(array))).cast(field.type) for field in TENSOR]
    return pa.StructArray.from_arrays(columns, fields=list(TENSOR), mask=array.is_null())


def _fixed_rows(array: Any) -> list[Any] | None:
    kind = array.type
    if kind.value_type not in DTYPES.values() or prod(kind.shape) != kind.storage_type.list_size:
        return None
    whole = np.array(tensors.fixed_rows(array))
    if kind.permutation is not None:
        whole = whole.transpose(0, *(axis + 1 for axis in kind.permutation))
    return with_gaps([whole[row, ...] for row in range(len(whole))], array)


def _list_rows(array: Any) -> list[Any] | None:
    """Return lists of numbers as arrays that keep their dtype; None for lists of anything else."""
    if not is_any(LISTS, array.type):
        return None
    there, sizes = array.drop_null(), []
    offsets, values = None, there
    if not pa.types.is_fixed_size_list(array.type):
        there = there.cast(pa.large_list(array.type.value_field))
        offsets, values = lists(there)
    count = len(values)
    while pa.types.is_fixed_size_list(values.type) and not values.null_count:
        size = values.type.list_size
        sizes.append(size)
        values = values.values.slice(values.offset * size, len(values) * size)
    kind = values.type
    if kind not in DTYPES.values() or pa.types.is_boolean(kind) or values.null_count:
        return None
    whole = np.array(numbers_of(values)).reshape(count, *sizes)
    rows = iter(whole if offsets is None else [whole[a:b] for a, b in pairwise(offsets.tolist())])
    return [next(rows) if valid else None for valid in array.is_valid().to_pylist()]
