"""How the command line prints leads, and what was done to them: tables for people, JSON lines for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, astuple
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING

from rich.text import Text

from app.cli import console
from app.delivery.pages import read
from app.lead import FIELDS, MARKS, LeadState
from app.outbox.records import Attempt, Deed, StoredAttachment, StoredLead, StoredSubmission
from app.preview import LeadShown, Preview, lead_shown
from app.sheets.export import stored_json, whole_json

if TYPE_CHECKING:
    from datetime import datetime

    from app.outbox.changes import Change
    from app.outbox.rehearsal import Rehearsal
    from app.outbox.remap import Change as Remapped

MOST_OF_A_BODY = 2000
STYLE = {
    LeadState.DELIVERED: "green",
    LeadState.PENDING: "blue",
    LeadState.SENDING: "blue",
    LeadState.HELD: "yellow",
    LeadState.DUPLICATE: "magenta",
}
"""The colour of a state; the others are dim."""


def preview(one: Preview, *, as_json: bool) -> None:
    """What a request would become."""
    if not one.leads:
        console.say(f"No lead: {one.note or 'nobody is in it'}")
    if as_json:
        console.print_json(asdict(one))
        return
    if one.problem:
        console.line("!", "yellow", f"as it is, it would be held: {one.problem}")
    for lead_ in one.leads:
        _one_lead(lead_)
    if one.leads:
        known = f"its id {one.event_id or 'in Idempotency-Key'}" if one.repeat_by == "id" else "what it says"
        console.line("request", "", f"read as {one.source}; {PROOF[one.verified]}; a repeat of it is known by {known}")


def leads(found: list[StoredLead], *, as_json: bool, is_filtered: bool = False) -> None:
    """A list of leads."""
    if as_json:
        for one in found:
            console.print_json(stored_json(one))
        return
    if not found:
        console.say(
            "No such leads." if is_filtered else "No leads. One will stand here as soon as a form or hook is sent."
        )
        return
    rows = (
        (
            one.id,
            f"{one.received_at:%Y-%m-%d %H:%M:%S}",
            one.endpoint,
            Text(one.lead.state.value, STYLE.get(one.lead.state, "dim")),
            f"{one.lead.first_name} {one.lead.last_name}".strip(),
            one.lead.email,
            one.lead.contact_no,
            one.lead.reason,
        )
        for one in found
    )
    columns = ("id", "received (UTC)", "endpoint", "state", "name", "e-mail", "phone", "why")
    console.wide.print(console.table(columns, rows))


def lead(
    one: StoredLead,
    submission: StoredSubmission | None,
    tries: list[Attempt],
    files: list[StoredAttachment],
    *,
    as_json: bool,
) -> None:
    """One lead with all that happened to it."""
    if as_json:
        console.print_json(whole_json(one, submission, tries, files))
        return
    is_mapped = one.lead.extra or one.lead.utm or any(getattr(one.lead, ours) for ours in FIELDS.values())
    if submission is not None and submission.body and not is_mapped:
        console.line(one.lead.state.value, STYLE.get(one.lead.state, "dim"), one.lead.reason)
        console.line("as it came:", "", f"\n{submission.body.decode('utf-8', 'replace')[:MOST_OF_A_BODY]}")
    else:
        _one_lead(lead_shown(one.lead))
    for file in files:
        of = file.attachment
        console.line("attached", "", f"{file.id} {of.name} ({of.media_type}, {of.size:,} bytes) in {of.field}")
    if one.lead.suspicions:
        console.line("suspicious:", "", "; ".join(one.lead.suspicions))
    source = f" as {submission.source}" if submission is not None else ""
    console.line("received", "", f"{one.received_at:%Y-%m-%d %H:%M:%S %Z} at {one.endpoint}{source}")
    if submission is not None and submission.repeats:
        console.line("repeats", "", f"it came again {submission.repeats} times, and was recognised")
    if one.member_id:
        console.line("member", "", one.member_id)
    for attempt in tries:
        how = f"{attempt.outcome} {attempt.status or 'no answer'} {attempt.duration_ms} ms"
        said = " ".join(read(attempt.answer).split())[:160]
        console.line("attempt", "", f"{attempt.at:%Y-%m-%d %H:%M:%S %Z} {how} {said}")


def leads_shown(some: Iterable[LeadShown]) -> None:
    """What leads would be, each field with where it comes from."""
    for one in some:
        _one_lead(one)


PROOF = {
    True: "its sender proved itself",
    False: "its sender did not prove itself",
    None: "its sender has to prove nothing",
}


def change(one: Remapped, *, as_json: bool) -> None:
    """What reading a lead again changes, or would."""
    id_, fields = one.id if one.stored else None, one.fields
    if as_json:
        console.print_json({"id": id_, "refusal": one.refusal, "changes": fields})
        return
    console.line(id_ or "a new lead", "bold", one.refusal or ("" if fields else "stays as it is"))
    if fields and not one.refusal:
        console.wide.print(console.table(("field", "is", "becomes"), ((name, *pair) for name, pair in fields.items())))


def rehearsal(one: Rehearsal, *, as_json: bool) -> None:
    """What reading the newest requests again would change."""
    if as_json:
        console.print_json({part.name: getattr(one, part.name) for part in dataclass_fields(one)})
        return
    console.line("requests", "bold", f"{one.requests} read again, {one.skipped} of no form or hook in relay.toml")
    counts = {name: getattr(one, name) for name in ("unchanged", "changed", "new", "gone")}
    console.line("leads", "bold", ", ".join(f"{count} {name}" for name, count in counts.items()))
    for state, count in one.becomes.items():
        console.line("", "", f"{count} would be {state} that are not")
    if one.fields:
        console.wide.print(
            console.table(("field", "changes in"), ((name, str(count)) for name, count in one.fields.most_common()))
        )
    pairs = ((id_, name, *pair) for id_, fields in one.first.items() for name, pair in fields.items())
    if one.first:
        console.wide.print(console.table(("the first", "field", "is", "becomes"), pairs))


def changed(one: Change, now: datetime, *, as_json: bool) -> None:
    """A lead that has changed just now, on one line."""
    if as_json:
        told = {"at": now.isoformat(), "id": one.id, "state": one.state.value, "endpoint": one.endpoint}
        console.print_json({**told, "reason": one.reason, "receivedAt": one.received_at.isoformat()})
        return
    state = Text(f"{MARKS[one.state]} {one.state.value:<9}", STYLE.get(one.state, "dim"))
    about = " ".join(console.printable(f"{one.endpoint} {one.id} {one.reason}").split())
    console.out.print(Text.assemble(f"{now:%H:%M:%S} ", state, " ", about), soft_wrap=True)


def deeds(found: list[Deed], *, as_json: bool) -> None:
    """The audit trail."""
    if as_json:
        for one in found:
            told = {"id": one.id, "at": one.at, "who": one.who, "what": one.what, "leadId": one.lead_id}
            console.print_json({**told, "words": one.words})
        return
    rows = ((f"{one.at:%Y-%m-%d %H:%M:%S}", one.who, one.what, one.lead_id, one.words) for one in found)
    console.wide.print(console.table(("when (UTC)", "who", "what", "lead", "which"), rows))


def _one_lead(one: LeadShown) -> None:
    """State and reason, each field with where it comes from, and what was sent besides."""
    console.line(one.state, STYLE.get(LeadState(one.state), "dim"), one.reason)
    columns = ("field", "value", "from", "why", "score", "next best")
    rows = (tuple("" if cell is None else str(cell) for cell in astuple(field)) for field in one.fields)
    (console.out if console.out.is_terminal else console.wide).print(console.table(columns, rows))
    if rest := {**one.utm, **one.extra}:
        console.line("kept beside:", "", "; ".join(f"{key}: {value}" for key, value in rest.items()))
    if one.dropped:
        console.line("not kept:", "", "; ".join(f"{key} ({role})" for key, role in one.dropped.items()))
