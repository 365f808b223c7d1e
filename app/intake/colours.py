"""A site's own colour on visitors' pages: whatever it is, everything stays readable, in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

READABLE = 4.5
"""The contrast of text with what is behind it, after WCAG 2.2, 1.4.3."""
WHITE, BLACK = "#ffffff", "#000000"
LIGHT, DARK = ("#f7f7f5", "#ffffff"), ("#15181b", "#1d2125")
"""What is behind links: the backgrounds of relay.css."""
STEPS = 50


@lru_cache(maxsize=256)
def style_of(color: str) -> str:
    """The stylesheet that puts `#rrggbb` on a page: buttons are of that colour, links and frames of one close to it."""
    light, dark = (shade(color, behind, towards) for behind, towards in ((LIGHT, BLACK), (DARK, WHITE)))
    return (
        f":root{{--button:{color};--on-button:{text_on(color)};--accent:{light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}"
    )


def text_on(color: str) -> str:
    """Black or white, whichever can be read better: at least one of them always can."""
    return max((WHITE, BLACK), key=lambda text: contrast(text, color))


def shade(color: str, behind: Sequence[str], towards: str) -> str:
    """The colour, mixed with as little of another as makes it readable on all of `behind`."""
    mixed = (mix(color, towards, step / STEPS) for step in range(STEPS + 1))
    return next((one for one in mixed if all(contrast(one, back) >= READABLE for back in behind)), towards)


def mix(color: str, other: str, share: float) -> str:
    """A colour with so much of another in it, 0 to 1."""
    parts = zip(_parts(color), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in parts)


def contrast(one: str, other: str) -> float:
    """1 to 21, as https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio has it."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _parts(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color.removeprefix("#")))


def _luminance(color: str) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in _parts(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
