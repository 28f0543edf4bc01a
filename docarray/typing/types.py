"""TensorType: everything a tensor class means, as one frozen record; and how its brackets are read."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import EllipsisType
from typing import Any

import numpy as np

from docarray.errors import SchemaError, ShapeError, show

__all__ = ['DTYPES', 'AxisSpec', 'TensorType', 'dtype_name', 'parse_key', 'show_shape']

AxisSpec = int | str | None | EllipsisType

_SIGNED = ('int8', 'int16', 'int32', 'int64')
_FLOAT8 = ('e3m4', 'e4m3', 'e4m3b11fnuz', 'e4m3fn', 'e4m3fnuz', 'e5m2', 'e5m2fnuz', 'e8m0fnu')

#: The dtypes that a tensor may have, as numpy and ml_dtypes spell them. No axis can have such a name.
DTYPES: frozenset[str] = frozenset(
    (
        'bool',
        *_SIGNED,
        *('u' + name for name in _SIGNED),
        *('float16', 'float32', 'float64', 'bfloat16', 'complex64', 'complex128'),
        *('float8_' + name for name in _FLOAT8),
    )
)

_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class TensorType:
    """What a tensor class means.

    Attributes:
        framework: 'numpy', 'torch', 'tensorflow', 'jax', or '' for a tensor of any framework.
        modality: '', 'embedding', 'image', 'audio' or 'video'.
        shape: Axes, or None where any shape will do. An int is a size, a string a name (equal
            names in one document are equal sizes), None any size, ``...`` one axis or more.
        dtype: A dtype name ('uint8', 'bfloat16'), or '' where any will do.

    Example:
        >>> TensorType('numpy', 'image', (3, 'h', 'w'), 'uint8').mismatch((3, 4, 5))
        ''
    """

    framework: str = ''
    modality: str = ''
    shape: tuple[AxisSpec, ...] | None = None
    dtype: str = ''

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The shape where it is all sizes, None where anything in it is open."""
        if self.shape is None:
            return None
        sizes = tuple(axis for axis in self.shape if isinstance(axis, int))
        return sizes if len(sizes) == len(self.shape) else None

    @property
    def fitter(self) -> Callable[[tuple[int, ...]], bool]:
        """The function behind ``fits``, with everything settled that does not depend on the tensor."""
        return _fitter(self.shape, self.modality)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this shape is one of the type.

        Args:
            shape: The sizes of a tensor's axes.

        Example:
            >>> TensorType(shape=(3, 'x', 'x')).fits((3, 4, 5))
            False
        """
        return self.fitter(shape)

    def mismatch(self, shape: tuple[int, ...]) -> str:
        """Return why ``shape`` does not fit, or '' where it fits.

        Args:
            shape: The sizes of a tensor's axes.

        Returns:
            The text of the error, without its place.

        Example:
            >>> TensorType(shape=(3, 224, 224)).mismatch((3, 224))
            'got shape (3, 224), wanted (3, 224, 224)'
        """
        error = self.error(shape)
        return '' if error is None else str(error)

    def error(self, shape: tuple[int, ...]) -> ShapeError | None:
        """Return the error about a shape that does not fit, None where it fits.

        Args:
            shape: The sizes of a tensor's axes.

        Example:
            >>> print(TensorType(shape=(3, 8, 9)).error((8, 9, 3)).hint)
            The axes look channels-last; transpose them or declare [8, 9, 3].
        """
        if self.fits(shape):
            return None
        fault = self._fault(shape)
        if self.shape is None:
            return ShapeError(got=f'shape {shape}', wanted='a video', hint=fault)
        hint = self._layout(shape) or ('' if self.sizes is not None else fault)
        return ShapeError(got=f'shape {shape}', wanted=show_shape(self.shape, '()'), hint=hint)

    def axes(self, shape: tuple[int, ...]) -> dict[str, int]:
        """Return the size of each named axis in a tensor of this (fitting) shape.

        Args:
            shape: The sizes of a tensor's axes.

        Example:
            >>> TensorType(shape=('frames', ..., 'channels')).axes((10, 4, 5, 3))
            {'frames': 10, 'channels': 3}
        """
        return {axis: shape[place] for place, axis in _named(self.shape)}

    def _pairs(self, shape: tuple[int, ...]) -> list[tuple[AxisSpec, int]] | None:
        """Each declared axis but ``...`` with its size; None where there are too few axes or too many."""
        axes = self.shape or ()
        if Ellipsis not in axes:
            return list(zip(axes, shape, strict=True)) if len(axes) == len(shape) else None
        if len(shape) < len(axes):
            return None
        here = axes.index(Ellipsis)
        head, tail = axes[:here], axes[here + 1 :]
        rest = shape[len(shape) - len(tail) :]
        return [*zip(head, shape, strict=False), *zip(tail, rest, strict=True)]

    def _fault(self, shape: tuple[int, ...]) -> str:
        """What is wrong with a shape that does not fit, as a sentence."""
        if self.shape is None:
            return 'A video has the axes (frames, height, width, 3), or is one such frame.'
        pairs = self._pairs(shape)
        if pairs is None:
            more = ' or more' if Ellipsis in self.shape else ''
            return f'The number of axes is {len(shape)}, not {len(self.shape)}{more}.'
        seen: dict[str, int] = {}
        for axis, size in pairs:
            if isinstance(axis, int) and axis != size:
                return f'An axis of {axis} is {size} here.'
            if isinstance(axis, str) and seen.setdefault(axis, size) != size:
                return f'Axis {axis!r} is {seen[axis]} in one place and {size} in another.'
        return ''

    def _layout(self, shape: tuple[int, ...]) -> str:
        """A guess at how the axes were ordered, as a hint."""
        if len(shape) < 3 or self.shape is None or Ellipsis in self.shape:
            return ''
        *batch, height, width, channels = shape
        if channels in _CHANNELS and self.fits((*batch, channels, height, width)):
            order = 'channels-last'
        elif shape[-3] in _CHANNELS and self.fits((*batch, width, channels, height)):
            order = 'channels-first'
        elif self.sizes is not None and sorted(self.sizes) == sorted(shape):
            order = 'to be in another order'
        else:
            return ''
        return f'The axes look {order}; transpose them or declare {show_shape(shape)}.'


def _places(axes: tuple[AxisSpec, ...]) -> list[tuple[int, AxisSpec]]:
    """The axes with their places in a shape; those behind the dots are counted from the end."""
    here = axes.index(Ellipsis) if Ellipsis in axes else len(axes)
    return [(place if place < here else place - len(axes), axis) for place, axis in enumerate(axes)]


@lru_cache(1024)
def _named(axes: tuple[AxisSpec, ...] | None) -> tuple[tuple[int, str], ...]:
    return tuple((place, axis) for place, axis in _places(axes or ()) if isinstance(axis, str))


@lru_cache(1024)
def _fitter(axes: tuple[AxisSpec, ...] | None, modality: str) -> Callable[[tuple[int, ...]], bool]:
    if axes is None:
        return _video if modality == 'video' else _anything
    count = len(axes)
    here = axes.index(Ellipsis) if Ellipsis in axes else count
    sizes = [(place, axis) for place, axis in _places(axes) if isinstance(axis, int)]
    named = _named(axes)
    first = {axis: place for place, axis in reversed(named)}
    same = [(place, first[axis]) for place, axis in named if first[axis] != place]

    def fits(shape: tuple[int, ...]) -> bool:
        if len(shape) != count and (here == count or len(shape) < count):
            return False
        for place, size in sizes:
            if shape[place] != size:
                return False
        return not same or all(shape[place] == shape[other] for place, other in same)

    return fits


def _anything(shape: tuple[int, ...]) -> bool:
    return True


def _video(shape: tuple[int, ...]) -> bool:
    return len(shape) in (3, 4) and shape[-1] == 3


def show_shape(shape: tuple[AxisSpec, ...], brackets: str = '[]', dtype: str = '') -> str:
    """Return a shape as text: axis names bare, ``...`` as dots.

    Args:
        shape: Axes.
        brackets: What to put around them.
        dtype: A dtype to put behind them.

    Example:
        >>> show_shape((3, 'h', ...), dtype='uint8')
        '[3, h, ..., uint8]'
    """
    parts = ['...' if axis is Ellipsis else str(axis) for axis in shape]
    trailing = ',' if brackets == '()' and len(parts) == 1 else ''
    return brackets[0] + ', '.join([*parts, dtype] if dtype else parts) + trailing + brackets[1]


def dtype_name(key: Any) -> str:
    """Return the name of a dtype however it is given, or '' for what is none.

    Args:
        key: A name, or a dtype or scalar class of numpy, torch, tensorflow, jax or Python.

    Example:
        >>> dtype_name('uint8'), dtype_name(np.float32), dtype_name('height')
        ('uint8', 'float32', '')
    """
    if isinstance(key, str):
        return key if key in DTYPES else ''
    if isinstance(key, type) and (issubclass(key, np.generic) or key in (bool, int, float, complex)):
        return np.dtype(key).name
    if isinstance(key, np.dtype):
        return str(key.name)
    inner = getattr(key, 'dtype', None)
    if isinstance(key, type) and isinstance(inner, np.dtype):  # jax.numpy.float32; no np.int64(3), a size
        return str(inner.name)
    if type(key).__name__ == 'dtype' and str(key).startswith('torch.'):
        return str(key).removeprefix('torch.')
    if hasattr(key, 'as_numpy_dtype'):  # tensorflow.DType
        return str(key.name)
    return ''


def parse_key(key: Any, dtype: Any = None) -> tuple[tuple[AxisSpec, ...] | None, str]:
    """Read what stands in the brackets of a tensor class.

    Args:
        key: One axis or a tuple or list of axes, of which the last may be a dtype.
        dtype: The dtype, where it is given apart.

    Returns:
        The axes (None where only a dtype is given) and the dtype's name ('' where none is given).

    Raises:
        SchemaError: Something in it is neither an axis nor a dtype.

    Example:
        >>> parse_key((3, 'h', ..., 'uint8')), parse_key('float32')
        (((3, 'h', Ellipsis), 'uint8'), (None, 'float32'))
    """
    axes = list(key) if isinstance(key, (tuple, list)) else [key]
    name = _check_dtype(dtype) if dtype is not None else ''
    only_dtype = False
    if not name and axes and dtype_name(axes[-1]):
        name = _check_dtype(axes.pop())
        only_dtype = not axes
    shape = tuple(_axis(axis) for axis in axes)
    if shape.count(Ellipsis) > 1:
        raise SchemaError(got=show(key), wanted='... at most once', hint='Name the axes, or use None.')
    return None if only_dtype else shape, name


def _check_dtype(dtype: object) -> str:
    name = dtype_name(dtype)
    if name not in DTYPES:
        raise SchemaError(got=f'dtype {show(dtype)}', wanted='one of ' + ', '.join(sorted(DTYPES)))
    return name


def _axis(axis: Any) -> AxisSpec:
    if axis is None:
        return None
    if axis is Ellipsis:
        return ...
    if isinstance(axis, str) and axis and axis not in DTYPES:
        return axis
    if isinstance(axis, str):
        hint = 'The name of a dtype stands for that dtype, and only at the end.' if axis else ''
        raise SchemaError(got=f'the axis name {axis!r}', wanted='another name', hint=hint)
    try:
        size = -1 if isinstance(axis, bool) else operator.index(axis)
    except TypeError:
        size = -1
    if size < 0:
        raise SchemaError(got=f'the axis {show(axis)}', wanted='a size, a name, None, ... or (last) a dtype')
    return size
