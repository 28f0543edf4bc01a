"""Kills processes at random moments while they write an array, and looks at what is there afterwards.

Run as ``python -m tests.unit.store_killer URL ROUNDS SEED``. All that a write takes is loaded before forks,
so that no time goes into imports.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator

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


def main(url: str, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    array = DocumentArray[Row](rows(0))
    array.push(url)
    check(url)
    seen = set()
    for number in range(rounds):
        child = os.fork()
        if child == 0:
            keep_writing(url, 1000 * number)
        time.sleep(chance.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.add(check(url))
        array.push(url)
        assert check(url) == '0'
    sys.stdout.write(f'{rounds} kills, {len(seen)} states\n')


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
