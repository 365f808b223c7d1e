"""What the sources' files have in common: paths, whatever the keys, and at whatever size."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.sources.parts import without
from tests.sources.requests import as_json, hook, reading

Made = Callable[[dict[str, Any]], Any]
SHAPES: dict[str, Made] = {
    "netlify-forms": lambda said: {"ordered_human_fields": [], "form_name": "x", "data": said},
    "hubspot": lambda said: {"portal-id": 1, "properties": {key: {"value": value} for key, value in said.items()}},
    "cognito-forms": lambda said: {"Form": {"Id": "1"}, "Entry": {"Number": 1}, **said},
    "fluent-forms": lambda said: {"__submission": {"id": "1"}, **said},
    "calcom": lambda said: {"triggerEvent": "FORM_SUBMITTED", "payload": said},
    "unbounce": lambda said: {"data.json": json.dumps({key: [value] for key, value in said.items()})},
    "forminit": lambda said: {"submissionStatus": "ok", "data": {"sender": {"role": "x"}, **said}},
    "wufoo": lambda said: {"EntryId": 1, "CreatedBy": "x", "DateCreated": "x", **said},
    "gravity-forms": lambda said: {"1.1": "x", **said},
}

each_shape = pytest.mark.parametrize("source", SHAPES)


@pytest.mark.parametrize("source", [name for name in SHAPES if name not in {"wufoo", "gravity-forms"}])
def test_a_dot_in_a_visitors_key_loses_nothing(source: str) -> None:
    body = SHAPES[source]({"Your name.": "Ada King", "Your e-mail.": "ada@example.com", "Tel. No": "+44 20 7946 0958"})

    [found] = reading(as_json(body), hook(source)).submission.leads

    assert (found.email, found.contact_no) == ("ada@example.com", "+442079460958")
    assert (found.first_name, found.last_name) == ("Ada", "King")


@each_shape
@pytest.mark.parametrize("value", ["x", None])
def test_very_many_keys_take_no_more_than_a_moment(source: str, value: str | None) -> None:
    numbered = {f"Field{number}" if source == "wufoo" else f"{number}.1": value for number in range(12_000)}
    inbound = as_json(SHAPES[source](numbered))

    started = time.process_time()
    reading(inbound, hook(source))

    assert time.process_time() - started < 1


def test_what_stands_at_a_path_is_left_out_and_nothing_else() -> None:
    data = {"a": {"b": 1, "c.d": 2, "e": 3}, "f": 4, "g": [5]}

    assert without(data, "a.b", ("a", "c.d"), "g", "h.i", "f.j", "g.k") == {"a": {"e": 3}, "f": 4}
    assert data["a"] == {"b": 1, "c.d": 2, "e": 3}
