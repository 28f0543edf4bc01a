"""One streaming call of gRPC, as the server sees it."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from typing import Any

from docarray.errors import RemoteError
from docarray.formats.limits import Limits
from docarray.serve.flow import Credit, Pipe
from docarray.serve.grpc_protocol import ACKNOWLEDGED, ENDED
from docarray.serve.running import Run
from docarray.serve.service import Endpoint
from docarray.serve.wire import pack, unpack

__all__ = ['ServedStream']


class ServedStream:
    """The messages of one streaming call. See ``grpc_protocol`` for windows.

    Three threads take part: one reads, since acknowledgements stand between the arrays; one runs the
    function, which asks for arrays and yields others when it likes; grpc's own takes what is to be sent.

    Args:
        endpoint: What is called.
        run: The call.
        wire: The format of the messages.
        limits: For each message.
        window: How many messages may be on the way in either direction; None where only HTTP/2 counts.
        counted: A context manager around all that the function does.

    Attributes:
        failure: The error that ended the call.
        unreadable: The error that reading an array raised.
        over: Whether the client does not wait for the call any more.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        run: Run,
        wire: str,
        limits: Limits,
        window: int | None,
        counted: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.failure: BaseException | None = None
        self.unreadable: BaseException | None = None
        self.over = False
        self._endpoint, self._run, self._wire, self._limits = endpoint, run, wire, limits
        self._windowed = window is not None
        self._counted = counted
        self._taken: Pipe[bytes] = Pipe(window or 1)
        self._given: Pipe[bytes] = Pipe(1)
        self._credit = Credit(window)

    def messages(self, requests: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what is to be sent, until the function is done or the call over."""
        context = contextvars.copy_context()  # of grpc's interceptors
        for target in (lambda: self._read(requests), lambda: context.run(self._work)):
            threading.Thread(target=target, name='docarray-serve-stream', daemon=True).start()
        try:
            yield from self._given
        finally:
            self.stop()

    def cancel(self) -> None:
        """End the call, which nobody waits for."""
        self.over = True
        self.stop()

    def stop(self) -> None:
        """End the call: whoever waits for something gives up, and the function's iterator is closed."""
        for part in (self._taken, self._given, self._credit):
            part.close()
        self._run.stop()

    def _read(self, requests: Iterator[bytes]) -> None:
        try:
            for message in requests:
                if self._windowed and message == ACKNOWLEDGED:
                    self._credit.give()
                elif self._windowed and message == ENDED:
                    self._taken.end()
                elif not self._taken.put(message):
                    return
        except Exception:  # grpc's way to say that the call is over
            self.cancel()
        finally:
            self._taken.end()

    def _work(self) -> None:
        with self._counted():
            try:
                with closing(self._run.outputs(self._arrays())) as outputs:
                    for array in outputs:
                        data = pack(self._wire, array, self._limits)
                        if not (self._credit.take() and self._given.put(data)):
                            break
            except Exception as error:
                self.failure = error
            self._given.end()

    def _arrays(self) -> Iterator[Any]:
        for message in self._taken:
            if self._windowed:
                self._given.put(ACKNOWLEDGED)
            try:
                array = unpack(self._wire, message, self._endpoint.input, self._limits)
            except Exception as error:
                self.unreadable = error
                raise
            yield array
        if self._taken.closed:
            raise RemoteError(where=self._endpoint.name, got='the end of the call', wanted='more documents')
