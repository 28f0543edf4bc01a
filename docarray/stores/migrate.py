"""Moving documents from files of earlier versions, or any others that docarray reads, into a store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Literal

from docarray.array.rows import DocumentArray
from docarray.array.typed import typed
from docarray.formats.files.storage import open_source
from docarray.formats.limits import DEFAULT_LIMITS
from docarray.stores.arrays import ArrayInfo, info, pull_stream, push_stream

__all__ = ['migrate']


def migrate(
    document_type: type,
    old: str | os.PathLike[str],
    new: str,
    *,
    protocol: str | None = None,
    compress: str | None = None,
    bytes_as: Literal['base64', 'text'] = 'text',
    overwrite: bool = False,
    show_progress: bool = False,
) -> ArrayInfo:
    """Write the documents of a file to a store. The file stays.

    Args:
        document_type: The class of the documents.
        old: What docarray wrote, from 0.30 on: a file of a file store (``.docs``) or its URL, a file of
            ``save_binary`` (its name says the protocol and compression, or the call does), or ``.json``
            of ``to_json``.
        new: The URL of the array.
        protocol: Of a file of ``save_binary``.
        compress: Of a file of ``save_binary``.
        bytes_as: How bytes stand in ``.json``: 'text' as before 1.0, 'base64' as today.
        overwrite: Replace an array that is there.
        show_progress: Show a progress bar on the terminal.

    Returns:
        What the store has now.

    Raises:
        MissingFileError: There is no such file.
        FormatError: It is not what its name says; nothing is written.
        ValidationError: A document does not fit the class; nothing is written.
        StoreError: The array is there already, or cannot be written.

    Example:
        >>> import tempfile
        >>> from docarray.documents import TextDoc
        >>> folder = tempfile.mkdtemp()
        >>> DocumentArray[TextDoc]([TextDoc(text='a')]).save_binary(f'{folder}/old.protobuf.gz')
        >>> migrate(TextDoc, f'{folder}/old.protobuf.gz', f'file://{folder}/new').documents
        1
    """
    cls = typed(DocumentArray, document_type)
    documents = _documents(cls, os.fspath(old), protocol, compress, bytes_as)
    push_stream(cls, documents, new, show_progress, overwrite)
    return info(new)


def _documents(
    cls: Any, old: str, protocol: str | None, compress: str | None, bytes_as: Literal['base64', 'text']
) -> Iterable[Any]:
    if protocol is None and old.endswith('.docs'):
        url = old if '://' in old else f'file://{os.path.abspath(old)}'
        return pull_stream(cls, url.removesuffix('.docs'))
    if protocol is None and old.endswith('.json'):
        with open_source(old) as source:
            text = bytes(source.whole(DEFAULT_LIMITS))
        found: Iterable[Any] = cls.from_json(text, bytes_as=bytes_as)
        return found
    if protocol is None and '://' in old and '.' not in old.rpartition('/')[2]:
        return pull_stream(cls, old)
    streamed: Iterable[Any] = cls.load_binary(old, protocol, compress, streaming=True)
    return streamed
