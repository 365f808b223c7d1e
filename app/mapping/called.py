"""What a field is, by what it is called: its key, its label, the kind its source gave it. Values are not looked at.

Forms keep their keys, so every answer here is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from app.mapping.vocabulary import CLICK_IDS, CONTROLS, INSIDE, PAGES, UTM, Phrase, listed, vocabulary, words

PERSONAL: Final = ("email", "first_name", "last_name", "full_name", "contact_no")
NAMES: Final = ("first_name", "last_name", "full_name")
TARGETS: Final = (*PERSONAL, "message", "source")
NOT_THEIRS: Final = 150
SURELY: Final = 85
MEANT: Final = 40
CERTAIN: Final = 97
NEAR: Final = -3
FEW: Final = 3
MANY: Final = 40
GENERIC: Final = frozenset(
    """
    field fields input text q question answer answers item col column entry entries value data f p a var str
    string block name-block comp element el control ctl widget single line short response form fld txt inp
    custom cf param body payload fieldset row cell datum meta no label untitled unlabelled unnamed textarea fld_
    yui
    """.split()
)
"""Words of keys that a machine made up."""
QUESTIONS: Final = frozenset("what how why which describe tell".split())
SOMEBODY_ELSE: Final = frozenset(
    """
    friend friends referrer referred referral referee emergency recipient agent host organizer organiser guest partner
    spouse colleague freund freundin freunde notfall ami amie urgence amigo amiga emergencia amico amica emergenza
    vriend vriendin noodgeval venn kompis ystava przyjaciel znajomy pritel priatel barat prieten prijatelj arkadas друг
    """.split()
)
"""Whose address and number they surely are, even in a field that is made for one."""
LETTER = re.compile("[a-z]")
DOT = re.compile(r"\.(?! )")
"""What parts the path of a field; a label such as `Tel. No` stays whole."""
DIGRAPH = re.compile("([aou])e|a(?=a)")
"""Letters with an umlaut as people write them on keyboards without: `rueckruf`."""
VOWEL = re.compile("[aeiouy]|[^a-z]")
PARTS = re.compile(r"[^\W_]+")


@lru_cache(maxsize=2048)
def role_of(key: str, label: str) -> str:
    """What a field is beside the person's: honeypot, secret, control, `utm:NAME`, or "" for none of them."""
    last = last_of(key)
    spelled, whole, asked = (" ".join(words(name)) for name in (last, key, label))
    known = vocabulary()
    is_counted = last[-1:].isdigit()
    if (not is_counted and not known.honeypots.isdisjoint((spelled, whole, asked))) or _holds_a_trap(
        f"{spelled} {asked}"
    ):
        return "honeypot"
    if not known.secrets.isdisjoint((spelled, whole, asked)) or _names_a_secret(spelled):
        return "secret"
    if last.lower() in CLICK_IDS:
        return f"utm:{last.lower()}"
    for name in (whole, asked):
        if (parameter := name.rpartition("utm ")[2]) in UTM and name.endswith(f"utm {parameter}"):
            return f"utm:utm_{parameter}"
    if spelled in CONTROLS or (last.startswith("_") and _surest(_meaning(words(last))) < SURELY):
        return "control"
    return ""


@lru_cache(maxsize=2048)
def last_of(key: str) -> str:
    """The last part of a field's path."""
    return DOT.split(key)[-1]


def campaign_of(role: str) -> str:
    """`utm_source` of the role `utm:utm_source`; "" of any other role."""
    return role.removeprefix("utm:") if role.startswith("utm:") else ""


@lru_cache(maxsize=2048)
def names_a_page(key: str, label: str) -> bool:
    """Whether a field is for the address of the page that was visited."""
    return not PAGES.isdisjoint((*words(last_of(key)), *words(label)))


@lru_cache(maxsize=2048)
def says_nothing(key: str, label: str) -> bool:
    """Whether neither key nor label is a word of any language: `1.3`, `field_2`, `input_3_1`, `r51d04ed43`."""
    return all(map(_is_unknown, (*PARTS.findall(last_of(key)), *PARTS.findall(label))))


@lru_cache(maxsize=2048)
def is_question(key: str, label: str) -> bool:
    """Whether a field's name is a question: `Why us?`, `WhatIsTheGoal`."""
    name = (label or last_of(key)).rstrip()
    return name.endswith(("?", "？", "؟")) or not QUESTIONS.isdisjoint(words(name)[:1])


@lru_cache(maxsize=2048)
def family_comes_first(key: str, label: str) -> str:
    """What says that a whole name begins with the family's: the `language`, the `label` by its order, or "" nothing."""
    for name in (label, last_of(key)):
        spelled = tuple(map(_stem, words(name)))
        phrases = [p for p in _phrases_in(spelled) if "full_name" in vocabulary().meanings[p]]
        longest = max(phrases, key=len, default=None)
        if longest is not None and longest in vocabulary().family_first:
            return "language"
        if longest is not None:
            return "label" if _family_is_named_first(spelled) else ""
    return ""


@lru_cache(maxsize=2048)
def meanings_of(key: str, label: str, kind: str) -> Mapping[str, tuple[int, str]]:
    """Target → how surely what the field is called means it, and by which of its names: label, key, or path.

    Under 0 it is somebody else's, or surely something else.
    """
    path = DOT.split(key)
    names = [(label, 0), (path[-1], 0), (" ".join(path[-2:]), -3), (" ".join(path), -6)]
    names += [(part, NEAR + 1) for name in (label, path[-1]) if "/" in name for part in name.split("/")[:FEW]]
    best: dict[str, tuple[int, str]] = {}
    for name, weight in names:
        for target, score in _meaning(words(name)).items():
            is_near = target != "other" or weight > NEAR
            if is_near and score + weight > best.get(target, (0, ""))[0]:
                best[target] = score + weight, name
    above = {word for segment in path[:-1] for word in _holder(words(segment))}
    is_unsaid = len(words(path[-1])) > 1 and says_nothing(key, "")  # `SingleLine1` is no line of anything
    around = {*above, *(() if is_unsaid else words(path[-1])), *words(label)}
    is_told = kind in {"email", "phone"} and around.isdisjoint(SOMEBODY_ELSE)
    for target in (*PERSONAL, "message"):
        score, name = best.get(target, (0, ""))
        if not above.isdisjoint(_not_the(target)) or (
            score <= 0 and not is_told and not around.isdisjoint(_not_the(target))
        ):
            best[target] = score - NOT_THEIRS, name
    other = best.pop("other", (0, ""))
    if not label and is_unsaid:
        other = (0, "")
    for target in TARGETS:
        score, name = best.get(target, (0, ""))
        is_other = other[0] > score or (0 < other[0] == score < CERTAIN)
        if target != "email" and is_other and not (is_told and target == "contact_no"):
            best[target] = min(score, 0) - 1, other[1]
    if kind == "hidden":
        best = {target: (score - 15, name) for target, (score, name) in best.items()}
    return best


@cache
def _not_the(target: str) -> frozenset[str]:
    """The words that make a target somebody else's: a message is the visitor's wherever it stands."""
    if target not in PERSONAL:
        return frozenset()
    return listed("others") | listed("things") if target == "full_name" else listed("others")


def _holder(segment: tuple[str, ...]) -> tuple[str, ...]:
    """What a path's segment is about: `form_fields` and `contact_form` hold a person's, `form` describes itself."""
    return tuple(word for word in segment if word != "form") if len(segment) > 1 else segment


def _names_a_secret(spelled: str) -> bool:
    found = spelled.split()
    return len(found) <= FEW and not listed("secret_words").isdisjoint(found)


def _holds_a_trap(spelled: str) -> bool:
    """`nevyplnujte_honeypot`, `url (leave this field empty)`: a trap says so somewhere in its name."""
    known = _traps()
    return any(f" {trap} " in f" {spelled} " for word in {*spelled.split()} for trap in known.get(word, ()))


@cache
def _traps() -> Mapping[str, tuple[str, ...]]:
    """The phrases of honeypots that are no chance words of a longer name, by their first word."""
    found: dict[str, tuple[str, ...]] = {}
    for trap in vocabulary().honeypots:
        if len(trap) > FEW + 3:
            first = trap.partition(" ")[0]
            found[first] = (*found.get(first, ()), trap)
    return found


def _is_unknown(part: str) -> bool:
    """Whether a part of a name, between `-` and `_`, is nothing that anybody reads: `412`, `aa8a74c`, `fld`."""
    spelled = words(part)
    if all(map(_is_made_up, spelled)):
        return True
    return part.isascii() and any(map(str.isdigit, part)) and vocabulary().by_word.keys().isdisjoint(spelled)


def _is_made_up(word: str) -> bool:
    if word in GENERIC or any(map(str.isdigit, word)):
        return True
    return word.isascii() and (len(word) <= 1 or not VOWEL.search(word)) and word not in vocabulary().by_word


def _family_is_named_first(spelled: tuple[str, ...]) -> bool:
    """`Nachname, Vorname` and `Nume și prenume`, but not `Vorname, Nachname`."""
    parts = [next((t for t in NAMES if t in vocabulary().meanings.get(frozenset((word,)), ())), "") for word in spelled]
    order = [part for part in parts if part]
    return (order[:1] == ["last_name"] and len(order) > 1) or (
        order[:1] == ["full_name"] and "first_name" in order[1:2]
    )


def _surest(found: Mapping[str, int]) -> int:
    return max((score for target, score in found.items() if target in TARGETS), default=0)


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    """A word without the ending by which a language says whose it is, where that makes it a known one."""
    known = vocabulary().by_word
    if word in known or word in listed("noise"):
        return word
    stems = (word[: -len(end)] for end in _endings() if word.endswith(end))
    spelled = (DIGRAPH.sub(lambda found: found[1] or "", word), *stems)
    return next((stem for stem in spelled if stem in known), word)


@lru_cache(maxsize=1)
def _endings() -> tuple[str, ...]:
    return tuple(sorted(listed("endings"), key=len, reverse=True))


def _phrases_in(spelled: tuple[str, ...]) -> set[Phrase]:
    """The phrases all of whose words are in a name."""
    whole, by_word = frozenset(spelled[:MANY]), vocabulary().by_word
    return {phrase for word in whole for phrase in by_word.get(word, ()) if phrase <= whole}


@lru_cache(maxsize=8192)
def _meaning(spelled: tuple[str, ...]) -> dict[str, int]:
    """Target → score of a name: the whole phrase, the phrase but for noise, or a phrase among other words."""
    known = vocabulary().meanings
    spelled = tuple(map(_stem, spelled))
    whole = frozenset(spelled)
    core = frozenset(word for word in whole - listed("noise") if not word.isdecimal())
    best = dict(known.get(whole, {}))
    is_of_a_sort = not listed("sorts").isdisjoint(core)
    if core and core != whole:
        for target, weight in known.get(core, {}).items():
            best[target] = max(best.get(target, 0), weight - 3)
    for phrase in _phrases_in(spelled) - {whole}:
        if phrase <= listed("noise") or (len(phrase) == 1 and LETTER.fullmatch(next(iter(phrase)))):
            continue  # among words one letter is none of them, and noise is noise
        others = core - phrase
        for target, weight in known[phrase].items():
            score = weight - 40 + 8 * (len(phrase) - 1) - 4 * min(len(others), 6)
            if not others.isdisjoint(_not_the(target)) or (target == "message" and is_of_a_sort):
                score -= NOT_THEIRS
            if target != "source":
                best[target] = max(best.get(target, -NOT_THEIRS), score)
    if not listed("consent").isdisjoint(whole) and _surest(best) < SURELY:
        best["other"] = SURELY + 5
    _prefer_a_part(best)
    return best or {INSIDE[part]: 70 for word in core if len(word) > 5 for part in INSIDE if part in word}


def _prefer_a_part(best: dict[str, int]) -> None:
    """`お名前（姓）` asks for a part of the name, and means the whole less."""
    parts = [part for part in ("first_name", "last_name") if best.get(part, 0) >= MEANT]
    if len(parts) == 1 and best.get("full_name", 0) < CERTAIN:
        best["full_name"] = min(best.get("full_name", 0), best[parts[0]] - 5)
