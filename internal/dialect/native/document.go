package native

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// apiVersion is the version of the contract: its first number changes when old clients break.
const apiVersion = "1.0.0"

// document is the reference in the forms the server sends.
type document struct {
	json, page, socketPage []byte
}

// Document returns the reference as OpenAPI 3.1 in YAML: what api/openapi.yaml holds.
func Document() ([]byte, error) {
	d := New(Options{})
	d.document()
	return d.api.OpenAPI().YAML()
}

const introduction = `The server's own API. Errors are application/problem+json with a stable code. Ids are opaque strings, times RFC 3339 in UTC with milliseconds.
Unknown fields and parameters are ignored. Lists take limit and cursor and return next_cursor. The WebSocket at GET /ws is described in websocket.md.`

// described is the endpoint of an operation that reads and writes by itself.
func (d *Dialect) described(route string, e endpoint, body *huma.RequestBody, success *huma.Response) huma.Operation {
	op := e.operation(route)
	op.Responses = map[string]*huma.Response{}
	for name := range strings.SplitSeq(op.Path, "/") {
		if strings.HasPrefix(name, "{") {
			op.Parameters = append(op.Parameters, &huma.Param{Name: strings.Trim(name, "{}"), In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
		}
	}
	status := e.status
	if status == 0 {
		status = http.StatusOK
	}
	if success == nil {
		status, success = http.StatusSwitchingProtocols, &huma.Response{Description: "The connection is a WebSocket now."}
	}
	op.RequestBody = body
	op.Responses[strconv.Itoa(status)] = success
	return op
}

// jsonResponse documents an answer of type T.
func jsonResponse[T any](d *Dialect) *huma.Response {
	var v T
	return &huma.Response{Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf(d.api.OpenAPI().Components.Schemas, v)}}}
}

// finish completes what huma knows of the operations and renders the reference. It takes too long to do it at every start.
func (d *Dialect) finish() *document {
	api := d.api.OpenAPI()
	api.Info.Description = introduction
	api.Servers = []*huma.Server{{URL: prefix}}
	api.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The token of a login."},
		"cookie": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "What a login sets for browsers; pages of other sites cannot use it for changes."},
	}
	problem := schemaOf(api.Components.Schemas, Problem{})
	tags := map[string]bool{}
	for _, item := range api.Paths {
		for _, op := range operationsOf(item) {
			finishOperation(api, op, problem)
			if !tags[op.Tags[0]] {
				tags[op.Tags[0]] = true
				api.Tags = append(api.Tags, &huma.Tag{Name: op.Tags[0]})
			}
		}
	}
	slices.SortFunc(api.Tags, func(a, b *huma.Tag) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range api.Components.Schemas.Map() {
		s.AdditionalProperties = nil // both sides ignore what they do not know
	}
	api.Extensions = map[string]any{"x-error-codes": codeTable()}

	text, err := json.Marshal(api)
	if err != nil {
		panic(fmt.Sprintf("the API's reference cannot be written: %v", err)) // a fault in this package, met by every test
	}
	return &document{json: text, page: referencePage(api), socketPage: socketPage()}
}

func finishOperation(api *huma.OpenAPI, op *huma.Operation, problem *huma.Schema) {
	e, _ := op.Metadata[metaEndpoint].(endpoint)
	if e.access != anyone {
		op.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	if e.access == either {
		op.Security = append(op.Security, map[string][]string{})
	}
	var success *huma.Response
	for status, r := range op.Responses {
		if status == "default" {
			delete(op.Responses, status)
			continue
		}
		if success = r; r.Description == "" {
			code, _ := strconv.Atoi(status)
			r.Description = http.StatusText(code)
		}
	}
	if e.orStatus != 0 {
		op.Responses[strconv.Itoa(e.orStatus)] = &huma.Response{Description: http.StatusText(e.orStatus), Content: success.Content, Headers: success.Headers}
	}
	for status, list := range e.errorCodes(op) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status) + ": " + strings.Join(list, ", "),
			Content:     map[string]*huma.MediaType{problemType: {Schema: problem}},
		}
	}
	if op.RequestBody != nil {
		addExamples(api, op.RequestBody.Content)
	}
	for _, r := range op.Responses {
		addExamples(api, r.Content)
	}
}

// errorCodes groups the codes that an operation can answer with by their status.
func (e endpoint) errorCodes(op *huma.Operation) map[int][]string {
	list := slices.Concat(strings.Fields(e.codes), commonCodes)
	if _, isJSON := bodyOf(op)["application/json"]; isJSON {
		list = append(list, bodyCodes...)
	} else if op.RequestBody != nil {
		list = append(list, "body_too_large", "content_type_unsupported")
	}
	if e.access != anyone {
		list = append(list, loginCodes...)
	}
	for _, p := range op.Parameters {
		if p.In == "query" && p.Schema.Type != "string" {
			list = append(list, "parameter_invalid")
			break
		}
	}
	slices.Sort(list)
	by := map[int][]string{}
	for _, entry := range slices.Compact(list) {
		code, special, _ := strings.Cut(entry, "/")
		c := codeOf(code)
		if c == nil {
			panic("operation " + e.id + " names the unknown error code " + code) // a fault in this package, met by every test
		}
		status := c.Status
		if n, err := strconv.Atoi(special); err == nil {
			status = n
		}
		by[status] = append(by[status], code)
	}
	return by
}

func bodyOf(op *huma.Operation) map[string]*huma.MediaType {
	if op.RequestBody == nil {
		return nil
	}
	return op.RequestBody.Content
}

// operationsOf lists the operations of a path.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

type codeEntry struct {
	Code    string `json:"code" yaml:"code"`
	Status  int    `json:"status" yaml:"status"`
	Meaning string `json:"meaning" yaml:"meaning"`
}

func codeTable() []codeEntry {
	return convert(codes, func(c Code) codeEntry { return codeEntry(c) })
}

// addExamples gives each JSON body an example made of the examples of its fields.
func addExamples(api *huma.OpenAPI, content map[string]*huma.MediaType) {
	for kind, m := range content {
		if m.Example == nil && kind == "application/json" && m.Schema != nil {
			m.Example = exampleOf(api, m.Schema, 0)
		}
	}
}

// exampleOf makes a value of a schema; an optional field without an example of its own is left out.
func exampleOf(api *huma.OpenAPI, s *huma.Schema, depth int) any {
	if s.Ref != "" {
		s = api.Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.AnyOf) > 0:
		if depth > 3 {
			return nil
		}
		return exampleOf(api, s.AnyOf[0], depth)
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case "object":
		out := map[string]any{}
		for name, p := range s.Properties {
			if slices.Contains(s.Required, name) || len(p.Examples) > 0 {
				out[name] = exampleOf(api, p, depth+1)
			}
		}
		return out
	case "array":
		if s.Items.Ref == "" || depth > 3 {
			return []any{}
		}
		return []any{exampleOf(api, s.Items, depth+1)}
	case "boolean":
		return false
	case "integer":
		return 0
	case "string":
		return ""
	}
	return nil
}

// serveDocument sends a part of the reference.
func serveDocument(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(body) // the client is gone; nobody to tell
}
