# Reasons against a path, shared by the packages of the file tools. The lists are in `paths/data.json`.
package toolgate.paths

import data.paths.protected

against(path) := dots | prefixes | names if {
	segments := split(path, "/")
	guards := protected.names

	# The file server resolves `..` after us, so a path that has it could mean another file than the one judged here.
	dots := {{"code": "path.traversal", "message": sprintf("%v leaves its folder by ..", [path])} | ".." in segments}
	prefixes := {guarded(path) | strings.any_prefix_match(path, protected.prefixes)}
	names := {guarded(path) | some segment in segments; segment in guards}
}

guarded(path) := {"code": "path.protected", "message": sprintf("%v is protected", [path])}
