# Who may call what. Everything here is data: `access` says which roles a caller has and what a role may call,
# `catalogue` says how risky a tool is. What a tool's arguments may be stands in that tool's own package, in `tools/`.
# A rule that is read costs as much as ten expressions, and each body of it is tried unless it stands after an `else`.
package toolgate

import data.access
import data.catalogue

decision := object.union(judged, approval(tool)) if {
	tool := object.get(catalogue.tools, input.call.tool, {})
	judged := {
		"allow": count(reasons) == 0,
		"reasons": reasons,
		"risk": risk(tool),
		"sensitive": object.get(tool, "sensitive", false),
	}
}

approval(tool) := {"approval": "required"} if tool.destructive == true

else := {}

# --- reasons to refuse ----------------------------------------------------------------------------------------------

reasons contains {"code": "tenant.unknown", "message": sprintf("no access is written down for tenant %v", [input.subject.tenant])} if {
	not workload_may
	not access.tenants[input.subject.tenant]
}

reasons contains {"code": "role.missing", "message": sprintf("no role of this workload may call %v", [called])} if {
	not workload_may
	not open
}

# An agent that acts for a person may do what both may do, never what only one of them may.
reasons contains {"code": "user.role_missing", "message": sprintf("the person this agent acts for may not call %v", [called])} if {
	input.subject.user != null
	not user_may
	not open
}

reasons contains {"code": "model.not_in_profile", "message": sprintf("model %v is not in this mode's profile", [model])} if {
	model := input.call.arguments[catalogue.tools[input.call.tool].model_argument]
	not model in models
}

called := input.call.method if input.call.tool == null

else := input.call.tool

# --- what the caller's roles grant ----------------------------------------------------------------------------------

workload_may if {
	tenant := access.tenants[input.subject.tenant]
	some role in tenant.workloads[input.subject.workload.spiffe_id]
	grants(access.roles[role])
}

else if {
	input.subject.workload != null
	some role in access.tenants[input.subject.tenant].every_workload
	grants(access.roles[role])
}

user_may if {
	some role in access.tenants[input.subject.tenant].users[input.subject.user.subject]
	grants(access.roles[role])
}

else if {
	input.subject.user != null
	some role in access.tenants[input.subject.tenant].every_user
	grants(access.roles[role])
}

grants(role) if input.call.tool in role.tools

else if {
	input.call.tool == null
	input.call.method in role.methods
}

# What every identified caller of a tenant may do: shake hands, look around, be told of progress.
open if {
	access.tenants[input.subject.tenant]
	input.subject.workload != null
	input.call.method in catalogue.open_methods
}

# --- models: the mode's default profile; a larger one only as the mode's escalation allows -------------------------------

profiles := input.mode.settings.models.profiles

models contains profiles[input.mode.settings.models.default_profile]

models contains model if {
	input.mode.settings.models.escalation == "small_to_large"
	some model in profiles
}

models contains model if {
	input.mode.settings.models.escalation == "above_score"
	score := input.call.arguments[catalogue.tools[input.call.tool].score_argument]
	score >= input.mode.settings.models.score_threshold_percent
	some model in profiles
}

# --- risk -----------------------------------------------------------------------------------------------------------

risk(tool) := tool.risk if tool.risk

else := "low" if input.call.tool == null

# A tool that is not in the catalogue is as risky as its server says, and never less than medium: what a server says of
# itself is not to be trusted, so it can raise the risk and never lower it.
else := "high" if {
	not catalogue.tools[input.call.tool]
	input.call.declared.annotations.destructiveHint == true
}

else := "medium"

# --- lists ----------------------------------------------------------------------------------------------------------

# A caller sees the tools that a role of its own may call.
default visible := false

visible if workload_may
