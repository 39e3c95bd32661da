"""Telephone numbers as values: reading, validity, E.164, vanity letters.

Validity and E.164 come from `phonenumbers` (Google's libphonenumber metadata).
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

EXTENSION = re.compile(
    r"[\s,;(]{0,3}(?:x|ext\.?|extn\.?|extension|poste|durchwahl|dw|int\.?|доб\.?)[\s.:]{0,2}\d{1,6}\b",
    re.IGNORECASE,
)

VANITY = re.compile(
    r"(?<![\w\-])(?:(?:1[\-. ])?\(?(?P<area>[2-9]\d\d)\)?[\-. ]{1,2}"
    r"(?P<word>(?=[A-Z\d\-. ]{0,9}[A-Z]{3})[2-9A-Z](?:[\-.]?[A-Z\d]){6,9}"
    r"|\d{3}[ .\-][A-Z]{4}|(?<=8[0-9]{2}[ \-.)])[A-Z]{2,7} [A-Z\d]{2,7})"
    r"|(?P<short>1[38]00?)[\- ](?P<au_word>[A-Z][A-Z\d ]{4,9}))(?![\w])"
)

# Calling codes of countries that always write the zero before a national number.
_TRUNK_WRITTEN = frozenset({44, 49, 33, 61, 31, 32, 46, 41, 43, 353, 64, 27, 81, 82, 40, 358})


def parse_number(raw: str, country: str | None) -> PhoneNumber | None:
    """`raw` read as a number of `country`; None unless its length is possible there."""
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def normalize_phone(raw: str, country: str | None) -> str | None:
    """E.164 of a number as people write it, None when it is none.

    `country` (ISO 2) reads national forms; a number that starts with + or 00 needs none.
    Letters after digits are dialled (1-800-FLOWERS); an extension is left out. Numbers whose
    length fits the country but whose prefix is not in use pass: ranges kept for fiction do that.
    """
    text = raw.strip().removeprefix("tel:").removeprefix("callto:").strip()
    text = re.sub(r"\(0\)", " ", text) if re.match(r"\(?(?:\+|00)", text) else text
    if country is None and re.match(r"00\d", text):
        text = "+" + text[2:]
    region = country.upper() if country else None
    if region == "UK":
        region = "GB"
    vanity = VANITY.search(text)
    if vanity and is_vanity(vanity):
        text = vanity_digits(vanity)
        region = region or "US"
    cut = EXTENSION.search(text)
    number = parse_number(text[: cut.start()] if cut else text, region)
    return e164(number) if number is not None and len(re.sub(r"\D", "", text)) >= 5 else None


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(
        PhoneNumber(
            country_code=number.country_code,
            national_number=number.national_number,
            italian_leading_zero=number.italian_leading_zero,
            number_of_leading_zeros=number.number_of_leading_zeros,
        ),
        phonenumbers.PhoneNumberFormat.E164,
    )


def is_valid(value: str) -> bool:
    """Whether an E.164 number lies in a range that is in use."""
    number = parse_number(value, None)
    return number is not None and phonenumbers.is_valid_number(number)


def kind_of_range(value: str) -> str:
    """Kind by numbering plan: toll_free, mobile (where the plan tells it apart) or main."""
    number = parse_number(value, None)
    if number is None:
        return "main"
    match phonenumbers.number_type(number):
        case PhoneNumberType.TOLL_FREE:
            return "toll_free"
        case PhoneNumberType.MOBILE:
            return "mobile"
        case _:
            return "main"


def vanity_digits(match: re.Match[str]) -> str:
    """Dialled digits of a vanity number, cut to the length the plan has."""
    if match["short"]:
        digits = phonenumbers.convert_alpha_characters_in_number(match["au_word"].replace(" ", ""))
        return match["short"] + digits[: 10 - len(match["short"])]
    word = re.sub(r"[^A-Z\d]", "", match["word"])
    return match["area"] + phonenumbers.convert_alpha_characters_in_number(word)[:7]


def is_vanity(match: re.Match[str]) -> bool:
    """Seven keys after the area code; more only where the call is free and letters are
    advertised beyond the last key."""
    if match["short"]:
        return len(match["au_word"].replace(" ", "")) >= 10 - len(match["short"]) - 1
    keys = len(re.sub(r"[^A-Z\d]", "", match["word"]))
    loose = match.group()[match.end("area") - match.start()] == " "
    if loose and match["area"][0] != "8" and not match["word"][0].isdigit():
        return False  # `400 CENTRAL …` is a street
    return keys == 7 or (7 < keys <= 10 and match["area"][0] == "8")


def is_personal(value: str) -> bool:
    """Ranges that companies hardly use: digits that fall there are something else."""
    number = parse_number(value, None)
    return number is not None and phonenumbers.number_type(number) in {
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,
        PhoneNumberType.VOICEMAIL,
    }


def lacks_trunk_prefix(piece: str, number: PhoneNumber) -> bool:
    """A national form that lacks the zero its country writes before it."""
    if piece.lstrip("( ").startswith(("+", "00")):
        return False
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    prefix = phonenumbers.ndd_prefix_for_region(region or "", True)
    digits = re.sub(r"\D", "", piece)
    return prefix == "0" and number.country_code in _TRUNK_WRITTEN and not digits.startswith("0")


def is_written_without_trunk(piece: str, number: PhoneNumber) -> bool:
    """Service numbers (1300 …, 0800 without zero) are written without a trunk prefix."""
    kind = phonenumbers.number_type(number)
    service = kind not in {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
    return service
