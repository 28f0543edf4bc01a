"""DocumentIO: how one document travels, as methods. Formats, found when they are used, do the work."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from docarray import _registry

if TYPE_CHECKING:
    from docarray.formats.limits import Limits

__all__ = ['DocumentIO', 'TensorForm']

D = TypeVar('D', bound='DocumentIO')
Style = Literal['open', 'typed']
TensorForm = Literal['list', 'base64']


class DocumentIO:
    """The methods of documents that write and read them."""

    __slots__ = ()

    def to_json(self, *, tensors: TensorForm | None = None) -> str:
        """Return the document as JSON text.

        Args:
            tensors: 'list' for nested lists, which every web client reads (NaN and infinities as
                strings), 'base64' for an object of dtype, shape and base64 data that keeps every bit.
                None takes what the class says: ``class Page(BaseDocument, tensors='base64')``.

        Example:
            >>> from docarray.documents import TextDoc
            >>> TextDoc(id='a', text='x').to_json()[:20]
            '{"id":"a","text":"x"'
        """
        text: str = _registry.method('to_json_document')(self, tensors)
        return text

    @classmethod
    def from_json(cls: type[D], data: str | bytes, *, bytes_as: Literal['base64', 'text'] = 'base64') -> D:
        """Read a document from JSON text, tensors in either form.

        Args:
            data: JSON.
            bytes_as: 'text' for JSON of versions 0.30 to 0.41, which wrote bytes as the text that they are.

        Raises:
            ValidationError: The text is not JSON of this class.
        """
        made: D = _registry.method('document_from_json')(cls, data, bytes_as)
        return made

    def to_bytes(self, protocol: str = 'protobuf', compress: str | None = None) -> bytes:
        """Return the document as bytes.

        Args:
            protocol: 'protobuf' or 'json'; 'pickle' too, which keeps everything and can run code when read.
            compress: 'lz4', 'zstd', 'gzip', 'bz2', 'lzma' or 'zlib'.

        Raises:
            InvalidValueError: There is no such protocol or compression.

        Example:
            >>> from docarray.documents import TextDoc
            >>> TextDoc.from_bytes(TextDoc(text='a').to_bytes()).text
            'a'
        """
        data: bytes = _registry.method('document_to_bytes')(self, protocol, compress)
        return data

    @classmethod
    def from_bytes(
        cls: type[D],
        data: bytes,
        protocol: str = 'protobuf',
        compress: str | None = None,
        *,
        limits: Limits | None = None,
    ) -> D:
        """Read a document from bytes.

        Args:
            data: What ``to_bytes`` returned.
            protocol: As it was written. Nothing is unpickled unless this says 'pickle'.
            compress: As it was written.
            limits: How large and deep it may be; see ``docarray.formats.Limits``.

        Raises:
            FormatError: These are no such bytes.
            ValidationError: They do not fit the class.
            LimitError: They are larger or deeper than allowed.
        """
        made: D = _registry.method('document_from_bytes')(cls, data, protocol, compress, limits)
        return made

    def to_base64(self, protocol: str = 'protobuf', compress: str | None = None) -> str:
        """Return what ``to_bytes`` returns as base64 text."""
        return b64encode(self.to_bytes(protocol, compress)).decode('ascii')

    @classmethod
    def from_base64(
        cls: type[D],
        data: str,
        protocol: str = 'protobuf',
        compress: str | None = None,
        *,
        limits: Limits | None = None,
    ) -> D:
        """Read a document from base64 text. See ``from_bytes``."""
        return cls.from_bytes(b64decode(data, validate=True), protocol, compress, limits=limits)

    def __bytes__(self) -> bytes:
        return self.to_bytes()

    def to_protobuf(self, style: Style = 'open') -> Any:
        """Return the document as a protobuf message.

        Args:
            style: 'open' for a DocProto, which holds documents of any class and which docarray 0.30 to
                0.41 reads; 'typed' for the message of this class's own ``proto_schema``.
        """
        return _registry.method('to_protobuf')(self, style)

    @classmethod
    def from_protobuf(cls: type[D], message: Any) -> D:
        """Read a document from a protobuf message, a DocProto or one of the class's own ``proto_schema``.

        Raises:
            ValidationError: The message does not fit the class.
        """
        made: D = _registry.method('from_protobuf')(cls, message)
        return made

    @classmethod
    def proto_schema(cls) -> str:
        """Return the class as the text of a .proto file, one message for each document class in it.

        Field numbers follow from the names of the fields, and stay as they are when fields are added,
        removed or moved.
        """
        text: str = _registry.method('proto_schema')(cls)
        return text

    @classmethod
    def arrow_schema(cls) -> Any:
        """Return the class as a ``pyarrow.Schema``: what arrays of it have in Arrow, as far as types tell."""
        return _registry.method('arrow_schema')(cls)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the class as JSON Schema (draft 2020-12), as web services publish it."""
        model: Any = cls
        schema: dict[str, Any] = model.model_json_schema()
        return schema
