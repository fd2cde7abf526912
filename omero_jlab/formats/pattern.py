"""File names as patterns: `{well}_{field}_{channel}.tif`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..errors import Invalid
from ..model import Position

__all__ = ["Match", "Pattern", "natural", "well_position"]

_ALIASES = {"site": "field", "time": "t", "timepoint": "t", "slice": "z", "col": "column"}
_WITHIN_IMAGE = ("channel", "z", "t")
_NUMBERED = ("field", "z", "t", "column")
_WELL = r"[A-Za-z]{1,2}-?\d{1,3}"
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}(\.[A-Za-z0-9]{1,8})?$")


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts w2 before w10."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(p), p) if p[0].isdecimal() else (1, 0, p.lower()) for p in parts)


def well_position(well: str) -> tuple[int, int] | None:
    """Row and column, from 0, of a well such as B03 or AA12; None if it is none."""
    match = re.fullmatch(r"([A-Za-z]{1,2})-?0*([1-9]\d{0,2})", well)
    if match is None:
        return None
    row = 0
    for letter in match[1].upper():
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1, int(match[2]) - 1


@dataclass(frozen=True)
class Match:
    """What one file name says; `image` is the name without channel, z and t."""

    image: str
    channel: str
    z: str
    t: str
    values: tuple[tuple[str, str], ...]

    def position(self, plate: str) -> Position | None:
        """The place on a plate, if the name says one; `plate` serves where it names none."""
        said = dict(self.values)
        well = said.get("well") or said.get("row", "") + said.get("column", "")
        found = well_position(well)
        if found is None:
            return None
        digits = re.findall(r"\d+", said.get("field", ""))
        return Position(
            plate=said.get("plate") or plate,
            row=found[0],
            column=found[1],
            site=int(digits[-1]) if digits else 1,
        )


class Pattern:
    """A pattern with placeholders in braces, everything else being literal.

    A value has none of the characters that separate placeholders in the pattern.  Endings
    `.tif` and `.tiff` are one, whatever their case.  With a `/` the pattern is matched against
    the end of the path.
    """

    def __init__(self, text: str) -> None:
        """Raises `Invalid` for a pattern that has no placeholder or is malformed."""
        self.text = text
        body, suffix = text, ""
        found = _SUFFIX.search(text)
        if found and "{" not in found[0]:
            body, suffix = text[: found.start()], found[0]
        pieces = re.split(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", body)
        literals, names = pieces[::2], [_ALIASES.get(n.lower(), n) for n in pieces[1::2]]
        if not names or any("{" in piece or "}" in piece for piece in (*literals, suffix)):
            raise Invalid(
                f"The pattern {text!r} is malformed: write it as in "
                f"'{{well}}_{{field}}_{{channel}}.tif'."
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Invalid(f"The pattern {text!r} has {{{twice[0]}}} more than once.")
        self._literals, self._names = literals, names
        self.joins = any(name in _WITHIN_IMAGE for name in names)
        self._depth = text.count("/")
        self._expression = self._compiled(suffix)

    def _compiled(self, suffix: str) -> re.Pattern[str]:
        separators = "".join(sorted({c for piece in self._literals for c in piece if c in "_-. "}))
        value = f"[^/{re.escape(separators)}]" if separators else "[^/]"
        expression = re.escape(self._literals[0])
        for name, literal in zip(self._names, self._literals[1:], strict=True):
            if name == "well":
                group = _WELL
            elif name == "row":
                group = "[A-Za-z]{1,2}"
            elif name in _NUMBERED:
                group = rf"{value}*?\d+"
            else:
                group = f"{value}+?"
            expression += f"(?P<{name}>{group}){re.escape(literal)}"
        if suffix.lower() in (".tif", ".tiff"):
            ending = r"\.[Tt][Ii][Ff]{1,2}"
        else:
            ending = f"(?i:{re.escape(suffix)})" if suffix else r"(?:\.[A-Za-z0-9.]{1,17})?"
        return re.compile(expression + ending)

    def match(self, path: PurePosixPath) -> Match | None:
        """What the end of `path` says, or None if it does not fit."""
        tail = "/".join(path.parts[-self._depth - 1 :])
        found = self._expression.fullmatch(tail)
        if found is None:
            return None
        values = {name: found[name] for name in self._names}
        parts = [self._literals[0]]
        for name, literal in zip(self._names, self._literals[1:], strict=True):
            if name in _WITHIN_IMAGE:
                # What introduces the value goes with it: A01_s1_w2 is image A01_s1.
                parts[-1] = re.sub(r"[_\-. /]*[A-Za-z]*$", "", parts[-1])
                parts.append(literal)
            else:
                parts += [values[name], literal]
        outside = tuple((n, v) for n, v in values.items() if n not in _WITHIN_IMAGE)
        return Match(
            image="".join(parts).strip("_-. /") or path.parent.name or "image",
            channel=values.get("channel", ""),
            z=values.get("z", ""),
            t=values.get("t", ""),
            values=outside,
        )
