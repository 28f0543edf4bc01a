"""Arrow: tables of any library that speaks it, its IPC streams and files, Feather and Parquet."""

from __future__ import annotations

from docarray.formats.arrow.ipc import ArrowFileFormat, ArrowFormat, FeatherFormat
from docarray.formats.arrow.parquet import ParquetFormat
from docarray.formats.arrow.plain import plain_table
from docarray.formats.arrow.read import from_arrow
from docarray.formats.arrow.types import arrow_schema
from docarray.formats.arrow.write import to_arrow

__all__ = [
    'ArrowFileFormat',
    'ArrowFormat',
    'FeatherFormat',
    'ParquetFormat',
    'arrow_schema',
    'from_arrow',
    'plain_table',
    'to_arrow',
]
