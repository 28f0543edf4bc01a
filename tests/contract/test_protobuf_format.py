"""The protobuf format keeps the contract of formats."""

from __future__ import annotations

import pytest

from docarray.formats import get_format
from docarray.testing import FormatContract

pytest.importorskip('google.protobuf')


class TestProtobufFormat(FormatContract):
    format = get_format('protobuf')
