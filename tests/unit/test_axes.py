"""Axis names shared by the fields of a document."""

from __future__ import annotations

from typing import Any

import numpy as np
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
