"""Documents to messages of their own .proto file and back: all kinds of values, and hostile messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.errors import (
    DocArrayError,
    FormatError,
    KindError,
    LimitError,
    SchemaError,
    StackError,
    ValidationError,
)
from docarray.formats.limits import Limits
from docarray.formats.protobuf.typed import from_typed, to_typed
from docarray.typing import AnyTensor, ImageTensor, NdArray
from tests.unit import strategies

pytest.importorskip('google.protobuf')


class Leaf(BaseDocument):
    tensor: NdArray
    name: str = ''


class Tree(BaseDocument):
    value: int = 0
    children: DocumentArray[Tree] = DocumentArray()
    parent: Tree | None = None


class Page(BaseDocument):
    tensor: NdArray | None = None
    leaf: Leaf | None = None
    leaves: DocumentArray[Leaf] = DocumentArray()
    either: Leaf | TextDoc | None = None
    number: int = 0
    text: str = ''
    texts: dict[str, str] = {}
    anything: Any = None
    vectors: list[NdArray] = []


def sendable(document: Any) -> Any:
    """The message of a document, or None where a value of an Any field is not JSON."""
    try:
        return to_typed(document)
    except KindError as error:
        if 'of kind json' not in str(error):
            raise
        return None


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_documents_come_back(data: Any) -> None:
    field = data.draw(strategies.document_types(depth=2, ragged=True))
    document = data.draw(field.values)
    message = sendable(document)
    if message is None:
        return
    again = from_typed(field.annotation, type(message).FromString(message.SerializeToString()))
    assert unordered(again, document)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_arrays_come_back(data: Any) -> None:
    field = data.draw(strategies.document_types(depth=1))
    array = DocumentArray[field.annotation](data.draw(st.lists(field.values, max_size=4)))
    message = sendable(array)
    if message is None:
        return
    again = from_typed(DocumentArray[field.annotation], type(message).FromString(message.SerializeToString()))
    assert type(again) is type(array)
    assert len(again) == len(array)
    assert all(map(unordered, again, array))
    try:
        stacked = array.stack()
    except DocArrayError:
        return
    assert to_typed(stacked) == message
    assert from_typed(type(stacked), message) == again.stack()


def unordered(a: Any, b: Any) -> bool:
    """Whether two documents are the same but for the order of dicts, and types that Any, as JSON, loses."""
    for name, info in type(b).model_fields.items():
        x, y = getattr(a, name), getattr(b, name)
        if not _unordered(x, _in_json(y) if 'Any' in str(info.annotation) else y):
            return False
    return True


def _in_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_in_json(item) for item in value] if isinstance(value, list | tuple) else value


def _unordered(x: Any, y: Any) -> bool:
    if isinstance(y, BaseDocument):
        return type(x) is type(y) and unordered(x, y)
    if isinstance(y, dict):
        return x.keys() == y.keys() and all(_unordered(x[key], y[key]) for key in y)
    if isinstance(y, (list, tuple)):
        return type(x) is type(y) and len(x) == len(y) and all(map(_unordered, x, y))
    return strategies.same(y, x)


def sent(document: Any) -> Any:
    return from_typed(type(document), to_typed(document))


@pytest.mark.parametrize(
    'array',
    [
        np.array([np.nan, -0.0, np.inf, 1e-310]),
        np.zeros((0, 3), 'int8'),
        np.array(True),
        np.array(2 + 1j, 'complex64'),
        np.arange(6, dtype='>i4').reshape(2, 3),
        np.arange(6, dtype='uint16').reshape(2, 3).T,
        np.arange(9)[::-2],
        np.zeros((1,) * 32, 'float16'),
    ],
)
def test_tensors_keep_dtype_and_shape(array: Any) -> None:
    for again in (sent(Page(tensor=array)).tensor, sent(Page(vectors=[array])).vectors[0]):
        assert again.dtype.name == array.dtype.name
        assert again.shape == array.shape
        assert np.ascontiguousarray(again).tobytes() == array.astype(array.dtype.newbyteorder('=')).tobytes()
        assert again.flags.writeable


def test_the_data_are_little_endian_and_in_c_order() -> None:
    for array in (np.array([[1, 2], [3, 4]], '>u2'), np.array([[1, 3], [2, 4]], 'uint16').T):
        message = to_typed(Page(tensor=array)).tensor
        assert (message.dtype, list(message.shape)) == ('uint16', [2, 2])
        assert message.data.hex() == '0100020003000400'


@pytest.mark.parametrize('dtype', ['bfloat16', 'float8_e4m3fn', 'float8_e5m2'])
def test_dtypes_of_ml_dtypes(dtype: str) -> None:
    ml_dtypes = pytest.importorskip('ml_dtypes')
    array = np.arange(4).astype(getattr(ml_dtypes, dtype))
    again = sent(Page(tensor=array)).tensor
    assert again.dtype == array.dtype
    assert again.tobytes() == array.tobytes()


def test_dtypes_that_only_this_machine_knows() -> None:
    if np.dtype('longdouble').name == 'float64':
        pytest.skip('it is no dtype of its own here')
    with pytest.raises(KindError, match=r'Page\.tensor.*dtype float128'):
        to_typed(Page.model_construct(tensor=np.zeros(2, 'longdouble')))


class Any_(BaseDocument):
    one: AnyTensor
    two: ImageTensor | None = None
    many: list[AnyTensor] = []


def test_tensors_of_any_framework_come_back_as_they_were() -> None:
    torch = pytest.importorskip('torch')
    document = Any_(one=torch.ones(2), two=np.zeros((2, 2, 3), 'uint8'), many=[np.ones(1), torch.ones(1)])
    array = DocumentArray[Any_]([document])
    for again in (sent(document), *from_typed(type(array), to_typed(array))):
        assert type(again.one).__name__ == 'TorchTensor'
        assert type(again.two).__name__ == 'ImageNdArray'
        assert [type(one).__name__ for one in again.many] == ['NdArray', 'TorchTensor']
    as_numpy = from_typed(Any_, to_typed(document), NdArray)
    assert isinstance(as_numpy.one, np.ndarray)
    array = DocumentArray[Any_]([Any_(one=torch.ones(2)), Any_(one=np.ones(2, 'float32'))])
    stacked = from_typed(DocumentArrayStacked[Any_], to_typed(array), NdArray)
    assert isinstance(stacked.one, np.ndarray)
    message = to_typed(document)
    message.one.framework = 'abacus'
    assert isinstance(from_typed(Any_, message).one, np.ndarray)


def test_declared_frameworks_need_not_be_said() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Net(BaseDocument):
        weights: TorchTensor[2, 2]

    net = Net(weights=torch.eye(2, dtype=torch.bfloat16))
    assert to_typed(net).weights.framework == ''
    assert sent(net).weights.dtype == torch.bfloat16
    array = DocumentArray[Net]([net, net])
    assert from_typed(DocumentArrayStacked[Net], to_typed(array.stack())).weights.shape == (2, 2, 2)


def test_trees() -> None:
    tree = Tree(
        value=1, children=[Tree(value=2, children=[Tree(value=3)], parent=Tree(value=0)), Tree(value=4)]
    )
    again = sent(tree)
    assert again == tree
    assert again.children[0].parent.value == 0
    assert [len(child.children) for child in again.children] == [1, 0]
    array = DocumentArray[Tree]([tree, Tree()])
    assert from_typed(DocumentArray[Tree], to_typed(array.stack())) == array


def test_live_rows_are_documents_too() -> None:
    stacked = DocumentArray[Leaf]([Leaf(tensor=np.zeros(2)), Leaf(tensor=np.ones(2), name='b')]).stack()
    again = from_typed(Leaf, to_typed(stacked[1]))
    assert (again.name, again.tensor.tolist(), again.id) == ('b', [1, 1], stacked[1].id)


# -- what cannot be sent ------------------------------------------------------------------------------


def test_text_that_is_no_unicode() -> None:
    for document, name in ((Page(text='\ud800'), 'text'), (Page(texts={'a': '\ud800'}), 'texts')):
        with pytest.raises(KindError, match=rf'Page\.{name} \(row 1\)'):
            to_typed(DocumentArray[Page]([Page(), document]))
    assert sent(Page(anything='\ud800')).anything == '\ud800'  # JSON has a way to say it


def test_numbers_beyond_64_bits() -> None:
    with pytest.raises(KindError, match=r'Page\.number'):
        to_typed(Page(number=2**63))
    assert sent(Page(anything=2**200)).anything == 2**200


def test_what_only_python_knows() -> None:
    with pytest.raises(KindError, match=r'Page\.anything \(row 0\).*kind json'):
        to_typed(Page(anything=object()))


def test_more_fields_than_the_class_has() -> None:
    class More(Page):
        more: int = 1

    class Loose(BaseDocument):
        model_config = pydantic.ConfigDict(extra='allow')

    with pytest.raises(StackError, match='more'):
        to_typed(DocumentArray[Page].construct([More()]))
    with pytest.raises(StackError, match='surplus'):
        to_typed(Loose(surplus=1))
    assert sent(More(more=2)).more == 2


def test_a_document_inside_itself() -> None:
    tree = Tree()
    tree.children.append(tree)
    with pytest.raises(KindError, match='in a circle'):
        to_typed(tree)


# -- what others send ---------------------------------------------------------------------------------


def hostile(**given: Any) -> Any:
    message = to_typed(Page()).tensor
    message.dtype = given.get('dtype', 'float32')
    message.shape.extend(given.get('shape', [2]))
    message.data = given.get('data', bytes(8))
    return message


@pytest.mark.parametrize(
    ('given_', 'message'),
    [
        ({'shape': [3]}, r'8 bytes, wanted 12'),
        ({'shape': []}, r'8 bytes, wanted 4'),
        ({'shape': [1 << 62, 4]}, r'8 bytes'),
        ({'shape': [-2, -1]}, r'shape \(-2, -1\)'),
        ({'shape': [-1]}, r'shape \(-1,\)'),
        ({'shape': [2] + [1] * 100}, r'one that numpy can hold'),
        ({'shape': [1 << 62, 1 << 62, 0], 'data': b''}, r'one that numpy can hold'),
        ({'dtype': ''}, r"dtype '', wanted"),
        ({'dtype': 'object'}, r"dtype 'object'"),
        ({'dtype': 'float33'}, r"dtype 'float33'"),
        ({'dtype': 'O'}, r"dtype 'O'"),
        ({'dtype': '<M8[s]', 'shape': [1]}, r'dtype'),
        ({'dtype': 'bool', 'data': b'\0\2'}, r'bytes other than 0 and 1'),
    ],
)
def test_tensors_that_are_none(given_: Any, message: str) -> None:
    page = to_typed(Page())
    page.leaves.add().tensor.CopyFrom(hostile(**given_))
    array = type(to_typed(DocumentArray[Page]([Page()])))()
    array.documents.add()
    array.documents.add().CopyFrom(page)
    with pytest.raises(FormatError, match=message) as caught:
        from_typed(DocumentArray[Page], array)
    assert caught.value.where == 'DocumentArray[Page].1.leaves.0.tensor'


def test_tensors_of_a_wrong_shape() -> None:
    class Flat(BaseDocument):
        tensor: NdArray[2]

    message = to_typed(Flat(tensor=[1, 2]))
    message.tensor.dtype, message.tensor.data = 'int8', bytes(6)
    message.tensor.shape.append(3)
    with pytest.raises(ValidationError, match=r'got shape \(2, 3\)'):
        from_typed(Flat, message)


@pytest.mark.parametrize('text', ['', '{', 'nothing', '[' * 100_000, '1' * 10_000])
def test_json_that_is_none(text: str) -> None:
    message = to_typed(Page())
    message.anything = text
    with pytest.raises((FormatError, LimitError), match=r'Page\.anything'):
        from_typed(Page, message)


def test_faults_say_where_they_are() -> None:
    class Strict(BaseDocument):
        number: int = pydantic.Field(gt=0)

    class Outer(BaseDocument):
        parts: list[Strict] = []
        part: Strict | None = None
        either: Strict | TextDoc | None = None

    good = Outer(parts=[Strict(number=1)] * 2, part=Strict(number=1), either=Strict(number=1))
    message = to_typed(DocumentArray[Outer]([good, good]))
    for fault, path in (
        (message.documents[1].parts[1], (1, 'parts', 1, 'number')),
        (message.documents[1].part, (1, 'part', 'number')),
        (message.documents[1].either_strict, (1, 'either', 'number')),
    ):
        fault.number = -1
        with pytest.raises(ValidationError) as caught:
            from_typed(DocumentArray[Outer], message)
        assert [one['loc'] for one in caught.value.errors()] == [path]
        assert caught.value.title == 'DocumentArray[Outer]'
        fault.number = 1
    assert from_typed(DocumentArray[Outer], message)[1] == good


def test_messages_of_something_else() -> None:
    wanted = r'Page: got .*, wanted a message docarray\.typed\.page\.Page$'
    for other in (to_typed(Leaf(tensor=[1])), to_typed(DocumentArray[Page]()), b'', None, 3):
        with pytest.raises(FormatError, match=wanted):
            from_typed(Page, other)
    with pytest.raises(FormatError, match='PageArray'):
        from_typed(DocumentArray[Page], to_typed(Page()))
    with pytest.raises(SchemaError, match='unknown fields'):
        from_typed(DocumentArray, to_typed(Page()))


def test_limits() -> None:
    tree = Tree()
    for _ in range(9):
        tree = Tree(children=[tree])
    message = to_typed(tree)
    assert from_typed(Tree, message, limits=Limits(depth=10)) == tree
    with pytest.raises(LimitError, match=r'children\.0: got 10 levels, wanted at most 9'):
        from_typed(Tree, message, limits=Limits(depth=9))
    array = to_typed(DocumentArray[Tree]([Tree(), Tree(), Tree()]))
    assert len(from_typed(DocumentArray[Tree], array, limits=Limits(documents=3))) == 3
    with pytest.raises(LimitError, match='got 3 documents, wanted at most 2'):
        from_typed(DocumentArray[Tree], array, limits=Limits(documents=2))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_messages_are_read_or_refused(data: Any) -> None:
    page = Page(
        tensor=np.ones((2, 2)),
        leaf=Leaf(tensor=np.zeros(1)),
        leaves=[Leaf(tensor=np.zeros(2, 'bool'))],
        either=TextDoc(text='a'),
        texts={'a': 'b'},
        anything=[1],
        vectors=[np.ones(2)],
    )
    message = to_typed(page)
    damaged = bytearray(message.SerializeToString(deterministic=True))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        broken = type(message).FromString(bytes(damaged))
    except Exception:  # protobuf's own business
        return
    try:
        assert isinstance(from_typed(Page, broken), Page)
    except DocArrayError:
        pass
