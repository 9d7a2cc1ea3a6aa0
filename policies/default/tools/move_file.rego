package toolgate.tools["move_file"]

import data.toolgate.paths

decision := {"allow": count(reasons) == 0, "reasons": reasons} if {
	source := input.call.arguments.source
	reasons := paths.against(source) | paths.holding(source) | paths.against(input.call.arguments.destination)
}

else := {"allow": false, "reasons": [{"code": "path.missing", "message": "the call names no path"}]}
