package preview

import (
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"parley/internal/chat"
)

func address(t testing.TB, s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestReadPage(t *testing.T) {
	latin, err := charmap.Windows1252.NewEncoder().String("<title>Größe – 5 €</title>")
	if err != nil {
		t.Fatal(err)
	}
	sjis, err := japanese.ShiftJIS.NewEncoder().String(`<meta charset="shift_jis"><title>日本語</title>`)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("ä", 1000)
	rows := []struct {
		name, contentType, page string
		want                    chat.Link
	}{
		{"a title", "", "<html><head><title>Hello &amp; welcome</title></head>", chat.Link{Title: "Hello & welcome"}},
		{"Open Graph goes before the rest", "", `<head><title>t</title><meta name=description content=d><meta name="twitter:title" content="tt"><meta name="twitter:image" content="https://a.example.org/t.png">
			<meta property="og:title" content="ot"><meta property="og:description" content="od"><meta property="og:image" content="https://a.example.org/o.png"></head>`,
			chat.Link{Title: "ot", Description: "od", Image: "https://a.example.org/o.png"}},
		{"Twitter goes before the plain ones", "", `<title>t</title><meta name=description content=d><meta property="twitter:title" content="tt"><meta name="twitter:description" content="td">`,
			chat.Link{Title: "tt", Description: "td"}},
		{"plain ones", "", `<META NAME="Description" CONTENT="d"><TITLE>t</TITLE>`, chat.Link{Title: "t", Description: "d"}},
		{"an empty value does not hide another", "", `<meta property="og:title" content="  "><meta property="og:title" content="second"><title>t</title>`, chat.Link{Title: "second"}},
		{"no title, no preview", "", `<meta name=description content=d><meta property="og:image" content="https://a.example.org/o.png">`, chat.Link{}},
		{"a title of spaces is none", "", "<title> \n\u3164 </title>", chat.Link{}},
		{"what stands in the body does not count", "", `<head></head><title>late</title>`, chat.Link{}},
		{"the body ends the head too", "", `<title>t</title><body><meta name=description content=d>`, chat.Link{Title: "t"}},
		{"what stands in scripts and comments does not count", "", `<script>"<title>no</title>"</script><!-- <title>no</title> --><style><title>no</title></style><title>yes</title>`, chat.Link{Title: "yes"}},
		{"a page that breaks off", "", `<title>t</title><meta name="descr`, chat.Link{Title: "t"}},
		{"a title that breaks off", "", `<title>t`, chat.Link{Title: "t"}},
		{"nothing", "", "", chat.Link{}},
		{"markup in values stays text", "", `<meta property="og:title" content="<b>x</b> &quot;y&quot;">`, chat.Link{Title: `<b>x</b> "y"`}},
		{"control and direction characters go", "", "<title>a\u202eb\u2066c\u200bd\x07e\n\n f\u00adg</title>", chat.Link{Title: "abcde fg"}},
		{"joiners and other scripts stay", "", "<title>👩\u200d🚀 مرحبا</title>", chat.Link{Title: "👩\u200d🚀 مرحبا"}},
		{"long texts are cut", "", "<title>" + long + "</title><meta name=description content='" + long + "'>",
			chat.Link{Title: strings.Repeat("ä", maxTitle-1) + "…", Description: strings.Repeat("ä", maxDescription-1) + "…"}},
		{"a title that just fits", "", "<title>" + long[:2*maxTitle] + "</title>", chat.Link{Title: long[:2*maxTitle]}},
		{"of repeated attributes the first counts", "", `<meta name=description content=one content=two><title>t</title>`, chat.Link{Title: "t", Description: "one"}},

		{"UTF-8 without saying so", "", "<title>Größe</title>", chat.Link{Title: "Größe"}},
		{"UTF-8 after a long beginning without saying so", "", "<head><!--" + strings.Repeat("-", 2000) + "><title>Größe</title>", chat.Link{Title: "Größe"}},
		{"Windows-1252 without saying so", "", latin, chat.Link{Title: "Größe – 5 €"}},
		{"Latin-1 by header", "text/html; charset=ISO-8859-1", latin, chat.Link{Title: "Größe – 5 €"}},
		{"entities beside Windows-1252", "", "<title>&ouml;\xf6\u00f6</title>", chat.Link{Title: "ööö"}},
		{"Shift JIS by meta", "", sjis, chat.Link{Title: "日本語"}},
		{"UTF-16 by its mark", "", "\xff\xfe<\x00t\x00i\x00t\x00l\x00e\x00>\x00x\x00", chat.Link{Title: "x"}},
		{"an encoding that does not exist", "text/html; charset=klingon", "<title>Größe</title>", chat.Link{Title: "Größe"}},
		{"invalid UTF-8 where UTF-8 was promised", "text/html; charset=utf-8", "<title>a\xffb</title>", chat.Link{Title: "ab"}},

		{"a picture with a relative address", "", `<title>t</title><meta property="og:image" content="/p.png?a=1&amp;b=2#x">`, chat.Link{Title: "t", Image: "https://site.example.org/p.png?a=1&b=2"}},
		{"a picture relative to the base", "", `<base href="https://cdn.example.org/x/"><title>t</title><meta property="og:image" content="p.png">`, chat.Link{Title: "t", Image: "https://cdn.example.org/x/p.png"}},
		{"a secure picture instead of another", "", `<title>t</title><meta property="og:image" content="http://a.example.org/p.png"><meta property="og:image:secure_url" content="https://a.example.org/p.png">`,
			chat.Link{Title: "t", Image: "https://a.example.org/p.png"}},
		{"a picture that is not https", "", `<title>t</title><meta property="og:image" content="http://a.example.org/p.png">`, chat.Link{Title: "t", Image: "http://a.example.org/p.png"}},
		{"a picture by another protocol", "", `<title>t</title><meta property="og:image" content="ftp://a.example.org/p.png">`, chat.Link{Title: "t"}},
		{"a picture that is data", "", `<title>t</title><meta property="og:image" content="data:image/png;base64,AAAA">`, chat.Link{Title: "t"}},
		{"a picture that is a program", "", `<title>t</title><meta property="og:image" content="javascript:alert(1)">`, chat.Link{Title: "t"}},
		{"a picture with a password", "", `<title>t</title><meta property="og:image" content="https://a:b@a.example.org/p.png">`, chat.Link{Title: "t"}},
		{"a picture with a very long address", "", `<title>t</title><meta property="og:image" content="https://a.example.org/` + strings.Repeat("p", 3000) + `">`, chat.Link{Title: "t"}},
		{"a picture without an address", "", `<title>t</title><meta property="og:image" content="://">`, chat.Link{Title: "t"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			page := address(t, "https://site.example.org/dir/page")
			if got := readPage(strings.NewReader(r.page), r.contentType, page); got != r.want {
				t.Errorf("got  %+v\nwant %+v", got, r.want)
			}
			if got := readPage(iotest.OneByteReader(strings.NewReader(r.page)), r.contentType, page); got != r.want {
				t.Errorf("byte for byte: got %+v\nwant %+v", got, r.want)
			}
		})
	}
}

func TestReadPageStopsAtTheEndOfTheHead(t *testing.T) {
	r := strings.NewReader("<head><title>t</title></head>" + strings.Repeat("x", 1<<20))
	if got := readPage(r, "text/html", address(t, "https://site.example.org/")); got.Title != "t" {
		t.Errorf("got %+v", got)
	}
	if read := 1<<20 - r.Len(); read > 16<<10 {
		t.Errorf("%d bytes of the body were read", read)
	}
}

func FuzzReadPage(f *testing.F) {
	for _, s := range []string{
		"<title>t</title>", "<base href=//x><meta property=og:image content=y><title>t</title>", "<title>\xff\xfe\u202e</title>", "\xff\xfe<\x00", "<meta charset=utf-16><title>",
		"<meta charset=iso-2022-jp><title>\x1b$B\x00", "<meta name=description content='\u200d'><title>a", "<!--<title>", "<base href='https://[::1]:x/'><title>t", "<title>" + strings.Repeat("\u0301", 300),
	} {
		f.Add(s, "text/html")
		f.Add(s, "text/html; charset=gbk")
	}
	page := address(f, "https://site.example.org/")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		l := readPage(strings.NewReader(body), contentType, page)
		for text, max := range map[string]int{l.Title: maxTitle, l.Description: maxDescription} {
			if !utf8.ValidString(text) || utf8.RuneCountInString(text) > max {
				t.Errorf("%q: too long or not UTF-8", text)
			}
			for _, r := range text {
				if r != '\u200c' && r != '\u200d' && unicode.Is(unicode.C, r) {
					t.Errorf("%q holds %U", text, r)
				}
			}
		}
		if l.Title == "" && l != (chat.Link{}) {
			t.Errorf("a preview without title: %+v", l)
		}
		if u, err := url.Parse(l.Image); l.Image != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(l.Image) > maxImage) {
			t.Errorf("picture %q", l.Image)
		}
		if l.URL != "" {
			t.Errorf("address %q", l.URL)
		}
	})
}
