"""What spam says and links to: `words.toml` beside this file, made ready to be looked up word by word."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice, pairwise, product
from pathlib import Path
from typing import Any, Final

MANY: Final = 100
CHOICE: Final = re.compile(r"\{([^}]*)\}")
NO_WORD: Final = re.compile(r"[\W_]+")
UNSEEN: Final = re.compile("[\u00ad\u034f\u200b-\u200f\u2060-\u2064\ufeff]")
"""Characters that nobody sees, put between letters to hide a word."""
UNSPACED: Final = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
"""Letters of scripts that put no space between words, or endings to each."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Phrases of one kind: what is said of who uses them, what each weighs, and all of them together at most."""

    what: str
    weight: int
    most: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`spaced`: the first two words of phrases, or their only one → those phrases between spaces, each with its group.

    `unspaced` are found anywhere, `begun` at the beginning of any word; `links` and `scripts` are sets by their names.
    """

    spaced: Mapping[str, tuple[tuple[str, Group], ...]]
    unspaced: tuple[tuple[str, Group], ...]
    begun: tuple[tuple[str, Group], ...]
    links: Mapping[str, frozenset[str]]
    scripts: Mapping[str, frozenset[str]]


def plain(text: str) -> str:
    """A text as phrases are compared: small letters between single spaces, nothing that is not seen."""
    folded = unicodedata.normalize("NFKC", UNSEEN.sub("", text)).casefold()
    return f" {NO_WORD.sub(' ', folded).strip()} "


@cache
def vocabulary() -> Vocabulary:
    """Read once; about 20 ms."""
    data = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    spaced: dict[str, dict[str, Group]] = {}
    unspaced: dict[str, Group] = {}
    begun: dict[str, Group] = {}
    for phrase, group in _phrases(data["groups"]):
        spelled = plain(phrase)
        is_open = phrase.endswith("*")
        whole = spelled.split()[: -1 if is_open else None]
        if UNSPACED.search(phrase):
            unspaced.setdefault(spelled.strip(), group)
        elif not whole:
            begun.setdefault(spelled.rstrip(), group)
        else:
            sought = spelled.rstrip() if is_open else spelled
            spaced.setdefault(" ".join(whole[:2]), {}).setdefault(sought, group)
    return Vocabulary(
        {first: tuple(phrases.items()) for first, phrases in spaced.items()},
        tuple(unspaced.items()),
        tuple(begun.items()),
        {name: frozenset(values) for name, values in data["links"].items()},
        {name: frozenset(values) for name, values in data["scripts"].items()},
    )


def groups_in(text: str) -> dict[Group, int]:
    """Each group of which a `plain` text has phrases, and how many. A phrase within another counts once."""
    known = vocabulary()
    found: dict[str, Group] = {}
    words = text.split()
    for begin in {*words, *map(" ".join, pairwise(words))} & known.spaced.keys():
        found |= {phrase: group for phrase, group in known.spaced[begin] if phrase in text}
    found |= {phrase: group for phrase, group in known.begun if phrase in text}
    if UNSPACED.search(text):
        found |= {phrase: group for phrase, group in known.unspaced if phrase in text}
    counted: dict[Group, int] = {}
    for phrase, group in islice(found.items(), MANY):
        if not any(phrase.strip() in other and phrase != other for other in found):
            counted[group] = counted.get(group, 0) + 1
    return counted


def _phrases(groups: list[dict[str, Any]]) -> Iterator[tuple[str, Group]]:
    """Every phrase, its choices written out."""
    for one in groups:
        group = Group(one["what"], one["weight"], one["most"])
        for phrase in one["phrases"]:
            parts = CHOICE.split(phrase)
            choices = [part.split("|") if number % 2 else [part] for number, part in enumerate(parts)]
            for chosen in product(*choices):
                yield "".join(chosen), group
