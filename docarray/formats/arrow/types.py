"""What document classes are in Arrow: the type of each field, and the metadata that tells what it means.

=====================  ==============================================================================
kind                   Arrow type
=====================  ==============================================================================
bool, int, float       bool, int64, float64
str, json              large_string; JSON as its text
bytes                  large_binary
list(x), map(x)        large_list<x>, map<string, x>
tensor                 ``arrow.fixed_shape_tensor`` where all are of one shape and of a dtype that Arrow
                       has, else a struct: ``data`` (little-endian, C order), ``shape``, ``dtype`` and
                       ``framework``
nested document        struct
documents              large_list<struct>
one of several         struct of ``type``, the name of the class, and a struct for each class
=====================  ==============================================================================

Arrow's types cannot contain themselves: where a document class comes back inside itself, its documents
are a JSON array in a large_string. Everything is nullable, for documents made without validation may
lack anything; what the class says stands in the metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal, get_origin

import pydantic

from docarray._hints import annotated, members_of
from docarray._lazy import load
from docarray._typed import class_cache
from docarray.kinds import Kind
from docarray.schema import Field, Schema, schema_of

pa = load('pyarrow')

#: Keys of the metadata: of the schema, and of each field.
CLASS, FINGERPRINT, VERSION = b'docarray.class', b'docarray.fingerprint', b'docarray.version'
FIELD = b'docarray.field'
#: In the metadata of a field: the framework of its tensors, where the class takes those of any.
VALUES = 'values'
#: The version of the mapping that this module describes.
MAPPING = b'1'

TAG = 'type'
#: What stands in for the fields of a class that has none: Parquet knows no empty struct.
NOTHING = pa.field('_', pa.null())

NUMBERS: dict[str, Any] = {'bool': pa.bool_(), 'int': pa.int64(), 'float': pa.float64()}
#: The dtypes of tensors that Arrow has, too.
DTYPES: dict[str, Any] = {
    'bool': pa.bool_(),
    **{name: getattr(pa, name)() for name in ('int8', 'int16', 'int32', 'int64')},
    **{name: getattr(pa, name)() for name in ('uint8', 'uint16', 'uint32', 'uint64')},
    **{name: getattr(pa, name)() for name in ('float16', 'float32', 'float64')},
}
#: Tensors of any shape and dtype.
TENSOR = pa.struct(
    [
        ('data', pa.large_binary()),
        ('shape', pa.list_(pa.int64())),
        ('dtype', pa.string()),
        ('framework', pa.string()),
    ]
)

#: Types that others write, too, by the names of their tests in ``pyarrow.types``.
VIEWS, LIST_VIEWS = ('string_view', 'binary_view'), ('list_view', 'large_list_view')
TEXTS = ('string', 'large_string', 'string_view')
BYTES = ('binary', 'large_binary', 'fixed_size_binary', 'binary_view')
LISTS = ('list', 'large_list', 'fixed_size_list')

Form = Literal['numbers', 'texts', 'objects', 'tensors', 'nested', 'docs', 'variant', 'recursive']
_FORMS: dict[str, Form] = {'bool': 'numbers', 'int': 'numbers', 'float': 'numbers', 'str': 'texts'}


@dataclass(frozen=True, eq=False)
class Node:
    """One field of a document class, as Arrow has it.

    Attributes:
        field: The field.
        form: How its column is written and read.
        members: The documents in it.
        where: Its place, for errors.
        described: What the metadata says of it.
        optional: Whether rows may lack it, or the document that it belongs to.
    """

    field: Field
    form: Form
    members: tuple[Record, ...]
    where: str
    described: dict[str, Any]
    optional: bool

    @property
    def name(self) -> str:
        """The field's name."""
        return self.field.name

    @cached_property
    def type(self) -> Any:
        """The Arrow type, as far as the class tells: that of open tensors is ``TENSOR``."""
        if self.form in ('nested', 'docs'):
            (member,) = self.members
            return member.type if self.form == 'nested' else list_of(member.type)
        if self.form == 'variant':
            return pa.struct([pa.field(TAG, pa.string()), *self.tagged([one.type for one in self.members])])
        return pa.large_string() if self.form == 'recursive' else type_of(self.field.codec.kind)

    def tagged(self, types: list[Any]) -> list[Any]:
        """Return the Arrow fields of the members of a union."""
        pairs = zip(self.members, types, strict=True)
        return [pa.field(member.schema.document_type.__name__, kind) for member, kind in pairs]

    def arrow_field(self, kind: Any, framework: str = '') -> Any:
        """Return the Arrow field for values of an Arrow type; ``framework`` says whose tensors they are."""
        described = {**self.described, VALUES: framework}
        return pa.field(self.name, kind, metadata=_metadata(described) if framework else self.metadata)

    @cached_property
    def metadata(self) -> dict[bytes, bytes]:
        """The metadata of the Arrow field."""
        return _metadata(self.described)


@dataclass(frozen=True, eq=False)
class Record:
    """A document class, as Arrow has it."""

    schema: Schema
    nodes: tuple[Node, ...]

    @property
    def fields(self) -> list[Any]:
        """Its Arrow fields, as far as the class tells."""
        return [node.arrow_field(node.type) for node in self.nodes] or [NOTHING]

    @cached_property
    def type(self) -> Any:
        """Its Arrow type, as far as the class tells."""
        return pa.struct(self.fields)

    @cached_property
    def metadata(self) -> dict[bytes, bytes]:
        """The metadata of the Arrow schema."""
        name = self.schema.document_type.__name__
        return {CLASS: name.encode(), FINGERPRINT: self.schema.fingerprint.encode(), VERSION: MAPPING}


def record_of(schema: Schema) -> Record:
    """Return a document class as Arrow has it; made once for each class."""
    values = class_cache(schema.document_type).values
    if 'arrow' not in values:
        values['arrow'] = _record(schema_of(schema.document_type), (), False)
    found: Record = values['arrow']
    return found


def arrow_schema(cls: Any) -> Any:
    """Return a document class as a ``pyarrow.Schema``. See ``BaseDocument.arrow_schema``.

    Example:
        >>> from docarray.documents import TextDoc
        >>> str(arrow_schema(TextDoc).field('text').type)
        'large_string'
    """
    record = record_of(schema_of(cls))
    return pa.schema(record.fields, metadata=record.metadata)


def list_of(kind: Any) -> Any:
    """Return the type of lists."""
    return pa.large_list(pa.field('item', kind))


def type_of(kind: Kind) -> Any:
    """Return the Arrow type of a kind that is no document."""
    if kind.name in NUMBERS:
        return NUMBERS[kind.name]
    if kind.name == 'tensor':
        shape = kind.shape
        closed = shape is not None and all(isinstance(axis, int) for axis in shape)
        return fixed_type(shape, kind.dtype) if closed and kind.dtype in DTYPES else TENSOR
    if kind.item is not None:
        item = type_of(kind.item.kind)
        item = TENSOR if is_fixed(item) else item  # in lists and maps, tensors are values one by one
        return list_of(item) if kind.name == 'list' else pa.map_(pa.string(), item)
    return pa.large_binary() if kind.name == 'bytes' else pa.large_string()


def fixed_type(shape: Any, dtype: Any) -> Any:
    """Return the type of tensors of one shape and dtype."""
    return pa.fixed_shape_tensor(DTYPES[dtype], shape)


def is_fixed(kind: Any) -> bool:
    """Whether an Arrow type is that of tensors of one shape and dtype."""
    return isinstance(kind, pa.FixedShapeTensorType)


def is_any(names: tuple[str, ...], kind: Any) -> bool:
    """Whether an Arrow type is one of some, by the names of their tests in ``pyarrow.types``."""
    tests = (getattr(pa.types, f'is_{name}', None) for name in names)  # no version of pyarrow has all
    return any(test is not None and test(kind) for test in tests)


def fits(node: Node, kind: Any) -> bool:
    """Whether values of an Arrow type are as this module would have written them."""
    if node.form == 'tensors':
        return bool(kind == TENSOR) or (is_fixed(kind) and _is_ours(kind))
    if node.form == 'nested':
        return record_fits(node.members[0], kind)
    if node.form == 'docs':
        return pa.types.is_large_list(kind) and record_fits(node.members[0], kind.value_type)
    if node.form != 'variant':
        return bool(kind == node.type)
    if not pa.types.is_struct(kind) or [one.name for one in kind] != [one.name for one in node.type]:
        return False
    tag, *types = (one.type for one in kind)
    return bool(tag == pa.string()) and all(map(record_fits, node.members, types))


def record_fits(record: Record, kind: Any) -> bool:
    """Whether a struct, or a schema, is as this module would have written the documents of a class."""
    if isinstance(kind, pa.DataType) and not pa.types.is_struct(kind):
        return False
    if [field.name for field in kind] != [node.name for node in record.nodes or [NOTHING]]:
        return False
    return all(fits(node, field.type) for node, field in zip(record.nodes, kind, strict=False))


def _is_ours(kind: Any) -> bool:
    plain = kind.permutation is None and kind.value_type in DTYPES.values()
    return bool(plain and prod(kind.shape) == kind.storage_type.list_size)


def _record(schema: Schema, outer: tuple[type, ...], optional: bool) -> Record:
    inside = (*outer, schema.document_type)
    return Record(schema, tuple(_node(schema, field, inside, optional) for field in schema.fields.values()))


def _node(schema: Schema, field: Field, inside: tuple[type, ...], optional: bool) -> Node:
    where = f'{schema.document_type.__name__}.{field.name}'
    described = {**_described(schema, field), 'nullable': field.lowered.nullable}
    optional = optional or field.lowered.nullable
    if field.form == 'cells':
        kind = field.codec.kind.name
        form = 'tensors' if kind == 'tensor' else _FORMS.get(kind, 'objects')
        return Node(field, form, (), where, described, optional)
    if set(field.lowered.documents) & set(inside):
        return Node(field, 'recursive', (), where, {**described, 'recursive': True}, optional)
    optional = field.form == 'variant' or (optional and field.form == 'nested')
    members = tuple(_record(member, inside, optional) for member in field.schemas)
    form = 'variant' if field.form == 'variant' else 'docs' if field.form == 'docs' else 'nested'
    return Node(field, form, members, where, described, optional)


# -- metadata -----------------------------------------------------------------------------------------


def _metadata(described: dict[str, Any]) -> dict[bytes, bytes]:
    return {FIELD: json.dumps(described, separators=(',', ':')).encode()}


def described(field: Any) -> dict[str, Any]:
    """Return what docarray wrote into the metadata of an Arrow field; nothing where others made it."""
    try:
        found = json.loads((field.metadata or {}).get(FIELD, b'{}'))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _described(schema: Schema, field: Field) -> dict[str, Any]:
    """Say what a field means: enough to make the class anew."""
    document_type: Any = schema.document_type
    info = document_type.model_fields[field.name]
    if field.form != 'cells':
        names = [document.__name__ for document in field.lowered.documents]
        return {'kind': field.form, 'type': names, 'array': _array_of(info.annotation)}
    codec = field.codec
    cls: Any = codec.type
    if cls is None or not hasattr(cls, 'tensor_type'):
        blob = {'blob': True} if codec.kind.blob else {}
        return {'kind': codec.kind.name, **blob, **_json_schema(annotated(info.annotation, info.metadata))}
    axes = codec.kind.shape
    return {
        'kind': 'tensor',
        'type': cls.__name__,
        'framework': cls.tensor_type.framework,
        'modality': cls.tensor_type.modality,
        'shape': None if axes is None else ['...' if axis is Ellipsis else axis for axis in axes],
        'dtype': codec.kind.dtype,
    }


def _array_of(annotation: Any) -> str:
    """The name of the class that holds documents; '' for another than docarray's own and Python's."""
    names = {getattr(get_origin(member) or member, '__name__', '') for member in members_of(annotation)}
    known = names & {'DocumentArray', 'DocumentArrayStacked', 'list', 'tuple', 'set', 'frozenset'}
    return min(known, default='')


def _json_schema(annotation: Any) -> dict[str, Any]:
    """Describe a field by JSON Schema, where that can be done."""
    try:
        return {'schema': pydantic.TypeAdapter(annotation).json_schema()}
    except (pydantic.PydanticUserError, AttributeError, NameError, TypeError, ValueError):
        return {}
