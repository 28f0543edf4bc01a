"""Wire formats, one file each, and what they have in common.

``docs/adding/format.md`` tells how to add one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from docarray import _registry
from docarray.batch import Batch
from docarray.formats.limits import Limits
from docarray.schema import Schema

__all__ = ['Buffer', 'Format', 'Limits', 'format_names', 'get_format']

Buffer = bytes | bytearray | memoryview


@runtime_checkable
class Format(Protocol):
    """What docarray asks of a wire format: a batch to bytes and back, whole or as a stream.

    A format knows kinds, never logical types: it packs the values of a column with the column's codec
    and unpacks what it reads. It carries all kinds, in both directions, any of them missing where its
    column is nullable; rows keep their order. Tensors keep shape and values; a format that cannot keep
    their dtype says so in its documentation and restores the declared one. It never runs code that it
    reads (no pickle), and bytes that are damaged or not its own are refused with a DocArrayError.

    Formats are stateless after ``__init__``, so that one may be used by several threads. Options such as
    compression are arguments of ``__init__``, all with defaults.

    Attributes:
        name: The name under which it is registered.
    """

    name: str

    def dumps(self, batch: Batch) -> bytes:
        """Return a batch as one message, complete in itself. The batch stays as it is.

        Raises:
            UnsupportedError: A kind that the format cannot carry; names the column.
        """

    def loads(self, data: Buffer, schema: Schema) -> Batch:
        """Return the batch that ``dumps`` made the message of.

        Args:
            data: One message, in any buffer; the batch may share its memory.
            schema: The schema of the batch to make. Values are checked against it, unless the message
                carries a schema whose fingerprint equals this one's.

        Raises:
            DocArrayError: These are no such bytes, or they do not fit the schema; says which row and field.
        """

    def dump_stream(self, batches: Iterable[Batch]) -> Iterator[bytes]:
        """Yield a stream of any number of batches of one schema, as it comes.

        No more than one batch is looked at ahead of what has been yielded, so that the stream may be longer
        than memory. The stream need not be one of ``dumps``'s messages. Without a batch it is still a
        valid stream, though maybe of no bytes.
        """

    def load_stream(self, chunks: Iterable[Buffer], schema: Schema) -> Iterator[Batch]:
        """Yield the documents of a stream as batches, as they arrive; none of them is empty.

        Args:
            chunks: The stream, cut anywhere: a chunk may end within a number or a character.
            schema: As for ``loads``.

        Raises:
            DocArrayError: As ``loads``; also where the stream ends too early. Batches before the fault have
                been yielded by then.
        """


def get_format(name: str, **options: object) -> Format:
    """Return a format by name, such as 'json'.

    Args:
        name: One of ``format_names()``.
        **options: What the format takes.

    Raises:
        KeyError: No format of that name is registered.
        MissingExtraError: It needs a package that is not installed.

    Example:
        >>> get_format('json').name
        'json'
    """
    made: Format = _registry.find('format', name).load()(**options)
    return made


def format_names() -> list[str]:
    """Return the names that ``get_format`` takes, their packages installed or not.

    Example:
        >>> 'json' in format_names()
        True
    """
    return _registry.names('format')
