"""What the extension of a URL or path says."""

from __future__ import annotations

import mimetypes
from functools import cache

from docarray.media.fetch import scheme_of


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Python's own table lacks many types, and the system's differs from one machine to the next.
IMAGE = _words(
    """
    apng avif bmp cur dds dib exr gif hdr heic heif ico j2k jfif jp2 jpe jpeg jpg jpx jxl
    pbm pcx pgm png pnm ppm psd qoi sgi svg tga tif tiff webp
    """
)
AUDIO = _words('aac ac3 aif aifc aiff amr au caf flac m4a mid midi mka mp2 mp3 oga ogg opus snd wav weba wma')
VIDEO = _words('3g2 3gp asf avi flv m2ts m4v mkv mov mp4 mpe mpeg mpg mts ogg ogv ts vob webm wmv')
TEXT = _words(
    """
    cfg conf css csv htm html ini js json jsonl log markdown md ndjson py rst srt tex text
    toml tsv txt vtt xml yaml yml
    """
)
SHAPES = _words(
    """
    3dxml 3mf 3ds abaqus avs bdf blend brep cgns ctm dae dxf exo fbx fem glb gltf h5m iges igs
    inp med mesh meshb msh nas node obj off ply post ply2 step stl stlb stp su2 tet tetra ugrid
    usd usda usdc usdz vrml vtk vtp vtu wrl x3d x3dv xaml xdmf xmf zae
    """
)
POINTS = _words('asc csv e57 las laz npy npz pcd pts ptx txt xyz xyzn xyzrgb')


@cache
def mime_table() -> mimetypes.MimeTypes:
    """Return Python's own table of MIME types, without what this machine's files add."""
    return mimetypes.MimeTypes()


def extension_of(url: str) -> str:
    """Return the extension of a URL or path, in lower case without its dot; '' where there is none.

    Query, fragment and host do not count, and what follows the dot has to be letters and digits.

    Example:
        >>> (
        ...     extension_of('https://example.org/a.b/C.PNG?size=1.5#x'),
        ...     extension_of('https://example.org'),
        ... )
        ('png', '')
    """
    path = url.partition(':')[2] if scheme_of(url) else url
    path = path.partition('#')[0].partition('?')[0]
    if path.startswith('//'):
        path = path[2:].partition('/')[2]
    stem, _, extension = path.replace('\\', '/').rpartition('/')[2].rpartition('.')
    return extension.lower() if stem and extension.isalnum() else ''


def suits(url: str, main_type: str, extensions: frozenset[str]) -> bool:
    """Whether a URL may hold media of a main MIME type, or of one of the extensions.

    Example:
        >>> (
        ...     suits('data:text/plain,hi', 'text', frozenset()),
        ...     suits('a.txt', 'image', frozenset({'png'})),
        ... )
        (True, False)
    """
    if url[:5].lower() == 'data:':
        media_type = url[5:].partition(',')[0].partition(';')[0].strip().lower()
        if media_type in ('', 'application/octet-stream') or media_type.startswith(main_type + '/'):
            return True
        return any(name[1:] in extensions for name in mime_table().guess_all_extensions(media_type))
    extension = extension_of(url)
    if not extension or extension in extensions:
        return True
    guess = mime_table().guess_type(f'x.{extension}')[0]
    return guess is not None and guess.startswith(main_type + '/')
