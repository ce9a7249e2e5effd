"""What an ECG release says in words: the source attributes and the card; every figure measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from inference.core.source_attributes import SOURCE_ATTRIBUTES
from inference.training.ecg_pair_words import second_reader_words
from inference.training.release_words import interval_text

_SETTLED: Final = {
    "developer_and_contact": "The CardioTwin project; contact through its issue tracker.",
    "funding": "unknown: no funding was declared.",
    "output": "Probability of each rhythm, conduction and infarction finding in a 12-lead ECG.",
    "output_type": "Classification.",
    "intended_use": "Research on decision support. Not a medical device; not for clinical use.",
    "intended_population": "Adults with a resting 12-lead ECG of ten seconds.",
    "intended_user": "Clinicians and clinical data scientists taking part in research.",
    "decision_role": "Informs; it neither augments nor replaces a decision.",
    "cautioned_out_of_scope": (
        "Children; ECGs during exercise or resuscitation; ruling out an acute infarction; layouts "
        "other than three rows of four leads at 25 mm/s; any decision taken on the finding alone."
    ),
    "sensitive_inputs": (
        "None is an input. Age and sex are written on some pages; training pages carry invented "
        "headers or none. Race, ethnicity, language, sexual orientation, gender identity, social "
        "determinants: neither inputs nor in the data."
    ),
    "demographic_representativeness": (
        "Germany (PTB-XL), Russia (LUDB), China (CPSC, Chapman-Shaoxing, Ningbo), Spain "
        "(Brugada-HUCA), the United States (Georgia); age and sex were not balanced; race and "
        "ethnicity unknown."
    ),
    "relevance_to_setting": "unknown for any other hospital; validate on local data first.",
    "fairness_approach": "None.",
    "bias_management": (
        "Identical signals removed within and across sets; a label that a set does not annotate "
        "is not taken as absent; amplitudes, filters and paper are drawn anew for every set, so "
        "that a set is harder to tell by them."
    ),
    "fairness_same_source": "unknown: too few records to measure apart by age or sex.",
    "fairness_external": "unknown: the sets that judge state neither age nor sex.",
    "outcome_evaluations": "None.",
    "validity_monitoring": (
        "At each site, by `cardiotwin evaluate ecg` on local recordings; no fixed frequency."
    ),
    "validity_local": "unknown until a site measures it.",
    "fairness_monitoring": "At each site, with the same command by subgroup; no fixed frequency.",
    "fairness_local": "unknown until a site measures it.",
    "update_process": "A new release with a new digest and its own evidence; no fixed frequency.",
    "correction_process": "A release that proves wrong is withdrawn; no promise of time.",
}
_BASELINE: Final = (
    "A baseline: it is there to be compared with in `cardiotwin evaluate ecg`; nothing in the "
    "service reads by it."
)
_PAPER: Final = {"precision": "+3.50 %", "recall": "+8.21 %", "f1": "+7.38 %"}
_VIAS: Final = {
    "image": "clean printed page",
    "photo": "page as photographed (every third record)",
    "image_of_photographed": "clean page of the same third",
    "signal": "signal",
}


def attributes_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return all source attributes of a release from its document."""
    evidence = document["evidence"]
    sets = "; ".join(_set_text(one) for one in document["training_sets"])
    uncalled = [name for name, one in document["thresholds"].items() if one["value"] >= 1.0]
    macro = evidence["validation"]["macro"]
    return {
        **_SETTLED,
        "known_risks_and_limitations": (
            "Learnt from few recordings: rare findings rest on tens of patients or on generated "
            "ECGs. Adjudication differs between the sets. "
            f"{_uncalled(uncalled, evidence.get('asked'))} "
            "It was not shown every artefact, pacemaker or congenital heart."
        ),
        "inclusion_and_exclusion": (
            f"{sets}. Each distinct recording once; nothing else excluded. A record stands for a "
            "patient except in PTB-XL."
        ),
        "validity_same_source": (
            f"{evidence['validation']['records']} validation records, which fitted calibration "
            f"and thresholds only: mean AUROC of {len(macro['labels'])} findings "
            f"{_number(macro['auroc'])}."
        ),
        **_external(evidence.get("judges", {}), evidence.get("pages", {}).get("name")),
    }


def _uncalled(uncalled: Sequence[str], asked: Sequence[str] | None) -> str:
    if asked:
        return f"It was taught more findings than it is asked for: it calls {', '.join(asked)}."
    return f"Never called, for want of validation records: {', '.join(uncalled) or 'none'}."


def _external(judges: Mapping[str, Mapping[str, Any]], pages: str | None) -> dict[str, str]:
    sources = [*judges, *([f"{pages} (pages printed in one clinic)"] if pages else [])]
    return {
        "external_data_source": ", ".join(sources) or "None.",
        "external_tester": "The developer; no independent party." if judges else "None.",
        "external_representativeness": "unknown: the sets that judge do not describe patients.",
        "external_process": (
            "Records of sets that taught nothing, read once; labels as published; a label that a "
            "set does not annotate is not scored."
            if judges
            else "None."
        ),
        "validity_external": "; ".join(
            f"{name}, {_VIAS[via]}: mean AUROC of {', '.join(one['macro']['labels'])} "
            f"{_number(one['macro']['auroc'])}"
            for name, vias in judges.items()
            for via, one in vias.items()
        )
        or "unknown: not validated externally.",
    }


def _set_text(one: Mapping[str, Any]) -> str:
    if one["stem"] == "generated":
        return f"generated ECGs, {one['share_of_batches']:.0%} of what was shown in training"
    return f"{one['source']}, {one['licence']}, {one['records']} records"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def card_text(document: Mapping[str, Any]) -> str:
    """Return the card of a release as Markdown, every figure taken from the document."""
    evidence = document["evidence"]
    parts = [
        f"# {document['name']} {document['version']}",
        "**Research use only - not a medical device.**",
        f"Reads {_reads(document)} and gives a calibrated probability for each of "
        f"{len(document['labels'])} findings. {document['population']['records']} recordings "
        "taught it.",
        *([_BASELINE] if document.get("baseline") else []),
        f"Weights: `{document['digest']}`, built {document['built']}.",
        _taught(document["training_sets"]),
        *([_played(evidence["played"])] if "played" in evidence else []),
        *second_reader_words(evidence),
        *(_judge(name, vias) for name, vias in evidence.get("judges", {}).items()),
        *(_ahead(name, one) for name, one in evidence.get("ahead_of_signal", {}).items()),
        *([_pages(evidence["pages"])] if "pages" in evidence else []),
        _labels(
            "Validation records of its own sources",
            evidence["validation"],
            "They fitted calibration and thresholds, which flatters precision, recall and F1.",
        ),
        _thresholds(document["thresholds"]),
        _doubt(document),
        f"## Storage\n\n{evidence['storage']}{_exported(evidence)}",
        f"## Compute\n\n{evidence['compute']}",
        *(_table(one) for one in evidence.get("tables", ())),
        "## Source attributes",
        "\n".join(
            f"- **{title}**: {document['source_attributes'][key]}"
            for key, title in SOURCE_ATTRIBUTES.items()
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _doubt(document: Mapping[str, Any]) -> str:
    found = document["evidence"]["calibration"]
    return (
        f"## Doubt\n\nA recording whose embedding lies further than "
        f"{document['limits']['strangest']:.2f} from what taught is called not readable; 0.5 % of "
        f"the validation views do. Calibration there: mean probability "
        f"{found['mean_probability']:.4f}, observed {found['observed']:.4f}, Brier score "
        f"{found['brier']:.4f}."
    )


def _exported(evidence: Mapping[str, Any]) -> str:
    if "exported" not in evidence:
        return ""
    return f" In 32 bits the graph says what torch says within {evidence['exported']:.1e} there."


def _reads(document: Mapping[str, Any]) -> str:
    return "the signal" if document["task"] == "ecg-signal" else "a printed 12-lead page"


def _taught(sets: list[Mapping[str, Any]]) -> str:
    lines = ["| taught by | licence | records |", "|---|---|---|"]
    for one in sets:
        count = one.get("records", f"{one.get('share_of_batches', 0):.0%} of batches")
        lines.append(f"| {one['source']} | {one['licence']} | {count} |")
    return "\n".join(lines)


def _played(shares: Mapping[str, float]) -> str:
    return (
        f"Recorded beats are also played again: {shares['retime']:.0%} of draws at another rate, "
        f"and of what is known to be in sinus rhythm {shares['fibrillate']:.0%} as atrial "
        f"fibrillation, {shares['premature']:.0%} with premature beats and {shares['delay']:.0%} "
        "with a longer PR interval. Answers follow from how they were played, not from a reader."
    )


def _judge(name: str, vias: Mapping[str, Mapping[str, Any]]) -> str:
    said = "It taught nothing; its licence lets it judge only."
    return "\n\n".join(_labels(f"{name}, {_VIAS[via]}", one, said) for via, one in vias.items())


def _ahead(name: str, found: Mapping[str, Any]) -> str:
    lines = ["| measure | change, relative | 95 % interval | the paper's |", "|---|---|---|---|"]
    for measure, stated in _PAPER.items():
        one = found[measure]
        shown = (
            f"{one['value']:+.1%} | {one['low']:+.1%} to {one['high']:+.1%}"
            if one["value"] is not None
            else "unknown | "
        )
        lines.append(f"| {measure} | {shown} | {stated} |")
    return (
        f"## The page against its signal, {name}\n\nMeans over {', '.join(found['labels'])} on "
        f"the same recordings, each release at its own thresholds, against {found['signal']}. "
        "The paper's own figures (https://arxiv.org/abs/2408.02888) are of unknown absolutes on "
        "other recordings.\n\n" + "\n".join(lines)
    )


def _pages(found: Mapping[str, Any]) -> str:
    lines = ["| told from normal | pages | AUROC | AUPRC |", "|---|---|---|---|"]
    rows = {"every label but normal": found["abnormal"], **found["classes"]}
    for label, one in rows.items():
        areas = f"{interval_text(one['auroc'])} | {interval_text(one['auprc'])}"
        lines.append(f"| {label} | {one['positives']} | {areas} |")
    return (
        f"## {found['name']}\n\n{found['pages']} pages as a clinic printed them, "
        f"{len(found['not_read'])} of them not read, judged by the probability of not being "
        "normal. They taught nothing; their licence lets them judge only. One clinic and one "
        "printer; its classes were collected apart.\n\n" + "\n".join(lines)
    )


def _labels(title: str, found: Mapping[str, Any], said: str) -> str:
    lines = [
        "| finding | positives | AUROC | AUPRC | precision | recall | F1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, one in found["labels"].items():
        calls = " | ".join(_number(one[key]) for key in ("precision", "recall", "f1"))
        areas = f"{interval_text(one['auroc'])} | {interval_text(one['auprc'])}"
        lines.append(f"| {label} | {one['positives']} | {areas} | {calls} |")
    macro = found["macro"]
    mean = " | ".join(
        _number(macro[key]) for key in ("auroc", "auprc", "precision", "recall", "f1")
    )
    lines.append(f"| mean of {', '.join(macro['labels'])} | | {mean} |")
    table = "\n".join(lines)
    return (
        f"## {title}\n\n{found['records']} recordings{_not_read(found)}. {said} 95 % intervals "
        "by bootstrap over recordings; findings with 20 positives or more enter the mean.\n\n"
        f"{table}"
    )


def _not_read(found: Mapping[str, Any]) -> str:
    count = found.get("not_read", 0)
    return f", on {count} of which no page was found" if count else ""


def _thresholds(thresholds: Mapping[str, Mapping[str, float]]) -> str:
    lines = ["| finding | called from | sensitivity | specificity |", "|---|---|---|---|"]
    for name, one in thresholds.items():
        shown = (
            f"{one['value']:.3f} | {one['sensitivity']:.2f} | {one['specificity']:.2f}"
            if one["value"] < 1.0
            else "never | | "
        )
        lines.append(f"| {name} | {shown} |")
    return (
        "## Thresholds, on the validation views\n\nThose of rhythms were placed with the help of "
        "the same records played again in other rhythms; sensitivity and specificity are of the "
        "records as they are.\n\n" + "\n".join(lines)
    )


def _table(table: Mapping[str, Any]) -> str:
    lines = [
        "| " + " | ".join(table["columns"]) + " |",
        "|" + "---|" * len(table["columns"]),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in table["rows"]),
    ]
    return f"## {table['title']}\n\n{table['note']}\n\n" + "\n".join(lines)
