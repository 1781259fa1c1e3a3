package app

import (
	"crypto/tls"
	"fmt"

	"parley/internal/config"
	"parley/internal/ops/tlscert"
)

// publicTLS is the certificate of the public listeners.
type publicTLS struct {
	config      *tls.Config // nil: plain HTTP
	fingerprint string      // of a self-signed certificate, for people to compare
}

// publicCertificate gets the certificate that the settings ask for.
func (a *App) publicCertificate(l Layout) (publicTLS, error) {
	c := a.cfg.TLS
	switch c.Mode {
	case config.TLSOff:
		return publicTLS{}, nil
	case config.TLSSelfSigned:
		s, err := tlscert.NewSelfSigned(l.TLS, c.Hosts)
		if err != nil {
			return publicTLS{}, err
		}
		return publicTLS{s.TLSConfig(), s.Fingerprint()}, nil
	case config.TLSFiles:
		f, err := tlscert.NewFiles(c.Cert, c.Key, a.log)
		if err != nil {
			return publicTLS{}, fmt.Errorf("tls.cert, tls.key: %w", err)
		}
		return publicTLS{config: f.TLSConfig()}, nil
	case config.TLSACME:
		acme, err := tlscert.NewACME(tlscert.ACMEConfig{Dir: l.TLS, Hosts: c.Hosts, Email: c.Email})
		if err != nil {
			return publicTLS{}, err
		}
		return publicTLS{config: acme.TLSConfig()}, nil
	}
	return publicTLS{}, fmt.Errorf("tls.mode: %q is not known", c.Mode)
}
