"""A table's rows computed by processes that know a server's address and have a right to them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from omero_jlab.model import GroupType
from omero_jlab.objects import Repository

from .conftest import World

FRAME = pd.DataFrame(
    {
        "label": np.arange(600),
        "area": np.random.default_rng(5).normal(100, 30, 600),
        "class": pd.array(["G1", "G2", None] * 200, dtype="str"),
    }
)


# Sent as text: a function of this module would have the workers import it.
LOADED = "[n for n in ('sqlalchemy', 'numba', 'jupyter_server') if n in __import__('sys').modules]"


@pytest.mark.long
def test_processes_of_a_cluster_read_their_partitions(
    world: World, request: pytest.FixtureRequest
) -> None:
    if "long" not in str(request.config.option.markexpr):
        pytest.skip("run with -m long")
    if not world.over_http:
        pytest.skip("a Session in this process is for this process")
    distributed = pytest.importorskip("distributed")
    repo = Repository(world.session("owner", GroupType.PRIVATE))
    image = repo.image(world.image("owner", GroupType.PRIVATE))
    table = image.attach_table(FRAME[:400], name="nuclei")
    lazy = table.to_dask("area > 90 | label < 5", partition_rows=100)
    # The rows are those of the version that was asked for.
    table.append(FRAME[400:])
    whole = table.to_dask(partition_rows=150)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = lazy.compute()
        mean = whole.groupby("class")["area"].mean().compute()
        assert list(client.run(eval, LOADED).values()) == [[], []]
    expected = FRAME[:400].query("area > 90 | label < 5").rename_axis(index="row_id")
    assert_frame_equal(found, expected, check_index_type=False, check_dtype=False)
    # dask has a group of the missing ones, too.
    means = FRAME.groupby("class")["area"].mean()
    assert mean.loc[["G1", "G2"]].tolist() == pytest.approx(means.loc[["G1", "G2"]].tolist())
