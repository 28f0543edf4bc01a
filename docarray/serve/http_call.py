"""One request over HTTP: the body in, the function in threads, the answer out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from docarray import _lazy
from docarray.errors import LimitError, RemoteError
from docarray.serve.faults import fault_of
from docarray.serve.media import Media, is_one
from docarray.serve.running import Run
from docarray.serve.service import Endpoint
from docarray.serve.wire import join

if TYPE_CHECKING:
    from fastapi import HTTPException, Request, Response
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import StreamingResponse
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
else:
    _fastapi = _lazy.load('fastapi')
    HTTPException, Request, Response = _fastapi.HTTPException, _fastapi.Request, _fastapi.Response
    RequestValidationError = _lazy.load('fastapi.exceptions').RequestValidationError
    StreamingResponse = _lazy.load('fastapi.responses').StreamingResponse
    ClientDisconnect = _lazy.load('starlette.requests').ClientDisconnect
    run_in_threadpool = _lazy.load('starlette.concurrency').run_in_threadpool

__all__ = ['Call', 'problem']

_END: Any = object()

#: Calls that are being wound up, which nobody else holds on to.
_ending: set[asyncio.Task[None]] = set()


def problem(status: int, code: str, text: str, close: bool = False) -> HTTPException:
    """Return the error that answers a request with a status, in the form that FastAPI's own errors have.

    Args:
        status: The status.
        code: What kind of fault it is.
        text: What is said about it.
        close: Whether to end the connection, so that nobody has to read the rest of the body.

    Example:
        >>> problem(504, 'timeout', 'no answer in time').detail[0]['msg']
        'no answer in time'
    """
    fault = {'type': code, 'loc': ['body'], 'msg': text}
    return HTTPException(status, [fault], {'connection': 'close'} if close else None)


class Call:
    """One request to an endpoint.

    The arrays, and the parts of the answer, are made in threads, a step at a time; the event loop reads the
    body and sends the answer, so that neither gets ahead of the other end.

    Args:
        endpoint: What is called.
        request: The request, its body unread.
        given: The type of its body.
        wanted: The type of the answer.
        most: How many bytes the body may have.
        batch_size: How many documents of a stream to give to the function at once.
    """

    def __init__(
        self, endpoint: Endpoint, request: Request, given: Media, wanted: Media, most: int, batch_size: int
    ) -> None:
        self._endpoint, self._given, self._wanted = endpoint, given, wanted
        self._most, self._batch_size = most, batch_size
        self._loop = asyncio.get_running_loop()
        self._run = Run(endpoint, lambda: self._loop)
        declared = request.headers.get('content-length', '')
        self._size = int(declared) if declared.isdecimal() else 0
        self._stream = request.stream()
        self._version = str(request.scope.get('http_version', '1.1'))
        self.all_read = asyncio.Event()
        self._one = False  # whether the body is one document
        self._unreadable: BaseException | None = None
        self._gone = False  # whether the client has left before its body was whole
        self._end: float | None = None
        self._step: asyncio.Task[Any] | None = None
        self._finishing = False
        self._parts = self._make_parts()

    async def response(self, timeout: float | None) -> Response:
        """Return the answer, or one whose first part is ready.

        Args:
            timeout: How many seconds all of it may take.
        """
        self._end = None if timeout is None else self._loop.time() + timeout
        first = await self._first()
        if self._streams(self._wanted):
            return _Streamed(self, first)
        self.finish()
        return Response(first, media_type=self._wanted.name)

    async def body(self, first: Any) -> AsyncIterator[bytes]:
        """Yield the parts of the answer, of which the first is ready."""
        part = first
        while part is not _END:
            yield part
            try:
                part = await self._next()
            except Exception as error:
                if self._gone:
                    return
                fault = fault_of(error, self._endpoint.name, error is self._unreadable)
                raise RemoteError(f'{self._endpoint.name}: the answer was broken off: {fault.text}') from None

    def finish(self) -> None:
        """End the call: its function stops where it waits, or after the step that it is at."""
        if self._finishing:
            return
        self._finishing = True
        self._run.stop()
        task = self._loop.create_task(self._finish())
        _ending.add(task)
        task.add_done_callback(_ending.discard)

    @property
    def media_type(self) -> str:
        """The type of the answer."""
        return self._wanted.name

    # -- on the event loop ------------------------------------------------------------------------

    async def _first(self) -> Any:
        try:
            return await self._next()
        except _LateError:
            raise problem(504, 'timeout', 'no answer in time', self._has_rest()) from None
        except HTTPException:
            raise
        except Exception as error:
            if self._gone:  # which nobody reads
                raise problem(400, 'disconnected', 'the client has left') from None
            fault = fault_of(error, self._endpoint.name, error is self._unreadable)
            if fault.http == 422:
                raise RequestValidationError(fault.details) from error
            raise problem(fault.http, fault.about['code'], fault.text, self._has_rest()) from error

    def _has_rest(self) -> bool:
        """Whether some of the body has not been read. HTTP/2 has its own way to refuse that."""
        return not self.all_read.is_set() and self._version.startswith('1')

    async def _next(self) -> Any:
        """Make the next part in a thread."""
        step = self._step = self._loop.create_task(run_in_threadpool(next, self._parts, _END))
        left = None if self._end is None else max(0.0, self._end - self._loop.time())
        try:
            done, _ = await asyncio.wait([step], timeout=left)
            if not done:
                raise _LateError
            return step.result()
        except BaseException:  # one of them is that the client has gone
            self.finish()
            raise

    async def _finish(self) -> None:
        if self._step is not None:
            await asyncio.wait([self._step])
        await run_in_threadpool(self._parts.close)

    # -- in threads -------------------------------------------------------------------------------

    def _make_parts(self) -> Any:
        """Yield the parts of the answer: one, if it is no stream."""
        with closing(self._run.outputs(self._arrays())) as outputs:
            if self._streams(self._wanted):
                first = list(islice(outputs, 1))  # before a part is sent: it may be that the call is refused
                yield from self._wanted.write_stream(chain(first, outputs))
            else:
                array = join(list(outputs), self._endpoint.output)
                yield self._wanted.write(array, self._is_single())

    def _is_single(self) -> bool:
        """Whether the answer is one document, where its type has a form for that."""
        side = self._endpoint.output
        alone = self._one if self._endpoint.maps else not self._streams(self._given)
        return side.single and not side.stream and alone

    def _streams(self, media: Media) -> bool:
        if media.streams is None:
            return self._endpoint.input.stream or self._endpoint.output.stream
        return media.streams

    def _arrays(self) -> Iterator[Any]:
        arrays = self._read()
        while True:
            try:
                array = next(arrays, _END)
            except Exception as error:
                self._unreadable = error
                raise
            if array is _END:
                return
            yield array

    def _read(self) -> Iterator[Any]:
        side = self._endpoint.input
        if self._streams(self._given):
            yield from self._given.read_stream(self._chunks(), side, self._most, self._batch_size)
        else:
            data = b''.join(self._chunks())
            self._one = is_one(self._given, data)
            yield self._given.read(data, side, self._most)

    def _chunks(self) -> Iterator[bytes]:
        """Yield the body as it comes."""
        self._check_size(self._size)
        size = 0
        while (chunk := self._chunk()) is not _END:
            size += len(chunk)
            self._check_size(size)
            yield chunk
        self._loop.call_soon_threadsafe(self.all_read.set)

    def _chunk(self) -> Any:
        try:
            return self._run.wait(anext(self._stream, _END))
        except ClientDisconnect:
            self._gone = True
            raise RemoteError(where=self._endpoint.name, got='the end of the call') from None

    def _check_size(self, size: int) -> None:
        if size > self._most:
            raise LimitError(where='body', got=f'{size} bytes', wanted=f'at most {self._most}')


class _LateError(Exception):
    """The deadline has passed."""


class _Streamed(StreamingResponse):
    """An answer in parts, which ends its call when it is sent or the client has gone."""

    def __init__(self, call: Call, first: Any) -> None:
        super().__init__(call.body(first), media_type=call.media_type)
        self._call = call

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._call.finish()

    async def listen_for_disconnect(self, receive: Callable[[], Any]) -> None:
        await self._call.all_read.wait()  # until then the body is what comes, and its reader listens
        await super().listen_for_disconnect(receive)
