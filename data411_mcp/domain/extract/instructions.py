"""Stretches of a page that speak to a model, an agent or a crawler instead of a reader.

Such text is evidence of nothing: facts inside are dropped and the stretch is reported. A rule
needs two things together, an addressee or a mark of the genre *and* an order, so that a shop that
sells AI assistants, or terms that forbid robots, are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from data411_mcp.domain.extract.document import Document, Span

SENTENCES_CHARS_MAX = 1500  # a longer line is judged sentence by sentence

# Who is meant. Words for machines that read pages, in the languages sites here are written in.
_MACHINE = (
    r"(?:(?:large\s+)?(?:language|ai|llm|reasoning|foundation)[\s-]+models?|llms?|chat[\s-]?bots?"
    r"|chat\s?gpt|gpt(?:-\w+)?|claude|gemini|copilot|grok|perplexity|bing\s?chat"
    r"|(?:ai|a\.i\.|artificial[\s-]intelligence|automated|autonomous|machine|virtual|digital"
    r"|research|enrichment|extraction|browsing|sales)[\s-]+(?:\w+[\s-]+)?"
    r"(?:assistants?|agents?|systems?|tools?|bots?|readers?|summari[sz]ers?|parsers?|crawlers?"
    r"|scrapers?|processors?|pipelines?|models?|software|services?)"
    r"|(?:web\s*)?crawlers?|(?:web\s*)?scrapers?|web\s?bots?|spiders|ais?\b(?=\s*[,:])"
    r"|ki[\s-]*(?:assistent\w*|agent\w*|modelle?n?|systeme?n?)|sprachmodelle?n?"
    r"|(?:assistants?|agents?|modèles?|systèmes?|outils?)\s+(?:d['’])?(?:ia|intelligence\s+artificielle)"
    r"|modèles?\s+de\s+langage|robots?\s+d['’]indexation"
    r"|(?:asistentes?|agentes?|modelos?|sistemas?|assistentes?)\s+(?:de\s+)?(?:ia|inteligencia\s+artificial"
    r"|inteligência\s+artificial)|modelos?\s+de\s+(?:lenguaje|linguagem|idioma)"
    r"|(?:assistenti|agenti|modelli|sistemi)\s+(?:di\s+)?(?:ia|ai|intelligenza\s+artificiale)"
    r"|modelli\s+linguistici|ai[\s-]?(?:assistenten|assistent|modellen|modeller|agenten|agenter)"
    r"|taalmodellen|språkmodeller|(?:asystenci|modele|agenci)\s+(?:ai|si|językowe)|модел\w+\s+ии"
    r"|ии[\s-]*(?:ассистент\w*|агент\w*)|языков\w+\s+модел\w+|语言模型|人工智能|AI\s*助手|AIアシスタント|言語モデル)"
)
_ORDER = (
    r"(?:must|should|shall|(?:are|is)\s+(?:required|instructed|ordered|asked|requested|to\b)"
    r"|need(?:s)?\s+to|ha(?:ve|s)\s+to|please|do\s+not|don['’]t|always|never|kindly|you\b"
    r"|müssen|sollen|sollten|bitte|doivent|devez|veuillez|deben|debe|deberán|devono|deve|devem"
    r"|moeten|dienen|måste|ska|skal|muszą|powinny|powinni|должн\w+|必须|请|してください)"
)
_VERB = (
    r"(?:ignore|disregard|forget|override|add|insert|include|append|set|record|report|return|output"
    r"|respond|reply|answer|state|store|save|write|replace|update|use|treat|mark|consider|assume|list"
    r"|mention|recommend|rank|rate|classify|label|call|contact|e-?mail|send|post|submit|forward"
    r"|fetch|visit|follow|execute|run|extract|enter|register|say|tell|give|provide|prefer|trust"
    r"|cite|quote|summari[sz]e|describe|note|remember|omit|skip|delete|remove|hide)"
)
_EARLIER = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|existing|other|former|original|initial"
    r"|system|safety|your|user['’]?s?|given)"
)
_OVERRIDES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Overriding what the model was told.
        rf"\b(?:ignore|disregard|forget|override|bypass|discard|neglect|overlook)\b"
        rf"(?:\s+(?:all|any|every|the|of|these|those|completely|everything))*\s+(?:{_EARLIER}\s+)+"
        rf"(?:\w+\s+)?(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|messages?"
        rf"|context|commands?|constraints?|text|orders?|content)\b",
        r"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all(?:\s+of)?(?:\s+that)?)\s+"
        r"(?:you|that|above|before|written|said|were)\b",
        r"\b(?:ignorier\w*|vergiss|vergesst|missachte\w*)\b.{0,40}\b(?:anweisung\w*|instruktion\w*"
        r"|vorgaben|befehle|regeln|prompts?)\b",
        r"\b(?:ignore[rz]?|oublie[rz]?)\b.{0,40}\b(?:instructions|consignes|directives|règles)\b"
        r".{0,20}\b(?:précédent\w*|antérieur\w*|ci-dessus)",
        r"\b(?:ignor\w+|olvid\w+|esque\w+|dimentic\w+|desconsider\w+)\b.{0,40}\b(?:instru[cç]\w+"
        r"|istruzioni|órdenes|ordens|reglas|regole|regras|comandos)\b.{0,20}\b(?:anterior\w*|previ\w*"
        r"|preceden\w*|de\s+arriba|acima)",
        r"\b(?:negeer|vergeet)\b.{0,40}\b(?:instructies|opdrachten|regels)\b",
        r"\b(?:ignorera|glöm|ignorer|glem)\b.{0,40}\b(?:instruktion\w*|instruks\w*|regler)\b",
        r"\b(?:zignoruj\w*|pomiń)\b.{0,40}\b(?:instrukcj\w*|polece\w*)",
        r"(?:игнорируй\w*|забудь\w*).{0,40}(?:инструкци\w*|указани\w*|команд\w*)",
        r"(?:忽略|无视|忘记).{0,12}(?:指令|指示|说明|提示)|(?:指示|命令|プロンプト)を?(?:すべて)?無視",
        # The look of a prompt.
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\[/?INST\]|<</?SYS>>"
        r"|</?(?:system|assistant|instructions?|prompt)(?:[\s_-]\w+)?>|<tool_call>",
        r"(?:\A|[\n>#*\[(-]\s*)(?:system|developer|assistant)\s*(?:prompt|message|instructions?|note"
        r"|override|notice)?\s*[:\]>]\s*(?:you\b|ignore|new\b|from\s+now|the\s+assistant|override"
        r"|important|always|never|do\s+not|set\b|add\b|when\b|if\b|treat\b)",
        r"\b(?:system|hidden|secret|new|updated|begin|end(?:\s+of)?)\s+(?:system\s+)?(?:prompt"
        r"|instructions?\s+(?:for|to)\s+(?:the\s+)?(?:ai|model|assistant|agent|llm))\b",
        r"\b(?:reveal|print|repeat|leak|output|show|change|override|update)\b.{0,30}\b(?:your|the)\s+"
        r"(?:system|initial|original|hidden)\s+(?:prompt|instructions?|message)",
        r"\byou\s+are\s+(?:now\s+)?(?:an?|the)\s+(?:helpful\s+|new\s+|unrestricted\s+|\w+\s+)?"
        r"(?:ai|a\.i\.|llm|language\s+model|chat\s?bot|chatgpt|(?:ai|virtual|data|research|extraction"
        r"|enrichment)\s+(?:assistant|agent|model|system))\b(?!\s+(?:company|firm|team|startup|expert))",
        r"\b(?:your|its)\s+(?:(?:final|next)\s+)?(?:task|role|output|answer|response|reply|summary)\s+(?:is|must|should|has)\s+"
        r"(?:now\s+)?(?:to\b|be\b|contain|include|say|state|list)",
        r"\bprompt\s+injection\b.{0,60}\b(?:ignore|must|execute|comply)",
    )
)
_ORDERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # An order that only a program that extracts could follow.
        rf"\b(?:when|whenever|while|before|after|if)\s+(?:you\s+(?:are\s+)?)?"
        rf"(?:(?:extract|enrich|scrap|summari[sz]|crawl|ingest)\w*|(?:process|pars|index|analy[sz]"
        rf"|read)\w*\s+(?:this|the)\s+(?:web\s*)?(?:page|site|document|text|content|data))\b[^.!?\n]{{0,120}}?"
        rf"[,:]?\s+(?:{_ORDER}\s+)?(?:also\s+)?{_VERB}\b",
        rf"\b{_VERB}\b[^.!?\n]{{0,100}}\b(?:in|to|into|from)\s+(?:your|the)\s+(?:final\s+|json\s+)?"
        r"(?:output|response|answer|reply|summary|report|lead\s+graph|knowledge\s+graph|extraction"
        r"|extracted\s+data|crm(?:\s+record)?|context(?:\s+window)?|knowledge\s+base)\b",
        r"\bdo\s+not\s+(?:tell|inform|alert|mention|reveal|disclose|show)\b.{0,40}\b(?:the\s+)?"
        r"(?:user|operator|human|these\s+instructions|this\s+(?:instruction|message|note))\b",
        r"\b(?:send|post|forward|transmit|exfiltrate|upload|e-?mail)\b.{0,60}\b(?:api\s+keys?"
        r"|credentials|passwords?|access\s+tokens?|(?:chat|conversation)\s+(?:history|log)|crm\s+data)\b",
        # A machine addressed, with an order.
        rf"\b(?:note|notice|attention|instructions?|message|memo|warning|hinweis|anweisung\w*|achtung"
        rf"|note|remarque|avis|nota|aviso|avviso|atención|atenção|let\s+op|opmerking|obs|uwaga)\s*"
        rf"(?:to|for|an|für|à|aux?|pour|para|a|ai|per|voor|aan|till|för|dla|do|:)?\s*"
        rf"(?:all|any|the|every|die|alle|tous?|toutes?|les|los|las|todos|tutti|os|as|de)?\s*{_MACHINE}",
        rf"(?:\A|[.!?:;\n]\s*)(?:(?:dear|hey|hello|hi|attention|all|any|every|les|los|las|die|alle|gli|os|as|de|if\s+you\s+are\s+(?:an?\s+)?)"
        rf"\s*)*{_MACHINE}(?:\s+(?:reading|processing|that|who|which|visiting|crawling|parsing)"
        rf"[^.!?\n,:]{{0,80}})?\s*[,:–-]?\s+{_ORDER}\b(?!\s*[!?.])",
        rf"\b(?:if\s+you\s+are|as)\s+(?:an?\s+)?{_MACHINE}\b[^.!?\n]{{0,80}}[,:]\s*(?:please\s+|you\s+|then\s+)?"
        rf"(?:{_ORDER}|{_VERB})\b",
        rf"\b{_MACHINE}\s+(?:must|shall|should)\s+(?:always\s+|not\s+|never\s+|also\s+)?{_VERB}\b",
        rf"\b(?:ask|tell|instruct|order)\s+(?:the|your|any)\s+{_MACHINE}\s+to\s+{_VERB}\b",
        rf"\b{_MACHINE}\s*:\s*{_VERB}\b",
    )
)
# Marks that are cheap to look for: a line without any of them is not read any further.
_HINT = re.compile(
    r"instruct|prompt|ignor|disregard|forget|overrid|bypass|model|assist|agent|crawl|scrap|\bbots?\b"
    r"|chat|gpt|llm|\bai\b|\bais\b|a\.i\.|\bki\b|\bia\b|claude|gemini|copilot|system|<\||INST\]"
    r"|extract|enrich|summar|output|response|answer|reply|report|crm|your (?:task|role)|api key"
    r"|credential|password"
    r"|token|user|operator|anweis|vergiss|vorgabe|befehl|consigne|directive|règle|regla|regol|regra"
    r"|istruz|instruc|negeer|vergeet|zignor|pomiń|игнор|забуд|忽略|无视|忘记|無視|ии|助手|语言|言語|spider"
    r"|parse|parsing|process|index|ingest|analy|ignorier|robot",
    re.IGNORECASE,
)
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
    sentence and its neighbours), and the next line too where the order only announces it."""
    text = document.text
    spans: list[Span] = []
    announced = False
    for start, end in _lines(text):
        line = text[start:end]
        found = list(_in_line(line))
        if announced and end <= document.visible_end:
            found = [(0, len(line))]
        announced = bool(found) and found[-1][1] == len(line) and line.rstrip().endswith(":")
        for first, last in found:
            if spans and start + first <= spans[-1].end + 1:
                spans[-1] = Span(spans[-1].start, max(spans[-1].end, start + last))
            else:
                spans.append(Span(start + first, start + last))
    return tuple(spans)


def is_instruction(text: str) -> bool:
    """Whether a stretch of text speaks to a model."""
    return any(True for _ in _in_line(text))


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.split("\n"):
        if line:
            yield start, start + len(line)
        start += len(line) + 1


def _in_line(line: str) -> Iterator[tuple[int, int]]:
    if not _HINT.search(line):
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
            if _HINT.search(piece) and _speaks_to_machine(piece):
                # The order and the "fact" it wants told stand side by side.
                yield (
                    sentences[max(index - 1, 0)][0],
                    sentences[min(index + 2, len(sentences) - 1)][1],
                )
                break


def _speaks_to_machine(text: str) -> bool:
    if any(rule.search(text) for rule in _OVERRIDES):
        return True
    return not _ABOUT_ROBOTS.search(text) and any(rule.search(text) for rule in _ORDERS)
