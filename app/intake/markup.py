"""Elements of a page, written as HTML or as JSX: what is pasted into somebody else's website. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Final

VOID: Final = frozenset(("input",))
IN_JSX: Final = {
    "accept-charset": "acceptCharset",
    "autocomplete": "autoComplete",
    "checked": "defaultChecked",
    "class": "className",
    "enctype": "encType",
    "tabindex": "tabIndex",
    "value": "defaultValue",
}
"""Attributes that React calls otherwise."""
SETTLED: Final = frozenset(("option", "hidden", "radio", "checkbox", "submit"))
"""Elements, and types of them, whose value nobody changes: React calls it as HTML does."""
PLAIN: Final = re.compile(r"[^\"'{}<>&\\\s]+(?: [^\"'{}<>&\\\s]+)*")
"""A text that means itself in JSX."""


@dataclass(frozen=True, slots=True)
class Code:
    """An expression of JavaScript, in JSX."""

    text: str


@dataclass(frozen=True, slots=True)
class Element:
    """An element. Attributes that are True have no value; those that are False are left out.

    A block has its children on lines of their own. A select's `value` is that of the option that is chosen.
    """

    tag: str
    attributes: Mapping[str, str | bool | Code] = field(default_factory=dict)
    children: tuple[Element | Code | str, ...] = ()
    is_block: bool = False

    def html(self) -> str:
        """As HTML."""
        attributes, children = dict(self.attributes), self.children
        if self.tag == "select" and (chosen := attributes.pop("value", "")):
            children = tuple(_choose(one, chosen) for one in children)
        given = "".join(_html_attribute(name, value) for name, value in attributes.items() if value is not False)
        if self.tag in VOID:
            return f"<{self.tag}{given}>"
        inner = [one.html() if isinstance(one, Element) else _escaped(str(one), quote=False) for one in children]
        return self._around(given, inner)

    def jsx(self) -> str:
        """As JSX, for React."""
        attributes, children = dict(self.attributes), self.children
        if self.tag == "textarea":
            attributes["value"], children = "".join(map(str, children)), ()
        is_settled = not SETTLED.isdisjoint((self.tag, attributes.get("type")))
        names = {**IN_JSX, "value": "value"} if is_settled else IN_JSX
        given = "".join(
            _jsx_attribute(names.get(name, name), value) for name, value in attributes.items() if value is not False
        )
        if not children:
            return f"<{self.tag}{given} />"
        return self._around(given, [one.jsx() if isinstance(one, Element) else _in_jsx(one, "") for one in children])

    def _around(self, given: str, inner: list[str]) -> str:
        if not self.is_block:
            return f"<{self.tag}{given}>{''.join(inner)}</{self.tag}>"
        lines = [f"  {line}" for one in inner for line in one.split("\n")]
        return "\n".join((f"<{self.tag}{given}>", *lines, f"</{self.tag}>"))


def _choose(option: Element | Code | str, chosen: object) -> Element | Code | str:
    if isinstance(option, Element) and option.attributes.get("value") == chosen:
        return replace(option, attributes={**option.attributes, "selected": True})
    return option


def _html_attribute(name: str, value: str | bool | Code) -> str:
    return f" {name}" if value is True else f' {name}="{_escaped(str(value))}"'


def _escaped(text: str, *, quote: bool = True) -> str:
    """Also what separates lines: they are indented, and WordPress breaks them."""
    return escape(text, quote=quote).replace("\n", "&#10;")


def _jsx_attribute(name: str, value: str | bool | Code) -> str:
    return f" {name}" if isinstance(value, bool) else f" {name}={_in_jsx(value, chr(34))}"


def _in_jsx(text: str | Code, quote: str) -> str:
    """A text, between quotes where it is an attribute's, or an expression."""
    if isinstance(text, Code):
        return f"{{{text.text}}}"
    is_plain = PLAIN.fullmatch((text if quote else text.strip(" ")) or ".")
    return f"{quote}{text}{quote}" if is_plain else "{" + json.dumps(text, ensure_ascii=False) + "}"
