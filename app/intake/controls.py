"""A form's fields as its pages show them, with what was typed and what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app.endpoints import CHOICES, FieldType, Form, FormField
from app.intake.language import Language
from app.mapping.called import SURELY, meanings_of
from app.mapping.infer import UNTICKED
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
LONG = 60


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
        """All that it holds, as one text."""
        return "\n".join(self.values)

    @property
    def is_ticked(self) -> bool:
        """Whether a box is."""
        return any(one.strip().casefold() not in UNTICKED for one in self.values)

    def holds(self, option: str) -> bool:
        """Whether an option is chosen."""
        return _plain(option) in map(_plain, self.values)


def shown(
    form: Form,
    fields: Iterable[FormField],
    say: Language,
    *,
    typed: Mapping[str, Sequence[str]] = MappingProxyType({}),
    wrong: Mapping[str, str] = MappingProxyType({}),
    carried: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, Any]:
    """What `controls.html` draws a form from: what was `typed` kept, `wrong` beside its field, `carried` unseen."""
    drawn = controls(fields, say, typed, wrong)
    return {
        "form": form,
        "controls": [one for one in drawn if one.field.type != "hidden"],
        "carried": {**carried, **{one.field.name: one.values for one in drawn if one.field.type == "hidden"}},
        "wrong": [one for one in drawn if one.wrong],
    }


def controls(
    fields: Iterable[FormField], say: Language, typed: Mapping[str, Sequence[str]], wrong: Mapping[str, str]
) -> list[Control]:
    """The fields in order; what none was typed for holds what it is declared to hold at first."""
    return [
        Control(
            id=f"f{number}",
            field=one,
            label=label_of(one, say),
            values=tuple(typed.get(one.name, (one.value,) if one.value else ())),
            wrong=say(wrong[one.name]) if one.name in wrong else "",
            autocomplete=one.autocomplete or filled_in(one),
        )
        for number, one in enumerate(fields, 1)
    ]


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


def undeclared(name: str, values: Collection[str], *, is_file: bool, asks_address: bool) -> FormField:
    """A field that nobody declared, as it may be shown again."""
    if is_file:
        return FormField.model_construct(name=name, type="file")
    is_long = any("\n" in one or len(one) > LONG for one in values)
    kind: FieldType = "textarea" if is_long else "email" if asks_address else "text"
    return FormField.model_construct(name=name, type=kind, required=asks_address)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
