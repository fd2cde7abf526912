"""OME-XML (schemas up to 2016-06): the images and plates that it describes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element

from ..errors import Unreadable
from ..model import FoundChannel, Position
from ..units import length_um, time_s
from .tiff_metadata import parsed_time
from .xml import parse

__all__ = ["Ome", "OmeImage", "TiffData", "read_ome"]

_MAX_PAIRS = 500
# What old writers put where no colour was chosen.
_NO_COLOUR = -(1 << 31)


@dataclass(frozen=True)
class TiffData:
    """A run of planes that begins at `c`, `z`, `t` and at page `ifd` of a file.

    `count` is None for all planes there are; `file` and `uuid` are empty for the file itself.
    """

    c: int
    z: int
    t: int
    ifd: int
    count: int | None
    file: str
    uuid: str


@dataclass(frozen=True)
class OmeImage:
    """An image; `c` counts channels of `samples` samples each."""

    id: str
    name: str
    description: str
    acquired_at: datetime | None
    order: str
    dtype: str
    t: int
    c: int
    z: int
    y: int
    x: int
    samples: int
    x_um: float | None
    y_um: float | None
    z_um: float | None
    step_s: float | None
    channels: tuple[FoundChannel, ...]
    data: tuple[TiffData, ...]
    binary: bool
    position: Position | None

    def planes(self) -> Iterator[tuple[int, int, int]]:
        """(t, c, z) of every plane in the order of storage."""
        sizes = {"T": self.t, "C": self.c, "Z": self.z}
        fast, middle, slow = tuple(self.order[2:])
        for k in range(sizes[slow]):
            for j in range(sizes[middle]):
                for i in range(sizes[fast]):
                    at = {fast: i, middle: j, slow: k}
                    yield at["T"], at["C"], at["Z"]


@dataclass(frozen=True)
class Ome:
    """A document.  `metadata_file` is set if all it says is where the metadata are."""

    uuid: str
    metadata_file: str
    images: tuple[OmeImage, ...]
    annotations: tuple[tuple[str, str], ...]


def read_ome(text: bytes, name: str) -> Ome:
    """What the document `text` of file `name` says.

    Raises
    ------
    Unreadable
        It is no OME-XML, or sizes are missing or make no sense.
    """
    root = parse(text, name)
    if root.tag != "OME":
        raise Unreadable(f"The XML of {name} is no OME-XML: its root is {root.tag[:40]!r}.")
    binary_only = root.find("BinaryOnly")
    positions = _positions(root)
    try:
        images = tuple(_image(e, positions) for e in root.findall("Image") if _pixels(e, name))
    except (ValueError, KeyError) as error:
        raise Unreadable(f"The OME-XML of {name} has no usable {error}.") from error
    return Ome(
        uuid=root.get("UUID", ""),
        metadata_file="" if binary_only is None else binary_only.get("MetadataFile", ""),
        images=images,
        annotations=_annotations(root),
    )


def _pixels(image: Element, name: str) -> bool:
    return image.find("Pixels") is not None


def _image(element: Element, positions: dict[str, Position]) -> OmeImage:
    pixels = element.find("Pixels")
    assert pixels is not None
    channels = pixels.findall("Channel")
    samples = {int(channel.get("SamplesPerPixel", "1")) for channel in channels} or {1}
    if len(samples) > 1:
        raise ValueError("SamplesPerPixel, which differs between channels")
    per_pixel = samples.pop()
    size_t, size_c, size_z, size_y, size_x = (_size(pixels, axis) for axis in "TCZYX")
    if per_pixel < 1 or size_c % per_pixel:
        raise ValueError("SamplesPerPixel, which does not divide SizeC")
    order = pixels.get("DimensionOrder", "XYZCT")
    if order[:2] != "XY" or sorted(order[2:]) != ["C", "T", "Z"]:
        raise ValueError("DimensionOrder")
    groups = size_c // per_pixel
    described = tuple(_channel(channel) for channel in channels)
    date = element.findtext("AcquisitionDate") or element.get("AcquiredDate") or ""
    return OmeImage(
        id=element.get("ID", ""),
        name=element.get("Name", "") or "",
        description=(element.findtext("Description") or "").strip()[:10_000],
        acquired_at=parsed_time(date),
        order=order,
        dtype=pixels.get("Type", ""),
        t=size_t,
        c=groups,
        z=size_z,
        y=size_y,
        x=size_x,
        samples=per_pixel,
        x_um=_physical(pixels, "PhysicalSizeX"),
        y_um=_physical(pixels, "PhysicalSizeY"),
        z_um=_physical(pixels, "PhysicalSizeZ"),
        step_s=_step(pixels),
        channels=described if len(described) == groups else (FoundChannel(),) * groups,
        data=tuple(_tiff_data(data) for data in pixels.findall("TiffData")),
        binary=pixels.find("BinData") is not None,
        position=positions.get(element.get("ID", "")),
    )


def _size(pixels: Element, axis: str) -> int:
    size = int(pixels.get(f"Size{axis}", "0"))
    if not 0 < size < 1 << 31:
        raise ValueError(f"Size{axis}")
    return size


def _channel(element: Element) -> FoundChannel:
    colour = int(element.get("Color", _NO_COLOUR))
    return FoundChannel(
        name=element.get("Name") or element.get("Fluor") or "",
        color=None if colour == _NO_COLOUR else f"{(colour & 0xFFFFFFFF) >> 8:06X}",
        emission_nm=_wavelength(element, "EmissionWavelength"),
        excitation_nm=_wavelength(element, "ExcitationWavelength"),
    )


def _number(element: Element, attribute: str) -> float | None:
    try:
        return float(element.get(attribute, ""))
    except ValueError:
        return None


def _wavelength(element: Element, attribute: str) -> float | None:
    value = _number(element, attribute)
    length = length_um(value, element.get(f"{attribute}Unit", "nm")) if value else None
    return None if length is None else round(length * 1000, 6)


def _physical(element: Element, attribute: str) -> float | None:
    value = _number(element, attribute)
    return length_um(value, element.get(f"{attribute}Unit", "µm")) if value else None


def _step(pixels: Element) -> float | None:
    value = _number(pixels, "TimeIncrement")
    return time_s(value, pixels.get("TimeIncrementUnit", "s")) if value else None


def _tiff_data(element: Element) -> TiffData:
    uuid = element.find("UUID")
    count = element.get("PlaneCount")
    ifd = element.get("IFD")
    planes = 1 if ifd is not None and count is None else None
    return TiffData(
        c=int(element.get("FirstC", "0")),
        z=int(element.get("FirstZ", "0")),
        t=int(element.get("FirstT", "0")),
        ifd=int(ifd or 0),
        count=planes if count is None else int(count),
        file="" if uuid is None else uuid.get("FileName", ""),
        uuid="" if uuid is None else (uuid.text or "").strip(),
    )


def _positions(root: Element) -> dict[str, Position]:
    """The place on a plate of each image that has one, by image id."""
    found = {}
    for plate in root.iter("Plate"):
        name = plate.get("Name") or plate.get("ID", "")
        for well in plate.findall("Well"):
            for site, sample in enumerate(well.findall("WellSample"), start=1):
                reference = sample.find("ImageRef")
                row, column = _number(well, "Row"), _number(well, "Column")
                if reference is None or row is None or column is None or min(row, column) < 0:
                    continue
                found[reference.get("ID", "")] = Position(
                    plate=name, row=int(row), column=int(column), site=site
                )
    return found


def _annotations(root: Element) -> tuple[tuple[str, str], ...]:
    """Keys and values of the map annotations, and the original metadata of Bio-Formats."""
    pairs: list[tuple[str, str]] = []
    for element in root.iter("M"):
        pairs.append((element.get("K", ""), element.text or ""))
    for element in root.iter("OriginalMetadata"):
        pairs.append((element.findtext("Key") or "", element.findtext("Value") or ""))
    return tuple((key[:1000], value[:1000]) for key, value in pairs[:_MAX_PAIRS] if key)
