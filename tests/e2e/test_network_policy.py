"""The NetworkPolicy of a set, as the cluster has it. The node image without a registry does not enforce it."""

from tests.e2e.cluster import Space


async def test_a_policy_lets_out_what_a_relay_needs(space: Space) -> None:
    await space.apply_set(networkPolicy={"enabled": True})
    await space.becomes("Ready", "Streaming")
    found = await space.get("networkpolicy", "majors")
    assert found is not None
    spec = found["spec"]

    assert spec["podSelector"]["matchLabels"] == {"streams.petrosa.io/set": "majors"}
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    out = [{(port["protocol"], port["port"]) for port in rule["ports"]} for rule in spec["egress"]]
    assert out == [
        {("UDP", 53), ("TCP", 53)},
        {("TCP", 4222), ("TCP", 9443)},
        {("TCP", 443), ("TCP", 6443), ("TCP", 16443)},
    ]
    [inbound] = spec["ingress"]
    assert [port["port"] for port in inbound["ports"]] == [8080]
    [peer] = inbound["from"]
    [expression] = peer["namespaceSelector"]["matchExpressions"]
    assert expression["values"] == ["ingress-nginx", "monitoring"]

    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    assert await space.get("networkpolicy", "majors") is None
