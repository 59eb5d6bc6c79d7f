"""Pictures."""

import xml.etree.ElementTree as ET

import pytest

from benchmarks.pictures import pictures
from benchmarks.plan import PLAN
from benchmarks.plots import WIDTH, Group, Line, Mark, bars, lines
from benchmarks.results import Results
from tests.unit.benchmarks.recorded import everything

SVG = "{http://www.w3.org/2000/svg}"


def rects(picture: str) -> list[dict[str, str]]:
    background, *found = ET.fromstring(picture).iter(f"{SVG}rect")
    assert background.attrib["width"] == str(WIDTH)
    return [rect.attrib for rect in found]


def texts(picture: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(picture).iter(f"{SVG}text")]


def test_bars_are_as_long_as_their_values() -> None:
    marks = [Mark("a", 50.0, 40.0, 60.0), Mark("b", 25.0, 25.0, 25.0)]

    long, short = rects(bars("rates", [Group("trade", marks)], ",.0f", {"a": "#123456"}))

    assert float(long["width"]) == pytest.approx(2 * float(short["width"]), abs=0.2)
    assert long["fill"] == "#123456"


def test_bars_name_title_group_client_and_value() -> None:
    picture = bars("rates & more", [Group("trade", [Mark("a", 5e4, 5e4, 5e4)])], ",.0f", {})

    assert texts(picture) == ["rates & more", "trade", "a", "50,000"]


def test_a_value_below_nothing_has_no_length() -> None:
    (bar,) = rects(bars("added", [Group("p99", [Mark("a", -3.0, -5.0, 1.0)])], ".1f", {}))

    assert float(bar["width"]) == 0


def test_an_outlier_does_not_flatten_the_bars() -> None:
    marks = [Mark("a", 10.0, 9.0, 5000.0), Mark("b", 5.0, 5.0, 5.0)]
    picture = bars("added", [Group("p99", marks)], ".1f", {})

    assert min(float(bar["width"]) for bar in rects(picture)) > WIDTH / 10
    ends = [p.attrib["d"].split("H")[1] for p in ET.fromstring(picture).iter(f"{SVG}path")]
    assert max(map(float, ends)) < WIDTH


def test_bars_do_not_overlap() -> None:
    groups = [Group(name, [Mark("a", 1, 1, 1), Mark("b", 2, 2, 2)]) for name in ("x", "y")]

    drawn = rects(bars("rates", groups, ".0f", {}))

    ends = [float(rect["y"]) + float(rect["height"]) for rect in drawn]
    assert all(end < float(rect["y"]) for end, rect in zip(ends, drawn[1:], strict=False))


def test_lines_go_through_their_points() -> None:
    picture = lines("memory", [Line("a", [(0, 0), (10, 50), (20, 100)])], ("s", "MB"), 100, {})

    path = next(p for p in ET.fromstring(picture).iter(f"{SVG}path") if p.get("fill") == "none")
    points = [tuple(map(float, point.split())) for point in path.attrib["d"][1:].split("L")]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == x2 - x1
    assert y0 - y1 == y1 - y2 > 0


def test_a_whole_run_has_all_pictures_and_each_is_xml() -> None:
    drawn = dict(pictures(everything(), PLAN))

    assert set(drawn) == {"throughput", "latency-p50", "latency-p99", "jetstream", "memory"}
    for picture in drawn.values():
        assert ET.fromstring(picture).tag == f"{SVG}svg"


def test_nothing_measured_is_nothing_drawn() -> None:
    assert list(pictures(Results(), PLAN)) == []
