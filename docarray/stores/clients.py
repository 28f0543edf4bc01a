"""Clients of object services, made by obstore: S3 and what speaks its protocol, Google, Azure, and memory.

Each takes its settings from the environment, as the service's own tools do, and from options. S3 profiles
are read by boto3. All requests that fail for a moment (5xx, connections that break) are made again, ten
times at most, with growing pauses between them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, TypeVar

from docarray import _lazy
from docarray.errors import (
    DocArrayError,
    InvalidValueError,
    MissingFileError,
    StoreError,
    show,
)
from docarray.stores.forks import refuse_forks

__all__ = ['Client', 'client_for', 'reading', 's3_settings', 'service_errors']

T = TypeVar('T')

#: Environment variables with settings of services; a client is made anew when one has changed.
_ENVIRONMENT = ('AWS_', 'AZURE_', 'GOOGLE_', 'HOME')
#: Options of HTTP; all others are of the service.
_CLIENT_OPTIONS = {
    'allow_http',
    'allow_invalid_certificates',
    'connect_timeout',
    'default_headers',
    'pool_idle_timeout',
    'pool_max_idle_per_host',
    'proxy_ca_certificate',
    'proxy_excludes',
    'proxy_url',
    'read_timeout',
    'root_certificate',
    'timeout',
    'user_agent',
}
#: Seconds between requests whose answers broke off.
_PAUSES = (0.1, 0.4, 1.6)
_FLAGS = ('allow_http', 'allow_invalid_certificates')
#: Options of S3 that name an endpoint, and the environment variables that do.
_ENDPOINTS = ('endpoint', 'endpoint_url', 'aws_endpoint', 'aws_endpoint_url')
_ENDPOINT_VARIABLES = ('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT')
#: What says, in options or the environment, who asks: with one of these no profile is needed.
_WHO = (
    'access_key_id',
    'web_identity_token_file',
    'container_credentials_relative_uri',
    'container_credentials_full_uri',
    'skip_signature',
)


@dataclass
class Client:
    """A client of one bucket.

    Attributes:
        objects: The client of obstore.
        endpoint: Where its service is; '' where the client knows that.
        guarded: Whether the service has been seen to refuse to create what is there.
    """

    objects: Any
    endpoint: str
    guarded: bool = False


def client_for(scheme: str, bucket: str, options: Mapping[str, Any], url: str) -> Client:
    """Return the client of a bucket, the same one for the same settings.

    Args:
        scheme: 's3', 'gs', 'az' or 'memory'.
        bucket: Its name, of a container for 'az'; '' for 'memory'.
        options: Settings by the names of obstore, beside ``profile``, ``client_max_retries`` and
            ``client_retry_timeout`` (seconds).
        url: For errors.

    Raises:
        InvalidValueError: An option is unknown.
        StoreError: A setting is missing or wrong.
        UnsupportedError: This process was forked from one that has used it.
    """
    refuse_forks('obstore', url)
    if scheme == 'memory':
        return _memory()
    environment = sorted(one for one in os.environ.items() if one[0].startswith(_ENVIRONMENT))
    key = repr((scheme, bucket, sorted(options.items()), environment))
    made = _clients.get(key) or _new_client(scheme, bucket, options)
    if len(_clients) >= _MOST_CLIENTS:
        _clients.clear()
    return _clients.setdefault(key, made)


#: Clients by all that they were made of, so that their connections are used again.
_clients: dict[str, Client] = {}
_MOST_CLIENTS = 64


@cache
def _memory() -> Client:
    return Client(_lazy.load('obstore.store').MemoryStore(), '')


def _new_client(scheme: str, bucket: str, options: Mapping[str, Any]) -> Client:
    store, place = _lazy.load('obstore.store'), f'{scheme}://{bucket}'
    settings = dict(options)
    more: dict[str, Any] = {}
    retries = {
        'max_retries': int(settings.pop('client_max_retries', 10)),
        'retry_timeout': timedelta(seconds=float(settings.pop('client_retry_timeout', 180))),
    }
    profile = settings.pop('profile', None)
    http = {name: settings.pop(name) for name in _CLIENT_OPTIONS & settings.keys()}
    http |= {name: _flag(http[name]) for name in _FLAGS if name in http}
    endpoint = ''
    if scheme == 's3':
        endpoint, more = _who_and_where(settings, profile, place)
    if endpoint.startswith('http://'):  # whoever writes that means it
        http.setdefault('allow_http', True)
    with service_errors(place):
        made = store.from_url(place, config=settings, client_options=http, retry_config=retries, **more)
    return Client(made, endpoint)


def s3_settings(options: Mapping[str, Any], url: str) -> dict[str, str]:
    """Return the settings of S3, from options and the environment, by the names that Lance has for them."""
    settings = dict(options)
    endpoint, more = _who_and_where(settings, settings.pop('profile', None), url)
    settings.pop('disable_bulk_delete', None)
    found = {
        key if key.startswith(('aws_', 'client_')) or key in _CLIENT_OPTIONS else f'aws_{key}': str(value)
        for key, value in settings.items()
    }
    if endpoint.startswith('http://'):
        found.setdefault('allow_http', 'true')
    if more:
        keys = more['credential_provider']()
        found |= {f'aws_{key}': str(keys[key]) for key in ('access_key_id', 'secret_access_key')}
        found |= {'aws_session_token': keys['token']} if keys['token'] else {}
    return found


def _flag(value: Any) -> bool:
    return str(value).lower() in ('true', '1', 'yes', 'on')


def _who_and_where(settings: dict[str, Any], profile: str | None, url: str) -> tuple[str, dict[str, Any]]:
    """Return the endpoint of S3, and who asks there, if a profile says so."""
    named = [settings.pop(key) for key in _ENDPOINTS if key in settings]
    named += [os.environ[key] for key in _ENDPOINT_VARIABLES if os.environ.get(key)]
    more: dict[str, Any] = {}
    known = {key.removeprefix('aws_') for key in settings} | {
        key[4:].lower() for key in os.environ if key.startswith('AWS_')
    }
    if profile or (known.isdisjoint(_WHO) and _has_profiles()):
        session = _session(profile, url)
        credentials = session.get_credentials()
        if credentials is not None:
            more['credential_provider'] = lambda: _frozen(credentials)
        elif profile:
            got = f'the profile {show(profile)} without keys'
            raise StoreError(where=url, got=got, wanted='one with keys')
        if not known & {'region', 'default_region'} and session.region_name:
            settings['region'] = session.region_name
        found = session.client('s3', region_name=session.region_name or 'us-east-1').meta.endpoint_url
        if not re.search(r'\.amazonaws\.com(\.cn)?$', found):
            named.append(found)
    if named:
        settings['endpoint'] = named[0]
        settings['disable_bulk_delete'] = True  # which few services other than Amazon's have
    return (named or [''])[0], more


def _has_profiles() -> bool:
    files = {'AWS_SHARED_CREDENTIALS_FILE': 'credentials', 'AWS_CONFIG_FILE': 'config'}
    return 'AWS_PROFILE' in os.environ or any(
        os.path.isfile(os.environ.get(key) or os.path.expanduser(f'~/.aws/{name}'))
        for key, name in files.items()
    )


def _session(profile: str | None, url: str) -> Any:
    boto3 = _lazy.load('boto3')
    try:
        return boto3.Session(profile_name=profile)
    except Exception as error:  # of botocore, which has no tree of them that would tell more
        got = f'{type(error).__name__}: {error}'
        raise StoreError(where=url, got=got, wanted='a profile that there is') from error


def _frozen(credentials: Any) -> dict[str, Any]:
    """Return keys as obstore wants them; boto3 renews them when they are about to end."""
    now = credentials.get_frozen_credentials()
    return {
        'access_key_id': now.access_key,
        'secret_access_key': now.secret_key,
        'token': now.token,
        'expires_at': datetime.now(timezone.utc) + timedelta(minutes=10),
    }


def reading(url: str, request: Callable[[], T]) -> T:
    """Return what a request returns that changes nothing.

    obstore makes requests again that fail, but not all whose answer breaks off.
    """
    for pause in _PAUSES:
        try:
            with service_errors(url):
                return request()
        except StoreError as error:
            if 'body' not in error.got:
                raise
            time.sleep(pause)
    with service_errors(url):
        return request()


@contextmanager
def service_errors(url: str) -> Iterator[None]:
    """Raise what a service or its client says as an error of ours."""
    exceptions = _lazy.load('obstore.exceptions')
    try:
        yield
    except DocArrayError:
        raise
    except FileNotFoundError as error:
        raise MissingFileError(where=url, got=_brief(error), wanted='what is there') from error
    except exceptions.UnknownConfigurationKeyError as error:
        raise InvalidValueError(where=url, got=_brief(error), wanted='options of its service') from error
    except exceptions.BaseError as error:
        raise StoreError(where=url, got=_brief(error), wanted='a service that does as it is asked') from error


def _brief(error: BaseException) -> str:
    """Return what an error of obstore says, without its dump and without URLs, which may hold signatures."""
    text = str(error).partition('\n\nDebug source')[0]
    answer = re.search(r'non-2xx status code: (\d+ [\w ]+)', text)
    reason = re.search(r'<Code>([^<]{1,60})</Code>(?:\s*<Message>([^<]{1,200})</Message>)?', text)
    if answer:
        said = ': '.join(part for part in reason.groups() if part) if reason else ''
        return f'{answer[1].strip()} ({said})' if said else answer[1].strip()
    return re.sub(r'https?://\S+', 'the service', text.partition('\n')[0])[:300]
