"""Mutated documents and files by number: the same number, the same mutant.

A mutant that fails is named by its number and can be made again. Few by default; a million with
``pytest tests/fuzz/test_mutations.py -n0 --mutations 1000000 --first-mutation 0``.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

FEW: Final = 3_000

Json = Any
Path = tuple[str | int, ...]

WORDS: Final = (
    "Bundle", "Patient", "OperationOutcome", "Observation", "MedicationRequest", "Patient/p1",
    "Patient/p2", "p1", "order-sign", "patient-view", "final", "http://loinc.org", "8867-4",
    "http://unitsofmeasure.org", "mm[Hg]", "%", "urn:uuid:p1", "2026-11-21T08:30:00Z", "2026-11",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2026-11-21T08:30:00", "24:00", "\x00",
    "\ud800", "\u202e", "a" * 70_000, "<b>", "1e400", "-0", "../../x", "https://ehr.example/fhir",
)  # fmt: skip
NUMBERS: Final = (0, -1, 1, 0.1, 1e308, -1e308, 5e-324, 2**31, 2**63, 2**64, 10**400, 21, 100)


def places(value: Json, path: Path = ()) -> Iterator[Path]:
    """Yield the path of everything inside a value."""
    children: list[tuple[str | int, Json]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    if path:
        yield path
    for key, child in children:
        yield from places(child, (*path, key))


class Mutator:
    """Makes the mutants of one JSON document."""

    def __init__(self, original: Json) -> None:
        self._text = json.dumps(original)
        self._paths = list(places(original))

    def mutant(self, number: int) -> bytes:
        """Return the mutant of a number: one to three members changed, or bytes of the text."""
        chance = random.Random(number)  # noqa: S311  reproducible, not secret
        if number % 5 == 4:
            return self._bytes_changed(chance)
        document = json.loads(self._text)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            self._change(document, chance)
        try:
            return json.dumps(document).encode("utf-8", "surrogatepass")
        except RecursionError:
            return self._text.encode()

    def _change(self, document: Json, chance: random.Random) -> None:
        path = chance.choice(self._paths)
        at = document
        try:
            for key in path[:-1]:
                at = at[key]
            _CHANGES[chance.randrange(len(_CHANGES))](at, path[-1], chance)
        except (KeyError, IndexError, TypeError, OverflowError):
            return  # an earlier change took the place away, or left what cannot be changed so

    def _bytes_changed(self, chance: random.Random) -> bytes:
        body = bytearray(self._text.encode())
        for _ in range(chance.randrange(1, 5)):
            place = chance.randrange(len(body) or 1)
            match chance.randrange(4):
                case 0:
                    body[place : place + 1] = bytes([chance.randrange(256)])
                case 1:
                    del body[place : place + chance.randrange(1, 9)]
                case 2:
                    body[place:place] = chance.choice(
                        (b"[", b"{", b'"', b",", b"\\u0000", b"1e999")
                    )
                case _:
                    del body[max(1, place) :]
        return bytes(body)


def value_of(chance: random.Random, depth: int = 0) -> Json:
    """Return some JSON value, deep at times."""
    match chance.randrange(9 if depth < 3 else 6):
        case 0:
            return None
        case 1:
            return chance.random() < 0.5
        case 2:
            return chance.choice(NUMBERS)
        case 3:
            return chance.choice(WORDS)
        case 4:
            return "".join(chance.choices(string.printable, k=chance.randrange(12)))
        case 5:
            return chance.gauss(0, 10 ** chance.randrange(-3, 9))
        case 6:
            return [value_of(chance, depth + 1) for _ in range(chance.randrange(4))]
        case 7:
            return {
                chance.choice(("resourceType", "coding", "value", "id", "reference", "x")): (
                    value_of(chance, depth + 1)
                )
                for _ in range(chance.randrange(4))
            }
        case _:
            nested: Json = []
            for _ in range(chance.choice((5, 60, 300))):
                nested = [nested]
            return nested


def _replace(at: Json, key: str | int, chance: random.Random) -> None:
    at[key] = value_of(chance)


def _remove(at: Json, key: str | int, chance: random.Random) -> None:
    del at[key]


def _wrap(at: Json, key: str | int, chance: random.Random) -> None:
    at[key] = chance.choice(([at[key]], {"value": at[key]}, [at[key], at[key]], str(at[key])))


def _rename(at: Json, key: str | int, chance: random.Random) -> None:
    if isinstance(at, dict):
        at[chance.choice(("_" + str(key), str(key).upper(), chance.choice(WORDS[:10])))] = at.pop(
            key
        )


def _nudge(at: Json, key: str | int, chance: random.Random) -> None:
    """Change a little of what is there, so that it stays nearly right."""
    value = at[key]
    if isinstance(value, bool) or value is None:
        at[key] = not value
    elif isinstance(value, int | float):
        at[key] = chance.choice((-value, value * 10**6, value / 10**6, value + 0.5))
    elif isinstance(value, str) and value:
        place = chance.randrange(len(value))
        at[key] = value[:place] + chance.choice(string.printable) + value[place + 1 :]
    elif isinstance(value, list):
        at[key] = value * chance.choice((2, 3))


_CHANGES: Final[tuple[Callable[[Json, str | int, random.Random], None], ...]] = (
    _replace, _replace, _remove, _wrap, _rename, _nudge, _nudge,
)  # fmt: skip


def bytes_mutant(original: bytes, number: int) -> bytes:
    """Return a file with some bytes changed, dropped or repeated."""
    chance = random.Random(number)  # noqa: S311  reproducible, not secret
    body = bytearray(original)
    for _ in range(chance.choice((1, 2, 4, 16))):
        place = chance.randrange(len(body) or 1)
        match chance.randrange(4):
            case 0 | 1:
                body[place : place + 1] = bytes([chance.randrange(256)])
            case 2:
                del body[place : place + chance.randrange(1, 32)]
            case _:
                body[place:place] = body[place : place + chance.randrange(1, 64)]
    return bytes(body)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutations", type=int, default=FEW, help="mutants in all")
    parser.addoption("--first-mutation", type=int, default=0, help="number of the first mutant")


@pytest.fixture
def mutants(request: pytest.FixtureRequest) -> range:
    """Return the numbers of the mutants to make."""
    first: int = request.config.getoption("--first-mutation", default=0)
    count: int = request.config.getoption("--mutations", default=FEW)
    return range(first, first + count)


@pytest.fixture(scope="session")
def mutator() -> type[Mutator]:
    return Mutator


@pytest.fixture(scope="session", name="bytes_mutant")
def bytes_mutant_fixture() -> Callable[[bytes, int], bytes]:
    return bytes_mutant
