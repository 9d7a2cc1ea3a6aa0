# Reasons against a path, shared by the packages of the file tools. The lists are in `paths/data.json`.
package toolgate.paths

import data.paths.protected

against(path) := dots | prefixes | names if {
	# Some file systems know no case, and there `/ETC` is `/etc`.
	plain := lower(path)
	segments := split(plain, "/")
	guards := protected.names

	# The file server resolves these after us, `~` and a path that does not begin at the root too, so it could mean another file than the one judged here.
	dots := {{"code": "path.traversal", "message": sprintf("%v is not the only way to write this path", [path])} | regex.match(`^([^/]|$)|(^|/)\.{1,2}(/|$)|//|\\`, path)}
	prefixes := {guarded(path) | strings.any_prefix_match(plain, protected.prefixes)}
	names := {guarded(path) | some segment in segments; segment in guards}
}

# Against moving or deleting what holds protected files.
holding(path) := {guarded(path) | strings.any_prefix_match(protected.prefixes, concat("", [trim_right(lower(path), "/"), "/"]))}

guarded(path) := {"code": "path.protected", "message": sprintf("%v is protected", [path])}
