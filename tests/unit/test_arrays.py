"""Arrays with named axes on their way to an image."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest

from omero_jlab.errors import Invalid
from omero_jlab.model import Spacing
from omero_jlab.objects.arrays import as_tczyx, spacing_of

CUBE = np.arange(3 * 40 * 50, dtype=np.uint16).reshape(3, 40, 50)


@pytest.mark.parametrize("make", [np.asarray, lambda a: da.from_array(a, chunks=16)])
def test_missing_axes_are_added_and_others_put_in_order(make: Any) -> None:
    array, spacing, channels = as_tczyx(make(CUBE), dims="cyx")
    assert array.shape == (1, 3, 1, 40, 50) and spacing == Spacing() and channels is None
    assert type(array) is type(make(CUBE))
    assert np.array_equal(np.asarray(array)[0, :, 0], CUBE)
    array, _, _ = as_tczyx(make(CUBE.transpose(1, 2, 0)), dims=["row", "column", "channel"])
    assert np.array_equal(np.asarray(array)[0, :, 0], CUBE)
    assert as_tczyx(make(CUBE[0]))[0].shape == (1, 1, 1, 40, 50)
    assert as_tczyx(make(CUBE[None, :, None]))[0].shape == (1, 3, 1, 40, 50)


@pytest.mark.parametrize(
    ("dims", "word"),
    [(None, "dims"), ("yx", "40"), ("qyx", "rename"), ("yyx", "own"), ("tcz", "Y and X")],
)
def test_axes_that_nobody_knows(dims: Any, word: str) -> None:
    array = CUBE if word != "40" else CUBE[0, 0]
    with pytest.raises(Invalid, match=word if word != "40" else "array of 1"):
        as_tczyx(array, dims)


def test_xarray_brings_names_units_and_channels() -> None:
    xarray = pytest.importorskip("xarray")
    lazy = da.from_array(np.stack([CUBE, CUBE + 1]), chunks=(1, 1, 20, 20))
    array = xarray.DataArray(
        lazy,
        dims=("time", "channel", "y", "x"),
        coords={
            "time": np.array([0, 90, 180], "timedelta64[s]")[:2],
            "channel": ["DNA", "ER", "AGP"],
            "y": ("y", np.arange(40) * -650.0, {"units": "nm"}),
            "x": np.arange(50) * 0.65,
        },
    )
    found, spacing, channels = as_tczyx(array)
    assert hasattr(found, "dask") and found.shape == (2, 3, 1, 40, 50)
    assert channels == ["DNA", "ER", "AGP"]
    assert spacing.t_s == 90 and spacing.z_um is None
    assert spacing.y_um == pytest.approx(0.65) and spacing.x_um == pytest.approx(0.65)
    counted = xarray.DataArray(CUBE, dims=("z", "y", "x"), coords={"x": np.arange(50)})
    assert as_tczyx(counted)[1] == Spacing()
    uneven = xarray.DataArray(CUBE, dims=("z", "y", "x"), coords={"z": [0.0, 1.0, 5.0]})
    assert as_tczyx(uneven)[1] == Spacing()
    said = xarray.DataArray(CUBE, dims=("z", "y", "x"), attrs={"pixel_size_z_um": 2})
    assert as_tczyx(said)[1] == Spacing(z_um=2)


def test_pixel_sizes_as_users_give_them() -> None:
    assert spacing_of(0.5, None) == Spacing(y_um=0.5, x_um=0.5)
    assert spacing_of((1, 2), 3) == Spacing(y_um=1, x_um=2, t_s=3)
    assert spacing_of((None, 1, 2), None) == Spacing(y_um=1, x_um=2)
    with pytest.raises(Invalid):
        spacing_of((1, 2, 3, 4), None)
    with pytest.raises(Invalid, match="greater than 0"):
        spacing_of(-1, None)
