"""``DocumentArray[X]`` and its like are real classes, one per document class; both vocabularies name them."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Optional, TypeVar

import pydantic
import pytest

import docarray
from docarray import (
    AnyDoc,
    AnyDocument,
    BaseDoc,
    BaseDocument,
    BaseDocumentWithoutId,
    BaseDocWithoutId,
    DocList,
    DocumentArray,
    DocumentArrayStacked,
    DocVec,
)
from docarray.array.typed import AnyDocumentArray
from docarray.errors import SchemaError

T = TypeVar('T', bound=BaseDocument)


class Page(BaseDocument):
    n: int = 0


class Special(Page):
    m: int = 0


def test_both_vocabularies_are_the_same_objects() -> None:
    assert BaseDoc is BaseDocument
    assert DocList is DocumentArray
    assert DocVec is DocumentArrayStacked
    assert AnyDoc is AnyDocument
    assert BaseDocWithoutId is BaseDocumentWithoutId


def test_unknown_names_are_attribute_errors() -> None:
    assert not hasattr(docarray, 'nothing')


@pytest.mark.parametrize('origin', [DocumentArray, DocumentArrayStacked])
def test_typed_classes(origin: Any) -> None:
    typed = origin[Page]
    assert typed is origin[Page]
    assert typed is not origin[Special]
    assert isinstance(typed, type)
    assert issubclass(typed, origin)
    assert typed.document_type is typed.doc_type is Page
    assert typed.__name__ == f'{origin.__name__}[Page]'
    assert isinstance(typed([Page()]), typed)
    assert isinstance(typed([Page()]), origin)
    assert isinstance(typed([Page()]), AnyDocumentArray)
    assert not isinstance(typed([Page()]), origin[Special])
    assert typed([Page()]).document_type is typed([Page()]).doc_type is Page


@pytest.mark.parametrize('origin', [DocumentArray, DocumentArrayStacked])
@pytest.mark.parametrize('wrong', [int, None, 5, pydantic.BaseModel, list[Page], (Page, Page)])
def test_only_document_classes_type_an_array(origin: Any, wrong: Any) -> None:
    with pytest.raises(SchemaError, match='document class'):
        origin[wrong]


def test_a_typed_array_is_not_typed_again() -> None:
    with pytest.raises(SchemaError, match='typed already'):
        DocumentArray[Page][Page]


def test_type_variables_leave_an_array_open() -> None:
    assert isinstance(DocumentArray[T]([Page()]), DocumentArray)

    class Shelf(DocumentArray[T], Generic[T]):
        def total(self) -> int:
            return sum(self.n)

    assert Shelf[Page] is Shelf[Page]
    assert issubclass(Shelf[Page], Shelf)
    assert Shelf[Page]([Page(n=1), Page(n=2)]).total() == 3
    assert type(Shelf[Page]([Page()])[:]) is Shelf[Page]
    assert Shelf[Page].document_type is Page
    assert not issubclass(Shelf[Page], DocumentArray[Page])


def test_a_subclass_of_a_typed_array() -> None:
    class Pages(DocumentArray[Page]):
        pass

    pages = Pages([Page(n=1)])
    assert type(pages[:]) is type(pages + pages) is type(pages.copy()) is Pages
    assert isinstance(pages, DocumentArray[Page])
    assert pages.n == [1]
    assert pages.stack().n == [1]


def test_arrays_as_fields() -> None:
    class Book(BaseDocument):
        pages: DocumentArray[Page]
        columns: DocumentArrayStacked[Page] | None = None

    pages = DocumentArray[Page]([Page(n=1)])
    assert Book(pages=pages).pages is pages
    assert Book(pages=[{'n': 2}]).pages.n == [2]
    assert type(Book(pages=pages.stack()).pages) is DocumentArray[Page]
    assert type(Book(pages=[], columns=pages).columns) is DocumentArrayStacked[Page]
    assert type(Book(pages=[], columns=[{'n': 3}]).columns) is DocumentArrayStacked[Page]
    with pytest.raises(pydantic.ValidationError, match=r'pages\.1\.n'):
        Book(pages=[{'n': 2}, {'n': 'x'}])
    with pytest.raises(pydantic.ValidationError):
        Book(pages=5)
    book = Book(pages=pages, columns=pages)
    assert book.model_dump()['pages'][0]['n'] == 1
    assert book.model_dump(include={'columns': {0: {'n'}}}) == {'columns': [{'n': 1}]}
    assert Book.model_validate_json(book.model_dump_json()) == book
    assert Book.model_json_schema()['properties']['pages']['type'] == 'array'
    stacked = DocumentArray[Book]([book, Book(pages=[])]).stack()
    assert type(stacked[0].columns) is DocumentArrayStacked[Page]
    assert stacked.unstack()[0] == book
    assert stacked[1].columns is None


def test_a_generic_document_is_one_class_in_all_threads() -> None:
    T = TypeVar('T')
    U = TypeVar('U')

    class Pair(BaseDocument, Generic[T, U]):
        first: T
        second: U

    made = Pair[int, str]
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lambda: Pair[int, str]).result() is made
        assert threads.submit(lambda: DocumentArray[Pair[int, str]]).result() is DocumentArray[made]
    assert Pair[str, int] is not made
    assert Pair[T, U] is Pair
    with pytest.raises(TypeError, match='not a generic class'):
        made[int]


@pytest.mark.parametrize('origin', [DocumentArray, DocumentArrayStacked])
def test_typing_sees_what_an_array_holds(origin: Any) -> None:
    assert typing.get_origin(origin[Page]) is origin
    assert typing.get_args(origin[Page]) == (Page,)
    assert typing.get_origin(origin) is None
    assert typing.get_args(origin) == ()
    assert typing.get_origin(type('Mine', (origin[Page],), {})) is None

    def function(a: Any, b: Any) -> Any: ...

    function.__annotations__ = {'a': origin[Page], 'b': Optional[origin[Page]], 'return': list[origin[Page]]}  # noqa: UP045
    assert typing.get_type_hints(function) == function.__annotations__
    assert inspect.isclass(origin[Page])
    assert repr(origin[Page]) == f'{origin.__module__}.{origin.__name__}[Page]'
    assert f'array: {origin[Page]!r}' in str(
        inspect.signature(pydantic.create_model('M', array=(origin[Page], ...)))
    )
    assert f'{origin.__name__}[Page],' in repr(pydantic.fields.FieldInfo(annotation=origin[Page]))
    assert issubclass(origin[Page], origin)


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason='singledispatch of Python 3.10 refuses what looks like an alias'
)
def test_functions_dispatch_on_typed_arrays() -> None:
    @functools.singledispatch
    def kind(value: Any) -> str:
        return 'other'

    kind.register(DocumentArray[Page], lambda value: 'pages')
    assert kind(DocumentArray[Page]([Page()])) == 'pages'
    assert kind(DocumentArray[Special]([Special()])) == 'other'


def test_arrays_in_generic_documents() -> None:
    class Shelf(BaseDocument, Generic[T]):
        rows: DocumentArray[T]
        columns: Optional[DocumentArrayStacked[T]] = None  # noqa: UP045

    shelf = Shelf[Special](rows=[{'m': 1}], columns=[{'m': 2}])
    assert type(shelf.rows) is DocumentArray[Special]
    assert type(shelf.columns) is DocumentArrayStacked[Special]
    assert Shelf[Special].from_json(shelf.to_json()) == shelf
    assert DocumentArray[Shelf[Special]]([shelf]).stack()[0].rows.m == [1]
    with pytest.raises(pydantic.ValidationError):
        Shelf[Special](rows=[1])
