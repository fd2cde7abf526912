"""Bringing images in from a notebook: which files, from whose disk, to where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack, get_args

from ..errors import Invalid
from ..model import (
    Checksum,
    ImportPlan,
    ImportReport,
    ImportRequest,
    ImportRow,
    Record,
    TransferMode,
)
from ..model import Image as ImageRecord
from ..operations import AnySession
from .image import Image, ImageList
from .progress import wait
from .sheet import Sheet, read_sheet

__all__ = ["How", "Importing"]

_AT_ONCE = 1000
R = TypeVar("R", bound=Record)


class How(TypedDict, total=False):
    """Where images go, what they are called, and how their files come.

    `channels` joins one-channel files: `"{well}_{field}_{channel}.tif"`.  Containers are given by
    name, and made where they are missing.  `transfer` is "copy", "hardlink", "symlink" (in place)
    or "move"; `checksum` one of OMERO's algorithms, besides SHA-256.
    """

    dataset: str | None
    project: str | None
    screen: str | None
    plate: str | None
    channels: str | None
    channel_names: Sequence[str]
    name: str | None
    tags: Sequence[str]
    key_values: Mapping[str, object] | Iterable[tuple[str, object]]
    transfer: TransferMode
    checksum: Checksum
    parallel: int
    skip_existing: bool


@dataclass(frozen=True)
class _Asked:
    """A request, and where the repository finds what lies at each path of this machine."""

    request: ImportRequest
    places: Mapping[Path, str]
    dry_run: bool

    @property
    def whose_disk(self) -> str:
        """On whose disk the paths are."""
        uploaded = sum(str(path) != there for path, there in self.places.items())
        here = len(self.places) - uploaded
        where = [f"{_paths(here)} on the repository's disk"] * bool(here)
        where += [f"{_paths(uploaded)} uploaded from this machine"] * bool(uploaded)
        return " and ".join(where)

    def told(self, answer: R) -> R:
        """A plan or a report in paths of this machine."""
        back = {Path(there): path for path, there in self.places.items() if there != str(path)}
        if not back:
            return answer
        changed: dict[str, Any] = {
            name: tuple(_renamed(each, back) for each in getattr(answer, name))
            for name in ("failed", "skipped", "ignored", "filesets")
            if name in type(answer).model_fields
        }
        return answer.model_copy(update=changed)


def _paths(count: int) -> str:
    return "1 path" if count == 1 else f"{count} paths"


class Importing:
    """What a repository takes in."""

    _session: AnySession

    def plan_import(
        self, *paths: str | Path, bulk: str | Path | None = None, **how: Unpack[How]
    ) -> ImportPlan:
        """What `import_files` would make of these paths, image by image; nothing is imported."""
        asked = self._asked(paths, bulk, how)
        return asked.told(self._session.ingest.plan(asked.request, images=True))

    def import_files(
        self,
        *paths: str | Path,
        bulk: str | Path | None = None,
        quiet: bool = False,
        **how: Unpack[How],
    ) -> ImageList:
        """Import files and folders of this machine; answers the images, with `.failed`.

        `channels` joins one-channel files to images: `"{well}_{field}_{channel}.tif"`; containers
        are given by name, and made where they are missing.  `tags` and `key_values` are attached
        to every image.  `transfer` is "copy", "hardlink", "symlink" (in place) or "move"; files
        that the repository's machine does not see are uploaded.  With `skip_existing`, what is
        there already is left out, and named in `.skipped`.  `bulk` is a CSV, TSV or YAML file with
        a row for each path.

        Raises
        ------
        Invalid
            A path does not exist, an option is not one of those that there are, or the sheet is
            wrong: each of its lines that is, is named, and nothing was imported.
        """
        asked = self._asked(paths, bulk, how)
        if not quiet:
            planned = self._session.ingest.plan(asked.request, images=asked.dry_run)
            print(
                f"{asked.whose_disk}: {planned.bytes_to_copy / 1e6:,.1f} MB to copy, "
                f"{planned.bytes_free / 1e9:,.1f} GB free"
            )
            if asked.dry_run:
                print(asked.told(planned).as_text())
        if asked.dry_run:
            return ImageList()
        job = self._session.ingest.start(asked.request)
        found = wait(self._session, job, "import", quiet)
        assert isinstance(found, ImportReport)
        report = asked.told(found)
        result = self._images(report)
        if not quiet:
            for failure in report.failed:
                print(f"not imported: {failure.path}: {failure.reason}")
            for one in report.skipped:
                print(f"here already: {one.path}: image {', '.join(map(str, one.image_ids))}")
        return result

    def _images(self, report: ImportReport) -> ImageList:
        images: dict[int, ImageRecord] = {}
        for start in range(0, len(report.image_ids), _AT_ONCE):
            ids = report.image_ids[start : start + _AT_ONCE]
            images |= {i.id: i for i in self._session.images.find(ids=ids)}
        made = (Image(self._session, images[i]) for i in report.image_ids)
        return ImageList(made, report.failed, report.skipped)

    def _asked(self, paths: Iterable[str | Path], bulk: str | Path | None, how: How) -> _Asked:
        options = _options(how)
        sheet = Sheet(()) if bulk is None else read_sheet(bulk)
        if bulk is not None:
            # What is said for all goes for every row that does not say otherwise.
            options["skip_existing"] = options.get("skip_existing", False) or sheet.skip_existing
            options["parallel"] = options.get("parallel", sheet.parallel)
        mode = options.get("transfer", "copy")
        given = [Path(path).expanduser().absolute() for path in paths]
        if not given and not sheet.rows:
            raise Invalid("No paths were given to import.")
        missing = [path for path in given if not path.exists() and mode != "symlink"]
        if missing:
            raise Invalid(
                f"{missing[0]} does not exist on this machine: nothing was imported. Give a path "
                f"of this machine; what the repository's server does not see is uploaded."
            )
        shared = {n: v for n, v in options.items() if n in ImportRow.model_fields}
        rows = [ImportRow(**(shared | _said(row))) for row in sheet.rows]
        places = {path: self._place(path, mode) for path in given}
        places |= {Path(row.path): self._place(Path(row.path), row.transfer) for row in rows}
        request = ImportRequest(
            **options,
            paths=tuple(places[path] for path in given),
            rows=tuple(row.model_copy(update={"path": places[Path(row.path)]}) for row in rows),
        )
        return _Asked(request, places, sheet.dry_run)

    def _place(self, path: Path, mode: TransferMode) -> str:
        """Where the repository finds what lies at `path` here."""
        if mode == "copy":
            return self._session.upload(path)
        if mode != "symlink" and not self._session.sees(path):
            raise Invalid(
                f'{path} lies on this machine, and transfer="{mode}" is for files on the '
                f'repository\'s disk: transfer="copy" uploads it.'
            )
        return str(path)


def _options(how: How) -> dict[str, Any]:
    """The options as a request has them; those that are None are left out."""
    options: dict[str, Any] = {name: v for name, v in how.items() if v is not None}
    unknown = set(options) - set(How.__annotations__)
    if unknown:
        names = ", ".join(How.__annotations__)
        raise Invalid(f"An import has no option {sorted(unknown)[0]!r}; it has {names}.")
    for choice, known in (("transfer", get_args(TransferMode)), ("checksum", get_args(Checksum))):
        if options.get(choice, known[0]) not in known:
            raise Invalid(f"{choice} is one of {', '.join(known)}, not {options[choice]!r}.")
    given = options.pop("key_values", ())
    pairs = given.items() if isinstance(given, Mapping) else given
    options["key_values"] = tuple((str(key), str(value)) for key, value in pairs)
    return options | {n: tuple(options[n]) for n in ("tags", "channel_names") if n in options}


def _said(row: ImportRow) -> dict[str, Any]:
    """What a row says itself."""
    return {name: value for name, value in row if name in row.model_fields_set and value != ()}


def _renamed(named: Record, back: Mapping[Path, Path]) -> Record:
    place = Path(getattr(named, "path", ""))
    for each in (place, *place.parents):
        if each in back:
            path = str(back[each] / place.relative_to(each))
            return named.model_copy(update={"path": path})
    return named
