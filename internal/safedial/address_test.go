package safedial

import (
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	rows := []struct {
		name, addr string
		want       bool
	}{
		{"an ordinary address", "93.184.215.14", true},
		{"an ordinary IPv6 address", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", true},
		{"just below a private range", "9.255.255.255", true},
		{"just above a private range", "172.32.0.0", true},
		{"just below the shared range", "100.63.255.255", true},
		{"loopback", "127.0.0.1", false},
		{"the other end of loopback", "127.255.255.254", false},
		{"IPv6 loopback", "::1", false},
		{"unspecified", "0.0.0.0", false},
		{"this network", "0.1.2.3", false},
		{"unspecified IPv6", "::", false},
		{"private 10", "10.1.2.3", false},
		{"private 172.16", "172.16.0.1", false},
		{"the end of private 172.16", "172.31.255.255", false},
		{"private 192.168", "192.168.178.1", false},
		{"unique local IPv6", "fd00:ec2::254", false},
		{"link-local, with the metadata of clouds", "169.254.169.254", false},
		{"link-local IPv6", "fe80::1", false},
		{"link-local IPv6 with a zone", "fe80::1%eth0", false},
		{"a global address with a zone", "2606:2800::1%eth0", false},
		{"site-local IPv6", "fec0::1", false},
		{"shared by carriers", "100.64.0.1", false},
		{"protocol assignments", "192.0.0.192", false},
		{"benchmarks", "198.19.0.1", false},
		{"documentation 1", "192.0.2.1", false},
		{"documentation 2", "198.51.100.1", false},
		{"documentation 3", "203.0.113.1", false},
		{"documentation IPv6", "2001:db8::1", false},
		{"the newer documentation IPv6", "3fff::1", false},
		{"multicast", "224.0.0.251", false},
		{"multicast IPv6", "ff02::1", false},
		{"reserved", "240.0.0.1", false},
		{"broadcast", "255.255.255.255", false},
		{"the relay of 6to4", "192.88.99.1", false},
		{"the agent of a cloud's host", "168.63.129.16", false},
		{"Teredo", "2001::1", false},
		{"discard-only", "100::1", false},
		{"segment routing", "5f00::1", false},
		{"mapped loopback", "::ffff:127.0.0.1", false},
		{"mapped private", "::ffff:10.0.0.1", false},
		{"a mapped public address", "::ffff:93.184.215.14", true},
		{"IPv4-compatible", "::7f00:1", false},
		{"translated loopback", "64:ff9b::127.0.0.1", false},
		{"translated private", "64:ff9b::192.168.0.1", false},
		{"a translated public address", "64:ff9b::93.184.215.14", true},
		{"translated by a local prefix", "64:ff9b:1::93.184.215.14", false},
		{"6to4 of a private address", "2002:c0a8:101::1", false},
		{"6to4 of loopback", "2002:7f00:1::", false},
		{"6to4 of a public address", "2002:5db8:d70e::1", true},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := Public(netip.MustParseAddr(r.addr)); got != r.want {
				t.Errorf("Public(%s) = %v", r.addr, got)
			}
		})
	}
	if Public(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

func TestPublicHost(t *testing.T) {
	rows := []struct {
		name, host string
		want       bool
	}{
		{"a name", "example.org", true},
		{"a name in capitals with a final dot", "Example.ORG.", true},
		{"a name outside ASCII", "bücher.de", true},
		{"a public address", "93.184.215.14", true},
		{"nothing", "", false},
		{"only a dot", ".", false},
		{"a name without a dot", "intranet", false},
		{"localhost", "localhost", false},
		{"a name under localhost", "a.localhost", false},
		{"a multicast name", "printer.local", false},
		{"a private address", "10.0.0.1", false},
		{"a private IPv6 address", "fd00::1", false},
		{"loopback, written short", "127.1", false},
		{"loopback in hexadecimal", "0x7f.0.0.0x1", false},
		{"an empty label", "a..org", false},
		{"a port", "example.org:80", false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := PublicHost(r.host); got != r.want {
				t.Errorf("PublicHost(%q) = %v", r.host, got)
			}
		})
	}
}

func TestHostWithin(t *testing.T) {
	allow := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/16")}
	for host, want := range map[string]bool{
		"10.1.2.3": true, "10.2.2.3": false, "::ffff:10.1.2.3": true, "fd00::1": true, "fd00::1%eth0": false, "127.0.0.1": false, "::1": false, "93.184.215.14": true,
		"push.internal": true, "push": true, "Push.": true, "example.org": true, "": false, ".": false, "a..b": false, "a:80": false, "a b": false,
	} {
		if got := HostWithin(host, allow); got != want {
			t.Errorf("HostWithin(%q) = %v", host, got)
		}
		if got := HostWithin(host, nil); got != PublicHost(host) {
			t.Errorf("%q, with nothing allowed: %v", host, got)
		}
	}
}

func FuzzPublicHost(f *testing.F) {
	for _, s := range []string{"example.org", "10.0.0.1", "::1", "a.", "..", "0x7f.1", "[::1]", "\x00.a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if addr, err := netip.ParseAddr(host); err == nil && PublicHost(host) != Public(addr) {
			t.Errorf("%q is judged differently as a host", host)
		}
		PublicHost(host)
	})
}
