"""What an import would do: filesets, what would become of them, how much room they take."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from ...errors import OmeroError
from ...formats import Plan, Planned
from ...model import (
    FoundImage,
    ImportFailure,
    ImportOptions,
    ImportPlan,
    ImportRequest,
    PlannedFileset,
    PlannedImage,
)
from ...storage import space
from ..state import State
from ..work import Work
from .described import channel_names, image_name, main_path
from .existing import existing_images
from .foreign import plan_filesets, read_fileset

__all__ = ["describe_plan", "plan_request"]


def plan_request(store: State, request: ImportRequest, brought: Collection[str] = ()) -> Planned:
    """The filesets that a request names, in the order of its paths.

    Paths in `brought` may be gone: an earlier run of the same import has moved them.
    """
    plans: list[Plan] = []
    failed: list[ImportFailure] = []
    ignored: list[ImportFailure] = []
    for channels, named in _by_pattern(request).items():
        paths = [path for path in named if str(path) not in brought or path.exists()]
        if not paths:
            continue
        planned = plan_filesets(store.workers, paths, channels)
        # A row that names a file in the folder of another row has that file for itself.
        plans += [p for p in planned.plans if _options(request, p).channels == channels]
        failed += planned.failed
        ignored += planned.ignored
    if not plans and not failed and not brought:
        reason = "no image was found in it"
        failed = [ImportFailure(path=path, reason=reason) for path in request.all_paths]
    plans.sort(key=lambda plan: request.named(main_path(plan))[0])
    return Planned(plans=tuple(plans), failed=tuple(failed), ignored=tuple(ignored))


def describe_plan(
    session: Work, request: ImportRequest, planned: Planned, images: bool = False
) -> ImportPlan:
    """What would become of planned filesets; with `images`, each is read for what is in it."""
    filesets: list[PlannedFileset] = []
    failed = list(planned.failed)
    for plan in planned.plans:
        try:
            filesets.append(_described(session, request, plan, images))
        except OmeroError as error:
            reason = " ".join(str(error).split())
            failed.append(ImportFailure(path=str(main_path(plan)), reason=reason))
    copied = [f for f in filesets if f.transfer in ("copy", "move") and not f.existing]
    return ImportPlan(
        filesets=tuple(filesets),
        failed=tuple(failed),
        ignored=planned.ignored,
        bytes_to_copy=sum(fileset.size for fileset in copied),
        bytes_free=space(session.store.layout.root).free,
    )


def _described(session: Work, request: ImportRequest, plan: Plan, images: bool) -> PlannedFileset:
    options = _options(request, plan)
    existing = existing_images(session, plan) if request.skip_existing else ()
    found = read_fileset(session.store.workers, plan).images if images and not existing else ()
    return PlannedFileset(
        name=plan.name,
        format=plan.format,
        files=plan.files,
        size=sum(path.stat().st_size for path in plan.paths),
        path=str(main_path(plan)),
        images=tuple(_image(request, plan, image, len(found)) for image in found),
        target=_target(plan, options, found),
        transfer=options.transfer,
        existing=existing,
    )


def _image(request: ImportRequest, plan: Plan, found: FoundImage, count: int) -> PlannedImage:
    channel_names(_options(request, plan), found)
    sizes = ", ".join(f"{axis.upper()} {getattr(found.sizes, axis)}" for axis in "tczyx")
    name = image_name(request, plan, found, count)
    return PlannedImage(name=name, sizes=sizes, dtype=found.dtype)


def _target(plan: Plan, options: ImportOptions, found: tuple[FoundImage, ...]) -> str:
    positions = [image.position for image in found] or [plan.position]
    if all(position is None for position in positions):
        return _path(("project", options.project), ("dataset", options.dataset))
    own = next(position.plate for position in positions if position is not None)
    plate = options.plate or own or plan.root.name
    return _path(("screen", options.screen), ("plate", plate))


def _path(*steps: tuple[str, str | None]) -> str:
    return " › ".join(f"{kind} {name}" for kind, name in steps if name) or "no dataset"


def _by_pattern(request: ImportRequest) -> dict[str | None, list[Path]]:
    found: dict[str | None, list[Path]] = {}
    for channels, path in _patterns(request):
        found.setdefault(channels, []).append(Path(path))
    return found


def _patterns(request: ImportRequest) -> Iterator[tuple[str | None, str]]:
    for path in request.paths:
        yield request.channels, path
    for row in request.rows:
        yield row.channels, row.path


def _options(request: ImportRequest, plan: Plan) -> ImportOptions:
    return request.options_of(main_path(plan))
