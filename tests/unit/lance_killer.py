"""Kills processes at random moments while they change a Lance dataset, and looks at what is there afterwards.

Run as ``python -m tests.unit.lance_killer URL ROUNDS SEED``. Only children read and write: Lance does not
survive forks.

Rows 0 to 19 are written anew by each upsert, so that all of them say the same number. Each append adds a
group of ten rows, and each deletion removes a group.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter

from docarray import BaseDocument, DocumentArray
from tests.unit.store_killer import in_child

FIXED, GROUP = 20, 10


class Row(BaseDocument):
    group: int
    write: int
    data: bytes


def rows(group: int, write: int, count: int) -> list[Row]:
    return [
        Row(id=f'{group}-{one}', group=group, write=write, data=bytes([write % 256]) * 2000)
        for one in range(count)
    ]


def start(url: str) -> str:
    DocumentArray[Row](rows(0, 0, FIXED)).push(url)
    return ''


def keep_changing(url: str, first: int) -> None:
    opened = DocumentArray[Row].open(url)
    number = first
    while True:
        what = number % 6
        if what in (0, 3):
            opened.append(rows(number, number, GROUP))
        elif what in (1, 4):
            opened.upsert(rows(0, number, FIXED))
        elif what == 2:
            opened.delete([f'{number - 2}-{one}' for one in range(GROUP)])
        else:
            opened.compact()
        number += 1


def check(url: str) -> str:
    """Say what the dataset is, or raise an error if a change is there in part."""
    found = DocumentArray[Row].pull(url)
    writes = {row.write for row in found if row.group == 0}
    groups = Counter(row.group for row in found)
    assert groups.pop(0) == FIXED, groups
    assert len(writes) == 1, writes
    assert set(groups.values()) <= {GROUP}, groups
    assert all(row.data == bytes([row.write % 256]) * 2000 for row in found)
    opened = DocumentArray[Row].open(url)
    opened.append(rows(-1, 1, GROUP))
    assert opened.delete([f'-1-{one}' for one in range(GROUP)]) == GROUP
    if len(opened) > 400:
        DocumentArray[Row](found[:FIXED] if found[0].group == 0 else rows(0, 0, FIXED)).push(url)
    return f'{writes} {sorted(groups)}'


def main(url: str, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    in_child(lambda: start(url))
    seen = set()
    for number in range(rounds):
        child = os.fork()
        if child == 0:
            keep_changing(url, 6000 * (number + 1))
        time.sleep(chance.random() * 0.25)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.add(in_child(lambda: check(url)))
    sys.stdout.write(f'{rounds} kills, {len(seen)} states\n')


if __name__ == '__main__':
    import lance  # noqa: F401 - loaded before forks, as is what is below

    import docarray.stores.changing
    import docarray.stores.lance_changes  # noqa: F401

    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
