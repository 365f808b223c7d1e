"""What visitors read, in their own language: the gettext catalogues in `locales/`, English where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polib
from starlette.requests import Request

LOCALES = Path(__file__).parent / "locales"
RIGHT_TO_LEFT = frozenset(("ar", "he"))
MAX_ASKED = 20


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its tag, and the direction that it is written in. Called with an English text, it translates it."""

    tag: str
    direction: str
    texts: Mapping[str, str]

    def __call__(self, text: str, **values: str) -> str:
        """The text in this language, `{name}` in it replaced by the value of that name."""
        translated = self.texts.get(text, text)
        return translated.format(**values) if values else translated


ENGLISH = Language("en", "ltr", {})


@cache
def languages() -> tuple[str, ...]:
    """The tags of all languages that visitors are spoken to in."""
    return ("en", *sorted(file.stem for file in LOCALES.glob("*.po")))


@cache
def language(tag: str) -> Language:
    """One of `languages()`."""
    file = LOCALES / f"{tag}.po"
    texts = {one.msgid: one.msgstr for one in polib.pofile(str(file)) if one.msgstr} if file.exists() else {}
    return Language(tag, "rtl" if tag in RIGHT_TO_LEFT else "ltr", texts)


def language_of(request: Request) -> Language:
    """The visitor's: as `?lang=` says, else the best of what the browser asks for."""
    wanted = [request.query_params.get("lang", ""), *_by_preference(request.headers.get("accept-language", ""))]
    tags = (tag.lower().replace("_", "-").partition("-")[0] for tag in wanted)
    return language(next((tag for tag in tags if tag in languages()), "en"))


def _by_preference(header: str) -> list[str]:
    """The languages of an Accept-Language header, the dearest first: `de-CH, fr;q=0.9, en;q=0.8`."""
    asked = [part.partition(";") for part in header.split(",")[:MAX_ASKED]]
    weighed = [(_weight(rest), tag.strip()) for tag, _, rest in asked]
    return [tag for weight, tag in sorted(weighed, key=lambda one: -one[0]) if weight > 0]


def _weight(rest: str) -> float:
    name, _, value = rest.strip().partition("=")
    if name.strip() != "q":
        return 1
    whole, _, part = value.strip().partition(".")
    return float(f"{whole}.{part or 0}") if whole in {"0", "1"} and (part or "0").isdecimal() else 0
