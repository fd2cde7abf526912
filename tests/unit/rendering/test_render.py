"""What a picture shows, in cases small enough to compute in the head."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_jlab.errors import Invalid
from omero_jlab.model import ChannelSettings, Settings
from omero_jlab.rendering import fast, loops, render, rgb_of, warm_up
from omero_jlab.rendering.curves import quantise
from omero_jlab.rendering.windows import steps_of


def _one(values: list[float], dtype: str = "uint16", **how: Any) -> list[int]:
    """Grey values of one row of pixels."""
    channel = ChannelSettings(**({"start": 0.0, "end": 255.0} | how))
    picture = render(np.array([[values]], dtype), Settings(channels=(channel,)))
    assert picture.shape == (1, len(values), 3) and picture.dtype == np.uint8
    assert (picture == picture[..., :1]).all()
    return [int(each) for each in picture[0, :, 0]]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int64", "float32", ">u2"])
def test_a_window_of_255_shows_the_numbers_themselves(dtype: str) -> None:
    assert _one([0, 1, 77, 127, 254, 255], dtype) == [0, 1, 77, 127, 254, 255]


def test_values_outside_the_window_are_black_and_full() -> None:
    assert _one([0, 99, 100, 150, 200, 65535], start=100.0, end=200.0) == [0, 0, 0, 128, 255, 255]
    assert _one([-5, 0, 5], "int8", start=-5.0, end=5.0) == [0, 128, 255]
    assert _one([0, 255], "uint8", start=300.0, end=400.0) == [0, 0]
    assert _one([0, 255], "uint8", start=-20.0, end=-10.0) == [255, 255]


def test_half_a_step_is_rounded_up_and_less_is_not() -> None:
    how = {"start": 0.0, "end": 65535.0, "color": "010101"}
    for dtype in ("uint16", "int32", "float32"):
        assert _one([32767, 32768, 65535], dtype, **how) == [0, 1, 1]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_a_window_may_end_between_two_counts(dtype: str) -> None:
    assert _one([9, 10, 11, 12], dtype, start=9.5, end=10.5) == [0, 128, 255, 255]
    assert _one([9, 10, 11, 12], dtype, start=9.5, end=11.5) == [0, 64, 191, 255]


def test_what_is_not_a_number_is_black_even_if_reversed() -> None:
    values = [math.nan, -math.inf, math.inf, 0.5]
    assert _one(values, "float32", end=1.0) == [0, 0, 255, 128]
    assert _one(values, "float64", end=1.0, reverse=True) == [0, 255, 0, 128]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, [0, 51, 128, 255]),
        ({"coefficient": 2.0}, [0, 51, 128, 255]),
        ({"family": "polynomial", "coefficient": 2.0}, [0, 10, 64, 255]),
        ({"family": "polynomial", "coefficient": 0.5}, [0, 114, 181, 255]),
        ({"family": "logarithmic"}, [0, 181, 223, 255]),
        ({"family": "exponential", "coefficient": 0.5}, [0, 0, 2, 255]),
        ({"family": "exponential", "coefficient": 100.0}, [0, 0, 0, 255]),
        ({"gamma": 2.0}, [0, 10, 64, 255]),
        ({"reverse": True}, [255, 204, 127, 0]),
        ({"gamma": 2.0, "reverse": True}, [255, 245, 191, 0]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_families(how: dict[str, Any], expected: list[int], dtype: str) -> None:
    assert _one([0, 51, 128, 255], dtype, **how) == expected


def test_omeros_own_formulas_give_the_same_steps() -> None:
    """Quantization_8_16_bit.buildLUT, with the codomain 0 to 255: an independent computation."""
    x = np.arange(256, dtype=np.float64)
    maps = {
        ("polynomial", 1.7): lambda v: v**1.7,
        ("logarithmic", 1.0): lambda v: np.log(np.where(v <= 0, 1.0, v)),
        ("exponential", 0.4): lambda v: np.exp(v**0.4),
    }
    for (family, k), transform in maps.items():
        low, high = transform(np.array([0.0, 255.0]))
        wanted = np.round(255 / (high - low) * (transform(x) - low))
        found = _one(list(range(256)), "uint8", family=family, coefficient=k)
        assert np.abs(np.array(found) - wanted).max() <= 1


def test_channels_add_up_and_are_cut_at_white() -> None:
    settings = Settings(
        channels=(
            ChannelSettings(color="FF0000", start=0.0, end=100.0),
            ChannelSettings(color="00ff00", start=0.0, end=100.0),
            ChannelSettings(color="FF8040", start=0.0, end=100.0),
            ChannelSettings(color="FFFFFF", start=0.0, end=100.0, active=False),
        )
    )
    planes = np.array([[[100, 0, 0, 50]], [[0, 50, 0, 50]], [[0, 0, 100, 100]], [[100] * 4]])
    picture = render(planes.astype(np.uint16), settings)
    assert picture[0].tolist() == [[255, 0, 0], [0, 128, 0], [255, 128, 64], [255, 255, 64]]


def test_greyscale_is_the_first_active_channel_in_white() -> None:
    channels = (
        ChannelSettings(color="FF0000", start=0.0, end=100.0, active=False),
        ChannelSettings(color="00FF00", start=0.0, end=100.0),
        ChannelSettings(color="0000FF", start=0.0, end=100.0),
    )
    planes = np.array([[[10]], [[20]], [[30]]], np.uint8)
    assert render(planes, Settings(channels=channels, greyscale=True)).tolist() == [[[51, 51, 51]]]


def test_nothing_active_is_black_and_no_pixel_is_no_pixel() -> None:
    off = Settings(channels=(ChannelSettings(start=0.0, end=0.0, active=False),))
    assert not render(np.ones((1, 2, 3), np.uint8), off).any()
    on = Settings(channels=(ChannelSettings(start=0.0, end=1.0),))
    assert render(np.ones((1, 0, 3), np.uint8), on).shape == (0, 3, 3)


def test_an_rgb_picture_passes_as_it_is() -> None:
    channels = (ChannelSettings(start=5.0, end=5.0),) * 3
    settings = Settings(channels=channels, is_rgb=True)
    planes = np.random.default_rng(1).integers(0, 256, (3, 5, 7)).astype(np.uint8)
    picture = render(planes, settings)
    assert (picture == np.moveaxis(planes, 0, -1)).all() and picture.flags.c_contiguous
    scaled = render(planes.astype(">u2") * np.uint16(257), settings)
    assert (scaled == picture).all()
    assert (render((planes / 255).astype(np.float32), settings) == picture).all()
    odd = np.array([math.nan, -1.0, 2.0]).reshape(3, 1, 1)
    assert render(odd, settings).tolist() == [[[0, 0, 255]]]


def test_strided_and_read_only_planes_are_drawn() -> None:
    base = np.arange(240, dtype=np.uint16).reshape(2, 10, 12)
    base.flags.writeable = False
    settings = Settings(channels=(ChannelSettings(start=0.0, end=255.0),) * 2)
    part = base[::-1, ::2, ::-3]
    assert (render(part, settings) == render(part.copy(), settings)).all()


def test_many_channels_do_not_overflow() -> None:
    settings = Settings(channels=(ChannelSettings(start=0.0, end=1.0),) * 256)
    assert (render(np.ones((256, 1, 2), np.uint8), settings) == 255).all()
    dim = Settings(channels=(ChannelSettings(start=0.0, end=1.0, color="010000"),) * 256)
    assert render(np.ones((256, 1, 1), np.float32), dim).tolist() == [[[255, 0, 0]]]
    with pytest.raises(Invalid, match="256"):
        render(np.ones((257, 1, 1), np.uint8), Settings(channels=settings.channels[:1] * 257))


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize(
    "how",
    [
        {"start": 5.0, "end": 5.0},
        {"start": 6.0, "end": 5.0},
        {"start": math.nan, "end": 5.0},
        {"start": 0.0, "end": math.nan},
        {"start": 0.0, "end": math.inf},
        {"start": -1.7e308, "end": 1.7e308},
        {"gamma": 0.0},
        {"gamma": math.nan},
        {"coefficient": -1.0},
        {"color": "red"},
        {"color": "FF00FF00"},
    ],
)
def test_what_cannot_be_drawn_is_refused(how: dict[str, Any], dtype: str) -> None:
    with pytest.raises(Invalid):
        _one([1.0], dtype, **how)


def test_planes_must_fit_the_settings() -> None:
    settings = Settings(channels=(ChannelSettings(start=0.0, end=1.0),))
    for planes in (np.zeros((2, 3, 3)), np.zeros((3, 3)), np.zeros((1, 3, 3), "U1")):
        with pytest.raises(Invalid):
            render(planes, settings)
    with pytest.raises(Invalid, match="4 planes"):
        render(np.zeros((4, 1, 1), np.uint8), Settings(channels=settings.channels * 4, is_rgb=True))


def test_a_colour_is_six_hexadecimal_digits() -> None:
    assert rgb_of("0a80FF") == (10, 128, 255)
    for wrong in ("", "#FF0000", "FF00", "GG0000", "+F0000"):
        with pytest.raises(Invalid):
            rgb_of(wrong)


def test_warming_up_is_quiet_and_the_fallback_draws_the_same() -> None:
    warm_up()
    script = (
        "import sys, numpy\n"
        "from omero_jlab.model import ChannelSettings, Settings\n"
        "from omero_jlab.rendering import render\n"
        "assert 'numba' not in sys.modules\n"
        "planes = numpy.arange(60, dtype='uint16').reshape(1, 6, 10)\n"
        "channel = ChannelSettings(start=3, end=50, gamma=0.7)\n"
        "print(render(planes, Settings(channels=(channel,))).tobytes().hex())\n"
        "print('numba' in sys.modules)\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"OMERO_JLAB_NO_NUMBA": value},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for value in ("0", "1")
    ]
    assert outputs[0][0] == outputs[1][0]
    assert [each[1] for each in outputs] == ["True", "False"]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_count_of_a_linear_window_has_the_brightness_of_the_formula(
    dtype: str, data: st.DataObject
) -> None:
    """The shortcut by multiplication against the formula, at every value of the type."""
    limits = np.iinfo(dtype)
    edges = st.one_of(
        st.integers(limits.min - 9, limits.max + 9).map(float),
        st.floats(limits.min - 9, limits.max + 9),
    )
    start, end = sorted(data.draw(st.tuples(edges, edges).filter(lambda each: each[0] < each[1])))
    channel = ChannelSettings(start=start, end=end, color="FFFFFF")
    values = np.arange(limits.min, limits.max + 1).astype(dtype)[None]
    bright = quantise(values.astype(np.float64), channel).astype(np.int64)
    for each in (loops, fast.inner_loops()):
        found = np.empty(values.shape, np.uint16)
        steps = steps_of(channel, values.dtype)
        if steps is not None:
            each.scale(values, *steps, found)
            np.testing.assert_array_equal(found, bright)
    drawn = render(values[None], Settings(channels=(channel,)))
    np.testing.assert_array_equal(drawn[..., 0], (bright * 255 + 32767) // 65535)
