"""Names of people of every script: which word is the family's."""

from __future__ import annotations

import pytest

from app.mapping.names import names_of, split_name

PLAIN = [
    ("山口 美咲", "美咲", "山口"),
    ("欧阳静怡", "静怡", "欧阳"),
    ("林怡君", "怡君", "林"),
    ("王伟 先生", "伟", "王"),
    ("佐々木健一様", "健一", "佐々木"),
    ("田中（タナカ）太郎", "太郎", "田中"),
    ("マイケル・スミス", "マイケル", "スミス"),
    ("김서연", "서연", "김"),
    ("王2号", "王2号", ""),
    ("남궁민수", "민수", "남궁"),
    ("박 준호 님", "준호", "박"),
    ("Nguyễn Thị Hồng Nhung", "Thị Hồng Nhung", "Nguyễn"),
    ("Linh Nguyễn", "Linh", "Nguyễn"),
    ("Соколова Марина Викторовна", "Марина", "Соколова"),
    ("Марина Викторовна Соколова", "Марина", "Соколова"),
    ("María del Carmen Ruiz de la Torre", "María del Carmen", "Ruiz de la Torre"),
    ("عبد الله القحطاني", "عبد الله", "القحطاني"),
    ("نورة القحطاني", "نورة", "القحطاني"),
    ("د. نورة القحطاني", "نورة", "القحطاني"),
    ("คุณธนพล วัฒนกุล", "ธนพล", "วัฒนกุล"),
    ("श्रीमती कविता अग्रवाल", "कविता", "अग्रवाल"),
    ("Jean DUPONT", "Jean", "DUPONT"),
    ("DUPONT Jean", "Jean", "DUPONT"),
    ("ADA LOVELACE", "ADA", "LOVELACE"),
    ("Иванова, Мария", "Мария", "Иванова"),
    ("Dott.ssa Giulia Ferraresi", "Giulia", "Ferraresi"),
    ("Sergeant-Major Ada King", "Ada", "King"),
    ("Don Draper", "Don", "Draper"),
    ("Mevr. Femke van der Meulen", "Femke", "van der Meulen"),
    ("Ahmad bin Zulkifli", "Ahmad", "bin Zulkifli"),
    ("Björk", "Björk", ""),
]


@pytest.mark.parametrize(("typed", "first", "last"), PLAIN)
def test_a_name_of_any_script_is_split(typed: str, first: str, last: str) -> None:
    assert split_name(typed) == (first, last)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("Kovács János", "János", "Kovács"),
        ("Dr. Szabó Anna Mária", "Anna Mária", "Szabó"),
        ("Петренко Олег", "Олег", "Петренко"),
        ("De Luca Marco", "Marco", "De Luca"),
        ("Tran Minh", "Minh", "Tran"),
        ("Plato", "Plato", ""),
    ],
)
def test_where_the_family_comes_first_it_is_the_last_name(typed: str, first: str, last: str) -> None:
    assert split_name(typed, family_first=True) == (first, last)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("長谷川誠", "誠", "長谷川"),
        ("山田太郎", "太郎", "山田"),
        ("林健太", "健太", "林"),
        ("田中誠", "誠", "田中"),
        ("さくら", "さくら", ""),
    ],
)
def test_a_japanese_familys_name_has_mostly_two_characters(typed: str, first: str, last: str) -> None:
    assert split_name(typed, japanese=True) == (first, last)


@pytest.mark.parametrize(
    ("found", "first", "last"),
    [
        ({"first_name": "Dr. Ada", "last_name": "Lovelace"}, "Ada", "Lovelace"),
        ({"first_name": "Ada", "full_name": "Ada Lovelace"}, "Ada", "Lovelace"),
        ({"full_name": "Ada", "last_name": "Lovelace"}, "Ada", "Lovelace"),
        ({"last_name": "Lovelace"}, "", "Lovelace"),
        ({}, "", ""),
    ],
)
def test_parts_that_were_asked_for_are_kept_apart(found: dict[str, str], first: str, last: str) -> None:
    assert names_of(found) == (first, last)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("Lovelace,Ada", "Ada", "Lovelace"),
        ("MARQUEZ,ROSALIND", "ROSALIND", "MARQUEZ"),
        ("M. Théophile Aubert-Lacaze", "Théophile", "Aubert-Lacaze"),
    ],
)
def test_a_comma_needs_no_blank_and_a_frenchman_has_his_title(typed: str, first: str, last: str) -> None:
    assert split_name(typed) == (first, last)
