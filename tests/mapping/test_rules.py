"""The mapping that relay.toml says."""

from __future__ import annotations

import pytest

from app.errors import ConfigurationError
from app.lead import Entry, Field
from app.mapping import rules

ENTRY = Entry(
    (
        Field("contact.email", "ada@example.com", "Best address?"),
        Field("q_7", " 07700 900184 ", "Number (mobile)"),
        Field("q_8", "N/A"),
        Field("my-key", "dashed"),
    ),
    {
        "contact": {"email": "ada@example.com", "tags": ["new", None, "warm"], "opt_in": True, "age": 36, "none": None},
        "contact[name]": "Ada Lovelace",
        "items": [{"name": "a"}, {"name": "b"}],
        "huge": "1e400",
    },
)


def found(*alternatives: str) -> str | None:
    one = rules.apply({"message": alternatives}, ENTRY).get("message")
    return one.value if one else None


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("contact.email", "ada@example.com"),
        ("Best address?", "ada@example.com"),
        ("q_7", "07700 900184"),
        ("Number (mobile)", "07700 900184"),
        ("my-key", "dashed"),
        ("contact[name]", "Ada Lovelace"),
        ("contact.tags", "new, warm"),
        ("contact.opt_in", "yes"),
        ("contact.age", "36"),
        ("items[].name", "a, b"),
        ("items[-1].name", "b"),
        ("items[?name=='b'].name | [0]", "b"),
        ("join(' and ', items[].name)", "a and b"),
        ("contact.phone || contact.email", "ada@example.com"),
        ("'Website'", "Website"),
    ],
)
def test_a_rule_finds_a_key_a_label_or_what_its_expression_says(rule: str, value: str) -> None:
    assert found(rule) == value


@pytest.mark.parametrize(
    "rule",
    [
        "nowhere",
        "contact",
        "contact.none",
        "q_8",
        "items[9].name",
        "abs(contact)",
        "ceil(to_number(huge))",
        "items[0:1:0]",
    ],
)
def test_a_rule_that_finds_nothing_leaves_the_field_to_inference(rule: str) -> None:
    assert found(rule) is None


def test_the_first_alternative_that_finds_something_counts() -> None:
    assert found("nowhere", "q_8", "my-key", "q_7") == "dashed"


def test_what_was_found_says_where_and_by_which_rule() -> None:
    one = rules.apply({"email": ("Best address?",)}, ENTRY)["email"]

    assert one.field == ENTRY.fields[0]
    assert (one.origin.key, one.origin.why) == ("Best address?", "relay.toml maps 'Best address?' here")


@pytest.mark.parametrize(
    "rule",
    [
        "name", "First Name", "What's your name?", "Straße", "your-name", "contact[email]", "x[]", "Budget (in £)?",
        "Name (required)", "a.b[0].c", "'Website'", "sum(prices)", "Name & address",
    ],
)  # fmt: skip
def test_names_and_expressions_are_good_rules(rule: str) -> None:
    rules.check({"email": (rule,)}, "relay.toml: forms.contact")


@pytest.mark.parametrize(
    "rule", ["a[", "a.b[?c==", "length(", "lenght(name)", "length()", "{a", "a | | b", "a[b].[", "`1"]
)
def test_a_broken_expression_stops_the_start_and_says_where(rule: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^relay.toml: hooks.zapier.mapping.email: .* is neither"):
        rules.check({"name": ("fine",), "email": ("fine", rule)}, "relay.toml: hooks.zapier")
