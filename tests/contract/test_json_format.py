"""The JSON format keeps the contract of formats."""

from __future__ import annotations

from docarray.formats.json import JsonFormat
from docarray.testing import FormatContract


class TestJsonFormat(FormatContract):
    format = JsonFormat(tensors='base64')


class TestJsonFormatWithLists(FormatContract):
    format = JsonFormat()
    keeps_dtype = False
