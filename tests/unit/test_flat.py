"""Documents as flat columns, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray
from docarray.batch import Batch
from docarray.errors import InvalidValueError, KindError, SchemaError, StackError, ValidationError
from docarray.formats.building import batch_of
from docarray.formats.tables.documents import documents_of
from docarray.formats.tables.flat import flat_cells, flat_columns, known_paths
from docarray.schema import schema_of
from tests.unit.strategies import document_types, same


class Maker(BaseDocumentWithoutId):
    name: str | None = None
    born: int | None = None


class Frame(BaseDocumentWithoutId):
    wood: str = 'oak'
    maker: Maker | None = None


class Artwork(BaseDocument):
    title: str
    frame: Frame
    old_frame: Frame | None = None
    spare: Frame = Frame(wood='pine')
    sloppy: int = None  # type: ignore[assignment]  # as people write it


def columns(documents: list[Any], stacked: bool = False) -> dict[str, list[Any]]:
    array = DocumentArray[type(documents[0])](documents)
    return {
        cells.column.path: cells.own() for cells in flat_cells(batch_of(array.stack() if stacked else array))
    }


def there_and_back(documents: list[Any], stacked: bool = False) -> list[Any]:
    return documents_of(schema_of(type(documents[0])), columns(documents, stacked), len(documents))


def test_the_names_of_the_columns() -> None:
    assert list(flat_columns(schema_of(Artwork))) == [
        'id',
        'title',
        'frame',
        *('frame__wood', 'frame__maker', 'frame__maker__name', 'frame__maker__born'),
        'old_frame',
        *('old_frame__wood', 'old_frame__maker', 'old_frame__maker__name', 'old_frame__maker__born'),
        'spare',
        *('spare__wood', 'spare__maker', 'spare__maker__name', 'spare__maker__born'),
        'sloppy',
    ]


@pytest.mark.parametrize('stacked', [False, True])
def test_a_mark_only_where_blank_columns_would_hide_a_document(stacked: bool) -> None:
    plain = Artwork(title='a', frame=Frame(), old_frame=Frame(maker=Maker(born=1)))
    assert not {'frame', 'old_frame', 'frame__maker'} & columns([plain], stacked).keys()
    blank = Artwork(title='a', frame=Frame(wood='', maker=Maker()), old_frame=Frame(wood=''))
    found = columns([plain, blank], stacked)
    assert found['frame__maker'] == [None, {}]
    assert found['old_frame'] == [None, {}]
    assert 'frame' not in found  # which is always there


@pytest.mark.parametrize('stacked', [False, True])
def test_blank_missing_and_default_documents_are_told_apart(stacked: bool) -> None:
    documents = [
        Artwork(title='a', frame=Frame()),
        Artwork(title='', frame=Frame(wood=''), old_frame=Frame(wood=''), spare=Frame(wood='')),
        Artwork(title='b', frame=Frame(maker=Maker()), old_frame=Frame(maker=Maker(name='')), sloppy=3),
    ]
    assert all(map(same, documents, there_and_back(documents, stacked)))


def test_missing_columns_take_defaults_and_none_is_a_value() -> None:
    schema = schema_of(Artwork)
    (made,) = documents_of(schema, {'title': ['a'], 'frame__wood': ['elm']}, 1)
    assert (made.old_frame, made.spare.wood, made.frame.maker) == (None, 'pine', None)
    given = {'title': ['a', 'b'], 'frame': [{}, {}], 'spare__wood': [None, 'fir'], 'id': [None, 'x']}
    first, second = documents_of(schema, given, 2)
    assert (first.spare.wood, second.spare.wood) == ('pine', 'fir')
    assert (first.id, second.id) == (None, 'x')


def test_a_whole_document_in_its_column() -> None:
    given: dict[str, list[Any]] = {
        'title': ['a', 'b', 'c'],
        'frame': [{'wood': 'elm', 'maker': {'name': 'x'}}, Frame(wood='fir'), {'wood': 'elm'}],
        'frame__wood': [None, None, 'ash'],
    }
    made = documents_of(schema_of(Artwork), given, 3)
    assert [one.frame.wood for one in made] == ['elm', 'fir', 'ash']
    assert made[0].frame.maker == Maker(name='x')


def test_errors_name_row_and_field() -> None:
    given = {'title': ['a', 'b'], 'frame__maker__born': [1, 'never']}
    with pytest.raises(ValidationError) as caught:
        documents_of(schema_of(Artwork), given, 2)
    assert caught.value.errors()[0]['loc'] == (1, 'frame', 'maker', 'born')
    with pytest.raises(ValidationError) as caught:
        documents_of(schema_of(Artwork), {'frame__wood': ['oak']}, 1)
    assert caught.value.errors()[0]['loc'] == (0, 'title')


def test_unknown_columns_are_listed_with_those_that_were_meant() -> None:
    with pytest.raises(InvalidValueError, match=r"'titel', 'x'.*Did you mean 'title' for 'titel'"):
        known_paths(schema_of(Artwork), ['id', 'titel', 'x'])
    with pytest.raises(InvalidValueError, match="columns twice: .'frame__wood'"):
        known_paths(schema_of(Artwork), ['frame__wood', 'frame.wood'])


def test_two_columns_of_one_name_are_refused() -> None:
    class Clash(BaseDocument):
        frame__wood: str = ''
        frame: Frame = Frame()

    with pytest.raises(SchemaError, match='frame__wood'):
        flat_columns(schema_of(Clash))


def test_what_has_no_column_is_refused() -> None:
    class Larger(Artwork):
        owner: str = ''

    array = DocumentArray[Artwork]([Larger(title='a', frame=Frame())])
    with pytest.raises(StackError, match='owner'):
        flat_cells(batch_of(array))
    odd = Artwork.model_construct(title='a', frame='nothing of the kind')
    with pytest.raises(KindError, match='nothing of the kind'):
        flat_cells(batch_of(DocumentArray[Artwork].construct([odd])))


def test_documents_without_fields() -> None:
    class Nothing(BaseDocumentWithoutId):
        pass

    assert len(documents_of(schema_of(Nothing), {}, 3)) == 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_document_there_and_back(data: st.DataObject) -> None:
    made = data.draw(document_types())
    documents = data.draw(st.lists(made.values, min_size=1, max_size=4))
    assert all(map(same, documents, there_and_back(documents)))
    batch = Batch.of(schema_of(made.annotation), documents, ragged='exact')
    found = {cells.column.path: cells.own() for cells in flat_cells(batch)}
    assert all(map(same, documents, documents_of(schema_of(made.annotation), found, len(documents))))
