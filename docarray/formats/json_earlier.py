"""JSON as versions 0.30 to 0.41 wrote it, where it differs: bytes are text, not base64.

Nothing in such JSON says that it is so: text may happen to be base64. So callers say it, with
``bytes_as='text'``; only a file whose bytes are no base64 is taken for one of those.
"""

from __future__ import annotations

from typing import Any

import pydantic_core

from docarray.errors import FormatError, show
from docarray.kinds import Kind
from docarray.lowering import SCHEMALESS_MARK
from docarray.schema import Field, schema_of
from docarray.typing.bytes import to_base64

__all__ = ['bytes_in_base64', 'reads_no_base64']


def bytes_in_base64(data: str | bytes, document_type: Any) -> bytes:
    r"""Return JSON of documents whose bytes are text as JSON whose bytes are base64.

    Args:
        data: A document or an array of them.
        document_type: Their class.

    Raises:
        FormatError: It is no JSON.

    Example:
        >>> from docarray.documents import TextDoc
        >>> bytes_in_base64('{"text": "abcd", "bytes_": "abcd"}', TextDoc)
        b'{"text":"abcd","bytes_":"YWJjZA=="}'
    """
    try:
        found = pydantic_core.from_json(data)
    except ValueError as error:
        raise FormatError(where=document_type.__name__, got=show(str(error), 200), wanted='JSON') from error
    return pydantic_core.to_json(_documents(found, (document_type,)))


def reads_no_base64(error: pydantic_core.ValidationError) -> bool:
    """Whether values were refused for not being base64."""
    faults = error.errors(include_url=False, include_input=False)
    causes = [fault.get('ctx', {}).get('error') for fault in faults]
    return any(fault['type'] == 'bytes_invalid_encoding' for fault in faults) or any(
        'base64' in getattr(cause, 'wanted', '') for cause in causes
    )


def _documents(value: Any, classes: tuple[type, ...]) -> Any:
    if isinstance(value, list):
        return [_documents(item, classes) for item in value]
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for cls in classes:
        if not getattr(cls, SCHEMALESS_MARK, False):
            aliases = {name: info.alias for name, info in getattr(cls, 'model_fields').items()}  # noqa: B009
            for name, field in schema_of(cls).fields.items():
                for key in {name, aliases[name]} & found.keys():
                    found[key] = _field(found[key], field)
    return found


def _field(value: Any, field: Field) -> Any:
    if field.form != 'cells':
        return _documents(value, field.lowered.documents)
    return _cells(value, field.codec.kind)


def _cells(value: Any, kind: Kind) -> Any:
    if kind.name == 'bytes' and isinstance(value, str):
        return to_base64(value.encode())
    if kind.item is not None and isinstance(value, list):
        return [_cells(item, kind.item.kind) for item in value]
    if kind.item is not None and isinstance(value, dict):
        return {key: _cells(item, kind.item.kind) for key, item in value.items()}
    return value
