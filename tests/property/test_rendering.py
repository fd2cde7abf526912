"""Every way of drawing gives the bytes that the definition, in plain numpy, gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from omero_jlab.model import ChannelSettings, Settings
from omero_jlab.rendering import fast, loops, render, shrink
from omero_jlab.rendering.curves import brightness, quantise

_DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
_MORE_DTYPES = [*_DTYPES, "bool", "float16", "uint64", "int64", ">u2", ">f4", ">i4"]
_COLORS = st.integers(0, 0xFFFFFF).map("{:06X}".format)
_LEVELS = st.floats(-40_000, 70_000, allow_nan=False, width=32)
_FAMILIES = st.sampled_from(["linear", "polynomial", "exponential", "logarithmic"])


@st.composite
def _channels(draw: st.DrawFn) -> ChannelSettings:
    start = draw(_LEVELS)
    width = draw(st.sampled_from([0.5, 1.0, 7.0, 255.0, 4096.0, 65535.0]))
    return ChannelSettings(
        active=draw(st.sampled_from([True, True, False])),
        color=draw(_COLORS),
        start=start,
        end=start + width,
        family=draw(_FAMILIES),
        coefficient=draw(st.sampled_from([0.1, 0.5, 1.0, 2.0, 4.0])),
        reverse=draw(st.booleans()),
        gamma=draw(st.sampled_from([1.0, 1.0, 0.45, 2.2])),
    )


@st.composite
def _drawings(draw: st.DrawFn, dtypes: list[str]) -> tuple[NDArray[Any], Settings]:
    channels = tuple(draw(st.lists(_channels(), min_size=1, max_size=4)))
    shape = (len(channels), draw(st.integers(1, 5)), draw(st.integers(1, 7)))
    planes = draw(hnp.arrays(draw(st.sampled_from(dtypes)), shape))
    return planes, Settings(channels=channels, greyscale=draw(st.booleans()))


def _rgb(color: str) -> NDArray[np.float64]:
    return np.array([int(color[i : i + 2], 16) for i in (0, 2, 4)], np.float64)


def _by_definition(planes: NDArray[Any], chosen: Settings) -> NDArray[np.uint8]:
    """Sums in whole numbers of 1/65535, straight from the definition, pixel by pixel."""
    out = np.zeros((*planes.shape[1:], 3), np.uint8)
    drawn = [(p, c) for p, c in zip(planes, chosen.channels, strict=True) if c.active]
    if chosen.greyscale:
        drawn = [(p, c.model_copy(update={"color": "FFFFFF"})) for p, c in drawn[:1]]
    for y, x in np.ndindex(out.shape[:2]):
        sums = [0, 0, 0]
        for plane, channel in drawn:
            step = int(quantise(np.array([plane[y, x]], np.float64), channel)[0])
            for i, part in enumerate(_rgb(channel.color)):
                sums[i] += int(part) * step
        out[y, x] = [min(255, (each + 32767) // 65535) for each in sums]
    return out


def _like_a_shader(planes: NDArray[Any], chosen: Settings) -> NDArray[np.uint8]:
    """Single precision throughout, as WebGL computes, without tables."""
    f = np.float32
    total = np.zeros((*planes.shape[1:], 3), f)
    drawn = [(p, c) for p, c in zip(planes, chosen.channels, strict=True) if c.active]
    if chosen.greyscale:
        drawn = [(p, c.model_copy(update={"color": "FFFFFF"})) for p, c in drawn[:1]]
    for plane, c in drawn:
        x = np.clip((plane.astype(f) - f(c.start)) / f(f(c.end) - f(c.start)), f(0), f(1))
        u, k = f(255) * x, f(c.coefficient)
        if c.family == "polynomial":
            x = x**k
        elif c.family == "logarithmic":
            x = np.log(np.maximum(u, f(1))) / np.log(f(255))
        elif c.family == "exponential":
            t, m = u**k, f(255) ** k
            x = np.exp(t - m) * (f(1) - np.exp(-t)) / (f(1) - np.exp(-m))
        x = x ** f(c.gamma)
        x = f(1) - x if c.reverse else x
        total += np.where(np.isnan(plane), f(0), x)[..., None] * (_rgb(c.color) / 255).astype(f)
    return np.floor(np.minimum(total, 1) * 255 + f(0.5)).astype(np.uint8)


@settings(deadline=None)
@given(_drawings(_MORE_DTYPES))
def test_a_picture_is_what_the_definition_says(drawing: tuple[NDArray[Any], Settings]) -> None:
    planes, chosen = drawing
    np.testing.assert_array_equal(render(planes, chosen), _by_definition(planes, chosen))


@settings(deadline=None)
@given(_drawings(_MORE_DTYPES))
def test_numpy_and_numba_draw_the_same_bytes(drawing: tuple[NDArray[Any], Settings]) -> None:
    planes, chosen = drawing
    compiled = render(planes, chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omero_jlab.rendering.composite.inner_loops", lambda: loops)
        plain = render(planes, chosen)
    assert fast.inner_loops() is not loops, "numba is not in use, so nothing was compared"
    np.testing.assert_array_equal(compiled, plain)


@settings(deadline=None)
@given(st.data())
def test_a_shader_differs_by_one_step_at_most(data: st.DataObject) -> None:
    # Values and windows that single precision holds, as those of a viewer's tiles do; less
    # steep than 1/65535 of a window can show, which is where the two quantise differently.
    channels = tuple(
        c.model_copy(
            update={
                "start": float(math.floor(c.start)),
                "end": float(math.floor(c.start)) + max(1.0, c.end - c.start),
                "coefficient": max(c.coefficient, 0.5) if c.family == "polynomial" else 1.0,
            }
        )
        for c in data.draw(st.lists(_channels(), min_size=1, max_size=4))
    )
    shape = (len(channels), 4, 5)
    planes = data.draw(hnp.arrays("uint16", shape))
    chosen = Settings(channels=channels)
    difference = render(planes, chosen).astype(int) - _like_a_shader(planes, chosen)
    assert np.abs(difference).max() <= 1


@settings(deadline=None)
@given(_channels(), st.lists(_LEVELS, min_size=2, max_size=20))
def test_brightness_grows_with_the_value_and_falls_if_reversed(
    channel: ChannelSettings, values: list[float]
) -> None:
    found = brightness(np.sort(np.array(values, np.float64)), channel)
    assert ((found >= 0) & (found <= 1)).all()
    steps = np.diff(found) * (-1 if channel.reverse else 1)
    assert (steps >= -1e-12).all()
    ends = brightness(np.array([channel.start, channel.end, math.nan, math.inf]), channel)
    first, last = (1.0, 0.0) if channel.reverse else (0.0, 1.0)
    np.testing.assert_allclose(ends, [first, last, 0.0, last], atol=1e-12)


@settings(deadline=None)
@given(
    st.sampled_from(_DTYPES), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12),
    st.integers(1, 12), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_shrinking_keeps_the_mean_and_both_ways_agree(
    dtype: str, y: int, x: int, height: int, width: int, seed: int
) -> None:
    height, width = min(height, y), min(width, x)
    planes = np.random.default_rng(seed).integers(0, 100, (2, y, x)).astype(dtype)
    small = shrink(planes, height, width)
    assert small.shape == (2, height, width) and small.dtype == planes.dtype
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omero_jlab.rendering.thumbnails.inner_loops", lambda: loops)
        np.testing.assert_allclose(shrink(planes, height, width), small, rtol=1e-6, atol=1)
    averages = shrink(planes.astype("float64"), height, width)
    np.testing.assert_allclose(averages.mean((1, 2)), planes.mean((1, 2)))
    assert np.abs(averages - small).max() <= 0.5 + 1e-6
