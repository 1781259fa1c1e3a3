package s3

import (
	"context"
	"fmt"
	"mime"
	"net/url"
	"time"

	"parley/internal/blob"
)

// Presign implements blob.Presigner. The address names the endpoint as this server reaches it; people must be able to, too.
func (s *Store) Presign(ctx context.Context, hash string, a blob.Access) (string, error) {
	if err := check(ctx, hash); err != nil {
		return "", err
	}
	if a.Life < time.Second || a.Life > blob.MaxAccessLife {
		return "", fmt.Errorf("blob/s3: presign: a life of %v is not within 1s and %v", a.Life, blob.MaxAccessLife)
	}
	kind := "application/octet-stream"
	if a.MIMEType != "" {
		kind = a.MIMEType
		if _, _, err := mime.ParseMediaType(kind); err != nil {
			return "", fmt.Errorf("blob/s3: presign: %w", err)
		}
	}
	disposition := "attachment"
	if a.Inline {
		disposition = "inline"
	}
	if a.Filename != "" {
		disposition = mime.FormatMediaType(disposition, map[string]string{"filename": a.Filename})
	}
	query := url.Values{"response-content-type": {kind}, "response-content-disposition": {disposition}}
	u, err := s.client.PresignedGetObject(ctx, s.opts.Bucket, s.key(hash), a.Life, query)
	if err != nil {
		return "", wrap("presign", mapped(ctx, err))
	}
	return u.String(), nil
}
