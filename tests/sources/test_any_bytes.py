"""Whatever comes is read, and nothing that somebody typed is left out. Properties, for any bytes and any source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.config.endpoints import Endpoint, Form
from app.lead import LeadState
from app.mapping import people
from app.mapping.called import role_of
from app.reader import Reading
from app.sources import ALL
from app.sources.base import Inbound
from tests.samples import samples
from tests.sources.requests import BOUNDARY, URLENCODED, everything, form, hook, reading

MANY = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RULES = {
    "email": ("answers[?type=='email'].email | [0]", "*.email", "mail"),
    "name": ("contact[name]", "abs(name)", "name"),
    "contactNo": "sum(@.*)",
    "message": "@",
    "positionInBoard": "to_number(name)",
}
ENDPOINTS: list[Endpoint] = [
    *(hook(source.name) for source in ALL),
    hook("auto"),
    *(hook(name, "one", "två") for name in ("json", "typeform")),  # each way to verify
    Form(name="contact"),
    Form.model_validate({"name": "ruled", "region": "DE", "mapping": RULES}),
    hook("typeform", mapping=RULES),
    Endpoint.model_construct(name="\x00nobody", kind="hook", source="json", known=False),
]
TYPES = st.one_of(
    st.sampled_from(
        [
            "", "application/json", URLENCODED, "text/plain", "application/octet-stream", "text/html",
            f"multipart/form-data; boundary={BOUNDARY}", "multipart/form-data", 'multipart/form-data; boundary=""',
            f"{URLENCODED}; charset=utf-16", f"{URLENCODED}; charset=idna", "text/plain; charset=unicode_escape",
        ]
    ),
    st.text(max_size=60),
)  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(
        ["authorization", "x-relay-token", "typeform-signature", "idempotency-key", "cookie", "user-agent", "x-\x00"]
    )
    | st.text(max_size=10),
    st.text(max_size=30) | st.sampled_from(["Bearer one", "Basic b25lOnR3bw==", "Basic ///", "sha256=", "\ud800"]),
    max_size=5,
)
SAMPLES = [one.body for one in samples("sites/*", "builders/*")]
WORDS = ["name", "email", "Vorname", "nom", "phone", "message", "utm_source", "page_url", "_gotcha", "password", "x[y]"]
VALUES = [
    "ada@example.com",
    "Dr. Ada Lovelace",
    "+44 7700 900184",
    "null",
    "\ud800",
    "\x00",
    "http://a/?utm_source=b%00",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=4),
    max_leaves=20,
)
TREES = JSON.map(lambda data: json.dumps(data).encode())
ANSWERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "choices"]), "text": JSON, "choices": JSON, "field": JSON | st.just({"id": "q"})}
)
RESPONSES = st.fixed_dictionaries(
    {
        "event_id": JSON,
        "form_response": st.fixed_dictionaries(
            {
                "answers": JSON | st.lists(ANSWERS, max_size=4),
                "definition": JSON | st.fixed_dictionaries({"fields": JSON}),
                "hidden": JSON,
                "variables": JSON,
            }
        ),
    }
).map(lambda data: json.dumps(data).encode())
PARTS = st.lists(
    st.sampled_from(
        [
            f"--{BOUNDARY}\r\n", f"--{BOUNDARY}--\r\n", "\r\n", 'Content-Disposition: form-data; name="email"\r\n',
            'Content-Disposition: form-data; name="f"; filename="a.txt"\r\n', "Content-Disposition: form-data\r\n",
            "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "=ZZ", "YQ=",
            "ada@example.com", "_charset_=idna&a=%C3", "&", "name: Ada\n",
        ]
    )
    | st.text(max_size=5),
    max_size=12,
).map(lambda parts: "".join(parts).encode("utf-8", "replace"))  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample's body with some of its bytes changed, cut out or doubled."""
    body = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(body)))
        length = draw(st.integers(0, 20))
        body[at : at + length] = draw(st.binary(max_size=8) | st.just(bytes(body[at : at + 2 * length])))
    return bytes(body)


BODIES = st.binary(max_size=200) | mutated() | TREES | RESPONSES | PARTS


def texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for one in fields(value):
            yield from texts(getattr(value, one.name))
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for one in pair for text in texts(one))
    elif isinstance(value, tuple | list):
        yield from (text for one in value for text in texts(one))


def check(found: Reading) -> None:
    submission = found.submission
    for text in texts(submission):
        assert "\x00" not in text
        text.encode("utf-8")
    assert submission.fingerprint
    assert submission.leads or submission.note
    for lead in submission.leads:
        assert lead.state in {LeadState.PENDING, LeadState.HELD, LeadState.SPAM}
        assert (lead.state is LeadState.PENDING) == (not lead.reason)
        assert not lead.email or people.email(lead.email) == lead.email
        if lead.state is LeadState.PENDING:
            assert lead.email


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.name}-{one.source}-{one.known}")
@settings(MANY, max_examples=60)
@given(body=BODIES, content_type=TYPES, headers=HEADERS, query=st.dictionaries(st.just("token"), st.text()))
@example(body=b"_charset_=utf-8&a%C3=%A9", content_type=URLENCODED, headers={}, query={})
@example(body=b'{"a": "\\ud800", "\\u0000": {"b": "\\u0000"}}', content_type="application/json", headers={}, query={})
@example(body=b"a=b", content_type="x/\x00", headers={"authorization": "Basic \ud800"}, query={"token": "\ud800"})
def test_whatever_comes_is_read(
    endpoint: Endpoint, body: bytes, content_type: str, headers: dict[str, str], query: dict[str, str]
) -> None:
    check(reading(Inbound(body, {**headers, "content-type": content_type}, query), endpoint))


KEYS = st.sampled_from([*WORDS, "surname", "last_name", "first_name", "source", "company", "mail2", "nome", "tel"])
TYPED = st.one_of(
    st.sampled_from(["ada@example.com", "Ada Lovelace", "Lovelace", "+44 7700 900184", "Dr. Ada Lovelace (Countess)"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40),
)


@MANY
@given(st.lists(st.tuples(KEYS | st.text("abc_.[]", max_size=8), TYPED), max_size=8))
@example([("name", "Ada Lovelace"), ("first_name", "Grace"), ("last_name", "Hopper"), ("email", "ada@example.com")])
@example([("email", "Ada <ada@example.com>, bob@example.com")])
@example([("utm_source", "a"), ("utm_source", "b")])
def test_what_a_visitor_typed_is_all_in_the_lead(typed: list[tuple[str, str]]) -> None:
    found = reading(form(typed))
    if not found.submission.leads:
        return
    kept = everything(found.submission.leads[0]).casefold()
    for entry in found.entries:
        for one in entry.fields:
            value = one.value.strip().replace("\r\n", "\n").casefold()
            if role_of(one.key, "") in {"control", "honeypot", "secret"} or people.looks_like_phone(value):
                continue
            assert value in kept or all(word in kept for word in value.replace(",", " ").split())


@MANY
@given(st.dictionaries(st.sampled_from(["full", "mail", "phone number"]), TYPED, min_size=1))
def test_what_rules_map_is_in_the_lead_too(typed: dict[str, str]) -> None:
    endpoint = Form.model_validate(
        {"name": "ruled", "mapping": {"name": "full", "email": "mail", "contactNo": "phone number", "status": "mail"}}
    )

    [found] = reading(form(typed), endpoint).submission.leads
    kept = f"{everything(found)}\n{found.last_name}{found.first_name}".casefold()  # 王小明 is two names without a blank

    for value in typed.values():
        assert people.looks_like_phone(value) or all(
            word in kept for word in value.casefold().replace(",", " ").split()
        )


@MANY
@given(st.lists(st.tuples(KEYS, TYPED.filter(str.strip)), min_size=1, max_size=6))
def test_a_form_says_the_same_in_any_encoding(typed: list[tuple[str, str]]) -> None:
    """What a browser posts as urlencoded or multipart is one submission."""
    parts = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in typed
    )
    multipart = Inbound(
        f"{parts}--{BOUNDARY}--".encode(), {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    )
    urlencoded = Inbound(urlencode(typed).encode(), {"content-type": URLENCODED})

    assert reading(multipart).entries == reading(urlencoded).entries
    assert reading(multipart).submission.leads == reading(urlencoded).submission.leads
