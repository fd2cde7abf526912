"""`omero-jlab tables`: what it writes, attaches and prints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tables

from omero_jlab.objects import Repository

from .test_cli import Run, refused, repo, root, run  # noqa: F401

__all__: list[str] = []


def test_tables_go_out_and_in(
    run: Run,  # noqa: F811
    repo: Repository,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image = repo.save_image(np.zeros((1, 1, 1, 4, 4), "u1"), name="cells")
    table = image.attach_table(pd.DataFrame({"area": [1.5, 2], "s": ["a", None]}), name="nuclei")
    capsys.readouterr()
    path = tmp_path / "out.h5"
    status, out, _ = run("tables", "export", table.id, path, "--where", "area > 1.6")
    assert (status, out.splitlines()[-1]) == (0, f"table {table.id} was written to {path}")
    assert "column 's': a missing text is empty" in out
    with tables.open_file(path) as file:
        assert file.root.OME.Measurements[:].tolist() == [(2.0, b"")]
    assert "is there already" in refused(run("tables", "export", table.id, path))
    status, out, _ = run("tables", "import", f"image:{image.id}", path, "--name", "back")
    assert status == 0 and out.endswith("1 rows × 2 columns\n")
    assert image.table("back").to_pandas()["area"].tolist() == [2]

    bulk = tmp_path / "bulk.csv"
    bulk.write_text(f"Image,dose\n{image.id},0.5\nnone,1\n")
    target = ("tables", "populate", f"image:{image.id}", bulk)
    status, out, _ = run(*target, "--dry-run")
    assert status == 1 and "line 3: Image 'none': there is no such image in this image" in out
    assert "line 3: Image 'none'" in refused(run(*target))
    status, out, _ = run(*target, "--keep-unresolved", "--json")
    assert status == 0 and json.loads(out)["unresolved_count"] == 1
    assert image.table("bulk").to_pandas()["dose"].tolist() == [0.5, 1]


def test_metadata_is_populated_mapped_listed_and_deleted(
    run: Run,  # noqa: F811
    repo: Repository,  # noqa: F811
    tmp_path: Path,
) -> None:
    image = repo.save_image(np.zeros((1, 1, 1, 4, 4), "u1"), name="cells")
    bulk, config = tmp_path / "bulk.csv", tmp_path / "map.yml"
    bulk.write_text(f"# header image,s\nImage,Gene\n{image.id},TP53\n")
    config.write_text("defaults: {include: no}\ncolumns: [{name: Gene, include: yes}]\n")
    to = ("metadata", "populate", f"Image:{image.id}")
    assert "needs --file" in refused(run(*to))
    assert "does nothing with --cfg" in refused(run(*to, "--file", bulk, "--cfg", config))
    assert run(*to, "--file", bulk)[0] == 0
    assert image.tables[0].name == "bulk_annotations"
    status, out, _ = run("metadata", "bulkanns", f"image:{image.id}")
    assert (status, out) == (
        0,
        f"table {image.tables[0].id}: bulk_annotations, 1 rows × 3 columns\n",
    )
    mapped = (*to, "--context", "bulkmap", "--cfg", config)
    assert "1 key-values from table" in run(*mapped, "-n")[1] and image.key_values == {}
    assert json.loads(run(*mapped, "--json")[1])["links"] == 1
    assert image.key_values == {"Gene": ["TP53"]}
    assert run("metadata", "mapanns", f"image:{image.id}")[1].endswith("    Gene: TP53\n")
    assert "bulk_annotations: 1 at 1 places" in run("metadata", "summary", f"image:{image.id}")[1]
    off = (*to, "--context", "deletemap")
    assert "--localcfg is no JSON" in refused(run(*off, "--localcfg", "{"))
    assert "0 key-values" in run(*off, "--localcfg", '{"ns": ["x"]}')[1]
    assert run(*off)[0] == 0 and image.key_values == {}
    assert "would be deleted" in run("metadata", "deletebulkanns", "-n", f"image:{image.id}")[1]
    assert run("metadata", "deletebulkanns", f"image:{image.id}")[0] == 0 and image.tables == []
