"""What ``cardiotwin bench inference`` prints has the shape of every bench."""

from __future__ import annotations

from inference.bench.trajectory import measured


def test_cases_and_peers_carry_their_quantiles_and_threads() -> None:
    found = measured(runs=2)
    assert {"efficientnet_b3_and_boosting_1_threads", "reading_2_threads"} <= set(found["cases"])
    for case in [*found["cases"].values(), *found["peers"].values()]:
        assert 0 < case["p50_ms"] <= case["p99_ms"]
        assert case["threads"] >= 1
