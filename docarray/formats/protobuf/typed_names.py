"""Names and numbers of the messages and fields of a document class.

Numbers. A field is known on the wire by its number alone, so the number may depend on nothing but the
name of the field: neither on the order of the fields nor on which others there are. It is the SHA-256 of
the name, brought into 20,000 to 2**25 - 1. That range is clear of protobuf's own (19,000 to 19,999) and
leaves the small numbers to those who want to give them out. Its tags take four bytes, one less than those
of the whole range, and two fields of one class still hardly ever meet: of classes of 40 fields, one in
40,000. Where they do, the class is refused, and one of the two has to be pinned. To move one out of the
way would be easier on the writer of the class, but then the next field that is added could move another,
and bytes that are there already would be read as something else.

``Field(json_schema_extra={'proto': 3})`` pins a field: to make messages smaller, or to keep the number of
a field that got another name. In a union of documents, which has a field for each class, a dict pins each:
``{'proto': {'Cat': 3, 'Dog': 4}}``. An array, list or dict that may be None has another number than one
that may not, since it is another thing on the wire. A field that changes its type otherwise needs another
name, as everywhere in protobuf.

Names. What is no identifier in protobuf gets underscores. Of the names in a message that differ in case
and underscores alone, which protobuf refuses, all but the first in the alphabet get their number behind
them; names are not on the wire, so that bytes stay readable. Classes of one name are numbered in the
order of their modules.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docarray.errors import SchemaError, show

__all__ = ['MessageNames', 'Wanted', 'distinct_names', 'field_number', 'pinned_numbers', 'snake_case']

_FIRST, _END = 20_000, 1 << 25
_RESERVED = range(19_000, 20_000)
_PINNED = range(1, 1 << 29)

#: Names of messages that a file could not tell from its own words.
_WORDS = re.compile(
    'bool|bytes|double|enum|extend|extensions|float|google|group|import|map|message|oneof|option|optional|package|'
    'public|repeated|required|reserved|returns|rpc|service|stream|string|syntax|weak|(s?fixed|[su]?int)(32|64)'
)
#: What all messages have in Python; a field of such a name could not be reached.
_METHODS = re.compile(
    'ByteSize|Clear(Extension|Field)?|CopyFrom|DESCRIPTOR|DiscardUnknownFields|Extensions|FromString|'
    'FindInitializationErrors|Has(Extension|Field)|IsInitialized|ListFields|Merge(From|FromString)|ParseFromString|'
    'RegisterExtension|Serialize(Partial)?ToString|SetInParent|UnknownFields|WhichOneof'
)


def field_number(name: str) -> int:
    """Return the number of a field that is not pinned.

    Example:
        >>> field_number('text')
        17166809
    """
    digest = hashlib.sha256(name.encode('utf-8', 'surrogatepass')).digest()
    return _FIRST + int.from_bytes(digest[:8], 'big') % (_END - _FIRST)


def pinned_numbers(extra: Any, members: Sequence[str], where: str) -> dict[str, int]:
    """Return the numbers that a field is pinned to.

    Args:
        extra: Its ``json_schema_extra``.
        members: The names of the classes of a union; [''] for any other field.
        where: For the error.

    Returns:
        The number of each class of a union that is pinned, or that of ''.

    Raises:
        SchemaError: There is no such class, or a number is none that protobuf allows.

    Example:
        >>> pinned_numbers({'proto': 3}, [''], 'Page.text')
        {'': 3}
        >>> pinned_numbers({'proto': {'Cat': 3}}, ['Cat', 'Dog'], 'Page.pet')
        {'Cat': 3}
    """
    given = extra.get('proto') if isinstance(extra, dict) else None
    if given is None:
        return {}
    found = given if isinstance(given, dict) else {'': given}
    if not set(found) <= set(members):
        names = ', '.join(filter(None, members))
        wanted = f'a number for some of {names}' if names else 'a number'
        raise SchemaError(where=where, got=f"'proto' {show(given)}", wanted=wanted)
    for number in found.values():
        if type(number) is not int or number not in _PINNED or number in _RESERVED:
            raise SchemaError(
                where=where,
                got=f"'proto' {show(number)}",
                wanted=f'a field number: 1 to {_PINNED[-1]}, but for 19000 to 19999',
            )
    return dict(found)


def snake_case(name: str) -> str:
    """Return the name of a class as that of a field.

    Example:
        >>> snake_case('ImageDoc')
        'image_doc'
    """
    return re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()


def _identifier(text: str, otherwise: str) -> str:
    cleaned = re.sub(r'[^A-Za-z0-9_]+', '_', text).lstrip('_')
    return cleaned if cleaned[:1].isalpha() else '_'.join(filter(None, (otherwise, cleaned)))


class MessageNames:
    """Gives out names of messages, each once, whatever its case.

    Args:
        taken: Names that are not to be given out.

    Example:
        >>> names = MessageNames('Tensor')
        >>> names.claim('Page'), names.claim('page'), names.claim('Tensor')
        ('Page', 'page_2', 'Tensor_2')
    """

    def __init__(self, *taken: str) -> None:
        self.taken = {name.lower() for name in taken}

    def claim(self, wanted: str) -> str:
        """Return this name, or one like it."""
        wanted = _identifier(wanted, 'Message')
        name, number = wanted + '_' * bool(_WORDS.fullmatch(wanted)), 1
        while name.lower() in self.taken:
            number += 1
            name = f'{wanted}_{number}'
        self.taken.add(name.lower())
        return name


@dataclass(frozen=True)
class Wanted:
    """A name that a message is to have for a field or a oneof, the number behind it, and if it is a map."""

    name: str
    number: int
    is_map: bool = False

    @property
    def identifier(self) -> str:
        """The name as an identifier."""
        found = _identifier(self.name, 'field')
        return found + '_' * bool(_METHODS.fullmatch(found))


def distinct_names(wanted: Sequence[Wanted]) -> list[str]:
    """Return names for the fields of a message, in the order of what is wanted.

    Example:
        >>> distinct_names([Wanted('aB', 30_001), Wanted('a_b', 30_002), Wanted('größe', 30_003)])
        ['aB', 'a_b_30002', 'gr_e']
    """
    found: dict[Wanted, str] = {}
    taken: set[str] = set()
    for one in sorted(wanted, key=lambda one: (one.identifier != one.name, one.name, one.number)):
        name = one.identifier
        while taken & (keys := _keys(name, one.is_map)):
            name = f'{name}_{one.number}'
        taken |= keys
        found[one] = name
    return [found[one] for one in wanted]


def _keys(name: str, is_map: bool) -> set[str]:
    """What no other name in the message may come to; a map has a message of its entries in there too."""
    key = name.replace('_', '').lower()
    return {key, f'{key}entry'} if is_map else {key}
