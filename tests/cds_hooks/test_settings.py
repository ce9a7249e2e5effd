"""Settings refuse what is insecure, and every one of them is documented."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cds_hooks.settings import Settings

DOCUMENTED = Path(__file__).parents[2] / "deploy" / "configuration.md"
EHR = {"iss": "https://ehr.example", "jku": "https://ehr.example/jwks.json"}
PRODUCTION: dict[str, Any] = {"public_base_url": "https://twin.example", "issuers": (EHR,)}


def table() -> dict[str, str]:
    """Return variable -> default, as the table of the documentation has them."""
    rows = re.findall(r"^\| `CARDIOTWIN_(\w+)` \| (.+?) \| ", DOCUMENTED.read_text(), re.M)
    return {name.lower(): default for name, default in rows}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    assert set(table()) == set(Settings.model_fields)


def test_the_documented_defaults_are_the_real_ones() -> None:
    for name, default in table().items():
        real = Settings.model_fields[name].default
        if default == "none":
            assert real in (None, ())
        else:
            text = str(real).lower() if isinstance(real, bool) else str(real)
            assert default.startswith(f"`{text}`"), name


def test_a_production_configuration_is_accepted_and_frozen() -> None:
    settings = Settings(**PRODUCTION, allowed_fhir_servers=("https://ehr.example/fhir/",))
    assert settings.allowed_fhir_servers == ("https://ehr.example/fhir",)
    with pytest.raises(ValidationError):
        settings.trust = "open"  # type: ignore[misc]


@pytest.mark.requirement("CH-003", "CH-040", "CH-059")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trust": "open"}, "sandbox=true"),
        ({"issuers": ()}, "refuses every call"),
        ({"public_base_url": "http://twin.example"}, "https only"),
        ({"allowed_fhir_servers": ("http://ehr.example/fhir",)}, "https only"),
        ({"allowed_dicomweb": ("http://pacs.example",)}, "https only"),
        ({"smart_launch_url": "http://twin.example/launch"}, "https only"),
        ({"issuers": ({"iss": "a", "jku": "http://ehr.example/k"},)}, "https only"),
        ({"issuers": ({"iss": "a"},)}, "jku or jwks_file"),
        ({"issuers": ({"iss": "", "jku": EHR["jku"]},)}, "at least 1"),
        ({"issuers": (EHR | {"algorithm": "none"},)}, "not permitted"),
        ({"public_base_url": "twin.example"}, "no plain http"),
        ({"public_base_url": "https://twin.example?x=1"}, "no query"),
        ({"public_base_url": "https://user@twin.example"}, "no plain http"),
        ({"cors_origins": ("*",)}, "no plain http"),
        ({"private_networks": ("10.0.0.0/99",)}, "network"),
        ({"gather_deadline_s": 0}, "greater than 0"),
        ({"concurrent_calls": 0}, "greater than or equal"),
        ({"spec_version": "1.0"}, "'2.0' or '3.0'"),
    ],
)
def test_an_insecure_or_wrong_setting_is_refused_with_a_sentence(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        Settings(**PRODUCTION | changes)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_open_trust_and_http_are_fine_on_the_loopback(host: str) -> None:
    assert Settings(trust="open", public_base_url=f"http://{host}:8000").trust == "open"


def test_a_sandbox_says_so_and_may_be_open() -> None:
    settings = Settings(trust="open", sandbox=True, public_base_url="http://sandbox.example")
    assert settings.sandbox


def test_lists_are_read_with_commas_spaces_or_as_json() -> None:
    urls = ("https://a.example", "https://b.example")
    for text in (", ".join(urls), " ".join(urls), json.dumps(urls)):
        settings = Settings(**PRODUCTION, cors_origins=text)
        assert settings.cors_origins == urls


def test_issuers_are_read_from_json_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "issuers.json"
    file.write_text(json.dumps([EHR]))
    base = PRODUCTION["public_base_url"]
    for text in (json.dumps([EHR]), str(file)):
        (issuer,) = Settings(public_base_url=base, issuers=text).issuers
        assert issuer.jku == EHR["jku"]
    with pytest.raises(ValidationError, match="readable file"):
        Settings(public_base_url=base, issuers=str(tmp_path / "none.json"))


def test_a_refusal_does_not_print_what_was_configured() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**PRODUCTION | {"issuers": '[{"iss": "canary"}]'})
    assert "canary" not in str(refused.value)


def test_the_zone_of_the_site_is_an_iana_name() -> None:
    zone = Settings(trust="open", site_time_zone="Europe/Berlin").site_time_zone
    assert str(zone) == "Europe/Berlin"


@pytest.mark.parametrize("wrong", ["Berlin", "../../etc/passwd", "+01:00"])
def test_what_is_no_zone_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="no time zone"):
        Settings(trust="open", site_time_zone=wrong)


SMART_EHR: dict[str, Any] = {
    "iss": "https://ehr.example/fhir/",
    "client_id": "cardiotwin",
    "client": "asymmetric",
}


def test_a_registered_ehr_makes_cards_link_to_the_services_own_launch() -> None:
    assert Settings(**PRODUCTION).launch_url is None
    registered = Settings(**PRODUCTION, smart_ehrs=(SMART_EHR,))
    assert registered.launch_url == "https://twin.example/launch"
    elsewhere = "https://apps.example/launch"
    named = Settings(**PRODUCTION, smart_ehrs=(SMART_EHR,), smart_launch_url=elsewhere)
    assert named.launch_url == elsewhere


@pytest.mark.requirement("SM-001", "SM-009")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iss": "http://ehr.example/fhir"}, "https only"),
        ({"servers": ["http://login.example"]}, "https only"),
        ({"frame_ancestors": ["http://ehr.example"]}, "https only"),
        ({"frame_ancestors": ["https://ehr.example/page"]}, "origins"),
        ({"frame_ancestors": ["*"]}, "no plain http"),
        ({"client": "symmetric"}, "client_secret_file"),
        ({"client": "public", "client_secret_file": "/x"}, "client_secret_file"),
        ({"client": "public", "backend": True}, "asymmetric"),
        ({"client": "none"}, "asymmetric"),
        ({"client_id": ""}, "at least 1"),
        ({"client_secret": "in the open"}, "not permitted"),
        ({"algorithm": "RS256"}, "ES384"),
    ],
)
def test_an_insecure_registration_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings(**PRODUCTION, smart_ehrs=(SMART_EHR | changes,))


def test_the_app_is_not_registered_where_browsers_keep_no_cookie() -> None:
    plain = {"public_base_url": "http://twin.hospital", "sandbox": True, "trust": "open"}
    Settings(**plain)
    with pytest.raises(ValidationError, match="cookies"):
        Settings(**plain, smart_ehrs=(SMART_EHR,))
    Settings(**(plain | {"public_base_url": "http://127.0.0.1:8000"}), smart_ehrs=(SMART_EHR,))


@pytest.mark.requirement("SM-018")
def test_a_secret_is_read_from_its_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    ehr = SMART_EHR | {"client": "symmetric", "client_secret_file": str(file)}
    settings = Settings(**PRODUCTION, smart_ehrs=(ehr,))
    with pytest.raises(ValueError, match="cannot be read"):
        settings.smart_ehrs[0].registration("https://twin.example/keys")
    file.write_text("SECRET-CANARY\n")
    registration = settings.smart_ehrs[0].registration("https://twin.example/keys")
    assert registration.client_secret == "SECRET-CANARY"
    assert "CANARY" not in repr(registration)
    assert "CANARY" not in repr(settings)
