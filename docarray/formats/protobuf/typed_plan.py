"""What the .proto file of a document class says: its messages and their fields. Needs no protobuf package.

A file holds all that documents of one class are made of, in the package ``docarray.typed.`` and the name
of the class in lower case. So the files of several classes can go into one program, although each has a
``Tensor`` of its own, and a class may move to another module.

Every single value has presence (``optional``), as pydantic tells a missing value from an empty one: a field
that was added to the class takes its default when older bytes are read, not zero. What is None is left out.
Where leaving out already means a default other than None, as with ``id``, None is said by the field's name
in ``nulls``. Lists and dicts that may be None are messages around them; others are empty when left out.

JSON is text and no ``google.protobuf.Value``, which has no integers and would round those beyond 2**53.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from docarray._typed import class_cache
from docarray.errors import SchemaError
from docarray.formats.protobuf.typed_names import (
    MessageNames,
    Wanted,
    distinct_names,
    field_number,
    pinned_numbers,
    snake_case,
)
from docarray.kinds import Codec
from docarray.lowering import SCHEMALESS_MARK, lower_field
from docarray.schema import Field, Schema, schema_of

__all__ = ['DocumentPlan', 'Place', 'Plan', 'ProtoField', 'ProtoMessage', 'plan_of']

PACKAGE = 'docarray.typed.'
Label = Literal['optional', 'repeated', 'map', '']
Form = Literal['value', 'message', 'items', 'document', 'documents', 'array', 'variant']

#: The protobuf types of kinds.
SCALARS = {
    'bool': 'bool',
    'int': 'int64',
    'float': 'double',
    'str': 'string',
    'bytes': 'bytes',
    'json': 'string',
}


@dataclass(frozen=True)
class ProtoField:
    """A field of a message; ``source`` is the document's field that it is of."""

    name: str
    number: int
    type: str
    label: Label = ''
    oneof: str = ''
    source: Field | None = None


@dataclass(frozen=True)
class ProtoMessage:
    """A message; ``schema`` is that of its documents, if it is of documents."""

    name: str
    fields: tuple[ProtoField, ...]
    comment: str = ''
    schema: Schema | None = None


@dataclass(frozen=True)
class Place:
    """Where a field of a document is in its message.

    Attributes:
        field: The field.
        form: How it is there: 'value', a scalar; 'message', a tensor, or a list or dict that may be None;
            'items', a list or dict; 'document', one; 'documents', many; 'array', many or None; 'variant',
            one of several classes.
        names: Its fields in the message: one, of a variant one for each class.
        defaulted: Whether its default is other than None, so that None has to be said.
    """

    field: Field
    form: Form
    names: tuple[str, ...]
    defaulted: bool


@dataclass(frozen=True)
class DocumentPlan:
    """The messages of a document and of arrays of it; ``nulls`` is the field for None, if there is any."""

    message: str
    array: str
    places: tuple[Place, ...]
    nulls: str


@dataclass
class Plan:
    """All messages that documents of a class are made of.

    Attributes:
        root: The class.
        package: The package.
        messages: The messages, first that of the class and that of arrays of it.
        documents: How the documents are in them, by their class.
    """

    root: type
    package: str = ''
    messages: list[ProtoMessage] = field(default_factory=list)
    documents: dict[type, DocumentPlan] = field(default_factory=dict)

    def full_name(self, array: bool) -> str:
        """Return the full name of the message of a document or an array."""
        return f'{self.package}.{self.messages[int(array)].name}'


def plan_of(document_type: Any) -> Plan:
    """Return the plan of a document class, made at the first request.

    Raises:
        SchemaError: It is no document class, its fields are not known, or two of them have one number.

    Example:
        >>> from docarray.documents import TextDoc
        >>> [message.name for message in plan_of(TextDoc).messages]
        ['TextDoc', 'TextDocArray', 'Tensor']
    """
    schema = schema_of(document_type)
    if document_type.__dict__.get(SCHEMALESS_MARK):
        raise SchemaError(
            where=document_type.__name__, got='a class of unknown fields', wanted='one that declares them'
        )
    values = class_cache(document_type).values
    found = values.get('typed_protobuf') or values.setdefault('typed_protobuf', _Planner(schema).plan)
    plan: Plan = found
    return plan


class _Planner:
    """Makes a plan."""

    def __init__(self, schema: Schema) -> None:
        schemas = _reached(schema)
        self.names = MessageNames(_TENSOR.name)
        self.messages: dict[type, tuple[str, str]] = {}
        self.helpers: dict[str, ProtoMessage] = {}
        self._name([schema])
        self._name(sorted(schemas[1:], key=_module_and_name))
        root = schema.document_type
        self.plan = Plan(root, PACKAGE + self.messages[root][0].lower())
        for one in schemas:
            self._add_document(one)
        self.plan.messages += self.helpers.values()

    def _name(self, schemas: Sequence[Schema]) -> None:
        """Name the messages; those of arrays give way to those of classes."""
        names = [self.names.claim(schema.document_type.__name__) for schema in schemas]
        for schema, name in zip(schemas, names, strict=True):
            self.messages[schema.document_type] = name, self.names.claim(f'{name}Array')

    def _add_document(self, schema: Schema) -> None:
        cls, (name, array) = schema.document_type, self.messages[schema.document_type]
        fields, places = self._fields(schema)
        if any(place.defaulted for place in places):
            fields.append(ProtoField('nulls', field_number(''), 'string', 'repeated'))
        _check_numbers(fields, cls.__name__)
        fields = _named(fields)
        places = [
            replace(place, names=tuple(one.name for one in fields if one.source is place.field))
            for place in places
        ]
        nulls = next((one.name for one in fields if one.source is None), '')
        self.plan.documents[cls] = DocumentPlan(name, array, tuple(places), nulls)
        self.plan.messages += (
            ProtoMessage(name, tuple(fields), schema=schema),
            ProtoMessage(array, (ProtoField('documents', 1, name, 'repeated'),), f'Documents of {name}.'),
        )

    def _fields(self, schema: Schema) -> tuple[list[ProtoField], list[Place]]:
        """Return the fields of a document's message and their places, with names that may yet meet."""
        fields: list[ProtoField] = []
        places: list[Place] = []
        cls: Any = schema.document_type
        for name, one in schema.fields.items():
            info = cls.model_fields[name]
            where, form = f'{cls.__name__}.{name}', _form(one, info)
            places.append(Place(one, form, (), one.lowered.nullable and _has_default(info)))
            members = [member.__name__ for member in one.lowered.documents] if form == 'variant' else ['']
            pinned = pinned_numbers(info.json_schema_extra, members, where)
            if form == 'variant':
                fields += self._members(one, pinned)
            else:
                type_, label = self._type(one, form)
                key = name + '?' if form == 'array' or (form == 'message' and one.codec.kind.item) else name
                fields.append(ProtoField(name, pinned.get('') or field_number(key), type_, label, source=one))
        return fields, places

    def _members(self, one: Field, pinned: dict[str, int]) -> Iterator[ProtoField]:
        for member in one.lowered.documents:
            number = pinned.get(member.__name__) or field_number(f'{one.name}:{member.__name__}')
            name = f'{one.name}_{snake_case(member.__name__)}'
            yield ProtoField(name, number, self.messages[member][0], oneof=one.name, source=one)

    def _type(self, one: Field, form: Form) -> tuple[str, Label]:
        if one.form != 'cells':
            name, array = self.messages[one.lowered.documents[0]]
            return (array, '') if form == 'array' else (name, 'repeated' if form == 'documents' else '')
        kind = one.codec.kind
        if form == 'items':
            assert kind.item is not None
            return self._single(kind.item), 'repeated' if kind.name == 'list' else 'map'
        return self._single(one.codec), 'optional' if form == 'value' else ''

    def _single(self, codec: Codec) -> str:
        """Return the type of a single value. Tensors are messages, and so are lists and dicts in others."""
        kind = codec.kind
        if kind.name in SCALARS:
            return SCALARS[kind.name]
        key = _title(codec)
        if key not in self.helpers:
            self.helpers[key] = _TENSOR if kind.item is None else self._around(kind.item, kind.name, key)
        return self.helpers[key].name

    def _around(self, item: Codec, kind: str, name: str) -> ProtoMessage:
        values = ProtoField('values', 1, self._single(item), 'repeated' if kind == 'list' else 'map')
        comment = 'The values are JSON.' if item.kind.name == 'json' else ''
        return ProtoMessage(self.names.claim(name), (values,), comment)


_TENSOR = ProtoMessage(
    'Tensor',
    (
        ProtoField('dtype', 1, 'string'),
        ProtoField('shape', 2, 'int64', 'repeated'),
        ProtoField('data', 3, 'bytes'),
        ProtoField('framework', 4, 'string'),
    ),
    "An array. dtype is 'float32', 'uint8', 'bfloat16' and so on, as numpy and ml_dtypes spell them.\n"
    'The data are the values in C order, little-endian. Fields of tensors of any framework say which one\n'
    "it was: 'numpy', 'torch', 'tensorflow' or 'jax'.",
)


def _title(codec: Codec) -> str:
    """Return the name of the message for values of a codec: Tensor, Int64List, StringListMap."""
    kind = codec.kind
    if kind.item is not None:
        return _title(kind.item) + kind.name.capitalize()
    return kind.name.capitalize() if kind.name in ('tensor', 'json') else SCALARS[kind.name].capitalize()


def _module_and_name(schema: Schema) -> tuple[str, str]:
    return schema.document_type.__module__, schema.document_type.__qualname__


def _reached(schema: Schema) -> list[Schema]:
    """The schemas of all documents that documents of a class can hold, its own first."""
    found: dict[type, Schema] = {}
    waiting = [schema]
    while waiting:
        one = waiting.pop(0)
        if one.document_type not in found:
            found[one.document_type] = one
            waiting += (inner for child in one.fields.values() for inner in child.schemas)
    return list(found.values())


def _form(one: Field, info: Any) -> Form:
    if one.form == 'variant':
        return 'variant'
    if one.form == 'docs' and lower_field(info).form == 'docs':
        return 'array' if one.lowered.nullable else 'documents'
    if one.form != 'cells':  # docs too: a document inside itself, which columns keep as an array of one
        return 'document'
    kind = one.codec.kind
    if kind.item is not None and not one.lowered.nullable:
        return 'items'
    return 'value' if kind.name in SCALARS else 'message'


def _has_default(info: Any) -> bool:
    """Whether a field that is left out is something other than None."""
    return not info.is_required() and (info.default is not None or info.default_factory is not None)


def _check_numbers(fields: Sequence[ProtoField], where: str) -> None:
    seen: dict[int, ProtoField] = {}
    for one in fields:
        other = seen.setdefault(one.number, one)
        if other is not one:
            raise SchemaError(
                where=where,
                got=f'the number {one.number} for both {other.name} and {one.name} in protobuf',
                wanted='a number for each',
                hint="Pin one of them: Field(json_schema_extra={'proto': 1}).",
            )


def _named(fields: Sequence[ProtoField]) -> list[ProtoField]:
    """Give fields and oneofs names that do not meet."""
    oneofs = list(dict.fromkeys(one.oneof for one in fields if one.oneof))
    names = distinct_names(
        [
            *(Wanted(one.name, one.number, one.label == 'map') for one in fields),
            *(Wanted(oneof, field_number(oneof)) for oneof in oneofs),
        ]
    )
    groups = dict(zip(oneofs, names[len(fields) :], strict=True))
    return [
        replace(one, name=name, oneof=groups.get(one.oneof, ''))
        for one, name in zip(fields, names, strict=False)
    ]
