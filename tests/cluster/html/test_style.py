"""Colours that every kind of vision tells apart, and the one look of all charts."""

from itertools import combinations, pairwise

import numpy as np
import plotly.graph_objects as go
import pytest

from cluster.html import style
from cluster.html.style import SERIES, TONES, Tone, series_colour, styled, translucent

# what the eye makes of linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.0
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
XYZ = np.array(  # of linear sRGB, D65
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(colour: str) -> np.ndarray:
    """Linear RGB (3,) of #rrggbb."""
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.1, 0 for black and 1 for white."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast_with_white(colour: str) -> float:
    return 1.05 / (luminance(colour) + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (3,) of linear RGB."""
    x, y, z = np.cbrt(XYZ @ np.clip(rgb, 0.0, 1.0) / [0.95047, 1.0, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one: str, other: str, vision: str) -> float:
    """How far two colours lie apart for an eye (CIE 1976); 2.3 is just noticeable."""
    eye = VISIONS[vision]
    return float(np.linalg.norm(lab(eye @ linear(one)) - lab(eye @ linear(other))))


@pytest.mark.parametrize("vision", VISIONS)
def test_the_lines_of_a_chart_stay_apart_for_every_eye(vision: str) -> None:
    assert min(distance(*pair, vision) for pair in combinations(SERIES[:7], 2)) > 25.0
    assert min(distance(*pair, vision) for pair in pairwise(SERIES)) > 25.0


@pytest.mark.parametrize("vision", VISIONS)
def test_gain_and_loss_stay_apart_for_every_eye(vision: str) -> None:
    assert distance(style.BLUE, style.ORANGE, vision) > 60.0


@pytest.mark.parametrize(
    "colour", [style.INK, style.MUTED, style.BLUE, style.GREY, *TONES.values()]
)
def test_text_stands_out_on_white_and_white_text_on_it(colour: str) -> None:
    assert contrast_with_white(colour) >= 4.5


def test_lines_stand_out_on_white() -> None:
    assert min(contrast_with_white(colour) for colour in SERIES) > 2.2


def test_blue_and_orange_differ_in_lightness_too() -> None:
    blue, orange = luminance(style.BLUE), luminance(style.ORANGE)

    assert (orange + 0.05) / (blue + 0.05) >= 1.5


def test_the_subject_comes_first_and_colours_come_round() -> None:
    assert series_colour(0) == style.BLUE
    assert [series_colour(len(SERIES) + at) for at in range(3)] == list(SERIES[:3])
    assert len(set(SERIES)) == len(SERIES)


def test_every_tone_has_a_colour_of_its_own() -> None:
    assert set(TONES) == set(Tone)
    assert len(set(TONES.values())) == len(Tone)


def test_a_colour_can_let_the_ground_through() -> None:
    assert translucent("#1f6fb4", 0.1) == "rgba(31, 111, 180, 0.10)"


def test_all_charts_have_one_look_and_a_chart_may_differ_where_it_says_so() -> None:
    plain = styled(go.Figure(go.Scatter(y=[1, 2])), 300)
    other = styled(go.Figure(go.Scatter(y=[1, 2])), 200, hovermode="closest", margin_t=32)

    assert plain.layout.template == other.layout.template
    assert plain.layout.template.layout.colorway == SERIES
    assert plain.layout.template.layout.xaxis.gridcolor == style.LINE
    assert (plain.layout.height, other.layout.height) == (300, 200)
    assert (plain.layout.hovermode, other.layout.hovermode) == (None, "closest")
    assert (plain.layout.margin.t, other.layout.margin.t) == (None, 32)
