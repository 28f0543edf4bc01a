"""Shape: the shape and dtype of a tensor field, in the form that static type checkers understand."""

from __future__ import annotations

import types
import typing
from typing import Any, Union

import numpy as np
from pydantic import GetCoreSchemaHandler
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import CoreSchema, core_schema

from docarray._hints import alias_value, annotated
from docarray._typed import class_cache
from docarray.errors import SchemaError, show
from docarray.typing.abstract import AbstractTensor, TensorMeta
from docarray.typing.tensors import tensor_class
from docarray.typing.types import dtype_name, parse_key

__all__ = ['Shape', 'schema_of_model', 'tensor_class_of']

_TOP_MODULES = {'numpy': 'numpy', 'torch': 'torch', 'tensorflow': 'tensorflow', 'jax': 'jax', 'jaxlib': 'jax'}
_NATIVE = {'numpy': 'ndarray', 'torch': 'Tensor', 'tensorflow': 'Tensor', 'jax': 'Array'}


class Shape:
    """The shape and dtype of a tensor: ``Annotated[torch.Tensor, Shape(3, 224, 224, dtype='uint8')]``.

    The field behaves as one of ``TorchTensor[3, 224, 224, 'uint8']`` does. It stands behind the
    tensor classes of numpy, torch, tensorflow and jax, and behind docarray's own.

    Args:
        axes: Sizes, names, None and at most one ``...``.
        dtype: A dtype name or object; None takes any.

    Raises:
        SchemaError: Something is neither an axis nor a dtype.

    Example:
        >>> from typing import Annotated
        >>> from pydantic import TypeAdapter
        >>> TypeAdapter(Annotated[np.ndarray, Shape(2, dtype='uint8')]).validate_python([1, 2])
        NdArray([1, 2], dtype=uint8)
    """

    __slots__ = ('axes', 'dtype')

    def __init__(self, *axes: Any, dtype: Any = None) -> None:
        shape, self.dtype = parse_key(axes, dtype)
        #: None where only a dtype is given.
        self.axes = shape if axes else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and (self.axes, self.dtype) == (other.axes, other.dtype)

    def __hash__(self) -> int:
        return hash((self.axes, self.dtype))

    def __repr__(self) -> str:
        parts = ['...' if axis is Ellipsis else repr(axis) for axis in self.axes or ()]
        parts += [f'dtype={self.dtype!r}'] if self.dtype else []
        return f'Shape({", ".join(parts)})'

    def tensor_class(self, source: Any) -> Any:
        """Return the tensor class that this shape makes of an annotation.

        Args:
            source: ``torch.Tensor``, ``np.ndarray``, ``tf.Tensor``, ``jax.Array`` or a class of ours.

        Returns:
            A class such as ``TorchTensor[3, 224, 224]``.

        Raises:
            SchemaError: ``source`` is no tensor class.

        Example:
            >>> Shape(3, 'n').tensor_class(np.ndarray).__name__
            'NdArray[3, n]'
        """
        found, dtype = tensor_class_of(source)
        if found is None:
            raise SchemaError(where=repr(self), got=f'type {show(source)}', wanted='a tensor class before it')
        if dtype and self.dtype and dtype != self.dtype:
            raise SchemaError(
                where=repr(self), got=f'dtype {self.dtype}', wanted=f'{dtype} of {show(source)}'
            )
        dtype = dtype or self.dtype
        if self.axes is None and not dtype:
            return found
        key = (*(self.axes or ()), *([dtype] if dtype else []))
        return found[key]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        source = alias_value(source)
        origin = typing.get_origin(source)
        if origin is Union or origin is types.UnionType:
            parts = [part for part in typing.get_args(source) if part is not type(None)]
            if len(parts) == 1 and len(parts) < len(typing.get_args(source)):
                return core_schema.nullable_schema(handler.generate_schema(self.tensor_class(parts[0])))
        return handler.generate_schema(self.tensor_class(source))


def tensor_class_of(source: Any) -> tuple[Any, str]:
    """Return the tensor class for a native one, and the dtype that the annotation names.

    Args:
        source: An annotation, such as ``torch.Tensor`` or ``numpy.typing.NDArray[np.float32]``.

    Returns:
        The class (None where this is no tensor class), and a dtype name or ''.

    Example:
        >>> import numpy.typing as npt
        >>> tensor_class_of(npt.NDArray[np.float32])
        (<class 'docarray.typing.tensors.NdArray'>, 'float32')
    """
    dtype, source = '', alias_value(source)
    if typing.get_origin(source) is np.ndarray:
        for part in typing.get_args(source)[1:]:
            dtype = next((dtype_name(inner) for inner in typing.get_args(part)), '')
        source = np.ndarray
    if isinstance(source, TensorMeta):
        return (source if source is not AbstractTensor else None), dtype
    for base in getattr(source, '__mro__', ()):
        name = _TOP_MODULES.get(str(base.__module__).partition('.')[0])
        # jax says 'jaxlib._jax.Array'.
        if name is not None and base.__name__.rpartition('.')[2] == _NATIVE[name]:
            return tensor_class(name), dtype
    return None, dtype


def schema_of_model(cls: Any, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return pydantic's own schema of a model, in which a bare ``torch.Tensor`` is a tensor of any shape.

    pydantic does not know the classes of the frameworks. Fields that it refuses for that get a ``Shape()``,
    unless the class allows arbitrary types, for then pydantic refuses nothing.

    Args:
        cls: The model.
        source: What stands in the annotation for it.
        handler: pydantic's own way.

    Raises:
        SchemaError: pydantic does not know the type of a field, and it is no tensor; names the field.
    """
    if class_cache(cls).values.get('refused'):
        return core_schema.any_schema()  # this very class inside a field of its own that is looked at below
    try:
        return handler(source)
    except PydanticSchemaGenerationError:
        class_cache(cls).values['refused'] = True
        try:
            _take_tensors(cls, handler)
        finally:
            del class_cache(cls).values['refused']
    return handler(source)


def _take_tensors(cls: Any, handler: GetCoreSchemaHandler) -> None:
    for name, field in cls.model_fields.items():
        refusal = _refusal(handler, field.annotation, field.metadata)
        if isinstance(refusal, SchemaError):
            raise refusal
        if refusal is not None:
            metadata = [Shape(), *field.metadata]
            if _refusal(handler, field.annotation, metadata) is not None:
                raise SchemaError(
                    where=f'{cls.__name__}.{name}',
                    got=show(field.annotation),
                    wanted='types that pydantic knows',
                    hint='Inside of other types, declare tensors by classes such as TorchTensor or '
                    'Annotated[torch.Tensor, Shape(...)]. For classes of other kinds set '
                    'arbitrary_types_allowed=True in model_config.',
                ) from refusal
            field.metadata = metadata  # a new list: the class that the field is inherited from has the old


def _refusal(handler: GetCoreSchemaHandler, annotation: Any, metadata: list[Any]) -> Exception | None:
    try:
        handler.generate_schema(annotated(annotation, metadata))
    except (PydanticSchemaGenerationError, SchemaError) as error:
        return error
    return None
