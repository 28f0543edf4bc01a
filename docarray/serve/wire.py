"""Arrays of documents as messages, and back: whatever the transport, formats do it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from docarray.batch import Batch
from docarray.errors import InvalidValueError, LimitError, show
from docarray.formats import Format, get_format
from docarray.formats.building import array_of, batch_of
from docarray.formats.limits import Limits
from docarray.lowering import STACKED_MARK
from docarray.schema import Schema, schema_of
from docarray.serve.service import Side

__all__ = [
    'advised',
    'array_from',
    'doubting',
    'join',
    'pack',
    'pack_all',
    'unpack',
    'wire_format',
    'wire_named',
]


#: The formats of messages. Others are for files, or of a package that may know no limits.
WIRES = ('protobuf', 'arrow', 'json')


def wire_named(name: str, where: str = 'wire') -> str:
    """Return the name of a format as it is.

    Args:
        name: Of the format.
        where: The place, for the error.

    Raises:
        InvalidValueError: Messages have no such format.

    Example:
        >>> wire_named('json')
        'json'
    """
    if name not in WIRES:
        raise InvalidValueError(where=where, got=show(name), wanted=' or '.join(WIRES))
    return name


@cache
def wire_format(name: str, limits: Limits, columns: bool = False) -> Format:
    """Return a format that writes messages as they travel between docarray and docarray.

    Args:
        name: Of the format.
        limits: How many bytes a message may have, also when it is decompressed, and how many documents.
        columns: Whether it is to write columns, where it knows both.

    Example:
        >>> wire_format('json', Limits()).name
        'json'
    """
    options: dict[str, Any] = {}
    if name == 'json':
        options = {'tensors': 'base64'}  # which keeps every bit and the dtype
    elif columns and name == 'protobuf':
        options = {'columns': True}
    return get_format(name, limits=limits, **options)


def pack(name: str, array: Any, limits: Limits) -> bytes:
    """Return an array as one message.

    Args:
        name: Of the format.
        array: Of either array class.
        limits: How many bytes the message may have, and for reading, how many documents.

    Raises:
        LimitError: It has more.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> pack('json', DocumentArray[TextDoc](), Limits())
        b'[]'
    """
    data = wire_format(name, limits, hasattr(type(array), STACKED_MARK)).dumps(batch_of(array))
    if len(data) > limits.size:
        raise LimitError(
            where=type(array).__name__,
            got=f'a message of {len(data)} bytes',
            wanted=f'at most {limits.size}',
            hint='Send fewer documents at a time, as a stream, or raise max_message_bytes.',
        )
    return data


def pack_all(name: str, arrays: Iterable[Any], side: Side, limits: Limits) -> bytes:
    """Return arrays, as they are made, as one message. They may be made without end.

    Args:
        name: Of the format.
        arrays: Of the class of ``side``.
        side: What they are.
        limits: How many bytes the message may have, and for reading, how many documents.

    Raises:
        LimitError: It has more, which is noticed before there is twice as much.

    Example:
        >>> from itertools import repeat
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> side = Side(DocumentArray[TextDoc])
        >>> pack_all('json', repeat(side.array_class([TextDoc()])), side, Limits(size=1000))
        Traceback (most recent call last):
        docarray.errors.LimitError: DocumentArray[TextDoc]: got a message of ... bytes, wanted at most 1000...
    """
    made: list[Any] = []
    for array in arrays:
        if made and len(made) & (len(made) - 1) == 0:  # 1, 2, 4, 8 ...: twice the work of packing it once
            pack(name, join(made, side), limits)
        made.append(array)
    return pack(name, join(made, side), limits)


def unpack(name: str, data: bytes, side: Side, limits: Limits, trusted: bool = False) -> Any:
    """Return the array that a message holds.

    Args:
        name: Of the format.
        data: The message.
        side: What the array is to be.
        limits: How many bytes the message may have, and for reading, how many documents.
        trusted: Whether documents that the message calls valid ones of this very class are taken for valid.

    Raises:
        DocArrayError: The message is broken, or its documents are not valid.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> unpack('json', b'[{"text": "a"}]', Side(DocumentArray[TextDoc]), Limits()).text
        ['a']
    """
    schema = side.schema if trusted else doubting(side.document_type)
    with advised('max_message_documents'):
        return array_from(wire_format(name, limits).loads(data, schema), side)


@contextmanager
def advised(keyword: str) -> Iterator[None]:
    """Say of a LimitError raised inside what to do about it where documents are sent."""
    try:
        yield
    except LimitError as error:
        error.hint = f'Send fewer documents at a time, as a stream, or have the receiver raise {keyword}.'
        raise


def array_from(batch: Batch, side: Side) -> Any:
    """Return a batch that was read with a schema from ``doubting`` as the array that a function takes."""
    batch.schema = side.schema
    return array_of(side.array_class, batch)


@cache
def _nobodys_fingerprint() -> str:
    """A fingerprint that no message can claim to have."""
    return secrets.token_hex(16)


def doubting(document_type: Any) -> Schema:
    """Return the schema of a document class for reading what a stranger wrote: everything is validated.

    Readers skip validation where a message has the fingerprint of the schema, and whoever knows the class
    can make such a message. This schema has a fingerprint that is known to nobody.

    Example:
        >>> from docarray.documents import TextDoc
        >>> doubting(TextDoc).fingerprint == schema_of(TextDoc).fingerprint
        False
    """
    known = schema_of(document_type)
    schema = Schema(known.document_type, known.fields)
    schema.__dict__['fingerprint'] = _nobodys_fingerprint()
    return schema


def join(arrays: Sequence[Any], side: Side) -> Any:
    """Return all documents of several arrays of one class as one array.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> side = Side(DocumentArray[TextDoc])
        >>> len(join([], side)), len(join([side.array_class([TextDoc()])] * 2, side))
        (0, 2)
    """
    if len(arrays) == 1:
        return arrays[0]
    if arrays and all(hasattr(type(array), STACKED_MARK) for array in arrays):
        return type(arrays[0]).construct(Batch.concat([array.batch for array in arrays]))
    return side.array_class([document for array in arrays for document in array])
