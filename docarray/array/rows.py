"""DocumentArray: documents of one class as rows; a list that validates what enters it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import compress
from operator import itemgetter
from typing import Any, ClassVar, Literal, SupportsIndex, TypeVar, overload

import numpy as np
import pydantic
from pydantic_core import core_schema

from docarray.array.array_io import ArrayIO
from docarray.array.array_store import ArrayStore
from docarray.array.columns import DocumentArrayStacked
from docarray.array.select import Rows, no_attribute, read_index
from docarray.array.typed import AnyDocumentArray, typed
from docarray.array.validate import several
from docarray.batch import Batch, collector_paused
from docarray.document import AnyDocument, BaseDocumentWithoutId
from docarray.errors import InvalidValueError, LengthError, SchemaError, StackError, ValidationError, show
from docarray.merge import merge
from docarray.schema import Field, Schema, schema_of
from docarray.shown import Shown

__all__ = ['DocumentArray']

T = TypeVar('T', bound=BaseDocumentWithoutId)


class DocumentArray(list[T], ArrayIO, ArrayStore, Shown, AnyDocumentArray):
    """A list of documents of one class, with their fields as attributes.

    ``DocumentArray[Student]`` is a class; its instances take Students, or dicts that make one.
    A bare ``DocumentArray`` takes documents of any class.

    Args:
        docs: The documents.
        tensor_type: The tensor class that fields of any framework have when this array is stacked.
        validate_input_docs: False takes the documents as they are (see ``construct``).

    Raises:
        InvalidValueError: A value is no such document; says which.

    Example:
        >>> from docarray.documents import TextDoc
        >>> texts = DocumentArray[TextDoc]([TextDoc(text='a'), TextDoc(text='b')])
        >>> texts.text, texts[[1]].text, len(texts + texts)
        (['a', 'b'], ['b'], 4)
    """

    __slots__ = ('__weakref__', 'tensor_type')
    __docarray_array__: ClassVar[bool] = True
    document_type: ClassVar[Any] = AnyDocument
    tensor_type: Any

    def __init__(
        self, docs: Iterable[Any] | None = None, tensor_type: Any = None, validate_input_docs: bool = True
    ) -> None:
        super().__init__(() if docs is None else self._checked(docs) if validate_input_docs else docs)
        self.tensor_type = tensor_type

    @classmethod
    def construct(cls, docs: Iterable[T]) -> DocumentArray[T]:
        """Make an array of documents known to be of its class, without looking at them."""
        made = cls.__new__(cls)
        list.extend(made, docs)
        made.tensor_type = None
        return made

    @property
    def doc_type(self) -> Any:
        """The document class. The name that versions 0.30 to 0.41 had for ``document_type``."""
        return type(self).document_type

    @property
    def schema(self) -> Schema:
        """The schema of the document class."""
        return schema_of(self._typed())

    # -- what enters ------------------------------------------------------------------------------

    def _check(self, value: Any, row: int | str = '') -> Any:
        document_type = type(self).document_type
        if document_type is AnyDocument:
            document_type = BaseDocumentWithoutId
        if isinstance(value, document_type):
            return value
        where = f'{type(self).__name__}[{row}]'
        if isinstance(value, dict) and type(self).document_type is not AnyDocument:
            try:
                return document_type.model_validate(value)
            except ValidationError as error:
                error.add_note(f'in {where}') if hasattr(error, 'add_note') else None
                raise
        raise InvalidValueError(where=where, got=show(value), wanted=f'a {document_type.__name__}')

    def _checked(self, values: Iterable[Any]) -> list[Any]:
        values = several(values, type(self).__name__)
        document_type = type(self).document_type
        if document_type is not AnyDocument and all(map(document_type.__instancecheck__, values)):
            return values
        with collector_paused():
            return [self._check(value, row) for row, value in enumerate(values)]

    def append(self, value: T) -> None:
        """Add one document at the end."""
        super().append(self._check(value, len(self)))

    def extend(self, values: Iterable[T]) -> None:
        """Add documents at the end: all of them, or none if one is refused."""
        super().extend(self._checked(values))

    def insert(self, index: SupportsIndex, value: T) -> None:
        """Add one document before ``index``."""
        super().insert(index, self._check(value, int(index)))

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Iterable):
            return NotImplemented
        return self._like([*self, *self._checked(other)])

    def __radd__(self, other: Any) -> Any:
        if not isinstance(other, Iterable):
            return NotImplemented
        return self._like([*self._checked(other), *self])

    def __iadd__(self, other: Any) -> Any:
        self.extend(other)
        return self

    def __mul__(self, times: SupportsIndex) -> Any:
        return self._like(super().__mul__(times))

    __rmul__ = __mul__

    def copy(self) -> DocumentArray[T]:
        """Return a new array of the same documents."""
        made: DocumentArray[T] = self._like(self)
        return made

    def _like(self, docs: Iterable[Any]) -> Any:
        made = list.__new__(type(self))
        list.extend(made, docs)
        object.__setattr__(made, 'tensor_type', self.tensor_type)
        return made

    # -- brackets ---------------------------------------------------------------------------------

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: Any) -> DocumentArray[T]: ...
    def __getitem__(self, index: Any) -> Any:
        """Return one document by int, or an array by slice, None, or list or tensor of ints or bools."""
        if type(index) is int:
            return list.__getitem__(self, index)
        if type(index) is slice:
            return self._like(list.__getitem__(self, index))
        if index is None:
            return self
        found = self._by_list(index) if type(index) is list and index else None
        if found is not None:
            return found
        rows = read_index(index, len(self), type(self).__name__)
        return list.__getitem__(self, rows) if isinstance(rows, int) else self._like(self._pick(rows))

    def _by_list(self, index: list[Any]) -> Any:
        """The short way of a list of bools or ints; None leaves it to ``read_index``, and its errors."""
        if type(index[0]) is bool:
            found = self._like(compress(self, index))
            return found if len(index) == len(self) and index.count(True) == len(found) else None
        try:
            if type(sum(index)) is not int:  # a sum with anything but ints is of another type, or refused
                return None
            if len(index) == 1 or len(index) < len(self) // 8:
                return self._like(map(super().__getitem__, index))
            return self._like(itemgetter(*index)(list(self)))  # which reads a list faster than a subclass
        except (IndexError, TypeError):
            return None

    def _pick(self, rows: Rows) -> list[Any]:
        if isinstance(rows, slice):
            return list.__getitem__(self, rows)
        return list(map(super().__getitem__, rows.tolist()))

    def __setitem__(self, index: Any, value: Any) -> None:
        rows = read_index(index, len(self), type(self).__name__)
        if isinstance(rows, int):
            super().__setitem__(rows, self._check(value, rows))
        elif isinstance(rows, slice):
            super().__setitem__(rows, self._checked(value))
        else:
            values = self._checked(value)
            if len(values) != len(rows):
                raise self._wrong_length(len(values), len(rows))
            for row, document in zip(rows.tolist(), values, strict=True):
                super().__setitem__(row, document)

    def __delitem__(self, index: Any) -> None:
        rows = read_index(index, len(self), type(self).__name__)
        if isinstance(rows, (int, slice)):
            super().__delitem__(rows)
        else:
            gone = set(rows.tolist())
            super().__setitem__(
                slice(None), [document for row, document in enumerate(self) if row not in gone]
            )

    def _wrong_length(self, got: int, wanted: int, field: str = '') -> LengthError:
        where = f'{type(self).__name__}{field and "." + field}'
        return LengthError(where=where, got=f'{got} values', wanted=f'{wanted}, one for each document')

    # -- fields -----------------------------------------------------------------------------------

    def _typed(self) -> Any:
        document_type = type(self).document_type
        if document_type is AnyDocument:
            raise SchemaError(**_untyped(type(self).__name__))
        return document_type

    def __getattr__(self, name: str) -> Any:
        document_type = type(self).document_type
        if document_type is AnyDocument and not name.startswith('_'):
            return [getattr(document, name) for document in self]
        if name not in document_type.model_fields:
            raise no_attribute(self, name, None if name.startswith('_') else self.schema)
        values = [getattr(document, name) for document in self]
        return self._column(self.schema.fields[name], values)

    def _column(self, field: Field, values: list[Any]) -> Any:
        """A list of field values, or an array where every value is a document of the field's class."""
        if field.form == 'nested' and not any(value is None for value in values):
            return typed(DocumentArray, field.lowered.documents[0]).construct(values)
        return values

    def __setattr__(self, name: str, values: Any) -> None:
        if name == 'tensor_type' or name not in type(self).document_type.model_fields:
            super().__setattr__(name, values)
            return
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            where = f'{type(self).__name__}.{name}'
            raise InvalidValueError(where=where, got=show(values), wanted='one value for each document')
        values = list(values)
        if len(values) != len(self):
            raise self._wrong_length(len(values), len(self), name)
        for document, value in zip(self, values, strict=True):
            setattr(document.model_copy(), name, value)  # all are tried on copies before one is changed
        for document, value in zip(self, values, strict=True):
            setattr(document, name, value)

    def traverse_flat(self, access_path: str) -> Any:
        """Return the values at a path of every document, as one flat list.

        Args:
            access_path: Field names joined by ``.`` or ``__``, through documents and arrays of them.

        Raises:
            PathError: The path names nothing in the schema.
        """
        if access_path == '':
            return self
        values: list[Any] = list(self)
        field = None
        for field in self.schema.resolve(access_path):
            found = [getattr(value, field.name) for value in values if value is not None]
            values = found
            if field.form == 'docs':
                values = [
                    inner for value in found if value is not None for inner in field.lowered.spread(value)
                ]
        assert field is not None
        if field.form == 'docs' and values:
            return typed(DocumentArray, field.lowered.documents[0]).construct(values)
        return self._column(field, values)

    # -- to columns and out -----------------------------------------------------------------------

    def stack(
        self, tensor_type: Any = None, ragged: Literal['error', 'list'] = 'error'
    ) -> DocumentArrayStacked[T]:
        """Return the documents as columns; this array and its documents stay as they are.

        Args:
            tensor_type: The class of columns for fields that take tensors of any framework; by
                default the framework of the values.
            ragged: What to do with tensors of different shapes in one field, or of dtypes that no common
                one holds exactly: 'error', or 'list' to keep that column as a list.

        Raises:
            StackError: Such tensors; names the field and the first two shapes, or the value.
        """
        if type(self).document_type is AnyDocument:
            raise StackError(**_untyped(type(self).__name__))
        wanted = tensor_type or self.tensor_type
        framework = '' if wanted is None else str(wanted.tensor_type.framework)
        batch = Batch.of(self.schema, self, framework, ragged == 'list')
        made: DocumentArrayStacked[T] = typed(DocumentArrayStacked, self.document_type).construct(batch)
        return made

    to_doc_vec = stack

    @contextmanager
    def stacked_mode(self) -> Iterator[DocumentArrayStacked[T]]:
        """Give the columns inside a ``with`` block; their rows are this array's documents afterwards.

        Example:
            >>> from docarray.documents import TextDoc
            >>> texts = DocumentArray[TextDoc]([TextDoc(), TextDoc()])
            >>> with texts.stacked_mode() as columns:
            ...     columns.text = ['a', 'b']
            >>> texts.text
            ['a', 'b']
        """
        columns = self.stack()
        yield columns
        self[:] = columns.unstack()

    def reduce(self, other: DocumentArray[T]) -> DocumentArray[T]:
        """Merge another array into this one: documents of equal id are updated, others appended."""
        merge(self, other)
        return self

    def _batch(self, batch_size: int, shuffle: bool = False, seed: int | None = None) -> Iterator[Any]:
        """Yield arrays of at most ``batch_size`` documents."""
        order = np.random.default_rng(seed).permutation(len(self)) if shuffle else np.arange(len(self))
        for start in range(0, len(self), batch_size):
            yield self[order[start : start + batch_size]]

    def __repr__(self) -> str:
        return f'<{type(self).__name__} (length={len(self)})>'

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        document = handler.generate_schema(source.document_type)
        if source.document_type is AnyDocument:  # documents of any class, each read and written as what it is
            document = core_schema.no_info_wrap_validator_function(
                _any_document, document, serialization=core_schema.simple_ser_schema('any')
            )
        rows = core_schema.list_schema(document)
        return (
            core_schema.json_or_python_schema(  # JSON holds no array already made, so nothing need be wrapped
                core_schema.no_info_after_validator_function(source.construct, rows),
                core_schema.no_info_wrap_validator_function(source._validate, rows),
            )
        )

    @classmethod
    def _validate(cls, value: Any, handler: pydantic.ValidatorFunctionWrapHandler) -> Any:
        """Keep an array of this class as it is; make one of anything that holds such documents."""
        if isinstance(value, cls):
            return value
        if isinstance(value, DocumentArrayStacked):
            value = value.unstack()
        return cls.construct(handler(value))


def _any_document(value: Any, handler: pydantic.ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, BaseDocumentWithoutId) else handler(value)


def _untyped(name: str) -> dict[str, str]:
    return {
        'where': name,
        'got': 'an array without a document type',
        'wanted': 'a typed one',
        'hint': 'Make it with DocumentArray[YourDocument](...).',
    }
