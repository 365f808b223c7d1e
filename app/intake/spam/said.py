"""What a person wrote in a form, looked at once for all layers: the words, the links, the letters. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from app.intake.spam.vocabulary import plain
from app.lead import Lead

LONGEST: Final = 4000
PROSE: Final = 3
"""An answer of so many words is looked at like the message; a shorter one is a choice, an address, a page."""
LINK: Final = re.compile(
    r"""(?:https?://|www\.)[^\s<>"'\])]+"""
    r"|(?<![@\w./-])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|ru|su|info|biz|shop|site|online|xyz|top|club|store|vip|pro|icu"
    r"|cn|me|ly|io|co|link|click|space|website|live|bet|casino)(?:/[^\s<>\"'\])]*)?(?![\w@.-]*[\w@])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """The text as it was typed and as `plain` words, its links, and its script where that is not Latin."""

    text: str = ""
    words: str = ""
    links: tuple[str, ...] = ()
    script: str = ""

    @property
    def beside_links(self) -> int:
        """How many letters there are beside the links."""
        return sum(map(str.isalpha, LINK.sub(" ", self.text)))


def said(lead: Lead) -> Said:
    """The message of a lead, and its other answers where they are prose."""
    prose = (one.value for one in lead.extra if one.value.count(" ") >= PROSE)
    text = "\n".join(dict.fromkeys((lead.message, *prose)))[:LONGEST]
    links = tuple(dict.fromkeys(found.rstrip(".,;:!?").lower() for found in LINK.findall(text)))
    return Said(text, plain(text), links, _script_of(text))


def host_of(link: str) -> str:
    """The host of a link without `www.`; empty where it has none."""
    try:
        host = urlsplit(link if "://" in link else f"http://{link}").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")


def is_of(host: str, domains: frozenset[str]) -> bool:
    """Whether a host is one of the domains, or in one."""
    parts = host.split(".")
    return any(".".join(parts[start:]) in domains for start in range(len(parts)))


def _script_of(text: str) -> str:
    """The script that most letters are of; empty where that is Latin, or there are few."""
    if text.isascii():
        return ""
    counted = Counter(script(letter) for letter in text[:1000] if letter.isalpha())
    [(most, number)] = counted.most_common(1) or [("", 0)]
    return most if number >= 10 and most != "LATIN" else ""


@lru_cache(maxsize=4096)
def script(letter: str) -> str:
    """The script of a letter by the first word of its name: LATIN, CYRILLIC, CJK, …"""
    return unicodedata.name(letter, "").partition(" ")[0]
