"""What a tensor is of - an embedding, an image, audio, video - and the one factory of such classes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from docarray import _registry
from docarray.errors import UnsupportedError
from docarray.media import audio, image
from docarray.typing.abstract import AbstractTensor

if TYPE_CHECKING:
    from docarray.typing.bytes import AudioBytes, ImageBytes

__all__ = [
    'AbstractAudioTensor',
    'AbstractEmbedding',
    'AbstractImageTensor',
    'AbstractVideoTensor',
    'class_name',
    'modality_classes',
]

FilePath = str | os.PathLike[str]

_EMBEDDINGS = {
    'NdArray': 'NdArrayEmbedding',
    'TorchTensor': 'TorchEmbedding',
    'TensorFlowTensor': 'TensorFlowEmbedding',
    'JaxArray': 'JaxArrayEmbedding',
    'AnyTensor': 'AnyEmbedding',
}


class AbstractEmbedding(AbstractTensor):
    """What all embedding classes share: a vector that stands for something, one axis in the brackets.

    Example:
        >>> from docarray.typing import NdArrayEmbedding
        >>> issubclass(NdArrayEmbedding[128], AbstractEmbedding)
        True
    """

    __slots__ = ()


class AbstractImageTensor(AbstractTensor):
    """What all image classes share: they become image files.

    Example:
        >>> from docarray.typing import ImageNdArray
        >>> issubclass(ImageNdArray, AbstractImageTensor)
        True
    """

    __slots__ = ()

    def to_bytes(self, format: str = 'PNG') -> ImageBytes:  # noqa: A002  # as Pillow and earlier versions
        r"""Encode the image; it is uint8, of shape (H, W) or (H, W, C).

        Args:
            format: A format that Pillow writes: 'PNG', 'JPEG' or 'jpg', 'WEBP'...

        Returns:
            The content of the file.

        Raises:
            DtypeError: The tensor is not uint8.
            ShapeError: The tensor has another shape.

        Example:
            >>> import numpy as np
            >>> from docarray.typing import ImageNdArray
            >>> ImageNdArray(np.zeros((4, 6, 3), np.uint8)).to_bytes()[:4]
            b'\x89PNG'
        """
        made: ImageBytes = _bytes_class('image')(image.encode(self._docarray_to_ndarray(), format))
        return made

    def save(self, file_path: FilePath) -> None:
        """Write the image to a file, in the format that the extension names.

        Args:
            file_path: Where to; what is there is replaced.

        Raises:
            InvalidValueError: Pillow writes no such format.
        """
        path = Path(file_path)
        path.write_bytes(image.encode(self._docarray_to_ndarray(), path.suffix.lstrip('.') or 'PNG'))

    def display(self) -> None:
        """Show the image in a notebook; elsewhere warn."""
        image.show(self._docarray_to_ndarray())


class AbstractAudioTensor(AbstractTensor):
    """What all audio classes share: they become WAV files.

    Example:
        >>> from docarray.typing import AudioNdArray
        >>> issubclass(AudioNdArray, AbstractAudioTensor)
        True
    """

    __slots__ = ()

    def to_bytes(self, frame_rate: int = 44100, sample_width: int = 2) -> AudioBytes:
        """Encode the samples as a WAV file, header included.

        Args:
            frame_rate: Frames a second.
            sample_width: Bytes per sample: 1, 2, 3 or 4.

        Returns:
            The content of the file.

        Raises:
            DtypeError: The samples are neither floats nor integers of that width.
            ShapeError: The shape is neither (n,) nor (n, channels).

        Example:
            >>> from docarray.typing import AudioNdArray
            >>> AudioNdArray([0.0, 1.0]).to_bytes(8000)[:4]
            b'RIFF'
        """
        data = audio.encode_wav(self._docarray_to_ndarray(), frame_rate, sample_width)
        made: AudioBytes = _bytes_class('audio')(data)
        return made

    def save(
        self,
        file_path: FilePath,
        format: Literal['wav'] = 'wav',  # noqa: A002  # as earlier versions
        frame_rate: int = 44100,
        sample_width: int = 2,
    ) -> None:
        """Write the samples to a WAV file.

        Args:
            file_path: Where to; what is there is replaced.
            format: 'wav'.
            frame_rate: Frames a second.
            sample_width: Bytes per sample: 1, 2, 3 or 4.

        Raises:
            UnsupportedError: Another format is asked for.
        """
        if str(format).lower() != 'wav':
            raise UnsupportedError(
                where='audio',
                got=f'format {format!r}',
                wanted="'wav'",
                hint='Write others with soundfile or PyAV from .unwrap().',
            )
        data = audio.encode_wav(self._docarray_to_ndarray(), frame_rate, sample_width)
        Path(file_path).write_bytes(data)


class AbstractVideoTensor(AbstractTensor):
    """What all video classes share: frames of shape (n, H, W, 3), or one frame.

    Example:
        >>> import numpy as np
        >>> from docarray.typing import VideoNdArray
        >>> VideoNdArray(np.zeros((10, 4, 6, 3), np.uint8)).shape
        (10, 4, 6, 3)
    """

    __slots__ = ()

    def to_bytes(self, *options: Any, **more: Any) -> Any:
        """Encode the video. Not part of this version yet: raises UnsupportedError."""
        raise _no_video()

    def save(self, *options: Any, **more: Any) -> None:
        """Write the video to a file. Not part of this version yet: raises UnsupportedError."""
        raise _no_video()


def _no_video() -> UnsupportedError:
    return UnsupportedError(
        where='video',
        got='a call to encode it',
        wanted='one of the media that this version writes',
        hint='Write it with PyAV from .unwrap().',
    )


def _bytes_class(name: str) -> Any:
    # By name: the bytes classes load into tensor classes, and modules must not import in a circle.
    return _registry.find('media_bytes', name).load()


_MIXINS: dict[str, type[AbstractTensor]] = {
    'embedding': AbstractEmbedding,
    'image': AbstractImageTensor,
    'audio': AbstractAudioTensor,
    'video': AbstractVideoTensor,
}


def class_name(base: str, modality: str) -> str:
    """Return what the class of a modality is called.

    Args:
        base: The name of the plain class.
        modality: '', 'embedding', 'image', 'audio' or 'video'.

    Example:
        >>> class_name('JaxArray', 'image'), class_name('AnyTensor', 'image')
        ('ImageJaxArray', 'ImageTensor')
    """
    if modality == 'embedding':
        return _EMBEDDINGS[base]
    return modality.capitalize() + base.removeprefix('Any') if modality else base


def modality_classes(base: Any) -> tuple[Any, Any, Any, Any]:
    """Make the embedding, image, audio and video classes of a plain tensor class.

    Args:
        base: NdArray, TorchTensor, TensorFlowTensor, JaxArray or AnyTensor.

    Returns:
        The four classes; each is a subclass of ``base``.

    Example:
        >>> from docarray.typing import NdArray
        >>> [made.__name__ for made in modality_classes(NdArray)]
        ['NdArrayEmbedding', 'ImageNdArray', 'AudioNdArray', 'VideoNdArray']
    """
    embedding, picture, sound, video = (_make(base, modality) for modality in _MIXINS)
    return embedding, picture, sound, video


def _make(base: Any, modality: str) -> Any:
    namespace = {
        '__module__': base.__module__,
        '__doc__': f'{base.__name__} that holds {"an image" if modality == "image" else modality}.',
        '__slots__': (),
        'tensor_type': replace(base.tensor_type, modality=modality),
    }
    return type(base)(class_name(base.__name__, modality), (_MIXINS[modality], base), namespace)
