"""A plate of many fields, and what CellProfiler would have written of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from omero_jlab.database import FileRow, FilesetRow, ImageRow
from omero_jlab.repository import Session

__all__ = ["OBJECTS", "SIDE", "field_name", "write_images", "write_output"]

OBJECTS = 50
SIDE = 70
_COLUMNS = 58


def field_name(number: int) -> str:
    """The file that image set `number` was measured in."""
    return f"field-{number:04d}.tif"


def write_images(session: Session, count: int) -> list[int]:
    """Images of one file each, as an import leaves them in the database; their ids."""
    made = []
    with session.writing() as unit, unit.db.flushing_unchecked("many"):
        for number in range(1, count + 1):
            name = field_name(number)
            fileset = unit.new(FilesetRow(name=name, format="TIFF", folder=f"many/{number}"))
            unit.new(
                FileRow(
                    fileset_id=fileset.id,
                    name=name,
                    client_path=f"/scope/{name}",
                    path=f"ManagedRepository/many/{number}/{name}",
                    size=1,
                    sha256="",
                    md5="",
                    mtime_ns=0,
                )
            )
            made.append(unit.new(_image(name, fileset.id)).id)
    return made


def write_output(folder: Path, count: int) -> None:
    """`Image.csv`, `Nuclei.csv` and a label image for each of `count` image sets."""
    numbers = np.arange(1, count + 1)
    names = [field_name(number) for number in numbers]
    images = pd.DataFrame(
        {
            "ImageNumber": numbers,
            "Count_Nuclei": OBJECTS,
            "FileName_DNA": names,
            "PathName_DNA": "/scope",
        }
    )
    images.to_csv(folder / "Image.csv", index=False)
    random = np.random.default_rng(4)
    measured = {
        f"AreaShape_Zernike_{i}": random.random(count * OBJECTS).round(6) for i in range(_COLUMNS)
    }
    objects = {
        "ImageNumber": np.repeat(numbers, OBJECTS),
        "ObjectNumber": np.tile(np.arange(1, OBJECTS + 1), count),
    }
    pd.DataFrame(objects | measured).to_csv(folder / "Nuclei.csv", index=False)
    labels = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) // SIDE
    labels[labels > OBJECTS] = 0
    for name in names:
        stem = name.removesuffix(".tif")
        tifffile.imwrite(folder / f"{stem}_Nuclei_labels.tiff", labels)


def _image(name: str, fileset_id: int) -> ImageRow:
    return ImageRow(
        name=name,
        fileset_id=fileset_id,
        format="TIFF",
        size_t=1,
        size_c=1,
        size_z=1,
        size_y=SIDE,
        size_x=SIDE,
        dtype="uint16",
        is_rgb=False,
        channels=[{"name": "DNA", "color": "0000FF", "window_start": 0.0, "window_end": 255.0}],
        levels=[{"height": SIDE, "width": SIDE}],
    )
