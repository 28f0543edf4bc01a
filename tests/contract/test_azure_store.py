"""The Azure store keeps the contract of stores, on Azurite (``npm install azurite``) where that is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from docarray.testing import StoreContract
from tests.servers import free_port

pytest.importorskip('pyarrow')
pytest.importorskip('obstore')

AZURITE = shutil.which('azurite-blob')
#: Azurite's own, the same everywhere.
ACCOUNT = 'devstoreaccount1'
KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='


def create_container(port: int) -> None:
    date = formatdate(usegmt=True)
    headers = {'x-ms-date': date, 'x-ms-version': '2023-11-03'}
    lines = ''.join(f'{key}:{value}\n' for key, value in headers.items())
    signed = 'PUT' + '\n' * 12 + lines + f'/{ACCOUNT}/{ACCOUNT}/container\nrestype:container'
    digest = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    headers['Authorization'] = f'SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}'
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    path = f'/{ACCOUNT}/container?restype=container'
    connection.request('PUT', path, headers={**headers, 'Content-Length': '0'})
    assert connection.getresponse().status == 201


@pytest.mark.skipif(AZURITE is None, reason='Azurite is not installed')
class TestAzureStore(StoreContract):
    @pytest.fixture(scope='class')
    @classmethod
    def service(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        port = free_port()
        folder = str(tmp_path_factory.mktemp('azurite'))
        options = ['--location', folder, '--blobPort', str(port), '--silent', '--skipApiVersionCheck']
        server = subprocess.Popen([str(AZURITE), *options])
        try:
            for attempt in range(100):
                try:
                    create_container(port)
                    break
                except ConnectionError:
                    assert attempt < 99, 'Azurite does not answer'
                    time.sleep(0.1)
            yield f'http://127.0.0.1:{port}'
        finally:
            server.terminate()
            server.wait(10)

    @pytest.fixture
    def base(self, service: str, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv('AZURE_STORAGE_USE_EMULATOR', 'true')
        monkeypatch.setenv('AZURITE_BLOB_STORAGE_URL', service)
        return f'az://container/{uuid.uuid4().hex}'
