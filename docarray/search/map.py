"""Applying a function to documents, one by one or in batches, in threads or processes; order is kept."""

from __future__ import annotations

import itertools
import os
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, TypeVar

import cloudpickle
import numpy as np

from docarray._lazy import load
from docarray.array import DocumentArray, DocumentArrayStacked
from docarray.document import BaseDocumentWithoutId
from docarray.errors import InvalidValueError, PreprocessError, show

__all__ = ['map_docs', 'map_docs_batched']

T = TypeVar('T', bound=BaseDocumentWithoutId)
R = TypeVar('R')
Backend = Literal['thread', 'process']
Documents = DocumentArray[T] | DocumentArrayStacked[T]

#: What goes to a worker at one time: documents or batches, and their numbers.
Jobs = list[tuple[int, Any]]

_MOST_AT_ONCE = 64  # documents in one message to a worker


def map_docs(
    docs: Documents[T],
    func: Callable[[T], R],
    backend: Backend = 'thread',
    num_worker: int | None = None,
    pool: Any = None,
    show_progress: bool = False,
) -> Iterator[R]:
    """Apply a function to every document, several at a time, and yield the results in order.

    Results come as they are ready, and documents are handed out as results are taken. In threads
    the function gets the documents themselves; in processes copies, and any function will do:
    lambdas, local functions and partials too. Processes start as ``multiprocessing`` starts them by
    default. Where that is by fork and a library with threads of its own (jax, tensorflow) is at
    work already, give a ``pool`` that spawns them.

    Args:
        docs: Documents, rows or columns (whose documents are live rows).
        func: What to do with one document.
        backend: 'thread', right where the function waits or computes outside of Python, or 'process'.
        num_worker: How many workers; by default one for each CPU.
        pool: A pool to use and keep instead: of ``concurrent.futures`` or ``multiprocessing``.
        show_progress: Show a progress bar on the terminal (needs ``docarray[display]``).

    Yields:
        What the function returned, for each document.

    Raises:
        PreprocessError: The function failed; says for which document. The function's own error is its cause.
        InvalidValueError: There is no such backend, or no worker.

    Example:
        >>> from docarray.documents import TextDoc
        >>> texts = DocumentArray[TextDoc]([TextDoc(text='a'), TextDoc(text='b')])
        >>> list(map_docs(texts, lambda doc: doc.text.upper()))
        ['A', 'B']
    """
    workers = _check(backend, num_worker)
    size = max(1, min(_MOST_AT_ONCE, len(docs) // (4 * workers)))
    jobs = (
        [(row, docs[row]) for row in range(start, min(start + size, len(docs)))]
        for start in range(0, len(docs), size)
    )
    found = _run(_Task('map_docs', func), jobs, backend, workers, pool)
    return _with_progress(found, len(docs)) if show_progress else found


def map_docs_batched(
    docs: Documents[T],
    func: Callable[[Any], R],
    batch_size: int,
    backend: Backend = 'thread',
    num_worker: int | None = None,
    shuffle: bool = False,
    pool: Any = None,
    show_progress: bool = False,
    seed: int | None = None,
) -> Iterator[R]:
    """Apply a function to batches of documents, several at a time, and yield the results in order.

    Args:
        docs: Documents; batches of rows are rows, batches of columns are columns.
        func: What to do with one batch, an array of ``batch_size`` documents (the last one of fewer).
        batch_size: How many documents a batch has.
        backend: 'thread' or 'process'. See ``map_docs``.
        num_worker: How many workers; by default one for each CPU.
        shuffle: Put the documents in random order first.
        pool: A pool to use and keep instead.
        show_progress: Show a progress bar on the terminal (needs ``docarray[display]``).
        seed: Which random order; None gives another one each time.

    Yields:
        What the function returned, for each batch.

    Raises:
        PreprocessError: The function failed; says for which batch. The function's own error is its cause.
        InvalidValueError: There is no such backend, no worker, or no document in a batch.

    Example:
        >>> from docarray.documents import TextDoc
        >>> texts = DocumentArray[TextDoc]([TextDoc(text=name) for name in 'abc'])
        >>> list(map_docs_batched(texts, lambda batch: batch.text, batch_size=2))
        [['a', 'b'], ['c']]
    """
    workers = _check(backend, num_worker)
    if not isinstance(batch_size, int) or batch_size < 1:
        raise InvalidValueError(where='batch_size', got=show(batch_size), wanted='an int of 1 or more')
    order = np.random.default_rng(seed).permutation(len(docs)) if shuffle else None
    starts = range(0, len(docs), batch_size)
    parts = (slice(start, start + batch_size) for start in starts)
    batches = (docs[part] if order is None else docs[order[part]] for part in parts)
    jobs = ([job] for job in enumerate(batches))
    found = _run(_Task('map_docs_batched', func), jobs, backend, workers, pool)
    return _with_progress(found, len(starts)) if show_progress else found


def _check(backend: str, num_worker: int | None) -> int:
    if backend not in ('thread', 'process'):
        raise InvalidValueError(where='backend', got=show(backend), wanted="'thread' or 'process'")
    if num_worker is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    if not isinstance(num_worker, int) or num_worker < 1:
        raise InvalidValueError(where='num_worker', got=show(num_worker), wanted='an int of 1 or more')
    return num_worker


# -- what a worker does ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """A function and, for errors, who was asked to apply it."""

    where: str
    func: Callable[[Any], Any]


@dataclass(frozen=True)
class _Failure:
    """An error on its way from a worker: our own, which always pickles, and the function's, which may not."""

    error: PreprocessError
    cause: Exception | None


def _work(task: _Task, jobs: Jobs) -> list[Any]:
    """Apply the function to each (number, document or batch); a failure ends the list."""
    results: list[Any] = []
    for number, item in jobs:
        try:
            results.append(task.func(item))
        except Exception as error:
            results.append(_Failure(_failure(task.where, number, item, error), error))
            break
    return results


def _failure(where: str, number: int, item: Any, error: Exception) -> PreprocessError:
    if isinstance(item, BaseDocumentWithoutId):
        what = f'document {number} (id {getattr(item, "id", None)})'
    else:
        what = f'batch {number} (first id {getattr(item[0], "id", None)})'
    return PreprocessError(
        where=f'{where}: {what}', got=f'{type(error).__name__}: {error}', wanted='a function that takes it'
    )


@lru_cache(maxsize=8)
def _loaded(task: bytes) -> _Task:
    made: _Task = cloudpickle.loads(task)
    return made


def _work_elsewhere(task: bytes, jobs: bytes) -> bytes:
    """Do the work in another process; all that goes over is bytes, so that no error is lost on the way."""
    try:
        results = _work(_loaded(task), cloudpickle.loads(jobs))
    except Exception as error:
        results = [_told('map', 'documents or a function that do not unpickle in a worker', error)]
    if results and isinstance(results[-1], _Failure):
        results[-1] = _portable(results[-1])
    try:
        return bytes(cloudpickle.dumps(results))
    except Exception:
        return bytes(cloudpickle.dumps([_portable(result) for result in results]))


def _portable(result: Any) -> Any:
    """Return a result that comes through to another process; where it does not, say so instead."""
    try:
        cloudpickle.loads(cloudpickle.dumps(result))
    except Exception as error:
        if isinstance(result, _Failure):
            result.error.hint = _trace(result.cause)
            return _Failure(result.error, None)
        return _told('map', f'a result that does not pickle: {show(result)}', error)
    return result


def _told(where: str, got: str, error: Exception) -> _Failure:
    return _Failure(PreprocessError(where=where, got=got, hint=_trace(error)), None)


def _trace(error: Exception | None) -> str:
    return '' if error is None else ''.join(traceback.format_exception(error))


# -- handing out ----------------------------------------------------------------------------------


def _run(task: _Task, jobs: Iterator[Jobs], backend: str, workers: int, pool: Any) -> Iterator[Any]:
    """Yield the results of all jobs, in order."""
    apart = backend == 'process'
    if apart:
        work: Callable[[Any], Any] = partial(_work_elsewhere, cloudpickle.dumps(task))
        messages: Iterator[Any] = map(cloudpickle.dumps, jobs)
    else:
        work, messages = partial(_work, task), jobs
    try:
        for answer in _answers(work, messages, backend, workers, pool):
            for result in cloudpickle.loads(answer) if apart else answer:
                if isinstance(result, _Failure):
                    raise result.error from result.cause
                yield result
    except BrokenExecutor as error:
        raise PreprocessError(
            where=task.where,
            got='a worker process that died',
            wanted='one that lives on',
            hint='Was it out of memory?',
        ) from error


def _answers(work: Any, messages: Iterator[Any], backend: str, workers: int, pool: Any) -> Iterator[Any]:
    if pool is None:
        executor: Executor = (ProcessPoolExecutor if backend == 'process' else ThreadPoolExecutor)(workers)
        try:
            yield from _in_order(executor, work, messages, 2 * workers)
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
    elif hasattr(pool, 'submit'):
        yield from _in_order(pool, work, messages, 2 * workers)
    else:
        yield from pool.imap(work, messages)


def _in_order(executor: Any, work: Any, messages: Iterator[Any], ahead: int) -> Iterator[Any]:
    """Submit a few messages ahead of the answers that are taken."""
    waiting = deque(executor.submit(work, message) for message in itertools.islice(messages, ahead))
    try:
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(executor.submit(work, message) for message in itertools.islice(messages, 1))
    finally:
        for future in waiting:
            future.cancel()


def _with_progress(results: Iterator[R], total: int) -> Iterator[R]:
    yield from load('rich.progress').track(results, description='', total=total)
