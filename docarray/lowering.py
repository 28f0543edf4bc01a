"""Lowering: the one place where annotations become kinds.

A logical type is recognised here once and for all; formats, stores and indexes see its kind only.
Field types may bring their codec themselves, by a class method ``__docarray_codec__``. Documents and
arrays of documents are known by the marker attributes that their classes carry, so that this
module imports neither.
"""

from __future__ import annotations

import collections
import collections.abc
import enum
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Union

from pydantic.fields import FieldInfo

from docarray._hints import alias_of, alias_value, members_of, unalias, without_self
from docarray.codecs import STANDARD, any_framework, json_codec, literal_codec
from docarray.enums import enum_codec
from docarray.errors import SchemaError, show
from docarray.frameworks import framework_of
from docarray.kinds import Codec, Kind

DOCUMENT_MARK = '__docarray_document__'
ARRAY_MARK = '__docarray_array__'
STACKED_MARK = '__docarray_stacked__'
#: On AnyDocument itself, not on classes derived from it: documents whose fields are not known.
SCHEMALESS_MARK = '__docarray_schemaless__'

Form = Literal['cells', 'nested', 'docs', 'variant']
Collect = Callable[[list[Any]], Any]

_SEQUENCES: dict[Any, Collect] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
}
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


@dataclass(frozen=True)
class Lowered:
    """What one annotation comes to.

    Attributes:
        form: 'cells' for one column of a kind, 'nested' for a document, 'docs' for many of one
            class, 'variant' for a union of document classes.
        nullable: Whether None is allowed beside it.
        codec: For 'cells'.
        documents: The document class of 'nested' and 'docs', the classes of 'variant'.
        collect: For 'docs': makes the field's value of a list of documents.
        spread: For 'docs': lists the documents of the field's value.
    """

    form: Form
    nullable: bool = False
    codec: Codec | None = None
    documents: tuple[type, ...] = ()
    collect: Collect = list
    spread: Callable[[Any], list[Any]] = list


def is_document(annotation: Any) -> bool:
    """Whether an annotation is a document class."""
    return isinstance(annotation, type) and bool(getattr(annotation, DOCUMENT_MARK, False))


def lower_field(field: FieldInfo, document: type | None = None) -> Lowered:
    """Lower a pydantic field: its annotation and the metadata that pydantic took out of ``Annotated``.

    Args:
        field: The field.
        document: The class that it is a field of, which is what ``Self`` means.
    """
    annotation = field.annotation if document is None else without_self(field.annotation, document)
    return lower(annotation, tuple(field.metadata))


def lower(annotation: Any, metadata: tuple[Any, ...] = ()) -> Lowered:
    """Lower an annotation to kinds.

    Args:
        annotation: Any type that pydantic accepts for a field.
        metadata: What stood behind it in ``Annotated[...]``.

    Returns:
        The form, the codec and whether None is allowed.

    Example:
        >>> lower(int | None).nullable, lower(int | None).codec.kind.name
        (True, 'int')
    """
    annotation, inner = unalias(annotation)
    metadata = inner + metadata
    for item in metadata:
        if hasattr(item, 'tensor_class'):  # typing.Shape: Annotated[torch.Tensor, Shape(3, 224, 224)]
            return _cells(item.tensor_class(_without_none(annotation)), _allows_none(annotation))
        if hasattr(item, '__docarray_codec__'):
            return Lowered('cells', _allows_none(annotation), item.__docarray_codec__())
    if alias_of(annotation) is not None:
        return Lowered('cells', _allows_none(annotation), json_codec(annotation))
    origin = typing.get_origin(annotation)
    if origin is Union or origin is types.UnionType:
        return _lower_union(annotation)
    if annotation is None or annotation is type(None):
        return Lowered('cells', True, json_codec(annotation))
    # An array's class has an origin, for it looks like an alias too; list[int] is a type in Python 3.10.
    if isinstance(annotation, type) and (origin is None or hasattr(annotation, ARRAY_MARK)):
        return _lower_class(annotation)
    if origin is Literal:
        return Lowered('cells', codec=literal_codec(annotation))
    if origin is tuple and not _is_plain_tuple(annotation):
        return Lowered('cells', codec=json_codec(annotation))
    if origin in _SEQUENCES:
        return _lower_sequence(origin, annotation)
    if origin in _MAPPINGS:
        return Lowered('cells', codec=_mapping(annotation))
    return Lowered('cells', codec=json_codec(annotation))


def _allows_none(annotation: Any) -> bool:
    annotation, _ = unalias(annotation)
    if alias_of(annotation) is not None:
        return _allows_none(alias_value(annotation))
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return any(_allows_none(arg) for arg in typing.get_args(annotation))
    return annotation is type(None) or annotation is Any


def _without_none(annotation: Any) -> Any:
    members = members_of(annotation)
    return members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007 - made at run time


def _cells(cls: Any, nullable: bool = False) -> Lowered:
    return Lowered('cells', nullable, any_framework(cls.__docarray_codec__()))


def _lower_union(annotation: Any) -> Lowered:
    members, nullable = members_of(annotation), _allows_none(annotation)
    if len(members) == 1:
        return replace(lower(members[0]), nullable=nullable)
    lowered = [lower(member) for member in members]
    if lowered and all(one.form == 'nested' and not one.nullable for one in lowered):
        documents = tuple(one.documents[0] for one in lowered)
        _check_tags(documents)
        return Lowered('variant', nullable, documents=documents)
    codecs = [one.codec for one in lowered if one.codec is not None]
    if len(codecs) == len(lowered) and codecs and all(codec.kind.name == 'tensor' for codec in codecs):
        return Lowered('cells', nullable, _tensor_union(codecs))
    return Lowered('cells', nullable, json_codec(annotation))


def _check_tags(members: tuple[type, ...]) -> None:
    names = [member.__name__ for member in members]
    if len(set(names)) < len(names):
        raise SchemaError(
            where=' | '.join(names),
            got='two document classes of one name',
            wanted='distinct class names, which tell the rows of a union apart',
            hint='Rename one of the classes.',
        )


def _tensor_union(codecs: list[Codec]) -> Codec:
    """One column for a union of tensor classes: the class follows the framework of the value."""
    by_framework = {codec.framework: codec for codec in codecs}

    def pick(value: Any) -> Codec:
        framework = framework_of(value)
        name = framework.name if framework is not None else getattr(value, 'tensor_type').framework  # noqa: B009
        return by_framework.get(name) or by_framework.get('') or codecs[0]

    return Codec(
        Kind('tensor'),
        pack=lambda value: pick(value).pack(value),
        unpack=lambda value: pick(value).unpack(value),
    )


def _lower_class(cls: type) -> Lowered:
    if hasattr(cls, '__docarray_codec__'):
        return _cells(cls)
    array: Any = cls  # every class with the mark has document_type and construct
    if getattr(array.document_type if hasattr(cls, ARRAY_MARK) else cls, SCHEMALESS_MARK, False):
        return Lowered('cells', codec=json_codec(cls))
    if is_document(cls):
        return Lowered('nested', documents=(cls,))
    if hasattr(cls, ARRAY_MARK):
        return Lowered('docs', documents=(array.document_type,), collect=array.construct)
    if issubclass(cls, enum.Enum):
        return Lowered('cells', codec=enum_codec(cls))
    if cls in _SEQUENCES:
        return Lowered('cells', codec=Codec(Kind('list', item=json_codec(Any)), list, _SEQUENCES[cls]))
    if cls in _MAPPINGS:
        return Lowered('cells', codec=Codec(Kind('map', item=json_codec(Any))))
    return Lowered('cells', codec=STANDARD.get(cls) or json_codec(cls))


def _lower_sequence(origin: Any, annotation: Any) -> Lowered:
    collect, item = _SEQUENCES[origin], typing.get_args(annotation)[0]
    lowered = lower(item)
    if lowered.form == 'nested' and not lowered.nullable:
        return Lowered('docs', documents=lowered.documents, collect=collect)
    codec = lowered.codec if lowered.codec is not None and not lowered.nullable else json_codec(item)
    if codec.plain:
        return Lowered('cells', codec=Codec(Kind('list', item=codec), list, collect))
    return Lowered(
        'cells',
        codec=Codec(
            Kind('list', item=codec),
            lambda values: [codec.pack(value) for value in values],
            lambda values: collect([codec.unpack(value) for value in values]),
        ),
    )


def _mapping(annotation: Any) -> Codec:
    key, item = typing.get_args(annotation)
    lowered = lower(item)
    if key is not str or lowered.codec is None or lowered.nullable:
        return json_codec(annotation)
    codec = lowered.codec
    return Codec(
        Kind('map', item=codec),
        lambda values: {name: codec.pack(value) for name, value in values.items()},
        lambda values: {name: codec.unpack(value) for name, value in values.items()},
    )


def _is_plain_tuple(annotation: Any) -> bool:
    """Whether it is ``tuple[T, ...]``: any number of one type."""
    args = typing.get_args(annotation)
    return len(args) == 2 and args[1] is Ellipsis


def describe(lowered: Lowered) -> str:
    """Say a lowered annotation in one canonical line, the same in every process.

    Example:
        >>> describe(lower(list[int] | None))
        'list(int)?'
    """
    mark = '?' if lowered.nullable else ''
    if lowered.form == 'cells':
        assert lowered.codec is not None
        return _describe_kind(lowered.codec.kind) + mark
    names = '|'.join(cls.__name__ for cls in lowered.documents)
    return f'{lowered.form}({names}){mark}'


def _describe_kind(kind: Kind) -> str:
    if kind.item is not None:
        return f'{kind.name}({_describe_kind(kind.item.kind)})'
    if kind.name == 'tensor':
        return f'tensor({show(kind.shape, 200)}, {kind.dtype or "any"})'
    return 'blob' if kind.blob else kind.name
