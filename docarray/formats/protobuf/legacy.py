"""The functions that pickles of docarray 0.41 name: its arrays are pickled as protobuf."""

from __future__ import annotations

from typing import Any

from docarray.array.columns import DocumentArrayStacked
from docarray.array.rows import DocumentArray
from docarray.array.typed import typed
from docarray.batch import Batch
from docarray.document import AnyDocument
from docarray.formats.building import array_of
from docarray.formats.framing import VERSIONS, read_frames
from docarray.formats.limits import DEFAULT_LIMITS
from docarray.formats.protobuf.decode import decode_documents
from docarray.formats.protobuf.format import ProtobufFormat
from docarray.rowbatch import RowBatch
from docarray.schema import schema_of

__all__ = ['unpickle_doclist', 'unpickle_docvec']


def unpickle_doclist(doc_type: Any, b: bytes) -> Any:
    """Return the DocumentArray that a pickle of docarray 0.41 holds.

    Args:
        doc_type: Its document class.
        b: Its documents, as a stream of protobuf messages.

    Example:
        >>> from docarray.documents import TextDoc
        >>> unpickle_doclist(TextDoc, bytes.fromhex('020000000000000000'))
        <DocumentArray[TextDoc] (length=0)>
    """
    cls: Any = DocumentArray if doc_type is AnyDocument else typed(DocumentArray, doc_type)
    return array_of(cls, _batch(doc_type, b))


def unpickle_docvec(doc_type: Any, tensor_type: Any, b: bytes) -> Any:
    """Return the DocumentArrayStacked that a pickle of docarray 0.41 holds.

    Args:
        doc_type: Its document class.
        tensor_type: The class of its tensors where fields take any.
        b: Its columns, as a protobuf message, or its documents as a stream of them.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.typing import NdArray
        >>> len(unpickle_docvec(TextDoc, NdArray, bytes.fromhex('020000000000000000')))
        0
    """
    return array_of(typed(DocumentArrayStacked, doc_type), _batch(doc_type, b), tensor_type)


def _batch(doc_type: Any, data: bytes) -> Batch:
    """Read a stream, or one message, which never starts with the version of a stream."""
    schema = schema_of(doc_type)
    if data[:1] not in map(bytes, zip(VERSIONS, strict=True)):
        return ProtobufFormat().loads(data, schema)
    return RowBatch(schema, decode_documents(list(read_frames([data], DEFAULT_LIMITS)), schema))
