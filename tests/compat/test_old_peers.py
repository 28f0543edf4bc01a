"""What a peer with docarray 0.41 sees of our messages: its classes have no fields from 1000 on, and int32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import ImageDoc
from docarray.typing import ImageUrl, NdArray

pytest.importorskip('google.protobuf')

from google.protobuf import struct_pb2  # noqa: E402  (as below: after what it needs is known to be there)

from docarray.formats.protobuf.descriptor import file_descriptor  # noqa: E402
from docarray.formats.protobuf.pools import message_classes  # noqa: E402


class Part(BaseDocument):
    name: str


class Page(BaseDocument):
    title: str
    number: int
    score: float
    shown: bool
    raw: bytes
    url: ImageUrl
    vector: NdArray[2]
    words: list[str]
    counts: dict[str, int]
    part: Part
    parts: DocumentArray[Part]
    image: ImageDoc | None = None


@pytest.fixture(scope='module')
def old() -> dict[str, Any]:
    """The message classes of 0.41."""
    file = file_descriptor()
    for message in file.message_type:
        known = [field for field in message.field if field.number < 1000]
        for field in known:
            if field.type == field.TYPE_INT64:
                field.type = field.TYPE_INT32
        del message.field[:]
        message.field.extend(known)
    return message_classes(file, struct_pb2)


def page(n: int = 0) -> Page:
    return Page(
        id=f'p{n}',
        title='ü',
        number=n - 5,
        score=0.5,
        shown=True,
        raw=b'\0\xff',
        url='https://example.org/a.png',
        vector=np.array([n, 2], 'f4'),
        words=['a', 'b'],
        counts={'b': 1, 'a': 2},
        part=Part(name='x'),
        parts=[Part(name='y'), Part(name='z')],
    )


def check_seen(message: Any, n: int = 0) -> None:
    data = message.data
    assert (data['id'].text, data['id'].type) == (f'p{n}', 'id')
    assert data['title'].text == 'ü'
    assert (data['number'].integer, data['score'].float, data['shown'].boolean) == (n - 5, 0.5, True)
    assert data['raw'].blob == b'\0\xff'
    assert (data['url'].text, data['url'].type) == ('https://example.org/a.png', 'image_url')
    dense = data['vector'].ndarray.dense
    assert (dense.dtype, list(dense.shape), data['vector'].type) == ('<f4', [2], 'ndarray')
    assert np.frombuffer(dense.buffer, dense.dtype).tolist() == [n, 2]
    assert [node.text for node in data['words'].list.data] == ['a', 'b']
    assert {name: node.integer for name, node in data['counts'].dict.data.items()} == {'b': 1, 'a': 2}
    assert data['part'].doc.data['name'].text == 'x'
    assert [doc.data['name'].text for doc in data['parts'].doc_array.docs] == ['y', 'z']
    assert data['image'].WhichOneof('content') is None


def forgotten(message: Any) -> bytes:
    """What the peer writes again; some versions of protobuf keep what they do not know, 0.41 does not."""
    message.DiscardUnknownFields()
    data: bytes = message.SerializeToString()
    return data


def test_documents(old: dict[str, Any]) -> None:
    message = old['DocProto'].FromString(page().to_bytes())
    check_seen(message)
    assert Page.from_bytes(forgotten(message)) == page()


def test_arrays(old: dict[str, Any]) -> None:
    array = DocumentArray[Page](page(n) for n in range(3))
    message = old['DocListProto'].FromString(array.to_bytes())
    for n, doc in enumerate(message.docs):
        check_seen(doc, n)
    assert DocumentArray[Page].from_bytes(forgotten(message)) == array


def test_stacked_arrays(old: dict[str, Any]) -> None:
    array = DocumentArrayStacked[Page](page(n) for n in range(3))
    message = old['DocVecProto'].FromString(array.to_bytes())
    dense = message.tensor_columns['vector'].dense
    assert (dense.dtype, list(dense.shape)) == ('<f4', [3, 2])
    assert np.frombuffer(dense.buffer, dense.dtype).tolist() == [0, 2, 1, 2, 2, 2]
    assert [node.text for node in message.any_columns['id'].data] == ['p0', 'p1', 'p2']
    assert [node.integer for node in message.any_columns['number'].data] == [-5, -4, -3]
    assert [node.text for node in message.doc_columns['part'].any_columns['name'].data] == ['x'] * 3
    parts = message.docs_vec_columns['parts'].data
    assert [node.text for part in parts for node in part.any_columns['name'].data] == ['y', 'z'] * 3
    assert not message.doc_columns['image'].ListFields()  # which is what None is there
    again = DocumentArrayStacked[Page].from_bytes(forgotten(message))
    assert again.unstack() == array.unstack()
