"""A small CellProfiler output, written as CellProfiler writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

WriteOutput = Callable[..., Path]


@pytest.fixture
def write_output(tmp_path: Path) -> WriteOutput:
    """Writes Image.csv, Nuclei.csv and a label image for one image set into a folder."""

    def write(
        measured: NDArray[np.float64],
        labels: NDArray[np.uint16],
        *,
        image: str = "DNA",
        pipeline: str = "",
        folder: str = "output",
        prefix: str = "",
    ) -> Path:
        place = tmp_path / folder
        place.mkdir(parents=True)
        numbers = [n for n in range(1, int(labels.max()) + 1)]
        rows = [f"ImageNumber,ObjectNumber,AreaShape_Area,Intensity_MeanIntensity_{image}"]
        for n in numbers:
            inside = measured[labels == n]
            rows.append(f"1,{n},{inside.size},{float(inside.mean())!r}")
        (place / f"{prefix}Nuclei.csv").write_text("\n".join(rows) + "\n")
        (place / f"{prefix}Image.csv").write_text(
            "ImageNumber,FileName_DNA,PathName_DNA,Scaling_DNA,Metadata_Well,Count_Nuclei\n"
            f"1,field.tif,/data,65535,A01,{len(numbers)}\n"
        )
        tifffile.imwrite(place / "field_Nuclei_labels.tiff", labels)
        if pipeline:
            (place / "made.cppipe").write_text(
                "CellProfiler Pipeline: http://www.cellprofiler.org\nVersion:5\n"
                "DateRevision:4281\nGitHash:\nModuleCount:9\n\n" + pipeline
            )
        return place

    return write
