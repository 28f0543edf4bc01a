"""BaseDocument: a pydantic model with an id; its fields may be tensors, media and documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar, get_args
from weakref import WeakValueDictionary

import pydantic
from pydantic import BaseModel, ConfigDict, Field

# The metaclass of BaseModel has no public name; libraries that derive models import it from here.
from pydantic._internal._model_construction import ModelMetaclass
from pydantic_core import core_schema

from docarray import _registry
from docarray._hints import members_of
from docarray._typed import carried, class_cache, pickles_by_recipe
from docarray.axes import axes_checker, shared_axes
from docarray.defaults import write_defaults
from docarray.document_io import DocumentIO, TensorForm
from docarray.enums import write_names
from docarray.errors import InvalidValueError, ValidationError, show
from docarray.merge import update
from docarray.shown import Shown
from docarray.typing.id import ID, new_id
from docarray.typing.serializers import write_base64, write_extras
from docarray.typing.shape import schema_of_model
from docarray.values import equal_values, shown

__all__ = ['AnyDocument', 'BaseDocument', 'BaseDocumentWithoutId']

D = TypeVar('D', bound='BaseDocumentWithoutId')


@pickles_by_recipe
class DocumentMeta(ModelMetaclass):
    """Metaclass of documents: their classes pickle by name, or by value where no name leads to them."""

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(name, bases, namespace)
        if getattr(cls, '__pydantic_complete__', False):
            # The locals of the function that the class was made in, which pydantic keeps for names that
            # it could not resolve: they would go with the class to other processes.
            cls.__pydantic_parent_namespace__ = None
        if not kwargs and '__module__' in namespace and not _OWN_NAMES & namespace.keys():
            # An empty class that cloudpickle is about to fill. What it has of no fields is not to become
            # part of what comes: pydantic before 2.13 builds the parts of classes that it finds in others.
            for name in ('__pydantic_validator__', '__pydantic_serializer__'):
                setattr(cls, name, _Unfilled(cls, name))


#: What a class statement, pydantic or somebody's ``type(...)`` has in the namespace of a class with fields.
_OWN_NAMES = {'__qualname__', '__annotations__', '__annotate_func__'}


class _Unfilled:
    """Stands for a class's validator or serializer until it is filled, or used as it is."""

    def __init__(self, cls: Any, name: str) -> None:
        self.cls, self.name = cls, name

    def __getattr__(self, attribute: str) -> Any:
        self.cls.model_rebuild(force=True)
        return getattr(getattr(self.cls, self.name), attribute)


class BaseDocumentWithoutId(DocumentIO, Shown, BaseModel, metaclass=DocumentMeta):
    """A document without an id. Everything that BaseDocument does, but for the field."""

    model_config = ConfigDict(
        validate_assignment=True,
        populate_by_name=True,  # documents are written by name, as pydantic does, and are to be read again
        ser_json_inf_nan='strings',
        ser_json_bytes='base64',
        val_json_bytes='base64',
    )
    __docarray_document__: ClassVar[bool] = True
    __docarray_tensors__: ClassVar[TensorForm] = 'list'

    def __init__(self, /, **data: Any) -> None:
        """Make a document of its fields.

        Raises:
            ValidationError: A field was refused; also a ``pydantic.ValidationError``.
        """
        __tracebackhide__ = True
        try:
            self.__pydantic_validator__.validate_python(data, self_instance=self)
        except pydantic.ValidationError as error:
            raise ValidationError.of(error) from error.__cause__

    # As on BaseModel: pydantic may fill instances directly, this __init__ adds nothing to that.
    setattr(__init__, '__pydantic_base_init__', True)  # noqa: B010

    def __init_subclass__(cls, tensors: TensorForm | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        class_cache(cls)  # made before another thread can see the class
        if tensors is not None:
            cls.__docarray_tensors__ = tensor_form(tensors, cls.__name__)

    def __class_getitem__(cls, typevar_values: Any) -> Any:
        # pydantic 2.11 and 2.12 remember Box[int] for each thread apart, which makes several of it.
        # Unions of another order are equal, but not the same type; hence the text.
        key = repr(typevar_values), typevar_values
        known = class_cache(cls).values.setdefault('generic', WeakValueDictionary())
        found = known.get(key)
        if found is None:
            found = super().__class_getitem__(typevar_values)
            if isinstance(found, type):  # not so where a class meets itself in its fields
                found = known.setdefault(key, found)
        return found

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        if isinstance(cls.__dict__.get('__pydantic_core_schema__'), dict):
            return cls.__pydantic_core_schema__  # nested in another class: what follows has been done
        schema = schema_of_model(cls, source, handler)
        write_defaults(schema, cls)
        write_names(schema, cls, handler)
        if cls.__docarray_tensors__ == 'base64':
            write_base64(schema, cls)
        if cls.model_config.get('extra') == 'allow':
            write_extras(schema, cls)
        types = shared_axes(cls)
        if types:
            # The name by which a recursive class refers to itself goes to the whole, check included.
            named: Any = schema
            name = named.pop('ref', None)
            return core_schema.no_info_after_validator_function(axes_checker(types), schema, ref=name)
        return schema

    @classmethod
    def model_validate(cls: type[D], obj: Any, **options: Any) -> D:
        """Validate a dict, a document or (``from_attributes=True``) any object. See pydantic."""
        try:
            return super().model_validate(obj, **options)
        except pydantic.ValidationError as error:
            raise ValidationError.of(error) from error.__cause__

    @classmethod
    def model_validate_json(cls: type[D], json_data: str | bytes | bytearray, **options: Any) -> D:
        """Validate a JSON object. See pydantic."""
        try:
            return super().model_validate_json(json_data, **options)
        except pydantic.ValidationError as error:
            raise ValidationError.of(error) from error.__cause__

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__
        try:
            super().__setattr__(name, value)
        except Exception as error:
            object.__setattr__(self, '__dict__', before)  # a model validator refuses after the field was set
            if isinstance(error, pydantic.ValidationError):
                raise ValidationError.of(error) from error.__cause__
            raise

    @classmethod
    def __docarray_construct__(cls: type[D], values: dict[str, Any]) -> D:
        """Make a document of values that are valid already, all fields given. Takes the dict over."""
        document = cls.__new__(cls)
        set_slot = object.__setattr__
        set_slot(document, '__dict__', values)
        set_slot(document, '__pydantic_fields_set__', set(values))
        set_slot(document, '__pydantic_extra__', None)
        set_slot(document, '__pydantic_private__', None)
        if cls.__pydantic_post_init__:
            document.model_post_init(None)
        return document

    def __eq__(self, other: object) -> bool:
        """Whether all fields but ``id`` are equal; tensors by shape and values, NaN equal to NaN."""
        if not isinstance(other, BaseDocumentWithoutId):
            return NotImplemented
        mine, theirs = _content(self), _content(other)
        return mine.keys() == theirs.keys() and all(
            equal_values(value, theirs[name]) for name, value in mine.items()
        )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        given = cls.__dict__.get('__hash__')
        if given is not None and given.__module__.startswith('pydantic.'):  # the class is frozen
            cls.__hash__ = _frozen_hash  # type: ignore[assignment]  # equal documents need equal hashes

    def __getstate__(self) -> Any:
        state = super().__getstate__()
        state['__dict__'] = carried(type(self), state['__dict__'])
        return state

    def __rich_repr__(self) -> Any:
        yield from self.__repr_args__()

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            yield name, shown(value)

    def copy(self: D, **options: Any) -> D:
        """Copy the document: its fields are shared, or copied too with ``deep=True``. See ``model_copy``."""
        if set(options) - {'deep', 'update'}:
            raise InvalidValueError(where='copy', got=show(sorted(options)), wanted='deep, update')
        return self.model_copy(**options)

    def dict(self, **options: Any) -> Any:
        """Return the fields as a dict. The name that pydantic 1 had for ``model_dump``."""
        return self.model_dump(**options)

    def json(self, **options: Any) -> str:
        """Return JSON text. The name that pydantic 1 had for ``model_dump_json``."""
        return self.model_dump_json(**options)

    def update(self, other: BaseDocumentWithoutId) -> None:
        """Take over in place what ``other`` has.

        Fields that are None in ``other`` stay; lists, sets, dicts and arrays of documents are joined,
        nested documents updated in turn; ``id`` stays.
        """
        update(self, other)

    def is_view(self) -> bool:
        """Whether this document is a row of a stacked array, whose columns it reads and writes."""
        return False

    @classmethod
    def schema_summary(cls) -> None:
        """Show the class's fields and their types on the terminal."""
        _registry.method('show_schema')(cls)

    def _get_string_for_regex_filter(self) -> str:
        return str(self)

    # Names that programs written for earlier versions rely on, though they were never public.

    @classmethod
    def _get_field_annotation(cls, field: str) -> Any:
        annotation = cls.model_fields[field].annotation
        members = members_of(annotation)
        return members[0] if len(members) == 1 else annotation

    _get_field_type = _get_field_annotation

    @classmethod
    def _get_field_inner_type(cls, field: str) -> Any:
        annotation = cls._get_field_annotation(field)
        args = get_args(annotation)
        return args[0] if len(args) == 1 else annotation


# A plain string is an ID to type checkers here: defaults are not validated, so no ID object is made.
_default_id: Any = new_id


class BaseDocument(BaseDocumentWithoutId):
    """Base class of all documents: a pydantic model with an ``id``.

    Attributes:
        id: 32 random hexadecimal characters unless given; any value with a text is taken.

    Example:
        >>> from docarray.typing import NdArray
        >>> class Page(BaseDocument):
        ...     title: str
        ...     embedding: NdArray[3]
        >>> Page(title='Hello', embedding=[1.0, 2.0, 3.0]).embedding.shape
        (3,)
    """

    id: ID | None = Field(default_factory=_default_id)


class AnyDocument(BaseDocument):
    """A document without a schema: it takes any field.

    Example:
        >>> AnyDocument(title='x').title
        'x'
    """

    model_config = ConfigDict(extra='allow')
    __docarray_schemaless__: ClassVar[bool] = True

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.__docarray_schemaless__ = False  # a class derived from it has fields of its own


def tensor_form(tensors: TensorForm, where: str) -> TensorForm:
    """Return the form of tensors in JSON that was asked for, if there is such a form."""
    if tensors not in get_args(TensorForm):
        raise InvalidValueError(where=where, got=f'tensors={show(tensors)}', wanted="'list' or 'base64'")
    return tensors


def _content(document: BaseDocumentWithoutId) -> Mapping[str, Any]:
    values = {**document.__dict__, **(document.__pydantic_extra__ or {})}
    values.pop('id', None)
    return values


def _frozen_hash(document: BaseDocumentWithoutId) -> int:
    return hash(frozenset(_content(document).items()))
