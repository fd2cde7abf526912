"""A stream that is sent again, because its answer was lost, is applied once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from omero_jlab.connection import connect, disconnect
from omero_jlab.errors import Unavailable
from omero_jlab.remote import RemoteSession
from omero_jlab.repository import Store
from omero_jlab.server import Listener

FRAME = pd.DataFrame({"label": [1, 2], "area": [1.5, 2.5]})


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "real", create=True)
    yield store
    store.close()


@pytest.fixture
def real(open_store: Store, standalone_server: Any) -> Listener:
    listener: Listener = standalone_server(open_store)
    return listener


def test_over_http(real: Listener, tmp_path: Path) -> None:
    url, secret = real.start().url, real.holder.secret
    session = RemoteSession(url, secret, request_id="b" * 32)
    project = RemoteSession(session.transport).containers.add_project("p")
    note = tmp_path / "note.txt"
    note.write_text("note")
    tables = [session.add_table("project", project.id, "t", FRAME) for _ in range(2)]
    assert tables[0] == tables[1]
    later = RemoteSession(session.transport, request_id="c" * 32)
    assert [later.append_rows(tables[0].id, FRAME).rows for _ in range(2)] == [4, 4]
    another = RemoteSession(session.transport, request_id="d" * 32)
    files = [another.add_file("project", project.id, note) for _ in range(2)]
    assert files[0] == files[1]
    assert len(session.tables.list("project", project.id)) == 1
    assert session.read_rows(tables[0].id)["area"].tolist() == [1.5, 2.5, 1.5, 2.5]
    session.close()


def test_when_the_answer_is_lost_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = connect(tmp_path / "real")
    try:
        project = session.containers.add_project("p")
        from omero_jlab.repository import Session

        add, lost = Session.add_table, []

        def lossy(self: Session, *args: Any, **kwargs: Any) -> Any:
            made = add(self, *args, **kwargs)
            lost.append(made)
            raise Unavailable("the answer was lost")

        monkeypatch.setattr(Session, "add_table", lossy)
        made = session.add_table("project", project.id, "t", FRAME)
        assert lost == [made]
        assert len(session.tables.list("project", project.id)) == 1
    finally:
        disconnect()
