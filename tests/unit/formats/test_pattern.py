"""The grammar of file name patterns."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_jlab.formats import Pattern
from omero_jlab.formats.pattern import natural, well_position


@pytest.mark.parametrize(
    ("pattern", "path", "image", "channel", "site"),
    [
        ("{well}_{field}_{channel}.tif", "A01_s1_DNA.tif", "A01_s1", "DNA", 1),
        ("{well}_{field}_{channel}.tif", "x/A01_s1_DNA.TIFF", "A01_s1", "DNA", 1),
        ("{plate}_{well}_f{field}-{channel}.png", "p_B2_f03-GFP.PNG", "p_B2_f03", "GFP", 3),
        ("{channel}_{well}.tif", "GFP_B2.tif", "B2", "GFP", 1),
        (
            "{plate}_{well}_T{t}F{field}L{l}A{a}Z{z}C{channel}.tif",
            "x-1_D08_T0001F002L01A01Z04C01.tif", "x-1_D08F002L01A01", "01", 2,
        ),
    ],
)  # fmt: skip
def test_examples(pattern: str, path: str, image: str, channel: str, site: int) -> None:
    found = Pattern(pattern).match(PurePosixPath(path))
    assert found is not None
    assert (found.image, found.channel) == (image, channel)
    position = found.position("p")
    assert position is not None and position.site == site


@pytest.mark.parametrize("name", ["A01_DNA.tif", "A01_s1_DNA_labels.tif", "A01_s1_DNA.png", "x"])
def test_other_names_do_not_fit(name: str) -> None:
    assert Pattern("{well}_{field}_{channel}.tif").match(PurePosixPath(name)) is None


_word = st.text("abcdefXYZ0123456789µ", min_size=1, max_size=6)


@given(plate=_word, channel=_word, site=st.integers(0, 99), row=st.integers(0, 31),
       column=st.integers(0, 47))  # fmt: skip
def test_what_is_put_into_a_name_comes_out(
    plate: str, channel: str, site: int, row: int, column: int
) -> None:
    letters = chr(65 + row) if row < 26 else f"A{chr(65 + row - 26)}"
    name = f"{plate}_{letters}{column + 1:02}_s{site}_{channel}.tif"
    found = Pattern("{plate}_{well}_{field}_{channel}.tif").match(PurePosixPath(name))
    assert found is not None and found.channel == channel
    position = found.position("")
    assert position is not None
    assert (position.plate, position.row, position.column) == (plate, row, column)
    assert position.site == site


@given(st.lists(st.integers(0, 10_000)))
def test_numbers_sort_by_value(numbers: list[int]) -> None:
    names = [f"w{n}" for n in numbers]
    assert sorted(names, key=natural) == [f"w{n}" for n in sorted(numbers)]


@pytest.mark.parametrize(("well", "place"), [("A1", (0, 0)), ("h12", (7, 11)), ("AF48", (31, 47))])
def test_wells(well: str, place: tuple[int, int]) -> None:
    assert well_position(well) == place


@pytest.mark.parametrize("text", ["", "A0", "A", "12", "ABC1", "A1x", "Ä1"])
def test_what_is_no_well(text: str) -> None:
    assert well_position(text) is None
