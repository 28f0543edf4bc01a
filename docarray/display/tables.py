"""What there is to show of arrays and of classes: their fields, one a line.

Of an array no more than a sample of its rows is looked at, whatever its length.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import Any, ForwardRef, Literal, Union

import numpy as np

from docarray._hints import alias_of
from docarray.cells import Numbers, Ragged, Tensors
from docarray.composites import Docs, Nested, Variants
from docarray.display.describe import Node, field_names, literal, read_field, tensor_of, tensor_text
from docarray.display.words import cut, dtype_size, join_shapes, plural, printable, size_text
from docarray.lowering import is_document
from docarray.masks import Mask
from docarray.texts import Texts
from docarray.typing.shape import Shape

__all__ = ['FieldRow', 'Table', 'describe_array', 'describe_schema', 'type_text']

#: Rows of an array, and of these tensors whose shapes are compared, that are looked at.
SAMPLE, SHAPES = 1000, 100
#: Fields of an array, and characters of a path or type, that are shown.
MAX_FIELDS, MAX_NAME = 60, 80
#: Choices of a Literal that are shown.
MAX_CHOICES = 8

Path = tuple[str, ...]


@dataclass(frozen=True)
class FieldRow:
    """A field of an array.

    Attributes:
        path: Dotted, through nested documents.
        type: Its declared type.
        example: The first value, or the shape and dtype of the whole column.
        missing: How many rows have no value; '~' stands before an estimate from a sample.
        memory: The size of the column; '' for rows, and where it is of Python objects alone.

    Example:
        >>> FieldRow('n', 'int', '3', '0').memory
        ''
    """

    path: str
    type: str
    example: str
    missing: str
    memory: str = ''


@dataclass(frozen=True)
class Table:
    """An array: its class, its length, its fields.

    Attributes:
        type: The name of its class.
        length: What there is of it: number of documents, memory of columns.
        rows: Its fields.
        stacked: Whether it is of columns.

    Example:
        >>> Table('DocumentArray', '0 documents', (), False).rows
        ()
    """

    type: str
    length: str
    rows: tuple[FieldRow, ...]
    stacked: bool


def describe_array(array: Any) -> Table:
    """Describe an array of documents.

    Args:
        array: A DocumentArray or DocumentArrayStacked, typed or not, of any length.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> table = describe_array(DocumentArray[TextDoc]([TextDoc(text='a')]))
        >>> table.length, table.rows[1]
        ('1 document', FieldRow(path='text', type='str | None', example="'a'", missing='0', memory=''))
    """
    name, length = cut(printable(type(array).__name__), MAX_NAME), plural(len(array), 'document')
    if getattr(array, '__docarray_stacked__', False):
        size = size_text(round(_batch_memory(array.batch)))
        return Table(name, f'{length}, {size} in columns', _first(_columns(array.batch)), True)
    sample = [array[row] for row in _places(len(array))]
    paths = list(_paths(array.document_type))
    if array.document_type.model_config.get('extra') == 'allow':
        paths += _extra_paths(sample, {path[0] for path, _ in paths})
    rows = (_row(sample, len(array), path, kind) for path, kind in paths)
    return Table(name, length, _first(rows), False)


def _first(rows: Iterator[FieldRow]) -> tuple[FieldRow, ...]:
    found = list(rows)
    if len(found) > MAX_FIELDS:
        found[MAX_FIELDS:] = [FieldRow(f'... and {len(found) - MAX_FIELDS} more', '', '', '')]
    return tuple(found)


def _places(length: int) -> range:
    """At most SAMPLE row numbers, evenly spread."""
    return range(0, length, -(-length // SAMPLE) or 1)


def _field_row(path: Path, kind: str, example: str, missing: str, memory: str = '') -> FieldRow:
    return FieldRow(
        cut(printable('.'.join(path)), MAX_NAME), cut(printable(kind), MAX_NAME), example, missing, memory
    )


# -- rows -----------------------------------------------------------------------------------------


def _paths(document_type: Any, prefix: Path = (), inside: Path = ()) -> Iterator[tuple[Path, str]]:
    """The paths of a class through nested documents, and their types."""
    for name, info in document_type.model_fields.items():
        yield (*prefix, name), type_text(info.annotation, tuple(info.metadata))
        members = [arg for arg in _members(info.annotation) if arg is not type(None)]
        nested = members[0] if len(members) == 1 and is_document(members[0]) else None
        if nested is not None and nested not in (*inside, document_type):
            yield from _paths(nested, (*prefix, name), (*inside, document_type))


def _extra_paths(sample: list[Any], known: set[str]) -> list[tuple[Path, str]]:
    """The fields of documents that no class declares, with the classes of their values."""
    seen: dict[str, dict[str, None]] = {}
    for document in sample:
        for name in field_names(document):
            if name not in known and (name in seen or len(seen) <= MAX_FIELDS):
                value = read_field(document, name)
                seen.setdefault(name, {})['None' if value is None else type(value).__name__] = None
    return [((name,), ' | '.join(kinds)) for name, kinds in seen.items()]


def _row(sample: list[Any], length: int, path: Path, kind: str) -> FieldRow:
    values = sample
    for name in path:
        values = [read_field(value, name) if is_document(type(value)) else None for value in values]
    there = [value for value in values if value is not None]
    return _field_row(path, kind, _example(there), _estimate(len(values) - len(there), len(values), length))


def _example(values: list[Any]) -> str:
    """The first value in a few words; of tensors the shape that they have in common."""
    if not values or is_document(type(values[0])):
        return ''
    try:
        found = [tensor_of(value) for value in values[:SHAPES]]
        if found[0][1] is None:
            return literal(next(filter(_is_telling, values), values[0]))
        tensors = [(tensor, adapter) for tensor, adapter in found if adapter is not None]
        return tensor_text(*tensors[0], join_shapes(adapter.shape(tensor) for tensor, adapter in tensors))
    except Exception as error:  # showing a value must not fail, whatever its class does
        return f'cannot be shown ({type(error).__name__})'


def _is_telling(value: Any) -> bool:
    """Whether it is no empty list or text."""
    return not isinstance(value, Sized) or len(value) > 0


def _estimate(missing: int, looked_at: int, length: int) -> str:
    if looked_at == length:
        return str(missing)
    return f'~{round(missing * length / looked_at)}'


# -- columns --------------------------------------------------------------------------------------


def _columns(batch: Any, prefix: Path = (), outer: Mask = None) -> Iterator[FieldRow]:
    """The columns of a batch; ``outer`` says in which rows the document around them is there."""
    for name, info in batch.schema.document_type.model_fields.items():
        path, column = (*prefix, name), batch.data[name]
        column = column.settled() if isinstance(column, Docs) else column
        size = _memory(column)
        yield _field_row(
            path,
            type_text(info.annotation, tuple(info.metadata)),
            _column_text(column),
            _column_missing(column, outer),
            size_text(round(size)) if size and not isinstance(column, Nested) else '',
        )
        if isinstance(column, Nested):
            yield from _columns(column.batch, path, _both(column.valid, outer))


def _column_text(column: Any) -> str:
    if isinstance(column, Tensors):
        return 'no tensor' if column.data is None else _shape_and_dtype(column.data)
    if isinstance(column, Numbers):
        return _shape_and_dtype(column.data)
    if isinstance(column, Docs):
        return plural(0 if column.batch is None else len(column.batch), 'document')
    if isinstance(column, Nested):
        return ''
    if isinstance(column, Variants):
        batches = [batch for batch in column.batches if batch is not None]
        return ', '.join(f'{len(batch)} {batch.schema.document_type.__name__}' for batch in batches)
    found = [value for value in map(column.get, _places(len(column))[:SHAPES]) if value is not None]
    return _example(found)


def _shape_and_dtype(tensor: Any) -> str:
    native, adapter = tensor_of(tensor)
    return '' if adapter is None else tensor_text(native, adapter)


def _column_missing(column: Any, outer: Mask) -> str:
    """How many rows have no value, from the masks; of lists of Python objects from a sample."""
    rows = getattr(column, 'rows', None)
    if rows is not None:
        places = _places(len(column))
        missing = sum(rows[i] is None or (outer is not None and not outer[i]) for i in places)
        return _estimate(missing, len(places), len(column))
    valid = column.tags >= 0 if isinstance(column, Variants) else column.valid
    there = _both(valid, outer)
    return '0' if there is None else str(len(column) - np.count_nonzero(there))


def _both(valid: Mask, outer: Mask) -> Mask:
    return outer if valid is None else valid if outer is None else valid & outer


def _memory(column: Any) -> float | None:
    """The bytes of a column, None for one of Python objects, whose size is not known."""
    if isinstance(column, Ragged):
        return None
    if isinstance(column, Tensors):
        return 0 if column.data is None else _tensor_memory(column.data)
    if isinstance(column, Numbers):
        return int(column.data.nbytes)
    if isinstance(column, Texts):
        return None if column.rows is not None else len(column.buffer) + column.offsets.nbytes
    if isinstance(column, (Docs, Nested)):
        return 0 if column.batch is None else _batch_memory(column.batch)
    if isinstance(column, Variants):
        return sum(_batch_memory(batch) for batch in column.batches if batch is not None)
    return None


def _tensor_memory(tensor: Any) -> float:
    native, adapter = tensor_of(tensor)
    if adapter is None:
        return 0
    size = dtype_size(adapter.dtype(native))
    for axis in adapter.shape(native):
        size *= axis
    return size


def _batch_memory(batch: Any) -> float:
    return sum(_memory(column) or 0 for column in batch.data.values())


# -- classes --------------------------------------------------------------------------------------


def describe_schema(document_type: Any) -> Node:
    """Describe the fields of a document class, those of nested documents too.

    The fields of a class are listed where it first comes up; a recursive class ends there.

    Args:
        document_type: A document class.

    Example:
        >>> from docarray.documents import TextDoc
        >>> [child.type for child in describe_schema(TextDoc).children][:2]
        ['ID | None', 'str | None']
    """
    return Node('', document_type.__name__, children=_schema_fields(document_type, {document_type}))


def _schema_fields(document_type: Any, seen: set[Any]) -> tuple[Node, ...]:
    if not document_type.__pydantic_complete__:
        document_type.model_rebuild(raise_errors=False)
    children = []
    for name, info in document_type.model_fields.items():
        inner: list[Node] = []
        found = list(dict.fromkeys(_documents(info.annotation)))
        again = found and all(document in seen for document in found)
        for document in found:
            if document not in seen:
                seen.add(document)
                fields = _schema_fields(document, seen)
                inner += [Node('', document.__name__, children=fields)] if len(found) > 1 else fields
        kind = printable(type_text(info.annotation, tuple(info.metadata)))
        children.append(Node(name, kind, '(as above)' if again else '', children=tuple(inner)))
    return tuple(children)


def _documents(annotation: Any, inside: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The document classes that an annotation names; ``inside`` are the aliases around it."""
    alias = alias_of(annotation)
    if alias is not None and alias not in inside:
        yield from _documents(alias.__value__, (*inside, alias))
    of_array = getattr(annotation, 'document_type', None)
    if is_document(annotation):
        yield annotation
    elif is_document(of_array):
        yield of_array
    else:
        for arg in typing.get_args(annotation):
            yield from _documents(arg, inside)


def _members(annotation: Any) -> tuple[Any, ...]:
    union = typing.get_origin(annotation) in (Union, types.UnionType)
    return typing.get_args(annotation) if union else (annotation,)


def type_text(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """Return an annotation as people write it.

    Args:
        annotation: Any type that pydantic takes for a field.
        metadata: What stood behind it in ``Annotated[...]``; only shapes are shown.

    Example:
        >>> type_text(Union[dict[str, int], None]), type_text(np.ndarray, (Shape(3, 'n'),))
        ('dict[str, int] | None', 'NdArray[3, n]')
    """
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    shape = next((item for item in metadata if isinstance(item, Shape)), None)
    if origin is typing.Annotated:
        return type_text(args[0], args[1:])
    if origin in (Union, types.UnionType):
        return ' | '.join(type_text(arg, metadata) for arg in args)
    if shape is not None and annotation is not type(None):
        return str(shape.tensor_class(annotation).__name__)
    if origin is Literal:
        more = ', ...' if len(args) > MAX_CHOICES else ''
        return f'Literal[{", ".join(map(literal, args[:MAX_CHOICES]))}{more}]'
    if isinstance(annotation, list):  # the arguments of a Callable
        return f'[{", ".join(map(type_text, annotation))}]'
    if origin is not None:
        return f'{_name(origin)}[{", ".join(map(type_text, args))}]' if args else _name(origin)
    return _name(annotation)


def _name(annotation: Any) -> str:
    if annotation is None or annotation is type(None):
        return 'None'
    if annotation is Ellipsis:
        return '...'
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return str(getattr(annotation, '__name__', annotation))
