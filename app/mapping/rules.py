"""The explicit mapping of relay.toml: a rule, or several alternatives, for a lead's field.

A rule is, in this order, a field's key or label exactly as it was sent (`contact[email]`, `Your name (required)`), a
JMESPath expression over the body (https://jmespath.org), or a template of such names and expressions in braces
(`{first} {last}`). `'Website'` is JMESPath's constant. The first alternative that finds something counts.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import jmespath
from jmespath.exceptions import ArityError, JMESPathError, UnknownFunctionError
from jmespath.parser import ParsedResult, Parser
from jmespath.visitor import TreeInterpreter

from app.errors import ConfigurationError
from app.lead import Entry, Field, Origin
from app.mapping.people import is_nothing

Rules = Mapping[Any, tuple[str, ...]]
"""A lead's field as relay.toml spells it → its rule, or several alternatives."""

FORM_KEY = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])+")
BROKEN_EXPRESSION = re.compile(r"[\[\]|{}@`]|&\S|\([^()]*$|^[^()]*\)")
"""What a field's name seldom has in it, and an expression with a typing error often."""
HASH = re.compile(r'\s*(?:"[^"]*"|\w+)\s*:\s*\S')
BEFORE_A_HASH = (".", "|", "[", "&")
"""Behind one of them `{a: b}` is JMESPath: a rule that is none has a typing error, and is no template."""
PIECE = re.compile(r"(\{\{|\}\}|[^{}]+)|\{((?:[^{}]|\{[^{}]*\})+)\}|(.)", re.DOTALL)
"""Text of a template, or a placeholder, or a brace that is neither."""
CLOSING = ")]»”’\"'"
SEPARATORS = " \t\r\n,;:.|/+&·•–—-"

CANNOT_BE_FOLLOWED = (ValueError, ArithmeticError, TypeError, RecursionError)
"""JMESPathError is a ValueError; the others come of comparing text with numbers, and of very deep expressions."""
MAX_VALUES = 10_000
MAX_STEPS = 10_000
"""JMESPath expressions are followed so far, in bodies so large: a stranger's body costs no rule 50 ms."""
MAX_SIZE = 10_000_000
"""So many bytes an expression's functions, comparisons and flattened lists take in, written out and all together."""
MAX_TIMES, ROOM = 10, 10_000
"""A rule finds at most so many times what was sent, and so many letters: every lead of a request keeps its own."""
MOST_COMPILED = 128
"""A tree may take 750 KB."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found, the whole field that it is, where it is one, and the fields that a template quotes."""

    value: str
    origin: Origin
    field: Field | None = None
    quoted: tuple[Field, ...] = ()


Placeholder = tuple[str, str, str]
"""A rule inside a template, between the texts before and after it that stand or fall with it."""


TAKING: Final = frozenset(("comparator", "flatten", "function_expression"))
"""Parts of an expression whose work grows with what they take in; of the others each value is a step."""
FOUND: Final = "found"
"""A part in whose place there is what it found."""


class Bounded(TreeInterpreter):
    """Follows an expression for at most MAX_STEPS, of which nothing is made that is larger than MAX_SIZE."""

    steps = size = 0

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        if node["type"] == FOUND:
            return node["value"]
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise JMESPathError
        if node["type"] in TAKING:
            found = [self.visit(child, *args, **kwargs) for child in node["children"]]
            self.weigh(found)
            node = {**node, "children": [{"type": FOUND, "value": one} for one in found]}
        return super().visit(node, *args, **kwargs)

    def weigh(self, found: Any) -> None:
        """Raises JMESPathError where it would be too much. `join` writes its text between all of a list."""
        match found:
            case [str(between), [*parts]]:
                self.size += len(between) * len(parts)
        self.size += size_of(found, MAX_SIZE - self.size)
        if self.size > MAX_SIZE:
            raise JMESPathError


def size_of(value: Any, most: int) -> int:
    """Bytes of a value, of a list that it holds many times so many times; what is beyond `most` is not counted."""
    size, waiting = 0, [value]
    while waiting and size <= most:
        one = waiting.pop()
        size += sys.getsizeof(one)
        if isinstance(one, list | dict):
            waiting += one if isinstance(one, list) else [*one, *one.values()]
    return size


def check(rules: Rules, where: str) -> None:
    """Raises ConfigurationError for a rule that is neither a field's name, nor an expression, nor a template."""
    for target, alternatives in rules.items():
        for rule in alternatives:
            inside = [one for _, one, _ in _template(rule)]
            for one in inside or [rule]:
                if not (_can_be_followed(one) or (inside and _template(one))):
                    raise ConfigurationError(
                        f"{where}.mapping.{target}: {one!r} {f'of {rule!r} ' * bool(inside)}is neither a field's name "
                        'nor a JMESPath expression, nor a template such as "{first} {last}"'
                    )


def apply(rules: Rules, entry: Entry) -> dict[str, Found]:
    """Target → what its rule found, and where. A target whose rule finds nothing is left out, for inference."""
    if not rules:
        return {}
    if len(list(islice(_values(entry.data), MAX_VALUES + 1))) > MAX_VALUES:
        entry = Entry(entry.fields)
    sent = size_of([entry.data, [one.value for one in entry.fields]], sys.maxsize)
    found = {target: _first(alternatives, entry, ROOM + MAX_TIMES * sent) for target, alternatives in rules.items()}
    return {target: one for target, one in found.items() if one is not None}


def _first(rules: Iterable[str], entry: Entry, most: int) -> Found | None:
    for rule in rules:
        value, field = _followed(rule, entry)
        quoted: tuple[Field, ...] = ()
        if not value and (template := _template(rule)):
            value, quoted = _filled(template, entry, most)
        if len(value) <= most and not is_nothing(value):
            return Found(value, Origin(rule, f"relay.toml maps {rule!r} here"), field, quoted)
    return None


def _followed(rule: str, entry: Entry) -> tuple[str, Field | None]:
    """What a name or an expression finds, and the field that it names."""
    field = next((one for one in entry.fields if rule in (one.key, one.label)), None)
    return (field.value.strip() if field else _searched(rule, entry.data)), field


def _filled(template: Iterable[Placeholder], entry: Entry, most: int) -> tuple[str, tuple[Field, ...]]:
    """A template with what its placeholders find, and the fields among that; "" where that is longer than `most`.

    A placeholder that finds nothing takes its text with it, and what would then begin with a separator does not.
    """
    said, fields, is_first = "", [], True
    for before, rule, after in template:
        value, field = _followed(rule, entry)
        if not is_nothing(value):
            said += (before if said or is_first else before.lstrip(SEPARATORS)) + value + after
            fields += [field] if field else []
        if len(said) > most:
            return "", ()
        is_first = False
    return said.strip(), tuple(fields)


def _searched(rule: str, data: Any) -> str:
    if isinstance(data, dict) and rule in data:
        return _text(data[rule])
    expression, bounded = _compiled(rule), Bounded()
    try:
        found = bounded.visit(expression.parsed, data) if expression else ""
        if isinstance(found, list):
            bounded.weigh(found)
        return _text(found)
    except CANNOT_BE_FOLLOWED:
        return ""


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None or isinstance(value, dict) else str(value).strip()


def _values(data: Any) -> Iterator[Any]:
    """Every value in the data, at any depth."""
    waiting = [data]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict | list):
            values = inner.values() if isinstance(inner, dict) else inner
            yield from values
            waiting.extend(one for one in values if isinstance(one, dict | list))


@lru_cache(maxsize=MOST_COMPILED)
def _template(rule: str) -> tuple[Placeholder, ...]:
    """The placeholders of a template, in order; none where the rule is something else. JMESPath comes first."""
    if "{" not in rule or _compiled(rule):
        return ()
    texts, inside = [""], []
    for text, inner, stray in PIECE.findall(rule):
        if stray or (HASH.match(inner) and texts[-1].rstrip().endswith(BEFORE_A_HASH)):
            return ()
        if inner:
            inside.append(inner.strip())
            texts.append("")
        else:
            texts[-1] += text[0] if text in {"{{", "}}"} else text
    if not (inside and all(inside)):
        return ()
    first, *between, last = texts
    befores = [first, *(text.lstrip(CLOSING) for text in between)]
    afters = [*(text.removesuffix(text.lstrip(CLOSING)) for text in between), last]
    return tuple(zip(befores, inside, afters, strict=True))


def _can_be_followed(rule: str) -> bool:
    expression = _compiled(rule)
    if expression is None:
        return bool(FORM_KEY.fullmatch(rule)) or not BROKEN_EXPRESSION.search(rule)
    try:
        Bounded().visit(expression.parsed, {})
    except (UnknownFunctionError, ArityError):
        return " " in rule  # a label such as `Name (required)`
    except CANNOT_BE_FOLLOWED:
        return True  # of other data it may find something
    return True


@lru_cache(maxsize=MOST_COMPILED)
def _compiled(rule: str) -> ParsedResult | None:
    try:
        return jmespath.compile(rule)
    except (JMESPathError, RecursionError):
        return None
    finally:
        Parser.purge()  # which would keep it too
