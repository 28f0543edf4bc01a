"""``create_doc_from_json_schema``: a document class by its JSON Schema alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docarray.documents.from_schema import create_base_doc_from_schema

__all__ = ['create_doc_from_json_schema']


def create_doc_from_json_schema(schema: Mapping[str, Any], name: str | None = None) -> Any:
    """Return a document class for documents of a JSON Schema.

    The classes inside are made with it. ``create_base_doc_from_schema``, which this calls, says what becomes
    of what, and takes classes that are there already.

    Args:
        schema: As ``Page.json_schema()`` returns it, or of pydantic 1 or OpenAPI.
        name: The name of the class; by default the title of the schema, or 'Document'.

    Returns:
        The class; derived from BaseDocument if the documents have an ``id``, else from
        BaseDocumentWithoutId.

    Raises:
        SchemaError: This is no JSON Schema of an object; says where in it.

    Example:
        >>> from docarray.documents.helper import create_doc
        >>> from docarray.typing import NdArray
        >>> Page = create_doc('Page', text=str, pixels=NdArray[3, 'w', 'w', 'uint8'])
        >>> Copy = create_doc_from_json_schema(Page.json_schema())
        >>> Copy.__name__, Copy.model_fields['pixels'].annotation
        ('Page', <class 'docarray.typing.tensors.AnyTensor[3, w, w, uint8]'>)
    """
    title = schema.get('title') if isinstance(schema, Mapping) else None
    own = title if isinstance(title, str) and title else 'Document'
    return create_base_doc_from_schema(schema, own if name is None else name)
