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
