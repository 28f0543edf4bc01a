"""The metaclass of typed arrays: ``DocumentArray[Student]`` is a real class, one per document class."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from docarray._typed import TypedMeta, derive, pickles_by_recipe, typed_by_class
from docarray.errors import SchemaError, show
from docarray.lowering import is_document


@pickles_by_recipe
class ArrayMeta(TypedMeta):
    """Metaclass of arrays, and of all that is typed by one document class."""

    document_type: Any

    def __getitem__(cls, document: Any) -> Any:
        if isinstance(document, (TypeVar, str)):
            return cls  # in annotations of generic code: the type is not known yet
        if cls.recipe is not None:
            raise SchemaError(
                where=cls.__name__, got='a second document type', wanted='one', hint='It is typed already.'
            )
        if not is_document(document):
            raise SchemaError(
                where=cls.__name__,
                got=show(document),
                wanted='a document class',
                hint='Derive the class from BaseDocument.',
            )
        return typed_by_class(cls, document, lambda: _derive(cls, document))

    @property
    def doc_type(cls) -> Any:
        """The document class. The name that versions 0.30 to 0.41 had for ``document_type``."""
        return cls.document_type


def typed(origin: Any, document_type: type) -> Any:
    """Return ``origin[document_type]`` for a class that is known only at run time."""
    return origin[document_type]


def _derive(cls: ArrayMeta, document: Any) -> Any:
    name = f'{cls.__name__}[{document.__name__}]'
    return derive(cls, document, name, {'document_type': document, '__slots__': (), '__doc__': cls.__doc__})


class AnyDocumentArray(metaclass=ArrayMeta):
    """What DocumentArray and DocumentArrayStacked have in common: being arrays of documents.

    ``isinstance(value, AnyDocumentArray)`` is true for both.
    """

    __slots__ = ()
    document_type: ClassVar[Any] = None


AnyDocArray = AnyDocumentArray
