"""Plug-ins by name: sorted rows for our own, entry points (group ``docarray.<kind>``) only on a miss."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Row:
    """One plug-in: its name, where its class is, the extra that it needs, and what it is."""

    name: str
    target: str
    extra: str
    about: str

    def load(self) -> Any:
        """Import the module and return the class."""
        module, _, attribute = self.target.partition(':')
        return getattr(importlib.import_module(module), attribute)


ROWS: dict[str, tuple[Row, ...]] = {
    # What documents and arrays offer as methods but higher layers do.
    'method': (
        Row('html', 'docarray.display.html:to_html', '', 'HTML of a document or array'),
        Row('rich', 'docarray.display.text:to_rich', 'display', 'rich renderable of a document or array'),
        Row('rows', 'docarray.array.rows:DocumentArray', '', 'the rows that a stacked array unstacks to'),
        Row('show', 'docarray.display.text:show', '', 'print a summary'),
        Row('show_schema', 'docarray.display.text:show_schema', '', 'print the fields of a class'),
        Row('to_json', 'docarray.formats.json:dump_rows', '', 'JSON of an array'),
        Row('to_json_document', 'docarray.formats.json:dump_document', '', 'JSON of a document'),
    ),
    # Bytes load into tensors and tensors encode to bytes; by name, so that no module imports in a circle.
    'media_bytes': (
        Row('audio', 'docarray.typing.bytes:AudioBytes', '', 'what audio tensors encode to'),
        Row('image', 'docarray.typing.bytes:ImageBytes', '', 'what image tensors encode to'),
    ),
    'format': (Row('json', 'docarray.formats.json:JsonFormat', '', 'JSON; a document a line in streams'),),
    'framework': (
        Row('jax', 'docarray.frameworks.jax:JaxFramework', 'jax', 'jax.Array on any XLA device'),
        Row('numpy', 'docarray.frameworks.numpy:NumpyFramework', '', 'numpy.ndarray'),
        Row('tensorflow', 'docarray.frameworks.tensorflow:TensorFlowFramework', 'tensorflow', 'tf.Tensor'),
        Row('torch', 'docarray.frameworks.torch:TorchFramework', 'torch', 'torch.Tensor on any device'),
    ),
}


@cache
def _entry_points(kind: str) -> dict[str, Row]:
    from importlib.metadata import entry_points

    found = entry_points(group=f'docarray.{kind}')
    return {point.name: Row(point.name, point.value, '', 'from another package') for point in found}


def find(kind: str, name: str) -> Row:
    """Return the row of that name, or raise KeyError listing the names there are."""
    for row in ROWS.get(kind, ()):
        if row.name == name:
            return row
    try:
        return _entry_points(kind)[name]
    except KeyError:
        raise KeyError(f'no {kind} named {name!r}; there are {names(kind)}') from None


def names(kind: str) -> list[str]:
    """Return all names of a kind, sorted."""
    return sorted({row.name for row in ROWS.get(kind, ())} | set(_entry_points(kind)))


def extra_names(kind: str) -> list[str]:
    """Return the names that only entry points supply, sorted."""
    return sorted(set(_entry_points(kind)) - {row.name for row in ROWS.get(kind, ())})
