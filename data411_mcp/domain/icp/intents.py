"""What a short message of the user means. Only a message that is nothing but the wish has it: a
sentence in which a wish is mentioned, quoted or denied is text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

WISH_CHARS_MAX = 80  # longer messages are text


class Intent(StrEnum):
    CONFIRM = "confirm"  # whatever was asked
    CONFIRM_ICP = "confirm_icp"
    CONFIRM_PROFILE = "confirm_profile"  # of the company: says nothing of the ICP
    RUN_ENRICHMENT = "run_enrichment"
    RERUN = "rerun"
    STATUS = "status"
    CANCEL = "cancel"
    YES = "yes"
    NO = "no"
    SKIP = "skip"
    CONTINUE = "continue"
    START_FRESH = "start_fresh"
    PICK = "pick"  # `number` says which
    GREETING = "greeting"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Said:
    intent: Intent
    number: int | None = None


_PHRASES: dict[Intent, str] = {
    Intent.CONFIRM: """confirm; confirmed; i confirm; we confirm; confirm it; confirm that; confirm
        this; confirm all; go ahead; proceed; confirm and proceed; confirm to proceed; looks good;
        bestätigen; bestätigt; ich bestätige; confirmar; confirmado; confirmo; confirmer; confirmé;
        je confirme; conferma; confermo; confermato; bevestigen; bevestigd; 确认; 確認; 確認する;
        確認します; 확인; подтверждаю; подтвердить; تأكيد""",
    Intent.CONFIRM_ICP: """confirm icp; icp confirmed; confirm ideal customer profile; confirm ideal
        customer; i confirm icp; confirm icp profile; icp profile confirmed; confirm my icp; confirm
        our icp; icp looks good""",
    Intent.CONFIRM_PROFILE: """confirm profile; profile confirmed; confirm company profile; confirm
        company; company profile confirmed; confirm my profile; confirm our profile; confirm my
        company profile; confirm our company profile; confirm my company; confirm website""",
    Intent.RUN_ENRICHMENT: """run enrichment; run enrichments; start enrichment; enrich; enrich now;
        enrich top 10; enrich top10; enrich them; run enrichment now; run top 10 enrichment;
        anreicherung starten; enrichment starten; ejecutar enriquecimiento; lancer enrichissement;
        lancer l'enrichissement""",
    Intent.RERUN: """rerun; re-run; re run; run again; rerun discovery; re-run discovery; run
        discovery again; rerun icp; re-run icp; refresh icp; refresh discovery; search again""",
    Intent.STATUS: """status; status update; progress; what is status; what's status; how far; how
        far are you; how is it going; any news; is it done; are you done; done yet; where are we;
        show status; check status; estado; statut; stato; stand; wie weit; 状态; 状態; 進捗; 상태;
        статус; show results; results; show me
        results; show list; show me list; list; see results""",
    Intent.CANCEL: """cancel; cancel run; cancel job; stop; stop run; stop it; abort; cancel it;
        abbrechen; stopp; cancelar; annuler; annulla""",
    Intent.YES: """yes; y; yep; yeah; yup; sure; ok; okay; k; fine; correct; right; of course; do
        it; yes do it; ja; jawohl; genau; sí; si; claro; oui; d'accord; sì; sim; tak; да; はい; 是;
        是的; 好; 好的; 네; 예; evet; نعم; हाँ""",
    Intent.NO: """no; n; nope; nah; not now; not yet; don't; do not; no way; later; nein; jetzt
        nicht; non; não; nee; nie; нет; いいえ; 不; 不是; 否; 아니요; hayır; لا; नहीं""",
    Intent.SKIP: """skip; skip it; skip this; skip that; none; nothing; n/a; na; not applicable; no
        lost customers; none lost; no churn; pass; nothing else; überspringen; keine; omitir;
        ninguno; passer; aucun; aucune; salta; nessuno; 跳过; 無し; なし; -""",
    Intent.CONTINUE: """continue; continue here; go on; carry on; keep going; resume; stay here;
        continue here and re-run in background; continue and re-run; continue and rerun; keep this
        session; same session; weiter; weitermachen; hier weiter; continuar; continuer; continua;
        继续; 続ける""",
    Intent.START_FRESH: """start fresh; start over; start anew; start new; start new session; new
        session; new; new icp session; new chat; new thread; open new session; fresh; begin again;
        restart; reset; create new; neu anfangen; neue sitzung; von vorn; nueva sesión; empezar de
        nuevo; nouvelle session; recommencer; nuova sessione; 重新开始""",
    Intent.GREETING: """hi; hello; hey; good morning; good afternoon; good evening; hallo; guten
        tag; moin; hola; bonjour; salut; ciao; olá; help; start; begin; let's start; let's go; get
        started; i want to find leads; find leads; find my icp; icp; thanks; thank you; thx;
        many thanks; danke; merci; gracias; 你好; こんにちは""",
}  # fmt: skip

_FILLERS = frozenset(
    {"please", "pls", "thanks", "thank", "you", "now", "then", "just", "bitte", "danke", "por",
     "favor", "merci", "the", "a", "an", "it's", "hey", "well", "so"}
)  # fmt: skip
_LEADING = ("ok ", "okay ", "yes ", "yes, ", "sure ", "great ", "alright ", "ja ", "all right ")
_QUOTES = "\"'`“”‘’«»„‚()[]*_ "
_NUMBER = re.compile(r"(?:#|no\.?|number|option|session|nr\.?)?\s*(\d{1,2})(?:st|nd|rd|th|\.|\))?")
_ORDINALS = {"first": 1, "second": 2, "third": 3, "first one": 1, "second one": 2, "third one": 3}


def _key(text: str) -> str:
    """Folded words without quotes, end marks and words that say nothing."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = text.replace("’", "'").replace("‘", "'").replace("‑", "-").replace("–", "-")
    text = " ".join(text.strip(_QUOTES + ".!?。！？,;:\n\t").split())
    words = [word.strip("“”\"`'") for word in re.split(r"[\s,]+", text)]
    kept = [word for word in words if word and word not in _FILLERS]
    return " ".join(kept) or text


_BY_KEY: dict[str, Intent] = {}
for _intent, _text in _PHRASES.items():
    for _phrase in _text.split(";"):
        _BY_KEY.setdefault(_key(" ".join(_phrase.split())), _intent)


def read_intent(text: str) -> Said:
    """What the whole message asks for."""
    if not text.strip():
        return Said(Intent.GREETING)
    if len(text) > WISH_CHARS_MAX:
        return Said(Intent.TEXT)
    key = _key(text)
    if (found := _known(key)) is not None:
        return Said(found)
    if key in _ORDINALS:
        return Said(Intent.PICK, _ORDINALS[key])
    if number := _NUMBER.fullmatch(key):
        return Said(Intent.PICK, int(number[1]))
    return Said(Intent.TEXT)


def _known(key: str) -> Intent | None:
    if key in _BY_KEY:
        return _BY_KEY[key]
    for lead in _LEADING:
        if key.startswith(lead) and (rest := key[len(lead) :].strip()) in _BY_KEY:
            return _BY_KEY[rest]
    return None


_QUESTION = re.compile(
    r"\?\s*$|^(?:what|why|how|when|where|who|which|can|could|do|does|is|are|will|would|should)\b",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """A question never counts as an answer."""
    return bool(_QUESTION.search(text.strip()))
