package toolgate.tools["move_file"]

import data.toolgate.paths

decision := {"allow": count(reasons) == 0, "reasons": reasons} if {
	reasons := paths.against(input.call.arguments.source) | paths.against(input.call.arguments.destination)
}

else := {"allow": false, "reasons": [{"code": "path.missing", "message": "the call names no path"}]}
