"""One request over HTTP: the body in, the function in threads, the answer out."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from docarray import _lazy
from docarray.errors import LimitError, RemoteError
from docarray.formats.limits import Limits
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
_LATE = 'no answer in time'

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
    body and sends the answer, so that neither gets ahead of the other end. No thread waits for a body but
    one that is a stream, and those have threads apart: slow clients cannot take those of the application.

    Args:
        endpoint: What is called.
        request: The request, its body unread.
        given: The type of its body.
        wanted: The type of the answer.
        limits: How many bytes and documents the body may have.
        batch_size: How many documents of a stream to give to the function at once.
        threads: The threads for bodies that are streams.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        request: Request,
        given: Media,
        wanted: Media,
        limits: Limits,
        batch_size: int,
        threads: Executor,
    ) -> None:
        self._endpoint, self._request, self._given, self._wanted = endpoint, request, given, wanted
        self._limits, self._batch_size, self._threads = limits, batch_size, threads
        self._loop = asyncio.get_running_loop()
        self._run = Run(endpoint, lambda: self._loop)
        self._version = str(request.scope.get('http_version', '1.1'))
        self.all_read = asyncio.Event()
        self._chunks = self._read_body()
        self._body = b''  # all of it, where it is no stream
        self._one = False  # whether it is one document
        self._unreadable: BaseException | None = None
        self._gone = False  # whether the client has left
        self._end: float | None = None
        self._step: asyncio.Future[Any] | None = None
        self._finishing = False
        self._parts = self._make_parts()

    async def response(self, timeout: float | None) -> Response:
        """Return the answer, or one whose first part is ready.

        Args:
            timeout: How many seconds all of it may take.
        """
        self._end = None if timeout is None else self._loop.time() + timeout
        leaving = self._loop.create_task(self._leave())
        try:
            first = await self._first(leaving)
        finally:
            leaving.cancel()
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
                name, late = self._endpoint.name, isinstance(error, _LateError)
                text = _LATE if late else fault_of(error, name, error is self._unreadable).text
                raise RemoteError(f'{name}: the answer was broken off: {text}') from None

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

    async def _first(self, leaving: asyncio.Task[None]) -> Any:
        try:
            if not self._streams(self._given):
                self._body = await self._whole_body()
            return await self._next(leaving)
        except _LateError:
            raise problem(504, 'timeout', _LATE, self._has_rest()) from None
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

    def _left(self) -> float | None:
        """Return how many seconds there are left."""
        return None if self._end is None else max(0.0, self._end - self._loop.time())

    async def _read_body(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        declared, size = self._request.headers.get('content-length', ''), 0
        self._check_size(int(declared[:18]) if declared.isdecimal() else 0)  # of 5000 digits, int() fails
        try:
            async for chunk in self._request.stream():
                size += len(chunk)
                self._check_size(size)
                yield chunk
        except ClientDisconnect:
            self._gone = True
            raise self._over() from None
        self.all_read.set()

    def _over(self) -> RemoteError:
        return RemoteError(where=self._endpoint.name, got='the end of the call')

    def _check_size(self, size: int) -> None:
        if size > self._limits.size:
            got, wanted = f'{size} bytes', f'at most {self._limits.size}'
            raise LimitError(where='body', got=got, wanted=wanted)

    async def _whole_body(self) -> bytes:
        async def joined() -> bytes:
            return b''.join([chunk async for chunk in self._chunks])

        try:
            return await asyncio.wait_for(joined(), self._left())
        except asyncio.TimeoutError:
            raise _LateError from None
        except Exception as error:
            self._unreadable = error
            raise

    async def _leave(self) -> None:
        """Wait until the client leaves, whose body has been read."""
        await self.all_read.wait()
        if (await self._request.receive())['type'] != 'http.disconnect':
            await self._loop.create_future()  # some middleware gives the body again and again: never mind

    async def _next(self, *others: asyncio.Task[None]) -> Any:
        """Make the next part in a thread, unless one of ``others`` is done before."""
        step = self._step = self._in_thread(next, self._parts, _END)
        try:
            steps = [step, *others]
            done, _ = await asyncio.wait(steps, timeout=self._left(), return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise _LateError
            if step not in done:
                self._gone = True
                raise self._over()
            return step.result()
        except BaseException:  # one of them is that the client has gone
            self.finish()
            raise

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        if not self._streams(self._given):
            return self._loop.create_task(run_in_threadpool(function, *arguments))
        context = contextvars.copy_context()
        return self._loop.run_in_executor(self._threads, context.run, function, *arguments)

    async def _finish(self) -> None:
        if self._step is not None:
            await asyncio.gather(self._step, return_exceptions=True)  # of which nobody wants to hear
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
            chunks = iter(lambda: self._run.wait(anext(self._chunks, _END)), _END)
            yield from self._given.read_stream(chunks, side, self._limits, self._batch_size)
        else:
            data, self._body = self._body, b''
            self._one = is_one(self._given, data)
            yield self._given.read(data, side, self._limits)


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
