package toolgate_test

import data.toolgate

coder := {"workload": {"spiffe_id": "spiffe://example.org/ns/agents/sa/coder"}, "user": null, "tenant": "default"}

auditor := {"workload": {"spiffe_id": "spiffe://example.org/ns/agents/sa/auditor"}, "user": null, "tenant": "default"}

nobody := {"workload": null, "user": null, "tenant": "default"}

models(escalation) := {"name": "PRODUCTION", "settings": {"models": {
	"default_profile": "small",
	"profiles": {"small": "phi-3-mini", "large": "mistral-7b"},
	"escalation": escalation,
	"score_threshold_percent": 80,
}}}

call(tool, arguments) := {"method": "tools/call", "tool": tool, "arguments": arguments, "declared": {}}

method(name) := {"method": name, "tool": null, "arguments": {}, "declared": {}}

codes(decision) := {reason.code | some reason in decision.reasons}

test_a_role_grants_its_tools if {
	decision := toolgate.decision with input as {"subject": coder, "call": call("write_file", {"path": "/srv/a.txt"}), "mode": models("none")}
	decision.allow
	decision.risk == "medium"
	not decision.approval
}

test_no_role_no_tool if {
	decision := toolgate.decision with input as {"subject": auditor, "call": call("write_file", {"path": "/srv/a.txt"}), "mode": models("none")}
	not decision.allow
	codes(decision) == {"role.missing"}
}

test_a_tool_that_nobody_was_given_is_refused if {
	decision := toolgate.decision with input as {"subject": coder, "call": call("format_disk", {}), "mode": models("none")}
	codes(decision) == {"role.missing"}
	decision.risk == "medium"
}

test_another_tenant_has_no_access if {
	subject := object.union(coder, {"tenant": "acme"})
	decision := toolgate.decision with input as {"subject": subject, "call": call("read_file", {"path": "/srv/a"}), "mode": models("none")}
	codes(decision) == {"tenant.unknown", "role.missing"}
}

test_nobody_known_may_do_nothing if {
	decision := toolgate.decision with input as {"subject": nobody, "call": method("tools/list"), "mode": models("none")}
	codes(decision) == {"role.missing"}
}

test_everybody_known_may_shake_hands if {
	decision := toolgate.decision with input as {"subject": auditor, "call": method("initialize"), "mode": models("none")}
	decision.allow
	decision.risk == "low"
}

test_an_unknown_method_is_refused if {
	decision := toolgate.decision with input as {"subject": coder, "call": method("tools/destroy"), "mode": models("none")}
	codes(decision) == {"role.missing"}
}

test_a_destructive_tool_needs_a_person if {
	decision := toolgate.decision with input as {"subject": coder, "call": call("delete_file", {"path": "/srv/a"}), "mode": models("none")}
	decision.allow
	decision.approval == "required"
	decision.risk == "critical"
}

test_an_agent_may_not_do_more_than_its_person if {
	subject := object.union(coder, {"user": {"issuer": "https://login.example.org", "subject": "paul"}})
	decision := toolgate.decision with input as {"subject": subject, "call": call("write_file", {"path": "/srv/a"}), "mode": models("none")}
	codes(decision) == {"user.role_missing"}
}

test_an_agent_and_its_person_may_together if {
	subject := object.union(coder, {"user": {"issuer": "https://login.example.org", "subject": "maria"}})
	decision := toolgate.decision with input as {"subject": subject, "call": call("write_file", {"path": "/srv/a"}), "mode": models("none")}
	decision.allow
}

test_the_default_model_is_free if {
	decision := toolgate.decision with input as {"subject": coder, "call": call("chat", {"model": "phi-3-mini"}), "mode": models("none")}
	decision.allow
}

test_a_larger_model_is_not if {
	decision := toolgate.decision with input as {"subject": coder, "call": call("chat", {"model": "mistral-7b"}), "mode": models("none")}
	codes(decision) == {"model.not_in_profile"}
}

test_a_larger_model_where_the_mode_escalates if {
	decision := toolgate.decision with input as {"subject": coder, "call": call("chat", {"model": "mistral-7b"}), "mode": models("small_to_large")}
	decision.allow
}

test_a_larger_model_above_the_score_only if {
	low := toolgate.decision with input as {"subject": coder, "call": call("chat", {"model": "mistral-7b", "score": 79}), "mode": models("above_score")}
	high := toolgate.decision with input as {"subject": coder, "call": call("chat", {"model": "mistral-7b", "score": 80}), "mode": models("above_score")}
	not low.allow
	high.allow
}

test_a_server_may_raise_a_risk_and_never_lower_it if {
	raised := object.union(call("wipe", {}), {"declared": {"annotations": {"destructiveHint": true}}})
	lowered := object.union(call("delete_file", {"path": "/a"}), {"declared": {"annotations": {"destructiveHint": false, "readOnlyHint": true}}})
	high := toolgate.decision with input as {"subject": coder, "call": raised, "mode": models("none")}
	critical := toolgate.decision with input as {"subject": coder, "call": lowered, "mode": models("none")}
	high.risk == "high"
	critical.risk == "critical"
}

test_lists_show_what_may_be_called if {
	toolgate.visible with input as {"subject": coder, "call": {"method": "tools/list", "tool": "write_file", "arguments": null}}
	not toolgate.visible with input as {"subject": auditor, "call": {"method": "tools/list", "tool": "write_file", "arguments": null}}
}
