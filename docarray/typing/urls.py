"""URLs and paths of media as field types: ``AnyUrl``, ``ImageUrl``, ``TextUrl``...

They are strings, and validation never touches a disk or a network. What a URL points to is judged by
its extension alone: none is fine, else it has to suit the class.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema, Url

from docarray.errors import InvalidValueError, show
from docarray.media import audio, image, mesh, pointcloud, text, video
from docarray.media.fetch import DEFAULT_TIMEOUT, MAX_BYTES, fetch
from docarray.typing._extensions import AUDIO, IMAGE, POINTS, SHAPES, TEXT, VIDEO, extension_of, suits
from docarray.typing._field_type import FieldType
from docarray.typing.bytes import AudioBytes, ImageBytes, VideoBytes, VideoLoadResult
from docarray.typing.id import check_unicode
from docarray.typing.tensors import AudioNdArray, ImageNdArray, NdArray

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    'AnyUrl',
    'AudioUrl',
    'ImageUrl',
    'Mesh3DUrl',
    'PointCloud3DUrl',
    'TextUrl',
    'Url3D',
    'VideoUrl',
]

U = TypeVar('U', bound='AnyUrl')


class AnyUrl(FieldType, str):
    """A URL or path of anything. Every string is one.

    As a field type it takes str, PathLike and the URL objects of pydantic. The class itself,
    called like ``str``, checks nothing.

    Subclasses say what they want by ``mime_type`` and ``extra_extensions``.

    Example:
        >>> from pydantic import TypeAdapter
        >>> url = TypeAdapter(AnyUrl).validate_python('data:,hello')
        >>> url.load_bytes()
        b'hello'
    """

    __slots__ = ()
    _main_type: ClassVar[str] = ''
    _target: ClassVar[str] = ''  # targetMediaType of JSON Hyper-Schema, where it is not _main_type/*
    _extensions: ClassVar[frozenset[str]] = frozenset()
    _endings: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._main_type = cls.mime_type()
        cls._extensions = frozenset(name.lower().lstrip('.') for name in cls.extra_extensions())
        cls._endings = frozenset(f'.{name}' for name in cls._extensions)

    @classmethod
    def mime_type(cls) -> str:
        """Return the main MIME type of what these URLs point to, such as ``'image'``; '' for any.

        Example:
            >>> ImageUrl.mime_type()
            'image'
        """
        return cls._main_type

    @classmethod
    def extra_extensions(cls) -> list[str]:
        """Return extensions that suit this class whatever Python's table of MIME types says.

        Example:
            >>> 'md' in TextUrl.extra_extensions()
            True
        """
        return sorted(cls._extensions)

    @classmethod
    def is_extension_allowed(cls, value: str) -> bool:
        """Whether a URL may be of this class: by its extension, or the type in a data URL.

        Args:
            value: A URL or path. Its query and fragment do not count.

        Returns:
            True where there is no extension, or one that suits the class.

        Example:
            >>> [ImageUrl.is_extension_allowed(url) for url in ('a.PNG?x=1', 'a', 'a.txt')]
            [True, True, False]
        """
        if not cls._main_type:
            return True
        # The common cases, quickly: a known extension at the end of the path, or none. Not 'data:'.
        if '#' not in value and value[3:5] not in ('a:', 'A:'):
            path = value.partition('?')[0]
            if path[-4:] in cls._endings or path[-5:] in cls._endings or '.' not in path.rpartition('/')[2]:
                return True
        return suits(value, cls._main_type, cls._extensions)

    _get_url_extension = staticmethod(extension_of)

    @classmethod
    def _docarray_validate(cls: type[U], value: object) -> U:
        if type(value) is not str:
            if type(value) is cls:
                return value
            value = _text(value)
        if not value.isascii():
            check_unicode(value)
        if not cls.is_extension_allowed(value):
            raise cls._refusal(value)
        return cls(value)

    @classmethod
    def _refusal(cls, value: str) -> InvalidValueError:
        known = sorted(cls._extensions)
        names = ', '.join('.' + name for name in known[:40]) + (', ...' if len(known) > 40 else '')
        return InvalidValueError(
            got=show(value),
            wanted=f'a URL or path with no extension, with one of type {cls._main_type}/*, or one of {names}',
            hint='Declare the field as AnyUrl to allow any.',
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        target = cls._target or (f'{cls._main_type}/*' if cls._main_type else '')
        return {'type': 'string', 'format': 'uri', **({'targetMediaType': target} if target else {})}

    def load_bytes(self, timeout: float | None = None, *, max_bytes: int = MAX_BYTES) -> bytes:
        """Return what the URL holds.

        Args:
            timeout: Seconds for the whole transfer. None means 30; ``math.inf`` waits for ever.
            max_bytes: Stop with an error as soon as there is more than this.

        Returns:
            The bytes; of the bytes class of the medium where there is one.

        Raises:
            FetchError: The URL cannot be read.
            FetchTimeoutError: ``timeout`` is over.
            LimitError: There is more than ``max_bytes``.

        Example:
            >>> AnyUrl('data:;base64,aGk=').load_bytes()
            b'hi'
        """
        return self._fetch(timeout, max_bytes)

    def _fetch(self, timeout: float | None, max_bytes: int) -> bytes:
        return fetch(self, timeout=DEFAULT_TIMEOUT if timeout is None else timeout, max_bytes=max_bytes)


class ImageUrl(AnyUrl):
    """A URL or path of an image.

    Example:
        >>> ImageUrl.is_extension_allowed('https://example.org/cat.webp')
        True
    """

    __slots__ = ()
    _main_type = 'image'
    _extensions = IMAGE

    def load(
        self,
        width: int | None = None,
        height: int | None = None,
        axis_layout: image.Layout = image.HWC,
        timeout: float | None = None,
        *,
        max_bytes: int = MAX_BYTES,
        max_pixels: int = image.MAX_PIXELS,
        orient: bool = False,
    ) -> ImageNdArray:
        """Load and decode the image to RGB.

        Args:
            width: Resize to so many pixels.
            height: Likewise.
            axis_layout: The order of the axes.
            timeout: Seconds for the whole transfer; None means 30.
            max_bytes: The most that the file may have.
            max_pixels: The most that the image may have.
            orient: Turn the picture upright as its EXIF orientation says.

        Returns:
            uint8, of shape (H, W, 3) or as ``axis_layout`` says.

        Raises:
            FetchError: The URL cannot be read.
            DecodeError: It holds no image.
            LimitError: It is larger than allowed.
        """
        data = self._fetch(timeout, max_bytes)
        pixels = image.decode(
            data,
            width=width,
            height=height,
            axis_layout=axis_layout,
            max_pixels=max_pixels,
            orient=orient,
        )
        return pixels.view(ImageNdArray)

    def load_pil(
        self,
        timeout: float | None = None,
        *,
        max_bytes: int = MAX_BYTES,
        max_pixels: int = image.MAX_PIXELS,
    ) -> Image:
        """Load the image and open it with Pillow; see ``docarray.media.image.open_pil``."""
        return image.open_pil(self._fetch(timeout, max_bytes), max_pixels)

    def load_bytes(self, timeout: float | None = None, *, max_bytes: int = MAX_BYTES) -> ImageBytes:
        return ImageBytes(self._fetch(timeout, max_bytes))

    def display(self, timeout: float | None = None) -> None:
        """Show the image in a notebook; elsewhere warn, after loading it."""
        image.show(self._fetch(timeout, MAX_BYTES))


class AudioUrl(AnyUrl):
    """A URL or path of audio.

    Example:
        >>> AudioUrl.is_extension_allowed('./talk.flac')
        True
    """

    __slots__ = ()
    _main_type = 'audio'
    _extensions = AUDIO

    def load(self, timeout: float | None = None, *, max_bytes: int = MAX_BYTES) -> tuple[AudioNdArray, int]:
        """Load and decode the audio, which has to be WAV in this version.

        Args:
            timeout: Seconds for the whole transfer; None means 30.
            max_bytes: The most that the file may have.

        Returns:
            float32 samples in [-1, 1] of shape (n,) or (n, channels), and the frame rate in Hz.

        Raises:
            FetchError: The URL cannot be read.
            DecodeError: The file is corrupt.
            UnsupportedError: It is not WAV.
        """
        samples, rate = audio.decode(self._fetch(timeout, max_bytes))
        return samples.view(AudioNdArray), rate

    def load_bytes(self, timeout: float | None = None, *, max_bytes: int = MAX_BYTES) -> AudioBytes:
        return AudioBytes(self._fetch(timeout, max_bytes))


class VideoUrl(AnyUrl):
    """A URL or path of a video.

    Example:
        >>> VideoUrl.is_extension_allowed('clip.mkv')
        True
    """

    __slots__ = ()
    _main_type = 'video'
    _extensions = VIDEO

    def load(self, timeout: float | None = None, *, max_bytes: int = MAX_BYTES) -> VideoLoadResult:
        """Load and decode the video. Not part of this version yet: raises UnsupportedError."""
        raise video.unsupported()

    def load_bytes(self, timeout: float | None = None, *, max_bytes: int = MAX_BYTES) -> VideoBytes:
        return VideoBytes(self._fetch(timeout, max_bytes))


class TextUrl(AnyUrl):
    """A URL or path of text.

    Example:
        >>> TextUrl('data:text/plain,hello%20there').load()
        'hello there'
    """

    __slots__ = ()
    _main_type = 'text'
    _extensions = TEXT

    def load(
        self, charset: str = 'utf-8', timeout: float | None = None, *, max_bytes: int = MAX_BYTES
    ) -> str:
        """Load and decode the text.

        Args:
            charset: What it is written in.
            timeout: Seconds for the whole transfer; None means 30.
            max_bytes: The most that the file may have.

        Returns:
            The text.

        Raises:
            FetchError: The URL cannot be read.
            DecodeError: It is not text in this charset.
        """
        return text.decode(self._fetch(timeout, max_bytes), charset)


class Url3D(AnyUrl):
    """A URL or path of a shape in three dimensions; the base of the two classes for them.

    Example:
        >>> Url3D.is_extension_allowed('chair.glb')
        True
    """

    __slots__ = ()
    _main_type = 'model'
    _extensions = SHAPES


class Mesh3DUrl(Url3D):
    """A URL or path of a mesh.

    Example:
        >>> Mesh3DUrl.is_extension_allowed('chair.obj')
        True
    """

    __slots__ = ()
    _target = 'model/mesh'

    def load(
        self, skip_materials: bool = True, trimesh_args: Mapping[str, Any] | None = None
    ) -> tuple[NdArray, NdArray]:
        """Load vertices and faces. Not part of this version yet: raises UnsupportedError."""
        raise mesh.unsupported()


class PointCloud3DUrl(Url3D):
    """A URL or path of a point cloud, or of a mesh to take points from.

    Example:
        >>> PointCloud3DUrl.is_extension_allowed('scan.pcd')
        True
    """

    __slots__ = ()
    _extensions, _target = SHAPES | POINTS, 'model/x.point-cloud'

    def load(
        self,
        samples: int,
        multiple_geometries: bool = False,
        skip_materials: bool = True,
        trimesh_args: Mapping[str, Any] | None = None,
    ) -> NdArray:
        """Load or sample points. Not part of this version yet: raises UnsupportedError."""
        raise pointcloud.unsupported()


def _text(value: object) -> str:
    """Return the text of what may be given for a URL."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    from pydantic import networks  # only here: it takes long to import

    # pydantic_core.Url: what pydantic's own URLs were before 2.10, and still stand on.
    if isinstance(value, networks.AnyUrl | Url):
        return str(value)
    raise InvalidValueError(
        got=f'{type(value).__name__} {show(value, 40)}',
        wanted='a URL or path: a str, PathLike or pydantic URL',
    )
