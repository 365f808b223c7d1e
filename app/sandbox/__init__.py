"""The sandbox: a stand-in AgencyHandy with the documented contract and faults on demand.

For trying, tests and drills. It imports nothing else of the app.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from app.sandbox import contract, control, page
from app.sandbox.state import State

__all__ = ["DEMO_KEY", "create_sandbox"]

DEMO_KEY = "sandbox-key"


def create_sandbox(journal: Path | None = None, api_key: str = DEMO_KEY) -> FastAPI:
    """An ASGI app without lifespan: serve it, mount it under any prefix, or call it in the process.

    With a `journal` (one process at a time) what was created outlives a SIGKILL; the ids are the same at every start.
    """
    sandbox = FastAPI(title="AgencyHandy sandbox", openapi_url=None)
    sandbox.state.sandbox = State(api_key, journal)
    sandbox.include_router(page.router)
    sandbox.include_router(control.router)
    sandbox.include_router(contract.router)  # last: it answers every other path
    return sandbox
