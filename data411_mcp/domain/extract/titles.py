"""Job titles in many languages: does a phrase read as one, and where does one start a sentence."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

TITLE_WORDS_MAX = 11
TITLE_CHARS_MAX = 90
_LEADING_WORDS_MAX = 7


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Grade(IntEnum):
    """How much a phrase reads as a job title. `AREA`: only a field of work (`Customer Support`),
    worth something beside a name and nothing alone."""

    NONE = 0
    AREA = 1
    ROLE = 2


_ROLES = """
president ceo cto cfo coo cmo cio cso cpo cro md vp evp svp avp gm founder cofounder co-founder
co-founders owner co-owner proprietor partner principal director manager supervisor superintendent
coordinator co-ordinator administrator assistant secretary treasurer chairman chairwoman
chairperson chair lead engineer developer programmer designer architect consultant advisor adviser
associate analyst accountant controller comptroller bookkeeper estimator technician mechanic
plumber electrician installer carpenter joiner builder foreman attorney lawyer solicitor
barrister paralegal counsel counselor counsellor notary agent broker realtor representative rep
executive specialist receptionist clerk officer chief mayor councilmember councilman councilwoman
councillor councilor alderman commissioner inspector recorder planner editor writer producer
photographer videographer artist illustrator chef sommelier baker chocolatier barista bartender
teacher instructor tutor coach trainer therapist psychologist psychotherapist psychiatrist dentist
orthodontist doctor physician surgeon nurse hygienist optometrist optician pharmacist veterinarian
practitioner chiropractor physiotherapist osteopath podiatrist acupuncturist midwife dietitian
nutritionist stylist hairdresser beautician esthetician aesthetician scientist researcher professor
lecturer dean fellow pastor priest rabbi minister reverend deacon vicar trustee governor intern
trainee apprentice operator driver pilot captain skipper buyer purchaser merchandiser strategist
copywriter webmaster liaison ambassador evangelist creator maker curator librarian ranger steward
surveyor valuer auctioneer conveyancer underwriter banker trader actuary auditor recruiter
headhunter scheduler dispatcher foreperson landscaper gardener florist groomer tailor jeweller
jeweler musician composer conductor organist choreographer sheriff marshal firefighter detective
sergeant lieutenant registrar bursar headteacher headmaster headmistress provost chancellor
ombudsman spokesperson spokesman spokeswoman publisher journalist reporter correspondent columnist
translator interpreter geologist chemist biologist physicist statistician economist
mathematician hydrologist draftsman drafter machinist welder fabricator packer shipper
warehouseman storeman caretaker janitor housekeeper concierge host hostess server waiter waitress
operative negotiator lettings counselor facilitator mentor investigator examiner appraiser
adjuster winemaker brewer distiller roaster butcher farmer grower manager/owner
geschäftsführer geschäftsführerin geschäftsführung geschäftsführender inhaber inhaberin vorstand
prokurist prokuristin leiter leiterin leitung assistentin assistenz rechtsanwalt rechtsanwältin
steuerberater steuerberaterin gesellschafter vorsitzender vorsitzende gründer gründerin notar
sekretärin meister meisterin berater beraterin ingenieur ingenieurin architektin zahnarzt
zahnärztin arzt ärztin physiotherapeut physiotherapeutin sachbearbeiter sachbearbeiterin
ansprechpartner ansprechpartnerin buchhalterin buchhalter vertriebsleiter mitarbeiter
mitarbeiterin vertretungsberechtigter präsident präsidentin obmann
gérant gérante directeur directrice président présidente fondateur fondatrice cofondateur
responsable assistante secrétaire avocat avocate notaire associé associée conseiller conseillère
chargé chargée ingénieur comptable dirigeant dirigeante propriétaire rédacteur rédactrice
technicien technicienne développeur graphiste cogérant pdg dg administrateur
directora gerente propietario propietaria dueño dueña fundador fundadora presidente presidenta
socio socia abogado abogada administrador administradora jefe jefa asesor asesora consejero
encargado encargada secretario secretaria técnico ingeniero ingeniera arquitecto arquitecta
coordinador coordinadora comercial vicepresidente
direttore direttrice titolare amministratore amministratrice fondatore fondatrice presidente
responsabile avvocato commercialista rappresentante ingegnere architetto segretaria segretario
consulente geometra impiegata socio addetto addetta
eigenaar eigenaresse oprichter zaakvoerder bestuurder medewerker medewerkster adviseur
vennoot accountmanager projectleider hoofd voorzitter penningmeester secretaris
diretor diretora gerente sócio sócia proprietário proprietária fundador administrador advogado
advogada engenheiro engenheira sócio-gerente coordenador coordenadora
vd ägare grundare säljare projektledare ordförande ekonomichef försäljningschef platschef
direktør adm.dir ejer indehaver partner/indehaver sælger leder daglig styreleder eier
toimitusjohtaja omistaja myyntipäällikkö perustaja hallituksen
prezes właściciel właścicielka dyrektor kierownik wiceprezes wspólnik specjalista
jednatel jednatelka ředitel ředitelka majitel majitelka konateľ konateľka riaditeľ obchodní
obchodný vedoucí vedúci ügyvezető igazgató tulajdonos
директор руководитель основатель владелец менеджер бухгалтер начальник председатель заместитель
президент инженер юрист адвокат специалист
müdür müdürü kurucu kurucusu sahibi başkan ortağı
kierowniczka direktor direktorica vlasnik ravnatelj predsednik predsjednik
"""
_ROLE = frozenset(_ROLES.split())
_ROLE_TAIL = re.compile(
    r"(?:leiter|leiterin|meister|meisterin|ingenieur|ingenieurin|berater|beraterin|anwalt|anwältin"
    r"|beauftragte|beauftragter|assistentin|chef|chefin|ledare|päällikkö|johtaja|führer|führerin"
    r"|manager|managerin|woman|officer|medewerker|directeur)$"
)
_ROLE_PHRASES = re.compile(
    r"\b(?:vice[- ]president|chief \w+(?: \w+)? officer|head of|of counsel|board member"
    r"|member of the board|team (?:leader|lead|member)|committee member|general counsel"
    r"|managing member|staff member|web ?master|chef de|jefe de|capo|founding member"
    r"|legale rappresentante|executive chef|site lead|account exec\w*|law clerk|legal assistant"
    r"|customer (?:care|success|service|support)|help ?desk)\b"
)
_AREAS = _words(
    "sales marketing operations support service services engineering administration finance "
    "accounting accounts hr purchasing production logistics technical office business design "
    "development research quality communications media press billing dispatch shipping warehouse "
    "vertrieb verwaltung einkauf technik buchhaltung büro sekretariat kundendienst produktion "
    "ventes comptabilité direction administración ventas contabilidad vendite amministrazione "
    "comercial verkoop administratie försäljning ekonomi markets care maintenance training it "
    "reception parts inside outside customer client it rentals leasing advertising creative"
)
_STARTERS = _words(
    "vice chief senior junior managing executive general deputy regional national international "
    "project product account customer human financial web software group area branch district "
    "founding independent registered certified licensed head of corporate principal acting interim "
    "non-executive legal digital medical clinical master professional co board technical team"
)
_TRADES = _words(
    "designer chef baker doctor teacher server host hostess driver pilot farmer brewer butcher "
    "coach trainer developer builder artist dentist physician creator maker editor writer "
    "photographer mechanic carpenter plumber electrician jeweller jeweler tailor musician "
    "composer conductor captain skipper buyer grower gardener florist groomer barista bartender"
)
_PART_BREAK = re.compile(r"[,/&+|-]| and | of | for | in | at | to | de | und | et | y | e ")
_NOT_IN_TITLES = _words(
    "is are was were be been we our ours your you i he she they it's has have had will can who "
    "which that this these those here there click read more view see call email e-mail please "
    "contact if when why how what not all please us my me them copyright www http https by about "
    "from welcome get find learn use new free buy order book online need"
)
_SMALL = _words(
    "of and the for & a an to in at on / - – de la le du des der die und für di del della e y et "
    "en van voor och og i do da dos das z w na pro a.i. + el las los"
)
_TOKEN = re.compile(r"[^\W_][\w.'’/&-]*|[&/+–-]")

_NOT_A_TITLE = re.compile(r"[@?!\"“”«»©]|\d|[a-z][.] [A-Z]")
_SLASH_OR_HYPHEN = re.compile(r"[/-]")

_TITLE_END = re.compile(
    r"\s+(?:who|which|that|with|at|from|for|has|have|is|was|since|bei|chez|turned|knows)\b"
    r"|\s+in(?= [A-Z])"
    r"|\s+(?:of|for) (?:the|our)\b|[.;!?](?:\s|$)|\s[-–—|]\s|\s?[(\[\"“]"
    r"|,\s+(?:who|a|an|has|is|and)\b"
)


def _is_role(word: str) -> bool:
    word = word.strip(".").replace("’", "'")
    bare = word.replace(".", "")
    return (
        word in _ROLE
        or bare in _ROLE
        or any(part in _ROLE for part in _SLASH_OR_HYPHEN.split(word) if part)
        or (len(word) > 8 and bool(_ROLE_TAIL.search(word)))
    )


def _holds_role(text: str) -> bool:
    """A role word heads a part of `text`; a trade that also qualifies goods heads only at the end
    (`Interior Designer`, never `Designer handbag`)."""
    for part in _PART_BREAK.split(text):
        words = _TOKEN.findall(part)
        if any(_is_role(w) and (w not in _TRADES or w == words[-1]) for w in words):
            return True
    return False


def starts_title(word: str) -> bool:
    """A word that a job title can begin with: `Vice`, `Senior`, `Sales`, `Director`."""
    word = word.casefold().strip(",")
    return word in _STARTERS or word in _AREAS or _is_role(word)


def grade(text: str) -> Grade:
    """How much the whole of `text` reads as a job title."""
    text = text.strip(" \t,;:.-–—|()[]*•·")
    return _graded(text) if 2 <= len(text) <= TITLE_CHARS_MAX else Grade.NONE


@lru_cache(maxsize=4096)  # several rules ask about a line, and a site's frame is on all its pages
def _graded(text: str) -> Grade:
    if _NOT_A_TITLE.search(text):
        return Grade.NONE
    words = [w.casefold() for w in _TOKEN.findall(text)]
    if not words or len(words) > TITLE_WORDS_MAX or any(w in _NOT_IN_TITLES for w in words):
        return Grade.NONE
    if _ROLE_PHRASES.search(text.casefold()) or _holds_role(text.casefold()):
        return Grade.ROLE
    content = [w for w in words if w not in _SMALL]
    if content and len(content) <= 4 and sum(w in _AREAS for w in content) * 2 >= len(content):
        return Grade.AREA
    return Grade.NONE


def leading_title(text: str) -> str:
    """The job title that `text` starts with, "" when it starts with none.

    Reads on through `of`, `and`, commas between capitalised words; stops before a sentence goes on
    (`Founder of the Blue Door Law Firm who has …` gives `Founder`).
    """
    stop = _TITLE_END.search(text)
    head = text[: stop.start()] if stop else text
    head = re.sub(r"^(?:the|our|an?)\s+", "", head.strip(), flags=re.IGNORECASE)
    head = head.strip(" ,;:.-–—|")
    for joint in (", ", " of ", " and ", " in "):
        if len(head.split()) > _LEADING_WORDS_MAX:
            head = head.split(joint)[0]
    while head and len(head.split()) > 1 and grade(head) is not Grade.ROLE:
        head = head.rsplit(None, 1)[0].rstrip(" ,")
    if grade(head) is not Grade.ROLE:
        return ""
    words = head.split()
    while words and words[-1].casefold().strip(",") in _SMALL:
        words.pop()
    return " ".join(words)


def singular(heading: str) -> str:
    """The title of one person under a plural heading: `Senior Associates` → `Senior Associate`;
    "" when the heading is no plural of a title."""
    text = heading.strip(" :.-–—")
    text = re.sub(r"^(?:our|meet (?:our|the)|the)\s+", "", text, flags=re.IGNORECASE)
    if text.casefold() in {"of counsel", "staff", "team", "people"}:
        return text if text.casefold() == "of counsel" else ""
    if text.casefold() == "board of directors":
        return "Director"
    words = text.split()
    if not 1 <= len(words) <= 4 or " of " in text or not words[-1].casefold().endswith("s"):
        return ""
    last = words[-1]
    if last.casefold().endswith("ss"):
        return ""
    one = last[:-3] + "y" if last.casefold().endswith("ies") else last[:-1]
    if not _is_role(one.casefold()):
        return ""
    return " ".join([*words[:-1], one])
