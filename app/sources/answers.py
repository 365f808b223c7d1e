"""Nested data → flat fields. Knows how builders write an answer down, whatever they call its parts; knows no provider.

An answer is an object that holds what was asked beside what was said: `{"label": "E-mail", "value": "a@example.com"}`.
Everything else is a field for each scalar, called by its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from app.errors import Unreadable
from app.lead import Field
from app.sources.trees import MAX_FIELDS, MAX_KEY, dotted, read_json, scalar

ASKED = (
    "label", "title", "question", "columnname", "fieldlabel", "fieldtitle", "questiontext", "questiontitle",
    "displayname", "displaytext", "heading", "prompt", "name", "fieldname", "text", "q",
    "etiqueta", "rótulo", "rotulo", "pergunta", "pregunta", "frage", "bezeichnung", "feld", "libellé", "libelle",
    "titre", "titel", "titolo", "titulo", "título", "domanda", "vraag", "campo", "champ", "pytanie", "nombre", "nom",
)  # fmt: skip
"""Where an answer's question stands, the best first; keys are compared without case, `_` and `-`."""
CALLED = ("customkey", "variable", "columnid", "ref", "slug", "fieldname", "name", "key", "field", "fieldid", "id")
"""Where an answer's own key stands."""
SAID = (
    "value", "stringvalue", "textvalue", "answer", "answers", "values", "response", "responses", "userdata",
    "fieldvalue", "answertext", "selected", "valor", "wert", "valeur", "valore", "waarde", "antwort", "respuesta",
    "resposta", "réponse", "reponse", "risposta", "antwoord", "odpowiedź", "wartość", "värde", "val", "ans", "a",
)  # fmt: skip
SAYS = frozenset(SAID)
LETTERS = frozenset("qa")
"""A question and its answer only together: each alone may be anything."""
TOLD = ("type", "kind", "fieldtype", "inputtype", "questiontype", "answertype")
CHOICES = ("options", "choices")
PLAIN = frozenset((*ASKED, *CALLED, *SAID, *TOLD, *CHOICES))
ABOUT_QUESTIONS = frozenset(
    (
        "required", "isrequired", "validation", "validations", "properties", "layout", "description", "position",
        "index", "order", "page", "section", "hidden", "ishidden", "visible", "versions", "score", "points",
        "placeholder", "default", "defaultvalue", "group", "rawvalue", "classnames", "instructions", "logic", "rows",
    )
)  # fmt: skip
"""What else an answer says of its question; all other keys are kept."""
KNOWN = PLAIN | ABOUT_QUESTIONS
MAX_OTHERS = 8
SOMEBODY = frozenset(("email", "phone", "firstname", "lastname", "fullname", "mail", "emailaddress", "phonenumber"))
"""An object with one of these is a person, not an answer."""

KINDS = (
    ("email", "email"), ("e-mail", "email"), ("phone", "phone"), ("tel", "phone"), ("mobile", "phone"),
    ("hidden", "hidden"), ("variable", "variable"), ("calculat", "variable"), ("score", "variable"),
    ("file", "file"), ("upload", "file"), ("signature", "file"), ("attachment", "file"),
    ("textarea", "long_text"), ("long", "long_text"), ("paragraph", "long_text"), ("multiline", "long_text"),
    ("multi_line", "long_text"), ("essay", "long_text"), ("open_text", "long_text"), ("memo", "long_text"),
    ("check", "choice"), ("choice", "choice"), ("select", "choice"), ("dropdown", "choice"), ("drop_down", "choice"),
    ("radio", "choice"), ("rating", "choice"), ("scale", "choice"), ("matrix", "choice"), ("ranking", "choice"),
    ("yes_no", "choice"), ("yesno", "choice"), ("boolean", "choice"), ("legal", "choice"), ("consent", "choice"),
    ("accept", "choice"), ("gdpr", "choice"), ("option", "choice"), ("picture", "choice"),
    ("date", "date"), ("time", "date"), ("number", "number"), ("numeric", "number"), ("currency", "number"),
    ("text", "text"), ("short", "text"), ("name", "text"), ("string", "text"), ("input", "text"), ("address", "text"),
)  # fmt: skip
"""A word in what a builder calls its input → the field's kind. The first that is in it counts."""

SHOWN = ("plaintext", "label", "text", "value", "title", "name")
CHOSEN = frozenset((*SHOWN, "id", "optionvalue", "key", "ref", "other", "score", "index", "color", "slug"))
"""The parts of an object that is a choice; the first of `SHOWN` is what a person reads."""

PHONE_PARTS = ("countrycode", "country", "code", "dialcode", "prefix", "area", "areacode", "phone", "number")
NORTH_AMERICAN = ("country", "countrycode", "area", "areacode", "prefix", "line", "linenumber")
"""There a prefix stands behind the area."""
WHOLE_PHONE = ("full", "e164", "international", "formatted", "phonenumber")
ADDRESSES = ("url", "link", "href", "downloadurl", "fileurl")
FILE_NAMES = ("filename", "name", "originalname", "title")
IN_PARTS = re.compile(r"(?i)name|phone|tel(?![a-z])")
PHONE_NAME = re.compile(r"(?i)phone|telef|mobil|cell|handy|fone")
ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
EMBEDDED_JSON = re.compile(r"\s*(?:\{\s*\"|\[\s*[\[{\"\]])")


def fields_of(data: Any, path: str = "") -> Iterator[Field]:
    """The fields of nested data, in order, keys joined with dots. JSON inside a text is read as well."""
    if isinstance(data, dict):
        named = _named(data) if path else {}  # the whole is never one answer
        if named and _is_answer(data, named, path):
            yield from _answer(data, named, path)
            return
        if PHONE_NAME.search(path.rpartition(".")[2]) and (number := _phone(named)):
            yield Field(dotted(path), number)
            return
        for key, value in data.items():
            yield from fields_of(value, f"{path}.{key}"[-MAX_KEY:] if path else key[-MAX_KEY:])
    elif isinstance(data, list) and (any(isinstance(item, dict | list) for item in data[:MAX_FIELDS]) or _is_row(data)):
        for index, item in enumerate(sorted(data, key=_is_second)):
            yield from fields_of(item, f"{path}.{index}" if path else str(index))
    elif isinstance(data, str) and (inner := embedded(data)) is not None:
        yield from fields_of(inner, path)
    else:
        value = _joined(data, path) if isinstance(data, list) else scalar(data)
        if value.strip():
            yield Field(dotted(path), value)


def is_answers(data: Any) -> bool:
    """Whether a list holds answers: the parts of one entry, not an entry each, and no more than one can have."""
    rows = data if isinstance(data, list) else []
    return 0 < len(rows) <= MAX_FIELDS and all(
        isinstance(row, dict) and _is_answer(row, _named(row), "0") for row in rows
    )


def kind_of(told: str) -> str:
    """A field's kind by what a builder calls its input, such as INPUT_EMAIL or `FormTextarea`; "" is unknown."""
    return _kind_of(told[:MAX_KEY].casefold())


def embedded(text: str) -> Any:
    """The object or array that a text is as JSON; None where it is none."""
    if len(text) < 2 or not EMBEDDED_JSON.match(text):
        return None
    try:
        found = read_json(text.encode("utf-8", "surrogatepass"))
    except Unreadable:
        return None
    return found if isinstance(found, dict | list) else None


@lru_cache(maxsize=256)
def _kind_of(told: str) -> str:
    return next((kind for word, kind in KINDS if word in told), "")


def _plain(key: str) -> str:
    return _cached_plain(key) if len(key) <= MAX_KEY else key[:MAX_KEY]  # no key of ours is nearly as long


@lru_cache(maxsize=2048)
def _cached_plain(key: str) -> str:
    return key.casefold().replace("_", "").replace("-", "").replace(" ", "")


def _named(node: Mapping[str, Any]) -> dict[str, Any]:
    """An object by its plain keys, where it may be an answer; empty where it has too many for one."""
    if len(node) > len(PLAIN):
        return {}
    named = {_plain(key): node[key] for key in reversed(list(node)) if len(key) < 40}
    return named if named.keys() >= LETTERS else {key: value for key, value in named.items() if key not in LETTERS}


def _is_answer(node: Mapping[str, Any], named: Mapping[str, Any], path: str) -> bool:
    """Whether it holds something said: beside what was asked, its key or its type; or alone, under a name."""
    if SAYS.isdisjoint(named) and not _names_its_value(node, named):
        return False
    if len(named.keys() - PLAIN) > MAX_OTHERS or not SOMEBODY.isdisjoint(named.keys() - {_plain(_told(named))}):
        return False
    if is_answers(next((named[key] for key in SAID if key in named), None)):
        return False  # it holds answers, under a title
    if any(isinstance(named.get(key), str) for key in (*ASKED, *CALLED, *TOLD)):
        return True
    asked = next((named[key] for key in ASKED if named.get(key)), None)
    by_name = not path.rpartition(".")[2].isdigit() and bool(path)
    return isinstance(asked, list | dict) or (by_name and not isinstance(named.get("value"), dict))


def _names_its_value(node: Mapping[str, Any], named: Mapping[str, Any]) -> bool:
    """Whether an answer's value stands at the key that its type names: `{"type": "email", "email": …}`."""
    told = named.get("type")
    return (
        isinstance(told, str) and told in node and not {"field", "id", *ASKED}.isdisjoint(named.keys() - {_plain(told)})
    )


def _answer(node: Mapping[str, Any], named: Mapping[str, Any], path: str) -> Iterator[Field]:
    told = _told(named)
    own = _plain(told) if _names_its_value(node, named) else ""
    label = _question(next((named[key] for key in ASKED if key != own and named.get(key)), ""))
    about = named.get("field")
    holder = _named(about) if isinstance(about, dict) else named
    key = next((scalar(holder[one]) for one in CALLED if isinstance(holder.get(one), str | int) and holder[one]), "")
    if not path.rpartition(".")[2].isdigit() and path:
        key = path  # an answer that stands under a name is called by it
    elif key == label and label:
        key = scalar(named.get("id") or named.get("key") or label)
    said = named[own] if own else next((named[one] for one in SAID if one in named), None)
    key = (key or path)[-MAX_KEY:]
    yield from _said(said, key, label[:MAX_KEY], kind_of(told), _texts(named))
    for other, value in node.items():
        if _plain(other) not in KNOWN or _plain(other) not in named:
            yield from (replace(one, kind="variable") for one in fields_of(value, f"{key}.{other}"))


def _said(said: Any, key: str, label: str, kind: str, texts: Mapping[str, str]) -> Iterator[Field]:
    """The fields of what was said: one, or one a part where it is an address, a name, or something larger."""
    if isinstance(said, str) and (inner := embedded(said)) is not None:
        said = inner
    if isinstance(said, dict):
        yield from _object_said(said, key, label, kind, texts)
    elif isinstance(said, list) and any(isinstance(one, dict | list) for one in said):
        yield from _list_said(said, key, label, kind, texts)
    else:
        values = said if isinstance(said, list) else [said]
        value = _joined([texts.get(scalar(one), one) for one in values], label or key)
        if value.strip():
            yield Field(dotted(key), value, label, kind)


def _object_said(said: dict[str, Any], key: str, label: str, kind: str, texts: Mapping[str, str]) -> Iterator[Field]:
    named = _named(said)
    if number := _phone(named):
        yield Field(dotted(key), number, label, kind or "phone")
    elif "plaintext" in named or (named and named.keys() <= CHOSEN and not named.keys().isdisjoint(SHOWN)):
        shown = next((named[one] for one in SHOWN if named.get(one)), "")
        yield from _said(shown, key, label, kind, texts)
    elif file := _file(named):
        yield Field(dotted(key), file, label, "file")
    else:
        for part, value in said.items():
            asked = f"{label} {part}"[:MAX_KEY] if label else ""
            yield from _said(value, f"{key}.{part}"[-MAX_KEY:], asked, "" if kind == "text" else kind, texts)


def _list_said(said: list[Any], key: str, label: str, kind: str, texts: Mapping[str, str]) -> Iterator[Field]:
    """Several choices, or files, are one field."""
    parts = [part for index, one in enumerate(said) for part in _said(one, f"{key}.{index}", label, kind, texts)]
    if len(parts) == len(said) and all(part.key.rpartition(".")[2].isdigit() for part in parts):
        between = "" if isinstance(said[0], dict) and "plain_text" in said[0] else ", "
        yield Field(dotted(key), between.join(part.value for part in parts), label, parts[0].kind)
    else:
        yield from parts


def _told(named: Mapping[str, Any]) -> str:
    return next((value for key in TOLD if isinstance(value := named.get(key), str)), "")


def _first(named: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((scalar(named[key]) for key in keys if isinstance(named.get(key), str | int) and named[key]), "")


def _question(asked: Any) -> str:
    """What was asked, as text: a title can be rich text in pieces, or an object of a text and its language."""
    if isinstance(asked, list):
        return " ".join(filter(None, map(_question, asked[:20])))
    if isinstance(asked, dict):
        named = _named(asked)
        return _question(next((named[key] for key in ASKED if named.get(key)), ""))
    return scalar(asked)


def _texts(named: Mapping[str, Any]) -> dict[str, str]:
    """Id → text of the choices that an answer may be."""
    listed: list[Any] = next((named[key] for key in CHOICES if isinstance(named.get(key), list)), [])
    found = {}
    for choice in listed:
        if isinstance(choice, dict) and (id_ := choice.get("id", choice.get("value"))) is not None:
            parts = _named(choice)
            found[scalar(id_)] = _first(parts, ("text", "label", "name", "title", "value")) or scalar(id_)
    return found


def _phone(named: Mapping[str, Any]) -> str:
    """The number of an object that is only that, whole or in parts; "" of any other."""
    if not named or not named.keys() <= {*PHONE_PARTS, *NORTH_AMERICAN, *WHOLE_PHONE, "ext", "extension", "type"}:
        return ""
    if not {"phone", "number", "line", "linenumber", *WHOLE_PHONE} & named.keys():
        return ""
    whole = _first(named, WHOLE_PHONE)
    order = PHONE_PARTS if named.keys().isdisjoint(("line", "linenumber")) else NORTH_AMERICAN
    parts = [scalar(named[key]) for key in order if key in named and any(map(str.isdigit, scalar(named[key])))]
    return whole or " ".join(filter(None, parts))


def _file(named: Mapping[str, Any]) -> str:
    """The name and address of an object that is a file; "" of any other."""
    address = _first(named, ADDRESSES)
    name = _first(named, FILE_NAMES)
    return f"{name} {address}".strip() if address.startswith("http") and (name or len(named) < 4) else ""


def _joined(values: list[Any], key: str) -> str:
    """Several values as one text: choices with commas, parts of a name or a number without; of very many the first."""
    told = (" " if IN_PARTS.search(key) else ", ").join(filter(None, map(scalar, values[:MAX_FIELDS])))
    return told if len(values) <= MAX_FIELDS else f"{told}, … ({len(values)} in all)"


def _is_row(values: list[Any]) -> bool:
    """Whether a list of plain values is a row of a table, as a sheet's `values` are: an address stands among others."""
    return len(values) > 2 and any(isinstance(one, str) and ADDRESS.fullmatch(one) for one in values[:MAX_FIELDS])


def _is_second(item: Any) -> bool:
    """Whether an address or number says that another one is the first choice."""
    return isinstance(item, dict) and any(item.get(key) is False for key in ("primary", "is_primary", "isPrimary"))
