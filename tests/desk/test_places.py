"""The desk's endpoints, with a test through each, and its playground."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from app.desk import endpoints
from app.lead import LeadState
from tests.cli.test_commands import Run, folder, run
from tests.desk.conftest import PASSWORD, log_in
from tests.desk.crowd import filled
from tests.running import SandboxClient, eventually, started, stored

__all__ = ["folder", "run"]

Start = Callable[..., httpx.Client]
Looked = tuple[httpx.Client, str]
TOML = """
[forms.contact]
allowed_origins = ["https://www.example.com"]
captcha = "altcha"

[hooks.shop]
source = "typeform"
secrets = ["wrapped in brown paper"]

[hooks.zaps]
source = "zapier"
open = true
mapping = { firstName = "given" }

[hooks.signed]
source = "json"
secrets = ["s3cret of signing"]
verify = { hmac = "sha256", header = "X-Sign", prefix = "sha256=", signed = "{timestamp}.{body}", timestamp = "X-Time" }
"""


@pytest.fixture(scope="module")
def looked_at(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """A relay that this module's tests share, and the token of the admin who has logged in."""
    folder = tmp_path_factory.mktemp("places")
    toml = folder / "relay.toml"
    toml.write_text(TOML, encoding="utf-8")
    with ExitStack() as stack:
        client = started(stack, _sandbox, folder, toml, desk_password=PASSWORD)
        yield client, log_in(client)


BODY = '{"given": "Ada", "sur": "King", "mail": "ada@example.com", "note": "<script>alert(1)</script>"}'
NEW = '[hooks.zaps.mapping]\nfirstName = "given"\nlastName = "sur"\nmessage = "\'a \\"quoted\\" word\'"\n'


def test_the_list_has_every_address_and_no_secret(looked_at: Looked) -> None:
    client, _ = looked_at
    page = client.get("/desk/endpoints").text
    for path in ("/forms/contact", "/hooks/shop", "/hooks/zaps", "/hooks/signed"):
        assert f"{path}</code>" in page
    assert "never yet" in page
    for path in ("/desk/endpoints", "/desk/endpoints/hooks/shop", "/desk/endpoints/hooks/signed"):
        page = client.get(path).text
        assert "brown paper" not in page
        assert "s3cret" not in page
    assert client.get("/desk/endpoints/forms/shop").status_code == 404


def test_how_often_a_form_may_be_sent_is_said_as_people_say_it(looked_at: Looked, desk: Start) -> None:
    client, _ = looked_at
    page = client.get("/desk/endpoints/forms/contact").text
    assert "60 a minute, 1,000 an hour from one address; 10,000 a minute in all" in page
    other = desk("[forms.contact]\n", rate_limit_address="5/10 seconds;1/day")
    log_in(other)
    assert "5 in 10 s, 1 a day from one address" in other.get("/desk/endpoints/forms/contact").text


def test_a_secret_that_was_wrong_is_seen_where_the_hook_is(looked_at: Looked) -> None:
    client, _ = looked_at
    assert "None that is kept was wrong" in client.get("/desk/endpoints/hooks/shop").text
    refused = client.post("/hooks/shop", json={"email": "ada@example.com"}, headers={"Authorization": "Bearer no"})
    assert refused.status_code == 401
    [row] = re.findall(r"<tr(?:(?!</tr>).)*/hooks/shop</code>.*?</tr>", client.get("/desk/endpoints").text, re.DOTALL)
    assert "wrong <time" in row
    assert "A request with a wrong one came" in client.get("/desk/endpoints/hooks/shop").text


def test_without_endpoints_the_list_says_how_to_add_one(desk: Start) -> None:
    client = desk("")
    log_in(client)
    assert "[forms.contact]" in client.get("/desk/endpoints").text
    assert client.get("/desk/playground").status_code == 200


def test_a_name_that_a_stranger_posted_to_is_listed_as_text(looked_at: Looked) -> None:
    client, _ = looked_at
    client.post("/hooks/%3Cimg%20src%3Dx%3E", json={"email": "ada@example.com"})
    page = client.get("/desk/endpoints").text
    assert "&lt;img src=x&gt;" in page
    assert "<img" not in page


def test_a_wrong_secret_is_told_with_its_time(looked_at: Looked) -> None:
    client, _ = looked_at
    assert client.post("/hooks/shop", json={"email": "ada@example.com"}).status_code == 401
    assert "A request with a wrong one came" in client.get("/desk/endpoints/hooks/shop").text


def test_a_test_is_held_as_one_and_reaches_nobody(desk: Start, tmp_path: Path) -> None:
    client = desk(TOML)
    token = log_in(client)
    for path in ("forms/contact", "hooks/shop", "hooks/zaps", "hooks/signed"):
        answer = client.post(f"/desk/endpoints/{path}", data={"_csrf": token})
        page = client.get(answer.headers["location"]).text
        assert "It is a test that was sent from the desk" in page
        linked = client.get(answer.headers["location"].partition("&")[0]).text
        assert "The test became" not in linked  # as anybody could have made that address
    wanted = [(name, "held", "test", "Test", "Enquiry") for name in ("contact", "shop", "zaps", "signed")]
    assert stored(tmp_path, "SELECT endpoint, state, reason, first_name, last_name FROM leads ORDER BY id") == wanted


def test_a_test_is_delivered_where_that_was_chosen(desk: Start, tmp_path: Path) -> None:
    client = desk(TOML)
    token = log_in(client)
    client.post("/desk/endpoints/hooks/signed", data={"_csrf": token, "then": "deliver"})
    client.post("/desk/endpoints/forms/contact", data={"_csrf": token, "then": "deliver"})
    wanted = [("delivered",), ("delivered",)]
    eventually(lambda: stored(tmp_path, "SELECT state FROM leads") == wanted, "both are delivered")


def test_a_test_is_signed_as_the_provider_would_and_what_is_not_tried_is_said(desk: Start, tmp_path: Path) -> None:
    client = desk(TOML)
    token = log_in(client)
    client.post("/desk/endpoints/hooks/signed", data={"_csrf": token})
    [(headers,)] = stored(tmp_path, "SELECT headers FROM submissions")
    assert "x-sign" in headers
    assert "All of the way is tried" in client.get("/desk/endpoints/hooks/signed").text
    assert "the way that typeform writes" in client.get("/desk/endpoints/hooks/shop").text
    assert "the captcha" in client.get("/desk/endpoints/forms/contact").text


def test_an_endpoints_leads_are_counted_as_they_are_now_however_old(
    desk: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 60, days=300, states=[LeadState.HELD])
    client = desk(TOML, role="intake")
    token = log_in(client)

    def counted() -> str:
        page = re.sub(r"<[^>]+>", " ", client.get("/desk/endpoints/forms/contact").text)
        return " ".join(page.partition("In 7 days")[2].partition("As relay.toml")[0].split()).partition("leads ")[2]

    of_contact = "FROM leads WHERE endpoint = 'contact'"
    [(many, oldest)] = stored(tmp_path, f"SELECT count(*), min(id) {of_contact}")
    assert counted() == f"All leads {many} ! held"
    client.post(f"/desk/leads/{oldest}/discard", data={"_csrf": token})
    assert counted() == f"All leads {many - 1} ! held 1 – discarded"
    monkeypatch.setattr(endpoints, "COUNTED", 5)
    assert counted() == "The newest 5 5 ! held"


def test_a_held_test_is_no_trouble_to_anybody(looked_at: Looked) -> None:
    client, token = looked_at
    client.post("/desk/endpoints/hooks/zaps", data={"_csrf": token})
    assert "held: test" not in client.get("/desk").text


def play(client: httpx.Client, token: str, **fields: str) -> str:
    given = {"endpoint": "zaps", "was": "zaps", "body": BODY, "content_type": "application/json", "_csrf": token}
    answer = client.post("/desk/playground", data={**given, **fields})
    assert answer.status_code == 200
    return answer.text


def test_what_is_tried_is_not_stored_and_its_lines_make_the_same_lead_later(desk: Start, tmp_path: Path) -> None:
    client = desk(TOML)
    page = play(client, log_in(client), mapping=NEW)
    assert stored(tmp_path, "SELECT count(*) FROM submissions") == [(0,)]
    assert "would change" in page
    assert "<script>alert" not in page
    found = re.search(r'<pre id="lines"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found
    lines = html.unescape(found[1])
    client = desk(TOML.replace('mapping = { firstName = "given" }', "") + lines)
    client.post("/hooks/zaps", content=BODY, headers={"content-type": "application/json"})
    names = "SELECT first_name, last_name, message FROM leads"
    assert stored(tmp_path, names) == [("Ada", "King", 'a "quoted" word')]
    assert "a &#34;quoted&#34; word" in page


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("firstName = ", "mapping: not TOML"),
        ('colour = "x"', "mapping"),
        ('email = "a[b"', "is neither a field"),
        ('[forms.other.mapping]\nemail = "x"', "expected [forms.zaps.mapping]"),
    ],
)
def test_a_mapping_that_cannot_be_is_said_to_be_wrong(looked_at: Looked, mapping: str, words: str) -> None:
    page = html.unescape(play(*looked_at, mapping=mapping))
    assert 'role="alert"' in page
    assert words in page


def test_another_endpoint_brings_its_own_mapping_unless_lines_were_typed(looked_at: Looked) -> None:
    client, token = looked_at
    page = html.unescape(play(client, token, was="shop", mapping="[hooks.shop.mapping]"))
    assert 'firstName = "given"' in page
    page = html.unescape(play(client, token, was="shop", mapping='lastName = "sur"'))
    assert 'lastName = "sur"' in page


def test_a_line_is_added_from_the_keys_that_were_found(looked_at: Looked) -> None:
    page = html.unescape(play(*looked_at, mapping="", what="add", field="lastName", key="sur"))
    assert 'lastName = "sur"\n' in page


def test_a_stored_request_is_tried_and_the_earlier_ones_are_counted(desk: Start, tmp_path: Path) -> None:
    client = desk(TOML)
    token = log_in(client)
    client.post("/hooks/zaps", content=BODY, headers={"content-type": "application/json"})
    [(id_,)] = stored(tmp_path, "SELECT id FROM submissions")
    page = client.get(f"/desk/playground?submission={id_}").text
    assert "ada@example.com" in page
    page = play(client, token, submission=id_, what="stored", mapping=NEW)
    assert "On the last 1 requests" in page
    assert "1 lead would change" in page


def test_the_newest_requests_can_be_taken_also_those_that_became_no_lead(desk: Start) -> None:
    client = desk(TOML + "\n[hooks.survey]\nsource = 'typeform'\nopen = true\n")
    client.post("/hooks/survey", json={"event_type": "form_response_partial", "form_response": {}})
    client.post("/forms/contact", data={"name": "Ada Lovelace", "email": "ada@example.com"})
    log_in(client)
    page = client.get("/desk/playground").text
    assert ", <bdi>Ada Lovelace</bdi>" in page
    picks = re.findall(r'href="(/desk/playground\?submission=\w+)">(\w+)<', page)
    assert [name for _, name in picks] == ["contact", "survey"]
    assert "form_response_partial" in html.unescape(client.get(picks[1][0]).text)
    assert "ada@example.com" not in page


def test_whoever_may_only_look_finds_no_playground_and_sends_no_test(desk: Start, run: Run, folder: Path) -> None:
    client = desk(TOML)
    run("operator", "add", "anna", "--role", "view", typed="four words to keep\n")
    token = log_in(client, "anna", "four words to keep")
    assert client.get("/desk/playground").status_code == 403
    page = client.get("/desk/endpoints/hooks/zaps").text
    assert "Send a test</button>" not in page
    assert client.post("/desk/endpoints/hooks/zaps", data={"_csrf": token}).status_code == 403
