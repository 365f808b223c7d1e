"""What AgencyHandy, or something before it, may answer: packed, enormous, with more in it than expected."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from app.delivery.agencyhandy import AgencyHandy
from app.delivery.contract import Answer
from app.lead import Lead
from tests.running import served

MIB = 1024 * 1024
CREATED = json.dumps({"message": "Created", "createdMembers": [{"_id": "1", "name": "Ada -"}]}).encode()


async def answered(body: bytes, encoding: str) -> Answer:
    """What the client makes of an answer that comes in this encoding."""
    app = FastAPI()

    @app.post("/members/bulk-lead")
    async def create(request: Request) -> Response:
        assert request.headers["accept-encoding"] == "gzip"
        return Response(body, 201, {"Content-Encoding": encoding})

    with served(app) as address:
        client = AgencyHandy(address, "key")
        answer = await client.create_leads([Lead(first_name="Ada", email="ada@example.com")], "company", "role")
        await client.close()
        return answer


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
    ids=["gzip", "deflate", "plain"],
)
async def test_an_answer_is_read_however_it_is_packed(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    answer = await answered(pack(CREATED), encoding)

    assert [member.name for member in answer.members or ()] == ["Ada -"]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_small_answer_that_unpacks_to_a_huge_one_takes_no_more_memory_than_another(times: int) -> None:
    body = CREATED + b" " * 32 * MIB
    for _ in range(times):
        body = gzip.compress(body)

    tracemalloc.start()
    answer = await answered(body, ", ".join(["gzip"] * times))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert answer.status == 201
    assert len(answer.text) <= MIB
    assert most < 16 * MIB


async def test_an_answer_that_is_not_packed_as_it_says_has_its_status_all_the_same() -> None:
    answer = await answered(b"garbage", "gzip")

    assert (answer.status, answer.members, answer.text) == (201, None, "garbage")


async def test_of_several_client_roles_the_companys_own_counts() -> None:
    app = FastAPI()
    another: dict[str, Any] = {"_id": "another's", "role": {"name": "client"}, "company": "another"}
    listed = [another, {"_id": "ours", "role": {"name": "client"}, "company": "company"}]

    @app.get("/roles")
    async def roles() -> dict[str, Any]:
        return {"roles": listed}

    with served(app) as address:
        client = AgencyHandy(address, "key")
        ours = await client.client_role_id("company")
        listed.pop()
        only = await client.client_role_id("company")
        await client.close()

    assert (ours, only) == ("ours", "another's")
