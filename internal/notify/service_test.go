package notify

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"parley/internal/safedial"
)

// browser is the receiving end of a subscription (RFC 8291).
type browser struct {
	key  *ecdh.PrivateKey
	auth []byte
}

func newBrowser(t testing.TB) browser {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := browser{key: key, auth: make([]byte, 16)}
	_, _ = rand.Read(b.auth) // never fails
	return b
}

func (b browser) p256dh() string {
	return base64.RawURLEncoding.EncodeToString(b.key.PublicKey().Bytes())
}
func (b browser) authKey() string { return base64.RawURLEncoding.EncodeToString(b.auth) }

// open decrypts a message of one record (RFC 8291, 3.4; RFC 8188, 2).
func (b browser) open(body []byte) ([]byte, error) {
	const fixed = 16 + 4 + 1
	if len(body) < fixed || len(body) < fixed+int(body[20]) {
		return nil, errors.New("too short")
	}
	salt, size, id, record := body[:16], binary.BigEndian.Uint32(body[16:]), body[fixed:fixed+int(body[20])], body[fixed+int(body[20]):]
	if len(record) > int(size) || len(body) > 4096 {
		return nil, fmt.Errorf("%d bytes, of which a record of %d bytes; at most %d", len(body), len(record), size)
	}
	sender, err := ecdh.P256().NewPublicKey(id)
	if err != nil {
		return nil, err
	}
	shared, err := b.key.ECDH(sender)
	if err != nil {
		return nil, err
	}
	ikm, err1 := hkdf.Key(sha256.New, shared, b.auth, "WebPush: info\x00"+string(b.key.PublicKey().Bytes())+string(id), 32)
	cek, err2 := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce, err3 := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	block, err4 := aes.NewCipher(cek)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, record, nil)
	if err != nil {
		return nil, err
	}
	plain = []byte(strings.TrimRight(string(plain), "\x00"))
	if len(plain) == 0 || plain[len(plain)-1] != 2 {
		return nil, errors.New("no mark of the last record")
	}
	return plain[:len(plain)-1], nil
}

// TestBrowserOfTheRFC holds the tests' own browser to the example of RFC 8291, 5.
func TestBrowserOfTheRFC(t *testing.T) {
	raw := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key, err := ecdh.P256().NewPrivateKey(raw("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := browser{key, raw("BTBZMqHH6r4Tts7J_aSIgg")}.open(raw("DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"))
	if err != nil || string(got) != "When I grow up, I want to be a watermelon" {
		t.Errorf("got %q, %v", got, err)
	}
}

// pushed is one request to the push service.
type pushed struct {
	path   string
	header http.Header
	body   []byte
}

// pushService is a push service whose answers the test chooses.
type pushService struct {
	*httptest.Server
	t testing.TB

	mu     sync.Mutex
	seen   []pushed
	answer func(nth int, p pushed) (status int, header http.Header)
}

func newPushService(t testing.TB) *pushService {
	s := &pushService{t: t}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("%s, %v", r.Method, err)
		}
		p := pushed{r.URL.Path, r.Header, body}
		s.mu.Lock()
		s.seen = append(s.seen, p)
		nth, answer := len(s.seen), s.answer
		s.mu.Unlock()
		status, header := http.StatusCreated, http.Header(nil)
		if answer != nil {
			status, header = answer(nth, p)
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *pushService) requests() []pushed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// dial lets a client reach the service, and nothing else of this machine.
func (s *pushService) dial() safedial.Options {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		s.t.Fatal(err)
	}
	trusted := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return safedial.Options{UserAgent: "Test/1", Ports: []uint16{uint16(n)}, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, TLS: &tls.Config{RootCAs: trusted}}
}

// claims checks the signature of a push (RFC 8292) and returns what it says.
func (p pushed) claims(t *testing.T, publicKey string) jwt.MapClaims {
	t.Helper()
	token, key, ok := strings.Cut(strings.TrimPrefix(p.header.Get("Authorization"), "vapid t="), ", k=")
	if !ok || key != publicKey {
		t.Fatalf("Authorization: %q", p.header.Get("Authorization"))
	}
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		t.Fatalf("key %q: %v", key, err)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{}
	_, err = jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return public, nil }, jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired())
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

var _ Secrets = memorySecrets{}

// memorySecrets keeps secrets for one test.
type memorySecrets map[string]string

func (m memorySecrets) Text(name string, generate func() (string, error)) (string, error) {
	if m[name] == "" {
		text, err := generate()
		if err != nil {
			return "", err
		}
		m[name] = text
	}
	return m[name], nil
}
