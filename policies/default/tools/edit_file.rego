package toolgate.tools["edit_file"]

import data.toolgate.paths

decision := {"allow": count(reasons) == 0, "reasons": reasons} if reasons := paths.against(input.call.arguments.path)
