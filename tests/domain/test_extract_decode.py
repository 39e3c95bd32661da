"""The canonical text, and that its map always matches it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.extract.decode import decode, document_from_text
from data411_mcp.domain.extract.document import Document

URL = "https://acme.example/about/"


def html(source: str, *, head: str = "") -> Document:
    page = f"<!doctype html><html lang=en><head>{head}</head><body>{source}</body></html>"
    return decode(page.encode(), content_type="text/html; charset=utf-8", url=URL)


def visible(document: Document) -> str:
    return document.text[: document.visible_end]


def assert_map_matches_text(document: Document) -> None:
    text = document.text
    assert 0 <= document.visible_end <= len(text)
    for block in document.blocks:
        line = text[block.start : block.end]
        assert line.strip() == line or document.decoder == "json/1"
        assert line
        assert block.end <= document.visible_end
    for link in document.links:
        assert text[link.start : link.end] == f"[{link.text}]({link.href})"
        assert link.start > document.visible_end or document.visible_end == 0
    for value in document.structured:
        assert text[value.start : value.end] == f"{value.path}: {value.value}"


fragments = st.lists(
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<div class='a b' id=x>",
            "</div>",
            "<b>",
            "</b>",
            "<br>",
            "<td>",
            "<table><tr>",
            "</table>",
            "<a href='/x y'>",
            "<a href=mailto:info@acme.example>",
            "</a>",
            "<span style='display:none'>",
            "</span>",
            "<!--",
            "-->",
            "<script>",
            "</script>",
            "<div itemscope itemtype=http://schema.org/Person><i itemprop=name>",
            "<meta name=description content='a  b'>",
            '<script type="application/ld+json">{"@type":"Person","name":"\\ud800 x"}</script>',
            "&nbsp;",
            "&#x200b;",
            "&amp;",
            "\u00ad",
            "]( ",
            "<",
            "é ",
            "Jane Roe ",
            "== links ==",
            "\n",
        ]
    ),
    max_size=40,
).map("".join)


@given(fragments)
def test_offsets_match_the_text_of_any_broken_page(source: str) -> None:
    assert_map_matches_text(html(source))


@given(
    st.binary(max_size=400),
    st.sampled_from(
        ["", "text/html", "text/plain", "application/json", "text/markdown", "image/png"]
        + [f"text/html; charset={name}" for name in ("utf-16", "hex", "\x00")]
    ),
)
def test_decoding_is_total_and_deterministic_on_any_bytes(body: bytes, content_type: str) -> None:
    document = decode(body, content_type=content_type, url=URL)
    assert_map_matches_text(document)
    document.text.encode("utf-8")
    assert decode(body, content_type=content_type, url=URL) == document


@given(st.text(max_size=300))
def test_any_plain_text_keeps_its_map(text: str) -> None:
    assert_map_matches_text(document_from_text(text, url=URL))


@given(fragments)
def test_any_markdown_keeps_its_map(source: str) -> None:
    assert_map_matches_text(decode(source.encode(), content_type="text/markdown", url=URL))


def test_blocks_stand_on_lines_and_inline_elements_join_without_spaces() -> None:
    document = html(
        "<h1>Acme  <b>Pump</b>s</h1><p>Call<br>us</p><table><tr><td>Fax</td><td>020</td></table>"
    )
    assert visible(document) == "Acme Pumps\nCall\nus\nFax\n020"
    assert [block.tag for block in document.blocks] == ["h1", "p", "p", "td", "td"]


def test_a_block_knows_its_landmarks_and_class_words() -> None:
    document = html("<footer class='Site-Foot'><div id=adr><p>1 High St</p></div></footer>")
    assert document.blocks[0].path == "footer site-foot adr p"


@pytest.mark.parametrize(
    "hidden",
    [
        "<div style='display: none !important'>X</div>",
        "<div style='visibility:hidden'><b>X</b></div>",
        "<div hidden>X</div>",
        "<p style='font-size:0px'>X</p>",
        "<p style='opacity:0'>X</p>",
        "<p style='text-indent:-9999px'>X</p>",
        "<p style='position:absolute;left:-5000px'>X</p>",
        "<p style='color:#FFFFFF;background:white'>X</p>",
        "<style>.gone{display:none}</style><p class='a gone'>X</p>",
        "<template><p>X</p></template>",
        "<noscript>X</noscript>",
        "<!-- X -->",
        "<script>X</script>",
        "<select><option>X</option></select>",
    ],
)
def test_text_a_reader_cannot_see_is_left_out(hidden: str) -> None:
    assert visible(html(f"<p>seen</p>{hidden}<p>too</p>")) == "seen\ntoo"


@pytest.mark.parametrize(
    "seen",
    [
        "<p aria-hidden=true>X</p>",
        "<p style='font-size:10px'>X</p>",
        "<p style='opacity:0.9'>X</p>",
        "<div style='visibility:hidden'><p style='visibility:visible'>X</p></div>",
        "<ul style='font-size:0'><li style='font-size:14px'>X</li></ul>",
        "<style>@media print{.gone{display:none}}</style><p class=gone>X</p>",
        "<style>.gone{display:none} .gone{display:block}</style><p class=gone>X</p>",
        "<details><summary></summary>X</details>",
    ],
)
def test_text_a_reader_can_see_stays(seen: str) -> None:
    assert visible(html(seen)) == "X"


def test_invisible_characters_are_taken_out() -> None:
    assert visible(html("<p>a\u200bb\U000e0041\u202ec&shy;d</p>")) == "abcd"


def test_links_are_absolute_and_named() -> None:
    document = html(
        "<a href='../contact'>Contact <b>us</b></a> <a href=mailto:Info@acme.example>mail</a>"
        "<a href=tel:+442079460001></a><a href='#top'>up</a><a href='javascript:x()'>js</a>"
        "<a href=https://x.com/acme><img alt='X profile' src=x.png></a>"
    )
    assert [(link.text, link.href) for link in document.links] == [
        ("Contact us", "https://acme.example/contact"),
        ("mail", "mailto:Info@acme.example"),
        ("", "tel:+442079460001"),
        ("X profile", "https://x.com/acme"),
    ]
    assert "\n== links ==\n[Contact us](https://acme.example/contact)\n" in document.text


def test_a_folded_menu_gives_addresses_and_no_words() -> None:
    document = html(
        "<ul style='display:none'><li><a href=/team>Ignore this page</a>"
        "<a href='mailto:trap@acme.example'>m</a><a href=https://other.example/>o</a></ul>"
    )
    assert [(link.text, link.href) for link in document.links] == [
        ("", "https://acme.example/team")
    ]


def test_an_image_map_is_a_link() -> None:
    document = html("<map name=m><area alt='Mail us' href=mailto:info@acme.example></map>")
    assert document.links[0].text == "Mail us"


def test_a_base_element_moves_the_links() -> None:
    document = html("<a href=team>Team</a>", head="<base href='https://acme.example/en/'>")
    assert document.links[0].href == "https://acme.example/en/team"


def test_a_scrambled_address_is_shown_as_a_browser_shows_it() -> None:
    plain = b"info@acme.example"
    code = bytes([0x5A, *(byte ^ 0x5A for byte in plain)]).hex()
    document = html(
        f"<p>Mail <a href='/cdn-cgi/l/email-protection' class=__cf_email__ data-cfemail={code}>"
        "[email&#160;protected]</a></p>"
    )
    assert visible(document) == "Mail info@acme.example"
    assert document.links[0].href == "mailto:info@acme.example"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<p>Müller".encode(), "text/html"),
        ("<p>Müller".encode("cp1252"), "text/html"),
        ("<p>Müller".encode("cp1252"), "text/html; charset=ISO-8859-1"),
        (b"<meta charset=iso-8859-15><p>" + "Müller".encode("iso-8859-15"), "text/html"),
        ("\ufeff<p>Müller".encode("utf-16-le"), "text/html; charset=utf-8"),
        ("<p>Müller".encode(), "text/html; charset=utf-16"),
        ("<p>Müller".encode(), "text/html; charset=nonsense"),
        ("<p>Müller".encode("cp1252"), "text/html; charset=utf-8"),
    ],
)
def test_the_charset_is_found(body: bytes, content_type: str) -> None:
    document = decode(body, content_type=content_type, url=URL)
    assert visible(document) == "Müller"


def test_one_broken_byte_does_not_spoil_a_utf8_page() -> None:
    body = "<p>Zürich, Köln</p>".encode() + b"\xff"
    assert visible(decode(body, content_type="text/html", url=URL)).startswith("Zürich, Köln")


def test_reader_markdown_becomes_the_same_shape_as_a_page() -> None:
    body = (
        b"Title: Acme Ltd\n\nURL Source: https://acme.example/\n\nMarkdown Content:\n"
        b"# Acme **Pumps**\n\n![Image 1: logo](https://acme.example/l.png)\n"
        b"* [Contact](/contact)\n\nMail [sales@acme.example](mailto:sales@acme.example)\n"
        b"| Tel | 020 7946 0001 |\n| --- | --- |\n"
    )
    document = decode(body, content_type="text/plain; charset=utf-8", url="https://acme.example/")
    assert document.decoder == "markdown/1"
    assert document.title == "Acme Ltd"
    assert visible(document).splitlines() == [
        "Acme Pumps",
        "Image 1: logo",
        "Contact",
        "Mail sales@acme.example",
        "Tel",
        "020 7946 0001",
    ]
    assert [link.href for link in document.links] == [
        "https://acme.example/contact",
        "mailto:sales@acme.example",
    ]


def test_json_text_is_the_body_as_it_is() -> None:
    body = '{"name": "Acme  Ltd"}\n'
    document = decode(body.encode(), content_type="application/json", url=URL)
    assert (document.text, document.decoder) == (body, "json/1")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>Last updated 3 May 2019</p>", "2019-05-03"),
        ("<p>Last updated: May 3rd, 2019</p>", "2019-05-03"),
        ("<p>Prices as of March 2016</p>", "2016-03-01"),
        ("<p>Stand: 01.04.2020</p>", "2020-04-01"),
        ("<p>Dernière mise à jour : 7 juillet 2018</p>", "2018-07-07"),
        ("<p>Last modified 2021-11-30</p>", "2021-11-30"),
        ("<p>Last updated 3/5/2019</p>", "2019-03-05"),
        ("<p>Last updated 25/12/2019</p>", "2019-12-25"),
        (
            '<script type="application/ld+json">'
            '{"@type":"Review","datePublished":"2022-01-05"}</script>',
            None,
        ),
        ("<p>© 2014 Acme Ltd. Founded 1987.</p>", None),
        ("<p>Open since 3 May 2010</p>", None),
        ("<p>Last updated 31 February 2019</p>", None),
        ("<meta property=article:modified_time content='2020-02-03T10:00:00Z'>", "2020-02-03"),
        (
            '<script type="application/ld+json">'
            '{"@type":"WebPage","dateModified":"2022-01-05"}</script>',
            "2022-01-05",
        ),
    ],
)
def test_the_page_s_own_date(source: str, expected: str | None) -> None:
    assert html(source).modified == expected


def test_thousands_of_nested_elements_are_read() -> None:
    document = html("<div><span>" * 3000 + "deep")
    assert visible(document) == "deep"
