"""Validation of what is assigned to rows and columns, by the validator of the document class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pydantic

from docarray._hints import annotated
from docarray._typed import class_cache
from docarray.batch import Batch, pack_field
from docarray.cells import Ragged, Tensors
from docarray.composites import Nested
from docarray.document import BaseDocumentWithoutId
from docarray.errors import InvalidValueError, ValidationError, show
from docarray.schema import Field, schema_of
from docarray.values import adapter_of


def several(documents: Any, where: str) -> list[Any]:
    """Return what an array is made of as a list; a single document or value is refused."""
    one = isinstance(documents, (str, bytes, dict, BaseDocumentWithoutId))
    if one or not isinstance(documents, Iterable):
        raise InvalidValueError(
            where=where,
            got=show(documents),
            wanted='several documents',
            hint='Put a single document into a list.' if one else '',
        )
    return list(documents)


class FieldAdapter:
    """Validates values as assignment to one field of a document does, field validators included.

    Attributes:
        alone: Whether a value can be judged without the other fields of its document. False where
            the class has model validators, or tensors that share the name of an axis.
        tensor: Whether it is a tensor field without validators of its own, so that rows of one
            batched tensor, all of one shape and dtype, are valid if one of them is.
    """

    def __init__(self, document_type: Any, name: str) -> None:
        self._type, self._name = document_type, name
        self.alone = _is_plain_model(document_type.__pydantic_core_schema__)
        codec = schema_of(document_type).fields[name].lowered.codec
        tensor = codec is not None and codec.kind.name == 'tensor'
        self.tensor = self.alone and tensor and not _has_validator(document_type, name)

    def validate(self, value: Any, row: int | None = None) -> Any:
        """Return the valid value; where the field is not ``alone``, valid as far as its own type goes.

        Raises:
            ValidationError: The value was refused; names the row, if that is given.
        """
        try:
            return self._assigned(value) if self.alone else self._adapter.validate_python(value)
        except pydantic.ValidationError as error:
            raise ValidationError.of(error, row) from error.__cause__

    def assign(self, value: Any, row: int) -> Any:
        """Return the valid value to assign; refuse it where the document class or the field is frozen."""
        fault = 'frozen_field' if self._type.model_fields[self._name].frozen else 'frozen_instance'
        if fault == 'frozen_field' or self._type.model_config.get('frozen'):
            details: Any = {'type': fault, 'loc': (self._name,), 'input': value}
            raise ValidationError.from_exception_data(f'{self._type.__name__} (row {row})', [details])
        return self.validate(value, row)

    @cached_property
    def _adapter(self) -> pydantic.TypeAdapter[Any]:
        info = self._type.model_fields[self._name]
        return pydantic.TypeAdapter(annotated(info.annotation, info.metadata))

    def _assigned(self, value: Any) -> Any:
        scratch = self._type.__new__(self._type)
        for slot, content in (('__dict__', {}), ('__pydantic_fields_set__', set())):
            object.__setattr__(scratch, slot, content)
        for slot in ('__pydantic_extra__', '__pydantic_private__'):
            object.__setattr__(scratch, slot, None)
        self._type.__pydantic_validator__.validate_assignment(scratch, self._name, value)
        return scratch.__dict__[self._name]


def _is_plain_model(schema: Mapping[str, Any]) -> bool:
    """Whether a model's core schema validates each field by itself: nothing is wrapped around the fields."""
    definitions = {one['ref']: one for one in schema.get('definitions', ())}
    if schema['type'] == 'definitions':
        schema = schema['schema']
    if schema['type'] == 'definition-ref':
        schema = definitions[schema['schema_ref']]
    return bool(schema['type'] == 'model' and schema['schema']['type'] == 'model-fields')


def _has_validator(document_type: Any, name: str) -> bool:
    info = document_type.model_fields[name]
    decorators = document_type.__pydantic_decorators__.field_validators.values()
    declared = any({name, '*'} & set(one.info.fields) for one in decorators)
    return declared or any(not hasattr(item, 'tensor_class') for item in info.metadata)


def field_adapter(document_type: Any, name: str) -> FieldAdapter:
    """Return the validator of one field, made at the first request and kept with the class."""
    cache = class_cache(document_type).values
    found = cache.get(('adapter', name))
    if found is None:
        found = cache['adapter', name] = FieldAdapter(document_type, name)
    adapter: FieldAdapter = found
    return adapter


def assigned_columns(batch: Batch, name: str, values: Any) -> dict[str, Any]:
    """Validate one value for each row; return the columns that change, also those that validators touch.

    Args:
        batch: The columns as they are; not changed.
        name: The field that is assigned.
        values: As many values as the batch has rows; a tensor (n, *shape) for a tensor field.

    Raises:
        ValidationError: A value was refused; names the row.
        StackError: Values of several shapes.
    """
    field = batch.schema.fields[name]
    check = field_adapter(batch.schema.document_type, name)
    if not check.alone:
        return _by_document(batch, name, values)
    column = _tensor_column(batch, field, values, check) if check.tensor else None
    if column is not None:
        return {name: column}
    if (
        field.form == 'nested'
        and getattr(values, 'schema', None) is field.schema
        and hasattr(values, 'batch')
    ):
        return {name: Nested(values.batch)}  # a stacked array of the very class
    return {name: _packed(batch, field, [check.assign(value, row) for row, value in enumerate(values)])}


def _tensor_column(batch: Batch, field: Field, values: Any, check: FieldAdapter) -> Tensors | None:
    """A batched tensor as a column, if its rows, which are all alike, are valid as they are."""
    adapter, native = adapter_of(values)
    if adapter is None or not len(batch):
        return None
    row = native[0, ...]
    own, valid = adapter_of(field.codec.pack(check.assign(row, 0)))
    if own is None or (own.shape(valid), own.dtype(valid)) != (adapter.shape(row), adapter.dtype(row)):
        return None
    if own is not adapter:
        native = own.from_numpy(adapter.to_numpy(native))
    elif any(step == 0 for step in getattr(native, 'stride', tuple)()):  # rows that share memory in torch
        native = adapter.take(native, np.arange(len(batch)))
    return Tensors(native)


def _by_document(batch: Batch, name: str, values: Any) -> dict[str, Any]:
    """Assign to whole documents, for validators that look at more than one field."""
    documents, changed = batch.rows(), {name}
    for row, (document, value) in enumerate(zip(documents, values, strict=True)):
        before = document.__dict__
        try:
            setattr(document, name, value)
        except ValidationError as error:
            raise ValidationError.of(error, row) from error.__cause__
        changed |= {key for key, new in document.__dict__.items() if new is not before[key]}
    fields = batch.schema.fields
    return {
        key: _packed(batch, fields[key], [row.__dict__[key] for row in documents]) for key in sorted(changed)
    }


def _packed(batch: Batch, field: Field, values: list[Any]) -> Any:
    ragged = isinstance(batch.data[field.name], Ragged)
    where = f'{batch.schema.document_type.__name__}.{field.name}'
    return pack_field(field, values, {'framework': '', 'ragged': ragged}, where)
