"""What the command line prints: tables for people, JSON lines for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from app.config import RelayConfig
from app.lead import FIELDS, Lead, LeadState
from app.outbox.records import Attempt, Deed, StoredLead, StoredSubmission
from app.preview import LeadShown, Preview, fields_of, lead_shown
from app.settings import DEMO_TOML, Settings

if TYPE_CHECKING:
    from app.checkup import Finding
    from app.outbox.rehearsal import Rehearsal

out = Console(highlight=False)
wide = Console(highlight=False, width=100_000)
err = Console(stderr=True, highlight=False, soft_wrap=True)

MOST_LINES = 20
MOST_OF_A_BODY = 2000
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")

STYLE = {
    LeadState.DELIVERED: "green",
    LeadState.PENDING: "blue",
    LeadState.SENDING: "blue",
    LeadState.HELD: "yellow",
    LeadState.DUPLICATE: "magenta",
}
"""The colour of a state; the others are dim."""


def say(text: str) -> None:
    """A line for a person."""
    err.print(escape(printable(text)))


def complain(text: str) -> None:
    """What is wrong and what to do."""
    for line in printable(text).splitlines():
        err.print(f"[bold red]✗[/] {escape(line)}")


def announce(settings: Settings, config: RelayConfig) -> None:
    """The first lines of `serve`."""
    takes = f"forms: {_names(config.forms)}; hooks: {_names(config.hooks)}"
    only = "it only delivers; forms and hooks are where --role intake runs"
    say(f"Lead Relay is at {settings.address} ({only if settings.role == 'delivery' else takes}).")
    if settings.uses_sandbox:
        say("AGENCYHANDY_API_KEY is not set, so leads go to the built-in sandbox and nothing leaves this machine.")
        if settings.is_on_this_machine and settings.desk_password is not None:
            password = settings.desk_password.get_secret_value()
            say(f"The desk is at {settings.address}/desk: name admin, password {password}")
    elif settings.relay_toml == DEMO_TOML:
        say(f"There is no relay.toml: {DEMO_TOML} applies, whose secrets everybody knows. Put your own in relay.toml.")


def rows(found: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    """A table of texts under their names, or an object a line; `empty` where there is none."""
    if as_json:
        for row in found:
            print_json(dict(row))
    elif found:
        wide.print(table(tuple(found[0]), (tuple(map(str, row.values())) for row in found)))
    else:
        say(empty)


def finding(one: Finding) -> None:
    """A line of `check`, and further ones below it."""
    mark = "[green]✓[/]" if one.is_well else "[bold red]✗[/]"
    first, *more = printable(one.words).splitlines()
    out.print(f"{mark} [bold]{one.what}[/]  {escape(first)}", soft_wrap=True)
    for line in more:
        out.print(f"  {escape(line)}", soft_wrap=True)


def preview(one: Preview, *, as_json: bool) -> None:
    """What a request would become."""
    if not one.leads:
        say(f"No lead: {one.note or 'nobody is in it'}")
    if as_json:
        print_json(asdict(one))
        return
    if one.problem:
        _line("!", "yellow", f"as it is, it would be held: {one.problem}")
    for lead_ in one.leads:
        _one_lead(lead_)
    if one.leads:
        known = f"its id {one.event_id or 'in Idempotency-Key'}" if one.repeat_by == "id" else "what it says"
        _line("request", "", f"read as {one.source}; {PROOF[one.verified]}; a repeat of it is known by {known}")


def leads(found: list[StoredLead], *, as_json: bool, is_filtered: bool = False) -> None:
    """A list of leads."""
    if as_json:
        for one in found:
            print_json(stored_json(one))
        return
    if not found:
        say("No such leads." if is_filtered else "No leads. One will stand here as soon as a form or hook is sent.")
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
    wide.print(table(columns, rows))


def lead(one: StoredLead, submission: StoredSubmission | None, tries: list[Attempt], *, as_json: bool) -> None:
    """One lead with all that happened to it."""
    if as_json:
        whole = {**stored_json(one), "why": _why(one.lead), "repeats": submission.repeats if submission else 0}
        print_json({**whole, "attempts": [_attempt(attempt) for attempt in tries]})
        return
    is_mapped = one.lead.extra or one.lead.utm or any(getattr(one.lead, ours) for ours in FIELDS.values())
    if submission is not None and submission.body and not is_mapped:
        _line(one.lead.state.value, STYLE.get(one.lead.state, "dim"), one.lead.reason)
        _line("as it came:", "", f"\n{submission.body.decode('utf-8', 'replace')[:MOST_OF_A_BODY]}")
    else:
        _one_lead(lead_shown(one.lead))
    source = f" as {submission.source}" if submission is not None else ""
    _line("received", "", f"{one.received_at:%Y-%m-%d %H:%M:%S %Z} at {one.endpoint}{source}")
    if submission is not None and submission.repeats:
        _line("repeats", "", f"it came again {submission.repeats} times, and was recognised")
    if one.member_id:
        _line("member", "", one.member_id)
    for attempt in tries:
        how = f"{attempt.outcome} {attempt.status or 'no answer'} {attempt.duration_ms} ms"
        _line("attempt", "", f"{attempt.at:%Y-%m-%d %H:%M:%S %Z} {how} {' '.join(attempt.answer.split())[:160]}")


PROOF = {
    True: "its sender proved itself",
    False: "its sender did not prove itself",
    None: "its sender has to prove nothing",
}


def lead_json(one: Lead) -> dict[str, Any]:
    """A lead's fields as AgencyHandy calls them, with what it has no field for."""
    return {
        "state": one.state.value,
        "reason": one.reason,
        **{name: getattr(one, ours) for name, ours in FIELDS.items()},
        "utm": dict(one.utm),
        "extra": {field.label or field.key: field.value for field in one.extra},
    }


def stored_json(one: StoredLead) -> dict[str, Any]:
    """A stored lead with all its fields, the most telling first: a line of `leads list --json`, a row of an export."""
    fields = lead_json(one.lead)
    return {
        "id": one.id,
        "state": fields["state"],
        "endpoint": one.endpoint,
        **{name: fields[name] for name in ("firstName", "lastName", "email", "contactNo")},
        "memberId": one.member_id or None,
        "receivedAt": one.received_at.isoformat(),
        "workspace": one.workspace,
        **fields,
    }


def outcome(done: str, count: int, refused: Mapping[str, str]) -> None:
    """What became of an act on several leads: how many it was done to, and why not to the others."""
    say(f"{done}: {count}" + (f"; refused: {len(refused)}" if refused else ""))
    for lead_id, why in list(refused.items())[:MOST_LINES]:
        complain(f"{lead_id}: {why}")
    if len(refused) > MOST_LINES:
        complain(f"and {len(refused) - MOST_LINES} more")


def change(lead_id: str, refusal: str, fields: Mapping[str, tuple[str, str]], *, as_json: bool) -> None:
    """What reading a lead again would change."""
    if as_json:
        print_json({"id": lead_id or None, "refusal": refusal, "changes": fields})
        return
    _line(lead_id or "a new lead", "bold", refusal or ("" if fields else "stays as it is"))
    if fields and not refusal:
        wide.print(table(("field", "is", "becomes"), ((name, *pair) for name, pair in fields.items())))


def rehearsal(one: Rehearsal, *, as_json: bool) -> None:
    """What reading the newest requests again would change."""
    if as_json:
        print_json({part.name: getattr(one, part.name) for part in dataclass_fields(one)})
        return
    _line("requests", "bold", f"{one.requests} read again, {one.skipped} of no form or hook in relay.toml")
    counts = {name: getattr(one, name) for name in ("unchanged", "changed", "new", "gone")}
    _line("leads", "bold", ", ".join(f"{count} {name}" for name, count in counts.items()))
    for state, count in one.becomes.items():
        _line("", "", f"{count} would be {state} that are not")
    if one.fields:
        wide.print(table(("field", "changes in"), ((name, str(count)) for name, count in one.fields.most_common())))
    pairs = ((id_, name, *pair) for id_, fields in one.first.items() for name, pair in fields.items())
    if one.first:
        wide.print(table(("the first", "field", "is", "becomes"), pairs))


def deeds(found: list[Deed], *, as_json: bool) -> None:
    """The audit trail."""
    if as_json:
        for one in found:
            print_json({**asdict(one), "at": one.at.isoformat()})
        return
    rows = ((f"{one.at:%Y-%m-%d %H:%M:%S}", one.who, one.what, one.lead_id, one.words) for one in found)
    wide.print(table(("when (UTC)", "who", "what", "lead", "which"), rows))


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar at a terminal; it is told how much more is done."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def _why(one: Lead) -> dict[str, dict[str, str]]:
    found = (field for field in fields_of(one) if field.score is not None)
    return {field.field: {"from": field.origin, "why": field.why, "nextBest": field.runner_up} for field in found}


def _attempt(one: Attempt) -> dict[str, Any]:
    return {
        "at": one.at.isoformat(),
        "outcome": one.outcome,
        "status": one.status,
        "answer": one.answer,
        "durationMs": one.duration_ms,
    }


def _one_lead(one: LeadShown) -> None:
    """State and reason, each field with where it comes from, and what was sent besides."""
    _line(one.state, STYLE.get(LeadState(one.state), "dim"), one.reason)
    columns = ("field", "value", "from", "why", "score", "next best")
    rows = (tuple("" if cell is None else str(cell) for cell in astuple(field)) for field in one.fields)
    (out if out.is_terminal else wide).print(table(columns, rows))
    if rest := {**one.utm, **one.extra}:
        _line("kept beside:", "", "; ".join(f"{key}: {value}" for key, value in rest.items()))
    if one.dropped:
        _line("not kept:", "", "; ".join(f"{key} ({role})" for key, role in one.dropped.items()))


def table(columns: Iterable[str], rows: Iterable[tuple[str | Text, ...]]) -> Table:
    """A table that cuts nothing off: what is too wide is folded."""
    found = Table(box=box.SIMPLE, pad_edge=False, show_edge=False)
    for column in columns:
        found.add_column(column, overflow="fold")
    for row in rows:
        found.add_row(*(Text(printable(cell)) if isinstance(cell, str) else cell for cell in row))
    return found


def _line(mark: str, style: str, text: str) -> None:
    """A coloured word and what it is about, not broken into lines."""
    out.print(Text.assemble((mark, style), " ", printable(text)), soft_wrap=True)


def printable(text: str) -> str:
    """Without characters that steer a terminal: a lead's name is anybody's to write."""
    return STEERING.sub("\ufffd", text.replace("\r\n", "\n"))


def _names(endpoints: Iterable[str]) -> str:
    return ", ".join(endpoints) or "none"


def json_line(value: dict[str, Any]) -> str:
    """One line, whatever line ends are in it, and nothing that steers a terminal."""
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def print_json(value: dict[str, Any]) -> None:
    """An object on a line of standard output."""
    print(json_line(value))
