"""www.wikidata.org (entity search, entities) and query.wikidata.org (the SPARQL that one asks).

The query service is no SPARQL engine. It reads which items a query names (by id, by a literal
such as a website or an LEI, or by VALUES of a property's variable, an industry for one) and which
variables it binds to which properties, and answers those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from data411_mcp.twins.rows import WikidataRow
from data411_mcp.twins.wire import Reply, Request, json_reply, text_reply

SPARQL_TYPE = "application/sparql-results+json"

# Property → (value of a row, kind of the value).
PROPERTIES: dict[str, tuple[Callable[[WikidataRow], Any], str]] = {
    "P856": (lambda row: row.website, "uri"),
    "P159": (lambda row: row.hq, "item"),
    "P17": (lambda row: row.country, "item"),
    "P297": (lambda row: row.country_code, "text"),
    "P571": (lambda row: row.inception, "time"),
    "P576": (lambda row: row.dissolved, "time"),
    "P452": (lambda row: row.industry, "item"),
    "P1128": (lambda row: row.employees, "number"),
    "P1278": (lambda row: row.lei, "text"),
    "P4264": (lambda row: row.linkedin_id, "text"),
    "P169": (lambda row: row.ceo, "item"),
    "P749": (lambda row: row.parent, "item"),
}
_ENTITY = "http://www.wikidata.org/entity/"


def refuse_agent(request: Request) -> Reply | None:
    """Wikimedia's policy: a User-Agent one can contact."""
    agent = request.headers.get("user-agent", "")
    if "@" in agent or "http" in agent:
        return None
    return text_reply("Please set a user-agent and respect our robot policy.", 403)


def error_text(code: int) -> str:
    return f"upstream request failed ({code})"


def api(rows: Sequence[WikidataRow], request: Request) -> Reply:
    """/w/api.php and /wiki/Special:EntityData/Q….json"""
    refused = refuse_agent(request)
    if refused is not None:
        return refused
    data = re.fullmatch(r"/wiki/Special:EntityData/(Q\d+)(?:\.json)?", request.path)
    if data:
        return _entities(rows, [data[1]])
    if request.path != "/w/api.php":
        return text_reply("Not Found", 404)
    action = request.arg("action")
    if action == "wbsearchentities":
        return _search(rows, request)
    if action == "wbgetentities":
        return _entities(rows, request.arg("ids").split("|"))
    return json_reply({"error": {"code": "badvalue", "info": "Unrecognized value for action"}})


def _search(rows: Sequence[WikidataRow], request: Request) -> Reply:
    """Label or alias starts with the query, as the real search box does. The industries of the
    world's companies are items, too."""
    wanted = " ".join(request.arg("search").casefold().split())
    limit = request.arg("limit", default="7")
    known = [(row.qid, row.label, row.description, (row.label, *row.aliases)) for row in rows]
    labels = dict.fromkeys(row.industry for row in rows if row.industry)
    known.extend((_item_id(label), label, "industry", (label,)) for label in labels)
    found = [
        {
            "id": qid,
            "title": qid,
            "concepturi": _ENTITY + qid,
            "label": label,
            "description": description,
        }
        for qid, label, description, names in known
        if wanted and any(name.casefold().startswith(wanted) for name in names)
    ]
    shown = found[: int(limit) if limit.isdigit() else 7]
    return json_reply(
        {"searchinfo": {"search": request.arg("search")}, "search": shown, "success": 1}
    )


def _entities(rows: Sequence[WikidataRow], ids: Sequence[str]) -> Reply:
    by_id = {row.qid: row for row in rows}
    entities = {
        qid: _entity(by_id[qid]) if qid in by_id else {"id": qid, "missing": ""} for qid in ids
    }
    return json_reply({"entities": entities, "success": 1})


def _entity(row: WikidataRow) -> dict[str, Any]:
    if row.wire is not None:
        return row.wire
    claims = {}
    for prop, (value_of, kind) in PROPERTIES.items():
        value = value_of(row)
        if value is not None:
            claims[prop] = [
                {
                    "mainsnak": {
                        "snaktype": "value",
                        "property": prop,
                        "datavalue": _datavalue(value, kind),
                    },
                    "type": "statement",
                    "rank": "normal",
                }
            ]
    return {
        "type": "item",
        "id": row.qid,
        "labels": {"en": {"language": "en", "value": row.label}},
        "descriptions": {"en": {"language": "en", "value": row.description}},
        "aliases": {"en": [{"language": "en", "value": alias} for alias in row.aliases]},
        "claims": claims,
    }


def _datavalue(value: Any, kind: str) -> dict[str, Any]:
    if kind == "item":
        return {
            "type": "wikibase-entityid",
            "value": {"entity-type": "item", "id": _item_id(value)},
        }
    if kind == "time":
        return {"type": "time", "value": {"time": f"+{value}T00:00:00Z", "precision": 11}}
    if kind == "number":
        return {"type": "quantity", "value": {"amount": f"+{value}", "unit": "1"}}
    return {"type": "string", "value": str(value)}


def _item_id(label: str) -> str:
    """A stable id for an item that the world knows by its label only."""
    return "Q9" + str(sum(ord(c) * (n + 7) for n, c in enumerate(label)))


def sparql(rows: Sequence[WikidataRow], request: Request) -> Reply:
    refused = refuse_agent(request)
    if refused is not None:
        return refused
    form = dict(
        pair.split("=", 1)
        for pair in request.body.decode(errors="replace").split("&")
        if "=" in pair
    )
    query = request.arg("query") or _unquote(form.get("query", ""))
    if "SELECT" not in query.upper():
        return text_reply("java.lang.IllegalArgumentException: no query", 400)
    named = _named(_not_gone(rows, query), query)
    variables = list(dict.fromkeys(re.findall(r"\?(\w+)", query.split("{", 1)[0])))
    bound = _bound(query)
    item = _item_variable(query)
    bindings = [_binding(row, variables, bound, item) for row in named]
    data = {"head": {"vars": variables}, "results": {"bindings": bindings}}
    return json_reply(data, content_type=SPARQL_TYPE)


def _unquote(text: str) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(text)


def _named(rows: Sequence[WikidataRow], query: str) -> list[WikidataRow]:
    """Items a query asks for: by the values of properties, by id, else by website, LEI or label
    given as a literal."""
    wanted = _wanted(query)
    if wanted:
        return [row for row in rows if all(_has(row, p, terms) for p, terms in wanted.items())]
    ids = set(re.findall(r"\b(Q\d+)\b", query))
    by_id = [row for row in rows if row.qid in ids]
    if by_id:
        return by_id
    literals = {
        (a or b).rstrip("/").casefold()
        for a, b in re.findall(r"<(https?://[^>]+)>|\"([^\"]+)\"", query)
    }
    return [
        row
        for row in rows
        if literals
        & {
            text.rstrip("/").casefold()
            for text in (row.website, row.lei, row.label, *row.aliases)
            if text
        }
    ]


def _wanted(query: str) -> dict[str, set[str]]:
    """Property → terms, of every VALUES whose variable is bound to a property of the item."""
    bound = _bound(query)
    return {
        bound[variable]: {_plain(term) for term in re.findall(r'<[^>]*>|"[^"]*"|wd:Q\d+', terms)}
        for variable, terms in re.findall(r"VALUES\s+\?(\w+)\s*\{([^}]*)\}", query, re.IGNORECASE)
        if bound.get(variable) in PROPERTIES
    }


def _has(row: WikidataRow, prop: str, terms: set[str]) -> bool:
    value_of, kind = PROPERTIES[prop]
    value = value_of(row)
    return value is not None and _plain(_item_id(value) if kind == "item" else value) in terms


def _plain(term: Any) -> str:
    return str(term).strip('<>"').removeprefix("wd:").rstrip("/").casefold()


def _not_gone(rows: Sequence[WikidataRow], query: str) -> list[WikidataRow]:
    """Without those that have a property that the query must not find."""
    unwanted = re.findall(r"NOT\s+EXISTS\s*\{\s*\?\w+\s+wdt:(P\d+)", query, re.IGNORECASE)
    values = [PROPERTIES[prop][0] for prop in unwanted if prop in PROPERTIES]
    return [row for row in rows if all(value_of(row) is None for value_of in values)]


def _bound(query: str) -> dict[str, str]:
    """Variable → property, from `wdt:P856 ?website` and `p:P571/ps:P571 ?x`."""
    pairs = re.findall(r"(?:wdt|ps|psv|p):(P\d+)(?:/[\w:]+)*\s+\?(\w+)", query)
    return {variable: prop for prop, variable in pairs}


def _item_variable(query: str) -> str:
    subject = re.search(r"\?(\w+)\s+(?:wdt|p|rdfs):", query)
    values = re.search(r"VALUES\s+\??\(?\s*\?(\w+)", query, re.IGNORECASE)
    found = subject or values
    return found[1] if found else "item"


def _binding(
    row: WikidataRow, variables: Sequence[str], bound: dict[str, str], item: str
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable in variables:
        base = variable.removesuffix("Label")
        if variable == item:
            found[variable] = {"type": "uri", "value": _ENTITY + row.qid}
        elif base == item:
            found[variable] = {"type": "literal", "xml:lang": "en", "value": row.label}
        elif variable == item + "Description":
            found[variable] = {"type": "literal", "xml:lang": "en", "value": row.description}
        elif base in bound and bound[base] in PROPERTIES:
            value_of, kind = PROPERTIES[bound[base]]
            value = value_of(row)
            if value is not None:
                found[variable] = _term(value, kind, label=variable != base)
    return found


def _term(value: Any, kind: str, *, label: bool) -> dict[str, Any]:
    if kind == "item" and not label:
        return {"type": "uri", "value": _ENTITY + _item_id(str(value))}
    if kind == "uri":
        return {"type": "uri", "value": value}
    if kind == "time":
        kind_uri = "http://www.w3.org/2001/XMLSchema#dateTime"
        return {"type": "literal", "datatype": kind_uri, "value": f"{value}T00:00:00Z"}
    return {"type": "literal", "value": str(value)}
