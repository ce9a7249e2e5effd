"""FHIR search over resources in memory: parse the query, match, sort, cut a page. Pure.

Specification: https://hl7.org/fhir/R4/search.html. An unknown parameter is refused unless the
caller asks for ``Prefer: handling=lenient``: a query whose condition is silently dropped returns
data that its author did not mean to read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sandbox_ehr.dates import BEGINNING, date_matches, interval_at
from sandbox_ehr.errors import BadSearch
from sandbox_ehr.resources import Resource, local_reference, values_at
from sandbox_ehr.search_parameters import ParameterType, SearchParameter, parameters_of

DEFAULT_COUNT = 50
OFFSET = "_offset"
"""Our own parameter inside ``next`` links; FHIR leaves their form to the server."""

RESULT_PARAMETERS = frozenset(
    {"_sort", "_count", "_summary", "_total", "_include", "_format", "_pretty", OFFSET}
)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search."""

    total: int
    page: tuple[Resource, ...]
    included: tuple[str, ...]
    """``Type/id`` of what ``_include`` asks for."""
    next_offset: int | None
    count_only: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search: its conditions and how the result is to be given."""

    conditions: tuple[Callable[[Resource], bool], ...]
    sort: tuple[tuple[SearchParameter, bool], ...]
    count: int
    offset: int
    includes: tuple[SearchParameter, ...]
    count_only: bool


def parse_query(
    resource_type: str,
    pairs: Iterable[tuple[str, str]],
    base_url: str,
    largest_page: int,
    lenient: bool = False,
) -> Query:
    """Return the search that the name and value pairs ask for.

    Raises
    ------
    BadSearch
        An unknown parameter (unless lenient), an unsupported modifier or a malformed value.
    """
    known = parameters_of(resource_type)
    conditions: list[Callable[[Resource], bool]] = []
    settings: dict[str, str] = {}
    for name, value in pairs:
        if name in RESULT_PARAMETERS:
            joined = name == "_include" and name in settings
            settings[name] = f"{settings[name]},{value}" if joined else value
            continue
        bare, _, modifier = name.partition(":")
        if bare in known:
            conditions.append(_condition(bare, known[bare], modifier, value, base_url))
        elif not lenient:
            raise BadSearch(
                f"{resource_type} has no search parameter '{bare[:40]}' here; "
                f"it answers {', '.join(sorted(known))}."
            )
    return Query(
        conditions=tuple(conditions),
        sort=_sort_keys(resource_type, settings.get("_sort", "")),
        count=min(_whole_number("_count", settings.get("_count", DEFAULT_COUNT)), largest_page),
        offset=_whole_number(OFFSET, settings.get(OFFSET, 0)),
        includes=_includes(resource_type, settings.get("_include", "")),
        count_only=_is_count_only(settings),
    )


def find(query: Query, resources: Iterable[Resource], base_url: str) -> Found:
    """Return the page that a query asks for out of all resources of its type."""
    matches = sorted(
        (each for each in resources if all(condition(each) for condition in query.conditions)),
        key=lambda resource: str(resource["id"]),
    )
    # Sorting by the last key first keeps the earlier keys decisive; ids break the ties, so that
    # pages neither repeat nor drop a resource.
    for parameter, descending in reversed(query.sort):
        matches.sort(key=lambda each: _sort_value(parameter, each), reverse=descending)
    end = query.offset + query.count
    page = () if query.count_only or query.count == 0 else tuple(matches[query.offset : end])
    references = (
        reference
        for resource in page
        for parameter in query.includes
        for reference in _references(parameter, resource, base_url)
    )
    return Found(
        total=len(matches),
        page=page,
        included=tuple(dict.fromkeys(references)),
        next_offset=end if page and end < len(matches) else None,
        count_only=query.count_only,
    )


def _is_count_only(settings: dict[str, str]) -> bool:
    summary = settings.get("_summary", "false")
    if summary not in {"count", "false"}:
        raise BadSearch(f"_summary={summary[:20]} is not answered; use count or false.")
    return summary == "count" or settings.get("_count") == "0"


def _whole_number(name: str, value: str | int) -> int:
    if not re.fullmatch(r"\d{1,6}", str(value)):
        raise BadSearch(f"{name} is a whole number from 0 on.")
    return int(value)


def _sort_keys(resource_type: str, text: str) -> tuple[tuple[SearchParameter, bool], ...]:
    known = parameters_of(resource_type)
    keys = [key.strip() for key in text.split(",") if key.strip()]
    for key in keys:
        if key.removeprefix("-") not in known:
            raise BadSearch(f"{resource_type} cannot be sorted by '{key[:40]}' here.")
    return tuple((known[key.removeprefix("-")], key.startswith("-")) for key in keys)


def _sort_value(parameter: SearchParameter, resource: Resource) -> tuple[int, object]:
    values = [value for path in parameter.paths for value in values_at(resource, path)]
    if parameter.type is ParameterType.DATE:
        times = [held.low for value in values if (held := interval_at(value))]
        return (1, min(times)) if times else (0, BEGINNING)
    return (1, str(values[0])) if values else (0, "")


def _includes(resource_type: str, text: str) -> tuple[SearchParameter, ...]:
    known = parameters_of(resource_type)
    wanted = [item.split(":") for item in text.split(",") if item]
    for item in wanted:
        valid = len(item) >= 2 and item[0] == resource_type and item[1] in known
        if not valid or known[item[1]].type is not ParameterType.REFERENCE:
            raise BadSearch(f"_include={':'.join(item)[:60]} names no reference of this type.")
    return tuple(known[item[1]] for item in wanted)


def _references(parameter: SearchParameter, resource: Resource, base_url: str) -> list[str]:
    found = (
        local_reference(str(value), base_url)
        for path in parameter.paths
        for value in values_at(resource, path)
    )
    return [reference for reference in found if reference]


def _condition(
    name: str, parameter: SearchParameter, modifier: str, value: str, base_url: str
) -> Callable[[Resource], bool]:
    """Return the test that one ``name:modifier=value`` puts to a resource."""
    if not value:
        raise BadSearch(f"The search parameter '{name}' has no value.")
    if modifier == "missing":
        if value not in {"true", "false"}:
            raise BadSearch(f"{name}:missing is true or false.")
        return lambda resource: (value == "true") == (not _held(parameter, resource))
    wanted = _split(value)
    if parameter.type is ParameterType.DATE:
        for each in wanted:
            date_matches(each, None)
    test = _comparison(name, parameter, modifier, base_url)

    def matches(resource: Resource) -> bool:
        return any(test(each, held) for held in _held(parameter, resource) for each in wanted)

    if modifier == "not":
        return lambda resource: not matches(resource)
    return matches


def _held(parameter: SearchParameter, resource: Resource) -> list[object]:
    return [value for path in parameter.paths for value in values_at(resource, path)]


def _comparison(
    name: str, parameter: SearchParameter, modifier: str, base_url: str
) -> Callable[[str, object], bool]:
    kind = parameter.type
    if kind is ParameterType.DATE and not modifier:
        return date_matches
    if kind is ParameterType.TOKEN and modifier in {"", "not"}:
        return _token_matches
    if kind is ParameterType.STRING and modifier in {"", "exact"}:
        return lambda wanted, held: (
            wanted == held if modifier else str(held).casefold().startswith(wanted.casefold())
        )
    if kind is ParameterType.REFERENCE and re.fullmatch(r"([A-Z][A-Za-z]+)?", modifier):
        target = modifier or parameter.target
        return lambda wanted, held: _reference_matches(wanted, held, target, base_url)
    raise BadSearch(f"'{name}:{modifier[:20]}' is not answered here.")


def _split(value: str) -> Sequence[str]:
    """Split at commas that no backslash escapes."""
    parts = re.split(r"(?<!\\),", value)
    return [re.sub(r"\\([,|$\\])", r"\1", part) for part in parts if part]


def _token_matches(wanted: str, held: object) -> bool:
    """Compare ``system|code``, ``|code``, ``system|`` or ``code`` with a coded element."""
    system, bar, code = wanted.rpartition("|")
    for held_system, held_code in _codes(held):
        if code and code != held_code:
            continue
        if not bar or (held_system or "") == system:
            return True
    return False


def _codes(held: object) -> list[tuple[str | None, str | None]]:
    """Return the (system, code) pairs of a code, Coding, CodeableConcept or Identifier."""
    if isinstance(held, bool):
        return [(None, "true" if held else "false")]
    if isinstance(held, str):
        return [(None, held)]
    if not isinstance(held, dict):
        return []
    if "coding" in held:
        return [pair for coding in held["coding"] for pair in _codes(coding)]
    return [(held.get("system"), held.get("code", held.get("value")))]


def _reference_matches(wanted: str, held: object, target: str | None, base_url: str) -> bool:
    held_reference = local_reference(str(held), base_url)
    if held_reference is None:
        return wanted == held
    if "/" in wanted:
        asked = local_reference(wanted, base_url)
        if asked is None or (target and not asked.startswith(f"{target}/")):
            return False
        return asked == held_reference
    held_type, _, held_id = held_reference.partition("/")
    return wanted == held_id and target in {None, held_type}
