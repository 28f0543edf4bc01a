"""MultiModalDataset: documents for the PyTorch DataLoader, and typed batches of torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, SupportsIndex, TypeVar, cast, overload

import numpy as np
from torch.utils.data import Dataset

from docarray._typed import is_importable, reduce_class
from docarray.array.columns import DocumentArrayStacked
from docarray.array.rows import DocumentArray
from docarray.array.select import read_index
from docarray.array.typed import ArrayMeta, typed
from docarray.batch import Batch
from docarray.data.parcel import Parcel
from docarray.data.plan import Plan
from docarray.document import AnyDocument, BaseDocumentWithoutId
from docarray.errors import InvalidValueError, show
from docarray.frameworks import framework_of, get_framework
from docarray.lowering import is_document
from docarray.schema import schema_of

__all__ = ['MultiModalDataset']

T = TypeVar('T', bound=BaseDocumentWithoutId)


class Lazy(Protocol):
    """Documents that are read when they are asked for, such as an opened array of a store.

    Attributes:
        document_type: Their class.
    """

    document_type: Any

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> Any: ...

    def take(self, index: Any) -> Any:
        """Return some documents as a DocumentArrayStacked, which is the caller's own."""


Source = DocumentArray[T] | DocumentArrayStacked[T] | Lazy
Functions = Mapping[str, Callable[[Any], Any]]


class MultiModalDataset(Dataset[T], metaclass=ArrayMeta):
    """Documents as a PyTorch dataset, with preprocessing functions and batches of torch tensors.

    A function is named by the path to what it is given: field names joined by ``.`` or ``__``, through
    nested documents and arrays of documents (each is given in turn), or '' for the document itself.
    It returns a new value, or None if it changed the given one in place. It is called where there is
    a value; None is skipped. The functions run in the order of the dict, each time a document is read,
    on copies of what they can reach: the source never changes, and what no function reaches is shared.

    Args:
        da: The documents, as rows or as columns; or an opened array of a store, of which each batch is read
            when it is needed, also by workers.
        preprocessing: Functions by path.
        docs: Another name for ``da``.

    Raises:
        PathError: A path names no field.
        InvalidValueError: A value of ``preprocessing`` is not callable, or the documents are of
            another class.

    Example:
        >>> from docarray.documents import TextDoc
        >>> texts = DocumentArray[TextDoc]([TextDoc(text='a'), TextDoc(text='b')])
        >>> dataset = MultiModalDataset[TextDoc](texts, preprocessing={'text': str.upper})
        >>> dataset[1].text, dataset.collate_fn([dataset[0], dataset[1]]).text
        ('B', ['A', 'B'])
    """

    document_type: ClassVar[Any] = AnyDocument

    def __new__(cls, da: Any = None, *args: Any, **options: Any) -> MultiModalDataset[T]:
        """Make a dataset; an untyped one takes its type from the documents."""
        source = options.get('docs') if da is None else da
        if cls.document_type is AnyDocument and cls.recipe is None and source is not None:
            cls = cls[_type_of(source)]
        made: MultiModalDataset[T] = object.__new__(cls)
        return made

    def __init__(
        self,
        da: Source[T] | None = None,
        preprocessing: Functions | None = None,
        *,
        docs: Source[T] | None = None,
    ) -> None:
        source = docs if da is None else da
        if source is None or (da is not None and docs is not None):
            raise TypeError(f"{type(self).__name__} takes documents once: as 'da' or as 'docs'")
        document_type = type(self).document_type
        if not issubclass(_type_of(source), document_type):
            raise InvalidValueError(
                where=type(self).__name__,
                got=f'documents of class {source.document_type.__name__}',
                wanted=f'{document_type.__name__}',
                hint=f'Make an array of them: DocumentArray[{document_type.__name__}](...).',
            )
        self._source: Source[T] = source
        self._plan = Plan(schema_of(document_type), preprocessing)
        if not is_importable(document_type):
            reduce_class(document_type)  # before workers are forked, so that all agree which class it is

    @property
    def da(self) -> Source[T]:
        """The documents that the dataset was made of."""
        return self._source

    @property
    def docs(self) -> Source[T]:
        """The documents. The name that later versions had for ``da``."""
        return self._source

    @property
    def doc_type(self) -> Any:
        """The document class. The name that versions 0.30 to 0.41 had for ``document_type``."""
        return type(self).document_type

    @property
    def preprocessing(self) -> Functions:
        """The functions by path, read-only."""
        return self._plan.preprocessing

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[T]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: Any) -> MultiModalDataset[T]: ...
    def __getitem__(self, index: Any) -> Any:
        """Return one preprocessed document by int, or a dataset of some of them by slice, list or mask.

        Raises:
            IndexError: There is no such document.
            PreprocessError: A function failed; says for which document, at which path.
        """
        rows = read_index(index, len(self), type(self).__name__)
        if isinstance(rows, int):
            return self._plan.apply(self._source[rows], rows)
        chosen = object.__new__(type(self))
        chosen.__dict__.update(self.__dict__, _source=self._source[rows])
        return chosen

    def __getitems__(self, indices: Sequence[int]) -> Sequence[T]:
        """Return the preprocessed documents of a batch. The DataLoader calls it.

        Without preprocessing they are the source's own, or rows of its columns: to be read only.
        """
        if type(self).__getitem__ is not MultiModalDataset.__getitem__:
            return [self[index] for index in indices]  # a subclass has its own way
        if not isinstance(self._source, DocumentArray):
            rows = np.asarray(indices, np.int64)
            columns = isinstance(self._source, DocumentArrayStacked)
            chosen = cast(DocumentArrayStacked[T], self._source[rows] if columns else self._source.take(rows))
            if self._plan.apply_columns(chosen.batch, indices) is not None:
                return cast(Sequence[T], chosen)
            documents = chosen.batch.rows()
        else:
            documents = [list.__getitem__(self._source, index) for index in indices]
        if not self._plan.steps:
            return documents
        return [self._plan.apply(document, index) for document, index in zip(documents, indices, strict=True)]

    @classmethod
    def collate_fn(cls, batch: Iterable[T]) -> DocumentArrayStacked[T]:
        """Return documents as columns whose tensors are torch tensors, whatever their fields declare.

        Args:
            batch: Documents of the dataset's class; on the untyped class, of the class of the first.

        Raises:
            StackError: Tensors of different shapes in one field; names the field and the shapes.
        """
        if isinstance(batch, DocumentArrayStacked):
            columns = batch.batch
            cls._check_classes({columns.schema.document_type}, cls.document_type)
        else:
            documents: list[Any] = list(batch)
            document_type = cls.document_type
            if document_type is AnyDocument and documents:
                document_type = documents[0].__class__
                document_type = document_type.__base__ if documents[0].is_view() else document_type
            cls._check_classes(set(map(type, documents)), document_type)
            columns = Batch.of(schema_of(document_type), documents, 'torch')
        made = typed(DocumentArrayStacked, columns.schema.document_type)
        return cast(DocumentArrayStacked[T], made.construct(columns.map_tensors(_as_torch)))

    @classmethod
    def _check_classes(cls, found: set[type], wanted: type) -> None:
        for document_type in found - {wanted}:
            if wanted is not AnyDocument and not issubclass(document_type, wanted):
                raise InvalidValueError(
                    where=f'{cls.__name__}.collate_fn',
                    got=f'a {document_type.__name__}',
                    wanted=f'documents of class {wanted.__name__}',
                )

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if isinstance(self._source, DocumentArray):
            state['_source'] = Parcel(self._source)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        source = state['_source']  # still a parcel where nothing was pickled, as in copy.copy
        self.__dict__.update(state, _source=source.documents if isinstance(source, Parcel) else source)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} (length={len(self)})>'


def _type_of(source: Any) -> Any:
    arrays = isinstance(source, (DocumentArray, DocumentArrayStacked)) or hasattr(type(source), 'take')
    if (
        not arrays
        or not is_document(getattr(source, 'document_type', None))
        or source.document_type is AnyDocument
    ):
        raise InvalidValueError(
            where='MultiModalDataset',
            got=show(source),
            wanted='a typed DocumentArray or DocumentArrayStacked, or an opened array',
            hint='Make an array of the documents: DocumentArray[YourDocument](...).',
        )
    return source.document_type


def _as_torch(tensor: Any) -> Any:
    torch, found = get_framework('torch'), framework_of(tensor)
    if found is None or found is torch:
        return tensor
    return torch.from_numpy(found.to_numpy(tensor))
