"""What forms call the fields of a person, language by language."""

from __future__ import annotations

import pytest

from app.lead import Field
from app.mapping.infer import infer

USUAL = {
    "en": {
        "first_name": "first_name; firstName; First Name; fname; given-name; your-first-name; contactFirstName",
        "last_name": "last_name; lastName; Last Name; lname; Family name; surname",
        "full_name": "name; Name; full_name; fullName; your-name; Your Name *; contactName; customer_name; name2",
        "email": "email; Email; E-mail; e-mail address; contactEmail; emailAddress; mail; Work email; email_1",
        "contact_no": "phone; Phone Number; tel; telephone; mobile; your-tel; contactNo; cell phone; phone_number",
        "message": "message; comment; Comments; your-message; enquiry; How can we help you?; Tell us about you",
    },
    "de": {
        "first_name": "vorname; Vorname*; vname; Ihr Vorname",
        "last_name": "nachname; Familienname; Ihr Nachname; Zuname",
        "full_name": "Ihr Name; name; Vor- und Nachname; Ansprechpartner; vollständiger Name",
        "email": "email; E-Mail-Adresse; Ihre E-Mail; emailadresse; Mailadresse",
        "contact_no": "telefon; Telefonnummer; Handy; Mobil; Rückrufnummer; Ihre Telefonnummer",
        "message": "nachricht; Ihre Nachricht; Anfrage; Ihr Anliegen; Bemerkungen; Wie können wir helfen?",
    },
    "fr": {
        "first_name": "prenom; Prénom; votre prénom",
        "last_name": "nom de famille; Nom de famille",
        "full_name": "nom; Nom complet; Votre nom; Nom et prénom",
        "email": "courriel; Adresse e-mail; adresse électronique; Votre email; mail",
        "contact_no": "telephone; Téléphone; Numéro de téléphone; portable; Téléphone portable",
        "message": "message; Votre message; commentaire; demande; Votre demande",
    },
    "es": {
        "first_name": "nombre de pila; Primer nombre",
        "last_name": "apellidos; Apellido; Primer apellido",
        "full_name": "nombre; Nombre completo; Nombre y apellidos; Tu nombre",
        "email": "correo; Correo electrónico; Dirección de correo; tu email",
        "contact_no": "telefono; Teléfono; Número de teléfono; móvil; celular",
        "message": "mensaje; Comentarios; Consulta; ¿En qué podemos ayudarte?; Tu mensaje",
    },
    "it": {
        "first_name": "nome proprio",
        "last_name": "cognome; Il tuo cognome",
        "full_name": "nome; Nome completo; Nome e cognome; il tuo nome",
        "email": "email; Indirizzo e-mail; posta elettronica; La tua email",
        "contact_no": "telefono; cellulare; Numero di telefono",
        "message": "messaggio; Richiesta; Il tuo messaggio; Come possiamo aiutarti?",
    },
    "pt": {
        "first_name": "primeiro nome; Nome próprio",
        "last_name": "sobrenome; Apelido; último nome",
        "full_name": "nome; Nome completo; Seu nome",
        "email": "email; Endereço de e-mail; Correio eletrónico; Seu e-mail",
        "contact_no": "telefone; Telemóvel; celular; Número de telefone",
        "message": "mensagem; Comentário; Sua mensagem; Como podemos ajudar?",
    },
    "nl": {
        "first_name": "voornaam; Uw voornaam",
        "last_name": "achternaam; Familienaam",
        "full_name": "naam; Uw naam; Volledige naam; Voor- en achternaam",
        "email": "e-mail; E-mailadres; emailadres; Uw e-mailadres",
        "contact_no": "telefoon; Telefoonnummer; mobiel; gsm",
        "message": "bericht; Uw bericht; Opmerkingen; Vraag; Hoe kunnen we helpen?",
    },
}
VALUE = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "full_name": "Ada Lovelace",
    "email": "ada@example.com",
    "contact_no": "+44 7700 900184",
    "message": "When does the term start?",
}
TABLE = [
    (language, target, name.strip())
    for language, targets in USUAL.items()
    for target, names in targets.items()
    for name in names.split(";")
]


SPOKEN = {"email": "e-mail", "contact_no": "phone", "first_name": "first name", "last_name": "last name"}


@pytest.mark.parametrize(("language", "target", "name"), TABLE)
def test_a_usual_name_is_known(language: str, target: str, name: str) -> None:
    (match,) = infer([Field(name, VALUE[target])]).best.values()

    assert match.target == target


@pytest.mark.parametrize(("language", "target", "name"), TABLE)
def test_a_usual_question_is_known_by_its_label(language: str, target: str, name: str) -> None:
    (match,) = infer([Field("4f1c-88", VALUE[target], label=name)]).best.values()

    assert match.target == target
    assert match.why == f"{name!r} means {SPOKEN.get(target, target.replace('_', ' '))}"


@pytest.mark.parametrize("language", USUAL)
def test_a_whole_form_in_one_language_is_understood(language: str) -> None:
    asked = {target: names.split(";")[0].strip() for target, names in USUAL[language].items() if target != "full_name"}

    best = infer([Field(name, VALUE[target]) for target, name in asked.items()]).best

    assert {target: match.field.key for target, match in best.items()} == asked
