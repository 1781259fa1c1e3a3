package scan

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
)

// Bounds of what is looked at to tell one sound or film from another; files for browsers have far less.
const (
	maxBoxes    = 256 // in one level of an MP4 or a WebM
	maxStreams  = 16  // of an Ogg
	maxWAVParts = 64
	maxTags     = 4 // before an MP3's sound
	mp3Frames   = 3 // that must follow each other
	maxMP3Lead  = 4 << 10
)

// detectPlayable tells what the file is that begins like one of the types with sound or moving pictures: by what is in its
// container, because that decides with which media type browsers play it.
func detectPlayable(r io.ReaderAt, size int64, begins Type) (Type, error) {
	switch begins {
	case MP4:
		return detectMP4(r, size)
	case WebM:
		return detectWebM(r, size)
	case OGG:
		return detectOgg(r, size)
	case MP3:
		return detectMP3(r, size)
	case WAV:
		return detectWAV(r, size)
	}
	return begins, nil
}

// span is a part of a file: where its content begins and ends.
type span struct{ from, to int64 }

// bytes reads the first bytes of a part, up to most of them.
func (s span) bytes(r io.ReaderAt, most int64) ([]byte, error) {
	b := make([]byte, max(0, min(most, s.to-s.from)))
	return b, readAt(r, b, s.from)
}

// eachBox calls see for the boxes of a part (ISO/IEC 14496-12, 4.2) until one of them does not fit into it, see returns false,
// or there are too many.
func eachBox(r io.ReaderAt, in span, see func(kind string, content span) (more bool, err error)) error {
	var h [16]byte
	for range maxBoxes {
		if in.to-in.from < 8 {
			return nil
		}
		n := min(int64(len(h)), in.to-in.from)
		if err := readAt(r, h[:n], in.from); err != nil {
			return err
		}
		length, head := int64(binary.BigEndian.Uint32(h[:])), int64(8)
		switch {
		case length == 0: // to the end
			length = in.to - in.from
		case length == 1 && n == 16:
			length, head = int64(binary.BigEndian.Uint64(h[8:])), 16
		}
		if length < head || length > in.to-in.from {
			return nil
		}
		more, err := see(string(h[4:8]), span{in.from + head, in.from + length})
		if err != nil || !more {
			return err
		}
		in.from += length
	}
	return nil
}

// tracks are the kinds of content of a file.
type tracks struct{ sound, picture bool }

// detectMP4 tells films, films of QuickTime and sound in this container from pictures and what else is in it.
func detectMP4(r io.ReaderAt, size int64) (Type, error) {
	var brands []string // the first is the main one
	var has tracks
	err := eachBox(r, span{0, size}, func(kind string, content span) (bool, error) {
		if (kind == "ftyp") != (brands == nil) {
			return kind != "ftyp" && brands != nil, nil // exactly one, and first
		}
		switch kind {
		case "ftyp":
			b, err := content.bytes(r, headLen)
			if err != nil || len(b) < 8 {
				return false, err
			}
			for brands = []string{string(b[:4])}; len(b) >= 12; b = b[4:] {
				brands = append(brands, string(b[8:12]))
			}
		case "moov":
			return false, eachBox(r, content, func(kind string, content span) (bool, error) {
				if kind != "trak" {
					return true, nil
				}
				return true, has.ofTrack(r, content)
			})
		}
		return true, nil
	})
	if err != nil || !has.sound && !has.picture {
		return Unknown, err
	}
	plain := slices.ContainsFunc(brands, func(brand string) bool {
		return strings.HasPrefix(brand, "iso") || slices.Contains([]string{"mp41", "mp42", "avc1", "M4V ", "dash", "MSNV"}, brand)
	})
	switch {
	case brands[0] == "qt  ":
		return MOV, nil
	case (brands[0] == "M4A " || brands[0] == "M4B ") && has.sound: // a picture is its cover
		return M4A, nil
	case plain && has.picture:
		return MP4, nil
	case plain:
		return M4A, nil
	}
	return Unknown, nil
}

// ofTrack notes what a track's handler is for.
func (t *tracks) ofTrack(r io.ReaderAt, track span) error {
	return eachBox(r, track, func(kind string, content span) (bool, error) {
		if kind != "mdia" {
			return true, nil
		}
		return false, eachBox(r, content, func(kind string, content span) (bool, error) {
			if kind != "hdlr" {
				return true, nil
			}
			b, err := content.bytes(r, 12)
			if err == nil && len(b) == 12 {
				t.sound = t.sound || string(b[8:]) == "soun"
				t.picture = t.picture || string(b[8:]) == "vide"
			}
			return false, err
		})
	})
}

// The elements of a WebM that tell what is in it (RFC 8794, RFC 9559).
const (
	ebmlHeader    = 0x1a45dfa3
	ebmlDocType   = 0x4282
	webmSegment   = 0x18538067
	webmCluster   = 0x1f43b675
	webmTracks    = 0x1654ae6b
	webmTrack     = 0xae
	webmTrackType = 0x83
)

// eachElement calls see for the elements of a part until one of them does not fit into it, see returns false, or there are too
// many. One of unknown length reaches to the end.
func eachElement(r io.ReaderAt, in span, see func(id uint64, content span) (more bool, err error)) error {
	var h [12]byte
	for range maxBoxes {
		b := h[:max(0, min(int64(len(h)), in.to-in.from))]
		if err := readAt(r, b, in.from); err != nil {
			return err
		}
		id, n := vint(b, 4)
		length, m := vint(b[n:], 8)
		if n == 0 || m == 0 {
			return nil
		}
		length &^= 1 << (7 * m) // the mark of how long the number is
		content := span{in.from + int64(n+m), in.to}
		if length != 1<<(7*m)-1 {
			if length > uint64(content.to-content.from) {
				return nil
			}
			content.to = content.from + int64(length)
		}
		more, err := see(id, content)
		if err != nil || !more {
			return err
		}
		in.from = content.to
	}
	return nil
}

// vint reads a number of at most so many bytes, with the bit that says how many they are, and returns their number; 0 when there
// is none.
func vint(b []byte, most int) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	for n = 1; n <= most && b[0]&(0x80>>(n-1)) == 0; n++ {
	}
	if n > most || n > len(b) {
		return 0, 0
	}
	for _, c := range b[:n] {
		v = v<<8 | uint64(c)
	}
	return v, n
}

// detectWebM tells films from sound, and both from Matroska files, which browsers do not play.
func detectWebM(r io.ReaderAt, size int64) (Type, error) {
	webm := false
	var has tracks
	err := eachElement(r, span{0, size}, func(id uint64, content span) (bool, error) {
		switch id {
		case ebmlHeader:
			return true, eachElement(r, content, func(id uint64, content span) (bool, error) {
				if id != ebmlDocType {
					return true, nil
				}
				name, err := content.bytes(r, 16)
				webm = strings.TrimRight(string(name), "\x00") == "webm"
				return false, err
			})
		case webmSegment:
			return false, eachElement(r, content, func(id uint64, content span) (bool, error) {
				if id != webmTracks {
					return id != webmCluster, nil
				}
				return false, eachElement(r, content, func(id uint64, content span) (bool, error) {
					if id != webmTrack {
						return true, nil
					}
					return true, has.ofEntry(r, content)
				})
			})
		}
		return webm, nil
	})
	switch {
	case err != nil || !webm:
		return Unknown, err
	case has.picture:
		return WebM, nil
	case has.sound:
		return WebA, nil
	}
	return Unknown, nil
}

// ofEntry notes what a track of a WebM is.
func (t *tracks) ofEntry(r io.ReaderAt, entry span) error {
	return eachElement(r, entry, func(id uint64, content span) (bool, error) {
		if id != webmTrackType {
			return true, nil
		}
		b, err := content.bytes(r, 8)
		if err == nil && len(b) > 0 {
			t.picture = t.picture || b[len(b)-1] == 1
			t.sound = t.sound || b[len(b)-1] == 2
		}
		return false, err
	})
}

// detectOgg tells films from sound by the first packet of each stream (RFC 3533, RFC 5334).
func detectOgg(r io.ReaderAt, size int64) (Type, error) {
	var has tracks
	at := int64(0)
	for range maxStreams {
		var h [27]byte
		if size-at < int64(len(h)) {
			break
		}
		if err := readAt(r, h[:], at); err != nil {
			return Unknown, err
		}
		const first = 2 // of a stream
		if string(h[:5]) != "OggS\x00" || h[5]&first == 0 {
			break
		}
		lengths, err := span{at + int64(len(h)), size}.bytes(r, int64(h[26]))
		if err != nil {
			return Unknown, err
		}
		packet := span{at + int64(len(h)) + int64(len(lengths)), size}
		b, err := packet.bytes(r, 8)
		if err != nil {
			return Unknown, err
		}
		is := func(marks ...string) bool {
			return slices.ContainsFunc(marks, func(mark string) bool { return bytes.HasPrefix(b, []byte(mark)) })
		}
		has.picture = has.picture || is("\x80theora")
		has.sound = has.sound || is("OpusHead", "\x01vorbis", "\x7fFLAC", "Speex   ")
		at = packet.from
		for _, n := range lengths {
			at += int64(n)
		}
	}
	switch {
	case has.picture:
		return OGV, nil
	case has.sound:
		return OGG, nil
	}
	return Unknown, nil
}

// detectMP3 looks for frames that follow each other (ISO/IEC 11172-3, 2.4), behind tags (ID3v2) if there are any.
func detectMP3(r io.ReaderAt, size int64) (Type, error) {
	at, lead := int64(0), int64(0)
	for range maxTags {
		h, err := span{at, size}.bytes(r, 10)
		if err != nil {
			return Unknown, err
		}
		if len(h) < 10 || string(h[:3]) != "ID3" || (h[6]|h[7]|h[8]|h[9])&0x80 != 0 {
			break
		}
		at += 10 + int64(h[6])<<21 + int64(h[7])<<14 + int64(h[8])<<7 + int64(h[9])
		if h[5]&0x10 != 0 {
			at += 10 // once more at its end
		}
		lead = maxMP3Lead // some leave a little room
	}
	start, err := span{at, size}.bytes(r, lead+4)
	if err != nil {
		return Unknown, err
	}
	for i := 0; i+4 <= len(start); i++ {
		if mp3Frame(start[i:]) == 0 {
			continue
		}
		if ok, err := mp3FramesAt(r, span{at + int64(i), size}); ok || err != nil {
			return MP3, err
		}
	}
	return Unknown, nil
}

// mp3FramesAt reports whether a part begins with frames that follow each other.
func mp3FramesAt(r io.ReaderAt, in span) (bool, error) {
	for n := 0; n < mp3Frames; n++ {
		h, err := in.bytes(r, 4)
		if err != nil {
			return false, err
		}
		if n > 1 && (len(h) == 0 || bytes.HasPrefix(h, []byte("TAG"))) {
			return true, nil // a very short one
		}
		length := mp3Frame(h)
		if length == 0 {
			return false, nil
		}
		in.from += length
	}
	return true, nil
}

// mp3Frame returns the length of the frame of layer III that a header begins, 0 if it does not begin one.
func mp3Frame(h []byte) int64 {
	if len(h) < 4 || h[0] != 0xff || h[1]&0xe6 != 0xe2 { // the mark of a frame, and the layer
		return 0
	}
	version, rate, sampling := h[1]>>3&3, h[2]>>4, h[2]>>2&3
	if version == 1 || rate == 0 || rate == 15 || sampling == 3 {
		return 0
	}
	kbit := [2][15]int64{ // MPEG 2 and 2.5, MPEG 1
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	}
	hertz := []int64{44100, 48000, 32000}[sampling]
	padding := int64(h[2] >> 1 & 1)
	switch version {
	case 3:
		return 144_000*kbit[1][rate]/hertz + padding
	case 2:
		return 72_000*kbit[0][rate]/(hertz/2) + padding
	}
	return 72_000*kbit[0][rate]/(hertz/4) + padding
}

// detectWAV looks for the two parts without which there is no sound.
func detectWAV(r io.ReaderAt, size int64) (Type, error) {
	format := false
	at := int64(12)
	for range maxWAVParts {
		h, err := span{at, size}.bytes(r, 8)
		if err != nil || len(h) < 8 {
			return Unknown, err
		}
		length := int64(binary.LittleEndian.Uint32(h[4:]))
		switch string(h[:4]) {
		case "fmt ":
			format = length >= 16
		case "data":
			if format {
				return WAV, nil
			}
			return Unknown, nil
		}
		at += 8 + length + length&1
	}
	return Unknown, nil
}
