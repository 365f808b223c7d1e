"""Who may do what at the desk: every route with its role, in one table, held against the routes that there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.outbox.records import Role
from tests.desk.conftest import PASSWORD, csrf_of, make_operator
from tests.desk.test_door import every_route

Start = Callable[..., httpx.Client]
ID = "01JD5V6Y1V0X2Z4Q8R6T7W9A3B"
LEAD = f"/desk/leads/{ID}"
VIEW, WORK, ADMIN = Role.VIEW, Role.WORK, Role.ADMIN
NEEDS = {
    ("GET", "/desk"): VIEW,
    ("POST", "/desk/logout"): VIEW,
    ("GET", "/desk/events"): VIEW,
    ("GET", "/desk/leads"): VIEW,
    ("POST", "/desk/leads"): VIEW,
    ("POST", "/desk/leads/export"): ADMIN,
    ("GET", LEAD): VIEW,
    ("GET", f"{LEAD}/request"): VIEW,
    ("GET", f"{LEAD}/lead.json"): VIEW,
    ("GET", f"{LEAD}/files/{ID}"): VIEW,
    ("GET", f"{LEAD}/{ID}"): VIEW,
    **{("POST", f"{LEAD}/{act}"): WORK for act in ("release", "resend", "edit", "remap", "spam", "discard")},
    ("POST", f"{LEAD}/erase"): ADMIN,
    **{("GET", f"/desk/{queue}"): VIEW for queue in ("held", "spam", "duplicate")},
    **{("GET", f"/desk/{queue}/sure"): WORK for queue in ("held", "spam", "duplicate")},
    **{("POST", f"/desk/{queue}"): WORK for queue in ("held", "spam", "duplicate")},
    ("GET", f"/desk/jobs/{ID}"): VIEW,
    ("POST", f"/desk/jobs/{ID}/stop"): WORK,
    ("GET", "/desk/endpoints"): VIEW,
    ("GET", f"/desk/endpoints/{ID}/{ID}"): VIEW,
    ("POST", f"/desk/endpoints/{ID}/{ID}"): WORK,
    ("GET", "/desk/playground"): WORK,
    ("POST", "/desk/playground"): WORK,
    ("GET", "/desk/destination"): VIEW,
    ("POST", f"/desk/destination/{ID}"): ADMIN,
    ("GET", "/desk/audit"): ADMIN,
    ("GET", "/desk/{path:path}"): VIEW,
    ("POST", "/desk/audit"): ADMIN,
}
"""The least that somebody has to be. A new route has to be written down here."""


def test_every_route_stands_in_the_table(tmp_path: Path) -> None:
    assert {one for one in every_route(tmp_path) if one[0] != "HEAD"} == set(NEEDS)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says_and_no_more(desk: Start, tmp_path: Path, role: Role) -> None:
    client = desk()
    make_operator(tmp_path, "anna", role)
    client.post("/desk/login", data={"name": "anna", "password": PASSWORD})
    token = csrf_of(client)
    for (method, path), least in NEEDS.items():
        if path != "/desk/logout":
            with client.stream(method, path, data={"_csrf": token} if method == "POST" else None) as answer:
                assert (answer.status_code == 403) is not role.covers(least), (method, path, answer.status_code)
                assert answer.status_code < 500


def test_a_button_that_is_not_allowed_is_not_shown_and_erasing_in_a_queue_takes_an_admin(
    desk: Start, tmp_path: Path
) -> None:
    client = desk("[hooks.api]\nsource = 'json'\nopen = true\n")
    lead_id = client.post("/hooks/api", json={"message": "no address"}).json()["leads"][0]["id"]
    for role in Role:
        make_operator(tmp_path, role.value, role)
        client.post("/desk/login", data={"name": role.value, "password": PASSWORD})
        token, page = csrf_of(client), client.get(f"/desk/leads/{lead_id}").text
        assert ('id="edit"' in page) is role.covers(WORK)
        assert ("/erase" in page) is role.covers(ADMIN)
        assert ("Download as CSV" in client.get("/desk/leads").text) is role.covers(ADMIN)
        erased = client.post("/desk/held", data={"_csrf": token, "act": "erase", "id": lead_id, "confirmed": "1"})
        assert (erased.status_code == 403) is not role.covers(ADMIN)
