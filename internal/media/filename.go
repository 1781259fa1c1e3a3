package media

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxFilename is the length in bytes that leaves room for a prefix on every common file system.
	maxFilename = 200
	// maxExtension is what still looks like an extension, dot included.
	maxExtension = 20
	namelessFile = "file"
)

// SanitizeFilename makes a name that can be shown, and saved on any system, from what an uploader sent. It keeps the
// readable part of the last path element, of either kind of slash: no control, formatting (text direction, zero
// width) or other invisible characters, no characters or device names that Windows reserves, no dots or spaces at
// either end, at most 200 bytes of valid UTF-8 with the extension kept. It is never empty, and the result for a
// result is the same.
func SanitizeFilename(name string) string {
	name = strings.TrimRightFunc(name, func(r rune) bool { return r == '/' || r == '\\' })
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	var b strings.Builder
	for _, r := range name {
		switch {
		case r == utf8.RuneError, invisible(r):
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case strings.ContainsRune(`<>:"|?*`, r):
			b.WriteByte('_')
		default:
			b.WriteRune(r)
		}
		if b.Len() > 64<<10 {
			break // far more than is kept; the extension of such a name is lost
		}
	}
	name = trimName(strings.Join(strings.Fields(b.String()), " "))
	if reservedName(name) {
		name = "_" + name
	}
	name = shorten(name)
	if name == "" {
		return namelessFile
	}
	return name
}

// invisible reports whether nothing is seen of a character, or what is seen is something else.
func invisible(r rune) bool {
	switch r {
	case '\t', '\n', '\v', '\f', '\r', '\u0085', '\u2028', '\u2029':
		return false // white space, if of a kind that does not belong here
	case '\u034f', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u2800', '\u3164', '\uffa0':
		return true // letters, marks and symbols by category, but blank
	}
	return !unicode.IsGraphic(r)
}

func trimName(name string) string { return strings.Trim(name, ". ") }

// reservedName reports whether Windows takes a name for a device, whatever its extension.
func reservedName(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(stem, "COM")
	if !ok {
		port, ok = strings.CutPrefix(stem, "LPT")
	}
	return ok && utf8.RuneCountInString(port) == 1 && strings.Contains("0123456789¹²³", port)
}

// shorten cuts the middle out of a name that is too long: what is before the extension gives way.
func shorten(name string) string {
	if len(name) <= maxFilename {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > maxExtension || strings.Contains(ext, " ") {
		ext = ""
	}
	stem := name[:maxFilename-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return trimName(stem) + ext
}

// ContentDisposition returns the value of the HTTP header of that name (RFC 6266): "inline" for what the client may
// show in place, else "attachment", with the sanitised name. A name beyond plain ASCII is given twice, readably for
// old clients and exactly in the form of RFC 8187.
func ContentDisposition(filename string, inline bool) string {
	filename = SanitizeFilename(filename)
	kind := "attachment"
	if inline {
		kind = "inline"
	}
	var plain, exact strings.Builder
	same := true
	for _, r := range filename {
		// A percent sign is plain, too, but some clients decode it even there.
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			plain.WriteByte('_')
			same = false
		} else {
			plain.WriteRune(r)
		}
	}
	value := kind + `; filename="` + plain.String() + `"`
	if same {
		return value
	}
	const digits, attrChars = "0123456789ABCDEF", "!#$&+-.^_`|~"
	for i := range len(filename) {
		c := filename[i]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte(attrChars, c) >= 0:
			exact.WriteByte(c)
		default:
			exact.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return value + "; filename*=UTF-8''" + exact.String()
}
