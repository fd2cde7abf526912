"""What the demo repository holds, and how much of it there must be."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ..model import GroupType
from ..objects import Image, Repository
from .large import SIDE, large_image

__all__ = ["EXPECTED", "GUEST", "SHARED", "fill"]

SHARED = "Demo"
GUEST = "guest"
PATTERN = "{well}_{field}_{channel}.tif"

# Two tissue and cell pictures come with scikit-image: its data folder needs no network.
_TISSUE = {"ihc.png": "Tissue", "cell.png": "Cells"}

EXPECTED = {"images": 7, "tables": 17, "rows": 131, "labels": 9, "tiles": 8}
"""Images of the plate (4), of scikit-image (2) and large (1); four tables of CellProfiler's per
field of the plate with 4 + 3 × 37 rows, and one of our own with 16 nuclei; its label images; a tile
of each level that a guest may see: four images of one level, and one of four."""


def fill(repo: Repository, side: int = SIDE, quiet: bool = False) -> bool:
    """Import, segment, measure and attach.

    Returns False where that was done before: what is there is left as it is.
    """
    if any(group.name == SHARED for group in repo.groups):
        return False
    _make_group(repo)
    home = repo.group.name
    with as_file(files("skimage") / "data") as folder:
        paths = [Path(folder) / name for name in _TISSUE]
        repo.import_files(*paths, project="Own pictures", dataset="Tissue and cells", quiet=quiet)
    repo.use_group(SHARED)
    with as_file(files(__package__) / "plate-1") as plate:
        images = repo.import_files(
            plate / "images", screen="Pilot", plate="plate-1", channels=PATTERN, quiet=quiet
        )
        for image in images:
            image.tag("control" if image.name.startswith("A01") else "treated")
        measure_nuclei(images[0])
        repo.attach_results(plate / "cellprofiler", quiet=quiet)
    repo.save_image(
        large_image(side),
        name="Large field of cells",
        dataset="Large images",
        channels=["DNA", "Actin", "Vesicles"],
    )
    repo.use_group(home)
    return True


def measure_nuclei(image: Image) -> Any:
    """Segment the nuclei of an image's first channel; attach labels and a table of them."""
    import pandas
    from skimage.filters import gaussian, threshold_otsu
    from skimage.measure import label, regionprops_table

    dna = image.dask()[0, 0, 0].compute()
    smooth = gaussian(dna)
    nuclei = label(smooth > threshold_otsu(smooth))
    properties = ("label", "area", "eccentricity", "centroid", "intensity_mean")
    frame = pandas.DataFrame(regionprops_table(nuclei, dna, properties=properties))
    image.attach_labels(nuclei, name="otsu nuclei")
    return image.attach_table(frame, name="otsu nuclei")


def _make_group(repo: Repository) -> None:
    """A group whose members see each other's objects, and a guest who is only in that one."""
    accounts = repo.accounts
    group = accounts.add_group(SHARED, GroupType.READ_ONLY, "What everybody here may see")
    try:
        guest = next(user for user in accounts.users() if user.name == GUEST)
    except StopIteration:
        guest = accounts.add_user(GUEST, "A guest")
    accounts.put_member(group.id, repo.user.id, is_owner=True)
    accounts.put_member(group.id, guest.id)
