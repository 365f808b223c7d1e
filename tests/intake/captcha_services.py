"""A stand-in for the captcha services: their siteverify API as they document it, and scripts with a widget each.

What an answer is worth is said by the answer itself: `good-1` is good, once, and so is `late-1` after a moment;
`score-0.2`, `on-HOST` and `for-ACTION` are good with that, `plain-1` without a score; `wrong`, `expired`, `bad-secret`,
`down`, `garbage`, `slow` and `burnt` (used up by a reply that was lost) are what they say.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.intake.spam.vendors import VENDORS

SECRET = "of-the-service"
APIS = {"cf-turnstile": "turnstile", "h-captcha": "hcaptcha", "g-recaptcha": "grecaptcha"}
"""A widget → what its script puts into the page."""
ERRORS = {"wrong": "invalid-input-response", "expired": "timeout-or-duplicate", "bad-secret": "invalid-input-secret"}
WIDGET = """
document.querySelectorAll(".%(widget)s").forEach((widget) => {
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name: "%(field)s" });
  const box = document.createElement("button");
  Object.assign(box, { type: "button", textContent: "I am human" });
  const solve = () => (field.value = "good-" + widget.dataset.sitekey + Math.random());
  const solveByItself = () => %(by_itself)s && setTimeout(solve, 500);
  box.addEventListener("click", solve);
  widget.append(box, field);
  solveByItself();
  window.%(api)s = { reset: () => ((field.value = ""), solveByItself()) };
});
"""
SCORED = """
window.grecaptcha = {
  ready: (then) => then(),
  execute: async (key, { action }) => "for-" + action + "-" + key + Math.random(),
};
"""


class Services:
    """All of them in one app, with what it was asked and the answers that were given away."""

    def __init__(self) -> None:
        self._asked: list[dict[str, str]] = []
        self._used: set[str] = set()
        self._lock = threading.Lock()
        verify = {vendor.verify.partition("://")[2].partition("/")[2] for vendor in VENDORS.values()}
        scripts = {vendor.script.partition("://")[2].partition("/")[2] for vendor in VENDORS.values()}
        self.app = Starlette(
            routes=[
                *(Route(f"/{path}", self.verify, methods=["POST"]) for path in sorted(verify)),
                *(Route(f"/{path}", self.script) for path in sorted(scripts)),
            ]
        )

    def asked(self, answer: str) -> list[dict[str, str]]:
        """How it was asked about an answer."""
        return [one for one in self._asked if one["response"] == answer]

    async def verify(self, request: Request) -> Response:
        """POST siteverify: secret, response and remoteip as a form."""
        asked = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self._asked.append(asked)
        answer = asked.get("response", "")
        await asyncio.sleep(6 if answer == "slow" else 0.3 if answer.startswith("late") else 0)
        if answer == "garbage":
            return PlainTextResponse("<html>Just a moment…</html>")
        if answer == "down" or (answer == "burnt" and len(self.asked(answer)) == 1):
            return PlainTextResponse("Bad gateway", 502)
        return JSONResponse(self._worth(asked.get("secret", ""), answer))

    def _worth(self, secret: str, answer: str) -> dict[str, Any]:
        if secret != SECRET or answer == "bad-secret":
            return {"success": False, "error-codes": ["invalid-input-secret"]}
        with self._lock:
            is_used = answer in self._used or answer == "burnt"
            self._used.add(answer)
        if answer in ERRORS or is_used:
            return {"success": False, "error-codes": [ERRORS.get(answer, "timeout-or-duplicate")]}
        kind, _, rest = answer.partition("-")
        told = {"success": True, "challenge_ts": "2026-11-24T12:00:00Z", "hostname": "www.example.com"}
        if kind == "on":
            return told | {"hostname": rest}
        if kind == "for":
            return told | {"action": rest.partition("-")[0], "score": 0.9}
        return (
            told | {"score": float(rest) if kind == "score" else 0.9, "action": "submit"} if kind != "plain" else told
        )

    async def script(self, request: Request) -> Response:
        """GET: what a page loads."""
        if "render" in request.query_params:
            return Response(SCORED, media_type="text/javascript")
        [vendor] = [one for one in VENDORS.values() if one.widget and one.script.endswith(request.url.path)]
        by_itself = "false" if vendor.is_by_hand else "true"
        made = WIDGET % {
            "widget": vendor.widget,
            "field": vendor.field,
            "by_itself": by_itself,
            "api": APIS[vendor.widget],
        }
        return Response(made, media_type="text/javascript")
