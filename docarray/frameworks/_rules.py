"""What all adapters agree on, said once and in numpy: dtypes, ties, NaN, zero vectors, shapes that fit."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from docarray.errors import (
    DocArrayError,
    DtypeError,
    InvalidValueError,
    MissingExtraError,
    QueryError,
    ShapeError,
    StackError,
    show,
)

Array = np.ndarray[Any, Any]
Shape = tuple[Any, ...]
P = ParamSpec('P')
R = TypeVar('R')

#: Rows of the right-hand side that a distance looks at in one go, which bounds its 64-bit copy.
BLOCK = 16_384

#: Scores that top_k looks at in one go, few enough to stay in the cache of a CPU core.
SCORES = 1 << 18

_ALIGNMENT = 64  # bytes; tensorflow aborts the process on less, jax copies
_VOID = np.dtype('V').num
_WIDE = frozenset({'float64', 'int32', 'int64', 'uint32', 'uint64'})


def raises(
    kind: type[DocArrayError], *foreign: type[Exception]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that turns the errors a framework raises into ours, with their cause kept."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except DocArrayError:
                raise
            except foreign as error:
                text = show(error, limit=400)
                raise kind(where=function.__qualname__, got=text) from error

        return call

    return decorate


# dtypes


@functools.cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return the numpy dtype of that very name; bfloat16 and its like come from ml_dtypes."""
    try:
        found: np.dtype[Any] = np.dtype(name)
    except TypeError:
        found = _extended_dtype(name)
    if found.name != name:  # 'f4' and 'int' mean other things in other frameworks
        raise DtypeError(got=f'dtype {name!r}', wanted=f'a full name, such as {found.name!r}')
    check_numeric(found)
    return found


def _extended_dtype(name: str) -> np.dtype[Any]:
    if not is_floating(name) and not name.startswith(('int', 'uint')):
        raise DtypeError(got=f'dtype {name!r}', wanted="a dtype name such as 'float32'")
    try:
        extended = importlib.import_module('ml_dtypes')
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            where=f'dtype {name}',
            got="no package 'ml_dtypes' in this environment",
            wanted='it installed, as numpy has no such dtype itself',
            hint='Install it with: pip install ml_dtypes',
        ) from error
    scalar = getattr(extended, name, None)
    if scalar is None:
        raise DtypeError(got=f'dtype {name!r}', wanted="a dtype name such as 'float32'")
    extended_dtype: np.dtype[Any] = np.dtype(scalar)
    return extended_dtype


@functools.cache
def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return ``dtype.name``, which numpy puts together anew, and slowly, each time."""
    return str(dtype.name)


def check_numeric(dtype: np.dtype[Any]) -> None:
    """Raise DtypeError for dtypes that no tensor framework knows: text, objects, dates, records."""
    if dtype.kind in 'OSUTmM' or dtype.num == _VOID:
        raise DtypeError(got=f'dtype {dtype.name}', wanted='numbers or booleans')


def is_floating(name: str) -> bool:
    """Whether a dtype of that name is a floating one."""
    return name.startswith(('float', 'bfloat'))


def metric_dtype(*names: str) -> str:
    """Return the dtype in which scores of such inputs are given.

    float64 if one of them is float64 or a 32- or 64-bit integer, which float32 could not hold;
    else float32.
    """
    for name in names:
        if name.startswith('complex'):
            raise DtypeError(got=f'dtype {name}', wanted='real numbers to measure distances of')
    return 'float64' if _WIDE.intersection(names) else 'float32'


# memory


def private_copy(array: Array) -> Array:
    """Return a contiguous copy in native byte order whose memory starts where XLA may use it as it is."""
    memory = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    copy: Array = np.ndarray(array.shape, array.dtype.newbyteorder('='), memory.data, start)
    copy[...] = array
    return copy


# shapes and indices


def check_rows(tensors: Sequence[Any]) -> None:
    """Raise StackError unless there is a tensor, and all have one dtype."""
    if not len(tensors):
        raise StackError(got='no tensor', wanted='at least one, to know shape and dtype')
    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) > 1:  # or several byte orders of one dtype
        names = sorted({str(getattr(dtype, 'name', dtype)) for dtype in dtypes})
        if len(names) > 1:
            raise StackError(got=f'dtypes {names}', wanted='one dtype', hint='Cast the tensors first.')


def row_numbers(indices: Any, length: int) -> Array:
    """Return ``indices`` as int64, or raise IndexError if one of them names no row."""
    rows = np.asarray(indices)
    if rows.size == 0:
        return np.empty(0, np.int64)
    if rows.dtype.kind not in 'iu':
        raise InvalidValueError(got=f'indices of dtype {rows.dtype}', wanted='integers')
    if rows.min() < 0 or rows.max() >= length:
        raise IndexError(f'indices {rows.min()}..{rows.max()} are not all within 0..{length - 1}')
    return rows.astype(np.int64, copy=False)


def chosen_rows(index: Any, length: int) -> Array:
    """Return the row numbers (1-d, int64) that ``index`` means: an int, a slice, a list or a mask."""
    if isinstance(index, list) and not index:
        return np.empty(0, np.int64)
    return np.atleast_1d(np.arange(length)[index])


def check_pair(x: Shape, y: Shape) -> None:
    """Raise ShapeError unless the shapes are (n, d) and (m, d)."""
    if len(x) != 2 or len(y) != 2 or (x[1] != y[1] and None not in (x[1], y[1])):
        raise ShapeError(got=f'shapes {x} and {y}', wanted='(n, d) and (m, d)')


def blocks(length: int | None) -> list[slice]:
    """Return slices of at most BLOCK rows that cover ``length`` rows, at least one."""
    if length is None or length <= BLOCK:
        return [slice(None)]
    return [slice(start, start + BLOCK) for start in range(0, length, BLOCK)]


def squared_guard(eps: float) -> float:
    """Return the least squared norm that is divided by; never 0, so a zero vector's cosine is 0."""
    return max(eps * eps, 1e-36)


# values


def equal_arrays(a: Array, b: Array) -> bool:
    """Whether shapes and values are equal, NaN being equal to NaN."""
    if a.shape != b.shape:
        return False
    same = a == b
    if not same.all():
        same |= (a != a) & (b != b)  # only NaN differs from itself, in every dtype
    return bool(same.all())


def top_k_indices(values: Array, k: int, descending: bool) -> Array:
    """Return the column numbers (n, min(k, m)), int64, of the best of each row of (n, m).

    Best first; of equal values the lower column first; NaN after everything else.
    """
    if values.ndim != 2 or k < 0:
        raise QueryError(got=f'shape {values.shape} and k={k}', wanted='scores (n, m) and k >= 0')
    n, m = values.shape
    k = min(k, m)
    if n == 0 or k == 0:
        return np.empty((n, k), np.int64)
    rows = max(1, SCORES // m)
    parts = [_best(_ascending(values[i : i + rows], descending), k) for i in range(0, n, rows)]
    best: Array = np.concatenate(parts).astype(np.int64, copy=False)
    return best


def _best(key: Array, k: int) -> Array:
    """Return the columns of the k lowest of each row, in stable order; k is at least 1."""
    n, m = key.shape
    if k == m:
        return np.argsort(key, axis=1, kind='stable')
    # Selecting values and looking up where they are is faster than argpartition, and gives the
    # columns in order, which argpartition does not.
    edge = np.partition(key, k - 1, axis=1)[:, k - 1 : k]
    inside = key <= edge
    tied = np.flatnonzero(np.count_nonzero(inside, axis=1) != k)
    if len(tied):
        inside[tied] = _break_ties(key[tied], edge[tied], k)
    columns = np.flatnonzero(inside).reshape(n, k) - np.arange(0, n * m, m)[:, None]
    order = np.argsort(np.take_along_axis(key, columns, axis=1), axis=1, kind='stable')
    best: Array = np.take_along_axis(columns, order, axis=1)
    return best


def _ascending(values: Array, descending: bool) -> Array:
    """Return numbers whose ascending order is the wanted one, NaN still sorting last."""
    if is_floating(values.dtype.name) and values.dtype.itemsize < 4:
        values = values.astype(np.float32)
    if not descending:
        return values
    flipped: Array = ~values if values.dtype.kind in 'biu' else -values  # -x overflows for integers
    return flipped


def _break_ties(key: Array, edge: Array, k: int) -> Array:
    """Return which k of each row are in, where more than k are not worse than ``edge``, or it is NaN."""
    nothing = edge != edge
    before = (key < edge) | (nothing & (key == key))
    level = (key == edge) | (nothing & (key != key))
    room = k - np.count_nonzero(before, axis=1)[:, None]
    first: Array = before | (level & (np.cumsum(level, axis=1) <= room))
    return first
