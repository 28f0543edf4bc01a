"""DocumentArrayStacked: documents of one class as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt
import pydantic
from pydantic_core import core_schema

from docarray import _registry
from docarray.array.array_io import ArrayIO
from docarray.array.array_store import ArrayStore
from docarray.array.select import no_attribute, read_index
from docarray.array.typed import AnyDocumentArray, typed
from docarray.array.validate import assigned_columns, several
from docarray.array.values import Values
from docarray.array.views import view
from docarray.batch import Batch
from docarray.cells import Tensors
from docarray.composites import Nested
from docarray.document import AnyDocument, BaseDocumentWithoutId
from docarray.errors import (
    InvalidValueError,
    LengthError,
    SchemaError,
    UnsupportedError,
    show,
)
from docarray.masks import mask_of
from docarray.schema import Field, Schema, schema_of
from docarray.shown import Shown
from docarray.values import adapter_of

if TYPE_CHECKING:
    from docarray.array.rows import DocumentArray

__all__ = ['DocumentArrayStacked']

T = TypeVar('T', bound=BaseDocumentWithoutId)


class DocumentArrayStacked(ArrayIO, ArrayStore, Shown, AnyDocumentArray, Generic[T]):
    """Documents as columns: one tensor (n, *shape) per tensor field, nested columns for nested documents.

    ``array.stack()`` makes one and ``stacked.unstack()`` goes back; neither changes its source.
    ``stacked.field`` is the column: a tensor, a DocumentArrayStacked, or a list-like ``Values``.
    ``stacked[i]`` is a document that reads and writes row i of the columns, arrays of documents in it
    included. Rows without a tensor (optional fields) are zeros in the column; ``validity(path)`` says
    which they are.

    Where a field has the name of a member, such as ``batch`` or ``to``, the member wins, and
    ``column('batch')`` is the column. Private attributes have no columns; documents with extra fields
    are refused.

    Args:
        docs: Documents of the class.
        tensor_type: The class of columns for fields that take tensors of any framework.
        ragged: 'list' keeps tensors of different shapes as a list instead of refusing them.

    Raises:
        StackError: Tensors of different shapes in one field.

    Example:
        >>> import numpy as np
        >>> from docarray.documents import TextDoc
        >>> texts = DocumentArrayStacked[TextDoc]([TextDoc(embedding=np.ones(3)) for _ in range(4)])
        >>> texts.embedding.shape, len(texts[:2])
        ((4, 3), 2)
    """

    __slots__ = ('__weakref__', '_batch', 'tensor_type')
    __docarray_stacked__: ClassVar[bool] = True
    document_type: ClassVar[Any] = AnyDocument
    _batch: Batch
    tensor_type: Any

    def __init__(
        self,
        docs: Iterable[Any] | None = None,
        tensor_type: Any = None,
        ragged: Literal['error', 'list'] = 'error',
    ) -> None:
        document_type = type(self).document_type
        if document_type is AnyDocument:
            raise SchemaError(
                where=type(self).__name__,
                got='no document type',
                wanted='a typed array',
                hint='Make it with DocumentArrayStacked[YourDocument](...).',
            )
        if isinstance(docs, DocumentArrayStacked):
            docs = docs.unstack()
        found = () if docs is None else several(docs, type(self).__name__)
        checked = [_checked(doc, document_type, row) for row, doc in enumerate(found)]
        framework = '' if tensor_type is None else tensor_type.tensor_type.framework
        batch = Batch.of(schema_of(document_type), checked, framework, ragged == 'list')
        object.__setattr__(self, '_batch', batch)
        object.__setattr__(self, 'tensor_type', tensor_type)

    @classmethod
    def construct(cls, batch: Batch) -> DocumentArrayStacked[T]:
        """Make a stacked array of a Batch of its class, without looking at it."""
        made = cls.__new__(cls)
        object.__setattr__(made, '_batch', batch)
        object.__setattr__(made, 'tensor_type', None)
        return made

    from_columns_storage = construct

    @property
    def batch(self) -> Batch:
        """The columns themselves, as formats, stores and indexes take them."""
        return self._batch

    @property
    def schema(self) -> Schema:
        """The schema of the document class."""
        return self._batch.schema

    @property
    def doc_type(self) -> Any:
        """The document class. The name that versions 0.30 to 0.41 had for ``document_type``."""
        return type(self).document_type

    def __len__(self) -> int:
        return len(self._batch)

    def __iter__(self) -> Iterator[T]:
        return (view(self._batch, row) for row in range(len(self._batch)))

    # -- rows -------------------------------------------------------------------------------------

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: Any) -> DocumentArrayStacked[T]: ...
    def __getitem__(self, index: Any) -> Any:
        """Return row i as a live document, or columns by slice, None, list or tensor of ints or bools.

        A slice shares the memory of tensors and numbers; the other kinds copy the chosen rows.
        """
        batch = self._batch
        if type(index) is int and 0 <= index < batch.length:
            return view(batch, index)
        if index is None:
            return self
        rows = read_index(index, len(self), type(self).__name__)
        if isinstance(rows, int):
            return view(batch, rows)
        return type(self).construct(batch.take(rows))

    def __setitem__(self, index: Any, value: Any) -> None:
        rows = read_index(index, len(self), type(self).__name__)
        document_type = type(self).document_type
        if isinstance(rows, int):
            self._put_rows([rows], [_checked(value, document_type, rows)])
            return
        numbers = np.arange(len(self))[rows].tolist()
        documents = [_checked(document, document_type, row) for row, document in enumerate(value)]
        if len(documents) != len(numbers):
            raise self._wrong_length(len(documents), len(numbers))
        self._put_rows(numbers, documents)

    def _put_rows(self, rows: list[int], documents: list[Any]) -> None:
        trial = self._batch.take(np.array(rows, np.int64))
        for place, document in enumerate(documents):
            trial.put(place, document)  # refused here, before the array itself is touched
        for row, document in zip(rows, documents, strict=True):
            self._batch.put(row, document)

    def __delitem__(self, index: Any) -> None:
        raise UnsupportedError(
            where=type(self).__name__,
            got='del',
            wanted='a selection',
            hint='Columns have a fixed length: select the rows to keep, or unstack() first.',
        )

    def _wrong_length(self, got: int, wanted: int, field: str = '') -> LengthError:
        where = f'{type(self).__name__}{field and "." + field}'
        return LengthError(where=where, got=f'{got} rows', wanted=f'{wanted}')

    # -- columns ----------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or name not in self._batch.schema.fields:
            raise no_attribute(self, name, None if name.startswith('_') else self._batch.schema)
        return self._column(self._batch, self._batch.schema.fields[name])

    def _column(self, batch: Batch, field: Field) -> Any:
        column = batch.data[field.name]
        if isinstance(column, Tensors):
            data = column.data if column.length else column.empty(field.codec)
            return None if data is None else field.codec.unpack(data)
        if isinstance(column, Nested):
            if column.valid is None:
                return typed(DocumentArrayStacked, field.lowered.documents[0]).construct(column.batch)
            if not column.valid.any():
                return None
        return Values(field, column, batch)

    def column(self, path: str) -> Any:
        """Return the column at a path through nested documents (``a.b`` or ``a__b``).

        Raises:
            PathError: The path names nothing, or passes an array of documents.
        """
        return self._column(*self._batch.owner(path))

    def validity(self, path: str) -> npt.NDArray[np.bool_]:
        """Return which rows have a value at a path, as a bool array (n,)."""
        present = np.ones(len(self), np.bool_)
        batch, fields = self._batch, self._batch.schema.resolve(path)
        for field in fields:
            column = batch.data[field.name]
            valid = getattr(column, 'valid', None)
            if valid is None and not isinstance(column, (Tensors, Nested)) and field.lowered.nullable:
                valid = mask_of(column.values())
            present &= True if valid is None else valid
            if field is not fields[-1]:
                if not isinstance(column, Nested):
                    raise self._batch.schema.unknown(path)
                batch = column.batch
        return present

    def __setattr__(self, name: str, values: Any) -> None:
        if name.startswith('_') or name not in self._batch.schema.fields:
            if name in type(self).__slots__ or name == 'tensor_type':
                object.__setattr__(self, name, values)
                return
            raise no_attribute(self, name, None if name.startswith('_') else self._batch.schema)
        if values is None:
            values = [None] * len(self)
        elif (
            isinstance(values, (str, bytes))
            or not hasattr(values, '__len__')
            or getattr(values, 'shape', 1) == ()
        ):
            raise InvalidValueError(
                where=f'{type(self).__name__}.{name}', got=show(values), wanted='one value for each row'
            )
        if len(values) != len(self):
            raise self._wrong_length(len(values), len(self), name)
        self._batch.data.update(assigned_columns(self._batch, name, values))

    # -- whole-array operations -------------------------------------------------------------------

    def unstack(self) -> DocumentArray[T]:
        """Return the rows as a DocumentArray of plain documents, whose tensors are views of the columns."""
        rows_class = _registry.method('rows')
        rows: DocumentArray[T] = rows_class[type(self).document_type].construct(self._batch.rows())
        return rows

    to_doc_list = unstack

    @contextmanager
    def unstacked_mode(self) -> Iterator[DocumentArray[T]]:
        """Give the rows inside a ``with`` block; this array has their columns afterwards."""
        rows = self.unstack()
        yield rows
        object.__setattr__(self, '_batch', rows.stack().batch)

    def to(self, device: Any) -> DocumentArrayStacked[T]:
        """Move all tensor columns to a device, in place, nested ones too; return this array."""
        columns: list[Any] = [column for _, column in self._batch.tensors()]
        moved = [column.mapped(lambda tensor: _moved(tensor, str(device))) for column in columns]
        for column, new in zip(columns, moved, strict=True):
            column.replace(new)
        return self

    def pin_memory(self) -> DocumentArrayStacked[T]:
        """Return an array whose torch columns are in page-locked memory. The PyTorch DataLoader calls it."""
        return type(self).construct(self._batch.map_tensors(_pinned))

    def copy(self) -> DocumentArrayStacked[T]:
        """Return an array with columns of its own."""
        return type(self).construct(self._batch.take(np.arange(len(self))))

    __copy__ = copy

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, DocumentArrayStacked):
            return NotImplemented
        if other.schema is not self.schema:
            raise InvalidValueError(
                where=f'{type(self).__name__} +', got=type(other).__name__, wanted=type(self).__name__
            )
        return type(self).construct(Batch.concat([self._batch, other.batch]))

    def __eq__(self, other: object) -> bool:
        """Whether documents and order are equal; ids are not compared."""
        if not isinstance(other, DocumentArrayStacked):
            return NotImplemented
        if self.document_type is not other.document_type or len(self) != len(other):
            return False
        if self.document_type.__eq__ is not BaseDocumentWithoutId.__eq__:
            return bool(self._batch.rows() == other.batch.rows())
        return self._batch.equal(other.batch)

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self._batch)

    def traverse_flat(self, access_path: str) -> Any:
        """Return the values at a path: the column itself, or one flat list through arrays of documents.

        Rows without a nested document on the way have no value in the list, as in ``DocumentArray``.
        """
        batch, fields = self._batch, self._batch.schema.resolve(access_path) if access_path != '' else ()
        for field in fields[:-1]:
            if field.form != 'nested' or batch.data[field.name].valid is not None:
                return self.unstack().traverse_flat(access_path)
            batch = batch.data[field.name].batch
        if fields and fields[-1].form == 'docs':
            return self.unstack().traverse_flat(access_path)
        return self._column(batch, fields[-1]) if fields else self

    def __repr__(self) -> str:
        return f'<{type(self).__name__} (length={len(self)})>'

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        rows = core_schema.list_schema(handler.generate_schema(source.document_type))
        return core_schema.json_or_python_schema(
            core_schema.no_info_after_validator_function(source, rows),
            core_schema.no_info_wrap_validator_function(source._validate, rows),
            serialization=core_schema.wrap_serializer_function_ser_schema(
                lambda array, dump: dump(array.unstack()), schema=rows
            ),
        )

    @classmethod
    def _validate(cls, value: Any, handler: pydantic.ValidatorFunctionWrapHandler) -> Any:
        """Keep a stacked array of this class; stack anything that holds such documents."""
        return value if isinstance(value, cls) else cls(handler(value))


def _rebuild(cls: Any, batch: Batch) -> Any:
    return cls.construct(batch)


def _checked(document: Any, document_type: Any, row: int) -> Any:
    if isinstance(document, document_type):
        return document
    if isinstance(document, dict):
        return document_type.model_validate(document)
    raise InvalidValueError(
        where=f'DocumentArrayStacked[{document_type.__name__}][{row}]',
        got=show(document),
        wanted=f'a {document_type.__name__}',
    )


def _moved(tensor: Any, device: str) -> Any:
    adapter, native = adapter_of(tensor)
    return native if adapter is None else adapter.to_device(native, device)


def _pinned(tensor: Any) -> Any:
    try:
        return tensor.pin_memory() if hasattr(tensor, 'pin_memory') else tensor
    except RuntimeError as error:
        raise UnsupportedError(where='pin_memory', got=show(error), wanted='an accelerator') from error
