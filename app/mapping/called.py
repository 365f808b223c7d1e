"""What a field is, by what it is called: its key, its label, the kind its source gave it. Values are not looked at.

Forms keep their keys, so every answer here is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from app.mapping.vocabulary import (
    CLICK_IDS,
    CONTROLS,
    HONEYPOTS,
    NOISE,
    PAGES,
    SECRET_WORDS,
    SECRETS,
    SOMEBODY_ELSE,
    SOMETHING,
    UTM,
    meanings,
    phrases_by_word,
    words,
)

PERSONAL: Final = ("email", "first_name", "last_name", "full_name", "contact_no")
TARGETS: Final = (*PERSONAL, "message", "source")
NOT_THEIRS: Final = 150
NOT_THE_PERSON: Final = SOMEBODY_ELSE | SOMETHING
SURELY: Final = 85
FEW: Final = 3


@lru_cache(maxsize=1024)
def role_of(key: str, label: str) -> str:
    """What a field is beside the person's: honeypot, secret, control, `utm:NAME`, or "" for none of them."""
    last = key.rpartition(".")[2]
    spelled, whole, asked = (" ".join(words(name)) for name in (last, key, label))
    if spelled in HONEYPOTS or whole in HONEYPOTS:
        return "honeypot"
    if not SECRETS.isdisjoint((spelled, whole, asked)) or _names_a_secret(spelled):
        return "secret"
    if last.lower() in CLICK_IDS:
        return f"utm:{last.lower()}"
    if (parameter := whole.rpartition("utm ")[2]) in UTM and whole.endswith(f"utm {parameter}"):
        return f"utm:utm_{parameter}"
    if spelled in CONTROLS or (last.startswith("_") and max(_meaning(words(last)).values(), default=0) < SURELY):
        return "control"
    return ""


def campaign_of(role: str) -> str:
    """`utm_source` of the role `utm:utm_source`; "" of any other role."""
    return role.removeprefix("utm:") if role.startswith("utm:") else ""


@lru_cache(maxsize=1024)
def names_a_page(key: str, label: str) -> bool:
    """Whether a field is for the address of the page that was visited."""
    return not PAGES.isdisjoint((*words(key.rpartition(".")[2]), *words(label)))


@lru_cache(maxsize=1024)
def meanings_of(key: str, label: str, kind: str) -> Mapping[str, tuple[int, str]]:
    """Target → how surely what the field is called means it, and by which of its names: label, key, or path."""
    path = key.split(".")
    names = [(label, 0), (path[-1], 0), (" ".join(path[-2:]), -3), (" ".join(path), -6)]
    best: dict[str, tuple[int, str]] = {}
    for name, weight in names:
        for target, score in _meaning(words(name)).items():
            if score + weight > best.get(target, (0, ""))[0]:
                best[target] = score + weight, name
    above = {word for segment in path[:-1] for word in _holder(words(segment))}
    is_odd = not NOT_THE_PERSON.isdisjoint((*above, *words(path[-1]), *words(label)))
    is_told = kind in {"email", "phone"}
    for target in (*PERSONAL, "message"):
        score, name = best.get(target, (0, ""))
        if not above.isdisjoint(_not_the(target)) or (score <= 0 and not is_told and is_odd):
            best[target] = score - NOT_THEIRS, name
    if kind == "hidden":
        best = {target: (score - 15, name) for target, (score, name) in best.items()}
    return best


def _not_the(target: str) -> frozenset[str]:
    """The words that make a target somebody else's: a message is the visitor's wherever it stands."""
    if target == "message":
        return frozenset()
    return NOT_THE_PERSON if target == "full_name" else SOMEBODY_ELSE


def _holder(segment: tuple[str, ...]) -> tuple[str, ...]:
    """What a path's segment is about: `form_fields` and `contact_form` hold a person's, `form` describes itself."""
    return tuple(word for word in segment if word != "form") if len(segment) > 1 else segment


def _names_a_secret(spelled: str) -> bool:
    found = spelled.split()
    return len(found) <= FEW and not SECRET_WORDS.isdisjoint(found)


@lru_cache(maxsize=4096)
def _meaning(spelled: tuple[str, ...]) -> dict[str, int]:
    """Target → score of a name: the whole phrase, the phrase but for noise, or a phrase among other words."""
    whole = frozenset(spelled)
    core = whole - NOISE
    best = dict(meanings().get(whole, {}))
    if core and core != whole:
        for target, weight in meanings().get(core, {}).items():
            best[target] = max(best.get(target, 0), weight - 3)
    for phrase in {phrase for word in whole for phrase in phrases_by_word().get(word, ()) if phrase < whole}:
        others = core - phrase
        for target, weight in meanings()[phrase].items():
            score = weight - 40 + 8 * (len(phrase) - 1) - 4 * len(others)
            if not others.isdisjoint(_not_the(target)):
                score -= NOT_THEIRS
            if target != "source":
                best[target] = max(best.get(target, -NOT_THEIRS), score)
    return best
