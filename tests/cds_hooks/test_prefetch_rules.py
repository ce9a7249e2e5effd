"""Published templates are held to the specification, each breach named."""

from __future__ import annotations

import pytest

from cds_hooks.prefetch_rules import faults

PATIENT = "Patient/{{context.patientId}}"


@pytest.mark.requirement("CH-015", "CH-025", "CH-026", "CH-027", "CH-030")
@pytest.mark.parametrize(
    "template",
    [
        PATIENT,
        "Patient/{{ context.patientId }}",
        "Observation?patient={{context.patientId}}&category=vital-signs&_sort=-date&_count=200",
        "Observation?patient={{context.patientId}}&code=http://loinc.org|8867-4,8310-5",
        "Observation?patient={{context.patientId}}&code:in=http://example.org/vs",
        "Observation?patient={{context.patientId}}&date=ge2026-01-01",
        "Practitioner/{{userPractitionerId}}",
        "PractitionerRole/{{userPractitionerRoleId}}",
        "Patient/{{userPatientId}}",
        "RelatedPerson/{{userRelatedPersonId}}",
        "{{context.userId}}",
    ],
)
def test_a_template_within_the_subset_has_no_fault(template: str) -> None:
    assert faults({"key": template}, ["patient-view"]) == ()


@pytest.mark.parametrize(
    ("template", "requirement"),
    [
        pytest.param(template, number, marks=pytest.mark.requirement(number))
        for template, number in [
            ("Patient/{context.patientId}", "CH-025"),
            ("Patient/{{context.patientId}", "CH-025"),
            ("Patient/{{{context.patientId}}}", "CH-025"),
            ("Patient/{{patientId}}", "CH-026"),
            ("Patient/{{userId}}", "CH-026"),
            ("Patient/{{fhirServer}}", "CH-026"),
            ("Patient/{{context.patient}}", "CH-027"),
            ("Patient/{{context.patientId.value}}", "CH-028"),
            ("Observation?date=ge{{today()}}", "CH-028"),
            ("MedicationRequest/{{context.draftOrders}}", "CH-029"),
            ("MedicationRequest/{{context.selections}}", "CH-029"),
            ("Patient?name=John", "CH-030"),
            ("Observation?patient.name=John", "CH-030"),
            ("Observation?patient={{context.patientId}}&_include=Observation:subject", "CH-030"),
            ("Observation?patient={{context.patientId}}&date=ne2026-01-01", "CH-030"),
            ("Observation?code:text=heart", "CH-030"),
            ("Observation?date:in=2026", "CH-030"),
            ("Observation?_count=many", "CH-030"),
            ("Observation?_maxresults=5", "CH-030"),
            ("Observation?patient=", "CH-030"),
            ("Observation", "CH-030"),
            ("Patient/1/$everything", "CH-030"),
            ("$everything", "CH-030"),
            ("Heart/{{context.patientId}}", "CH-030"),
        ]
    ],
)
def test_a_breach_is_named_with_its_requirement(template: str, requirement: str) -> None:
    found = faults({"key": template}, ["order-select"])
    assert any(requirement in fault for fault in found), found
    assert all(fault.startswith("key: ") for fault in found)


@pytest.mark.requirement("CH-029")
def test_a_token_must_be_fillable_for_every_hook_of_the_service() -> None:
    practitioner = {"user": "{{context.userId}}"}
    assert faults(practitioner, ["order-sign"]) == ()
    assert "order-dispatch" in faults(practitioner, ["order-sign", "order-dispatch"])[0]


@pytest.mark.requirement("CH-031")
@pytest.mark.parametrize(
    "token",
    [
        "today()",
        "today() - 30 days",
        "today() + 2 days",
        "context.draftOrders.entry.resource.ofType(MedicationRequest).medication",
        "%patient.generalPractitioner.resolve()",
        "context.encounterId | %encounter.id",
    ],
)
def test_the_ballots_tokens_are_parsed_but_published_only_when_switched_on(token: str) -> None:
    later = {
        "patient": PATIENT,
        "encounter": "Encounter/{{context.encounterId}}",
        "key": f"Observation?date=ge{{{{{token}}}}}",
    }
    assert faults(later, ["patient-view"], ballot_3=True) == ()
    assert any("CH-026" in fault for fault in faults(later, ["patient-view"]))


@pytest.mark.requirement("CH-031")
@pytest.mark.parametrize("token", ["now()", "today() - 1 year", "a b", "where(x=1)", "context."])
def test_what_is_outside_the_ballots_subset_too_is_refused(token: str) -> None:
    found = faults({"key": f"Observation?date=ge{{{{{token}}}}}"}, [], ballot_3=True)
    assert any("CH-031" in fault for fault in found)


@pytest.mark.requirement("CH-032")
def test_of_type_takes_a_resource_type() -> None:
    wrong = {"key": "Observation?code={{context.draftOrders.ofType(Heart).code}}"}
    assert "CH-032" in faults(wrong, ["order-sign"], ballot_3=True)[0]


@pytest.mark.requirement("CH-033")
def test_a_template_comes_after_those_it_depends_on() -> None:
    encounter = "Encounter/{{%patient.id}}"
    assert faults({"patient": PATIENT, "encounter": encounter}, [], ballot_3=True) == ()
    assert any(
        "CH-033" in fault
        for fault in faults({"encounter": encounter, "patient": PATIENT}, [], ballot_3=True)
    )


@pytest.mark.requirement("CH-034")
def test_templates_in_a_circle_are_refused() -> None:
    circle = {"a": "Encounter/{{%b.id}}", "b": "Encounter/{{%a.id}}"}
    assert any("CH-034" in fault for fault in faults(circle, [], ballot_3=True))
