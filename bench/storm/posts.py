"""What a storm sends: seeded, so that the same seed makes the same posts. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import quote, urlencode

from tests.samples import Sample, samples

FORMS = ("contact", "quote", "callback", "support", "jobs", "newsletter", "visit", "brochure")
SITE = "https://www.example.com"
SECRET = "a-secret-of-the-storm"  # noqa: S105 - nobody's
TOML = "\n".join(
    [
        *(f"[forms.{name}]\ntitle = '{name.title()}'\nallowed_origins = ['{SITE}']" for name in FORMS),
        *(f"[hooks.{name}]\nsource = '{name}'\nsecrets = ['{SECRET}']" for name in ("typeform", "zapier", "json")),
    ]
)
HTML_FORMS = ("sites/form-*", "sites/carrd-*", "sites/cf7-*", "sites/elementor-*", "sites/ninja-*", "builders/basin-*")
LIMIT = 2 * 1024 * 1024
"""MAX_BODY_BYTES, where nobody set another."""

Way = Literal["whole", "slow", "cut off", "chunked"]
"""How a body is sent: at once, in pieces over seconds, half of it only, or in chunks without a length."""
THANKED = frozenset({200, 303})
NO_ANSWER = 0
SHARES = {
    "lead": 50,
    "slow lead": 2,
    "repeat": 11,
    "honeypot": 10,
    "forged": 9,
    "malformed": 8,
    "unknown": 5,
    "cut off": 3,
    "huge": 2,
}
"""In parts of a hundred; each sample comes once, in place of leads."""

FIRST = (
    "Ada",
    "Grace",
    "Zoë",
    "Jürgen",
    "María José",
    "Søren",
    "Nguyễn",
    "Oluwaseun",
    "Björk",
    "Siobhán",
    "Łukasz",
    "Anaïs",
)
LAST = ("Lovelace", "Hopper", "O’Brien", "Müller-Lüdenscheidt", "García", "Kjær", "van der Berg", "Adébáyò", "Šimůnek")
WORDS = (
    "hello we would like new website for our bakery shop please call back before friday budget about pounds thanks "
    "photos from last year wedding garden kitchen roof offer price quote appointment next week morning team size"
).split()
TRAPS = ("_gotcha", "_honey", "bot-field", "honeypot", "botcheck")


@dataclass(frozen=True)
class Post:
    """One request: from the address `source`, of the `kind` of SHARES or `sample`; `wanted` are the good answers.

    `emails` are those of its leads; so many bytes of `padding` follow the body.
    """

    kind: str
    path: str
    body: bytes
    wanted: frozenset[int]
    source: str
    headers: Mapping[str, str] = field(default_factory=dict)
    way: Way = "whole"
    padding: int = 0
    emails: tuple[str, ...] = ()

    @property
    def is_genuine(self) -> bool:
        """Whether somebody sent it who must be thanked, and be in AgencyHandy."""
        return self.kind in {"lead", "slow lead", "sample", "repeat"} and bool(self.emails)


class Mix:
    """The posts of a storm."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - to be had again, not to be secret
        self._number = 0

    def posts(self, count: int) -> list[Post]:
        """So many of all kinds, well mixed."""
        kinds = [kind for kind, share in SHARES.items() for _ in range(count * share // 100)]
        genuine = [self._sample(one) for one in samples(*HTML_FORMS)]
        made: list[Post | str] = [*genuine, *kinds[len(genuine) :], *["lead"] * (count - len(kinds))]
        self._chance.shuffle(made)
        return list(self._made(made))

    def _made(self, wished: list[Post | str]) -> Iterator[Post]:
        kinds: dict[str, Callable[[], Post]] = {
            "lead": self._lead,
            "slow lead": lambda: replace(self._form("slow lead"), way="slow"),
            "honeypot": self._honeypot,
            "forged": self._forged,
            "malformed": self._malformed,
            "unknown": self._unknown,
            "cut off": lambda: replace(self._form("cut off"), way="cut off", wanted=frozenset({NO_ANSWER})),
            "huge": self._huge,
        }
        sent: list[Post] = []
        for one in wished:
            if isinstance(one, Post):
                post = one
            elif one == "repeat" and sent:
                post = replace(self._chance.choice(sent[-400:]), kind="repeat", way="whole")
            else:
                post = kinds["lead" if one == "repeat" else one]()
            if post.is_genuine and post.kind != "repeat":
                sent.append(post)
            yield post

    def _source(self) -> str:
        """A visitor's address: nearly everybody has one of his own."""
        return f"198.{self._chance.randint(18, 19)}.{self._chance.randint(0, 255)}.{self._chance.randint(1, 254)}"

    def _person(self) -> dict[str, str]:
        self._number += 1
        first, last = self._chance.choice(FIRST), self._chance.choice(LAST)
        return {
            "name": f"{first} {last}",
            "email": f"storm.{self._number}@example.com",
            "phone": f"+44 20 7946 {self._chance.randint(0, 9999):04}",
            "message": " ".join(self._chance.choices(WORDS, k=self._chance.randint(3, 120))),
        }

    def _form(self, kind: str, **more: str) -> Post:
        """A visitor's form: urlencoded, multipart or JSON; some with the key that a script makes."""
        person = self._person()
        encode = self._chance.choice((urlencoded, urlencoded, multipart, as_json))
        content_type, body = encode({**person, **more})
        headers = {"Content-Type": content_type, "Origin": SITE}
        if self._chance.random() < 0.3:
            headers |= {"Idempotency-Key": f"{self._chance.getrandbits(64):016x}", "Accept": "application/json"}
        path = f"/forms/{self._chance.choice(FORMS)}"
        return Post(kind, path, body, THANKED, self._source(), headers, emails=(person["email"],))

    def _lead(self) -> Post:
        return self._hook("lead", SECRET) if self._chance.random() < 0.2 else self._form("lead")

    def _hook(self, kind: str, secret: str) -> Post:
        """A provider's request, signed with `secret`."""
        person = self._person()
        name = self._chance.choice(("typeform", "zapier", "json"))
        body = as_json(person)[1]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}
        if name == "typeform":
            body = typeform(person, self._number)
            digest = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
            headers = {"Content-Type": "application/json", "Typeform-Signature": f"sha256={digest}"}
        return Post(kind, f"/hooks/{name}", body, frozenset({200}), self._source(), headers, emails=(person["email"],))

    def _sample(self, sample: Sample) -> Post:
        emails = tuple(str(one["email"]) for one in sample.people)
        headers = {name: value for name, value in sample.headers.items() if name.lower() != "origin"}
        headers["Content-Type"] = sample.content_type
        path, kind = f"/forms/{FORMS[0]}", "honeypot" if sample.is_spam else "sample"
        return Post(kind, path, sample.body, THANKED, self._source(), headers, emails=emails)

    def _honeypot(self) -> Post:
        return self._form("honeypot", **{self._chance.choice(TRAPS): "https://spam.example.com/cheap"})

    def _forged(self) -> Post:
        if self._chance.random() < 0.5:
            return replace(self._hook("forged", "not-the-secret"), wanted=frozenset({401}))
        post = self._form("forged")
        origin = self._chance.choice(("https://evil.example.net", f"{SITE}.evil.example.net", "http://www.example.com"))
        return replace(post, headers={**post.headers, "Origin": origin}, wanted=frozenset({403}))

    def _malformed(self) -> Post:
        content_type, body = self._chance.choice(MALFORMED)
        tail = f"{self._chance.getrandbits(64):016x}".encode()
        headers = {"Content-Type": content_type}
        path = f"/forms/{self._chance.choice(FORMS)}"
        return Post("malformed", path, body.replace(b"TAIL", tail), frozenset({400, 415, 422}), self._source(), headers)

    def _unknown(self) -> Post:
        kind, status = self._chance.choice((("forms", 404), ("hooks", 200)))
        post = self._form("unknown")
        path = f"/{kind}/{quote(self._chance.choice(('kontakt', 'wp-login.php', '..', 'x' * 300, 'äöü', '<b>')))}"
        return replace(post, path=path, wanted=frozenset({status}))

    def _huge(self) -> Post:
        way: Way = self._chance.choice(("whole", "chunked"))
        padding = LIMIT + self._chance.randint(1, LIMIT)
        return replace(self._form("huge"), padding=padding, way=way, wanted=frozenset({413}))


MALFORMED = (
    ("application/json", b'{"email": "torn-TAIL@example.com", "name": '),
    ("application/json", b"[" * 5000 + b"TAIL"),
    ("application/json; charset=utf-16", b'{"email": "odd-TAIL@example.com"}x'),
    ("application/json", b'\xff\xfe\x00{"email": TAIL'),
    ("multipart/form-data", b"--b\r\nTAIL"),
    ("multipart/form-data; boundary=b", b'--c\r\nContent-Disposition: form-data; name="email"\r\n\r\nTAIL'),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\ntorn-TAIL@example',
    ),
    ("application/x-www-form-urlencoded", b"name=TAIL&email=not+an+address"),
    ("application/x-www-form-urlencoded", b"name=TAIL"),
    ("application/x-www-form-urlencoded; charset=nonsense", b"%ff%fe%00=TAIL"),
    ("image/png", b"\x89PNG TAIL"),
)


def urlencoded(data: Mapping[str, str]) -> tuple[str, bytes]:
    """Content type and body."""
    return "application/x-www-form-urlencoded", urlencode(data).encode()


def as_json(data: Mapping[str, str]) -> tuple[str, bytes]:
    """Content type and body."""
    return "application/json", json.dumps(data).encode()


def multipart(data: Mapping[str, str]) -> tuple[str, bytes]:
    """Content type and body."""
    parts = (
        f'--storm\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in data.items()
    )
    return "multipart/form-data; boundary=storm", ("".join(parts) + "--storm--\r\n").encode()


def typeform(person: Mapping[str, str], number: int) -> bytes:
    """A response as Typeform sends it."""
    asked = {"name": "short_text", "email": "email", "phone": "phone_number", "message": "long_text"}
    kinds = {"short_text": "text", "long_text": "text"}
    answers = [
        {
            "type": kinds.get(kind, kind),
            kinds.get(kind, kind): person[key],
            "field": {"id": key, "type": kind, "ref": key},
        }
        for key, kind in asked.items()
    ]
    fields = [{"id": key, "type": kind, "ref": key, "title": key.title()} for key, kind in asked.items()]
    response = {"form_id": "storm", "token": f"t{number}", "definition": {"fields": fields}, "answers": answers}
    event = {"event_id": f"e{number}", "event_type": "form_response", "form_response": response}
    return json.dumps(event).encode()
