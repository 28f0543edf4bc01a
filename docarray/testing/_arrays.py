"""Arrays of every kind for the contract suites: dtypes, shapes, memory layouts, scores that tie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from docarray.errors import MissingExtraError
from docarray.frameworks._rules import numpy_dtype

Array = np.ndarray[Any, Any]

DTYPES = (
    'bool',
    'int8',
    'int16',
    'int32',
    'int64',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'float16',
    'bfloat16',
    'float32',
    'float64',
    'complex64',
    'complex128',
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
TABLES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)
SCORE_DTYPES = ('float16', 'float32', 'float64', 'int8', 'uint8', 'int64', 'bool')
METRIC_DTYPES = ('float16', 'float32', 'float64', 'int8', 'uint8', 'int32', 'int64')

#: What an array may look like in memory; each takes an array of at least one axis.
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    'transposed': lambda array: array.T,
    'backwards': lambda array: array[::-1],
    'every other': lambda array: array.repeat(2, axis=0)[::2],
    'repeated': lambda array: np.broadcast_to(array, (2, *array.shape)),
    'read-only': lambda array: read_only(array),
    'other byte order': lambda array: array.astype(array.dtype.newbyteorder()),
    'unaligned': lambda array: unaligned(array),
}


def present(dtypes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the dtypes that this environment has."""
    found = []
    for dtype in dtypes:
        try:
            numpy_dtype(dtype)
        except MissingExtraError:
            continue
        found.append(dtype)
    return tuple(found)


@st.composite
def any_array(
    draw: st.DrawFn, dtypes: tuple[str, ...], shapes: st.SearchStrategy[tuple[int, ...]] = SHAPES
) -> Array:
    dtype = numpy_dtype(draw(st.sampled_from(present(dtypes))))
    if dtype.kind in 'biufc' and dtype.num < 256:
        array: Array = draw(hnp.arrays(dtype, shapes))
    else:  # hypothesis does not know it: any bits will do
        array = draw(hnp.arrays(f'u{dtype.itemsize}', shapes)).view(dtype)
    return array


@st.composite
def any_rows(draw: st.DrawFn, shape: tuple[int, int]) -> Array:
    dtype = np.dtype(draw(st.sampled_from(METRIC_DTYPES)))
    if dtype.kind == 'f':
        elements: st.SearchStrategy[Any] = st.floats(-100, 100, width=16)
    else:
        elements = st.integers(0 if dtype.kind == 'u' else -100, 100)
    rows: Array = draw(hnp.arrays(dtype, shape, elements=elements))
    return rows


def bits(array: Array) -> bytes:
    """Return the values as bytes, with one NaN for all, as frameworks may change which NaN it is."""
    native = array.astype(array.dtype.newbyteorder('='))
    nan = native != native
    if nan.any():
        native[nan] = np.nan
    return native.tobytes()


def scores(dtype: np.dtype[Any]) -> list[Any]:
    """Return a few values with everything that sorting has to get right, so that ties are frequent."""
    if dtype.kind == 'f':
        return [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan]
    if dtype.kind == 'b':
        return [False, True]
    info = np.iinfo(dtype)
    return [0, 1, info.min, info.max]


def read_only(array: Array) -> Array:
    view: Array = array.view()
    view.flags.writeable = False
    return view


def unaligned(array: Array) -> Array:
    view: Array = np.ndarray(array.shape, array.dtype, bytearray(array.nbytes + 1), 1)
    view[...] = array
    return view
