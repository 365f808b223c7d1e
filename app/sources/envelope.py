"""What stands around a person in a request of any server: its id, what happened, and whether it is only a test.

Data for every provider that has no file of its own. A guess here never loses anybody: leads are held, not dropped.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from app.errors import SourceError
from app.sources.base import Credentials, Inbound, Parsed, Reply
from app.sources.bodies import entries_of, is_rows, load, people_in
from app.sources.signatures import any_equal
from app.sources.trees import scalar

IDS = (
    "eventid", "hookeventid", "webhookeventid", "deliveryid", "submissionid", "responseid", "entryid", "leadid",
    "leadgenid", "saleid", "resultid", "triggeruuid", "payloadid", "requestid", "participantid", "submissionuuid",
    "eventuuid", "messagesid", "smssid", "callsid",
    "submissionkey", "submissiontoken", "bookingid", "bookinguid", "messageid", "callid",
    "ticketid", "uniqueid",
    "inquiryid", "enquiryid", "resourceid", "transactionid", "conversationid", "orderid", "recordid", "referenceid",
    "uuid", "uid", "guid",
)  # fmt: skip
"""Keys of an id that a request has to itself, the best first; compared without case, `_` and `-`."""
RANK = {key: rank for rank, key in enumerate((*IDS, "id"))}
OWN = RANK["id"]
SURE = frozenset(
    RANK[key] for key in ("submissionid", "eventid", "hookeventid", "webhookeventid", "responseid", "entryid", "leadid")
)
"""Ids of which a header knows no better one."""
AROUND = (
    "meta", "event", "source", "data", "payload", "submission", "response", "formresponse", "entry", "booking", "order",
    "object", "ticket", "message", "conversation", "chat", "lead", "registration", "appointment", "call",
)  # fmt: skip
"""Objects whose ids are the request's own; those of a form, a list or a contact come again with the next one."""
ID_HEADER = re.compile(
    r"(?:[a-z0-9]+-)*(?:(?:event|delivery|submission)-(?:id|uuid)|idempotency-key)|(?:[a-z0-9]+-)+delivery|svix-id"
)
"""Headers of ids that come again with a repeat; a `…-request-id` is stamped anew by every proxy."""
WEBHOOK_ID = "webhook-id"
SENDERS_OWN = (WEBHOOK_ID, "idempotency-key")
JOINTS = {ord(char): None for char in "_-. "}
MAX_ID = 200

EVENTS = (
    "event", "eventtype", "eventname", "triggerevent", "trigger", "triggertype", "webhookevent", "webhooktype",
    "hookevent", "topic", "type", "action", "objectaction", "subscriptiontype", "notificationtype",
)  # fmt: skip
"""Keys that say what happened; the last ones only beside an object that holds the rest."""
EVENT = re.compile(r"[\w.:/-]{1,80}", re.ASCII)
"""What an event is called: one word, or several that are joined. `Emergency repair` is what somebody asks for."""
JOINED = re.compile(r"[._:]")
TEST = re.compile(
    r"(?:web)?hook[._-]?test|(?:.*[._-])?(?:ping|test)(?:[._-](?:event|ping|webhook|hook|trigger))?", re.IGNORECASE
)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
NO_NEW_LEAD = frozenset(
    "cancel cancelled canceled cancellation delete deleted deletion remove removed unsubscribe unsubscribed archive "
    "archived refund refunded bounce bounced merge merged trash trashed uninstall uninstalled noshow".split()
)
NOBODY_NEW = frozenset(
    "update updated paid fulfilled closed completed ended assigned unassigned snoozed read replied rated profile "
    "upemail cleaned campaign restore restored ping".split()
)
"""What else a provider tells of people who have been told of before."""
TEST_FLAGS = frozenset(("istest", "test", "testmode", "testlead"))
"""Keys of a flag that a request is only a trial."""

OF_A_CHALLENGE = frozenset(("challenge", "token", "type", "verification_token", "event", "team_id", "api_app_id"))
"""All the keys that the body of a challenge has."""


def anyone(inbound: Inbound) -> Parsed:
    """Whoever is in a request of a server that nobody knows, with the id and the event that usual names tell."""
    body = load(inbound)
    tree = body.tree
    return Parsed(entries_of(body), event_id(inbound, tree, is_form=body.pairs is not None), hold=not_a_lead(tree))


def of_event(inbound: Inbound, provider: str, event: str, id_: str | None = None) -> Parsed:
    """A request about an event that brings no lead: a note; where it is an unknown one, its people are held."""
    said = f"{provider} sent {event[:100]}, which brings no new lead"
    words = {word.casefold() for word in WORD.findall(event[:MAX_ID])}
    if not says_no_new_lead(event) and words.isdisjoint(NOBODY_NEW):
        entries = anyone(inbound).entries
        if any("@" in one.value for entry in entries for one in entry.fields):
            return Parsed(entries, id_, hold=f"{provider} sent {event[:100] or 'no event'}, which is unknown")
    return Parsed((), id_, note=said)


def handshake(inbound: Inbound, credentials: Credentials) -> Reply | None:
    """The answer to one of the usual challenges."""
    try:
        data = load(inbound).tree if inbound.body else None
    except SourceError:
        data = None
    return challenge(inbound, data, credentials)


def event_id(inbound: Inbound, data: Any, *, is_form: bool = False) -> str | None:
    """The sender's own id for this request, from a header or the body around the person; None where there is none.

    A plain `id` in a form is the form's.
    """
    named = {
        name: value[:MAX_ID]
        for name, value in inbound.headers.items()
        if _carries_an_id(name) and (name == WEBHOOK_ID or len(value) >= 8)
    }
    told = next(iter(named.values()), None)
    if sent := next((named[name] for name in SENDERS_OWN if name in named), None):
        return sent
    rows = data if is_rows(data) else people_in(data)
    levels = [*_levels(data), *_levels(rows[0])] if rows else _levels(data)
    ranked = sorted(
        (RANK[key], place, id_)
        for place, level in enumerate(levels)
        for key, value in level.items()
        if key in RANK and (id_ := _an_id(value))
    )
    best = next(((rank, id_) for rank, _, id_ in ranked if not (is_form and rank == OWN)), None)
    if best is None or (told and best[0] not in SURE):
        return told
    return best[1]


def not_a_lead(data: Any) -> str:
    """In words, why a request is about no new lead: a test, or an event of another kind; "" where it may be one."""
    outer = plain(data)
    if any(outer.get(key) in (1, "true") for key in TEST_FLAGS):
        return "a test"
    for key in EVENTS:
        said = outer.get(key)
        if not isinstance(said, str) or not EVENT.fullmatch(said) or not (_is_envelope(outer) or JOINED.search(said)):
            continue
        if TEST.fullmatch(said):
            return f"a test ({said})"
        if says_no_new_lead(said):
            return f"the event is {said}"
    return ""


def says_no_new_lead(event: str) -> bool:
    """Whether an event's name says that something that was there ended: `contact.deleted`, `BookingCancelled`."""
    words = [word.casefold() for word in WORD.findall(event[:MAX_ID])]
    return not NO_NEW_LEAD.isdisjoint(words) or "noshow" in "".join(words)


def _is_envelope(outer: dict[str, Any]) -> bool:
    return any(isinstance(value, dict | list) for value in outer.values())


def challenge(inbound: Inbound, data: Any, credentials: Credentials) -> Reply | None:
    """The answer to one of the usual ways of asking whether a hook is there; None where nothing was asked.

    Whoever says a token, as Meta does, has to know one of the secrets. A POST that may hold a person asks nothing.
    """
    if inbound.method == "POST" and inbound.body and not _is_bare(data):
        return None
    if secret := inbound.headers.get("x-hook-secret"):
        return Reply(headers={"X-Hook-Secret": secret[:MAX_ID]})
    given = inbound.query.get("hub.verify_token")
    if given is not None and credentials.secrets and not any_equal(given, credentials.secrets):
        return None
    for name in ("hub.challenge", "validationToken", "validationtoken", "challenge"):
        if (asked := inbound.query.get(name)) and (inbound.method != "POST" or name == "validationToken"):
            return Reply(asked[:MAX_ID])
    if isinstance(data, dict) and isinstance(data.get("challenge"), str):
        return Reply(json.dumps({"challenge": data["challenge"]}), "application/json")
    return None


def _is_bare(data: Any) -> bool:
    """Whether a body can be a challenge and nothing else: single words at keys that only a challenge has."""
    return isinstance(data, dict) and data.keys() <= OF_A_CHALLENGE and all(map(_is_word, data.values()))


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int) and len(str(value)) <= MAX_ID and not re.search(r"\s", str(value))


def plain(node: Any) -> dict[str, Any]:
    """An object by its keys without case, `_` and `-`; of anything else an empty one."""
    if not isinstance(node, dict):
        return {}
    return {plain_key(key): node[key] for key in reversed(list(node)) if len(key) < 40}


@lru_cache(maxsize=2048)
def plain_key(key: str) -> str:
    """A key without case, `_`, `-`, `.` and blanks."""
    return key.casefold().translate(JOINTS)


@lru_cache(maxsize=512)
def _carries_an_id(header: str) -> bool:
    return header == WEBHOOK_ID or ID_HEADER.fullmatch(header) is not None


def _levels(data: Any) -> list[dict[str, Any]]:
    """The objects around a person: the outermost, and those within it that are about the request."""
    outer = plain(data)
    inner = [plain(outer[key]) for key in AROUND if isinstance(outer.get(key), dict)]
    return [outer, *inner, *(plain(one[key]) for one in inner for key in AROUND if isinstance(one.get(key), dict))]


def _an_id(value: Any) -> str:
    """An id as text; "" for what is none: empty, very short, or a word without a digit."""
    text = scalar(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if 1 <= len(text) <= MAX_ID and any(map(str.isdigit, text)) and " " not in text else ""
