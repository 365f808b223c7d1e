"""What every language file promises: its words are understood, alone and as a whole form."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from app.lead import Field
from app.mapping import called, vocabulary
from app.mapping.called import family_comes_first, meanings_of, role_of, says_nothing
from app.mapping.infer import infer
from app.mapping.vocabulary import words
from app.mapping.weighed import ENOUGH

FOLDER = Path(vocabulary.__file__).parent / "languages"
FILES = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.toml"))}
PERSON = ("email", "first_name", "last_name", "full_name", "contact_no", "message")
VALUE = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "contact_no": "+44 7700 900184",
    "message": "When does the term start, and is there a place left for two?",
}
WANTED = """en de fr es it pt nl sv no da fi is pl cs sk hu ro bg sr hr sl mk el tr ru uk lt lv et ar he fa ur hi bn
th vi id ms ja ko zh-Hans zh-Hant ca ka hy sw tl""".split()


def phrases(language: str, target: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in FILES[language].get(target, "").split(";") if phrase.strip()]


def test_there_is_a_file_for_every_language_promised() -> None:
    assert set(WANTED) <= FILES.keys()


@pytest.mark.parametrize("language", FILES)
def test_a_file_has_only_keys_that_are_read(language: str) -> None:
    known = {*vocabulary.FIELDS, *vocabulary.WORDS, "bound", "honeypot", "secret", "family_then_given"}

    assert FILES[language].keys() - {"family_name_first"} <= known


@pytest.mark.parametrize("target", PERSON)
@pytest.mark.parametrize("language", FILES)
def test_a_phrase_of_a_language_means_its_field(language: str, target: str) -> None:
    asked = phrases(language, target)

    missed = [
        one for one in asked if meanings_of("q7", one, "").get(target, (0, ""))[0] < ENOUGH and not role_of("q7", one)
    ]

    assert asked
    assert missed == []


@pytest.mark.parametrize("as_label", [True, False])
@pytest.mark.parametrize("language", FILES)
def test_a_whole_form_in_one_language_is_understood(language: str, as_label: bool) -> None:
    asked = {target: phrases(language, target)[0] for target in VALUE}
    fields = [
        Field("" if as_label else name, VALUE[target], name if as_label else "") for target, name in asked.items()
    ]

    best = infer(fields).best

    assert {target: match.field.label or match.field.key for target, match in best.items()} == asked


@pytest.mark.parametrize("language", FILES)
def test_what_a_lead_has_no_field_for_is_not_guessed(language: str) -> None:
    mine = {
        frozenset(words(name))
        for target in (*PERSON, "family_then_given")
        for one in FILES
        for name in phrases(one, target)
    }
    others = [one for one in phrases(language, "other") if frozenset(words(one)) not in mine]

    taken = {one: [*infer([Field(one, "Marie Dubois")]).best] for one in others}

    assert {one: found for one, found in taken.items() if found} == {}


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("お問い合わせ内容", "お問い合わせ内容"),
        ("メールアドレス（確認）", "メールアトレス 確認"),
        ("ชื่อบริษัทของคุณ", "ชือบริษัท ของคณ"),
        ("आपका संदेश", "आपका संदेश"),
        ("Adınız Soyadınız", "adiniz soyadiniz"),
        ("Ваше ім’я", "ваше ім я"),
        ("الاسم الكامل", "اسم كامل"),
    ],
)
def test_words_of_every_script_are_found(text: str, spelled: str) -> None:
    assert " ".join(words(text)) == spelled


@pytest.mark.parametrize(
    "name", ["ФИО", "Teljes név", "お名前", "성함", "姓名", "Họ và tên", "Cognome e nome", "Nachname, Vorname"]
)
def test_a_name_that_begins_with_the_familys_is_known_by_its_label(name: str) -> None:
    assert family_comes_first("q7", name)


@pytest.mark.parametrize(
    "name", ["Name", "Vor- und Nachname", "Imię i nazwisko", "Nombre y apellidos", "Имя и фамилия"]
)
def test_other_names_begin_with_the_given_one(name: str) -> None:
    assert not family_comes_first("q7", name)


@pytest.mark.parametrize(
    "key", ["1.3", "field_2", "text-412", "input_3_1", "r51d04ed43ea492fc", "question_QbnhTz", "Field 4"]
)
def test_keys_that_a_machine_made_up_say_nothing(key: str) -> None:
    assert says_nothing(key, "")


@pytest.mark.parametrize("key", ["city", "stadt", "nip", "budget", "name", "お名前"])
def test_words_say_something(key: str) -> None:
    assert not says_nothing(key, "")


@pytest.mark.parametrize("key", ["rueckruf", "oensket_dato", "mesajınız", "telefonunuz", "nimesi"])
def test_spellings_and_endings_are_led_back_to_a_known_word(key: str) -> None:
    assert all(word in vocabulary.vocabulary().by_word for word in map(called._stem, words(key)))
