"""Document classes out of Arrow schemas: docarray's own as they were, others as near as can be."""

from __future__ import annotations

import datetime
import decimal
import types
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional, Union

import pydantic
import pydantic_core

from docarray._hints import annotated
from docarray.array.rows import DocumentArray
from docarray.array.typed import typed
from docarray.document import BaseDocument, BaseDocumentWithoutId
from docarray.documents import schema_facts as facts
from docarray.documents.from_schema import create_base_doc_from_schema
from docarray.documents.helper import create_doc
from docarray.errors import MissingExtraError, SchemaError, show
from docarray.formats.arrow.types import (
    BYTES,
    CLASS,
    DTYPES,
    LIST_VIEWS,
    LISTS,
    NOTHING,
    TAG,
    TENSOR,
    TEXTS,
    described,
    is_any,
    is_fixed,
    pa,
)
from docarray.lowering import is_document
from docarray.typing.blob import Blob
from docarray.typing.tensors import AnyTensor, tensor_class

__all__ = ['create_doc_from_arrow_schema']

_DEEPEST = 100  # levels within one schema, which may come from anybody
_FRAMEWORKS = ('', 'numpy', 'torch', 'tensorflow', 'jax')
_MODALITIES = ('', 'embedding', 'image', 'audio', 'video')
_KINDS: dict[str, Any] = {'bool': bool, 'int': int, 'float': float, 'str': str, 'bytes': bytes, 'json': Any}
_ARRAYS: dict[str, Callable[[Any], Any]] = {
    'list': lambda cls: _parametrized(list, cls),
    'tuple': lambda cls: _parametrized(tuple, cls, ...),
}
#: By the names of tests in ``pyarrow.types``, the first that is true.
_PLAIN: tuple[tuple[str, Any], ...] = (
    ('boolean', bool),
    ('integer', int),
    ('floating', float),
    ('decimal', decimal.Decimal),
    *((name, str) for name in TEXTS),
    *((name, bytes) for name in BYTES),
    ('timestamp', datetime.datetime),
    ('date', datetime.date),
    ('time', datetime.time),
    ('duration', datetime.timedelta),
)
_EXTENSIONS: dict[str, Any] = {'arrow.uuid': uuid.UUID, 'arrow.json': Any, 'arrow.bool8': bool}
_LISTS = (*LISTS, *LIST_VIEWS)


def create_doc_from_arrow_schema(schema: Any, name: str | None = None) -> Any:
    """Return a document class for the rows of an Arrow schema.

    For a schema of ``Page.arrow_schema()``, or of a table of documents, the class has the fields of Page:
    tensor classes with framework, shape, axis names and dtype (of any framework, where it is not
    installed), media types, nested documents, arrays and unions of them, Enums, and constraints. Of other
    schemas it has the types that are nearest: structs are documents, lists of structs are
    ``DocumentArray``, fixed-size lists of numbers are tensors. Fields that may be missing are None by
    default.

    Args:
        schema: A ``pyarrow.Schema``, or anything with ``__arrow_c_schema__``.
        name: The name of the class; by default the one that the schema says, or 'Document'.

    Returns:
        The class; derived from BaseDocument if there is a column ``id``, else from BaseDocumentWithoutId.

    Raises:
        SchemaError: This is no schema, or no class can be made of it.

    Example:
        >>> from docarray.typing import ImageNdArray
        >>> Page = create_doc('Page', text=str, image=ImageNdArray[3, 'w', 'w', 'uint8'])
        >>> Copy = create_doc_from_arrow_schema(Page.arrow_schema())
        >>> Copy.__name__, Copy.model_fields['image'].annotation
        ('Page', <class 'docarray.typing.tensors.ImageNdArray[3, w, w, uint8]'>)
    """
    if not hasattr(schema, '__arrow_c_schema__'):
        raise SchemaError(where='schema', got=show(schema), wanted='an Arrow schema')
    try:
        schema = pa.schema(schema)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise SchemaError(where='schema', got=show(schema), wanted='an Arrow schema') from error
    written = (schema.metadata or {}).get(CLASS, b'').decode('utf-8', 'replace')
    name = name or written or 'Document'
    try:
        return _Reader().read(list(schema), name)
    except UnicodeDecodeError as error:  # pyarrow does not look at names before it is asked for them
        raise SchemaError(where=name, got=f'a name that is no text: {error}', wanted='UTF-8') from error


@dataclass(frozen=True)
class _Place:
    """Where a type stands: the path for errors, the classes around it by name, and how deep it is."""

    where: str
    around: dict[str, Any]
    depth: int = 0

    def inside(self, name: str, around: dict[str, Any] | None = None) -> _Place:
        if self.depth >= _DEEPEST:
            raise SchemaError(where=self.where, got=f'more than {_DEEPEST} levels', wanted='a flatter schema')
        return _Place(f'{self.where}.{name}', {**self.around, **(around or {})}, self.depth + 1)


class _Reader:
    """Makes classes of one Arrow schema and all structs in it.

    Classes may refer to those around them. So each is made with names in place of its annotations; when
    all are there, the names get their meaning.
    """

    def __init__(self) -> None:
        self.made: dict[Any, Any] = {}
        self.annotations: dict[str, Any] = {}
        self.waiting: list[tuple[str, Any, bool, _Place]] = []

    def read(self, fields: list[Any], name: str) -> Any:
        root = self.document(fields, name, _Place(name, {}))
        while self.waiting:
            key, field, optional, place = self.waiting.pop()
            found = self.annotation(field, place)
            self.annotations[key] = Optional[found] if optional else found  # noqa: UP045 - made at run time
        try:
            for made in self.made.values():
                made.model_rebuild(force=True, _types_namespace=self.annotations)
        except (
            pydantic.PydanticUserError,
            pydantic_core.SchemaError,
            NameError,
            TypeError,
            ValueError,
        ) as error:
            got = f'an Arrow schema that makes no class: {error}'
            raise SchemaError(where=name, got=got, wanted='one that does') from error
        return root

    def document(self, fields: list[Any], name: str, place: _Place) -> Any:
        """Make the class of some fields, its annotations still to be read."""
        fields = [] if fields == [NOTHING] else fields
        key = name, pa.schema(fields).serialize().to_pybytes()
        if key in self.made:
            return self.made[key]
        names = [field.name for field in fields]
        if len(set(names)) < len(names):
            raise SchemaError(where=place.where, got=f'fields {show(names)}', wanted='one field of each name')
        base: Any = BaseDocument if 'id' in names else BaseDocumentWithoutId
        declared: dict[str, Any] = {}
        waiting = []
        for field in fields:
            if field.name == 'id' and _is_own_id(field):
                continue
            known, options = facts.field_name(field.name, {*names, *declared}, place.where)
            optional = described(field).get('nullable', field.nullable) is not False
            mark = f'a{len(self.annotations)}_'
            self.annotations[mark] = None
            default = None if optional else ...
            declared[known] = mark, pydantic.Field(default, **options)
            waiting.append((mark, field, optional))
        aliased = any(field.name not in declared for field in fields if field.name != 'id')
        config: Any = {'populate_by_name': True, 'serialize_by_alias': True} if aliased else None
        made = create_doc(name, __base__=base, __config__=config, **declared)
        self.made[key] = made
        self.waiting += [
            (mark, field, optional, place.inside(field.name, {name: made}))
            for mark, field, optional in waiting
        ]
        return made

    def annotation(self, field: Any, place: _Place) -> Any:
        """Return the type of a field: what docarray wrote about it, or what its Arrow type is nearest to."""
        told = described(field)
        if told.get('recursive') is True:
            return self.recursive(told, place)
        kind = told.get('kind')
        read = _TOLD.get(kind) if isinstance(kind, str) else None
        found = None if read is None else read(self, told, field.type, place)
        return self.by_type(field.type, facts.camel(field.name), place) if found is None else found

    def recursive(self, told: dict[str, Any], place: _Place) -> Any:
        """Return the type of documents of classes around the field."""
        names = _names(told)
        if not names or not all(name in place.around for name in names):
            return Any
        found: Any = Union[tuple(place.around[name] for name in names)]  # noqa: UP007 - made at run time
        return found if told.get('kind') != 'docs' or not told.get('array') else _array(told, found)

    def nested(self, told: dict[str, Any], kind: Any, place: _Place) -> Any:
        names = _names(told)
        if not pa.types.is_struct(kind) or len(names) != 1:
            return None
        return self.document(list(kind), names[0], place)

    def docs(self, told: dict[str, Any], kind: Any, place: _Place) -> Any:
        names = _names(told)
        if not is_any(_LISTS, kind) or not pa.types.is_struct(kind.value_type) or len(names) != 1:
            return None
        return _array(told, self.document(list(kind.value_type), names[0], place))

    def variant(self, told: dict[str, Any], kind: Any, place: _Place) -> Any:
        members = [field for field in kind if field.name != TAG] if pa.types.is_struct(kind) else []
        if not members or not all(pa.types.is_struct(field.type) for field in members):
            return None
        found = [self.document(list(field.type), field.name, place) for field in members]
        return Union[tuple(found)]  # noqa: UP007 - made at run time

    def tensor(self, told: dict[str, Any], kind: Any, place: _Place) -> Any:
        framework, modality = told.get('framework'), told.get('modality')
        shape, dtype = told.get('shape'), told.get('dtype')
        if framework not in _FRAMEWORKS or modality not in _MODALITIES:
            return None if 'schema' not in told else self.leaf(told, kind, place)
        made = _tensor_class(str(framework), str(modality))
        axes = [... if axis == '...' else axis for axis in shape] if isinstance(shape, list) else []
        axes += [dtype] if dtype else []
        try:
            return made[tuple(axes)] if axes or shape is not None else made
        except SchemaError as error:
            raise error.at(place.where) from error.__cause__

    def leaf(self, told: dict[str, Any], kind: Any, place: _Place) -> Any:
        """Return the type that the JSON Schema of a field tells of."""
        if told.get('blob') is True:
            return Blob
        schema = told.get('schema')
        if not isinstance(schema, dict):
            return _KINDS.get(told['kind'])
        definitions = {**facts.mapping(schema.get('$defs', {}), place.where)}
        title = schema.get('title')
        if 'enum' in schema and isinstance(title, str):  # an Enum, which has a name, and is no Literal
            definitions[title], schema = schema, {'$ref': f'#/$defs/{title}'}
        root = {
            'type': 'object',
            'properties': {'value': schema},
            'required': ['value'],
            '$defs': definitions,
        }
        made = create_base_doc_from_schema(root, facts.camel(place.where.rpartition('.')[2]))
        info = made.model_fields['value']
        return annotated(info.annotation, info.metadata)

    def by_type(self, kind: Any, guess: str, place: _Place) -> Any:
        """Return the type that is nearest to an Arrow type; ``guess`` is the name of a class in it."""
        found = _tensor_of(kind)
        if found is not None:
            return found
        if isinstance(kind, pa.BaseExtensionType):
            name = getattr(kind, 'extension_name', '')
            return _EXTENSIONS.get(name) or self.by_type(kind.storage_type, guess, place)
        if pa.types.is_dictionary(kind) or is_any(('run_end_encoded',), kind):
            return self.by_type(kind.value_type, guess, place)
        if pa.types.is_struct(kind):
            return self.document(list(kind), guess, place)
        if is_any(_LISTS, kind):
            item = self.by_type(kind.value_type, guess, place.inside('item'))
            return typed(DocumentArray, item) if is_document(item) else _parametrized(list, item)
        if pa.types.is_map(kind):
            item = self.by_type(kind.item_type, guess, place.inside('item'))
            return _parametrized(dict, self.by_type(kind.key_type, guess, place), item)
        return next((found for name, found in _PLAIN if is_any((name,), kind)), Any)


_TOLD: dict[str, Callable[[_Reader, dict[str, Any], Any, _Place], Any]] = {
    'nested': _Reader.nested,
    'docs': _Reader.docs,
    'variant': _Reader.variant,
    'tensor': _Reader.tensor,
    **dict.fromkeys(('bool', 'int', 'float', 'str', 'bytes', 'list', 'map', 'json'), _Reader.leaf),
}


def _names(told: dict[str, Any]) -> list[str]:
    names = told.get('type')
    return names if isinstance(names, list) and all(isinstance(name, str) and name for name in names) else []


def _array(told: dict[str, Any], document: Any) -> Any:
    make = _ARRAYS.get(str(told.get('array')))
    return typed(DocumentArray, document) if make is None else make(document)


def _parametrized(origin: Any, *args: Any) -> Any:
    return types.GenericAlias(origin, args)


def _is_own_id(field: Any) -> bool:
    """Whether this is the ``id`` that every BaseDocument has."""
    told = described(field)
    return not told or (told.get('kind') == 'str' and told.get('nullable') is True)


def _tensor_class(framework: str, modality: str) -> Any:
    try:
        return tensor_class(framework, modality)
    except MissingExtraError:
        return tensor_class('', modality)


def _tensor_of(kind: Any) -> Any:
    """Return the tensor class of an Arrow type, None for one that is no tensor."""
    if kind == TENSOR:
        return AnyTensor
    sizes: list[int] = []
    if is_fixed(kind):
        sizes, kind = list(kind.shape), kind.value_type
    while pa.types.is_fixed_size_list(kind):
        sizes.append(kind.list_size)
        kind = kind.value_type
    name = next((name for name, dtype in DTYPES.items() if dtype == kind), '')
    key: Any = (*sizes, name)
    return AnyTensor[key] if sizes and name else None
