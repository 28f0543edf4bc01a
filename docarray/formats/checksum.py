"""CRC-32, as in gzip: of zlib-ng, which is several times as fast, or of zlib where that is missing."""

from __future__ import annotations

try:
    from zlib_ng.zlib_ng import crc32
except ImportError:
    from zlib import crc32

__all__ = ['crc32']
