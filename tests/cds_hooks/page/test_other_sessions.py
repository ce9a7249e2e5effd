"""Whoever holds one session reads nothing of another, whichever route is asked and however."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

if TYPE_CHECKING:
    from cds_hooks.security.session import SmartSession
    from tests.cds_hooks.page.conftest import Site

READ = (
    *("/app", "/app/api/view", "/app/api/releases", "/app/api/events"),
    *("/app/api/readings", "/app/api/readings/picture"),
)
DONE = ("/app/api/simulations", "/app/api/proposals", "/logout")
PREFIX = "__Host-cardiotwin-"
Cookies = Callable[[Any, Any], str]

WAYS: dict[str, Cookies] = {
    "their name, my secret": lambda mine, theirs: f"{PREFIX}{theirs.handle}={mine.secret}",
    "my cookie": lambda mine, theirs: f"{PREFIX}{mine.handle}={mine.secret}",
    "no cookie": lambda mine, theirs: "",
    "an empty secret": lambda mine, theirs: f"{PREFIX}{theirs.handle}=",
    "the handle as the secret": lambda mine, theirs: f"{PREFIX}{theirs.handle}={theirs.handle}",
    "their secret cut": lambda mine, theirs: f"{PREFIX}{theirs.handle}={theirs.secret[:-1]}",
    "their secret longer": lambda mine, theirs: f"{PREFIX}{theirs.handle}={theirs.secret}A",
    "their secret in capitals": lambda mine, theirs: (
        f"{PREFIX}{theirs.handle}={theirs.secret.upper()}"
    ),
    "their secret without the prefix": lambda mine, theirs: f"{theirs.handle}={theirs.secret}",
    "their secret under my name": lambda mine, theirs: f"{PREFIX}{mine.handle}={theirs.secret}",
}


@pytest.fixture(scope="module")
def pair(site: Site) -> tuple[SmartSession, SmartSession]:
    """Return my session and somebody else's, of two patients."""
    return (
        site.launched("stable", handle="handle-mine", secret="secret-mine"),
        site.launched("septic", handle="handle-theirs", secret="secret-theirs"),
    )


@pytest.mark.attack("cross-session read")
@pytest.mark.parametrize("path", [*READ, *DONE])
@pytest.mark.parametrize("way", WAYS)
def test_another_session_is_not_opened(
    site: Site, pair: tuple[SmartSession, SmartSession], path: str, way: str
) -> None:
    mine, theirs = pair
    headers = {"Cookie": WAYS[way](mine, theirs), "Origin": "https://twin.example"}
    url = f"{path}?session={theirs.handle}"
    answer = site.http.request("GET" if path in READ else "POST", url, headers=headers)
    assert answer.status_code == 401
    assert "Feverfew" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.attack("cross-session read")
@pytest.mark.parametrize(
    "query",
    [
        "session=handle-mine&session=handle-theirs",
        "session=handle-theirs&session=handle-mine",
        "session=handle-mine%00handle-theirs",
        "session=handle-mine;session=handle-theirs",
        "session=handle-mine&patient=septic",
        "session=handle-mine&patientId=septic&fhirServer=https://evil.example",
    ],
)
def test_an_address_with_two_meanings_shows_my_patient_or_nobody(
    site: Site, pair: tuple[SmartSession, SmartSession], query: str
) -> None:
    mine, _ = pair
    headers = {"Cookie": f"{PREFIX}{mine.handle}={mine.secret}"}
    answer = site.http.get(f"/app/api/view?{query}", headers=headers)
    assert "Feverfew" not in answer.text
    assert answer.status_code == 401 or "Stillwater" in answer.text


@pytest.mark.attack("cross-session read")
@pytest.mark.parametrize("path", DONE)
@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "null", "", "http://twin.example", "https://twin.example.evil"),
        *("https://twin.example:8443", "https://ehr.example", "https://twin.example/app"),
    ],
)
def test_another_sites_page_changes_nothing_with_my_cookie(
    site: Site, pair: tuple[SmartSession, SmartSession], path: str, origin: str
) -> None:
    mine, _ = pair
    answer = site.post(path, mine, {"plan": {}}, Origin=origin)
    assert answer.status_code == 401
    assert site.get("/app/api/releases", mine).status_code == 200


@pytest.mark.attack("cross-patient read")
@pytest.mark.parametrize("kind", ["Observation", "MedicationAdministration", "ImagingStudy"])
def test_a_chart_with_a_leaf_of_another_patient_is_shown_as_nobodys(
    site: Site, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    search = site.ehr.search

    async def careless(query: Any, grant: Any) -> Any:
        found = await search(query, grant)
        if not query.path.startswith(f"{kind}?") or not found:
            return found
        leaf = msgspec.json.decode(found[0])
        other = leaf | {"id": "leaf", "subject": {"reference": "Patient/somebody-else"}}
        return (*found, msgspec.Raw(msgspec.json.encode(other)))

    monkeypatch.setattr(site.ehr, "search", careless)
    answer = site.get("/app/api/view", site.launched("septic"))
    assert answer.status_code >= 400
    assert "Feverfew" not in answer.text
    assert "somebody-else" not in answer.text


@pytest.mark.attack("cross-patient read")
@pytest.mark.parametrize(
    "patient",
    [
        "septic/../bleeding",
        "septic?_id=bleeding",
        "septic,bleeding",
        "*",
        "",
        "septic%2f..",
        "a b",
    ],
)
def test_a_session_of_an_odd_patient_shows_nobody_else(site: Site, patient: str) -> None:
    session = site.launched("septic", patient_id=patient, handle="odd", secret="odd-secret")
    answer = site.get("/app/api/view", session)
    assert answer.status_code >= 400
    assert "Redmond" not in answer.text


@pytest.mark.attack("clickjacking")
@pytest.mark.parametrize("path", ["/app", "/documentation", "/app/static/main.js", "/logout"])
@pytest.mark.parametrize("named", [True, False], ids=["with a session", "without"])
def test_no_page_may_be_framed_where_no_ehr_is_registered(
    site: Site, path: str, named: bool
) -> None:
    session = site.launched("stable", handle="framed", secret="framed-secret") if named else None
    answer = site.get(path, session)
    if "text/html" in answer.headers["content-type"]:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    else:
        assert answer.headers.get("x-content-type-options", "nosniff") == "nosniff"
