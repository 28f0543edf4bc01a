"""WrappedTensor: the classes for frameworks whose own tensors cannot be subclassed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

import numpy as np

from docarray.frameworks import get_framework
from docarray.typing import _coerce
from docarray.typing.abstract import AbstractTensor, validator_of

__all__ = ['WrappedTensor']

W = TypeVar('W', bound='WrappedTensor')
Operator = Callable[[Any, Any], Any]


def native_index(index: Any) -> Any:
    """Return an index with native tensors in place of our own, in tuples too."""
    return tuple(map(_coerce.native, index)) if isinstance(index, tuple) else _coerce.native(index)


def _binary(function: Operator) -> Operator:
    def method(self: Any, other: Any) -> Any:
        return function(self.tensor, _coerce.native(other))

    return method


def _reflected(function: Operator) -> Operator:
    def method(self: Any, other: Any) -> Any:
        return function(_coerce.native(other), self.tensor)

    return method


def _unary(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        return function(self.tensor)

    return method


class WrappedTensor(AbstractTensor):
    """A thin wrapper around ``.tensor`` that the framework's own functions accept.

    Operators and the methods of the native tensor give native tensors; rows, by index or by iteration,
    are wrapped again. Writing ``t[index] = value`` puts a new tensor into ``.tensor``.

    Attributes:
        tensor: The native tensor.

    Example:
        >>> from docarray.typing import AbstractTensor
        >>> issubclass(WrappedTensor, AbstractTensor)
        True
    """

    __slots__ = ('__weakref__', 'tensor')
    #: Before numpy's own operators, which would take the values out of their framework.
    __array_priority__: ClassVar[int] = 200
    tensor: Any

    def __new__(cls: type[W], tensor: Any) -> W:
        made: W = validator_of(cls)(tensor)
        return made

    @classmethod
    def _docarray_from_native(cls: type[W], value: Any) -> W:
        made: W = object.__new__(cls.__unparametrizedcls__)
        made.tensor = value
        return made

    def unwrap(self) -> Any:
        """Return the native tensor, the very object."""
        return self.tensor

    _docarray_pack: ClassVar[Any] = staticmethod(operator.attrgetter('tensor'))

    @property
    def shape(self) -> Any:
        """The shape as the framework gives it; it compares equal to a tuple."""
        return self.tensor.shape

    @property
    def dtype(self) -> Any:
        """The framework's own dtype."""
        return self.tensor.dtype

    def __getattr__(self, name: str) -> Any:
        # Public names only: private ones are how frameworks tell their own tensors from others.
        if name.startswith('_') or name == 'tensor':
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        return getattr(self.tensor, name)

    def __reduce__(self) -> Any:
        return _wrapped, (type(self), self.tensor)

    def __copy__(self: W) -> W:
        return type(self)._docarray_from_native(self.tensor)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = get_framework(self.tensor_type.framework).to_numpy(self.tensor)
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options: Any) -> Any:
        return self.tensor.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.tensor.__dlpack_device__()

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.tensor!r})'

    def __format__(self, spec: str) -> str:
        return format(self.tensor, spec) if spec else str(self)

    def __len__(self) -> int:
        return len(self.tensor)

    def __iter__(self: W) -> Iterator[W]:
        return map(type(self)._docarray_from_native, iter(self.tensor))

    def __getitem__(self: W, index: Any) -> W:
        return type(self)._docarray_from_native(self.tensor[native_index(index)])

    def __round__(self, *digits: int) -> Any:
        return round(self.tensor, *digits)

    def __bool__(self) -> bool:
        return bool(self.tensor)

    def __float__(self) -> float:
        return float(self.tensor)

    def __int__(self) -> int:
        return int(self.tensor)

    def __index__(self) -> int:
        return operator.index(self.tensor)

    # Elementwise, as the frameworks compare; and so Python makes the class unhashable.
    __eq__ = _binary(operator.eq)
    __ne__ = _binary(operator.ne)
    __lt__, __le__ = _binary(operator.lt), _binary(operator.le)
    __gt__, __ge__ = _binary(operator.gt), _binary(operator.ge)
    __add__, __radd__ = _binary(operator.add), _reflected(operator.add)
    __sub__, __rsub__ = _binary(operator.sub), _reflected(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul), _reflected(operator.mul)
    __truediv__, __rtruediv__ = _binary(operator.truediv), _reflected(operator.truediv)
    __floordiv__, __rfloordiv__ = _binary(operator.floordiv), _reflected(operator.floordiv)
    __mod__, __rmod__ = _binary(operator.mod), _reflected(operator.mod)
    __pow__, __rpow__ = _binary(operator.pow), _reflected(operator.pow)
    __divmod__, __rdivmod__ = _binary(divmod), _reflected(divmod)
    __lshift__, __rlshift__ = _binary(operator.lshift), _reflected(operator.lshift)
    __rshift__, __rrshift__ = _binary(operator.rshift), _reflected(operator.rshift)
    __matmul__, __rmatmul__ = _binary(operator.matmul), _reflected(operator.matmul)
    __and__, __rand__ = _binary(operator.and_), _reflected(operator.and_)
    __or__, __ror__ = _binary(operator.or_), _reflected(operator.or_)
    __xor__, __rxor__ = _binary(operator.xor), _reflected(operator.xor)
    __neg__, __pos__ = _unary(operator.neg), _unary(operator.pos)
    __abs__, __invert__ = _unary(operator.abs), _unary(operator.invert)


def _wrapped(cls: Any, tensor: Any) -> Any:
    return cls._docarray_from_native(tensor)
