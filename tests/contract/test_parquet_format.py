"""The Parquet format keeps the contract of formats."""

from __future__ import annotations

import pytest

from docarray.formats import get_format
from docarray.testing import FormatContract

pytest.importorskip('pyarrow')


class TestParquetFormat(FormatContract):
    format = get_format('parquet')
    reads_early = False  # what is where stands at the end of the file
