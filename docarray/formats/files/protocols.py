"""The protocols of files and bytes: what each is, and what the names of files say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from docarray.errors import InvalidValueError, show
from docarray.formats.files.compression import compression

__all__ = ['PROTOCOLS', 'Protocol', 'chosen', 'protocol_of']

DEFAULT = 'protobuf-array'


@dataclass(frozen=True)
class Protocol:
    """One way to write arrays of documents.

    The functions are found by name when they are used, so that no protocol imports what another needs.

    Attributes:
        name: Its name.
        write: ``(array[, each]) -> bytes``, without checksums; as the module in this package and the name.
        save: ``(job, sink)``, into a file, with checksums.
        read: ``(input[, lines]) -> Iterator[Batch]``, of either.
        each: Whether documents are compressed one by one.
        sealed: Whether files have checksums.
        options: More arguments for ``read``.
    """

    name: str
    write: str
    save: str
    read: str
    each: bool = False
    sealed: bool = True
    options: tuple[Any, ...] = ()

    def function(self, kind: str) -> Any:
        """Return one of the functions: 'write', 'save' or 'read'."""
        module, _, name = getattr(self, kind).partition(':')
        return getattr(import_module(f'docarray.formats.files.{module}'), name)


PROTOCOLS = {
    row.name: row
    for row in (
        Protocol(
            'protobuf-array', 'protobuf:write_message', 'protobuf:save_message', 'protobuf:read_message'
        ),
        Protocol(
            'protobuf', 'protobuf:write_stream', 'protobuf:save_stream', 'protobuf:read_stream', each=True
        ),
        Protocol('arrow', 'arrow:write_stream', 'arrow:save_stream', 'arrow_read:read_arrow'),
        Protocol('arrow-file', 'arrow:write_file', 'arrow:save_file', 'arrow_read:read_arrow'),
        Protocol('feather', 'arrow:write_feather', 'arrow:save_feather', 'arrow_read:read_arrow'),
        Protocol('parquet', 'arrow:write_parquet', 'arrow:save_parquet', 'arrow_read:read_parquet'),
        Protocol(
            'json', 'json:write_lines', 'json:save_lines', 'json:read_json', sealed=False, options=(True,)
        ),
        Protocol(
            'json-array',
            'json:write_array',
            'json:save_array',
            'json:read_json',
            sealed=False,
            options=(False,),
        ),
        Protocol(
            'pickle',
            'pickle:write_stream',
            'pickle:save_stream',
            'pickle:read_stream',
            each=True,
            sealed=False,
        ),
        Protocol(
            'pickle-array', 'pickle:write_array', 'pickle:save_array', 'pickle:read_array', sealed=False
        ),
    )
}

#: What names of files end in, beside the names of protocols and compressions themselves.
_PROTOCOL_ENDINGS = {
    **{name: name for name in PROTOCOLS},
    'arrow': 'arrow-file',  # as registered with IANA, and as other libraries have it
    'arrows': 'arrow',
    'ipc': 'arrow-file',
    'jsonl': 'json',
    'ndjson': 'json',
    'pkl': 'pickle',
    'pq': 'parquet',
}
_COMPRESSION_ENDINGS = {
    'bz2': 'bz2',
    'gz': 'gzip',
    'gzip': 'gzip',
    'lz4': 'lz4',
    'lzma': 'lzma',
    'xz': 'lzma',
    'zlib': 'zlib',
    'zst': 'zstd',
    'zstd': 'zstd',
}


def protocol_of(name: str) -> Protocol:
    """Return the protocol of a name.

    Raises:
        InvalidValueError: There is none.

    Example:
        >>> protocol_of('json').name
        'json'
    """
    found = PROTOCOLS.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidValueError(where='protocol', got=show(name), wanted=' or '.join(map(repr, PROTOCOLS)))
    return found


def chosen(file_name: str, protocol: str | None, compress: str | None) -> tuple[Protocol, str]:
    """Return the protocol and the name of the compression of a file, '' for none.

    Args:
        file_name: A path or URL, '' where there is none.
        protocol: What the call says; else the name does.
        compress: What the call says; else the name does.

    Raises:
        InvalidValueError: There is no such protocol or compression, or the name alone says pickle.

    Example:
        >>> protocol, compress = chosen('docs.protobuf.lz4', None, None)
        >>> protocol.name, compress
        ('protobuf', 'lz4')
    """
    by_name, compress_by_name = _by_name(file_name) if file_name else (DEFAULT, '')
    if protocol is None and by_name.startswith('pickle'):
        raise InvalidValueError(
            where=file_name,
            got='a name that says pickle',
            wanted=f'protocol={by_name!r} in the call',
            hint='Reading a pickle can run any code that its writer chose.',
        )
    found = protocol_of(by_name if protocol is None else protocol)
    return found, compress_by_name if compress is None else compression(compress).name


def _by_name(file_name: str) -> tuple[str, str]:
    inner = file_name.partition('::')[0]  # of a URL within another, the file comes first
    if inner.lower().startswith(('http://', 'https://')):
        inner = inner.partition('#')[0].partition('?')[0]
    endings = os.path.basename(inner.replace('\\', '/')).lower().split('.')[1:]
    compress = _COMPRESSION_ENDINGS.get(endings[-1], '') if endings else ''
    if compress:
        endings.pop()
    return _PROTOCOL_ENDINGS.get(endings[-1], DEFAULT) if endings else DEFAULT, compress
