"""Kills processes at random moments while they write an array, and looks at what is there afterwards.

Run as ``python -m tests.unit.store_killer URL ROUNDS SEED``. All that a write takes is loaded before forks,
so that no time goes into imports; but only children read and write, since
clients of services do not survive forks.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator

from docarray import BaseDocument, DocumentArray
from docarray.stores.arrays import delete, exists


class Row(BaseDocument):
    write: int
    place: int
    data: bytes


def rows(write: int) -> Iterator[Row]:
    """Yield the documents of one write; how many there are follows from its number."""
    for place in range(count(write)):
        yield Row(write=write, place=place, data=bytes([write % 256]) * 3000)


def count(write: int) -> int:
    return 20 + write * 37 % 400


def keep_writing(url: str, first: int) -> None:
    write = first
    while True:
        if write % 3 == 0:
            DocumentArray[Row](rows(write)).push(url)
        elif write % 3 == 1:
            DocumentArray[Row].push_stream(rows(write), url)
        else:
            delete(url, missing_ok=True)
        write += 1


def check(url: str) -> str:
    """Say what the array is, or raise an error if it is not one whole write."""
    if not exists(url):
        return 'none'
    found = DocumentArray[Row].pull(url)
    (write,) = set(found.write)
    assert [(row.place, row.data) for row in found] == [(row.place, row.data) for row in rows(write)]
    return str(write)


def check_and_push(url: str) -> str:
    """Say what the array is, and that the next write works."""
    found = check(url)
    DocumentArray[Row](rows(0)).push(url)
    assert check(url) == '0'
    return found


def in_child(work: Callable[[], str]) -> str:
    """Return what a function returns in a child of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, work().encode())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as answer:
        found = answer.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, 'see above'
    return found


def main(url: str, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        check_and_push(f'file://{folder}/a')
    if not url.startswith('file:'):
        import obstore  # noqa: F401
    in_child(lambda: check_and_push(url))
    longest = 0.05 if url.startswith('file:') else 0.5
    seen = set()
    for number in range(rounds):
        child = os.fork()
        if child == 0:
            keep_writing(url, 1000 * number)
        time.sleep(chance.random() * longest)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.add(in_child(lambda: check_and_push(url)))
    sys.stdout.write(f'{rounds} kills, {len(seen)} states\n')


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
