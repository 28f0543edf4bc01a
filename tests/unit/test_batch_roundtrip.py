"""Rows become columns and rows again, and nothing changes: for classes and documents made at random."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docarray import DocumentArray
from docarray.batch import Batch
from docarray.schema import schema_of
from tests.unit.strategies import FieldType, document_types, same

bounded = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def _documents(data: Any, kind: FieldType, most: int = 4) -> list[Any]:
    return data.draw(st.lists(kind.values, max_size=most))


@bounded
@given(document_types(), st.data())
def test_rows_survive_columns(kind: FieldType, data: Any) -> None:
    documents = _documents(data, kind)
    batch = Batch.of(schema_of(kind.annotation), documents)
    assert len(batch) == len(documents)
    assert same(documents, batch.rows())
    assert same(documents, pickle.loads(pickle.dumps(batch)).rows())
    assert same(documents, copy.deepcopy(batch).rows())


@bounded
@given(document_types(ragged=True), st.data())
def test_rows_survive_ragged_columns(kind: FieldType, data: Any) -> None:
    documents = _documents(data, kind)
    batch = Batch.of(schema_of(kind.annotation), documents, ragged=True)
    assert same(documents, batch.rows())
    assert same(documents, pickle.loads(pickle.dumps(batch)).rows())
    assert same(documents + documents, Batch.concat([batch, batch]).rows())


@bounded
@given(document_types(), st.data())
def test_any_rows_can_be_taken(kind: FieldType, data: Any) -> None:
    documents = _documents(data, kind)
    stacked = DocumentArray[kind.annotation](documents).stack()
    count = len(documents)
    rows = data.draw(st.lists(st.integers(-count, count - 1), max_size=5)) if count else []
    mask = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    bound = st.none() | st.integers(-count - 1, count + 1)
    cut = slice(data.draw(bound), data.draw(bound), data.draw(st.sampled_from([None, 1, 2, -1, -2])))
    array = DocumentArray[kind.annotation](documents)
    for index in (rows, mask, cut, np.array(rows, int), np.array(mask, bool), None):
        wanted = list(array[index])
        assert same(wanted, list(stacked[index].unstack()))
    assert same([documents[row] for row in rows], list(array[rows]))
    assert same(documents[cut], list(stacked[cut].unstack()))
    assert same([one for one, there in zip(documents, mask, strict=True) if there], list(array[mask]))


@bounded
@given(document_types(), st.data())
def test_splitting_and_joining_is_the_identity(kind: FieldType, data: Any) -> None:
    documents = _documents(data, kind)
    batch = Batch.of(schema_of(kind.annotation), documents)
    at = data.draw(st.integers(0, len(documents)))
    parts = [batch.take(slice(0, at)), batch.take(slice(at, len(documents)))]
    assert same(documents, Batch.concat(parts).rows())
    order = np.array(data.draw(st.permutations(range(len(documents)))), np.int64)
    assert same(documents, batch.take(order).take(np.argsort(order)).rows())


@bounded
@given(document_types(), st.data())
def test_views_read_what_the_documents_hold(kind: FieldType, data: Any) -> None:
    documents = _documents(data, kind)
    stacked = DocumentArray[kind.annotation](documents).stack()
    assert same(documents, list(stacked), views=True)
    assert same(documents, Batch.of(stacked.schema, list(stacked)).rows())
    assert same(documents, [copy.copy(view) for view in stacked])
    assert same(documents, [pickle.loads(pickle.dumps(view)) for view in stacked])


@bounded
@given(document_types(), st.data())
def test_rows_can_be_written(kind: FieldType, data: Any) -> None:
    documents = _documents(data, kind)
    order = data.draw(st.permutations(range(len(documents))))
    moved = [documents[row] for row in order]
    stacked = DocumentArray[kind.annotation](documents).stack()
    stacked[:] = moved
    assert same(moved, list(stacked.unstack()))
    for row, document in enumerate(documents):
        for name in kind.annotation.model_fields:
            setattr(stacked[row], name, getattr(document, name))
    assert same(documents, list(stacked.unstack()))
    for name in kind.annotation.model_fields:
        setattr(stacked, name, [getattr(document, name) for document in moved])
    assert same(moved, list(stacked.unstack()))
