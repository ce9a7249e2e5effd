"""What the card of a second reader says beside what every ECG card says; every figure measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.training.release_words import interval_text


def second_reader_words(evidence: Mapping[str, Any]) -> list[str]:
    """Return the parts of the card on teacher, injuries, pair and sets read by their readers."""
    parts = []
    if evidence.get("teacher", {}).get("run"):
        parts.append(_teacher(evidence["teacher"]))
    if evidence.get("injury"):
        parts.append(_injury(evidence["injury"]))
    if "together" in evidence:
        parts.append(_pair(evidence["together"]))
    if "normal" in evidence:
        parts.append(_normal(evidence["normal"]))
    parts += [_by_reader(name, one) for name, one in evidence.get("by_reader", {}).items()]
    return parts


def _teacher(teacher: Mapping[str, Any]) -> str:
    withheld = ", ".join(teacher["withheld"]) or "nothing"
    also = f" Besides the sets above {teacher['also']} had taught it." if teacher["also"] else ""
    return (
        f"Beside its labels a VizECGNet (run {teacher['run']}) taught it on the same pages: "
        "log-odds, what each place adds to them, and tokens. Withheld from that teaching: "
        f"{withheld}.{also}"
    )


def _injury(share: float) -> str:
    return (
        f"On the beats of {share:.0%} of the recorded draws whose complexes are narrow an injury "
        "current of one territory was played, or a rise in every lead that is no infarction. "
        "That and generated ECGs are all that taught it acute infarction. The threshold of STEMI "
        "was placed with validation records played so, and the sensitivity and specificity below "
        "are of those: they say nothing of patients."
    )


def _pair(found: Mapping[str, Any]) -> str:
    lines = ["| a normal ECG, AUROC | the other alone | this one | both |", "|---|---|---|---|"]
    for view, one in found["validation"].items():
        cells = " | ".join(interval_text(one[who]) for who in ("first", "second", "together"))
        lines.append(f"| {view} | {cells} |")
    gain, limit = found["gain"], found["threshold"]
    used = "is heard with it in the service" if found["used"] else "is not heard in the service"
    return (
        f"## Together with {found['identity']}\n\nThe mean of both calibrated log-odds, on "
        "validation records that taught neither, as recorded and once photographed or scanned; "
        "nothing else chose.\n\n"
        + "\n".join(lines)
        + f"\n\nBoth against the other alone: {gain['value']:+.3f} "
        f"({gain['low']:+.3f} to {gain['high']:+.3f}); so it {used}. Normal is called from "
        f"{limit['value']:.3f}: sensitivity {limit['sensitivity']:.2f}, specificity "
        f"{limit['specificity']:.2f}."
    )


def _normal(found: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        "| judged on | reader | positives | AUROC | precision | recall |",
        "|---|---|---|---|---|---|",
    ]
    for where, readers in found.items():
        for name, one in readers.items():
            calls = f"{_share(one['precision'])} | {_share(one['recall'])}"
            area = interval_text(one["auroc"])
            lines.append(f"| {where} | {name} | {one['positives']} | {area} | {calls} |")
    return (
        "## Normal against abnormal, by every reader\n\nOn what taught none of them and chose "
        "nothing; normal ones are the positives where a set names them, abnormal ones where it "
        "names those.\n\n" + "\n".join(lines)
    )


def _share(value: float | None) -> str:
    return "none called" if value is None else f"{value:.3f}"


def _by_reader(name: str, found: Mapping[str, Any]) -> str:
    lines = ["| finding | positives | AUROC | precision | recall |", "|---|---|---|---|---|"]
    for label, one in found["labels"].items():
        calls = " | ".join(_share(one[key]) for key in ("precision", "recall"))
        lines.append(f"| {label} | {one['positives']} | {interval_text(one['auroc'])} | {calls} |")
    return (
        f"## {name}, labels as our reader reads them\n\n{found['records']} recordings "
        f"({found['licence']}) of a hospital that taught this net nothing, on plain pages; they "
        "chose nothing. 95 % intervals by bootstrap over recordings; few positives make them wide "
        "and, near 1, too narrow.\n\n" + "\n".join(lines)
    )
