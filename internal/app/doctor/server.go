package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"parley/internal/config"
	"parley/internal/ops"
)

// Certificates should be renewed before they have only so long.
const certificateSoon = 14 * 24 * time.Hour

func (p Patient) certificate(now time.Time) Finding {
	const check = "certificate"
	c := p.Config.TLS
	switch c.Mode {
	case config.TLSOff:
		f := good(check, "none: plain HTTP")
		if host, _, err := net.SplitHostPort(p.Config.Listen); err == nil && !isLoopback(host) && !strings.HasPrefix(p.Config.PublicURL, "https:") {
			return f.but(Warn, "passwords travel in the clear: set tls.mode, or put a proxy in front and set public_url to its https address")
		}
		return f
	case config.TLSSelfSigned:
		return good(check, "self-signed, renewed by the server").but(Warn, "clients must be told to trust it: for development only")
	case config.TLSACME:
		return good(check, "fetched and renewed by the server for %s", strings.Join(c.Hosts, ", "))
	case config.TLSFiles:
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return good(check, "%v", err).but(Bad, "correct tls.cert and tls.key")
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return good(check, "%v", err).but(Bad, "correct tls.cert")
	}
	f := good(check, "valid until %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	u, _ := url.Parse(p.Config.PublicURL) // checked when it was read
	switch {
	case now.After(leaf.NotAfter):
		return f.but(Bad, "it has run out: renew it")
	case now.Before(leaf.NotBefore):
		return f.but(Bad, "it is not valid before "+leaf.NotBefore.UTC().Format(time.DateOnly)+": is the clock right?")
	case u != nil && u.Hostname() != "" && leaf.VerifyHostname(u.Hostname()) != nil:
		return f.but(Bad, "it is not for "+u.Hostname()+", the host of public_url: get one that is")
	case now.Add(certificateSoon).After(leaf.NotAfter):
		return f.but(Warn, "renew it soon")
	}
	return f
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// server asks the running server whether it is ready, at the operator's listener or, with the token, at the main one.
func (p Patient) server(ctx context.Context) Finding {
	const check = "server"
	address, token := p.readyAddress()
	if address == "" {
		return good(check, "is running, but cannot be asked how it is").but(Warn, "set operator_listen or operator_token")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return good(check, "%v", err).but(Bad, "correct operator_listen")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	// Our own server on this machine: whose name its certificate has does not matter.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return good(check, "does not answer at %s: %v", address, err).but(Bad, "look into its log; was it started with other settings than these?")
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	var report ops.Report
	if err == nil {
		err = json.Unmarshal(body, &report)
	}
	if err != nil || report.Status == "" {
		return good(check, "%s answers, but it is not this server (HTTP %d)", address, answer.StatusCode).but(Bad, "is operator_listen taken by another program?")
	}
	var down []string
	for _, d := range report.Dependencies {
		if d.State != "up" {
			down = append(down, d.Name+": "+d.Error)
		}
	}
	f := good(check, "%s", strings.Join(append([]string{report.Status}, down...), "; "))
	switch {
	case !report.Ready():
		return f.but(Bad, "wait if it is starting or stopping, else look into its log")
	case len(down) > 0:
		return f.but(Warn, "look into its log")
	}
	return f
}

// readyAddress is where the server says whether it is ready.
func (p Patient) readyAddress() (address, token string) {
	local := func(scheme, listen string) string {
		host, port, err := net.SplitHostPort(listen)
		if err != nil || port == "0" {
			return ""
		}
		if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
			host = "localhost"
		}
		return fmt.Sprintf("%s://%s/readyz", scheme, net.JoinHostPort(host, port))
	}
	if p.Config.OperatorListen != "" {
		return local("http", p.Config.OperatorListen), ""
	}
	if p.Config.OperatorToken == "" {
		return "", ""
	}
	scheme := "http"
	if p.Config.TLS.Mode != config.TLSOff {
		scheme = "https"
	}
	return local(scheme, p.Config.Listen), p.Config.OperatorToken
}
