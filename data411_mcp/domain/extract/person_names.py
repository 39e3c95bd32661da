"""Reading a stretch of text as the name of one person.

A name is one to four capitalised words with initials, particles, a bracketed nickname and a
generation suffix; honorifics before it and letters after it are signs of a person and are set
aside. `known` says whether the given name is a common one: the page must support the others.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from data411_mcp.domain.extract.data.people_given_names import GIVEN_NAMES

NAME_CHARS_MAX = 60


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class PersonName(NamedTuple):
    full: str  # as a person would write it, without honorific and letters
    given: str  # folded
    last: str  # folded; "" for a single name
    known: bool  # the given name is in the list
    marked: bool  # an honorific or professional letters stood with it


_HONORIFICS = _words(
    "dr mr mrs ms miss mx prof professor herr frau hr fr sr sra srta doña mme mlle mm sig "
    "sigra dott dottssa ing avv rag geom dhr mevr drs ir dipl-ing mag rev reverend capt captain "
    "sir dame lord lady hon judge chef pan pani inż mgr"
)
# Two capitals alone are a US state as often as a degree: only the listed pairs count.
_LETTERS = re.compile(
    r"(?:,\s*|\s+)(?:(?:esq(?:uire)?|ph\.?\s?d|M\.?D|D\.?O|D\.?D\.?S|D\.?M\.?D|J\.?D|M\.?B\.?A"
    r"|LL\.?[BM]|C\.?P\.?A|B\.A|B\.?Sc|M\.?Sc|M\.A|R\.?N|P\.?E|Q\.?C|K\.?C|O\.?D|D\.?C"
    r"|D\.?V\.?M|Psy\.?D|Ed\.?D|[A-Z]{3,7}(?:[-/][A-Z]{1,5})?®?|[a-z][A-Z]{2,4}"
    r"|[A-Z]{1,3}[a-z][A-Z]{1,4})"
    r"\.?(?=[,\s]|$))+$"
)
_LETTERS_ANY_CASE = re.compile(
    r"(?:,\s*|\s+)(?:esq(?:uire)?|ph\.?\s?d|m\.d|d\.d\.s|d\.m\.d|cpa|dds|dmd|phd|mba|lcsw)\.?$",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r",?\s+(jr\.?|sr\.?|ii|iii|iv)$", re.IGNORECASE)
_NICKNAME = re.compile(r"[(\"“'‘]([^\W\d_][\w.'-]{1,14})[)\"”'’]")
_PARTICLES = _words(
    "van von der den de del della di da do dos das du la le el al bin ibn ten ter zu zur y e "
    "af av mac 't"
)
_WORD = re.compile(r"(?:[^\W\d_]\.)+|[^\W\d_]+(?:['’`-][^\W\d_]+)*\.?")

# Capitalised words of pages that no name holds: departments, places, products, navigation.
_NOT_NAMES = _words(
    """
about above academy access account accounts accessories action active activities add additional
address administration administrative advanced advantage adventure advertising advisory affairs
affiliate affiliated after agency agent air airport album all alliance alumni america american
analysis and animal annual answers any apartments app apparel apply appliance application
appointment apps arab archive archives area areas art article articles arts asia asian ask
assembly asset assistance associates association at attorneys auction audio australia australian
auto automatic automotive avenue aviation award awards back bank banking bar basic bath bathroom
battery bay beach beauty bed before benefits best better big bill billing bio biography blog blue
blvd board body book booking bookings books boulevard box boys brand brands bridge british brochure
building buildings bureau business button buy by calendar call campus canada canadian cancer
capital car card cards care career careers carpet cars cart case cases catalog catalogue category
catering cell center central centre certificate certified chain chamber change channel chapter
charity chat check checkout chemical chicken child children china chinese choice church cinema
circle city civic civil class classes classic clean cleaning clear click client clients clinic
clinical close closed clothing cloud club co coast code coffee collection college color colour
comment comments commerce commercial commission committee common communications community companies
company compare competition complete compliance computer computers concert concrete conference
congress connect construction consultants consultation consulting consumer contact contacts content
contract control cookie cookies cooling copyright corner corp corporate corporation cost council
counseling country county court cover create creative credit criminal cruise culture current custom
customer customers daily data database date day days deal dealer dealers deals death defense
delivery dental department departments design designs desk details development device digital
dining dinner direct directions directory disclaimer discount display district division divorce
doctor document documents dog domestic donate door doors down download downtown drive driving
drug early east eastern easy eco economic edit education electric electrical electronic electronics
email emergency employee employees employment energy engineering english enquiries enquiry
enterprise enterprises entertainment entry environment environmental equipment error estate
estimate europe european event events every everyone excellence exclusive exhibition experience
experienced expert experts explore export express exterior extra eye fabric facebook facilities
facility factory fair families family faq faqs farm fashion fast fax feature featured features
federal feed feedback festival field file film films final finance financial find fine fire first
fish fitness fleet flight floor floors follow food foods foot football for foreign forest form
format forms forum foundation free freight french fresh friday friends from front full fun fund
furniture future gallery game games garage garden gardens gas gate general get gift gifts girls
glass global go gold golf good google government graduate grand graphic great green grill ground
group guarantee guest guide hair half hall hand handmade happy hardware harbor have head health
healthcare heart heating heavy help here heritage high highway hill hills historic history holiday
holidays home homepage homes hospital hosting hot hotel hotels hour hours house houses housing how
human ice if image images import in inc independent index india indian industrial industries
industry info information injury inn innovation inquiry inside inspection install installation
institute instructions insurance integrated intelligence interactive interior international
internet investment investments investor investors island islands it item items jewelry jewellery
job jobs join journal just key kids king kitchen kitchens knowledge lab laboratory ladies lake land
landscape lane language laser last latest latin laundry law laws lawyers learn learning lease leave
legal leisure lens library licence license life light lighting like limited line linkedin links
list listing listings live living llc llp loans local location locations lock log login logistics
london lost lot love low lower luxury machine machinery magazine mail main maintenance make mall
manage management manufacturing map maps marine market marketing markets master material materials
matters meat media medical medicine meet meeting meetings member members membership memorial men
menu merchandise message metal metro mexico middle military mill mind mini ministry mission mobile
model models modern monday money month monthly more mortgage mortgages most motor motors mount
mountain move movie movies moving municipal museum music my name national natural nature navigation
near need network networks new news newsletter next night no non north northern northeast northwest
not notes notice now number nursing nutrition object of offer offers office offices official offset
oil old on one online only open opening operation operations option options or order orders organic
organisation organization original other our out outdoor outdoors overview own pacific package
packages
packaging page pages paint painting pal paper parent park parking part partners partnership parts
party passenger password past patient patients payment payments pdf pension people performance
personal pest pet pets phone photo photography photos picture pictures pipe pipes pizza place places
plan planet planning plans plant plants plastic plastics play plaza please plumbing plus podcast
point police policies policy political pool pools popular port portal portfolio position positions
post postal posted posts power practice practices precision premier premium president press
previous price prices pricing primary print printing privacy private pro process processing product
production productions products professional professionals profile program programme programs
progress project projects promotion properties property protection provider providers public
publication publications published publishing purchase quality queen question questions quick quote
quotes race radio rail railway range rate rates read ready real recent recipes record records
recovery recruitment red reference references referral refund region regional register registered
registration regulations related relations release religious remodel rental rentals repair repairs
reply report reports republic request research reservation reservations reserved residential
resort resource resources responsibility restaurant restaurants results retail return returns
review reviews ridge right rights ring river road roads roof roofing room rooms route royal rules
rural safe safety saint sainte fort sale sales salon sample satisfaction saturday save say
schedule school schools
science sciences sea search season second secure security see select selected self sell senior
series service services session set settings shared shipping shop shopping short show shower
showers showroom shows side sign simple site sitemap sites size skin sky skype sleep small smart
smile social society soft software soil solar solicitors solution solutions sound source south
southeast southern southwest spa space spanish special specialists specials specialty speed sport
sports spring square staff stage standard standards star stars start state states station statement
stay steel step stone stop storage store stores stories story strategic strategy stream street
student students studio studios study style subject submit subscribe success suite suites summary
summer sunday super supplier suppliers supply support surgery surgical sustainability sweet swimming
system systems table take tax taxi tea team tech technical technologies technology telephone
television temple tennis terms terrace test testimonial testimonials testing text thank thanks that
the theater theatre then therapy these this three thursday ticket tickets time times tips to today
together toll tool tools top total touch tour tourism tours tower town toys track trade trading
traffic training trans transfer transport transportation travel treatment tree trial trip truck
trucks trust tuesday tv twitter two type ultimate under union unit united university up update
updated updates upper us use used user users vacation vacuum vale valley value van vehicle
vehicles via video videos view village vintage vision visit visitors voice volunteer waiting walk
wall want warehouse warranty waste watch water way we weather web website wedding weddings wednesday
week weekly weight welcome well wellness west western wheel when where white who whole wholesale why
wild window windows wine winter with women wood word work workers working workplace works workshop
world worldwide write yacht year years yellow yoga york you your youth zealand zip zone
january february march april may june july august september october november december
alabama alaska arizona arkansas california colorado connecticut delaware florida hawaii idaho
illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota
mississippi missouri montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah
vermont wisconsin wyoming ontario quebec alberta manitoba saskatchewan england scotland wales
ireland france germany spain italy netherlands belgium switzerland austria sweden norway denmark
finland hong kong poland portugal greece turkey russia japan korea singapore malaysia thailand
vietnam
indonesia philippines brazil argentina chile colombia africa denver chicago boston dallas houston
seattle atlanta miami philadelphia phoenix detroit toronto vancouver montreal melbourne brisbane
perth auckland dublin berlin munich hamburg madrid barcelona rome milan amsterdam brussels
angeles diego francisco jose vegas antonio beverly los las
kontakt impressum datenschutz startseite aktuelles leistungen unternehmen produkte karriere
anfahrt angebot über uns telefon adresse straße strasse platz weg gasse
accueil contactez nous produits entreprise actualités mentions légales rue avenue place
inicio empresa productos servicios contacto noticias calle plaza avenida
azienda prodotti servizi contatti dove siamo chi via piazza corso viale strada
over ons diensten producten nieuws straat
spol ltd gmbh srl sro spa llc
"""
)
_AMBIGUOUS_GIVEN = _words(
    "may april june august francisco jose diego antonio bill grand price king green white wood "
    "hall lane young stone star beverly white mark art rose grace chase smart savannah cooper "
    "hunter taylor mason parker carter west north love field church hill miller"
)
# Words of the list above that are also family names; fine after a known given name.
_FAMILY_TOO = _words(
    "king hall lane stone wood woods white green hill hills park lake bridge church field forest "
    "short house hand love bell banks banks price rice gold day days may march august west north "
    "east south young grant rose ford brook brooks bush berry cook gates star mill miller mills "
    "case chase good grand knight light long moody page post power powers reed ring rivers rivers "
    "royal sharp small smart spring sweet temple tower towers wall ward water waters watch wells "
    "winter winters wise words york world fair fine fish flowers fox frost garland holiday best "
    "head heart heath horn hunt key kay lamb land little lock marsh mason moon moore "
    "noble past pool pope read street story strong summer summers swan tan tree trump vale van "
    "walk walker wild wine wolf workman duke earl francis francisco jose diego antonio london "
    "paris holland english french german ireland england wales scotland france berlin rome milan "
    "boston dallas houston denver hamilton lincoln washington hart capital close cross dance "
    "fields bond booth bowling butler gray gardens garden gates gallery gate farm dean box coffee "
    "black brown read bay beach bishop book bar bill bird blue classic cost self foot major cash "
    "christian glass golden grill harbor ridge rich round sands shore silver singer speed "
    "steel sun truck moss port sales sale pal perry roof rush shields skinner"
)


def fold(text: str) -> str:
    """Lower case without accents, for comparing."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return plain.replace("ø", "o").replace("ł", "l").replace("æ", "ae").replace("đ", "d")


def is_given_name(word: str) -> bool:
    """A common given name; of a double name (`Anne-Marie`) the first part counts."""
    plain = fold(word).strip(".")
    return plain in GIVEN_NAMES or plain.split("-")[0] in GIVEN_NAMES


def _cased(word: str) -> str:
    """`O'FLYNN` → `O'Flynn`, `MCKAY` → `McKay`; a mixed word stays."""
    if not word.isupper() or len(word.replace(".", "")) < 3 or "." in word[:-1]:
        return word
    titled = re.sub(r"[^\W\d_]+", lambda m: m.group()[0] + m.group()[1:].lower(), word)
    titled = re.sub(r"\bMc(\w)", lambda m: "Mc" + m.group(1).upper(), titled)
    return re.sub(r"(?<=[a-z]{2})(['’])S\b", r"\1s", titled)


def _set_aside(text: str) -> tuple[str, str, str, bool]:
    """Text without honorifics, letters, suffix and nickname: (rest, suffix, nickname, marked)."""
    marked = False
    while (first := re.match(r"[^\W\d_][\w-]*\.?", text)) and len(text) > first.end():
        word = first.group()
        if fold(word).replace(".", "") not in _HONORIFICS or len(word) < 2:
            break
        marked = True
        text = text[first.end() :].lstrip(" .")
    nickname = ""
    if nick := _NICKNAME.search(text):
        nickname = nick.group()
        text = (text[: nick.start()].rstrip() + " " + text[nick.end() :].lstrip()).strip()
    suffix = ""
    for _ in range(3):
        if found := _SUFFIX.search(text):
            suffix, text = found.group(1), text[: found.start()]
        letters = _LETTERS.search(text) or _LETTERS_ANY_CASE.search(text)
        if not letters or (text.isupper() and not letters.group().startswith(",")):
            break
        marked, text = True, text[: letters.start()]
    return text.strip(" ,"), suffix, nickname, marked


@lru_cache(maxsize=4096)  # a page's readers ask for the same stretches
def read_name(text: str) -> PersonName | None:
    """The person whose name the whole of `text` is, or None."""
    text = " ".join(text.replace("\u00a0", " ").split()).strip(" ,;:*•·-–—|")
    if not 3 <= len(text) <= NAME_CHARS_MAX or re.search(r"[@\d!?/&+©:]", text):
        return None
    rest, suffix, nickname, marked = _set_aside(text)
    if re.fullmatch(r"[^,]+,[^,]+", rest):  # "Doe, Jane"
        last, first = (part.strip() for part in rest.split(","))
        if not (is_given_name(first.split()[0]) and len(last.split()) == 1):
            return None
        rest = f"{first} {last}"
    words = rest.split()
    if not 1 <= len(words) <= 5 or not all(_WORD.fullmatch(w) for w in words):
        return None
    return _from_words(words, suffix, nickname, marked)


def _from_words(words: list[str], suffix: str, nickname: str, marked: bool) -> PersonName | None:
    full_words = [w for w in words if len(w.strip(".")) > 1 and "." not in w[:-1]]
    real = [w for w in full_words if fold(w) not in _PARTICLES]
    if not real or not all(w[0].isupper() or fold(w) in _PARTICLES for w in words):
        return None
    if any(len(w) > 2 and w.endswith(".") and "." not in w[:-1] for w in words[:-1]):
        return None  # an abbreviation inside: `Vernon St. Oakfield` is a street
    if any(len(fold(w)) < 2 for w in real) or len(real) > 4:
        return None
    given = next((w for w in real), "")
    initials_first = len(words[0].strip(".")) == 1 or "." in words[0][:-1]
    known = is_given_name(given) or (initials_first and len(real) >= 2 and is_given_name(real[0]))
    family_first = not known and len(real) == 2 and is_given_name(real[1])
    if fold(given) in _NOT_NAMES and fold(given) not in _AMBIGUOUS_GIVEN:
        return None
    for word in real[1:]:
        plain = fold(word).strip(".")
        if plain in _NOT_NAMES and not (known and plain in _FAMILY_TOO):
            return None
    if len(real) == 1 and (fold(words[0]) in _PARTICLES or (len(words) == 1 and not known)):
        return None
    last = fold(real[-1]).strip(".") if len(words) > 1 else ""
    shown = [_cased(w) for w in words]
    if nickname and len(shown) > 1:
        shown.insert(1, nickname)
    full = " ".join(shown).strip(".,") if not shown[-1].endswith(".") else " ".join(shown)
    full = full + (f" {_cased_suffix(suffix)}" if suffix else "")
    return PersonName(full, fold(given), last, known or family_first, marked)


def _cased_suffix(suffix: str) -> str:
    return suffix.upper() if set(suffix.casefold()) <= {"i", "v"} else suffix.capitalize()


_SHORT_FORMS = tuple(
    frozenset(pair.split("/"))
    for pair in _words(
        "michael/mike james/jim john/jack charles/chuck margaret/maggie theodore/ted thomas/tom "
        "joseph/joe anthony/tony katherine/kate catherine/cathy robert/bob william/bill "
        "richard/dick edward/ted elizabeth/liz elizabeth/beth margaret/peggy henry/harry "
        "lawrence/larry andrew/drew patricia/trish alexandra/sandra francis/frank"
    )
)


def same_person(one: PersonName, other: PersonName) -> bool:
    """Equal last names and given names that may be one (`Dan`/`Daniel`, `R.`/`Robert`)."""
    if one.last != other.last or not one.last:
        return one.full.casefold() == other.full.casefold()
    a, b = one.given, other.given
    return a == b or a[:3] == b[:3] or {a, b} in _SHORT_FORMS
