"""Versions of streams in object services.

The stream ``a/b`` of a bucket is a few objects::

    a/b/000000000007                    the commit of its version 7: which data are it
    a/b/000000000007-3f0c...            data, written to be version 7
    a/b/000000000006, a/b/000000000006-81d2...      the version before, for those who are reading it
    a/b/000000000008-77aa...-gone       what stands for data where version 8 is that the stream was deleted

Data are uploaded in parts under a name that nothing else has; then the commit is created, which the service
does for one writer only (``If-None-Match: *``). That is the moment at which the stream changes. Objects are
never changed, so that readers go on with the version that they have opened until there are two later ones.

The commit is JSON: ``{"data": "000000000007-3f0c...", "before": [...]}``, with the data of the versions
before it, at most sixteen. A writer who comes so late that its version was not only taken but removed again
would create it a second time; it sees that the newest commit does not have its data, and knows that it lost.

An object that is itself at ``a/b`` is read where there is no version: what other programs put there.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from docarray import _lazy
from docarray.errors import FormatError, MissingFileError, StoreError, UnsupportedError, show
from docarray.stores.clients import Client, reading, service_errors
from docarray.stores.handing import hand_on

__all__ = ['Stream', 'Version', 'by_stream']

_LEAF = re.compile(r'(\d{12})(?:-[0-9a-f]{32}(-gone)?)?')
_GONE = '-gone'
_BEFORE = 16
#: Parts of an upload, of which a service takes 10,000 at most: 160 GiB in all.
_PART_BYTES = 16 << 20
_PARTS_AT_ONCE = 4

Meta = Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """A version of a stream; number 0 is an object that another program put there, or nothing.

    Attributes:
        number: Of its commit.
        key: Of its data.
        meta: Of its data: size, time, tag. None where the stream is not there.
    """

    number: int
    key: str
    meta: Meta | None

    @property
    def text(self) -> str:
        """A text that another version does not have."""
        if self.number:
            return self.key.rpartition('/')[2]
        meta = self.meta or {}
        return f'{meta.get("e_tag")}-{meta.get("version")}-{meta.get("size")}'


@dataclass(frozen=True)
class Stream:
    """A stream in an object service.

    Attributes:
        client: Of the bucket.
        key: Of the stream in the bucket.
        url: Of the stream, for errors.
    """

    client: Client
    key: str
    url: str

    def newest(self) -> Version:
        """Return the newest version."""
        leaves = self._leaves()
        if any(len(leaf) == 12 for leaf in leaves):
            return self.chosen(leaves)
        try:
            return Version(0, self.key, reading(self.url, lambda: self.client.objects.head(self.key)))
        except MissingFileError:
            return Version(0, self.key, None)

    def chosen(self, leaves: Mapping[str, Meta]) -> Version:
        """Return the newest version, where the objects of the stream are known."""
        number = max((int(leaf) for leaf in leaves if len(leaf) == 12), default=0)
        if not number:  # what is there was never committed
            return Version(0, self.key, leaves.get(''))
        written = [leaf for leaf in leaves if leaf.startswith(f'{number:012d}-')]
        leaf = written[0] if len(written) == 1 else self._commit_of(number)[0]
        if leaf.endswith(_GONE):
            return Version(number, f'{self.key}/{leaf}', None)
        if leaf not in leaves:
            raise FormatError(
                where=self.url, got=f'no data of version {number}', wanted='those that it names'
            )
        return Version(number, f'{self.key}/{leaf}', leaves[leaf])

    def write(self, before: Version, chunks: Iterable[Any]) -> Version | None:
        """Write the next version, and return it; None if another writer was first."""
        key = f'{self.key}/{before.number + 1:012d}-{uuid.uuid4().hex}'
        made = Version(before.number + 1, key, {'size': self._upload(key, chunks)})
        return made if self._commit(made, before, keep=2) else None

    def delete(self, before: Version) -> bool:
        """Make the next version one that says that the stream is gone; False if a writer was first."""
        if before.number:
            key = f'{self.key}/{before.number + 1:012d}-{uuid.uuid4().hex}{_GONE}'
            self._upload(key, [b''])
            if not self._commit(Version(before.number + 1, key, None), before, keep=1):
                return False
        with suppress(MissingFileError), service_errors(self.url):
            self.client.objects.head(self.key)  # what another program put there would be the stream again
            self.client.objects.delete(self.key)
        return True

    def guard(self) -> None:
        """Refuse a service that overwrites what it was told to create: of two writers, it would lose one.

        Raises:
            UnsupportedError: It does.
        """
        client = self.client
        if client.guarded or not client.endpoint:
            return
        probe = f'{self.key}/{0:012d}-{uuid.uuid4().hex}'  # the next write removes it if this one is killed
        self._create(probe, b'1')
        client.guarded = not self._create(probe, b'2')
        self._remove([probe.rpartition('/')[2]])
        if not client.guarded:
            raise UnsupportedError(
                where=self.url,
                got='a service that overwrites an object that it is to create: it ignores If-None-Match: *',
                wanted='one with conditional puts, without which writers at one time lose data',
                hint='Use a newer version of it, or another one; docs/stores.md names some.',
            )

    def _leaves(self) -> dict[str, Meta]:
        """Return the objects of the stream, by the last parts of their keys."""
        found = reading(self.url, lambda: self.client.objects.list_with_delimiter(self.key)['objects'])
        return by_stream([found]).get(self.key, {})

    def _commit_of(self, number: int) -> list[str]:
        """Return the data of a version, and of those before it, by the last parts of their keys."""
        key = f'{self.key}/{number:012d}'
        data = reading(self.url, lambda: bytes(self.client.objects.get(key).bytes()))
        try:
            found = json.loads(data)
            leaves = [found['data'], *found['before']]
            if all(_LEAF.fullmatch(leaf) for leaf in leaves):
                return leaves
        except (ValueError, TypeError, KeyError):
            pass
        got = f'a commit {show(data)} of version {number}'
        raise FormatError(where=self.url, got=got, wanted='JSON that names data')

    def _commit(self, made: Version, before: Version, keep: int) -> bool:
        """Make data the newest version, and return whether that was done; so many versions are kept."""
        number, leaf = made.number, made.key.rpartition('/')[2]
        try:
            history = self._commit_of(before.number) if before.number else []
        except MissingFileError:  # two others came first
            self._remove([leaf])
            return False
        commit = json.dumps({'data': leaf, 'before': history[:_BEFORE]}).encode()
        created = self._create(f'{self.key}/{number:012d}', commit)
        leaves = self._leaves()
        newest = max((int(one) for one in leaves if len(one) == 12), default=0)
        if newest < number or not ((created and newest == number) or leaf in self._commit_of(newest)):
            self._remove([leaf])
            return False
        needed = [leaf, *history][:keep] + [f'{number - one:012d}' for one in range(keep)]
        self._remove(one for one in leaves if one[:12] <= f'{number:012d}' and one not in needed)
        return True

    def _create(self, key: str, data: bytes) -> bool:
        """Create an object; False if it is there, perhaps by this very request, whose answer was lost."""
        with service_errors(self.url):
            try:
                self.client.objects.put(key, data, mode='create')
                return True
            except _already_exists():
                return False

    def _remove(self, leaves: Iterable[str]) -> None:
        """Remove objects that nobody needs, if that can be done; what stays, the next write removes."""
        with suppress(StoreError):
            for leaf in leaves:
                with suppress(MissingFileError), service_errors(self.url):
                    self.client.objects.delete(f'{self.key}/{leaf}')

    def _upload(self, key: str, chunks: Iterable[Any]) -> int:
        """Write an object in parts and return its size; what ``chunks`` raises comes out as it is."""
        size = 0

        def counted() -> Iterator[Any]:
            nonlocal size
            for chunk in chunks:
                size += memoryview(chunk).nbytes
                yield chunk

        def upload(taken: Iterator[Any]) -> None:
            with service_errors(self.url):
                self.client.objects.put(key, taken, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

        hand_on(counted(), upload)
        return size


def by_stream(pages: Iterable[Sequence[Meta]]) -> dict[str, dict[str, Meta]]:
    """Return the objects of each stream by the last parts of their keys; '' for what is no version."""
    streams: defaultdict[str, dict[str, Meta]] = defaultdict(dict)
    for page in pages:
        for meta in page:
            name, _, leaf = meta['path'].rpartition('/')
            if _LEAF.fullmatch(leaf):
                streams[name][leaf] = meta
            else:
                streams[meta['path']][''] = meta
    return streams


def _already_exists() -> type[Exception]:
    found: type[Exception] = _lazy.load('obstore.exceptions').AlreadyExistsError
    return found
