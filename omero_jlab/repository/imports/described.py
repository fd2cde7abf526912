"""What an import says of its images besides their files: names, tags, key-values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ...database import AnnotationRow
from ...errors import Invalid
from ...formats import Plan
from ...model import FoundImage, GroupType, ImportOptions, ImportRequest
from ...model.chunks import ChunkIndex
from ...pixels import PixelReader, needs_pyramid
from ...rendering import was_chosen
from ..annotate import attach
from ..save import channels_of, levels_of
from ..work import Writing

__all__ = ["annotate_images", "channel_names", "image_name", "image_values", "main_path"]

# Says in OMERO, too, that the user may edit the pairs.
_EDITABLE = "openmicroscopy.org/omero/client/mapAnnotation"


def main_path(plan: Plan) -> Path:
    """The file, or the folder of a store, by which a user names a fileset."""
    return plan.root if plan.main == "." else plan.root / plan.main


def image_name(request: ImportRequest, plan: Plan, found: FoundImage, count: int) -> str:
    """The name of one of the `count` images of a fileset.

    A name that was given is the whole name where it can mean one image only; else the image's own
    stands behind it, as OMERO writes it: `control [series 2]`.
    """
    path = main_path(plan)
    number, options = request.named(path)
    name = options.name
    if name is None:
        return found.name
    by_itself = request.all_paths[number] == str(path)
    alone = count == 1 and by_itself and (options is not request or len(request.paths) == 1)
    return name if alone else f"{name} [{found.name}]"


def channel_names(options: ImportOptions, found: FoundImage) -> list[str]:
    """The names of an image's channels.

    Raises
    ------
    Invalid
        Names were given for another number of channels.
    """
    own = [channel.name or f"Channel {c}" for c, channel in enumerate(found.channels)]
    given = options.channel_names
    if given and len(given) != len(own):
        raise Invalid(
            f"{found.name} has {len(own)} channels ({', '.join(own)}), and {len(given)} names "
            f"were given: {', '.join(given)}."
        )
    return list(given) or own


def image_values(
    plan: Plan,
    options: ImportOptions,
    found: FoundImage,
    name: str,
    index: ChunkIndex,
    reader: PixelReader,
) -> dict[str, Any]:
    """The columns of an image's row, with windows for a good first look."""
    names = channel_names(options, found)
    colors = [channel.color for channel in found.channels]
    channels = channels_of(reader, names, colors, found.is_rgb)
    for channel, told in zip(channels, found.channels, strict=True):
        channel["emission_nm"] = told.emission_nm
        channel["excitation_nm"] = told.excitation_nm
        if was_chosen(told.window_start, told.window_end, found.dtype):
            channel["window_start"], channel["window_end"] = told.window_start, told.window_end
    return {
        "name": name,
        "description": found.description,
        "series": found.series,
        "format": plan.format,
        "size_t": found.sizes.t,
        "size_c": found.sizes.c,
        "size_z": found.sizes.z,
        "size_y": found.sizes.y,
        "size_x": found.sizes.x,
        "dtype": found.dtype,
        "is_rgb": found.is_rgb,
        "channels": channels,
        "levels": levels_of(index),
        "pixel_size_x_um": found.pixel_size_x_um,
        "pixel_size_y_um": found.pixel_size_y_um,
        "pixel_size_z_um": found.pixel_size_z_um,
        "time_step_s": found.time_step_s,
        "acquired_at": found.acquired_at,
        "source_metadata": [list(pair) for pair in found.metadata],
        "pyramid": "wanted" if needs_pyramid(index) else "complete",
    }


def annotate_images(unit: Writing, image_ids: Sequence[int], options: ImportOptions) -> None:
    """Attach the tags and key-values that were asked for to new images of the actor's."""
    for name in dict.fromkeys(options.tags):
        tag = _tag(unit, name)
        for image_id in image_ids:
            attach(unit, "image", image_id, tag)
    if options.key_values:
        pairs = [list(pair) for pair in options.key_values]
        for image_id in image_ids:
            row = AnnotationRow(kind="key-values", pairs=pairs, namespace=_EDITABLE)
            attach(unit, "image", image_id, unit.new(row))


def _tag(unit: Writing, name: str) -> AnnotationRow:
    actor = unit.access.actor
    is_own = AnnotationRow.owner_id == actor.user_id
    same = select(AnnotationRow).where(
        AnnotationRow.kind == "tag",
        AnnotationRow.name == name,
        AnnotationRow.group_id == actor.group_id,
    )
    if unit.access.group_types[actor.group_id] == GroupType.PRIVATE:
        same = same.where(is_own)
    known = unit.db.scalars(same.order_by(is_own.desc(), AnnotationRow.id)).first()
    return known or unit.new(AnnotationRow(kind="tag", name=name))
