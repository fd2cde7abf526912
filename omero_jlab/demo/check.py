"""The demo without a browser: everything counted, the notebook run, a second user's tiles."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from ..connection import connect
from ..errors import NotFound, OmeroError
from ..model import Tile
from ..objects import Repository
from ..remote import RemoteSession
from .contents import EXPECTED, GUEST, SHARED, fill
from .notebooks import copy_notebooks

__all__ = ["check"]

_NOTEBOOK_S = 600


class Failed(OmeroError):
    """A count or an answer was not what it must be."""


def check(root: Path) -> str:
    """Fill a repository, run the first notebook and look at it as a guest; one line of JSON.

    Raises
    ------
    Failed
        Something is not as it must be; says what was expected and what was found.
    """
    began = time.monotonic()
    repo = Repository(connect(root))
    is_new = fill(repo, quiet=True)
    _wait_for_pyramids(repo)
    counts = _counts(repo) | {"tiles": _tiles_of_guest(repo)}
    for name, expected in EXPECTED.items():
        # Where somebody has worked since, or this check has run the notebook, there is more.
        if counts[name] < expected or (is_new and counts[name] > expected):
            raise Failed(f"There are {counts[name]} {name}, and must be {expected}.")
    _run_notebook(root)
    return json.dumps(counts | {"seconds": round(time.monotonic() - began, 1)})


def _counts(repo: Repository) -> dict[str, int]:
    images = list(repo.images)
    tables = [table for image in images for table in image.tables]
    return {
        "images": len(images),
        "tables": len(tables),
        "rows": sum(len(table.query()) for table in tables),
        "labels": sum(len(image.labels) for image in images),
    }


def _wait_for_pyramids(repo: Repository) -> None:
    deadline = time.monotonic() + _NOTEBOOK_S
    while waiting := [image.name for image in repo.images if image.record.pyramid == "wanted"]:
        if time.monotonic() > deadline:
            raise Failed(f"The pyramids of {waiting} are not finished.")
        time.sleep(0.5)


def _tiles_of_guest(repo: Repository) -> int:
    """Fetch every level of what the guest may see over HTTP, and be refused the rest."""
    guest = next(user for user in repo.accounts.users() if user.name == GUEST)
    secret = repo.accounts.add_token(guest.id, "check")
    own = repo._session.remote()  # type: ignore[attr-defined]
    session = RemoteSession(own.transport.url, secret.secret)
    shared = {group.id for group in repo.groups if group.name == SHARED}
    tiles = 0
    try:
        for image in repo.images:
            tile = Tile(level=0, t=0, z=0, row=0, column=0)
            if image.record.group_id not in shared:
                try:
                    session.tile(image.id, tile)
                except NotFound:
                    continue
                raise Failed(f"The guest sees image {image.id}, which is private.")
            for level in range(len(image.levels)):
                picture = session.tile(image.id, tile.model_copy(update={"level": level}))
                if not picture.startswith(b"\xff\xd8"):
                    raise Failed(f"Level {level} of image {image.id} came as no JPEG.")
                tiles += 1
    finally:
        session.close()
        repo.accounts.remove_token(secret.id)
    return tiles


def _run_notebook(root: Path) -> None:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    path = copy_notebooks(root.parent / "notebooks")
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=_NOTEBOOK_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    os.environ["OMERO_JLAB_REPOSITORY"] = str(root)
    try:
        client.execute()
    except CellExecutionError as error:
        raise Failed(f"{path.name} failed: {error}") from error
