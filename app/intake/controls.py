"""A form's fields as its pages show them, with what was typed and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from app.config.endpoints import CHOICES, FieldType, Form, FormField
from app.intake.fields import USUAL, plain
from app.intake.language import Language
from app.mapping.called import SURELY, meanings_of
from app.mapping.infer import UNTICKED, means_email, means_phone
from app.sources.trees import dotted

LABELS = {"name": "Name", "email": "E-mail", "e-mail": "E-mail", "phone": "Phone", "message": "Message"}
"""What the usual fields are called, English texts of the catalogues."""

FILLED_IN = {
    "email": "email",
    "first_name": "given-name",
    "last_name": "family-name",
    "full_name": "name",
    "contact_no": "tel",
}
"""A lead's field → what browsers fill it in from."""
BY_TYPE = {"email": "email", "tel": "tel", "url": "url"}
WHOLE = frozenset((*CHOICES, "hidden", "file"))
"""Types of which one control holds all values; of others each has one."""
UNTITLED = "Contact"
"""The heading of a form that relay.toml gives none."""
LONG = 60
WHOLE_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Control:
    """One field on a page: `field` as it is declared, `values` what it holds, `wrong` what to mend, `id` its place."""

    id: str
    field: FormField
    label: str
    values: tuple[str, ...] = ()
    wrong: str = ""
    autocomplete: str = ""

    @property
    def value(self) -> str:
        """What it holds."""
        return self.values[0] if self.values else ""

    @property
    def type(self) -> str:
        """How it is drawn: what browsers would drop, or refuse in words of their own, is text."""
        kind = self.field.type
        is_kept = kind != "date" or not self.value or WHOLE_DATE.fullmatch(self.value)
        return kind if is_kept and kind not in {"number", "url"} else "text"

    @property
    def is_ticked(self) -> bool:
        """Whether a box is."""
        return any(one.strip().casefold() not in UNTICKED for one in self.values)

    def holds(self, option: str) -> bool:
        """Whether an option is chosen."""
        return plain(option) in map(plain, self.values)


def shown(
    form: Form,
    fields: Iterable[FormField],
    say: Language,
    *,
    typed: Mapping[str, Sequence[str]] = MappingProxyType({}),
    wrong: Mapping[str, str] = MappingProxyType({}),
    carried: Mapping[str, Sequence[str]] = MappingProxyType({}),
    lost: Collection[str] = (),
) -> dict[str, Any]:
    """What `controls.html` draws a form from: what was `typed` kept, `wrong` beside its field, `carried` unseen.

    `lost` are the fields of files that were sent, and have to be chosen again.
    """
    drawn = controls(fields, say, typed, wrong)
    return {
        "form": form,
        "title": say(UNTITLED) if form.title == UNTITLED else form.title,
        "controls": [one for one in drawn if one.field.type != "hidden"],
        "carried": {**carried, **{one.field.name: one.values for one in drawn if one.field.type == "hidden"}},
        "lost": lost,
        "wrong": [one for one in drawn if one.wrong],
    }


def controls(
    fields: Iterable[FormField], say: Language, typed: Mapping[str, Sequence[str]], wrong: Mapping[str, str]
) -> list[Control]:
    """The fields in order; what none was typed for holds what it is declared to hold at first."""
    drawn = []
    for number, one in enumerate(fields, 1):
        values = tuple(typed.get(one.name, (one.value,) if one.value else ()))
        control = Control(
            id=f"f{number}",
            field=one,
            label=label_of(one, say),
            values=values,
            wrong=say(wrong[one.name]) if one.name in wrong else "",
            autocomplete=one.autocomplete or filled_in(one),
        )
        drawn.append(control if one.type in WHOLE else replace(control, values=values[:1]))
        if one.type not in WHOLE:
            more = enumerate(values[1:], 2)
            drawn += [replace(control, id=f"{control.id}-{count}", values=(value,), wrong="") for count, value in more]
    return drawn


def label_of(field: FormField, say: Language) -> str:
    """What stands above it: as declared, or its name in words, of the usual ones in the visitor's language."""
    if field.label:
        return field.label
    if known := LABELS.get(field.name.casefold()):
        return say(known)
    words = " ".join(dotted(field.name).replace("_", " ").replace("-", " ").replace(".", " ").split())
    return words[:1].upper() + words[1:] or field.name


def filled_in(field: FormField) -> str:
    """What browsers may fill it in with."""
    if field.type in CHOICES or field.type in {"checkbox", "file", "hidden", "textarea", "date", "number"}:
        return ""
    meanings = meanings_of(dotted(field.name), field.label or "", "")
    target = max(FILLED_IN, key=lambda one: meanings.get(one, (0, ""))[0])
    return FILLED_IN[target] if meanings.get(target, (0, ""))[0] >= SURELY else BY_TYPE.get(field.type, "")


def undeclared(name: str, values: Collection[str], *, is_file: bool, is_wrong: bool) -> FormField:
    """A field that nobody declared, as it may be shown again."""
    usual = next((one for one in USUAL if one.name == name.casefold()), FormField.model_construct(name=name))
    kind: FieldType = _meant(dotted(name)) if usual.type == "text" else usual.type
    if is_file:
        kind = "file"
    elif any("\n" in one or len(one) > LONG for one in values):
        kind = "textarea"
    return FormField.model_construct(name=name, type=kind, required=is_wrong or usual.required)


def _meant(path: str) -> FieldType:
    """The type of a field by what it is called."""
    if means_email(path):
        return "email"
    if means_phone(path):
        return "tel"
    return "textarea" if meanings_of(path, "", "").get("message", (0, ""))[0] >= SURELY else "text"
