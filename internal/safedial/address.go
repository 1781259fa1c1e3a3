package safedial

import (
	"net/netip"
	"strings"
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

var (
	// special4 are the IPv4 ranges that are not the internet (RFC 6890 and the registry it began).
	special4 = prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32", // global in form, but the host's own agent in one large cloud
	)
	// global6 is the only part of IPv6 that is given out as internet addresses; special6 are the exceptions in it.
	global6  = netip.MustParsePrefix("2000::/3")
	special6 = prefixes("2001::/23", "2001:db8::/32", "3fff::/20")

	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the last four bytes are an IPv4 address
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056: the four bytes after the prefix are one
)

// Public tells whether an address is one of the internet: not private, loopback, link-local, shared (CGNAT), multicast,
// unspecified, reserved, for documentation or for benchmarks. An address that carries an IPv4 address inside (mapped, NAT64,
// 6to4) is as public as that one; other ways of carrying one are never public.
func Public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	if addr = addr.Unmap(); addr.Is4() {
		return !within(addr, special4)
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return Public(netip.AddrFrom4([4]byte(b[12:16])))
	case sixTo4.Contains(addr):
		return Public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return global6.Contains(addr) && !within(addr, special6)
}

func within(addr netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// privateEndings are of names that mean something else in every network, or nothing (RFC 6761, RFC 6762, RFC 8375, RFC 9476).
var privateEndings = []string{
	".localhost", ".local", ".internal", ".intranet", ".lan", ".home", ".home.arpa", ".corp", ".private", ".onion", ".alt", ".test", ".invalid", ".example",
}

// PublicHost tells whether the host of an address may be on the internet: a public address, or a name with a dot and none of
// the endings that are private. It asks nobody; what a name resolves to is checked when the client connects.
func PublicHost(host string) bool {
	host = plain(host)
	if addr, err := netip.ParseAddr(host); err == nil {
		return Public(addr)
	}
	if !strings.Contains(host, ".") || !wellFormed(host) {
		return false
	}
	for _, ending := range privateEndings {
		if strings.HasSuffix(host, ending) {
			return false
		}
	}
	// Resolvers take "127.1" and "0x7f.0.0.1" for addresses, but no top level domain begins with a digit.
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last[0] < '0' || last[0] > '9'
}

// HostWithin is PublicHost where some ranges may be reached although they are not public: an address in one of them will do,
// and any name may be of a host there.
func HostWithin(host string, allow []netip.Prefix) bool {
	if len(allow) == 0 {
		return PublicHost(host)
	}
	host = plain(host)
	if addr, err := netip.ParseAddr(host); err == nil {
		return Public(addr) || addr.Zone() == "" && within(addr.Unmap(), allow)
	}
	return wellFormed(host)
}

func plain(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// wellFormed reports whether a host can be a name.
func wellFormed(host string) bool {
	if len(host) > 253 || strings.ContainsAny(host, ":%[]@/\\ ") {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}
