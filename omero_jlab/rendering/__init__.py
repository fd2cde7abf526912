"""Planes and settings become a picture: permission-free, and without opening a file."""

from .annotate import draw_labels, draw_legend, draw_scale_bar, round_length
from .color import to_srgb
from .composite import render, warm_up
from .curves import brightness, check_channel, rgb_of
from .defaults import default_colors, default_settings, was_chosen
from .encode import PictureFormat, encode, encode_tiff
from .histogram import ValueCounts, count_values
from .labels import colorize_labels
from .lut_files import lut_bytes, parse_lut
from .luts import LUT_NAMES, lut_of, unknown_lut
from .project import project, projected_dtype
from .thumbnails import resample, shrink, thumbnail

__all__ = [
    "LUT_NAMES", "PictureFormat", "ValueCounts", "brightness", "check_channel", "colorize_labels",
    "count_values", "default_colors", "default_settings", "draw_labels", "draw_legend",
    "draw_scale_bar", "encode", "encode_tiff", "lut_bytes", "lut_of", "parse_lut", "project",
    "projected_dtype", "render", "resample", "rgb_of", "round_length", "shrink", "thumbnail",
    "to_srgb", "unknown_lut", "warm_up", "was_chosen",
]  # fmt: skip
