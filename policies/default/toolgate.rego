# Who may call what. Everything here is data: `access` says which roles a caller has and what a role may call,
# `catalogue` says how risky a tool is. What a tool's arguments may be stands in that tool's own package, in `tools/`.
package toolgate

import data.access
import data.catalogue

decision := object.union(base, {"approval": "required"}) if approval_needed

decision := base if not approval_needed

base := {
	"allow": count(reasons) == 0,
	"reasons": reasons,
	"risk": risk,
	"sensitive": sensitive,
}

# --- the caller's roles ---------------------------------------------------------------------------------------------

tenant := access.tenants[input.subject.tenant]

workload_roles contains role if some role in tenant.workloads[input.subject.workload.spiffe_id]

workload_roles contains role if {
	input.subject.workload != null
	some role in tenant.every_workload
}

user_roles contains role if some role in tenant.users[input.subject.user.subject]

user_roles contains role if {
	input.subject.user != null
	some role in tenant.every_user
}

# --- reasons to refuse ----------------------------------------------------------------------------------------------

reasons contains {"code": "tenant.unknown", "message": sprintf("no access is written down for tenant %v", [input.subject.tenant])} if not tenant

reasons contains {"code": "role.missing", "message": sprintf("no role of this workload may call %v", [called])} if {
	not open
	not granted(workload_roles)
}

# An agent that acts for a person may do what both may do, never what only one of them may.
reasons contains {"code": "user.role_missing", "message": sprintf("the person this agent acts for may not call %v", [called])} if {
	not open
	input.subject.user != null
	not granted(user_roles)
}

reasons contains {"code": "model.not_in_profile", "message": sprintf("model %v is not in this mode's profile", [model])} if {
	model := input.call.arguments[catalogue.tools[input.call.tool].model_argument]
	not model in models
}

# What every identified caller of a tenant may do: shake hands, look around, be told of progress.
open if {
	tenant
	input.subject.workload != null
	input.call.method in catalogue.open_methods
}

granted(roles) if {
	some role in roles
	input.call.tool in access.roles[role].tools
}

granted(roles) if {
	input.call.tool == null
	some role in roles
	input.call.method in access.roles[role].methods
}

called := input.call.tool if input.call.tool != null

called := input.call.method if input.call.tool == null

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

# A tool that is not in the catalogue is as risky as its server says, and never less than medium: what a server says of
# itself is not to be trusted, so it can raise the risk and never lower it.
default risk := "medium"

risk := catalogue.tools[input.call.tool].risk

risk := "high" if {
	not catalogue.tools[input.call.tool]
	input.call.declared.annotations.destructiveHint == true
}

risk := "low" if input.call.tool == null

default sensitive := false

sensitive if catalogue.tools[input.call.tool].sensitive == true

default approval_needed := false

approval_needed if catalogue.tools[input.call.tool].destructive == true

# --- lists ----------------------------------------------------------------------------------------------------------

# A caller sees the tools that a role of its own may call.
default visible := false

visible if granted(workload_roles)
