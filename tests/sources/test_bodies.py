"""How bodies are read, whatever their content type says."""

from __future__ import annotations

import json

import pytest

from app.errors import Unreadable, UnreadableType
from app.lead import LeadState
from tests.sources.requests import (
    BOUNDARY,
    URLENCODED,
    as_json,
    fields,
    form,
    hook,
    lead,
    multipart,
    reading,
    request,
)

ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}
AS_FORM = "name=Ada+Lovelace&email=ada%40example.com"
AS_JSON = json.dumps(ADA)
AS_LINES = "name=Ada Lovelace\r\nemail=ada@example.com\r\n"
AS_PARTS = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda Lovelace\r\n'
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n--{BOUNDARY}--\r\n'
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (URLENCODED, AS_FORM),
        (f"{URLENCODED}; charset=UTF-8", AS_FORM),
        (URLENCODED.upper(), AS_FORM),
        (URLENCODED, AS_JSON),
        (f"multipart/form-data; boundary={BOUNDARY}", AS_PARTS),
        (f'multipart/form-data; charset=utf-8; boundary="{BOUNDARY}"', AS_PARTS),
        ("application/json", AS_JSON),
        ("application/json; charset=utf-8", AS_JSON),
        ("application/vnd.example.response.v1+json", AS_JSON),
        ("application/x-json", AS_JSON),
        ("text/json", AS_JSON),
        ("application/json", "\ufeff" + AS_JSON),
        ("application/json", json.dumps(AS_JSON)),
        ("application/json", json.dumps([ADA])),
        ("application/json", json.dumps({"leads": [ADA]})),
        ("text/plain;charset=UTF-8", AS_JSON),
        ("text/plain", "\ufeff \n" + AS_JSON),
        ("text/plain", AS_LINES),
        ("text/plain", "\ufeff" + AS_LINES.replace("\r\n", "\n").replace("=", ": ")),
        ("text/plain", AS_FORM),
        ("", AS_FORM),
        ("", AS_JSON),
        ("application/octet-stream", AS_JSON),
        ("application/octet-stream", AS_FORM),
    ],
)
def test_the_same_person_is_read_from_every_body(content_type: str, body: str) -> None:
    assert fields(request(body, content_type)) == ADA


@pytest.mark.parametrize("kind", ["text/html", "application/xml", "image/png", "multipart/mixed", "application/jsonx"])
def test_other_content_types_are_not_read(kind: str) -> None:
    problem = reading(request("<lead/>", kind)).problem

    assert isinstance(problem, UnreadableType)
    assert kind in str(problem)


def test_binary_without_a_type_is_not_read() -> None:
    assert isinstance(reading(request(b"\x89PNG\x00\x00", "application/octet-stream")).problem, UnreadableType)


@pytest.mark.parametrize(
    ("content_type", "body", "says"),
    [
        ("application/json", "", "not valid JSON"),
        ("application/json", '{"name": "Ada"', "not valid JSON"),
        ("application/json", '{"name": NaN}', "NaN is not JSON"),
        ("application/json", '{"name": -Infinity}', "-Infinity is not JSON"),
        ("application/json", "42", "neither an object nor an array"),
        ("application/json", '"just words"', "neither an object nor an array"),
        ("application/json", b'{"name": "Ren\xe9"}', "not UTF-8"),
        (URLENCODED, "just words", "no key=value"),
        ("text/plain", " \r\n ", "empty"),
        ("", "", "empty"),
        ("multipart/form-data", AS_PARTS, "names no boundary"),
        ("multipart/form-data; boundary=other", AS_PARTS, "broken"),
        (f"multipart/form-data; boundary={BOUNDARY}", AS_PARTS[:-60], "cut off"),
        (f"multipart/form-data; boundary={BOUNDARY}", AS_PARTS[:-4], "cut off"),
        (f"multipart/form-data; boundary={BOUNDARY}", AS_PARTS.replace(' name="name"', ""), "broken"),
    ],
)
def test_a_broken_body_is_unreadable_and_says_why(content_type: str, body: str | bytes, says: str) -> None:
    problem = reading(request(body, content_type)).problem

    assert isinstance(problem, Unreadable)
    assert says in str(problem)


@pytest.mark.parametrize(
    ("content_type", "body"), [(URLENCODED, ""), (f"multipart/form-data; boundary={BOUNDARY}", "")]
)
def test_a_form_without_fields_is_a_form(content_type: str, body: str) -> None:
    """A visitor can mend it, so it is not called unreadable."""
    found = reading(request(body, content_type))

    assert found.problem is None
    assert [one.state for one in found.submission.leads] == [LeadState.HELD]


class TestCharsets:
    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"name=Ren%C3%A9+Gro%C3%9F", URLENCODED),
            (b"name=Ren%E9+Gro%DF", URLENCODED),
            (b"name=Ren%E9+Gro%DF&_charset_=iso-8859-1", URLENCODED),
            (b"name=Ren%82+Gro%E1", f"{URLENCODED}; charset=cp850"),
            (b"name=Ren%E9+Gro%DF", f"{URLENCODED}; charset=utf-8"),
            (b"name=Ren%E9+Gro%DF&_charset_=no-such", URLENCODED),
            (b"name=Ren%C3%A9+Gro%C3%9F&_charset_=unicode_escape", URLENCODED),
            ("name=René Groß".encode(), URLENCODED),
            ("name: René Groß".encode("cp1252"), "text/plain"),
            ("name: René Groß".encode("cp1252"), "text/plain; charset=windows-1252"),
        ],
    )
    def test_a_form_is_read_in_the_charset_that_it_is_in(self, body: bytes, content_type: str) -> None:
        """`_charset_`, else UTF-8, else what the header says, else windows-1252."""
        assert fields(request(body, content_type))["name"] == "René Groß"

    def test_windows_1250_is_taken_at_its_word(self) -> None:
        assert fields(request(b"name=Zaj%B9c&_charset_=windows-1250", URLENCODED))["name"] == "Zając"

    def test_one_part_that_is_not_utf_8_makes_the_whole_form_another(self) -> None:
        assert fields(request(b"a=%E9&b=%C3%A9", URLENCODED)) == {"a": "é", "b": "Ã©"}

    def test_a_letter_cut_in_two_between_key_and_value_is_no_letter(self) -> None:
        assert fields(request(b"a%C3=%A9", URLENCODED)) == {"aÃ": "©"}

    def test_multipart_is_read_in_its_charset(self) -> None:
        inbound = request(AS_PARTS.replace("Ada", "René").encode("cp1252"), f"multipart/form-data; boundary={BOUNDARY}")

        assert fields(inbound)["name"] == "René Lovelace"


class TestForms:
    def test_several_values_of_a_key_are_all_kept(self) -> None:
        assert fields(form([("topic", "Web"), ("topic", "Logo"), ("x[]", "1"), ("x[]", "2")])) == {
            "topic": "Web + Logo",
            "x": "1 + 2",
        }

    def test_brackets_become_dots(self) -> None:
        keys = fields(form({"contact[name]": "Ada", "a[b][c]": "1", "odd[": "2", "d]": "3"}))

        assert keys == {"contact.name": "Ada", "a.b.c": "1", "odd[": "2", "d]": "3"}

    def test_the_data_keeps_the_keys_as_they_were_sent(self) -> None:
        (entry,) = reading(form([("contact[name]", "Ada"), ("x[]", "1"), ("x[]", "2")])).entries

        assert entry.data == {"contact[name]": "Ada", "x[]": ["1", "2"]}

    def test_empty_values_are_not_fields(self) -> None:
        assert fields(form({"name": "Ada", "phone": "", "message": "  "})) == {"name": "Ada"}

    def test_a_file_is_kept_by_name_and_size(self) -> None:
        inbound = multipart(('name="name"', "Ada"), ('name="brief"; filename="plan.pdf"', "12345"))
        (entry,) = reading(inbound).entries

        assert [(one.key, one.value, one.kind) for one in entry.fields] == [
            ("name", "Ada", ""),
            ("brief", "plan.pdf (5 bytes)", "file"),
        ]

    def test_a_file_that_was_not_chosen_is_nothing(self) -> None:
        assert fields(multipart(('name="name"', "Ada"), ('name="brief"; filename=""', ""))) == {"name": "Ada"}

    @pytest.mark.parametrize("many", [1000, 1001])
    def test_a_form_has_a_thousand_fields_at_most(self, many: int) -> None:
        typed = form([(f"f{number}", "x") for number in range(many)])
        parts = multipart(*((f'name="f{number}"', "x") for number in range(many)))

        for inbound in (typed, parts):
            assert (reading(inbound).problem is None) == (many <= 1000)


class TestText:
    def test_lines_without_a_name_go_on_with_the_one_before(self) -> None:
        inbound = request("Email: ada@example.com\nMessage: Hello,\nI have a question\n\nAda", "text/plain")

        assert fields(inbound) == {"Email": "ada@example.com", "Message": "Hello,\nI have a question\n\nAda"}

    def test_words_without_any_name_are_text(self) -> None:
        assert fields(request("Hello there\nplease call me", "text/plain")) == {"text": "Hello there\nplease call me"}

    def test_words_after_an_address_are_not_part_of_it(self) -> None:
        assert fields(request("Email: ada@example.com\nplease call me", "text/plain")) == {
            "Email": "ada@example.com",
            "text": "please call me",
        }

    @pytest.mark.parametrize("line", ["https://example.com", "Meet me at 10:30", "see http://example.com/a=b"])
    def test_addresses_and_times_are_not_names_of_fields(self, line: str) -> None:
        assert fields(request(f"message: hi\n{line}", "text/plain"))["message"].startswith("hi")
        assert "https" not in fields(request(f"message: hi\n{line}", "text/plain"))

    def test_words_in_square_brackets_are_not_json(self) -> None:
        assert fields(request("[Contact form] Hello", "text/plain")) == {"text": "[Contact form] Hello"}


class TestJson:
    def test_nested_keys_are_joined_and_plain_lists_are_one_value(self) -> None:
        data = {"a": {"b": [{"c": 1}, {"c": "2"}]}, "topics": ["Web", "Logo", None, ""], "none": None, "empty": []}

        assert fields(as_json(data)) == {"a.b.0.c": "1", "a.b.1.c": "2", "topics": "Web, Logo"}

    def test_numbers_keep_their_digits(self) -> None:
        inbound = request('{"a": 49170555010203040506, "b": 1.50, "c": 1e400, "d": 0, "e": -1}', "application/json")

        assert fields(inbound) == {"a": "49170555010203040506", "b": "1.50", "c": "1e400", "d": "0", "e": "-1"}

    def test_yes_and_no_are_values(self) -> None:
        assert fields(as_json({"newsletter": True, "terms": False})) == {"newsletter": "yes", "terms": "no"}

    def test_a_key_that_comes_twice_keeps_both_values(self) -> None:
        assert fields(request('{"a": "1", "A": "2", "a": "3", "a": "4"}', "application/json")) == {
            "a": "1, 3, 4",
            "A": "2",
        }

    def test_what_no_store_can_keep_is_replaced(self) -> None:
        inbound = request(r'{"na\u0000me": "A\ud800da \ud83d\ude4f", "\u0000": ["\u0000"]}', "application/json")

        assert fields(inbound) == {"na\ufffdme": "A\ufffdda 🙏", "\ufffd": "\ufffd"}
        assert reading(inbound).entries[0].data == {"na\ufffdme": "A\ufffdda 🙏", "\ufffd": ["\ufffd"]}

    def test_each_object_of_an_array_is_somebody(self) -> None:
        found = reading(as_json([{"email": "a@example.com"}, {"email": "b@example.com"}]), hook())

        assert [one.email for one in found.submission.leads] == ["a@example.com", "b@example.com"]

    def test_an_array_of_anything_else_is_one_entry(self) -> None:
        assert fields(as_json([{"email": "a@example.com"}, "x"])) == {"0.email": "a@example.com", "1": "x"}

    @pytest.mark.parametrize("levels", [32, 33, 600, 200_000])
    def test_thirty_two_levels_are_enough(self, levels: int) -> None:
        problem = reading(request("[" * levels + "]" * levels, "application/json")).problem

        assert (problem is None) == (levels <= 32)
        assert problem is None or "32 levels" in str(problem)

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            ({str(number): 1 for number in range(1001)}, "1000 fields"),
            ([{"a": 1}] * 501, "500 is the most"),
            ([{str(number): row for number in range(500)} for row in range(50)], "20000 fields together"),
            ([[[]] * 30_000], "20000 objects and arrays"),
            ([[[]] * 300_000], "20000 objects and arrays"),
        ],
    )
    def test_more_than_a_person_sends_is_refused(self, data: object, says: str) -> None:
        assert says in str(reading(as_json(data)).problem)

    def test_a_very_long_key_loses_its_beginning(self) -> None:
        assert set(fields(as_json({"k" * 5000: {"email": "ada@example.com"}}))) == {"k" * 594 + ".email"}


def test_an_object_in_a_wrapper_is_a_lead() -> None:
    assert lead(as_json({"data": {"email": "ada@example.com"}})).email == "ada@example.com"
