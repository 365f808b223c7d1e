"""Layers that look at what was written: links, markup, phrases, letters, scripts, shouting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from app.intake.spam.case import Case, Sign
from app.intake.spam.said import host_of, is_of, script
from app.intake.spam.vocabulary import UNSEEN, groups_in, vocabulary

BBCODE: Final = re.compile(r"\[(?:url|link|img)\b[^\[\]]{0,300}\]", re.IGNORECASE)
ANCHOR: Final = re.compile(r"<a\s[^<>]{0,300}?href\s?=", re.IGNORECASE)
MIXED_CASE: Final = re.compile("[a-z][A-Z]")
WORD: Final = re.compile(r"[^\W\d_]{4,}")
STYLED: Final = re.compile("[\U0001d400-\U0001d7ff\U0001f130-\U0001f189]")
"""Letters of mathematics and in boxes, which stand in for bold ones."""
MANY_LINKS: Final = ((8, 8), (5, 5), (3, 3), (1, 1))
"""From how many websites on links weigh how much: in signatures there are some."""
ALIKE: Final = frozenset(("LATIN", "CYRILLIC", "GREEK"))


def links(case: Case) -> Iterator[Sign]:
    """How many there are, of what kind, and how little stands beside them."""
    known, own = vocabulary().links, case.own_hosts
    hosts = [host for host in map(host_of, case.said.links) if host and not is_of(host, own | known["known"])]
    number = max(len(set(hosts)), len(hosts) // 3)
    if weight := next((weight for least, weight in MANY_LINKS if number >= least), 0):
        yield Sign(f"{len(hosts)} links" if len(hosts) > 1 else "a link", weight)
    if any(is_of(host, known["shorteners"]) for host in hosts):
        yield Sign("a link that hides where it leads", 4)
    if any(host.rpartition(".")[2] in known["endings"] for host in hosts):
        yield Sign("a link to a domain that costs little", 3)
    if any(word in link for link in case.said.links for word in known["words"]):
        yield Sign("a link that says what it sells", 4)
    if hosts and case.said.beside_links < 15:
        yield Sign("hardly more than a link", 4)


def markup(case: Case) -> Iterator[Sign]:
    """Links as forums and pages spell them."""
    if BBCODE.search(case.said.text):
        yield Sign("BBCode", 9)
    if ANCHOR.search(case.said.text):
        yield Sign("HTML links", 7)


def phrases(case: Case) -> Iterator[Sign]:
    """What spam says, in many languages; less what only who wants something done says, which no more than undoes it."""
    against, found = 0, groups_in(case.said.words)
    for group, times in found.items():
        if group.weight > 0:
            against += min(group.weight * times, group.most)
            yield Sign(group.what, min(group.weight * times, group.most))
    for group, times in found.items():
        if group.weight < 0 and against:
            yield Sign(group.what, max(group.weight * times, group.most, -against))


def letters(case: Case) -> Iterator[Sign]:
    """Words that nobody would type: random letters, hidden ones, those of other alphabets that look the same."""
    lead, text = case.lead, case.said.text
    for name in dict.fromkeys((lead.first_name, lead.last_name)):
        if _is_random(name):
            yield Sign("a name of random letters", 5)
    if _is_random(lead.message.strip()):
        yield Sign("a message of random letters", 6)
    if text.isascii():
        return
    mixed = sum(map(_is_mixed, WORD.findall(text)))
    if mixed:
        yield Sign("letters of several alphabets within a word", min(4 * mixed, 8))
    if len(UNSEEN.findall(text)) >= 3 and script(next(filter(str.isalpha, text), "?")) in ALIKE:
        yield Sign("characters that nobody sees", 3)
    if len(STYLED.findall(text)) >= 5:
        yield Sign("letters dressed up as others", 3)


def _is_random(word: str) -> bool:
    """`OvYlhTgRtzPqkdW`: capitals strewn over one long word."""
    return len(word) >= 8 and word.isascii() and word.isalpha() and len(MIXED_CASE.findall(word)) >= 3


def _is_mixed(word: str) -> bool:
    """`саsinо`: alphabets that look alike, to and fro. `iPhoneом` goes over once."""
    if word.isascii():
        return False
    scripts = [found for found in map(script, word) if found in ALIKE]
    return sum(one != other for one, other in pairwise(scripts)) >= 2


def scripts(case: Case) -> Iterator[Sign]:
    """A script that neither the form's words nor the visitor's browser know. It weighs little: people write in any."""
    written = case.said.script
    if not written:
        return
    form = case.form
    own = (form.title, form.intro, *(f"{one.label}{' '.join(one.options)}" for one in form.fields))
    asked = "".join((*own, *(f"{one.key}{one.label}" for one in case.fields[:30])))
    if not asked.isascii() and any(script(letter) == written for letter in asked if letter.isalpha()):
        return
    speaks = {one.strip()[:3].partition("-")[0].lower() for one in case.headers.get("accept-language", "").split(",")}
    if vocabulary().scripts.get(written, frozenset()).isdisjoint(speaks):
        yield Sign(f"a script that does not fit the form: {written.lower()}", 2)


def shouting(case: Case) -> Iterator[Sign]:
    """Capitals, exclamation marks, money."""
    text = case.said.text
    capitals = sum(map(str.isupper, text))
    if capitals >= 32 and capitals > 4 * sum(map(str.islower, text)):
        yield Sign("all in capitals", 2)
    if "!!!" in text or text.count("!") >= 6:
        yield Sign("exclamation marks", 1)
    if "$$" in text or text.count("$") + text.count("€") >= 4:
        yield Sign("sums of money", 2)
