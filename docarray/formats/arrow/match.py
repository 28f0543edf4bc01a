"""What has changed between the class whose documents were stored and the class that they are asked for as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from docarray.formats.arrow.types import LISTS, TAG, Node, Record, described, is_any, pa
from docarray.typing.types import show_shape

__all__ = ['Match', 'match']


@dataclass
class Match:
    """How the fields of a class are met by what was stored. Paths have dots, and begin with the class.

    Attributes:
        added: Fields of the class that were not stored.
        removed: Fields that were stored and that the class does not have.
        changed: Fields that are something else now: the path, what was stored, and what is asked for.
    """

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[tuple[str, str, str]] = field(default_factory=list)


def match(record: Record, types: Any) -> Match:
    """Compare a class with the Arrow schema of documents that docarray wrote.

    Example:
        >>> from docarray import BaseDocument
        >>> from docarray.documents import TextDoc
        >>> from docarray.formats.arrow.types import record_of
        >>> from docarray.schema import schema_of
        >>> class Note(BaseDocument):
        ...     text: int
        ...     note: str | None = None
        >>> found = match(record_of(schema_of(Note)), TextDoc.arrow_schema())
        >>> found.added, found.removed
        (['Note.note'], ['Note.url', 'Note.embedding', 'Note.bytes_'])
        >>> found.changed
        [('Note.text', 'str', 'int')]
    """
    found = Match()
    _compare(record, list(types), record.schema.document_type.__name__, found)
    return found


def _compare(record: Record, fields: list[Any], where: str, found: Match) -> None:
    stored = {one.name: one for one in fields if described(one)}
    for node in record.nodes:
        path = f'{where}.{node.name}'
        if node.name not in stored:
            found.added.append(path)
            continue
        before, now = _kind(described(stored[node.name])), _kind(node.described)
        if before != now and not _fits(described(stored[node.name]), node.described):
            found.changed.append((path, before, now))
        elif node.members:
            _compare_members(node, stored[node.name].type, path, found)
        elif node.form == 'objects' and stored[node.name].type != node.type:
            found.changed.append((path, str(stored[node.name].type), str(node.type)))
    names = {node.name for node in record.nodes}
    found.removed += (f'{where}.{name}' for name in stored if name not in names)


def _compare_members(node: Node, kind: Any, path: str, found: Match) -> None:
    if node.form == 'variant':
        parts = {one.name: one.type for one in kind if one.name != TAG}
        members = {member.schema.document_type.__name__: member for member in node.members}
        gone = [name for name in parts if name not in members]
        if gone:
            found.changed.append((path, ' or '.join(parts), ' or '.join(members)))
            return
        for name, struct in parts.items():
            _compare(members[name], list(struct), f'{path}.{name}', found)
        return
    struct = kind.value_type if is_any(LISTS, kind) else kind
    if pa.types.is_struct(struct):
        _compare(node.members[0], list(struct), path, found)


def _kind(facts: dict[str, Any]) -> str:
    """Say what a field is, for people."""
    kind = str(facts.get('kind', ''))
    if kind != 'tensor':
        return kind
    shape = facts.get('shape')
    axes = (
        'any shape' if shape is None else show_shape(tuple(... if axis == '...' else axis for axis in shape))
    )
    return f'tensor of {axes} and {facts.get("dtype") or "any dtype"}'


def _fits(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether tensors of one declaration may be those of another: values are looked at one by one."""
    if before.get('kind') != 'tensor' or now.get('kind') != 'tensor':
        return False
    if before.get('dtype') and now.get('dtype') and before['dtype'] != now['dtype']:
        return False
    return _may_meet(before.get('shape'), now.get('shape'))


def _may_meet(before: list[Any] | None, now: list[Any] | None) -> bool:
    if before is None or now is None or '...' in before or '...' in now:
        return True
    pairs = zip(before, now, strict=False)
    return len(before) == len(now) and all(
        one == other or not (isinstance(one, int) and isinstance(other, int)) for one, other in pairs
    )
