package app

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
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
