"""Field types: tensor classes, URLs, bytes of media, IDs. Each loads what it needs when it is first used.

Example:
    >>> from pydantic import TypeAdapter
    >>> from docarray.typing import NdArray
    >>> TypeAdapter(NdArray[3, 'uint8']).validate_json('[1, 2, 3]')
    NdArray([1, 2, 3], dtype=uint8)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from docarray import _lazy

if TYPE_CHECKING:
    from docarray.typing.abstract import AbstractTensor as AbstractTensor
    from docarray.typing.blob import Blob as Blob
    from docarray.typing.bytes import AudioBytes as AudioBytes
    from docarray.typing.bytes import ImageBytes as ImageBytes
    from docarray.typing.bytes import VideoBytes as VideoBytes
    from docarray.typing.bytes import VideoLoadResult as VideoLoadResult
    from docarray.typing.id import ID as ID
    from docarray.typing.jax_array import AudioJaxArray as AudioJaxArray
    from docarray.typing.jax_array import ImageJaxArray as ImageJaxArray
    from docarray.typing.jax_array import JaxArray as JaxArray
    from docarray.typing.jax_array import JaxArrayEmbedding as JaxArrayEmbedding
    from docarray.typing.jax_array import VideoJaxArray as VideoJaxArray
    from docarray.typing.shape import Shape as Shape
    from docarray.typing.tensorflow_tensor import AudioTensorFlowTensor as AudioTensorFlowTensor
    from docarray.typing.tensorflow_tensor import ImageTensorFlowTensor as ImageTensorFlowTensor
    from docarray.typing.tensorflow_tensor import TensorFlowEmbedding as TensorFlowEmbedding
    from docarray.typing.tensorflow_tensor import TensorFlowTensor as TensorFlowTensor
    from docarray.typing.tensorflow_tensor import VideoTensorFlowTensor as VideoTensorFlowTensor
    from docarray.typing.tensors import AnyEmbedding as AnyEmbedding
    from docarray.typing.tensors import AnyTensor as AnyTensor
    from docarray.typing.tensors import AudioNdArray as AudioNdArray
    from docarray.typing.tensors import AudioTensor as AudioTensor
    from docarray.typing.tensors import ImageNdArray as ImageNdArray
    from docarray.typing.tensors import ImageTensor as ImageTensor
    from docarray.typing.tensors import NdArray as NdArray
    from docarray.typing.tensors import NdArrayEmbedding as NdArrayEmbedding
    from docarray.typing.tensors import VideoNdArray as VideoNdArray
    from docarray.typing.tensors import VideoTensor as VideoTensor
    from docarray.typing.torch_tensor import AudioTorchTensor as AudioTorchTensor
    from docarray.typing.torch_tensor import ImageTorchTensor as ImageTorchTensor
    from docarray.typing.torch_tensor import TorchEmbedding as TorchEmbedding
    from docarray.typing.torch_tensor import TorchTensor as TorchTensor
    from docarray.typing.torch_tensor import VideoTorchTensor as VideoTorchTensor
    from docarray.typing.types import TensorType as TensorType
    from docarray.typing.urls import AnyUrl as AnyUrl
    from docarray.typing.urls import AudioUrl as AudioUrl
    from docarray.typing.urls import ImageUrl as ImageUrl
    from docarray.typing.urls import Mesh3DUrl as Mesh3DUrl
    from docarray.typing.urls import PointCloud3DUrl as PointCloud3DUrl
    from docarray.typing.urls import TextUrl as TextUrl
    from docarray.typing.urls import VideoUrl as VideoUrl

_MODULES = {
    'abstract': 'AbstractTensor',
    'blob': 'Blob',
    'bytes': 'AudioBytes ImageBytes VideoBytes VideoLoadResult',
    'id': 'ID',
    'jax_array': 'AudioJaxArray ImageJaxArray JaxArray JaxArrayEmbedding VideoJaxArray',
    'shape': 'Shape',
    'tensorflow_tensor': 'AudioTensorFlowTensor ImageTensorFlowTensor TensorFlowEmbedding TensorFlowTensor '
    'VideoTensorFlowTensor',
    'tensors': 'AnyEmbedding AnyTensor AudioNdArray AudioTensor ImageNdArray ImageTensor NdArray '
    'NdArrayEmbedding VideoNdArray VideoTensor',
    'torch_tensor': 'AudioTorchTensor ImageTorchTensor TorchEmbedding TorchTensor VideoTorchTensor',
    'types': 'TensorType',
    'urls': 'AnyUrl AudioUrl ImageUrl Mesh3DUrl PointCloud3DUrl TextUrl VideoUrl',
}
#: What has to be installed for the names of a module.
_NEEDS = {'jax_array': 'jax', 'tensorflow_tensor': 'tensorflow', 'torch_tensor': 'torch'}
_NAMES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    module = _NAMES.get(name)
    if module is None:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    if module in _NEEDS:
        _lazy.load(_NEEDS[module])
    found = getattr(importlib.import_module(f'{__name__}.{module}'), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
