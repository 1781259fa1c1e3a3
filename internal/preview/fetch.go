package preview

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"parley/internal/chat"
	"parley/internal/safedial"
)

var (
	errNotAPage = errors.New("not an HTML page")
	errNoTitle  = errors.New("the page has no title")
)

// fetch asks for a page and reads its head. On an error the link has no title.
func (s *Service) fetch(ctx context.Context, address string) (chat.Link, error) {
	none := chat.Link{URL: address}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return none, err
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	resp, err := s.client.Do(req)
	if err != nil {
		return none, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return none, fmt.Errorf("the site answered %d", resp.StatusCode)
	}
	contentType := resp.Header.Get("Content-Type")
	if kind, _, err := mime.ParseMediaType(contentType); err != nil || kind != "text/html" && kind != "application/xhtml+xml" {
		return none, fmt.Errorf("%w: %.100q", errNotAPage, contentType)
	}
	l := readPage(safedial.Limit(resp.Body, s.opts.MaxBytes), contentType, resp.Request.URL)
	l.URL = address
	if unknown(l) {
		return none, errNoTitle
	}
	return l, nil
}
