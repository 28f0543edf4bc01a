"""Services over gRPC: the server."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NoReturn

from docarray import _lazy
from docarray.errors import InvalidValueError, RemoteError, show
from docarray.formats.limits import Limits
from docarray.serve.faults import cut, fault_of
from docarray.serve.grpc_protocol import (
    MESSAGE_BYTES,
    MESSAGE_DOCUMENTS,
    WINDOW_KEY,
    WIRE_KEY,
    fault_metadata,
    size_options,
)
from docarray.serve.grpc_stream import ServedStream
from docarray.serve.running import LoopThread, Run
from docarray.serve.service import Endpoint, Service
from docarray.serve.wire import pack_all, unpack, wire_named

__all__ = ['GrpcServer', 'serve_grpc']

_HEALTH, _SERVING = 'grpc.health.v1.Health', b'\x08\x01'


def serve_grpc(
    service: Service | Callable[..., Any] | Sequence[Callable[..., Any]],
    address: str = 'localhost:0',
    *,
    workers: int = 16,
    max_message_bytes: int = MESSAGE_BYTES,
    max_message_documents: int = MESSAGE_DOCUMENTS,
    credentials: Any = None,
    interceptors: Sequence[Any] = (),
    options: Sequence[tuple[str, Any]] = (),
) -> GrpcServer:
    """Serve functions over gRPC, in threads of this process, and return at once.

    Args:
        service: A Service, or the functions to make one of.
        address: Host and port; port 0 takes a free one.
        workers: How many calls run at once; each stream is a call. Others wait.
        max_message_bytes: How large one message, in or out, may be.
        max_message_documents: How many documents a message that comes in may have.
        credentials: ``grpc.ServerCredentials`` for TLS.
        interceptors: ``grpc.ServerInterceptor`` objects.
        options: Options of ``grpc.server``, which have the last word.

    Raises:
        SchemaError: A function cannot be served.
        RemoteError: There is no listening at that address.
        MissingExtraError: ``docarray[grpc]`` is not installed.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> from docarray.serve import Client
        >>> def shout(texts: DocumentArray[TextDoc]) -> DocumentArray[TextDoc]:
        ...     texts.text = [text.upper() for text in texts.text]
        ...     return texts
        >>> with serve_grpc(shout) as server, Client(server.address) as client:
        ...     client.shout(DocumentArray[TextDoc]([TextDoc(text='a')])).text
        ['A']
    """
    grpc = _lazy.load('grpc')
    handlers = _Handlers(Service.of(service), Limits(max_message_bytes, documents=max_message_documents))
    pool = ThreadPoolExecutor(workers, thread_name_prefix='docarray-serve')
    # Without this, several servers on Linux may share a port without knowing.
    chosen = size_options(max_message_bytes, [('grpc.so_reuseport', 0), *options])
    server = grpc.server(pool, handlers.generic(), interceptors=list(interceptors), options=chosen)
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        pool.shutdown()
        raise RemoteError(
            where=address, got=show(str(error), 200), wanted='a free port of this machine'
        ) from error
    server.start()
    return GrpcServer(server, pool, handlers, address, port)


class GrpcServer:
    """A running gRPC server, which stops at the end of a ``with`` block. ``serve_grpc`` makes it.

    Attributes:
        port: The port that it listens at.
        address: Host and port.
    """

    def __init__(
        self, server: Any, pool: ThreadPoolExecutor, handlers: _Handlers, address: str, port: int
    ) -> None:
        self.port = port
        self.address = re.sub(r':\d+$', f':{port}', address)
        self._server, self._pool, self._handlers = server, pool, handlers

    def __repr__(self) -> str:
        return f'GrpcServer({self.address})'

    def __enter__(self) -> GrpcServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the server stops.

        Args:
            timeout: How many seconds at most.

        Returns:
            Whether it still runs.
        """
        running: bool = self._server.wait_for_termination(timeout)
        return running

    def run(self, grace: float = 5.0) -> None:
        """Wait until the process is told to end, by SIGTERM or Ctrl-C, then stop. For the main thread.

        Args:
            grace: As for ``stop``.
        """
        told: list[int] = []
        signals = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, lambda number, _: told.append(number)) for number in signals]
        try:
            while not told and self.wait(0.1):  # Python handles signals only between such waits
                pass
        finally:
            for number, handler in zip(signals, before, strict=True):
                signal.signal(number, handler)
        self.stop(grace)

    def stop(self, grace: float = 5.0) -> None:
        """Refuse new calls, let those that run finish, and end the threads.

        Args:
            grace: After how many seconds calls that still run are cancelled. A function that does not
                return even then keeps its thread until it does.
        """
        self._server.stop(grace).wait()
        idle = self._handlers.wait_until_idle(1.0)
        self._pool.shutdown(wait=idle, cancel_futures=True)
        self._handlers.loop.close()


class _Handlers:
    """The methods of a service, as grpc calls them."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits = service, limits
        self._grpc = _lazy.load('grpc')
        self._active = 0
        self._changed = threading.Condition()
        self.loop = LoopThread()

    def generic(self) -> list[Any]:
        """Return grpc's handlers of the service, and of the standard health check."""
        grpc = self._grpc
        methods = {}
        for name, endpoint in self._service.endpoints.items():
            methods[name] = grpc.unary_unary_rpc_method_handler(self._unary(endpoint))
            methods[f'{name}_stream'] = grpc.stream_stream_rpc_method_handler(self._stream(endpoint))
        health = {'Check': grpc.unary_unary_rpc_method_handler(self._health)}
        handler = grpc.method_handlers_generic_handler
        return [handler(self._service.name, methods), handler(_HEALTH, health)]

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until no function runs any more; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._active, seconds)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._active += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def _unary(self, endpoint: Endpoint) -> Callable[[bytes, Any], bytes]:
        def answer(data: bytes, context: Any) -> bytes:
            wire = self._wire(context)
            run = Run(endpoint, self.loop.loop)
            if not context.add_callback(run.stop):
                return b''  # the client has gone while the call waited for a thread
            array = None
            try:
                array = unpack(wire, data, endpoint.input, self._limits)
                return pack_all(wire, run.outputs([array]), endpoint.output, self._limits)
            except Exception as error:
                if run.stopped:
                    return b''  # to nobody
                self._abort(context, error, endpoint.name, reading=array is None)

        def counted(data: bytes, context: Any) -> bytes:
            with self._counted():
                return answer(data, context)

        return counted

    def _stream(self, endpoint: Endpoint) -> Callable[[Iterator[bytes], Any], Iterator[bytes]]:
        def answer(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            wire, window = self._wire(context), self._window(context)
            run = Run(endpoint, self.loop.loop)
            stream = ServedStream(endpoint, run, wire, self._limits, window, self._counted)
            if not context.add_callback(stream.cancel):
                return
            yield from stream.messages(requests)
            if stream.failure is not None and not stream.over:
                self._abort(context, stream.failure, endpoint.name, stream.failure is stream.unreadable)

        return answer

    def _health(self, data: bytes, context: Any) -> bytes:
        """Answer a HealthCheckRequest, whose field 1 is the name of a service or nothing."""
        name = self._service.name.encode()
        if data not in (b'', b'\x0a\x00', b'\x0a' + bytes([len(name)]) + name):
            context.abort(self._grpc.StatusCode.NOT_FOUND, 'no such service')
        return _SERVING

    def _wire(self, context: Any) -> str:
        try:
            return wire_named(_metadata(context).get(WIRE_KEY, 'protobuf'), WIRE_KEY)
        except InvalidValueError as error:
            self._abort(context, error)

    def _window(self, context: Any) -> int | None:
        text = _metadata(context).get(WINDOW_KEY)
        if text is None:
            return None
        if not (re.fullmatch('[0-9]{1,4}', text) and 0 < int(text) <= 1024):
            self._abort(
                context, InvalidValueError(where=WINDOW_KEY, got=show(text), wanted='a number from 1 to 1024')
            )
        return int(text)

    def _abort(self, context: Any, error: BaseException, name: str = '', reading: bool = True) -> NoReturn:
        """End a call with an error, by raising."""
        fault = fault_of(error, name, reading)
        context.set_trailing_metadata(fault_metadata(fault))
        context.abort(getattr(self._grpc.StatusCode, fault.status), cut(fault.text, 300))
        raise AssertionError('abort raises')


def _metadata(context: Any) -> dict[str, str]:
    return dict(context.invocation_metadata())
