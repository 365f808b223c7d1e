"""What strangers send is shown at the desk as text, wherever it stands: nothing of it is ever markup, or runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from app.outbox.records import Role
from tests.browsing import chromium, needs_chromium
from tests.desk.conftest import PASSWORD, Place, csrf_of, make_operator
from tests.files import HEADERS, PDF, body_of, part
from tests.running import eventually, stored

EVIL = "\"'></textarea></title><img src=x onerror=window.ran=1><script>window.ran=1</script>{{7*7}}"
SHORT = '"><img src=x onerror=window.ran=1>'
OURS = {f"/desk/static/{name}.js" for name in ("htmx.min", "desk", "live", "search")}
WATCH = """
window.seen = [];
addEventListener('securitypolicyviolation', (event) => window.seen.push(event.violatedDirective));
"""
MEMBER = {"message": EVIL, "errors": [EVIL]}


class Tags(HTMLParser):
    """What a page's markup has that could run something, and whether it has text of ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            is_ours = (tag, name) == ("script", "src") and value in OURS
            if name.startswith("on") or name == "style" or (tag == "script" and not is_ours and name == "src"):
                self.found.append(f"{tag} {name}")
        if tag in {"img", "iframe", "object", "embed", "style"} or (tag == "script" and not attrs):
            self.found.append(tag)


@pytest.fixture(scope="module")
def evil(place: Place) -> list[str]:
    """Pages that show something evil: through every field, name, header, file name, answer, reason and operator."""
    words = {"name": f"Eve {SHORT}", "message": EVIL, "phone": EVIL, "source": SHORT, "utm_source": EVIL, EVIL: EVIL}
    ids = [place.hook({**words, "email": "eve@example.com"}), place.hook({**words, "email": EVIL})]
    place.sandbox.fault(kind="refuse", pattern="refused@", status=422, message=EVIL)
    ids.append(place.send(**words, email="refused@example.com"))
    eventually(lambda: place.state(ids[-1]) == "held", "it is refused")
    place.sandbox.heal()
    ids.append(place.send(**words, email="spam@example.com", fax_number=EVIL))
    body = body_of((part("email", b"file@example.com"), part("cv", PDF, SHORT.replace('"', "%22"))))
    sent = place.client.post("/forms/contact", content=body, headers={**HEADERS, "X-Evil": SHORT, "User-Agent": SHORT})
    assert sent.status_code == 303
    ids.append(place.newest())
    place.client.post(f"/hooks/{quote(SHORT, safe='')}", json={"email": "lost@example.com"})
    ids.append(place.newest())
    make_operator(place.folder, SHORT, Role.ADMIN)
    with httpx.Client(base_url=place.address) as operator:
        assert operator.post("/desk/login", data={"name": SHORT, "password": PASSWORD}).status_code == 303
        token = csrf_of(operator)
        for act in ("edit", "discard"):
            changes = {"_csrf": token, "firstName": SHORT, "message": EVIL, "email": "again@example.com"}
            operator.post(f"/desk/leads/{ids[1]}/{act}", data=changes)
        operator.post("/desk/destination/default", data={"_csrf": token, "what": "pause"})
    fixed = ("", "/leads", "/held", "/held?endpoint=" + quote(SHORT) + "&why=" + quote(SHORT), "/spam", "/destination")
    shown = [
        f"/desk{path}" for path in (*fixed, "/audit", f"/duplicate?did={quote(EVIL)}", f"/leads?source={quote(EVIL)}")
    ]
    return [*shown, *(f"/desk/leads/{one}" for one in ids)]


def test_a_pages_markup_is_ours_alone(place: Place, evil: list[str]) -> None:
    place.session()
    seen = 0
    for path in evil:
        answer = place.client.get(path)
        assert answer.status_code == 200, path
        assert Tags(answer.text).found == [], path
        assert "49" not in re.findall(r"script&gt;(\d+)", answer.text)
        seen += "onerror" in answer.text
    assert seen >= len(evil) - 3
    looked = place.client.post("/desk/leads", data={"words": EVIL, "_csrf": csrf_of(place.client)})
    assert Tags(looked.text).found == []


def test_what_is_downloaded_is_never_shown_by_a_browser(place: Place, evil: list[str]) -> None:
    place.session()
    [(lead_id, file_id)] = stored(
        place.folder, "SELECT leads.id, attachments.id FROM attachments JOIN leads USING (submission_id)"
    )
    for path in ("request", "lead.json", f"files/{file_id}"):
        answer = place.client.get(f"/desk/leads/{lead_id}/{path}")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment; filename")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.content == PDF
    other = stored(place.folder, "SELECT id FROM leads WHERE id != ? LIMIT 1", lead_id)[0][0]
    assert place.client.get(f"/desk/leads/{other}/files/{file_id}").status_code == 404


@pytest.mark.slow
@needs_chromium
class TestInABrowser:
    @pytest.fixture
    def complaints(self, place: Place, evil: list[str]) -> Iterator[list[str]]:
        """What a browser says that has looked at every evil page, opened all there is and typed something."""
        said: list[str] = []
        with chromium() as browser:
            context = browser.new_context(base_url=place.address)
            context.add_init_script(WATCH)
            cookie = {"name": "relay_desk", "value": place.session(), "domain": "127.0.0.1", "path": "/desk"}
            context.add_cookies([cookie])  # type: ignore[list-item]
            page = context.new_page()
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("dialog", lambda dialog: said.append(dialog.message))
            for path in evil:
                page.goto(path)
                page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
                said += page.evaluate("[...window.seen, ...(window.ran ? ['it ran'] : [])]")
                assert page.locator("img, iframe, script:not([src^='/desk/static/'])").count() == 0
            page.goto("/desk/leads")
            page.get_by_label("Search").fill("eve onerror")
            expect(page.locator("#found tbody tr")).not_to_have_count(50)
            said += page.evaluate("[...window.seen, ...(window.ran ? ['it ran'] : [])]")
            yield said

    def test_nothing_ran_and_nothing_was_refused(self, complaints: list[str]) -> None:
        assert complaints == []
