"""Arrays as DocVecProto: columns come back as columns, tensors without a copy; and checksums of messages."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray, DocumentArrayStacked, schema_of
from docarray.batch import Batch
from docarray.documents import ImageDoc, TextDoc
from docarray.errors import (
    ChecksumError,
    DocArrayError,
    FormatError,
    KindError,
    LimitError,
    TruncatedError,
    ValidationError,
)
from docarray.formats.limits import Limits
from docarray.formats.protobuf import (
    ProtobufFormat,
    decode_columns,
    decode_documents,
    decode_rows,
    encode_columns,
    encode_document,
    encode_rows,
    holds_columns,
    seal,
    seal_parts,
    split_rows,
    verify,
    whole_documents,
)
from docarray.formats.protobuf.descriptor import message_class
from docarray.rowbatch import RowBatch
from docarray.typing import AnyTensor, NdArray
from tests.unit.strategies import document_types, same

generated = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Part(BaseDocument):
    title: str
    vec: NdArray[2] | None = None


class Entry(BaseDocument):
    title: str
    n: int
    w: float
    ok: bool
    vec: NdArray[3]
    free: AnyTensor | None = None
    part: Part
    parts: DocumentArray[Part] = []
    words: list[str] = []
    either: Part | TextDoc | None = None
    maybe: Part | None = None


def entry(n: int, **more: Any) -> Entry:
    fields = {'title': f't{n}', 'n': n, 'w': n / 2, 'ok': n % 2 == 0, 'vec': np.full(3, n, 'f4')}
    return Entry(**fields, part=Part(title=f'p{n}', vec=[n, n]), parts=[Part(title='x')] * n, **more)


def columns(batch: Batch) -> bytes:
    return b''.join(encode_columns(batch))


def batch_of(documents: list[Any]) -> Batch:
    return RowBatch(schema_of(type(documents[0])), documents)


# -- round trips --------------------------------------------------------------------------------------


@generated
@given(st.data())
def test_any_batch_comes_back_in_every_bit(data):
    made = data.draw(document_types(ragged=True))
    documents = data.draw(st.lists(made.values, min_size=1, max_size=4))
    schema = schema_of(made.annotation)
    message = columns(RowBatch(schema, documents))
    assert same(documents, decode_columns(message, schema).rows())


@generated
@given(st.data())
def test_any_batch_of_strangers_is_validated(data):
    made = data.draw(document_types(ragged=True))
    documents = data.draw(st.lists(made.values, min_size=1, max_size=3))
    schema = schema_of(made.annotation)
    message = message_class('DocVecProto').FromString(columns(RowBatch(schema, documents)))
    message.ClearField('schema')
    assert same(documents, decode_columns(message.SerializeToString(), schema).rows())


@pytest.mark.parametrize('count', [0, 1, 2, 1500])
def test_columns_stay_columns(count):
    documents = [entry(n % 3) for n in range(count)]
    batch = DocumentArrayStacked[Entry](documents).batch
    back = decode_columns(columns(batch), batch.schema)
    assert type(back) is Batch
    assert same(documents, back.rows())


@pytest.mark.parametrize('missing', ['none', 'some', 'all'])
def test_missing_values(missing):
    gone = {'none': (), 'some': (1,), 'all': (0, 1, 2)}[missing]
    documents = [entry(n) for n in range(3)]
    for n, document in enumerate(documents):
        if n not in gone:
            document.free, document.maybe = np.ones(2), Part(title='m', vec=None)
            document.either = TextDoc(text='t') if n else Part(title='e')
    assert same(documents, decode_columns(columns(batch_of(documents)), schema_of(Entry)).rows())


def test_documents_of_which_nothing_says_how_many():
    class Nothing(BaseDocumentWithoutId):
        pass

    class Maybe(BaseDocumentWithoutId):
        t: NdArray | None = None
        inner: Nothing = Nothing()

    for documents in ([Nothing()] * 3, [Maybe()] * 3):
        message = columns(batch_of(documents))
        assert same(documents, decode_columns(message, schema_of(type(documents[0]))).rows())


def test_tensors_are_views_of_the_message():
    batch = DocumentArrayStacked[Entry]([entry(n) for n in range(4)]).batch
    message = columns(batch)
    back = decode_columns(message, batch.schema)
    for path in ('vec', 'part.vec'):
        _, column = back.column(path)
        assert np.shares_memory(column.data, np.frombuffer(message, np.uint8))
        assert not column.data.flags.writeable
    stacked = DocumentArrayStacked[Entry].construct(back)
    stacked[0].vec = np.zeros(3, 'f4')  # copied first
    assert stacked.vec[0].tolist() == [0, 0, 0]
    assert decode_columns(message, batch.schema).rows()[1].vec.tolist() == [1, 1, 1]


def test_large_tensors_are_written_without_a_copy():
    class Image(BaseDocument):
        pixels: NdArray[64, 64]

    batch = DocumentArrayStacked[Image]([Image(pixels=np.zeros((64, 64))) for _ in range(2)]).batch
    _, column = batch.column('pixels')
    assert any(np.shares_memory(np.frombuffer(part, np.uint8), column.data) for part in encode_columns(batch))


def test_tensors_of_another_framework_come_back_as_such():
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Torch(BaseDocument):
        own: TorchTensor[2]
        free: AnyTensor

    documents = [Torch(own=torch.ones(2, dtype=torch.float16), free=torch.ones(1)) for _ in range(2)]
    batch = DocumentArrayStacked[Torch](documents).batch
    back = decode_columns(columns(batch), batch.schema)
    assert same(documents, back.rows())
    stacked = DocumentArrayStacked[Torch].from_protobuf(
        DocumentArrayStacked[Torch].construct(batch).to_protobuf(), tensor_type=NdArray
    )
    assert type(stacked.free) is NdArray
    assert type(stacked.own) is TorchTensor


def test_rows_and_columns_are_told_apart():
    batch = batch_of([entry(n) for n in range(2)])
    made = ProtobufFormat(columns=True)
    assert holds_columns(made.dumps(batch))
    assert not holds_columns(ProtobufFormat().dumps(batch))
    assert same(batch.rows(), made.loads(ProtobufFormat().dumps(batch), batch.schema).rows())
    assert same(batch.rows(), ProtobufFormat().loads(made.dumps(batch), batch.schema).rows())
    assert len(made.loads(b'', batch.schema)) == 0
    vectors = message_class('DocVecProto')()
    vectors.tensor_columns['x'].dense.dtype = 'None'
    assert holds_columns(vectors.SerializeToString())
    with pytest.raises(FormatError, match='columns'):
        decode_rows(made.dumps(batch), batch.schema)


# -- what is refused ----------------------------------------------------------------------------------


def test_what_does_not_fit_names_row_and_field():
    class Strict(BaseDocument):
        title: str
        n: str

    with pytest.raises(ValidationError) as caught:
        decode_columns(columns(batch_of([entry(0), entry(1)])), schema_of(Strict))
    assert caught.value.errors()[0]['loc'] == (0, 'n')


def test_documents_of_one_of_several_classes_are_validated_as_of_theirs():
    class Known(BaseDocument):
        either: Part | TextDoc

    class Grown(Known):
        inner: Known
        many: DocumentArray[Known] = []

    good, bad = Known(either=TextDoc()), Known(either=Part(title='a'))
    bad.either.__dict__['vec'] = np.ones((2, 2))

    class Newer(Grown):
        more: int = 0

    for path, row in (
        (('either',), Grown(either=bad.either, inner=good)),
        (('inner', 'either'), Grown(either=TextDoc(), inner=bad)),
        (('many', 1, 'either'), Grown(either=TextDoc(), inner=good, many=[good, bad])),
    ):
        data = columns(batch_of([Grown(either=TextDoc(), inner=good), row]))
        with pytest.raises(ValidationError) as caught:
            decode_columns(data, schema_of(Newer))
        assert [fault['loc'] for fault in caught.value.errors()] == [(1, *path, 'vec')]


def test_newer_and_older_classes():
    class Slim(BaseDocument):
        title: str
        vec: NdArray
        stars: int = 5

    documents = [entry(0), entry(1)]
    back = decode_columns(columns(batch_of(documents)), schema_of(Slim)).rows()
    assert [(row.title, row.stars, row.vec.tolist()) for row in back] == [
        ('t0', 5, [0, 0, 0]),
        ('t1', 5, [1, 1, 1]),
    ]
    back[0].vec[0] = 3


def test_columns_of_several_lengths():
    message = DocumentArrayStacked[Part]([Part(title='a', vec=[1, 2])]).to_protobuf()
    message.any_columns['title'].data.add().text = 'b'
    with pytest.raises(FormatError, match='1 and 2 documents'):
        DocumentArrayStacked[Part].from_protobuf(message)


class Empty(BaseDocumentWithoutId):
    vec: NdArray


class Empties(BaseDocumentWithoutId):
    all: DocumentArray[Empty]


def test_a_number_of_documents_that_no_bytes_stand_for():
    message = message_class('DocVecProto')()
    message.tensor_columns['vec'].dense.shape.extend([2**27 - 1, 0])
    message.tensor_columns['vec'].dense.dtype = '<f4'
    with pytest.raises(FormatError, match='documents in'):
        decode_columns(message.SerializeToString(), schema_of(Empty))
    message.tensor_columns['vec'].dense.shape[0] = 2**32 - 1
    with pytest.raises(LimitError):
        decode_columns(message.SerializeToString(), schema_of(Empty))


def test_many_small_arrays_of_documents_that_no_bytes_stand_for():
    message = message_class('DocVecProto')(schema=schema_of(Empties).fingerprint)
    for _ in range(10):
        dense = message.docs_vec_columns['all'].data.add().tensor_columns['vec'].dense
        dense.dtype = '<f4'
        dense.shape.extend([2**16, 0])
    with pytest.raises(FormatError, match='655360 inside'):
        decode_columns(message.SerializeToString(), schema_of(Empties))
    with pytest.raises(LimitError):
        decode_columns(message.SerializeToString(), schema_of(Empties), Limits(documents=2**17))


def test_many_documents_of_empty_tensors_alone():
    one = Empty(vec=np.zeros((0, 3), np.float32))
    back = decode_columns(columns(batch_of([one] * 70_000)), schema_of(Empty))
    assert len(back) == 70_000
    assert back.rows()[0].vec.shape == (0, 3)


def test_limits():
    message = columns(batch_of([entry(n) for n in range(3)]))
    for limits in (Limits(documents=2), Limits(size=10), Limits(columns=3), Limits(depth=1)):
        with pytest.raises(LimitError):
            decode_columns(message, schema_of(Entry), limits)


def test_endless_depth_is_refused():
    data = b''
    for _ in range(5000):
        entry_bytes = b'\x0a\x01p\x12' + _varint(len(data)) + data
        data = b'\x12' + _varint(len(entry_bytes)) + entry_bytes
    for limits in (Limits(), Limits(depth=10**6)):
        with pytest.raises(LimitError):
            decode_columns(data, schema_of(Entry), limits)


def _varint(number: int) -> bytes:
    return bytes([*(b | 128 for b in _groups(number)[:-1]), _groups(number)[-1]])


def _groups(number: int) -> list[int]:
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127)
    return groups


def test_lone_surrogates_are_refused_in_columns_of_any_length():
    for count in (1, 2000):
        documents = [Part(title='ok') for _ in range(count)]
        documents[-1] = Part.model_construct(id='1', title='\ud800', vec=None)
        with pytest.raises(KindError, match=r'Part\.title.*surrogate'):
            encode_columns(batch_of(documents))


SAMPLE = columns(batch_of([entry(n, maybe=Part(title='m')) for n in range(3)]))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SAMPLE) - 1), st.binary(min_size=1, max_size=3))
def test_changed_bytes_are_read_or_refused_with_our_errors(place, replacement):
    data = SAMPLE[:place] + replacement + SAMPLE[place + len(replacement) :]
    try:
        rows = decode_columns(data, schema_of(Entry)).rows()
    except DocArrayError:
        return
    assert all(isinstance(row, Entry) for row in rows)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_with_our_errors(data):
    try:
        decode_columns(data, schema_of(Part))
    except DocArrayError:
        pass


# -- checksums and salvage ----------------------------------------------------------------------------

PARTS = [Part(title=f'part {n}', vec=[n, n]) for n in range(5)]
SEALED = {
    'document': seal(encode_document(PARTS[0])),
    'rows': seal(encode_rows(PARTS, schema_of(Part))),
    'columns': b''.join(seal_parts(encode_columns(batch_of(PARTS)))),
}


@pytest.mark.parametrize('name', SEALED)
def test_sealed_messages_are_read_as_ever(name):
    message = SEALED[name]
    verify(message, required=True)
    schema = schema_of(Part)
    if name == 'document':
        assert same(PARTS[:1], decode_documents([message], schema))
    else:
        assert same(PARTS, ProtobufFormat().loads(message, schema).rows())


@pytest.mark.parametrize('name', SEALED)
def test_every_flipped_bit_is_found(name):
    message = SEALED[name]
    for bit in range(len(message) * 8):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            verify(changed, required=True)
        if bit >= (len(message) - 6) * 8:  # in the checksum itself, where a reader need not expect one
            with pytest.raises(FormatError):
                verify(changed)


def test_messages_without_a_checksum():
    message = encode_rows(PARTS, schema_of(Part))
    verify(message)
    with pytest.raises(ChecksumError, match='no checksum'):
        verify(message, required=True)
    with pytest.raises(FormatError):
        verify(message[:-3])


def test_a_cut_message_says_how_many_documents_are_whole():
    message = encode_rows(PARTS, schema_of(Part))
    for cut in range(1, len(message)):
        whole = list(whole_documents(message[:-cut]))
        assert same(PARTS[: len(whole)], decode_documents(whole, schema_of(Part)))
        assert _whole(message[:-cut]) == len(whole)
    assert len(split_rows(message).documents) == 5


def _whole(message: bytes) -> int:
    """How many documents a reader finds, or says to be whole."""
    try:
        return len(decode_rows(message, schema_of(Part)))
    except TruncatedError as error:
        return error.whole


def test_columns_of_media():
    documents = [ImageDoc(url='a.png', tensor=np.zeros((2, 2, 3), 'u1'), bytes_=b'x') for _ in range(2)]
    assert same(documents, decode_columns(columns(batch_of(documents)), schema_of(ImageDoc)).rows())
