"""Which stored image each image set is: by content, then by name, then by place on the plate."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PureWindowsPath

from .records import Ambiguous, Candidate, ImageSet, Match, MatchedBy, Matching, SetFile, Unmatched

__all__ = ["match", "stem", "well_name"]

_WELL = re.compile(r"^\s*([A-Za-z]{1,2})[\s_-]*0*([0-9]{1,3})\s*$")
_SUFFIX = re.compile(r"(\.ome|\.nii)?\.[a-z][a-z0-9]{0,7}$")


def well_name(text: str | None) -> str | None:
    """`text` as plates are labelled (`b3` and `B003` are `B03`), or unchanged if it is no well."""
    if text is None or not text.strip():
        return None
    found = _WELL.match(text)
    return f"{found[1].upper()}{int(found[2]):02d}" if found else text.strip()


def match(image_sets: Sequence[ImageSet], candidates: Sequence[Candidate]) -> Matching:
    """Find the image of every image set; what fits several images is shown, never guessed.

    The MD5 of the files that were read decides first, then their names (with the end of their
    folders where several images have files of that name), then plate, well and site, then what
    the program calls the image.  Several sets may be one image: planes of a stack, for example.
    """
    index = _Index(candidates)
    matches: list[Match] = []
    unmatched: list[Unmatched] = []
    ambiguous: list[Ambiguous] = []
    for image_set in image_sets:
        fate = index.find(image_set)
        if isinstance(fate, Match):
            matches.append(fate)
        elif isinstance(fate, Ambiguous):
            ambiguous.append(fate)
        else:
            unmatched.append(fate)
    return Matching(matches=tuple(matches), unmatched=tuple(unmatched), ambiguous=tuple(ambiguous))


class _Index:
    """The candidates by what image sets may be found by."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self.by_id: dict[int, Candidate] = {}
        self.by_md5: dict[str, set[int]] = defaultdict(set)
        self.by_name: dict[str, set[int]] = defaultdict(set)
        self.by_well: dict[str, set[int]] = defaultdict(set)
        self.called: tuple[dict[str, set[int]], ...] = (
            defaultdict(set),
            self.by_name,
            defaultdict(set),
            defaultdict(set),
        )
        for candidate in candidates:
            self.by_id[candidate.image_id] = candidate
            self.called[0][_key(candidate.name)].add(candidate.image_id)
            self.called[2][stem(candidate.name)].add(candidate.image_id)
            for file in candidate.files:
                if file.md5:
                    self.by_md5[file.md5.lower()].add(candidate.image_id)
                self.by_name[_key(file.name)].add(candidate.image_id)
                self.called[3][stem(file.name)].add(candidate.image_id)
            well = well_name(candidate.well)
            if well is not None:
                self.by_well[well].add(candidate.image_id)

    def find(self, image_set: ImageSet) -> Match | Ambiguous | Unmatched:
        """What becomes of `image_set`: the first kind of evidence that speaks decides."""
        return (
            self._by_files(image_set, "md5")
            or self._by_files(image_set, "file name")
            or self._by_place(image_set)
            or self._by_names(image_set)
            or Unmatched(number=image_set.number, reason=self._nothing_fits(image_set))
        )

    def _by_files(self, image_set: ImageSet, by: MatchedBy) -> Match | Ambiguous | Unmatched | None:
        found: list[tuple[SetFile, set[int]]] = []
        for file in image_set.files:
            ids = (
                self.by_md5.get((file.md5 or "").lower(), set())
                if by == "md5"
                else self.by_name.get(_key(file.name), set())
            )
            if ids:
                found.append((file, ids))
        if not found:
            return None
        common = set.intersection(*(ids for _, ids in found))
        if not common:
            return Ambiguous(
                number=image_set.number,
                image_ids=tuple(sorted(set.union(*(ids for _, ids in found)))),
                reason=f"by {by} its channels lie in different images ("
                + ", ".join(f"{f.channel} in {_listed(ids)}" for f, ids in found)
                + "); import the files with channels=… so that they become one image",
            )
        remaining, note = self._narrow(image_set, common, by)
        if len(remaining) > 1:
            return Ambiguous(
                number=image_set.number,
                image_ids=tuple(sorted(remaining)),
                reason=f"images {_listed(remaining)} fit equally well by {by}",
            )
        image_id = next(iter(remaining))
        if by == "file name":
            differing = self._differing(image_set, self.by_id[image_id])
            if differing == "place":
                return Unmatched(
                    number=image_set.number,
                    reason=f"image {image_id} has files of the same names, but other contents, "
                    "and lies in another plate, well or site",
                )
            if differing == "content":
                note = "the files have other contents than those that were measured"
        return Match(number=image_set.number, image_id=image_id, by=by, note=note)

    def _narrow(self, image_set: ImageSet, ids: set[int], by: MatchedBy) -> tuple[set[int], str]:
        """Of several images, those that the rest of the evidence also speaks for."""
        if len(ids) == 1:
            return ids, ""
        steps = [("folder", self._with_folder), ("well and site", self._with_place)]
        if by == "md5":
            steps.insert(0, ("file name", self._with_names))
        used = []
        for name, step in steps:
            fewer = step(image_set, ids)
            if fewer and len(fewer) < len(ids):
                ids = fewer
                used.append(name)
            if len(ids) == 1:
                break
        return ids, f"told apart by {', '.join(used)}" if used else ""

    def _with_names(self, image_set: ImageSet, ids: set[int]) -> set[int]:
        names = {_key(file.name) for file in image_set.files if file.name}
        return {i for i in ids if names <= {_key(f.name) for f in self.by_id[i].files}}

    def _with_folder(self, image_set: ImageSet, ids: set[int]) -> set[int]:
        """Those whose folders share the longest end with the folders of the set."""
        folders = [_parts(file.folder) for file in image_set.files]
        shared = {
            i: max(
                (
                    _common_end(_parts(file.folder), folder)
                    for file in self.by_id[i].files
                    for folder in folders
                ),
                default=0,
            )
            for i in ids
        }
        longest = max(shared.values())
        return {i for i in ids if shared[i] == longest} if longest else set()

    def _with_place(self, image_set: ImageSet, ids: set[int]) -> set[int]:
        return {i for i in ids if _same_place(image_set, self.by_id[i])}

    def _differing(self, image_set: ImageSet, candidate: Candidate) -> str:
        """How an image that was found by name contradicts the set, if its contents do."""
        recorded = {file.md5.lower() for file in image_set.files if file.md5}
        stored = {file.md5.lower() for file in candidate.files if file.md5}
        if not recorded or not stored:
            return ""
        contradiction = (
            _other(image_set.plate, candidate.plate)
            or _other(well_name(image_set.well), well_name(candidate.well))
            or _other(image_set.site, candidate.site)
        )
        return "place" if contradiction else "content"

    def _by_place(self, image_set: ImageSet) -> Match | Ambiguous | None:
        well = well_name(image_set.well)
        ids = self._with_place(image_set, self.by_well.get(well, set())) if well else set()
        if len(ids) > 1:
            return Ambiguous(
                number=image_set.number,
                image_ids=tuple(sorted(ids)),
                reason=f"images {_listed(ids)} all lie at {_place(image_set)}",
            )
        if not ids:
            return None
        return Match(number=image_set.number, image_id=next(iter(ids)), by="well and site")

    def _by_names(self, image_set: ImageSet) -> Match | Ambiguous | None:
        """By what the program calls the image: names first, then names without a suffix."""
        for name in image_set.names:
            exact, bare = _key(name), stem(name)
            wanted = (exact, exact, bare, bare)
            for key, index in zip(wanted, self.called, strict=True):
                ids = index.get(key, set())
                if len(ids) == 1:
                    return Match(number=image_set.number, image_id=next(iter(ids)), by="name")
                if ids:
                    return Ambiguous(
                        number=image_set.number,
                        image_ids=tuple(sorted(ids)),
                        reason=f"images {_listed(ids)} are all called {name}",
                    )
        return None

    def _nothing_fits(self, image_set: ImageSet) -> str:
        tried = []
        if any(file.md5 for file in image_set.files):
            tried.append("the MD5 of its files")
        names = [file.name for file in image_set.files if file.name]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            tried.append(f"the file names {', '.join(names[:3])}{more}")
        if image_set.well:
            tried.append(_place(image_set))
        if image_set.names:
            tried.append(f"the name {' or '.join(image_set.names[:3])}")
        if not tried:
            return "it records neither files nor a well nor a name"
        return f"no image has {', '.join(tried)}"


def _key(name: str) -> str:
    # Windows paths split at both slashes, and programs on Windows change the case of names.
    return PureWindowsPath(name).name.casefold()


def stem(name: str) -> str:
    """A file's name without folder, suffix and case: `img.ome.tif` and `IMG.npy` are `img`."""
    return _SUFFIX.sub("", _key(name))


def _parts(folder: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[\\/]+", folder.casefold()) if part)


def _common_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    length = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        length += 1
    return length


def _other(one: str | int | None, two: str | int | None) -> bool:
    if one is None or two is None:
        return False
    return str(one).casefold() != str(two).casefold()


def _same_place(image_set: ImageSet, candidate: Candidate) -> bool:
    well = well_name(image_set.well)
    return (
        well is not None
        and well == well_name(candidate.well)
        and not _other(image_set.plate, candidate.plate)
        and not _other(image_set.site, candidate.site)
    )


def _place(image_set: ImageSet) -> str:
    plate = f"plate {image_set.plate}, " if image_set.plate else ""
    site = f", site {image_set.site}" if image_set.site is not None else ""
    return f"{plate}well {image_set.well}{site}"


def _listed(ids: Iterable[int]) -> str:
    ordered = sorted(ids)
    more = f" and {len(ordered) - 5} more" if len(ordered) > 5 else ""
    return ", ".join(map(str, ordered[:5])) + more
