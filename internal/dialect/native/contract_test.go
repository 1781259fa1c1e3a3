package native_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"parley/api"
	"parley/internal/chat"
	"parley/internal/dialect/native"
)

// contract is the published reference, ready to hold answers against. It is stricter than what it tells clients: an answer
// may have no field that it does not name.
type contract struct {
	doc      map[string]any
	compiler *jsonschema.Compiler

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
	seen    map[string]bool // "METHOD /path status" of all answers
}

var published = sync.OnceValue(func() *contract {
	var y any
	if err := yaml.Unmarshal(api.OpenAPI, &y); err != nil {
		panic(err)
	}
	j, err := json.Marshal(y)
	if err != nil {
		panic(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
	if err != nil {
		panic(err)
	}
	c := &contract{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}, seen: map[string]bool{}}
	for _, s := range at(c.doc, "components", "schemas") {
		if s := s.(map[string]any); s["type"] == "object" {
			s["additionalProperties"] = false
		}
	}
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("openapi.json", doc); err != nil {
		panic(err)
	}
	return c
})

func at(v any, path ...string) map[string]any {
	m, _ := v.(map[string]any)
	for _, name := range path {
		m, _ = m[name].(map[string]any)
	}
	return m
}

// route finds the published path of an address; of several the one with more literal parts.
func (c *contract) route(path, method string) string {
	parts := strings.Split(path, "/")
	best, most := "", -1
	for template, item := range at(c.doc, "paths") {
		if at(item, method) == nil {
			continue
		}
		names := strings.Split(template, "/")
		literal := 0
		fits := len(names) == len(parts)
		for i := 0; fits && i < len(names); i++ {
			if names[i] == parts[i] {
				literal++
			} else {
				fits = strings.HasPrefix(names[i], "{")
			}
		}
		if fits && literal > most {
			best, most = template, literal
		}
	}
	return best
}

// checkResponse fails the test unless the reference says that this request can be answered like this.
func checkResponse(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	c := published()
	path, below := strings.CutPrefix(req.URL.EscapedPath(), "/api")
	kind := resp.Header.Get("Content-Type")
	isProblem := kind == "application/problem+json"
	code := ""
	if isProblem {
		var p struct{ Code string }
		if err := json.Unmarshal(body, &p); err != nil {
			t.Errorf("%s %s: %v", req.Method, path, err)
		}
		code = p.Code
		if !slices.ContainsFunc(native.Codes(), func(c native.Code) bool { return c.Code == code }) {
			t.Errorf("%s %s: the code %q is not in the list of error codes", req.Method, path, code)
		}
	} else if resp.StatusCode >= 400 {
		t.Errorf("%s %s: %d is no problem document but %q", req.Method, path, resp.StatusCode, kind)
	}
	method := strings.ToLower(req.Method)
	if method == "head" {
		method = "get"
	}
	template := c.route(path, method)
	if template == "" || !below || resp.StatusCode == 405 || code == "route_not_found" {
		if resp.StatusCode < 400 && req.Method != "OPTIONS" {
			t.Errorf("%s %s: answered %d, but the reference does not have it", req.Method, path, resp.StatusCode)
		}
		return
	}
	status := strconv.Itoa(resp.StatusCode)
	operation := strings.ToUpper(method) + " " + template
	c.mu.Lock()
	c.seen[operation+" "+status] = true
	c.mu.Unlock()
	published := at(c.doc, "paths", template, method, "responses", status)
	if published == nil {
		t.Errorf("%s: the reference has no answer %s (%s)", operation, status, code)
		return
	}
	if isProblem {
		_, list, _ := strings.Cut(published["description"].(string), ": ")
		if !slices.Contains(strings.Split(list, ", "), code) {
			t.Errorf("%s: the reference does not name the code %s", operation, code)
		}
	}
	if len(body) == 0 || req.Method == "HEAD" || !isProblem && kind != "application/json" {
		return
	}
	if at(published, "content", kind) == nil {
		t.Errorf("%s %s: the reference has no answer of type %s", operation, status, kind)
		return
	}
	schema := c.schema(t, "openapi.json#/paths/"+pointer(template)+"/"+method+"/responses/"+status+"/content/"+pointer(kind)+"/schema")
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s %s: %v", operation, status, err)
		return
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%s %s: %v\n%s", operation, status, err, clip(body))
	}
}

func pointer(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B").Replace(s)
}

func (c *contract) schema(t *testing.T, at string) *jsonschema.Schema {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[at]; s != nil {
		return s
	}
	s, err := c.compiler.Compile(at)
	if err != nil {
		t.Fatal(err)
	}
	c.schemas[at] = s
	return s
}

// TestMain also says which operations no test has seen succeed, where all tests were run.
func TestMain(m *testing.M) {
	code := m.Run()
	whole := true
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		whole = whole && flag.Lookup(name).Value.String() == ""
	}
	if missing := published().untested(); code == 0 && whole && len(missing) > 0 {
		fmt.Fprintf(os.Stderr, "no test has seen these operations succeed:\n%s\n", strings.Join(missing, "\n"))
		code = 1
	}
	os.Exit(code)
}

func (c *contract) untested() (missing []string) {
	for path, item := range at(c.doc, "paths") {
		for method := range at(item) {
			operation := strings.ToUpper(method) + " " + path
			seen := slices.ContainsFunc([]string{"200", "201", "204", "101"}, func(s string) bool { return c.seen[operation+" "+s] })
			if !seen && path != "/ws" {
				missing = append(missing, operation)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

func TestTheCommittedReferenceIsTheOneThatTheProgramServes(t *testing.T) {
	want, err := native.Document()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(api.OpenAPI, want) {
		t.Error("api/openapi.yaml is out of date: go run ./tools/openapi")
	}
}

func TestTheReferenceDescribesEveryOperationWhole(t *testing.T) {
	c := published()
	ids := map[string]bool{}
	for path, item := range at(c.doc, "paths") {
		for method, op := range at(item) {
			o, name := at(op), strings.ToUpper(method)+" "+path
			id, _ := o["operationId"].(string)
			if id == "" || ids[id] || o["summary"] == nil || o["tags"] == nil {
				t.Errorf("%s: an operation needs an id of its own, a summary and a tag", name)
			}
			ids[id] = true
			for status, r := range at(o, "responses") {
				if status == "422" || status == "default" {
					t.Errorf("%s: answer %s has no place here", name, status)
				}
				if d, _ := at(r)["description"].(string); d == "" {
					t.Errorf("%s %s: no description", name, status)
				}
			}
			if m := at(o, "requestBody", "content", "application/json"); m != nil && m["example"] == nil {
				t.Errorf("%s: the body has no example", name)
			}
		}
	}
}

// Every code that appears in the rules' and the adapters' sources is in the list, with the status of its kind.
func TestEveryErrorCodeInTheSourcesIsListed(t *testing.T) {
	dirs := []string{"../../chat", "../../core", "../../store/sqlstore", "."}
	listed := map[string]bool{}
	for _, c := range native.Codes() {
		if listed[c.Code] {
			t.Errorf("%s stands twice in the list", c.Code)
		}
		listed[c.Code] = true
	}
	for _, right := range chat.Rights() {
		switch right {
		case chat.CanSee: // who may not see a room is told that there is none
		default:
			if code := string(right) + "_forbidden"; !listed[code] {
				t.Errorf("%s is not listed", code)
			}
		}
	}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(err, dir)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, code := range codesIn(t, file) {
				if !listed[code] && !neverAnswered[code] {
					t.Errorf("%s: %s is not listed", file, code)
				}
			}
		}
	}
}

// neverAnswered are codes that the core meets and turns into others, or that only other protocols can ask for.
var neverAnswered = map[string]bool{"direct_exists": true, "invite_taken": true, "identity_taken": true, "limits_off": true, "owner_protected": true}

// codesIn lists the codes that a file's calls of Errorf, InvalidField and the cleaners of texts name, and those of literal errors.
func codesIn(t *testing.T, file string) (found []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	literal := func(e ast.Expr) (string, bool) {
		l, ok := e.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(l.Value)
		return s, err == nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
				if s, ok := literal(n.Value); ok {
					found = append(found, s)
				}
			}
		case *ast.CallExpr:
			name := ""
			switch fn := n.Fun.(type) {
			case *ast.Ident:
				name = fn.Name
			case *ast.SelectorExpr:
				name = fn.Sel.Name
				if x, ok := fn.X.(*ast.Ident); ok && x.Name == "fmt" {
					name = ""
				}
			}
			if len(n.Args) < 2 {
				return true
			}
			s, ok := literal(n.Args[1])
			if !ok {
				return true
			}
			switch name {
			case "Errorf", "InvalidField":
				found = append(found, s)
			case "cleanName":
				found = append(found, s+"_invalid")
			case "cleanLine", "cleanText":
				found = append(found, s+"_invalid", s+"_too_long")
			}
		}
		return true
	})
	return found
}
