"""The mapping that relay.toml says."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import pytest
from jmespath.parser import Parser

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
        "price": "3.5",
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
        "items[?name > `3`].name",
        "[price][?@ > `3`]",
        "contains(price, `3`)",
        "{nowhere} {q_8}",
        "Budget: {nowhere} EUR",
    ],
)
def test_a_rule_that_finds_nothing_leaves_the_field_to_inference(rule: str) -> None:
    assert found(rule) is None


@pytest.mark.parametrize("rule", [".".join("a" * 1000), "(" * 900 + "a" + ")" * 900], ids=["dots", "brackets"])
def test_a_very_deep_rule_finds_nothing_rather_than_fail(rule: str) -> None:
    rules.check({"name": (rule,)}, "relay.toml")

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
        "Name (required)", "a.b[0].c", "'Website'", "sum(prices)", "Name & address", "{first} {last}", "{a: b}.a",
        "{Your name:}, {Note: more}", "'{x}'", "`{\"a\": 1}`.a", "{{{a}}}", "{a[?b=='c'].d | [0]}", "{contact[email]}",
    ],
)  # fmt: skip
def test_names_and_expressions_are_good_rules(rule: str) -> None:
    rules.check({"email": (rule,)}, "relay.toml: forms.contact")


@pytest.mark.parametrize(
    "rule",
    [
        "a[",
        "a.b[?c==",
        "length(",
        "lenght(name)",
        "length()",
        "{a",
        "a | | b",
        "a[b].[",
        "`1",
        "people[.{a: b}",
        "a | | {b: c}",
        "{}",
        "{{first}}",
        "{first",
        "first}",
        "{first} last}",
        "{ } x",
        "{a[} {b}",
        "[" * 1900,
    ],
)
def test_a_broken_expression_or_template_stops_the_start_and_says_where(rule: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^relay.toml: hooks.zapier.mapping.email: .* is neither"):
        rules.check({"name": ("fine",), "email": ("fine", rule)}, "relay.toml: hooks.zapier")


PLACE = Entry(
    (
        Field("first", "Ada", "First name"),
        Field("last", "King"),
        Field("budget", "5,000", "Budget {GBP}"),
        Field("none", "n/a"),
        Field("when", "2026-11-24"),
        Field("contact.email", "ada@example.com"),
        Field("{odd}", "a name with braces"),
    ),
    {"people": [{"n": "a"}, {"n": "b"}], "contact": {"email": "ada@example.com"}, "contact[email]": "ada@example.com"},
)


def filled(template: str) -> str | None:
    rules.check({"message": (template,)}, "relay.toml: forms.contact")
    one = rules.apply({"message": (template,)}, PLACE).get("message")
    return one.value if one else None


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{first} {last}", "Ada King"),
        ("{First name} {last}", "Ada King"),
        ("{ first }", "Ada"),
        ("{people[0].n}{people[-1].n}", "ab"),
        ("{people[*].n}", "a, b"),
        ("{people[].{x: n} | [1].x}", "b"),
        ("{contact[email]} on {when}", "ada@example.com on 2026-11-24"),
        ("Budget: {Budget {GBP}} GBP", "Budget: 5,000 GBP"),
        ("{{{first}}} {{x}}", "{Ada} {x}"),
        ("{first}\nof {last}", "Ada\nof King"),
        ("{odd}", "a name with braces"),
        ("{people[0].x || people[0].n}", "a"),
        ("{first}: {'constant'}", "Ada: constant"),
    ],
)
def test_a_template_says_what_its_placeholders_find(template: str, value: str) -> None:
    assert filled(template) == value


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{none} {last}", "King"),
        ("{first} {none}", "Ada"),
        ("{first}, {none} — {last}", "Ada — King"),
        ("{none}, {nowhere} — {last}", "King"),
        ("{first} ({none}) {last}", "Ada King"),
        ("{first} ({none})", "Ada"),
        ("{none} ({last})", "(King)"),
        ("Budget: {none}, name: {last}", "name: King"),
        ("Budget: {budget}\nName: {none}\nDate: {when}", "Budget: 5,000\nDate: 2026-11-24"),
        ("{none} & {nowhere}", None),
        ("Budget: {none}", None),
    ],
)
def test_a_placeholder_that_finds_nothing_takes_its_text_and_separator_with_it(
    template: str, value: str | None
) -> None:
    assert filled(template) == value


def test_a_template_is_an_alternative_like_any_other() -> None:
    assert found("{nowhere}", "{q_8} {nothing}", "{my-key}!", "q_7") == "dashed!"
    assert found("{nowhere}", "'fallback'") == "fallback"


def test_a_template_names_the_fields_that_it_quotes() -> None:
    one = rules.apply({"name": ("{first} {last} {people[0].n}",)}, PLACE)["name"]
    assert [field.key for field in one.quoted] == ["first", "last"]
    assert one.origin.why == "relay.toml maps '{first} {last} {people[0].n}' here"


def test_the_error_names_the_placeholder_that_is_wrong() -> None:
    with pytest.raises(ConfigurationError, match=r"email: 'a\[' of '\{first\} \{a\[\}' is neither a field's name"):
        rules.check({"email": ("{first} {a[}",)}, "relay.toml: forms.contact")


HEAVY = (
    "a", "a[*]", "a[?@ > `3`]", "a[?x > `3` && contains(t, 'y') || x == `7`].x", "a[].[a, b, x][]", "sort(a)",
    "sort_by(a, &x)[0].x", "map(&x, a)", "to_string(a)", "a[*].{x: x}", "*.*", "a[].*", "a[][]", "a[*].to_string(@)",
    "reverse(s)", "to_number(s)", "contains(s, 'zz')", "a[*].[@, @][].[@, @][]", "a[*].join(',', @)", "{a} {s}",
)  # fmt: skip
HOSTILE: dict[str, Any] = {
    "very many values": {"a": list(range(500_000))},
    "many values": {"a": [{"x": number, "t": "y" * 50} for number in range(3_300)], "s": "x" * 1_500_000},
    "many texts": {"a": ["x" * 200 + str(number) for number in range(9_990)]},
    "many arrays": {"a": [[number] * 98 for number in range(100)]},
    "a long number": {"s": "9" * 2_000_000},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_strangers_body_keeps_a_rule_busy(name: str) -> None:
    entry = Entry((), HOSTILE[name])
    for rule in HEAVY:
        times = []
        for _ in range(3):
            began = time.thread_time()
            rules.apply({"message": (rule,)}, entry)
            times.append(time.thread_time() - began)
        assert min(times) < 0.05, rule


def test_of_a_body_beyond_all_bounds_fields_are_still_found_by_their_names() -> None:
    entry = Entry((Field("name", "Ada"),), {"name": "Ada", "a": [None] * rules.MAX_VALUES})
    assert rules.apply({"name": ("name",), "message": ("length(a)",)}, entry)["name"].value == "Ada"
    assert "message" not in rules.apply({"message": ("length(a)",)}, entry)


DOUBLED = "|join('',[@,@])"
TWICE = "|[@,@]"
GROWING = {
    "a text doubled": f"'{'x' * 100}'" + DOUBLED * 17,
    "a field doubled": "first" + DOUBLED * 22,
    "a list that holds itself many times, written out": "[first]" + TWICE * 18 + "|to_string(@)",
    "such a list, put in one line": "[first]" + TWICE * 21,
    "such a list, flattened": "[first]" + TWICE * 9 + "|[]" * 9 + TWICE * 9 + "[]" + "|length(@)",
    "such lists compared": "[" + "[first]" + TWICE * 18 + " == [first]" + TWICE * 18 + "]",
    "such a list, searched": "[[first]" + TWICE * 18 + "] | contains(@, [[first]" + TWICE * 18 + "][0])",
    "a long text between many": "join(long, parts)",
    "a long text over and over": f"[{','.join(['long'] * 390)}]",
    "a long text reversed over and over": f"[{','.join(['reverse(long)'] * 140)}] | length(@)",
    "a template of nothing but one long text": "{long}" * 330,
    "a number written over and over": f"[`{'9' * 1500}`]" + TWICE * 14 + "|to_string(@)",
}
LARGE = {"first": "Ada", "long": "x" * 150_000, "parts": ["y"] * 900}


@pytest.mark.parametrize("name", GROWING)
def test_a_rule_that_would_make_something_huge_finds_nothing(name: str) -> None:
    assert len(GROWING[name]) <= 2000
    entry = Entry((), LARGE)
    assert rules.apply({"message": (GROWING[name], "first")}, entry)["message"].value == "Ada"


def test_a_rule_may_make_what_is_some_times_as_long_as_the_body() -> None:
    for rule in ("long", "{long} {long}", "join(', ', [long, long])", "to_string(@)", "parts[*].[@, @][]", "[long]"):
        assert rules.apply({"message": (rule,)}, Entry((), LARGE)), rule
    short = Entry((), {"first": "Ada"})
    assert rules.apply({"message": ("first" + DOUBLED * 11,)}, short)["message"].value == "Ada" * 2**11


def test_rules_are_checked_within_the_same_bounds() -> None:
    tracemalloc.start()
    rules.check({"message": (GROWING["a text doubled"],)}, "relay.toml")
    [_, peak] = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_only_so_many_rules_are_kept_compiled() -> None:
    for number in range(rules.MOST_COMPILED + 1):
        rules.check({"message": (f"a.b{number}",)}, "relay.toml")
    assert rules._compiled.cache_info().currsize == rules.MOST_COMPILED
    assert not vars(Parser)["_CACHE"], "jmespath keeps none besides"
