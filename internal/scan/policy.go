package scan

import (
	"cmp"
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

// The types that can be told. Sound and moving pictures are named by what browsers play them as: the same container may be either.
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
	MP4     Type = "mp4"
	MOV     Type = "mov"
	WebM    Type = "webm"
	OGV     Type = "ogv"
	MP3     Type = "mp3"
	M4A     Type = "m4a"  // an MP4 without moving pictures
	OGG     Type = "ogg"  // an Ogg without moving pictures
	WebA    Type = "weba" // a WebM without moving pictures
	WAV     Type = "wav"
	FLAC    Type = "flac"
)

// types lists for each type its media types and its file name extensions, the usual one first. Several types may share one: what
// a file is declared to be leaves open what of them it is.
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
	{MP4, []string{"video/mp4", "video/x-m4v"}, []string{"mp4", "m4v"}},
	{MOV, []string{"video/quicktime"}, []string{"mov", "qt"}},
	{WebM, []string{"video/webm"}, []string{"webm"}},
	{OGV, []string{"video/ogg", "application/ogg"}, []string{"ogv", "ogg"}},
	{MP3, []string{"audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg"}, []string{"mp3"}},
	{M4A, []string{"audio/mp4", "audio/x-m4a", "audio/m4a", "audio/x-m4b", "video/mp4"}, []string{"m4a", "m4b", "mp4"}},
	{OGG, []string{"audio/ogg", "application/ogg", "audio/opus", "audio/x-opus+ogg", "audio/x-vorbis+ogg", "video/ogg"}, []string{"ogg", "oga", "opus"}},
	{WebA, []string{"audio/webm", "video/webm"}, []string{"weba", "webm"}},
	{WAV, []string{"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"}, []string{"wav", "wave"}},
	{FLAC, []string{"audio/flac", "audio/x-flac"}, []string{"flac"}},
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

// ByMIME returns the type whose files are served with a media type, Unknown for any other.
func ByMIME(kind string) Type {
	for _, known := range types {
		if known.mimes[0] == kind {
			return known.name
		}
	}
	return Unknown
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

// DefaultTypes returns what may be uploaded unless the operator says otherwise: the types of the specification's limits.
func DefaultTypes() []Type { return []Type{JPEG, PNG, GIF, WebP, PDF, DOC, DOCX, ZIP} }

// Playable reports whether browsers play files of this type.
func (t Type) Playable() bool {
	return strings.HasPrefix(t.MIME(), "audio/") || strings.HasPrefix(t.MIME(), "video/")
}

// ParseTypes reads an allow list as an operator writes it, in any case: file name extensions ("jpg"), media types ("video/mp4")
// and classes of these ("audio/*"). Each stands for all types that it fits.
func ParseTypes(names []string) ([]Type, error) {
	list := []Type{}
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		class, isClass := strings.CutSuffix(name, "*")
		found := false
		for _, known := range types {
			if isClass && len(class) > 1 && strings.HasSuffix(class, "/") && strings.HasPrefix(known.mimes[0], class) ||
				slices.Contains(known.mimes, name) || slices.Contains(known.extensions, name) {
				found = true
				if !slices.Contains(list, known.name) {
					list = append(list, known.name)
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("unknown file type %q; there are %s", name, joined(AllTypes()))
		}
	}
	return list, nil
}

func joined(list []Type) string {
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
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
	if t == DOCX && !slices.Contains(byName, DOCX) && (slices.Contains(byName, ZIP) || slices.Contains(byMIME, ZIP)) {
		t = ZIP
	}
	if t == Unknown && byName == nil && byMIME == nil {
		return Unknown, fmt.Errorf("%w (content of no known type)", ErrTypeNotAllowed)
	}
	if !byName.fits(t) || !byMIME.fits(t) && (t != DOCX || !slices.Contains(byMIME, ZIP)) {
		return Unknown, fmt.Errorf("%w (declared %s, is %s)", ErrTypeMismatch, slices.Concat(byName, byMIME)[0], cmp.Or(t, "another"))
	}
	if !slices.Contains(p.Allowed, t) {
		return Unknown, fmt.Errorf("%w (%s)", ErrTypeNotAllowed, t)
	}
	return t, nil
}

// declared are the types that what the uploader says may stand for; nil says nothing.
type declared []Type

func (d declared) fits(t Type) bool { return d == nil || slices.Contains(d, t) }

func (p Policy) declaredByName(filename string) (d declared, err error) {
	ext := path.Ext(strings.TrimRight(filename, ". "))
	if ext == "" || ext == "." {
		return nil, nil
	}
	for _, known := range types {
		if slices.Contains(known.extensions, strings.ToLower(ext[1:])) && slices.Contains(p.Allowed, known.name) {
			d = append(d, known.name)
		}
	}
	if d == nil {
		err = fmt.Errorf("%w (%.20q)", ErrTypeNotAllowed, ext)
	}
	return d, err
}

func (p Policy) declaredByMIME(kind string) (d declared, err error) {
	if strings.TrimSpace(kind) == "" {
		return nil, nil
	}
	name, _, err := mime.ParseMediaType(kind)
	if name == "application/octet-stream" || name == "binary/octet-stream" {
		return nil, nil
	}
	for _, known := range types {
		if err == nil && slices.Contains(known.mimes, name) && slices.Contains(p.Allowed, known.name) {
			d = append(d, known.name)
		}
	}
	if d == nil {
		return nil, fmt.Errorf("%w (%.80q)", ErrTypeNotAllowed, kind)
	}
	return d, nil
}
