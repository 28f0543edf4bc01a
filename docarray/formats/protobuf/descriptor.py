"""The messages of ``docarray.proto``: one descriptor, and the classes that any protobuf package makes of it.

There are no generated modules, which would each need their own range of protobuf versions. The classes are
made when they are first used, in a descriptor pool of their own, so that they never meet other
files of that name.
"""

from __future__ import annotations

import re
from functools import cache
from threading import RLock
from typing import Any

from docarray import _lazy
from docarray.formats.protobuf.pools import entry_name, message_classes

__all__ = ['MESSAGES', 'NAMES', 'file_descriptor', 'message_class']

FILE = 'docarray.proto'
PACKAGE = 'docarray'
STRUCT = 'google/protobuf/struct.proto'

#: The fields of each message as the .proto file has them, those of a oneof behind its name and a colon.
MESSAGES: dict[str, tuple[str, ...]] = {
    'DenseNdArrayProto': ('bytes buffer = 1', 'repeated uint32 shape = 2', 'string dtype = 3'),
    'NdArrayProto': ('DenseNdArrayProto dense = 1', 'google.protobuf.Struct parameters = 2'),
    'KeyValuePair': ('google.protobuf.Value key = 1', 'google.protobuf.Value value = 2'),
    'GenericDictValue': ('repeated KeyValuePair entries = 1',),
    'NodeProto': (
        'content: string text = 1',
        'content: int64 integer = 2',
        'content: double float = 3',
        'content: bool boolean = 4',
        'content: bytes blob = 5',
        'content: NdArrayProto ndarray = 6',
        'content: DocProto doc = 7',
        'content: DocListProto doc_array = 8',
        'content: ListOfAnyProto list = 9',
        'content: ListOfAnyProto set = 10',
        'content: ListOfAnyProto tuple = 11',
        'content: DictOfAnyProto dict = 12',
        'docarray_type: string type = 13',
        'bool opaque = 1000',
    ),
    'DocProto': ('map<string, NodeProto> data = 1', 'fixed32 checksum = 1001'),
    'DictOfAnyProto': ('map<string, NodeProto> data = 1', 'repeated string order = 1000'),
    'ListOfAnyProto': ('repeated NodeProto data = 1',),
    'DocListProto': (
        'repeated DocProto docs = 1',
        'string schema = 1000',
        'fixed32 checksum = 1001',
        'string stored = 1002',
    ),
    'ListOfDocArrayProto': ('repeated DocListProto data = 1',),
    'ListOfDocVecProto': ('repeated DocVecProto data = 1',),
    'DocVecProto': (
        'map<string, NdArrayProto> tensor_columns = 1',
        'map<string, DocVecProto> doc_columns = 2',
        'map<string, ListOfDocVecProto> docs_vec_columns = 3',
        'map<string, ListOfAnyProto> any_columns = 4',
        'string schema = 1000',
        'fixed32 checksum = 1001',
        'string stored = 1002',
    ),
}

#: The names of February 2023 for messages that have others since.
OLD_NAMES = {
    'DocumentProto': 'DocProto',
    'DocumentArrayProto': 'DocListProto',
    'DocumentArrayStackedProto': 'DocVecProto',
}
NAMES = (*MESSAGES, *OLD_NAMES)

_FIELD = re.compile(
    r'(?:(?P<oneof>\w+): )?(?P<label>repeated |map<string, )?(?P<type>[\w.]+)>?'
    r' (?P<name>\w+) = (?P<number>\d+)'
)
_lock = RLock()


def message_class(name: str) -> Any:
    """Return the class of a message of ``docarray.proto``.

    Args:
        name: Its name, or the name that it had in February 2023.

    Raises:
        MissingExtraError: protobuf is not installed.

    Example:
        >>> message_class('DocProto').DESCRIPTOR.full_name
        'docarray.DocProto'
    """
    with _lock:  # two pools would make two classes of each message
        made = _classes()
    return made[OLD_NAMES.get(name, name)]


def __getattr__(name: str) -> Any:
    if name in NAMES:  # ``docarray.proto.DocProto`` ends up here, and pickles of messages
        return message_class(name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


@cache
def _classes() -> dict[str, Any]:
    classes = message_classes(file_descriptor(), _lazy.load('google.protobuf.struct_pb2'))
    for made in classes.values():
        made.__module__ = __name__  # where pickle finds it again
    return classes


def file_descriptor() -> Any:
    """Return ``docarray.proto`` as a ``FileDescriptorProto``.

    Example:
        >>> file_descriptor().package
        'docarray'
    """
    descriptor_pb2 = _lazy.load('google.protobuf.descriptor_pb2')
    file = descriptor_pb2.FileDescriptorProto(
        name=FILE, package=PACKAGE, syntax='proto3', dependency=[STRUCT]
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add_field(message, field)
    return file


def _add_field(message: Any, text: str) -> None:
    """Add a field to a DescriptorProto, with the message of its entries if it is a map."""
    found = _FIELD.fullmatch(text)
    assert found is not None
    kind, label, oneof = found['type'], found['label'] or '', found['oneof']
    field = message.field.add(name=found['name'], number=int(found['number']))
    field.label = field.LABEL_REPEATED if label else field.LABEL_OPTIONAL
    if label.startswith('map'):
        entry = message.nested_type.add(name=entry_name(found['name']))
        entry.options.map_entry = True
        _add_field(entry, 'string key = 1')
        _add_field(entry, f'{kind} value = 2')
        kind = f'{message.name}.{entry.name}'
    if '.' in kind or kind in MESSAGES:
        field.type = field.TYPE_MESSAGE
        field.type_name = f'.{kind}' if kind.startswith('google.') else f'.{PACKAGE}.{kind}'
    else:
        field.type = getattr(field, f'TYPE_{kind.upper()}')
    if oneof:
        names = [declared.name for declared in message.oneof_decl]
        if oneof not in names:
            message.oneof_decl.add(name=oneof)
            names.append(oneof)
        field.oneof_index = names.index(oneof)
