package app

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/clamdtest"
	"parley/internal/config"
	"parley/internal/core"
	"parley/internal/s3test"
)

// packed is a zip with a file that is stored as it is.
func packed(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "notes.txt", Method: zip.Store})
	if err == nil {
		_, err = io.WriteString(f, content)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func upload(t *testing.T, a *App, content []byte) (chat.Actor, chat.Attachment, error) {
	t.Helper()
	login := post[struct {
		User struct{ ID chat.UserID }
	}](t, a, "/auth/register", "", `{"username":"ada","password":"correct horse"}`)
	by := chat.Actor{UserID: login.User.ID}
	file, err := a.Core().UploadFile(t.Context(), by, core.Upload{Filename: "a.zip", Body: bytes.NewReader(content)})
	return by, file, err
}

// uploadBy is upload for who needs the token of the person.
func uploadBy(t *testing.T, a *App, content []byte) (token string, file chat.Attachment, err error) {
	t.Helper()
	login := post[struct {
		Token string
		User  struct{ ID chat.UserID }
	}](t, a, "/auth/register", "", `{"username":"bob","password":"correct horse"}`)
	file, err = a.Core().UploadFile(t.Context(), chat.Actor{UserID: login.User.ID}, core.Upload{Filename: "a.zip", Body: bytes.NewReader(content)})
	return login.Token, file, err
}

func TestFilesInABucket(t *testing.T) {
	server := s3test.Start(t)
	cfg := settings(t)
	cfg.BlobsURL = server.URL(server.Bucket(t, "files") + "/chat")
	var notice bytes.Buffer
	a := started(t, cfg, func(o *Options) { o.Notice = &notice })
	if !strings.Contains(notice.String(), server.Address+"/files/chat") || strings.Contains(notice.String(), s3test.Secret) {
		t.Errorf("it says:\n%s", notice.String())
	}
	content := packed(t, "good morning")
	by, file, err := upload(t, a, content)
	if err != nil {
		t.Fatal(err)
	}
	f, err := a.Core().OpenAttachment(t.Context(), by, file.Key, false)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f.Body)
	if err = errors.Join(err, f.Body.Close()); err != nil || !bytes.Equal(got, content) {
		t.Errorf("opened %d bytes, %v", len(got), err)
	}
	if _, ok := a.Blobs().(blob.Presigner); !ok {
		t.Error("addresses of files in the bucket cannot be given away")
	}
	other, err := OpenStorage(cfg, a.log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Stat(t.Context(), file.Hash); err != nil {
		t.Errorf("the file is not in the bucket: %v", err)
	}
	if err := other.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWhoAsksIsSentToTheBucket downloads a file from the server, and straight from the bucket where that is allowed.
func TestWhoAsksIsSentToTheBucket(t *testing.T) {
	server := s3test.Start(t)
	for _, allowed := range []bool{false, true} {
		t.Run(fmt.Sprint(allowed), func(t *testing.T) {
			cfg := settings(t)
			cfg.BlobsURL, cfg.BlobsPresign = server.URL(server.Bucket(t, fmt.Sprintf("files-%t", allowed))), allowed
			a := started(t, cfg)
			content := packed(t, "good morning")
			token, file, err := uploadBy(t, a, content)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range []struct {
				query  string
				status int
			}{{"", http.StatusOK}, {"?direct=0", http.StatusOK}, {"?direct=1", map[bool]int{false: http.StatusOK, true: http.StatusTemporaryRedirect}[allowed]}} {
				path := a.BaseURL() + "/api/attachments/" + file.Key + row.query
				resp, body := fetch(t, path, token)
				if resp.StatusCode == http.StatusTemporaryRedirect && resp.Header.Get("Cache-Control") == "no-store" {
					address := resp.Header.Get("Location")
					if !strings.HasPrefix(address, "http://"+server.Address+"/") || strings.Contains(address, s3test.Secret) {
						t.Errorf("sent to %s", address)
					}
					var direct *http.Response
					direct, body = fetch(t, address, "")
					if direct.StatusCode != http.StatusOK || !strings.HasPrefix(direct.Header.Get("Content-Disposition"), "attachment") || direct.Header.Get("Content-Type") != file.MIMEType {
						t.Errorf("the bucket answers %s, %v", direct.Status, direct.Header)
					}
				}
				if resp.StatusCode != row.status || body != string(content) {
					t.Errorf("allowed %t, %q: %s, %d bytes", allowed, row.query, resp.Status, len(body))
				}
				if resp, _ := fetch(t, path, ""); resp.StatusCode != http.StatusUnauthorized {
					t.Errorf("a stranger gets %s", resp.Status)
				}
			}
		})
	}
}

// fetch asks for one thing and follows no redirect.
func fetch(t *testing.T, address, token string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestABucketThatCannotBeUsedIsNamedAtStart(t *testing.T) {
	server := s3test.Start(t)
	for _, row := range []struct{ name, url, says string }{
		{"there is no such bucket", server.URL("nowhere"), "no such bucket"},
		{"the secret is wrong", strings.Replace(server.URL("nowhere"), s3test.Key+":", s3test.Key+":x", 1), "SignatureDoesNotMatch"},
		{"the address is none", "s3://host", "bucket"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := settings(t)
			cfg.BlobsURL = row.url
			a, err := New(cfg, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "blobs_url: ") || !strings.Contains(err.Error(), row.says) {
				t.Errorf("error %v, want one with %q", err, row.says)
			}
			checkLeaks(t)
		})
	}
}

func TestUploadsAreShownToClamd(t *testing.T) {
	daemon := clamdtest.Start(t)
	cfg := settings(t)
	cfg.Scan.Mode, cfg.Scan.ClamdAddress = config.ScanClamd, daemon.Socket
	a := started(t, cfg)
	by, _, err := upload(t, a, packed(t, clamdtest.Harmful))
	if chat.CodeOf(err) != "infected" {
		t.Errorf("what only clamd minds: %v", err)
	}
	again := func(content string) error {
		_, err := a.Core().UploadFile(t.Context(), by, core.Upload{Filename: "a.zip", Body: bytes.NewReader(packed(t, content))})
		return err
	}
	if err := again(strings.Repeat("too much ", clamdtest.StreamLimit/9+1)); chat.AsError(err).Code != "attachment_too_large" || chat.AsError(err).Kind != chat.TooLarge {
		t.Errorf("more than clamd takes: %v", err)
	}
	if err := again("good morning"); err != nil {
		t.Errorf("what nobody minds: %v", err)
	}
	daemon.Stop(t)
	if err := again("good evening"); chat.CodeOf(err) != "scan_unavailable" {
		t.Errorf("while clamd is gone: %v", err)
	}
}

func TestTheServerStartsWithoutClamd(t *testing.T) {
	cfg := settings(t)
	cfg.Scan.Mode, cfg.Scan.ClamdAddress, cfg.Scan.Unreachable = config.ScanClamd, cfg.Data+"/none", config.UnreachablePending
	var notice bytes.Buffer
	a := started(t, cfg, func(o *Options) { o.Notice = &notice })
	if !strings.Contains(notice.String(), "clamd at") {
		t.Errorf("it says:\n%s", notice.String())
	}
	if _, file, err := upload(t, a, packed(t, "x")); err != nil || file.Scan != chat.ScanPending {
		t.Errorf("uploaded %+v, %v", file, err)
	}
}
