package scan

import (
	"context"
	"fmt"
	"io"
	"mime"
	"path"
	"slices"
	"strings"
)

// Type is a kind of file that Detect can tell from its content. The zero value stands for all others.
type Type string

// The types of the specification's limits.
const (
	Unknown Type = ""
	JPEG    Type = "jpg"
	PNG     Type = "png"
	GIF     Type = "gif"
	WebP    Type = "webp"
	PDF     Type = "pdf"
	DOC     Type = "doc"
	DOCX    Type = "docx"
	ZIP     Type = "zip"
)

// types lists for each type its media types and its file name extensions, the usual one first.
var types = []struct {
	name       Type
	mimes      []string
	extensions []string
}{
	{JPEG, []string{"image/jpeg", "image/jpg", "image/pjpeg"}, []string{"jpg", "jpeg", "jpe", "jfif"}},
	{PNG, []string{"image/png", "image/x-png", "image/apng"}, []string{"png", "apng"}},
	{GIF, []string{"image/gif"}, []string{"gif"}},
	{WebP, []string{"image/webp"}, []string{"webp"}},
	{PDF, []string{"application/pdf", "application/x-pdf"}, []string{"pdf"}},
	{DOC, []string{"application/msword"}, []string{"doc"}},
	{DOCX, []string{"application/vnd.openxmlformats-officedocument.wordprocessingml.document"}, []string{"docx"}},
	{ZIP, []string{"application/zip", "application/x-zip-compressed", "application/x-zip"}, []string{"zip"}},
}

// MIME returns the media type to serve files of this type with, "application/octet-stream" for Unknown.
func (t Type) MIME() string {
	for _, known := range types {
		if known.name == t {
			return known.mimes[0]
		}
	}
	return "application/octet-stream"
}

// Image reports whether browsers show files of this type as a picture, and package media can read them.
func (t Type) Image() bool { return t == JPEG || t == PNG || t == GIF || t == WebP }

// AllTypes returns every type but Unknown.
func AllTypes() []Type {
	all := make([]Type, len(types))
	for i, known := range types {
		all[i] = known.name
	}
	return all
}

// ParseTypes reads an allow list as an operator writes it: names of types, in any case.
func ParseTypes(names []string) ([]Type, error) {
	var list []Type
	for _, name := range names {
		t := byExtension(strings.ToLower(strings.TrimSpace(name)))
		if t == Unknown {
			return nil, fmt.Errorf("scan: unknown file type %q", name)
		}
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list, nil
}

// Policy says which files may be uploaded. The zero value allows none.
type Policy struct {
	Allowed []Type
}

// Check detects the type of the size bytes of r and returns it if it is allowed and is what the uploader declared.
// No extension, and no media type or the general "application/octet-stream", declare nothing. A document that is an
// archive may be declared an archive, and is treated as one. Fails with ErrTypeNotAllowed, ErrTypeMismatch,
// ErrArchiveBomb or ErrArchiveUnsafe, or with the error of r or ctx.
func (p Policy) Check(ctx context.Context, r io.ReaderAt, size int64, meta Meta) (Type, error) {
	byName, err := p.declaredByName(meta.Filename)
	if err != nil {
		return Unknown, err
	}
	byMIME, err := p.declaredByMIME(meta.MIME)
	if err != nil {
		return Unknown, err
	}
	t, err := Detect(ctx, r, size)
	if err != nil {
		return Unknown, err
	}
	if t == DOCX && byName != DOCX && (byName == ZIP || byMIME == ZIP) {
		t = ZIP
	}
	if t == Unknown && byName == Unknown && byMIME == Unknown {
		return Unknown, fmt.Errorf("%w (content of no known type)", ErrTypeNotAllowed)
	}
	if byName != Unknown && byName != t || byMIME != Unknown && byMIME != t && (byMIME != ZIP || t != DOCX) {
		return Unknown, fmt.Errorf("%w (declared %s, is %s)", ErrTypeMismatch, either(byName, byMIME), either(t, "another"))
	}
	if !slices.Contains(p.Allowed, t) {
		return Unknown, fmt.Errorf("%w (%s)", ErrTypeNotAllowed, t)
	}
	return t, nil
}

func (p Policy) declaredByName(filename string) (Type, error) {
	ext := path.Ext(strings.TrimRight(filename, ". "))
	if ext == "" || ext == "." {
		return Unknown, nil
	}
	t := byExtension(strings.ToLower(ext[1:]))
	if t == Unknown || !slices.Contains(p.Allowed, t) {
		return Unknown, fmt.Errorf("%w (%.20q)", ErrTypeNotAllowed, ext)
	}
	return t, nil
}

func (p Policy) declaredByMIME(declared string) (Type, error) {
	if strings.TrimSpace(declared) == "" {
		return Unknown, nil
	}
	name, _, err := mime.ParseMediaType(declared)
	if name == "application/octet-stream" || name == "binary/octet-stream" {
		return Unknown, nil
	}
	for _, known := range types {
		if err == nil && slices.Contains(known.mimes, name) && slices.Contains(p.Allowed, known.name) {
			return known.name, nil
		}
	}
	return Unknown, fmt.Errorf("%w (%.80q)", ErrTypeNotAllowed, declared)
}

func byExtension(ext string) Type {
	for _, known := range types {
		if slices.Contains(known.extensions, ext) {
			return known.name
		}
	}
	return Unknown
}

func either(a, b Type) Type {
	if a != Unknown {
		return a
	}
	return b
}
