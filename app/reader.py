"""(inbound, endpoint, now) → submission with its leads: the one composition of source, mapping and rules.

Intake, preview and re-mapping all read through here, so that they always agree. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from app import proof, repeats
from app.config.endpoints import API, Endpoint, Hook, trusted
from app.config.relay_toml import RelayConfig
from app.errors import ConfigurationError, SignatureRefused, SourceError
from app.lead import FIELDS, Entry, Field, Lead, LeadState, Origin, Reason, Submission
from app.mapping import people, rules
from app.mapping.findings import Findings
from app.mapping.infer import infer
from app.mapping.names import KANA, names_of, says_name
from app.mapping.weighed import Match
from app.sources import NAMES as SOURCE_NAMES
from app.sources import source_of
from app.sources.base import Inbound, Parsed, Source
from app.sources.declared import as_declared
from app.sources.trees import clean

CREDENTIALS: Final = re.compile(r"auth|cookie|token|secret|password|(?:api|access)-?key|-ur[il]$")
TABLE = "csv"
"""The source of what a person read in from a table."""
HONEYPOT = "honeypot"
"""With this begins the reason of a lead for which a field was filled in that people do not see."""
WRAPPER = "form."
A_FORM = 3
MAX_HEADERS = 60
MAX_TOLD = 100
MAX_HEADER_VALUE = 2000


@dataclass(frozen=True, slots=True)
class Reading:
    """A submission as read, and the problem that its sender is told of; the leads are then held, not lost."""

    submission: Submission
    entries: tuple[Entry, ...] = ()
    problem: SourceError | None = None

    @property
    def lead(self) -> Lead | None:
        """The first lead, which is a form's only one."""
        return self.submission.leads[0] if self.submission.leads else None


def check(config: RelayConfig, file: Path) -> None:
    """Raises ConfigurationError where an endpoint names no source there is, or a rule that cannot be followed."""
    for endpoint in config.endpoints():
        where = f"{file}: {endpoint.table}"
        if endpoint.source not in SOURCE_NAMES:
            near = " or ".join(repr(name) for name in get_close_matches(endpoint.source, SOURCE_NAMES, 2))
            meant = f"; did you mean {near}?" if near else ""
            raise ConfigurationError(
                f"{where}.source: there is no source {endpoint.source!r}{meant} docs/sources.md lists them"
            )
        rules.check(endpoint.mapping, where)
        if isinstance(endpoint, Hook):
            proof.check(endpoint, where)
        if (template := endpoint.email_template) and not _built(template, "+15550100100", endpoint):
            raise ConfigurationError(
                f"{where}.email_template: expected an address with {{phone}} in it, "
                'such as "{phone}@no-email.example.com"'
            )


def read(inbound: Inbound, endpoint: Endpoint, now: datetime, window: timedelta = timedelta(minutes=10)) -> Reading:
    """What came in, as a submission. Never raises: what cannot be verified or read is held with its reason."""
    source = source_of(endpoint.source, inbound)
    problem, reason = _verify(inbound, endpoint, source, now)
    quarantine = reason
    try:
        parsed = source.parse(inbound)
        leads = tuple(_judged(lead_of(as_declared(entry, endpoint), endpoint), parsed) for entry in parsed.entries)
        leads += tuple(map(_unfetched, dict.fromkeys(parsed.to_fetch)))
    except SourceError as error:
        parsed = Parsed(())
        leads = (Lead(state=LeadState.HELD, reason=clean(f"{Reason.UNREADABLE}: {error}")),)
        problem = problem or error
        quarantine = quarantine or Reason.UNREADABLE
    if reason:
        leads = tuple(replace(lead, state=LeadState.HELD, reason=reason, to_fetch="") for lead in leads or (Lead(),))
    name = clean(endpoint.name)
    identity, is_given = repeats.identity(inbound, endpoint, parsed, leads)
    submission = Submission(
        endpoint=name,
        source=source.name,
        received_at=now,
        headers=_kept_headers(inbound.headers, endpoint),
        body=inbound.body,
        event_id=clean(parsed.event_id) if parsed.event_id else None,
        fingerprint=repeats.digest(name, quarantine, *identity),
        fingerprint_expires=None if is_given else now + window,
        note=parsed.note,
        workspace=endpoint.workspace or "",
        quarantine=f"{quarantine} {name}" if quarantine and endpoint.known else quarantine,
        leads=leads,
    )
    return Reading(submission, parsed.entries, problem)


def read_row(values: Mapping[str, str], endpoint: Endpoint, now: datetime) -> Reading:
    """A row of a table, column → value, as an enquiry with these fields; the same row is a repeat for ever."""
    body = json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)
    reading = read(
        Inbound(body.encode("utf-8", "replace"), {"content-type": "application/json"}), of_table(endpoint), now
    )
    mark = repeats.digest(
        clean(endpoint.name), TABLE, *(part for pair in sorted(values.items()) if pair[1] for part in pair)
    )
    own = replace(reading.submission, source=TABLE, fingerprint=mark, fingerprint_expires=None)
    return replace(reading, submission=own)


def of_table(endpoint: Endpoint) -> Endpoint:
    """The endpoint, as rows of a table are read for it: whatever its senders send, and prove."""
    return trusted(endpoint).model_copy(update={"source": "json"})


def lead_of(entry: Entry, endpoint: Endpoint) -> Lead:
    """One person's lead: what rules find, what inference finds for the rest, defaults last."""
    ruled = {TARGET_OF[target]: found for target, found in rules.apply(endpoint.mapping, entry).items()}
    spent = {found.field: None for found in ruled.values() if found.field is not None}
    known = NAMES | ruled.keys() if "full_name" in ruled else ruled.keys()
    told = _secrets_of(endpoint)
    left = [one for one in entry.fields if one not in spent] if spent else [*entry.fields]
    findings = infer(_unwrapped([one for one in left if one.value not in told] if told else left), known)
    found = {target: match.value for target, match in findings.best.items()}
    found |= {target: clean(one.value) for target, one in ruled.items()}
    origins = {target: _origin(match, findings) for target, match in findings.best.items()}
    origins |= {target: _said(one.origin, endpoint) for target, one in ruled.items()}
    address = people.email(given) if (given := found.get("email", "")) and "email" in ruled else given
    if not address and findings.mistyped is not None and "email" not in ruled:
        origins["email"] = Origin(findings.mistyped.key, "it is not a valid e-mail address", 0)
    first, last = names_of(
        found,
        family_first=findings.family_first and "full_name" not in ruled,
        japanese=_is_japanese(found.get("full_name", ""), entry),
    )
    phone = people.phone(found.get("contact_no", ""), endpoint.region)
    if not (address or given) and (address := _built(endpoint.email_template or "", phone, endpoint)):
        origins["email"] = Origin("email_template", "there was none, so it is made from the phone")
    state, reason = _verdict(findings, address, given)
    defaults = endpoint.defaults
    own: dict[str, Any] = {
        "first_name": first,
        "last_name": last,
        "email": address,
        "contact_no": phone,
        "message": found.get("message", "").replace("\r\n", "\n"),
        "source": _source(found.get("source", ""), findings, endpoint),
        "status": found.get("status") or defaults.status or "",
    }
    position = _position(found.get("position_in_board", ""), defaults.position_in_board)
    said = {*own.values(), str(position)}
    quoted = {one for found in ruled.values() for one in found.quoted}
    unsaid = [one for one in findings.extra if not (quoted and one in quoted and _says(own, said, one.value))]
    taken = [*spent, *(one for match in findings.best.values() for one in match.fields)]
    return Lead(
        **own,
        position_in_board=position,
        utm=findings.utm,
        dropped=findings.dropped,
        origins=origins,
        extra=(*unsaid, *(one for one in taken if not _says(own, said, one.value))),
        state=state,
        reason=reason,
    )


def _said(origin: Origin, endpoint: Endpoint) -> Origin:
    """Why a rule's value is the field's; a program needs no rule to name a field."""
    is_own = endpoint.source == API and origin.key in FIELDS
    return replace(origin, why="it was sent by this name") if is_own else origin


def _secrets_of(endpoint: Endpoint) -> tuple[str, ...]:
    """What the endpoint's senders prove themselves with; some put it into the body."""
    return tuple(one.get_secret_value() for one in endpoint.secrets) if isinstance(endpoint, Hook) else ()


def _unwrapped(fields: list[Field]) -> list[Field]:
    """Fields of which most stand in one `form`, as `form[name]`, by what they are called within it."""
    inside = [one for one in fields if one.key.startswith(WRAPPER)]
    if len(inside) < A_FORM or not any("@" in one.value for one in inside):
        return fields
    return [replace(one, key=one.key.removeprefix(WRAPPER)) for one in fields]


TARGET_OF: Final[Mapping[str, str]] = {**FIELDS, "name": "full_name"}
"""What rules find: AgencyHandy's name of a lead's field → ours."""
NAMES: Final = frozenset(("first_name", "last_name"))


def _unfetched(id_: str) -> Lead:
    """Somebody of whom there is an id only; it becomes part of an address, so that not every text will do."""
    fetchable = id_ if re.fullmatch(r"[\w:-]{1,100}", id_, re.ASCII) else ""
    return Lead(state=LeadState.HELD, reason=clean(f"{Reason.NEEDS_FETCHING}: {id_[:200]}"), to_fetch=fetchable)


def _judged(lead: Lead, parsed: Parsed) -> Lead:
    """The lead, as far as the provider lets it pass: spam by its own verdict, held where it is about no new lead."""
    if parsed.spam and lead.state is not LeadState.SPAM:
        return replace(lead, state=LeadState.SPAM, reason=clean(parsed.spam))
    if parsed.hold and lead.state is not LeadState.SPAM:
        return replace(lead, state=LeadState.HELD, reason=clean(f"{Reason.NOT_NEW}: {parsed.hold}"))
    return lead


def _verify(inbound: Inbound, endpoint: Endpoint, source: Source, now: datetime) -> tuple[SourceError | None, str]:
    """The problem with who sent it, and the reason its leads are held for; (None, "") where all is well."""
    if not endpoint.known:
        return None, Reason.UNKNOWN_ENDPOINT
    try:
        if isinstance(endpoint, Hook):
            proof.verify(inbound, endpoint, source, now)
    except SignatureRefused as refusal:
        return refusal, Reason.SIGNATURE
    return None, ""


def _says(own: Mapping[str, str], said: Set[str], value: str) -> bool:
    """Whether all of a value is in the lead's own fields: a title or a second address that is not stays an extra."""
    text = value.strip()
    if text in said or text.replace("\r\n", "\n") == own["message"]:
        return True
    if text.casefold() == own["email"].casefold():
        return True
    if own["contact_no"].startswith("+") and people.looks_like_phone(text):
        return True
    return says_name(text, own["first_name"], own["last_name"])


def _built(template: str, phone: str, endpoint: Endpoint) -> str:
    """The e-mail address of a lead that has only a phone; empty where there is no phone, or no template."""
    digits = re.sub(r"\D", "", phone)
    made = template.replace("{phone}", digits).replace("{endpoint}", endpoint.name)
    return people.email(made) if digits and "{phone}" in template else ""


def _verdict(findings: Findings, address: str, given: str) -> tuple[LeadState, str]:
    if findings.honeypot is not None:
        return LeadState.SPAM, f"{HONEYPOT}: {findings.honeypot.key} was filled in"
    if not address:
        is_mistyped = given or findings.mistyped is not None
        return LeadState.HELD, f"{Reason.NO_EMAIL}: {'not a valid address' if is_mistyped else 'there is none'}"
    return LeadState.PENDING, ""


def _source(told: str, findings: Findings, endpoint: Endpoint) -> str:
    """The visitor's own word, the operator's, the campaign's, and last the kind of endpoint."""
    return told or endpoint.defaults.source or findings.advertiser or ("website" if endpoint.kind == "form" else "")


def _is_japanese(name: str, entry: Entry) -> bool:
    """Whether there is kana around it: nothing else tells a Japanese name in Chinese characters from a Chinese one."""
    return not name.isascii() and any(
        KANA.search(f"{one.label}{one.key}{one.value[:MAX_TOLD]}") for one in entry.fields[:MAX_TOLD]
    )


def _origin(match: Match, findings: Findings) -> Origin:
    second = findings.runner_up.get(match.target)
    return Origin(match.field.called, match.why, match.score, second.field.key if second else "")


def _position(value: str, default: int | None) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else default


def _kept_headers(headers: Mapping[str, str], endpoint: Endpoint) -> dict[str, str]:
    """The headers that reading it again may need, the content type first; never credentials."""
    secret = endpoint.header.lower() if isinstance(endpoint, Hook) else ""
    names = [name for name in headers if name != secret and not CREDENTIALS.search(name)]
    names = [name for name in names if not any(one in headers[name] for one in _secrets_of(endpoint))]
    names.sort(key=lambda name: name != "content-type")
    return {clean(name): clean(headers[name][:MAX_HEADER_VALUE]) for name in names[:MAX_HEADERS]}
