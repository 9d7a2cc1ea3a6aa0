package toolgate_test

import data.toolgate

call(tool, arguments) := {"call": {"method": "tools/call", "tool": tool, "arguments": arguments}}

test_a_listed_tool_is_allowed if {
	toolgate.decision.allow with input as call("read_text_file", {"path": "/srv/secrets/plan.txt"})
}

test_looking_around_is_allowed if {
	toolgate.decision.allow with input as {"call": {"method": "tools/list", "tool": null, "arguments": {}}}
}

test_a_tool_that_is_not_listed_is_refused if {
	decision := toolgate.decision with input as call("format_disk", {})
	not decision.allow
	{reason.code | some reason in decision.reasons} == {"tool.unlisted"}
}

test_a_write_into_secrets_is_refused if {
	decision := toolgate.decision with input as call("write_file", {"path": "/srv/secrets/plan.txt"})
	not decision.allow
	{reason.code | some reason in decision.reasons} == {"path.protected"}
}

test_a_write_elsewhere_is_allowed if {
	toolgate.decision.allow with input as call("write_file", {"path": "/srv/open/secrets.txt"})
}
