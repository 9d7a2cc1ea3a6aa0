package toolgate.tools["delete_file"]

import data.toolgate.paths

reasons := paths.against(input.call.arguments.path)

decision := {"allow": count(reasons) == 0, "reasons": reasons}
