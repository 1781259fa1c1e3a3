package preview

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/safedial"
)

var (
	errNotAPage = errors.New("not an HTML page")
	errNoTitle  = errors.New("the page has no title")
)

// fetch asks for what is behind a link. On an error there is no more of it than its address.
func (s *Service) fetch(ctx context.Context, l chat.Link) (chat.Link, error) {
	if !l.Picture {
		return s.page(ctx, l.URL)
	}
	p, err := s.picture(ctx, l.URL)
	if err == nil {
		l.Image, l.Width, l.Height = p.Path, p.Width, p.Height
	}
	return l, err
}

// page asks for a page and reads its head. On an error the link has no title.
func (s *Service) page(ctx context.Context, address string) (chat.Link, error) {
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
	if l.Image != "" {
		picture, err := s.picture(ctx, l.Image)
		if err != nil { // not logged: it may name the address, which is what people wrote
			picture = core.PreviewPicture{}
		}
		l.Image, l.Width, l.Height = picture.Path, picture.Width, picture.Height
	}
	return l, nil
}

// picture fetches a page's picture and has it kept. On an error there is none.
func (s *Service) picture(ctx context.Context, address string) (none core.PreviewPicture, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return none, err
	}
	req.Header.Set("Accept", "image/webp,image/png,image/jpeg,image/gif")
	resp, err := s.client.Do(req)
	if err != nil {
		return none, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return none, fmt.Errorf("the site answered %d", resp.StatusCode)
	}
	if resp.ContentLength > core.MaxPreviewBytes {
		return none, safedial.ErrTooLarge
	}
	return s.opts.Core.StorePreview(ctx, safedial.Limit(resp.Body, core.MaxPreviewBytes))
}
