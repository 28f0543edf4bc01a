"""From any value to a native tensor of one framework, and on to a declared shape and dtype."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from docarray.errors import DocArrayError, DtypeError, TensorError, show
from docarray.frameworks import Framework, framework_of
from docarray.typing.tensor_json import from_json
from docarray.typing.types import DTYPES, TensorType, show_shape

_CONVERT = {
    'numpy': "value.astype('{0}')",
    'torch': 'value.to(torch.{0})',
    'tensorflow': "tf.cast(value, '{0}')",
    'jax': "value.astype('{0}')",
}
_WANTED = 'a tensor or nested lists of numbers'
_DEFAULT_OF = {'f': [0.0], 'i': [0], 'c': [0j]}


def native(value: Any) -> Any:
    """Return the native tensor inside one of our own, and anything else as it is."""
    return value.unwrap() if hasattr(type(value), '_docarray_to_ndarray') else value


def framework_name(value: Any) -> str:
    """Return the framework of a tensor, native or ours, by name; '' for anything else."""
    if isinstance(value, np.ndarray):
        return 'numpy'  # soonest, as most are
    framework = framework_of(native(value))
    return '' if framework is None else framework.name


def to_numpy(value: Any) -> np.ndarray[Any, Any] | None:
    """Return the values of a tensor, native or ours, as numpy; None for anything else.

    Raises:
        TensorError: It has no values, as torch's tensors on the device 'meta', or does not give them.
    """
    try:
        if hasattr(type(value), '_docarray_to_ndarray'):
            return np.asarray(value._docarray_to_ndarray())
        framework = framework_of(value)
        return None if framework is None else framework.to_numpy(value)
    except DocArrayError:
        raise
    except Exception as error:  # each framework has errors of its own
        raise TensorError(
            got=f'{show(value)}, which says: {show(str(error), 200)}',
            wanted='a tensor whose values can be read',
            hint='Compute it, or move it to a device where it has values.',
        ) from error


def to_native(value: Any, framework: Framework, dtype: str = '') -> Any:
    """Return a value as a native tensor of a framework.

    Args:
        value: A tensor of any framework, native or ours; nested lists; JSON text; the base64 form;
            an object with ``__array__``.
        framework: The framework to end up in.
        dtype: The dtype to read lists and JSON as; tensors keep their own.

    Returns:
        A native tensor, of the caller's own memory wherever the frameworks can share it.

    Raises:
        TensorError: This cannot become a tensor.
    """
    plain = native(value)
    if isinstance(plain, np.ndarray) and hasattr(plain, 'filled') and np.any(getattr(plain, 'mask', False)):
        raise TensorError(
            got='a masked array with missing values',
            wanted='a value everywhere',
            hint='Fill them first: array.filled(0).',
        )
    if framework.matches(plain):
        return plain
    array = to_numpy(value)
    if array is not None:
        return framework.from_numpy(array)
    if isinstance(value, (list, tuple)) and _holds_tensors(value):
        value = _tensors_inside(value)
    if isinstance(value, (str, list, tuple, Mapping)):
        array = from_json(value, dtype)
        named = dtype or not isinstance(value, (str, list, tuple))
        return framework.from_numpy(array) if named else _as_read(array, framework)
    if hasattr(value, '__array__') or hasattr(
        value, '__array_interface__'
    ):  # numpy's scalars, pandas, Pillow
        return framework.from_numpy(np.asarray(value))
    raise TensorError(got=f'{type(value).__name__} {show(value)}', wanted=_WANTED)


def _as_read(array: np.ndarray[Any, Any], framework: Framework) -> Any:
    """Numbers from lists, in the dtype that the framework itself would give them."""
    example = None if framework.name == 'numpy' else _DEFAULT_OF.get(array.dtype.kind)
    if example is None:
        return framework.from_numpy(array)
    wanted = framework.dtype(framework.asarray(example))
    if array.dtype.kind == 'i' and array.size:
        limits = np.iinfo(wanted)
        if not limits.min <= int(array.min()) <= int(array.max()) <= limits.max:
            return framework.from_numpy(array)
    return framework.from_numpy(array.astype(wanted, copy=False))


def _holds_tensors(value: Any) -> bool:
    """Whether the first leaf of nested lists is a tensor other than numpy's."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    found = framework_of(native(value))
    return found is not None and found.name != 'numpy'


def _tensors_inside(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_tensors_inside(item) for item in value]
    array = to_numpy(value)
    return value if array is None else array


def conform(tensor: Any, framework: Framework, kind: TensorType) -> Any:
    """Return a native tensor in the declared shape and dtype, or say why it cannot be.

    Only what cannot change the meaning of an axis is reshaped, and with a warning: axes of size 1
    come and go, and a tensor is flattened or unflattened.

    Raises:
        DtypeError: The dtype is another than the declared one, or none that a tensor can have.
        ShapeError: The shape is another.
    """
    dtype = framework.dtype(tensor)
    if (kind.dtype and dtype != kind.dtype) or dtype not in DTYPES:
        raise _wrong_dtype(dtype, kind.dtype, framework.name)
    shape = framework.shape(tensor)
    if kind.fits(shape):
        return tensor
    sizes = kind.sizes
    if sizes is not None and _same_meaning(shape, sizes):
        text = f'A tensor of shape {shape} was reshaped to the declared {show_shape(sizes)}.'
        warnings.warn(text, stacklevel=2)
        return framework.reshape(tensor, sizes)
    raise kind.error(shape) or TensorError(got=f'shape {shape}')


def _same_meaning(shape: tuple[int, ...], sizes: tuple[int, ...]) -> bool:
    if [n for n in shape if n != 1] == [n for n in sizes if n != 1]:
        return True
    return int(np.prod(shape)) == int(np.prod(sizes)) and 1 in (len(shape), len(sizes))


def _wrong_dtype(dtype: str, wanted: str, framework: str) -> DtypeError:
    if dtype not in DTYPES:
        return DtypeError(got=f'dtype {dtype}', wanted='numbers: one of ' + ', '.join(sorted(DTYPES)))
    hint = f'Convert it first: {_CONVERT[framework].format(wanted)}.' if framework in _CONVERT else ''
    return DtypeError(got=f'dtype {dtype}', wanted=wanted, hint=hint)


def guarded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a validator whose every failure is one that pydantic reports.

    Frameworks raise TypeError, RuntimeError and errors of their own about values they cannot take;
    out of a validator these would pass through pydantic as they are.
    """

    def validate(value: Any) -> Any:
        try:
            return function(value)
        except (DocArrayError, Warning):
            raise
        except Exception as error:
            got = f'{type(value).__name__} {show(value)}'
            raise TensorError(got=got, hint=show(str(error), 300)) from error

    return validate
