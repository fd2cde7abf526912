"""How an image is drawn, in a notebook: settings, pictures, projections."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from ..errors import Invalid, NotFound
from ..model import ChannelSettings, CopiedSettings, Picture, Projection, Settings
from ..model import Image as ImageRecord
from ..operations import AnySession

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["Drawn", "channel_number"]

Method = Literal["max", "mean", "sum", "min"]
_FORMATS: dict[str, Literal["jpeg", "png", "webp", "tiff"]] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
}


def channel_number(record: ImageRecord, channel: int | str) -> int:
    """The number of a channel that is given by name or number; `NotFound` where there is none."""
    names = [c.name for c in record.channels]
    if isinstance(channel, str):
        if channel not in names:
            raise NotFound(f"Image {record.id} has no channel {channel!r}; it has {names}.")
        return names.index(channel)
    if not 0 <= channel < len(names):
        raise NotFound(f"Image {record.id} has channels 0 to {len(names) - 1}, not {channel}.")
    return channel


class Drawn:
    """What an image has because it can be drawn."""

    _session: AnySession
    record: ImageRecord

    @property
    def settings(self) -> Settings:
        """How the image is drawn for you; assign others to keep them."""
        return self._session.images.settings(self.record.id)

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._session.images.put_settings(self.record.id, settings)

    def set_channel(
        self,
        channel: int | str,
        window: tuple[float, float] | None = None,
        **changes: Any,
    ) -> Settings:
        """Change how one channel is drawn for you, and keep it.

        `window` is the value that is black and the one that is full colour.  The others are those
        of `ChannelSettings`: `active`, `color` (RRGGBB), `lut`, `family`, `coefficient`,
        `reverse`, `gamma`.
        """
        number = channel_number(self.record, channel)
        if window is not None:
            changes |= {"start": window[0], "end": window[1]}
        unknown = set(changes) - set(ChannelSettings.model_fields)
        if unknown:
            raise Invalid(
                f"A channel has no {', '.join(sorted(unknown))}; it has "
                f"{', '.join(ChannelSettings.model_fields)}."
            )
        settings = self.settings
        channels = list(settings.channels)
        channels[number] = ChannelSettings.model_validate(channels[number].model_dump() | changes)
        self.settings = settings.model_copy(update={"channels": tuple(channels)})
        return self.settings

    def reset_settings(self) -> Settings:
        """Forget how you wanted the image drawn: it is as its owner has it, or as imported."""
        return self._session.images.reset_settings(self.record.id)

    def adjust_settings(self, to: Literal["imported", "minmax", "full", "owner"]) -> Settings:
        """Draw the image as imported, as its owner does, or over its or its type's full range."""
        done = self._session.images.adjust_settings((self.record.id,), to)
        for refused in done.refused:
            raise Invalid(f"Image {refused.image_id} is not drawn anew: {refused.reason}.")
        return self.settings

    def everybodys_settings(self) -> dict[str, Settings]:
        """The settings that users have kept, by the users' names."""
        kept = self._session.images.all_settings(self.record.id)
        return {each.user_name: each.settings for each in kept}

    def copy_settings(self, to: Iterable[Any]) -> CopiedSettings:
        """Draw other images (an `ImageList`, the images of a dataset, ids) as this one.

        Images with other channels or another type of pixels are left as they are, and named in
        `refused`.
        """
        ids = tuple(each if isinstance(each, int) else each.id for each in to)
        return self._session.images.copy_settings(self.record.id, ids)

    # -- pictures

    def picture(self, **asked: Any) -> PIL.Image.Image:
        """The image as a picture, which shows itself.

        Takes the fields of `omero_jlab.model.Picture`: `z`, `t`, the region `y`, `x`, `height`,
        `width`, the longer side's `size` in pixels, `layout` ("merged", "split", "z", "t"),
        `projection` (a `Projection`, or "max", "mean", "sum", "min"), `settings`, `legend`,
        `scale_bar_um` (0 for one that fits), `labels` (label images or their ids), `opacity`.
        """
        import PIL.Image

        asked.setdefault("format", "png")
        picture = PIL.Image.open(io.BytesIO(self._session.picture(self.record.id, _asked(asked))))
        picture.load()
        return picture

    def save_picture(self, path: str | Path, **asked: Any) -> Path:
        """Write the picture to a file: PNG, JPEG, WebP or TIFF (with sizes) by its ending."""
        path = Path(path)
        if path.suffix.lower() not in _FORMATS:
            raise Invalid(f"A picture's name ends in {', '.join(_FORMATS)}, not {path.suffix!r}.")
        asked["format"] = _FORMATS[path.suffix.lower()]
        path.write_bytes(self._session.picture(self.record.id, _asked(asked)))
        return path

    def project(
        self,
        method: Method = "max",
        z: range | int | None = None,
        t: range | int | None = None,
        channels: Sequence[int | str] | None = None,
        level: int = 0,
    ) -> NDArray[Any]:
        """Many planes made one, shape (C, y, x).

        A range of `z` or of `t` says which; without one, all of Z are projected at one time.
        """
        projection, at = projection_of(method, z, t)
        wanted = None
        if channels is not None:
            wanted = [channel_number(self.record, each) for each in channels]
        return self._session.project(self.record.id, projection, wanted, **at, level=level)


def projection_of(
    method: Method, z: range | int | None, t: range | int | None
) -> tuple[Projection, dict[str, int]]:
    """The projection over a range of `z` or `t`, and the plane along the other axis."""
    if isinstance(z, range) and isinstance(t, range):
        raise Invalid("A projection goes along z or along t: give a range for one of them.")
    if isinstance(t, range):
        return _over("t", method, t), {} if z is None else {"z": int(z)}  # type: ignore[arg-type]
    return _over("z", method, z), {} if t is None else {"t": int(t)}


def _over(axis: Literal["z", "t"], method: Method, places: range | int | None) -> Projection:
    if places is None:
        return Projection(method=method, axis=axis)
    if not isinstance(places, range) or places.step != 1:
        raise Invalid(f"A projection takes a range in steps of 1, not {places!r}.")
    return Projection(method=method, axis=axis, start=places.start, stop=places.stop)


def _asked(fields: dict[str, Any]) -> Picture:
    if isinstance(fields.get("projection"), str):
        fields = fields | {"projection": {"method": fields["projection"]}}
    if "labels" in fields:
        given = fields["labels"]
        every = given if isinstance(given, Iterable) else (given,)
        ids = tuple(each if isinstance(each, int) else each.id for each in every)
        fields = fields | {"labels": ids}
    from pydantic import ValidationError

    try:
        return Picture.model_validate(fields)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Invalid(f"This is no picture: {wrong}.") from None
