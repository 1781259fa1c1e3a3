package tlscert

import (
	"crypto/tls"
	"errors"
	"net/http"
	"os"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACME serves certificates that an authority (Let's Encrypt unless told
// otherwise) issues for the given hosts when they are first asked for, and renews
// in time. The authority proves the hosts over TLS on port 443, or over plain
// HTTP on port 80 where HTTPHandler is served.
type ACME struct{ manager *autocert.Manager }

// ACMEConfig says what to ask an authority for.
type ACMEConfig struct {
	Dir       string   // keeps account and certificates; made with mode 0700 at need
	Hosts     []string // names to serve; others are refused
	Email     string   // contact for the authority; may be empty
	Directory string   // address of the authority's directory; "" = Let's Encrypt

	Client *http.Client // to reach the authority; nil = the default one
}

// NewACME makes the directory and asks for nothing yet. The caller has accepted
// the authority's terms of service by configuring it.
func NewACME(c ACMEConfig) (*ACME, error) {
	if len(c.Hosts) == 0 {
		return nil, errors.New("acme: no host names")
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(c.Dir),
		HostPolicy: autocert.HostWhitelist(c.Hosts...),
		Email:      c.Email,
	}
	if c.Directory != "" || c.Client != nil {
		directory := c.Directory
		if directory == "" {
			directory = autocert.DefaultACMEDirectory
		}
		m.Client = &acme.Client{DirectoryURL: directory, HTTPClient: c.Client}
	}
	return &ACME{manager: m}, nil
}

// TLSConfig returns a configuration that gets certificates during handshakes and
// answers the authority's challenges.
func (a *ACME) TLSConfig() *tls.Config {
	c := base()
	c.GetCertificate = a.manager.GetCertificate
	c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	return c
}

// HTTPHandler answers challenges over plain HTTP and gives all else to fallback;
// nil redirects it to HTTPS.
func (a *ACME) HTTPHandler(fallback http.Handler) http.Handler {
	return a.manager.HTTPHandler(fallback)
}
