"""Planes and settings become a picture: permission-free, and without opening a file."""

from .composite import render, warm_up
from .curves import brightness, check_channel, rgb_of
from .defaults import default_colors, default_settings
from .encode import PictureFormat, encode
from .labels import colorize_labels
from .thumbnails import shrink, thumbnail

__all__ = [
    "PictureFormat",
    "brightness",
    "check_channel",
    "colorize_labels",
    "default_colors",
    "default_settings",
    "encode",
    "render",
    "rgb_of",
    "shrink",
    "thumbnail",
    "warm_up",
]
