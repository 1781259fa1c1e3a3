package native

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestRenderHTMLShowsMarkdown(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"a plain text is a paragraph", "hello", "<p>hello</p>\n"},
		{"emphasis", "*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <del>c</del> <code>d</code></p>\n"},
		{"line breaks are kept", "a\nb", "<p>a<br>\nb</p>\n"},
		{"a fenced block names its language", "```go\nx := 1\n```", "<pre><code class=\"language-go\">x := 1\n</code></pre>\n"},
		{"a link leads nowhere by itself", "[a](https://example.org/)", `<p><a href="https://example.org/" rel="nofollow noreferrer noopener" target="_blank">a</a></p>` + "\n"},
		{"a bare address is a link", "see https://example.org/x", `<p>see <a href="https://example.org/x" rel="nofollow noreferrer noopener" target="_blank">https://example.org/x</a></p>` + "\n"},
		{"a table with alignment", "|a|b|\n|-|:-:|\n|1|2|", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th align=\"center\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td align=\"center\">2</td>\n</tr>\n</tbody>\n</table>\n"},
		{"a task list", "- [x] done", "<ul>\n<li><input checked=\"\" disabled=\"\" type=\"checkbox\"> done</li>\n</ul>\n"},
		{"a list begins where it says", "3. a", "<ol start=\"3\">\n<li>a</li>\n</ol>\n"},
		{"less-than is shown", "1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>\n"},
		{"HTML is shown as it was typed", "<div>a</div> <b>b</b>", "<p>&lt;div&gt;a&lt;/div&gt; &lt;b&gt;b&lt;/b&gt;</p>\n"},
		{"a picture from elsewhere is not fetched", "![x](https://example.org/p.png)", "<p></p>\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := renderHTML(tc.in); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

var attacks = []string{
	`<script>alert(1)</script>`,
	`<img src=x onerror=alert(1)>`,
	`<svg/onload=alert(1)>`,
	`<iframe srcdoc="<script>alert(1)</script>"></iframe>`,
	`<a href="javascript:alert(1)">x</a>`,
	`[x](javascript:alert(1))`,
	`[x](JaVaScRiPt:alert(1))`,
	"[x](java\nscript:alert(1))",
	`[x](&#106;avascript:alert(1))`,
	`[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
	`[x](vbscript:msgbox(1))`,
	`[x](file:///etc/passwd)`,
	`[x](https://example.org/ "\" onmouseover=alert(1) x=\"")`,
	`![x](javascript:alert(1))`,
	`<javascript:alert(1)>`,
	"```\"><script>alert(1)</script>\nx\n```",
	"```go onclick=alert(1)\nx\n```",
	`<style>body{display:none}</style>`,
	`<form action=https://example.org><input name=password></form>`,
	`<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
	"|a|\n|-|\n|<img src=x onerror=alert(1)>|",
	`<p style="position:fixed;inset:0">x</p>`,
	`<a href="https://example.org" target=_top onclick=alert(1)>x</a>`,
	`[a]: javascript:alert(1)` + "\n\n[a]",
	`<x-y onclick=alert(1)>`,
	"\u202e<script>\u0000",
	`<!--><script>alert(1)</script>-->`,
	`<![CDATA[<script>alert(1)</script>]]>`,
	`<base href="https://example.org/">`,
	`<meta http-equiv=refresh content="0;url=https://example.org">`,
}

func TestRenderHTMLLetsNothingRun(t *testing.T) {
	for _, in := range attacks {
		harmless(t, in)
	}
}

func FuzzRenderHTML(f *testing.F) {
	for _, in := range attacks {
		f.Add(in)
	}
	f.Fuzz(harmless)
}

var harmlessAddress = regexp.MustCompile(`^(?i)(https?:|mailto:|[^:]*$|[^:]*[/?#])`)

// harmless reads the result as a browser would and fails on whatever is not plain text with a little form.
func harmless(t *testing.T, in string) {
	t.Helper()
	out := renderHTML(in)
	allowed := strings.Fields("html head body p br hr em strong del code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 table thead tbody tr th td input a")
	doc, err := html.Parse(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.CommentNode {
			t.Fatalf("%q gave a comment: %s", in, out)
		}
		if n.Type != html.ElementNode {
			continue
		}
		known := false
		for _, name := range allowed {
			known = known || name == n.Data
		}
		if !known {
			t.Fatalf("%q gave the element %s: %s", in, n.Data, out)
		}
		for _, a := range n.Attr {
			switch a.Key {
			case "href":
				if !harmlessAddress.MatchString(a.Val) {
					t.Fatalf("%q leads to %q: %s", in, a.Val, out)
				}
			case "title", "rel", "target", "class", "start", "align", "type", "checked", "disabled":
			default:
				t.Fatalf("%q gave the attribute %s: %s", in, a.Key, out)
			}
		}
		if n.Data == "input" && (n.Attr == nil || !strings.Contains(out, `type="checkbox"`)) {
			t.Fatalf("%q gave an input: %s", in, out)
		}
	}
}
