"""A person's name, from whatever parts of it were found: which word is the family's, and what is no name at all.

nameparser knows western titles, particles and suffixes; everything else is here, its words in `languages/*.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from app.mapping.vocabulary import listed

HAN: Final = "\u3400-\u9fff\uf900-\ufaff々〆"
EASTERN = re.compile(f"[{HAN}\u3040-\u30ff\uac00-\ud7af]")
EASTERN_ALONE = re.compile(f"[{HAN}\u3040-\u30ff\uac00-\ud7af]+")
KANA = re.compile("[\u3041-\u30ff]")
HANGUL = re.compile("[\uac00-\ud7af]")
FOREIGN = re.compile(r"[\u30a0-\u30fa\u30fc-\u30ff]++(?:[・＝=\s][\u30a0-\u30fa\u30fc-\u30ff]++)++")
READING = re.compile(r"\s*[(（][^()（）]*[)）]\s*")
VIETNAMESE = re.compile("[ăâđêôơưĂÂĐÊÔƠƯ\u1ea0-\u1ef9]")
PATRONYMIC = re.compile(r".{2,}(?:вич|вна|ична|ovich|evich|ovna|evna)", re.IGNORECASE)
PLAIN_NAMES = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]++(?:['’ -][A-Za-zÀ-ÖØ-öø-ɏ]++)*")
BORN: Final = frozenset("née nee né geb geboren geborene född fødd født rozená z".split())
SUFFIXES: Final = frozenset("jr sr ii iii iv phd md esq mba cpa dds rn pe llc ba ma bsc msc".split())
ACCENTS: Final = str.maketrans("áéíóúãõ", "aeiouao")
MAX_NAME = 200
LONGEST_FAMILY = 4


def names_of(found: Mapping[str, str], *, family_first: bool = False, japanese: bool = False) -> tuple[str, str]:
    """First and last name of whatever names were found.

    Beside a first name, `name` is the last (`prenom` and `nom`, `vname` and `name`), unless it holds both; beside a
    last name alone it is the first.
    """
    first, last, full = (found.get(key, "") for key in ("first_name", "last_name", "full_name"))
    if not (first or last):
        return split_name(full, family_first=family_first, japanese=japanese)
    first = " ".join(without_titles(first.split()))
    if full and not last:
        return first, _without(full, first)
    if full and not first:
        first = " ".join(without_titles((_without(full, last) or full).split()))
    return first, _with_particle(found.get("particle", ""), last)


def split_name(full: str, *, family_first: bool = False, japanese: bool = False) -> tuple[str, str]:
    """First name and the rest: `Ana de la Cruz Ruiz` → Ana, de la Cruz Ruiz. One word is a first name; titles go."""
    text = " ".join(full[: 2 * MAX_NAME].split())[:MAX_NAME].strip(" ,،")
    if EASTERN.search(text):
        return _eastern(text, japanese=japanese)
    if "," in text or "،" in text:
        text = _turned(" ".join(text.replace(",", ", ").split()))
    spelled = without_titles(text.split())
    text = " ".join(spelled)
    if len(spelled) < 2:
        return text, ""
    if (order := _order(spelled, family_first=family_first)) is not None:
        return order
    if given := _bound(spelled):
        return " ".join(spelled[:given]), " ".join(spelled[given:])
    if not text.isascii() and not PLAIN_NAMES.match(text):
        return spelled[0], " ".join(spelled[1:])
    return _western(text)


def without_titles(spelled: list[str]) -> list[str]:
    """A name's words without titles before and honorifics after it; never without all of its words."""
    titles = listed("titles")
    while len(spelled) > 1:
        if _is_title(spelled[0], titles, many=len(spelled) > 2):
            spelled = spelled[1:]
        elif not spelled[-1].isascii() and spelled[-1].casefold() in titles:
            spelled = spelled[:-1]
        else:
            break
    first = spelled[0] if spelled else ""
    if not first.isascii() and (title := _attached(first, titles)):
        return [first.removeprefix(title), *spelled[1:]]
    return spelled


def says_name(value: str, first: str, last: str) -> bool:
    """Whether every word of a value is in the name."""
    known = {*_words(first), *_words(last)}
    return {*_words(value)} <= known or value.replace(" ", "") in {first + last, last + first}


def _is_title(word: str, titles: frozenset[str], *, many: bool) -> bool:
    """A title has its dot, or is in a script of its own, or enough of a name follows it."""
    if word in {"M.", "MM."} and many:
        return True
    bare = word.casefold().rstrip(".,")
    if bare.replace(".", "") in titles:
        return "." in word or not word.isascii() or many
    parts = bare.split("-")
    return len(parts) > 1 and all(part.replace(".", "") in titles for part in parts)


def _attached(word: str, titles: frozenset[str]) -> str:
    """The title that a script without blanks writes together with the name: `คุณธนพล`."""
    if not "\u0e00" <= word[0] <= "\u0eff":
        return ""
    return next((word[:n] for n in range(8, 2, -1) if word[:n] in titles and len(word) > n + 1), "")


def _turned(text: str) -> str:
    """`Lovelace, Ada` as Ada Lovelace, where what follows the comma is no suffix."""
    family, _, given = text.replace("،", ",").partition(",")
    if {word.casefold().replace(".", "") for word in given.replace(",", " ").split()} & SUFFIXES or not given.strip():
        return text
    return text if text.isascii() else f"{given.strip()} {family.strip()}"


def _order(spelled: list[str], *, family_first: bool) -> tuple[str, str] | None:
    """The name in parts where something tells the family's: capitals, a patronymic, a language's order."""
    if (capitals := _capitals(spelled)) is not None:
        return capitals
    if len(spelled) == 3 and PATRONYMIC.fullmatch(spelled[2]):
        return spelled[1], spelled[0]
    if len(spelled) == 3 and PATRONYMIC.fullmatch(spelled[1]) and not spelled[1].isascii() and not family_first:
        return spelled[0], spelled[2]
    is_vietnamese = VIETNAMESE.search("".join(spelled)) and spelled[0].casefold() in listed("surnames")
    if is_vietnamese and (not spelled[0].isascii() or len(spelled) > 2):
        family_first = True
    if not family_first:
        return None
    count = 1
    while count < len(spelled) - 1 and spelled[count - 1].casefold() in _particles():
        count += 1
    return " ".join(spelled[count:]), " ".join(spelled[:count])


def _capitals(spelled: list[str]) -> tuple[str, str] | None:
    """`Jean DUPONT`, `DUPONT Jean`: what stands in capitals beside what does not is the family's name."""
    is_loud = [
        len(word) > 2 and word.isupper() and word.casefold() not in SUFFIXES and "." not in word for word in spelled
    ]
    if all(is_loud) or not any(is_loud) or is_loud not in (sorted(is_loud), sorted(is_loud, reverse=True)):
        return None
    loud = [word for word, is_one in zip(spelled, is_loud, strict=True) if is_one]
    quiet = [word for word, is_one in zip(spelled, is_loud, strict=True) if not is_one]
    if any(word.casefold() in _particles() or len(word) < 3 for word in quiet):
        return None
    return " ".join(quiet), " ".join(loud)


def _bound(spelled: list[str]) -> int:
    """How many words a first name of several has: `María del Carmen`, `عبد الله`; 0 of any other."""
    known = listed("bound")
    for count in range(min(3, len(spelled) - 1), 0, -1):
        if " ".join(_unaccented(spelled[:count])) in known and (count > 1 or not spelled[0].isascii()):
            return count + 1
    return 0


def _unaccented(spelled: list[str]) -> list[str]:
    return [word.casefold().translate(ACCENTS) for word in spelled]


def _western(text: str) -> tuple[str, str]:
    first, _, rest = text.partition(" ")
    if PLAIN_NAMES.fullmatch(text) and _special().isdisjoint(text.lower().split()):
        return first, rest
    from nameparser import HumanName

    name = HumanName(text)
    last = " ".join(filter(None, (name.middle, name.last, name.suffix)))
    return (name.first, last) if name.first else (last, "")


def _eastern(text: str, *, japanese: bool) -> tuple[str, str]:
    """Family first, by a blank or by the length of the family's name in its language."""
    if FOREIGN.fullmatch(text):
        first, *rest = re.split(r"[・＝=\s]", text)
        return first, " ".join(rest)
    text = READING.sub(" ", text).strip() or text
    title = next((one for one in _honorifics() if text.endswith(one) and len(text) > len(one) + 1), "")
    text = text.removesuffix(title).strip()
    family, _, given = text.partition(" ")
    if given or len(text) < 2 or not EASTERN_ALONE.fullmatch(text):
        return (given, family) if given and EASTERN.match(text) else _western(text) if given else (text, "")
    size = _family_size(text, japanese=japanese)
    return (text[size:], text[:size]) if size else (text, "")


def _family_size(text: str, *, japanese: bool) -> int:
    """How many characters of a name without blanks are the family's; 0 where all is one name."""
    if KANA.fullmatch(text[0]):
        return 0
    known = listed("surnames")
    is_han = not HANGUL.match(text)
    for size in range(min(LONGEST_FAMILY, len(text) - 1), 1, -1):
        if text[:size] in known:
            return size
    if not is_han:
        return 1
    if japanese or KANA.search(text):
        return 1 if len(text) == 2 or (len(text) == 3 and text[0] in known) else 2
    return 2 if len(text) == 4 else 1


def _with_particle(particle: str, last: str) -> str:
    is_there = not particle or last.casefold().startswith(f"{particle.casefold()} ")
    return last if is_there else f"{particle} {last}"


def _without(full: str, part: str) -> str:
    """The words of a name but for those of a part of it, with which it begins or ends; else all of them."""
    names, known = full.replace(",", " ").split(), part.casefold().split()
    spelled, count = [name.casefold() for name in names], len(known)
    if spelled[:count] == known:
        return " ".join(names[count:])
    if spelled[-count:] == known:
        return " ".join(names[:-count])
    return full


def _words(name: str) -> list[str]:
    return name.casefold().replace(",", " ").split()


@lru_cache(maxsize=1)
def _honorifics() -> tuple[str, ...]:
    """The titles of eastern scripts, which stand after the name; the longest first."""
    return tuple(sorted(filter(EASTERN.match, listed("titles")), key=len, reverse=True))


@lru_cache(maxsize=1)
def _particles() -> frozenset[str]:
    from nameparser.config import CONSTANTS

    return frozenset(CONSTANTS.prefixes)


@lru_cache(maxsize=1)
def _special() -> frozenset[str]:
    """The words that nameparser does not take for a name of its own; what has none of them is quickly split."""
    from nameparser.config import CONSTANTS

    known = (
        CONSTANTS.titles, CONSTANTS.first_name_titles, CONSTANTS.prefixes, CONSTANTS.conjunctions,
        CONSTANTS.suffix_acronyms, CONSTANTS.suffix_not_acronyms, CONSTANTS.bound_first_names,
    )  # fmt: skip
    return BORN.union(*known)
