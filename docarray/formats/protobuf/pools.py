"""Message classes of file descriptors, by any protobuf from 3.20 on."""

from __future__ import annotations

from typing import Any

from docarray import _lazy

__all__ = ['entry_name', 'message_classes']


def message_classes(file: Any, *needed: Any) -> dict[str, Any]:
    """Return the classes of a file's messages by name.

    They are made in a descriptor pool of their own, so that they never meet classes that other modules
    generated from the same file.

    Args:
        file: A ``FileDescriptorProto``.
        *needed: Modules that protoc generated, of the files that it imports.

    Raises:
        MissingExtraError: protobuf is not installed.
    """
    factory = _lazy.load('google.protobuf.message_factory')
    pool = _lazy.load('google.protobuf.descriptor_pool').DescriptorPool()
    for module in needed:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    if hasattr(factory, 'GetMessageClass'):
        make = factory.GetMessageClass
    else:  # before protobuf 4.22
        make = factory.MessageFactory(pool).GetPrototype
    found = pool.FindFileByName(file.name).message_types_by_name
    return {name: make(descriptor) for name, descriptor in found.items()}


def entry_name(field: str) -> str:
    """Return the name that protoc gives to the message of a map's entries.

    Example:
        >>> entry_name('any_columns')
        'AnyColumnsEntry'
    """
    return ''.join(part[:1].upper() + part[1:] for part in field.split('_')) + 'Entry'
