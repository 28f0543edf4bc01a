"""Document classes out of JSON Schema: what a service tells about its documents, as classes to work with."""

from __future__ import annotations

import copy
import types
import typing
from collections.abc import Mapping
from typing import Any, Union

import pydantic
import pydantic_core

from docarray._hints import annotated
from docarray.array.rows import DocumentArray
from docarray.array.typed import typed
from docarray.document import BaseDocument, BaseDocumentWithoutId
from docarray.documents import schema_facts as facts
from docarray.documents import schema_types
from docarray.documents.helper import create_doc
from docarray.documents.schema_types import Read
from docarray.errors import DocArrayError, SchemaError, show
from docarray.lowering import ARRAY_MARK, STACKED_MARK, is_document

__all__ = ['create_base_doc_from_schema', 'create_pure_python_type_model']

_DEEPEST = 100  # levels within one schema, which may come from anybody
_DEFINITIONS = ('$defs', 'definitions')
#: What pydantic raises where a class cannot be made.
_FAILURES = (pydantic_core.SchemaError, ArithmeticError, NameError, RuntimeError, TypeError, ValueError)
_FIELD_KEYWORDS = ('title', 'description', 'default')
_PINNED = 'proto'  # a number that the field has in protobuf


def create_pure_python_type_model(model: type[pydantic.BaseModel]) -> Any:
    """Return a class derived from ``model`` whose arrays of documents are plain lists.

    Its JSON Schema and its JSON are those of ``model``.

    Args:
        model: A document class, or any pydantic model.

    Raises:
        SchemaError: It is no model.

    Example:
        >>> from docarray.documents import TextDoc
        >>> Book = create_doc('Book', pages=DocumentArray[TextDoc])
        >>> create_pure_python_type_model(Book).model_fields['pages'].annotation
        list[docarray.documents.text.TextDoc]
    """
    if not (isinstance(model, type) and issubclass(model, pydantic.BaseModel)):
        raise SchemaError(where='create_pure_python_type_model', got=show(model), wanted='a document class')
    if not model.__pydantic_complete__:
        model.model_rebuild()
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        plain = _with_lists(info.annotation)
        if plain is not info.annotation:
            fields[name] = annotated(plain, info.metadata), copy.copy(info)
            fields[name][1].annotation = plain
    make: Any = pydantic.create_model
    made = make(model.__name__, __base__=model, __module__=model.__module__, **fields)
    made.__doc__ = model.__doc__
    return made


def _with_lists(annotation: Any) -> Any:
    """Put ``list[X]`` for every array of X in an annotation; return the very same where there is none."""
    if isinstance(annotation, type) and (
        hasattr(annotation, ARRAY_MARK) or hasattr(annotation, STACKED_MARK)
    ):
        array: Any = annotation
        return types.GenericAlias(list, (array.document_type,))
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    parts = tuple(_with_lists(arg) for arg in args)
    if all(part is arg for part, arg in zip(parts, args, strict=True)):
        return annotation
    if origin is typing.Annotated:
        return annotated(parts[0], annotation.__metadata__)
    if origin in (Union, types.UnionType):
        return Union[parts]  # noqa: UP007 - made at run time
    return origin[parts] if origin is not None else annotation


def create_base_doc_from_schema(
    schema: Mapping[str, Any],
    base_doc_name: str,
    cached_models: dict[str, Any] | None = None,
    definitions: Mapping[str, Any] | None = None,
) -> Any:
    """Return a document class for documents of a JSON Schema.

    Tensors are ``AnyTensor`` (or ``ImageTensor`` and so on) with their shape, axis names and dtype, lists
    of documents are ``DocumentArray``, enumerations are Enums if they have a name of their own and else
    Literals; strings are what their ``format`` says, and str where that is not known. Constraints hold,
    and what no type stands for is kept in the JSON Schema of the class. A field that is neither
    required nor has a default is an empty list, an empty dict or None.

    Args:
        schema: As ``Page.model_json_schema()`` makes it, or of pydantic 1 or OpenAPI. It stays as it is.
        base_doc_name: The name of the class.
        cached_models: Classes by the name that the schema refers to them by, taken instead of making new
            ones: ``{'ImageDoc': ImageDoc}``. The classes that are made are added.
        definitions: What the schema refers to, by name, if it is not in the schema itself.

    Returns:
        The class; derived from BaseDocument if the documents have an ``id``, else from
        BaseDocumentWithoutId.

    Raises:
        SchemaError: This is no JSON Schema of an object; says where in it.

    Example:
        >>> from docarray.typing import NdArray
        >>> Page = create_doc('Page', text=str, pixels=NdArray[3, 'w', 'w', 'uint8'])
        >>> Copy = create_base_doc_from_schema(Page.model_json_schema(), 'Page')
        >>> Copy.model_fields['pixels'].annotation
        <class 'docarray.typing.tensors.AnyTensor[3, w, w, uint8]'>
        >>> Copy.model_json_schema() == Page.model_json_schema()
        True
    """
    if not isinstance(schema, Mapping):
        raise SchemaError(where='schema', got=show(schema), wanted='a JSON Schema: a dict')
    if not isinstance(base_doc_name, str) or not base_doc_name:
        raise SchemaError(where='base_doc_name', got=show(base_doc_name), wanted='the name of a class')
    known: dict[str, Any] = {} if cached_models is None else cached_models
    if base_doc_name in known:
        return known[base_doc_name]
    reader = _Reader(schema, definitions or {}, dict(known))
    try:
        made = reader.read(base_doc_name)
    except DocArrayError:
        raise
    except _FAILURES as error:
        raise SchemaError(
            where=base_doc_name, got=f'a JSON Schema that makes no class: {error}', wanted='one that does'
        ) from error
    known.update({**reader.known, base_doc_name: made})
    return made


def _nothing() -> None:
    """The default of a field that may be missing."""


class _Reader:
    """Makes classes of one JSON Schema and all that it refers to.

    Classes may refer to each other in circles. So each is made with names in place of its annotations;
    when all are there, the names get their meaning.
    """

    def __init__(
        self, schema: Mapping[str, Any], definitions: Mapping[str, Any], known: dict[str, Any]
    ) -> None:
        self.schema, self.known = schema, known
        own = [facts.mapping(schema.get(key, {}), key) for key in _DEFINITIONS]
        self.definitions = {**definitions, **own[0], **own[1]}
        self.made: list[Any] = []
        self.names: set[str] = set()
        self.open: set[str] = set()
        self.root: Any = None
        self.waiting: list[tuple[str, Any, str, str]] = []
        self.annotations: dict[str, Any] = {}

    def read(self, name: str) -> Any:
        node, key = self.schema, ''
        for _ in range(_DEEPEST):
            if '$ref' not in node or 'properties' in node:
                break
            key = facts.key_of(node['$ref'], name)
            node = self.definition(key, name)
        if not facts.is_document(node):
            raise SchemaError(where=name, got=show(dict(node)), wanted='the JSON Schema of an object')
        self.root = self.document({**node, 'title': name}, name, key)
        while self.waiting:
            place, part, where, guess = self.waiting.pop()
            self.annotations[place] = self.annotation(part, where, guess)
        for made in self.made:
            made.model_rebuild(force=True, _types_namespace=self.annotations)
        return self.root

    # -- classes ----------------------------------------------------------------------------------

    def document(self, node: Mapping[str, Any], name: str, key: str = '') -> Any:
        """Make the class of an object, its annotations still to be read; ``key`` is what refers to it."""
        node = self.merged(node, name)
        properties = facts.mapping(node.get('properties', {}), f'{name}.properties')
        required = node.get('required', ())
        if not isinstance(required, (list, tuple)):
            raise SchemaError(where=f'{name}.required', got=show(required), wanted='a list of names')
        base: Any = BaseDocument if 'id' in properties else BaseDocumentWithoutId
        fields: dict[str, Any] = {}
        for json_name, part in properties.items():
            if json_name == 'id' and facts.is_own_id(part, json_name in required):
                continue
            field, options = facts.field_name(json_name, {*properties, *fields}, name)
            place = f'a{len(self.annotations)}_'
            self.annotations[place] = None
            part, more = self.default(part, json_name in required)
            self.waiting.append((place, part, f'{name}.{json_name}', facts.camel(json_name)))
            fields[field] = place, pydantic.Field(**options, **more)
        class_name = self.name_for(name)
        made = create_doc(
            class_name, __base__=base, __config__=facts.config(node, class_name, properties), **fields
        )
        text = node.get('description')
        made.__doc__ = text if isinstance(text, str) else None
        self.made.append(made)
        if key:
            self.known[key] = made
        return made

    def name_for(self, name: str) -> str:
        free = (f'{name}_{number}' if number > 1 else name for number in range(1, len(self.names) + 3))
        found = next(one for one in free if one not in self.names)
        self.names.add(found)
        return found

    def default(self, part: Any, required: bool) -> tuple[Any, dict[str, Any]]:
        """Return a property without what belongs to its field, and the arguments of ``pydantic.Field``."""
        if not isinstance(part, Mapping):
            return part, {} if required else {'default_factory': _nothing}
        found = {key: copy.deepcopy(part[key]) for key in _FIELD_KEYWORDS if key in part}
        rest = {key: value for key, value in part.items() if key not in found and key != _PINNED}
        if _PINNED in part:
            found['json_schema_extra'] = {_PINNED: copy.deepcopy(part[_PINNED])}
        if 'default' in found:
            found['validate_default'] = found['default'] is not None
        elif not required:
            empty = facts.empty(self.target(part))
            found.update(default_factory=empty or _nothing, validate_default=empty is not None)
            if empty is None and not facts.takes_none(rest):
                rest = {'anyOf': [rest, {'type': 'null'}]}
        return rest, found

    # -- references -------------------------------------------------------------------------------

    def definition(self, key: str, where: str) -> Mapping[str, Any]:
        if key not in self.definitions:
            names = ', '.join(map(str, self.definitions)) or 'nothing'
            raise SchemaError(where=where, got=f'a reference to {show(key)}', wanted=f'one of {names}')
        return facts.mapping(self.definitions[key], key)

    def target(self, node: Any) -> Any:
        """Follow references and one-part ``allOf`` to the schema that says something."""
        for _ in range(_DEEPEST):
            if isinstance(node, Mapping) and '$ref' in node:
                key = facts.key_of(node['$ref'], '')
                node = self.definitions.get(key, {}) if key else self.schema
            elif isinstance(node, Mapping) and facts.is_single(node.get('allOf')):
                node = node['allOf'][0]
            else:
                break
        return node

    def merged(self, node: Mapping[str, Any], where: str, depth: int = 0) -> Mapping[str, Any]:
        """Join the parts of an ``allOf`` of objects, as OpenAPI writes classes derived from others."""
        if 'allOf' not in node:
            return node
        parts = node['allOf']
        if not isinstance(parts, (list, tuple)) or depth > _DEEPEST:
            raise SchemaError(where=f'{where}.allOf', got=show(parts), wanted='a list of schemas')
        own = {key: value for key, value in node.items() if key != 'allOf'}
        found: dict[str, Any] = {}
        for part in (*map(self.target, parts), own):
            part = self.merged(facts.mapping(part, where), where, depth + 1)
            properties = {**found.get('properties', {}), **facts.mapping(part.get('properties', {}), where)}
            required = [*found.get('required', ()), *part.get('required', ())]
            found = {**found, **part, 'properties': properties, 'required': required}
        return found

    # -- annotations ------------------------------------------------------------------------------

    def annotation(self, node: Any, where: str, guess: str, depth: int = 0) -> Any:
        """Return the type of a schema; ``guess`` is the name of a class in it that has none."""
        if node is True:
            return Any
        node = facts.mapping(node, where)
        if depth > _DEEPEST:
            raise SchemaError(where=where, got=f'more than {_DEEPEST} levels', wanted='a flatter schema')
        if node.get('nullable') is True:
            node = {key: value for key, value in node.items() if key != 'nullable'}
            return self.annotation(node, where, guess, depth + 1) | None
        inner = _Inner(self, where, guess, depth + 1)
        found, used = self.typed_by(node, inner)
        return schema_types.constrained(found, used, node)

    def typed_by(self, node: Mapping[str, Any], inner: _Inner) -> Read:
        if '$ref' in node:
            return self.referred(facts.key_of(node['$ref'], inner.where), inner), {'$ref'}
        if schema_types.is_tensor(node):
            return schema_types.tensor(node, inner.where)
        if 'const' in node or 'enum' in node:
            return schema_types.literal(node, inner.where)
        for keyword in ('anyOf', 'oneOf'):
            if keyword in node:
                return self.union(node, keyword, inner)
        if facts.is_document(node):
            title = node.get('title')
            name = title if isinstance(title, str) and title else inner.guess
            return self.document(node, name), set(node)
        if facts.is_single(node.get('allOf')):
            return inner.read(node['allOf'][0]), {'allOf'}
        kind = node.get('type')
        if isinstance(kind, (list, tuple)):
            members = [{**node, 'type': one} for one in kind]
            return self.union({'anyOf': members}, 'anyOf', inner)[0], set(node)
        return _by_type(kind, node, inner)

    def referred(self, key: str, inner: _Inner) -> Any:
        """Return what a reference means: a class, or the type that its definition is a name for."""
        if key == '':
            return self.root
        if key in self.known:
            return self.known[key]
        node = self.definition(key, inner.where)
        if facts.is_document(node):
            return self.document(node, facts.class_name(node.get('title'), key), key)
        if 'enum' in node and not schema_types.is_tensor(node):
            self.known[key] = schema_types.enum_class(node, self.name_for(key), key)
            return self.known[key]
        if key in self.open:
            return Any  # a name for something that has itself inside, such as any JSON value
        self.open.add(key)
        found = inner.read({name: value for name, value in node.items() if name != 'title'})
        self.open.remove(key)
        return found

    def union(self, node: Mapping[str, Any], keyword: str, inner: _Inner) -> Read:
        parts = node[keyword]
        if not isinstance(parts, (list, tuple)) or not parts:
            raise SchemaError(where=f'{inner.where}.{keyword}', got=show(parts), wanted='a list of schemas')
        made: Any = Union[tuple(inner.read(part) for part in parts)]  # noqa: UP007 - made at run time
        told = node.get('discriminator')
        name = told.get('propertyName') if isinstance(told, Mapping) else None
        if isinstance(name, str) and all(facts.has_constant(self.target(part), name) for part in parts):
            return annotated(made, [pydantic.Discriminator(name)]), {keyword, 'discriminator'}
        return made, {keyword}


class _Inner:
    """Reads the schemas inside of one."""

    def __init__(self, reader: _Reader, where: str, guess: str, depth: int) -> None:
        self.reader, self.where, self.guess, self.depth = reader, where, guess, depth

    def read(self, node: Any) -> Any:
        return self.reader.annotation(node, self.where, self.guess, self.depth)


_SIMPLE: dict[Any, Any] = {'integer': int, 'number': float, 'boolean': bool, 'null': type(None)}


def _by_type(kind: Any, node: Mapping[str, Any], inner: _Inner) -> Read:
    if kind == 'array' or (kind is None and ('items' in node or 'prefixItems' in node)):
        return _array(node, inner)
    if kind == 'object' or (kind is None and 'additionalProperties' in node):
        return _map(node, inner)
    if kind == 'string':
        return schema_types.string(node)
    if kind is None:
        return Any, set()
    if not isinstance(kind, str) or kind not in _SIMPLE:
        known = ', '.join(('array', 'object', 'string', *_SIMPLE))
        raise SchemaError(where=f'{inner.where}.type', got=show(kind), wanted=f'one of {known}')
    return _SIMPLE[kind], {'type'}


def _array(node: Mapping[str, Any], inner: _Inner) -> Read:
    """Read an array: a tuple, set, DocumentArray or list."""
    items = node.get('items', True)
    first = items if isinstance(items, (list, tuple)) else node.get('prefixItems')  # so in old drafts
    if isinstance(first, (list, tuple)) and first:
        if node.get('minItems') == node.get('maxItems') == len(first):
            parts = tuple(inner.read(part) for part in first)
            return types.GenericAlias(tuple, parts), {'type', 'items', 'prefixItems', 'minItems', 'maxItems'}
        return list[Any], {'type', 'items'} if first is items else {'type'}
    item = inner.read(items)
    if node.get('uniqueItems') is True and schema_types.hashable(item):
        return types.GenericAlias(set, (item,)), {'type', 'items', 'uniqueItems'}
    array = typed(DocumentArray, item) if is_document(item) else types.GenericAlias(list, (item,))
    return array, {'type', 'items'}


def _map(node: Mapping[str, Any], inner: _Inner) -> Read:
    """Read an object without fields of its own: a dict."""
    used, key, values = {'type', 'additionalProperties'}, str, node.get('additionalProperties', True)
    patterns = node.get('patternProperties')
    if isinstance(patterns, Mapping) and len(patterns) == 1:
        ((pattern, values),) = patterns.items()
        key = schema_types.constrained(str, {'type'}, {'pattern': pattern})
        used = {*used, 'patternProperties'}
    elif isinstance(node.get('propertyNames'), Mapping):
        key = inner.read({'type': 'string', **node['propertyNames']})
        used = {*used, 'propertyNames'}
    value = Any if isinstance(values, bool) else inner.read(values)
    return types.GenericAlias(dict, (key, value)), used
