"""docarray: the data structure for multimodal data.

One typed document class, written once as a pydantic model, from the DataLoader to the web service
to the store to the search index. Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from docarray._aliases import AliasFinder

__version__ = '1.0.0.dev0'

_NAMES = {
    'AnyDocument': 'docarray.document',
    'BaseDocument': 'docarray.document',
    'BaseDocumentWithoutId': 'docarray.document',
    'DocumentArray': 'docarray.array.rows',
    'DocumentArrayStacked': 'docarray.array.columns',
    'schema_of': 'docarray.schema',
    # These two are named by pickles of versions 0.30 to 0.41.
    'unpickle_doclist': 'docarray.formats.protobuf.legacy',
    'unpickle_docvec': 'docarray.formats.protobuf.legacy',
}
#: The names of versions 0.30 to 0.41: the same objects.
_OLD_NAMES = {
    'AnyDoc': 'AnyDocument',
    'BaseDoc': 'BaseDocument',
    'BaseDocWithoutId': 'BaseDocumentWithoutId',
    'DocList': 'DocumentArray',
    'DocVec': 'DocumentArrayStacked',
}

__all__ = [*sorted(_NAMES), *sorted(_OLD_NAMES), '__version__']

if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
    sys.meta_path.append(AliasFinder())


def __getattr__(name: str) -> Any:
    target = _OLD_NAMES.get(name, name)
    if target not in _NAMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    found = getattr(importlib.import_module(_NAMES[target]), target)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
