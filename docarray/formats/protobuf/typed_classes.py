"""The plan of a document class as message classes, made of a descriptor by any protobuf from 3.20 on.

They are made at the first request, in a descriptor pool of their own, so that they never meet the classes
that protoc generates from the same file.
"""

from __future__ import annotations

from typing import Any

from docarray import _lazy
from docarray._typed import class_cache
from docarray.formats.protobuf.pools import entry_name, message_classes
from docarray.formats.protobuf.typed_plan import SCALARS, Plan, ProtoField, ProtoMessage

__all__ = ['classes_of', 'file_descriptor']


def classes_of(plan: Plan) -> dict[str, Any]:
    """Return the message classes of a plan by the names of the messages.

    Raises:
        MissingExtraError: protobuf is not installed.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.protobuf.typed_plan import plan_of
        >>> classes_of(plan_of(TextDoc))['TextDoc'].DESCRIPTOR.full_name
        'docarray.typed.textdoc.TextDoc'
    """
    values = class_cache(plan.root).values
    found = values.get('typed_messages') or values.setdefault(
        'typed_messages', message_classes(file_descriptor(plan))
    )
    classes: dict[str, Any] = found
    return classes


def file_descriptor(plan: Plan) -> Any:
    """Return a plan as the ``FileDescriptorProto`` that protoc makes of its text.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.protobuf.typed_plan import plan_of
        >>> file_descriptor(plan_of(TextDoc)).name
        'docarray/typed/textdoc.proto'
    """
    descriptor_pb2 = _lazy.load('google.protobuf.descriptor_pb2')
    name = plan.package.replace('.', '/') + '.proto'
    file = descriptor_pb2.FileDescriptorProto(name=name, package=plan.package, syntax='proto3')
    for message in plan.messages:
        _fill(file.message_type.add(name=message.name), message, f'.{plan.package}.')
    return file


def _fill(target: Any, message: ProtoMessage, scope: str) -> None:
    """Fill in a DescriptorProto; ``scope`` is where the messages are."""
    oneofs = list(dict.fromkeys(one.oneof for one in message.fields if one.oneof))
    taken = {*oneofs, *(one.name for one in message.fields)}
    for oneof in oneofs:
        target.oneof_decl.add(name=oneof)
    for one in message.fields:
        made = _add_field(target, one, scope)
        if one.oneof:
            made.oneof_index = oneofs.index(one.oneof)
        elif one.label == 'optional':  # which is, in proto3, a oneof of its own
            own = f'_{one.name}'
            while own in taken:
                own = f'X{own}'
            taken.add(own)
            made.oneof_index, made.proto3_optional = len(target.oneof_decl), True
            target.oneof_decl.add(name=own)


def _add_field(target: Any, one: ProtoField, scope: str) -> Any:
    made = target.field.add(name=one.name, number=one.number)
    made.label = made.LABEL_REPEATED if one.label in ('repeated', 'map') else made.LABEL_OPTIONAL
    if one.label == 'map':
        entry = target.nested_type.add(name=entry_name(one.name))
        entry.options.map_entry = True
        for part in (ProtoField('key', 1, 'string'), ProtoField('value', 2, one.type)):
            _add_field(entry, part, scope)
        made.type, made.type_name = made.TYPE_MESSAGE, f'{scope}{target.name}.{entry.name}'
    elif one.type in SCALARS.values():
        made.type = getattr(made, f'TYPE_{one.type.upper()}')
    else:
        made.type, made.type_name = made.TYPE_MESSAGE, scope + one.type
    return made
