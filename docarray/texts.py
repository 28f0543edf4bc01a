"""The column of texts: a list of strings, or all of them in one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from docarray.masks import Column, Index, Mask, concat_masks, mask_of, take_mask

#: Texts of fewer rows stay a list of the documents' own strings; more are packed into one buffer.
PACK_FROM = 1024

#: Texts of fewer bytes than this on average are gathered byte by byte, which takes 8 bytes of index for each.
_SHORT = 64


class Texts(Column):
    """A column of text: a list of strings, or all of them in one UTF-8 buffer with int64 offsets.

    The buffer may be a view of memory that belongs to somebody else.
    """

    __slots__ = ('buffer', 'offsets', 'rows', 'valid')

    def __init__(
        self,
        rows: list[Any] | None,
        buffer: bytes | memoryview = b'',
        offsets: Any = None,
        valid: Mask = None,
    ) -> None:
        self.rows = rows
        self.buffer, self.offsets, self.valid = buffer, offsets, valid

    @classmethod
    def pack(cls, values: Sequence[Any]) -> Texts:
        """Make a column of strings and None, packed where that is worth it."""
        made = cls(list(values))
        return made.packed() if len(made) >= PACK_FROM else made

    def packed(self) -> Texts:
        """Return this column in its packed form."""
        if self.rows is None:
            return self
        rows, valid = self.rows, None
        if None in rows:
            valid = mask_of(rows)
            rows = [row or '' for row in rows]
        buffer = ''.join(rows).encode('utf-8', 'surrogatepass')
        sizes: Any = map(len, rows)
        if sum(map(len, rows)) != len(buffer):
            sizes = (len(row.encode('utf-8', 'surrogatepass')) for row in rows)
        offsets = np.fromiter(accumulate(sizes, initial=0), np.int64, len(rows) + 1)
        return Texts(None, buffer, offsets, valid)

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.rows is None else len(self.rows)

    def get(self, row: int) -> Any:
        if self.rows is not None:
            return self.rows[row]
        if self.valid is not None and not self.valid[row]:
            return None
        start, stop = self.offsets.item(row), self.offsets.item(row + 1)
        return str(self.buffer[start:stop], 'utf-8', 'surrogatepass')

    def put(self, row: int, value: Any, where: str = '') -> None:
        if self.rows is None:
            self.rows = self.values()
            self.buffer, self.offsets, self.valid = b'', None, None
        self.rows[row] = value

    def take(self, index: Index) -> Texts:
        if self.rows is not None:
            chosen = self.rows[index] if isinstance(index, slice) else [self.rows[i] for i in index.tolist()]
            return Texts(chosen)
        valid = take_mask(self.valid, index)
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                offsets = self.offsets[start : max(start, stop) + 1]
                buffer = self.buffer[offsets.item(0) : offsets.item(-1)]
                return Texts(None, buffer, offsets - offsets[0], valid)
            index = np.arange(start, stop, step)
        return self._gather(index, valid)

    def _gather(self, rows: npt.NDArray[np.int64], valid: Mask) -> Texts:
        starts, stops = self.offsets[rows], self.offsets[rows + 1]
        sizes = stops - starts
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        raw = np.frombuffer(self.buffer, np.uint8)
        size = sizes.item(0) if len(rows) else 0
        if size and (sizes == size).all() and not (starts % size).any():  # ids, for one: items of one size
            items = raw[: len(raw) // size * size].view(f'V{size}')
            return Texts(None, items[starts // size].tobytes(), offsets, valid)
        if offsets[-1] < _SHORT * len(rows):
            within = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - starts, sizes)
            return Texts(None, raw[within].tobytes(), offsets, valid)
        buffer = self.buffer
        pieces = [buffer[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        return Texts(None, b''.join(pieces), offsets, valid)

    def values(self) -> list[Any]:
        if self.rows is not None:
            return list(self.rows)
        ends = self.offsets.tolist()
        raw = self.buffer
        if _is_ascii(raw):
            text = str(raw, 'ascii')
            found: list[Any] = [text[start:stop] for start, stop in pairwise(ends)]
        else:
            found = [str(raw[start:stop], 'utf-8', 'surrogatepass') for start, stop in pairwise(ends)]
        if self.valid is not None:
            found = [value if there else None for value, there in zip(found, self.valid, strict=True)]
        return found

    def state(self) -> Any:
        packed = self.packed()
        return None, bytes(packed.buffer), packed.offsets, packed.valid

    @classmethod
    def concat(cls, parts: Sequence[Texts]) -> Texts:
        if sum(map(len, parts)) < PACK_FROM or all(part.rows is not None for part in parts):
            return cls.pack([value for part in parts for value in part.values()])
        parts = [part.packed() for part in parts]
        starts = np.cumsum([0, *(len(part.buffer) for part in parts)], dtype=np.int64)
        offsets = [part.offsets[:-1] + start for part, start in zip(parts, starts, strict=False)]
        masks = concat_masks([(part.valid, len(part)) for part in parts])
        return cls(
            None, b''.join(part.buffer for part in parts), np.concatenate([*offsets, starts[-1:]]), masks
        )


def _is_ascii(raw: bytes | memoryview) -> bool:
    return (
        raw.isascii() if isinstance(raw, bytes) else not len(raw) or np.frombuffer(raw, np.uint8).max() < 128
    )
