"""Names of earlier versions: module paths that users import from, as thin aliases made from one table.

Each row is an old module and the names it had; a name's home is looked up in ``_HOMES``. The modules
are made when they are first imported, by a finder that Python asks only after it has found no
such file. ``docs/decisions/004-old-module-paths.md`` says why.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_DOCUMENT = ('BaseDoc', 'BaseDocWithoutId', 'BaseDocument')
_ANY = ('AnyDoc', 'AnyDocument')
_ROWS = ('DocList', 'DocumentArray')
_COLUMNS = ('DocVec', 'DocumentArrayStacked')
_EITHER = ('AnyDocArray', 'AnyDocumentArray')
_RESPONSE = ('DocArrayResponse', 'DocumentResponse')
_FRAMEWORK_CLASSES = {
    'embedding': (
        'NdArrayEmbedding',
        'TorchEmbedding',
        'TensorFlowEmbedding',
        'JaxArrayEmbedding',
        'AnyEmbedding',
    ),
    **{
        name.lower(): tuple(
            name + kind for kind in ('NdArray', 'TorchTensor', 'TensorFlowTensor', 'JaxArray', 'Tensor')
        )
        for name in ('Image', 'Audio', 'Video')
    },
}
_MODALITY_MODULES = {
    'ndarray': 'NdArray',
    'torch_tensor': 'TorchTensor',
    'tensorflow_tensor': 'TensorFlowTensor',
    'jax_array': 'JaxArray',
    'tensor': 'Tensor',
}
_PLAIN_TENSORS = ('NdArray', 'TorchTensor', 'TensorFlowTensor', 'JaxArray', 'AnyTensor', 'AbstractTensor')
_URLS = ('AnyUrl', 'ImageUrl', 'AudioUrl', 'VideoUrl', 'TextUrl', 'Url3D', 'Mesh3DUrl', 'PointCloud3DUrl')
_BYTES = ('AudioBytes', 'BaseBytes', 'ImageBytes', 'VideoBytes')
_ABSTRACT = ('AbstractAudioTensor', 'AbstractImageTensor')
_SHAPES = ('Mesh3D', 'PointCloud3D', 'PointsAndColors', 'VerticesAndFaces')
_FROM_SCHEMA = ('create_base_doc_from_schema', 'create_pure_python_type_model')
_BACKENDS = ('NumpyCompBackend', 'TorchCompBackend', 'TensorFlowCompBackend', 'JaxCompBackend')
_MESSAGES = (
    *('DocProto', 'DocListProto', 'DocVecProto', 'NodeProto', 'NdArrayProto', 'DenseNdArrayProto'),
    *('ListOfAnyProto', 'DictOfAnyProto', 'ListOfDocArrayProto', 'ListOfDocVecProto'),
    *('KeyValuePair', 'GenericDictValue'),
    *('DocumentProto', 'DocumentArrayProto', 'DocumentArrayStackedProto'),
)
_FIND = ('FindResult', 'FindResultBatched', 'find', 'find_batched')

#: Where a name lives now, if not in the module that stands beside it in ``MODULES``.
_HOMES = {
    'docarray': (*_DOCUMENT, *_ANY, *_ROWS, *_COLUMNS),
    'docarray.array.typed': _EITHER,
    'docarray.web': _RESPONSE,
    'docarray.typing': (*_PLAIN_TENSORS, *(name for names in _FRAMEWORK_CLASSES.values() for name in names)),
    'docarray.typing.bytes': (*_BYTES, 'VideoLoadResult'),
    'docarray.typing.modality': _ABSTRACT,
    'docarray.typing.urls': _URLS,
    'docarray.documents': ('LegacyDocument', *_SHAPES),
    'docarray.documents.from_schema': _FROM_SCHEMA,
    'docarray.search.computation': ('AbstractComputationalBackend', *_BACKENDS),
    'docarray.search': (*_FIND, 'map_docs', 'map_docs_batched', 'reduce', 'reduce_all'),
    'docarray.search.filter': ('filter', 'filter_docs'),
    'docarray.data': ('MultiModalDataset',),
    'docarray.data.paths': ('get_paths',),
    'docarray.formats.protobuf.descriptor': _MESSAGES,
    'docarray.stores.earlier': ('ConcurrentPushException', 'FileDocStore', 'S3DocStore'),
}
#: The modules that protoc made of ``docarray.proto``.
_MESSAGE_MODULES = ('', '.pb', '.pb.docarray_pb2', '.pb2', '.pb2.docarray_pb2')
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

MODULES: dict[str, Sequence[str]] = {
    'docarray.array.abstract_array': _EITHER,
    'docarray.array.any_array': _EITHER,
    'docarray.array.array': _ROWS,
    'docarray.array.array.array': _ROWS,
    'docarray.array.doc_list': _ROWS,
    'docarray.array.doc_list.doc_list': _ROWS,
    'docarray.array.doc_vec': _COLUMNS,
    'docarray.array.doc_vec.doc_vec': _COLUMNS,
    'docarray.array.stacked': _COLUMNS,
    'docarray.array.stacked.array_stacked': _COLUMNS,
    'docarray.base_doc': (*_DOCUMENT, *_ANY, *_RESPONSE),
    'docarray.base_doc.any_doc': _ANY,
    'docarray.base_doc.doc': _DOCUMENT,
    'docarray.base_doc.docarray_response': _RESPONSE,
    'docarray.base_document': (*_DOCUMENT, *_ANY, *_RESPONSE),
    'docarray.base_document.any_document': _ANY,
    'docarray.base_document.document': _DOCUMENT,
    'docarray.base_document.document_response': _RESPONSE,
    'docarray.computation': ('AbstractComputationalBackend', *_BACKENDS),
    'docarray.computation.abstract_comp_backend': ('AbstractComputationalBackend',),
    **{
        f'docarray.computation.{module}_backend': (backend,)
        for module, backend in zip(('numpy', 'torch', 'tensorflow', 'jax'), _BACKENDS, strict=True)
    },
    'docarray.data.torch_dataset': ('MultiModalDataset',),
    'docarray.documents.legacy.legacy_document': ('LegacyDocument',),
    'docarray.documents.mesh.mesh_3d': ('Mesh3D',),
    'docarray.documents.mesh.vertices_and_faces': ('VerticesAndFaces',),
    'docarray.documents.point_cloud.point_cloud_3d': ('PointCloud3D',),
    'docarray.documents.point_cloud.points_and_colors': ('PointsAndColors',),
    'docarray.helper': ('get_paths',),
    'docarray.store': ('FileDocStore', 'S3DocStore'),
    'docarray.store.exceptions': ('ConcurrentPushException',),
    'docarray.store.file': ('FileDocStore',),
    'docarray.store.s3': ('S3DocStore',),
    **{f'docarray.proto{module}': _MESSAGES for module in _MESSAGE_MODULES},
    **{
        f'docarray.typing.bytes.{name.lower()}_bytes': (f'{name}Bytes',)
        for name in ('Audio', 'Base', 'Image')
    },
    'docarray.typing.bytes.video_bytes': ('VideoBytes', 'VideoLoadResult'),
    'docarray.typing.tensor': (
        *_PLAIN_TENSORS,
        *(name for names in _FRAMEWORK_CLASSES.values() for name in names),
    ),
    'docarray.typing.tensor.abstract_tensor': ('AbstractTensor',),
    'docarray.typing.tensor.ndarray': ('NdArray',),
    'docarray.typing.tensor.tensor': ('AnyTensor',),
    'docarray.typing.tensor.torch_tensor': ('TorchTensor',),
    'docarray.typing.tensor.tensorflow_tensor': ('TensorFlowTensor',),
    'docarray.typing.tensor.jaxarray': ('JaxArray',),
    **{f'docarray.typing.tensor.{name}': names for name, names in _FRAMEWORK_CLASSES.items()},
    **{
        f'docarray.typing.tensor.{name.lower()}.{name.lower()}_{module}': (name + kind,)
        for name in ('Image', 'Audio', 'Video')
        for module, kind in _MODALITY_MODULES.items()
    },
    **{
        f'docarray.typing.tensor.embedding.{module}': (name,)
        for module, name in zip(
            ('ndarray', 'torch', 'tensorflow', 'jax_array', 'embedding'),
            _FRAMEWORK_CLASSES['embedding'],
            strict=True,
        )
    },
    'docarray.typing.tensor.audio.abstract_audio_tensor': ('AbstractAudioTensor',),
    'docarray.typing.tensor.image.abstract_image_tensor': ('AbstractImageTensor',),
    'docarray.typing.url': _URLS,
    **{
        f'docarray.typing.url.{name.lower()}_url': (f'{name}Url',)
        for name in ('Any', 'Image', 'Audio', 'Video', 'Text')
    },
    'docarray.typing.url.url_3d': ('Url3D', 'Mesh3DUrl', 'PointCloud3DUrl'),
    'docarray.typing.url.url_3d.url_3d': ('Url3D',),
    'docarray.typing.url.url_3d.mesh_url': ('Mesh3DUrl',),
    'docarray.typing.url.url_3d.point_cloud_url': ('PointCloud3DUrl',),
    'docarray.utils': (),
    'docarray.utils.create_dynamic_doc_class': _FROM_SCHEMA,
    'docarray.utils.filter': ('filter', 'filter_docs'),
    'docarray.utils.find': _FIND,
    'docarray.utils.map': ('map_docs', 'map_docs_batched'),
    'docarray.utils.reduce': ('reduce', 'reduce_all'),
}


class AliasFinder(MetaPathFinder, Loader):
    """Finds the old module paths of ``MODULES`` and loads their names when they are used."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname in MODULES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        names = MODULES[module.__name__]

        def load(name: str) -> Any:
            if name not in names:
                raise AttributeError(f'module {module.__name__!r} has no attribute {name!r}')
            return getattr(importlib.import_module(_HOME_OF[name]), name)

        module.__doc__ = f'Names of earlier versions: {", ".join(names)}.'
        module.__dict__.update(__all__=list(names), __getattr__=load, __dir__=lambda: list(names))
