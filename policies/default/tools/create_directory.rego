package toolgate.tools["create_directory"]

import data.toolgate.paths

decision := {"allow": count(reasons) == 0, "reasons": reasons} if reasons := paths.against(input.call.arguments.path)

else := {"allow": false, "reasons": [{"code": "path.missing", "message": "the call names no path"}]}
