"""What the owner of a website pastes into it to have a form sent here, with the form's own fields. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from textwrap import indent
from types import MappingProxyType
from typing import Final

from app.config.endpoints import Form, FormField
from app.intake.controls import filled_in, label_of
from app.intake.fields import asked
from app.intake.language import ENGLISH
from app.intake.markup import Code, Element
from app.intake.spam.shown import FINISH
from app.intake.spam.shown import shown as captcha_of
from app.intake.spam.vendors import VENDORS

LEAVE_EMPTY: Final = Element("input", {"name": "_gotcha", "tabindex": "-1", "autocomplete": "off"})
TRAP: Final = Element("p", {"hidden": True}, (Element("label", children=("Leave this empty ", LEAVE_EMPTY)),))
"""What people do not see, and robots fill in."""

POST: Final = """\
  const form = event.currentTarget;
  const data = new FormData(form);
  const typed = JSON.stringify([...data].filter(([name]) => !/captcha|altcha|turnstile/.test(name)));
  if (typed !== last.typed) last = { typed, key: `${Date.now()}-${Math.random()}` };
  const headers = { Accept: "application/json", "Idempotency-Key": last.key };
  say("Sending…");
  try {
    const answer = await fetch(form.action, { method: "POST", headers, body: data });
    const reply = await answer.json();
    if (answer.ok) {
      last = {};
      form.reset();
    }
    say(answer.ok ? reply.message : Object.values(reply.errors || [reply.detail]).join(" "));
  } catch {
    say("This could not be sent. Please try again.");
  }
"""
"""Sends what `event` is about. `last` keeps one key for what is typed: who sends it twice has sent it once."""

FETCH: Final = """\
<script type="module">
const form = document.getElementById("{id}");
const button = form.querySelector("button");
let last = {{}};
function say(text) {{
  form.querySelector("[role=status]").textContent = text;
}}
form.addEventListener("submit", async (event) => {{
  event.preventDefault();
  button.disabled = true;
{post}  button.disabled = false;
}});
</script>
"""

REACT: Final = """\
import {{ {uses} }} from "react";

let last = {{}};

export default function {name}() {{
  const [status, say] = useState("");
  const [isSending, setIsSending] = useState(false);
{effect}
  async function send(event) {{
    event.preventDefault();
    setIsSending(true);
{post}    setIsSending(false);
  }}

  return (
{form}
  );
}}
"""


EFFECT: Final = """
  useEffect(() => {{
    for (const src of {scripts})
      if (!document.querySelector(`script[src="${{src}}"]`))
        document.head.append(Object.assign(document.createElement("script"), {{ src }}));
  }}, []);
"""
"""Loads what a captcha needs: React runs no script that stands in a component."""


def html(form: Form, public_url: str) -> str:
    """A form as any other."""
    return _loading(_form(form, public_url, {}), _scripts(form, public_url))


def script(form: Form, public_url: str) -> str:
    """The same, sent by relay.js without leaving the page; where there is no script, as any other."""
    captcha = () if _is_own(form) else _scripts(form, public_url)
    return _loading(_form(form, public_url, {"data-relay": True}), (f"{public_url}/relay.js", *captcha))


def fetch(form: Form, public_url: str) -> str:
    """The same, with the code that sends it."""
    id_ = f"{form.name}-form"
    shown = _form(form, public_url, {"id": id_}, says=Element("p", {"role": "status"}))
    return f"{_loading(shown, _scripts(form, public_url))}{FETCH.format(id=id_, post=POST)}"


def react(form: Form, public_url: str) -> str:
    """A component for React."""
    name = "".join(part.capitalize() for part in re.split("[-_]", f"relay-{form.name}"))
    sends = {"onSubmit": Code("send")}
    says = Element("p", {"role": "status"}, (Code("status"),))
    shown = _form(form, public_url, sends, says=says, button={"disabled": Code("isSending")})
    scripts = _scripts(form, public_url)
    return REACT.format(
        name=name,
        uses="useEffect, useState" if scripts else "useState",
        effect=EFFECT.format(scripts=json.dumps(scripts)) if scripts else "",
        post=indent(POST, "  "),
        form=indent(shown.jsx(), "    "),
    )


def wordpress(form: Form, public_url: str) -> str:
    """A block of one line, as WordPress makes paragraphs of others."""
    line = re.sub(r">\n *<", "><", script(form, public_url).strip())
    return f"<!-- wp:html -->\n{line}\n<!-- /wp:html -->\n"


def _loading(form: Element, scripts: Sequence[str]) -> str:
    """A form with the scripts that it needs."""
    return "\n".join((form.html(), *(Element("script", {"src": one, "defer": True}).html() for one in scripts), ""))


def _is_own(form: Form) -> bool:
    """Whether its captcha is one that relay.js solves by itself."""
    return form.captcha is not None and form.captcha.provider not in VENDORS


def _scripts(form: Form, public_url: str) -> tuple[str, ...]:
    """The addresses of what its captcha needs; none where it has none."""
    captcha = captcha_of(form, public_url)
    return tuple(dict.fromkeys((f"{public_url}/static/altcha.js", captcha.script))) if captcha else ()


def _captcha(form: Form, public_url: str) -> tuple[Element, ...]:
    """Its captcha, as altcha.js knows it: a service's widget, or a field that it fills in unseen."""
    captcha = captcha_of(form, public_url)
    if captcha is None:
        return ()
    given: dict[str, str | bool | Code] = {
        "data-relay-captcha": captcha.provider,
        "data-field": captcha.field,
        "data-challenge": captcha.challenge or False,
        "data-by-hand": captcha.is_by_hand,
        "data-site-key": captcha.site_key or False,
        "data-action": captcha.action or False,
    }
    widget = Element("div", {"class": captcha.widget, "data-sitekey": captcha.site_key})
    hint = Element("p", {"role": "alert", "data-hint": True, "hidden": True}, (FINISH,))
    unseen = Element("input", {"type": "hidden", "name": captcha.field})
    return (Element("div", given, (widget, hint) if captcha.widget else (unseen,)),)


def _form(
    form: Form,
    public_url: str,
    attributes: Mapping[str, str | bool | Code],
    *,
    says: Element | None = None,
    button: Mapping[str, str | bool | Code] = MappingProxyType({}),
) -> Element:
    fields = asked(form)
    given: dict[str, str | bool | Code] = {
        "action": f"{public_url}{form.path}",
        "method": "post",
        "enctype": any(one.type == "file" for one in fields) and "multipart/form-data",
        "accept-charset": "utf-8",
        **attributes,
    }
    captcha = () if _is_own(form) and "data-relay" in attributes else _captcha(form, public_url)
    sends = Element("p", children=(Element("button", button, ("Send",)),))
    inside = (*map(_control, fields), TRAP, *captcha, sends, *([says] if says else []))
    return Element("form", given, inside, is_block=True)


def _control(field: FormField) -> Element:
    """A field with its label; a hidden one by itself."""
    label = label_of(field, ENGLISH)
    given: dict[str, str | bool | Code] = {
        "name": field.name,
        "type": field.type not in {"text", "textarea", "select"} and field.type,
        "value": field.value or False,
        "placeholder": field.placeholder or False,
        "autocomplete": field.autocomplete or filled_in(field) or False,
        "required": field.required,
    }
    helps = (f" {field.help}",) if field.help else ()
    if field.type == "hidden":
        return Element("input", given)
    if field.type == "radio":
        each = (Element("input", {**given, "value": one, "checked": one == field.value}) for one in field.options)
        labels = (Element("label", children=(box, f" {one}")) for box, one in zip(each, field.options, strict=True))
        return Element("fieldset", {}, (Element("legend", {}, (label, *helps)), *labels), is_block=True)
    if field.type == "checkbox":
        box = Element("input", {**given, "value": field.value or "yes"})
        return Element("p", children=(Element("label", children=(box, f" {label}", *helps)),))
    return Element("p", children=(Element("label", children=(f"{label} ", _typed(field, given), *helps)),))


def _typed(field: FormField, given: Mapping[str, str | bool | Code]) -> Element:
    if field.type == "textarea":
        others = {name: value for name, value in given.items() if name != "value"}
        return Element("textarea", {**others, "rows": "5"}, (field.value,) if field.value else ())
    if field.type == "select":
        options = (Element("option", {"value": one}, (one,)) for one in field.options)
        return Element("select", given, (Element("option", {"value": ""}, ("–",)), *options))
    return Element("input", given)


SNIPPETS: Final[Mapping[str, Callable[[Form, str], str]]] = {
    "script": script,
    "html": html,
    "fetch": fetch,
    "react": react,
    "wordpress": wordpress,
}
"""Every kind of snippet, the one to recommend first."""
