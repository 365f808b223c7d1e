"""What strangers send to keep the mapper busy costs them more than it costs the relay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.lead import Field
from app.mapping import names, people, values
from app.mapping.infer import infer
from app.mapping.vocabulary import FOLDED, MAX_FOLDED, words
from tests.running import cpu_seconds

LIMIT_S = 0.05
MANY = 20
HAN = [f"王{chr(0x4E00 + at)}{chr(0x5E00 + at)}" for at in range(500)]

SLOW_ONCE: dict[str, Callable[[], object]] = {
    "a name of katakana's own separators": lambda: names.split_name("ア" + "・" * 40 + "x"),
    "hundreds of names in Han": lambda: [names.split_name(name) for name in HAN],
    "a value of nothing but slashes": lambda: [values.is_machine_made("/" * 390 + " x") for _ in range(MANY)],
    "a value of digits and a word": lambda: [values.is_machine_made("1" * 390 + " x") for _ in range(MANY)],
    "letters that two classes hold": lambda: values.could_be_called("ก" * 59 + "1"),
    "blanks before an address": lambda: infer([Field("email", " " * 600 + "ada@example.com")]),
    "blanks after a name's quote": lambda: infer([Field("email", '"' + "a" + " " * 300 + "<ada@example.com")]),
    "an address of addresses": lambda: [people.email("a@" * 100 + "b" * (420 - at)) for at in range(MANY)],
    "an address of local parts": lambda: [people.email("a" * (600 - at) + "@b") for at in range(MANY)],
    "a list of blanks": lambda: infer([Field(f"q{at}", "a@b" + " " * (390 - at) + "x") for at in range(MANY)]),
    "digits without end": lambda: infer([Field("tel1", "1" * 20_000 + "x.0"), Field("email", "ada@example.com")]),
    "a key without blanks": lambda: [words("お" * (300 - at)) for at in range(MANY)],
}


@pytest.mark.parametrize("case", SLOW_ONCE)
def test_a_text_made_to_be_slow_is_read_at_once(case: str) -> None:
    people.load_libraries()

    assert cpu_seconds(SLOW_ONCE[case]) < LIMIT_S


def test_letters_that_were_seen_are_kept_only_to_a_bound() -> None:
    for start in range(0x4E00, 0x4E00 + 60_000, 300):
        words("".join(chr(code) for code in range(start, start + 300) if not 0xD800 <= code < 0xE000))

    assert len(FOLDED) <= MAX_FOLDED


def test_an_address_is_found_in_a_text_about_it() -> None:
    assert people.email("mail me at ada@example.com.") == "ada@example.com"
    assert people.email('"Ada Lovelace" <ada@example.com>') == "ada@example.com"
    assert people.email("me@work: ada@example.com") == "ada@example.com"
    assert people.email("a@b@example.com") == ""
