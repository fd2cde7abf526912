"""The name a user most likely meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from heapq import nlargest

__all__ = ["hint", "nearest"]

_LONGEST = 200
_LOOKED_AT = 24


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar of `names`, or None where none is similar.

    Time is bounded: a cheap upper bound of the similarity picks the few that are compared.
    """
    names = list(names)
    if len(name) > _LONGEST:
        return None
    for candidate in names:
        if candidate.casefold() == name.casefold():
            return candidate
    matcher = SequenceMatcher(None, b=name.casefold(), autojunk=False)

    def bound(candidate: str) -> float:
        matcher.set_seq1(candidate[:_LONGEST].casefold())
        return matcher.quick_ratio()

    def ratio(candidate: str) -> float:
        matcher.set_seq1(candidate[:_LONGEST].casefold())
        return matcher.ratio()

    best = max(nlargest(_LOOKED_AT, names, key=bound), key=ratio, default=None)
    return best if best is not None and ratio(best) >= 0.5 else None


def hint(name: str, names: Iterable[str]) -> str:
    """The end of an error about the unknown `name`: the nearest one, or the first few."""
    names = list(names)
    found = nearest(name, names)
    if found is not None:
        return f"did you mean {found!r}?"
    if not names:
        return "there are no columns"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"there are {', '.join(repr(name[:40]) for name in names[:5])}{more}"
