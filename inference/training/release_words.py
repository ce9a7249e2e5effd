"""What a trajectory release says in words: the source attributes and the card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inference.core.source_attributes import SOURCE_ATTRIBUTES

SHARED_ATTRIBUTES: Final = {
    "developer_and_contact": "The CardioTwin project; contact through its issue tracker.",
    "funding": "unknown: no funding was declared.",
    "output": "Probability of death in hospital during the present stay, with a 90 % interval.",
    "output_type": "Prediction.",
    "intended_use": "Research on decision support. Not a medical device; not for clinical use.",
    "intended_population": "Adults in hospital with charted vital signs or laboratory values.",
    "intended_user": "Clinicians and clinical data scientists taking part in research.",
    "decision_role": "Informs; it neither augments nor replaces a decision.",
    "cautioned_out_of_scope": (
        "Patients under 16; cardiac arrest, which it does not predict; triage; any decision taken "
        "on the number alone; withholding treatment."
    ),
    "known_risks_and_limitations": (
        "Learnt from intensive care of one hospital with one death in seven:"
        " on a general ward the number is too high until calibrated there. What was measured, and "
        "how often, reflects what clinicians already thought. Single sets of vital signs carry "
        "little: the interval shows sampling error, not that."
    ),
    "inclusion_and_exclusion": (
        "PhysioNet/CinC 2012 sets a and b: stays of at least 48 h in intensive care, patients of "
        "16 and older, one stay a record; all 8,000 records used, none excluded."
    ),
    "sensitive_inputs": (
        "Age and sex are inputs, with height and weight. Race, ethnicity, language, sexual "
        "orientation, gender identity, social determinants: not inputs and not in the data."
    ),
    "demographic_representativeness": (
        "One hospital in Boston; age and sex as in evidence.subgroups; race and ethnicity unknown."
    ),
    "relevance_to_setting": "unknown for any other hospital; validate on local data first.",
    "fairness_approach": "None beyond measuring: figures by sex, age and kind of unit.",
    "bias_management": (
        "Poorer versions of each stay in training, so that sparse charting is not read as health."
    ),
    "external_data_source": "None.",
    "external_tester": "None.",
    "external_representativeness": "unknown: not validated externally.",
    "external_process": "None.",
    "validity_external": "unknown: not validated externally.",
    "fairness_external": "unknown: not validated externally.",
    "outcome_evaluations": "None.",
    "validity_monitoring": (
        "At each site, by `cardiotwin evaluate trajectories` on local stays; no fixed frequency."
    ),
    "validity_local": "unknown until a site measures it.",
    "fairness_monitoring": "At each site, with the same command by subgroup; no fixed frequency.",
    "fairness_local": "unknown until a site measures it.",
    "update_process": "A new release with a new digest and its own evidence; no fixed frequency.",
    "correction_process": "A release that proves wrong is withdrawn; no promise of time.",
}


TABLES: Final = ("retraining", "ablation", "fusion", "compound_scaling")
"""Evidence that is a table: title, note, columns and rows; kept in the order of the card."""


def card_text(document: Mapping[str, Any]) -> str:
    """Return the card of a release as Markdown, every figure taken from the document."""
    evidence = document["evidence"]
    parts = [
        f"# {document['name']} {document['version']}",
        "**Research use only - not a medical device.**",
        f"Estimates the probability of death in hospital. Learnt from the "
        f"{document['population']['description']}, {document['population']['records']} stays, of "
        f"which {document['population']['rate']:.1%} ended in death. Judged on "
        f"{evidence['held_out_records']} stays ({evidence['held_out_deaths']} deaths) that taught "
        "nothing: no net, no boosting, no scale, no calibration, no threshold. A record stands "
        "for a patient.",
        f"Weights: `{document['digest']}`, built {document['built']}. Data: PhysioNet/CinC "
        "Challenge 2012, https://physionet.org/content/challenge-2012/1.0.0/, ODC-BY 1.0.",
        _figures(evidence),
        _levels(document),
        _rest(evidence),
        "## Source attributes",
        "\n".join(
            f"- **{title}**: {document['source_attributes'][key]}"
            for key, title in SOURCE_ATTRIBUTES.items()
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figures(evidence: Mapping[str, Any]) -> str:
    rows = {"**this release**": evidence["held_out"], **evidence.get("parts", {})}
    lines = [
        "| held-out stays | AUROC | AUPRC | event 1 | Brier | slope |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in rows.items():
        figures = " | ".join(
            interval_text(one[key]) for key in ("auroc", "auprc", "event1", "brier")
        )
        lines.append(
            f"| {name.replace('_', ' ')} | {figures} | {one['calibration']['slope']:.2f} |"
        )
    said = ["\n".join(lines), "95 % intervals by bootstrap over stays."]
    if "previous" in evidence:
        before = evidence["previous"]
        said.append(
            f"Beside {before['identity']} on the same stays: AUROC "
            f"{signed_text(before['auroc_difference'])}, AUPRC "
            f"{signed_text(before['auprc_difference'])}; on their poorer versions: AUROC "
            f"{signed_text(before['auroc_poorer_difference'])}."
        )
    return "\n\n".join(said)


def _levels(document: Mapping[str, Any]) -> str:
    lines = [
        f"- {name} from a risk of {one['value']:.3f}: sensitivity {one['sensitivity']:.2f}, "
        f"specificity {one['specificity']:.2f} on the held-out stays"
        for name, one in document["thresholds"].items()
    ]
    return "## Levels\n\n" + "\n".join(lines)


def _rest(evidence: Mapping[str, Any]) -> str:
    """Return what else the evidence holds, each under its own heading."""
    parts = []
    if "poorer_versions" in evidence:
        poorer = evidence["poorer_versions"]
        parts.append(
            "## Sparse input\n\nOn poorer versions of the held-out stays (earlier, shorter, vital "
            f"signs only, groups missing): AUROC {interval_text(poorer['auroc'])}, "
            f"AUPRC {interval_text(poorer['auprc'])}."
        )
    if "subgroups" in evidence:
        lines = [
            "| subgroup | stays | deaths | AUROC | mean risk | observed |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {name} | {one['records']} | {one['deaths']} | {interval_text(one['auroc'])} | "
            f"{one['mean_risk']:.3f} | {one['observed']:.3f} |"
            for name, one in evidence["subgroups"].items()
        ]
        parts.append("## Subgroups\n\n" + "\n".join(lines))
    if "net_range" in evidence:
        parts.append(f"## Range of the net's output\n\n{range_text(evidence['net_range'])}")
    for key, title in (("storage", "Storage"), ("compute", "Compute")):
        if key in evidence:
            parts.append(f"## {title}\n\n{evidence[key]}")
    parts += [_table(evidence[key]) for key in TABLES if key in evidence]
    return "\n\n".join(parts)


def _table(table: Mapping[str, Any]) -> str:
    """Return a table kept as title, note, columns and rows."""
    lines = [
        "| " + " | ".join(table["columns"]) + " |",
        "|" + "---|" * len(table["columns"]),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in table["rows"]),
    ]
    return f"## {table['title']}\n\n{table['note']}\n\n" + "\n".join(lines)


def interval_text(figure: Mapping[str, float | None]) -> str:
    """Return a figure with its interval in words."""
    if figure["value"] is None:
        return "unknown"
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


def range_text(found: Mapping[str, float]) -> str:
    """Say how far the net's own log-odds go on the held-out stays and their poorer versions."""
    return (
        f"On the held-out stays and their poorer versions EfficientNet-B3's own log-odds lie "
        f"between {found['lowest']:.1f} and {found['highest']:.1f}; "
        f"{found['share_bounded']:.2%} of them are bounded before they are joined."
    )


def signed_text(figure: Mapping[str, float]) -> str:
    """Return a difference with its interval in words, signs written out."""
    return f"{figure['value']:+.3f} ({figure['low']:+.3f} to {figure['high']:+.3f})"


def retraining_table(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of a release that was made and judged, and not put in this one's place."""
    evidence = candidate["evidence"]
    rows = {
        "joined": evidence["held_out"],
        "EfficientNet-B3 alone": evidence["parts"]["efficientnet_b3"],
        "gradient boosting alone": evidence["parts"]["gradient_boosting"],
    }
    beside = evidence["previous"]
    return {
        "title": "A training from the start that did not take this release's place",
        "note": (
            f"{evidence['compute']} Judged on the same held-out stays as this release, its "
            f"join minus this one's: AUROC {signed_text(beside['auroc_difference'])}, AUPRC "
            f"{signed_text(beside['auprc_difference'])}; on their first poorer version AUROC "
            f"{signed_text(beside['auroc_poorer_difference'])}. "
            f"{range_text(evidence['net_range'])} Its embeddings are levelled "
            "and its normalisation settled; the "
            "tables of parts and of joins below are of that recipe, and their joins of that net."
        ),
        "columns": ["that training", "AUROC", "AUPRC", "Brier"],
        "rows": [
            [name, *(interval_text(one[key]) for key in ("auroc", "auprc", "brier"))]
            for name, one in rows.items()
        ],
    }
