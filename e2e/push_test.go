package e2e

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// pushService is where a browser has its pushes sent, and the browser that reads them.
type pushService struct {
	*httptest.Server
	key    *ecdh.PrivateKey
	secret []byte // of the subscription (RFC 8291, 3.2)
	pushes chan pushed
	asked  atomic.Int64 // requests, whatever they were
	over   atomic.Bool  // the subscription is: every push is answered 410
}

// pushed is one push as it arrived.
type pushed struct {
	path   string
	header http.Header
	body   []byte
}

func newPushService(t *testing.T) *pushService {
	t.Helper()
	p := &pushService{secret: make([]byte, 16), pushes: make(chan pushed, 16)}
	rand.Read(p.secret)
	var err error
	if p.key, err = ecdh.P256().GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != "POST" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p.pushes <- pushed{r.URL.Path, r.Header, body}
		if p.over.Load() {
			w.WriteHeader(http.StatusGone)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(p.Close)
	return p
}

// trusted writes the service's certificate where a server finds the authorities it trusts, and returns that setting.
func (p *pushService) trusted(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "authorities.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return "SSL_CERT_FILE=" + name
}

// subscription is what a browser gives to the server.
func (p *pushService) subscription(address string) obj {
	return obj{"endpoint": address, "keys": obj{
		"p256dh": base64.RawURLEncoding.EncodeToString(p.key.PublicKey().Bytes()), "auth": base64.RawURLEncoding.EncodeToString(p.secret),
	}}
}

// next waits for a push.
func (p *pushService) next(t *testing.T) pushed {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case got := <-p.pushes:
		return got
	case <-timeout.C:
		t.Fatal("no push came")
		return pushed{}
	}
}

// open decrypts a push as a browser does (RFC 8188, RFC 8291).
func (p *pushService) open(body []byte) ([]byte, error) {
	const head = 16 + 4 + 1
	if len(body) < head || len(body) < head+int(body[head-1]) {
		return nil, errors.New("cut off")
	}
	salt, size, theirs, sealed := body[:16], new(big.Int).SetBytes(body[16:20]).Int64(), body[head:head+int(body[head-1])], body[head+int(body[head-1]):]
	if int64(len(sealed)) > size {
		return nil, errors.New("more than one record")
	}
	key, err := ecdh.P256().NewPublicKey(theirs)
	if err != nil {
		return nil, err
	}
	shared, err := p.key.ECDH(key)
	if err != nil {
		return nil, err
	}
	derive := func(secret, salt []byte, info string, n int) []byte {
		out, kdfErr := hkdf.Key(sha256.New, secret, salt, info, n)
		err = errors.Join(err, kdfErr)
		return out
	}
	input := derive(shared, p.secret, "WebPush: info\x00"+string(p.key.PublicKey().Bytes())+string(theirs), 32)
	contentKey := derive(input, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce := derive(input, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(contentKey)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	padded, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	text := strings.TrimRight(string(padded), "\x00")
	if !strings.HasSuffix(text, "\x02") { // the mark of the last record
		return nil, errors.New("no end")
	}
	return []byte(text[:len(text)-1]), nil
}

// signedBy checks the server's signature (RFC 8292) and returns what it signed.
func (g pushed) signedBy(key string) (claims struct {
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	Subject  string `json:"sub"`
}, err error) {
	params, ok := strings.CutPrefix(g.header.Get("Authorization"), "vapid ")
	token, given := "", ""
	for param := range strings.SplitSeq(params, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		switch name {
		case "t":
			token = value
		case "k":
			given = value
		}
	}
	parts := strings.Split(token, ".")
	if !ok || given != key || len(parts) != 3 {
		return claims, fmt.Errorf("signed as %q, want with %q", params, key)
	}
	var raw [3][]byte
	for i, part := range parts {
		if raw[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return claims, err
		}
	}
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return claims, err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return claims, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if len(raw[2]) != 64 || !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(raw[2][:32]), new(big.Int).SetBytes(raw[2][32:])) {
		return claims, errors.New("the signature is not the server's")
	}
	return claims, json.Unmarshal(raw[1], &claims)
}

// TestPushWhileThePageIsClosed has the built program push to a push service of the operator's own: what people miss while they are
// not connected, in a form that only their browser can read, until the service says that the subscription is over.
func TestPushWhileThePageIsClosed(t *testing.T) {
	service := newPushService(t)
	a := newAPI(t, append([]string{"PARLEY_PUSH_SUBJECT=admin@chat.example.org", "PARLEY_PUSH_PRIVATE_NETWORKS=127.0.0.1", service.trusted(t)}, noLimits...)...)
	people := a.people(t, 2)
	ada, bob := people[0], people[1]
	room := ada.direct(bob)
	watching := ada.dial()

	address := service.URL + "/push/secret-of-bob"
	bob.do("PUT", "/push/subscriptions", service.subscription("https://10.0.0.1/push")).fails(400, "push_endpoint_invalid") // not what the operator named
	bob.do("PUT", "/push/subscriptions", service.subscription(address)).want(204)
	key := bob.get("/push/key").want(200).str("key")

	page := bob.dial()
	seen := ada.say(room, "while you look")
	page.await("notification", obj{"notification.message_id": seen.str("id")})
	page.conn.CloseNow()
	watching.wait("bob is seen to leave", 0, func(f obj) bool {
		status, _ := at(f, "status")
		user, _ := at(f, "user_id")
		return f["type"] == "presence_updated" && user == bob.ID && status == "offline"
	})
	missed := ada.say(room, "are you there?")

	got := service.next(t)
	if got.path != "/push/secret-of-bob" || got.header.Get("Content-Encoding") != "aes128gcm" || strings.Contains(string(got.body), "there") {
		t.Errorf("%s: %v, %q", got.path, got.header, got.body)
	}
	if n, err := strconv.Atoi(got.header.Get("TTL")); err != nil || n <= 0 {
		t.Errorf("TTL %q", got.header.Get("TTL"))
	}
	claims, err := got.signedBy(key)
	if left := time.Until(time.Unix(claims.Expires, 0)); err != nil || claims.Audience != service.URL || claims.Subject != "mailto:admin@chat.example.org" || left <= 0 || left > 24*time.Hour {
		t.Errorf("%+v, %v", claims, err)
	}
	text, err := service.open(got.body)
	if err != nil {
		t.Fatal(err)
	}
	var note obj
	if err := json.Unmarshal(text, &note); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if note["message_id"] != missed.str("id") || note["room_id"] != room || note["type"] != "direct_message" || note["body"] != "are you there?" ||
		note["url"] != "/r/"+room+"/m/"+missed.str("id") {
		t.Errorf("the first push, of what was missed, says %s", text) // and none was sent while the page was open
	}

	service.over.Store(true)
	ada.say(room, "still there?")
	service.next(t)
	a.until("the subscription is forgotten", func() bool { return len(bob.get("/push/subscriptions").want(200).list("subscriptions")) == 0 })

	// What push services may be asked is not what people may have looked at for them.
	before := service.asked.Load()
	ada.say(room, "look at "+service.URL+"/page")
	a.until("the link was tried", func() bool { return strings.Contains(a.metrics(), `chat_link_previews_total{result="failed"} 1`) })
	if n := service.asked.Load(); n != before {
		t.Errorf("a link in a message was fetched from a private address (%d requests)", n-before)
	}
}

// TestPushStaysOnTheInternet has nothing allowed: no push service may be on this machine or in its networks.
func TestPushStaysOnTheInternet(t *testing.T) {
	service := newPushService(t)
	a := newAPI(t, append([]string{"PARLEY_PUSH_SUBJECT=admin@chat.example.org", service.trusted(t)}, noLimits...)...)
	bob := a.client(t, a.someone(t))
	port := service.URL[strings.LastIndexByte(service.URL, ':'):]
	for _, address := range []string{service.URL, "https://localhost" + port, "https://127.1" + port, "https://[::1]" + port, "https://10.0.0.1", "https://push.internal", "https://push"} {
		bob.do("PUT", "/push/subscriptions", service.subscription(address+"/x")).fails(400, "push_endpoint_invalid")
	}
	if n := service.asked.Load(); n != 0 {
		t.Errorf("%d requests reached it", n)
	}
}

// metrics returns what the operator can read of the server's doings.
func (s *server) metrics() string {
	s.t.Helper()
	resp, err := http.Get("http://" + s.ops + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
