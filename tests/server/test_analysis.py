"""A function over many images, where each kind of worker runs it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from skimage.measure import label, regionprops_table

import omero_jlab
from omero_jlab.analysis import map_images, measure_tiles
from omero_jlab.analysis.token import WorkersToken
from omero_jlab.connection import disconnect
from omero_jlab.errors import Invalid, NotFound, OmeroError, Unavailable
from omero_jlab.objects import Image, Repository

COUNT = 6


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A repository with a dataset of images that have 1, 2, 3 … squares."""
    folder = tmp_path_factory.mktemp("analysis")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID"):
            patch.delenv(name, raising=False)
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        repo = omero_jlab.connect(folder / "repository")
        for number in range(COUNT):
            pixels = np.zeros((32, 16 * COUNT), np.uint16)
            for square in range(number + 1):
                pixels[8:16, 16 * square : 16 * square + 8] = 100 * (square + 1)
            repo.save_image(pixels, name=f"image {number}", dataset="Squares")
        yield repo
        disconnect()


@pytest.fixture
def images(repo: Repository) -> list[Image]:
    return list(repo.images)


@pytest.fixture
def dataset(repo: Repository) -> Any:
    (found,) = repo.datasets
    return found


def squares(image: Image, limit: int = 0) -> tuple[Any, pd.DataFrame]:
    plane = image.plane()
    found = label(plane > limit)
    names = ("label", "area", "intensity_mean")
    return found, pd.DataFrame(regionprops_table(found, plane, properties=names))


def rows(image: Image) -> pd.DataFrame:
    return squares(image)[1]


def test_each_image_gets_its_results_once(images: list[Image]) -> None:
    outcomes = map_images(squares, images, "each", parameters={"limit": 50})
    assert [outcome.state for outcome in outcomes] == ["done"] * COUNT
    assert [outcome.rows for outcome in outcomes] == list(range(1, COUNT + 1))
    for image in images:
        expected = squares(image)[1]
        (table,) = (table for table in image.tables if table.name == "each")
        assert table.to_pandas()["intensity_mean"].tolist() == expected["intensity_mean"].tolist()
        provenance = table.record.provenance
        assert provenance is not None
        assert provenance.parameters["limit"] == 50
        assert provenance.image_ids == (image.id,)
        assert "def squares" in provenance.cell
        (labels,) = (labels for labels in image.labels if labels.name == "each")
        assert np.array_equal(labels.array(), squares(image)[0])
    again = map_images(squares, images, "each", parameters={"limit": 50})
    assert {outcome.state for outcome in again} == {"skipped"}
    other = map_images(squares, images[:1], "each", parameters={"limit": 51})
    assert [outcome.state for outcome in other] == ["done"]


@pytest.mark.parametrize("on", ["threads", "processes", "cluster"])
def test_a_shared_table_has_the_rows_of_all(
    images: list[Image], dataset: Any, on: str, request: pytest.FixtureRequest
) -> None:
    place = request.getfixturevalue("cluster") if on == "cluster" else on

    # Functions of a notebook are sent as they are; those of a module are looked for there.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        outcomes = map_images(rows, images, on, attach_to=dataset, on=place, workers=1)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert [outcome.state for outcome in outcomes] == ["done"] * COUNT, outcomes.failed
    frame = outcomes.table.to_pandas()
    assert frame.groupby("Image").size().tolist() == list(range(1, COUNT + 1))
    told = dataset.table(f"{on}: images").to_pandas()
    assert sorted(told["Image"]) == [image.id for image in images]
    assert set(told["state"]) == {"done"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as made:
        yield made.scheduler_address


def test_failures_are_told_and_tried_again(images: list[Image], dataset: Any) -> None:
    tried: list[int] = []
    lock = threading.Lock()

    def sometimes(image: Image) -> dict[str, float]:
        with lock:
            tried.append(image.id)
            times = tried.count(image.id)
        if image.name == "image 1":
            raise ValueError("there is no nucleus here\nand more")
        if image.name == "image 2" and times == 1:
            raise OSError("busy")
        return {"brightest": float(image.plane().max())}

    outcomes = map_images(sometimes, images, "some", attach_to=dataset)
    assert [outcome.state for outcome in outcomes].count("failed") == 1
    (failed,) = outcomes.failed
    assert failed.name == "image 1" and failed.attempts == 2
    assert failed.error == "ValueError: there is no nucleus here"
    assert "in sometimes" in failed.traceback
    assert "there is no nucleus here" in outcomes._repr_html_()
    assert len(outcomes.table) == COUNT - 1
    assert outcomes[2].attempts == 2
    told = dataset.table("some: images").query('state == "failed"')
    assert told["error"].tolist() == [failed.error]
    tried.clear()
    again = map_images(sometimes, images, "some", attach_to=dataset, retries=0)
    assert tried == [failed.image_id], "what was done is done again, or what failed is not"
    assert len(again.failed) == 1 and len(again.table) == COUNT - 1
    assert len(dataset.table("some: images")) == COUNT


def test_a_run_that_was_interrupted_goes_on(images: list[Image], dataset: Any) -> None:
    calls: list[int] = []

    def slow(image: Image) -> pd.DataFrame:
        calls.append(image.id)
        if image.id == images[3].id and calls.count(image.id) == 1:
            raise KeyboardInterrupt
        return squares(image)[1]

    with pytest.raises(KeyboardInterrupt):
        map_images(slow, images, "interrupted", attach_to=dataset, workers=1, retries=0)
    stored = dataset.table("interrupted").to_pandas()["Image"].unique().tolist()
    assert stored and images[3].id not in stored
    # Rows of an image that was not finished, as if the process had ended between two writes.
    row = dataset.table("interrupted").query(limit=1).assign(Image=images[5].id)
    dataset.table("interrupted").append(row.reset_index(drop=True))
    outcomes = map_images(slow, images, "interrupted", attach_to=dataset, workers=1)
    assert [o.state for o in outcomes].count("skipped") == len(stored)
    sizes = outcomes.table.to_pandas().groupby("Image").size()
    assert sizes.tolist() == list(range(1, COUNT + 1))


class FragileExecutor(Executor):
    """Runs what it gets in a thread; at a victim, it breaks with everything it has."""

    def __init__(self, victim: int) -> None:
        self._victim = victim
        self._threads = ThreadPoolExecutor(1)
        self._given: list[Future[Any]] = []

    def submit(self, function: Any, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._given.append(future)
        self._threads.submit(self._run, future, function, arguments)
        return future

    def _run(self, future: Future[Any], function: Any, arguments: Any) -> None:
        if future.done():
            return
        if arguments[1].id == self._victim:
            time.sleep(0.1)
            for each in self._given:
                if not each.done():
                    each.set_exception(BrokenExecutor("gone"))
            return
        future.set_result(function(*arguments))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._threads.shutdown(wait=False)


def identity(image: Image) -> dict[str, int]:
    return {"id": image.id}


def test_a_dead_worker_takes_no_other_image_along(
    images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = images[2].id
    monkeypatch.setattr(
        "omero_jlab.analysis.pools._processes", lambda count: FragileExecutor(victim)
    )
    outcomes = map_images(identity, images, "fragile", on="processes", workers=2)
    (failed,) = outcomes.failed
    assert failed.image_id == victim and failed.attempts == 2
    assert "process died" in failed.error
    assert [outcome.state for outcome in outcomes].count("done") == COUNT - 1


@pytest.mark.long
def test_a_process_that_exits_takes_no_other_image_along(images: list[Image]) -> None:
    victim = images[2].id

    def deadly(image: Image) -> dict[str, int]:
        if image.id == victim:
            os._exit(1)
        return {"id": image.id}

    outcomes = map_images(deadly, images, "deadly", on="processes", workers=2)
    (failed,) = outcomes.failed
    assert failed.image_id == victim and "process died" in failed.error


def test_what_cannot_be_sent_is_named(images: list[Image]) -> None:
    lock = threading.Lock()

    def locked(image: Image) -> dict[str, int]:
        with lock:
            return {"id": image.id}

    with pytest.raises(Invalid, match="cannot be sent to another process"):
        map_images(locked, images, on="processes", workers=1)


def test_rows_that_do_not_fit_fail_their_image_alone(images: list[Image], dataset: Any) -> None:
    def uneven(image: Image) -> pd.DataFrame:
        column = "odd" if image.name == "image 4" else "value"
        return pd.DataFrame({column: [1.5]})

    outcomes = map_images(uneven, images, "uneven", attach_to=dataset)
    (failed,) = outcomes.failed
    assert failed.name == "image 4" and "odd" in failed.error
    assert len(outcomes.table) == COUNT - 1


# -- runs


def test_what_is_no_table_is_remembered(repo: Repository, images: list[Image]) -> None:
    calls: list[int] = []

    def look(image: Image) -> Any:
        calls.append(image.id)
        number = int(image.name.split()[-1])
        kinds = [None, 3.5, "a word", [1, {"two": np.float32(2.5)}], float("nan")]
        return kinds[number] if number < 5 else {"found": squares(image)[1], "most": [number]}

    outcomes = map_images(look, images, "values")
    assert [o.value for o in outcomes][:4] == [None, 3.5, "a word", [1, {"two": 2.5}]]
    assert np.isnan(outcomes[4].value) and outcomes[5].value == {"most": [5]}  # type: ignore[arg-type]
    calls.clear()
    again = map_images(look, images, "values")
    assert calls == [] and {o.state for o in again} == {"skipped"}
    assert again[5].value == {"most": [5]} and again[1].value == 3.5
    run = next(run for run in repo.runs if run.name == "values")
    assert run.record.done == COUNT and "def look" in run.record.text
    assert run.values[images[2].id] == "a word"
    assert len(run.to_pandas()) == COUNT
    images[5].table("found").delete()
    map_images(look, images, "values")
    assert calls == [images[5].id], "what lost its results is done again"
    run.delete()
    assert not [table for table in images[5].tables if table.name == "found"]
    assert run.id not in [run.id for run in repo.runs]


def test_failures_are_kept_and_tried_again_by_choice(repo: Repository, images: list[Image]) -> None:
    calls: list[int] = []

    def never(image: Image) -> None:
        calls.append(image.id)
        raise ValueError("no cell here")

    map_images(never, images[:2], "never", retries=0)
    (run,) = (run for run in repo.runs if run.name == "never")
    assert [each.error for each in run.failed] == ["ValueError: no cell here"] * 2
    assert "in never" in run.failed[0].traceback
    told = map_images(never, images[:2], "never", retry_failed=False)
    assert len(calls) == 2 and len(told.failed) == 2
    assert "in never" in told[1].traceback
    map_images(never, images[:2], "never", retries=0)
    assert len(calls) == 4


def test_another_text_of_the_function_is_another_run(
    repo: Repository, images: list[Image], capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(limit: int) -> Any:
        def measure(image: Image) -> dict[str, int]:
            return {"above": int((image.plane() > limit).sum())}

        return measure

    first = map_images(measured(1), images[:1], "changed")
    assert capsys.readouterr().out == ""
    second = map_images(measured(150), images[:1], "changed")
    assert [o.state for o in (*first, *second)] == ["done", "done"]
    told = capsys.readouterr().out
    assert "another text of the function (1 images" in told and "repo.runs" in told
    tables = [table for table in images[0].tables if table.name == "changed"]
    sources = {table.record.provenance.source for table in tables}  # type: ignore[union-attr]
    assert len(tables) == len(sources) == 2


def test_an_interrupt_leaves_what_is_finished(images: list[Image]) -> None:
    began = threading.Event()

    def slow(image: Image) -> dict[str, int]:
        if image.id == images[0].id:
            return {"value": 1}
        began.set()
        time.sleep(0.3)
        return {"value": 2}

    class Interrupting(ThreadPoolExecutor):
        def submit(self, function: Any, *arguments: Any, **named: Any) -> Future[Any]:
            if len(given := self.__dict__.setdefault("given", [])) == 2:
                began.wait(5)
                raise KeyboardInterrupt
            given.append(super().submit(function, *arguments, **named))
            return given[-1]  # type: ignore[no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omero_jlab.analysis.pools.ThreadPoolExecutor", Interrupting)
        with pytest.raises(KeyboardInterrupt):
            map_images(slow, images, "stopped", workers=2)
    again = map_images(slow, images[:3], "stopped")
    assert [o.state for o in again] == ["skipped", "skipped", "done"]
    assert all(len(i.table("stopped")) == 1 for i in images[:3])


def test_what_a_killed_run_left_is_taken_away(repo: Repository, images: list[Image]) -> None:
    outcomes = map_images(squares, images[:2], "killed", parameters={"limit": 3})
    assert len(outcomes) == 2
    run = next(run for run in repo.runs if run.name == "killed")
    # As if the process had ended after the worker stored, and before that was remembered.
    store = repo._session._source._here.holder.store()  # type: ignore[attr-defined]
    from omero_jlab.database import RunImageRow

    with store.books() as db:
        for row in db.query(RunImageRow).execution_options(unguarded="jobs"):
            if row.run_id == run.id and row.image_id == images[1].id:
                db.delete(row)
    again = map_images(squares, images[:2], "killed", parameters={"limit": 3})
    assert [o.state for o in again] == ["skipped", "done"]
    assert len([table for table in images[1].tables if table.name == "killed"]) == 1
    assert len([labels for labels in images[1].labels if labels.name == "killed"]) == 1


def test_images_are_named_in_many_ways(repo: Repository, images: list[Image], dataset: Any) -> None:
    ids = [image.id for image in images]

    def told(chosen: Any, **more: Any) -> list[int]:
        return [o.image_id for o in map_images(identity, chosen, "ways", **more)]

    assert told(dataset) == ids
    assert told([ids[2], images[0], ids[2]]) == [ids[2], ids[0]]
    assert told(ids[:1], repository=repo) == ids[:1]
    assert told(repo.images) == ids
    assert told(images[3]) == [ids[3]]
    images[4].attach_table(pd.DataFrame({"area": [1, 2, 3]}), "Chosen")
    assert told("count(Chosen) > 2", repository=repo) == [ids[4]]
    for wrong, more, message in (
        ([1], {}, "repository=repo"),
        ("count(Chosen) > 2", {}, "repository=repo"),
        ([object()], {}, "is no image"),
    ):
        with pytest.raises(Invalid, match=message):
            told(wrong, **more)
    with pytest.raises(NotFound, match="no image 98765"):
        told([98765], repository=repo)


class Bar:
    """A progress bar that nobody sees."""

    def __init__(self, what: str, unit: str, total: int, done: int) -> None:
        self.began, self.count, self.said = (total, done), 0, ""

    def update(self) -> None:
        self.count += 1

    def set_postfix_str(self, text: str, refresh: bool) -> None:
        self.said = text

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self.count = -self.count


def test_the_bar_tells_what_is_done_and_what_failed(
    images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[Bar] = []

    def shown(*arguments: Any) -> Bar:
        bars.append(Bar(*arguments))
        return bars[-1]

    def odd(image: Image) -> int:
        if image.id == images[1].id:
            raise ValueError("odd")
        return 1

    monkeypatch.setattr("omero_jlab.analysis.images.progress_bar", shown)
    map_images(odd, images[:2], "bar", retries=0)
    map_images(odd, images[:4], "bar", retries=0)
    map_images(odd, images[:4], "bar", quiet=True)
    assert [(bar.began, bar.count, bar.said) for bar in bars] == [
        ((2, 0), -2, "1 failed"),
        ((4, 1), -3, "1 failed"),
    ]


@pytest.mark.long
@pytest.mark.parametrize("on", ["threads", "processes"])
def test_many_images_need_few_descriptors(
    repo: Repository, on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_jlab.analysis.pools._processes", ThreadPoolExecutor)
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    many = [repo.save_image(pixels, f"{on} {n}", dataset=f"Many {on}") for n in range(1000)]
    most: list[int] = []

    def brightest(image: Image) -> int:
        most.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208
        return int(image.plane().max())

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        outcomes = map_images(brightest, many, on, on=on, quiet=True)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert set(outcomes.values.values()) == {63} and len(outcomes.values) == 1000
    if on == "threads":
        assert max(most) < 450


# -- the right of workers


def prying(image: Image) -> dict[str, str]:
    """What a worker's session is refused, by what was tried."""
    session: Any = image._session
    tried = {
        "other image": lambda: session.images.get(image.id + 1),
        "other pixels": lambda: session.region(image.id + 1, 0, 0, 0, 0, 0, 0, 4, 4),
        "list": lambda: session.images.find(),
        "rename": lambda: image.rename("mine"),
        "delete": lambda: image.delete(),
        "tag": lambda: image.tag("mine"),
        "token": lambda: session.accounts.add_token(1),
        "delegation": lambda: session.delegations.add((image.id,)),
        "capability": lambda: session.zarr.add_capability(image.id),
        "unnamed table": lambda: image.attach_table(pd.DataFrame({"a": [1]}), "mine"),
        "new image": lambda: session.add_image(np.zeros((1, 1, 1, 4, 4), "u1"), "mine"),
        "status": lambda: session.server.status(),
    }
    found = {}
    for name, attempt in tried.items():
        try:
            attempt()
            found[name] = "done"
        except OmeroError as error:
            found[name] = type(error).__name__
    assert image.plane().shape == (32, 16 * COUNT) and image.labels is not None
    return found


def test_workers_do_nothing_but_their_work(
    repo: Repository, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_jlab.analysis.pools._processes", ThreadPoolExecutor)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        outcomes = map_images(prying, images[:1], "prying", on="processes", workers=1, retries=0)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert outcomes.failed == []
    (found,) = images[0].table("prying").to_pandas().to_dict("records")
    assert set(found.values()) == {"Denied"}, found
    assert repo._session.delegations.list() == (), "it ends with the run"


def test_a_right_that_ended_is_replaced(
    repo: Repository, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    delegations = repo._session.delegations

    class Sleeping(ThreadPoolExecutor):
        def submit(self, function: Any, *arguments: Any, **named: Any) -> Future[Any]:
            if arguments[1].id == images[1].id and not slept:
                slept.extend(delegations.list())
                delegations.remove(slept[0].id)
            return super().submit(function, *arguments, **named)

    slept: list[Any] = []
    monkeypatch.setattr("omero_jlab.analysis.pools._processes", Sleeping)

    def brightest(image: Image) -> dict[str, float]:
        return {"brightest": float(image.plane().max())}

    outcomes = map_images(brightest, images[:3], "late", on="processes", workers=1, retries=0)
    assert slept and [o.state for o in outcomes] == ["done"] * 3, outcomes.failed
    assert delegations.list() == ()


def test_a_right_is_renewed_while_the_run_lasts(
    repo: Repository, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_jlab.analysis.token.LASTS_S", 3)
    token = WorkersToken(repo._session, "key", [images[0].id], None)
    (first,) = repo._session.delegations.list()
    deadline = time.monotonic() + 60
    while repo._session.delegations.list()[0].expires_at == first.expires_at:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    token.close()
    assert repo._session.delegations.list() == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on": "fibres"}, "names no workers"),
        ({"retries": -1}, "0 times or more"),
        ({"workers": 0}, "At least one worker"),
        ({"parameters": {"model": object()}}, "kept with the results"),
    ],
)
def test_what_has_no_meaning_is_refused(
    images: list[Image], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        map_images(squares, images, **arguments)


def test_only_containers_share_tables(images: list[Image]) -> None:
    with pytest.raises(Invalid, match="Shared tables belong to a project"):
        map_images(squares, images, attach_to=images[0])
    with pytest.raises(NotFound, match="attach_to"):
        _ = map_images(squares, [], "nothing").table


def test_what_is_no_result_is_named(images: list[Image]) -> None:
    outcomes = map_images(lambda image: object(), images[:1], "list", retries=0)
    assert "may return a pandas.DataFrame" in outcomes[0].error


def test_a_scheduler_that_is_not_there_is_named(
    images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_jlab.analysis.pools._PATIENCE_S", 0.2)
    with pytest.raises(Unavailable, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        map_images(squares, images, on="tcp://127.0.0.1:9")


def test_objects_of_a_stored_image_are_measured_by_tiles(images: list[Image]) -> None:
    image = images[-1]
    found = measure_tiles(image, lambda pixels: label(pixels > 0), tile=20, overlap=9)
    assert found.count == COUNT
    assert set(found.table["area"]) == {64.0}
    labels = image.attach_labels(found.labels, "by tiles")
    assert len(np.unique(labels.array())) == COUNT + 1
