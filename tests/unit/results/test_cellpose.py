"""Cellpose's files, and label images by themselves; hostile pickles open nothing."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_jlab.errors import Invalid, OmeroError
from omero_jlab.results import call_here, cellpose, masks, recognise

from .test_axes import image

MASKS = np.arange(600, dtype=np.uint16).reshape(20, 30) % 7


def seg(**more: Any) -> dict[str, Any]:
    return {
        "masks": MASKS, "outlines": MASKS * 0, "chan_choose": [0, 0], "ismanual": np.zeros(6, bool),
        "filename": r"C:\data\cells.tif", "flows": [np.zeros((20, 30, 3), np.uint8), [], None],
        "diameter": np.float64(31.5), "model_path": "cyto3", "colors": np.ones((6, 3)),
    } | more  # fmt: skip


def write_seg(path: Path, found: Any, protocol: int = 3) -> Path:
    array = np.empty((), object)
    array[()] = found
    with path.open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        pickle.dump(array, file, protocol)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_masks_settings_and_file(tmp_path: Path, protocol: int) -> None:
    write_seg(tmp_path / "cells_seg.npy", seg(), protocol)
    tifffile.imwrite(tmp_path / "cells_cp_masks.tif", MASKS)
    tifffile.imwrite(tmp_path / "cells_flows.tif", MASKS)
    output = recognise(tmp_path)
    assert output.program == "Cellpose"
    (one,) = output.image_sets
    assert (one.names, one.files[0].name) == (("cells",), "cells.tif")
    assert output.parameters(1) == {
        "diameter": "31.5", "model_path": "cyto3", "chan_choose": "[0, 0]",
    }  # fmt: skip
    (stack,) = output.labels(1, image(y=20, x=30))
    assert np.array_equal(stack.labels, MASKS)
    assert any("Flows" in note for note in output.notes)


def test_what_numpy_itself_saves(tmp_path: Path) -> None:
    np.save(tmp_path / "a_seg.npy", seg(filename=Path("/data/a.png")))
    (one,) = recognise(tmp_path / "a_seg.npy").image_sets
    assert one.files[0].name == "a.png"


def test_a_stack_of_masks(tmp_path: Path) -> None:
    stack = np.stack([MASKS, MASKS + 1])
    tifffile.imwrite(tmp_path / "a_cp_masks.tif", stack)
    (found,) = recognise(tmp_path).labels(1, image(z=2, y=20, x=30))
    assert np.array_equal(found.labels[0], stack)
    with pytest.raises(Invalid, match="axes='xy'"):
        list(recognise(_one(tmp_path)).labels(1, image(y=30, x=20)))


def _one(folder: Path) -> Path:
    tifffile.imwrite(folder / "b_cp_masks.tif", MASKS)
    return folder / "b_cp_masks.tif"


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.what = (function, arguments)

    def __reduce__(self) -> Any:
        return self.what


@pytest.mark.parametrize(
    "hostile",
    [
        Calls(os.system, "touch {}"),
        Calls(eval, "open('{}', 'w')"),
        Calls(getattr, os, "system"),
        Calls(np.load, "{}"),
        Calls(np.fromfile, "{}"),
        Calls(__import__, "os"),
    ],
)
def test_a_pickle_calls_nothing(tmp_path: Path, hostile: Calls) -> None:
    trace = tmp_path / "trace"
    function, arguments = hostile.what
    arguments = tuple(a.format(trace) if isinstance(a, str) else a for a in arguments)
    if any(a is os for a in arguments):
        arguments = tuple("os" if a is os else a for a in arguments)
    path = write_seg(tmp_path / "a_seg.npy", seg(filename=Calls(function, *arguments)))
    with pytest.raises(Invalid, match="only plain containers"):
        cellpose.recognise(path, call_here)
    assert not trace.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"cnumpy\nndarray.tofile\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        b"\x80\x02U\x01aQ.",
        b"\x82\x01.",
        b"",
        b"\x80\x04]\x94" + b"(" * 100,
    ],
)
def test_tricks_of_the_format(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a_seg.npy"
    with path.open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(data)
    with pytest.raises(OmeroError, match=r"a_seg\.npy"):
        cellpose.recognise(path, call_here)


def test_a_bad_file_is_skipped_and_named(tmp_path: Path) -> None:
    write_seg(tmp_path / "a_seg.npy", seg(filename=Calls(os.getcwd)))
    write_seg(tmp_path / "b_seg.npy", seg())
    write_seg(tmp_path / "c_seg.npy", {"masks": "none"})
    output = recognise(tmp_path)
    assert [one.names for one in output.image_sets] == [("b",)]
    assert any("a_seg.npy was skipped" in note for note in output.notes)
    assert any("c_seg.npy was skipped" in note for note in output.notes)


def test_label_images_by_themselves(tmp_path: Path) -> None:
    folder = tmp_path / "stardist"
    folder.mkdir()
    tifffile.imwrite(folder / "cells_labels.tif", MASKS)
    tifffile.imwrite(folder / "cells.tif", MASKS)
    tifffile.imwrite(folder / "other_labels.tif", MASKS.astype(np.float32) / 2)
    output = recognise(folder)
    assert (output.program, output.image_sets[0].names) == ("StarDist", ("cells", "cells_labels"))
    assert "other_labels.tif holds float32" in output.notes[0]
    (stack,) = output.labels(1, image(y=20, x=30))
    assert (stack.name, stack.labels.max()) == ("cells_labels", 6)
    # A file that is named is taken, whatever it is called.
    assert masks.recognise(folder / "cells.tif", call_here) is not None


@pytest.mark.real_data
def test_blobs(real_data: Path) -> None:
    output = recognise(real_data / "labels" / "blobs_labeled.tif")
    (stack,) = output.labels(1, image(y=254, x=256))
    assert len(np.unique(stack.labels)) > 50
