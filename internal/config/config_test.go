package config

import (
	"errors"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const prefix = "TESTAPP_"

// source is a Source with the given file content ("" = no file), environment and flags.
func source(t *testing.T, content string, environ []string, overrides map[string]string) Source {
	t.Helper()
	src := Source{ServerName: "Testers", EnvPrefix: prefix, Environ: environ, Overrides: overrides}
	if content != "" {
		src.File = filepath.Join(t.TempDir(), "test.toml")
		if err := os.WriteFile(src.File, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return src
}

func TestPrecedence(t *testing.T) {
	const file = "listen = \"127.0.0.1:1\"\nheartbeat = \"1m\"\n[limits]\nmessages_per_10s = 20\n"
	rows := []struct {
		name      string
		file      string
		environ   []string
		overrides map[string]string
		listen    string
		origin    Origin
		messages  int
	}{
		{"nothing is configured", "", nil, nil, "127.0.0.1:8080", OriginDefault, 10},
		{"the file beats the default", file, nil, nil, "127.0.0.1:1", OriginFile, 20},
		{"the environment beats the file", file, []string{"TESTAPP_LISTEN=127.0.0.1:2"}, nil, "127.0.0.1:2", OriginEnvironment, 20},
		{"a flag beats the environment", file, []string{"TESTAPP_LISTEN=127.0.0.1:2"}, map[string]string{"listen": "127.0.0.1:3"}, "127.0.0.1:3", OriginFlag, 20},
		{"a key with underscores in a section is found", file, []string{"TESTAPP_LIMITS_MESSAGES_PER_10S=0"}, nil, "127.0.0.1:1", OriginFile, 0},
		{"a variable without the prefix is nothing to us", "", []string{"LISTEN=x", "OTHER_LISTEN=y"}, nil, "127.0.0.1:8080", OriginDefault, 10},
		{"a fault that is overridden does not matter", "listen = 5\n", []string{"TESTAPP_LISTEN=:80"}, nil, ":80", OriginEnvironment, 10},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			cfg, warnings, err := Load(source(t, r.file, r.environ, r.overrides))
			if err != nil || len(warnings) > 0 {
				t.Fatalf("Load: %v, warnings %v", err, warnings)
			}
			if cfg.Listen != r.listen || cfg.Origin("listen") != r.origin || cfg.Limits.MessagesPer10s != r.messages {
				t.Errorf("got listen %s from %s, messages_per_10s %d", cfg.Listen, cfg.Origin("listen"), cfg.Limits.MessagesPer10s)
			}
		})
	}
}

func TestValues(t *testing.T) {
	cfg, _, err := Load(source(t, `
operator_listen = ""
trusted_proxies = ["10.1.2.3/8", "::1"]
public_url = "https://chat.example.org/"
[tls]
mode = "self_signed"
hosts = ["Chat.Example.org", "192.0.2.1"]
[limits]
attachment_bytes = "25 MiB"
attachment_types = ["PNG", "audio/*", "video/mp4"]
body_bytes = 2_000_000
edit_window = "1h30m"
[dialects]
portal = false
`, []string{"TESTAPP_DIALECTS_ORIGIN=off", "TESTAPP_CORS_ORIGINS=https://a.example, https://b.example:8443",
		"TESTAPP_REGISTRATION=invite", "TESTAPP_LIMITS_WS_QUEUE_BYTES=131072", "TESTAPP_SESSION_TTL=12h"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Default("Testers")
	want.OperatorListen = ""
	want.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	want.PublicURL = "https://chat.example.org"
	want.TLS.Mode, want.TLS.Hosts = TLSSelfSigned, []string{"chat.example.org", "192.0.2.1"}
	want.Limits.AttachmentTypes = []string{"png", "audio/*", "video/mp4"}
	want.Limits.AttachmentBytes, want.Limits.BodyBytes, want.Limits.EditWindow = 25<<20, 2_000_000, 90*time.Minute
	want.Limits.WSQueueBytes, want.SessionTTL = 131072, 12*time.Hour
	want.Dialects.Portal, want.Dialects.Origin = false, false
	want.CORS.Origins = []string{"https://a.example", "https://b.example:8443"}
	want.Registration = RegistrationInvite
	cfg.origins = nil
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
}

func TestFaults(t *testing.T) {
	rows := []struct {
		name string
		file string
		env  string
		want string // all faults, joined with " | ", without the place
	}{
		{"a size that is a word", "limits.attachment_bytes = 'big'", "", `limits.attachment_bytes: must be a number of bytes, got "big"`},
		{"a size beyond what fits", "limits.attachment_bytes = '99999999999 TiB'", "", `limits.attachment_bytes: must be a number of bytes, got "99999999999 TiB"`},
		{"a size below the least", "limits.attachment_bytes = -1", "", `limits.attachment_bytes: must be a number of bytes from 1 KiB to 1 TiB, got -1`},
		{"a number that is a fraction", "limits.invite_days = 1.5", "", `limits.invite_days: must be a whole number from 1 to 3650, got 1.5`},
		{"an empty number in the environment", "", "TESTAPP_LIMITS_LOGIN_PER_MINUTE=", `limits.login_per_minute: must be a whole number from 0, got ""`},
		{"a negative rate", "limits.login_per_minute = -1", "", `limits.login_per_minute: must be a whole number from 0, got -1`},
		{"text where a switch belongs", "link_previews = 'maybe'", "", `link_previews: must be true or false, got "maybe"`},
		{"a number where text belongs", "data = 5", "", `data: must be text in quotes, got 5`},
		{"an empty data directory", "data = ' '", "", `data: must not be empty`},
		{"a duration without unit", "heartbeat = 30", "", `heartbeat: must be a duration such as "90s" or "15m", got 30`},
		{"a duration out of range", "session_ttl = '1s'", "", `session_ttl: must be a duration from 1m to 8760h, got "1s"`},
		{"an unknown word", "registration = 'yes'", "", `registration: must be "open", "invite" or "closed", got "yes"`},
		{"an address without port", "listen = 'localhost'", "", `listen: must be an address such as 127.0.0.1:8080, got "localhost"`},
		{"a port that is none", "listen = ':99999'", "", `listen: must be an address with a port between 0 and 65535, got ":99999"`},
		{"the main listener cannot be off", "listen = ''", "", `listen: must be an address such as 127.0.0.1:8080, got ""`},
		{"a type of file that is none", "limits.attachment_types = ['png', 'p n g']", "", `limits.attachment_types: must be a list of file types such as "png", "video/mp4" or "audio/*", got "p n g"`},
		{"a proxy that is no address", "trusted_proxies = ['10.0.0.0/8', 'proxy']", "", `trusted_proxies: must be a list of addresses or networks, got "proxy"`},
		{"an origin with a path", "cors.origins = ['https://a.example/x']", "", `cors.origins: must be a list of origins such as https://app.example.org, got "https://a.example/x"`},
		{"an unknown key with a neighbour", "limits.message_per_10s = 5", "", `limits.message_per_10s: unknown key; did you mean limits.messages_per_10s?`},
		{"an unknown key without one", "colour = 'red'", "", `colour: unknown key`},
		{"an unknown section", "[colours]\n", "", `colours: unknown key`},
		{"a value where a section belongs", "limits = 5", "", `limits: is a section: write [limits] and its keys below`},
		{"a section where a value belongs", "[listen]\na = 1", "", `listen.a: unknown key; did you mean listen?`},
		{"two listeners on one address", "session_listen = '127.0.0.1:8080'", "", `session_listen: must differ from listen, got "127.0.0.1:8080" for both`},
		{"the Session dialect without listener", "session_listen = ''", "", `session_listen: needed because dialects.session is on`},
		{"TLS from files without them", "tls.mode = 'files'", "", `tls.cert: needed because tls.mode is "files" | tls.key: needed because tls.mode is "files"`},
		{"ACME without a host", "tls.mode = 'acme'", "", `tls.hosts: needed because tls.mode is "acme"`},
		{"ACME for an address", "tls.mode = 'acme'\ntls.hosts = ['192.0.2.1']", "", `tls.hosts: must be public host names because tls.mode is "acme", got "192.0.2.1"`},
		{"all origins and one more", "cors.origins = ['*', 'https://a.example']", "", `cors.origins: must be "*" alone or a list without it`},
		{"a push subject with mailto", "push.subject = 'mailto:a@example.org'", "", `push.subject: must be an https address or a bare mail address on a public domain, got "mailto:a@example.org"`},
		{"a bucket at another kind of address keeps its secret", "blobs_url = 'https://key:hunter2@h/b'", "", `blobs_url: must be an address such as s3://key:secret@host/bucket, got https://key:****@h/b`},
		{"a scanner without a port", "scan.clamd_address = 'localhost'", "", `scan.clamd_address: must be the path of a Unix socket or an address such as 127.0.0.1:3310, got "localhost"`},
		{"another way to do without the scanner", "scan.unreachable = 'allow'", "", `scan.unreachable: must be "refuse" or "pending", got "allow"`},
		{"a short token is not shown", "operator_token = 'hunter2'", "", `operator_token: must be at least 16 characters, got 7`},
		{"a secret that is no text is not shown", "operator_token = 1234567890123456", "", `operator_token: must be text in quotes`},
		{"a database that is none keeps its password", "database_url = 'mysql://u:hunter2@h/d'", "", `database_url: must be an address such as postgres://user:password@host/name, got mysql://u:****@h/d`},
		{"several faults are named at once, in the order of the reference", "zebra = 1\nlisten = 1\n[log]\nlevel = 'loud'\n", "TESTAPP_DATA=",
			`zebra: unknown key | listen: must be text in quotes, got 1 | data: must not be empty | log.level: must be "debug", "info", "warn" or "error", got "loud"`},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			var environ []string
			if r.env != "" {
				environ = []string{r.env}
			}
			_, _, err := Load(source(t, r.file, environ, nil))
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("Load: %v, want Faults", err)
			}
			var got []string
			for _, f := range faults {
				got = append(got, f.Key+": "+f.Text)
			}
			if s := strings.Join(got, " | "); s != r.want {
				t.Errorf("got  %s\nwant %s", s, r.want)
			}
		})
	}
}

func TestFaultsNameThePlace(t *testing.T) {
	src := source(t, "heartbeat = 1\n", []string{"TESTAPP_LISTEN=x"}, map[string]string{"data": ""})
	_, _, err := Load(src)
	for _, want := range []string{"(" + src.File + ")", "(TESTAPP_LISTEN)", "(command line)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.toml")
	bad := filepath.Join(dir, "bad.toml")
	missing := filepath.Join(dir, "missing.toml")
	for path, content := range map[string]string{good: "listen = ':7'\n", bad: "listen = ':7'\nlog = = 5\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := []struct {
		name    string
		src     Source
		listen  string
		wantErr string
	}{
		{"the default file is read if it is there", Source{DefaultFile: good}, ":7", ""},
		{"the default file may be missing", Source{DefaultFile: missing}, "127.0.0.1:8080", ""},
		{"a file that was asked for must exist", Source{File: missing, DefaultFile: good}, "", missing + ": cannot be read: no such file"},
		{"the environment can name the file", Source{EnvPrefix: prefix, Environ: []string{"TESTAPP_CONFIG=" + good}, DefaultFile: missing}, ":7", ""},
		{"the file of the environment must exist", Source{EnvPrefix: prefix, Environ: []string{"TESTAPP_CONFIG=" + missing}}, "", "cannot be read"},
		{"broken TOML is named with its line", Source{File: bad}, "", bad + ":2:7: "},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			cfg, warnings, err := Load(r.src)
			if r.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), r.wantErr) {
					t.Errorf("got %v, want %q", err, r.wantErr)
				}
				return
			}
			if err != nil || len(warnings) > 0 || cfg.Listen != r.listen {
				t.Errorf("got listen %q, warnings %v, error %v", cfg.Listen, warnings, err)
			}
		})
	}
}

func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	src := source(t, "", []string{"TESTAPP_LISTENN=:1", "TESTAPP_TOKEN=x", "TESTAPP_ZEBRA=1"}, nil)
	src.OtherEnv = []string{"TESTAPP_TOKEN"}
	_, warnings, err := Load(src)
	want := []string{"TESTAPP_LISTENN: no such setting; did you mean TESTAPP_LISTEN?", "TESTAPP_ZEBRA: no such setting"}
	if err != nil || !slices.Equal(warnings, want) {
		t.Errorf("got %q, %v", warnings, err)
	}
}

func TestEnvironmentNamesAreUnambiguous(t *testing.T) {
	names := make(map[string]string)
	for _, s := range Settings("x") {
		name := EnvName(prefix, s.Key)
		if other, taken := names[name]; taken {
			t.Errorf("%s stands for %s and %s", name, other, s.Key)
		}
		names[name] = s.Key
	}
	// Scripts of operators rely on these.
	for _, name := range []string{"LISTEN", "SESSION_LISTEN", "OPERATOR_LISTEN", "DATA", "DATABASE_URL", "REDIS_URL", "BLOBS_URL",
		"REGISTRATION", "LIMITS_MESSAGES_PER_10S", "LIMITS_REGISTER_PER_MINUTE", "LIMITS_LOGIN_PER_MINUTE"} {
		if _, ok := names[prefix+name]; !ok {
			t.Errorf("no setting answers to %s", prefix+name)
		}
	}
}

func TestEverySettingReadsItsOwnDefault(t *testing.T) {
	for _, s := range Settings("x") {
		src := source(t, s.Key+" = "+s.Default+"\n", nil, nil)
		src.ServerName = "x"
		cfg, _, err := Load(src)
		if err != nil {
			t.Errorf("%s = %s: %v", s.Key, s.Default, err)
			continue
		}
		cfg.origins = nil
		if want := Default("x"); !reflect.DeepEqual(cfg, want) {
			t.Errorf("%s = %s changes the settings", s.Key, s.Default)
		}
		if s.Doc == "" || s.Type == "" {
			t.Errorf("%s lacks documentation", s.Key)
		}
	}
}

// TestEveryFieldHasASetting finds a field that was added to the struct alone.
func TestEveryFieldHasASetting(t *testing.T) {
	c := Default("x")
	var count func(v reflect.Value) int
	count = func(v reflect.Value) (n int) {
		for i := range v.NumField() {
			switch f := v.Field(i); {
			case !v.Type().Field(i).IsExported():
			case f.Kind() == reflect.Struct:
				n += count(f)
			default:
				n++
			}
		}
		return n
	}
	if fields, keys := count(reflect.ValueOf(c)), len(Settings("x")); fields != keys {
		t.Errorf("%d fields, %d settings", fields, keys)
	}
}

func TestEffectiveMasksSecrets(t *testing.T) {
	cfg, _, err := Load(source(t, "", []string{
		"TESTAPP_OPERATOR_TOKEN=sesame-open-sesame", "TESTAPP_DATABASE_URL=postgres://u:sesame@h/d?sslpassword=sesame&x=1"},
		map[string]string{"redis_url": "redis://:sesame@h/0"}))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Value)
	for _, v := range cfg.Effective() {
		got[v.Key] = v
		if strings.Contains(v.Value+v.TOML, "sesame") {
			t.Errorf("%s shows its secret: %s", v.Key, v.Value)
		}
	}
	want := map[string]Value{
		"operator_token": {"operator_token", "****", `"****"`, OriginEnvironment},
		"database_url":   {"database_url", "postgres://u:****@h/d?sslpassword=****&x=1", `"postgres://u:****@h/d?sslpassword=****&x=1"`, OriginEnvironment},
		"redis_url":      {"redis_url", "redis://:****@h/0", `"redis://:****@h/0"`, OriginFlag},
		"blobs_url":      {"blobs_url", "", `""`, OriginDefault},
		"heartbeat":      {"heartbeat", "30s", `"30s"`, OriginDefault},
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			t.Errorf("%s: got %+v, want %+v", key, got[key], want[key])
		}
	}
}

func TestRedactURL(t *testing.T) {
	rows := []struct{ name, in, want string }{
		{"nothing stays nothing", "", ""},
		{"an address without secret stays", "redis://host:6379/1", "redis://host:6379/1"},
		{"a user without password stays", "postgres://u@h/d", "postgres://u@h/d"},
		{"a password goes", "s3://key:p%40ss@h/bucket?region=eu", "s3://key:****@h/bucket?region=eu"},
		{"a password in the query goes", "s3://h/b?access_key=a&secret=b&region=eu", "s3://h/b?access_key=****&secret=****&region=eu"},
		{"a driver's word=value form loses its password", "host=h user=u password='a b' dbname=d", "host=h user=u password=**** dbname=d"},
		{"what cannot be read is masked whole", "post gres://u:p@h", "****"},
		{"a broken escape is masked whole", "postgres://u:p%zz@h/d", "****"},
		{"a password before an opaque part is masked whole", "postgres:u:p@h", "****"},
		{"a file stays", "sqlite:chat.db", "sqlite:chat.db"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := RedactURL(r.in); got != r.want {
				t.Errorf("got %s, want %s", got, r.want)
			}
		})
	}
}

func TestBaseURL(t *testing.T) {
	rows := []struct {
		name   string
		change func(*Config)
		bound  string
		want   string
	}{
		{"the default", func(*Config) {}, "", "http://127.0.0.1:8080"},
		{"the port the listener got", func(*Config) {}, "127.0.0.1:43210", "http://127.0.0.1:43210"},
		{"a listener on every address", func(c *Config) { c.Listen = ":8080" }, "[::]:8080", "http://localhost:8080"},
		{"an IPv6 address on the usual port", func(*Config) {}, "[::1]:80", "http://[::1]"},
		{"a certificate names the host", func(c *Config) { c.TLS.Mode, c.TLS.Hosts = TLSACME, []string{"chat.example"} }, ":443", "https://chat.example"},
		{"a set address wins", func(c *Config) { c.PublicURL = "https://a.example/chat" }, ":1", "https://a.example/chat"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			c := Default("x")
			r.change(&c)
			if got := c.BaseURL(r.bound); got != r.want {
				t.Errorf("got %s, want %s", got, r.want)
			}
		})
	}
	c := Default("x")
	c.PublicURL, c.SessionListen = "https://a.example", ":8090"
	if got := c.SessionBaseURL(""); got != "http://a.example:8090" {
		t.Errorf("Session: got %s", got)
	}
}

// FuzzLoad: no file, variable or flag makes loading panic, and what loads is
// shown in a form that loads again.
func FuzzLoad(f *testing.F) {
	for _, s := range Settings("x") {
		f.Add(s.Key+" = "+s.Default, s.Default)
	}
	f.Add("a = [1, {b = 2}]\n[[limits]]\nx = 1", "\x00,,")
	f.Add(`"limits.body_bytes" = 1979-05-27`, "1_0 GiB")
	f.Fuzz(func(t *testing.T, content, value string) {
		src := source(t, content, nil, nil)
		_, _, _ = Load(src)
		for _, s := range Settings("x") {
			cfg, _, err := Load(Source{ServerName: "x", Overrides: map[string]string{s.Key: value}})
			if err != nil || s.Secret {
				continue
			}
			for _, v := range cfg.Effective() {
				if v.Key != s.Key {
					continue
				}
				again, _, err := Load(source(t, v.Key+" = "+v.TOML, nil, nil))
				if err != nil {
					t.Fatalf("%s = %s: %v", v.Key, v.TOML, err)
				}
				if second := again.valueOf(s.Key); second != v.TOML {
					t.Fatalf("%s: %s became %s", v.Key, v.TOML, second)
				}
			}
		}
	})
}

// valueOf is the TOML form of one setting.
func (c Config) valueOf(key string) string {
	for _, v := range c.Effective() {
		if v.Key == key {
			return v.TOML
		}
	}
	return ""
}
