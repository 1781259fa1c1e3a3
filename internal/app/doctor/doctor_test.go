package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/app"
	"parley/internal/config"
)

// patient is a data directory that a server has worked on.
func patient(t *testing.T) Patient {
	t.Helper()
	cfg := config.Default("Test")
	cfg.Listen, cfg.OperatorListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
	a, err := app.New(cfg, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.StartOffline(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return Patient{Config: cfg, Program: "chat"}
}

// find returns the first finding of a check.
func find(t *testing.T, findings []Finding, check string) Finding {
	t.Helper()
	for _, f := range findings {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("no finding about %s in %+v", check, findings)
	return Finding{}
}

func TestHealthy(t *testing.T) {
	p := patient(t)
	for _, f := range Full(t.Context(), p) {
		// How much room and how many files there are is the machine's affair.
		if f.Check != "disk space" && f.Check != "open files" && (f.Level != Good || f.Advice != "") {
			t.Errorf("%+v", f)
		}
	}
	if f := Quick(t.Context(), p); len(f) != 1 || f[0].Level != Bad || !strings.Contains(f[0].Advice, "chat serve") {
		t.Errorf("quick, without a server: %+v", f)
	}
}

func TestFindings(t *testing.T) {
	p := patient(t)
	layout := app.LayoutOf(p.Config)
	// Each row damages one thing and mends it afterwards.
	for _, row := range []struct {
		name   string
		damage func(t *testing.T, p *Patient)
		check  string
		level  Level
		says   string
	}{
		{"a variable that is no setting", func(_ *testing.T, p *Patient) { p.Warnings = []string{"X_LISEN: no such setting"} }, "settings", Warn, "X_LISEN"},
		{"a Redis that does not answer", func(_ *testing.T, p *Patient) { p.Config.RedisURL = "redis://127.0.0.1:1" }, "redis", Bad, "does not answer"},
		{"several nodes with files of their own", func(_ *testing.T, p *Patient) { p.Config.RedisURL = "redis://127.0.0.1:1" }, "nodes", Warn, "blobs_url"},
		{"no data directory", func(_ *testing.T, p *Patient) { p.Config.Data += "2" }, "data directory", Bad, "does not exist"},
		{"a data directory that is a file", func(_ *testing.T, p *Patient) { p.Config.Data = layout.Database }, "data directory", Bad, "no directory"},
		{"a data directory open to others", func(t *testing.T, p *Patient) { mode(t, p.Config.Data, 0o755) }, "data directory", Warn, "0755"},
		{"a secret open to others", func(t *testing.T, _ *Patient) { mode(t, filepath.Join(layout.Secrets, "token_key"), 0o644) }, "secrets", Bad, "token_key"},
		{"a damaged database", func(t *testing.T, _ *Patient) { scribble(t, layout.Database, 4096) }, "database", Bad, ""},
		{"a file that is no database", func(t *testing.T, _ *Patient) { scribble(t, layout.Database, 0) }, "schema", Bad, ""},
		{"a file that an attachment names is gone", insert("attachments (\"key\", uploader_id, filename, size, mime_type, hash, scan, created_at) VALUES ('k', 'u', 'f', 1, 't', '" + strings.Repeat("ab", 32) + "', 'clean', 1)"), "attachments", Bad, "1 of 1"},
		{"the bytes of an infected attachment are gone", insert("attachments (\"key\", uploader_id, filename, size, mime_type, hash, scan, created_at) VALUES ('k', 'u', 'f', 1, 't', '" + strings.Repeat("ab", 32) + "', 'infected', 1)"), "attachments", Good, "all 0"},
		{"an address of a bucket that is none", func(_ *testing.T, p *Patient) { p.Config.BlobsURL = "s3://h" }, "attachments", Bad, "blobs_url"},
		{"a bucket that cannot be reached", func(_ *testing.T, p *Patient) { p.Config.BlobsURL = "s3://key:secret@127.0.0.1:1/bucket?insecure=1" }, "attachments", Bad, "does not answer"},
		{"a malware scanner that is away", func(_ *testing.T, p *Patient) {
			p.Config.Scan.Mode, p.Config.Scan.ClamdAddress = config.ScanClamd, "/none"
		}, "malware scanner", Bad, "/none"},
		{"a clock that was set back", insert("messages (room_id, seq, change_seq, ordinal, type, content, created_at) VALUES (1, 9, 9, 9, 'text', 'x', 9000000000000000)"), "clock", Bad, "the newest message"},
		{"a message without its room", insert("messages (room_id, seq, change_seq, ordinal, type, content, created_at) VALUES (7, 9, 9, 9, 'text', 'x', 1)"), "database", Bad, "messages without its rooms"},
		{"no encryption on a public address", func(_ *testing.T, p *Patient) { p.Config.Listen = ":8080" }, "certificate", Warn, "plain HTTP"},
		{"a proxy in front that encrypts", func(_ *testing.T, p *Patient) { p.Config.Listen, p.Config.PublicURL = ":8080", "https://x.example" }, "certificate", Good, ""},
		{"a self-signed certificate", func(_ *testing.T, p *Patient) { p.Config.TLS.Mode = config.TLSSelfSigned }, "certificate", Warn, "self-signed"},
		{"no certificate file", func(_ *testing.T, p *Patient) {
			p.Config.TLS = config.TLS{Mode: config.TLSFiles, Cert: "/none", Key: "/none"}
		}, "certificate", Bad, "/none"},
		{"a certificate that has run out", certificate(-time.Hour, ""), "certificate", Bad, "valid until"},
		{"a certificate that runs out soon", certificate(24*time.Hour, ""), "certificate", Warn, "valid until"},
		{"a certificate for another host", certificate(365*24*time.Hour, "https://other.example"), "certificate", Bad, "other.example"},
		{"a good certificate", certificate(365*24*time.Hour, "https://chat.example"), "certificate", Good, "valid until"},
	} {
		t.Run(row.name, func(t *testing.T) {
			hurt := p
			row.damage(t, &hurt)
			f := find(t, Full(t.Context(), hurt), row.check)
			if f.Level != row.level || !strings.Contains(f.Text+f.Advice, row.says) {
				t.Errorf("%+v, want %s with %q", f, row.level, row.says)
			}
			if (f.Level == Good) != (f.Advice == "") {
				t.Errorf("%+v: advice belongs to what is wrong", f)
			}
		})
	}
}

// insert adds a row past the store and its rules, and restores the database afterwards.
func insert(row string) func(*testing.T, *Patient) {
	return func(t *testing.T, p *Patient) {
		path := app.LayoutOf(p.Config).Database
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("INSERT INTO " + row); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.WriteFile(path, before, 0o600) })
	}
}

func mode(t *testing.T, path string, m os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, m); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(path, info.Mode()) })
}

// scribble writes over a page of a file.
func scribble(t *testing.T, path string, at int64) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	after := append([]byte(nil), before...)
	for i := range after[at : at+4096] {
		after[at+int64(i)] = 0x5a
	}
	if err := os.WriteFile(path, after, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(path, before, 0o600) })
}

// certificate sets files with a certificate for chat.example that is valid for so long.
func certificate(valid time.Duration, publicURL string) func(*testing.T, *Patient) {
	return func(t *testing.T, p *Patient) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(valid), DNSNames: []string{"chat.example"}}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "pair.pem")
		content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		p.Config.TLS = config.TLS{Mode: config.TLSFiles, Cert: file, Key: file}
		p.Config.PublicURL = publicURL
	}
}

func TestRunningServer(t *testing.T) {
	p := patient(t)
	a, err := app.New(p.Config, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(context.Background())
	for _, row := range []struct {
		name   string
		change func(c *config.Config)
		level  Level
		says   string
	}{
		{"asked at the operator's listener", func(c *config.Config) { c.OperatorListen = a.OperatorAddress().String() }, Good, "ready"},
		{"its address is not known", func(c *config.Config) { c.OperatorListen = "" }, Warn, "cannot be asked"},
		{"nobody is at the address", func(c *config.Config) { c.OperatorListen = "127.0.0.1:1" }, Bad, "does not answer"},
		{"somebody else is at the address", func(c *config.Config) { c.OperatorListen = a.Address().String() }, Bad, "not this server"},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked := p
			row.change(&asked.Config)
			for kind, findings := range map[string][]Finding{"full": Full(t.Context(), asked), "quick": Quick(t.Context(), asked)} {
				if f := find(t, findings, "server"); f.Level != row.level || !strings.Contains(f.Text, row.says) {
					t.Errorf("%s: %+v", kind, f)
				}
			}
		})
	}
	asked := p
	asked.Config.OperatorListen = a.OperatorAddress().String()
	if f := find(t, Full(t.Context(), asked), "lock"); f.Level != Good || !strings.Contains(f.Text, "works on the data directory") {
		t.Errorf("%+v", f)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 30: "5 GiB", 1 << 50: "1024 TiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
