"""The explicit mapping of relay.toml: a rule, or several alternatives, for a lead's field.

A rule is a field's key or label exactly as it was sent (`contact[email]`, `Your name (required)`), or else a JMESPath
expression over the body: https://jmespath.org. `"'Website'"` is a constant. The first alternative that finds something
counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import ArityError, JMESPathError, UnknownFunctionError
from jmespath.parser import ParsedResult

from app.errors import ConfigurationError
from app.lead import Entry, Field, Origin
from app.mapping.people import is_nothing

Rules = Mapping[Any, tuple[str, ...]]
"""A lead's field as relay.toml spells it → its rule, or several alternatives."""

FORM_KEY = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])+")
BROKEN_EXPRESSION = re.compile(r"[\[\]|{}@`]|&\S|\([^()]*$|^[^()]*\)")
"""What a field's name seldom has in it, and an expression with a typing error often."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found, and the whole field that it is, where it is one."""

    value: str
    origin: Origin
    field: Field | None = None


def check(rules: Rules, where: str) -> None:
    """Raises ConfigurationError for a rule that is neither a field's name nor a JMESPath expression."""
    for target, alternatives in rules.items():
        for rule in alternatives:
            if not _can_be_followed(rule):
                raise ConfigurationError(
                    f"{where}.mapping.{target}: {rule!r} is neither a field's name nor a JMESPath expression"
                )


def apply(rules: Rules, entry: Entry) -> dict[str, Found]:
    """Target → what its rule found, and where. A target whose rule finds nothing is left out, for inference."""
    found = {target: _first(alternatives, entry) for target, alternatives in rules.items()}
    return {target: one for target, one in found.items() if one is not None}


def _first(rules: Iterable[str], entry: Entry) -> Found | None:
    for rule in rules:
        field = next((one for one in entry.fields if rule in (one.key, one.label)), None)
        value = field.value.strip() if field else _searched(rule, entry.data)
        if not is_nothing(value):
            return Found(value, Origin(rule, f"relay.toml maps {rule!r} here"), field)
    return None


def _searched(rule: str, data: Any) -> str:
    if isinstance(data, dict) and rule in data:
        return _text(data[rule])
    expression = _compiled(rule)
    try:
        return _text(expression.search(data)) if expression else ""
    except (ValueError, ArithmeticError):  # JMESPathError is a ValueError; numbers in a body can be beyond float
        return ""


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None or isinstance(value, dict) else str(value).strip()


def _can_be_followed(rule: str) -> bool:
    expression = _compiled(rule)
    if expression is None:
        return bool(FORM_KEY.fullmatch(rule)) or not BROKEN_EXPRESSION.search(rule)
    try:
        expression.search({})
    except (UnknownFunctionError, ArityError):
        return " " in rule  # a label such as `Name (required)`
    except (ValueError, ArithmeticError):
        return True  # of other data it may find something
    return True


@lru_cache(maxsize=1024)
def _compiled(rule: str) -> ParsedResult | None:
    try:
        return jmespath.compile(rule)
    except JMESPathError:
        return None
