"""Arrays in stores, opened: documents and columns are read when they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any, SupportsIndex, TypeVar, overload

import numpy as np

from docarray import _registry
from docarray.array.columns import DocumentArrayStacked
from docarray.array.rows import DocumentArray
from docarray.array.select import no_attribute, read_index
from docarray.array.typed import typed
from docarray.errors import ConflictError
from docarray.formats.building import array_of
from docarray.formats.limits import Limits
from docarray.stores.arrays import Options, arrays_at, documents_at, schema_of_class

__all__ = ['OpenedArray', 'open_array']

#: How many documents a summary looks at.
_SHOWN = 100

T = TypeVar('T')


class OpenedArray(Sequence[T]):
    """An array in a store, of which documents and columns are read when they are asked for.

    ``opened[3]`` is a document, ``opened[2:5]`` and ``opened[[7, 1]]`` are arrays of them, and
    ``opened.field`` is a column of all documents, as ``DocumentArrayStacked`` has it. Nothing else is read.
    All of it is one version of the array, even if another is pushed meanwhile.

    It can be sent to other processes, which open the array themselves.

    Args:
        document_type: The class of the documents.
        url: Where the array is.
        limits: What is read at most.
        storage_options: Settings of the store, as of ``push``.
        version: An older version, by its number or tag, of arrays that keep them.

    Raises:
        MissingFileError: There is no array.
        StoreError: It cannot be read.
        FormatError: It is no array, or has changed since it was written.

    Example:
        >>> import tempfile
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> url = f'file://{tempfile.mkdtemp()}/texts'
        >>> DocumentArray[TextDoc]([TextDoc(text=text) for text in 'abcd']).push(url)
        >>> opened = OpenedArray(TextDoc, url)
        >>> len(opened), opened[2].text, opened[[3, 0]].text, opened.text[:2]
        (4, 'c', ['d', 'a'], ['a', 'b'])
    """

    def __init__(
        self,
        document_type: type[T],
        url: str,
        limits: Limits | None = None,
        storage_options: Options = None,
        version: int | str | None = None,
    ) -> None:
        self.document_type, self.url, self.limits = document_type, url, limits
        self.storage_options, self.at = storage_options, version
        self._open()

    def _open(self) -> None:
        schema = schema_of_class(typed(DocumentArray, self.document_type))
        self._documents = documents_at(
            self.url, schema, self.limits, self.storage_options, lazy=True, version=self.at
        )

    @property
    def version(self) -> str:
        """A text that another version of the array does not have."""
        return self._documents.version

    def __len__(self) -> int:
        return len(self._documents)

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...

    @overload
    def __getitem__(self, index: Any) -> Any: ...

    def __getitem__(self, index: Any) -> Any:
        rows = read_index(index, len(self), type(self).__name__)
        if isinstance(rows, int):
            return self._array(DocumentArray, np.array([rows]))[0]
        return self._array(DocumentArray, rows)

    def take(self, index: Any) -> Any:
        """Return some documents as a DocumentArrayStacked: columns, without making documents of them.

        Args:
            index: A slice, None for all, or several row numbers or bools.
        """
        rows = read_index(index, len(self), type(self).__name__)
        return self._array(DocumentArrayStacked, np.array([rows]) if isinstance(rows, int) else rows)

    def _array(self, origin: Any, rows: Any) -> Any:
        numbers = np.arange(len(self))[rows] if isinstance(rows, slice) else rows
        return array_of(typed(origin, self.document_type), self._documents.take(numbers))

    def __iter__(self) -> Iterator[T]:
        for batch in self._documents.batches(release=True):
            yield from array_of(typed(DocumentArray, self.document_type), batch)

    def column(self, path: str) -> Any:
        """Return the column of all documents at a path through nested documents (``a.b`` or ``a__b``).

        Raises:
            PathError: The path names nothing, or passes an array of documents.
        """
        schema = self._documents.schema
        name = path if path in schema.fields else path.replace('__', '.').partition('.')[0]
        if name not in schema.fields:
            raise schema.unknown(path)
        batch = self._documents.column(name)
        return typed(DocumentArrayStacked, self.document_type).construct(batch).column(path)

    def __getattr__(self, name: str) -> Any:
        documents = self.__dict__.get('_documents')
        schema = None if name.startswith('_') or documents is None else documents.schema
        if schema is None or name not in schema.fields:
            raise no_attribute(self, name, schema)
        return self.column(name)

    def summary(self) -> None:
        """Show its class, size and fields on the terminal, as they are in the first documents."""
        first = min(len(self), _SHOWN)
        part = f'; the first {first:,}' if first < len(self) else ''
        about = f'{len(self):,} documents, {self._documents.size:,} bytes at {self.url}{part}'
        name = getattr(self.document_type, '__name__', '')
        _registry.method('show')(self[:first], (f'{type(self).__name__}[{name}]', about))

    def __repr__(self) -> str:
        name = getattr(self.document_type, '__name__', '')
        return f'<{type(self).__name__} of {len(self)} {name} at {self.url}>'

    def __reduce__(self) -> Any:
        made = (self.document_type, self.url, self.limits, self.storage_options, self.at)
        return _reopened, (type(self), made, self.version)

    def close(self) -> None:
        """Let go of the array; what was read of it stays valid."""
        self._documents.close()

    def __enter__(self) -> OpenedArray[T]:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _reopened(cls: Any, made: tuple[Any, ...], version: str) -> Any:
    opened = cls(*made)
    if opened.version != version:
        raise ConflictError(
            where=opened.url, got='another version of the array', wanted='the one that was opened before'
        )
    return opened


def open_array(
    document_type: type[T],
    url: str,
    limits: Limits | None = None,
    storage_options: Options = None,
    version: int | str | None = None,
) -> OpenedArray[T]:
    """Open an array in a store. See ``DocumentArray[T].open``."""
    cls: Any = OpenedArray
    if arrays_at(url, storage_options).changing:
        cls = importlib.import_module('docarray.stores.changing').ChangingArray  # which derives from this one
    made: OpenedArray[T] = cls(document_type, url, limits, storage_options, version)
    return made
