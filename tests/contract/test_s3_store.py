"""The S3 store keeps the contract of stores, on two servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from docarray.testing import StoreContract
from tests.servers import S3_ENVIRONMENT, s3_server

pytest.importorskip('pyarrow')
pytest.importorskip('obstore')


class OnAServer(StoreContract):
    kind: str

    @pytest.fixture(scope='class')
    @classmethod
    def endpoint(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        pytest.importorskip(cls.kind)
        with s3_server(cls.kind, str(tmp_path_factory.mktemp(cls.kind))) as endpoint:
            yield endpoint

    @pytest.fixture
    def base(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
        for key, value in {**S3_ENVIRONMENT, 'AWS_ENDPOINT_URL': endpoint}.items():
            monkeypatch.setenv(key, value)
        return f's3://bucket/{uuid.uuid4().hex}'


class TestOnLocalBucket(OnAServer):
    kind = 'localbucket'


class TestOnMoto(OnAServer):
    kind = 'moto'
