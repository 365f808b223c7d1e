"""What a form asks for, and what is wrong with what was sent: every wrong field at once, in words for the visitor.

Nobody real is turned away for how they write: whatever may be meant is taken, and fields that nobody declared too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from app.config.endpoints import CHOICES, Form, FormField
from app.lead import Entry, Lead, LeadState, Reason
from app.mapping import people
from app.mapping.infer import UNTICKED, means_email, means_phone
from app.reader import Reading
from app.sources.trees import dotted, scalar

NO_ADDRESS = "Please give an e-mail address, so that we can answer you."
BAD_ADDRESS = "This does not look like an e-mail address. Is there a typing error in it?"
NO_PHONE = "Please give a phone number, so that we can answer you."
BAD_PHONE = "This does not look like a phone number."
MISSING = "Please fill this in."
UNCHOSEN = "Please choose one of these."
NOT_TICKED = "Please tick this box."
NO_FILE = "Please choose a file."
BAD_NUMBER = "This is not a number."
BAD_DATE = "This is not a date."
BAD_URL = "This is not a web address."
TOO_LONG = "This is too long."

USUAL = (
    FormField(name="name", required=True),
    FormField(name="email", type="email"),
    FormField(name="phone", type="tel"),
    FormField(name="message", type="textarea"),
)
"""What a form asks for whose fields nobody declared."""
NOBODY = Lead(state=LeadState.HELD, reason=Reason.NO_EMAIL)

FEWEST_DIGITS = 5
MAX_LINE = 2000
MAX_TEXT = 100_000
STARTED_URL = re.compile(r"https?:/*", re.IGNORECASE)
WHOLE_DATE = re.compile(r"\d{4}-\d\d-\d\d")
WEB_ADDRESS = re.compile(r".*[^\W_]\.[^\W\d_]{2}.*|https?://\S+", re.IGNORECASE | re.DOTALL)


def asked(form: Form) -> tuple[FormField, ...]:
    """The fields of its own page: those declared, or the usual ones; and how to answer, which nobody can be without."""
    fields = form.fields or USUAL
    is_reachable = form.email_template or "email" in form.mapping or any(map(is_email, fields))
    return tuple(_needed(form, one) for one in (fields if is_reachable else (*fields, USUAL[1])))


def _needed(form: Form, field: FormField) -> FormField:
    """The field, required where no lead comes without it: its only address, or its only phone in an address's place."""
    fields = form.fields or USUAL
    kind = is_phone if form.email_template else is_email
    is_only = kind(field) and not (form.email_template and any(map(is_email, fields)))
    is_only = is_only and "email" not in form.mapping and sum(map(kind, fields)) <= 1
    return field.model_copy(update={"required": True}) if is_only else field


def is_email(field: FormField) -> bool:
    """Whether it asks for an e-mail address."""
    return field.type == "email" or (field.type == "text" and means_email(dotted(field.name)))


def is_phone(field: FormField) -> bool:
    """Whether it asks for a phone number."""
    return field.type == "tel" or (field.type == "text" and means_phone(dotted(field.name)))


def mistakes(form: Form, reading: Reading) -> dict[str, str]:
    """Field, by the name it was sent by or else is declared by → what is wrong, an English text of the catalogues.

    A robot that has given itself away is told of none.
    """
    leads = reading.submission.leads or (NOBODY,)
    if any(lead.state is LeadState.SPAM for lead in leads):
        return {}
    entries = reading.entries or (Entry(()),)
    found = {name: wrong for entry in reversed(entries) for name, wrong in _declared(form, entry)}
    lead = next((lead for lead in leads if _is_unreachable(lead)), None)
    if lead is not None:
        name, message = _unreachable(form, lead, entries[0])
        found = found | {name: message} if name in found else {name: message} | found
    return found


def _is_unreachable(lead: Lead) -> bool:
    """Whether a visitor can mend it: there is no usable address."""
    return lead.state is LeadState.HELD and lead.reason.startswith(Reason.NO_EMAIL)


def _unreachable(form: Form, lead: Lead, entry: Entry) -> tuple[str, str]:
    """The field to mend where nobody could be answered, and what to say."""
    origin = lead.origins.get("email")
    keys = {key: dotted(key) for key in entry.data} if isinstance(entry.data, Mapping) else {}
    declared = [_named(one, keys) for one in form.fields if is_email(one)]
    ruled = form.mapping.get("email", ())
    declared += [key for key, at in keys.items() if key in ruled or at in ruled]
    sent = [key for key, at in keys.items() if means_email(at)]
    if origin is not None:
        at_fault = [key for key in (*declared, *sent, *keys) if dotted(key) == origin.key]
        return next(iter((*at_fault, *declared, *sent)), "email"), BAD_ADDRESS
    if form.email_template and not declared and not sent:
        phones = [_named(one, keys) for one in form.fields if is_phone(one)]
        phones += [key for key, at in keys.items() if means_phone(at)]
        name = next(iter(phones), "phone")
        return name, BAD_PHONE if re.search(r"\S", "".join(_values(entry, name))) else NO_PHONE
    return next(iter((*declared, *sent)), "email"), NO_ADDRESS


def _named(field: FormField, keys: Mapping[str, str]) -> str:
    """What a declared field was sent by: capitals and brackets may differ; its own name where it was not."""
    path = dotted(field.name).casefold()
    return next((key for key, at in keys.items() if at.casefold() == path), field.name)


def _declared(form: Form, entry: Entry) -> Iterator[tuple[str, str]]:
    keys = {key: dotted(key) for key in entry.data} if isinstance(entry.data, Mapping) else {}
    for field in form.fields:
        name = _named(field, keys)
        if message := _mistake(field, [one for one in _values(entry, name, field.label or "") if one]):
            yield name, message


def _values(entry: Entry, name: str, label: str = "") -> list[str]:
    """What was sent for a field, without the blanks around it."""
    if isinstance(entry.data, Mapping) and name in entry.data:
        return [one.strip() for one in _texts(entry.data[name])]
    path = dotted(name)
    return [one.value.strip() for one in entry.fields if one.key == path or (label and one.label == label)]


def _texts(value: Any) -> list[str]:
    return [scalar(one) for one in value] if isinstance(value, list) else [scalar(value)]


def _mistake(field: FormField, values: list[str]) -> str:
    """What is wrong with the values of a declared field; "" where nothing is."""
    kind = field.type
    if kind == "hidden":
        return ""
    if kind == "checkbox":
        values = [one for one in values if one.casefold() not in UNTICKED]
    if kind == "url":
        values = [one for one in values if not STARTED_URL.fullmatch(one)]
    if kind == "email":
        values = [one for one in values if not people.is_nothing(one)]
    if not values:
        return _absent(kind) if field.required else ""
    if kind in CHOICES:
        options = {plain(one) for one in field.options}
        return "" if all(plain(one) in options for one in values) else UNCHOSEN
    if any(len(one) > (MAX_TEXT if kind in {"textarea", "file"} else MAX_LINE) for one in values):
        return TOO_LONG
    return next((wrong for one in values if (wrong := _wrong(kind, one))), "")


def _absent(kind: str) -> str:
    said = {"email": NO_ADDRESS, "checkbox": NOT_TICKED, "file": NO_FILE}
    return UNCHOSEN if kind in CHOICES else said.get(kind, MISSING)


def _wrong(kind: str, value: str) -> str:
    """What is wrong with one value of a kind. That there is none may be said in words: n/a, none, keine."""
    if kind == "email":
        return "" if people.email(value) else BAD_ADDRESS
    if people.is_nothing(value):
        return ""
    digits = sum(map(str.isdigit, value))
    if kind == "tel":
        return "" if digits >= FEWEST_DIGITS else BAD_PHONE
    if kind == "number":
        return "" if digits else BAD_NUMBER
    if kind == "date":
        return "" if digits and _may_be(value) else BAD_DATE
    if kind == "url":
        return "" if WEB_ADDRESS.fullmatch(value) else BAD_URL
    return ""


def _may_be(value: str) -> bool:
    """Whether a date can be: one as browsers send it is looked up, any other is believed."""
    if not WHOLE_DATE.match(value):
        return True
    with suppress(ValueError):
        return bool(datetime.fromisoformat(value[:10]))
    return False


def plain(text: str) -> str:
    """A choice as it is compared: neither capitals nor white space count."""
    return " ".join(text.split()).casefold()
