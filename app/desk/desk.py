"""What every page of the desk is made with, and how a page is rendered: templates, marks, numbers and times."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.config.relay_toml import RelayConfig
from app.desk.bulk import Bulk
from app.desk.clock import zone_of
from app.desk.entry import Entry, Session
from app.desk.story import DONE, SHORT, in_words
from app.intake.accept import Intake
from app.intake.pages import templates
from app.lead import MARKS, MEANING
from app.live.feed import Feed
from app.outbox.acts import A_STEP, ACTS
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.records import Facts, Role

HERE = Path(__file__).parent
STATIC = HERE / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

PLACES = (
    ("/desk", "Overview", Role.VIEW),
    ("/desk/leads", "Leads", Role.VIEW),
    ("/desk/held", "Held", Role.VIEW),
    ("/desk/spam", "Spam", Role.VIEW),
    ("/desk/duplicate", "Wrote again", Role.VIEW),
    ("/desk/endpoints", "Endpoints", Role.VIEW),
    ("/desk/playground", "Playground", Role.WORK),
    ("/desk/destination", "Destination", Role.VIEW),
    ("/desk/audit", "Audit", Role.ADMIN),
)
"""The pages of the desk in the order of its navigation: address, name, and the role that may see it."""

_templates = templates(HERE / "templates")


@dataclass(frozen=True, slots=True)
class Desk:
    """What pages are made with: the store, relay.toml, who may come in, the clock, what the watch sees just now,
    each workspace's requests a second by the settings, what changes, the acts on many that are under way, what
    requests are taken in with, and whether leads go to the sandbox.
    """

    outbox: Outbox
    config: RelayConfig
    entry: Entry
    clock: Callable[[], datetime]
    look: Callable[[], Awaitable[tuple[Facts, Mapping[str, str]]]]
    pace: Mapping[str, float]
    feed: Feed
    bulk: Bulk
    intake: Intake
    is_trial: bool = False

    def hands(self, who: Session) -> Hands:
        """The acts of an operator."""
        return Hands(self.outbox, who.name, self.clock)

    def now(self, request: Request) -> datetime:
        """The time, on the clock of whoever asks: pages have their times and days by it."""
        return self.clock().astimezone(zone_of(request.cookies))

    def page(
        self, request: Request, template: str, who: Session | None, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A rendered page, or the part of one that htmx asks for."""
        shared: dict[str, Any] = {"site": self.config.site, "who": who, "path": request.url.path}
        shared["now"] = self.now(request)
        shared |= {"seen": getattr(request.state, "seen", ""), "queued": getattr(request.state, "queued", {})}
        shared["is_trial"] = self.is_trial
        shared["has_keys"] = bool(self.config.workspaces)
        text = _templates.get_template(template).render({**shared, **values})
        return HTMLResponse(text, status, HEADERS)


def grouped(number: float) -> str:
    """`12,345`."""
    return f"{number:,}"


def in_bytes(number: int) -> str:
    """`312 bytes`, `4.2 kB`, `1.3 MB`."""
    for size, unit in ((1_000_000, "MB"), (1000, "kB")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} byte{'' if number == 1 else 's'}"


BUTTONS = {
    "release": "Send",
    "resend": "Send again",
    "edit": "Edit and send",
    "remap": "Read again",
    "spam": "Mark as spam",
    "discard": "Discard",
    "erase": "Erase",
}
"""What an act's button says."""

_templates.globals.update({"marks": MARKS, "meaning": MEANING, "roles": Role, "places": PLACES, "buttons": BUTTONS})
_templates.globals["helps"] = {name: act.help for name, act in ACTS.items()}
_templates.globals["dones"] = DONE
_templates.globals["a_step"], _templates.globals["tries"] = A_STEP, SHORT
_templates.filters.update({"grouped": grouped, "in_bytes": in_bytes, "in_words": in_words})
