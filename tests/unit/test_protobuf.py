"""Documents as DocProto, arrays as DocListProto: whatever a document holds comes back, from strangers too."""

import datetime
import enum
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docarray import (
    AnyDocument,
    BaseDocument,
    DocumentArray,
    DocumentArrayStacked,
    schema_of,
)
from docarray.documents import LegacyDocument, TextDoc
from docarray.errors import DocArrayError, FormatError, KindError, LimitError, ValidationError
from docarray.formats import get_format
from docarray.formats.limits import Limits
from docarray.formats.protobuf import (
    ProtobufFormat,
    decode_columns,
    decode_documents,
    decode_rows,
    encode_columns,
    encode_document,
    encode_rows,
    from_protobuf,
    to_protobuf,
)
from docarray.formats.protobuf.descriptor import FILE, MESSAGES, file_descriptor, message_class
from docarray.rowbatch import RowBatch
from docarray.typing import ID, AnyTensor, ImageNdArray, ImageUrl, NdArray
from tests.unit.strategies import document_types, same

ROOT = Path(__file__).parents[2]
generated = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Colour(str, enum.Enum):
    RED = 'red'


class Part(BaseDocument):
    title: str
    vec: NdArray[2] | None = None


class Special(Part):
    extra: int = 0


class Whole(BaseDocument):
    name: str
    number: int
    real: float
    yes: bool
    data: bytes
    colour: Colour = Colour.RED
    when: datetime.date | None = None
    url: ImageUrl | None = None
    vec: NdArray[3]
    image: ImageNdArray | None = None
    any_tensor: AnyTensor | None = None
    words: list[str] = []
    pair: tuple[int, str] = (1, 'a')
    tags: set[str] = set()
    counts: dict[str, int] = {}
    by_number: dict[int, str] = {}
    free: Any = None
    part: Part
    other: Part | None = None
    parts: DocumentArray[Part] = []
    listed: list[Part] = []
    either: Part | TextDoc | None = None


def whole(**more: Any) -> Whole:
    fields = {'name': 'ä', 'number': -5, 'real': 0.5, 'yes': False, 'data': b'\xff', 'vec': np.ones(3, 'f4')}
    return Whole(**{**fields, 'part': Part(title='p', vec=[1, 2]), **more})


def again(document: Any, cls: Any = None) -> Any:
    """What becomes of a document by itself, and in an array that says that it is valid."""
    cls = cls or type(document)
    (alone,) = decode_documents([encode_document(document)], schema_of(cls))
    (row,) = decode_rows(encode_rows([document], schema_of(cls)), schema_of(cls))
    assert same(alone, row)
    return alone


# -- round trips --------------------------------------------------------------------------------------


@generated
@given(st.data())
def test_any_document_comes_back_in_every_bit(data):
    made = data.draw(document_types(ragged=True))
    documents = data.draw(st.lists(made.values, max_size=4))
    schema = schema_of(made.annotation)
    rows = decode_rows(encode_rows(documents, schema), schema)
    alone = decode_documents(list(map(encode_document, documents)), schema)
    assert same(documents, rows)
    assert same(documents, alone)


@generated
@given(st.data())
def test_messages_are_what_protobuf_itself_would_write(data):
    made = data.draw(document_types())
    written = encode_document(data.draw(made.values))
    message = message_class('DocProto').FromString(written)
    assert len(message.SerializeToString()) == len(written)
    (first,) = decode_documents([written], schema_of(made.annotation))
    (second,) = decode_documents([message.SerializeToString()], schema_of(made.annotation))
    assert same(first, second)


def test_everything_at_once():
    document = whole(
        when=datetime.date(2024, 2, 3),
        url='a.png',
        image=np.zeros((2, 2, 3), 'u1'),
        any_tensor=np.array(3.5),
        words=['a', ''],
        tags={'x', 'y'},
        counts={'a': 1, '': 2},
        by_number={1: 'a'},
        free=[None, 1, 2.5, 'a', b'\x00', (1,), {1, 2}, {'k': [True]}],
        other=Part(title='o'),
        parts=[Part(title='1'), Part(title='2', vec=[3, 4])],
        listed=[Part(title='l')],
        either=TextDoc(text='t'),
    )
    assert same(document, again(document))


def test_tensors_in_fields_of_any_type_keep_class_and_dtype():
    document = again(
        whole(free={'t': np.arange(3, dtype='i2'), 'image': ImageNdArray(np.zeros((1, 1, 3), 'u1'))})
    )
    assert document.free['t'].dtype == np.int16
    assert type(document.free['image']) is ImageNdArray


@pytest.mark.parametrize('wrap', [bytes, bytearray, memoryview])
@pytest.mark.parametrize('cls', [Whole, AnyDocument])
def test_bytes_are_no_dict_of_february_2023_whatever_they_look_like(wrap, cls):
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    struct.update({'a': 1.0})
    looks = [b'', b'ascii', b'\n', b'\n\x05hello', struct.SerializeToString()]
    free = {'list': list(map(wrap, looks)), 'bytes': wrap(looks[-1])}
    for around in ([], nested(110)):  # what is too deep for protobuf is read in another way
        data = encode_document(whole(free=[free, around]))
        (back,) = decode_documents([data], schema_of(cls), Limits(depth=200))
        assert back.free == [{'list': looks, 'bytes': looks[-1]}, around]
    stacked = DocumentArray[Whole]([whole(free=[free])]).stack()
    (row,) = decode_columns(b''.join(encode_columns(stacked.batch)), schema_of(cls)).rows()
    assert row.free == [{'list': looks, 'bytes': looks[-1]}]


def test_documents_in_fields_of_any_type_come_back_without_a_class():
    document = again(whole(free=[Part(title='a'), DocumentArray[Part]([Part(title='b')])]))
    assert isinstance(document.free[0], AnyDocument)
    assert document.free[1][0].title == 'b'


def test_documents_in_a_list_with_gaps_come_back_in_their_class():
    class Gaps(BaseDocument):
        parts: list[Part | None]
        by_name: dict[str, Part]

    document = again(Gaps(parts=[Part(title='a'), None], by_name={'b': Part(title='b')}))
    assert document.parts == [Part(title='a'), None]
    assert type(document.by_name['b']) is Part


def test_documents_of_subclasses_are_written_whole():
    array = DocumentArray[Part]([Part(title='a'), Special(title='b', extra=7)])
    message = to_protobuf(array)
    assert message.docs[1].data['extra'].integer == 7
    assert not message.schema
    assert [part.title for part in from_protobuf(DocumentArray[Part], message)] == ['a', 'b']
    (special,) = decode_documents([encode_document(array[1])], schema_of(Special))
    assert special.extra == 7


def test_documents_without_a_class():
    array = DocumentArray([AnyDocument(id='1', a=1, t=np.ones(2)), TextDoc(text='x')])
    back = from_protobuf(DocumentArray, to_protobuf(array))
    assert back[0].a == 1
    assert back[0].t.shape == (2,)
    assert back[1].text == 'x'


def test_extra_fields_of_a_class_that_allows_them():
    class Open(BaseDocument):
        model_config = {'extra': 'allow'}
        n: int

    document = again(Open(n=1, more=[1, 2], when=datetime.date(2020, 1, 1)))
    assert document.more == [1, 2]
    assert document.when == '2020-01-01'


def test_trees():
    tree = LegacyDocument(text='root', chunks=[LegacyDocument(text='leaf', tags={'a': {'b': [1]}})])
    assert again(tree).chunks[0].tags == {'a': {'b': [1]}}


def test_a_document_in_itself():
    class Link(BaseDocument):
        name: str
        before: Optional['Link'] = None

    Link.model_rebuild()
    link = Link(name='c', before=Link(name='b', before=Link(name='a')))
    assert same(link, again(link))
    assert encode_document(link).count(b'before') == 3


def test_aliases():
    class Named(BaseDocument):
        inner: 'str' = ''
        part: Part

        model_config = {'alias_generator': str.upper}

    document = Named(INNER='x', PART=Part(title='a'), ID='1')
    assert same(document, again(document))


def test_rows_of_stacked_arrays_are_documents_too():
    stacked = DocumentArray[Part]([Part(title='a', vec=[1, 2]), Part(title='b', vec=[3, 4])]).stack()
    rows = list(stacked)
    assert same(stacked.unstack()[1], again(rows[1], Part))
    assert to_protobuf(DocumentArray[Part](rows)).schema == schema_of(Part).fingerprint


@pytest.mark.parametrize(
    'array',
    [
        np.array(1.5),
        np.zeros((0, 3), 'f4'),
        np.zeros((3, 0, 2), 'u1'),
        np.arange(6, dtype='>i4').reshape(2, 3),
        np.arange(12.0).reshape(3, 4).T[::-1],
        np.array([True, False]),
        np.array([1 + 2j], 'c8'),
        np.array([np.nan, np.inf, -0.0], 'f2'),
        np.zeros((1,) * 20, 'i8'),
    ],
    ids=lambda array: f'{array.dtype.str}{array.shape}',
)
def test_arrays_of_every_sort(array):
    class One(BaseDocument):
        t: NdArray

    for back in (again(One(t=array)).t, NdArray.from_protobuf(NdArray(array).to_protobuf())):
        assert (back.shape, back.dtype.newbyteorder('=')) == (array.shape, array.dtype.newbyteorder('='))
        assert back.astype(array.dtype).tobytes() == array.tobytes()
        assert back.flags.writeable


def test_dtypes_beyond_numpy():
    ml_dtypes = pytest.importorskip('ml_dtypes')
    for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn):
        array = np.array([1, 2], dtype)
        back = NdArray.from_protobuf(NdArray(array).to_protobuf())
        assert back.dtype == array.dtype
        assert back.tobytes() == array.tobytes()
        assert NdArray(array).to_protobuf().dense.dtype == array.dtype.name


def test_torch_tensors():
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Torch(BaseDocument):
        t: TorchTensor
        free: AnyTensor

    rows = [Torch(t=torch.full((2,), n, dtype=torch.bfloat16), free=torch.ones(n)) for n in range(3)]
    back = decode_rows(encode_rows(rows, schema_of(Torch)), schema_of(Torch))
    assert all(type(row.t) is TorchTensor and row.t.dtype == torch.bfloat16 for row in back)
    assert [tuple(row.free.shape) for row in back] == [(0,), (1,), (2,)]
    assert type(NdArray.from_protobuf(TorchTensor(torch.ones(2)).to_protobuf())) is NdArray


def test_tensors_of_a_framework_that_is_not_installed_become_numpy(monkeypatch):
    from docarray import _registry
    from docarray.errors import MissingExtraError
    from docarray.formats.protobuf import tensors

    tensors.wire_framework.cache_clear()

    def missing(name):
        if name != 'numpy':
            raise MissingExtraError('no such thing here')
        return _registry.find('framework', name).load()()

    monkeypatch.setattr(tensors, 'get_framework', missing)
    message = to_protobuf(AnyDocument(t=np.ones(2, 'f4')))
    message.data['t'].type = 'image_torch_tensor'
    back = from_protobuf(AnyDocument, message)
    tensors.wire_framework.cache_clear()
    assert type(back.t) is ImageNdArray
    assert back.t.dtype == np.float32


def test_documents_of_one_chunk_share_memory_that_can_be_written():
    rows = [Part(title=str(n), vec=[n, n]) for n in range(3)]
    back = decode_rows(encode_rows(rows, schema_of(Part)), schema_of(Part))
    back[0].vec[0] = 9
    assert back[1].vec.tolist() == [1, 1]
    assert type(back[1].vec) is NdArray


# -- what is refused ----------------------------------------------------------------------------------


def test_numbers_beyond_64_bits_are_refused_with_their_place():
    with pytest.raises(KindError, match=r'Whole\.number \(row 1\): .*64 bits'):
        encode_rows([whole(), whole(number=2**63)])
    assert again(whole(number=-(2**63))).number == -(2**63)


def test_lone_surrogates_are_refused():
    with pytest.raises(KindError, match='surrogate at position 1'):
        encode_document(whole(name='a\ud800'))


def test_values_that_nothing_can_hold_are_refused():
    with pytest.raises(KindError, match=r'Whole\.free'):
        encode_document(whole(free=[object()]))


def test_circles_are_refused():
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(KindError, match='circle'):
        encode_document(whole(free=circle))


def test_values_that_were_never_validated_travel_as_what_they_are():
    odd = Part.model_construct(id=7, title=np.float32(1.5), vec=[1, 2])
    with pytest.raises(ValidationError, match='title'):
        decode_documents([encode_document(odd)], schema_of(Part))
    plain = Part.model_construct(id=7, title='a', vec=[1, 2])
    back = again(plain)
    assert back.id == '7'
    assert type(back.id) is ID
    assert back.vec.tolist() == [1, 2]


def test_what_does_not_fit_names_row_and_field():
    data = encode_rows([Part(title='a'), TextDoc(text='b')])
    with pytest.raises(ValidationError) as caught:
        decode_rows(data, schema_of(Part))
    assert caught.value.errors()[0]['loc'] == (1, 'title')


def test_nested_faults_have_their_whole_path():
    broken = to_protobuf(whole())
    broken.data['part'].doc.data['title'].integer = 3
    with pytest.raises(ValidationError) as caught:
        from_protobuf(Whole, broken)
    assert caught.value.errors()[0]['loc'] == (0, 'part', 'title')


class Positive(BaseDocument):
    n: Annotated[int, pydantic.Field(gt=0)] = 1


class Box(BaseDocument):
    content: Positive | TextDoc | None = None
    inner: Optional['Box'] = None
    boxes: list['Box'] = []


Box.model_rebuild()


@pytest.mark.parametrize(
    ('path', 'box'),
    [
        (('content',), lambda bad: Box(content=bad)),
        (('inner', 'content'), lambda bad: Box(inner=Box(content=bad))),
        (('boxes', 2, 'content'), lambda bad: Box(boxes=[Box(), Box(content=TextDoc()), Box(content=bad)])),
    ],
)
def test_documents_of_one_of_several_classes_are_validated_as_of_theirs(path, box):
    good, bad = Box(content=Positive(n=3), inner=Box(content=TextDoc())), Positive.model_construct(n=-1)
    documents = [encode_document(one) for one in (good, good, box(bad))]
    assert same([good, good], decode_documents(documents[:2], schema_of(Box)))
    with pytest.raises(ValidationError) as caught:  # pydantic alone would make TextDoc of what is no Positive
        decode_documents(documents, schema_of(Box))
    assert [fault['loc'] for fault in caught.value.errors()] == [(2, *path, 'n')]


def test_aliases_that_are_the_names_of_other_fields():
    for by_name in (False, True):

        class Crossed(BaseDocument):
            model_config = {'populate_by_name': by_name}
            a: str = pydantic.Field(alias='b')
            b: str = pydantic.Field(alias='a')

        class Around(BaseDocument):
            inner: Crossed

        crossed = Crossed(b='a', a='b')
        assert (crossed.a, crossed.b) == ('a', 'b')
        assert again(crossed) == crossed
        assert again(Around(inner=crossed)).inner == crossed
        assert Crossed.from_protobuf(crossed.to_protobuf('typed')) == crossed


def test_unknown_fields_are_left_out_and_missing_ones_take_their_defaults():
    class Newer(BaseDocument):
        title: str
        stars: int = 5

    (newer,) = decode_documents([encode_document(Special(id='1', title='a', extra=2))], schema_of(Newer))
    assert newer == Newer(id='1', title='a')

    class Strict(BaseDocument):
        model_config = {'extra': 'forbid'}
        title: str

    with pytest.raises(ValidationError, match='extra'):
        decode_documents([encode_document(Special(title='a'))], schema_of(Strict))


def test_a_fingerprint_is_no_promise():
    schema = schema_of(Part)
    message = to_protobuf(DocumentArray[Part]([Part(title='a', vec=[1, 2])]))
    for change, fault in (
        (lambda data: data['title'].Clear(), 'title'),
        (lambda data: data.pop('title'), 'title'),
        (lambda data: setattr(data['title'], 'integer', 1), 'title'),
        (lambda data: data['vec'].ndarray.dense.shape.append(2), 'vec'),
    ):
        broken = message_class('DocListProto')()
        broken.CopyFrom(message)
        change(broken.docs[0].data)
        assert broken.schema == schema.fingerprint
        with pytest.raises((ValidationError, FormatError), match=fault):
            decode_rows(broken.SerializeToString(), schema)


# -- hostile bytes ------------------------------------------------------------------------------------

SAMPLE = encode_rows(
    [whole(parts=[Part(title='1')], free={'a': [1, {'b': np.ones(2)}]}, either=TextDoc(text='t'))],
    schema_of(Whole),
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SAMPLE) - 1), st.binary(min_size=1, max_size=3))
def test_changed_bytes_are_read_or_refused_with_our_errors(place, replacement):
    data = SAMPLE[:place] + replacement + SAMPLE[place + len(replacement) :]
    try:
        rows = decode_rows(data, schema_of(Whole))
    except DocArrayError:
        return
    assert all(isinstance(row, Whole) for row in rows)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_with_our_errors(data):
    for read in (
        lambda: decode_rows(data, schema_of(Whole)),
        lambda: decode_documents([data], schema_of(AnyDocument)),
        lambda: ProtobufFormat().loads(data, schema_of(Part)),
        lambda: list(ProtobufFormat().load_stream([data], schema_of(Part))),
    ):
        try:
            read()
        except DocArrayError:
            pass


def test_a_tensor_that_says_it_is_larger_than_it_is():
    message = to_protobuf(Part(title='a', vec=[1, 2]))
    message.data['vec'].ndarray.dense.shape[0] = 2**32 - 1
    with pytest.raises(FormatError, match=r'Part\.vec .*16 bytes'):
        from_protobuf(Part, message)


@pytest.mark.parametrize('dtype', ['O', '|O', 'f4,f4', '(9,)f4', 'V8', '', 'float33', '<f3', '<U0', 'S00'])
def test_dtypes_that_no_tensor_has(dtype):
    message = to_protobuf(Part(title='a', vec=[1, 2]))
    message.data['vec'].ndarray.dense.dtype = dtype
    with pytest.raises(FormatError, match='dtype'):
        from_protobuf(Part, message)


def test_booleans_that_are_neither():
    message = to_protobuf(Part(title='a', vec=np.array([True, False])))
    message.data['vec'].ndarray.dense.buffer = b'\2\0'
    with pytest.raises(FormatError, match=r'Part\.vec .*other than 0 and 1'):
        from_protobuf(Part, message)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_limited_and_the_limit_can_be_raised():
    data = encode_document(whole(free=nested(120)))  # deeper than protobuf itself reads
    with pytest.raises(LimitError, match='depth='):
        decode_documents([data], schema_of(Whole))
    (document,) = decode_documents([data], schema_of(Whole), Limits(depth=200))
    assert document.free == nested(120)
    with pytest.raises(LimitError):
        decode_documents([encode_document(whole(free=nested(4)))], schema_of(Whole), Limits(depth=3))


def test_messages_deeper_than_protobuf_reads_name_what_has_no_such_limit():
    deep = whole(free=nested(120))
    from google.protobuf.internal import api_implementation

    if api_implementation.Type() == 'upb':  # others take any depth
        with pytest.raises(KindError, match=r'to_bytes\(\)'):
            deep.to_protobuf()
    assert Whole.from_bytes(deep.to_bytes(), limits=Limits(depth=200)).free == deep.free


def test_endless_depth_is_refused():
    node = b'\x10\x01'
    for _ in range(20_000):
        item = b'\x0a' + varint(len(node)) + node
        node = b'\x4a' + varint(len(item)) + item
    entry = b'\x0a\x04free\x12' + varint(len(node)) + node
    data = b'\x0a' + varint(len(entry)) + entry
    with pytest.raises(LimitError):
        decode_documents([data], schema_of(AnyDocument))
    with pytest.raises(LimitError):
        decode_documents([data], schema_of(AnyDocument), Limits(depth=10**6))


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def test_deep_trees_of_documents_come_back():
    tree = LegacyDocument(text='0')
    for _ in range(40):
        tree = LegacyDocument(text='x', chunks=[tree])
    (back,) = decode_rows(encode_rows([tree], schema_of(LegacyDocument)), schema_of(LegacyDocument))
    assert same(tree, back)


def test_numbers_and_sizes_are_limited():
    data = encode_rows([Part(title='a')] * 3, schema_of(Part))
    with pytest.raises(LimitError, match='documents=3'):
        decode_rows(data, schema_of(Part), Limits(documents=2))
    with pytest.raises(LimitError, match='size='):
        decode_rows(data, schema_of(Part), Limits(size=10))
    nested = encode_rows([whole(parts=[Part(title='a')] * 2)] * 3, schema_of(Whole))
    assert len(decode_rows(nested, schema_of(Whole), Limits(documents=6))) == 3
    with pytest.raises(LimitError, match='got 6 documents'):
        decode_rows(nested, schema_of(Whole), Limits(documents=5))
    with pytest.raises(LimitError, match='columns=3'):
        decode_rows(data, schema_of(Part), Limits(columns=2))


def test_a_set_of_lists_is_refused():
    message = to_protobuf(AnyDocument())
    message.data['s'].set.data.add().list.data.add().integer = 1
    with pytest.raises(FormatError, match='set'):
        from_protobuf(AnyDocument, message)


def test_text_that_is_not_utf8():
    data = encode_document(Part(title='abcdefgh')).replace(b'abcdefgh', b'abc\xff\xfegh!')
    with pytest.raises(DocArrayError):
        decode_documents([data], schema_of(Part))


# -- messages -----------------------------------------------------------------------------------------


def test_the_shipped_proto_file_is_the_embedded_descriptor(tmp_path):
    grpc_tools = pytest.importorskip('grpc_tools')
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    source = ROOT / 'docarray' / 'formats' / 'proto'
    target = tmp_path / 'set'
    include = Path(grpc_tools.__file__).parent / '_proto'
    # In a process of its own: its protobuf library and TensorFlow's do not bear each other.
    protoc = [sys.executable, '-m', 'grpc_tools.protoc', f'-I{source}', f'-I{include}']
    subprocess.run([*protoc, f'--descriptor_set_out={target}', FILE], check=True, timeout=60)
    (compiled,) = FileDescriptorSet.FromString(target.read_bytes()).file
    for message in [*compiled.message_type, *(n for m in compiled.message_type for n in m.nested_type)]:
        for field in message.field:
            field.ClearField('json_name')  # which protoc adds
    assert compiled == file_descriptor()


def test_old_import_paths():
    from docarray.proto import DocListProto, DocProto, DocumentArrayProto, DocumentProto, NodeProto

    from docarray import proto

    assert DocumentProto is DocProto
    assert DocumentArrayProto is DocListProto
    assert set(MESSAGES) < set(proto.__all__)
    assert NodeProto(text='a').WhichOneof('content') == 'text'
    from docarray.proto.pb.docarray_pb2 import DocVecProto

    assert DocVecProto.DESCRIPTOR.full_name == 'docarray.DocVecProto'


def test_messages_pickle():
    message = to_protobuf(Part(title='a', vec=[1, 2]))
    assert from_protobuf(Part, pickle.loads(pickle.dumps(message))).title == 'a'


def test_messages_of_classes_that_others_have_made():
    from google.protobuf import descriptor_pool, message_factory, struct_pb2

    if not hasattr(message_factory, 'GetMessageClass'):
        pytest.skip('this protobuf has another way to make classes')
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    file = file_descriptor()
    for message in file.message_type:
        old = [field for field in message.field if field.number < 1000]
        message.ClearField('field')
        message.field.extend(old)
    pool.AddSerializedFile(file.SerializeToString())
    theirs = message_factory.GetMessageClass(pool.FindMessageTypeByName('docarray.DocListProto'))
    array = DocumentArray[Part]([Part(title='a', vec=[1, 2])])
    assert from_protobuf(DocumentArray[Part], theirs.FromString(encode_rows(array))) == array


def test_methods_of_documents_and_arrays():
    part = Part(title='a', vec=[1, 2])
    assert same(part, Part.from_protobuf(part.to_protobuf()))
    array = DocumentArray[Part]([part])
    assert same([part], list(DocumentArray[Part].from_protobuf(array.to_protobuf())))
    stacked = DocumentArrayStacked[Part].from_protobuf(array.to_protobuf())
    assert stacked.vec.shape == (1, 2)
    with pytest.raises(FormatError, match='a DocListProto'):
        Part.from_protobuf(array.to_protobuf())
    with pytest.raises(FormatError, match='a DocProto'):
        DocumentArray[Part].from_protobuf(part.to_protobuf())
    with pytest.raises(DocArrayError, match='style'):
        part.to_protobuf('other')


def test_messages_are_not_changed_by_reading():
    message = to_protobuf(DocumentArray[Part]([Part(title='a')]))
    before = message.SerializeToString(deterministic=True)
    from_protobuf(DocumentArray[TextDoc], message)
    assert message.SerializeToString(deterministic=True) == before


def test_the_format_is_registered_and_streams():
    made = get_format('protobuf')
    batch = RowBatch(schema_of(Part), [Part(title=str(n)) for n in range(5)])
    data = b''.join(made.dump_stream([batch.take(slice(0, 2)), batch.take(slice(2, 5))]))
    chunks = [data[n : n + 7] for n in range(0, len(data), 7)]
    rows = [row for batch in made.load_stream(chunks, batch.schema) for row in batch.rows()]
    assert same(batch.rows(), rows)
    found = []
    with pytest.raises(FormatError):
        for part in made.load_stream([data[:-10]], batch.schema):
            found += part.rows()
    assert [row.title for row in found] == ['0', '1', '2', '3']


def test_writing_takes_no_protobuf():
    script = (
        'import sys; sys.modules["google.protobuf"] = None; '
        'from docarray.documents import TextDoc; '
        'from docarray.formats.protobuf import encode_document, encode_rows; '
        'encode_document(TextDoc(text="a")); encode_rows([TextDoc()])'
    )
    subprocess.run([sys.executable, '-c', script], check=True, cwd=ROOT, timeout=60)


def test_the_python_implementation_of_protobuf_reads_the_same(tmp_path):
    script = (
        'from google.protobuf.internal import api_implementation as api; assert api.Type() == "python"; '
        'from tests.unit import test_protobuf as t; '
        't.test_everything_at_once(); t.test_trees(); t.test_deep_trees_of_documents_come_back(); '
        't.test_messages_pickle(); t.test_messages_are_not_changed_by_reading(); '
        't.test_tensors_in_fields_of_any_type_keep_class_and_dtype()'
    )
    environment = {'PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION': 'python', 'PYTHONPATH': str(ROOT), 'PATH': ''}
    subprocess.run([sys.executable, '-c', script], check=True, cwd=ROOT, timeout=60, env=environment)
