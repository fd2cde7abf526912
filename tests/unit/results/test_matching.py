"""Image sets find their images by content, then name, then place; nothing is guessed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_jlab.results import (
    Candidate,
    CandidateFile,
    ImageSet,
    Matching,
    SetFile,
    match,
    recognise,
    well_name,
)


def _set(number: int = 1, **fields: object) -> ImageSet:
    return ImageSet.model_validate({"number": number, **fields})


def _image(image_id: int, **fields: object) -> Candidate:
    return Candidate.model_validate(
        {"image_id": image_id, "name": f"image {image_id}", "height": 9, "width": 9, **fields}
    )


def _files(*names: str, folder: str = "", md5: str = "") -> tuple[CandidateFile, ...]:
    return tuple(CandidateFile(name=n, folder=folder, md5=md5 or None) for n in names)


def _read(name: str, channel: str = "DNA", folder: str = "", md5: str | None = None) -> SetFile:
    return SetFile(channel=channel, name=name, folder=folder, md5=md5)


def _of(matching: Matching) -> list[tuple[int, int, str]]:
    return [(m.number, m.image_id, m.by) for m in matching.matches]


A, B = "a" * 32, "b" * 32


@pytest.mark.real_data
def test_renamed_files_are_found_by_their_content(real_data: Path) -> None:
    output = recognise(real_data / "cellprofiler-out" / "ExampleFly")
    images = real_data / "cellprofiler" / "ExampleFly" / "images"
    candidates = []
    for image_id, stem in enumerate(("01_POS218", "01_POS002", "01_POS076"), start=11):
        files = tuple(
            CandidateFile(
                name=f"renamed-{i}.tif",
                md5=hashlib.md5(
                    (images / f"{stem}_{c}.TIF").read_bytes(), usedforsecurity=False
                ).hexdigest(),
            )
            for i, c in enumerate("DFR")
        )
        candidates.append(_image(image_id, files=files))
    found = match(output.image_sets, candidates)
    assert _of(found) == [(1, 12, "md5"), (2, 13, "md5"), (3, 11, "md5")]
    assert not found.unmatched and not found.ambiguous


def test_the_demo_plate_by_name_and_by_well(demo_plate: Path) -> None:
    sets = recognise(demo_plate / "cellprofiler").image_sets
    named = [
        _image(i, files=_files(f"{stem}_DNA.tif", f"{stem}_ER.tif"))
        for i, stem in enumerate(("A01_s1", "A01_s2", "A02_s1", "A02_s2"))
    ]
    assert _of(match(sets, named)) == [(n + 1, n, "file name") for n in range(4)]
    placed = [
        _image(10 * site + column, well=f"A{column}", site=site, plate="plate-1")
        for column in (1, 2)
        for site in (1, 2)
    ]
    assert [(n, i) for n, i, _ in _of(match(sets, placed))] == [(1, 11), (2, 21), (3, 12), (4, 22)]


def test_content_wins_over_name() -> None:
    images = [
        _image(1, files=_files("a.tif", md5=B)),
        _image(2, files=_files("other.tif", md5=A)),
    ]
    assert _of(match([_set(files=[_read("a.tif", md5=A.upper())])], images)) == [(1, 2, "md5")]


def test_equal_contents_are_told_apart_by_name_then_folder() -> None:
    images = [
        _image(1, files=_files("blank1.tif", folder="plate1/images", md5=A)),
        _image(2, files=_files("blank2.tif", folder="plate1/images", md5=A)),
        _image(3, files=_files("blank2.tif", folder="plate2/images", md5=A)),
    ]
    named = match([_set(files=[_read("BLANK1.TIF", md5=A)])], images)
    assert _of(named) == [(1, 1, "md5")]
    assert "file name" in named.matches[0].note
    foldered = _set(files=[_read("blank2.tif", folder=r"D:\Data\plate2\images", md5=A)])
    assert _of(match([foldered], images)) == [(1, 3, "md5")]


def test_an_image_imported_twice_is_shown_not_guessed() -> None:
    images = [_image(i, files=_files("a.tif", folder="x", md5=A)) for i in (4, 7)]
    found = match([_set(files=[_read("a.tif", folder="x", md5=A)])], images)
    assert not found.matches
    assert found.ambiguous[0].image_ids == (4, 7)
    assert "fit equally well" in found.ambiguous[0].reason


def test_channels_imported_as_separate_images_are_shown() -> None:
    images = [_image(1, files=_files("d.tif", md5=A)), _image(2, files=_files("f.tif", md5=B))]
    files = [_read("d.tif", md5=A), _read("f.tif", channel="ER", md5=B)]
    (shown,) = match([_set(files=files)], images).ambiguous
    assert shown.image_ids == (1, 2)
    assert "DNA in 1, ER in 2" in shown.reason
    assert "channels=" in shown.reason


def test_the_same_names_with_other_contents_elsewhere_are_no_match() -> None:
    images = [_image(1, plate="P2", files=_files("A01.tif", md5=B))]
    found = match([_set(plate="P1", files=[_read("A01.tif", md5=A)])], images)
    assert "other contents" in found.unmatched[0].reason
    converted = match([_set(plate="p2", files=[_read("A01.tif", md5=A)])], images)
    assert _of(converted) == [(1, 1, "file name")]
    assert "other contents" in converted.matches[0].note


def test_well_and_site() -> None:
    images = [
        _image(1, plate="P", well="B03", site=1),
        _image(2, plate="P", well="B03", site=2),
        _image(3, plate="Q", well="B03", site=2),
        _image(4, plate="Q", well="C01"),
    ]
    found = match(
        [
            _set(1, plate="p", well="b3", site=2),
            _set(2, well="B03", site=2),
            _set(3, well="C1", site=5),
            _set(4, plate="P", well="D01"),
            _set(5),
        ],
        images,
    )
    assert _of(found) == [(1, 2, "well and site"), (3, 4, "well and site")]
    assert [(a.number, a.image_ids) for a in found.ambiguous] == [(2, (2, 3))]
    assert [u.number for u in found.unmatched] == [4, 5]
    assert "well D01" in found.unmatched[0].reason
    assert "neither files nor a well" in found.unmatched[1].reason


def test_several_sets_may_be_one_image() -> None:
    images = [_image(1, files=_files("stack.tif", md5=A))]
    sets = [_set(n, files=[_read("stack.tif", md5=A)]) for n in (1, 2, 3)]
    assert [i for _, i, _ in _of(match(sets, images))] == [1, 1, 1]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", ""]), st.booleans()),
        max_size=6,
    ),
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", ""]), st.booleans()),
        max_size=6,
    ),
)
def test_every_set_has_exactly_one_fate(
    sets: list[tuple[str, str, bool]], images: list[tuple[str, str, bool]]
) -> None:
    image_sets = [
        _set(n, files=[_read(name, folder=folder, md5=(name * 32) if md5 else None)])
        for n, (name, folder, md5) in enumerate(sets)
    ]
    candidates = [
        _image(i, files=_files(name, folder=folder, md5=name * 32 if md5 else ""))
        for i, (name, folder, md5) in enumerate(images)
    ]
    found = match(image_sets, candidates)
    fates = [*found.matches, *found.unmatched, *found.ambiguous]
    assert sorted(fate.number for fate in fates) == list(range(len(sets)))
    # Whatever order the images come in, the answer is the same.
    assert match(image_sets, candidates[::-1]) == found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a1", "A01"),
        ("B003", "B03"),
        ("AA 12", "AA12"),
        ("C-7", "C07"),
        ("left", "left"),
        ("", None),
    ],
)
def test_well_names(text: str, name: str | None) -> None:
    assert well_name(text) == name
