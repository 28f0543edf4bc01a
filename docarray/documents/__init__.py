"""Predefined documents for text, images, sound, video and shapes, and classes made of schemas.

Each is loaded when it is first used.

Example:
    >>> from docarray import BaseDocument
    >>> from docarray.documents import ImageDoc, TextDoc
    >>> class Page(BaseDocument):
    ...     title: TextDoc
    ...     picture: ImageDoc | None = None
    >>> Page(title='Hello', picture='https://example.org/a.png').picture.url
    'https://example.org/a.png'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docarray.documents.audio import Audio as Audio
    from docarray.documents.audio import AudioDoc as AudioDoc
    from docarray.documents.from_arrow import (
        create_doc_from_arrow_schema as create_doc_from_arrow_schema,
    )
    from docarray.documents.from_json_schema import (
        create_doc_from_json_schema as create_doc_from_json_schema,
    )
    from docarray.documents.image import Image as Image
    from docarray.documents.image import ImageDoc as ImageDoc
    from docarray.documents.legacy import LegacyDocument as LegacyDocument
    from docarray.documents.mesh import Mesh3D as Mesh3D
    from docarray.documents.mesh import VerticesAndFaces as VerticesAndFaces
    from docarray.documents.point_cloud import PointCloud3D as PointCloud3D
    from docarray.documents.point_cloud import PointsAndColors as PointsAndColors
    from docarray.documents.text import Text as Text
    from docarray.documents.text import TextDoc as TextDoc
    from docarray.documents.video import Video as Video
    from docarray.documents.video import VideoDoc as VideoDoc

#: Where each is. Text, Image, Audio and Video are the first names of TextDoc and so on.
_HOMES = {
    'Audio': 'audio',
    'AudioDoc': 'audio',
    'Image': 'image',
    'ImageDoc': 'image',
    'LegacyDocument': 'legacy',
    'Mesh3D': 'mesh',
    'PointCloud3D': 'point_cloud',
    'PointsAndColors': 'point_cloud',
    'Text': 'text',
    'TextDoc': 'text',
    'VerticesAndFaces': 'mesh',
    'Video': 'video',
    'VideoDoc': 'video',
    'create_doc_from_arrow_schema': 'from_arrow',
    'create_doc_from_json_schema': 'from_json_schema',
}

__all__ = [name for name in _HOMES if name != 'create_doc_from_arrow_schema']  # which needs pyarrow


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    found = getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
