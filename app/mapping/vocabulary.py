"""What people call the fields of a form, from `languages/*.toml`, and how such a name is taken apart into words.

A language is a file of phrases (separated by `;`) and of words (separated by blanks), in any spelling: both they and
the names of fields are folded to lower case without accents before they are compared.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

Phrase = frozenset[str]

FIELDS: Final = (
    *("email", "first_name", "last_name", "full_name", "contact_no", "message", "source"),
    *("subject", "particle", "second_last_name", "dial", "other"),
)
"""What a phrase can mean: a lead's field, or something beside it. `other` is all that a lead has no field for."""
WORDS: Final = ("others", "things", "noise", "consent", "titles", "endings", "surnames", "secret_words", "sorts")
"""others: whose it is, if not the visitor's; things: what has a name of its own; noise: what changes no meaning; sorts:
what is asked of a project or a question beside its words, such as its kind, its place, its date."""

PHRASE_WEIGHT: dict[str, int] = {
    "replyto": -10, "reply to": -10, "contact": -15, "person": -15, "customer": -15, "attendee": -5, "invitee": -5,
    "body": -5, "text": -15, "content": -15, "note": -10, "notes": -10, "description": -5, "details": -5,
    "project": -10, "request": -10, "brief": -5, "requirements": -5, "remarks": -5, "feedback": -10, "purpose": -15,
    "first": -10, "last": -10, "given": -10, "portable": -10, "responder": -15, "respondent": -15, "sender": -15,
    "kontakt": -15, "contacto": -15, "contato": -15, "kontak": -15, "problem": -10, "issue": -10, "number": -15,
    "numero": -15, "nomer": -15, "numer": -15, "company email": -15, "original": -20,
    "who": -45, "what": -45,
}  # fmt: skip
"""Phrases that mean a field less surely than the others do."""

CONTROLS: Final = frozenset(
    phrase.strip()
    for phrase in """
    next; redirect; redirect to; redirectto; return url; returnurl; ret url; returl; cc; bcc; captcha; template;
    autoresponse; blacklist; form name; form id; form type; access key; accesskey; api key; apikey;
    g recaptcha response; h captcha response; cf turnstile response; frc captcha solution; altcha; utf; charset;
    authenticity token; csrf token; csrfmiddlewaretoken; wpnonce; wp http referer; form key; submit; oid; from name;
    powered by; remote ip; user agent; autoresponder; autoresponder body; autoresponder message; autoresponder subject;
    idempotency key; thank you message; thankyou message; success message; confirmation message; error message
    """.split(";")
)
"""Fields that steer a form service or a page; never about the person."""
PAGES: Final = frozenset("page url uri href landing referrer referer".split())
"""Words of a field that holds the address of the page that was visited."""
UTM: Final = frozenset(("source", "medium", "campaign", "term", "content", "id"))
CLICK_IDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("gclid", "gbraid", "wbraid"), "Google Ads"),
    "fbclid": "Meta",
    "msclkid": "Microsoft Ads",
    "ttclid": "TikTok",
    "li_fat_id": "LinkedIn",
}
"""The id that an advertiser puts on a click → the advertiser."""
INSIDE: Final = {
    **dict.fromkeys(("telef", "telep", "phone", "mobil", "whatsapp", "handy", "телефон", "תלפון"), "contact_no"),
    **dict.fromkeys(("mail", "epost", "eposta"), "email"),
}
"""What many languages have inside their own word for it."""

MAX_NAME = 300
MAX_UNSPACED = 60
MAX_FOLDED = 65_536
WHATSAPP = re.compile("whats ?app", re.IGNORECASE)
SHAREPOINT = re.compile("_x00[0-9A-Fa-f]{2}_")
CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts whose words stand together without blanks, as far as forms are concerned."""
ARTICLE = "ال"
SPELLED_ALIKE = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "đ": "d", "ı": "i", "œ": "oe", "þ": "th", "ð": "d", "’": " ", "'": " "}
    | {"ʼ": " ", "ی": "ي", "ى": "ي", "ک": "ك", "ة": "ه", "ہ": "ه", "ھ": "ه", "ـ": "", "\u200c": " "}
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All languages in one: what each phrase means and how surely (100 is sure), and the lists of words.

    `by_word` tells the phrases that a word stands in, `family_first` those of a name that begins with the family's,
    `unspaced` the words to look for where there are no blanks, `lengths` how long those of a first letter are, the
    longest first.
    """

    meanings: Mapping[Phrase, Mapping[str, int]]
    by_word: Mapping[str, tuple[Phrase, ...]]
    family_first: frozenset[Phrase]
    honeypots: frozenset[str]
    secrets: frozenset[str]
    unspaced: frozenset[str]
    lengths: Mapping[str, tuple[int, ...]]
    lists: Mapping[str, frozenset[str]]


def words(text: str) -> tuple[str, ...]:
    """`contactEmail`, `contact-email` and `Contact e-mail:` as words: lower case, no accents, no trailing number."""
    return _words(text[:MAX_NAME])


def listed(name: str) -> frozenset[str]:
    """The words of one of `WORDS`, of all languages."""
    return vocabulary().lists[name]


@cache
def vocabulary() -> Vocabulary:
    """The languages, read once."""
    languages = [tomllib.loads(file.read_text("utf-8")) for file in _files()]
    meanings: dict[Phrase, dict[str, int]] = {}
    orders: dict[Phrase, set[bool]] = {}
    for language in languages:
        is_first = bool(language.get("family_name_first"))
        for target in FIELDS:
            for phrase in _phrases(language, target):
                meanings.setdefault(frozenset(phrase), {})[target] = 100 + PHRASE_WEIGHT.get(" ".join(phrase), 0)
        for key, order in (("full_name", is_first), ("family_then_given", True)):
            for phrase in _phrases(language, key):
                meanings.setdefault(frozenset(phrase), {}).setdefault("full_name", 100)
                orders.setdefault(frozenset(phrase), set()).add(order)
    by_word: dict[str, list[Phrase]] = {}
    for known_phrase in meanings:
        for word in known_phrase:
            by_word.setdefault(word, []).append(known_phrase)
    lists = {name: frozenset(_listed(languages, name)) for name in (*WORDS, "bound")}
    traps, secrets = (
        frozenset(" ".join(phrase) for language in languages for phrase in _phrases(language, key))
        for key in ("honeypot", "secret")
    )
    known = {*by_word, *(word for name in ("others", "things", "noise", "consent") for word in lists[name])}
    known.update(word for phrase in (*traps, *secrets) for word in phrase.split())
    unspaced = frozenset(word for word in known if UNSPACED.match(word))
    return Vocabulary(
        meanings,
        {word: tuple(found) for word, found in by_word.items()},
        frozenset(phrase for phrase, found in orders.items() if found == {True}),
        traps,
        secrets,
        unspaced,
        _lengths(unspaced),
        lists,
    )


def _lengths(known: Iterable[str]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for word in known:
        found.setdefault(word[0], set()).add(len(word))
    return {letter: tuple(sorted(sizes, reverse=True)) for letter, sizes in found.items()}


def _files() -> Iterator[Any]:
    folder = files("app.mapping") / "languages"
    return (file for file in sorted(folder.iterdir(), key=lambda file: file.name) if file.name.endswith(".toml"))


def _phrases(language: Mapping[str, Any], key: str) -> list[tuple[str, ...]]:
    text = language.get(key, "")
    lines = _folded(text.replace("\n", " ").replace(";", "\n")).split("\n") if text else ()
    return [tuple(map(_bare, line.split())) for line in lines if line.strip()]


def _listed(languages: list[dict[str, Any]], name: str) -> Iterator[str]:
    """Words of a list; those of people's names keep their accents, which tell one name from another."""
    for language in languages:
        text = language.get(name, "")
        if name == "bound":
            yield from (" ".join(part.split()) for part in text.casefold().split(";") if part.strip())
        elif name in {"titles", "surnames"}:
            yield from text.casefold().replace(".", "").split()
        else:
            yield from map(_bare, _folded(text).split())


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    found = map(_bare, _folded(CAMEL.sub(" ", WHATSAPP.sub("whatsapp", SHAREPOINT.sub(" ", text)))).split())
    if text.isascii():
        return tuple(found)
    parted: list[str] = []
    left = MAX_UNSPACED
    for word in found:
        if UNSPACED.search(word):
            parted += _parted(word[:left])
            left -= min(left, len(word))
        else:
            parted.append(word)
    return tuple(parted)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold().translate(SPELLED_ALIKE)
    if plain.isascii():
        return plain.translate(FOLDED)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", plain).translate(FOLDED))


def _bare(word: str) -> str:
    """Without a trailing number, and without the article that Arabic writes together with its noun."""
    if word.isascii():
        return word.rstrip("0123456789") or word
    while word.startswith(ARTICLE) and len(word) > 4:
        word = word[2:]
    return word.rstrip("0123456789") or word


def _parted(word: str) -> Iterator[str]:
    """The known words in a row of them, the longest first; what stands between is a word of its own."""
    known, lengths = vocabulary().unspaced, vocabulary().lengths
    start = at = 0
    while at < len(word):
        sizes = lengths.get(word[at])
        size = next((n for n in sizes if at + n <= len(word) and word[at : at + n] in known), 0) if sizes else 0
        if size:
            if start < at:
                yield word[start:at]
            yield word[at : at + size]
            start = at + size
        at += size or 1
    if start < len(word):
        yield word[start:]


class _Folded(dict[int, str]):
    """Character → itself where it is part of a word, nothing for an accent, else a blank; only so many are kept."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        is_accent = unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Me"}
        is_letter = char.isalnum() or unicodedata.category(char) in {"Mn", "Mc"} or char == "\n"
        folded = "" if is_accent else char if is_letter else " "
        if len(self) < MAX_FOLDED:
            self[code] = folded
        return folded


FOLDED: Final = _Folded()
