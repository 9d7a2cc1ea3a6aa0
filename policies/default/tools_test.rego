package toolgate_tools_test

import data.toolgate.tools

codes(decision) := {reason.code | some reason in decision.reasons}

path(name) := {"call": {"arguments": {"path": name}}}

url(address) := {"call": {"arguments": {"url": address}}}

test_an_ordinary_file_may_be_written if {
	decision := tools["write_file"].decision with input as path("/srv/notes/a.txt")
	decision.allow
}

test_a_protected_file_may_not if {
	every name in ["/etc/passwd", "/srv/secrets/payroll.csv", "/srv/notes/.env", "/home/a/.ssh/config"] {
		decision := tools["write_file"].decision with input as path(name)
		codes(decision) == {"path.protected"}
	}
}

test_a_call_without_a_path_is_refused if {
	every name in ["write_file", "edit_file", "create_directory", "delete_file", "move_file"] {
		decision := tools[name].decision with input as {"call": {"arguments": {"source": "/srv/a"}}}
		not decision.allow
		codes(decision) == {"path.missing"}
	}
}

test_nor_by_another_tool if {
	edit := tools["edit_file"].decision with input as path("/etc/hosts")
	create := tools["create_directory"].decision with input as path("/srv/.git/hooks")
	delete := tools["delete_file"].decision with input as path("/etc/hosts")
	not edit.allow
	not create.allow
	not delete.allow
}

test_dots_are_not_resolved_but_refused if {
	decision := tools["write_file"].decision with input as path("/srv/notes/../../etc/passwd")
	codes(decision) == {"path.traversal"}
}

# What the file server may read as a protected path, however it is written.
test_no_other_spelling_of_a_protected_path_passes if {
	every spelled in ["//etc/passwd", "/./etc/passwd", "/etc//passwd", "/ETC/passwd", "/srv/.SSH/x", `/srv/a\..\.ssh/id`, "./a/..", ".", "~/.bashrc", "etc/cron.d/x", ""] {
		decision := tools["write_file"].decision with input as path(spelled)
		not decision.allow
	}
	every spelled in ["/srv/a.txt", "/srv/.hidden/a..b", "/srv/notes/...", "/srv/"] {
		decision := tools["write_file"].decision with input as path(spelled)
		decision.allow
	}
}

test_nothing_that_holds_protected_files_is_moved_or_deleted if {
	every held in ["/etc", "/ETC/", "/root", "/var/run", "/"] {
		move := tools["move_file"].decision with input as {"call": {"arguments": {"source": held, "destination": "/srv/b"}}}
		delete := tools["delete_file"].decision with input as path(held)
		not move.allow
		not delete.allow
	}
	fine := tools["delete_file"].decision with input as path("/var/run/a.pid")
	fine.allow
}

test_both_ends_of_a_move_count if {
	from := tools["move_file"].decision with input as {"call": {"arguments": {"source": "/srv/secrets/a", "destination": "/srv/a"}}}
	into := tools["move_file"].decision with input as {"call": {"arguments": {"source": "/srv/a", "destination": "/etc/cron.d/a"}}}
	fine := tools["move_file"].decision with input as {"call": {"arguments": {"source": "/srv/a", "destination": "/srv/b"}}}
	not from.allow
	not into.allow
	fine.allow
}

test_listed_hosts_may_be_fetched if {
	host := tools["fetch"].decision with input as url("https://example.org/index.html")
	domain := tools["fetch"].decision with input as url("https://api.docs.example.org")
	host.allow
	domain.allow
}

test_other_addresses_may_not if {
	every address in [
		"http://example.org/", "https://example.org@evil.test/", "https://example.org:8443/", "https://169.254.169.254/latest/meta-data",
		"https://evil-docs.example.org.test/", "https://notexample.org/", "file:///etc/passwd", "https://EXAMPLE.org/",
	] {
		decision := tools["fetch"].decision with input as url(address)
		not decision.allow
	}
}
