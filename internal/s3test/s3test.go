// Package s3test gives a test an S3 server of its own: the Versity gateway over a temporary directory, on the loopback
// address, ended with the test.
//
// What does not belong here: everything about blobs. Faults on the way to the server are a test's own to make.
package s3test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"parley/internal/testservice"
)

// What every server of this package is set up with.
const (
	Key    = "test-key"
	Secret = "test/secret+with=signs" // needs escaping in a URL, as real ones do
	Region = "eu-central-1"
)

const (
	program = "versitygw"
	module  = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
)

// Server is one gateway with a directory of its own.
type Server struct {
	// Address is host:port; it stays the same when the server is stopped and started again.
	Address string

	binary, dir string
	process     testservice.Process
}

// Start starts a server that ends with the test. Where the gateway is not installed and cannot be built the test is skipped,
// and fails if the environment variable CI is "true".
func Start(t testing.TB) *Server {
	t.Helper()
	testservice.Wanted(t)
	binary, err := find()
	if err != nil {
		testservice.Missing(t, "the S3 gateway is not there (go install "+module+"): "+err.Error())
	}
	s := &Server{binary: binary, dir: t.TempDir()}
	t.Cleanup(func() { s.Stop(t) })
	for range 5 { // another process may take the port first
		s.Address = freeAddress(t)
		if err = s.start(); err == nil {
			return s
		}
	}
	t.Fatalf("the S3 gateway does not start: %v\n%s", err, s.process.Output())
	return nil
}

// Stop kills the server, as a loss of power would. What it has stored stays for Restart.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.process.Kill(); err != nil {
		t.Error(err)
	}
}

// Restart starts a stopped server again at the same address with what it had stored.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("the S3 gateway does not start again: %v\n%s", err, s.process.Output())
	}
}

// Bucket makes an empty bucket and returns its name.
func (s *Server) Bucket(t testing.TB, name string) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	client, err := minio.New(s.Address, &minio.Options{Creds: credentials.NewStaticV4(Key, Secret, ""), Region: Region, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{Region: Region}); err != nil {
		t.Fatal(err)
	}
	return name
}

// URL is the address of a bucket, or of a prefix in it, with key and secret.
func (s *Server) URL(path string) string {
	u := url.URL{
		Scheme: "s3", User: url.UserPassword(Key, Secret), Host: s.Address, Path: "/" + path,
		RawQuery: url.Values{"region": {Region}, "insecure": {"1"}}.Encode(),
	}
	return u.String()
}

func (s *Server) start() error {
	data := filepath.Join(s.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	cmd := exec.Command(s.binary, "--port", s.Address, "--region", Region, "--quiet", "--health", "/health", "--keep-alive", "posix", data)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+Key, "ROOT_SECRET_ACCESS_KEY="+Secret)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: testservice.Patience}
	return s.process.Start(cmd, func() bool {
		resp, err := client.Get("http://" + s.Address + "/health")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// find returns the gateway: installed, or built into the user's cache directory.
var find = sync.OnceValues(func() (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	if gopath, err := exec.Command("go", "env", "GOPATH").Output(); err == nil {
		if path, err := exec.LookPath(filepath.Join(strings.TrimSpace(string(gopath)), "bin", program)); err == nil {
			return path, nil
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	_, version, _ := strings.Cut(module, "@")
	bin := filepath.Join(cache, "test-services", program+"-"+version)
	if path, err := exec.LookPath(filepath.Join(bin, program)); err == nil {
		return path, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "go", "install", module)
	install.Dir = os.TempDir() // outside of our module
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	if text, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building it: %w: %.300s", err, bytes.TrimSpace(text))
	}
	return filepath.Join(bin, program), nil
})
