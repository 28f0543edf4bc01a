"""Reading files of Arrow and Parquet, each block verified before anything of it is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docarray.batch import Batch
from docarray.errors import ChecksumError, FormatError, TruncatedError
from docarray.formats.arrow.faults import arrow_faults
from docarray.formats.arrow.ipc import ArrowFileFormat, ArrowFormat, read_batches
from docarray.formats.arrow.messages import MemorySource
from docarray.formats.arrow.parquet import ParquetFormat, pq
from docarray.formats.arrow.types import pa
from docarray.formats.files.arrow import ENDS, FILE_START, SEALED
from docarray.formats.files.compression import COMPRESSIONS
from docarray.formats.files.inputs import Input, missing_seal, refuse_pickle
from docarray.formats.files.seals import BlockSeal, find_seal, unsealed_chunks, verified_blocks

__all__ = ['footer_bytes', 'read_arrow', 'read_parquet']

_MARKS = ('none', *COMPRESSIONS)
_ARROW, _PARQUET = ENDS
#: Where the metadata of an Arrow file are looked for at most.
_HEAD_BYTES = 1 << 20


def read_arrow(data: Input) -> Iterator[Batch]:
    """Yield the record batches of an Arrow stream or file, whichever it is, up to an error."""
    if data.streaming and (data.compress or data.source.view is None):
        head, chunks = data.peeked(len(_ARROW))
        if head != _ARROW:
            refuse_pickle(head, data.name)
            yield from _read_chunks(data, chunks)
            return
        view, fault = data.whole(chunks)
    else:
        view, fault = data.whole()
    refuse_pickle(view, data.name)
    is_file = bytes(view[: len(_ARROW)]) == _ARROW
    seal, damaged = _find_seal(data, view, _ARROW if is_file else b'')
    if fault is not None and not isinstance(fault, TruncatedError) and not _is_right(view, seal):
        raise fault
    mark = _mark(view, is_file)
    yield from _sealed(data, view, seal, is_file) if seal else _unsealed(data, view, mark, is_file, damaged)
    _check_ends(data, mark, damaged or fault)


def _mark(view: Any, is_file: bool = False) -> str:
    """What an Arrow file says of itself in the metadata of its first message, '' if it says nothing."""
    start = FILE_START if is_file else 0
    size = int.from_bytes(view[start + 4 : start + 8], 'little')
    found = bytes(view[start : start + 8 + min(size, _HEAD_BYTES)]).partition(SEALED)[2]
    return next((known for known in _MARKS if found.startswith(known.encode())), '')


def _check_ends(data: Input, mark: str, fault: FormatError | None) -> None:
    """Raise what was wrong with a file of which all documents were read."""
    if fault is not None:
        raise fault
    if mark and mark == data.compress and not data.sealed:
        raise missing_seal(data.name)


def _find_seal(data: Input, view: memoryview, magic: bytes) -> tuple[BlockSeal | None, ChecksumError | None]:
    """Return the seal of a file with that magic word at its end, or of a stream; or what is wrong with it."""
    behind = footer_bytes(view, magic) if magic else 0
    try:
        return find_seal(view, data.name, behind) if behind or not magic else None, None
    except ChecksumError as error:
        return None, error


class _VerifiedSource(MemorySource):
    """A file with a seal: each block is verified before anything of it is taken."""

    def __init__(self, data: memoryview, seal: BlockSeal, place: int) -> None:
        super().__init__(data, place, seal.before)
        seal.check_behind(data[seal.end :])
        self.blocks = verified_blocks(data, seal)
        self.verified = 0

    def take(self, size: int) -> memoryview:
        """Return the next bytes."""
        piece = super().take(size)
        while self.verified < self.place:
            self.verified += len(next(self.blocks))
        return piece


def _sealed(data: Input, view: memoryview, seal: BlockSeal, is_file: bool) -> Iterator[Batch]:
    source = _VerifiedSource(view, seal, FILE_START if is_file else 0)
    yield from read_batches(source, data.schema, data.limits, data.name, one=is_file)
    source.take(seal.before)


def _unsealed(
    data: Input, view: memoryview, mark: str, is_file: bool, damaged: ChecksumError | None
) -> Iterator[Batch]:
    """Yield the batches of what has no seal; where it should have one, it ends too early."""
    if not len(view):
        raise _empty(data)
    if is_file and not mark and damaged is None and footer_bytes(view, _ARROW):
        yield ArrowFileFormat(data.limits).loads(view, data.schema)
        return
    source = MemorySource(view, FILE_START if is_file else 0)
    try:
        yield from read_batches(source, data.schema, data.limits, data.name, one=is_file)
    except TruncatedError:
        raise
    except FormatError as error:
        if mark:
            raise damaged or missing_seal(data.name) from error
        raise
    if mark or is_file:
        raise damaged or missing_seal(data.name)


def _read_chunks(data: Input, chunks: Iterator[Any]) -> Iterator[Batch]:
    """Read a stream as it comes."""
    sealed: list[bool] = []
    head = bytearray()
    body = unsealed_chunks(_remembered(chunks, head), data.name, sealed.append)
    yield from ArrowFormat(data.limits).load_stream(body, data.schema)
    if not head:
        raise _empty(data)
    mark = _mark(head)
    if mark and sealed != [True]:
        raise missing_seal(data.name)
    _check_ends(data, mark, None)


def _remembered(chunks: Iterator[Any], head: bytearray) -> Iterator[Any]:
    """Pass chunks on and put copies of the first ones into ``head``."""
    for chunk in chunks:
        if len(head) < _HEAD_BYTES:
            head += chunk
        yield chunk


def _empty(data: Input) -> TruncatedError:
    return TruncatedError(where=data.name, got='no bytes', wanted='an Arrow stream')


def _is_right(view: memoryview, seal: BlockSeal | None) -> bool:
    """Whether there is a seal, and all is as it says."""
    if seal is None:
        return False
    try:
        for _ in verified_blocks(view, seal):
            pass
    except FormatError:
        return False
    return True


def footer_bytes(view: memoryview, magic: bytes) -> int:
    """How long the footer is, with what ends the file; 0 where there is none."""
    size = ENDS[magic]
    if len(view) < size + 8 or bytes(view[-len(magic) :]) != magic:
        return 0
    footer = int.from_bytes(view[-size : len(view) - len(magic)], 'little')
    return footer + size if footer + size <= len(view) - 8 else 0


def read_parquet(data: Input) -> Iterator[Batch]:
    """Yield the groups of rows of a Parquet file; without its end, nothing of it can be read."""
    view, fault = data.whole()
    refuse_pickle(view, data.name)
    seal, damaged = _find_seal(data, view, _PARQUET)
    fault = fault or damaged
    if fault is not None and not _is_right(view, seal):
        raise fault
    if len(view) < len(_PARQUET):
        raise missing_seal(data.name)
    mark = _parquet_mark(view) if footer_bytes(view, _PARQUET) else ''
    if seal is not None:
        for _ in verified_blocks(view, seal):
            pass
    elif mark:
        raise missing_seal(data.name)
    yield from ParquetFormat(limits=data.limits).read_groups(view, data.schema)
    _check_ends(data, mark, fault)


def _parquet_mark(view: memoryview) -> str:
    """What a Parquet file says of itself in its metadata. See ``_mark``."""
    with arrow_faults('parquet'):
        keys = pq.read_metadata(pa.BufferReader(view)).metadata or {}
    return next((known for known in _MARKS if SEALED + known.encode() in keys), '')
