"""Backend services: a token for the system, asked anew before it expires and never refreshed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.errors import LaunchRefused
from cds_hooks.security.backend_token import BackendTokens
from cds_hooks.security.smart_registration import ClientKind

FHIR = "https://ehr.example/fhir/r4"


@pytest.fixture
def app(assemble: Callable[..., Any], scripted: Any, clock: Any) -> Any:
    return assemble(scripted(clock, ClientKind.ASYMMETRIC), backend=True)


def tokens_of(app: Any) -> BackendTokens:
    launching = app.launching
    return BackendTokens(launching.registrations, launching.servers, launching.own_keys, app.clock)


@pytest.mark.requirement("SM-066", "SM-067", "SM-046", "SM-033")
def test_a_token_is_asked_with_an_assertion_for_system_scopes_only(app: Any) -> None:
    grant = asyncio.run(tokens_of(app).grant(FHIR))
    (form,) = app.ehr.posts("/token")
    assert form["grant_type"] == "client_credentials"
    assert set(form) == {"grant_type", "scope", "client_assertion_type", "client_assertion"}
    scopes = form["scope"].split()
    assert all(each.startswith("system/") and each.endswith(".rs") for each in scopes)
    assert "*" not in form["scope"]
    assert grant.patient_id is None
    assert grant.scopes == set(scopes)


@pytest.mark.requirement("SM-069", "SM-047")
def test_a_token_is_used_until_shortly_before_it_expires_and_then_asked_anew(app: Any) -> None:
    tokens = tokens_of(app)

    async def grants() -> list[Any]:
        first = await tokens.grant(FHIR)
        app.clock.advance(269)
        second = await tokens.grant(FHIR + "/")
        app.clock.advance(1)
        return [first, second, *(await asyncio.gather(*(tokens.grant(FHIR) for _ in range(5))))]

    first, second, *later = asyncio.run(grants())
    assert first == second
    assert len({each.access_token for each in later}) == 1
    assert later[0].access_token != first.access_token
    forms = app.ehr.posts("/token")
    assert [form["grant_type"] for form in forms] == ["client_credentials"] * 2
    assert len({form["client_assertion"] for form in forms}) == 2


@pytest.mark.requirement("SM-067")
def test_a_scope_about_a_patient_or_a_user_is_not_taken_from_a_backend_token(app: Any) -> None:
    answered = app.ehr._token_body
    app.ehr._token_body = lambda more: answered({"scope": "system/Patient.rs user/Patient.rs"})
    assert asyncio.run(tokens_of(app).grant(FHIR)).scopes == {"system/Patient.rs"}


@pytest.mark.requirement("SM-049", "SM-066")
def test_a_server_of_smart_1_is_asked_in_its_own_form(app: Any) -> None:
    app.ehr.announced = {"capabilities": []}
    grant = asyncio.run(tokens_of(app).grant(FHIR))
    assert "system/Observation.read" in grant.scopes


@pytest.mark.requirement("SM-066")
def test_an_ehr_that_did_not_grant_it_is_not_asked(
    assemble: Callable[..., Any], scripted: Any, clock: Any
) -> None:
    app = assemble(scripted(clock, ClientKind.ASYMMETRIC))
    for iss in (FHIR, "https://evil.example/fhir"):
        with pytest.raises(LaunchRefused):
            asyncio.run(tokens_of(app).grant(iss))
    assert not app.ehr.requests


def test_an_ehr_that_does_not_offer_it_is_named(app: Any) -> None:
    app.ehr.announced = {"grant_types_supported": ["authorization_code"]}
    with pytest.raises(LaunchRefused, match="client_credentials"):
        asyncio.run(tokens_of(app).grant(FHIR))
    assert not app.ehr.posts("/token")
