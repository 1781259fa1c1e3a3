package scan

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	behind := func(file []byte, more string) []byte { return append(bytes.Clone(file), more...) }
	prefixed := append(rawZip(rawEntry{name: "a"}), rawZip(rawEntry{name: "b"})...)
	for _, row := range []struct {
		name string
		file []byte
		want Type
		err  error
	}{
		{"a JPEG is one", jpegFile(t), JPEG, nil},
		{"a PNG is one", pngFile(t), PNG, nil},
		{"a GIF is one", gifFile(t), GIF, nil},
		{"a WebP is one", webpFile(), WebP, nil},
		{"a PDF is one", pdfFile(), PDF, nil},
		{"an archive is one", plainZip(t, "a", "b"), ZIP, nil},
		{"an empty archive is one", rawZip(), ZIP, nil},
		{"an archive of a PDF and a page is one", rawZip(
			rawEntry{name: "p", content: pdfFile(), store: true}, rawEntry{name: "h", content: []byte("<html>"), store: true}), ZIP, nil},
		{"a document is one", docx(t, docxMain), DOCX, nil},
		{"a document with macros is an archive", docx(t, "application/vnd.ms-word.document.macroEnabled.main+xml"), ZIP, nil},
		{"a spreadsheet is an archive", plainZip(t, "[Content_Types].xml", "<Types/>", "xl/workbook.xml", ""), ZIP, nil},
		{"an old document is one", oleDoc(0, "Root Entry", "WordDocument"), DOC, nil},
		{"an old document with a long directory is one", oleDoc(3, "R", "1", "2", "3", "4", "5", "6", "7", "8", "WordDocument"), DOC, nil},
		{"an old document of 8 MB is one", oleDoc(16_000, "R", "1", "2", "3", "4", "WordDocument"), DOC, nil},
		{"an old spreadsheet is nothing we know", oleDoc(0, "Root Entry", "Workbook"), Unknown, nil},
		{"an old document cut short is nothing we know", oleDoc(0, "WordDocument")[:600], Unknown, nil},
		{"nothing is nothing we know", nil, Unknown, nil},
		{"a text is nothing we know", []byte("hello"), Unknown, nil},
		{"a page is nothing we know", []byte("<!doctype html><script>alert(1)</script>"), Unknown, nil},
		{"a vector picture is nothing we know", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), Unknown, nil},
		{"a shell script is nothing we know", []byte("#!/bin/sh\n"), Unknown, nil},
		{"a Windows program is nothing we know", []byte("MZ\x90\x00"), Unknown, nil},
		{"a lone start of an archive is nothing we know", []byte("PK\x03\x04 and so on"), Unknown, nil},
		{"a PDF after a line is nothing we know", append([]byte("\n"), pdfFile()...), Unknown, nil},
		{"a picture with a script in its comment is refused", []byte("GIF89a=1;/*<ScRiPt src=x>*/ and so on"), Unknown, ErrTypeNotAllowed},
		{"a picture with a script far behind is refused", behind(pngFile(t), text(100_000)+"<script>"), Unknown, ErrTypeNotAllowed},
		{"a picture with a script across two reads is refused",
			behind(pngFile(t), text(tailLen+16-len(pngFile(t))-3)+"<script>"), Unknown, ErrTypeNotAllowed},
		{"a picture with PHP behind is refused", behind(jpegFile(t), "<?php system($_GET['c']); ?>"), Unknown, ErrTypeNotAllowed},
		{"a picture with a page at its start is refused", []byte("GIF89a      \n<HTML><b>"), Unknown, ErrTypeNotAllowed},
		{"a picture with a PDF in it is refused", append([]byte("GIF89a      \n"), pdfFile()...), Unknown, ErrTypeNotAllowed},
		{"a picture with an archive behind is refused", append(jpegFile(t), plainZip(t, "a.class", "b")...), Unknown, ErrTypeNotAllowed},
		{"a picture with a shifted archive behind is refused", append(gifFile(t), append(rawZip(rawEntry{name: "a"}), "\n"...)...), Unknown, ErrTypeNotAllowed},
		{"a picture with an XMP packet is fine", behind(jpegFile(t), `<?xpacket begin=""?><x:xmpmeta><rdf:RDF/></x:xmpmeta>`), JPEG, nil},
		{"a picture with another picture behind is fine", append(jpegFile(t), jpegFile(t)...), JPEG, nil},
		{"a PDF with an archive behind is refused", append(pdfFile(), plainZip(t, "a", "b")...), Unknown, ErrTypeNotAllowed},
		{"a PDF that is a page, too, is refused", []byte("%PDF-1.4\n<html><script>"), Unknown, ErrTypeNotAllowed},
		{"an archive behind an archive is refused", prefixed, Unknown, ErrArchiveUnsafe},
		{"an archive that contradicts itself is refused", rawZip(rawEntry{name: "a", localName: "b"}), Unknown, ErrArchiveUnsafe},
		{"an archive that overlaps itself is refused", rawZip(rawEntry{name: "a"}, rawEntry{name: "a", sameAs: 1}), Unknown, ErrArchiveBomb},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Detect(t.Context(), bytes.NewReader(row.file), int64(len(row.file)))
			if got != row.want || !errors.Is(err, row.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	all, pictures := AllTypes(), []Type{JPEG, PNG}
	for _, row := range []struct {
		name     string
		allowed  []Type
		filename string
		mime     string
		file     []byte
		want     Type
		err      *Error
	}{
		{"name, type and content agree", all, "a.png", "image/png", pngFile(t), PNG, nil},
		{"the case of the name does not matter", all, "A.B.JPEG", "IMAGE/JPG; q=1", jpegFile(t), JPEG, nil},
		{"no extension and no type declare nothing", all, "picture", "", pngFile(t), PNG, nil},
		{"a stream of bytes declares nothing", all, "a.png", "application/octet-stream", pngFile(t), PNG, nil},
		{"a document may be declared an archive", all, "a.docx", "application/zip", docx(t, docxMain), DOCX, nil},
		{"a document named an archive is an archive", all, "a.zip", "", docx(t, docxMain), ZIP, nil},
		{"an archive is not a document", all, "a.docx", "", plainZip(t, "a", "b"), "", ErrTypeMismatch},
		{"a document with macros is not a document", all, "a.docx", "", docx(t, "macroEnabled"), "", ErrTypeMismatch},
		{"a picture with another picture's extension", all, "a.jpg", "", pngFile(t), "", ErrTypeMismatch},
		{"a picture with another picture's media type", all, "a.png", "image/gif", pngFile(t), "", ErrTypeMismatch},
		{"a page named a picture", all, "a.png", "image/png", []byte("<html>"), "", ErrTypeMismatch},
		{"a picture named a page", all, "a.html", "image/png", pngFile(t), "", ErrTypeNotAllowed},
		{"a picture declared a page", all, "a.png", "text/html", pngFile(t), "", ErrTypeNotAllowed},
		{"a picture declared nonsense", all, "a.png", ";;", pngFile(t), "", ErrTypeNotAllowed},
		{"a vector picture", all, "a.svg", "image/svg+xml", []byte("<svg/>"), "", ErrTypeNotAllowed},
		{"a program without a name", all, "", "", []byte("MZ"), "", ErrTypeNotAllowed},
		{"the last extension counts", all, "a.png.exe", "", pngFile(t), "", ErrTypeNotAllowed},
		{"dots and spaces at the end do not hide it", all, "a.exe. .", "", pngFile(t), "", ErrTypeNotAllowed},
		{"what is not on the list by name", pictures, "a.gif", "", gifFile(t), "", ErrTypeNotAllowed},
		{"what is not on the list by content", pictures, "a", "", gifFile(t), "", ErrTypeNotAllowed},
		{"an empty list allows nothing", nil, "a", "", pngFile(t), "", ErrTypeNotAllowed},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Policy{row.allowed}.Check(t.Context(), bytes.NewReader(row.file), int64(len(row.file)), Meta{row.filename, row.mime})
			if got != row.want {
				t.Errorf("type %q", got)
			}
			var refusal *Error
			if errors.As(err, &refusal) && refusal != row.err || row.err != nil && refusal == nil || row.err == nil && err != nil {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestTypes(t *testing.T) {
	for _, row := range []struct {
		names []string
		want  []Type
	}{
		{[]string{"JPG", " jpeg ", "zip", "png"}, []Type{JPEG, ZIP, PNG}},
		{[]string{"audio/*"}, []Type{MP3, M4A, OGG, WebA, WAV, FLAC}},
		{[]string{"Video/*", "mp4"}, []Type{MP4, MOV, WebM, OGV, M4A}},
		{[]string{"image/*", "image/png"}, []Type{JPEG, PNG, GIF, WebP}},
		{[]string{"audio/x-wav"}, []Type{WAV}},
		{nil, []Type{}},
	} {
		if got, err := ParseTypes(row.names); err != nil || got == nil || !slices.Equal(got, row.want) {
			t.Errorf("%q: %v, %v; want %v", row.names, got, err, row.want)
		}
	}
	for _, wrong := range []string{"exe", "", "*", "/*", "*/*", "text/*", "image/svg+xml", "image/pn*", "image"} {
		if got, err := ParseTypes([]string{"png", wrong}); err == nil || !strings.Contains(err.Error(), `"`+wrong+`"`) || !strings.Contains(err.Error(), "webm") {
			t.Errorf("%q: %v, %v", wrong, got, err)
		}
	}
	for _, typ := range AllTypes() {
		if ByMIME(typ.MIME()) != typ {
			t.Errorf("%s is served as %s", typ, typ.MIME())
		}
	}
	if ByMIME("text/html") != Unknown || ByMIME("application/octet-stream") != Unknown || ByMIME("image/svg+xml") != Unknown {
		t.Error("a page is a type")
	}
	pictures := 0
	for _, typ := range AllTypes() {
		if typ.MIME() == Unknown.MIME() {
			t.Errorf("%s has no media type", typ)
		}
		if typ.Image() {
			pictures++
		}
	}
	if pictures != 4 {
		t.Errorf("%d types are pictures", pictures)
	}
}

func TestCodesAreStable(t *testing.T) {
	for want, err := range map[string]*Error{
		"infected": ErrInfected, "archive_bomb": ErrArchiveBomb, "archive_unsafe": ErrArchiveUnsafe,
		"type_not_allowed": ErrTypeNotAllowed, "type_mismatch": ErrTypeMismatch,
	} {
		if err.ErrorCode() != want || err.Error() == "" {
			t.Errorf("%q has code %q", err, err.ErrorCode())
		}
	}
}

// FuzzDetect asserts that detecting ends, with a type or a refusal, and that nothing with a script in it comes
// through as a picture, sound or film.
func FuzzDetect(f *testing.F) {
	for _, seed := range [][]byte{
		jpegFile(f), pngFile(f), gifFile(f), webpFile(), pdfFile(), plainZip(f, "a", "b"), docx(f, docxMain),
		oleDoc(0, "WordDocument"), oleDoc(2, "R", "1", "2", "3", "WordDocument"), []byte("GIF89a=1;/*<script>*/"), {},
	} {
		f.Add(seed)
	}
	for name := range recorded {
		f.Add(recording(f, name))
	}
	for _, seed := range []string{webmOf("webm", "\x01"), brand("isom") + box("moov", track("vide")), page(2, "OpusHead"), frames(4), wavOf("fmt ", "0123456789abcdef", "data", "")} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := Detect(t.Context(), bytes.NewReader(file), int64(len(file)))
		var refusal *Error
		if err != nil && (!errors.As(err, &refusal) || got != Unknown) {
			t.Fatalf("%q, %v", got, err)
		}
		if (got.Image() || got.Playable()) && bytes.Contains(bytes.ToLower(file), []byte("<script")) {
			t.Fatal("let a script through")
		}
	})
}
