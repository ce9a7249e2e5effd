"""Discovery says what there is, exactly as the specification words it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.services.answering import Registry
from cds_hooks.services.service import ServiceDefinition
from cds_hooks.wire.discovery import discovery
from cds_hooks.wire.hooks import HOOKS


@pytest.mark.requirement("CH-001", "CH-008", "CH-009")
def test_discovery_is_an_object_with_an_array_of_services_in_json(sandbox: Any) -> None:
    answer = sandbox.http.get("/cds-services")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json()["services"], list)
    assert list(answer.json()) == ["services"]


@pytest.mark.requirement("CH-010")
def test_an_installation_without_services_lists_none() -> None:
    assert discovery([]).services == ()


@pytest.mark.requirement("CH-011", "CH-012", "CH-013", "CH-014", "CH-015", "CH-016")
def test_each_entry_has_its_members_and_no_other(sandbox: Any) -> None:
    for entry in sandbox.http.get("/cds-services").json()["services"]:
        assert set(entry) == {
            "hook",
            "id",
            "title",
            "description",
            "prefetch",
            "usageRequirements",
        }
        assert all(entry.values())
        assert all(isinstance(template, str) for template in entry["prefetch"].values())


@pytest.mark.requirement("CH-012", "CH-021", "CH-137")
def test_one_id_is_listed_for_each_of_its_hooks_and_answers_each(
    sandbox: Any, hook_request: Any
) -> None:
    entries = sandbox.http.get("/cds-services").json()["services"]
    assert [(entry["id"], entry["hook"]) for entry in entries] == [
        ("probe", "patient-view"),
        ("probe", "order-sign"),
        ("probe", "order-select"),
        ("probe", "order-dispatch"),
    ]
    viewed = hook_request()
    signed = hook_request(
        hook="order-sign",
        context=viewed["context"] | {"draftOrders": {"resourceType": "Bundle"}},
    )
    for request in (viewed, signed):
        assert sandbox.call(request).json()["cards"]
    assert [call.hook for call in sandbox.probe.calls] == ["patient-view", "order-sign"]


@pytest.mark.requirement("CH-020", "CH-021")
def test_two_services_share_an_id_for_different_hooks_but_never_for_one(probe: Any) -> None:
    viewing = probe(replace(probe().definition, hooks=("patient-view",)))
    signing = probe(replace(probe().definition, hooks=("order-sign",)))
    registry = Registry.of([viewing, signing])
    assert registry.service("probe", "order-sign") is signing
    with pytest.raises(ValueError, match="twice"):
        Registry.of([viewing, viewing])


def test_two_versions_of_a_service_live_under_two_ids(probe: Any) -> None:
    later = probe(replace(probe().definition, id="probe-2"))
    assert len(Registry.of([probe(), later]).discovery().services) == 8


@pytest.mark.requirement("CH-030")
def test_a_service_whose_templates_break_the_specification_is_not_registered(probe: Any) -> None:
    wrong = replace(probe().definition, prefetch={"key": "Patient?name={{context.patientId}}"})
    with pytest.raises(ValueError, match="CH-030"):
        Registry.of([probe(wrong)])


@pytest.mark.requirement("CH-033")
def test_templates_are_listed_in_the_order_of_the_definition(sandbox: Any) -> None:
    entry = sandbox.http.get("/cds-services").json()["services"][0]
    assert list(entry["prefetch"]) == ["patient", "vitalSigns", "laboratory"]


@pytest.mark.requirement("CH-017", "CH-018", "CH-019")
def test_versions_are_named_only_where_the_ballot_is_switched_on(install: Any) -> None:
    with install(trust="open", sandbox=True) as plain:
        for entry in plain.http.get("/cds-services").json()["services"]:
            assert "version" not in entry
            assert "hookVersion" not in entry
    with install(trust="open", sandbox=True, spec_version="3.0") as ballot:
        for entry in ballot.http.get("/cds-services").json()["services"]:
            assert entry["version"] == "3.0.0"
            assert entry["hookVersion"] == HOOKS[entry["hook"]].version


@pytest.mark.requirement("CH-019")
@pytest.mark.parametrize(
    ("hook", "version"),
    [
        ("patient-view", "1.0"),
        ("order-select", "1.0"),
        ("order-sign", "1.0"),
        ("order-dispatch", "1.1"),
        ("encounter-start", "1.0"),
        ("encounter-discharge", "1.0"),
    ],
)
def test_the_hook_versions_are_those_of_the_hook_library(hook: str, version: str) -> None:
    assert HOOKS[hook].version == version


@pytest.mark.requirement("CH-022", "CH-140")
def test_an_entry_carries_no_extension_unless_it_is_an_object() -> None:
    plain = ServiceDefinition("a", "A", "Does a.", ("patient-view",), {}, frozenset())
    (entry,) = discovery([plain]).services
    assert entry.extension is None
    assert entry.prefetch is None


@pytest.mark.requirement("CH-023", "CH-061")
def test_discovery_demands_a_token_where_configured(install: Any) -> None:
    with install(discovery_requires_token=True) as strict:
        refused = strict.http.get("/cds-services")
        assert refused.status_code == 401
        assert refused.json()["resourceType"] == "OperationOutcome"
        allowed = strict.http.get("/cds-services", headers=strict.signed("/cds-services"))
        assert allowed.status_code == 200


@pytest.mark.requirement("CH-024", "CH-113", "CH-138")
def test_a_page_for_people_describes_every_service_and_what_is_agreed(sandbox: Any) -> None:
    page = sandbox.http.get("/documentation")
    assert page.headers["content-type"].startswith("text/html")
    definition = sandbox.probe.definition
    shown = " ".join(page.text.split())
    for text in (definition.title, definition.description, *definition.hooks):
        assert text in shown
    assert "all of them or none" in shown
    assert "critical to safety" in shown
    assert "Research use only" in shown
    assert "default-src 'none'" in page.headers["content-security-policy"]
