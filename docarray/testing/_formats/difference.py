"""How documents that were written and read again differ from what they were: to the last bit and type."""

from __future__ import annotations

import collections
import datetime
import decimal
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from docarray.errors import show
from docarray.frameworks import Framework
from docarray.lowering import is_document
from docarray.testing._arrays import bits
from docarray.values import adapter_of

Array = np.ndarray[Any, Any]


def difference(got: Any, wanted: Any, exact: bool = True, views: bool = False, where: str = '') -> str:
    """Return where and how ``got`` is another value than ``wanted``, or '' if it is not.

    Types count, of values and of what is in them: an ImageUrl is no str, a tensor has its class, dtype and
    shape. NaN equals NaN, and 0.0 is not -0.0. The order of a dict does not count. Only an id given as text
    may have become an ID.

    Args:
        got: What was read.
        wanted: What was written.
        exact: Whether dtype and framework of a tensor count where its class leaves them open; its numbers
            always do, as integers, floats or bools.
        views: Whether documents in ``got``, and lists of them, may be live: of a derived class.
        where: The path to the values, for the text.

    Example:
        >>> difference([1, {'a': 2.0}], [1, {'a': 2}])
        "[1]['a']: got float 2.0, wanted int 2"
    """
    return _Comparison(exact, views).values(got, wanted, where)


class _Comparison:
    def __init__(self, exact: bool, views: bool) -> None:
        self.exact, self.views = exact, views

    def values(self, got: Any, wanted: Any, where: str) -> str:
        if isinstance(got, str) and isinstance(wanted, str) and where.endswith('.id'):
            return _unequal(got, wanted, where, str(got) == str(wanted))
        adapter, tensor = adapter_of(wanted)
        if adapter is not None:
            return self._tensors(got, wanted, adapter, tensor, where)
        live = self.views and (is_document(type(wanted)) or isinstance(wanted, (list, collections.deque)))
        if type(got) is not type(wanted) and not (live and isinstance(got, type(wanted))):
            return _unequal(got, wanted, where, False)
        if is_document(type(wanted)):
            return self._documents(got, wanted, where)
        if isinstance(wanted, Mapping):
            return self._mappings(got, wanted, where)
        if isinstance(wanted, (list, tuple, collections.deque)):
            return self._sequences(got, wanted, where)
        if isinstance(wanted, (set, frozenset)):
            return self._sequences(sorted(got, key=repr), sorted(wanted, key=repr), where)
        return _unequal(got, wanted, where, _bare(got) == _bare(wanted))

    def _documents(self, got: Any, wanted: Any, where: str) -> str:
        names = [*type(wanted).model_fields, *(wanted.__pydantic_extra__ or ())]
        found = (self.values(getattr(got, name), getattr(wanted, name), f'{where}.{name}') for name in names)
        return next(filter(None, found), '')

    def _mappings(self, got: Mapping[Any, Any], wanted: Mapping[Any, Any], where: str) -> str:
        problem = self.values(set(got), set(wanted), f'{where}.keys()')
        found = (self.values(got[key], wanted[key], f'{where}[{show(key, 20)}]') for key in wanted)
        return problem or next(filter(None, found), '')

    def _sequences(self, got: Sequence[Any], wanted: Sequence[Any], where: str) -> str:
        if len(got) != len(wanted):
            return f'{where}: got {len(got)} items, wanted {len(wanted)}'
        pairs = enumerate(zip(got, wanted, strict=True))
        found = (self.values(a, b, f'{where}[{row}]') for row, (a, b) in pairs)
        return next(filter(None, found), '')

    def _tensors(self, got: Any, wanted: Any, adapter: Framework, tensor: Any, where: str) -> str:
        other, found = adapter_of(got)
        if other is None:
            return _unequal(got, wanted, where, False)
        a, b = _numbers(other, found), _numbers(adapter, tensor)
        if self.exact and type(got) is not type(wanted):
            return f'{where}: got a tensor of class {type(got).__name__}, wanted {type(wanted).__name__}'
        if self.exact and a.dtype.name != b.dtype.name:
            return f'{where}: got dtype {a.dtype.name}, wanted {b.dtype.name}'
        if a.shape != b.shape:
            return f'{where}: got shape {a.shape}, wanted {b.shape}'
        if not self.exact:
            if a.size and _sort(a) != _sort(b):
                return f'{where}: got dtype {a.dtype.name}, wanted numbers as in {b.dtype.name}'
            a = a.astype(b.dtype)
        return '' if bits(a) == bits(b) else f'{where}: got {show(a)}, wanted {show(b)}'


def _numbers(adapter: Framework, tensor: Any) -> Array:
    return np.asarray(adapter.to_numpy(tensor))


def _sort(array: Array) -> str:
    """Which sort of numbers: bool, integer, floating or complex."""
    kind = array.dtype.kind
    return {'u': 'i', 'V': 'f'}.get(kind, str(kind))


def _bare(value: Any) -> Any:
    """What tells a value from others that ``==`` takes for the same."""
    if isinstance(value, float):
        return struct.pack('<d', float('nan') if value != value else value)
    if isinstance(value, decimal.Decimal):
        return value.as_tuple()
    if isinstance(value, (datetime.datetime, datetime.time)):
        return value.replace(tzinfo=None, fold=0), value.utcoffset()
    return value


def _unequal(got: Any, wanted: Any, where: str, same: bool) -> str:
    if same:
        return ''
    return f'{where}: got {type(got).__name__} {show(got)}, wanted {type(wanted).__name__} {show(wanted)}'
