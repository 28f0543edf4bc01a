"""Rows of several dtypes in one column: joined where every value stays what it is, and else refused."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.errors import StackError
from docarray.frameworks import Framework, get_framework
from docarray.typing import AnyTensor

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
TOO_FINE = 2**53 + 1  # float64 has no such number


class Page(BaseDocument):
    tensor: AnyTensor | None = None


@pytest.fixture(params=['numpy', 'torch', 'tensorflow', 'jax'])
def framework(request: pytest.FixtureRequest) -> Framework:
    pytest.importorskip(request.param)
    return get_framework(request.param)


def pages(framework: Framework, *rows: tuple[Any, str] | None) -> Any:
    tensors = [None if row is None else framework.from_numpy(np.array([row[0]], row[1])) for row in rows]
    return DocumentArray[Page]([Page(tensor=tensor) for tensor in tensors])


def column(framework: Framework, stacked: Any) -> tuple[str, list[Any]]:
    data = stacked.batch.data['tensor'].data
    return framework.dtype(data), framework.to_numpy(data)[:, 0].tolist()


@pytest.mark.parametrize(
    ('one', 'other', 'dtype'),
    [
        ((2**31 - 1, 'int32'), (0.5, 'float64'), 'float64'),
        ((0.1, 'float32'), (0.1, 'float64'), 'float64'),
        ((True, 'bool'), (3, 'int64'), 'int64'),
        ((-5, 'int8'), (2**40, 'int64'), 'int64'),
        ((2**53, 'int64'), (0.5, 'float64'), 'float64'),
        ((-(2**60), 'int64'), (0.5, 'float64'), 'float64'),
        ((2047, 'int16'), (0.5, 'float16'), 'float32'),
    ],
)
def test_what_is_joined_keeps_its_values(framework: Framework, one: Any, other: Any, dtype: str) -> None:
    kept = np.array([one[0]], one[1]).item(), np.array([other[0]], other[1]).item()
    assert column(framework, pages(framework, one, other).stack()) == (dtype, list(kept))
    assert column(framework, pages(framework, other, one).stack()) == (dtype, list(kept[::-1]))
    assert column(framework, pages(framework, one, None, other).stack()) == (dtype, [kept[0], 0, kept[1]])


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ((TOO_FINE, 'int64'), (0.5, 'float64')),
        ((2**63 - 1, 'int64'), (0.5, 'float64')),
        ((-TOO_FINE, 'int64'), (0.5, 'float32')),
        ((2**64 - 1, 'uint64'), (-1, 'int64')),
        ((TOO_FINE, 'int64'), (1j, 'complex128')),
    ],
)
def test_what_would_be_rounded_is_refused(framework: Framework, one: Any, other: Any) -> None:
    for rows in ((one, other), (other, one), (one, None, other)):
        with pytest.raises(StackError) as caught:
            pages(framework, *rows).stack()
        text = str(caught.value)
        assert text.startswith('Page.tensor: got tensors of dtypes ')
        assert one[1] in text
        assert other[1] in text
        assert str(one[0]) in text
        assert "ragged='list'" in text
    kept = pages(framework, one, None, other).stack(ragged='list')
    found = [None if row is None else framework.to_numpy(row.unwrap()).item() for row in kept.tensor]
    assert found == [one[0], None, other[0]]


def test_the_common_dtype_is_sought_for_all_rows(framework: Framework) -> None:
    rows = [(True, 'bool'), (7, 'uint8'), (-7, 'int16'), (0.5, 'float32')]
    assert column(framework, pages(framework, *rows).stack()) == ('float32', [1.0, 7.0, -7.0, 0.5])


def test_columns_are_joined_by_the_same_rule(framework: Framework) -> None:
    halves, fine = pages(framework, (0.5, 'float64')).stack(), pages(framework, (TOO_FINE, 'int64')).stack()
    few = pages(framework, (7, 'int64')).stack()
    assert column(framework, halves + few) == ('float64', [0.5, 7.0])
    with pytest.raises(StackError, match=r'Page\.tensor.*float64 and int64'):
        halves + fine


@pytest.mark.parametrize(
    ('column_of', 'value', 'wanted'),
    [
        ((0.5, 'float64'), (7, 'int64'), ('float64', [7.0])),
        ((1, 'int32'), (7, 'int64'), ('int32', [7])),
        ((1, 'int32'), (2**40, 'int64'), ('int64', [2**40])),
        ((1, 'int8'), (300, 'int64'), ('int64', [300])),
        ((1, 'int64'), (0.5, 'float32'), ('float64', [0.5])),
        ((0.5, 'float32'), (2**24 + 1, 'int64'), ('float64', [2.0**24 + 1])),
        ((0.5, 'float32'), (0.25, 'float64'), ('float32', [0.25])),
    ],
)
def test_a_row_that_is_written_is_not_cut(
    framework: Framework, column_of: Any, value: Any, wanted: Any
) -> None:
    stacked = pages(framework, column_of).stack()
    stacked[0].tensor = framework.from_numpy(np.array([value[0]], value[1]))
    assert column(framework, stacked) == wanted


def test_a_row_that_no_dtype_of_the_column_could_hold_is_refused(framework: Framework) -> None:
    for before, value in (((0.5, 'float64'), (TOO_FINE, 'int64')), ((TOO_FINE, 'int64'), (0.5, 'float64'))):
        stacked = pages(framework, before).stack()
        with pytest.raises(StackError, match='float64 and int64'):
            stacked[0].tensor = framework.from_numpy(np.array([value[0]], value[1]))
        assert column(framework, stacked) == (before[1], [before[0]])
