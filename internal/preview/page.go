package preview

import (
	"bufio"
	"io"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"

	"parley/internal/chat"
)

const (
	maxTitle       = 200 // characters
	maxDescription = 400
	maxImage       = 2048      // bytes
	maxToken       = 512 << 10 // bytes; a script is one token
	maxAttributes  = 64
	sniffed        = 1024 // bytes at the beginning that may name the encoding
)

// readPage finds what a page says about itself in its head, reading no further than that. page is the address it was found
// at, contentType the header of that name. Without a title there is nothing to show: the result has no title then. A page
// that breaks off gives what was there.
func readPage(r io.Reader, contentType string, page *url.URL) chat.Link {
	found := make(map[string]string)
	z := html.NewTokenizer(decoded(r, contentType))
	z.SetMaxBuf(maxToken)
	base := page
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			return link(found, base)
		case html.EndTagToken:
			if name, _ := z.TagName(); atom.Lookup(name) == atom.Head {
				return link(found, base)
			}
			continue
		case html.StartTagToken, html.SelfClosingTagToken:
		default:
			continue
		}
		name, more := z.TagName()
		switch atom.Lookup(name) {
		case atom.Body:
			return link(found, base)
		case atom.Title:
			if kind == html.StartTagToken && z.Next() == html.TextToken {
				keep(found, "title", string(z.Text()))
			}
		case atom.Base:
			if base == page { // of several the first counts
				if u, err := page.Parse(strings.TrimSpace(attributes(z, more)["href"])); err == nil {
					base = u
				}
			}
		case atom.Meta:
			a := attributes(z, more)
			for _, key := range []string{a["property"], a["name"]} {
				if key = strings.ToLower(strings.TrimSpace(key)); wanted[key] {
					keep(found, key, a["content"])
				}
			}
		}
	}
}

// What is taken from a page, the best first.
var (
	titles       = []string{"og:title", "twitter:title", "title"}
	descriptions = []string{"og:description", "twitter:description", "description"}
	images       = []string{"og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"}

	wanted = func() map[string]bool {
		m := make(map[string]bool)
		for _, list := range [][]string{titles, descriptions, images} {
			for _, key := range list {
				m[key] = true
			}
		}
		delete(m, "title") // an element, not a name
		return m
	}()
)

// keep takes the first of several values that says anything.
func keep(found map[string]string, key, value string) {
	if found[key] == "" {
		found[key] = strings.TrimSpace(value)
	}
}

// attributes reads the first of the current tag; of one that is repeated the first counts.
func attributes(z *html.Tokenizer, more bool) map[string]string {
	a := make(map[string]string)
	for n := 0; more && n < maxAttributes; n++ {
		var key, value []byte
		key, value, more = z.TagAttr()
		if _, there := a[string(key)]; !there {
			a[string(key)] = string(value)
		}
	}
	return a
}

// link makes what is shown of a page.
func link(found map[string]string, base *url.URL) chat.Link {
	l := chat.Link{Title: first(found, titles, func(s string) string { return clean(s, maxTitle) })}
	if l.Title == "" {
		return chat.Link{}
	}
	l.Description = first(found, descriptions, func(s string) string { return clean(s, maxDescription) })
	l.Image = first(found, images, func(s string) string { return imageAddress(s, base) })
	return l
}

func first(found map[string]string, keys []string, usable func(string) string) string {
	for _, key := range keys {
		if v := usable(found[key]); v != "" {
			return v
		}
	}
	return ""
}

// blanks are letters and signs that show nothing.
const blanks = "\u115f\u1160\u2800\u3164\uffa0"

// clean makes a line of plain text of at most n characters: no control characters, nothing that changes the direction of
// what follows or that cannot be seen. Joiners stay, which some scripts and emoji need.
func clean(s string, n int) string {
	var line []rune
	space, seen := false, false
	for _, r := range s {
		joiner := r == '\u200c' || r == '\u200d'
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune(blanks, r):
			space = true
			continue
		case !joiner && unicode.Is(unicode.C, r) || r == utf8.RuneError || unicode.Is(unicode.Noncharacter_Code_Point, r):
			continue
		}
		if space && seen {
			line = append(line, ' ')
		}
		space, seen = false, seen || !joiner
		line = append(line, r)
	}
	if !seen {
		return ""
	}
	if len(line) > n {
		line = append(line[:n-1], '…')
	}
	return string(line)
}

// imageAddress returns the address of a picture if it may be one to fetch: of the web, and no longer than is usual. Where it leads is
// checked when it is dialled.
func imageAddress(s string, base *url.URL) string {
	if s == "" || len(s) > maxImage {
		return ""
	}
	u, err := base.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Opaque != "" || u.Host == "" {
		return ""
	}
	u.Fragment, u.RawFragment = "", ""
	if s = u.String(); len(s) > maxImage {
		return ""
	}
	return s
}

// decoded reads a page as UTF-8, whatever it is written in.
func decoded(r io.Reader, contentType string) io.Reader {
	b := bufio.NewReaderSize(r, sniffed)
	beginning, _ := b.Peek(sniffed) // an error comes back when it is read
	encoding, name, certain := charset.DetermineEncoding(beginning, contentType)
	switch {
	case name == "windows-1252" && !certain || encoding == nil:
		return transform.NewReader(b, lenient{})
	case name == "utf-8":
		return b // what is not valid is left out of the texts at the end
	}
	return transform.NewReader(b, encoding.NewDecoder())
}

// lenient reads UTF-8, and takes what is none for Windows-1252: what HTML says of pages that do not name their encoding is
// the latter, what they are is mostly the former.
type lenient struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (lenient) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		r, size := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && size == 1 {
			if !atEOF && !utf8.FullRune(src[nSrc:]) {
				return nDst, nSrc, transform.ErrShortSrc
			}
			r = charmap.Windows1252.DecodeByte(src[nSrc])
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}
