"""The formats that are read, and those that are recognised in order to say that they are not."""

from __future__ import annotations

from pathlib import Path

from ..errors import Unreadable
from .ome_tiff import OmeTiffReader
from .ome_zarr import OmeZarrReader
from .picture import PictureReader
from .reader import Reader
from .tiff import TiffReader

__all__ = ["READERS", "NotAnImage", "reader_for", "reader_named"]

# The particular ones first: an OME-TIFF is a TIFF too.
READERS: tuple[Reader, ...] = (
    OmeZarrReader(),
    OmeTiffReader(),
    TiffReader(),
    PictureReader("PNG", b"\x89PNG\r\n\x1a\n"),
    PictureReader("JPEG", b"\xff\xd8\xff"),
    PictureReader("BMP", b"BM"),
)
_HEAD = 4096
_NOT_YET: tuple[tuple[int, bytes, str], ...] = (
    (0, b"ZISRAWFILE", "CZI"),
    (0, b"\xda\xce\xbe\x0a", "ND2"),
    (0, b"\x6a\x50\x20\x20", "JPEG 2000 (or old ND2)"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000 (or old ND2)"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\x70\x00\x00\x00", "LIF"),
    (128, b"DICM", "DICOM"),
    (208, b"MAP ", "MRC"),
    (96, b"\xa0\xc0", "DeltaVision"),
    (96, b"\xc0\xa0", "DeltaVision"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OIB"),
    (0, b"OlympusSIS", "VSI"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"8BPS", "Photoshop"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"CDF\x01", "NetCDF (MINC)"),
    (0, b"NRRD000", "NRRD"),
)
_IMAGE_SUFFIXES = frozenset(
    (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".stk", ".lsm", ".svs", ".png", ".jpg", ".jpeg",
     ".bmp", ".czi", ".lif", ".nd2", ".oib", ".dv", ".dcm", ".mrc", ".zarr", ".ims", ".vsi")
)  # fmt: skip


class NotAnImage(Unreadable):
    """The file is something else than an image, which a folder may well contain."""


def reader_for(path: Path) -> Reader:
    """The reader for what `path` contains; its name does not matter.

    Raises
    ------
    NotAnImage
        It is no image, nor does its name claim so.
    Unreadable
        It is a damaged image, or of a format that is not read yet.
    """
    head = b""
    if not path.is_dir():
        if path.exists() and not path.is_file():
            # Opening a pipe would wait for a writer, forever.
            raise NotAnImage(f"{path.name} is no file but a pipe, socket or device.")
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if not head:
            kind = Unreadable if path.suffix.lower() in _IMAGE_SUFFIXES else NotAnImage
            raise kind(f"{path.name} is empty.")
    # Before the readers: a DICOM file may begin like a TIFF.
    for offset, magic, name in _NOT_YET:
        if head[offset : offset + len(magic)] == magic:
            raise Unreadable(f"{name} files are not read yet: export as OME-TIFF.")
    for reader in READERS:
        if reader.matches(path, head):
            return reader
    if path.suffix.lower() in _IMAGE_SUFFIXES:
        raise Unreadable(f"{path.name} is no image by its content: it is damaged or misnamed.")
    raise NotAnImage(f"{path.name} is not an image.")


def reader_named(name: str) -> Reader:
    """The reader called `name`."""
    for reader in READERS:
        if reader.name == name:
            return reader
    raise Unreadable(f"There is no reader for {name!r}; a newer omero-jlab may have one.")
