"""Axis names shared by the fields of a document."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydantic
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.errors import ShapeError, ValidationError
from docarray.typing import NdArray

Frames, Labels, Square = NdArray['time', 4], NdArray['time'], NdArray['width', 'width']


class Clip(BaseDocument):
    frames: Frames
    labels: Labels | None = None
    free: Square | None = None


def clip(time: int) -> Clip:
    return Clip(frames=np.zeros((time, 4)), labels=np.zeros(time))


def test_equal_names_are_equal_sizes() -> None:
    assert clip(3).frames.shape == (3, 4)
    with pytest.raises(
        ValidationError, match="got 2 on axis 'time', wanted 3, as in field 'frames'"
    ) as caught:
        Clip(frames=np.zeros((3, 4)), labels=np.zeros(2))
    assert isinstance(caught.value.causes[0], ShapeError)
    assert caught.value.causes[0].where == 'Clip.labels'


def fault_of(cls: Any, value: Any) -> Any:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(cls).validate_python(value)
    (fault,) = caught.value.errors()
    assert isinstance(fault['ctx']['error'], ShapeError)
    assert "'frames'" in fault['msg']
    assert 'Clip.labels' in fault['msg']
    return fault


def test_the_field_that_disagrees_is_named() -> None:
    class Renamed(BaseDocument):
        frames: Frames
        labels: Labels = pydantic.Field(alias='tags')

    bad = {'frames': np.zeros((3, 4)), 'labels': np.zeros(2)}
    fault = fault_of(Clip, bad)
    assert (fault['type'], fault['loc']) == ('value_error', ('labels',))
    assert fault['input'] == (2,)
    assert fault_of(DocumentArray[Clip], [clip(3), bad])['loc'] == (1, 'labels')
    with pytest.raises(ValidationError) as caught:
        Renamed(frames=np.zeros((3, 4)), tags=np.zeros(2))
    assert caught.value.errors()[0]['loc'] == ('tags',)
    with pytest.raises(ValidationError) as caught:
        clip(3).labels = np.zeros(2)
    assert caught.value.errors()[0]['loc'] == ('labels',)


def test_the_field_that_disagrees_in_an_answer_of_fastapi() -> None:
    fastapi = pytest.importorskip('fastapi')
    testclient = pytest.importorskip('fastapi.testclient')
    app = fastapi.FastAPI()

    def take(clip: Any) -> int:
        return 1

    take.__annotations__['clip'] = Clip
    app.post('/')(take)
    body = {'frames': np.zeros((3, 4)).tolist(), 'labels': [0.0, 0.0]}
    answer = testclient.TestClient(app).post('/', json=body)
    assert answer.status_code == 422
    assert answer.json()['detail'][0]['loc'] == ['body', 'labels']


def test_a_name_twice_in_one_field() -> None:
    with pytest.raises(ValidationError, match='Axis'):
        Clip(frames=np.zeros((3, 4)), free=np.zeros((2, 3)))


def test_documents_have_sizes_of_their_own() -> None:
    assert [len(one.labels) for one in DocumentArray[Clip]([clip(1), clip(2)])] == [1, 2]


def test_a_refused_assignment_changes_nothing() -> None:
    one = clip(3)
    before = one.labels
    with pytest.raises(ValidationError):
        one.labels = np.zeros(5)
    assert one.labels is before
    one.labels = None
    one.frames = np.zeros((5, 4))
    assert one.frames.shape == (5, 4)


def test_rows_and_columns_are_checked_too() -> None:
    stacked = DocumentArray[Clip]([clip(3), clip(3)]).stack()

    def refuse(action: Any) -> None:
        with pytest.raises(ValidationError, match='time'):
            action()
        assert stacked.labels.shape == (2, 3)

    refuse(lambda: setattr(stacked, 'labels', np.zeros((2, 4))))
    refuse(lambda: setattr(stacked[0], 'labels', np.zeros(4)))
    stacked.labels = np.ones((2, 3))
    assert stacked[1].labels.tolist() == [1, 1, 1]
