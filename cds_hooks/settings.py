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
from cds_hooks.security.smart_registration import LAUNCH_PATH, ClientKind, SmartRegistration
from cds_hooks.services.gather import GATHER_DEADLINE_S

PAGE_POLL_S: Final = 30.0
"""Charts change by the minute; a page that is left open costs an EHR two reads a minute."""

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
class RegisteredEhr(BaseModel):
    """An EHR at which the SMART app is registered; ``deploy/portals.md`` says how that is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    iss: BaseUrl
    client_id: Annotated[str, Field(min_length=1)]
    client: ClientKind
    client_secret_file: Path | None = None
    algorithm: Literal["ES384", "RS384"] | None = None
    key_set_by_url: bool = True
    """Whether the EHR reads the app's key set from its URL, which assertions then name."""
    servers: BaseUrls = ()
    frame_ancestors: BaseUrls = ()
    standalone: bool = False
    backend: bool = False
    scopes: tuple[str, ...] | None = None
    unlisted_pkce: bool = False
    capability_statement: bool = False

    @model_validator(mode="after")
    def _proves_itself(self) -> Self:
        if (self.client is ClientKind.SYMMETRIC) != (self.client_secret_file is not None):
            raise ValueError("client_secret_file is needed by a symmetric client, and by it alone")
        if self.backend and self.client is not ClientKind.ASYMMETRIC:
            raise ValueError("backend services need client: asymmetric")
        for each in self.frame_ancestors:
            if urlsplit(each).path:
                raise ValueError("frame_ancestors are origins, without a path")
        return self

    def registration(self, key_set_url: str) -> SmartRegistration:
        """Return what the launch needs to know of it.

        Raises
        ------
        ValueError
            The file of the secret cannot be read.
        """
        return SmartRegistration(
            iss=self.iss,
            client_id=self.client_id,
            kind=self.client,
            client_secret=_secret(self.client_secret_file),
            algorithm=self.algorithm,
            key_set_url=key_set_url if self.key_set_by_url else None,
            servers=self.servers,
            frame_ancestors=self.frame_ancestors,
            standalone=self.standalone,
            backend=self.backend,
            scopes=self.scopes,
            unlisted_pkce=self.unlisted_pkce,
            capability_statement=self.capability_statement,
        )


def _secret(path: Path | None) -> str | None:
    """Read a secret from its file; it is never written into the settings themselves."""
    if path is None:
        return None
    try:
        secret = path.read_text("utf-8").strip()
    except OSError as error:
        raise ValueError(f"client_secret_file cannot be read ({error.strerror})") from None
    if not secret:
        raise ValueError("client_secret_file is empty")
    return secret


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
    smart_ehrs: Annotated[tuple[RegisteredEhr, ...], NoDecode, BeforeValidator(_issuers)] = ()
    site_time_zone: Annotated[InstanceOf[ZoneInfo] | None, NoDecode, BeforeValidator(_zone)] = None
    spec_version: Literal["2.0", "3.0"] = "2.0"
    gather_deadline_s: Annotated[float, Field(gt=0, le=30)] = GATHER_DEADLINE_S
    page_poll_s: Annotated[float, Field(ge=0.1, le=3600)] = PAGE_POLL_S
    concurrent_calls: Annotated[int, Field(ge=1, le=10_000)] = 64
    worker_threads: Annotated[int, Field(ge=1, le=256)] = 1
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def ballot_3(self) -> bool:
        """Return whether clients are known to understand the 3.0 ballot."""
        return self.spec_version == "3.0"

    @property
    def launch_url(self) -> str | None:
        """Return where cards link to: as configured, else our own where an EHR is registered."""
        own = self.public_base_url + LAUNCH_PATH if self.smart_ehrs else None
        return self.smart_launch_url or own

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
        for ehr in self.smart_ehrs:
            urls += [ehr.iss, *ehr.servers, *ehr.frame_ancestors]
        for url in urls:
            if not (self.sandbox or url.startswith("https:") or _is_loopback(url)):
                raise ValueError(
                    "a URL of another machine is http; patients' data travels by https only,"
                    " unless sandbox=true"
                )
        if self.smart_ehrs and not _keeps_cookies(self.public_base_url):
            raise ValueError(
                "browsers keep the app's cookies over https or a loopback address only, so"
                " smart_ehrs needs such a public_base_url"
            )
        return self


def _keeps_cookies(url: str) -> bool:
    return url.startswith("https:") or _is_loopback(url)


def _is_loopback(url: str) -> bool:
    return origin_of(url).host in LOOPBACK
