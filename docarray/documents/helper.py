"""Document classes made at run time: from keywords, from an example, from a TypedDict."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import typing_extensions
from pydantic import ConfigDict, create_model

from docarray.document import BaseDocument, BaseDocumentWithoutId
from docarray.errors import InvalidValueError, SchemaError, show
from docarray.typing.tensors import tensor_class
from docarray.values import adapter_of

__all__ = ['create_doc', 'create_doc_from_dict', 'create_doc_from_typeddict']

_MARKS = (typing_extensions.Required, typing_extensions.NotRequired, typing_extensions.ReadOnly)


def create_doc(
    name: str,
    /,
    *,
    __config__: ConfigDict | None = None,
    __base__: type[BaseDocumentWithoutId] = BaseDocument,
    __module__: str = __name__,
    __validators__: dict[str, Callable[..., Any]] | None = None,
    __cls_kwargs__: dict[str, Any] | None = None,
    **fields: Any,
) -> Any:
    """Return a new document class.

    Args:
        name: Its name.
        __config__: Its configuration. pydantic takes this or a base class; here it is merged into the
            configuration of ``__base__``.
        __base__: The document class to derive it from.
        __module__: The module that it says it is from.
        __validators__: Validators by name, as pydantic's decorators make them.
        __cls_kwargs__: Keywords of the class statement, such as ``{'tensors': 'base64'}``.
        **fields: ``name=(type, default)``, with ``...`` for no default, or ``name=type``.

    Returns:
        The class.

    Raises:
        SchemaError: ``__base__`` is no document class, or no class can have the name.

    Example:
        >>> Song = create_doc('Song', title=(str, ...), year=(int, 1999))
        >>> Song(title='x').year
        1999
    """
    if not (isinstance(__base__, type) and issubclass(__base__, BaseDocumentWithoutId)):
        raise SchemaError(where=f'create_doc({name!r})', got=show(__base__), wanted='a document class')
    if not isinstance(name, str) or '\0' in name or any('\ud800' <= letter <= '\udfff' for letter in name):
        wanted = 'text without null characters'
        raise SchemaError(where='create_doc', got=f'the name {show(name)}', wanted=wanted)
    if __config__:
        body = {'model_config': __config__, '__module__': __module__}
        __base__ = types.new_class(__base__.__name__, (__base__,), exec_body=lambda space: space.update(body))
    declared: dict[str, Any] = {
        key: value if isinstance(value, tuple) else (value, ...) for key, value in fields.items()
    }
    make: Any = create_model
    return make(
        name,
        __base__=__base__,
        __module__=__module__,
        __validators__=__validators__,
        __cls_kwargs__=__cls_kwargs__,
        **declared,
    )


def create_doc_from_dict(model_name: str, data_dict: Mapping[str, Any], **options: Any) -> Any:
    """Return a document class whose fields are those of an example, all of them required.

    Args:
        model_name: The name of the class.
        data_dict: The example. A field is of its value's class: 0 makes an int, '' a str, an array an
            NdArray, a torch tensor a TorchTensor. None makes a field of any type, None by default.
        **options: As for ``create_doc``.

    Raises:
        InvalidValueError: The example is empty.

    Example:
        >>> Point = create_doc_from_dict('Point', {'x': 0, 'label': ''})
        >>> Point.model_fields['x'].annotation
        <class 'int'>
    """
    if not data_dict:
        raise InvalidValueError(where='create_doc_from_dict', got=show(data_dict), wanted='at least one item')
    fields = {key: _field_of(value) for key, value in data_dict.items()}
    return create_doc(model_name, **{**options, **fields})


def _field_of(value: Any) -> tuple[Any, Any]:
    if value is None:
        return Any, None
    adapter, native = adapter_of(value)
    if adapter is None:
        return type(value), ...
    return (tensor_class(adapter.name, '') if native is value else type(value)), ...


def create_doc_from_typeddict(typeddict_cls: Any, **options: Any) -> Any:
    """Return a document class with the keys of a TypedDict as fields.

    Args:
        typeddict_cls: The TypedDict; keys that are not required are None by default.
        **options: As for ``create_doc``.

    Raises:
        SchemaError: This is no TypedDict.

    Example:
        >>> from typing_extensions import TypedDict
        >>> class Movie(TypedDict):
        ...     title: str
        >>> create_doc_from_typeddict(Movie)(title='x').title
        'x'
    """
    if not typing_extensions.is_typeddict(typeddict_cls):
        raise SchemaError(where='create_doc_from_typeddict', got=show(typeddict_cls), wanted='a TypedDict')
    hints = typing_extensions.get_type_hints(typeddict_cls, include_extras=True)
    fields: dict[str, Any] = {}
    for key, hint in hints.items():
        bare, marks = _unwrap(hint)
        # __required_keys__ has not seen the marks of a module whose annotations are text.
        required = key in typeddict_cls.__required_keys__ or typing_extensions.Required in marks
        required = required and typing_extensions.NotRequired not in marks
        fields[key] = (bare, ...) if required else (typing.Optional[bare], None)  # noqa: UP045 - made at run time
    options.setdefault('__module__', typeddict_cls.__module__)
    return create_doc(typeddict_cls.__name__, **{**options, **fields})


def _unwrap(hint: Any) -> tuple[Any, list[Any]]:
    """Take off Required, NotRequired and ReadOnly; return the rest and what was taken off."""
    marks = []
    while (origin := typing_extensions.get_origin(hint)) in _MARKS:
        marks.append(origin)
        (hint,) = typing_extensions.get_args(hint)
    return hint, marks
