package toolgate.tools["move_file"]

import data.toolgate.paths

reasons := paths.against(input.call.arguments.source) | paths.against(input.call.arguments.destination)

decision := {"allow": count(reasons) == 0, "reasons": reasons}
