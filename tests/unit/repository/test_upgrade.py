"""An upgrade of the database is done, or it was never begun: whatever happens in the middle."""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from omero_jlab.cli import main
from omero_jlab.database import migrate
from omero_jlab.database.migrate import MIGRATIONS
from omero_jlab.errors import Full, Unavailable, Unreadable
from omero_jlab.model import UpgradePlan
from omero_jlab.objects import Repository
from omero_jlab.repository import Store
from omero_jlab.repository.upkeep import upgrade
from omero_jlab.repository.upkeep.upgrade import plan_upgrade, upgrade_repository
from omero_jlab.storage import Layout, RepositoryLock, Space

RELEASE = Path(__file__).parents[2] / "releases" / "0.1.0.tar.xz"
NEXT = '''"""what comes next"""

import os
import signal

import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE half (id INTEGER PRIMARY KEY)")
    op.execute("DELETE FROM token")
    {then}
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository of the first release, closed."""
    with tarfile.open(RELEASE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "repository"


@pytest.fixture
def following(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Add one more migration, which changes something and then does what is given."""

    def following(then: str) -> Path:
        folder = tmp_path / "migrations"
        shutil.copytree(MIGRATIONS, folder)
        head = max(each.name[:4] for each in (folder / "versions").glob("0*.py"))
        (folder / "versions" / "9000_next.py").write_text(NEXT.format(head=head, then=then))
        monkeypatch.setattr(sys.modules[migrate.__module__], "MIGRATIONS", folder)
        return folder

    return following


def schema(root: Path) -> str:
    with closing(sqlite3.connect(root / "omero-jlab.db")) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def content(root: Path) -> str:
    """Everything that stands in the database, as one word."""
    with closing(sqlite3.connect(root / "omero-jlab.db")) as database:
        said = "\n".join(database.iterdump())
    return hashlib.sha256(said.encode()).hexdigest()


def left_beside(root: Path) -> list[str]:
    return [path.name for path in root.glob("omero-jlab.db.*")]


def opened_whole(root: Path) -> None:
    store = Store.open(root)
    try:
        assert len(list(Repository(store.session("root")).images)) == 3
    finally:
        store.close()
    assert left_beside(root) == []


def test_a_dry_run_tells_what_would_be_done_and_changes_nothing(root: Path) -> None:
    before = content(root)
    plan = plan_upgrade(root)
    assert plan.schema_version == "0001"
    assert [step.revision for step in plan.steps][:1] == ["0002"]
    assert plan.newest == plan.steps[-1].revision
    assert all(step.what for step in plan.steps)
    assert plan.bytes_needed >= (root / "omero-jlab.db").stat().st_size
    assert plan.problems == ()
    assert content(root) == before
    assert left_beside(root) == []


def test_an_upgrade_keeps_every_row(root: Path) -> None:
    plan = upgrade_repository(root)
    assert schema(root) == plan.newest
    assert upgrade_repository(root).steps == ()
    opened_whole(root)


def test_a_team_decides_when(root: Path) -> None:
    with pytest.raises(Unavailable, match="admin upgrade"):
        Store.open(root, tier="team")
    assert schema(root) == "0001"
    upgrade_repository(root)
    Store.open(root, tier="team").close()


def test_an_open_repository_is_not_upgraded(root: Path) -> None:
    lock = RepositoryLock(Layout(root).lock)
    assert lock.acquire()
    try:
        with pytest.raises(Unavailable, match="open"):
            upgrade_repository(root)
    finally:
        lock.release()
    assert schema(root) == "0001"


@pytest.mark.parametrize(
    "then",
    [
        "op.execute('SELECT no_such_function()')",
        "pass  # rows of tokens are missing, and a table that no row describes is there",
        "op.get_bind().commit(); op.execute('SELECT no_such_function()')",
    ],
    ids=["fails", "loses rows", "fails when part is committed"],
)
def test_a_failed_upgrade_leaves_the_database_as_it_was(
    root: Path, following: Callable[[str], Path], then: str
) -> None:
    before = content(root)
    following(then)
    with pytest.raises(Unreadable, match="as it was before"):
        upgrade_repository(root)
    assert content(root) == before
    assert left_beside(root) == []
    with pytest.raises(Unreadable):
        Store.open(root)
    assert content(root) == before


def test_a_programming_error_in_a_migration_undoes_it_too(
    root: Path, following: Callable[[str], Path]
) -> None:
    before = content(root)
    following("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        upgrade_repository(root)
    assert content(root) == before


def test_too_little_room_is_told_before_anything_is_done(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(root)
    monkeypatch.setattr(upgrade, "space", lambda path: Space(total=1 << 30, free=1000))
    with pytest.raises(Full, match="needs"):
        upgrade_repository(root)
    assert content(root) == before


def test_a_disk_that_fills_up_meanwhile_undoes_it(
    root: Path, following: Callable[[str], Path]
) -> None:
    before = content(root)
    # As many pages as there are now: the next one is one too many.
    following(
        "op.execute('PRAGMA max_page_count = 1'); "
        "op.execute('CREATE TABLE more AS SELECT zeroblob(9000000) AS x')"
    )
    with pytest.raises(Full, match="as it was before"):
        upgrade_repository(root)
    assert content(root) == before


KILLED = """
import sys
from pathlib import Path
import omero_jlab.repository.upkeep.upgrade as upgrade
sys.modules[upgrade.migrate.__module__].MIGRATIONS = Path(sys.argv[2])
if len(sys.argv) > 3:
    import os, signal
    setattr(upgrade, sys.argv[3], lambda *arguments: os.kill(os.getpid(), signal.SIGKILL))
upgrade.upgrade_repository(Path(sys.argv[1]))
"""


def killed(*arguments: object) -> None:
    command = [sys.executable, "-c", KILLED, *map(str, arguments)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def test_a_kill_in_the_middle_of_a_migration_is_undone(
    root: Path, following: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(root)
    folder = following("os.kill(os.getpid(), signal.SIGKILL)")
    killed(root, folder)
    assert left_beside(root) != [], "or nothing was under way"
    assert content(root) == before
    monkeypatch.undo()
    opened_whole(root)


@pytest.mark.long
def test_a_kill_after_part_was_committed_is_undone(
    root: Path, following: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(root)
    folder = following("op.get_bind().commit(); os.kill(os.getpid(), signal.SIGKILL)")
    killed(root, folder)
    assert content(root) != before, "or nothing was committed"
    monkeypatch.undo()
    opened_whole(root)
    with closing(sqlite3.connect(root / "omero-jlab.db")) as database:
        assert not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchall()


@pytest.mark.parametrize("step", ["_forget", pytest.param("_look_again", marks=pytest.mark.long)])
def test_a_kill_at_the_end_of_an_upgrade_is_finished(root: Path, step: str) -> None:
    killed(root, MIGRATIONS, step)
    assert left_beside(root) != []
    opened_whole(root)


def test_a_damaged_database_is_not_upgraded(root: Path) -> None:
    with closing(sqlite3.connect(root / "omero-jlab.db")) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("UPDATE membership SET group_id = 4711")
        database.commit()
    assert plan_upgrade(root).problems
    with pytest.raises(Unreadable, match="damaged"):
        upgrade_repository(root)
    assert schema(root) == "0001"


def test_the_command_says_what_it_does(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ("admin", "upgrade", "--repository", str(root))
    assert main([*said, "--dry-run", "--json"]) == 0
    plan = UpgradePlan.model_validate_json(capsys.readouterr().out)
    assert plan.schema_version == "0001"
    assert main([*said, "--dry-run"]) == 0
    assert "would be upgraded from 0001" in capsys.readouterr().out
    assert main(said) == 0
    assert "was upgraded from 0001" in capsys.readouterr().out
    assert main(said) == 0
    assert "nothing to do" in capsys.readouterr().out
    opened_whole(root)


def test_what_was_deleted_before_can_be_brought_back(root: Path) -> None:
    (root / "config.toml").write_text("[trash]\ndays = 90000")
    with closing(sqlite3.connect(root / "omero-jlab.db")) as database:
        for table, condition in (
            ("image", "name = 'tiled.tif'"),
            ("fileset", "id = (SELECT fileset_id FROM image WHERE name = 'tiled.tif')"),
        ):
            time = "2026-01-02 03:04:05.678901"
            database.execute(f"UPDATE {table} SET deleted_at = '{time}' WHERE {condition}")
        database.commit()
    store = Store.open(root)
    try:
        repo = Repository(store.session("root"))
        assert len(list(repo.images)) == 2
        (deletion,) = (each for each in repo.deletions if each.name == "tiled.tif")
        assert (deletion.kind, deletion.user) == ("image", "")
        assert (deletion.images, deletion.rows) == (1, 2)
        assert repo.undelete(deletion).images == 1
        assert len(list(repo.images)) == 3
    finally:
        store.close()


def test_the_name_of_a_migration_begins_with_its_revision() -> None:
    """Whether a database is the newest is told from the names, without loading Alembic."""
    for each in (MIGRATIONS / "versions").glob("*_*.py"):
        revision = re.search(r'^revision = "(.*)"$', each.read_text(), re.MULTILINE)
        assert revision is not None and each.name.startswith(f"{revision[1]}_")
