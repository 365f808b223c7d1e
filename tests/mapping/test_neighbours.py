"""What a field is by what it holds, and by what stands beside it."""

from __future__ import annotations

import pytest

from app.lead import Field
from app.mapping.infer import infer
from app.mapping.values import is_machine_made, is_payment

MAIL = "ada@example.com"


def of_pairs(*pairs: tuple[str, str]) -> dict[str, str]:
    """Target → the value found for it."""
    return {target: match.value for target, match in infer([Field(*pair) for pair in pairs]).best.items()}


class TestUnnamed:
    def test_two_names_before_the_address_are_first_and_last(self) -> None:
        found = of_pairs(("1.3", "Ada"), ("1.6", "Lovelace"), ("2", MAIL), ("3", "07700 900 184"))

        assert found == {"first_name": "Ada", "last_name": "Lovelace", "email": MAIL, "contact_no": "07700 900 184"}

    def test_one_field_of_two_words_is_the_whole_name(self) -> None:
        assert of_pairs(("f1", "Ada Lovelace"), ("f2", "Leeds"), ("f3", MAIL))["full_name"] == "Ada Lovelace"

    def test_what_follows_the_first_name_is_the_last(self) -> None:
        assert of_pairs(("first-name", "Ada"), ("input-34da", "Lovelace"), ("email", MAIL))["last_name"] == "Lovelace"

    def test_a_name_in_the_address_is_one_whatever_its_field_is_called(self) -> None:
        found = of_pairs(("izena", "Ada Lovelace"), ("herria", "Bilbo Handia"), ("x", "ada.lovelace@example.com"))

        assert found["full_name"] == "Ada Lovelace"

    def test_what_is_asked_first_and_written_as_a_name_is_one(self) -> None:
        assert of_pairs(("qwerasd", "Rhys Jones"), ("x", MAIL))["full_name"] == "Rhys Jones"
        assert "full_name" not in of_pairs(("budget", "Rhys Jones"), ("x", MAIL))

    def test_a_person_in_one_list_is_taken_apart(self) -> None:
        found = of_pairs(("c1", f"Jan, van den Broek, {MAIL}, +31 6 0000 0451, Broek BV"))

        assert found == {
            "first_name": "Jan",
            "last_name": "van den Broek",
            "email": MAIL,
            "contact_no": "+31 6 0000 0451",
        }

    def test_an_address_with_a_name_gives_both(self) -> None:
        assert of_pairs(("from", f"Ada Lovelace <{MAIL}>")) == {"email": MAIL, "full_name": "Ada Lovelace"}

    @pytest.mark.parametrize(
        "value",
        [
            "2026-05-28T16:02:11.420Z",
            "plan.pdf",
            "https://example.com/a",
            "d0b5ad2",
            "a1_b2",
            "27.05.2026",
            "203.0.113.9",
        ],
    )
    def test_what_a_machine_made_is_no_name(self, value: str) -> None:
        assert is_machine_made(value)
        assert of_pairs(("name", value)) == {}

    @pytest.mark.parametrize("value", ["Ada", "Anne-Marie", "El-Baz", "J. R. R. Tolkien", "Ada99", "O'Hara", "山口"])
    def test_a_name_is_not_machine_made(self, value: str) -> None:
        assert not is_machine_made(value)


class TestTogether:
    def test_a_number_in_parts_is_joined(self) -> None:
        assert of_pairs(("hp1", "010"), ("hp2", "5550"), ("hp3", "0188"))["contact_no"] == "010-5550-0188"

    def test_an_address_in_parts_is_joined(self) -> None:
        assert of_pairs(("email1", "ada"), ("email2", "example.com"))["email"] == MAIL

    def test_a_countrys_code_stands_before_the_number(self) -> None:
        assert of_pairs(("country_code", "+44"), ("phone", "7700 900184"))["contact_no"] == "+44 7700 900184"

    def test_a_code_is_not_said_twice(self) -> None:
        assert of_pairs(("country_code", "+44"), ("phone", "+44 7700 900184"))["contact_no"] == "+44 7700 900184"

    def test_a_particle_stands_before_the_last_name(self) -> None:
        found = of_pairs(("voornaam", "Jan"), ("tussenvoegsel", "van der"), ("achternaam", "Berg"))

        assert found["last_name"] == "van der Berg"

    def test_a_reading_is_not_the_name(self) -> None:
        assert of_pairs(("フリガナ", "ヤマグチ ミサキ"), ("お名前", "山口 美咲"))["full_name"] == "山口 美咲"

    def test_the_whole_form_as_a_text_is_not_the_message(self) -> None:
        text = f"Name: Ada Lovelace, E-mail: {MAIL}, Question: none of your eight words today"

        assert "message" not in of_pairs(("name", "Ada"), ("email", MAIL), ("pretty", text))

    def test_an_answer_counts_more_than_what_is_around_it(self) -> None:
        around = Field("message", "Please do not use this field.")
        asked = Field("data.u7", "My grandmother ate here and I want to give back.", "Why do you join?")

        best = infer([around, asked, Field("data.u3", MAIL, "E-mail")]).best

        assert best["message"].field is asked

    def test_what_one_agrees_to_is_not_the_message(self) -> None:
        assert "message" not in of_pairs(("acceptance-9", "I have read and accept the privacy policy of this site."))

    def test_a_subject_of_some_words_is_the_message_where_there_is_none(self) -> None:
        assert of_pairs(("subject", "A new website for us"))["message"] == "A new website for us"
        assert of_pairs(("subject", "A new website for us"), ("message", "Soon?"))["message"] == "Soon?"
        assert "message" not in of_pairs(("subject", "Quote"))


class TestSecrets:
    @pytest.mark.parametrize("value", ["4111 1111 1111 1111", "5555-5555-5555-4444", "DE89 3704 0044 0532 0130 00"])
    def test_a_cards_number_is_dropped_and_counted_wherever_it_stands(self, value: str) -> None:
        findings = infer([Field("notes", value)])

        assert is_payment(value)
        assert (findings.dropped, findings.extra, findings.best) == (1, [], {})

    @pytest.mark.parametrize("value", ["4111 1111 1111 1112", "+44 7700 900184", "1779000041010", "DE89 3704 0044"])
    def test_other_numbers_are_not(self, value: str) -> None:
        assert not is_payment(value)
