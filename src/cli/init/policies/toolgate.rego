# Two rules. A call is allowed unless a reason speaks against it; the reasons are what the caller and the record are told.
package toolgate

decision := {"allow": count(reasons) == 0, "reasons": reasons}

tools := {"list_directory", "read_text_file", "write_file"}

# 1. Only tools that are listed are called. Other methods, such as tools/list, are open.
reasons contains {"code": "tool.unlisted", "message": sprintf("the tool %v is not listed", [input.call.tool])} if {
	input.call.method == "tools/call"
	not input.call.tool in tools
}

# 2. Nothing is written into a folder that is named secrets.
reasons contains {"code": "path.protected", "message": sprintf("%v is in a protected folder", [input.call.arguments.path])} if {
	input.call.tool == "write_file"
	"secrets" in split(input.call.arguments.path, "/")
}
