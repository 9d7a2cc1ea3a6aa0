# A fetched address must be https, name a host of the list, and be no address of the cluster or of the host itself.
package toolgate.tools["fetch"]

import data.network

url := input.call.arguments.url

# Scheme, host and what follows; no user, no port: `https://a@b` and `https://a:80` are not what they look like.
parts := regex.find_all_string_submatch_n("^https://([a-z0-9.-]+)(/.*)?$", url, 1)

host := parts[0][1]

reasons contains {"code": "url.not_https", "message": "only plain https addresses may be fetched: no user, no port"} if not host

reasons contains {"code": "url.host_not_listed", "message": sprintf("%v is not a listed host", [host])} if not listed

listed if host in network.hosts

listed if {
	some domain in network.domains
	endswith(host, concat("", [".", domain]))
}

decision := {"allow": count(reasons) == 0, "reasons": reasons}
