"""ArrayStore: how arrays of documents are kept, as methods. Stores, found by URL, do the work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from docarray import _registry

if TYPE_CHECKING:
    from docarray.formats.limits import Limits

__all__ = ['ArrayStore']

A = TypeVar('A', bound='ArrayStore')


class ArrayStore:
    """The methods of both arrays that push them to stores and pull them."""

    __slots__ = ()

    def push(
        self,
        url: str,
        show_progress: bool = False,
        *,
        overwrite: bool = True,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the array to a store, whole or not at all.

        Args:
            url: Where to, such as 'file:///data/photos'. An array that is there is replaced.
            show_progress: Show a progress bar on the terminal.
            overwrite: False refuses to replace an array.
            storage_options: Settings of the store, such as ``{'endpoint': 'http://...'}`` of S3, beside
                those of the environment. See ``docs/stores.md``.

        Raises:
            InvalidValueError: The URL is of no store, or has no proper name.
            ConflictError: Another push to this URL ended since this one began.
            StoreError: The array cannot be written, or is there already and ``overwrite`` is False.
            KindError: A value cannot be stored; says which.

        Example:
            >>> import tempfile
            >>> from docarray import DocumentArray
            >>> from docarray.documents import TextDoc
            >>> url = f'file://{tempfile.mkdtemp()}/texts'
            >>> DocumentArray[TextDoc]([TextDoc(text='a')]).push(url)
            >>> DocumentArray[TextDoc].pull(url).text
            ['a']
        """
        _registry.method('push')(self, url, show_progress, overwrite, storage_options)

    @classmethod
    def push_stream(
        cls,
        docs: Iterable[Any],
        url: str,
        show_progress: bool = False,
        *,
        overwrite: bool = True,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Write documents to a store as they come, in bounded memory. See ``push``.

        Tensor fields of fixed shape and dtype must have them; others may change from document to document.

        Args:
            docs: Documents of the class, from any iterable; if it raises, nothing is written.
            url: Where to.
            show_progress: Show a progress bar on the terminal.
            overwrite: False refuses to replace an array.
            storage_options: As of ``push``.
        """
        _registry.method('push_stream')(cls, docs, url, show_progress, overwrite, storage_options)

    @classmethod
    def pull(
        cls: type[A],
        url: str,
        show_progress: bool = False,
        local_cache: bool = False,
        *,
        tensor_type: Any = None,
        limits: Limits | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> A:
        """Read an array from a store, also one that docarray 0.30 to 0.41 pushed to files.

        Args:
            url: Where it is.
            show_progress: Show a progress bar on the terminal.
            local_cache: Taken for the sake of earlier versions; nothing is cached.
            tensor_type: For fields that take tensors of any framework: the class that they are to have.
            limits: What is read at most.
            storage_options: As of ``push``.

        Raises:
            MissingFileError: There is no such array.
            StoreError: It cannot be read.
            ChecksumError: It has changed since it was written.
            TruncatedError: It ends too early.
            ValidationError: A document does not fit the class.
        """
        read = _registry.method('pull')
        made: A = read(cls, url, show_progress, tensor_type, limits, storage_options)
        return made

    @classmethod
    def pull_stream(
        cls,
        url: str,
        show_progress: bool = False,
        local_cache: bool = False,
        *,
        tensor_type: Any = None,
        limits: Limits | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Iterator[Any]:
        """Yield the documents of an array in a store, in bounded memory. See ``pull``."""
        read = _registry.method('pull_stream')
        found: Iterator[Any] = read(cls, url, show_progress, tensor_type, limits, storage_options)
        return found
