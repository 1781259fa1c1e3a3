package media

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSanitizeFilename(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, row := range []struct{ name, in, want string }{
		{"an ordinary name stays", "Holiday photo (2).jpg", "Holiday photo (2).jpg"},
		{"names of all scripts stay", "Ärger – 写真 фото.png", "Ärger – 写真 фото.png"},
		{"marks and symbols stay", "cafe\u0301 🎉 €.png", "cafe\u0301 🎉 €.png"},
		{"a Unix path is left out", "/etc/../passwd.txt", "passwd.txt"},
		{"a Windows path is left out", `C:\Users\me\a.doc`, "a.doc"},
		{"a mixed path is left out", `a\b/c\d.zip`, "d.zip"},
		{"slashes at the end do not count", "dir/name//", "name"},
		{"only slashes are no name", `/\/`, "file"},
		{"nothing is no name", "", "file"},
		{"dots are no name", "...", "file"},
		{"the way up is no name", "..", "file"},
		{"leading dots go", "..htaccess", "htaccess"},
		{"dots and spaces at the end go", "a.txt. . ", "a.txt"},
		{"line ends become spaces", "a\r\nb\u2028c.txt", "a b c.txt"},
		{"runs of space become one", "a \t\u00a0\u3000 b.txt", "a b.txt"},
		{"control characters go", "a\x00\x1b\x7f\u009fb.txt", "ab.txt"},
		{"text direction goes", "evil\u202egpj.exe", "evilgpj.exe"},
		{"isolates and marks of direction go", "\u2066a\u2069\u200eb\u061c.txt", "ab.txt"},
		{"zero width goes", "a\u200b\u200d\ufeff\u2060b\u00ad.txt", "ab.txt"},
		{"blank letters go", "\u3164\u115f\u2800a.txt", "a.txt"},
		{"a name of blanks is no name", "\u3164\u200b", "file"},
		{"tags and private characters go", "a\U000e0041\ue000\ufffeb", "ab"},
		{"invalid UTF-8 goes", "a\xff\xc3.txt", "a.txt"},
		{"what Windows reserves is replaced", `a<b>c:d"e|f?g*h`, "a_b_c_d_e_f_g_h"},
		{"a device is no name", "con", "_con"},
		{"a device with an extension is none", "NUL.tar.gz", "_NUL.tar.gz"},
		{"a device with a space is none", "aux .txt", "_aux .txt"},
		{"a port is none", "Com1.txt", "_Com1.txt"},
		{"a superscript port is none", "LPT².txt", "_LPT².txt"},
		{"a longer word is fine", "console.txt", "console.txt"},
		{"a port of two digits is fine", "com10.txt", "com10.txt"},
		{"a device as extension is fine", "a.con", "a.con"},
		{"a long name keeps its extension", long + ".jpeg", strings.Repeat("a", 195) + ".jpeg"},
		{"a long name without extension is cut", long, long[:200]},
		{"a long extension is none", "a." + long, ("a." + long)[:200]},
		{"a character is not cut in two", strings.Repeat("€", 100) + ".png", strings.Repeat("€", 65) + ".png"},
		{"no space is left at the cut", strings.Repeat("a", 195) + " bbbbbbb.png", strings.Repeat("a", 195) + ".png"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := SanitizeFilename(row.in); got != row.want {
				t.Errorf("%+q", got)
			}
		})
	}
}

func TestContentDisposition(t *testing.T) {
	for _, row := range []struct {
		name, in string
		inline   bool
		want     string
	}{
		{"a plain name is given once", "a b.txt", false, `attachment; filename="a b.txt"`},
		{"a picture is shown in place", "a.png", true, `inline; filename="a.png"`},
		{"another script is given twice", "€ rates.txt", false, `attachment; filename="_ rates.txt"; filename*=UTF-8''%E2%82%AC%20rates.txt`},
		{"a percent sign is not decoded", "100%41.txt", false, `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`},
		{"quotes do not end it", `a"; filename="b.exe`, false, `attachment; filename="a_; filename=_b.exe"`},
		{"line ends do not end the header", "a\r\nSet-Cookie: x=1", false, `attachment; filename="a Set-Cookie_ x=1"`},
		{"an apostrophe is encoded", "it’s 'é'.txt", false, `attachment; filename="it_s '_'.txt"; filename*=UTF-8''it%E2%80%99s%20%27%C3%A9%27.txt`},
		{"nothing is a file", "", false, `attachment; filename="file"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := ContentDisposition(row.in, row.inline); got != row.want {
				t.Error(got)
			}
		})
	}
}

func FuzzFilename(f *testing.F) {
	for _, seed := range []string{
		"a.jpg", "../../etc/passwd", `C:\con.txt`, "\u202e.exe", "...", strings.Repeat("é.", 200), "a\xff\"\r\n%.png",
		strings.Repeat("a", 195) + " . .txt", "COM¹", "\u3164", strings.Repeat(" .", 300) + "x", "nul ", "aux. .b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := SanitizeFilename(in)
		switch {
		case got == "", len(got) > maxFilename, !utf8.ValidString(got):
			t.Fatalf("%+q", got)
		case strings.ContainsAny(got, "/\\<>:\"|?*\x00\r\n\u200b\u202e"), got != strings.Trim(got, ". "), reservedName(got):
			t.Fatalf("%+q", got)
		case SanitizeFilename(got) != got:
			t.Fatalf("%+q becomes %+q", got, SanitizeFilename(got))
		}
		kind, params, err := mime.ParseMediaType(ContentDisposition(in, false))
		if err != nil || kind != "attachment" {
			t.Fatalf("%q: %v", ContentDisposition(in, false), err)
		}
		if params["filename"] != got {
			t.Fatalf("%+q arrives as %+q", got, params["filename"])
		}
	})
}
