"""Names, e-mail addresses and phones as people type them."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from nameparser import HumanName

from app.mapping import names, people
from app.mapping.vocabulary import listed


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("  Ada \n Lovelace ", "Ada", "Lovelace"),
        ("Ada", "Ada", ""),
        ("", "", ""),
        ("Ana María García", "Ana", "María García"),
        ("Ana de la Cruz Ruiz", "Ana", "de la Cruz Ruiz"),
        ("Jan van der Berg", "Jan", "van der Berg"),
        ("Ludwig von Beethoven", "Ludwig", "von Beethoven"),
        ("Dr. Ada Lovelace", "Ada", "Lovelace"),
        ("Frau Dr. Eva Klein", "Eva", "Klein"),
        ("Mr Ada Lovelace", "Ada", "Lovelace"),
        ("Dr. Lovelace", "Lovelace", ""),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("Marcus Delacroix Jr.", "Marcus", "Delacroix Jr."),
        ("J. R. R. Tolkien", "J.", "R. R. Tolkien"),
        ("Declan O’Shaughnessy", "Declan", "O’Shaughnessy"),
        ("Anne-Marie Sjöö-Åkerlund", "Anne-Marie", "Sjöö-Åkerlund"),
        ("Юлия Иванова", "Юлия", "Иванова"),
        ("Nguyễn Văn An", "Văn An", "Nguyễn"),
        ("김민준", "민준", "김"),
    ],
)
def test_a_name_is_split_into_first_and_last(typed: str, first: str, last: str) -> None:
    assert names.split_name(typed) == (first, last)


PLAIN = st.from_regex(r"[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]{1,9}(['’-][A-Z][a-z]{1,5})?", fullmatch=True).filter(
    lambda word: not {*word.casefold().split("-")} & listed("titles")  # of which we know more than the library
)


@given(
    st.lists(PLAIN | st.sampled_from("Van De La Dos Bin Al Mac Lord King Ma Do Jr Phd Y Und Née".split()), min_size=2)
)
@example(["Mary", "Jones", "Née", "Smith"])
@example(["Abdul", "Rahman", "Khan"])
def test_a_plain_name_is_split_as_the_library_would(words: list[str]) -> None:
    """The library is left out for plain names because it is slow, not because it is wrong."""
    assume(not names._bound(words))  # "Ma de Jesús" is a first name, which we know and the library does not
    full = " ".join(words)[: names.MAX_NAME].strip()
    name = HumanName(full)
    last = " ".join(filter(None, (name.middle, name.last, name.suffix)))

    assert names.split_name(full) == ((name.first, last) if name.first else (last, ""))


@given(st.text("aAé,.()\"' -&/", max_size=250) | st.text(max_size=250))
def test_any_name_is_split_in_a_moment(typed: str) -> None:
    started = time.process_time()

    first, last = names.split_name(typed)

    assert time.process_time() - started < 0.5
    assert not last or first


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("ada@example.com", "ada@example.com"),
        (" Ada@Example.COM\r\n", "Ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ('"Lovelace, Ada" <ada@example.com>', "ada@example.com"),
        ("mailto:ada@example.com", "ada@example.com"),
        ("ada@example.com (work)", "ada@example.com"),
        ("ada@example.com, bob@example.com", "ada@example.com"),
        ("ada+forms@sub.example.co.uk", "ada+forms@sub.example.co.uk"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("jürgen@example.com", "jürgen@example.com"),
        ("info@bücher.example", "info@bücher.example"),
        ("info@xn--bcher-kva.example", "info@bücher.example"),
        ("ada@example.test", "ada@example.test"),
    ],
)
def test_an_address_is_found_and_brought_to_one_form(typed: str, address: str) -> None:
    assert people.email(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "", "ada", "ada@", "@example.com", "ada@example", "ada at example.com", "ada@exa mple.com", "ada@@example.com",
        "ada@.com", "ada@localhost", "@" * 500, "a" * 400 + "@example.com", "ada@-example.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(typed: str) -> None:
    assert people.email(typed) == ""


@given(st.text() | st.from_regex(r"[^@ ]{1,30}@[^@ ]{1,30}\.[a-z]{2,4}", fullmatch=True))
def test_an_address_is_its_own_form(typed: str) -> None:
    address = people.email(typed)

    assert address == "" or people.email(address) == address


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+44 7911 123456", None, "+447911123456"),
        ("+44 (0)7911 123456", None, "+447911123456"),
        ("0044 7911 123456", "DE", "+447911123456"),
        ("07911 123456", "GB", "+447911123456"),
        ("089 1234567", "DE", "+49891234567"),
        ("(720) 555-0117", "US", "+17205550117"),
        ("+39 345 555 0192", None, "+393455550192"),
        ("４４", None, "44"),
        ("०९१२ ३४५ ६७८", None, "0912 345 678"),
        ("０９０－５５５０－０１２３", None, "090-5550-0123"),
        ("+４４ ７９１１ １２３４５６", None, "+447911123456"),
        ("07911 123456", None, "07911 123456"),
        ("089 1234567", "GB", "089 1234567"),
        ("919876501234", None, "919876501234"),
        ("919876501234.0", None, "919876501234"),
        ("+44 7911 123456 ext. 12", None, "+44 7911 123456 ext. 12"),
        (" call me maybe ", "GB", "call me maybe"),
        ("+1", "US", "+1"),
        ("+999 1234567", None, "+999 1234567"),
        ("0" * 1000, "GB", "0" * 1000),
        ("", "GB", ""),
    ],
)
def test_a_phone_is_e164_where_the_number_allows_and_else_as_typed(typed: str, region: str | None, number: str) -> None:
    assert people.phone(typed, region) == number


@given(st.text("+0123456789() -./ext#٣", max_size=45), st.sampled_from([None, "GB", "DE", "US", "ZZ"]))
def test_any_phone_keeps_its_digits_or_gets_a_country(typed: str, region: str | None) -> None:
    found = people.phone(typed, region)

    assert found == people.digits(typed) or found.startswith("+")


@pytest.mark.parametrize("text", ["555-0117", "087 555 0121", "06.39.98.20.47", "+44/7911/123456", "0141 496 0733 x3"])
def test_what_could_be_dialled_looks_like_a_phone(text: str) -> None:
    assert people.looks_like_phone(text)


@pytest.mark.parametrize("text", ["", "12", "2026-05-19T10:00", "12 May 2026", "1" * 21, "²²²²²²", "a12345", "£25,000"])
def test_other_numbers_do_not(text: str) -> None:
    assert not people.looks_like_phone(text)


@pytest.mark.parametrize("text", ["", " ", "-", "N/A", "n/a", "NULL", " null ", "undefined", "None", "NaN"])
def test_words_for_nothing_are_nothing(text: str) -> None:
    assert people.is_nothing(text)


@pytest.mark.parametrize("text", ["0", "no", "Nullinger", "- call me", "x" * 1000])
def test_other_words_are_something(text: str) -> None:
    assert not people.is_nothing(text)
