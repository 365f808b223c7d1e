"""422: the form again, with what was typed and every field to mend. Nothing was stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.config.endpoints import Form, FormField
from app.intake import replies
from app.intake.controls import shown, undeclared
from app.intake.pages import Look, page
from app.intake.spam.captcha import is_answer
from app.mapping.infer import is_control, is_secret
from app.reader import Reading
from app.sources.trees import dotted, scalar

TITLE = "Please check the form"


def mend(request: Request, form: Form, reading: Reading, mistakes: Mapping[str, str], look: Look) -> Response:
    """The answer to what a visitor can mend: `mistakes` are a message for each wrong field, English texts."""
    say = look.say
    if replies.wants_json(request):
        told = {name: say(message) for name, message in mistakes.items()}
        return replies.problem(422, say(TITLE), next(iter(told.values())), errors=told)
    typed = _typed(reading)
    files = _files(reading, typed)
    own = {dotted(one.name).casefold() for one in form.fields}
    traps = {dotted(name) for name in form.spam.honeypots}
    typed = {key: values for key, values in typed.items() if not is_answer(key, form)}
    carried = {
        key: values
        for key, values in typed.items()
        if key not in mistakes and ((path := dotted(key)) in traps or (is_control(path) and path.casefold() not in own))
    }
    fields = list(_fields(form, {key: typed[key] for key in typed if key not in carried}, files, mistakes))
    echoed: dict[str, tuple[str, ...]] = {one.name: () for one in fields if one.type != "hidden"}
    echoed |= {key: () if key in files else _echoed(key, values) for key, values in typed.items()}
    drawn = shown(form, fields, say, typed=echoed, wrong=mistakes, carried=carried, lost=files)
    return page("mend.html", 422, look=look, **drawn)


def _typed(reading: Reading) -> dict[str, tuple[str, ...]]:
    """Every key that was sent, and its values."""
    data: Any = reading.entries[0].data if reading.entries else {}
    sent = data.items() if isinstance(data, Mapping) else ()
    return {key: tuple(map(scalar, value if isinstance(value, list) else [value])) for key, value in sent}


def _files(reading: Reading, typed: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The keys of files, which no browser keeps."""
    kinds = {one.key for one in reading.entries[0].fields if one.kind == "file"} if reading.entries else set()
    return {key for key in typed if dotted(key) in kinds}


def _fields(
    form: Form, typed: Mapping[str, tuple[str, ...]], files: set[str], mistakes: Mapping[str, str]
) -> Iterator[FormField]:
    """What is shown: a wrong field that is nowhere else, those declared, and what else was typed."""
    sent_as = {dotted(key).casefold(): key for key in (*mistakes, *typed)}
    own = {sent_as.get(dotted(one.name).casefold(), one.name): one for one in form.fields}
    for name in mistakes:
        if name not in own and name not in typed:
            yield undeclared(name, (), is_file=False, is_wrong=True)
    for name, one in own.items():
        yield one.model_copy(update={"name": name, "required": one.required or name in mistakes})
    for name, values in typed.items():
        if name not in own and not is_secret(dotted(name), ""):
            yield undeclared(name, values, is_file=name in files, is_wrong=name in mistakes)


def _echoed(key: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """What may be shown again: no password and no card's number."""
    return tuple("" if is_secret(dotted(key), one) else one for one in values)
