"""Limits on what is read from outside."""

from __future__ import annotations

from dataclasses import dataclass

from docarray.errors import LimitError

__all__ = ['DEFAULT_LIMITS', 'Limits']


@dataclass(frozen=True)
class Limits:
    """How much a reader takes before it refuses. Each is checked before anything is allocated for it.

    Attributes:
        size: Bytes after decompression, of one message or of a whole file.
        depth: Documents, lists and maps inside one another.
        documents: Documents of one message or file; in rows of protobuf, also those in arrays inside them,
            counted apart. Where JSON is a message, all objects count.
        columns: Fields of one document or columns of one table.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray import DocumentArray
        >>> data = DocumentArray[TextDoc]([TextDoc()] * 3).to_bytes()
        >>> DocumentArray[TextDoc].from_bytes(data, limits=Limits(documents=2))
        Traceback (most recent call last):
        docarray.errors.LimitError: DocumentArray[TextDoc]: got 3 documents, wanted at most 2. ...
    """

    size: int = 4 << 30
    depth: int = 64
    documents: int = 1 << 27
    columns: int = 4096

    def check(self, name: str, got: int, where: str) -> None:
        """Raise LimitError if ``got`` is more than the limit of that name.

        Args:
            name: 'size', 'depth', 'documents' or 'columns'.
            got: How much there is, or how much the bytes say that there is.
            where: The place, for the error.
        """
        most = getattr(self, name)
        if got > most:
            raise LimitError(
                where=where,
                got=f'{got} {_UNITS[name]}',
                wanted=f'at most {most}',
                hint=f'If that is right, raise the limit with limits=Limits({name}={got}).',
            )


_UNITS = {'size': 'bytes', 'depth': 'levels', 'documents': 'documents', 'columns': 'columns'}

DEFAULT_LIMITS = Limits()
