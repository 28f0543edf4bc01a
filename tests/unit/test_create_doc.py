"""Document classes made at run time."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pydantic
import pytest
from pydantic import field_validator
from typing_extensions import NotRequired, ReadOnly, TypedDict

from docarray import BaseDocument, DocumentArray
from docarray.documents import TextDoc
from docarray.documents.helper import create_doc, create_doc_from_dict, create_doc_from_typeddict
from docarray.errors import InvalidValueError, SchemaError
from docarray.schema import schema_of
from docarray.typing import NdArray


def test_fields_with_and_without_default() -> None:
    Song = create_doc('Song', title=(str, ...), year=(int, 1999), vector=NdArray[2])
    song = Song(title='x', vector=[1, 2])
    assert issubclass(Song, BaseDocument)
    assert (Song.__name__, song.year, song.vector.shape) == ('Song', 1999, (2,))
    assert Song.from_json(song.to_json()) == song
    with pytest.raises(pydantic.ValidationError):
        Song(title='x')


def test_base_class_module_and_class_keywords() -> None:
    Note = create_doc(
        'Note',
        __base__=TextDoc,
        __module__='elsewhere',
        __cls_kwargs__={'tensors': 'base64'},
        stars=(int, 0),
    )
    note = Note('x', embedding=[1.0])
    assert note == 'x'
    assert Note.__module__ == 'elsewhere'
    assert '"dtype":"float64"' in note.to_json()


def test_configuration_is_merged() -> None:
    Open = create_doc('Open', __config__={'extra': 'allow'}, a=(int, 1))
    assert Open(b=np.ones(2)).to_json().endswith('"a":1,"b":[1.0,1.0]}')
    with pytest.raises(pydantic.ValidationError):
        Open(a=1).a = 'no'  # what the base class says holds still: assignments are validated


def test_validators() -> None:
    def positive(cls: Any, value: int) -> int:
        if value <= 0:
            raise ValueError('not positive')
        return value

    Count = create_doc('Count', __validators__={'check': field_validator('n')(positive)}, n=(int, ...))
    assert Count(n=1).n == 1
    with pytest.raises(pydantic.ValidationError, match='not positive'):
        Count(n=0)


@pytest.mark.parametrize('base', [int, pydantic.BaseModel, 'BaseDocument'])
def test_base_must_be_a_document_class(base: Any) -> None:
    with pytest.raises(SchemaError, match='document class'):
        create_doc('X', __base__=base)


def test_example_gives_the_types_of_its_values() -> None:
    example = {
        'i': 0,
        's': '',
        'b': False,
        'f': 0.0,
        'l': [],
        'd': {},
        'n': None,
        'a': np.zeros(0),
        't': TextDoc('x'),
        'raw': b'',
    }
    Made = create_doc_from_dict('Made', example)
    found = {name: field.annotation for name, field in Made.model_fields.items() if name != 'id'}
    assert found == {
        'i': int,
        's': str,
        'b': bool,
        'f': float,
        'l': list,
        'd': dict,
        'n': Any,
        'a': NdArray,
        't': TextDoc,
        'raw': bytes,
    }
    made = Made(**example)
    assert made.n is None
    assert [column.codec.kind.name for column in schema_of(Made).columns][1:5] == [
        'int',
        'str',
        'bool',
        'float',
    ]
    with pytest.raises(pydantic.ValidationError):
        Made(**{**example, 'i': 'x'})
    with pytest.raises(pydantic.ValidationError):
        Made()


def test_example_with_a_torch_tensor() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    Made = create_doc_from_dict('Made', {'x': torch.zeros(2)})
    assert Made.model_fields['x'].annotation is TorchTensor


def test_an_empty_example_is_refused() -> None:
    with pytest.raises(InvalidValueError, match='at least one item'):
        create_doc_from_dict('X', {})


class Film(TypedDict):
    title: ReadOnly[str]
    vector: NdArray[2]
    year: NotRequired[int]


class LongFilm(Film, total=False):
    minutes: int | None


def test_typed_dict() -> None:
    Made = create_doc_from_typeddict(LongFilm)
    film = Made(title='x', vector=[1, 2])
    assert (Made.__name__, film.year, film.minutes) == ('LongFilm', None, None)
    assert Made.__module__ == __name__
    assert DocumentArray[Made]([film]).stack().vector.shape == (1, 2)
    with pytest.raises(pydantic.ValidationError):
        Made(vector=[1, 2])
    with pytest.raises(pydantic.ValidationError):
        Made(title='x', vector=[1, 2], year='no')


def test_typed_dict_on_another_base() -> None:
    assert create_doc_from_typeddict(Film, __base__=TextDoc)('t', title='x', vector=[1, 2]) == 't'


def test_other_classes_are_no_typed_dicts() -> None:
    with pytest.raises(SchemaError, match='TypedDict'):
        create_doc_from_typeddict(dict)


def test_made_classes_pickle() -> None:
    made = create_doc('Local', x=(int, 1))(x=2)
    back = pickle.loads(pickle.dumps(made))
    assert (type(back).__name__, back.x) == ('Local', 2)


@pytest.mark.parametrize('name', ['a\0b', 'a\ud800', 3])
def test_a_name_that_no_class_can_have_is_refused(name: Any) -> None:
    with pytest.raises(SchemaError, match='name'):
        create_doc(name, n=(int, 1))
