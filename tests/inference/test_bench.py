"""What ``cardiotwin bench inference`` prints has the shape of every bench."""

from __future__ import annotations

from inference.bench.trajectory import measured


def test_cases_and_peers_carry_their_quantiles_and_threads() -> None:
    found = measured(runs=2)
    assert {"efficientnet_b3_1t", "efficientnet_b3_2t", "reading_2t"} <= set(found["cases"])
    assert set(found["peers"]) == {
        f"efficientnet_b3_{peer}_{threads}t"
        for peer in ("torch_eager", "matrix_product")
        for threads in (1, 2)
    }
    for name, case in {**found["cases"], **found["peers"]}.items():
        if case is None:
            assert "torch" in name
            continue
        assert 0 < case["p50_ms"] <= case["p99_ms"]
        assert case["threads"] == int(name[-2])
