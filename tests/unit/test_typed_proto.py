"""The .proto file of a class: what it says, that protoc takes it, and that its numbers stay."""

from __future__ import annotations

import enum
import functools
import importlib.util
import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray, DocumentArrayStacked
from docarray.documents import ImageDoc, TextDoc
from docarray.errors import FormatError, SchemaError, ValidationError
from docarray.formats.protobuf.typed import from_typed, proto_schema, to_typed
from docarray.formats.protobuf.typed_classes import file_descriptor
from docarray.formats.protobuf.typed_names import field_number
from docarray.formats.protobuf.typed_plan import plan_of
from docarray.typing import ImageBytes, ImageNdArray, ImageUrl, NdArray
from tests.unit import strategies

descriptor_pb2 = pytest.importorskip('google.protobuf.descriptor_pb2')

_files = itertools.count()


class Colour(str, enum.Enum):
    RED = 'red'
    BLUE = 'light blue'


class Cat(BaseDocument):
    """Purrs."""

    lives: int = 9


class Dog(BaseDocument):
    name: str


Pixels = ImageNdArray[3, 'w', 'w', 'uint8']


class Student(BaseDocument):
    """Somebody who studies.

    Example:
        >>> None
    """

    name: str = pydantic.Field(description='As on\nthe card')
    picture: ImageDoc
    pixels: Pixels
    pet: Cat | Dog | None = None
    cats: DocumentArray[Cat] = DocumentArray()
    more: DocumentArray[Cat] | None = None
    matrix: list[list[int]] | None = None
    vectors: dict[str, list[NdArray]] = {}
    marks: list[float] = []
    colour: Colour = Colour.RED
    url: ImageUrl | None = None
    file: ImageBytes = ImageBytes(b'')
    kind: Literal['a.b', 'c'] = 'c'
    friend: Student | None = None
    anything: Any = None


def fields_of(text: str, message: str) -> dict[str, int]:
    """The numbers of the fields of a message, by name."""
    body = re.search(rf'^message {message} {{\n(.*?)^}}', text, re.DOTALL | re.MULTILINE)
    assert body is not None
    found = re.findall(r'^ .*?(\w+) = (\d+);$', body[1], re.MULTILINE)
    return {name: int(number) for name, number in found}


def protoc(*arguments: str) -> None:
    """Run protoc in a process of its own: its protobuf library and TensorFlow's do not bear each other."""
    grpc_tools = pytest.importorskip('grpc_tools')
    include = Path(grpc_tools.__file__).parent / '_proto'
    command = [sys.executable, '-m', 'grpc_tools.protoc', f'-I{include}', *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def compiled(text: str, folder: Path) -> Path:
    """A descriptor set by protoc of a .proto file, which it takes without a word."""
    name = f'made_{next(_files)}.proto'
    (folder / name).write_text(text, encoding='utf-8')
    protoc(f'-I{folder}', f'--descriptor_set_out={folder}/{name}.set', str(folder / name))
    return folder / f'{name}.set'


def by_protoc(text: str, folder: Path) -> Any:
    """What protoc makes of a .proto file, without the JSON names, which are its own affair."""
    found = descriptor_pb2.FileDescriptorSet.FromString(compiled(text, folder).read_bytes()).file[0]
    found.ClearField('name')
    waiting = list(found.message_type)
    while waiting:
        message = waiting.pop()
        waiting += message.nested_type
        for one in message.field:
            one.ClearField('json_name')
    return found


def ours(cls: Any) -> Any:
    made = file_descriptor(plan_of(cls))
    made.ClearField('name')
    return made


@pytest.fixture(scope='module')
def generated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Gives the module that protoc generates of a class; once, as a program has each message once."""
    pytest.importorskip('grpc_tools')
    folder = tmp_path_factory.mktemp('generated')

    @functools.cache
    def make(cls: Any) -> Any:
        name = f'generated_{cls.__name__}'
        (folder / f'{name}.proto').write_text(proto_schema(cls), encoding='utf-8')
        protoc(f'-I{folder}', f'--python_out={folder}', str(folder / f'{name}.proto'))
        spec = importlib.util.spec_from_file_location(f'{name}_pb2', folder / f'{name}_pb2.py')
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return make


def test_the_text_says_what_there_is() -> None:
    text = proto_schema(Student)
    for line in (
        'syntax = "proto3";',
        'package docarray.typed.student;',
        '// Somebody who studies.\nmessage Student {',
        '  // As on\n  // the card\n  // Python: str\n  optional string name = ',
        '  ImageDoc picture = ',
        '  // Python: ImageNdArray[3, w, w, uint8]; shape [3, w, w]; dtype uint8; image\n  Tensor pixels = ',
        '  oneof pet {\n    Cat pet_cat = ',
        '    Dog pet_dog = ',
        '  // Python: DocumentArray[Cat]\n  repeated Cat cats = ',
        '  CatArray more = ',
        '  Int64ListList matrix = ',
        '  map<string, TensorList> vectors = ',
        '  repeated double marks = ',
        "  // Python: Colour; one of 'red', 'light blue'\n  optional string colour = ",
        '  // Python: ImageUrl | None; media type image/*\n  optional string url = ',
        '  // Python: ImageBytes; media type image/*\n  optional bytes file = ',
        "  // Python: Literal['a.b', 'c']\n  optional string kind = ",
        '  Student friend = ',
        '  // Python: Any; JSON\n  optional string anything = ',
        'message StudentArray {\n  repeated Student documents = 1;\n}',
        'message ImageDocArray {',
        'message Int64List {\n  repeated int64 values = 1;\n}',
        '  bytes data = 3;',
    ):
        assert line in text
    assert 'Example' not in text
    assert Student.proto_schema() == text


def test_protoc_makes_of_the_text_what_we_make_of_the_class(tmp_path: Path) -> None:
    assert by_protoc(proto_schema(Student), tmp_path) == ours(Student)


@given(strategies.document_types(depth=2))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_protoc_takes_the_text_of_any_class(tmp_path: Path, field: strategies.FieldType) -> None:
    assert by_protoc(proto_schema(field.annotation), tmp_path) == ours(field.annotation)


NAMES = (
    'a',
    'A',
    'a_',
    'a_b',
    'aB',
    'A_b',
    'größe',
    '日本',
    'x-y',
    '1st',
    'nulls',
    'Clear',
    'SetInParent',
    'message',
)
NAMES += ('import', 'None', 'class', 'f_entry', 'FEntry', 'f', 'oneof', 'pet', 'pet_cat', 'new\nline', 'XA')


@given(
    st.lists(st.sampled_from(NAMES), unique=True),
    st.sampled_from(['Page', 'string', 'map', 'Tensor', 'Ü', 'a[b]', '1']),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_that_protobuf_has_no_place_for(tmp_path: Path, names: list[str], class_name: str) -> None:
    kinds: list[Any] = [int, dict[str, int], list[str] | None, Cat | Dog, NdArray]
    values: list[Any] = [1, {'a': 1}, ['b'], Dog(name='c'), np.zeros(2)]
    made: Any = pydantic.create_model(
        class_name, __base__=BaseDocument, **{name: (kinds[n % 5], ...) for n, name in enumerate(names)}
    )
    assert by_protoc(proto_schema(made), tmp_path) == ours(made)
    document = made(**{name: values[n % 5] for n, name in enumerate(names)})
    assert from_typed(made, to_typed(document)) == document
    numbers = {one.number for one in ours(made).message_type[0].field if one.name != 'nulls'}
    assert {field_number(name) for n, name in enumerate(names) if n % 5 in (0, 1, 4)} <= numbers


def test_classes_of_one_name() -> None:
    def page(**fields: Any) -> Any:
        return pydantic.create_model('Page', __base__=BaseDocument, **fields)

    inner, other = page(a=(int, ...)), page(b=(str, ...))
    other.__module__ = 'zoo'
    Tensor: Any = pydantic.create_model('Tensor', __base__=BaseDocument, n=(int, ...))
    PageArray: Any = pydantic.create_model('PageArray', __base__=BaseDocument, n=(int, ...))
    fields = {
        'x': (other, ...),
        'y': (inner, ...),
        't': (Tensor, ...),
        'p': (PageArray, ...),
        'z': (NdArray, ...),
    }
    outer = page(**fields)
    text = proto_schema(outer)
    assert 'PageArray_2 p =' in text
    assert 'Page_3 x =' in text
    assert 'Page_2 y =' in text
    assert 'Tensor_2 t =' in text
    assert 'Tensor z =' in text
    document = outer(x={'b': 'q'}, y={'a': 1}, t={'n': 2}, p={'n': 3}, z=[1.0])
    assert from_typed(outer, to_typed(document)) == document
    reordered = page(**dict(reversed(fields.items())))
    assert 'Page_3 x =' in proto_schema(reordered)


# -- numbers ------------------------------------------------------------------------------------------------


def test_numbers_follow_from_names_alone() -> None:
    # Written down: another way to number would make bytes that are out there unreadable.
    numbers = fields_of(proto_schema(TextDoc), 'TextDoc')
    assert numbers == {
        'id': 7881662,
        'text': 17166809,
        'url': 9509794,
        'embedding': 12527355,
        'bytes_': 12579403,
        'nulls': 12203028,
    }
    assert fields_of(proto_schema(Student), 'ImageDoc')['url'] == numbers['url']
    for name, number in fields_of(proto_schema(Student), 'Student').items():
        assert 20_000 <= number < 2**25, name


@given(st.permutations(list('abcdefgh')), st.integers(0, 8))
@settings(max_examples=20, deadline=None)
def test_numbers_stay_when_fields_move_come_and_go(names: list[str], count: int) -> None:
    whole: Any = pydantic.create_model(
        'Page', __base__=BaseDocument, **dict.fromkeys(sorted(names), (int, ...))
    )
    part: Any = pydantic.create_model(
        'Page', __base__=BaseDocument, **dict.fromkeys(names[:count], (str, ''))
    )
    every, some = (fields_of(proto_schema(cls), 'Page') for cls in (whole, part))
    assert some.items() <= every.items()
    assert set(some) == {'id', 'nulls', *names[:count]}


def test_pinned_numbers() -> None:
    class Page(BaseDocument):
        text: str = pydantic.Field('', json_schema_extra={'proto': 3})
        tags: Annotated[list[str] | None, pydantic.Field(json_schema_extra={'proto': 2**29 - 1})] = None
        pet: Cat | Dog = pydantic.Field(json_schema_extra={'proto': {'Dog': 4}})

    numbers = fields_of(proto_schema(Page), 'Page')
    assert (numbers['text'], numbers['tags'], numbers['pet_dog']) == (3, 2**29 - 1, 4)
    assert numbers['pet_cat'] == field_number('pet:Cat')
    page = Page(text='a', tags=[], pet=Dog(name='b'))
    assert from_typed(Page, to_typed(page)) == page


@pytest.mark.parametrize('pin', [0, -1, 2**29, 19_000, 19_999, 1.0, True, '3', {'Cat': 3}])
def test_numbers_that_protobuf_does_not_have(pin: Any) -> None:
    made: Any = pydantic.create_model(
        'Page', __base__=BaseDocument, n=(int, pydantic.Field(json_schema_extra={'proto': pin}))
    )
    with pytest.raises(SchemaError, match=r'Page\.n: got .proto.'):
        proto_schema(made)


def test_a_union_is_pinned_by_class() -> None:
    made: Any = pydantic.create_model(
        'Page', __base__=BaseDocument, pet=(Cat | Dog, pydantic.Field(json_schema_extra={'proto': 3}))
    )
    with pytest.raises(SchemaError, match=r'Page\.pet: .* a number for some of Cat, Dog'):
        proto_schema(made)


def test_two_fields_of_one_number_are_refused_and_pinning_helps() -> None:
    number = field_number('b')

    class Page(BaseDocument):
        a: int = pydantic.Field(json_schema_extra={'proto': number})
        b: int

    with pytest.raises(
        SchemaError, match=f'Page: got the number {number} for both a and b .*Pin one of them'
    ):
        proto_schema(Page)


@pytest.mark.parametrize('cls', [int, pydantic.BaseModel, 3])
def test_what_is_no_document_class(cls: Any) -> None:
    with pytest.raises(SchemaError, match='a subclass of BaseDocument'):
        proto_schema(cls)


def test_a_class_of_unknown_fields_has_no_file() -> None:
    with pytest.raises(SchemaError, match='a class of unknown fields'):
        to_typed(DocumentArray())


# -- other versions of a class ----------------------------------------------------------------------------


class OldPage(BaseDocumentWithoutId):
    title: str
    gone: int
    text: str
    tags: list[str]
    part: TextDoc


def newer(**fields: Any) -> Any:
    """A newer version of the class, of the same name."""
    return pydantic.create_model('OldPage', __base__=BaseDocumentWithoutId, **fields)


def reread(cls: Any) -> Any:
    page = OldPage(title='', gone=0, text='b', tags=['c'], part=TextDoc(id='d', text='e'))
    return from_typed(cls, to_typed(page))


def test_fields_that_were_added_take_their_defaults() -> None:
    page = reread(
        newer(
            text=(str, ...),
            added=(int, 5),
            title=(str, 'a default that does not count'),
            tensor=(NdArray | None, None),
            flag=(bool, True),
            made=(dict[str, int] | None, pydantic.Field(default_factory=lambda: {'x': 1})),
            more=(list[str], ['default']),
            part=(TextDoc, ...),
        )
    )
    assert page.title == ''
    assert (page.text, page.added, page.tensor, page.flag, page.made) == ('b', 5, None, True, {'x': 1})
    assert page.more == []
    assert page.part.text == 'e'


def test_fields_that_were_added_and_are_required_are_missed() -> None:
    with pytest.raises(ValidationError) as caught:
        reread(newer(title=(str, ...), number=(int, ...), part=(ImageDoc, ...), vector=(NdArray, ...)))
    assert [(fault['loc'], fault['type']) for fault in caught.value.errors()] == [
        (('number',), 'missing'),
        (('vector',), 'missing'),
    ]


def test_fields_that_were_removed_are_ignored() -> None:
    assert reread(newer(tags=(list[str], ...))).tags == ['c']


def test_fields_that_were_removed_are_told_where_a_class_forbids_extra_ones() -> None:
    strict = pydantic.create_model(
        'OldPage',
        __base__=BaseDocumentWithoutId,
        __cls_kwargs__={'extra': 'forbid'},
        title=(str, ...),
        text=(str, ...),
        tags=(list[str], ...),
        part=(TextDoc, ...),
    )
    with pytest.raises(ValidationError, match=rf'field {field_number("gone")}') as caught:
        reread(strict)
    assert [fault['type'] for fault in caught.value.errors()] == ['extra_forbidden']


def test_a_list_that_may_be_none_now_is_not_taken_for_the_list() -> None:
    assert reread(newer(tags=(list[str] | None, None))).tags is None
    assert reread(newer(part=(DocumentArray[TextDoc] | None, None))).part is None


def test_none_is_told_from_what_is_missing() -> None:
    class Page(BaseDocument):
        n: int | None = 5
        tags: list[str] | None = pydantic.Field(default_factory=lambda: ['x'])
        part: TextDoc | None = pydantic.Field(default_factory=TextDoc)
        pet: Cat | Dog | None = pydantic.Field(default_factory=Cat)
        parts: DocumentArray[TextDoc] | None = pydantic.Field(default_factory=DocumentArray)
        value: Any = 3

    nothing = dict.fromkeys(Page.model_fields)
    page = from_typed(Page, to_typed(Page(**nothing)))
    assert page.__dict__ == nothing
    message = to_typed(page)
    assert list(message.nulls) == ['id', 'n', 'tags', 'part', 'pet', 'parts']
    page = from_typed(Page, type(message)())
    assert page.id
    assert (page.n, page.tags, page.part.text, page.pet.lives, page.value) == (5, ['x'], None, 9, 3)
    array = DocumentArray[Page]([Page(), Page(**nothing), Page()])
    for value in (array, array.stack()):
        assert [list(one.nulls) for one in to_typed(value).documents] == [[], list(message.nulls), []]


# -- programs in other languages ----------------------------------------------------------------------------


def student(**given: Any) -> Student:
    values: dict[str, Any] = {
        'name': 'Ana',
        'picture': ImageDoc(url='a.png', tensor=np.arange(12, dtype='uint8').reshape(2, 2, 3)),
        'pixels': np.arange(12, dtype='uint8').reshape(3, 2, 2),
        'pet': Dog(name='Rex'),
        'cats': [Cat(), Cat(lives=2)],
        'more': [],
        'matrix': [[1], [], [-(2**63)]],
        'vectors': {'b': [np.zeros((2, 0), 'float16')], 'a': [np.float32(3).reshape(())]},
        'marks': [1.5, float('inf')],
        'colour': 'light blue',
        'file': b'\xff\x00',
        'anything': {'x': [1, 2.5, None, 2**70]},
    }
    return Student(**{**values, **given})


def test_messages_go_to_generated_classes_and_back(generated: Any) -> None:
    module = generated(Student)
    document = student(friend=student(pet=None, more=None))
    theirs = module.Student.FromString(to_typed(document).SerializeToString())
    assert theirs.name == 'Ana'
    assert theirs.pet_dog.name == 'Rex'
    assert theirs.WhichOneof('pet') == 'pet_dog'
    assert [cat.lives for cat in theirs.cats] == [9, 2]
    assert theirs.HasField('more')
    assert not theirs.friend.HasField('more')
    assert theirs.matrix.values[2].values == [-(2**63)]
    assert (list(theirs.pixels.shape), theirs.pixels.dtype, theirs.pixels.data) == (
        [3, 2, 2],
        'uint8',
        bytes(range(12)),
    )
    assert theirs.pixels.framework == ''
    assert theirs.picture.tensor.framework == 'numpy'
    for message in (theirs, to_typed(document), module.Student.FromString(theirs.SerializeToString())):
        again = from_typed(Student, message)
        assert strategies.same(again.vectors['a'], document.vectors['a'])
        assert strategies.same(again.pixels, document.pixels)
        assert again == document
        assert again.friend.id == document.friend.id
        assert again.friend.friend is None
    assert document.to_protobuf('typed').SerializeToString(deterministic=True) == theirs.SerializeToString(
        deterministic=True
    )
    assert Student.from_protobuf(theirs) == document


def test_arrays_go_to_generated_classes_and_back(generated: Any) -> None:
    module = generated(Student)
    array = DocumentArray[Student]([student(), student(name='Bob', pet=Cat(), friend=student())])
    for value in (array, array.stack(ragged='list')):
        theirs = module.StudentArray.FromString(to_typed(value).SerializeToString())
        assert [one.name for one in theirs.documents] == ['Ana', 'Bob']
        assert from_typed(DocumentArray[Student], theirs) == array
        stacked = from_typed(DocumentArrayStacked[Student], theirs)
        assert stacked == array.stack(ragged='list')
        assert stacked.pixels.shape == (2, 3, 2, 2)


def test_what_a_client_has_written_by_hand(generated: Any) -> None:
    module = generated(Student)
    theirs = module.Student(
        name='Cy', matrix={'values': [{'values': [1, 2]}]}, pet_cat={}, anything='[1, {}]'
    )
    theirs.picture.SetInParent()
    theirs.pixels.dtype = 'uint8'
    theirs.pixels.shape.extend([3, 1, 1])
    theirs.pixels.data = b'abc'
    document = from_typed(Student, theirs)
    assert (document.name, document.matrix, document.anything) == ('Cy', [[1, 2]], [1, {}])
    assert type(document.pet) is Cat
    assert document.pet.lives == 9
    assert document.id
    assert document.pixels.tolist() == [[[97]], [[98]], [[99]]]
    document.pixels[0] = 1  # its memory is its own
    theirs.colour = 'green'
    with pytest.raises(ValidationError, match='colour'):
        from_typed(Student, theirs)


def test_files_of_two_classes_go_into_one_program(generated: Any) -> None:
    first, second = generated(Student), generated(ImageDoc)
    assert first.Tensor.DESCRIPTOR.full_name != second.Tensor.DESCRIPTOR.full_name
    image = ImageDoc(tensor=np.zeros((2, 2, 3), 'uint8'))
    theirs = first.ImageDoc.FromString(to_typed(image).SerializeToString())
    assert theirs.tensor.shape == [2, 2, 3]
    with pytest.raises(
        FormatError, match=r'ImageDoc: got docarray\.typed\.student\.ImageDoc, wanted a message docarray'
    ):
        from_typed(ImageDoc, theirs)


def test_the_text_needs_no_protobuf() -> None:
    code = (
        'import sys; sys.modules["google.protobuf"] = None\n'
        'from docarray.documents import TextDoc\n'
        'assert "message TextDoc {" in TextDoc.proto_schema()'
    )
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)
