"""Stretches of a page that speak to a model, an agent or a crawler instead of a reader.

Such text is evidence of nothing: facts inside are dropped and the stretch is reported. A rule
needs two things together, an addressee or a mark of the genre *and* an order, so that a shop that
sells AI assistants, or terms that forbid robots, are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from data411_mcp.domain.extract.document import Document, Span

SENTENCES_CHARS_MAX = 1500  # a longer line is judged sentence by sentence

# Words for machines that read pages. A "virtual assistant" or "sales agent" is a person.
_MACHINE = (
    r"(?:(?:large\s+)?(?:language|ai|llm|reasoning|foundation)[\s-]+models?|llms?|chat[\s-]?bots?"
    r"|chat\s?gpt|gpt(?:-\w+)?"
    r"|(?:llm|gpt|ai|a\.i\.|artificial[\s-]intelligence|automated|autonomous|enrichment|extraction"
    r"|data[\s-]+(?:extraction|enrichment|mining)|web|scraper|browsing|crawling|scraping|indexing)"
    r"[\s-]+(?:[a-z]+[\s-]+)?"
    r"(?:assistants?|agents?|systems?|tools?|bots?|readers?|summari[sz]ers?|parsers?|crawlers?"
    r"|scrapers?|processors?|pipelines?|models?|programs?|spiders?)"
    r"|(?:ai|llm)\s+(?:reading|processing|parsing|crawling)\b|crawlers?|scrapers?|ais?(?=\s*[,:]))"
)
# Who gathers data may be a person, too: only where the line speaks *to* them.
_COLLECTOR = (
    r"(?:(?:data|information|contact|lead|e-?mail)[\s-]+(?:collect|gather|harvest|min|process"
    r"|aggregat|enrich|extract|scrap)(?:ors?|ers?)"
    r"|(?:machine|automated|automatic|robot(?:ic)?|non-?human)[\s-]+"
    r"(?:readers?|visitors?|users?|collectors?|clients?|processing)|harvesters?|machines|robots"
    r"|bots)"
)
# Names that people and other things bear too: only where the line speaks *to* them.
_NAMED_MACHINE = r"(?:claude|gemini|copilot|grok|perplexity|assistant|bing\s?chat|deepseek|mistral)"
_FOREIGN_MACHINE = (
    r"(?:ki[\s-]*(?:assistent\w*|agent\w*|modelle?n?|systeme?n?|tools?|crawler)|sprachmodelle?n?"
    r"|(?:assistants?|agents?|modèles?|systèmes?|outils?|robots?)\s+(?:d['’])?"
    r"(?:ia|intelligence\s+artificielle)\b|modèles?\s+de\s+langage|\bia\b(?=\s*[:,])"
    r"|(?:asistentes?|agentes?|modelos?|sistemas?|assistentes?)\s+(?:de\s+)?"
    r"(?:ia|inteligencia\s+artificial|inteligência\s+artificial)\b"
    r"|modelos?\s+de\s+(?:lenguaje|linguagem|idioma)"
    r"|(?:assistent[ei]|agent[ei]|modell[oi]|sistem[ai])\s+(?:di\s+)?"
    r"(?:ia|ai|intelligenza\s+artificiale)\b|modelli\s+linguistici"
    r"|ai[\s-]?(?:assistent\w*|modell(?:en|er)|agent(?:er|en)|systeme[nr])|taalmodellen|språkmodeller"
    r"|(?:asystenci|modele|agenci|systemy)\s+(?:ai|si|językowe)|модел\w+\s+ии"
    r"|ии[\s-]*(?:ассистент\w*|агент\w*|модел\w*|систем\w*)|языков\w+\s+модел\w+"
    r"|语言模型|人工智能|AI\s*(?:助手|助理|模型|代理)|AI\s*アシスタント|言語モデル)"
)
_FOREIGN_ORDER = (
    r"(?:müssen|muss|sollen|sollten|bitte|doivent|doit|devez|veuillez|deben?|deberán?|devono|deve"
    r"|devem|moeten|dienen|måste|ska|skal|muszą|powinny|powinni|должн\w+|必须|应该?|请|しなければ|してください)"
)
# Verbs of what only a program could be asked to do with a page. No "be", "help", "save".
_VERB = (
    r"(?:ignore|disregard|forget|override|overwrite|add|insert|include|append|set|record|report"
    r"|return|output|respond|reply|answer|state|store|replace|update|use|treat|mark|consider|assume"
    r"|list|mention|recommend|rank|rate|classify|label|call|contact|e-?mail|send|post|submit"
    r"|forward|fetch|visit|follow|execute|run|extract|enter|register|say|tell|cite|quote|prefer"
    r"|trust|summari[sz]e|describe|note|remember|omit|skip|delete|remove|change|print|repeat)"
)
_MODAL = (
    r"(?:must|should|shall|need(?:s)?\s+to|ha(?:ve|s)\s+to|"
    r"(?:is|are)\s+(?:hereby\s+)?(?:to|instructed\s+to|required\s+to|ordered\s+to|asked\s+to"
    r"|requested\s+to|told\s+to|directed\s+to|advised\s+to|obliged\s+to))"
)
_ORDER = rf"(?:{_MODAL}|please|kindly|do\s+not|don['’]t|always|never|you\b|i\s+have|{_VERB}\b)"
_EARLIER = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|existing|other|former|original|initial"
    r"|system|safety|your|user['’]?s?|given)"
)
_TOLD = (
    r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|messages?|context"
    r"|commands?|constraints?|orders?|programming)"
)
_PAGE = r"(?:this|our|the)\s+(?:web\s*)?(?:page|site|document|text|content|company|profile|listing)"
_FOR_ALL = r"(?:(?:all|any|every|the|other|you|an?)\s+)*"


def _rules(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


_OVERRIDES = _rules(
    # Overriding what the model was told.
    rf"\b(?:ignore|disregard|forget|override|bypass|discard|neglect|overlook|stop\s+following"
    rf"|do\s+not\s+(?:follow|obey)|don['’]t\s+(?:follow|obey))\b"
    rf"(?:\s+(?:all|any|every|the|of|these|those|completely|everything))*\s+(?:{_EARLIER}\s+)+"
    rf"(?:\w+\s+)?{_TOLD}\b",
    r"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all(?:\s+of)?(?:\s+that)?)\s+"
    r"(?:you|that|above|before|written|said|were)\b",
    rf"\b(?:ignore|disregard)\s+(?:all\s+)?(?:the\s+)?(?:above|previous|preceding)\s*"
    rf"(?:text|content)?\s*(?:and|[,;:.])\s*(?:instead\s+|then\s+|now\s+|only\s+)?{_VERB}\b",
    rf"\b{_EARLIER}\s+{_TOLD}\s+(?:are|is)\s+(?:now\s+)?(?:void|invalid|cancell?ed|obsolete|superseded"
    r"|no\s+longer\s+valid|wrong)",
    r"\bnew\s+(?:instructions?|task|orders?)\s*(?:follows?\b)?\s*:\s*(?:you\b|ignore|from\s+now|report"
    r"|set\b|add\b|output|respond|reply|say\b|treat|do\s+not)",
    r"\A\W*(?:\w+\s+)?override\s*:",
    r"\b(?:ignorier\w*|vergiss|vergesst|missachte\w*)\b.{0,40}\b(?:anweisung\w*|instruktion\w*"
    r"|vorgaben|befehle|regeln|prompts?)\b",
    r"\b(?:bisherigen?|vorherigen?|vorigen?|früheren?)\s+(?:anweisung\w*|instruktion\w*|vorgaben)\b",
    r"\b(?:ignore[rz]?|oublie[rz]?)\b.{0,40}\b(?:instructions|consignes|directives|règles)\b"
    r".{0,20}\b(?:précédent\w*|antérieur\w*|ci-dessus)",
    r"\b(?:ignor\w+|olvid\w+|esque\w+|dimentic\w+|desconsider\w+)\b.{0,40}\b(?:instru[cç]\w+"
    r"|istruzioni|órdenes|ordens|reglas|regole|regras|comandos)\b.{0,20}\b(?:anterior\w*|previ\w*"
    r"|preceden\w*|de\s+arriba|acima)",
    r"\bignora\w*\b.{0,30}\b(?:precedenti|anteriores|previas)\s+(?:istruzioni|instru[cç]\w+)",
    r"\b(?:negeer|vergeet)\b.{0,40}\b(?:instructies|opdrachten|regels)\b",
    r"\b(?:ignorera|glöm|ignorer|glem)\b.{0,40}\b(?:instruktion\w*|instruks\w*|regler)\b",
    r"\b(?:zignoruj\w*|pomiń)\b.{0,40}\b(?:instrukcj\w*|polece\w*)",
    r"(?:игнорируй\w*|забудь\w*).{0,40}(?:инструкци\w*|указани\w*|команд\w*)",
    r"(?:忽略|无视|忘记).{0,12}(?:指令|指示|说明|提示)|(?:指示|命令|プロンプト)を?(?:すべて)?無視",
    # The look of a prompt.
    r"<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\[/?INST\]|<</?SYS>>"
    r"|</?(?:system|assistant|instructions?|prompt)(?:[\s_-]\w+)?>|<tool_call>",
    r"(?:\A|[\n>#*\[(-]\s*)(?:system|developer)\s*(?:prompt|message|instructions?|note|notice"
    r"|override)\s*[:\]>]",
    r"(?:\A|[\n>#*\[(-]\s*)(?:system|assistant)\s*[:\]>]\s*(?:you\s+(?:are|must|will)\b|ignore\b|new\s+"
    r"|from\s+now|the\s+assistant|override|important|do\s+not|set\b.{0,40}(?:=|\bto\b)|i\s+have\b"
    r"|sure\b|treat\b|add\b|record\b)",
    r"\b(?:hidden|secret|begin|end(?:\s+of)?)\s+(?:system\s+)?prompt\b|\bsystem\s+prompt\s*:",
    r"\b(?:reveal|print|repeat|leak|output|show|change|override|update|ignore)\b.{0,30}\b(?:your|the)\s+"
    r"(?:system|initial|original|hidden)\s+(?:prompt|instructions?|message)",
    r"\brepeat\s+(?:the\s+|all\s+)*(?:words|text|instructions)\s+above\b",
    r"\byou\s+are\s+(?:now\s+)?(?:an?|the)\s+(?:\w+\s+)?(?:ai|a\.i\.|llm|language\s+model|chat\s?bot"
    r"|chatgpt|(?:ai|data|research|extraction|enrichment)\s+(?:assistant|agent|model|system))\b"
    r"(?!\s+(?:company|firm|team|startup|expert|engineer|developer|enthusiast|researcher))",
    r"\byou\s+(?:must|will|should|are\s+to)\s+now\s+(?:act|behave|respond|pretend|answer|report)\b",
    rf"\bas\s+an?\s+(?:ai|llm|{_MACHINE})\b(?![\s-]*powered)[^.!?]{{0,30}}\b(?:you|i)\s+"
    r"(?:must|should|will|shall|are|have|need|cannot|can|am)\b",
    # Tools and secrets.
    r"\b(?:send|post|forward|transmit|exfiltrate|upload)\b.{0,60}\b(?:api\s+keys?"
    r"|credentials|access\s+tokens?|(?:chat|conversation)\s+(?:history|log)|crm\s+data)\b",
    r"\b(?:call|invoke|use|run)\s+the\s+(?:tool|function)\b\s*[`'\"]?\w+_\w+",
    r"\bexecute\s+(?:the\s+)?following\s+(?:commands?|code|instructions?)\b",
)
_ORDERS = _rules(
    # An order that only a program that extracts could follow.
    rf"\b(?:when|whenever|while|before|after|if)\s+(?:you\s+(?:are\s+)?)?"
    rf"(?:(?:extract|enrich|scrap|summari[sz]|crawl|ingest)\w*|(?:process|pars|index|analy[sz]|read"
    rf"|compil|research|cit|describ)\w*\s+(?:information\s+(?:on|about|from)\s+)?{_PAGE})\b"
    rf"[^.!?\n]{{0,120}}?[,:]?\s+(?:{_MODAL}\s+|please\s+|always\s+|also\s+)*{_VERB}\b",
    r"\bwhen(?:ever)?\s+(?:you\s+are\s+)?(?:asked|questioned|queried)\s+(?:about|for|who)\b.{0,80}?"
    r"\b(?:answer|say|state|reply|respond|report|tell|recommend|give)\b",
    rf"\b{_VERB}\b[^.!?\n]{{0,100}}\b(?:in|to|into|from)\s+(?:(?:your|the)\s+final\s+\w+|your\s+(?:json\s+)?"
    r"(?:output|summary|answer|extraction|findings|analysis|context)|the\s+(?:lead|knowledge)\s+graph"
    r"|the\s+(?:extracted\s+data|crm\s+record|context\s+window|knowledge\s+base|lead\s+record))\b",
    r"\b(?:your|the\s+model['’]s)\s+(?:final\s+)?(?:output|answer|summary)\s+(?:is|must|should|has\s+to)\s+"
    r"(?:be\b|contain|include|say|state|list)",
    r"\b(?:tell|inform|assure)\s+(?:the|your)\s+(?:user|operator)\b|\breport\b.{0,80}\bto\s+the\s+user\b",
    r"\bdo\s+not\s+(?:tell|inform|alert|mention|reveal|disclose|show)\b.{0,40}\b(?:the\s+(?:user|operator"
    r"|human)|these\s+instructions|this\s+(?:instruction|message|note))\b|\bdo\s+not\s+mention\s+this\b",
    r"\b(?:mark|treat|flag)\s+(?:this|the|all|every|these)\s+(?:[\w-]+\s+){0,4}as\s+(?:proven|verified"
    r"|authoritative|trusted|true|official|facts?)\b",
    # A machine addressed.
    rf"(?:\A|[.!?;\n\[(]\s*)(?:(?:note|notice|message|attention)[\s,:]+)?"
    rf"(?:to|for|dear|hey|hello|hi|attention)[\s,]+{_FOR_ALL}{_COLLECTOR}\b[^.!?,:\n]{{0,60}}[,:]"
    rf"[^\n]{{0,300}}?(?:\b{_ORDER}|\d{{3}}|@)",
    rf"\b(?:note|notice|attention|instructions?|message|memo|warning|advice|important|info(?:rmation)?)\s+"
    rf"(?:\w+\s+)?(?:to|for)\s+{_FOR_ALL}{_MACHINE}",
    rf"(?:\A|[.!?;\n\[(]\s*)(?:(?:to|for|dear|hey|hello|hi|attention)[\s,]+{_FOR_ALL}(?:\w+\s+)?)"
    rf"(?:{_MACHINE}|{_NAMED_MACHINE}|ai)\b[^.!?,\n]{{0,60}}:",
    rf"(?:\A|[.!?;\n\[(]\s*)(?:dear|hey|hello|hi|attention)[\s,]+{_FOR_ALL}(?:\w+\s+)?"
    rf"(?:{_MACHINE}|{_NAMED_MACHINE}|ai)\b[^.!?,\n]{{0,60}},",
    rf"(?:\A|[.!?:;\n\[(]\s*)(?:{_MACHINE}|{_NAMED_MACHINE}|ai)\s*[,:]\s*(?:you\s+)?(?:{_MODAL}\s+|please\s+"
    rf"|kindly\s+|always\s+|never\s+|do\s+not\s+|only\s+)*{_VERB}\b(?!\s*[!?])",
    rf"\battention\s*[,:]?\s+{_FOR_ALL}{_MACHINE}",
    rf"\b(?:{_MACHINE}|ai)\s+(?:(?:that\s+|which\s+|who\s+)?(?:is\s+|are\s+)?(?:read|process|pars|visit"
    rf"|access|scan|analy[sz]|summari[sz]|index|crawl)\w*\s+(?:this\b|{_PAGE}))",
    rf"\bif\s+you(?:['’]re|\s+are)\s+(?:an?\s+)?(?:ai\b|{_MACHINE})(?!\s+(?:company|developer|engineer|user))",
    rf"(?<!our )(?<!your )\b{_MACHINE}(?:\s+(?!that\b|which\b|who\b)[\w-]+){{0,4}}?\s+"
    rf"{_MODAL}\s+(?:always\s+|not\s+|never\s+|also\s+|only\s+)?(?:{_VERB})\b",
    r"(?:\A|[\[(<*#]\s*)(?:ai|llm|gpt|bot|crawler|scraper|ki)[\s_-]*(?:instructions?|notes?|notice"
    r"|directive|prompt|message|hint|hinweis|anweisung|only)\b\s*[:\])>-]",
    rf"\b(?:hinweis|anweisung\w*|achtung|wichtig|nachricht|remarque|avis|message|important|nota|aviso"
    rf"|mensaje|mensagem|avviso|messaggio|atención|atenção|attenzione|let\s+op|opmerking|bericht|obs"
    rf"|viktigt|uwaga|внимание|an\s+(?:alle|die)|à|aux?|para|per|voor|till|till\s+alla|dla|для)\s*:?\s*"
    rf"(?:an|für|aux?|à|pour|les?|tous|toutes|para|a|los|las|todos|os|as|per|i|gli|tutti|voor|alle|aan|till"
    rf"|för|alla|dla|do|wszystkich|для|всех|\s)*\s*{_FOREIGN_MACHINE}",
    rf"(?:\A|[.!?:;。\n\[(]\s*)(?:(?:liebe|alle|die|les|tous|los|las|todos|os|as|gli|i|tutti|de|alle|alla)\s+)*"
    rf"{_FOREIGN_MACHINE}(?:\s*[:：,]|\s*{_FOREIGN_ORDER})",
)
# Marks that are cheap to look for: a line without any of them is not read any further.
_HINTS = (
    r"instruct|prompt|ignor|disregard|forget|overrid|bypass|model|assist|agent|crawl|scrap|\bbots?\b"
    r"|chat|gpt|llm|\bai\b|\bais\b|a\.i\.|\bki\b|\bia\b|claude|gemini|copilot|system|<\||inst\]"
    r"|extract|enrich|summar|output|response|answer|reply|report|crm|your (?:task|role)|api key"
    r"|credential|password"
    r"|token|user|operator|anweis|vergiss|vorgabe|befehl|consigne|directive|règle|regla|regol|regra"
    r"|istruz|instruc|negeer|vergeet|zignor|pomiń|игнор|забуд|忽略|无视|忘记|無視|ии|助手|语言|言語|spider"
    r"|parse|parsing|process|index|ingest|analy|ignorier|robot|asked|mention this|verified|proven"
    r"|command|repeat|execute|function|tool|前|指示|collector|gatherer|harvest|\bminer|machine"
    r"|automat"
)
_HINT = re.compile(_HINTS, re.IGNORECASE)
_SMALL_HINT = re.compile(_HINTS)  # the same in small letters, and several times as fast
# Terms of use speak to people about robots.
_ABOUT_ROBOTS = re.compile(
    r"\b(?:you|users?|visitors?|nobody|no\s+one)\s+(?:may|must|shall|agree|will|are)\s+not\b"
    r"|\byou\s+agree\b|\b(?:use\s+of|using|by\s+means\s+of|through)\s+(?:any\s+)?(?:robots?|spiders?"
    r"|scrapers?|crawlers?|bots?|automated)\b.{0,80}\b(?:prohibited|forbidden|permission|consent)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?。])\s+")


def find_instructions(document: Document) -> tuple[Span, ...]:
    """Stretches of `document.text`, in order, not overlapping: whole lines (a long line: the
    sentence and its neighbours), and the next line too where the order announces it with a colon
    or overrides what the model was told and stands in the same place of the page."""
    text = document.text
    places = {block.start: (block.tag, block.path) for block in document.blocks}
    spans: list[Span] = []
    announced = False
    overridden: tuple[str, str] | None = None  # where the line before stands, if it overrides
    for start, end in _lines(text):
        line = text[start:end]
        found = list(_in_line(line) if len(line) > SENTENCES_CHARS_MAX else _in_short_line(line))
        place = places.get(start)
        if end <= document.visible_end and (announced or (place and place == overridden)):
            found = found or [(0, len(line))]
            found[0] = (0, max(found[0][1], len(line)))
            announced, overridden = False, None
        elif found and found[-1][1] == len(line):
            announced = line.endswith(":")
            overridden = place if _overrides(line[found[-1][0] :]) else None
        else:
            announced, overridden = False, None
        for first, last in found:
            if spans and start + first <= spans[-1].end + 1:
                spans[-1] = Span(spans[-1].start, max(spans[-1].end, start + last))
            else:
                spans.append(Span(start + first, start + last))
    return _united(spans, document.screen_reader_only)


def _united(spans: Sequence[Span], more: Sequence[Span]) -> tuple[Span, ...]:
    """All of them in order; those that overlap are one."""
    united: list[Span] = []
    for span in sorted((*spans, *more), key=lambda s: s.start):
        if united and span.start <= united[-1].end:
            united[-1] = Span(united[-1].start, max(united[-1].end, span.end))
        else:
            united.append(span)
    return tuple(united)


def is_instruction(text: str) -> bool:
    """Whether a stretch of text speaks to a model."""
    return any(True for _ in _in_line(text))


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.split("\n"):
        if line:
            yield start, start + len(line)
        start += len(line) + 1


@lru_cache(maxsize=2048)  # a site's frame is on all its pages
def _in_short_line(line: str) -> tuple[tuple[int, int], ...]:
    return tuple(_in_line(line))


def _in_line(line: str) -> Iterator[tuple[int, int]]:
    if not _hints(line):
        return
    if len(line) <= SENTENCES_CHARS_MAX:
        if _speaks_to_machine(line):
            yield 0, len(line)
        return
    bounds = [0, *(match.end() for match in _SENTENCE_END.finditer(line)), len(line)]
    sentences = list(pairwise(bounds))
    for index, (start, end) in enumerate(sentences):
        for cut in range(start, end, SENTENCES_CHARS_MAX):
            piece = line[cut : min(end, cut + SENTENCES_CHARS_MAX)]
            if _hints(piece) and _speaks_to_machine(piece):
                # The order and the "fact" it wants told stand side by side.
                yield (
                    sentences[max(index - 1, 0)][0],
                    sentences[min(index + 2, len(sentences) - 1)][1],
                )
                break


def _hints(text: str) -> bool:
    return bool(_SMALL_HINT.search(text.lower()) if text.isascii() else _HINT.search(text))


def _overrides(text: str) -> bool:
    return any(rule.search(text) for rule in _OVERRIDES)


def _speaks_to_machine(text: str) -> bool:
    if _overrides(text):
        return True
    return not _ABOUT_ROBOTS.search(text) and any(rule.search(text) for rule in _ORDERS)
