"""ArrayIO: how arrays of documents travel, as methods. Formats, found when they are used, do the work."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from docarray import _registry
from docarray.document_io import TensorForm

if TYPE_CHECKING:
    from docarray.formats.limits import Limits

__all__ = ['ArrayIO']

A = TypeVar('A', bound='ArrayIO')
Style = Literal['open', 'typed']


class ArrayIO:
    """The methods of both arrays that write and read them."""

    __slots__ = ()

    def to_json(self, *, tensors: TensorForm | None = None) -> str:
        """Return a JSON array of the documents. See ``BaseDocument.to_json``."""
        text: str = _registry.method('to_json')(self, tensors)
        return text

    @classmethod
    def from_json(cls: type[A], data: str | bytes, *, bytes_as: Literal['base64', 'text'] = 'base64') -> A:
        """Read a JSON array of documents, or of a stacked array what versions 0.30 to 0.41 wrote.

        Args:
            data: JSON.
            bytes_as: 'text' for JSON of versions 0.30 to 0.41, which wrote bytes as the text that they are.

        Raises:
            ValidationError: The text is not such an array; the error's path starts with the row.
        """
        made: A = _registry.method('array_from_json')(cls, data, bytes_as)
        return made

    # -- bytes and files --------------------------------------------------------------------------

    def to_bytes(self, protocol: str = 'protobuf-array', compress: str | None = None) -> bytes:
        """Return the array as bytes.

        Args:
            protocol: 'protobuf-array', 'json-array', 'arrow' or 'parquet' for one message of the whole
                array; 'protobuf' or 'json' for a stream of documents; 'pickle-array' or 'pickle' too, which
                can run code when read.
            compress: 'lz4', 'zstd', 'gzip', 'bz2', 'lzma' or 'zlib'; the protocol 'protobuf' compresses each
                document by itself, others the whole.

        Raises:
            InvalidValueError: There is no such protocol or compression.

        Example:
            >>> from docarray import DocumentArray
            >>> from docarray.documents import TextDoc
            >>> data = DocumentArray[TextDoc]([TextDoc(text='a')]).to_bytes()
            >>> DocumentArray[TextDoc].from_bytes(data).text
            ['a']
        """
        data: bytes = _registry.method('array_to_bytes')(self, protocol, compress)
        return data

    @classmethod
    def from_bytes(
        cls: type[A],
        data: Any,
        protocol: str = 'protobuf-array',
        compress: str | None = None,
        *,
        tensor_type: Any = None,
        limits: Limits | None = None,
    ) -> A:
        """Read an array from bytes.

        Args:
            data: What ``to_bytes`` returned: bytes or any buffer. Columns of a stacked array share its
                memory where the protocol allows.
            protocol: As it was written. Nothing is unpickled unless this says 'pickle' or 'pickle-array'.
            compress: As it was written.
            tensor_type: For fields that take tensors of any framework: the tensor class to read them as.
            limits: How large and deep it may be; see ``docarray.formats.Limits``.

        Raises:
            FormatError: These are no such bytes.
            ValidationError: They do not fit the class; the error's path starts with the row.
            LimitError: They are larger or deeper than allowed.
        """
        made: A = _registry.method('array_from_bytes')(cls, data, protocol, compress, tensor_type, limits)
        return made

    def to_base64(self, protocol: str = 'protobuf-array', compress: str | None = None) -> str:
        """Return what ``to_bytes`` returns as base64 text."""
        return b64encode(self.to_bytes(protocol, compress)).decode('ascii')

    @classmethod
    def from_base64(
        cls: type[A],
        data: str,
        protocol: str = 'protobuf-array',
        compress: str | None = None,
        *,
        tensor_type: Any = None,
        limits: Limits | None = None,
    ) -> A:
        """Read an array from base64 text. See ``from_bytes``."""
        raw = b64decode(data, validate=True)
        return cls.from_bytes(raw, protocol, compress, tensor_type=tensor_type, limits=limits)

    def __bytes__(self) -> bytes:
        return self.to_bytes()

    def save_binary(
        self,
        file: Any,
        protocol: str | None = None,
        compress: str | None = None,
        *,
        show_progress: bool = False,
    ) -> None:
        """Write the array to a file, whole or not at all, with checksums.

        Args:
            file: A path, a URL that fsspec knows, such as ``s3://bucket/name``, or a file object open for
                writing bytes.
            protocol: As for ``to_bytes``; also 'arrow-file' and 'feather'. Without it, what the file's name
                ends in (``docs.protobuf.zstd``, ``docs.parquet``), or else 'protobuf-array'.
            compress: As for ``to_bytes``; without it, what the file's name ends in.
            show_progress: Show a progress bar on the terminal (needs ``docarray[display]``).

        Raises:
            InvalidValueError: There is no such protocol or compression.
        """
        _registry.method('save_binary')(self, file, protocol, compress, show_progress)

    @overload
    @classmethod
    def load_binary(
        cls: type[A],
        file: Any,
        protocol: str | None = ...,
        compress: str | None = ...,
        show_progress: bool = ...,
        streaming: Literal[False] = ...,
        *,
        salvage: bool = ...,
        tensor_type: Any = ...,
        limits: Limits | None = ...,
    ) -> A: ...
    @overload
    @classmethod
    def load_binary(
        cls: type[A],
        file: Any,
        protocol: str | None = ...,
        compress: str | None = ...,
        show_progress: bool = ...,
        streaming: Literal[True] = ...,
        *,
        salvage: bool = ...,
        tensor_type: Any = ...,
        limits: Limits | None = ...,
    ) -> Iterator[Any]: ...
    @classmethod
    def load_binary(
        cls: type[A],
        file: Any,
        protocol: str | None = None,
        compress: str | None = None,
        show_progress: bool = False,
        streaming: bool = False,
        *,
        salvage: bool = False,
        tensor_type: Any = None,
        limits: Limits | None = None,
    ) -> A | Iterator[Any]:
        """Read an array from a file and verify its checksums.

        Args:
            file: A path, a URL that fsspec knows, a file object open for reading bytes, or bytes.
            protocol: As it was written; without it, what the file's name ends in. Pickle is read only if
                this says so, never by name.
            compress: As it was written; without it, what the file's name ends in.
            show_progress: Show a progress bar on the terminal (needs ``docarray[display]``).
            streaming: Return an iterator that reads documents as they are asked for.
            salvage: Return the documents before the damage, with a warning, where a file is damaged or
                ends too early.
            tensor_type: As for ``from_bytes``.
            limits: As for ``from_bytes``.

        Raises:
            TruncatedError: The file ends too early; ``whole`` says how many documents are whole.
            ChecksumError: The file has changed since it was written.
            FormatError: It is no such file.
            ValidationError: It does not fit the class.
        """
        made: A | Iterator[Any] = _registry.method('load_binary')(
            cls, file, protocol, compress, show_progress, streaming, salvage, tensor_type, limits
        )
        return made

    # -- messages and tables ----------------------------------------------------------------------

    def to_protobuf(self, style: Style = 'open') -> Any:
        """Return the array as a protobuf message.

        Args:
            style: 'open' for a DocListProto or, of a stacked array, a DocVecProto, which docarray 0.30 to
                0.41 reads; 'typed' for the array message of the document class's own ``proto_schema``.
        """
        return _registry.method('to_protobuf')(self, style)

    @classmethod
    def from_protobuf(cls: type[A], message: Any, tensor_type: Any = None) -> A:
        """Read an array from a protobuf message. See ``to_protobuf`` and ``from_bytes``."""
        made: A = _registry.method('from_protobuf')(cls, message, tensor_type)
        return made

    def to_arrow(self) -> Any:
        """Return the array as a ``pyarrow.Table``; columns of a stacked array share their memory with it.

        Tensors of one shape and dtype are ``arrow.fixed_shape_tensor``; documents inside documents are
        structs, arrays of documents lists of structs.
        """
        return _registry.method('to_arrow')(self)

    @classmethod
    def from_arrow(cls: type[A], table: Any, *, limits: Limits | None = None) -> A:
        """Read an array from a table of any library that speaks Arrow.

        Args:
            table: Anything with ``__arrow_c_stream__``: a pyarrow Table or RecordBatchReader, a polars or
                pandas DataFrame, a DuckDB relation...
            limits: How many documents and columns it may have, and how deep they may be.

        Raises:
            ValidationError: The table does not fit the class; the error's path starts with the row.
        """
        made: A = _registry.method('from_arrow')(cls, table, limits)
        return made

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> Any:
        return self.to_arrow().schema.__arrow_c_schema__()

    def to_dataframe(self, library: Literal['pandas', 'polars'] = 'pandas') -> Any:
        """Return the array as a data frame, a column for each field, nested ones as ``outer__inner``.

        Args:
            library: Which one's data frame.
        """
        return _registry.method('to_dataframe')(self, library)

    @classmethod
    def from_dataframe(cls: type[A], df: Any, tensor_type: Any = None) -> A:
        """Read an array from a pandas or polars data frame, with column names as in ``to_dataframe``.

        Raises:
            InvalidValueError: A column is no field of the class.
            ValidationError: A row does not fit the class; the error's path starts with the row.
        """
        made: A = _registry.method('from_dataframe')(cls, df, tensor_type)
        return made

    def to_csv(self, file: Any, dialect: Any = 'excel', encoding: str = 'utf-8') -> None:
        """Write the array as CSV with a header, nested fields as ``outer__inner``, tensors and lists as JSON.

        Args:
            file: A path, a URL that fsspec knows, or a file object open for writing text.
            dialect: A dialect of the ``csv`` module, or the name of one.
            encoding: Of the file.
        """
        _registry.method('to_csv')(self, file, dialect, encoding)

    @classmethod
    def from_csv(cls: type[A], file_path: Any, encoding: str = 'utf-8', dialect: Any = 'excel') -> A:
        """Read an array from CSV with a header, column names as in ``to_csv``.

        Empty cells, and cells that say None, are None.

        Args:
            file_path: A path, a URL, or a file object open for reading text.
            encoding: Of the file.
            dialect: A dialect of the ``csv`` module, or the name of one.

        Raises:
            InvalidValueError: A column of the file is no field of the class.
            ValidationError: A row does not fit the class; the error's path starts with the row.
        """
        made: A = _registry.method('from_csv')(cls, file_path, encoding, dialect)
        return made
