"""The stores of docarray 0.30 to 0.41 by their names, with the methods that they had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, ClassVar

from docarray import _lazy
from docarray.array.rows import DocumentArray
from docarray.array.typed import typed
from docarray.errors import ConflictError, InvalidValueError, show
from docarray.lowering import is_document
from docarray.stores import arrays

__all__ = ['ConcurrentPushException', 'FileDocStore', 'S3DocStore']

ConcurrentPushException = ConflictError


class FileDocStore:
    """Arrays in files. The same as ``push`` and ``pull`` of an array with ``file://`` URLs.

    Names are what stands behind ``file://``: a path from the root, or one in the folder of docarray's cache.

    Example:
        >>> import tempfile
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> folder = tempfile.mkdtemp()
        >>> FileDocStore.push(DocumentArray[TextDoc]([TextDoc(text='a')]), f'{folder}/texts')
        {}
        >>> FileDocStore.pull(DocumentArray[TextDoc], f'{folder}/texts').text
        ['a']
    """

    scheme: ClassVar[str] = 'file'

    @classmethod
    def _url(cls, name: str) -> str:
        return f'{cls.scheme}://{name}'

    @classmethod
    def list(cls, namespace: str = '', show_table: bool = False) -> list[str]:
        """Return the names of the arrays in a folder, sorted.

        Args:
            namespace: The folder.
            show_table: Also show them on the terminal, with their sizes and times.
        """
        found = arrays.list_arrays(cls._url(namespace))
        names = [entry.url.partition('://')[2] for entry in found]
        if show_table:
            table = _lazy.load('rich.table').Table('Name', 'Bytes', 'Modified', title=cls._url(namespace))
            for name, entry in zip(names, found, strict=True):
                table.add_row(name, f'{entry.size:,}', f'{entry.modified:%Y-%m-%d %H:%M:%S}')
            _lazy.load('rich.console').Console().print(table)
        return names

    @classmethod
    def delete(cls, name: str, missing_ok: bool = True) -> bool:
        """Delete an array and return whether it was there."""
        return arrays.delete(cls._url(name), missing_ok)

    @classmethod
    def push(cls, docs: Any, name: str, show_progress: bool = False) -> dict[str, Any]:
        """Write an array. Returns an empty dict, as it always did."""
        arrays.push(docs, cls._url(name), show_progress)
        return {}

    @classmethod
    def push_stream(cls, docs: Iterable[Any], url: str, show_progress: bool = False) -> dict[str, Any]:
        """Write documents as they come; their class is that of the first one."""
        found = iter(docs)
        first = next(found, None)
        if not is_document(type(first)):
            raise InvalidValueError(
                where=f'{cls.__name__}.push_stream',
                got=show(first) if first is not None else 'no documents',
                wanted='documents, of which the first says their class',
                hint='Use DocumentArray[YourDocument].push_stream(docs, url).',
            )
        array = typed(DocumentArray, type(first))
        arrays.push_stream(array, chain([first], found), cls._url(url), show_progress)
        return {}

    @classmethod
    def pull(cls, docs_cls: Any, name: str, show_progress: bool = False, local_cache: bool = False) -> Any:
        """Read an array as ``docs_cls``, such as ``DocumentArray[Page]``."""
        return arrays.pull(docs_cls, cls._url(name), show_progress)

    @classmethod
    def pull_stream(
        cls, docs_cls: Any, name: str, show_progress: bool = False, local_cache: bool = False
    ) -> Iterator[Any]:
        """Yield the documents of an array."""
        return arrays.pull_stream(docs_cls, cls._url(name), show_progress)


class S3DocStore(FileDocStore):
    """Arrays in S3. The same as ``push`` and ``pull`` of an array with ``s3://`` URLs.

    Names are a bucket and a name in it, with a slash between them. Arrays that docarray 0.30 to 0.41 pushed
    to S3 are pickles, and are not read.

    Example:
        >>> S3DocStore.scheme
        's3'
    """

    scheme: ClassVar[str] = 's3'
