"""What was given is read as the order that it carried out, with its own times."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.to_given_treatments import (
    GivenTreatment,
    GivenTreatments,
    given_treatments_of,
)
from cds_hooks.fhir.to_measurements import PatientFacts
from twin.core.interventions import Drug, DrugDose, Fluid, FluidKind, Infusion, Route

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
FACTS = PatientFacts("p1", 60.0, "female", 170.0, 80.0)
UCUM = "http://unitsofmeasure.org"


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def administration(text: str, /, **members: Any) -> dict[str, Any]:
    found = {
        "resourceType": "MedicationAdministration",
        "id": "a1",
        "meta": {"versionId": "2"},
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": text},
        "effectiveDateTime": "2026-11-21T08:00:00Z",
    } | members
    return {name: value for name, value in found.items() if value is not None}


def period(start: str, end: str | None = None) -> dict[str, Any]:
    times = {"start": f"2026-11-21T{start}:00Z"}
    if end is not None:
        times["end"] = f"2026-11-21T{end}:00Z"
    return {"effectiveDateTime": None, "effectivePeriod": times}


def read(*resources: object, facts: PatientFacts = FACTS) -> GivenTreatments:
    return given_treatments_of(
        [msgspec.Raw(json.dumps(each).encode()) for each in resources], facts, NOW
    )


def only(found: GivenTreatments) -> GivenTreatment:
    assert found.not_used == ()
    assert len(found.treatments) == 1
    return found.treatments[0]


def rate_of_norepinephrine(given: GivenTreatment) -> float:
    assert isinstance(given.intervention, Infusion)
    assert given.intervention.drug is Drug.NOREPINEPHRINE
    return given.intervention.rate


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{clock}:00+00:00")


INTO_A_VEIN = {"text": "intravenous"}


def test_a_bolus_is_a_dose_at_its_time() -> None:
    given = only(
        read(
            administration("Metoprolol", dosage={"dose": quantity(5, "mg"), "route": INTO_A_VEIN})
        )
    )
    assert given.intervention == DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS)
    assert (given.start, given.end, given.runs) == (at("08:00"), at("08:00"), False)
    assert given.reference == "MedicationAdministration/a1/_history/2"
    assert given.label == "Metoprolol, 5 mg intravenous"
    assert given.not_understood is None


def test_a_running_infusion_has_a_rate_and_no_end() -> None:
    given = only(
        read(
            administration(
                "Norepinephrine",
                status="in-progress",
                dosage={"rateQuantity": quantity(0.1, "ug/kg/min")},
                **period("06:30"),
            )
        )
    )
    assert rate_of_norepinephrine(given) == pytest.approx(0.1)
    assert (given.start, given.end, given.runs) == (at("06:30"), None, True)
    assert given.rate is not None
    assert (given.rate.base, given.rate.per_kg, given.rate.per_minute) == ("mg", True, True)


def test_a_planned_end_of_a_running_infusion_is_no_end() -> None:
    rate = {"rateQuantity": quantity(0.1, "ug/kg/min")}
    given = only(
        read(
            administration(
                "Norepinephrine", status="in-progress", dosage=rate, **period("06:30", "18:00")
            )
        )
    )
    assert given.runs


@pytest.mark.parametrize("status", ["completed", "stopped"])
def test_an_infusion_that_ended_has_both_times(status: str) -> None:
    rate = {"rateQuantity": quantity(8, "ug/min")}
    given = only(
        read(
            administration(
                "Norepinephrine", status=status, dosage=rate, **period("06:00", "08:00")
            )
        )
    )
    assert rate_of_norepinephrine(given) == pytest.approx(0.1)
    assert (given.start, given.end) == (at("06:00"), at("08:00"))


def test_a_dose_spread_over_hours_is_a_rate_and_not_a_bolus() -> None:
    dosage = {"dose": quantity(0.96, "mg"), "route": INTO_A_VEIN}
    given = only(read(administration("Norepinephrine", dosage=dosage, **period("06:00", "08:00"))))
    assert rate_of_norepinephrine(given) == pytest.approx(0.1)
    assert given.dose is not None
    assert given.dose.value == pytest.approx(0.96)


def test_a_dose_in_words_that_was_spread_over_hours_is_an_infusion() -> None:
    dosage = {"text": "0.96 mg", "route": INTO_A_VEIN}
    given = only(read(administration("Norepinephrine", dosage=dosage, **period("06:00", "08:00"))))
    assert given.intervention == Infusion(Drug.NOREPINEPHRINE, pytest.approx(0.1))
    assert given.not_understood is None


def test_a_dose_over_minutes_is_given_over_them() -> None:
    dosage = {"dose": quantity(5, "mg"), "route": INTO_A_VEIN}
    given = only(read(administration("Metoprolol", dosage=dosage, **period("08:00", "08:03"))))
    assert given.intervention == DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS, 180.0)


def test_a_fluid_takes_the_time_of_its_period_and_else_an_assumed_one_that_is_said() -> None:
    dosage = {"dose": quantity(500, "mL"), "route": INTO_A_VEIN}
    name = "Sodium chloride 0.9 %"
    timed = only(read(administration(name, dosage=dosage, **period("07:00", "08:00"))))
    assert timed.intervention == Fluid(FluidKind.CRYSTALLOID, 500.0, 3600.0)
    assert (timed.end, timed.assumption) == (at("08:00"), None)
    untimed = only(read(administration(name, dosage=dosage)))
    assert untimed.intervention == Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0)
    assert untimed.end == at("08:15")
    assert untimed.assumption == "it is given over 15 min, since no time is written"


def test_dose_and_rate_together_tell_the_end() -> None:
    dosage = {"dose": quantity(500, "mL"), "rateQuantity": quantity(1000, "mL/h")}
    given = only(read(administration("Sodium chloride 0.9 %", dosage=dosage)))
    assert given.end == at("08:30")
    assert isinstance(given.intervention, Fluid)
    assert given.intervention.duration_s == pytest.approx(1800)


@pytest.mark.parametrize(
    ("text", "members", "reason"),
    [
        ("Vancomycin", {"dosage": {"dose": quantity(1, "g")}}, "this treatment is not modelled"),
        ("Metoprolol", {}, "it gives no single dose or rate"),
        ("Metoprolol", {"dosage": {"dose": quantity(5, "mg")}}, "the route is not given"),
        (
            "Norepinephrine",
            {"dosage": {"rateQuantity": quantity(0.1, "ug/kg/min")}},
            "it is a rate and does not say until when it ran",
        ),
        (
            "Norepinephrine",
            {
                "status": "in-progress",
                "dosage": {"dose": quantity(4, "mg"), "route": INTO_A_VEIN},
            },
            "it is being given and its rate is not recorded",
        ),
    ],
)
def test_what_is_not_understood_is_kept_with_its_reason(
    text: str, members: dict[str, Any], reason: str
) -> None:
    given = only(read(administration(text, **members)))
    assert given.intervention is None
    assert given.not_understood == reason
    assert given.label.startswith(text)


@pytest.mark.parametrize("status", ["not-done", "entered-in-error"])
def test_what_was_not_given_is_no_treatment(status: str) -> None:
    assert read(administration("Metoprolol", status=status)) == GivenTreatments((), ())


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"status": "on-hold"}, "its status is on-hold"),
        ({"status": None}, "its status is missing"),
        ({"effectiveDateTime": None}, "it does not say when it was given"),
        ({"effectiveDateTime": "2026-11-21"}, "it gives the day but not the hour"),
        ({"effectiveDateTime": "2026-11-21T10:00:00Z"}, "it lies in the future"),
        (period("08:00", "07:00"), "it ends before it begins"),
        (period("08:00", "10:00"), "it is said to have ended at a time that is still to come"),
        ({"subject": None}, "its subject is missing or cannot be resolved"),
        ({"dosage": []}, "it is not in the shape of FHIR R4"),
    ],
)
def test_what_cannot_be_used_is_set_aside_for_a_reason(
    members: dict[str, Any], reason: str
) -> None:
    dosage = {"dosage": {"dose": quantity(5, "mg"), "route": INTO_A_VEIN}}
    found = read(administration("Metoprolol", **(dosage | members)))
    assert found.treatments == ()
    assert found.not_used[0].reason.startswith(reason)


def test_the_newest_version_of_an_administration_counts() -> None:
    dosage = {"dose": quantity(5, "mg"), "route": INTO_A_VEIN}
    first = administration("Metoprolol", dosage=dosage)
    void = administration("Metoprolol", status="entered-in-error", meta={"versionId": "3"})
    assert read(first, void).treatments == read(void, first).treatments == ()


def test_treatments_come_oldest_first_with_their_codes() -> None:
    coding = {"system": "http://www.whocc.no/atc", "code": "C01CA03", "display": "norepinephrine"}
    later = administration("Metoprolol", id="b")
    earlier = administration(
        "x", medicationCodeableConcept={"coding": [coding]}, **period("05:00", "06:00")
    )
    found = read(later, earlier).treatments
    assert [each.start for each in found] == [at("05:00"), at("08:00")]
    assert found[0].codes == (("http://www.whocc.no/atc", "C01CA03"),)


def test_a_contained_mixture_gives_the_strength_of_a_rate_in_millilitres() -> None:
    mixture = {
        "resourceType": "Medication",
        "id": "m",
        "code": {"text": "Norepinephrine"},
        "ingredient": [
            {
                "itemCodeableConcept": {"text": "Norepinephrine"},
                "strength": {"numerator": quantity(4, "mg"), "denominator": quantity(50, "mL")},
            }
        ],
    }
    given = only(
        read(
            administration(
                "x",
                status="in-progress",
                medicationCodeableConcept=None,
                medicationReference={"reference": "#m"},
                contained=[mixture],
                dosage={"rateQuantity": quantity(6, "mL/h")},
            )
        )
    )
    assert rate_of_norepinephrine(given) == pytest.approx(0.1)


def test_an_administration_to_another_patient_refuses_the_chart() -> None:
    with pytest.raises(WrongPatient):
        read(administration("Metoprolol", subject={"reference": "Patient/p2"}))


def test_other_resources_are_passed_over() -> None:
    assert read({"resourceType": "Observation", "id": "o"}) == GivenTreatments((), ())
