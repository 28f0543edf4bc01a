"""The metaclass of typed arrays: ``DocumentArray[Student]`` is a real class, one per document class."""

from __future__ import annotations

from types import GenericAlias
from typing import Any, ClassVar, TypeVar

from docarray import _registry
from docarray._typed import TypedMeta, derive, pickles_by_recipe, typed_by_class
from docarray.errors import SchemaError, show
from docarray.lowering import is_document


@pickles_by_recipe
class ArrayMeta(TypedMeta):
    """Metaclass of arrays, and of all that is typed by one document class.

    ``typing.get_origin`` and ``get_args`` answer for a typed class as for ``list[Student]``, and so FastAPI
    knows an array of documents for a body, where it takes a plain subclass of list for uploaded files
    (``docs/decisions/005``).
    """

    document_type: Any

    @property  # type: ignore[misc]  # nobody sets it
    def __class__(cls) -> Any:
        return type(cls) if cls.recipe is None else GenericAlias

    #: What typing asks an alias for: whether it stands behind a star.
    __unpacked__ = False

    def __repr__(cls) -> str:
        return super().__repr__() if cls.recipe is None else f'{cls.__module__}.{cls.__name__}'

    def __getitem__(cls, document: Any) -> Any:
        if isinstance(document, tuple) and len(document) == 1:
            (document,) = document  # typing puts an alias together again with a tuple
        if isinstance(document, TypeVar):
            return GenericAlias(cls, (document,))  # in generic code, where the type is not known yet
        if isinstance(document, str):
            return cls
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

    def open(
        cls, url: str, limits: Any = None, *, storage_options: Any = None, version: int | str | None = None
    ) -> Any:
        """Open an array in a store, to read documents and columns of it when they are asked for.

        It is a method of the class alone, so that ``array.open`` may be a field.

        Args:
            url: Where the array is.
            limits: What is read at most (``docarray.formats.Limits``).
            storage_options: Settings of the store, as of ``push``.
            version: An older version, by its number or tag, of arrays that keep them: those of ``lance://``.

        Returns:
            A ``docarray.stores.opened.OpenedArray``; for ``lance://`` a ``ChangingArray``.

        Raises:
            MissingFileError: There is no such array.
            StoreError: It cannot be read.
            FormatError: It is no array, or has changed since it was written.
        """
        return _registry.method('open')(cls.document_type, url, limits, storage_options, version)

    @property
    def doc_type(cls) -> Any:
        """The document class. The name that versions 0.30 to 0.41 had for ``document_type``."""
        return cls.document_type


def typed(origin: Any, document_type: type) -> Any:
    """Return ``origin[document_type]`` for a class that is known only at run time."""
    return origin[document_type]


def _derive(cls: ArrayMeta, document: Any) -> Any:
    namespace = {
        'document_type': document,
        '__slots__': (),
        '__doc__': cls.__doc__,
        '__qualname__': cls.__qualname__,  # behind which pydantic writes the arguments itself
        '__origin__': cls,
        '__args__': (document,),
        '__parameters__': (),
    }
    return derive(cls, document, f'{cls.__name__}[{document.__name__}]', namespace)


class AnyDocumentArray(metaclass=ArrayMeta):
    """What DocumentArray and DocumentArrayStacked have in common: being arrays of documents.

    ``isinstance(value, AnyDocumentArray)`` is true for both.
    """

    __slots__ = ()
    document_type: ClassVar[Any] = None


AnyDocArray = AnyDocumentArray
