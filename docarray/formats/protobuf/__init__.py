"""Protobuf: documents as DocProto, arrays as DocListProto (rows) or DocVecProto (columns).

The messages are those of docarray 0.30 to 0.41, which reads ours as we read its; ``docarray/formats/proto``
has them as a .proto file. Writing takes no protobuf package; reading does.
"""

from docarray.formats.protobuf.columns import encode_columns
from docarray.formats.protobuf.decode import decode_documents
from docarray.formats.protobuf.encode import encode_document, encode_rows
from docarray.formats.protobuf.format import ProtobufFormat
from docarray.formats.protobuf.interface import from_protobuf, proto_schema, to_protobuf
from docarray.formats.protobuf.messages import (
    decode_rows,
    holds_columns,
    seal,
    seal_parts,
    split_rows,
    verify,
    whole_documents,
)
from docarray.formats.protobuf.readcolumns import decode_columns
from docarray.formats.protobuf.tensors import tensor_from_proto, tensor_to_proto

__all__ = [
    'ProtobufFormat',
    'decode_columns',
    'decode_documents',
    'decode_rows',
    'encode_columns',
    'encode_document',
    'encode_rows',
    'from_protobuf',
    'holds_columns',
    'proto_schema',
    'seal',
    'seal_parts',
    'split_rows',
    'tensor_from_proto',
    'tensor_to_proto',
    'to_protobuf',
    'verify',
    'whole_documents',
]
