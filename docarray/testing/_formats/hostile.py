"""Hostile bytes for the contract of formats and for fuzzing: damaged messages, and pickles that tell."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

#: One item for each time that something of ``PICKLES`` was run.
fired: list[bool] = []


def fire() -> str:
    """Note that a pickle was run."""
    fired.append(True)
    return 'fired'


class Canary:
    """An object that notes when it is pickled."""

    def __reduce__(self) -> tuple[Callable[[], str], tuple[()]]:
        fire()
        return fire, ()


#: Pickles that call ``fire``, in the opcodes of protocol 0, 2 and 4. (None is made with the pickle module.)
PICKLES = (
    f'c{__name__}\nfire\n(tR.'.encode(),
    b'\x80\x02' + f'c{__name__}\nfire\n'.encode() + b')R.',
    b'\x80\x04\x8c' + bytes([len(__name__)]) + __name__.encode() + b'\x8c\x04fire\x93)R.',
)

_ODD_NUMBERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
)


def mutated(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    """Return a message with some damage: flipped, cut, moved, repeated, or spliced with another.

    Args:
        data: The message; it is not changed.
        others: Messages to splice with.
        source: What all choices come from, so that a seed repeats them.
    """
    for _ in range(source.choice((1, 1, 1, 2, 4))):
        data = source.choice(_MUTATIONS)(data, others, source)
    return data


def _flip_bit(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    if not data:
        return b'\x80'
    made = bytearray(data)
    made[source.randrange(len(made))] ^= 1 << source.randrange(8)
    return bytes(made)


def _overwrite(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    at, size = _place(data, source), source.choice((1, 2, 4, 8, 16))
    return data[:at] + source.choice((b'\0', b'\xff', b'\x80')) * size + data[at + size :]


def _odd_number(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    """Write a number that is likely to be taken for a length: fixed width of either order, or a varint."""
    number, at, size = source.choice(_ODD_NUMBERS), _place(data, source), source.choice((1, 2, 4, 8))
    if source.random() < 0.3:
        made = _varint(number % 2**64)
    else:
        order = source.choice(('little', 'big'))
        number %= 1 << 8 * size
        made = number.to_bytes(size, 'little' if order == 'little' else 'big')
    skipped = source.choice((len(made), len(made), 0, 1))
    return data[:at] + made + data[at + skipped :]


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def _cut(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    return data[: _place(data, source)]


def _remove(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    at = _place(data, source)
    return data[:at] + data[at + source.choice((1, 2, 4, 8, 64)) :]


def _repeat(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    start, at = _place(data, source), _place(data, source)
    piece = data[start : start + source.choice((1, 4, 16, 64, 256))]
    return data[:at] + piece * source.choice((1, 1, 2, 16)) + data[at:]


def _splice(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    other = source.choice(others) if others else data
    return data[: _place(data, source)] + other[_place(other, source) :]


def _noise(data: bytes, others: Sequence[bytes], source: random.Random) -> bytes:
    at = _place(data, source)
    return data[:at] + source.randbytes(source.choice((1, 2, 8, 32))) + data[at:]


def _place(data: bytes, source: random.Random) -> int:
    """A place in the message: often near its start or its end, where the structure is."""
    near = min(64, len(data))
    return source.choice(
        (source.randint(0, near), len(data) - source.randint(0, near), source.randint(0, len(data)))
    )


_MUTATIONS: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    _flip_bit,
    _flip_bit,
    _flip_bit,
    _overwrite,
    _odd_number,
    _odd_number,
    _cut,
    _remove,
    _repeat,
    _splice,
    _noise,
)
