"""What a program with docarray 0.30 to 0.41 sees of the messages that we write."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked, schema_of
from docarray.documents import TextDoc
from docarray.formats.protobuf import encode_columns, encode_document, encode_rows, seal
from docarray.formats.protobuf.pools import message_classes
from docarray.typing import AnyTensor, AnyUrl, AudioNdArray, ImageBytes, ImageUrl, NdArray, NdArrayEmbedding

pytest.importorskip('google.protobuf')

HERE = Path(__file__).parent


@functools.cache
def theirs(name: str) -> Any:
    """A message class of 0.41, by protoc of its own file, in a pool of its own."""
    from google.protobuf import descriptor_pb2, struct_pb2

    grpc_tools = pytest.importorskip('grpc_tools')
    include = Path(grpc_tools.__file__).parent / '_proto'
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: its protobuf library and TensorFlow's do not bear each other.
        protoc = [sys.executable, '-m', 'grpc_tools.protoc', f'-I{HERE}', f'-I{include}']
        target = Path(folder, 'set')
        subprocess.run(
            [*protoc, f'--descriptor_set_out={target}', 'docarray-0.41.proto'], check=True, timeout=60
        )
        (file,) = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes()).file
    return message_classes(file, struct_pb2)[name]


class Part(BaseDocument):
    title: str
    vec: NdArray[2] | None = None


class Whole(BaseDocument):
    name: str = 'ä'
    number: int = -5
    largest: int = 2**31 - 1
    real: float = 0.5
    yes: bool = True
    no: bool = False
    data: bytes = b'\n\xff'
    nothing: str | None = None
    url: AnyUrl = 'a'
    image: ImageUrl = 'a.png'
    file: ImageBytes = b'GIF'
    vec: NdArray[3]
    sound: AudioNdArray
    embedding: NdArrayEmbedding
    scalar: AnyTensor
    empty: NdArray
    words: list[str] = ['a', '']
    pair: tuple[int, str] = (1, 'a')
    tags: set[str] = {'x'}
    counts: dict[str, Any] = {'z': None, 'a': b'\n', 'list': [1, [2.5]]}
    part: Part
    other: Part | None = None
    parts: DocumentArray[Part]
    either: Part | TextDoc


def whole() -> Whole:
    return Whole(
        id='7',
        vec=np.arange(3, dtype='<f4'),
        sound=np.ones((2, 1), '<i2'),
        embedding=np.zeros(2, '<f8'),
        scalar=np.array(3, 'u1'),
        empty=np.zeros((0, 4), '<f2'),
        part=Part(title='p', vec=[1, 2]),
        parts=[Part(title='1'), Part(title='2')],
        either=TextDoc(text='t'),
    )


#: Of each field: what content its node has, which value of it, and which type.
SEEN: dict[str, tuple[str | None, Any, str]] = {
    'id': ('text', '7', 'id'),
    'name': ('text', 'ä', ''),
    'number': ('integer', -5, ''),
    'largest': ('integer', 2**31 - 1, ''),
    'real': ('float', 0.5, ''),
    'yes': ('boolean', True, ''),
    'no': ('boolean', False, ''),
    'data': ('blob', b'\n\xff', ''),
    'nothing': (None, None, ''),
    'url': ('text', 'a', 'any_url'),
    'image': ('text', 'a.png', 'image_url'),
    'file': ('blob', b'GIF', 'image_bytes'),
    'vec': ('ndarray', ((3,), '<f4', np.arange(3, dtype='<f4').tobytes()), 'ndarray'),
    'sound': ('ndarray', ((2, 1), '<i2', b'\1\0\1\0'), 'audio_ndarray'),
    'embedding': ('ndarray', ((2,), '<f8', bytes(16)), 'ndarray_embedding'),
    'scalar': ('ndarray', ((), '|u1', b'\3'), 'ndarray'),
    'empty': ('ndarray', ((0, 4), '<f2', b''), 'ndarray'),
    'words': ('list', ['a', ''], ''),
    'pair': ('tuple', [1, 'a'], ''),
    'tags': ('set', ['x'], ''),
    'counts': ('dict', {'z': None, 'a': b'\n', 'list': [1, [2.5]]}, ''),
    'other': (None, None, ''),
}


def described(node: Any) -> tuple[str | None, Any, str]:
    return node.WhichOneof('content'), seen(node), node.type


def seen(node: Any) -> Any:
    """The value of a node as 0.41 finds it."""
    content = node.WhichOneof('content')
    value = None if content is None else getattr(node, content)
    if content == 'ndarray':
        return array_seen(value)
    if content in ('list', 'set', 'tuple'):
        return [seen(item) for item in value.data]
    if content == 'dict':
        return {key: seen(item) for key, item in value.data.items()}
    return value


def array_seen(message: Any) -> tuple[tuple[int, ...], str, bytes]:
    return tuple(message.dense.shape), message.dense.dtype, message.dense.buffer


def check_document(message: Any) -> None:
    assert set(message.data) == set(Whole.model_fields)
    found = {name: message.data[name] for name in SEEN}
    assert {name: (node.WhichOneof('content'), seen(node), node.type) for name, node in found.items()} == SEEN
    # A type that 0.41 does not know is one that it refuses, unless the node holds a document.
    assert not any(node.WhichOneof('docarray_type') for node in found.values() if not node.type)
    part, either = message.data['part'].doc.data, message.data['either'].doc.data
    assert (seen(part['title']), seen(part['vec'])[:2]) == ('p', ((2,), '<i8'))
    assert seen(either['text']) == 't'
    assert [seen(doc.data['title']) for doc in message.data['parts'].doc_array.docs] == ['1', '2']


def test_documents() -> None:
    for data in (encode_document(whole()), seal(encode_document(whole()))):
        check_document(theirs('DocProto').FromString(data))


def test_rows() -> None:
    message = theirs('DocListProto').FromString(seal(encode_rows([whole()] * 2, schema_of(Whole))))
    assert len(message.docs) == 2
    check_document(message.docs[1])


def test_columns() -> None:
    stacked = DocumentArray[Whole]([whole()] * 2).stack()
    message = theirs('DocVecProto').FromString(b''.join(encode_columns(stacked.batch)))
    for name in ('vec', 'sound', 'embedding', 'scalar', 'empty'):
        shape, dtype, buffer = SEEN[name][1]
        assert array_seen(message.tensor_columns[name]) == ((2, *shape), dtype, buffer * 2)
    columns = {name: column.data for name, column in message.any_columns.items()}
    assert set(columns) == set(SEEN) - set(message.tensor_columns) - {'other'} | {'either'}
    for name in set(columns) & set(SEEN):
        assert [(node.WhichOneof('content'), seen(node), node.type) for node in columns[name]] == [
            SEEN[name]
        ] * 2
    assert [seen(node.doc.data['text']) for node in columns['either']] == ['t', 't']
    part = message.doc_columns['part']
    assert [seen(node) for node in part.any_columns['title'].data] == ['p', 'p']
    assert array_seen(part.tensor_columns['vec'])[:2] == ((2, 2), '<i8')
    assert message.doc_columns['other'].ByteSize() == 0
    parts = message.docs_vec_columns['parts'].data
    assert [[seen(node) for node in one.any_columns['title'].data] for one in parts] == [['1', '2']] * 2
    assert array_seen(parts[0].tensor_columns['vec']) == ((0,), 'None', b'')


def test_what_they_send_on_is_still_what_we_wrote() -> None:
    """Programs may keep the fields that they do not know, or lose them."""
    array = DocumentArray[Whole]([whole()])
    for cls, name, data in (
        (DocumentArray[Whole], 'DocListProto', encode_rows(array, schema_of(Whole))),
        (DocumentArrayStacked[Whole], 'DocVecProto', b''.join(encode_columns(array.stack().batch))),
    ):
        message = theirs(name).FromString(data)
        assert list(cls.from_protobuf(message)) == list(array)
        message.DiscardUnknownFields()
        assert message.ByteSize() < len(data)
        assert list(cls.from_protobuf(message)) == list(array)
