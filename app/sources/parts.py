"""Parts of a request by their paths, such as `data.fields`: what a source's file says about one provider's shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from app.lead import Entry, Field
from app.sources.answers import fields_of
from app.sources.base import Inbound, LooksLike
from app.sources.trees import MAX_KEY, entry_of, scalar


def part(data: Any, path: str) -> Any:
    """What stands at a path of keys; None where there is nothing."""
    for key in path.split("."):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def text(data: Any, path: str) -> str:
    """The scalar at a path as text, as far as a name goes; "" where there is none."""
    found = part(data, path)
    return "" if isinstance(found, dict | list) else scalar(found)[:MAX_KEY]


def id_at(data: Any, *paths: str) -> str | None:
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


def entry(data: Any, *paths: str, more: Iterable[Field] = ()) -> Entry:
    """What a person said, at the paths and in `more`; the rest is kept beside it, and never taken for the person's.

    Keys begin at the paths: what the provider calls the objects above says nothing about anybody.
    """
    said = chain.from_iterable(fields_of(part(data, path), _last(path)) for path in paths)
    return entry_of(chain(more, said, beside(without(data, *paths))), data)


def beside(data: Any) -> Iterator[Field]:
    """The fields of what surrounds a person's answers."""
    return (Field(one.key, one.value, one.label, "variable") for one in fields_of(data))


def without(data: Any, *paths: str) -> Any:
    """The data but for what stands at the paths."""
    for path in paths:
        first, _, below = path.partition(".")
        if isinstance(data, dict) and first in data:
            inner = {first: without(data[first], below)} if below else {}
            data = {**{key: value for key, value in data.items() if key != first}, **inner}
    return data


def _last(path: str) -> str:
    """The key of a single value; none for an object or a list, whose own keys say what they are."""
    return path.rpartition(".")[2]
