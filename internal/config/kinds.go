package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxCount bounds whole numbers that have no natural bound of their own.
const maxCount = math.MaxInt32

// setting binds one key to its field. A raw value is what TOML gives (string,
// int64, float64, bool, time, []any) or, from environment and flags, a string.
type setting struct {
	key, doc, typ string
	secret        bool            // the value, or a part of it, must not be shown
	decode        func(any) error // sets the field; the error says what it must be and what it is
	reset         func()          // sets the field to its default
	literal       func() string   // the field, as TOML writes it
	show          func() string   // the field, fit to be shown to the operator
}

// bind makes a setting from a parser and a formatter.
func bind[T any](field *T, key, typ string, def T, parse func(any) (T, error), format func(T) string, doc string) setting {
	show := func() string { return format(*field) }
	return setting{
		key: key, typ: typ, doc: doc,
		decode: func(raw any) error {
			v, err := parse(raw)
			if err == nil {
				*field = v
			}
			return err
		},
		reset:   func() { *field = def },
		literal: show,
		show:    show,
	}
}

// must is the text of a fault: what belongs here and what was found.
func must(be string, raw any) error {
	if s, ok := raw.(string); ok {
		raw = quote(s)
	}
	return fmt.Errorf("must be %s, got %v", be, raw)
}

// quote writes a string as TOML does.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func plain(s string) string { return s }

// A rule says what a text must be and returns it as it is to be used.
type rule func(string) (string, error)

var anyText rule = func(s string) (string, error) { return s, nil }

func (r rule) notEmpty() rule {
	return func(s string) (string, error) {
		if strings.TrimSpace(s) == "" {
			return "", errors.New("must not be empty")
		}
		return r(s)
	}
}

// max bounds the length in Unicode scalar values.
func (r rule) max(n int) rule {
	return func(s string) (string, error) {
		if utf8.RuneCountInString(s) > n {
			return "", fmt.Errorf("must be at most %d characters, got %d", n, utf8.RuneCountInString(s))
		}
		return r(s)
	}
}

func text(field *string, key, def string, valid rule, doc string) setting {
	s := bind(field, key, "text", def, func(raw any) (string, error) {
		s, ok := raw.(string)
		if !ok {
			return "", must("text in quotes", raw)
		}
		if !utf8.ValidString(s) {
			return "", errors.New("must be UTF-8")
		}
		return valid(s)
	}, plain, doc)
	s.literal = func() string { return quote(*field) }
	return s
}

func mustListen(s string) (string, error) {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", must("an address such as 127.0.0.1:8080", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", must("an address with a port between 0 and 65535", s)
	}
	return s, nil
}

func mayListen(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return mustListen(s)
}

func address(field *string, key, def string, valid rule, doc string) setting {
	s := text(field, key, def, valid, doc)
	s.typ = "address"
	return s
}

// webURL accepts an http or https address and drops its trailing slash.
func webURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", must("an address such as https://chat.example.org", s)
	}
	return strings.TrimRight(s, "/"), nil
}

// mustURL is webURL for what cannot be left empty.
func mustURL(s string) (string, error) {
	if s == "" {
		return "", errors.New("must not be empty")
	}
	return webURL(s)
}

var validateKeyPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{0,64}$`)

func validateKey(s string) (string, error) {
	if !validateKeyPattern.MatchString(s) {
		return "", must("up to 64 letters, digits, hyphens, dots and underscores", s)
	}
	return s, nil
}

// parseName takes a name of somebody elsewhere.
func parseName(s string) (string, bool) {
	return s, s != "" && len(s) <= 256 && utf8.ValidString(s)
}

func mailAddress(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return "", must("a bare mail address such as admin@example.org", s)
	}
	return s, nil
}

// pushSubject refuses what push services refuse: a full mailto: value and names
// that are not public.
func pushSubject(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	host := ""
	if u, err := url.Parse(s); err == nil && u.Scheme == "https" {
		host = u.Hostname()
	} else if a, err := mailAddress(s); err == nil {
		_, host, _ = strings.Cut(a, "@")
	}
	if !strings.Contains(host, ".") {
		return "", must("an https address or a bare mail address on a public domain", s)
	}
	return s, nil
}

// clamdAddress is the absolute path of a Unix socket, or host:port.
func clamdAddress(s string) (string, error) {
	if strings.HasPrefix(s, "/") {
		return s, nil
	}
	if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port == "" {
		return "", must("the path of a Unix socket or an address such as 127.0.0.1:3310", s)
	}
	return s, nil
}

func token(field *string, key, doc string) setting {
	s := text(field, key, "", func(s string) (string, error) {
		if s != "" && len(s) < 16 {
			return "", fmt.Errorf("must be at least 16 characters, got %d", len(s))
		}
		return s, nil
	}, doc)
	s.secret = true
	s.show = func() string {
		if *field == "" {
			return ""
		}
		return mask
	}
	return hideRaw(s, "text in quotes")
}

// secretURL is an address that may carry a password. schemes nil allows any.
func secretURL(field *string, key, example string, schemes []string, doc string) setting {
	be := "an address such as " + example
	s := text(field, key, "", func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		scheme, rest, ok := strings.Cut(s, ":")
		if _, err := url.Parse(s); err != nil || !ok || rest == "" || schemes != nil && !slices.Contains(schemes, scheme) {
			return "", errors.New("must be " + be + ", got " + RedactURL(s))
		}
		return s, nil
	}, doc)
	s.typ, s.secret = "address", true
	s.show = func() string { return RedactURL(*field) }
	return hideRaw(s, be)
}

// hideRaw keeps a value that is not even text out of the fault.
func hideRaw(s setting, be string) setting {
	decode := s.decode
	s.decode = func(raw any) error {
		if _, ok := raw.(string); !ok {
			return fmt.Errorf("must be %s", be)
		}
		return decode(raw)
	}
	return s
}

// oneOf is a choice of words.
func oneOf[T ~string](field *T, key string, def T, words []T, doc string) setting {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(string(w))
	}
	be := strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
	s := bind(field, key, strings.Join(quoted, ", "), def, func(raw any) (T, error) {
		if s, ok := raw.(string); ok && slices.Contains(words, T(s)) {
			return T(s), nil
		}
		return "", must(be, raw)
	}, func(v T) string { return string(v) }, doc)
	s.literal = func() string { return quote(string(*field)) }
	return s
}

func toggle(field *bool, key string, def bool, doc string) setting {
	return bind(field, key, "true or false", def, func(raw any) (bool, error) {
		switch v := raw.(type) {
		case bool:
			return v, nil
		case string:
			switch strings.ToLower(v) {
			case "true", "on", "yes", "1":
				return true, nil
			case "false", "off", "no", "0":
				return false, nil
			}
		}
		return false, must("true or false", raw)
	}, strconv.FormatBool, doc)
}

// whole reads a whole number, also from text: the environment has nothing else.
func whole(raw any) (int64, bool) {
	switch v := raw.(type) {
	case int64:
		return v, true
	case string:
		n, err := strconv.ParseInt(strings.ReplaceAll(strings.TrimSpace(v), "_", ""), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func number(field *int, key string, def, least, most int, doc string) setting {
	be := fmt.Sprintf("a whole number from %d to %d", least, most)
	if most == maxCount {
		be = fmt.Sprintf("a whole number from %d", least)
	}
	return bind(field, key, "number", def, func(raw any) (int, error) {
		n, ok := whole(raw)
		if !ok || n < int64(least) || n > int64(most) {
			return 0, must(be, raw)
		}
		return int(n), nil
	}, strconv.Itoa, doc)
}

// rate is a number of events in the time its key names.
func rate(field *int, key string, def int, doc string) setting {
	return number(field, key, def, 0, maxCount, doc+" 0: no limit.")
}

var sizeUnits = map[string]int64{
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
}

// size is a number of bytes: 10485760 or "10 MiB".
func size(field *int64, key string, def, least, most int64, doc string) setting {
	s := bind(field, key, "bytes", def, func(raw any) (int64, error) {
		n, ok := whole(raw)
		if s, isText := raw.(string); !ok && isText {
			digits := strings.TrimRight(s, "kKMGTiB")
			unit := sizeUnits[s[len(digits):]]
			n, ok = whole(digits)
			ok = ok && unit > 0 && n <= math.MaxInt64/unit
			n *= unit
		}
		switch {
		case !ok:
			return 0, must("a number of bytes", raw)
		case n < least || n > most:
			return 0, must("a number of bytes from "+formatSize(least)+" to "+formatSize(most), raw)
		}
		return n, nil
	}, formatSize, doc)
	s.literal = func() string { return quote(formatSize(*field)) }
	return s
}

func formatSize(n int64) string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if f := sizeUnits[unit]; n >= f && n%f == 0 {
			return strconv.FormatInt(n/f, 10) + " " + unit
		}
	}
	return strconv.FormatInt(n, 10)
}

func duration(field *time.Duration, key string, def, least, most time.Duration, doc string) setting {
	s := bind(field, key, "duration", def, func(raw any) (time.Duration, error) {
		s, ok := raw.(string)
		d, err := time.ParseDuration(strings.TrimSpace(s))
		if !ok || err != nil {
			return 0, must(`a duration such as "90s" or "15m"`, raw)
		}
		if d < least || d > most {
			return 0, must("a duration from "+formatDuration(least)+" to "+formatDuration(most), raw)
		}
		return d, nil
	}, formatDuration, doc)
	s.literal = func() string { return quote(formatDuration(*field)) }
	return s
}

// formatDuration writes 15m, not 15m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// list is an array in TOML and comma-separated in the environment.
func list[T any](field *[]T, key string, def []T, be string, parse func(string) (T, bool), format func(T) string, doc string) setting {
	s := bind(field, key, "list", def, func(raw any) ([]T, error) {
		var items []any
		switch v := raw.(type) {
		case []any:
			items = v
		case string:
			for item := range strings.SplitSeq(v, ",") {
				if item = strings.TrimSpace(item); item != "" {
					items = append(items, item)
				}
			}
		default:
			return nil, must(be, raw)
		}
		var out []T
		for _, item := range items {
			s, ok := item.(string)
			if !ok {
				return nil, must(be, item)
			}
			v, ok := parse(s)
			if !ok {
				return nil, must(be, s)
			}
			out = append(out, v)
		}
		return out, nil
	}, func(items []T) string { return joined(items, format) }, doc)
	s.literal = func() string { return "[" + joined(*field, func(v T) string { return quote(format(v)) }) + "]" }
	return s
}

func joined[T any](items []T, format func(T) string) string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = format(item)
	}
	return strings.Join(parts, ", ")
}

// parsePrefix takes a network or a single address.
func parsePrefix(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

var hostName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

func parseHost(s string) (string, bool) {
	if _, err := netip.ParseAddr(s); err == nil {
		return s, true
	}
	return strings.ToLower(s), len(s) <= 253 && hostName.MatchString(s)
}

// parsePluginHost takes a host name, one with an asterisk for the names below it, or an asterisk for all.
func parsePluginHost(s string) (string, bool) {
	if s == "*" {
		return s, true
	}
	name := strings.TrimPrefix(s, "*.")
	if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") {
		return "", false
	}
	return strings.ToLower(s), len(s) <= 253 && hostName.MatchString(name)
}

// parseLine takes any short text on one line.
func parseLine(s string) (string, bool) {
	return s, s != "" && len(s) <= 200 && !strings.ContainsFunc(s, unicode.IsControl)
}

var iceAddress = regexp.MustCompile(`^(stun|turn)s?:([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\?transport=(udp|tcp))?$`)

// parseICE takes the address of a STUN or TURN server (RFC 7064 §3.1, RFC 7065 §3.1).
func parseICE(s string) (string, bool) {
	return s, iceAddress.MatchString(s) && !(strings.HasPrefix(s, "stun") && strings.Contains(s, "?"))
}

// parseOrigin takes what a browser sends as Origin.
func parseOrigin(s string) (string, bool) {
	if s == "*" {
		return s, true
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.String() != u.Scheme+"://"+u.Host {
		return "", false
	}
	return strings.ToLower(s), true
}

var fileType = regexp.MustCompile(`^([a-z0-9]{1,10}|[a-z]+/(\*|[a-z0-9][a-z0-9.+-]*))$`)

// parseFileType takes the form of an ending, a media type or a class of these; which of them there are, the scanner knows.
func parseFileType(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	return s, fileType.MatchString(s)
}
