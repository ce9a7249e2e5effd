"""What a patient breathes, from flow, device and words; and how alert the patient is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cds_hooks.fhir.coded_answers import OxygenDevice
from cds_hooks.fhir.dosage import Dosing, Measure
from cds_hooks.fhir.given_dose import oxygen
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.oxygen_support import inspired_fraction
from cds_hooks.fhir.reading import Reading
from cds_hooks.fhir.readings import Readings, readings_of
from cds_hooks.fhir.to_measurements import patient_facts, trajectory_of, twin_measurements
from inference.core.news2 import News2
from inference.core.trajectory import columns_of
from inference.core.trajectory_reading import news2_of
from twin.core.interventions import Oxygen
from twin.core.measurements import Condition

Build = Callable[..., dict[str, Any]]
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"


def read(*resources: object) -> Readings:
    return readings_of([msgspec.Raw(json.dumps(each).encode()) for each in resources], "p1", NOW)


def fraction(readings: Readings) -> Reading | None:
    found = [each for each in readings.readings if each.kind is Kind.INSPIRED_OXYGEN_FRACTION]
    return found[-1] if found else None


def concept(code: str, system: str = SNOMED, display: str | None = None) -> dict[str, Any]:
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def flow(observation: Build, litres: float, **members: Any) -> dict[str, Any]:
    return observation("3151-8", litres, "L/min", **members)


def device_code(code: str) -> dict[str, Any]:
    url = "http://hl7.org/fhir/StructureDefinition/observation-deviceCode"
    return {"extension": [{"url": url, "valueCodeableConcept": concept(code)}]}


def news2(*resources: object) -> News2:
    readings = read(*resources).readings
    facts = patient_facts(None, readings, NOW, "p1")
    return news2_of(columns_of(trajectory_of(readings, facts, NOW)))


class TestAFlowAlone:
    def test_is_a_fraction_that_says_it_was_estimated_and_between_what(
        self, observation: Build
    ) -> None:
        found = fraction(read(flow(observation, 4)))
        assert found is not None
        assert found.value == pytest.approx(0.36)
        assert found.inferred
        assert found.said == "about 0.36 (0.26 to 0.50), estimated from 4 L/min"
        assert found.reference == "Observation/o-3151-8/_history/1"

    @pytest.mark.parametrize("litres", [0.5, 1, 2, 4, 6, 8, 10, 12, 15])
    def test_is_taken_as_the_order_of_the_same_flow_is(self, litres: float) -> None:
        rate = Measure(1000 * litres, "mL", per_minute=True)
        ordered, _ = oxygen(Dosing(None, rate, None, False, False), None)
        found = inspired_fraction(litres, None)
        assert isinstance(ordered, Oxygen)
        assert found is not None
        assert found.value == pytest.approx(ordered.inspired_fraction)

    @pytest.mark.parametrize(("litres", "rest", "fast"), [(1, 0.26, 0.24), (6, 0.54, 0.45)])
    def test_holds_what_was_measured_in_healthy_adults(
        self, litres: float, rest: float, fast: float
    ) -> None:
        """Wettstein 2005, Respir Care 50:604: means in the pharynx, at rest and breathing fast."""
        found = inspired_fraction(litres, OxygenDevice.CANNULA)
        assert found is not None
        assert found.low <= fast <= rest <= found.high

    def test_of_zero_is_air(self, observation: Build) -> None:
        found = fraction(read(flow(observation, 0)))
        assert found is not None
        assert (found.value, found.said) == (0.21, "0.21, breathing air")

    def test_above_15_litres_tells_no_fraction(self, observation: Build) -> None:
        assert fraction(read(flow(observation, 40))) is None

    def test_beside_a_charted_fraction_is_not_converted(self, observation: Build) -> None:
        charted = observation("3150-0", 40, "%", effectiveDateTime="2026-11-21T08:50:00Z")
        found = read(flow(observation, 6), charted)
        assert [
            each.value for each in found.readings if each.kind is Kind.INSPIRED_OXYGEN_FRACTION
        ] == [0.4]

    def test_after_the_fraction_of_an_earlier_hour_is_the_newer_word(
        self, observation: Build
    ) -> None:
        charted = observation("3150-0", 60, "%", effectiveDateTime="2026-11-21T05:00:00Z")
        found = fraction(read(flow(observation, 2), charted))
        assert found is not None
        assert found.value == pytest.approx(0.28)

    def test_reaches_the_twin_but_not_the_nets(self, observation: Build) -> None:
        readings = read(flow(observation, 4)).readings
        quantities = [each.quantity for each in twin_measurements(readings)]
        assert quantities == [Condition.INSPIRED_OXYGEN_FRACTION]
        facts = patient_facts(None, readings, NOW, "p1")
        assert trajectory_of(readings, facts, NOW).events == ()


class TestTheDevice:
    @pytest.mark.parametrize(
        ("code", "litres", "expected"),
        [
            ("336623009", 2, 0.28),
            ("336602003", 5, 0.40),
            ("336602003", 10, 0.60),
            ("427591007", 15, 0.90),
        ],
    )
    def test_changes_what_a_flow_means(
        self, observation: Build, code: str, litres: float, expected: float
    ) -> None:
        """O'Driscoll 2017, BTS guideline: mask 40-60 % at 5-10 L/min, reservoir to 90 % at 15."""
        found = fraction(read(flow(observation, litres, **device_code(code))))
        assert found is not None
        assert found.value == pytest.approx(expected)

    @pytest.mark.parametrize("code", ["428285009", "426854004", "449071006"])
    def test_that_sets_its_own_fraction_leaves_none_to_estimate(
        self, observation: Build, code: str
    ) -> None:
        found = read(flow(observation, 10, method=concept(code)))
        assert fraction(found) is None
        assert found.not_used == ()

    def test_is_read_as_a_component_or_as_an_observation_of_the_same_round(
        self, observation: Build
    ) -> None:
        part = {
            "code": concept("107117-4", LOINC),
            "valueCodeableConcept": {"text": "Simple mask"},
        }
        beside = observation(
            "107117-4",
            valueCodeableConcept={"text": "Simple mask"},
            effectiveDateTime="2026-11-21T08:40:00Z",
        )
        for resources in (
            [flow(observation, 8, component=[part])],
            [flow(observation, 8), beside],
        ):
            found = fraction(read(*resources))
            assert found is not None
            assert found.said is not None
            assert found.said.endswith("estimated from 8 L/min by face mask")
            assert found.value == pytest.approx(0.52)

    def test_of_another_hour_is_not_the_device_of_this_flow(self, observation: Build) -> None:
        earlier = observation(
            "107117-4",
            valueCodeableConcept={"text": "Non-rebreather mask"},
            effectiveDateTime="2026-11-21T02:00:00Z",
        )
        found = fraction(read(flow(observation, 2), earlier))
        assert found is not None
        assert found.value == pytest.approx(0.28)

    def test_extensions_of_no_shape_cost_nothing_but_the_device(self, observation: Build) -> None:
        found = fraction(read(flow(observation, 4, extension={"url": 1})))
        assert found is not None
        assert found.value == pytest.approx(0.36)


class TestAirOrOxygen:
    @pytest.mark.parametrize(
        ("code", "value", "points"),
        [
            (concept("722742002"), {}, 0),
            (concept("722742002"), {"valueBoolean": True}, 0),
            (concept("722742002"), {"valueBoolean": False}, 2),
            (concept("371825009"), {}, 2),
            (concept("371825009"), {"valueCodeableConcept": concept("373066001")}, 2),
            (concept("371825009"), {"valueCodeableConcept": concept("373067005")}, 0),
            (concept("371825009"), {"valueCodeableConcept": concept("722742002")}, 0),
            ({"text": "Air or oxygen"}, {"valueCodeableConcept": concept("722742002")}, 0),
            ({"text": "Air or oxygen"}, {"valueCodeableConcept": concept("371825009")}, 2),
        ],
    )
    def test_scores_in_news2(
        self, observation: Build, code: object, value: dict[str, Any], points: int
    ) -> None:
        found = news2(observation("x", code=code, **value))
        assert found.points["air or oxygen"] == points

    def test_of_air_is_an_inspired_fraction_to_the_twin(self, observation: Build) -> None:
        found = fraction(read(observation("x", code=concept("722742002"))))
        assert found is not None
        assert found.value == 0.21

    def test_of_oxygen_tells_no_fraction(self, observation: Build) -> None:
        assert fraction(read(observation("x", code=concept("371825009")))) is None

    def test_an_absent_answer_is_no_answer(self, observation: Build) -> None:
        absent = {"coding": [{"code": "not-performed"}]}
        found = read(observation("x", code=concept("371825009"), dataAbsentReason=absent))
        assert found.readings == ()
        assert "not-performed" in found.not_used[0].reason

    @pytest.mark.parametrize(("litres", "points"), [(0, 0), (1, 2), (40, 2)])
    def test_follows_from_a_flow(self, observation: Build, litres: float, points: int) -> None:
        assert news2(flow(observation, litres)).points["air or oxygen"] == points

    def test_is_missing_where_nobody_charted_it(self, observation: Build) -> None:
        assert "air or oxygen" in news2(observation("8867-4", 80, "/min")).missing

    def test_of_a_ventilated_patient_is_oxygen_whatever_the_fraction(
        self, observation: Build
    ) -> None:
        assert news2(observation("19994-3", 21, "%")).points["air or oxygen"] == 2


class TestConsciousness:
    @pytest.mark.parametrize(
        ("code", "value", "said", "points"),
        [
            (concept("67775-7", LOINC), concept("LA9340-6", LOINC), "alert", 0),
            (concept("67775-7", LOINC), concept("LA6560-2", LOINC), "newly confused", 3),
            (concept("80288-4", LOINC), concept("LA17108-4", LOINC), "responds to voice", 3),
            (concept("80288-4", LOINC), {"text": "P"}, "responds to pain", 3),
            (concept("1104441000000107"), concept("422768004"), "unresponsive", 3),
            (
                concept("1104441000000107"),
                concept("130987000", display="Acute confusion (finding)"),
                "newly confused",
                3,
            ),
        ],
    )
    def test_is_read_from_codes_and_words_and_scores_in_news2(
        self, observation: Build, code: object, value: object, said: str, points: int
    ) -> None:
        resource = observation("x", code=code, valueCodeableConcept=value)
        assert [each.said for each in read(resource).readings] == [said]
        assert news2(resource).points["consciousness"] == points

    def test_of_which_code_and_word_differ_is_not_used(self, observation: Build) -> None:
        value = concept("422768004", display="Responds to voice")
        found = read(observation("67775-7", valueCodeableConcept=value))
        assert found.readings == ()
        assert "none of the answers" in found.not_used[0].reason

    @pytest.mark.parametrize(
        "value",
        [
            {"valueBoolean": False},
            {"valueInteger": 2},
            {"valueCodeableConcept": {"text": "tired"}},
        ],
    )
    def test_that_is_no_acvpu_answer_is_not_used(
        self, observation: Build, value: dict[str, Any]
    ) -> None:
        found = read(observation("80288-4", **value))
        assert found.readings == ()
        assert found.not_used[0].reason.startswith("consciousness (ACVPU): ")

    @pytest.mark.parametrize(
        ("acvpu_at", "coma_at", "points"),
        [("08:30", "07:30", 3), ("07:30", "08:30", 0), ("08:30", "08:30", 3)],
    )
    def test_the_newest_of_acvpu_and_coma_scale_counts_and_at_one_time_the_worse(
        self, observation: Build, acvpu_at: str, coma_at: str, points: int
    ) -> None:
        acvpu = observation(
            "67775-7",
            valueCodeableConcept={"text": "Confused"},
            effectiveDateTime=f"2026-11-21T{acvpu_at}:00Z",
        )
        coma = observation("9269-2", 15, effectiveDateTime=f"2026-11-21T{coma_at}:00Z")
        assert news2(acvpu, coma).points["consciousness"] == points

    def test_of_the_day_before_yesterday_is_missing(self, observation: Build) -> None:
        old = observation(
            "67775-7",
            valueCodeableConcept={"text": "Alert"},
            effectiveDateTime="2026-11-19T08:30:00Z",
        )
        assert "consciousness" in news2(old).missing
