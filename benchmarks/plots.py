"""The results as pictures: SVG, written by hand. Pure."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 860
_LEFT, _RIGHT, _TOP = 190, 110, 46
_BAR, _SPACE, _GROUP = 15, 3, 16
_BEYOND: Final = 1.5
_PLAIN: Final = "#9498a0"


class Mark(NamedTuple):
    """A value with what the rounds span."""

    label: str
    value: float
    lowest: float
    highest: float


class Group(NamedTuple):
    """Bars that belong together."""

    label: str
    marks: Sequence[Mark]


class Line(NamedTuple):
    """A line through points."""

    label: str
    points: Sequence[tuple[float, float]]


def bars(title: str, groups: Sequence[Group], form: str, colours: Mapping[str, str]) -> str:
    """Draw lying bars, group by group, each with a line for the range of its rounds. Colours are those of labels.

    What is below 0 is drawn as 0; a range far beyond all values is cut, or one outlier would flatten all bars.
    """
    marks = [mark for group in groups for mark in group.marks]
    longest = _BEYOND * max((mark.value for mark in marks), default=0)
    most = min(longest, max((mark.highest for mark in marks), default=0)) or 1
    scale = (WIDTH - _LEFT - _RIGHT) / most
    body, y = [], _TOP
    for group in groups:
        body.append(_text(12, y + 12, group.label, weight="bold"))
        y += _BAR + _SPACE
        for mark in group.marks:
            length = max(mark.value, 0) * scale
            low, high = (
                _LEFT + min(max(end, 0), most) * scale for end in (mark.lowest, mark.highest)
            )
            middle = y + _BAR / 2
            body += [
                _text(_LEFT - 8, y + 12, mark.label, anchor="end"),
                f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" '
                f'fill="{colours.get(mark.label, _PLAIN)}"/>',
                f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#222" stroke-width="1.5"/>',
                _text(max(high, _LEFT + length) + 6, y + 12, format(mark.value, form)),
            ]
            y += _BAR + _SPACE
        y += _GROUP
    return _picture(title, y, body)


def lines(
    title: str,
    series: Sequence[Line],
    labels: tuple[str, str],
    top: float,
    colours: Mapping[str, str],
) -> str:
    """Draw lines; the axes go from 0, the vertical one to `top`. Labels are the units of both."""
    height, left, right = 300, 60, WIDTH - 150
    bottom = height - 40
    longest = max((x for line in series for x, _ in line.points), default=0) or 1

    def at(x: float, y: float) -> str:
        return f"{left + x / longest * (right - left):.1f} {bottom - y / top * (bottom - _TOP):.1f}"

    body = []
    for part in range(5):
        value = top * part / 4
        body.append(f'<path d="M{at(0, value)}L{at(longest, value)}" stroke="#ddd"/>')
        body.append(_text(left - 8, float(at(0, value).split()[1]) + 4, f"{value:g}", anchor="end"))
    body.append(_text(right, bottom + 18, f"{longest:,.0f} {labels[0]}", anchor="end"))
    body.append(_text(12, _TOP - 8, labels[1]))
    for number, line in enumerate(series):
        path = "L".join(at(x, y) for x, y in line.points)
        colour = colours.get(line.label, _PLAIN)
        body.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body.append(_text(right + 8, _TOP + 16 * number + 8, line.label, colour=colour))
    return _picture(title, height, body)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = "#222",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _picture(title: str, height: float, body: Sequence[str]) -> str:
    """On white, so that it can be read on dark pages, too."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            'font-family="sans-serif" font-size="12">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>',
            f'<text x="12" y="24" font-size="15" font-weight="bold" fill="#222">{escape(title)}</text>',
            *body,
            "</svg>\n",
        ]
    )
