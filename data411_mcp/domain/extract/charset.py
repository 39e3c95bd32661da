"""Bytes of a response → characters, as a browser reads them (WHATWG Encoding, shortened)."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.I)
_XML_CHARSET = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.I)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", re.I)
_SAME_IN_PYTHON = (
    "utf-8 utf-16 utf-16-le utf-16-be gb18030 big5 big5hkscs euc_jp iso2022_jp cp932 cp949 koi8-r"
    " koi8-u mac-roman cp866 cp874 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258"
    " iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13"
    " iso8859-14 iso8859-15 iso8859-16"
)
# The encodings of the WHATWG standard that Python knows; latin-1 and ASCII mean windows-1252.
_WEB_CODECS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    **{name: name for name in _SAME_IN_PYTHON.split()},
}
_MAGIC_OF_BINARIES = (b"%PDF", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b")


def decode_text(body: bytes, content_type: str) -> str:
    """Characters of a response: BOM, then header, then meta, then UTF-8, then windows-1252."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace")
    header = _HEADER_CHARSET.search(content_type)
    declared = [header.group(1)] if header else []
    declared += [
        found.group(1).decode("ascii", "replace")
        for pattern in (_META_CHARSET, _XML_CHARSET)
        if (found := pattern.search(body[:4096]))
    ]
    for codec in map(_web_codec, declared):
        if codec == "utf-8":
            break
        if codec is None or codec.startswith("utf-16"):
            continue  # UTF-16 without a byte order mark is a slip: its bytes would hold no "<"
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return _repair(body)


def _web_codec(label: str) -> str | None:
    try:
        return _WEB_CODECS.get(codecs.lookup(label).name)
    except (LookupError, ValueError):
        return None


def _repair(body: bytes) -> str:
    """A page of UTF-8 with a few broken bytes stays UTF-8; any other is windows-1252."""
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    sound = sum(1 for char in text if char > "\x7f") - broken
    return text if sound > broken else body.decode("cp1252", "replace")


def is_binary(body: bytes) -> bool:
    """PDF, pictures, archives: no text to read here."""
    return body.startswith(_MAGIC_OF_BINARIES)


def without_surrogates(text: str) -> str:
    """Lone surrogates (from JSON escapes) cannot be stored or parsed."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
