"""The names of originals in the repository: the user's own, or safe ones by the path rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from ...errors import Invalid
from ...formats import Contents, Plan
from ...storage import PathRules, safe_paths

__all__ = ["StoredNames"]


class StoredNames:
    """By which relative path each file of a fileset is stored; no two share one.

    Raises
    ------
    Invalid
        The fileset is a store of many files, whose names are part of its format, and a name
        breaks a rule; or a path is too long.
    """

    def __init__(self, plan: Plan, rules: PathRules) -> None:
        self._rules = rules
        paths = safe_paths(plan.files, rules)
        self._names = {file: str(path) for file, path in zip(plan.files, paths, strict=True)}
        if plan.main == "." and self.changed:
            raise self.refused(plan)

    def __getitem__(self, file: str) -> str:
        return self._names[file]

    @property
    def changed(self) -> bool:
        """Whether any file gets another name than it had."""
        return any(file != stored for file, stored in self._names.items())

    def plan(self, plan: Plan) -> Plan:
        """The fileset as it lies under its stored names."""
        planes = tuple(
            plane.model_copy(update={"file": self._names[plane.file]}) for plane in plan.planes
        )
        main = plan.main if plan.main == "." else self._names[plan.main]
        files = tuple(self._names[file] for file in plan.files)
        return plan.model_copy(update={"files": files, "main": main, "planes": planes})

    def contents(self, contents: Contents) -> Contents:
        """What is in the fileset, with indexes that speak of the stored names."""
        if not self.changed:
            return contents
        indexes = []
        for index in contents.indexes:
            if index is not None:
                files = tuple(
                    entry.model_copy(update={"path": self._names[entry.path]})
                    if entry.root == "fileset"
                    else entry
                    for entry in index.header.files
                )
                header = index.header.model_copy(update={"files": files})
                index = replace(index, header=header)
            indexes.append(index)
        return replace(contents, indexes=tuple(indexes))

    def refused(self, plan: Plan) -> Invalid:
        """Why a fileset cannot come under other names than it has; the rule is named."""
        file = next(file for file, stored in self._names.items() if file != stored)
        parts = [part for part in PurePosixPath(file).parts if self._rules.broken_by(part)]
        broken = (
            f'breaks the rule "{self._rules.broken_by(parts[0])}"'
            if parts
            else ("is that of another file on a system that does not tell their letters apart")
        )
        return Invalid(
            f"The name {parts[0] if parts else file!r} in {plan.name} {broken}, and its files know "
            f"each other by name: rename it, or loosen `path_rules` in config.toml."
        )
