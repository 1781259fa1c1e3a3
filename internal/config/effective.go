package config

import (
	"net/url"
	"regexp"
	"strings"
)

// Origin says where a value comes from.
type Origin string

// The origins of a value, weakest first.
const (
	OriginDefault     Origin = "default"
	OriginFile        Origin = "file"
	OriginEnvironment Origin = "environment"
	OriginFlag        Origin = "flag"
)

// Value is one effective setting, fit to be shown: secrets are masked.
type Value struct {
	Key    string
	Value  string // as the environment would write it
	TOML   string // as the file would write it
	Origin Origin
}

// Effective lists every setting in the order of the reference.
func (c Config) Effective() []Value {
	settings := c.settings()
	out := make([]Value, len(settings))
	for i, s := range settings {
		v := Value{Key: s.key, Value: s.show(), TOML: s.literal(), Origin: OriginDefault}
		if s.secret {
			v.TOML = quote(v.Value)
		}
		if o, ok := c.origins[s.key]; ok {
			v.Origin = o
		}
		out[i] = v
	}
	return out
}

// Origin says where the value of a key comes from.
func (c Config) Origin(key string) Origin {
	if o, ok := c.origins[key]; ok {
		return o
	}
	return OriginDefault
}

// Setting describes one key, for the reference and the sample.
type Setting struct {
	Key     string
	Type    string // in words: "text", "duration", or the words to choose from
	Default string // as TOML writes it
	Doc     string // one or two sentences, may hold `code`
	Secret  bool   // wholly or in part; masked when shown
}

// Settings lists every key with its default, keys without a section first.
func Settings(serverName string) []Setting {
	c := Default(serverName)
	settings := c.settings()
	out := make([]Setting, len(settings))
	for i, s := range settings {
		out[i] = Setting{Key: s.key, Type: s.typ, Default: s.literal(), Doc: s.doc, Secret: s.secret}
	}
	return out
}

// EnvName is the environment variable of a key: prefix, then the key in upper
// case with its dots as underscores.
func EnvName(prefix, key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// mask stands for a secret.
const mask = "****"

var (
	secretWord  = regexp.MustCompile(`(?i)(pass|secret|token|key|credential)`)
	secretField = regexp.MustCompile(`(?i)(\w*(?:pass|secret|token|key|credential)\w*\s*=\s*)('[^']*'|\S+)`)
)

// RedactURL masks the password of an address, and every query parameter whose
// name sounds like a secret. What cannot be read as an address is masked whole,
// but for the word=value form of database drivers.
func RedactURL(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return mask
	case u.Scheme == "" && strings.Contains(s, "="):
		return secretField.ReplaceAllString(s, "${1}"+mask)
	case u.Scheme == "" || u.Opaque != "" && strings.Contains(u.Opaque, "@"):
		return mask
	}
	if u.User != nil {
		if _, has := u.User.Password(); has {
			u.User = url.UserPassword(u.User.Username(), "MASK")
		}
	}
	if u.RawQuery != "" {
		parts := strings.Split(u.RawQuery, "&")
		for i, p := range parts {
			if name, _, ok := strings.Cut(p, "="); ok && secretWord.MatchString(name) {
				parts[i] = name + "=" + mask
			}
		}
		u.RawQuery = strings.Join(parts, "&")
	}
	return strings.Replace(u.String(), ":MASK@", ":"+mask+"@", 1)
}
