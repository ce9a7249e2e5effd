"""What a radiograph release says in words: the meaning of its arrays, its attributes, its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inference.core.radiograph_reading import INPUT, OUTPUTS
from inference.core.source_attributes import SOURCE_ATTRIBUTES

ATTRIBUTES: Final = {
    "developer_and_contact": "The CardioTwin project; contact through its issue tracker.",
    "funding": "unknown: no funding was declared.",
    "output": "Boxes of lungs and heart on a frontal chest radiograph, with a calibrated chance "
    "each, and the cardiothoracic ratio of the boxes.",
    "output_type": "Analysis.",
    "intended_use": "Research on decision support. Not a medical device; not for clinical use.",
    "intended_population": "Adults with a frontal chest radiograph.",
    "intended_user": "Clinicians and clinical data scientists taking part in research.",
    "decision_role": "Informs; it neither augments nor replaces a decision.",
    "cautioned_out_of_scope": (
        "Lateral views, children, other body parts, CT; the exclusion of any disease; triage; "
        "placement of lines and tubes; any decision taken on a box or a ratio alone."
    ),
    "known_risks_and_limitations": (
        "Few licensed pictures teach it, from few hospitals; generated radiographs teach the "
        "rest. A supine or AP view widens the heart. A rotated patient, a poor breath in or a "
        "picture that cuts off a lung moves the boxes. Opacities are evidence, not findings."
    ),
    "inclusion_and_exclusion": (
        "Teaching: pictures under CC BY or CC BY-SA only, and generated ones; all others judge. "
        "Patients are joined by number, by name of the picture and by the picture itself. Hearts, "
        "and lungs in pictures without boxes, were marked by the developers, no radiologists."
    ),
    "sensitive_inputs": "None: pixels only. Sex, age, race and the like are not inputs.",
    "demographic_representativeness": (
        "Teaching pictures are nearly all of COVID-19 patients of one hospital in Hannover; the "
        "judging ones come from papers and web pages of many countries."
    ),
    "relevance_to_setting": "unknown for any other hospital; validate on local data first.",
    "fairness_approach": "None beyond measuring.",
    "bias_management": "Exposure, crop, tilt and burned-in marks are varied in training.",
    "external_data_source": "Public collections whose licences let them judge only; see evidence.",
    "external_tester": "The developers.",
    "external_representativeness": "unknown: papers and web pages, not consecutive patients.",
    "external_process": "`cardiotwin evaluate radiographs`, patients unseen in training.",
    "validity_same_source": "Judged on the validation part in training only; see evidence.",
    "fairness_same_source": "unknown: too few pictures.",
    "validity_external": "See evidence.judging; intervals by bootstrap over patients.",
    "fairness_external": "unknown: sex and age are missing for many pictures.",
    "outcome_evaluations": "None.",
    "validity_monitoring": "At each site, by `cardiotwin evaluate radiographs`; no set frequency.",
    "validity_local": "unknown until a site measures it.",
    "fairness_monitoring": "At each site, with the same command by subgroup; no set frequency.",
    "fairness_local": "unknown until a site measures it.",
    "update_process": "A new release with a new digest and its own evidence; no set frequency.",
    "correction_process": "A release that proves wrong is withdrawn; no promise of time.",
}

_MEANINGS: Final = {
    "boxes": (["found", "edge"], [None, 4], "left, top, right, bottom in pixels of the square"),
    "score": (["found"], [None], "mean of the stages' chances, not calibrated"),
    "kind": (["found"], [None], "number of the label"),
    "stage_boxes": (["stage", "proposal", "edge"], [None, None, 4], "boxes after each stage"),
    "stage_scores": (
        ["stage", "proposal", "kind"],
        [None, None, None],
        "mean of the chances up to each stage",
    ),
    "posture": (["logit"], [5], "four quarter turns, and black for white"),
    "embedding": (["channel"], [None], "mean of the deepest map, to tell what is unlike"),
}


def meanings(side: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the inputs and outputs of a detector's graph as a release states them."""
    inputs = [
        {
            "name": INPUT,
            "axes": ["picture", "channel", "row", "column"],
            "shape": [1, 1, side, side],
            "meaning": "grey from 0 to 1, air dark, in the middle of a black square",
        }
    ]
    outputs = [
        {"name": name, "axes": axes, "shape": shape, "meaning": meaning}
        for name, (axes, shape, meaning) in ((name, _MEANINGS[name]) for name in OUTPUTS)
    ]
    return inputs, outputs


def card_text(document: Mapping[str, Any]) -> str:
    """Return the card of a release as Markdown, every figure taken from the document."""
    evidence = document["evidence"]
    judging = evidence["judging"]
    parts = [
        f"# {document['name']} {document['version']}",
        "**Research use only - not a medical device. Not clinically validated.**",
        f"Boxes on frontal chest radiographs. {document['population']['description']} Judged on "
        f"{judging['images']} pictures of {judging['patients']} patients that taught nothing.",
        f"Weights: `{document['digest']}`, built {document['built']}.",
        _classes(judging),
        _stages(judging),
        _ratio(judging["cardiothoracic_ratio"]),
        _validation(evidence["validation"]),
        _likeness(evidence["likeness"]),
        f"Findings on cards: {', '.join(document['thresholds']) or 'none'}. Kinds that are judged "
        "and reported only: " + (", ".join(evidence["not_findings"]) or "none") + ".",
        f"## Compute\n\n{evidence['compute']}",
        "## Source attributes",
        "\n".join(
            f"- **{title}**: {document['source_attributes'][key]}"
            for key, title in SOURCE_ATTRIBUTES.items()
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _classes(judging: Mapping[str, Any]) -> str:
    lines = [
        "| kind | boxes | AP at .5 | AP at .75 | AP over .5-.95 | a constant box |",
        "|---|---|---|---|---|---|",
    ]
    for kind, one in judging["classes"].items():
        constant = " / ".join(_short(one["constant_box"][name]) for name in _NAMES)
        own = " | ".join(_with_interval(one[name]) for name in _NAMES)
        lines.append(f"| {kind} | {one['boxes']} | {own} | {constant} |")
    return "\n".join(lines) + "\n\n95 % intervals by bootstrap over patients."


_NAMES: Final = ("ap50", "ap75", "map")


def _stages(judging: Mapping[str, Any]) -> str:
    lines = [
        "| stage | kind | its overlap | AP there | the stage before |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {stage['stage']} | {kind} | {_number(stage['overlap'])} | "
        f"{_number(one['ap_at_overlap'])} | {_number(one['ap_at_overlap_of_the_stage_before'])} |"
        for stage in judging["stages"]
        for kind, one in stage["classes"].items()
    ]
    return "\n".join(lines)


def _ratio(ratio: Mapping[str, Any]) -> str:
    return (
        f"Cardiothoracic ratio on {ratio['measured']} of {ratio['images']} pictures: mean "
        f"absolute error {_with_interval(ratio['mae'])}, bias {_with_interval(ratio['bias'])}; "
        f"always the median ratio errs by {_number(ratio['mae_of_the_median_ratio'])}."
    )


def _validation(validation: Mapping[str, Any]) -> str:
    lines = [
        f"{kind} {_with_interval(one['ap50'])} / {_with_interval(one['ap75'])}"
        for kind, one in validation["classes"].items()
    ]
    ratio = validation["cardiothoracic_ratio"]
    return (
        f"On the {validation['images']} pictures of {validation['patients']} patients that chose "
        "and calibrated, with hearts marked by the developers (AP at .5 / .75): "
        f"{'; '.join(lines)}. Cardiothoracic ratio on {ratio['measured']} of {ratio['images']} of "
        f"them: mean absolute error {_with_interval(ratio['mae'])}; always the median ratio errs "
        f"by {_number(ratio['mae_of_the_median_ratio'])}."
    )


def _likeness(likeness: Mapping[str, float]) -> str:
    return (
        f"{likeness['judging_pictures_beyond']:.1%} of the judging pictures are too unlike the "
        "usual to be read in the service; they are judged here all the same."
    )


def _with_interval(figure: Mapping[str, float | None]) -> str:
    if figure["value"] is None:
        return "not measured"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _short(figure: Mapping[str, float | None]) -> str:
    return _number(figure["value"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
