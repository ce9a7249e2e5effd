"""Settings: variables ``CARDIOTWIN_…`` to one frozen value that refuses what is insecure.

Every setting is described in ``deploy/configuration.md``; a test holds that table complete.
Nothing here opens a connection or a database; the one file that is read is the list of trusted
EHRs, where a path is given for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal, Self, final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    IPvAnyNetwork,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cds_hooks.errors import HostNotAllowed
from cds_hooks.security.egress import origin_of
from cds_hooks.services.gather import GATHER_DEADLINE_S

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def _base_url(url: str) -> str:
    stripped = url.rstrip("/")
    try:
        origin_of(stripped)
    except HostNotAllowed:
        raise ValueError(
            "it is no plain http(s) URL; write for example https://host/base"
        ) from None
    if urlsplit(stripped).query:
        raise ValueError("a base URL has no query; leave out what follows the question mark")
    return stripped


def _listed(value: object) -> object:
    """Split ``a, b`` or ``a b``; a JSON array is accepted too."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    return json.loads(text) if text.startswith("[") else tuple(text.replace(",", " ").split())


def _issuers(value: object) -> object:
    """Read JSON, or the JSON file that the value names."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text.startswith("["):
        try:
            text = Path(text).read_text("utf-8")
        except OSError as error:
            raise ValueError(
                f"it is neither a JSON array nor a readable file ({error.strerror})"
            ) from None
    return json.loads(text)


def _zone(value: object) -> object:
    """Return the named zone of the IANA data base; the empty text is none."""
    if not isinstance(value, str):
        return value
    try:
        return ZoneInfo(value) if value else None
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("it is no time zone such as Europe/Berlin") from None


BaseUrl = Annotated[str, AfterValidator(_base_url)]
BaseUrls = Annotated[tuple[BaseUrl, ...], NoDecode, BeforeValidator(_listed)]


@final
class TrustedEhr(BaseModel):
    """An EHR that may call: the issuer of its JWTs and where its public keys are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    iss: Annotated[str, Field(min_length=1)]
    """Compared for equality with the claim ``iss``."""
    jku: BaseUrl | None = None
    """The one key-set URL that this EHR's tokens may name."""
    jwks_file: Path | None = None
    """A key set exchanged out of band; where given, it is used and no URL is contacted."""

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.jku is None and self.jwks_file is None:
            raise ValueError("an issuer needs jku or jwks_file, else no signature can be verified")
        return self


@final
class Settings(BaseSettings):
    """What one installation is configured to do."""

    model_config = SettingsConfigDict(
        env_prefix="CARDIOTWIN_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    public_base_url: BaseUrl = "http://127.0.0.1:8000"
    trust: Literal["required", "open"] = "required"
    issuers: Annotated[tuple[TrustedEhr, ...], NoDecode, BeforeValidator(_issuers)] = ()
    discovery_requires_token: bool = False
    sandbox: bool = False
    allowed_fhir_servers: BaseUrls = ()
    allowed_dicomweb: BaseUrls = ()
    private_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_listed)] = ()
    cors_origins: BaseUrls = ()
    data_directory: Path = Path(".runs")
    smart_launch_url: BaseUrl | None = None
    site_time_zone: Annotated[InstanceOf[ZoneInfo] | None, NoDecode, BeforeValidator(_zone)] = None
    spec_version: Literal["2.0", "3.0"] = "2.0"
    gather_deadline_s: Annotated[float, Field(gt=0, le=30)] = GATHER_DEADLINE_S
    concurrent_calls: Annotated[int, Field(ge=1, le=10_000)] = 64
    worker_threads: Annotated[int, Field(ge=1, le=256)] = 1
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def ballot_3(self) -> bool:
        """Return whether clients are known to understand the 3.0 ballot."""
        return self.spec_version == "3.0"

    @model_validator(mode="after")
    def _refuse_open_trust_in_production(self) -> Self:
        if self.trust == "open" and not (self.sandbox or _is_loopback(self.public_base_url)):
            raise ValueError(
                "trust=open lets anyone call, so it needs a loopback public_base_url, or"
                " sandbox=true for a demonstration without real patients"
            )
        if self.trust == "required" and not self.issuers:
            raise ValueError(
                "trust=required without issuers refuses every call; name the EHRs in issuers, or"
                " set trust=open on a sandbox"
            )
        return self

    @model_validator(mode="after")
    def _refuse_plain_http_in_production(self) -> Self:
        urls = [self.public_base_url, *self.allowed_fhir_servers, *self.allowed_dicomweb]
        urls += [each.jku for each in self.issuers if each.jku is not None]
        urls += [self.smart_launch_url] if self.smart_launch_url else []
        for url in urls:
            if not (self.sandbox or url.startswith("https:") or _is_loopback(url)):
                raise ValueError(
                    "a URL of another machine is http; patients' data travels by https only,"
                    " unless sandbox=true"
                )
        return self


def _is_loopback(url: str) -> bool:
    return origin_of(url).host in LOOPBACK
