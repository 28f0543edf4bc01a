"""Plug-ins by name: sorted rows for our own, entry points (group ``docarray.<kind>``) only on a miss."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Row:
    """One plug-in: its name, where its class is, the extra that it needs, and what it is."""

    name: str
    target: str
    extra: str
    about: str

    def load(self) -> Any:
        """Import the module and return the class."""
        module, _, attribute = self.target.partition(':')
        return getattr(importlib.import_module(module), attribute)


ROWS: dict[str, tuple[Row, ...]] = {
    # What documents and arrays offer as methods but higher layers do.
    'method': (
        Row('array_from_bytes', 'docarray.formats.files.binary:array_from_bytes', '', 'an array of bytes'),
        Row('array_from_json', 'docarray.formats.files.json:array_from_json', '', 'an array of JSON'),
        Row('array_to_bytes', 'docarray.formats.files.binary:array_to_bytes', '', 'an array as bytes'),
        Row('arrow_schema', 'docarray.formats.arrow:arrow_schema', 'arrow', 'a class as an Arrow schema'),
        Row(
            'document_from_bytes',
            'docarray.formats.files.binary:document_from_bytes',
            '',
            'a document of bytes',
        ),
        Row('document_from_json', 'docarray.formats.files.json:document_from_json', '', 'a document of JSON'),
        Row('document_to_bytes', 'docarray.formats.files.binary:document_to_bytes', '', 'one as bytes'),
        Row('from_arrow', 'docarray.formats.arrow:from_arrow', 'arrow', 'an array of an Arrow table'),
        Row('from_csv', 'docarray.formats.tables.csv:from_csv', '', 'an array of a CSV file'),
        Row('from_dataframe', 'docarray.formats.tables.frames:from_dataframe', '', 'of a data frame'),
        Row('from_protobuf', 'docarray.formats.protobuf:from_protobuf', 'proto', 'of a protobuf message'),
        Row('html', 'docarray.display.html:to_html', '', 'HTML of a document or array'),
        Row('load_binary', 'docarray.formats.files.binary:load_binary', '', 'an array of a file'),
        Row('proto_schema', 'docarray.formats.protobuf:proto_schema', '', 'a class as a .proto file'),
        Row('open', 'docarray.stores.opened:open_array', 'arrow', 'an array in a store, to be read lazily'),
        Row('pull', 'docarray.stores.arrays:pull', 'arrow', 'an array of a store'),
        Row('pull_stream', 'docarray.stores.arrays:pull_stream', 'arrow', 'the documents of a store'),
        Row('push', 'docarray.stores.arrays:push', 'arrow', 'write an array to a store'),
        Row('push_stream', 'docarray.stores.arrays:push_stream', 'arrow', 'write documents to a store'),
        Row('rich', 'docarray.display.text:to_rich', 'display', 'rich renderable of a document or array'),
        Row('rows', 'docarray.array.rows:DocumentArray', '', 'the rows that a stacked array unstacks to'),
        Row('save_binary', 'docarray.formats.files.binary:save_binary', '', 'write an array to a file'),
        Row('show', 'docarray.display.text:show', '', 'print a summary'),
        Row('show_schema', 'docarray.display.text:show_schema', '', 'print the fields of a class'),
        Row('tensor_from_protobuf', 'docarray.formats.protobuf:tensor_from_proto', 'proto', 'a tensor'),
        Row('tensor_to_protobuf', 'docarray.formats.protobuf:tensor_to_proto', 'proto', 'an NdArrayProto'),
        Row('to_arrow', 'docarray.formats.arrow:to_arrow', 'arrow', 'an array as an Arrow table'),
        Row('to_csv', 'docarray.formats.tables.csv:to_csv', '', 'write an array as CSV'),
        Row('to_dataframe', 'docarray.formats.tables.frames:to_dataframe', '', 'as a data frame'),
        Row('to_json', 'docarray.formats.json:dump_rows', '', 'JSON of an array'),
        Row('to_json_document', 'docarray.formats.json:dump_document', '', 'JSON of a document'),
        Row('to_protobuf', 'docarray.formats.protobuf:to_protobuf', 'proto', 'a protobuf message'),
    ),
    # Bytes load into tensors and tensors encode to bytes; by name, so that no module imports in a circle.
    'media_bytes': (
        Row('audio', 'docarray.typing.bytes:AudioBytes', '', 'what audio tensors encode to'),
        Row('image', 'docarray.typing.bytes:ImageBytes', '', 'what image tensors encode to'),
    ),
    'format': (
        Row('arrow', 'docarray.formats.arrow:ArrowFormat', 'arrow', 'an Arrow IPC stream'),
        Row('arrow-file', 'docarray.formats.arrow:ArrowFileFormat', 'arrow', 'an Arrow IPC file'),
        Row('feather', 'docarray.formats.arrow:FeatherFormat', 'arrow', 'a Feather file, compressed or not'),
        Row('json', 'docarray.formats.json:JsonFormat', '', 'JSON; a document a line in streams'),
        Row('parquet', 'docarray.formats.arrow:ParquetFormat', 'arrow', 'a Parquet file'),
        Row('protobuf', 'docarray.formats.protobuf:ProtobufFormat', 'proto', 'messages of docarray.proto'),
    ),
    'framework': (
        Row('jax', 'docarray.frameworks.jax:JaxFramework', 'jax', 'jax.Array on any XLA device'),
        Row('numpy', 'docarray.frameworks.numpy:NumpyFramework', '', 'numpy.ndarray'),
        Row('tensorflow', 'docarray.frameworks.tensorflow:TensorFlowFramework', 'tensorflow', 'tf.Tensor'),
        Row('torch', 'docarray.frameworks.torch:TorchFramework', 'torch', 'torch.Tensor on any device'),
    ),
    'store': (
        Row('az', 'docarray.stores.objects:AzureStore', 's3', 'objects in Azure Blob Storage'),
        Row('file', 'docarray.stores.file:FileStore', '', 'files of this machine'),
        Row('gs', 'docarray.stores.objects:GoogleStore', 's3', 'objects in Google Cloud Storage'),
        Row('lance', 'docarray.stores.lance:LanceArrays', 'lance', 'Lance datasets of this machine'),
        Row('lance+s3', 'docarray.stores.lance:LanceS3Arrays', 'lance', 'Lance datasets in S3'),
        Row('memory', 'docarray.stores.objects:MemoryStore', 's3', 'objects in the memory of this process'),
        Row('s3', 'docarray.stores.objects:S3Store', 's3', 'objects in S3 and in services like it'),
    ),
}


@cache
def method(name: str) -> Any:
    """Return the function behind a method of documents or arrays that a higher layer does."""
    return find('method', name).load()


@cache
def _entry_points(kind: str) -> dict[str, Row]:
    from importlib.metadata import entry_points

    found = entry_points(group=f'docarray.{kind}')
    return {point.name: Row(point.name, point.value, '', 'from another package') for point in found}


def find(kind: str, name: str) -> Row:
    """Return the row of that name, or raise KeyError listing the names there are."""
    for row in ROWS.get(kind, ()):
        if row.name == name:
            return row
    try:
        return _entry_points(kind)[name]
    except KeyError:
        raise KeyError(f'no {kind} named {name!r}; there are {names(kind)}') from None


def names(kind: str) -> list[str]:
    """Return all names of a kind, sorted."""
    return sorted({row.name for row in ROWS.get(kind, ())} | set(_entry_points(kind)))


def extra_names(kind: str) -> list[str]:
    """Return the names that only entry points supply, sorted."""
    return sorted(set(_entry_points(kind)) - {row.name for row in ROWS.get(kind, ())})
