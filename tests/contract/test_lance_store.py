"""The Lance store keeps the contract of stores, on disk and in S3."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from docarray.testing import StoreContract
from tests.servers import S3_ENVIRONMENT, s3_server

pytest.importorskip('lance')


class TestLanceOnDisk(StoreContract):
    @pytest.fixture
    def base(self, tmp_path: Path) -> str:
        return f'lance://{tmp_path}'


class TestLanceInS3(StoreContract):
    @pytest.fixture(scope='class')
    @classmethod
    def endpoint(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        pytest.importorskip('localbucket')
        with s3_server('localbucket', str(tmp_path_factory.mktemp('lance'))) as endpoint:
            yield endpoint

    @pytest.fixture
    def base(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
        for key, value in {**S3_ENVIRONMENT, 'AWS_ENDPOINT_URL': endpoint}.items():
            monkeypatch.setenv(key, value)
        return f'lance+s3://bucket/{uuid.uuid4().hex}'
