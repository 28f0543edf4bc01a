"""Errors: what they are caught as, what they say, and that they travel."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pydantic
import pydantic_core
import pytest

from docarray import BaseDocument, errors
from docarray.errors import DocArrayError, ValidationError, show
from docarray.typing import ImageUrl, NdArray

CLASSES = [getattr(errors, name) for name in errors.__all__ if name != 'show']


class Inner(BaseDocument):
    n: int


class Page(BaseDocument):
    inner: Inner
    tags: list[int] = []


def fault() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Page(inner={'n': 'x'}, tags=[1, 'y'])
    return caught.value


@pytest.mark.parametrize('cls', [cls for cls in CLASSES if cls is not ValidationError])
def test_every_error_says_where_what_and_what_to_do(cls: Any) -> None:
    error = cls(where='Page.n', got='-1', wanted='an int >= 0', hint='Count from 0.')
    assert str(error) == 'Page.n: got -1, wanted an int >= 0. Count from 0.'
    assert str(cls('whole text')) == 'whole text'
    assert str(cls(got='x').at('there').at('elsewhere')) == 'there: got x'
    assert isinstance(error, DocArrayError)
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert (type(other), str(other), other.hint) == (cls, str(error), error.hint)


def test_codes_are_distinct() -> None:
    assert len({cls.code for cls in CLASSES}) == len(CLASSES)


@pytest.mark.parametrize(
    ('cls', 'base'),
    [
        (errors.SchemaError, TypeError),
        (errors.PathError, AttributeError),
        (errors.PathError, ValueError),
        (errors.MissingExtraError, ImportError),
        (errors.ShapeError, ValueError),
        (errors.StackError, errors.InvalidValueError),
        (errors.FetchTimeoutError, TimeoutError),
        (errors.MissingFileError, FileNotFoundError),
        (errors.UnsupportedError, NotImplementedError),
        (errors.ValidationError, pydantic.ValidationError),
        (errors.ValidationError, ValueError),
    ],
)
def test_errors_are_caught_as_what_python_calls_them(cls: Any, base: Any) -> None:
    assert issubclass(cls, base)


def test_validation_errors_are_pydantics() -> None:
    ours = fault()
    assert [line['loc'] for line in ours.errors()] == [('inner', 'n'), ('tags', 1)]
    assert ours.title == 'Page'
    assert '2 validation errors for Page' in str(ours)
    assert ours.json()
    back = pickle.loads(pickle.dumps(ours))
    assert (type(back), str(back), back.errors()) == (ValidationError, str(ours), ours.errors())


def test_a_row_can_be_added_to_a_validation_error() -> None:
    found = ValidationError.of(fault(), row=3)
    assert found.title == 'Page (row 3)'
    assert found.errors()[0]['loc'] == ('inner', 'n')
    assert ValidationError.of(found) is found


def test_the_type_of_a_fault_is_the_code_of_the_error_behind_it() -> None:
    class Picture(BaseDocument):
        pixels: NdArray[2]
        link: ImageUrl
        n: int
        even: int

        @pydantic.field_validator('even')
        @classmethod
        def is_even(cls, value: int) -> int:
            if value % 2:
                raise pydantic_core.PydanticCustomError('odd', 'not even: {n} {x}', {'n': value})
            return value

    with pytest.raises(ValidationError) as caught:
        Picture(pixels=[1, 2, 3], link='a.txt', n='{x}', even=1)
    error = caught.value
    for found in (error, pickle.loads(pickle.dumps(error)), ValidationError.of(error, row=2)):
        faults = found.errors()
        assert [one['type'] for one in faults] == ['tensor_shape', 'invalid_value', 'int_parsing', 'odd']
        assert [type(cause) for cause in found.causes] == [errors.ShapeError, errors.InvalidValueError]
        assert (
            faults[0]['msg']
            == str(faults[0]['ctx']['error'])
            == 'Picture.pixels: got shape (3,), wanted (2,)'
        )
        assert faults[3]['msg'] == 'not even: 1 {x}'
        assert 'tensor_shape' in str(found)
        assert 'wanted (2,)' in found.json()


def test_the_paths_of_faults_can_be_put_inside_of_another() -> None:
    assert [one['loc'] for one in ValidationError.of(fault(), inside=(7,)).errors()] == [
        (7, 'inner', 'n'),
        (7, 'tags', 1),
    ]


def test_show_is_cut_and_never_fails() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError('no')

    assert len(show('x' * 1000)) == 80
    assert show(Broken()) == '<Broken whose repr failed: RuntimeError>'
    assert '\n' not in show('a\nb', 10)
