"""Preprocessing plans: what a path reaches, what is copied for it, and what errors say. No torch needed."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from functools import partial
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, PrivateAttr, field_validator

from docarray import AnyDocument, BaseDocument, BaseDocumentWithoutId, DocumentArray
from docarray.data.plan import Plan
from docarray.errors import DocArrayError, InvalidValueError, PathError, PreprocessError
from docarray.frameworks import get_framework
from docarray.schema import schema_of
from docarray.typing import AnyTensor, ImageNdArray, NdArray


class Title(BaseDocument):
    text: str
    embedding: NdArray[3] | None = None


class Thesis(BaseDocument):
    title: Title | None
    tags: list[str] = []
    image: ImageNdArray[2, 2]


class Student(BaseDocument):
    name: str
    age: int = 20
    thesis: Thesis
    pages: DocumentArray[Title] = DocumentArray[Title]()
    drafts: list[Thesis] = []
    anything: Any = None
    tensor: AnyTensor | None = None


def student(**fields: Any) -> Student:
    thesis = Thesis(title=Title(text='on bees'), tags=['a'], image=np.zeros((2, 2)))
    given = {'name': 'Ann', 'thesis': thesis, 'pages': [Title(text='p1'), Title(text='p2')], **fields}
    return Student(**given)


def apply(functions: Any, document: Any = None, index: int = 0) -> Any:
    document = student() if document is None else document
    return Plan(schema_of(type(document)), functions).apply(document, index)


def add_one(array: Any) -> None:
    array += 1


# ------------------------------------------------------------------------------------------- results


def test_returned_values_replace_and_none_means_in_place() -> None:
    made = apply({'name': str.upper, 'thesis.image': add_one, 'age': lambda age: age + 1})
    assert (made.name, made.age) == ('ANN', 21)
    assert made.thesis.image.tolist() == [[1, 1], [1, 1]]
    assert type(made.thesis.image) is ImageNdArray


@pytest.mark.parametrize(
    ('path', 'value'), [('age', 0), ('name', ''), ('pages', []), ('thesis.image', np.zeros((2, 2)))]
)
def test_falsy_values_and_arrays_are_values(path: str, value: Any) -> None:
    made = apply({path: lambda old: value})
    for name in path.split('.'):
        made = getattr(made, name)
    assert np.array_equal(made, value)


def test_functions_run_in_the_order_of_the_dict() -> None:
    assert apply({'': lambda d: setattr(d, 'name', d.name + '1'), 'name': lambda n: n + '2'}).name == 'Ann12'
    assert apply({'name': lambda n: n + '2', '': lambda d: setattr(d, 'name', d.name + '1')}).name == 'Ann21'


def test_dots_and_double_underscores_are_the_same() -> None:
    for path in ('thesis.title.text', 'thesis__title__text', 'thesis.title__text'):
        assert apply({path: str.upper}).thesis.title.text == 'ON BEES'


def test_both_spellings_of_one_path_run_both() -> None:
    made = apply(
        {
            'thesis.title': lambda t: setattr(t, 'text', 'x'),
            'thesis__title': lambda t: setattr(t, 'text', t.text + 'y'),
        }
    )
    assert made.thesis.title.text == 'xy'


def test_each_document_of_an_array_is_given_in_turn() -> None:
    source = student(drafts=[student().thesis, student().thesis])
    made = apply({'pages.text': str.upper, 'drafts.title.text': str.upper}, source)
    assert [page.text for page in made.pages] == ['P1', 'P2']
    assert type(made.pages) is type(source.pages)
    assert [draft.title.text for draft in made.drafts] == ['ON BEES'] * 2
    assert [page.text for page in source.pages] == ['p1', 'p2']


def test_an_array_itself_can_be_given() -> None:
    source = student()
    made = apply({'pages': lambda pages: pages.append(Title(text='p3'))}, source)
    assert (len(made.pages), len(source.pages)) == (3, 2)


def test_none_is_skipped_on_the_way_and_at_the_end() -> None:
    calls: list[Any] = []
    source = student(thesis=Thesis(title=None, image=np.zeros((2, 2))))
    made = apply(
        {'thesis.title.text': calls.append, 'thesis.title': calls.append, 'tensor': calls.append}, source
    )
    assert calls == []
    assert made.thesis.title is None


def test_the_document_can_be_replaced() -> None:
    other = student(name='Bob')
    made = apply({'': lambda old: other, 'name': str.upper, 'thesis.image': add_one})
    assert made.name == 'BOB'
    assert other.name == 'Bob'
    assert other.thesis.image.sum() == 0


def test_functions_are_given_the_classes_that_fields_declare() -> None:
    seen: list[Any] = []
    apply(
        {
            'thesis.image': lambda v: seen.append(type(v)),
            'thesis': lambda v: seen.append(type(v)),
            '': lambda v: seen.append(type(v)),
        }
    )
    assert seen == [ImageNdArray, Thesis, Student]


def test_what_was_set_counts_as_set() -> None:
    assert 'age' in apply({'age': lambda age: 30}).model_dump(exclude_unset=True)


# ------------------------------------------------------------------------------------ copy on write


def test_what_no_function_reaches_is_shared() -> None:
    source = student()
    made = apply({'name': str.upper}, source)
    assert made is not source
    assert made.thesis is source.thesis
    made = apply({'thesis.title': lambda t: setattr(t, 'text', 'x')}, source)
    assert made.thesis.image is source.thesis.image
    assert made.thesis.tags is source.thesis.tags
    assert made.thesis.title is not source.thesis.title


def test_everything_below_a_document_can_be_changed() -> None:
    shared = {'list': [np.zeros(2)]}
    source = student(anything=shared, tensor=np.zeros(2))
    before = copy.deepcopy(source)

    def wreck(document: Student) -> None:
        document.thesis.image += 1
        document.thesis.tags.append('b')
        document.thesis.title.text = 'gone'
        document.pages[0].text = 'gone'
        document.pages.pop()
        document.anything['list'][0] += 1
        document.anything['new'] = 1
        document.tensor += 1

    made = apply({'': wreck}, source)
    assert source == before
    assert made.thesis.tags == ['a', 'b']
    assert made.anything['list'][0].tolist() == [1, 1]
    assert len(made.pages) == 1


def test_later_functions_never_write_what_earlier_ones_returned() -> None:
    constant = np.zeros((2, 2))
    made = apply({'thesis.image': lambda old: constant, 'thesis': lambda thesis: add_one(thesis.image)})
    assert made.thesis.image.sum() == 4
    assert constant.sum() == 0


def test_a_value_that_stands_in_two_places_stays_one_for_a_function() -> None:
    array = np.zeros(2)
    made = apply({'anything': lambda pair: add_one(pair[0])}, student(anything=[array, array]))
    assert made.anything[0] is made.anything[1]
    assert array.sum() == 0


def test_values_that_hold_themselves() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    made = apply({'': lambda d: d.anything.append(2)}, student(anything=loop))
    assert made.anything[1] is made.anything
    assert len(loop) == 2


class Loose(BaseDocument):
    model_config = ConfigDict(extra='allow')
    n: int = 0
    _notes: list[str] = PrivateAttr(default_factory=list)

    def model_post_init(self, context: Any) -> None:
        self._notes.append('made')


def test_extra_and_private_values_come_along_and_are_copied() -> None:
    source = Loose(more=[1])
    made = apply({'': lambda d: (d.more.append(2), d._notes.append('seen')) and None}, source)
    assert (made.more, made._notes) == ([1, 2], ['made', 'seen'])
    assert (source.more, source._notes) == ([1], ['made'])


def test_rows_of_columns_are_copied() -> None:
    stacked = DocumentArray[Title]([Title(text='a', embedding=np.zeros(3))]).stack()
    made = apply({'embedding': add_one, 'text': str.upper}, stacked[0])
    assert not made.is_view()
    assert (made.text, made.embedding.tolist()) == ('A', [1, 1, 1])
    assert (stacked.text, stacked.embedding.sum()) == (['a'], 0)


@pytest.mark.parametrize('name', ['jax', 'tensorflow'])
def test_tensors_that_never_change_are_shared_but_not_their_wrappers(name: str) -> None:
    pytest.importorskip(name)
    native = get_framework(name).from_numpy(np.zeros(2, np.float32))
    source = student(tensor=native)

    def replace(tensor: Any) -> None:
        assert tensor.tensor is source.tensor.tensor
        tensor[0] = 5

    made = apply({'tensor': replace}, source)
    assert np.asarray(made.tensor).tolist() == [5, 0]
    assert np.asarray(source.tensor).tolist() == [0, 0]


class Tree(BaseDocument):
    text: str
    children: DocumentArray[Tree] = []
    parent: Tree | None = None


def trees(depth: int) -> Any:
    leaf = st.builds(Tree, text=st.text(max_size=3))
    return st.recursive(
        leaf,
        lambda inner: st.builds(Tree, text=st.text(max_size=3), children=st.lists(inner, max_size=3)),
        max_leaves=depth,
    )


@given(trees(8), st.permutations(['text', 'children.text', 'children.children', '']))
def test_sources_never_change(tree: Tree, paths: list[str]) -> None:
    before = tree.model_dump_json()

    def change(value: Any) -> Any:
        if isinstance(value, str):
            return value + '!'
        if isinstance(value, list):
            return value.reverse()
        value.text, value.children = value.text + '?', [*value.children, Tree(text='new')]
        return None

    made = apply(dict.fromkeys(paths, change), tree)
    assert tree.model_dump_json() == before
    assert made.text == ''.join([tree.text, *({'': '?', 'text': '!'}.get(path, '') for path in paths)])


def test_a_document_inside_its_own_class() -> None:
    source = Tree(text='a', parent=Tree(text='b'))
    made = apply(
        {'parent.text': str.upper, 'parent': lambda tree: setattr(tree, 'text', tree.text + '!')}, source
    )
    assert (made.parent.text, source.parent.text) == ('B!', 'b')


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    'path',
    ['nam', 'thesis.titel', 'name.x', 'thesis.', '.thesis', '__class__', 'thesis.__class__', '__dict__',
     'model_dump', 'thesis.model_dump', '_private', 'thesis..title', ' ', 'pages.0', 3, None],
)  # fmt: skip
def test_unknown_paths_are_refused_at_once(path: Any) -> None:
    with pytest.raises(PathError) as caught:
        apply({path: str})
    assert repr(path) in str(caught.value)


def test_an_unknown_path_says_what_there_is() -> None:
    with pytest.raises(PathError, match=r"'thesis.titel'.*of Thesis.*id, title, tags, image.*mean 'title'"):
        apply({'thesis.titel': str})


@pytest.mark.parametrize('functions', [{'name': 3}, {'name': None}, {'name': 'upper'}, ['name'], 'name'])
def test_what_is_no_function_is_refused_at_once(functions: Any) -> None:
    with pytest.raises(InvalidValueError, match='preprocessing'):
        apply(functions)


def fail(value: Any) -> Any:
    raise KeyError('no such word')


@pytest.mark.parametrize('path', ['name', 'thesis.title', 'pages.text', ''])
def test_an_error_names_document_path_and_function(path: str) -> None:
    source = student(id='s7')
    with pytest.raises(PreprocessError) as caught:
        apply({path: partial(fail)}, source, index=7)
    text = str(caught.value)
    for part in (f'Student{path and "."}{path} of document 7', 's7', 'fail', "KeyError('no such word')"):
        assert part in text
    assert isinstance(caught.value.__cause__, KeyError)
    assert isinstance(caught.value, RuntimeError)


def test_values_that_do_not_fit_say_what_to_do() -> None:
    with pytest.raises(PreprocessError) as caught:
        apply({'thesis.title': lambda title: np.zeros(3)}, index=2)
    text = str(caught.value)
    for part in (
        'Student.thesis.title of document 2',
        'ndarray',
        'Declare a field for it in Thesis',
        "'thesis'",
    ):
        assert part in text
    with pytest.raises(PreprocessError, match='Declare a field'):
        apply({'thesis.image': lambda image: np.zeros((3, 3))})
    with pytest.raises(PreprocessError, match='a Student, or None'):
        apply({'': lambda document: 3})


class Careful(BaseDocument):
    n: Annotated[int, Field(ge=0)]
    name: str = ''

    @field_validator('name')
    @classmethod
    def strip(cls, name: str) -> str:
        return name.strip()


def test_constraints_and_validators_of_the_field_hold() -> None:
    with pytest.raises(PreprocessError, match='greater than or equal to 0'):
        apply({'n': lambda n: -1}, Careful(n=0))
    assert apply({'name': lambda name: ' x '}, Careful(n=0)).name == 'x'


class Pair(BaseDocument):
    left: NdArray['h',]  # noqa: F821, UP037
    right: NdArray['h',]  # noqa: F821, UP037


def test_fields_that_share_an_axis_change_one_after_the_other() -> None:
    made = apply(
        {'left': lambda t: t[:1], 'right': lambda t: t[:1]}, Pair(left=np.zeros(2), right=np.zeros(2))
    )
    assert (made.left.shape, made.right.shape) == ((1,), (1,))


def test_an_error_whose_text_fails_is_still_reported() -> None:
    class Broken(Exception):
        def __repr__(self) -> str:
            raise ValueError

    def function(value: Any) -> None:
        raise Broken

    with pytest.raises(PreprocessError, match='Broken'):
        apply({'name': function})


def test_interrupts_pass_through() -> None:
    def stop(value: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply({'name': stop})


def test_a_preprocess_error_can_be_pickled() -> None:
    with pytest.raises(DocArrayError) as caught:
        apply({'name': fail})
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_documents_without_id_are_named_by_their_place() -> None:
    class Point(BaseDocumentWithoutId):
        x: int

    with pytest.raises(PreprocessError, match=r'Point\.x of document 4: '):
        apply({'x': fail}, Point(x=1), index=4)


# ------------------------------------------------------------------------------------------ pickling


@pytest.mark.parametrize(
    'function', [str.upper, len, lambda text: text * 2, partial(lambda a, b: b + a, 'x'), np.sqrt]
)
def test_functions_of_all_kinds_can_be_pickled(function: Any) -> None:
    plan = pickle.loads(pickle.dumps(Plan(schema_of(Title), {'text': function})))
    restored = plan.preprocessing['text']
    assert restored is function if function in (len, np.sqrt) else callable(restored)
    assert copy.deepcopy(plan) is plan


def test_a_plan_needs_no_torch() -> None:
    code = 'import sys, docarray.data.plan; assert not {"torch", "tensorflow", "jax"} & set(sys.modules)'
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)


def test_documents_without_schema_have_only_their_id() -> None:
    with pytest.raises(PathError):
        apply({'title': str}, AnyDocument(title='x'))
