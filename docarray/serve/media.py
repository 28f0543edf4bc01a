"""Arrays of documents as bodies of HTTP, by media type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pydantic

from docarray.errors import ValidationError
from docarray.formats import Format, get_format
from docarray.formats.building import batch_of
from docarray.formats.json import dump_document, dump_rows
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.lowering import STACKED_MARK
from docarray.serve.service import Side
from docarray.serve.wire import advised, array_from, doubting, wire_format

__all__ = ['JSON', 'MEDIA', 'Media', 'accepted', 'media_of']


@dataclass(frozen=True)
class Media:
    """One type of body.

    Attributes:
        name: The media type.
        format: The name of the format.
        streams: Whether documents are handed on as they come, rather than all at once; None for what the
            function does.
    """

    name: str
    format: str
    streams: bool | None = False

    def _made(self, limits: Limits, columns: bool = False) -> Format:
        if self.format == 'json':
            return get_format('json', limits=limits)
        return wire_format(self.format, limits, columns)

    def read(self, data: bytes, side: Side, limits: Limits) -> Any:
        """Return the array that a whole body holds; of JSON, that may be one document."""
        if is_one(self, data):
            return side.array_class([_document(data, side.document_type)])
        with advised('max_body_documents'):
            return array_from(self._made(limits).loads(data, doubting(side.document_type)), side)

    def read_stream(
        self, chunks: Iterable[bytes], side: Side, limits: Limits, batch_size: int
    ) -> Iterator[Any]:
        """Yield the arrays in a body as they arrive, none longer than ``batch_size``."""
        for batch in self._made(limits).load_stream(chunks, doubting(side.document_type)):
            for start in range(0, len(batch), batch_size):
                yield array_from(batch.take(slice(start, start + batch_size)), side)

    def write(self, array: Any, single: bool) -> bytes:
        """Return an array as a whole body; with ``single``, its one document, if the type can say that."""
        if self.format == 'json':
            return (dump_document(array[0]) if single else dump_rows(array)).encode()
        return self._made(DEFAULT_LIMITS, hasattr(type(array), STACKED_MARK)).dumps(batch_of(array))

    def write_stream(self, arrays: Iterable[Any]) -> Iterator[bytes]:
        """Yield arrays as the parts of a body."""
        return self._made(DEFAULT_LIMITS).dump_stream(map(batch_of, arrays))


JSON = Media('application/json', 'json')

_ALL = (
    JSON,
    Media('application/x-ndjson', 'json', True),
    Media('application/x-protobuf', 'protobuf'),
    Media('application/x-protobuf-stream', 'protobuf', True),
    Media('application/vnd.apache.arrow.stream', 'arrow', None),
)
MEDIA = {media.name: media for media in _ALL}

_OTHER_NAMES = {
    'application/jsonl': 'application/x-ndjson',
    'application/jsonlines': 'application/x-ndjson',
    'application/ndjson': 'application/x-ndjson',
    'application/protobuf': 'application/x-protobuf',
}


def media_of(content_type: str) -> Media | None:
    """Return the type that a header names; None for one that is not known.

    Example:
        >>> media_of('Application/JSON; charset=utf-8').name
        'application/json'
    """
    name = content_type.partition(';')[0].strip().lower()
    return MEDIA.get(_OTHER_NAMES.get(name, name))


def accepted(header: str, given: Media) -> Media | None:
    """Return the type to answer with; None where the client takes no type that there is.

    Args:
        header: The header Accept; '' where there is none.
        given: The type of the request, which is preferred among equals.

    Example:
        >>> accepted('application/json;q=0.5, application/x-protobuf', JSON).name
        'application/x-protobuf'
        >>> accepted('*/*', JSON).name, accepted('text/html', JSON)
        ('application/json', None)
    """
    if not header.strip():
        return given
    ranges = [_range(part) for part in header.split(',') if part.strip()]
    order = sorted(_ALL, key=lambda media: media is not given)
    best = max(order, key=lambda media: _quality(media, ranges))
    return best if _quality(best, ranges) > 0 else None


def _range(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(';'))
    quality = next((part[2:] for part in parameters if part.startswith('q=')), '1')
    try:
        return _OTHER_NAMES.get(name, name), float(quality)
    except ValueError:
        return name, 0.0


def _quality(media: Media, ranges: list[tuple[str, float]]) -> float:
    """Return how much a client wants a type: what the most exact range that fits says."""
    for name in (media.name, 'application/*', '*/*'):
        found = [quality for known, quality in ranges if known == name]
        if found:
            return max(found)
    return 0.0


def is_one(media: Media, data: bytes) -> bool:
    """Whether a body is one document, not an array: a JSON object."""
    return media is JSON and data.lstrip(b' \t\r\n').startswith(b'{')


def _document(data: bytes, document_type: Any) -> Any:
    try:
        return document_type.__pydantic_validator__.validate_json(data)
    except pydantic.ValidationError as error:
        raise ValidationError.of(error) from error.__cause__
