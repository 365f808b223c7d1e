"""Two megabytes of anything are read, or refused, in a moment."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable

import pytest

from tests.sources.requests import BOUNDARY, URLENCODED, hook, reading, request

MIB = 1024 * 1024
SIZE = 2 * MIB
SECONDS = 2.0
"""Most take a hundredth of it; a slow machine may take its time."""
JSON = "application/json"
FORM_DATA = f"multipart/form-data; boundary={BOUNDARY}"
TEXT = "text/plain"
END = f"--{BOUNDARY}--\r\n"


def fill(unit: str, size: int = SIZE) -> str:
    return (unit * (size // len(unit) + 1))[:size]


def part(disposition: str, value: str = "x") -> str:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n"


def typeform(**more: object) -> str:
    return json.dumps({"form_response": {"answers": [], **more}})


def han(number: int) -> str:
    """A name of 300 Chinese characters that no other number has."""
    return "".join(chr(0x4E00 + (number * 37 + at * 101) % 20_000) for at in range(300))


VALUES = {
    "at signs": "@",
    "spaces": " ",
    "letters": "a",
    "a and space": "a ",
    "dots": ".",
    "addresses": "a@b.c,",
    "open": "(",
    "digits": "1",
    "pluses": "+",
    "dashes": "-",
    "quotes": "\"'",
    "brackets": "[",
    "pairs": "[a]",
    "colons": "a:",
    "markup": "<",
    "equals": "a=",
    "lines": "\n",
    "named lines": "a: b\n",
    "nameless lines": "-\n",
    "NULs": "\0",
    "accents": "é",
    "ampersands": "&",
    "percents": "%2",
    "semicolons": ";",
    "commas": ", ",
    "emoji": "🙏",
    "tabs": "a\t\t\t",
    "slashes": "://",
    "addresses of pages": "http://a?utm_source=b&",
}

SHAPES: dict[str, Callable[[str], tuple[str, str]]] = {
    "json value": lambda text: (JSON, f'{{"email":{json.dumps(text)}}}'),
    "json key": lambda text: (JSON, f'{{{json.dumps(text)}:"x"}}'),
    "form value": lambda text: (URLENCODED, f"name={text}"),
    "form key": lambda text: (URLENCODED, f"{text}=x"),
    "text": lambda text: (TEXT, f"a{text}"),
    "no type": lambda text: ("", text),
    "multipart": lambda text: (FORM_DATA, part('name="email"', text) + END),
}

BODIES: dict[str, Callable[[], tuple[str, str]]] = {
    "deep arrays": lambda: (JSON, fill("[")),
    "deep arrays that close": lambda: (JSON, "[" * 900 + "]" * 900),
    "deep objects": lambda: (JSON, fill('{"a":')),
    "empty arrays": lambda: (JSON, f"[{fill('[],', SIZE // 3 * 3)}[]]"),
    "empty objects": lambda: (JSON, f"[{fill('{},', SIZE // 3 * 3)}{{}}]"),
    "wide and deep": lambda: (JSON, f'{{"a":[{fill("[[[[{}]]]],", SIZE // 11 * 11)}[]]}}'),
    "numbers": lambda: (JSON, f"[{fill('1,', SIZE)}1]"),
    "one number": lambda: (JSON, f'{{"phone":{fill("9")}}}'),
    "many keys": lambda: (JSON, json.dumps({f"name{i}": "Ada" for i in range(100_000)})),
    "as many keys as allowed": lambda: (JSON, json.dumps({f"your {'name ' * 400}{i}": "Ada Lee" for i in range(999)})),
    "rows": lambda: (JSON, json.dumps([{f"name{i}": "a@b.co" for i in range(200)}] * 500)),
    "as many rows as allowed": lambda: (JSON, json.dumps([{f"mail{i}": "a@example.com" for i in range(40)}] * 500)),
    "answers": lambda: (JSON, json.dumps({"answers": [{"label": f"q{i}", "value": "x"} for i in range(19_000)]})),
    "a list of numbers": lambda: (JSON, json.dumps({"a": list(range(300_000))})),
    "a list of texts": lambda: (JSON, json.dumps({"a": ["x"] * 300_000})),
    "nested keys": lambda: (URLENCODED, "&".join(f"a{i}[b][c][d][e][f]=x" for i in range(999))),
    "unseen names": lambda: (JSON, json.dumps({han(at): "x" for at in range(999)})),
    "one key repeated": lambda: (JSON, "{" + '"a":1,' * (SIZE // 6) + '"a":1}'),
    "a long key above many": lambda: (JSON, json.dumps({fill("k", SIZE - 20_000): {str(i): i for i in range(999)}})),
    "json in json": lambda: (JSON, json.dumps(json.dumps(json.dumps({"a": fill("\\", MIB // 8)})))),
    "form of empties": lambda: (URLENCODED, fill("a&")),
    "form of many": lambda: (URLENCODED, fill("a=b&")),
    "as many parameters as allowed": lambda: (URLENCODED, "&".join(f"{'name-' * 200}{i}=Ada" for i in range(999))),
    "parts": lambda: (FORM_DATA, part('name="a"') * 20_000 + END),
    "as many parts as allowed": lambda: (FORM_DATA, part('name="a"', fill("b", 2000)) * 999 + END),
    "a long part header": lambda: (FORM_DATA, part(f'name="{fill("a")}"') + END),
    "boundaries": lambda: (FORM_DATA, fill(f"--{BOUNDARY}\r\n")),
    "nearly boundaries": lambda: (FORM_DATA, part('name="a"', fill(f"\r\n--{BOUNDARY[:-1]}")) + END),
    "line ends": lambda: (FORM_DATA, part('name="a"', fill("\r\n")) + END),
    "a long content type": lambda: ("text/plain;" + fill(';"', 60_000), "a=b"),
    "a hundred thousand lines": lambda: (TEXT, "just some words\n" * 100_000),
    "names of a person": lambda: (TEXT, "\n".join(f"name: {'Dr. ' * 40}Ada, ({i})" for i in range(900))),
    "pages": lambda: (
        JSON,
        json.dumps({f"page url {i}": "http://a.test/?" + "utm_source=b&" * 150 for i in range(999)}),
    ),
}


def check(content_type: str, body: str) -> None:
    inbound = request(body, content_type)
    reading(request("name=Dr+Ada+Lovelace&phone=%2B44+7700+900184&email=a@b.co", URLENCODED))

    started = time.process_time()
    found = reading(inbound)

    assert time.process_time() - started < SECONDS
    assert found.submission.leads


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", VALUES)
def test_two_megabytes_of_one_thing_are_read_in_a_moment(shape: str, name: str) -> None:
    check(*SHAPES[shape](fill(VALUES[name])))


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_two_megabytes_is_read_in_a_moment(name: str) -> None:
    check(*BODIES[name]())


def test_beside_a_very_long_list_somebody_is_still_found_and_the_list_says_how_long_it_was() -> None:
    found = reading(request(json.dumps({"email": "ada@example.com", "drawn": list(range(5000))}), JSON))

    [lead] = found.submission.leads
    assert lead.email == "ada@example.com"
    assert [one.value.endswith("998, 999, … (5000 in all)") for one in lead.extra] == [True]
    assert lead.state == "pending"


TYPEFORMS: dict[str, Callable[[], str]] = {
    "many answers": lambda: typeform(answers=[{"type": "text", "text": "a", "field": {"id": "q"}}] * 30_000),
    "a long title": lambda: typeform(
        answers=[{"type": "text", "text": "a", "field": {"id": "q"}}] * 900,
        definition={"fields": [{"id": "q", "title": fill("title ", MIB)}]},
    ),
    "many hidden": lambda: typeform(hidden={f"a{i}": "b" for i in range(100_000)}),
    "a long list": lambda: typeform(answers=[{"type": "choices", "choices": {"labels": ["a"] * 400_000}}]),
}


@pytest.mark.parametrize("name", TYPEFORMS)
def test_a_response_of_two_megabytes_is_read_in_a_moment(name: str) -> None:
    inbound = request(TYPEFORMS[name](), JSON)

    started = time.process_time()
    reading(inbound, hook("typeform"))

    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("name", ["a long key above many", "as many parameters as allowed", "as many keys as allowed"])
def test_a_lead_is_not_much_larger_than_its_body(name: str) -> None:
    content_type, body = BODIES[name]()
    inbound = request(body, content_type)

    tracemalloc.start()
    try:
        found = reading(inbound)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sum(len(one.key) + len(one.value) for one in found.submission.leads[0].extra) <= 2 * SIZE
    assert most < 64 * MIB


def test_a_long_title_is_not_repeated_in_every_answer() -> None:
    found = reading(request(TYPEFORMS["a long title"](), JSON), hook("typeform"))

    assert all(len(one.label) < 1000 for one in found.entries[0].fields)
