package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestCORS(t *testing.T) {
	const other = "https://app.example.org"
	for _, row := range []struct {
		name              string
		origins           []string
		method, origin    string
		preflight         bool
		status            int
		allow, credential string
	}{
		{"nothing is configured", nil, "GET", other, false, 200, "", ""},
		{"a request of the configured origin", []string{other}, "GET", other, false, 200, other, "true"},
		{"a request of another origin", []string{other}, "GET", "https://evil.example", false, 200, "", ""},
		{"an origin that only begins like it", []string{other}, "GET", other + ".evil.example", false, 200, "", ""},
		{"a request without origin", []string{other}, "GET", "", false, 200, "", ""},
		{"a preflight of the configured origin", []string{other}, "OPTIONS", other, true, 204, other, "true"},
		{"a preflight of another origin goes to the handler", []string{other}, "OPTIONS", "https://evil.example", true, 200, "", ""},
		{"OPTIONS that is no preflight goes to the handler", []string{other}, "OPTIONS", other, false, 200, other, "true"},
		{"everyone is allowed, without cookies", []string{"*"}, "GET", "https://any.example", false, 200, "*", ""},
		{"a preflight of everyone", []string{"*"}, "OPTIONS", "https://any.example", true, 204, "*", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := cors(row.origins, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
			r := httptest.NewRequest(row.method, "/api/rooms", nil)
			if row.origin != "" {
				r.Header.Set("Origin", row.origin)
			}
			if row.preflight {
				r.Header.Set("Access-Control-Request-Method", "PUT")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := w.Header()
			if w.Code != row.status || got.Get("Access-Control-Allow-Origin") != row.allow || got.Get("Access-Control-Allow-Credentials") != row.credential {
				t.Errorf("%d, allows %q, credentials %q", w.Code, got.Get("Access-Control-Allow-Origin"), got.Get("Access-Control-Allow-Credentials"))
			}
			if methods := got.Get("Access-Control-Allow-Methods"); (methods != "") != (row.status == 204) {
				t.Errorf("methods %q", methods)
			}
			if len(row.origins) > 0 && got.Get("Vary") != "Origin" {
				t.Error("a cache could give one origin's answer to another")
			}
		})
	}
}

// deadlines records the read deadline that a handler sets.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

func TestPatience(t *testing.T) {
	for _, row := range []struct {
		name  string
		body  io.Reader
		least time.Duration // 0: no deadline
	}{
		{"a request without body, such as an upgrade, has no deadline", nil, 0},
		{"a small body has the grace", strings.NewReader("{}"), bodyGrace},
		{"a large body has longer", strings.NewReader(strings.Repeat("x", 60*slowestBody)), bodyGrace + time.Minute},
		{"a body of unknown length has the longest", io.LimitReader(strings.NewReader("x"), 1), longestBody},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := time.Now()
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			patience(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, httptest.NewRequest("POST", "/", row.body))
			if row.least == 0 {
				if len(w.set) != 0 {
					t.Fatalf("deadline %v", w.set)
				}
				return
			}
			if len(w.set) != 1 || w.set[0].Before(before.Add(row.least)) || w.set[0].After(time.Now().Add(row.least)) {
				t.Fatalf("deadlines %v, want one %v from now", w.set, row.least)
			}
		})
	}
}

// slowListener serves requests for /slow, which wait until release is closed, and others at once.
func slowListener(t *testing.T) (l *listener, asked, release chan struct{}) {
	t.Helper()
	asked, release = make(chan struct{}), make(chan struct{})
	l = &listener{name: "listen", address: "127.0.0.1:0", log: slog.New(slog.DiscardHandler), handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" {
			return
		}
		close(asked)
		select {
		case <-release:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "done")
	})}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		checkLeaks(t)
	})
	return l, asked, release
}

func ask(url string) <-chan string {
	answer := make(chan string, 1)
	go func() {
		r, err := http.Get(url)
		if err != nil {
			answer <- "cut off"
			return
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			body = []byte("cut off")
		}
		answer <- string(body)
	}()
	return answer
}

func TestListenerFinishesWhatItBegan(t *testing.T) {
	l, asked, release := slowListener(t)
	url := "http://" + l.addr().String()
	answer := ask(url + "/slow")
	<-asked
	stopped := make(chan error)
	go func() { stopped <- l.Stop(context.Background()) }()
	for { // the address is given up before the request is done
		r, err := http.Get(url)
		if err != nil {
			break
		}
		r.Body.Close()
	}
	select {
	case <-stopped:
		t.Fatal("stopped while a request was being answered")
	default:
	}
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("answer %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestListenerCutsWhatDoesNotEnd(t *testing.T) {
	l, asked, _ := slowListener(t)
	answer := ask("http://" + l.addr().String() + "/slow")
	<-asked
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := l.Stop(ctx); err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "cut off" {
		t.Errorf("answer %q", got)
	}
	if err := l.Stop(context.Background()); err != nil && !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("second stop: %v", err)
	}
}

func TestUncleanPathsOfTheAPIAreNotRedirected(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Path", r.URL.Path) })
	for path, status := range map[string]int{
		"/api/rooms": 200, "/api/rooms/": 200, "/api//rooms": 200, "/api/./rooms": 200, "/api/rooms/../users": 200, "/api/rooms//": 200,
		"/api/../etc": 200, "/page": http.StatusTeapot, "/pages//x": http.StatusTemporaryRedirect,
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.URL.Path = path
		unredirected(mux).ServeHTTP(w, r)
		if w.Code != status && (status != http.StatusTemporaryRedirect || w.Code/100 != 3) {
			t.Errorf("%s is answered %d, want %d", path, w.Code, status)
		}
		if got := w.Header().Get("Path"); status == 200 && got != path {
			t.Errorf("%s arrives as %q", path, got)
		}
	}
}
