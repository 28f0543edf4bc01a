"""Documents to DocProto: a writer for each document class, compiled from its schema, and one for any value.

The bytes are written by hand, which takes no protobuf package, and a fraction of the time of filling
its messages. A field's name, type and tags are bytes that are made once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from pydantic_core import to_jsonable_python

from docarray._typed import class_cache
from docarray.batch import collector_paused
from docarray.errors import DocArrayError, KindError, show
from docarray.formats.protobuf.cellwriters import KIND_WRITERS, Writer, entry_head
from docarray.formats.protobuf.leaves import SIMPLE, Out, encode_text, sized, text_type, write_tensor
from docarray.formats.protobuf.wire import BYTES, field, tag, varint
from docarray.kinds import Codec, identity
from docarray.lowering import ARRAY_MARK, DOCUMENT_MARK, STACKED_MARK
from docarray.schema import Field, Schema, schema_of

__all__ = [
    'UnsayableError',
    'codec_writer',
    'encode_document',
    'encode_rows',
    'guarded',
    'variant_writer',
    'write_documents',
    'write_value',
]

DOC, DOC_ARRAY = tag(7, BYTES), tag(8, BYTES)
_CONTAINERS: dict[type, bytes] = {
    list: tag(9, BYTES),
    deque: tag(9, BYTES),
    set: tag(10, BYTES),
    frozenset: tag(10, BYTES),
    tuple: tag(11, BYTES),
}
DICT = tag(12, BYTES)
FIRST, VALUE = tag(1, BYTES), tag(2, BYTES)
SCHEMA = ORDER = 1000


class UnsayableError(Exception):
    """NodeProto has no place for a value."""


def encode_document(document: Any) -> bytes:
    """Return a document as a DocProto.

    Raises:
        KindError: A value that NodeProto cannot hold.

    Example:
        >>> from docarray.document import BaseDocumentWithoutId
        >>> class Page(BaseDocumentWithoutId):
        ...     n: int
        >>> encode_document(Page(n=1)).hex()
        '0a070a016e12021001'
    """
    out: Out = []
    with collector_paused():
        guarded(document, lambda: write_document(document, out))
        return b''.join(out)


def encode_rows(documents: Sequence[Any], schema: Schema | None = None) -> bytes:
    """Return documents as a DocListProto.

    Args:
        documents: Documents of any classes.
        schema: The schema of the array that they are of. Its fingerprint goes along, if they are all of
            this very class, so that a reader knows that they are valid.

    Raises:
        KindError: A value that NodeProto cannot hold; says in which row.
    """
    out: Out = []
    if schema is not None and all(_class_of(document) is schema.document_type for document in documents):
        out.append(field(SCHEMA, schema.fingerprint.encode()))
    with collector_paused():
        guarded(documents, lambda: write_documents(documents, out))
        return b''.join(out)


def guarded(value: Any, write: Callable[[], object]) -> None:
    """Call a function that writes a value, and say so where the value has no end."""
    try:
        write()
    except RecursionError as error:
        raise KindError(
            where=type(value).__name__,
            got='values inside one another, too deep or in a circle',
            wanted='a tree of at most some hundred levels',
        ) from error


def write_documents(documents: Iterable[Any], out: Out) -> int:
    """Write documents as the fields of a DocListProto and return their size."""
    total = row = 0
    try:
        for row, document in enumerate(documents):  # noqa: B007 - for the error
            place = len(out)
            out.append(b'')
            total += sized(place, FIRST, write_document(document, out), out)
    except DocArrayError as error:
        if error.where and '(row ' not in error.where:
            error.where += f' (row {row})'
        raise
    return total


def write_document(document: Any, out: Out) -> int:
    """Write a document as the fields of a DocProto, by its own class, and return their size."""
    cls = _class_of(document)
    values, size, name = document.__dict__, 0, ''
    try:
        for name, write, none in class_writers(cls):
            if name in values:
                value = values[name]
                if value is None:
                    out.append(none)
                    size += len(none)
                else:
                    size += write(value, out)
        extra = document.__pydantic_extra__ if cls.model_config.get('extra') == 'allow' else None
        for name, value in (extra or {}).items():
            size += _write_entry(_key(name), value, out, lenient=True)
    except DocArrayError as error:
        raise error.at(f'{cls.__name__}.{name}') from error.__cause__
    return size


def _class_of(document: Any) -> Any:
    """The class of a document; of a row of columns, which has a class of its own, that of the array."""
    return document.__docarray_place__[0].schema.document_type if document.is_view() else type(document)


# -- any value ----------------------------------------------------------------------------------------


def write_value(value: Any, out: Out, lenient: bool = False) -> int:
    """Write a value as a node by what it is, and return the size of the node.

    Args:
        value: Anything.
        out: Takes the pieces.
        lenient: Write as JSON would what NodeProto has no place for, instead of refusing it.

    Raises:
        UnsayableError: NodeProto has no place for it.
        KindError: An int of more than 64 bits, text that is not Unicode.
    """
    cls = type(value)
    if cls in SIMPLE:
        piece = SIMPLE[cls](value)
        out.append(piece)
        return len(piece)
    if cls in _CONTAINERS:
        return _write_items(_CONTAINERS[cls], value, out, lenient)
    if cls is dict:
        return _write_dict(value, out, lenient)
    place = len(out)
    if hasattr(cls, DOCUMENT_MARK):
        out.append(b'')
        return sized(place, DOC, write_document(value, out), out)
    if hasattr(cls, ARRAY_MARK) or hasattr(cls, STACKED_MARK):
        out.append(b'')
        return sized(place, DOC_ARRAY, write_documents(value, out), out)
    return _write_other(value, out, lenient)


def _write_items(head: bytes, values: Iterable[Any], out: Out, lenient: bool) -> int:
    place, total = len(out), 0
    out.append(b'')
    for value in values:
        simple = SIMPLE.get(type(value))
        if simple is not None:
            node = simple(value)
            out.append(FIRST + varint(len(node)) + node)
            total += len(out[-1])
        else:
            here = len(out)
            out.append(b'')
            total += sized(here, FIRST, write_value(value, out, lenient), out)
    return sized(place, head, total, out)


def _write_dict(values: dict[Any, Any], out: Out, lenient: bool) -> int:
    if not all(type(key) is str for key in values):
        if not lenient:
            raise UnsayableError
        values = {str(_jsonable(key)): value for key, value in values.items()}
    place = len(out)
    out.append(b'')
    total = sum([_write_entry(_key(key), value, out, lenient) for key, value in values.items()])
    if len(values) > 1 and list(values) != sorted(values):
        out.append(b''.join([field(ORDER, encode_text(key)) for key in values]))
        total += len(out[-1])
    return sized(place, DICT, total, out)


def _write_entry(key: bytes, value: Any, out: Out, lenient: bool = False) -> int:
    """Write an entry of a map of nodes: what ``_key`` made of the key, and the value."""
    place = len(out)
    out.append(b'')
    size = write_value(value, out, lenient)
    out[place] = head = entry_head(key, size)
    return len(head) + size


def _key(name: str) -> bytes:
    return field(1, encode_text(name)) + VALUE


def _write_other(value: Any, out: Out, lenient: bool) -> int:
    cls = type(value)
    if isinstance(value, (str, bytes)) and text_type(cls):  # a class derived from one of ours
        base = next(base for base in cls.__mro__ if base in SIMPLE)
        out.append(SIMPLE[base](value))
        return len(out[-1])
    if isinstance(value, np.generic) and value.dtype.kind in 'biuf' and value.dtype.num < 256:
        return write_value(value.item(), out, lenient)
    size = write_tensor(value, out)
    if size is not None:
        return size
    if not lenient:
        raise UnsayableError
    return write_value(_jsonable(value), out)


def _jsonable(value: Any) -> Any:
    try:
        return to_jsonable_python(value)
    except Exception as error:  # whatever the serializers of a value raise
        raise KindError(
            got=f'{type(value).__name__} {show(value)}',
            wanted='a value that protobuf or JSON can hold',
            hint='Give the field a type.',
        ) from error


# -- fields of a class --------------------------------------------------------------------------------


def class_writers(cls: Any) -> list[tuple[str, Writer, bytes]]:
    """Return for each field of a class its name, the writer of its entry, and the entry for None."""
    values = class_cache(cls).values
    if 'protobuf_writers' not in values:
        fields = schema_of(cls).fields
        values['protobuf_writers'] = [
            (name, _field_writer(one), entry_head(_key(name), 0)) for name, one in fields.items()
        ]
    found: list[tuple[str, Writer, bytes]] = values['protobuf_writers']
    return found


def _field_writer(one: Field) -> Writer:
    key = _key(one.name)
    if one.form == 'cells':
        return codec_writer(one.codec, key)
    return variant_writer(key) if one.form == 'variant' else _documents_writer(one, key)


def _documents_writer(one: Field, key: bytes) -> Writer:
    spread = one.lowered.spread

    def write(value: Any, out: Out) -> int:
        try:
            return _write_entry(key, value, out)
        except UnsayableError:  # some other collection
            return _write_entry(key, spread(value), out, lenient=True)

    return write


def variant_writer(key: bytes | None = None) -> Writer:
    """Return the writer of documents of several classes; the type of the node says which."""

    def write(value: Any, out: Out) -> int:
        kind = field(13, _class_of(value).__name__.encode()) if hasattr(type(value), DOCUMENT_MARK) else b''
        place = len(out)
        out += (b'', kind)
        size = len(kind) + write_value(value, out, lenient=True)
        out[place] = head = FIRST + varint(size) if key is None else entry_head(key, size)
        return len(head) + size

    return write


def codec_writer(codec: Codec, key: bytes | None = None) -> Writer:
    """Return the writer of values of a codec, never None: entries of DocProto, or of ListOfAnyProto."""
    make, fallback = KIND_WRITERS.get(codec.kind.name), _fallback(codec, key)
    return fallback if make is None else make(codec, key, fallback)


def _fallback(codec: Codec, key: bytes | None) -> Writer:
    """Return the writer of any value: by what it is, or by what the codec, or JSON, makes of it."""

    def write_any(value: Any, out: Out, lenient: bool = False) -> int:
        if key is not None:
            return _write_entry(key, value, out, lenient)
        place = len(out)
        out.append(b'')
        return sized(place, FIRST, write_value(value, out, lenient), out)

    def write(value: Any, out: Out) -> int:
        place = len(out)
        for pack in (identity, codec.pack):
            try:
                return write_any(pack(value), out)
            except (DocArrayError, RecursionError):
                raise
            except Exception:  # UnsayableError, or what a codec trips over in a value that is not of its type
                del out[place:]
        return write_any(value, out, lenient=True)

    return write
