"""Parts of a request by their paths, such as `data.fields`: what a source's file says about one provider's shape.

Keys that a visitor's form chose may hold dots themselves: a path with one of those is a tuple, `("data", "Tel. No")`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from app.lead import Entry, Field
from app.sources.answers import fields_of
from app.sources.base import Inbound, LooksLike
from app.sources.trees import MAX_KEY, entry_of, scalar

Path = str | tuple[str, ...]
KEPT: Final[dict[str, Any]] = {}


def part(data: Any, path: Path) -> Any:
    """What stands at a path of keys; None where there is nothing."""
    for key in _keys(path):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def text(data: Any, path: Path) -> str:
    """The scalar at a path as text, as far as a name goes; "" where there is none."""
    found = part(data, path)
    return "" if isinstance(found, dict | list) else scalar(found)[:MAX_KEY]


def id_at(data: Any, *paths: Path) -> str | None:
    """The first id that stands at one of the paths."""
    return next((found for path in paths if (found := text(data, path).strip())), None)


def rows(data: Any, path: str) -> list[dict[str, Any]]:
    """The objects of the list at a path."""
    found = part(data, path)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def like(*paths: str, header: str = "") -> LooksLike:
    """Whether a request has the header, or else something at every one of the paths."""

    def looks_like(inbound: Inbound, data: Any) -> bool:
        if header and header in inbound.headers:
            return True
        return bool(paths) and all(part(data, path) is not None for path in paths)

    return looks_like


def entry(data: Any, *paths: Path, more: Iterable[Field] = ()) -> Entry:
    """What a person said, at the paths and in `more`; the rest is kept beside it, and never taken for the person's.

    Keys begin at the paths: what the provider calls the objects above says nothing about anybody.
    """
    said = chain.from_iterable(fields_of(part(data, path), _keys(path)[-1]) for path in dict.fromkeys(paths))
    return entry_of(chain(more, said, beside(without(data, *paths))), data)


def beside(data: Any) -> Iterator[Field]:
    """The fields of what surrounds a person's answers."""
    return (Field(one.key, one.value, one.label, "variable") for one in fields_of(data))


def without(data: Any, *paths: Path) -> Any:
    """The data but for what stands at the paths."""
    gone: dict[str, Any] = {}
    for path in paths:
        *above, last = _keys(path)
        node: dict[str, Any] | None = gone
        for key in above:
            node = node.setdefault(key, {}) if node is not None else None
        if node is not None:
            node[last] = None
    return _less(data, gone)


def _less(data: Any, gone: dict[str, Any]) -> Any:
    """The data but for the keys that `gone` has as None, and within what it has as more of the same."""
    if not gone or not isinstance(data, dict):
        return data
    return {key: _less(data[key], inner) for key in data if (inner := gone.get(key, KEPT)) is not None}


def _keys(path: Path) -> tuple[str, ...]:
    return path if isinstance(path, tuple) else tuple(path.split("."))
