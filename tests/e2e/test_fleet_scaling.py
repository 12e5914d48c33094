"""How many nodes the Operation Node says that there should be."""

from fleet import PATIENT, beat, operation


def test_scaling_follows_the_load_and_keeps_its_reasons(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    client.call("PUT", "/scaling/policy", {"cooldown_seconds": 0, "nodes_max": 5})

    def look(wanted, cpu):
        def see(one):
            for node in ("a", "b"):
                beat(one, node, capacity=4, cpu_percent=cpu)
            decisions = one.call("GET", "/scaling")["decisions"]
            return decisions and decisions[-1]["step"] == wanted and decisions[-1]

        return service.wait_for(see, wanted)

    for node in ("a", "b"):
        beat(client, node, capacity=4)
    for i in range(4):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    grown = look("grow", 95)
    assert grown["nodes_wanted"] == 3 and "95 % CPU" in grown["reason"] and len(grown["inputs"]["nodes"]) == 2
    assert client.metric("granary_fleet_nodes_wanted") == 3
    shrunk = look("shrink", 3)
    assert shrunk["nodes_wanted"] == 1 and shrunk["number"] > grown["number"]
    service.restart()
    kept = service.client().call("GET", "/scaling")["decisions"]
    assert grown in kept and shrunk in kept


def test_what_scaling_asked_for_is_asked_for_until_the_cooldown_is_over(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    for node in ("a", "b"):
        beat(client, node, capacity=4, cpu_percent=95)  # Hot from the first, or a round in between would ask for fewer.
    for i in range(4):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    decisions = service.wait_for(lambda one: (found := one.call("GET", "/scaling")["decisions"]) and found[-1]["step"] == "hold" and
                                 any(each["step"] == "grow" for each in found) and found, "it has grown and waits")
    assert [each["nodes_wanted"] for each in decisions if each["step"] == "grow"] == [3] and decisions[-1]["nodes_wanted"] == 3
    assert client.metric("granary_fleet_nodes_wanted") == 3 and client.call("GET", "/scaling")["nodes_wanted"] == 3


def test_a_simulation_decides_as_the_policy_does_and_changes_nothing(operation):
    service = operation()
    client = service.client()
    hot = {"nodes": [{"node_id": "n", "tenants": 2, "capacity": 4, "cpu_percent": 90}]}
    cool = {"nodes": [{"node_id": "n", "tenants": 1, "capacity": 4}, {"node_id": "m", "tenants": 0, "capacity": 4}]}
    answer = client.call("POST", "/scaling/simulate", {"policy": {"cooldown_seconds": 60}, "rounds": [
        {"at_seconds": 0, "load": hot}, {"at_seconds": 59, "load": cool}, {"at_seconds": 60, "load": cool}]})
    assert [(one["step"], one["nodes_wanted"]) for one in answer["decisions"]] == [("grow", 2), ("hold", 2), ("shrink", 1)]
    assert answer["policy"]["cooldown_seconds"] == 60
    assert client.call("GET", "/scaling")["policy"]["cooldown_seconds"] == 300 and client.call("GET", "/nodes")["nodes"] == []
