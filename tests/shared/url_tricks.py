"""Addresses that look like a listed server's and are not, or that two readers read differently.

May live here: the addresses alone. What must refuse them are the doors through which an EHR, a
PACS or a browser can hand one in; ``tests/cds_hooks/attacks`` tries each at each.
"""

# Look-alike characters and odd addresses are what this file is about.

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

ALLOWED = (
    "https://ehr.example/fhir",
    "https://keys.example:8443/jwks.json",
    "http://127.0.0.1:8080/fhir",
    "http://localhost:9090",
    "http://[2001:db8::1]:80/fhir",
)
OTHER_SERVERS = [
    "https://ehr.example.evil/fhir",
    "https://ehr.example.evil.com",
    "https://evil.ehr.example/",
    "https://ehrexample/",
    "https://ehr-example/",
    "https://xehr.example/",
    "https://ehr.examplex/",
    "https://ehr.example:444/",
    "https://ehr.example:8443/",
    "https://ehr.example:80/",
    "http://ehr.example/fhir",
    "http://ehr.example:443/fhir",
    "https://keys.example/jwks.json",
    "https://keys.example:443/",
    "https://keys.example:84430/",
    "https://127.0.0.1:8080/",
    "http://127.0.0.1/",
    "http://127.0.0.1:80800/",
    "http://127.0.0.2:8080/",
    "http://127.1:8080/",
    "http://127.0.1:8080/",
    "http://0x7f000001:8080/",
    "http://0x7f.0.0.1:8080/",
    "http://2130706433:8080/",
    "http://017700000001:8080/",
    "http://0177.0.0.1:8080/",
    "http://127.000.000.001:8080/",
    "http://0:8080/",
    "http://0.0.0.0:8080/",
    "http://[::1]:8080/",
    "http://[::ffff:127.0.0.1]:8080/",
    "http://[::ffff:7f00:1]:8080/",
    "http://[0:0:0:0:0:0:0:1]:8080/",
    "http://[2001:db8::2]/fhir",
    "http://[2001:db8::1]:81/fhir",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/",
    "http://localhost/",
    "http://localhost:90900/",
    "http://localhost.evil:9090/",
    "http://localhost.localdomain:9090/",
    "https://evil.example/?next=https://ehr.example/fhir",
    "https://evil.example/https://ehr.example/fhir",
    "https://evil.example/ehr.example",
    "https://evil.example/@ehr.example",
    "https://evil.example?@ehr.example/",
]
AMBIGUOUS = [
    "https://ehr.example@evil.example/",
    "https://ehr.example:443@evil.example/",
    "https://evil.example@ehr.example/",
    "https://user:secret@ehr.example/fhir",
    "https://@ehr.example/fhir",
    "https://ehr.example%40evil.example/",
    "https://evil.example%2f@ehr.example/",
    "https://evil.example#@ehr.example/",
    "https://ehr.example#.evil.example/",
    "https://ehr.example/fhir#evil",
    "https://ehr.example\\@evil.example/",
    "https://evil.example\\@ehr.example/",
    "https://ehr.example\\.evil.example/",
    "https:\\\\ehr.example/fhir",
    "https:/\\ehr.example/fhir",
    "https:/ehr.example/fhir",
    "https:///ehr.example/fhir",
    "https:ehr.example/fhir",
    "//ehr.example/fhir",
    "ehr.example/fhir",
    "/fhir/Patient",
    "",
    " ",
    "https://",
    "https:///",
    "https://:443/",
    "https://ehr.example:/fhir",
    "https://ehr.example:0443/fhir",
    "https://ehr.example:+443/fhir",
    "https://ehr.example:-1/fhir",
    "https://ehr.example:0/fhir",
    "https://ehr.example:443443443/fhir",
    "https://ehr.example:443:443/fhir",
    "https://ehr.example:44３/fhir",
    "https://ehr.example./fhir",
    "https://.ehr.example/fhir",
    "https://ehr..example/fhir",
    "https://-ehr.example/fhir",
    "https://ehr-.example/fhir",
    "https://ehr_example/fhir",
    "https://ehr.example;evil.example/",
    "https://ehr.example,evil.example/",
    "https://ehr.example&evil.example/",
    "https://ehr.example|evil.example/",
    "https://ehr.example evil.example/",
    "https://ehr.example\tevil.example/",
    "https://ehr.example\n.evil.example/",
    "https://ehr.example\r\nHost: evil.example/",
    "https://ehr.example/fhir\r\nX-Evil: 1",
    "https://ehr.example/fhir\n",
    "\nhttps://ehr.example/fhir",
    " https://ehr.example/fhir",
    "https://ehr.example/fhir ",
    "https://ehr.example/a b",
    "https://ehr.example/\x00",
    "https://ehr.example\x00.evil.example/",
    "https://ehr.example/%00",
    "https://ehr.example/fhir/../admin",
    "https://ehr.example/..",
    "https://ehr.example/./fhir",
    "https://ehr.example/fhir/%2e%2e/admin",
    "https://ehr.example/fhir/.%2E/admin",
    "https://ehr.example/fhir%2f..%2fadmin",
    "https://ehr.example/fhir%5c..%5cadmin",
    "https://ehr.example/fhir\\..\\admin",
    "https://ехr.example/fhir",
    "https://ehr。example/fhir",
    "https://ehr．example/fhir",
    "https://ⓔhr.example/fhir",
    "https://ehr.example\u2044evil.example/",
    "https://ehr.example\u3002evil/",
    "https://ehr.example\u200b/fhir",
    "https://ehr.example\u00ad/fhir",
    "https://%65hr.example/fhir",
    "https://ehr%2eexample/fhir",
    "https://[ehr.example]/fhir",
    "https://[::1/fhir",
    "https://::1/fhir",
    "http://[2001:db8::1%25eth0]/fhir",
    "http://[2001:db8:::1]/fhir",
    "http://[2001:db8::1]evil.example/",
    'https://ehr.example/"onload',
    "https://ehr.example/<script>",
    "https://ehr.example/`id`",
    "ftp://ehr.example/fhir",
    "file:///etc/passwd",
    "file://ehr.example/etc/passwd",
    "gopher://ehr.example:443/",
    "dict://127.0.0.1:8080/",
    "data:text/html,x",
    "javascript:alert(1)",
    "jar:https://ehr.example!/",
    "unix:///run/docker.sock",
    "ldap://ehr.example",
    "ws://ehr.example/fhir",
    "h://ehr.example/fhir",
    "httpss://ehr.example/fhir",
    "url:https://ehr.example/fhir",
    "view-source:https://ehr.example/",
    "http://http://127.0.0.1:8080/",
]


def lookalikes(url: str) -> Iterator[str]:
    """Yield addresses made of a listed one's by a single change of its scheme, host or port."""
    parts = urlsplit(url)
    host, path = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc, parts.path
    port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    other = "http" if parts.scheme == "https" else "https"
    yield f"{other}://{host}:{port}{path}"
    for number in (port + 1, port * 10 % 65536, 22, 25, 2375, 6379, 5432, 8042, 65535):
        yield f"{parts.scheme}://{host}:{number}{path}"
    for before in ("evil.", "evil-", "www.", "x", "%2e", "evil.example%2f", "evil.example\\"):
        yield f"{parts.scheme}://{before}{host}:{port}{path}"
    for after in (".evil.example", "-evil.example", ".", "x", "%2eevil.example", "%00", "\\"):
        yield f"{parts.scheme}://{host}{after}:{port}{path}"
    for user in ("evil.example@", "a:b@", "@", "evil.example%40", "evil.example\\@", "x@y@"):
        yield f"{parts.scheme}://{user}{host}:{port}{path}"
    for mark in ("#", "?", "\\", ";", "%23", "%3f", "%5c", "\t", "\n"):
        yield f"{parts.scheme}://evil.example{mark}@{host}:{port}{path}"
    for tail in (
        "/../admin",
        "/%2e%2e/admin",
        "/.%2e/admin",
        "\\..\\admin",
        "#x",
        " ",
        "\r\nX: y",
    ):
        yield f"{parts.scheme}://{host}:{port}{path}{tail}"
    for scheme in ("ftp", "file", "gopher", "javascript", "data", f"{parts.scheme}+unix"):
        yield f"{scheme}://{host}:{port}{path}"
    yield f"{parts.scheme}:{host}:{port}{path}"
    yield f"{parts.scheme}:/{host}:{port}{path}"
    yield f"//{host}:{port}{path}"
    yield f"{parts.scheme}://{host}:{port}:{port}{path}"
    yield f"{parts.scheme}://{host}:0{port}{path}"


TRICKS = (*OTHER_SERVERS, *AMBIGUOUS)
EVERY_TRICK = tuple(
    dict.fromkeys([*TRICKS, *(each for url in ALLOWED for each in lookalikes(url))])
)
