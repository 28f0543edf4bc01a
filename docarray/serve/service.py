"""Services: plain functions on documents; what goes in and comes out is read off their annotations."""

from __future__ import annotations

import collections.abc as abc
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from docarray._hints import unalias
from docarray.array.rows import DocumentArray
from docarray.array.typed import ArrayMeta, typed
from docarray.document import AnyDocument
from docarray.errors import SchemaError, show
from docarray.lowering import is_document
from docarray.schema import Schema, schema_of

__all__ = ['Endpoint', 'Service', 'Side', 'side_of']

#: What stands for a stream, and whether it is an asynchronous one.
_STREAMS: dict[Any, bool] = {
    abc.Iterable: False,
    abc.Iterator: False,
    abc.Generator: False,
    abc.AsyncIterable: True,
    abc.AsyncIterator: True,
    abc.AsyncGenerator: True,
}

_WANTED = (
    'DocumentArray[T], DocumentArrayStacked[T], a document class, or an iterator of one of them '
    'such as Iterator[DocumentArray[T]]'
)


@dataclass(frozen=True)
class Side:
    """What goes into a function, or what comes out of it.

    Attributes:
        array_class: The array that it travels as; of one document, where it is a ``single`` one.
        single: Whether it is one document, or a stream of them one by one.
        stream: Whether it is an iterator.
        asynchronous: Whether that is an asynchronous iterator.

    Example:
        >>> from docarray.documents import TextDoc
        >>> side_of(TextDoc).single, side_of(DocumentArray[TextDoc]).single
        (True, False)
    """

    array_class: Any
    single: bool = False
    stream: bool = False
    asynchronous: bool = False

    @property
    def document_type(self) -> Any:
        """The document class."""
        return self.array_class.document_type

    @property
    def schema(self) -> Schema:
        """The schema of the document class."""
        return schema_of(self.document_type)

    @property
    def json_type(self) -> Any:
        """What it is in JSON: the document class, or the array class."""
        return self.document_type if self.single and not self.stream else self.array_class


@dataclass(frozen=True)
class Endpoint:
    """A function that is served, under the name by which clients call it.

    Attributes:
        name: The name.
        function: The function, which may be asynchronous.
        input: What it takes.
        output: What it returns or yields.
    """

    name: str
    function: Callable[..., Any]
    input: Side
    output: Side

    @property
    def maps(self) -> bool:
        """Whether it makes one document of one, so that an array is answered by an array."""
        return all(side.single and not side.stream for side in (self.input, self.output))


class Service:
    """Functions to be served, over gRPC by ``serve_grpc`` and over HTTP by ``router``.

    A function takes one argument and returns one value, both annotated: an array of documents, a document,
    or an iterator of either. Further parameters have defaults, and keep them.

    =======================================  ===========================================================
    annotation                               what it does
    =======================================  ===========================================================
    ``DocumentArray[T]``                     called once for each array; of a stream, for each batch
    ``T``                                    called for each document
    ``Iterator[DocumentArray[T]]``           called once for a whole stream, whose batches it iterates
    ``Iterator[T]``                          the same by document
    ``AsyncIterator[...]``, ``async def``    the same, on an event loop
    =======================================  ===========================================================

    Args:
        functions: A function, several, or a mapping from names to functions.
        name: The name of the gRPC service.

    Raises:
        SchemaError: A function lacks annotations, or they are not about documents.

    Example:
        >>> from docarray.documents import TextDoc
        >>> def shout(texts: DocumentArray[TextDoc]) -> DocumentArray[TextDoc]:
        ...     texts.text = [text.upper() for text in texts.text]
        ...     return texts
        >>> list(Service(shout).endpoints)
        ['shout']
    """

    def __init__(
        self,
        functions: Callable[..., Any] | Iterable[Callable[..., Any]] | Mapping[str, Callable[..., Any]],
        name: str = 'docarray.DocumentService',
    ) -> None:
        self.name = name
        self.endpoints: Mapping[str, Endpoint] = {}
        made: dict[str, Endpoint] = {}
        for key, function in _named(functions):
            if not key.isidentifier() or key.startswith('_') or key in made:
                raise SchemaError(
                    where='Service',
                    got=f'a function named {show(key)}' + (' twice' if key in made else ''),
                    wanted='names of functions, each once and without a leading underscore',
                    hint='Give names in a dict: Service({"embed": function}).',
                )
            made[key] = _endpoint(key, function)
        clash = next((key for key in made if f'{key}_stream' in made), None)
        if clash is not None:
            raise SchemaError(
                where='Service',
                got=f'functions named {clash!r} and {clash + "_stream"!r}',
                wanted='another name for the latter',
                hint=f'{clash + "_stream"!r} is how gRPC calls the streaming form of {clash!r}.',
            )
        self.endpoints = made

    def __repr__(self) -> str:
        return f'Service({self.name}: {", ".join(self.endpoints)})'

    @classmethod
    def of(cls, functions: Any) -> Service:
        """Return a service as it is, or make one of functions.

        Example:
            >>> from docarray.documents import TextDoc
            >>> def same(text: TextDoc) -> TextDoc:
            ...     return text
            >>> Service.of(same)
            Service(docarray.DocumentService: same)
        """
        return functions if isinstance(functions, Service) else cls(functions)


def _named(functions: Any) -> Iterable[tuple[str, Callable[..., Any]]]:
    if isinstance(functions, Mapping):
        return functions.items()
    several = list(functions) if isinstance(functions, abc.Iterable) else [functions]
    return [(getattr(function, '__name__', type(function).__name__), function) for function in several]


def _endpoint(name: str, function: Callable[..., Any]) -> Endpoint:
    signature = _signature(name, function)
    required = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    positional = [one for one in required if one.kind is not one.KEYWORD_ONLY]
    if len(required) != 1 or not positional:
        raise SchemaError(
            where=name,
            got='required parameters ' + (', '.join(one.name for one in required) or '(none)'),
            wanted='one, for the documents',
            hint='Give the others defaults, or fix them with functools.partial.',
        )
    output = signature.return_annotation
    taken = _annotated(required[0].annotation, f'{name}({required[0].name})')
    return Endpoint(name, function, taken, _annotated(output, f'{name}()'))


def _signature(name: str, function: Any) -> inspect.Signature:
    """Return the signature with all annotations resolved."""
    if not callable(function):
        raise SchemaError(where=name, got=show(function), wanted='a function')
    try:
        return inspect.signature(function, eval_str=True)
    except Exception as error:  # evaluating an annotation may raise anything
        raise SchemaError(
            where=name,
            got=f'annotations that cannot be resolved: {show(str(error))}',
            wanted='annotations whose names are known in the module of the function',
            hint='Declare the document class at the top of the module, before the service is made.',
        ) from error


def _annotated(annotation: Any, where: str) -> Side:
    if annotation is inspect.Parameter.empty:
        raise SchemaError(where=where, got='no annotation', wanted=_WANTED)
    return side_of(annotation, where)


def side_of(annotation: Any, where: str = '') -> Side:
    """Return what an annotation says about one side of a function.

    Args:
        annotation: Such as ``DocumentArray[T]``, ``T``, or ``Iterator[T]``.
        where: The place, for errors.

    Raises:
        SchemaError: It is not about documents.

    Example:
        >>> from collections.abc import Iterator
        >>> from docarray.documents import TextDoc
        >>> side_of(Iterator[DocumentArray[TextDoc]]).stream
        True
    """
    annotation, _ = unalias(annotation)
    parts = get_args(annotation)
    asynchronous = None if isinstance(annotation, ArrayMeta) else _STREAMS.get(get_origin(annotation))
    if asynchronous is not None and parts:
        inner = _whole(parts[0], where)
        return Side(inner.array_class, inner.single, True, asynchronous)
    return _whole(annotation, where)


def _whole(annotation: Any, where: str) -> Side:
    annotation, _ = unalias(annotation)
    array = typed(DocumentArray, annotation) if is_document(annotation) else annotation
    if isinstance(array, ArrayMeta) and array.document_type not in (None, AnyDocument):
        schema_of(array.document_type)  # a class that cannot travel is refused here, not by the first call
        return Side(array, single=array is not annotation)
    in_list = get_origin(annotation) is list and is_document(next(iter(get_args(annotation)), None))
    hint = f'Write DocumentArray[{get_args(annotation)[0].__name__}].' if in_list else ''
    raise SchemaError(where=where, got=show(annotation), wanted=_WANTED, hint=hint)
