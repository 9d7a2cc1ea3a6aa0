# Reasons against a path, shared by the packages of the file tools. The lists are in `paths/data.json`.
package toolgate.paths

import data.paths.protected

against(path) := {reason |
	some reason in array.concat(traversal(path), guarded(path))
}

# The file server resolves `..` after us, so a path that has it could mean another file than the one judged here.
traversal(path) := [{"code": "path.traversal", "message": sprintf("%v leaves its folder by ..", [path])}] if ".." in split(path, "/")

else := []

guarded(path) := [{"code": "path.protected", "message": sprintf("%v is protected", [path])}] if is_protected(path)

else := []

is_protected(path) if {
	some prefix in protected.prefixes
	startswith(path, prefix)
}

is_protected(path) if {
	some segment in split(path, "/")
	segment in protected.names
}
