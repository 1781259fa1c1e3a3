package ops

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Client is who sent a request, as far as its transport tells.
type Client struct {
	Addr   netip.Addr // invalid if the peer has no IP address
	Secure bool       // it came over TLS, at least up to a trusted proxy
}

// ClientOf is the client of the request whose context this is. Outside of
// Middleware it is the zero Client.
func ClientOf(ctx context.Context) Client {
	if in := infoOf(ctx); in != nil {
		return in.client
	}
	return Client{}
}

// RateKey is the address as rate limits should see it: an IPv6 client owns at
// least a /64, so its last half is left out.
func (c Client) RateKey() string {
	if c.Addr.Is6() && !c.Addr.Is4In6() {
		return netip.PrefixFrom(c.Addr.WithZone(""), 64).Masked().Addr().String()
	}
	return c.Addr.String()
}

// clientOf finds the client behind trusted proxies. Headers are believed only
// from a trusted peer and read from the right, the end our own proxies write,
// until the first hop that is not one of them. X-Forwarded-For goes before
// Forwarded: proxies that write the first commonly pass a client's own Forwarded on.
func clientOf(r *http.Request, trusted []netip.Prefix) Client {
	c := Client{Addr: hopAddr(r.RemoteAddr), Secure: r.TLS != nil}
	if !isTrusted(c.Addr, trusted) {
		return c
	}
	var hops []string
	var proto string
	if r.Header.Values("X-Forwarded-For") != nil {
		hops = splitList(r.Header.Values("X-Forwarded-For"))
		if protos := splitList(r.Header.Values("X-Forwarded-Proto")); len(protos) > 0 {
			proto = protos[len(protos)-1]
		}
	} else {
		hops, proto = forwarded(r.Header.Values("Forwarded"))
		if protos := splitList(r.Header.Values("X-Forwarded-Proto")); proto == "" && len(protos) > 0 {
			proto = protos[len(protos)-1]
		}
	}
	if proto != "" {
		c.Secure = strings.EqualFold(proto, "https")
	}
	for _, hop := range slices.Backward(hops) {
		addr := hopAddr(hop)
		if !addr.IsValid() {
			break // obfuscated or broken: the last hop we know is the client
		}
		c.Addr = addr
		if !isTrusted(addr, trusted) {
			break
		}
	}
	return c
}

func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	return addr.IsValid() && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// hopAddr reads an address with or without port and brackets.
func hopAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// splitList joins the lines of a list header and splits them at its commas.
func splitList(lines []string) []string {
	var out []string
	for item := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// forwarded reads the for= of every element of Forwarded (RFC 7239 §4), and the
// proto= of the last. An element without for= is an unknown hop.
func forwarded(lines []string) (hops []string, proto string) {
	for _, element := range splitList(lines) {
		hop := "unknown"
		proto = ""
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "for":
				hop = value
			case "proto":
				proto = value
			}
		}
		hops = append(hops, hop)
	}
	return hops, proto
}
