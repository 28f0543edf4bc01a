"""BaseDocument: ids, validation, equality, copies, assignment, and pydantic's own features on it."""

from __future__ import annotations

import copy
import json
import math
from typing import Annotated, Any, Generic, Literal, TypeVar

import numpy as np
import pydantic
import pytest
from pydantic import Field, computed_field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from docarray import AnyDocument, BaseDocument, BaseDocumentWithoutId, DocumentArray
from docarray.errors import DocArrayError, InvalidValueError, ValidationError
from docarray.typing import NdArray

T = TypeVar('T')


class Inner(BaseDocument):
    n: int = 0


class Page(BaseDocument):
    title: str = ''
    embedding: NdArray[3] | None = None
    inner: Inner | None = None
    tags: list[str] = []
    tensors: list[NdArray] = []
    scores: dict[str, float] = {}
    parts: DocumentArray[Inner] = DocumentArray[Inner]()


# -- id -----------------------------------------------------------------------------------------------


def test_ids_are_32_hex_digits_and_differ() -> None:
    one, other = Page(), Page()
    assert one.id != other.id
    assert len(one.id) == 32
    int(one.id, 16)


@pytest.mark.parametrize(('given', 'kept'), [('a', 'a'), (5, '5'), (b'x', 'x'), (None, None)])
def test_ids_are_taken_as_text(given: Any, kept: Any) -> None:
    assert Page(id=given).id == kept


def test_documents_without_id() -> None:
    class Plain(BaseDocumentWithoutId):
        n: int = 0

    assert Plain(n=1) == Plain(n=1) != Plain(n=2)
    assert 'id' not in Plain().model_dump()
    array = DocumentArray[Plain]([Plain(n=1), Plain(n=2)])
    assert array.stack().n == [1, 2]
    assert array.stack().unstack() == array


# -- validation and sharing ---------------------------------------------------------------------------


def test_errors_are_pydantics_and_ours() -> None:
    with pytest.raises(pydantic.ValidationError):
        Page(title=5)
    with pytest.raises(ValueError, match='title'):
        Page(title=5)
    with pytest.raises(ValidationError, match=r'embedding') as caught:
        Page(embedding=[1.0])
    assert caught.value.errors()[0]['loc'] == ('embedding',)
    assert caught.value.causes[0].where == 'Page.embedding'


def test_all_faults_are_listed() -> None:
    with pytest.raises(ValidationError) as caught:
        Page(title=5, tags=5)
    assert caught.value.error_count() == 2


def test_custom_errors_keep_type_and_text() -> None:
    class Strict(BaseDocument):
        n: int

        @field_validator('n')
        @classmethod
        def check(cls, value: int) -> int:
            raise PydanticCustomError('too_odd', 'got {value}', {'value': value})

    with pytest.raises(ValidationError, match='got 5') as caught:
        Strict(n=5)
    assert caught.value.errors()[0]['type'] == 'too_odd'
    assert caught.value.errors()[0]['ctx'] == {'value': 5}


def test_what_is_given_stays_as_it_is() -> None:
    inner, array, parts = Inner(n=1), np.ones(3), DocumentArray[Inner]([Inner()])
    data = {'title': 'x', 'inner': {'n': 5}, 'scores': {'a': 1}}
    kept = copy.deepcopy(data)
    page = Page(embedding=array, inner=inner, parts=parts)
    assert page.inner is inner
    assert page.parts is parts
    assert type(array) is np.ndarray
    assert np.shares_memory(page.embedding, array)
    Page(**data)
    Page.model_validate(data)
    assert data == kept


def test_torch_tensors_keep_their_class() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Doc(BaseDocument):
        t: TorchTensor

    given = torch.ones(3)
    parameter = torch.nn.Parameter(torch.ones(3))
    array = DocumentArray[Doc]([Doc(t=given), Doc(t=parameter)])
    array.stack().t.sum().backward()
    assert type(given) is torch.Tensor
    assert type(parameter) is torch.nn.Parameter
    assert parameter.grad.tolist() == [1, 1, 1]
    assert given.grad is None


# -- assignment ---------------------------------------------------------------------------------------


def test_assignment_is_validated() -> None:
    page = Page(title='a')
    with pytest.raises(ValidationError, match='title'):
        page.title = 5
    assert page.title == 'a'
    page.inner = {'n': '7'}
    assert page.inner.n == 7


class Span(BaseDocument):
    start: int
    stop: int

    @model_validator(mode='after')
    def ordered(self) -> Span:
        if self.start > self.stop:
            raise ValueError('start is after stop')
        return self


def test_a_model_validator_that_refuses_changes_nothing() -> None:
    span = Span(start=1, stop=2)
    with pytest.raises(ValidationError, match='start is after stop'):
        span.start = 3
    assert (span.start, span.stop) == (1, 2)
    span.stop = 9
    span.start = 3
    assert (span.start, span.stop) == (3, 9)


# -- equality, hash, text -----------------------------------------------------------------------------


def test_equality_leaves_ids_out() -> None:
    assert Page(title='a') == Page(title='a')
    assert Page(title='a') != Page(title='b')
    assert Page(inner=Inner(n=1)) == Page(inner=Inner(n=1))
    assert Page(inner=Inner(n=1)) != Page(inner=Inner(n=2))


@pytest.mark.parametrize('other', [None, 5, 'x', [], {}, object(), np.ones(3)])
def test_comparing_with_anything_never_raises(other: Any) -> None:
    assert (Page(embedding=np.ones(3)) == other) is False or isinstance(other, np.ndarray)
    assert Page() != other if not isinstance(other, np.ndarray) else True


def test_tensors_are_compared_by_shape_and_values() -> None:
    def page(*values: float) -> Page:
        return Page(embedding=list(values), tensors=[np.zeros(2), np.ones((1, 2))])

    assert page(1, 2, 3) == page(1, 2, 3)
    assert page(1, 2, 3) != page(1, 2, 4)
    assert page(1, 2, math.nan) == page(1, 2, math.nan)
    assert page(1, 2, 3) != Page()
    assert Page(tensors=[np.zeros(2)]) != Page(tensors=[np.zeros(3)])
    assert Page(tensors=[np.zeros((1, 3))]) != Page(tensors=[np.zeros(3)])


def test_documents_are_unhashable_unless_frozen() -> None:
    with pytest.raises(TypeError, match='unhashable'):
        hash(Page())

    class Key(BaseDocument):
        model_config = {'frozen': True}
        n: int
        s: str = ''

    assert hash(Key(n=1)) == hash(Key(n=1))
    assert len({Key(n=1), Key(n=1), Key(n=2)}) == 2
    view = DocumentArray[Key]([Key(n=1)]).stack()[0]
    assert hash(view) == hash(Key(n=1))
    with pytest.raises(ValidationError, match='frozen'):
        view.n = 2


def test_text_is_short_and_cheap_for_big_tensors() -> None:
    page = Page(tensors=[np.zeros((1000, 1000))], embedding=np.zeros(3), title='x')
    text = repr(page)
    assert 'embedding=NdArray(shape=(3,), dtype=float64)' in text
    assert len(text) < 1000
    assert len(str(page)) < 1000


# -- copies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    'make',
    [copy.copy, lambda page: page.copy(), lambda page: page.model_copy(), lambda page: page.copy(update={})],
)
def test_shallow_copies_share_their_fields(make: Any) -> None:
    page = Page(title='a', inner=Inner(), tags=['x'], embedding=np.ones(3))
    other = make(page)
    assert other == page
    assert other.id == page.id
    assert other.inner is page.inner
    assert other.embedding is page.embedding
    other.title = 'b'
    assert page.title == 'a'


@pytest.mark.parametrize(
    'make', [copy.deepcopy, lambda page: page.copy(deep=True), lambda page: page.model_copy(deep=True)]
)
def test_deep_copies_share_nothing(make: Any) -> None:
    page = Page(inner=Inner(), parts=[Inner(n=1)], embedding=np.ones(3))
    other = make(page)
    other.inner.n = 5
    other.parts[0].n = 5
    other.embedding[0] = 5
    assert (page.inner.n, page.parts[0].n, page.embedding[0]) == (0, 1, 1)


def test_copy_with_update() -> None:
    page = Page(title='a')
    assert page.model_copy(update={'title': 'b'}).title == page.copy(update={'title': 'b'}).title == 'b'
    with pytest.raises(InvalidValueError, match='deep, update'):
        page.copy(include={'title'})


# -- update -------------------------------------------------------------------------------------------


def test_update_takes_over_what_the_other_has() -> None:
    page = Page(
        id='a',
        title='old',
        inner=Inner(n=1),
        tags=['x'],
        scores={'p': 1.0, 'q': 1.0},
        parts=[Inner(id='i', n=1)],
    )
    page.update(
        Page(
            id='b',
            title='new',
            inner=Inner(n=2),
            tags=['y'],
            scores={'q': 2.0},
            parts=[{'id': 'i', 'n': 3}, {'id': 'j', 'n': 4}],
        )
    )
    assert (page.id, page.title, page.inner.n, page.tags) == ('a', 'new', 2, ['x', 'y'])
    assert page.scores == {'p': 1.0, 'q': 2.0}
    assert [(part.id, part.n) for part in page.parts] == [('i', 3), ('j', 4)]


def test_update_with_none_on_either_side() -> None:
    page, full = Page(title='a'), Page(inner=Inner(n=1), embedding=np.ones(3))
    page.update(full)
    assert page.inner.n == 1
    page.update(Page(title='b'))
    assert page.inner.n == 1
    assert page.embedding.tolist() == [1, 1, 1]


def test_update_needs_the_same_fields() -> None:
    with pytest.raises(InvalidValueError, match='wanted a Page'):
        Page().update(Inner())


# -- pydantic's features ------------------------------------------------------------------------------


class Featured(BaseDocument):
    model_config = {'populate_by_name': True}

    size: int = Field(alias='Size', ge=0)
    raw: str = Field('r', validation_alias='in', serialization_alias='out')
    fixed: int = Field(1, frozen=True)
    _secret: int = pydantic.PrivateAttr(default=7)

    @field_validator('size', mode='before')
    @classmethod
    def stripped(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value

    @field_validator('size')
    @classmethod
    def even(cls, value: int) -> int:
        if value % 2:
            raise ValueError('odd')
        return value

    @computed_field
    @property
    def double(self) -> int:
        return 2 * self.size

    @property
    def half(self) -> int:
        return self.size // 2

    @half.setter
    def half(self, value: int) -> None:
        self.size = 2 * value


def test_features_hold_for_rows_and_columns_alike() -> None:
    array = DocumentArray[Featured]([Featured(Size=' 2 '), Featured(size=4, **{'in': 'x'})])
    stacked = array.stack()
    for one in (array, list(stacked), stacked.unstack()):
        assert [row.size for row in one] == [2, 4]
        assert [row.double for row in one] == [4, 8]
        assert one[1].model_dump(by_alias=True, exclude={'id'}) == {
            'Size': 4,
            'out': 'x',
            'fixed': 1,
            'double': 8,
        }
        assert one[0]._secret == 7
    for setting in (lambda: setattr(stacked[0], 'size', 3), lambda: setattr(stacked, 'size', [2, 3])):
        with pytest.raises(ValidationError, match='odd'):
            setting()
    for setting in (lambda: setattr(stacked[0], 'fixed', 3), lambda: setattr(stacked, 'fixed', [2, 3])):
        with pytest.raises(ValidationError, match='frozen'):
            setting()
    stacked[0].size = ' 8 '
    stacked[1].half = 5
    assert stacked.size == [8, 10]
    stacked.size = [' 6 ', 12]
    assert stacked.size == [6, 12]


def test_private_attributes_of_a_row_cannot_be_set_in_silence() -> None:
    view = DocumentArray[Featured]([Featured(size=2)]).stack()[0]
    with pytest.raises(NotImplementedError, match='only fields have columns'):
        view._secret = 8


def test_generic_documents() -> None:
    class Box(BaseDocument, Generic[T]):
        value: T

    array = DocumentArray[Box[int]]([Box[int](value=1)])
    assert array.stack().value == [1]
    with pytest.raises(ValidationError):
        Box[int](value='x')


def test_extra_fields_are_kept_or_refused_never_lost() -> None:
    class Open(BaseDocument):
        model_config = {'extra': 'allow'}
        n: int = 0

    class Holder(BaseDocument):
        one: Open = Open()

    assert Open(more=1) == Open(more=1) != Open(more=2)
    assert DocumentArray[Open]([Open(n=1)]).stack().n == [1]
    stacked = DocumentArray[Open]([Open(n=1)]).stack()
    for refused in (
        lambda: DocumentArray[Open]([Open(n=1, more=5)]).stack(),
        lambda: DocumentArray[Holder]([Holder(one=Open(more=5))]).stack(),
        lambda: stacked.__setitem__(0, Open(more=5)),
    ):
        with pytest.raises(DocArrayError, match='more'):
            refused()
    with pytest.raises(DocArrayError):
        stacked[0].more = 5


def test_documents_of_any_fields() -> None:
    class Holder(BaseDocument):
        one: AnyDocument
        many: DocumentArray = DocumentArray()

    assert AnyDocument(a=1) == AnyDocument(a=1) != AnyDocument(a=2)
    holder = Holder(one=AnyDocument(a=1), many=[Inner(n=4), AnyDocument(b=2)])
    back = DocumentArray[Holder]([holder]).stack().unstack()[0]
    assert back == holder
    assert back.one.a == 1
    assert back.many[0].n == 4


def test_fields_of_a_subclass_are_never_lost() -> None:
    class More(Inner):
        m: int = 1

    class Same(Inner):
        def twice(self) -> int:
            return 2 * self.n

    array = DocumentArray[Inner]([Inner(), More()])
    assert type(array[1]) is More
    with pytest.raises(DocArrayError, match="More documents with more fields: \\['m'\\]"):
        array.stack()
    with pytest.raises(DocArrayError, match='more fields'):
        DocumentArray[Page]([Page(inner=More())]).stack()
    assert DocumentArray[Inner]([Same(n=3)]).stack().n == [3]


class Cat(BaseDocument):
    kind: Literal['cat'] = 'cat'
    lives: int = 9


class Dog(BaseDocument):
    kind: Literal['dog'] = 'dog'
    name: str = ''


class Owner(BaseDocument):
    pet: Annotated[Cat | Dog, Field(discriminator='kind')]


def test_discriminated_unions() -> None:
    array = DocumentArray[Owner](
        [Owner(pet={'kind': 'dog', 'name': 'rex'}), Owner(pet=Cat(lives=3)), Owner(pet=Dog())]
    )
    stacked = array.stack()
    assert stacked.unstack() == array
    assert [type(row.pet).__name__ for row in stacked] == ['Dog', 'Cat', 'Dog']
    stacked[0].pet.name = 'max'
    stacked[1].pet = Dog(name='new')
    assert [row.pet.name for row in stacked] == ['max', 'new', '']
    assert [row.pet.name for row in stacked[::-1]] == ['', 'new', 'max']
    stacked.pet = [Cat(), Cat(), {'kind': 'cat', 'lives': 1}]
    assert [row.pet.lives for row in stacked] == [9, 9, 1]
    with pytest.raises(ValidationError):
        stacked[0].pet = {'kind': 'cow'}


def test_documents_that_were_not_validated() -> None:
    made = DocumentArray[Page]([Page.model_construct(title='x')]).stack()
    assert made[0].title == 'x'
    page = Page().model_copy(update={'title': 'kept'})
    assert DocumentArray[Page]([page]).stack().title == ['kept']


def test_pydantic_1_names() -> None:
    page = Page(title='a')
    assert page.dict() == page.model_dump()
    assert page.json() == page.model_dump_json() == page.to_json()
    assert Page.from_json(page.to_json()) == page
    with pytest.raises(ValidationError):
        Page.from_json('{')
    assert page.is_view() is False


def test_names_that_programs_for_earlier_versions_rely_on() -> None:
    class Page(BaseDocument):
        n: int | None = None
        parts: list[str] = []

    assert Page._get_field_annotation('n') is int
    assert Page._get_field_type('parts') == list[str]
    assert Page._get_field_inner_type('parts') is str
    assert Page._get_field_inner_type('n') is int


def test_tensors_in_extra_fields_are_written_wherever_they_are() -> None:
    document = AnyDocument(a=np.ones(2), b=[np.zeros(1), 'x'], c={'d': np.ones(1)}, e=(1, 2))
    wanted = {'a': [1.0, 1.0], 'b': [[0.0], 'x'], 'c': {'d': [1.0]}, 'e': [1, 2]}
    for text in (document.model_dump_json(exclude={'id'}), document.to_json()):
        assert {name: value for name, value in json.loads(text).items() if name != 'id'} == wanted
    written = document.model_dump(mode='json')
    assert {name: written[name] for name in wanted} == wanted
    assert type(document.model_dump()['a']) is np.ndarray
    assert type(document.b[0]) is np.ndarray
