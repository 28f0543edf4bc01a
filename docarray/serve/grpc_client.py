"""Services over gRPC: the client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any

from docarray import _lazy
from docarray.array.rows import DocumentArray
from docarray.array.typed import AnyDocumentArray, typed
from docarray.document import AnyDocument, BaseDocumentWithoutId
from docarray.errors import InvalidValueError, LengthError, RemoteError, show
from docarray.formats.limits import Limits
from docarray.serve.flow import Credit, Pipe
from docarray.serve.grpc_protocol import (
    ACKNOWLEDGED,
    ENDED,
    MESSAGE_BYTES,
    MESSAGE_DOCUMENTS,
    WINDOW,
    WINDOW_KEY,
    WIRE_KEY,
    method_path,
    remote_error,
    size_options,
)
from docarray.serve.service import Endpoint, Service, Side, side_of
from docarray.serve.wire import pack, unpack, wire_named

__all__ = ['Client']


class Client:
    """Calls the functions of a service over gRPC, each by its name: ``client.embed(documents)``.

    What comes back has the class of what was sent. Where functions return another one, give the client the
    functions (their bodies may be empty), or each call its ``returns``. One client may be used by several
    threads. ``with`` closes it at the end.

    Args:
        address: Host and port of the server.
        service: The service, or the functions, that the server has; only their annotations are used.
        timeout: After how many seconds a call fails, unless it says so itself; None for never.
        wire: The format of the messages: 'protobuf', 'arrow' or 'json'.
        max_message_bytes: How large one message, in or out, may be.
        max_message_documents: How many documents a message that comes in may have.
        window: How many messages of a stream may be on the way in either direction.
        credentials: ``grpc.ChannelCredentials`` for TLS.
        metadata: Pairs of strings that go with each call.
        interceptors: gRPC client interceptors.
        options: Options of the gRPC channel, which have the last word.

    Raises:
        InvalidValueError: Messages have no such format.
        MissingExtraError: ``docarray[grpc]`` is not installed.

    Example:
        >>> with Client('localhost:50051') as client:
        ...     client
        Client(localhost:50051)
    """

    def __init__(
        self,
        address: str,
        service: Service | Callable[..., Any] | Iterable[Callable[..., Any]] | None = None,
        *,
        timeout: float | None = None,
        wire: str = 'protobuf',
        max_message_bytes: int = MESSAGE_BYTES,
        max_message_documents: int = MESSAGE_DOCUMENTS,
        window: int = WINDOW,
        credentials: Any = None,
        metadata: Sequence[tuple[str, str]] = (),
        interceptors: Sequence[Any] = (),
        options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        grpc = _lazy.load('grpc')
        self._address, self._timeout, self._wire, self._window = address, timeout, wire_named(wire), window
        self._limits, self._closed = Limits(max_message_bytes, documents=max_message_documents), False
        self._service = Service(()) if service is None else Service.of(service)
        self._metadata = [*metadata, (WIRE_KEY, wire)]
        chosen = size_options(max_message_bytes, options)
        if credentials is None:
            channel = grpc.insecure_channel(address, chosen)
        else:
            channel = grpc.secure_channel(address, credentials, chosen)
        self._channel = grpc.intercept_channel(channel, *interceptors)

    def __repr__(self) -> str:
        return f'Client({self._address})'

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith('_'):
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        return partial(self.call, name)

    def close(self) -> None:
        """End the connection and all calls."""
        self._closed = True
        self._channel.close()

    def call(self, name: str, value: Any, *, timeout: float | None = None, returns: Any = None) -> Any:
        """Call a function with one array or document, and return its result.

        Args:
            name: The name of the function.
            value: An array of documents, or a document.
            timeout: After how many seconds the call fails; by default what the client says.
            returns: What the function returns: an array class or a document class.

        Raises:
            RemoteError: The server cannot be reached, refused the documents, or failed; ``status`` says so.
            RemoteTimeoutError: There was no answer in time.

        Example:
            >>> from docarray.documents import TextDoc
            >>> from docarray.serve import serve_grpc
            >>> def shout(text: TextDoc) -> TextDoc:
            ...     return TextDoc(text=text.text.upper())
            >>> with serve_grpc(shout) as server, Client(server.address) as client:
            ...     client.call('shout', TextDoc(text='a'), timeout=10).text
            'A'
        """
        single = isinstance(value, BaseDocumentWithoutId)
        array = typed_array([value] if single else value, name)
        side = self._answer(name, array.document_type if single else type(array), returns, not single)
        method = self._channel.unary_unary(self._path(name, stream=False))
        data = pack(self._wire, array, self._limits)
        try:
            answer = method(data, self._seconds(timeout), self._metadata)
        except _lazy.load('grpc').RpcError as error:
            raise self._error(name, error) from error
        made = unpack(self._wire, answer, side, self._limits, trusted=True)
        if not side.single:
            return made
        if len(made) != 1:
            raise LengthError(where=f'{name}()', got=f'{len(made)} documents', wanted='one')
        return made[0]

    def stream(
        self,
        name: str,
        documents: Iterable[Any],
        *,
        batch_size: int = 32,
        timeout: float | None = None,
        returns: Any = None,
    ) -> Iterator[Any]:
        """Send documents as they come, and yield the documents that come back.

        Both directions run at once, and neither gets far ahead of the other end (see ``window``). Leaving the
        loop ends the call.

        Args:
            name: The name of the function.
            documents: The documents, such as a generator of them; they are taken by another thread.
            batch_size: How many go into one message, and to a function that takes arrays at once.
            timeout: After how many seconds the whole stream fails; by default what the client says.
            returns: As for ``call``.

        Raises:
            RemoteError: As for ``call``.
        """
        for array in self.batches(name, _arrays(documents, batch_size), timeout=timeout, returns=returns):
            yield from array

    def batches(
        self, name: str, arrays: Iterable[Any], *, timeout: float | None = None, returns: Any = None
    ) -> Iterator[Any]:
        """Send arrays as they come, one a message, and yield the arrays that come back.

        Args:
            name: The name of the function.
            arrays: Arrays of documents; they are taken by another thread.
            timeout: As for ``stream``.
            returns: As for ``call``.

        Raises:
            RemoteError: As for ``call``.
        """
        method = self._channel.stream_stream(self._path(name, stream=True))
        sent = SentStream(
            (typed_array(array, name) for array in arrays), self._wire, self._limits, self._window
        )
        metadata = [*self._metadata, (WINDOW_KEY, str(self._window))]
        call = method(sent.messages, self._seconds(timeout), metadata)
        sent.start(on_failure=call.cancel)
        try:
            for message in call:
                if message == ACKNOWLEDGED:
                    sent.credit.give()
                else:
                    side = self._answer(name, sent.array_class, returns, several=True)
                    yield unpack(self._wire, message, side, self._limits, trusted=True)
                    sent.messages.put(ACKNOWLEDGED)
        except _lazy.load('grpc').RpcError as error:
            if sent.failure is not None:
                raise sent.failure from None
            raise self._error(name, error) from error
        finally:
            call.cancel()
            sent.stop()

    def _path(self, name: str, stream: bool) -> str:
        if self._closed:
            raise RemoteError(where=f'{name} at {self._address}', got='a client that was closed')
        return method_path(self._service.name, name, stream)

    def _answer(self, name: str, given: Any, returns: Any, several: bool) -> Side:
        """Return what a function gives back, as far as it is known here."""
        endpoint: Endpoint | None = self._service.endpoints.get(name)
        if returns is not None or endpoint is None:
            return side_of(given if returns is None else returns, where=f'{name}()')
        output = endpoint.output
        several = output.stream or (several and endpoint.maps)
        return replace(output, single=output.single and not several)

    def _seconds(self, timeout: float | None) -> float | None:
        return self._timeout if timeout is None else timeout

    def _error(self, name: str, error: Any) -> RemoteError:
        metadata = dict(error.trailing_metadata() or ())
        where = f'{name} at {self._address}'
        return remote_error(error.code().name, error.details() or '', metadata, where)


def typed_array(array: Any, name: str) -> Any:
    """Return documents as an array whose class says what they are.

    Args:
        array: An array of documents, or a list of documents of one class.
        name: The place, for errors.

    Raises:
        InvalidValueError: It is neither.

    Example:
        >>> from docarray.documents import TextDoc
        >>> typed_array([TextDoc()], 'embed')
        <DocumentArray[TextDoc] (length=1)>
    """
    if isinstance(array, AnyDocumentArray) and type(array).document_type not in (None, AnyDocument):
        return array
    first = array[0] if isinstance(array, list) and array else None
    if not isinstance(first, BaseDocumentWithoutId):
        raise InvalidValueError(
            where=name,
            got=f'{type(array).__name__} {show(array)}',
            wanted='a document, or a typed array of documents, such as DocumentArray[YourDocument]',
        )
    document_type = type(first).__mro__[1] if first.is_view() else type(first)
    return typed(DocumentArray, document_type)(array)


class SentStream:
    """What a client sends in one streaming call, and how far ahead of the server it may get.

    Args:
        arrays: What to send; another thread takes them.
        wire: The format of the messages.
        limits: For each message.
        window: How many messages the server may have left unacknowledged.

    Attributes:
        messages: What grpc is to send.
        credit: What the server's acknowledgements go to.
        array_class: The class of the arrays, once there is one.
        failure: The error that taking or packing an array raised.
    """

    def __init__(self, arrays: Iterable[Any], wire: str, limits: Limits, window: int) -> None:
        self.messages: Pipe[bytes] = Pipe()
        self.credit = Credit(window)
        self.array_class: Any = None
        self.failure: BaseException | None = None
        self._steps, self._wire, self._limits = iter(arrays), wire, limits

    def start(self, on_failure: Callable[[], Any]) -> None:
        """Start to send; where that fails, note it and call ``on_failure``."""
        threading.Thread(
            target=self._run, args=(on_failure,), name='docarray-client-stream', daemon=True
        ).start()

    def stop(self) -> None:
        """End it: no more arrays are taken."""
        self.messages.close()
        self.credit.close()

    def _run(self, on_failure: Callable[[], Any]) -> None:
        try:
            while self.credit.take() and (array := next(self._steps, None)) is not None:
                self.array_class = type(array)
                self.messages.put(pack(self._wire, array, self._limits))
            self.messages.put(ENDED)
        except BaseException as error:
            self.failure = error
            on_failure()


def _arrays(documents: Iterable[Any], batch_size: int) -> Iterator[Any]:
    """Yield documents in lists of a size, as they come."""
    if batch_size < 1:
        raise InvalidValueError(where='batch_size', got=str(batch_size), wanted='a number of at least 1')
    steps = iter(documents)
    while batch := list(islice(steps, batch_size)):
        yield batch
