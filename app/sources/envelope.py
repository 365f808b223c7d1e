"""What stands around a person in a request of any server: its id, what happened, and whether it is only a test.

Data for every provider that has no file of its own. A guess here never loses anybody: leads are held, not dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.sources.base import Inbound, Reply
from app.sources.trees import scalar

IDS = (
    "eventid", "deliveryid", "messageid", "submissionid", "responseid", "entryid", "leadid", "leadgenid", "requestid",
    "submissionuuid", "eventuuid", "submissionkey", "submissiontoken", "bookingid", "bookinguid", "uniqueid",
    "conversationid", "orderid", "uuid", "uid", "guid",
)  # fmt: skip
"""Keys of an id that a request has to itself, the best first; compared without case, `_` and `-`."""
OWN_ID = "id"
ID_HEADER = re.compile(
    r"(?:x-)?(?:[a-z0-9]+-)*(?:event|delivery|submission|request|idempotency|message)-(?:id|key|uuid)"
)
WEBHOOK_ID = "webhook-id"
MAX_ID = 200

EVENTS = (
    "event", "eventtype", "eventname", "triggerevent", "trigger", "triggertype", "webhookevent", "webhooktype",
    "hookevent", "topic", "type", "action", "objectaction", "subscriptiontype", "notificationtype",
)  # fmt: skip
"""Keys that say what happened; the last ones only beside an object that holds the rest."""
LOOSE = frozenset(("type", "action", "trigger"))
TEST = re.compile(
    r"(?:web)?hook[._ -]?test|(?:.*[._ -])?(?:ping|test)(?:[._ -](?:event|ping|webhook|hook|trigger))?", re.IGNORECASE
)
NO_NEW_LEAD = re.compile(
    r"cancel|delet|remov|unsubscrib|archiv|no[._ -]?show|refund|bounce|merg|trash|uninstall", re.IGNORECASE
)
TEST_FLAGS = frozenset(("istest", "test", "testmode", "testlead"))
"""Keys of a flag that a request is only a trial."""

ROWS = frozenset(
    ("leads", "contacts", "records", "rows", "items", "entries", "submissions", "results", "data", "people", "list")
)
"""Keys of an array that holds an entry a person."""


def event_id(inbound: Inbound, data: Any) -> str | None:
    """The sender's own id for this request, from a header or the body around the person; None where there is none."""
    for name, value in inbound.headers.items():
        if name == WEBHOOK_ID or (ID_HEADER.fullmatch(name) and len(value) >= 8):
            return value[:MAX_ID]
    levels = [plain(level) for level in _levels(data)]
    for key in IDS:
        for level in levels:
            if found := _an_id(level.get(key)):
                return found
    return next((found for level in levels if (found := _an_id(level.get(OWN_ID)))), None)


def not_a_lead(data: Any) -> str:
    """In words, why a request is about no new lead: a test, or an event of another kind; "" where it may be one."""
    outer = plain(data)
    flag = next((key for key in TEST_FLAGS if str(outer.get(key)).casefold() in {"true", "1", "yes"}), "")
    if flag:
        return "a test"
    is_envelope = any(isinstance(value, dict | list) for value in outer.values())
    for key in EVENTS:
        said = outer.get(key)
        if not isinstance(said, str) or len(said) > 80 or (key in LOOSE and not is_envelope):
            continue
        if TEST.fullmatch(said.strip()):
            return f"a test ({said})"
        if NO_NEW_LEAD.search(said):
            return f"the event is {said}"
    return ""


def people_in(data: Any) -> list[dict[str, Any]]:
    """The objects of an array that holds a person each, beside whatever else; none where there is no such array."""
    if not isinstance(data, dict):
        return []
    lists = [(key, value) for key, value in data.items() if isinstance(value, list) and len(value) > 1]
    if len(lists) != 1 or plain_key(lists[0][0]) not in ROWS:
        return []
    rows = lists[0][1]
    return rows if all(isinstance(row, dict) and any("@" in text for text in _texts(row, 3)) for row in rows) else []


def challenge(inbound: Inbound, data: Any) -> Reply | None:
    """The answer to one of the usual ways of asking whether a hook is there; None where nothing was asked."""
    if secret := inbound.headers.get("x-hook-secret"):
        return Reply(headers={"X-Hook-Secret": secret[:MAX_ID]})
    for name in ("hub.challenge", "validationToken", "validationtoken", "challenge"):
        if (asked := inbound.query.get(name)) and inbound.method != "POST":
            return Reply(asked[:MAX_ID])
    if asked := inbound.query.get("validationToken"):
        return Reply(asked[:MAX_ID])
    if isinstance(data, dict) and isinstance(data.get("challenge"), str) and len(data) <= 4:
        return Reply(data["challenge"][:MAX_ID])
    return None


def plain(node: Any) -> dict[str, Any]:
    """An object by its keys without case, `_` and `-`; of anything else an empty one."""
    if not isinstance(node, dict):
        return {}
    return {plain_key(key): node[key] for key in reversed(list(node)) if len(key) < 40}


def plain_key(key: str) -> str:
    """A key without case, `_`, `-`, `.` and blanks."""
    return key.casefold().translate({ord(char): None for char in "_-. "})


def _levels(data: Any) -> Iterator[Any]:
    """The objects around a person: the outermost, and those that are its values."""
    yield data
    if isinstance(data, dict):
        yield from (value for value in data.values() if isinstance(value, dict))


def _an_id(value: Any) -> str:
    """An id as text; "" for what is none: empty, very short, or a word without a digit."""
    text = scalar(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if 1 <= len(text) <= MAX_ID and any(map(str.isdigit, text)) and " " not in text else ""


def _texts(node: Mapping[str, Any], depth: int) -> Iterator[str]:
    for value in node.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict) and depth:
            yield from _texts(value, depth - 1)
        elif isinstance(value, list) and depth:
            yield from _texts({str(index): item for index, item in enumerate(value[:50])}, depth - 1)
