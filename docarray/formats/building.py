"""Making documents and arrays of what a format has read: what all readers have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pydantic

from docarray._typed import class_cache
from docarray.batch import Batch, collector_paused
from docarray.errors import ValidationError
from docarray.lowering import STACKED_MARK
from docarray.rowbatch import RowBatch
from docarray.schema import Schema

__all__ = ['array_of', 'batch_of', 'build_documents', 'builder_of', 'namer_of', 'of_framework', 'owned']

Builder = Callable[[dict[str, Any]], Any]


def build_documents(schema: Schema, rows: Iterable[dict[str, Any]], checked: bool = True) -> list[Any]:
    """Make documents of values by field name.

    Args:
        schema: The schema of their class.
        rows: For each document its values, already unpacked by the codecs of the fields, nested documents
            ready made. The dicts are taken over. Fields may be missing where they are ``checked``.
        checked: False where the values are known to be valid, and there is one for each field.

    Raises:
        ValidationError: A document was refused; the path of its faults starts with the row.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> build_documents(schema_of(TextDoc), [{'text': 'a'}])[0].text
        'a'
    """
    build = builder_of(schema, checked)
    made: list[Any] = []
    with collector_paused():
        if not checked:
            return list(map(build, rows))
        for row in rows:
            try:
                made.append(build(row))
            except pydantic.ValidationError as error:
                raise ValidationError.of(error, inside=(len(made),)) from error.__cause__
    return made


def batch_of(array: Any) -> Batch:
    """Return either array of documents as a batch, without packing rows into columns.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> len(batch_of(DocumentArray[TextDoc]([TextDoc()])))
        1
    """
    if hasattr(type(array), STACKED_MARK):
        batch: Batch = array.batch
        return batch
    return RowBatch(array.schema, array)


def array_of(cls: Any, batch: Batch, tensor_type: Any = None) -> Any:
    """Return a batch as an array of class ``cls``: rows for a DocumentArray, columns for a stacked one.

    Args:
        cls: A typed array class, of the batch's document class.
        batch: The documents; its columns go to a stacked array as they are.
        tensor_type: For fields that take tensors of any framework: the class that they are to have.

    Example:
        >>> from docarray import DocumentArray, DocumentArrayStacked
        >>> from docarray.documents import TextDoc
        >>> batch = batch_of(DocumentArray[TextDoc]([TextDoc(text='a')]))
        >>> array_of(DocumentArrayStacked[TextDoc], batch).text
        ['a']
    """
    if not hasattr(cls, STACKED_MARK):
        return cls.construct(owned(of_framework(batch, tensor_type)).rows())
    if tensor_type is not None or isinstance(batch, RowBatch):
        return cls(batch.rows(), tensor_type=tensor_type, ragged='list')
    return cls.construct(batch)


def of_framework(batch: Batch, tensor_type: Any) -> Batch:
    """Return a batch in which fields that take tensors of any framework have those of one class.

    Args:
        batch: The documents.
        tensor_type: The class; None leaves all as it is.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import ImageDoc
        >>> from docarray.typing import NdArray
        >>> batch = batch_of(DocumentArray[ImageDoc]([ImageDoc(embedding=[1, 2])]))
        >>> of_framework(batch, NdArray).rows()[0].embedding
        NdArrayEmbedding([1, 2])
    """
    if tensor_type is None:
        return batch
    return Batch.of(batch.schema, batch.rows(), str(tensor_type.tensor_type.framework), True)


def owned(batch: Batch) -> Batch:
    """Return a batch whose numpy tensors can be written to: the memory of a file is copied, column by column.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> rows = RowBatch(schema_of(TextDoc), [TextDoc()])
        >>> owned(rows) is rows
        True
    """
    return batch if isinstance(batch, RowBatch) else batch.map_tensors(_writable)


def _writable(tensor: Any) -> Any:
    return tensor.copy() if isinstance(tensor, np.ndarray) and not tensor.flags.writeable else tensor


def builder_of(schema: Schema, checked: bool = True) -> Builder:
    """Return the function that makes one document of values by field name. See ``build_documents``.

    It raises pydantic's own ValidationError.
    """
    document_type: Any = schema.document_type
    if not checked:
        construct: Builder = document_type.__docarray_construct__
        return construct
    validate, rename = validator_of(schema), namer_of(schema)
    return validate if rename is None else lambda values: validate(rename(values))


def validator_of(schema: Schema) -> Builder:
    """Return the function that makes a document of what its class validates. See ``namer_of``."""
    document_type: Any = schema.document_type
    # From attributes too: documents whose class the wire did not tell are AnyDocuments until here.
    return partial(document_type.__pydantic_validator__.validate_python, from_attributes=True)


def namer_of(schema: Schema) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    """Return the function from values by field name to what the class validates, None if that is the same.

    They differ where the class knows a field by an alias only, or by the alias of another one.
    """
    names = _given_names(schema.document_type)
    if not names:
        return None

    def rename(values: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name, value in values.items():
            _put(given, names.get(name, (name,)), value)
        return given

    return rename


def _given_names(document_type: Any) -> dict[str, tuple[str, ...]]:
    """Where the class wants the values of its fields, for those that it does not take by their names."""
    values = class_cache(document_type).values
    if 'given_names' not in values:
        config, fields = document_type.model_config, document_type.model_fields
        by_name = config.get('populate_by_name') or config.get('validate_by_name')
        found = {name: _path(info.validation_alias or info.alias) for name, info in fields.items()}
        found = {name: path for name, path in found.items() if path not in ((), (name,))}
        if by_name and not any(path[0] in fields for path in found.values()):
            found = {}
        values['given_names'] = found
    names: dict[str, tuple[str, ...]] = values['given_names']
    return names


def _path(alias: Any) -> tuple[Any, ...]:
    if isinstance(alias, pydantic.AliasChoices):
        alias = alias.choices[0]
    if isinstance(alias, pydantic.AliasPath):
        return tuple(alias.path)
    return (alias,) if alias else ()


def _put(target: Any, path: tuple[Any, ...], value: Any) -> None:
    """Write a value to where an alias looks for it: through dicts by name, through lists by number."""
    for step, following in pairwise(path):
        target = _at(target, step, [] if isinstance(following, int) else {})
    _at(target, path[-1], value)


def _at(target: Any, step: Any, default: Any) -> Any:
    if isinstance(target, dict):
        return target.setdefault(step, default)
    target.extend([None] * (step + 1 - len(target)))
    if target[step] is None:
        target[step] = default
    return target[step]
