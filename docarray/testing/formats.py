"""The contract of wire formats: documents of every kind come back as they were, hostile bytes are refused."""

from __future__ import annotations

from docarray.testing._formats.faults import FaultTests
from docarray.testing._formats.streams import StreamTests
from docarray.testing._formats.values import ValueTests

__all__ = ['FormatContract']


class FormatContract(ValueTests, StreamTests, FaultTests):
    """What every wire format must do; subclass it in a test module and pytest runs it.

    Attributes:
        format: The format under test.
        keeps_dtype: Whether tensors keep dtype and framework where their class leaves them open. If not,
            their numbers must still come back, as integers, floats or bools.
        reads_early: Whether ``load_stream`` yields documents before it has seen the end of the stream.
        damages: How many damaged messages to try.

    Example:
        >>> from docarray.formats.json import JsonFormat
        >>> class TestJsonFormat(FormatContract):
        ...     format = JsonFormat(tensors='base64')
        >>> TestJsonFormat().test_streams_without_documents()
    """
