"""Boxes and arrows as SVG, with the colors of the page that contains it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Literal

Kind = Literal["step", "good", "stop", "doubt", "outside"]
Point = tuple[float, float]
LINE_HEIGHT = 16
# Width of a character in em, an upper limit for usual text, to check that a line fits into its box.
CHARACTER_WIDTH = 0.53
FONT_SIZE = 13
LIGHT = "--fg: #1f2328; --bg: #ffffff; --line: #8b949e; --good: #1a7f37; --stop: #cf222e; --doubt: #9a6700;"
DARK = "--fg: #e6edf3; --bg: #0d1117; --line: #8b949e; --good: #3fb950; --stop: #f85149; --doubt: #d29922;"
# The site has a switch for the color scheme; a file viewed by itself follows the browser.
STYLE = f"""
.ard-diagram {{ {LIGHT} font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }}
@media (prefers-color-scheme: dark) {{ .ard-diagram {{ {DARK} }} }}
[data-md-color-scheme=default] .ard-diagram {{ {LIGHT} }}
[data-md-color-scheme=slate] .ard-diagram {{ {DARK} --bg: var(--md-default-bg-color); }}
"""
STYLE += """
.ard-diagram text { fill: var(--fg); font-size: 13px; }
.ard-diagram .note { font-size: 11.5px; }
.ard-diagram .halo { stroke: var(--bg); stroke-width: 5px; paint-order: stroke; }
.ard-diagram rect { fill: var(--bg); stroke: var(--line); stroke-width: 1.3px; }
.ard-diagram rect.good { stroke: var(--good); stroke-width: 2px; }
.ard-diagram rect.stop { stroke: var(--stop); stroke-width: 2px; }
.ard-diagram rect.doubt { stroke: var(--doubt); stroke-width: 2px; }
.ard-diagram rect.outside { stroke-dasharray: 5 4; }
.ard-diagram rect.group { fill: none; stroke-dasharray: 2 3; }
.ard-diagram path.arrow { fill: none; stroke: var(--line); stroke-width: 1.5px; }
.ard-diagram path.dashed { stroke-dasharray: 5 4; }
.ard-diagram path.head { fill: var(--line); }
"""


@dataclass(frozen=True)
class Box:
    """A box with lines of text, centered at (x, y)."""

    x: float
    y: float
    width: float
    lines: tuple[str, ...]
    kind: Kind = "step"

    @property
    def height(self) -> float:
        """The height."""
        return LINE_HEIGHT * len(self.lines) + 14

    @property
    def top(self) -> Point:
        """The middle of its upper edge."""
        return self.x, self.y - self.height / 2

    @property
    def bottom(self) -> Point:
        """The middle of its lower edge."""
        return self.x, self.y + self.height / 2

    @property
    def left(self) -> Point:
        """The middle of its left edge."""
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        """The middle of its right edge."""
        return self.x + self.width / 2, self.y


@dataclass
class Drawing:
    """A diagram; `width` and `height` are those of its coordinates."""

    width: float
    height: float
    title: str
    description: str
    _elements: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, text: str, kind: Kind = "step") -> Box:
        """Draw a box; the text may have several lines. Raises ValueError if a line does not fit."""
        box = Box(x, y, width, tuple(text.split("\n")), kind)
        for line in box.lines:
            if len(line) * FONT_SIZE * CHARACTER_WIDTH > width - 6:
                raise ValueError(f"{line!r} does not fit into a box of width {width}")
        left, top = box.left[0], box.top[1]
        self._elements.append(
            f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{width:g}" height="{box.height:g}" rx="6"/>'
        )
        for number, line in enumerate(box.lines):
            self._text(x, top + LINE_HEIGHT * number + 19, line, "middle")
        return box

    def group(self, left: float, top: float, width: float, height: float, label: str) -> None:
        """Draw a dotted frame around boxes, with a label at its top."""
        self._elements.append(
            f'<rect class="group" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="8"/>'
        )
        self._text(left + 10, top + 17, label, "start")

    def arrow(self, *points: Point, dashed: bool = False) -> None:
        """Draw an arrow through points, of horizontal and vertical lines."""
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        self._elements.append(f'<path class="arrow{" dashed" if dashed else ""}" d="{path}"/>')
        self._elements.append(f'<path class="head" d="{_head(points[-2], points[-1])}"/>')

    def note(self, x: float, y: float, text: str, anchor: Literal["start", "middle", "end"] = "start") -> None:
        """Write small text beside an arrow; it may have several lines."""
        for number, line in enumerate(text.split("\n")):
            self._text(x, y + 14 * number, line, anchor, "note halo")

    def svg(self) -> str:
        """Return the diagram as an SVG document."""
        elements = "\n".join(self._elements)
        return (
            f'<svg class="ard-diagram" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}"'
            f' width="{self.width:g}" role="img" aria-label="{escape(self.title)}">\n'
            f"<desc>{escape(self.description)}</desc>\n<style>{STYLE}</style>\n{elements}\n</svg>\n"
        )

    def _text(self, x: float, y: float, text: str, anchor: str, kind: str = "") -> None:
        attributes = f' class="{kind}"' if kind else ""
        self._elements.append(f'<text{attributes} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>')


def _head(before: Point, tip: Point) -> str:
    """Return the path of an arrowhead at `tip`."""
    (x0, y0), (x, y) = before, tip
    if x0 == x:
        back = y - 8 if y > y0 else y + 8
        return f"M{x:g} {y:g} L{x - 4:g} {back:g} L{x + 4:g} {back:g} Z"
    back = x - 8 if x > x0 else x + 8
    return f"M{x:g} {y:g} L{back:g} {y - 4:g} L{back:g} {y + 4:g} Z"
