package scan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded are real files, made by programs that people use.
var recorded = map[string]Type{
	"film.mp4": MP4, "film.mov": MOV, "film.webm": WebM, "film.ogv": OGV,
	"sound.mp3": MP3, "sound.m4a": M4A, "sound.ogg": OGG, "sound.weba": WebA, "sound.flac": FLAC,
	"film.mkv": Unknown, // Matroska, which browsers do not promise to play
}

func recording(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRecordingsAreTold(t *testing.T) {
	for name, want := range recorded {
		file := recording(t, name)
		got, err := Detect(t.Context(), bytes.NewReader(file), int64(len(file)))
		if got != want || err != nil {
			t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
		for _, cut := range []int{1, 4, 12, 40, len(file) / 3, len(file) - 1} { // is told or not, but never fails
			if got, err := Detect(t.Context(), bytes.NewReader(file[:cut]), int64(cut)); got != Unknown && got != want || err != nil {
				t.Errorf("%d bytes of %s are %q, %v", cut, name, got, err)
			}
		}
		if want == Unknown {
			continue
		}
		for _, more := range []string{"<script>alert(1)</script>", string(plainZip(t, "a.class", "b"))} {
			whole := append(bytes.Clone(file), more...)
			if got, err := Detect(t.Context(), bytes.NewReader(whole), int64(len(whole))); !errors.Is(err, ErrTypeNotAllowed) {
				t.Errorf("%s with %.10q behind it is %q, %v", name, more, got, err)
			}
		}
	}
}

// box makes one part of an MP4.
func box(kind string, content ...string) string {
	all := strings.Join(content, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(all)))) + kind + all
}

// wideBox makes one whose length has 64 bits.
func wideBox(kind, content string) string {
	return "\x00\x00\x00\x01" + kind + string(binary.BigEndian.AppendUint64(nil, uint64(16+len(content)))) + content
}

func brand(names ...string) string {
	return box("ftyp", names[0], "\x00\x00\x00\x00", strings.Join(names[1:], ""))
}

func track(handler string) string {
	return box("trak", box("tkhd", "…"), box("mdia", box("mdhd"), box("hdlr", "\x00\x00\x00\x00\x00\x00\x00\x00", handler, "\x00\x00\x00\x00")))
}

// element makes one part of a WebM; its length has two bytes.
func element(id string, content ...string) string {
	all := strings.Join(content, "")
	return id + string([]byte{0x40 | byte(len(all)>>8), byte(len(all))}) + all
}

// webmOf makes a file of a kind with tracks of types.
func webmOf(docType string, types ...string) string {
	var entries []string
	for _, kind := range types {
		entries = append(entries, element("\xae", element("\xd7", "\x01"), element("\x83", kind)))
	}
	return element("\x1a\x45\xdf\xa3", element("\x42\x86", "\x01"), element("\x42\x82", docType)) +
		"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + // of unknown length, as browsers record
		element("\xec", "void") + element("\x16\x54\xae\x6b", entries...) + element("\x1f\x43\xb6\x75", "…")
}

// page makes one page of an Ogg.
func page(flags byte, packet string) string {
	return "OggS\x00" + string(flags) + strings.Repeat("\x00", 20) + "\x01" + string([]byte{byte(len(packet))}) + packet
}

// frames makes sound of MPEG 1, layer III, 32 kbit/s at 48 kHz.
func frames(n int) string { return strings.Repeat("\xff\xfb\x14\xc4"+strings.Repeat("\x00", 92), n) }

func wavOf(parts ...string) string {
	all := "WAVE"
	for i := 0; i < len(parts); i += 2 {
		all += parts[i] + string(binary.LittleEndian.AppendUint32(nil, uint32(len(parts[i+1])))) + parts[i+1]
		if len(parts[i+1])%2 == 1 {
			all += "\x00"
		}
	}
	return "RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(all)))) + all
}

func TestDetectPlayable(t *testing.T) {
	id3 := func(size string, flags byte) string { return "ID3\x04\x00" + string(flags) + size }
	pcm := strings.Repeat("\x01", 16)
	for _, row := range []struct {
		name string
		file string
		want Type
	}{
		{"a film is one", brand("isom", "mp41") + box("moov", box("mvhd"), track("soun"), track("vide")), MP4},
		{"a film that ends with its table of contents is one", brand("mp42", "isom") + wideBox("mdat", "…") + box("moov", track("vide")), MP4},
		{"a film of an own brand that is also a common one is one", brand("XAVC", "mp42") + box("moov", track("vide")), MP4},
		{"a film without pictures is sound", brand("isom") + box("moov", track("soun")), M4A},
		{"sound with a cover is sound", brand("M4A ", "mp42") + box("moov", track("soun"), track("vide")), M4A},
		{"a film of QuickTime is one", brand("qt  ") + box("moov", track("vide")), MOV},
		{"subtitles alone are nothing we know", brand("isom") + box("moov", track("text")), Unknown},
		{"a file of an unknown brand is nothing we know", brand("crx ") + box("moov", track("vide")), Unknown},
		{"a picture in the same container is nothing we know", brand("heic", "mif1") + box("meta", box("hdlr", "\x00\x00\x00\x00\x00\x00\x00\x00pict")), Unknown},
		{"a picture that moves in the same container is nothing we know", brand("avis", "msf1", "iso8") + box("moov", track("pict")), Unknown},
		{"a film with two brands is nothing we know", brand("isom") + brand("qt  ") + box("moov", track("vide")), Unknown},
		{"a part longer than its whole is nothing we know", brand("isom") + box("moov", "\x00\x00\xff\xfftrak"), Unknown},
		{"a part shorter than its own head is nothing we know", brand("isom") + "\x00\x00\x00\x04moov" + track("vide"), Unknown},
		{"a brand alone is nothing we know", brand("isom"), Unknown},
		{"very many parts are nothing we know", brand("isom") + strings.Repeat(box("free"), maxBoxes) + box("moov", track("vide")), Unknown},

		{"a WebM with pictures is a film", webmOf("webm", "\x02", "\x01"), WebM},
		{"a WebM without pictures is sound", webmOf("webm\x00", "\x02"), WebA},
		{"a WebM of subtitles is nothing we know", webmOf("webm", "\x11"), Unknown},
		{"Matroska is nothing we know", webmOf("matroska", "\x01"), Unknown},
		{"a WebM that says nothing of its tracks is nothing we know", webmOf("webm"), Unknown},

		{"Opus is sound", page(2, "OpusHead\x01") + page(0, "…"), OGG},
		{"Vorbis is sound", page(2, "\x01vorbis"), OGG},
		{"an Ogg with pictures is a film", page(2, "\x01vorbis") + page(2, "\x80theora"), OGV},
		{"an Ogg of something else is nothing we know", page(2, "fishead\x00"), Unknown},
		{"an Ogg that begins in the middle is nothing we know", page(0, "OpusHead"), Unknown},

		{"frames that follow each other are sound", frames(3), MP3},
		{"two frames and an old tag are sound", frames(2) + "TAG" + strings.Repeat("\x00", 125), MP3},
		{"one frame is nothing we know", frames(1), Unknown},
		{"frames with something in between are nothing we know", frames(1) + "x" + frames(1), Unknown},
		{"frames after something else are nothing we know", "x" + frames(5), Unknown},
		{"frames behind a tag are sound", id3("\x00\x00\x00\x05", 0) + "title" + frames(3), MP3},
		{"frames behind a tag with its end marked are sound", id3("\x00\x00\x00\x05", 0x10) + "title" + strings.Repeat("3", 10) + frames(3), MP3},
		{"frames behind two tags and a gap are sound", id3("\x00\x00\x00\x01", 0) + "1" + id3("\x00\x00\x00\x01", 0) + "2" + strings.Repeat("\x00", 100) + frames(3), MP3},
		{"a tag of nothing is nothing we know", id3("\x00\x00\x00\x05", 0) + "title", Unknown},
		{"a tag longer than the file is nothing we know", id3("\x7f\x7f\x7f\x7f", 0) + frames(3), Unknown},

		{"samples with their format are sound", wavOf("fmt ", pcm, "LIST", "odd", "data", "…"), WAV},
		{"samples without their format are nothing we know", wavOf("data", "…", "fmt ", pcm), Unknown},
		{"a format without samples is nothing we know", wavOf("fmt ", pcm), Unknown},
		{"another file of the same family is nothing we know", "RIFF\x04\x00\x00\x00AVI ", Unknown},
		{"a FLAC without its first block is nothing we know", "fLaC\x04\x00\x00\x22", Unknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Detect(t.Context(), strings.NewReader(row.file), int64(len(row.file)))
			if got != row.want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, row.want)
			}
		})
	}
}

func TestDeclarationsOfPlayables(t *testing.T) {
	all := AllTypes()
	for _, row := range []struct {
		name           string
		allowed        []Type
		filename, mime string
		file           []byte
		want           Type
		err            *Error
	}{
		{"a film", all, "a.mp4", "video/mp4", recording(t, "film.mp4"), MP4, nil},
		{"sound in a file named like a film", all, "a.mp4", "video/mp4", recording(t, "sound.m4a"), M4A, nil},
		{"a film named like sound", all, "a.m4a", "", recording(t, "film.mp4"), "", ErrTypeMismatch},
		{"a film declared sound", all, "a.mp4", "audio/mp4", recording(t, "film.mp4"), "", ErrTypeMismatch},
		{"a recording of a browser", all, "voice.webm", "audio/webm;codecs=opus", recording(t, "sound.weba"), WebA, nil},
		{"a film declared sound, as a WebM", all, "a.webm", "audio/webm", recording(t, "film.webm"), "", ErrTypeMismatch},
		{"a film of QuickTime named MP4", all, "a.mp4", "", recording(t, "film.mov"), "", ErrTypeMismatch},
		{"Matroska named WebM", all, "a.webm", "video/webm", recording(t, "film.mkv"), "", ErrTypeMismatch},
		{"an Ogg", all, "a.ogg", "application/ogg", recording(t, "sound.ogg"), OGG, nil},
		{"an Ogg of Opus", all, "a.opus", "audio/ogg", recording(t, "sound.ogg"), OGG, nil},
		{"a picture declared a film", all, "a.mp4", "video/mp4", pngFile(t), "", ErrTypeMismatch},
		{"a page declared a film", all, "a.mp4", "video/mp4", []byte("<html>"), "", ErrTypeMismatch},
		{"a film declared a picture", all, "a.png", "", recording(t, "film.mp4"), "", ErrTypeMismatch},
		{"a film where none are taken", DefaultTypes(), "a.mp4", "video/mp4", recording(t, "film.mp4"), "", ErrTypeNotAllowed},
		{"a film without a name where none are taken", DefaultTypes(), "", "", recording(t, "film.mp4"), "", ErrTypeNotAllowed},
		{"sound in a film's container where only films are taken", []Type{MP4}, "a.mp4", "", recording(t, "sound.m4a"), "", ErrTypeMismatch},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Policy{row.allowed}.Check(t.Context(), bytes.NewReader(row.file), int64(len(row.file)), Meta{row.filename, row.mime})
			var refusal *Error
			if errors.As(err, &refusal); got != row.want || refusal != row.err {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
