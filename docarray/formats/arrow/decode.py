"""Arrow arrays as lists of Python values, by kind, where their types are those that docarray writes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pydantic_core

from docarray.errors import FormatError, show
from docarray.formats.arrow import tensors
from docarray.formats.arrow.memory import bits_of, lists, numbers_of, texts_of, valid_of
from docarray.kinds import Codec

__all__ = ['load_json', 'values_of', 'with_gaps']


def values_of(codec: Codec, array: Any, where: str) -> list[Any]:
    """Return the packed values of an array, None where missing.

    Args:
        codec: Of the values; of its kind is the type of the array.
        array: An Arrow array, which has been validated.
        where: The place, for errors.
    """
    kind = codec.kind
    if kind.name in ('str', 'json'):
        texts = texts_of(array).values()
        return texts if kind.name == 'str' else [load_json(text, where) for text in texts]
    if kind.name == 'tensor':
        return _tensors(codec, array, where)
    if kind.name == 'bool':
        found = bits_of(array, 0, len(array)).tolist()
    elif kind.name in ('int', 'float'):
        found = numbers_of(array).tolist()
    elif kind.name == 'bytes':
        offsets, _ = lists(array)
        raw = memoryview(array.buffers()[2] or b'')
        found = [bytes(raw[start:stop]) for start, stop in pairwise(offsets.tolist())]
    else:
        found = _collections(codec, array, where)
    return with_gaps(found, array)


def _collections(codec: Codec, array: Any, where: str) -> list[Any]:
    item = codec.kind.item
    assert item is not None
    offsets, values = lists(array)
    first, last = offsets.item(0), offsets.item(-1)
    ends = (offsets - first).tolist()
    if codec.kind.name == 'list':
        items = values_of(item, values.slice(first, last - first), where)
        return [items[start:stop] for start, stop in pairwise(ends)]
    keys = texts_of(array.keys.slice(first, last - first)).values()
    items = values_of(item, array.items.slice(first, last - first), where)
    pairs = list(zip(keys, items, strict=True))
    return [dict(pairs[start:stop]) for start, stop in pairwise(ends)]


def _tensors(codec: Codec, array: Any, where: str) -> list[Any]:
    rows = tensors.struct_rows(array, where)
    names = [codec.framework] * len(rows) if codec.framework else tensors.struct_frameworks(array)
    pairs = zip(rows, names, strict=True)
    return [None if row is None else tensors.installed(name).from_numpy(row) for row, name in pairs]


def with_gaps(values: list[Any], array: Any) -> list[Any]:
    """Return values with None where an array has none."""
    valid = valid_of(array)
    if valid is None:
        return values
    return [value if there else None for value, there in zip(values, valid.tolist(), strict=True)]


def load_json(text: str | None, where: str) -> Any:
    """Return what JSON text stands for."""
    try:
        return None if text is None else pydantic_core.from_json(text)
    except ValueError as error:
        raise FormatError(where=where, got=show(text), wanted='JSON') from error
