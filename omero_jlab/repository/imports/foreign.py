"""Foreign files, read in confined processes: planned, indexed, transcoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import Denied, Invalid, NotFound
from ...formats import Contents, Plan, Planned
from ...storage import is_upload_of
from ...workers import Workers
from ..work import Work

__all__ = ["check_nameable", "check_own", "plan_filesets", "read_fileset", "transcode_fileset"]

_MODULE = "omero_jlab.formats"
_MOST_NAMED = 64
_LEAST_S = 60.0
_BYTES_PER_S = 4e6


def check_own(session: Work, paths: Sequence[Path]) -> None:
    """Refuse paths on the server's disk that the user has no business with.

    Whose programs share the disk with this process could read the files anyway; everybody else
    names files that they uploaded themselves.

    Raises
    ------
    Denied
        A path is neither.
    Invalid
        No file could have that name.
    """
    for path in paths:
        check_nameable(path)
    if session.shares_disk:
        return
    layout = session.store.layout
    for path in paths:
        if not is_upload_of(layout, session.user, path):
            raise Denied(
                f"{path} is a path on the server, where you may import only what you uploaded: "
                f"use import_files() with a path of your own machine, which uploads it."
            )


def check_nameable(path: Path) -> None:
    """Raise `Invalid` where no file could have that name."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    except (ValueError, OSError) as error:
        raise Invalid(f"{str(path)[:200]!r} cannot be the path of a file: {error}") from error


def plan_filesets(workers: Workers, paths: Sequence[Path], channels: str | None) -> Planned:
    """The filesets at `paths`.  Files that belong to one may lie beside it, so that a worker
    sees the folders of the named files.
    """
    missing = [path for path in paths if not path.exists()]
    if len(missing) == len(paths):
        raise NotFound(
            f"{missing[0]} does not exist on the disk of the repository's server: give a path "
            f"there, or upload the files."
        )
    visible = {path if path.is_dir() else path.parent for path in paths if path.exists()}
    names = [str(path) for path in paths]
    answer = workers.run(
        f"{_MODULE}:plan_in_worker", names, channels, folder=sorted(visible), timeout_s=600
    )
    planned = Planned.model_validate_json(answer)
    _check_inside(planned, visible)
    return planned


def read_fileset(workers: Workers, plan: Plan) -> Contents:
    """What is in a fileset where it lies now."""
    answer = workers.run(
        f"{_MODULE}:read_in_worker",
        str(plan.root.resolve()),
        plan.model_dump_json(),
        folder=_visible(plan),
        timeout_s=_patience(plan),
    )
    return Contents.from_bytes(answer)


def transcode_fileset(workers: Workers, plan: Plan, root: Path, out: Path) -> Contents:
    """What is in a fileset that lies below `root`; pixels that need it are written to `out`."""
    answer = workers.run(
        f"{_MODULE}:transcode_in_worker",
        str(root.resolve()),
        plan.model_dump_json(),
        str(out.resolve()),
        folder=_visible(plan) if root == plan.root else root,
        writable=out,
        timeout_s=_patience(plan),
    )
    return Contents.from_bytes(answer)


def _visible(plan: Plan) -> list[Path]:
    return list(plan.paths) if len(plan.files) <= _MOST_NAMED else [plan.root]


def _patience(plan: Plan) -> float:
    return _LEAST_S + sum(path.stat().st_size for path in plan.paths) / _BYTES_PER_S


def _check_inside(planned: Planned, visible: set[Path]) -> None:
    """A plan comes from a process that looked at foreign files: it names nothing else."""
    roots = [folder.resolve() for folder in visible]
    for plan in planned.plans:
        for path in plan.paths:
            if not any(path.resolve().is_relative_to(root) for root in roots):
                raise Invalid(f"{plan.name} refers to {path}, outside of what was to be imported.")
