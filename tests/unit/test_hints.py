from __future__ import annotations

import sys
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union

import numpy as np
import numpy.typing as npt
import pydantic
import pytest
from typing_extensions import TypeAliasType

from docarray import BaseDocument, DocumentArray, schema_of
from docarray._hints import alias_of, alias_value, needs_its_name
from docarray.display import to_text
from docarray.lowering import describe, lower, lower_field
from docarray.typing import NdArray
from docarray.typing.shape import Shape

T = TypeVar('T')
U = TypeVar('U')


class Inner(BaseDocument):
    n: int = 0


def statement(name: str, params: str, value: str, **names: Any) -> Any:
    """What ``type name[params] = value`` makes, which Python 3.10 and 3.11 cannot read."""
    space = {**globals(), **names}
    exec(f'type {name}{params} = {value}', space)
    return space[name]


def made(name: str, params: str, value: str, **names: Any) -> Any:
    """The same, by typing_extensions."""
    found = tuple({'T': T, 'U': U}[part] for part in params.strip('[]').split(', ') if part)
    return TypeAliasType(name, eval(value, {**globals(), **names}), type_params=found)


NEW = pytest.param(
    statement, marks=pytest.mark.skipif(sys.version_info < (3, 12), reason='the statement is of Python 3.12')
)


@pytest.fixture(params=[made, NEW])
def alias(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_values_of_aliases(alias: Any) -> None:
    plain = alias('Plain', '', 'list[int] | None')
    swapped = alias('Swapped', '[T, U]', 'tuple[U, list[T], int]')
    assert alias_of(plain) is plain
    assert alias_of(swapped[int, str]) is swapped
    assert alias_of(list[int]) is alias_of(int) is alias_of(Literal['a']) is None
    assert alias_value(plain) == list[int] | None
    assert alias_value(swapped[int, str]) == tuple[str, list[int], int]
    assert alias_value(alias('Same', '[T]', 'T')[int]) is int
    assert alias_value(alias('Chain', '', 'Plain', Plain=plain)) == list[int] | None
    assert alias_value(alias('Half', '[T]', 'X[T, bytes]', X=swapped)[int]) == tuple[bytes, list[int], int]
    assert alias_value(dict[str, int]) == dict[str, int]


def test_which_aliases_need_their_name(alias: Any) -> None:
    twice = alias('Pair', '[T]', 'tuple[T, T]')
    assert not needs_its_name(alias('Deep', '', 'dict[str, X[X[int]]]', X=twice))
    assert not needs_its_name(alias('Words', '', "Annotated[Literal['a'], 'note']"))
    assert needs_its_name(TypeAliasType('Tree', Union[int, list['Tree']]))  # noqa: F821, UP007
    assert needs_its_name(ForwardRef('Tree'))


@pytest.mark.skipif(sys.version_info < (3, 12), reason='the statement is of Python 3.12')
def test_an_alias_that_names_itself_is_json() -> None:
    tree = statement('Tree', '', 'int | list[Tree] | dict[str, Tree] | None')
    assert needs_its_name(tree)
    assert describe(lower(tree)) == 'json?'
    assert describe(lower(list[tree])) == 'list(json)'
    codec = lower(tree).codec
    assert codec is not None
    assert codec.unpack(codec.pack({'a': [1, [2, None]]})) == {'a': [1, [2, None]]}
    page = pydantic.create_model('Page', __base__=BaseDocument, tree=(tree, None))
    rows = DocumentArray[page]([page(tree=[1, [2]]), page(tree={'a': 3}), page()])
    assert rows.stack().unstack() == rows
    assert 'Tree' in to_text(rows.stack())


def test_json_values_of_pydantic() -> None:
    class Page(BaseDocument):
        value: pydantic.JsonValue = None

    codec = lower_field(Page.model_fields['value']).codec
    assert codec is not None
    assert codec.kind.name == 'json'
    assert codec.unpack(codec.pack({'a': [1, None]})) == {'a': [1, None]}
    rows = DocumentArray[Page]([Page(value={'a': [1]}), Page(), Page(value='x')])
    assert rows.stack().unstack() == rows


@pytest.mark.parametrize(
    ('params', 'value', 'args', 'wanted'),
    [
        ('', 'int | None', (), 'int?'),
        ('[T]', 'list[T]', (int,), 'list(int)'),
        ('[T]', 'T | None', (str,), 'str?'),
        ('[T, U]', 'dict[U, list[T]]', (int, str), 'map(list(int))'),
        ('', 'Inner | None', (), 'nested(Inner)?'),
        ('', 'DocumentArray[Inner]', (), 'docs(Inner)'),
        ('[T]', 'list[T]', (Inner,), 'docs(Inner)'),
        ('', "Annotated[NdArray[3], 'note']", (), 'tensor((3,), any)'),
    ],
)
def test_aliases_lower_to_what_they_stand_for(
    alias: Any, params: str, value: str, args: tuple[Any, ...], wanted: str
) -> None:
    named = alias('X', params, value)
    annotation = named[args] if args else named
    assert describe(lower(annotation)) == wanted
    inside = describe(lower(Annotated[annotation, 'note']))
    assert inside == wanted


def test_documents_with_aliases(alias: Any, capsys: pytest.CaptureFixture[str]) -> None:
    maybe, many = alias('Maybe', '[T]', 'T | None'), alias('Many', '', 'DocumentArray[Inner]')
    vector = alias('Vector', '', 'NdArray[2] | None')
    fields: Any = {'one': (maybe[Inner], None), 'many': (many, []), 'vector': (vector, None)}
    page = pydantic.create_model('Page', __base__=BaseDocument, **fields)
    rows = DocumentArray[page](
        [page(one=Inner(n=1), many=[Inner(n=2)], vector=[1.0, 2.0]), page(vector=[3.0, 4.0])]
    )
    stacked = rows.stack()
    assert stacked.vector.shape == (2, 2)
    assert schema_of(page).resolve('one.n')[-1].name == schema_of(page).resolve('many.n')[-1].name == 'n'
    assert stacked.unstack() == rows
    assert DocumentArray[page].from_json(rows.to_json()) == rows
    page.schema_summary()
    out = capsys.readouterr().out
    assert 'one: Maybe[Inner]\n│   ├── id' in out
    assert 'many: Many  (as above)' in out


def test_shapes_of_aliased_arrays(alias: Any) -> None:
    array, named = alias('Array', '', 'np.ndarray | None'), alias('Floats', '', 'npt.NDArray[np.float32]')

    class Page(BaseDocument):
        a: Annotated[array, Shape(2)] = None
        b: Annotated[named, Shape('x')]

    page = Page(b=np.ones(3, np.float32))
    assert (page.a, type(page.b), page.b.dtype) == (None, NdArray, np.float32)
    assert [describe(field.lowered) for field in schema_of(Page).fields.values()][1:] == [
        'tensor((2,), any)?',
        "tensor(('x',), float32)",
    ]
    with pytest.raises(pydantic.ValidationError):
        Page(a=[1.0], b=[1.0])
    assert Shape(3).tensor_class(npt.NDArray[np.float32]) is NdArray[3, 'float32']
