"""What of a chart becomes a reading, what is set aside and with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.reading import Reading
from cds_hooks.fhir.readings import Readings, readings_of
from twin.core.measurements import Device

Build = Callable[..., dict[str, Any]]
Raw = Callable[[object], msgspec.Raw]
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def read(*resources: object, patient: str = "p1", **options: Any) -> Readings:
    raws = [msgspec.Raw(json.dumps(resource).encode()) for resource in resources]
    return readings_of(raws, patient, NOW, **options)


def only(readings: Readings) -> Reading:
    assert readings.not_used == ()
    assert len(readings.readings) == 1
    return readings.readings[0]


def reason(readings: Readings) -> str:
    assert readings.readings == ()
    assert len(readings.not_used) == 1
    return readings.not_used[0].sentence


def test_a_heart_rate_is_read_with_its_time_and_versioned_reference(observation: Build) -> None:
    reading = only(read(observation("8867-4", 72, "/min", meta={"versionId": "3"})))
    assert reading == Reading(
        Kind.HEART_RATE,
        72.0,
        datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
        "Observation/o-8867-4/_history/3",
        preliminary=False,
        device=Device.MONITOR,
    )


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        ("8310-5", 101.3, "[degF]", 38.5),
        ("8310-5", 311.65, "K", 38.5),
        ("2524-7", 18.016, "mg/dL", 2.0),
        ("60985-9", 10, "cm[H2O]", 7.3556),
        ("2703-7", 12, "kPa", 90.007),
        ("2160-0", 88.4, "umol/L", 1.0),
        ("2345-7", 5.55, "mmol/L", 99.99),
        ("22664-7", 7.14, "mmol/L", 20.0),
        ("1975-2", 17.1, "umol/L", 1.0),
        ("2093-3", 5.0, "mmol/L", 193.3),
        ("19123-9", 2.43, "mg/dL", 1.0),
        ("718-7", 140, "g/L", 14.0),
        ("4544-3", 0.42, "1", 42.0),
        ("59408-5", 0.97, "1", 97.0),
        ("6690-2", 7200, "/uL", 7.2),
        ("777-3", 250, "10*3/uL", 250.0),
        ("89579-7", 40, "ng/L", 0.04),
        ("29463-7", 176.37, "[lb_av]", 80.0),
        ("8302-2", 70, "[in_i]", 177.8),
        ("8831-0", 15, "mm[Hg].min/L", 1199.9),
        ("8867-4", 72, "{beats}/min", 72.0),
        ("9269-2", 15, "{score}", 15.0),
        ("1920-8", 2, "ukat/L", 120.0),
    ],
)
def test_units_are_converted_once_to_the_canonical_one(
    observation: Build, code: str, value: float, unit: str, expected: float
) -> None:
    assert only(read(observation(code, value, unit))).value == pytest.approx(expected, rel=6e-4)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ({"value": 72, "unit": "beats/minute"}, 72.0),
        ({"value": 72, "unit": "bpm"}, 72.0),
        ({"value": 72, "code": "/min"}, 72.0),
        ({"value": 72, "unit": " /MIN", "system": "http://snomed.info/sct", "code": "1"}, 72.0),
    ],
)
def test_units_in_words_are_understood_where_no_ucum_code_is_given(
    observation: Build, quantity: dict[str, Any], expected: float
) -> None:
    assert only(read(observation("8867-4", valueQuantity=quantity))).value == expected


@pytest.mark.parametrize(
    ("code", "members", "words"),
    [
        ("8867-4", {"valueQuantity": {"value": 72}}, "the value has no unit"),
        ("8867-4", {"valueInteger": 72}, "the value has no unit"),
        ("8867-4", {"valueString": "seventy"}, "in words where a number belongs"),
        ("8867-4", {"valueQuantity": {"value": "72", "unit": "/min"}}, "text where a number"),
        ("8867-4", {"valueQuantity": {"unit": "/min"}}, "no number"),
        ("8867-4", {"valueRange": {"low": {"value": 60}}}, "range or a ratio"),
        ("8867-4", {"valueSampledData": {"data": "1 2 3"}}, "sampled curve"),
        ("8867-4", {}, "it has no value"),
        (
            "8867-4",
            {"dataAbsentReason": {"coding": [{"code": "not-performed"}]}},
            "the value is absent (not-performed)",
        ),
        (
            "10839-9",
            {"valueQuantity": {"value": 0.01, "comparator": "<", "unit": "ng/mL"}},
            "known only as < 0.01",
        ),
    ],
)
def test_a_value_that_is_no_number_with_a_unit_is_set_aside_and_named(
    observation: Build, code: str, members: dict[str, Any], words: str
) -> None:
    sentence = reason(read(observation(code, **members)))
    assert sentence.startswith(f"Observation/o-{code}/_history/1: ")
    assert words in sentence


def test_a_unit_that_does_not_fit_is_named_with_those_that_would(observation: Build) -> None:
    sentence = reason(read(observation("8867-4", 72, "bpm ")))
    assert sentence == (
        "Observation/o-8867-4/_history/1: heart rate: "
        "the unit 'bpm ' is not one of /min, 1/min, min-1, Hz, /s"
    )


@pytest.mark.parametrize(("value", "unit"), [(0.4, "%"), (40, "%"), (0.4, "1"), (40, "1")])
def test_an_inspired_oxygen_fraction_is_told_from_a_percentage_by_its_number(
    observation: Build, value: float, unit: str
) -> None:
    assert only(read(observation("3150-0", value, unit))).value == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [
        ("8867-4", 1200, "/min"),
        ("8310-5", 98.6, "Cel"),
        ("2744-1", 74, "[pH]"),
        ("59408-5", 0.97, "%"),
        ("3150-0", 15, "%"),
    ],
)
def test_a_value_that_no_living_patient_has_is_set_aside(
    observation: Build, code: str, value: float, unit: str
) -> None:
    assert "no patient's value" in reason(read(observation(code, value, unit)))


def test_a_number_too_large_for_a_float_is_set_aside(observation: Build) -> None:
    text = json.dumps(observation("8867-4", 72, "/min")).replace(": 72,", ": 1e999,")
    found = readings_of([msgspec.Raw(text.encode())], "p1", NOW)
    assert found.readings == ()
    assert len(found.not_used) == 1


@pytest.mark.parametrize(
    "status", ["entered-in-error", "cancelled", "unknown", "registered", None]
)
def test_a_void_or_unfinished_observation_is_not_used(
    observation: Build, status: str | None
) -> None:
    sentence = reason(read(observation("8867-4", 72, "/min", status=status)))
    assert f"its status is {status or 'missing'}" in sentence


@pytest.mark.parametrize(
    ("status", "preliminary"),
    [("final", False), ("amended", False), ("corrected", False), ("preliminary", True)],
)
def test_usable_statuses_are_read_and_preliminary_is_flagged(
    observation: Build, status: str, preliminary: bool
) -> None:
    reading = only(read(observation("8867-4", 72, "/min", status=status)))
    assert reading.preliminary is preliminary


class TestTime:
    @pytest.mark.parametrize(
        ("members", "expected"),
        [
            ({"effectiveDateTime": "2026-11-21T09:30:00+01:00"}, "08:30"),
            ({"effectiveDateTime": None, "effectiveInstant": "2026-11-21T08:30:00.123Z"}, "08:30"),
            (
                {
                    "effectiveDateTime": None,
                    "effectivePeriod": {
                        "start": "2026-11-21T07:00:00Z",
                        "end": "2026-11-21T08:00:00Z",
                    },
                },
                "08:00",
            ),
            (
                {"effectiveDateTime": None, "effectivePeriod": {"start": "2026-11-21T07:00:00Z"}},
                "07:00",
            ),
        ],
    )
    def test_instants_periods_and_offsets_are_read(
        self, observation: Build, members: dict[str, Any], expected: str
    ) -> None:
        reading = only(read(observation("8867-4", 72, "/min", **members)))
        assert reading.taken_at.strftime("%H:%M") == expected
        assert reading.taken_at.tzinfo is UTC

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (None, "does not say when"),
            ("2026-11-21", "the day but not the hour"),
            ("2026-11", "no FHIR dateTime"),
            ("yesterday", "no FHIR dateTime"),
            ("2026-11-21T08:30:00", "no zone is configured"),
            ("2026-11-21T10:00:00Z", "in the future"),
            ("0001-01-01T00:00:00+14:00", "before all calendars"),
        ],
    )
    def test_a_time_that_cannot_be_placed_is_not_guessed(
        self, observation: Build, text: str | None, words: str
    ) -> None:
        assert words in reason(read(observation("8867-4", 72, "/min", effectiveDateTime=text)))

    def test_issued_does_not_stand_in_for_the_time_of_taking(self, observation: Build) -> None:
        late = observation(
            "2524-7", 2, "mmol/L", effectiveDateTime=None, issued="2026-11-21T08:00:00Z"
        )
        assert "does not say when" in reason(read(late))

    def test_a_clock_a_little_ahead_is_tolerated(self, observation: Build) -> None:
        ahead = (NOW + timedelta(minutes=4)).isoformat()
        assert only(read(observation("8867-4", 72, "/min", effectiveDateTime=ahead)))

    def test_a_time_without_zone_is_read_in_the_zone_of_the_site(self, observation: Build) -> None:
        local = observation("8867-4", 72, "/min", effectiveDateTime="2026-11-21T08:30:00")
        found = read(local, zone=ZoneInfo("Europe/Berlin"))
        assert only(found).taken_at == datetime(2026, 11, 21, 7, 30, tzinfo=UTC)

    def test_a_day_is_enough_for_what_changes_slowly(self, observation: Build) -> None:
        assert only(read(observation("29463-7", 80, "kg", effectiveDateTime="2026-11-01")))


class TestPanels:
    @staticmethod
    def panel(observation: Build, code: str, *parts: tuple[str, float], **members: Any) -> Any:
        components = [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": part}]},
                "valueQuantity": {
                    "value": value,
                    "unit": "mm[Hg]",
                    "system": "http://unitsofmeasure.org",
                    "code": "mm[Hg]",
                },
            }
            for part, value in parts
        ]
        return observation(code, component=components, **members)

    @pytest.mark.parametrize("code", ["85354-9", "55284-4"])
    def test_a_blood_pressure_panel_yields_its_three_components(
        self, observation: Build, code: str
    ) -> None:
        found = read(
            self.panel(observation, code, ("8480-6", 120), ("8462-4", 80), ("8478-0", 93))
        )
        assert [(each.kind, each.value) for each in found.readings] == [
            (Kind.SYSTOLIC_PRESSURE, 120),
            (Kind.DIASTOLIC_PRESSURE, 80),
            (Kind.MEAN_PRESSURE, 93),
        ]
        assert {each.reference for each in found.readings} == {f"Observation/o-{code}/_history/1"}
        assert found.not_used == ()

    def test_an_absent_component_is_named_and_the_other_is_read(self, observation: Build) -> None:
        panel = self.panel(observation, "85354-9", ("8480-6", 120), ("8462-4", 80))
        del panel["component"][1]["valueQuantity"]
        panel["component"][1]["dataAbsentReason"] = {"coding": [{"code": "masked"}]}
        found = read(panel)
        assert [each.kind for each in found.readings] == [Kind.SYSTOLIC_PRESSURE]
        assert found.not_used[0].reason == (
            "diastolic arterial pressure: the value is absent (masked)"
        )

    @pytest.mark.parametrize(
        ("code", "members"),
        [("76284-9", {}), ("85354-9", {"bodySite": {"coding": [{"code": "81040000"}]}})],
    )
    def test_generic_components_of_a_pulmonary_panel_are_pulmonary(
        self, observation: Build, code: str, members: dict[str, Any]
    ) -> None:
        found = read(self.panel(observation, code, ("8480-6", 30), ("8462-4", 12), **members))
        assert {each.kind for each in found.readings} == {
            Kind.PULMONARY_SYSTOLIC_PRESSURE,
            Kind.PULMONARY_DIASTOLIC_PRESSURE,
        }

    def test_a_code_that_names_the_vessel_beats_a_generic_one_beside_it(
        self, observation: Build
    ) -> None:
        panel = self.panel(observation, "85354-9", ("8480-6", 30))
        panel["component"][0]["code"]["coding"].append(
            {"system": "http://loinc.org", "code": "8440-0"}
        )
        assert only(read(panel)).kind is Kind.PULMONARY_SYSTOLIC_PRESSURE

    def test_a_generic_pressure_of_an_unknown_panel_is_nobodys_pressure(
        self, observation: Build
    ) -> None:
        found = read(self.panel(observation, "76297-1", ("8480-6", 120)))
        assert found.readings == ()
        assert found.unrecognised == 1

    def test_an_average_pressure_is_not_a_pressure(self, observation: Build) -> None:
        assert read(self.panel(observation, "96607-7", ("96608-5", 120))).readings == ()

    def test_pulse_oximetry_yields_saturation_flow_and_oxygen_fraction(
        self, observation: Build
    ) -> None:
        both = {
            "coding": [
                {"system": "http://loinc.org", "code": "2708-6"},
                {"system": "http://loinc.org", "code": "59408-5"},
            ]
        }
        parts = [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "valueQuantity": {"value": value, "unit": unit},
            }
            for code, value, unit in (("3151-8", 6, "liters/min"), ("3150-0", 40, "%"))
        ]
        found = read(observation("59408-5", 95, "%", code=both, component=parts))
        assert [(each.kind, each.value) for each in found.readings] == [
            (Kind.OXYGEN_SATURATION, 95),
            (Kind.OXYGEN_FLOW, 6),
            (Kind.INSPIRED_OXYGEN_FRACTION, 0.4),
        ]
        assert found.readings[0].device is Device.OXIMETER

    def test_eyes_verbal_and_motor_of_one_examination_add_up(self, observation: Build) -> None:
        parts = [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "valueInteger": value,
            }
            for code, value in (("9267-6", 3), ("9270-0", 4), ("9268-4", 6))
        ]
        found = read(observation("9269-2", component=parts))
        totals = [each.value for each in found.readings if each.kind is Kind.COMA_SCALE]
        assert totals == [13]

    def test_a_ventilator_setting_says_that_the_patient_is_ventilated(
        self, observation: Build
    ) -> None:
        found = read(observation("19994-3", 50, "%"))
        assert {each.kind: each.value for each in found.readings} == {
            Kind.INSPIRED_OXYGEN_FRACTION: 0.5,
            Kind.MECHANICAL_VENTILATION: 1.0,
        }


class TestDevices:
    @pytest.mark.parametrize(
        ("code", "device"),
        [
            ("8480-6", Device.UNKNOWN),
            ("76534-7", Device.CUFF),
            ("76215-3", Device.ARTERIAL_LINE),
        ],
    )
    def test_the_code_says_what_a_pressure_was_measured_with(
        self, observation: Build, code: str, device: Device
    ) -> None:
        assert only(read(observation(code, 120, "mm[Hg]"))).device is device


class TestVersionsAndRepeats:
    def test_the_same_version_twice_counts_once(self, observation: Build) -> None:
        rate = observation("8867-4", 72, "/min")
        assert only(read(rate, rate)).value == 72

    def test_of_two_versions_the_newer_counts_in_any_order(self, observation: Build) -> None:
        old = observation("8867-4", 270, "/min", meta={"versionId": "9"})
        new = observation("8867-4", 72, "/min", meta={"versionId": "10"}, status="corrected")
        for pair in ((old, new), (new, old)):
            reading = only(read(*pair))
            assert (reading.value, reading.reference[-2:]) == (72, "10")

    def test_a_newer_version_entered_in_error_takes_the_older_away(
        self, observation: Build
    ) -> None:
        old = observation("8867-4", 72, "/min")
        void = observation(
            "8867-4", 72, "/min", meta={"versionId": "2"}, status="entered-in-error"
        )
        assert "entered-in-error" in reason(read(old, void))

    def test_one_value_imported_under_two_ids_is_one_reading(self, observation: Build) -> None:
        assert only(
            read(observation("8867-4", 72, "/min"), observation("8867-4", 72, "/min", id="b"))
        )

    def test_without_a_version_the_time_of_update_tells_repeat_from_news(
        self, observation: Build
    ) -> None:
        meta = {"lastUpdated": "2026-11-21T08:31:00Z"}
        first = only(read(observation("8867-4", 72, "/min", meta=meta)))
        later = {"lastUpdated": "2026-11-21T08:45:00Z"}
        second = only(read(observation("8867-4", 72, "/min", meta=later)))
        assert first.reference != second.reference


class TestWhose:
    @pytest.mark.requirement("CH-058")
    @pytest.mark.parametrize(
        "reference", ["Patient/p2", "https://ehr.example/fhir/Patient/p2", "Patient/p11"]
    )
    def test_data_of_another_patient_stop_the_reading_and_name_nobody(
        self, observation: Build, reference: str
    ) -> None:
        mine = observation("8867-4", 72, "/min")
        other = observation("8480-6", 120, "mm[Hg]", subject={"reference": reference})
        with pytest.raises(WrongPatient) as caught:
            read(mine, other)
        assert "position 1" in str(caught.value)
        assert "p2" not in str(caught.value)
        assert "p11" not in str(caught.value)

    @pytest.mark.parametrize(
        "reference",
        [
            "Patient/p1",
            "Patient/p1/_history/4",
            "https://ehr.example/fhir/Patient/p1",
            "http://inside:8080/r4/Patient/p1/_history/2",
        ],
    )
    def test_relative_absolute_and_versioned_references_are_the_patient(
        self, observation: Build, reference: str
    ) -> None:
        assert only(read(observation("8867-4", 72, "/min", subject={"reference": reference})))

    def test_in_an_exported_bundle_the_uuid_is_the_patient(self, observation: Build) -> None:
        uuid = "3FA85F64-5717-4562-B3FC-2C963F66AFA6"
        urn = observation("8867-4", 72, "/min", subject={"reference": f"urn:uuid:{uuid.lower()}"})
        assert only(read(urn, patient=uuid))

    @pytest.mark.parametrize(
        "subject",
        [
            None,
            {},
            {"reference": "#contained"},
            {"reference": "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6"},
            {"reference": "Group/p1"},
            {"identifier": {"value": "p1"}},
            {"reference": "https://ehr.example/Patient/p1/evil"},
        ],
    )
    def test_a_subject_that_cannot_be_resolved_is_not_taken_for_the_patient(
        self, observation: Build, subject: object
    ) -> None:
        assert "subject" in reason(read(observation("8867-4", 72, "/min", subject=subject)))


class TestOneBadResourceSinksNothing:
    GOOD = ("8867-4", 72, "/min")

    @pytest.mark.parametrize(
        "bad",
        [
            b"{",
            b"[]",
            b"null",
            b'"Observation"',
            b"\xff\xfe",
            b'{"resourceType":"Observation","id":"x","status":["final"]}',
            b'{"resourceType":"Observation","id":7}',
            b'{"resourceType":"Observation","id":"x","code":"8867-4"}',
            b'{"resourceType":"Observation","id":"x","component":{}}',
            b'{"resourceType":"Observation","id":"x","extension":'
            + b"[" * 5000
            + b"]" * 5000
            + b"}",
        ],
    )
    def test_whatever_it_is_the_others_are_read(self, observation: Build, bad: bytes) -> None:
        good = msgspec.Raw(json.dumps(observation(*self.GOOD)).encode())
        found = readings_of([msgspec.Raw(bad), good], "p1", NOW)
        assert [each.value for each in found.readings] == [72]
        assert len(found.not_used) == 1

    def test_the_sentence_names_the_place_but_repeats_no_value(self, observation: Build) -> None:
        bad = {"resourceType": "Observation", "id": "x", "status": ["Erika Mustermann"]}
        found = read(bad, observation(*self.GOOD))
        assert found.not_used[0].reference == "Observation/x"
        assert "$.status" in found.not_used[0].reason
        assert "Mustermann" not in found.not_used[0].sentence

    def test_other_resources_are_passed_over_and_other_kinds_counted(
        self, observation: Build
    ) -> None:
        found = read(
            {"resourceType": "Patient", "id": "p1"},
            {"resourceType": "Device", "status": 5},
            observation("72166-2", valueCodeableConcept={"text": "never smoker"}),
        )
        assert found == Readings((), (), 1)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
_members = st.sampled_from(
    [
        "resourceType id meta status category code subject effectiveDateTime effectivePeriod",
        "valueQuantity component bodySite dataAbsentReason valueInteger valueString",
    ]
).flatmap(lambda names: st.sampled_from(names.split()))


@settings(max_examples=300, deadline=None)
@given(member=_members, value=_json)
def test_no_member_of_any_shape_costs_the_other_observation(
    observation: Build, member: str, value: object
) -> None:
    good = observation("8867-4", 72, "/min")
    bad = observation("8310-5", 37, "Cel", id="bad") | {member: value}
    try:
        text = json.dumps(bad, allow_nan=False)
    except ValueError:
        return
    found = readings_of(
        [msgspec.Raw(text.encode()), msgspec.Raw(json.dumps(good).encode())], "p1", NOW
    )
    assert Kind.HEART_RATE in {each.kind for each in found.readings}


@settings(max_examples=100, deadline=None)
@given(order=st.permutations(range(6)))
def test_the_order_of_the_chart_does_not_matter(observation: Build, order: list[int]) -> None:
    chart = [
        observation("8867-4", 72, "/min"),
        observation("8867-4", 80, "/min", id="b", effectiveDateTime="2026-11-21T08:00:00Z"),
        observation("8867-4", 81, "/min", id="b", meta={"versionId": "2"}),
        observation("8310-5", 37, "Cel"),
        observation("9279-1", 16, "/min", effectiveDateTime="2026-11-20T08:00:00Z"),
        observation("2524-7", 2, "mmol/L"),
    ]
    found = read(*(chart[index] for index in order))
    assert set(found.readings) == set(read(*chart).readings)
    assert list(found.readings) == sorted(found.readings, key=lambda each: each.taken_at)
