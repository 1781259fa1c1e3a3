// Package monitoring holds the dashboard and the alert rules. Its tests compare them with what a server really reports, so
// that no panel stays empty because of a name. Nothing of it is part of the program.
package monitoring

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"parley/internal/app"
	"parley/internal/config"
)

// scraped is what Prometheus knows of each metric by itself.
var scraped = map[string][]string{"up": {"instance", "job"}}

// reported returns the names of the metrics of a server that is alone and of one of several, with the labels of each. A
// histogram is listed by the names of its series.
func reported(t *testing.T) map[string][]string {
	t.Helper()
	out := maps.Clone(scraped)
	maps.Copy(out, reportedBy(t, func(*config.Config) {}))
	// It starts without its Redis, too, and reports all the same.
	maps.Copy(out, reportedBy(t, func(cfg *config.Config) { cfg.RedisURL = "redis://127.0.0.1:1" }))
	return out
}

// reportedBy starts a server, uses it a little, and returns what it reports.
func reportedBy(t *testing.T, change func(*config.Config)) map[string][]string {
	t.Helper()
	cfg := config.Default("Test")
	cfg.Listen, cfg.OperatorListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
	change(&cfg)
	a, err := app.New(cfg, app.Options{Product: "Test", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	read := func(resp *http.Response, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 300 {
			t.Fatalf("%d, %v: %s", resp.StatusCode, err, body)
		}
		return body
	}
	read(client.Post("http://"+a.Address().String()+"/api/auth/register", "application/json", strings.NewReader(`{"username":"ada","password":"correct horse"}`)))
	text := read(client.Get("http://" + a.OperatorAddress().String() + "/metrics"))

	out := map[string][]string{}
	series := regexp.MustCompile(`(?m)^([a-z_:]+)(?:\{(.*)\})? \S+$`)
	label := regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*"`)
	for _, m := range series.FindAllSubmatch(text, -1) {
		labels := []string{"instance", "job"} // given by whoever scrapes
		for _, l := range label.FindAllSubmatch(m[2], -1) {
			labels = append(labels, string(l[1]))
		}
		out[string(m[1])] = labels
	}
	if len(out) < 30 {
		t.Fatalf("only %d metrics:\n%s", len(out), text)
	}
	return out
}

// What an expression consists of, as far as names go.
var (
	promText     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	promRange    = regexp.MustCompile(`\[[^\]]*\]`)
	promGrouping = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	promSelector = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{([^}]*)\})?`)
	promNumber   = regexp.MustCompile(`\b[0-9][0-9.eE]*[smhd]?\b`)
	promMatcher  = regexp.MustCompile(`([a-zA-Z_]+)\s*(?:=~|!~|!=|=)`)
	identifier   = regexp.MustCompile(`[a-zA-Z_]+`)
)

// operators are words of the language that stand where a metric could.
var operators = []string{"and", "or", "unless", "bool", "offset"}

// functions are those that may be used.
var functions = []string{
	"absent", "avg", "changes", "count", "histogram_quantile", "increase", "max", "min", "min_over_time", "rate", "sum", "topk", "vector",
}

// unknown returns what an expression asks for that is not reported: metrics, labels, functions.
func unknown(expr string, reported map[string][]string) []string {
	var wrong []string
	e := promText.ReplaceAllString(expr, "")
	e = promRange.ReplaceAllString(e, "")
	var grouped []string
	for _, m := range promGrouping.FindAllStringSubmatch(e, -1) {
		grouped = append(grouped, identifier.FindAllString(m[2], -1)...)
	}
	e = promGrouping.ReplaceAllString(e, "")
	e = promNumber.ReplaceAllString(e, "")
	have := []string{}
	for _, m := range promSelector.FindAllStringSubmatchIndex(e, -1) {
		name := e[m[2]:m[3]]
		switch {
		case slices.Contains(operators, name):
			continue
		case strings.HasPrefix(strings.TrimSpace(e[m[3]:]), "("):
			if !slices.Contains(functions, name) {
				wrong = append(wrong, "function "+name)
			}
			continue
		}
		labels, ok := reported[name]
		if !ok {
			wrong = append(wrong, "metric "+name)
			continue
		}
		have = append(have, labels...)
		if m[4] >= 0 {
			for _, l := range promMatcher.FindAllStringSubmatch(e[m[4]:m[5]], -1) {
				if !slices.Contains(labels, l[1]) {
					wrong = append(wrong, fmt.Sprintf("label %s of %s", l[1], name))
				}
			}
		}
	}
	for _, l := range grouped {
		if !slices.Contains(have, l) {
			wrong = append(wrong, "label "+l)
		}
	}
	return wrong
}

func TestUnknownNamesAreFound(t *testing.T) {
	have := map[string][]string{"a_total": {"job", "status"}, "b_bucket": {"job", "le"}, "up": {"job"}}
	rows := []struct {
		name, expr string
		want       string
	}{
		{"a plain metric", `a_total`, ""},
		{"functions, ranges and variables", `sum by (status) (rate(a_total{job=~"$job"}[$__rate_interval]))`, ""},
		{"a histogram", `histogram_quantile(0.99, sum by (le) (rate(b_bucket[5m]))) > 1e3`, ""},
		{"two metrics and words between", "absent(up{job=\"x\"} == 1)\n or a_total > 0.5 * up", ""},
		{"a misspelt metric", `rate(a_totl[5m])`, "metric a_totl"},
		{"a misspelt label", `a_total{stats="5xx"}`, "label stats of a_total"},
		{"a label that is grouped by and not there", `sum by (route) (a_total)`, "label route"},
		{"a function nobody knows", `rat(a_total[5m])`, "function rat"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := strings.Join(unknown(r.expr, have), ", "); got != r.want {
				t.Errorf("%s: got %q, want %q", r.expr, got, r.want)
			}
		})
	}
}

type rule struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func TestAlertRulesUseWhatTheServerReports(t *testing.T) {
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				rule `yaml:",inline"`
				For  string
			}
		}
	}
	text, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	help, err := os.ReadFile("../../docs/operate/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	have := reported(t)
	count := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			count++
			if wrong := unknown(r.Expr, have); len(wrong) > 0 {
				t.Errorf("%s asks for what is not there: %v", r.Alert, wrong)
			}
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%s has no severity or no summary", r.Alert)
			}
			if !strings.Contains(string(help), "`"+r.Alert+"`") {
				t.Errorf("docs/operate/troubleshooting.md does not say what to do about %s", r.Alert)
			}
		}
	}
	if count == 0 {
		t.Error("no rules")
	}
}

func TestDashboardUsesWhatTheServerReports(t *testing.T) {
	type panel struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ H, W, X, Y int }
		Targets []struct {
			RefID, Expr string
			Datasource  struct{ Type, UID string }
		}
	}
	var board struct {
		Title, UID string
		Panels     []panel
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	text, err := os.ReadFile("grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	have := reported(t)
	variables := []string{"__rate_interval"}
	for _, v := range board.Templating.List {
		variables = append(variables, v.Name)
		if inside, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			expr, label, _ := strings.Cut(strings.TrimSuffix(inside, ")"), ", ")
			if wrong := unknown("sum by ("+label+") ("+expr+")", have); len(wrong) > 0 {
				t.Errorf("variable %s asks for what is not there: %v", v.Name, wrong)
			}
		}
	}
	ids := map[int]bool{}
	for i, p := range board.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %q: its id %d is taken, or it has no title", p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("panel %q lies outside of the grid: %+v", p.Title, g)
		}
		for _, o := range board.Panels[:i] {
			if q := o.GridPos; g.X < q.X+q.W && q.X < g.X+g.W && g.Y < q.Y+q.H && q.Y < g.Y+g.H {
				t.Errorf("panels %q and %q overlap", o.Title, p.Title)
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			if wrong := unknown(target.Expr, have); len(wrong) > 0 {
				t.Errorf("panel %q asks for what is not there: %v", p.Title, wrong)
			}
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q asks the data source %q", p.Title, target.Datasource.UID)
			}
			for _, v := range regexp.MustCompile(`\$([a-z_]+)`).FindAllStringSubmatch(target.Expr, -1) {
				if !slices.Contains(variables, v[1]) {
					t.Errorf("panel %q uses the variable %s, which is not there", p.Title, v[1])
				}
			}
		}
	}
	if len(ids) < 10 {
		t.Errorf("only %d panels", len(ids))
	}
}
