"""What people call a lead's fields. Data only: phrases in lower case, without accents, words in any order.

English, German, French, Spanish, Italian, Portuguese, Dutch, and the Nordic and Polish words that are often met.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

PHRASES: dict[str, str] = {
    "email": """
        email; e mail; mail; mailaddress; mail address; email address; e mail address; emailaddress; user email;
        work email; business email; email id; replyto; reply to; mail adresse; email adresse; e mail adresse;
        emailadresse; mailadresse;
        correo; correo electronico; direccion de correo; courriel; adresse mail; adresse email; adresse electronique;
        posta elettronica; indirizzo email; indirizzo mail; endereco de email; correio eletronico; correio electronico;
        mailadres; emailadres; e mailadres; epost; e post; epostadress; e postadress; e postadresse; adres email; poczta
    """,
    "first_name": """
        first name; firstname; first; fname; f name; given name; givenname; given; forename; christian name;
        vorname; vname; prenom; nombre de pila; primer nombre; nombres; nome proprio; primeiro nome; voornaam; fornavn;
        fornamn; imie; etunimi; roepnaam; first name of contact
    """,
    "last_name": """
        last name; lastname; last; lname; l name; family name; familyname; surname; nachname; familienname;
        nom de famille;
        apellido; apellidos; primer apellido; cognome; sobrenome; apelido; ultimo nome; achternaam; familienaam;
        etternavn;
        efternavn; efternamn; nazwisko; sukunimi; zuname
    """,
    "full_name": """
        name; full name; fullname; your name; person; contact; contact name; contact person; customer name; client name;
        first and last name; first last name; name and surname; first name and last name; customer; attendee; invitee;
        vor und nachname; vorname und nachname; vollstandiger name; ansprechpartner; nom complet; nom; nom et prenom;
        prenom et nom; nombre; nombre completo; nombre y apellidos; nombre y apellido; nome; nome completo;
        nome e cognome; nome e sobrenome; nome cognome; naam; volledige naam; voor en achternaam; navn; namn; nimi;
        imie i nazwisko; namn och efternamn; fulde navn; lead name; who are you
    """,
    "contact_no": """
        phone; phone number; phonenumber; phone no; telephone; telephone number; tel; tel no; telno; mobile;
        mobile number;
        mobile phone; mobileno; cell; cell phone; cellphone; cell number; contact no; contactno; contact number;
        contact phone;
        call me at; call back number; whatsapp; whatsapp number; work phone; home phone; daytime phone; primary phone;
        telefon; telefonnummer; telefon nummer; handy; handynummer; mobil; mobilnummer; mobiltelefon; rufnummer;
        ruckrufnummer; telephone portable; portable; numero de telephone; no de telephone; mobile telephone;
        telefono; numero de telefono; movil; celular; telefono movil; numero de celular; cellulare; numero di telefono;
        recapito telefonico; telefone; telemovel; numero de telefone; celular com ddd; telefoon; telefoonnummer;
        gsm; gsm nummer; mobiel; mobiel nummer; puhelin; puhelinnumero; numer telefonu; phones; msisdn
    """,
    "message": """
        message; msg; your message; comment; comments; body; question; questions; your question; enquiry; inquiry;
        description; details; project details; project; project brief; project description; brief; note; notes;
        additional notes; additional information; additional info; more information; anything else; request; text;
        content;
        how can we help; how can we help you; how may we help; what can we help with; what can we help you with;
        what can we do for you; tell us about; tell us more; tell us about your project; what are you looking for;
        what do you need; what is it about; message body; contact message; requirements; remarks; feedback;
        nachricht; ihre nachricht; mitteilung; anfrage; kommentar; bemerkung; bemerkungen; anmerkung; anmerkungen;
        anliegen;
        ihr anliegen; beschreibung; frage; ihre frage; freitext; wie konnen wir helfen; wie konnen wir ihnen helfen;
        message texte; commentaire; commentaires; demande; votre demande; votre message; votre projet; remarques;
        comment pouvons nous vous aider; mensaje; comentario; comentarios; consulta; pregunta; descripcion;
        observaciones;
        como podemos ayudarte; en que podemos ayudarte; messaggio; commento; richiesta; domanda; descrizione;
        note aggiuntive;
        come possiamo aiutarti; mensagem; comentario; pergunta; descricao; observacoes; duvida; como podemos ajudar;
        bericht; uw bericht; opmerking; opmerkingen; vraag; uw vraag; toelichting; omschrijving; hoe kunnen we helpen;
        melding; beskjed; besked; meddelande; kommentarer; viesti; wiadomosc; tresc; komentarz; pytanie
    """,
    "source": """
        source; lead source; quelle
    """,
}

PHRASE_WEIGHT: dict[str, int] = {
    "replyto": -10, "reply to": -10, "contact": -15, "person": -15, "customer": -15, "attendee": -5, "invitee": -5,
    "body": -5, "text": -15, "content": -15, "note": -10, "notes": -10, "description": -5, "details": -5,
    "project": -10, "request": -10, "brief": -5, "requirements": -5, "remarks": -5, "feedback": -10,
    "first": -10, "last": -10, "given": -10, "portable": -10,
}  # fmt: skip
"""Phrases that mean a field less surely than the others do."""

NOISE = frozenset(
    """
    your you my me our us the a an of for to on at in please enter what whats is s best contact customer client lead
    user visitor field fields input form data answer value required optional wpcf7 cf7 txt
    ihr ihre ihren deine dein der die das bitte votre vos su tu sus il la le el lo o suo tuo sua seu uw je jouw din ditt
    """.split()
)
"""Words that do not change what a field means."""

SOMEBODY_ELSE = frozenset(
    """
    company firma organisation organization business employer site website domain account brand team store shop school
    host organizer owner admin administrator recipient sender from agent friend emergency guardian referrer referred
    referral card holder cardholder country land city town street address zip browser device os subject betreff title
    user username login password middle nick pet ip
    """.split()
)
"""Words that make a name, an e-mail or a phone somebody else's, or another thing altogether."""

SOMETHING = frozenset(
    """
    form formular page url campaign product produkt file filename document event project list group category plan
    service course utm
    """.split()
)
"""Words of things that have names of their own. An e-mail or a phone beside them is a person's all the same."""


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(phrase.split()) for phrase in text.split(";"))


HONEYPOTS = _phrases("gotcha; honey; honeypot; bot field; botcheck; bot check; hp; hp field; h p; winnie")
"""Fields that no person sees, so that what fills them is a robot."""

CONTROLS = _phrases(
    """
    next; redirect; redirect to; redirectto; return url; returnurl; ret url; returl; cc; bcc; captcha; template;
    autoresponse; blacklist; form name; form id; form type; access key; accesskey; api key; apikey;
    g recaptcha response; h captcha response; cf turnstile response; frc captcha solution; altcha; utf; charset;
    authenticity token; csrf token; csrfmiddlewaretoken; wpnonce; wp http referer; form key; submit; oid; from name;
    powered by; remote ip; user agent
    """
)
"""Fields that steer a form service or a page; never about the person."""

SECRETS = _phrases(
    """
    password; passwort; pass; passwd; pwd; passphrase; kennwort; mot de passe; contrasena; senha; wachtwoord; pin; cvv;
    cvc; card number; cardnumber; cc number; credit card; credit card number; card cvc; card cvv; security code; iban;
    ssn; social security number
    """
)
"""Fields whose value is not kept apart, forwarded or logged."""

SECRET_WORDS = frozenset("password passwort passwd kennwort contrasena senha wachtwoord cvv cvc".split())
"""Words that make a short key a secret's, whatever stands beside them."""

PAGES = frozenset("page url uri href landing referrer referer".split())
"""Words of a field that holds the address of the page that was visited."""

UTM = frozenset(("source", "medium", "campaign", "term", "content", "id"))
CLICK_IDS = frozenset(("gclid", "fbclid", "msclkid", "gbraid", "wbraid", "ttclid", "li_fat_id"))
MAX_NAME = 300
CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
SPELLED_ALIKE = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "đ": "d", "ı": "i", "œ": "oe", "’": " ", "'": " "}
)


def words(text: str) -> tuple[str, ...]:
    """`contactEmail`, `contact-email` and `Contact e-mail:` as words: lower case, no accents, no trailing number."""
    return _words(text[:MAX_NAME])


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKD", CAMEL.sub(" ", text)).casefold().translate(SPELLED_ALIKE)
    marked = unicodedata.normalize("NFKD", plain)
    found = "".join(char if char.isalnum() else "" if unicodedata.combining(char) else " " for char in marked).split()
    return tuple(word.rstrip("0123456789") or word for word in found)


@lru_cache(maxsize=1)
def meanings() -> dict[frozenset[str], dict[str, int]]:
    """Each phrase's set of words → the lead's fields that it means, with its weight (100 is sure)."""
    table: dict[frozenset[str], dict[str, int]] = {}
    for target, listed in PHRASES.items():
        for phrase in listed.split(";"):
            spelled = " ".join(phrase.split())
            table.setdefault(frozenset(spelled.split()), {})[target] = 100 + PHRASE_WEIGHT.get(spelled, 0)
    return table


@lru_cache(maxsize=1)
def phrases_by_word() -> dict[str, tuple[frozenset[str], ...]]:
    """Each word → the phrases it stands in, so that only those are looked at."""
    table: dict[str, list[frozenset[str]]] = {}
    for phrase in meanings():
        for word in phrase:
            table.setdefault(word, []).append(phrase)
    return {word: tuple(found) for word, found in table.items()}
