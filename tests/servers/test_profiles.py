"""The FHIR profiles, judged by HAPI's validator: good examples pass, each broken rule is found."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from twin.core.haemodynamics import Quantity

if TYPE_CHECKING:
    from conftest import FhirServer

Json = dict[str, Any]
Break = Callable[[Json], Any]

pytestmark = pytest.mark.service("hapi")

GOOD = ("twin", "risk", "state", "effect", "fluid", "red-cells", "patient", "mean-pressure")


def example(compiled: list[Json], name: str) -> Json:
    found = next(one for one in compiled if one["id"] == f"example-{name}")
    return copy.deepcopy(found)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_example_has_no_error(
    profiled: FhirServer, compiled: list[Json], name: str
) -> None:
    assert profiled.complaints(example(compiled, name)) == []


def first_component(resource: Json) -> Json:
    component: Json = resource["component"][0]
    return component


BROKEN: dict[str, tuple[str, str, Break]] = {
    "a risk that calls itself final": (
        "risk",
        "status",
        lambda r: r.update(status="final"),
    ),
    "a risk that rests on nothing": ("risk", "basis", lambda r: r.pop("basis")),
    "a risk whose basis is a mere label": (
        "risk",
        "real-reference",
        lambda r: r.update(basis=[{"display": "some blood pressure"}]),
    ),
    "a risk of more than 100 %": (
        "risk",
        "probability-in-per-cent",
        lambda r: r["prediction"][0].update(probabilityDecimal=131),
    ),
    "a risk without a time": ("risk", "when", lambda r: r["prediction"][0].pop("whenPeriod")),
    "a risk in qualitative words only": (
        "risk",
        "probability",
        lambda r: r["prediction"][0].pop("probabilityDecimal"),
    ),
    "a risk performed by a clinician": (
        "risk",
        "Practitioner",
        lambda r: r.update(performer={"reference": "Practitioner/1", "type": "Practitioner"}),
    ),
    "a risk that hides its model": ("risk", "method", lambda r: r.pop("method")),
    "a risk without the label of machines": (
        "risk",
        "assertedByAi",
        lambda r: r["meta"].pop("security"),
    ),
    "a risk that does not say research": ("risk", "note", lambda r: r.pop("note")),
    "a risk with a note on something else": (
        "risk",
        "research-note",
        lambda r: r.update(note=[{"text": "Looks fine."}]),
    ),
    "an interval upside down": (
        "risk",
        "interval-in-order",
        lambda r: r["prediction"][0]["extension"][0]["valueRange"]["low"].update(value=99),
    ),
    "a state that calls itself final": ("state", "status", lambda r: r.update(status="final")),
    "a state derived from nothing": ("state", "derivedFrom", lambda r: r.pop("derivedFrom")),
    "a state without its model": ("state", "device", lambda r: r.pop("device")),
    "a state with a value without interval": (
        "state",
        "interval90",
        lambda r: first_component(r)["valueQuantity"].pop("extension"),
    ),
    "a state with a LOINC code where a chart would look": (
        "state",
        "quantities",
        lambda r: first_component(r).update(
            code={"coding": [{"system": "http://loinc.org", "code": "8478-0"}]}
        ),
    ),
    "a state without a unit": (
        "state",
        "code",
        lambda r: first_component(r)["valueQuantity"].pop("code"),
    ),
    "an effect of no order": ("effect", "focus", lambda r: r.pop("focus")),
    "an effect without a horizon": ("effect", "horizon", lambda r: r.pop("extension")),
    "a proposal that is already active": (
        "fluid",
        "status",
        lambda r: r.update(status="active"),
    ),
    "a proposal that is an order": ("fluid", "intent", lambda r: r.update(intent="order")),
    "a proposal without a dose in words": (
        "fluid",
        "text",
        lambda r: r["dosageInstruction"][0].pop("text"),
    ),
    "a service that is already active": (
        "red-cells",
        "status",
        lambda r: r.update(status="active"),
    ),
    "a service without the label of machines": (
        "red-cells",
        "assertedByAi",
        lambda r: r["meta"].pop("security"),
    ),
    "a model without a version": ("twin", "version", lambda r: r.pop("version")),
    "a model without a digest": ("twin", "identifier", lambda r: r.pop("identifier")),
    "a model that is no AI": (
        "twin",
        "coding",
        lambda r: r.update(type={"text": "thermometer"}),
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_example_is_told_what_is_wrong(
    profiled: FhirServer, compiled: list[Json], fault: str
) -> None:
    name, named_in_the_error, break_it = BROKEN[fault]
    resource = example(compiled, name)
    break_it(resource)
    complaints = profiled.complaints(resource)
    assert any(named_in_the_error in complaint for complaint in complaints), complaints


def test_every_profile_has_an_example_that_claims_it(compiled: list[Json]) -> None:
    profiles = {
        one["url"]
        for one in compiled
        if one["resourceType"] == "StructureDefinition" and one["type"] != "Extension"
    }
    claimed = {url for one in compiled for url in one.get("meta", {}).get("profile", [])}
    assert claimed == profiles


def test_the_codes_of_quantities_are_the_twins_own(compiled: list[Json]) -> None:
    codes = next(one for one in compiled if one["id"] == "quantity")
    assert [concept["code"] for concept in codes["concept"]] == [q.value for q in Quantity]


def test_what_is_committed_is_what_compiles(compiler: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "compiled"
    subprocess.run([str(compiler), str(fresh)], check=True, capture_output=True, timeout=300)
    committed = compiler.parent / "compiled"
    assert sorted(p.name for p in fresh.iterdir()) == sorted(p.name for p in committed.iterdir())
    for path in committed.iterdir():
        assert (fresh / path.name).read_text() == path.read_text(), path.name
