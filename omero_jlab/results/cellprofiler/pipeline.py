"""A pipeline (.cppipe, .json): its modules, and from which image each image and object came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import TooLarge, Unreadable

__all__ = ["Module", "Outlines", "Pipeline", "Saved", "parse", "read_pipeline"]

_MAX_BYTES = 32 * 2**20
_MAX_MODULES = 2_000
_LONGEST_CHAIN = 100
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})")
# What modules call the thing they work on and the thing they make, in all versions.
_SOURCES = frozenset({
    "select the input image", "select the input objects", "select the larger identified objects",
    "select the object to filter", "select the objects to filter", "select objects to be masked",
    "select the objects to be edited", "select the first image", "select the additional image?",
})  # fmt: skip
_RESULTS = frozenset({
    "name the output image", "name the output objects", "name the masked objects",
    "name the primary objects to be identified", "name the objects to be identified",
    "name the tertiary objects to be identified", "name the edited objects",
    "name the new primary objects",
})  # fmt: skip


@dataclass(frozen=True)
class Module:
    """One step: its settings in order, since a setting may occur several times."""

    name: str
    settings: tuple[tuple[str, str], ...]

    def get(self, *texts: str) -> str | None:
        """The value of the first setting called as one of `texts`, whatever its case."""
        wanted = [text.casefold() for text in texts]
        for key, value in self.settings:
            if key.casefold() in wanted:
                return value
        return None


@dataclass(frozen=True)
class Saved:
    """What a SaveImages module wrote: file names are prefix channel's stem + `suffix`."""

    image: str
    prefix_channel: str
    suffix: str


@dataclass(frozen=True)
class Outlines:
    """A picture with the outlines of `objects`: on black (`is_blank`), or over an image."""

    is_blank: bool
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Pipeline:
    """The enabled modules in order; `version` is CellProfiler's."""

    version: str
    modules: tuple[Module, ...]

    def maker(self, name: str) -> tuple[Module, str] | None:
        """The module that made the image or object `name`, and what it made it from."""
        for module in self.modules:
            for made, source in _made(module):
                if made == name:
                    return module, source
        return None

    def steps(self, name: str) -> str:
        """The modules that led to the image or object `name`, the first one first."""
        steps: list[str] = []
        while len(steps) < _LONGEST_CHAIN:
            made = self.maker(name)
            if made is None or made[1] == name:
                break
            steps.insert(0, f"{made[0].name} ({made[1]} → {name})")
            name = made[1]
        return ", ".join(steps)

    def converted(self) -> dict[str, str]:
        """Image names that ConvertObjectsToImage made, and of which object."""
        found = {}
        for module in self.modules:
            if module.name == "ConvertObjectsToImage":
                objects = module.get("Select the input objects")
                image = module.get("Name the output image")
                if objects and image and module.get("Select the color format") == "uint16":
                    found[image] = objects
        return found

    def outlines(self) -> dict[str, Outlines]:
        """The pictures with outlines that OverlayOutlines made, by name."""
        found = {}
        for module in self.modules:
            name = module.get("Name the output image")
            if module.name == "OverlayOutlines" and name:
                blank = module.get("Display outlines on a blank image?") == "Yes"
                wanted = ("select objects to display", "select objects to outline")
                objects = [v for k, v in module.settings if k.casefold() in wanted]
                found[name] = Outlines(blank, tuple(dict.fromkeys(objects)))
        return found

    def saved(self) -> tuple[Saved, ...]:
        """The images that were saved beside the names of their input files."""
        found = []
        for module in self.modules:
            if module.name != "SaveImages":
                continue
            image = module.get("Select the image to save", "Select the objects to save")
            prefix = module.get("Select image name for file prefix")
            method = module.get("Select method for constructing file names") or ""
            if image and prefix and method == "From image filename":
                wanted = module.get("Append a suffix to the image file name?") == "Yes"
                suffix = module.get("Text to append to the image name") if wanted else ""
                found.append(Saved(image, prefix, suffix or ""))
        return tuple(found)


def read_pipeline(path: Path) -> Pipeline:
    """The pipeline at `path`.

    Raises
    ------
    TooLarge, Unreadable
        It is larger than pipelines are, or none.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise TooLarge(f"{path.name} is larger than {_MAX_BYTES >> 20} MiB, as no pipeline is.")
    return parse(path.read_text(encoding="utf-8", errors="replace"), path.name)


def parse(text: str, name: str = "pipeline") -> Pipeline:
    """The pipeline that `text` holds, as CellProfiler 2 to 4 write it, or 5 as JSON."""
    if text.lstrip().startswith("{"):
        return _of_json(text, name)
    lines = text.splitlines()
    if not lines or not lines[0].startswith("CellProfiler Pipeline:"):
        raise Unreadable(f"{name} does not begin as a CellProfiler pipeline does.")
    version = ""
    modules: list[tuple[str, list[tuple[str, str]]]] = []
    enabled = False
    for line in lines[1:]:
        if line.startswith("    "):
            if enabled:
                key, _, value = line.strip().partition(":")
                modules[-1][1].append((_unescaped(key), _unescaped(value)))
        elif ":[" in line:
            head, _, attributes = line.partition(":[")
            enabled = "|enabled:False" not in attributes
            if enabled:
                modules.append((head.strip(), []))
            if len(modules) > _MAX_MODULES:
                raise TooLarge(f"{name} has more than {_MAX_MODULES:,} modules.")
        elif line.startswith("DateRevision:") and not modules:
            version = _version(line.partition(":")[2].strip())
    return Pipeline(version, tuple(Module(m, tuple(settings)) for m, settings in modules))


def _of_json(text: str, name: str) -> Pipeline:
    """Modules are objects with `attributes` (`module_name` or `module_path`, `enabled`) and
    `settings` (`text`, `value`).
    """
    try:
        said = json.loads(text)
        listed = said["modules"]
        if len(listed) > _MAX_MODULES:
            raise TooLarge(f"{name} has more than {_MAX_MODULES:,} modules.")
        modules = []
        for one in listed:
            known = one["attributes"]
            if known.get("enabled") in (False, "False"):
                continue
            called = known.get("module_name") or str(known["module_path"]).rpartition(".")[2]
            settings = tuple((str(s["text"]), _value(s.get("value"))) for s in one["settings"])
            modules.append(Module(str(called), settings))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{name} is no pipeline of CellProfiler's: {error!r}") from error
    return Pipeline(_version(str(said.get("date_revision", ""))), tuple(modules))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _version(revision: str) -> str:
    """`4281` is 4.2.8.1; revisions before version 3 are dates and say nothing."""
    return ".".join(revision) if revision.isdigit() and 3 <= len(revision) <= 5 else ""


def _made(module: Module) -> Iterable[tuple[str, str]]:
    """Pairs of what a module makes and what it makes it from, in the order of the settings."""
    results = [value for key, value in module.settings if key.casefold() in _RESULTS]
    sources = [value for key, value in module.settings if key.casefold() in _SOURCES]
    for i, result in enumerate(results):
        if sources:
            yield result, sources[min(i, len(sources) - 1)]
