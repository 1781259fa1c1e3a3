package native

import (
	"encoding/json"
	"os"
	"testing"
)

// The web UI renders messages itself. Its fixtures say where both renderings are the same, and where they differ on purpose;
// its own tests hold the other half.
func TestRenderHTMLAgreesWithTheWebUI(t *testing.T) {
	raw, err := os.ReadFile("../../../web/src/lib/markdown/fixtures.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixtures struct {
		Same []struct {
			Name, Markdown, HTML string
		}
		Different []struct {
			Name, Markdown, Server, Page string
		}
	}
	if err := json.Unmarshal(raw, &fixtures); err != nil {
		t.Fatal(err)
	}
	if len(fixtures.Same) < 100 || len(fixtures.Different) == 0 {
		t.Fatalf("%d and %d fixtures", len(fixtures.Same), len(fixtures.Different))
	}
	for _, f := range fixtures.Same {
		t.Run(f.Name, func(t *testing.T) {
			if got := renderHTML(f.Markdown); got != f.HTML {
				t.Errorf("got\n%s\nwant\n%s", got, f.HTML)
			}
		})
	}
	for _, f := range fixtures.Different {
		t.Run(f.Name, func(t *testing.T) {
			if got := renderHTML(f.Markdown); got != f.Server {
				t.Errorf("got\n%s\nwant\n%s", got, f.Server)
			}
		})
	}
}
