"""Light romanisation for comparing names across scripts: letter tables, no dictionaries.

Cyrillic, Greek, Armenian, Georgian, kana and Hangul come out readable. Arabic and Hebrew write
few vowels, so they come out as consonants. Chinese characters stay as they are.
Sources: ICAO Doc 9303 part 3 (Cyrillic), ISO 843 (Greek), the Unicode Hangul syllable formula
(Unicode 3.12), Revised Romanization letters (Korean), Hepburn (kana).
"""

from __future__ import annotations

import unicodedata

_LATIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
    "ħ": "h", "ŋ": "n", "ə": "a", "ŧ": "t", "ĸ": "k", "ĳ": "ij",
}  # fmt: skip
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z",
    "и": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh",
    "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia", "є": "ie", "і": "i",
    "ї": "i", "ґ": "g", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz", "ѓ": "g",
    "ѕ": "dz", "ќ": "k", "ў": "u", "қ": "k", "ғ": "g", "ү": "u", "ұ": "u", "ө": "o", "ә": "a",
    "ң": "n", "һ": "h",
}  # fmt: skip
_GREEK = {
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i",
    "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s",
    "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
_ARMENIAN = dict(
    zip(
        "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆև",
        str.split(
            "a b g d e z e y t zh i l kh ts k h dz gh ch m y n sh o ch p j r s v t r ts v p k o f "
            "ev"
        ),
        strict=True,
    )
)  # fmt: skip
_GEORGIAN = dict(
    zip(
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        str.split("a b g d e v z t i k l m n o p zh r s t u p k gh k sh ch ts dz ts ch kh j h"),
        strict=True,
    )
)
_ARABIC = {
    "ا": "a", "أ": "a", "إ": "i", "آ": "a", "ٱ": "a", "ب": "b", "ت": "t", "ث": "th", "ج": "j",
    "ح": "h", "خ": "kh", "د": "d", "ذ": "dh", "ر": "r", "ز": "z", "س": "s", "ش": "sh", "ص": "s",
    "ض": "d", "ط": "t", "ظ": "z", "ع": "", "غ": "gh", "ف": "f", "ق": "q", "ك": "k", "ل": "l",
    "م": "m", "ن": "n", "ه": "h", "و": "w", "ؤ": "w", "ي": "y", "ى": "a", "ئ": "y", "ة": "a",
    "ء": "", "ـ": "", "پ": "p", "چ": "ch", "ژ": "zh", "گ": "g", "ک": "k", "ی": "y", "ٹ": "t",
    "ڈ": "d", "ڑ": "r", "ں": "n", "ہ": "h", "ے": "e", "ھ": "h",
}  # fmt: skip
_HEBREW = {
    "א": "a", "ב": "b", "ג": "g", "ד": "d", "ה": "h", "ו": "v", "ז": "z", "ח": "ch", "ט": "t",
    "י": "i", "כ": "k", "ך": "k", "ל": "l", "מ": "m", "ם": "m", "נ": "n", "ן": "n", "ס": "s",
    "ע": "", "פ": "p", "ף": "f", "צ": "ts", "ץ": "ts", "ק": "k", "ר": "r", "ש": "sh", "ת": "t",
}  # fmt: skip
_TABLE = {
    **_LATIN, **_CYRILLIC, **_GREEK, **_ARMENIAN, **_GEORGIAN, **_ARABIC, **_HEBREW,
}  # fmt: skip

_KANA_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "s": "サシスセソ", "t": "タチツテト", "n": "ナニヌネノ",
    "h": "ハヒフヘホ", "m": "マミムメモ", "r": "ラリルレロ", "g": "ガギグゲゴ", "z": "ザジズゼゾ",
    "d": "ダヂヅデド", "b": "バビブベボ", "p": "パピプペポ",
}  # fmt: skip
_KANA = {kana: row + vowel for row, kanas in _KANA_ROWS.items() for kana, vowel in zip(
    kanas, "aiueo", strict=True)} | {
    "シ": "shi", "チ": "chi", "ツ": "tsu", "フ": "fu", "ジ": "ji", "ヂ": "ji", "ヅ": "zu",
    "ヤ": "ya", "ユ": "yu", "ヨ": "yo", "ワ": "wa", "ヲ": "o", "ン": "n", "ヴ": "v", "ー": "",
    "ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o", "ッ": "", "ャ": "ya", "ュ": "yu",
    "ョ": "yo",
}  # fmt: skip
_KATAKANA_OFFSET = ord("ア") - ord("あ")

_HANGUL_FIRST, _HANGUL_LAST = 0xAC00, 0xD7A3
_HANGUL_LEADS = "g kk n d tt r m b pp s ss _ j jj ch k t p h".replace("_", "").split(" ")
_HANGUL_VOWELS = str.split("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_HANGUL_TAILS = "_ k k k n n n t l k m l l l p l m p p t t ng t t k t p t".replace("_", "").split(
    " "
)


def romanize(text: str) -> str:
    """Case-folded `text` in plain Latin letters where a table knows the script.

    Diacritics are dropped. Letters of other scripts are kept, with their vowel signs.
    """
    composed = unicodedata.normalize("NFKC", text).casefold()
    return "".join(_letter(char) for char in unicodedata.normalize("NFC", composed))


def _letter(char: str) -> str:
    if char.isascii():
        return char
    if char in _TABLE:
        return _TABLE[char]
    code = ord(char)
    if _HANGUL_FIRST <= code <= _HANGUL_LAST:
        lead, rest = divmod(code - _HANGUL_FIRST, 588)
        vowel, tail = divmod(rest, 28)
        return _HANGUL_LEADS[lead] + _HANGUL_VOWELS[vowel] + _HANGUL_TAILS[tail]
    kana = chr(code + _KATAKANA_OFFSET) if "ぁ" <= char <= "ゖ" else char
    if kana in _KANA:
        return _KANA[kana]
    base = unicodedata.normalize("NFD", char)
    if base[0] == char:
        # A lone mark: Latin, Arabic and Hebrew marks go; Indic vowel signs carry the word.
        return "" if unicodedata.category(char) == "Mn" and code < 0x0900 else char
    return "".join(_letter(c) for c in base if not unicodedata.combining(c))
