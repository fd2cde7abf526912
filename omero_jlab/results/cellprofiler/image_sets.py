"""The image table as image sets: which files were read, and where on the plate."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import pandas as pd

from ..records import ImageSet, SetFile
from .properties import Properties

__all__ = ["DESCRIBING", "as_told", "channels", "image_sets"]

_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_DIGITS = re.compile(r"([0-9]{1,9})\s*$")
_SCHEME = re.compile(r"file|https?|s3|gs|ftp|omero", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST = 4096
# Only files that were read have these; saved images have a FileName and a PathName.
_OF_INPUTS = ("MD5Digest_", "Scaling_", "Frame_", "Height_", "Width_")
DESCRIBING = ("FileName_", "PathName_", "URL_", "MD5Digest_", "Frame_", "Series_", "Metadata_")
"""Columns that say which images were measured; tables of objects may have them, too."""

_PLATE = ("Metadata_Plate", "Metadata_PlateName", "Metadata_Plate_Name", "Metadata_Barcode")
_WELL = ("Metadata_Well", "Metadata_WellName", "Metadata_Well_Name")
_ROW = ("Metadata_WellRow", "Metadata_Row")
_COLUMN = ("Metadata_WellColumn", "Metadata_Column", "Metadata_Col")
_SITE = ("Metadata_Site", "Metadata_Field", "Metadata_FOV", "Metadata_Position")


def channels(columns: Iterable[str]) -> tuple[str, ...]:
    """The names of the images that were read from files, in the order of the columns."""
    known = list(columns)
    names = [c.removeprefix("FileName_") for c in known if c.startswith("FileName_")]
    if not names:
        names = [c.removeprefix("URL_") for c in known if c.startswith("URL_")]
    given = {c.removeprefix(p) for c in known for p in _OF_INPUTS if c.startswith(p)}
    return tuple(n for n in names if n in given) if given & set(names) else tuple(names)


def as_told(table: pd.DataFrame, properties: Properties | None) -> pd.DataFrame:
    """The image table with the columns that a properties file names called as CellProfiler's."""
    if properties is None:
        return table
    paths = dict(zip(properties.channels, properties.listed("image_path_cols"), strict=False))
    wanted = {f"FileName_{name}": column for name, column in properties.channels.items()}
    wanted |= {f"PathName_{name}": column for name, column in paths.items()}
    wanted |= {"Metadata_Plate": properties.get("plate_id")}
    wanted |= {"Metadata_Well": properties.get("well_id")}
    known = {str(column).casefold(): column for column in table.columns}
    renamed = {}
    for name, column in wanted.items():
        stored = known.get(column.removeprefix("Image_").casefold())
        # What is called as CellProfiler calls it is found without help.
        if stored and name not in table.columns and not str(stored).startswith(_READ[1:3]):
            renamed[stored] = name
    return table.rename(columns=renamed)


def image_sets(table: pd.DataFrame) -> tuple[ImageSet, ...]:
    """One image set for each row of the image table `table`."""
    names = channels(table.columns)
    columns = {str(c).casefold(): str(c) for c in table.columns}
    wanted = [c for c in table.columns if str(c).startswith(_READ)]
    return tuple(_image_set(row, names, columns) for row in table[wanted].to_dict(orient="records"))


_READ = ("ImageNumber", "FileName_", "PathName_", "URL_", "Series_", "Metadata_", *_OF_INPUTS)


def _image_set(row: dict[Any, Any], names: tuple[str, ...], columns: dict[str, str]) -> ImageSet:
    def first(*wanted: str) -> str | None:
        for name in wanted:
            text = _text(row.get(columns.get(name.casefold(), "")))
            if text:
                return text
        return None

    files = []
    for name in names:
        url = _of_url(_text(row.get(f"URL_{name}")))
        file = _of_url(_text(row.get(f"FileName_{name}"))) or url
        if not file:
            continue
        folder = _of_url(_text(row.get(f"PathName_{name}"))) or url.rpartition("/")[0]
        md5 = _text(row.get(f"MD5Digest_{name}"))
        files.append(
            SetFile(
                channel=name,
                name=file.replace("\\", "/").rpartition("/")[2],
                folder=folder,
                md5=md5.lower() if _MD5.fullmatch(md5) else None,
                frame=_whole(row.get(f"Frame_{name}")),
                series=_whole(row.get(f"Series_{name}")),
                scaling=_positive(row.get(f"Scaling_{name}")),
            )
        )
    well = first(*_WELL)
    if well is None:
        row_name, column = first(*_ROW), first(*_COLUMN)
        if row_name and column and column.isdigit():
            well = _letters(row_name) + f"{int(column):02d}"
    site = _DIGITS.search(first(*_SITE) or "")
    return ImageSet(
        number=int(row["ImageNumber"]),
        files=tuple(files),
        plate=first(*_PLATE),
        well=well,
        site=int(site[1]) if site else None,
    )


def _letters(row: str) -> str:
    """The row's letter, where rows are counted from 1."""
    if not row.isdigit() or not 1 <= int(row) <= 702:
        return row.upper()
    number = int(row) - 1
    return (chr(64 + number // 26) if number >= 26 else "") + chr(65 + number % 26)


def _of_url(text: str) -> str:
    """The path in a URL (`file:///C:/My%20Plate` is `C:/My Plate`), or the text itself."""
    scheme, colon, rest = text.partition(":")
    # One letter before the colon is a drive.
    if not colon or not _SCHEME.fullmatch(scheme):
        return text
    path = unquote(rest.partition("?")[0] if scheme != "file" else rest)
    slashes = len(path) - len(path.lstrip("/"))
    if scheme == "file" and slashes != 2:
        path = path.lstrip("/") if _DRIVE.match(path.lstrip("/")) else "/" + path.lstrip("/")
    return path


def _text(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)[:_LONGEST].strip()


def _whole(value: Any) -> int:
    number = _positive(value)
    return int(number) if number is not None and number < 2**31 else 0


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None
