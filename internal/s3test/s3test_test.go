package s3test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func TestWhatIsStoredOutlivesARestart(t *testing.T) {
	s := Start(t)
	bucket := s.Bucket(t, "kept")
	client, err := minio.New(s.Address, &minio.Options{Creds: credentials.NewStaticV4(Key, Secret, ""), Region: Region})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), bucket, "a", strings.NewReader("content"), 7, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	s.Restart(t)
	if info, err := client.StatObject(t.Context(), bucket, "a", minio.StatObjectOptions{}); err != nil || info.Size != 7 {
		t.Fatalf("found %+v, %v", info, err)
	}
	u, err := url.Parse(s.URL(bucket + "/prefix"))
	if secret, _ := u.User.Password(); err != nil || secret != Secret || u.Path != "/kept/prefix" || u.Host != s.Address {
		t.Errorf("address %q, %v", s.URL(bucket), err)
	}
}
