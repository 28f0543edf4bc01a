"""One call of a served function, whatever the function is like: arrays in, arrays out, as they come."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from docarray.array.typed import AnyDocumentArray
from docarray.errors import DocArrayError, InvalidValueError, RemoteError, SchemaError, show
from docarray.serve.service import Endpoint

__all__ = ['LoopThread', 'Run']

_END: Any = object()


class Run:
    """One call of an endpoint.

    Everything runs in the thread that takes the outputs, but for what is asynchronous: that runs on an
    event loop of another thread, while this one waits.

    Args:
        endpoint: What is called.
        loop: Returns the event loop for functions that are asynchronous.

    Attributes:
        stopped: Whether ``stop`` was called.

    Example:
        >>> from docarray import DocumentArray
        >>> from docarray.documents import TextDoc
        >>> from docarray.serve.service import Service
        >>> def shout(text: TextDoc) -> TextDoc:
        ...     return TextDoc(text=text.text.upper())
        >>> run = Run(Service(shout).endpoints['shout'], asyncio.new_event_loop)
        >>> [array.text for array in run.outputs([DocumentArray[TextDoc]([TextDoc(text='a')])])]
        [['A']]
    """

    def __init__(self, endpoint: Endpoint, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._endpoint = endpoint
        self._loop = loop
        self._used: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()  # which only the event loop touches
        self.stopped = False

    def outputs(self, arrays: Iterable[Any]) -> Generator[Any, None, None]:
        """Yield what the function makes of arrays of its input class, as arrays of its output class.

        No array is asked for before the function needs it. Closing the iterator closes the function's.

        Raises:
            RemoteError: The call has been stopped.
        """
        with self._no_exit():
            yield from self._outputs(arrays)

    def _outputs(self, arrays: Iterable[Any]) -> Iterator[Any]:
        side = self._endpoint.input
        if side.stream:
            documents = (document for array in arrays for document in array)
            values: Iterator[Any] = documents if side.single else iter(arrays)
            yield from self._answers(self._in_threads(values) if side.asynchronous else values)
        else:
            for array in arrays:
                yield from self._answer(array)

    def stop(self) -> None:
        """Cancel what the call waits for on the event loop, and let its function yield no more."""
        self.stopped = True
        if self._used is not None:
            with suppress(RuntimeError):  # the loop has been closed, all of its tasks with it
                self._used.call_soon_threadsafe(self._cancel)

    # -- the function -----------------------------------------------------------------------------

    def _answer(self, array: Any) -> Iterator[Any]:
        if not self._endpoint.input.single:
            yield from self._answers(array)
        elif self._endpoint.maps:
            yield self._array([self._value(self._call(document)) for document in array])
        elif len(array) == 1:
            yield from self._answers(array[0])
        else:
            got = f'{len(array)} documents'
            raise InvalidValueError(where=self._endpoint.name, got=got, wanted='one')

    def _answers(self, argument: Any) -> Iterator[Any]:
        result = self._call(argument)
        for value in self._each(result) if self._endpoint.output.stream else [result]:
            if self.stopped:
                raise self._over()
            if self._endpoint.output.single:
                yield self._array([self._value(value)])
            else:
                yield self._array(value)

    def _call(self, argument: Any) -> Any:
        if self.stopped:
            raise self._over()
        result = self._endpoint.function(argument)
        return self.wait(result) if isinstance(result, Awaitable) else result

    def _each(self, values: Any) -> Iterator[Any]:
        """Yield what an iterator of either kind yields, and close it at the end."""
        if not hasattr(values, '__aiter__'):
            yield from self._expect(values, Iterable, 'an iterator')
            return
        steps = aiter(values)
        try:
            while (value := self.wait(_following(steps))) is not _END:
                yield value
        finally:
            if hasattr(steps, 'aclose'):
                self.wait(steps.aclose(), even_if_stopped=True)

    # -- what it returned -------------------------------------------------------------------------

    def _value(self, value: Any) -> Any:
        wanted = self._endpoint.output.document_type
        return self._expect(value, wanted, wanted.__name__)

    def _array(self, value: Any) -> Any:
        side = self._endpoint.output
        if isinstance(value, AnyDocumentArray) and value.document_type is side.document_type:
            return value
        try:
            return side.array_class(self._expect(value, (list, AnyDocumentArray), side.array_class.__name__))
        except DocArrayError as error:
            raise self._wrong(value, side.array_class.__name__) from error

    def _expect(self, value: Any, cls: Any, name: str) -> Any:
        if not isinstance(value, cls):
            raise self._wrong(value, name)
        return value

    def _wrong(self, value: Any, wanted: str) -> SchemaError:
        got = f'a result of type {type(value).__name__}: {show(value)}'
        return SchemaError(where=self._endpoint.name, got=got, wanted=f'{wanted}, as its annotation says')

    # -- asynchronous functions -------------------------------------------------------------------

    def wait(self, work: Awaitable[Any], even_if_stopped: bool = False) -> Any:
        """Let the event loop do some work of this call, and return its result.

        Raises:
            RemoteError: The call has been stopped.
        """
        self._used = self._loop()
        future = asyncio.run_coroutine_threadsafe(self._done(work, even_if_stopped), self._used)
        try:
            return future.result()
        except CancelledError:
            raise self._over() from None

    async def _done(self, work: Awaitable[Any], even_if_stopped: bool) -> Any:
        task = asyncio.current_task()
        with self._no_exit():
            if even_if_stopped or task is None:
                return await work
            self._tasks.add(task)
            try:
                if self.stopped:
                    task.cancel()  # at its next step, which is the first of the work
                return await work
            finally:
                self._tasks.discard(task)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    @contextmanager
    def _no_exit(self) -> Iterator[None]:
        """Take ``sys.exit`` for a failure: it would end the event loop, and with it all other calls."""
        try:
            yield
        except SystemExit as error:
            raise RuntimeError(f'{self._endpoint.name} has called sys.exit') from error

    def _over(self) -> RemoteError:
        return RemoteError(where=self._endpoint.name, got='the end of the call')

    async def _in_threads(self, values: Iterator[Any]) -> AsyncIterator[Any]:
        """Yield the values of an iterator that may block, in a thread of their own.

        The event loop has few threads to lend, and many streams may wait for their clients at once.
        """
        loop, following = asyncio.get_running_loop(), partial(contextvars.copy_context().run, _next, values)
        thread = ThreadPoolExecutor(1, 'docarray-serve-values')
        try:
            while (value := await loop.run_in_executor(thread, following)) is not _END:
                yield value
        finally:
            thread.shutdown(wait=False)


def _next(values: Iterator[Any]) -> Any:
    return next(values, _END)


async def _following(steps: AsyncIterator[Any]) -> Any:
    return await anext(steps, _END)


class LoopThread:
    """An event loop in a thread of its own, started when it is first needed.

    Example:
        >>> thread = LoopThread()
        >>> thread.loop().is_running()
        True
        >>> thread.close()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop.

        Raises:
            RemoteError: It has been closed.
        """
        with self._lock:
            if self._closed:
                raise RemoteError(where='docarray.serve', got='the end of the server')
            if self._loop is None:
                self._loop, started = asyncio.new_event_loop(), threading.Event()
                self._loop.call_soon(started.set)
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name='docarray-serve-loop', daemon=True
                )
                self._thread.start()
                started.wait()
            return self._loop

    def close(self, seconds: float = 5.0) -> None:
        """Cancel what runs on the loop and end its thread, waiting no longer than ``seconds``."""
        with self._lock:
            self._closed = True
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_finish(), loop).add_done_callback(
            lambda _: loop.call_soon_threadsafe(loop.stop)
        )
        thread.join(seconds)
        if not thread.is_alive():
            loop.close()


async def _finish() -> None:
    """Cancel all tasks of this loop but the one that asks for it, and wait until they are done."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
