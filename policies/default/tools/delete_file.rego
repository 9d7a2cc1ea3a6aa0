package toolgate.tools["delete_file"]

import data.toolgate.paths

decision := {"allow": count(reasons) == 0, "reasons": reasons} if {
	path := input.call.arguments.path
	reasons := paths.against(path) | paths.holding(path)
}

else := {"allow": false, "reasons": [{"code": "path.missing", "message": "the call names no path"}]}
