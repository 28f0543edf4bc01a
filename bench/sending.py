"""Sending documents: protobuf, Arrow, JSON and data frames, beside the libraries themselves."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pydantic
from pyarrow import ipc

from bench.timing import Row, compare, settings
from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.formats.protobuf.descriptor import message_class
from docarray.typing import ID, NdArray


class Vector(BaseDocument):
    embedding: NdArray[128]


class Picture(BaseDocument):
    image: NdArray[224, 224, 3]


class Page(BaseDocument):
    title: str
    number: int
    score: float
    shown: bool
    embedding: NdArray[128]


class Text(BaseDocument):
    title: str
    text: str
    url: str


class PlainText(pydantic.BaseModel):
    id: str
    title: str
    text: str
    url: str


class Scalars(BaseDocument):
    title: str
    number: int
    score: float
    shown: bool
    kind: str


def rows() -> list[Row]:
    return [*stacked(), *protobuf_rows(), *arrow_rows(), *json_rows(), *frame_rows()]


def pages(count: int) -> list[Page]:
    vectors = np.random.default_rng(0).standard_normal((count, 128)).astype(np.float32)
    return [
        Page(title=f'Page {i}', number=i, score=i / 7, shown=i % 2 == 0, embedding=vector)
        for i, vector in enumerate(vectors)
    ]


# -- stacked arrays ----------------------------------------------------------------------------------


def stacked() -> list[Row]:
    many, few = (500, 20) if settings.quick else (10_000, 500)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((many, 128)).astype(np.float32)
    pixels = rng.integers(0, 256, (few, 224, 224, 3), np.uint8)
    found = []
    for name, cls, field, data in (
        (f'{many:,} x 128 f32', Vector, 'embedding', vectors),
        (f'{few} x (224, 224, 3) u8', Picture, 'image', pixels),
    ):
        array = DocumentArray[cls]([cls(**{field: row}) for row in data]).stack()
        found += arrow_columns(name, array, field) + protobuf_columns(name, array, field)
    return found


def arrow_columns(name: str, array: Any, field: str) -> list[Row]:
    typed: Any = DocumentArrayStacked[array.document_type]
    ids = pa.array(list(array.id), pa.large_string())
    tensor = getattr(array, field).unwrap()

    def raw_out() -> Any:
        # What somebody would write with pyarrow alone: the same two columns, from the same memory.
        table = pa.table({'id': ids, field: pa.FixedShapeTensorArray.from_numpy_ndarray(tensor)})
        sink = pa.BufferOutputStream()
        with ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()

    def raw_in() -> Any:
        table = ipc.open_stream(plain).read_all()
        return table['id'], table[field].combine_chunks().to_numpy_ndarray()

    plain, data = raw_out(), array.to_bytes('arrow')
    assert np.array_equal(getattr(typed.from_bytes(data, 'arrow'), field), tensor)
    return [
        compare(f'{name}, columns to Arrow bytes', lambda: array.to_bytes('arrow'), raw_out, 1.25),
        compare(f'{name}, columns from Arrow bytes', lambda: typed.from_bytes(data, 'arrow'), raw_in, 1.25),
    ]


def protobuf_columns(name: str, array: Any, field: str) -> list[Row]:
    typed: Any = DocumentArrayStacked[array.document_type]
    tensor = getattr(array, field).unwrap()
    payload = ''.join(array.id).encode(), tensor  # all that the batch holds
    data = array.to_bytes('protobuf-array')
    assert np.array_equal(getattr(typed.from_bytes(data), field), tensor)
    return [
        compare(
            f'{name}, columns to protobuf, beside a copy', array.to_bytes, lambda: b''.join(payload), 2.0
        ),
        compare(
            f'{name}, columns from protobuf, beside a copy', lambda: typed.from_bytes(data), tensor.copy, 2.0
        ),
    ]


# -- rows --------------------------------------------------------------------------------------------


def protobuf_rows() -> list[Row]:
    count = 500 if settings.quick else 10_000
    documents = pages(count)
    array = DocumentArray[Page](documents)
    message_type = message_class('DocListProto')

    def by_hand_out() -> bytes:
        message = message_type()
        for page in documents:
            data = message.docs.add().data
            node = data['id']
            node.text, node.type = page.id, 'id'
            data['title'].text = page.title
            data['number'].integer = page.number
            data['score'].float = page.score
            data['shown'].boolean = page.shown
            node = data['embedding']
            node.type, dense = 'ndarray', node.ndarray.dense
            dense.buffer, dense.dtype = page.embedding.tobytes(), page.embedding.dtype.str
            dense.shape.extend(page.embedding.shape)
        found: bytes = message.SerializeToString()
        return found

    def by_hand_in() -> list[Page]:
        made = []
        for document in message_type.FromString(written).docs:
            data = document.data
            dense = data['embedding'].ndarray.dense
            vector = np.frombuffer(dense.buffer, dense.dtype).reshape(dense.shape)
            made.append(
                Page(
                    id=ID(data['id'].text),
                    title=data['title'].text,
                    number=data['number'].integer,
                    score=data['score'].float,
                    shown=data['shown'].boolean,
                    embedding=vector,
                )
            )
        return made

    written = by_hand_out()
    data = array.to_bytes()
    assert DocumentArray[Page].from_bytes(written) == by_hand_in() == array
    name = f'{count:,} documents of 5 scalars and NdArray[128]'
    return [
        compare(f'{name}, rows to protobuf, beside by hand', array.to_bytes, by_hand_out, 1.5),
        compare(
            f'{name}, rows from protobuf, beside by hand',
            lambda: DocumentArray[Page].from_bytes(data),
            by_hand_in,
            1.5,
        ),
        compare(
            f'{name}, the same from bytes of an earlier version',
            lambda: DocumentArray[Page].from_bytes(written),
            by_hand_in,
            1.5,
        ),
    ]


def arrow_rows() -> list[Row]:
    count = 500 if settings.quick else 10_000
    documents = pages(count)
    array = DocumentArray[Page](documents)
    plain = [{**page.__dict__, 'embedding': page.embedding.unwrap()} for page in documents]
    written, data = pickle.dumps(plain, 5), array.to_bytes('arrow')
    assert DocumentArray[Page].from_bytes(data, 'arrow').id == [page.id for page in documents]
    name = f'{count:,} documents of 5 scalars and NdArray[128], rows'
    return [
        compare(
            f'{name} to Arrow, beside pickled dicts',
            lambda: array.to_bytes('arrow'),
            lambda: pickle.dumps(plain, 5),
            3.0,
        ),
        compare(
            f'{name} from Arrow, beside pickled dicts',
            lambda: DocumentArray[Page].from_bytes(data, 'arrow'),
            lambda: pickle.loads(written),
            4.0,
        ),
    ]


def json_rows() -> list[Row]:
    count = 1000 if settings.quick else 20_000
    documents = [
        Text(title=f'Title {i}', text=f'This is the text of document {i}. ' * 4, url=f'https://host/{i}')
        for i in range(count)
    ]
    array = DocumentArray[Text](documents)
    plain = [PlainText(**document.__dict__) for document in documents]
    adapter = pydantic.TypeAdapter(list[PlainText])
    text = array.to_json()
    assert adapter.dump_json(plain).decode() == text
    name = f'{count:,} documents of text'
    return [
        compare(f'{name} to JSON, beside plain models', array.to_json, lambda: adapter.dump_json(plain), 1.2),
        compare(
            f'{name} from JSON, beside plain models',
            lambda: DocumentArray[Text].from_json(text),
            lambda: adapter.validate_json(text),
            1.2,
        ),
        compare(
            f'{name} to bytes of JSON, beside plain models',
            lambda: array.to_bytes('json-array'),
            lambda: adapter.dump_json(plain),
            1.2,
        ),
        compare(
            f'{name} from bytes of JSON, beside plain models',
            lambda: DocumentArray[Text].from_bytes(text.encode(), 'json-array'),
            lambda: adapter.validate_json(text),
            1.2,
        ),
    ]


def frame_rows() -> list[Row]:
    count = 5000 if settings.quick else 100_000
    documents = [
        Scalars(title=f'Title {i}', number=i, score=i / 7, shown=i % 2 == 0, kind='a') for i in range(count)
    ]
    array = DocumentArray[Scalars](documents)
    names = list(Scalars.model_fields)
    columns = {name: [getattr(document, name) for document in documents] for name in names}
    assert list(array.to_dataframe()['number']) == columns['number']

    def by_hand() -> Any:
        return pd.DataFrame(columns)

    return [
        compare(f'{count:,} documents to pandas, beside lists to pandas', array.to_dataframe, by_hand, 2.0)
    ]
