"""The description of the whole HTTP interface, `/openapi.json`: problems by their own content type."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.problems import PROBLEM_JSON, ApiProblem

REF = "#/components/schemas/{model}"


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of every route that is to be described; made once."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for path in found["paths"].values():
            for operation in path.values():
                for response in operation["responses"].values():
                    _as_problem(response.get("content", {}))
        schemas = found["components"]["schemas"]
        schemas["ApiProblem"] = ApiProblem.model_json_schema(ref_template=REF)
        schemas.update(schemas["ApiProblem"].pop("$defs"))
        app.openapi_schema = found
    return app.openapi_schema


def _as_problem(content: dict[str, Any]) -> None:
    """Has a problem described as what it is answered as."""
    for media_type, one in list(content.items()):
        if one.get("schema", {}).get("$ref", "").endswith("Problem"):
            content[PROBLEM_JSON] = content.pop(media_type)
