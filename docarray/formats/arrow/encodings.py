"""Arrow arrays that take less memory than what they stand for: views, runs, dictionaries, nulls."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from docarray.formats.arrow.memory import bitmap, lists, numbers_of, valid_of
from docarray.formats.arrow.types import LIST_VIEWS, VIEWS, is_any, is_fixed, pa
from docarray.formats.limits import Limits

Array = npt.NDArray[Any]

#: Where arrays of some types have others.
_INNER = {'items': ('map',), 'dictionary': ('dictionary',), 'values': ('run_end_encoded',)}


def check_spread(array: Any, limits: Limits, where: str) -> None:
    """Check how much the values of an array are, which may take no room, or be referred to many times.

    Raises:
        LimitError: They are too much.
    """
    kind = array.type
    if pa.types.is_struct(kind):
        for place in range(kind.num_fields):
            check_spread(array.field(place), limits, where)
    elif is_any(VIEWS, kind):
        limits.check('size', _text_size(array), where)
    elif is_any(LIST_VIEWS, kind):
        check_spread(_without_views(array, limits, where).values, limits, where)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets, values = lists(array)
        first, last = offsets.item(0), offsets.item(-1)
        limits.check('size', 8 * (last - first), where)
        check_spread(values.slice(first, last - first), limits, where)
    elif pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        limits.check('size', 8 * size * len(array), where)
        check_spread(array.values.slice(array.offset * size, len(array) * size), limits, where)
    else:
        inner = next((name for name, types in _INNER.items() if is_any(types, kind)), '')
        inner = 'storage' if isinstance(kind, pa.BaseExtensionType) else inner
        if inner:
            check_spread(getattr(array, inner), limits, where)


def _text_size(array: Any) -> int:
    """The bytes of an array of views of texts: each has its length, and a place or the text itself."""
    views = np.frombuffer(array.buffers()[1] or b'', np.int32).reshape(-1, 4)
    return int(views[array.offset : array.offset + len(array), 0].clip(0).sum(dtype=np.float64))


def dense(array: Any, limits: Limits, where: str) -> Any:
    """Return an array without an encoding that only saves room, and without another's extension type.

    Dictionaries of texts and numbers are left: see ``python_values``.

    Raises:
        LimitError: It would be too large.
    """
    kind = array.type
    if is_any(('run_end_encoded',), kind):
        rows = np.arange(array.offset, array.offset + len(array))
        runs = pa.array(np.searchsorted(numbers_of(array.run_ends), rows, 'right'))
        return dense(_taken(array.values, runs, limits, where), limits, where)
    if pa.types.is_dictionary(kind) and pa.types.is_nested(kind.value_type):
        return dense(_taken(array.dictionary, array.indices, limits, where), limits, where)
    if is_any(LIST_VIEWS, kind):
        return _without_views(array, limits, where)
    is_extension = isinstance(kind, pa.BaseExtensionType) and not is_fixed(kind)
    return array.storage if is_extension and pa.types.is_nested(kind.storage_type) else array


def _taken(values: Any, places: Any, limits: Limits, where: str) -> Any:
    """Return values by their places, unless that is too large."""
    found, counts = np.unique(places.drop_null().to_numpy(), return_counts=True)
    if len(found) and values.nbytes * counts.max() > limits.size:
        sizes = (values.slice(place, 1).nbytes for place in found.tolist())
        limits.check('size', sum(size * n for size, n in zip(sizes, counts.tolist(), strict=True)), where)
    return values.take(places)


def _without_views(array: Any, limits: Limits, where: str) -> Any:
    """Return lists that are views as lists. A cast of pyarrow 25 gives others than those that are there."""
    valid = valid_of(array)
    starts, sizes = (numbers_of(part).astype(np.int64) for part in (array.offsets, array.sizes))
    sizes = sizes if valid is None else np.where(valid, sizes, 0)
    limits.check('size', 8 * int(sizes.sum(dtype=np.float64)), where)
    ends = np.cumsum([0, *sizes])
    places = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], sizes)
    values = _taken(array.values, pa.array(places), limits, where)
    buffers = [bitmap(valid), pa.py_buffer(ends)]
    return pa.Array.from_buffers(
        pa.large_list(array.type.value_field), len(array), buffers, children=[values]
    )


def python_values(array: Any) -> list[Any]:
    """Return an array as Python values, times to microseconds; those of a dictionary are shared."""
    kind = array.type
    if pa.types.is_dictionary(kind) and not pa.types.is_nested(kind.value_type):
        known = [*python_values(array.dictionary), None]
        return [known[-1 if place is None else place] for place in array.indices.to_pylist()]
    coarse = _microseconds(kind)
    found: list[Any] = (array if coarse == kind else array.cast(coarse, safe=False)).to_pylist()
    if pa.types.is_map(kind):
        return [value if value is None else dict(value) for value in found]
    return found


def _microseconds(kind: Any) -> Any:
    """Return a type of Python's own values: those of nanoseconds are pandas', or not to be had without it."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _microseconds(kind.value_type)
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return kind if inner == kind.value_type else make(kind.value_field.with_type(inner))
    if getattr(kind, 'unit', '') != 'ns':
        return kind
    if pa.types.is_timestamp(kind):
        return pa.timestamp('us', kind.tz)
    return pa.duration('us') if pa.types.is_duration(kind) else pa.time64('us')
