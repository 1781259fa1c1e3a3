package native

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/api"
)

// pageStyle is all the style there is; the policy names it by its hash.
const pageStyle = `:root{color-scheme:light dark;--line:#8884;--soft:#8882;--accent:#2563eb}
@media(prefers-color-scheme:dark){:root{--accent:#7aa7ff}}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:60rem}
a{color:var(--accent)}h2{border-bottom:1px solid var(--line);margin-top:2.5rem}
nav ul{columns:16rem;padding-left:1.2rem}code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.75rem;overflow-x:auto;border-radius:.4rem}
section{border:1px solid var(--line);border-radius:.5rem;padding:0 1rem 1rem;margin:1rem 0}
section h3{font-size:1rem;word-break:break-word}.method{color:var(--accent);font-weight:700}
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line)}
details{margin-top:.5rem}summary{cursor:pointer}`

var pagePolicy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", styleHash())

func styleHash() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return base64.StdEncoding.EncodeToString(sum[:])
}

type (
	refPage struct {
		Style  template.CSS
		Title  string
		Intro  string
		Body   template.HTML
		Groups []refGroup
		Codes  []Code
	}
	refGroup struct {
		Name       string
		Operations []refOperation
	}
	refOperation struct {
		ID, Method, Path, Summary, Description, Who string
		Parameters, Fields                          []refField
		Request                                     string
		Responses                                   []refResponse
	}
	refField struct {
		Name, Where, Type, Description string
		Required                       bool
	}
	refResponse struct {
		Status, Description, Example string
	}
)

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title><style>{{.Style}}</style></head>
<body><main><h1>{{.Title}}</h1>
{{if .Body}}<p><a href="/api/docs">REST reference</a></p>{{.Body}}{{else}}
<p>{{.Intro}}</p>
<p><a href="/api/openapi.json">This reference as OpenAPI 3.1</a> · <a href="/api/docs/websocket">WebSocket reference</a> · <a href="#codes">Error codes</a></p>
<nav aria-label="Operations">{{range .Groups}}<h2>{{.Name}}</h2><ul>{{range .Operations}}<li><a href="#{{.ID}}">{{.Summary}}</a></li>{{end}}</ul>{{end}}</nav>
{{range .Groups}}<h2>{{.Name}}</h2>
{{range .Operations}}<section id="{{.ID}}" aria-labelledby="{{.ID}}-h"><h3 id="{{.ID}}-h"><code><span class="method">{{.Method}}</span> {{.Path}}</code></h3>
<p><strong>{{.Summary}}.</strong> {{.Description}} {{.Who}}</p>
{{if .Parameters}}<table><thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>
{{range .Parameters}}<tr><td><code>{{.Name}}</code>{{if .Required}} *{{end}}</td><td>{{.Where}}</td><td>{{.Type}}</td><td>{{.Description}}</td></tr>{{end}}</tbody></table>{{end}}
{{if .Fields}}<table><thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>
{{range .Fields}}<tr><td><code>{{.Name}}</code>{{if .Required}} *{{end}}</td><td>{{.Type}}</td><td>{{.Description}}</td></tr>{{end}}</tbody></table>{{end}}
{{if .Request}}<details><summary>Request</summary><pre>{{.Request}}</pre></details>{{end}}
{{range .Responses}}{{if .Example}}<details><summary>{{.Status}} {{.Description}}</summary><pre>{{.Example}}</pre></details>{{else}}<p>{{.Status}} {{.Description}}</p>{{end}}{{end}}
</section>{{end}}{{end}}
<h2 id="codes">Error codes</h2><table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead><tbody>
{{range .Codes}}<tr><td><code>{{.Code}}</code></td><td>{{.Status}}</td><td>{{.Meaning}}</td></tr>{{end}}</tbody></table>{{end}}
</main></body></html>
`))

func renderPage(p refPage) []byte {
	p.Style = template.CSS(pageStyle) // a constant of ours
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		panic(fmt.Sprintf("the page of the reference cannot be written: %v", err)) // a fault in this package, met by every test
	}
	return b.Bytes()
}

// socketPage is the reference of the WebSocket, from api/websocket.md.
func socketPage() []byte {
	return renderPage(refPage{Title: "WebSocket", Body: template.HTML(renderHTML(string(api.WebSocket)))}) // sanitised
}

// referencePage renders the document as one page without scripts.
func referencePage(doc *huma.OpenAPI) []byte {
	groups := map[string]*refGroup{}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, op := range operationsOf(doc.Paths[path]) {
			g := groups[op.Tags[0]]
			if g == nil {
				g = &refGroup{Name: op.Tags[0]}
				groups[g.Name] = g
			}
			g.Operations = append(g.Operations, referenceOf(doc, op))
		}
	}
	p := refPage{Title: doc.Info.Title + " " + doc.Info.Version, Intro: introduction, Codes: codes}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		p.Groups = append(p.Groups, *groups[name])
	}
	return renderPage(p)
}

func referenceOf(doc *huma.OpenAPI, op *huma.Operation) refOperation {
	out := refOperation{ID: op.OperationID, Method: op.Method, Path: prefix + op.Path, Summary: op.Summary, Description: op.Description}
	switch e, _ := op.Metadata[metaEndpoint].(endpoint); e.access {
	case anyone:
		out.Who = "Needs no login."
	case either:
		out.Who = "Works with and without a login."
	}
	for _, p := range op.Parameters {
		out.Parameters = append(out.Parameters, refField{Name: p.Name, Where: p.In, Type: typeInWords(p.Schema), Description: p.Description, Required: p.Required})
	}
	for kind, m := range bodyOf(op) {
		s := m.Schema
		if s.Ref != "" {
			s = doc.Components.Schemas.SchemaFromRef(s.Ref)
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			f := s.Properties[name]
			out.Fields = append(out.Fields, refField{Name: name, Type: typeInWords(f), Description: f.Description, Required: slices.Contains(s.Required, name)})
		}
		if kind == "application/json" {
			out.Request = indented(m.Example)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := refResponse{Status: status, Description: op.Responses[status].Description}
		if m := op.Responses[status].Content["application/json"]; m != nil {
			r.Example = indented(m.Example)
		}
		out.Responses = append(out.Responses, r)
	}
	return out
}

func indented(v any) string {
	if v == nil {
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // made of plain values
	return b.String()
}

func typeInWords(s *huma.Schema) string {
	switch {
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case len(s.Enum) > 0:
		return strings.Join(convert(s.Enum, func(v any) string { return fmt.Sprint(v) }), " | ")
	case s.Type == "array":
		return "list of " + typeInWords(s.Items)
	case s.Format != "":
		return s.Type + " (" + s.Format + ")"
	case s.Type == "":
		return "any"
	}
	return s.Type
}
