"""Files of lookup tables in a repository's folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from omero_jlab.model import ChannelSettings, Settings
from omero_jlab.objects import Repository
from omero_jlab.repository import Store
from omero_jlab.repository.pictures.luts import added_luts, copy_luts

TABLE = np.random.default_rng(4).integers(0, 256, (256, 3), dtype=np.uint8)


def test_files_that_an_administrator_puts_there_are_tables(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "repo", create=True)) as store:
        folder = store.layout.root / "luts"
        folder.mkdir()
        text = "\n".join(" ".join(map(str, row)) for row in TABLE.tolist())
        (folder / "as text.lut").write_text(text)
        (folder / "readme.txt").write_text("no table")
        (folder / "broken.lut").write_bytes(b"\0" * 99)
        repo = Repository(store.session())
        assert {"as text", "broken"} <= set(repo.luts)
        assert np.array_equal(repo.luts["as text"], TABLE)
        image = repo.save_image(np.arange(256, dtype=np.uint8).reshape(1, 1, 1, 16, 16), "ramp")
        channel = ChannelSettings(start=0, end=255, lut="as text")
        image.settings = Settings(channels=(channel,))
        assert np.array_equal(np.asarray(image.picture()).reshape(256, 3), TABLE)
        (folder / "as text.lut").write_text(text.replace(" ".join(map(str, TABLE[0])), "1 2 3", 1))
        assert np.asarray(image.picture())[0, 0].tolist() == [1, 2, 3]


def test_a_copy_has_the_same_tables(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for folder, names in ((source, ("one", "two")), (target, ("two", "old"))):
        (folder / "luts").mkdir(parents=True)
        for name in names:
            (folder / "luts" / f"{name}.lut").write_bytes(f"{folder.name} {name}".encode())
    copy_luts(source, target)
    assert set(added_luts(target)) == {"one", "two"}
    assert (target / "luts" / "two.lut").read_bytes() == b"source two"
    copy_luts(tmp_path / "nothing", target)
    assert added_luts(target) == {}
