package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// schema is what the types need of a JSON schema as the reference uses it.
type schema struct {
	Ref                  string    `yaml:"$ref"`
	Type                 yaml.Node `yaml:"type"` // a word or a list of words
	Description          string    `yaml:"description"`
	Enum                 []any     `yaml:"enum"`
	Items                *schema   `yaml:"items"`
	AnyOf                []schema  `yaml:"anyOf"`
	Properties           yaml.Node `yaml:"properties"` // in the order of the reference
	Required             []string  `yaml:"required"`
	AdditionalProperties yaml.Node `yaml:"additionalProperties"` // a schema or a bool
	Format               string    `yaml:"format"`
}

type operation struct {
	OperationID string `yaml:"operationId"`
	Summary     string `yaml:"summary"`
	Parameters  []struct {
		Name     string `yaml:"name"`
		In       string `yaml:"in"`
		Required bool   `yaml:"required"`
		Schema   schema `yaml:"schema"`
	} `yaml:"parameters"`
	RequestBody struct {
		Content  map[string]media `yaml:"content"`
		Required bool             `yaml:"required"`
	} `yaml:"requestBody"`
	Responses yaml.Node `yaml:"responses"`
}

type media struct {
	Schema schema `yaml:"schema"`
}

// typeScript writes the types of the web UI's client: an interface for each schema, and Operations, which maps "METHOD /path"
// to what an operation takes and answers.
func typeScript(document []byte) ([]byte, error) {
	var doc struct {
		Paths      yaml.Node `yaml:"paths"`
		Components struct {
			Schemas yaml.Node `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("// Made by tools/openapi from the API's reference: change that, not this.\n")
	for name, node := range fields(&doc.Components.Schemas) {
		var s schema
		if err := node.Decode(&s); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		comment(&b, "", s.Description)
		if s.Properties.Kind != 0 {
			fmt.Fprintf(&b, "export interface %s %s\n", name, object(&s, ""))
		} else {
			fmt.Fprintf(&b, "export type %s = %s;\n", name, typeOf(&s, ""))
		}
	}
	b.WriteString("\n/** Every operation, by its method and its path under /api. */\nexport interface Operations {\n")
	for path, item := range fields(&doc.Paths) {
		for method, node := range fields(item) {
			var op operation
			if err := node.Decode(&op); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			writeOperation(&b, strings.ToUpper(method)+" "+path, &op)
		}
	}
	b.WriteString("}\n")
	return []byte(b.String()), nil
}

func writeOperation(b *strings.Builder, key string, op *operation) {
	comment(b, "\t", op.Summary)
	fmt.Fprintf(b, "\t%s: {\n", quote(key))
	for _, in := range []string{"path", "query"} {
		var params []string
		for _, p := range op.Parameters {
			if p.In != in {
				continue
			}
			optional := "?"
			if p.Required {
				optional = ""
			}
			params = append(params, fmt.Sprintf("%s%s: %s", p.Name, optional, typeOf(&p.Schema, "\t\t")))
		}
		if len(params) > 0 {
			fmt.Fprintf(b, "\t\t%s: { %s };\n", in, strings.Join(params, "; "))
		} else {
			fmt.Fprintf(b, "\t\t%s: undefined;\n", in)
		}
	}
	body := "undefined"
	if m, ok := op.RequestBody.Content["application/json"]; ok {
		body = typeOf(&m.Schema, "\t\t")
	} else if len(op.RequestBody.Content) > 0 {
		body = "FormData"
	}
	fmt.Fprintf(b, "\t\tbody: %s;\n\t\tanswer: %s;\n\t};\n", body, answer(op))
}

// answer is the type of the JSON that an operation answers when it succeeds.
func answer(op *operation) string {
	var types []string
	for status, node := range fields(&op.Responses) {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		var r struct {
			Content map[string]media `yaml:"content"`
		}
		if node.Decode(&r) != nil {
			continue
		}
		t := "undefined"
		if m, ok := r.Content["application/json"]; ok {
			t = typeOf(&m.Schema, "\t\t")
		} else if len(r.Content) > 0 {
			t = "Blob"
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if len(types) == 0 {
		return "undefined"
	}
	return strings.Join(types, " | ")
}

func typeOf(s *schema, indent string) string {
	switch {
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case len(s.AnyOf) > 0:
		var of []string
		for i := range s.AnyOf {
			of = append(of, typeOf(&s.AnyOf[i], indent))
		}
		return strings.Join(of, " | ")
	}
	words := []string{s.Type.Value}
	if s.Type.Kind == yaml.SequenceNode {
		words = nil
		for _, n := range s.Type.Content {
			words = append(words, n.Value)
		}
	}
	var of []string
	for _, w := range words {
		of = append(of, wordType(w, s, indent))
	}
	return strings.Join(of, " | ")
}

func wordType(word string, s *schema, indent string) string {
	switch word {
	case "string":
		if len(s.Enum) == 0 {
			return "string"
		}
		var of []string
		for _, v := range s.Enum {
			if v != nil {
				of = append(of, quote(fmt.Sprint(v)))
			}
		}
		return strings.Join(of, " | ")
	case "integer", "number":
		return "number"
	case "boolean":
		return "boolean"
	case "null":
		return "null"
	case "array":
		item := "unknown"
		if s.Items != nil {
			item = typeOf(s.Items, indent)
		}
		if strings.ContainsAny(item, " |") {
			item = "(" + item + ")"
		}
		return item + "[]"
	case "object":
		if s.Properties.Kind != 0 {
			return object(s, indent)
		}
		var value schema
		if s.AdditionalProperties.Kind == yaml.MappingNode && s.AdditionalProperties.Decode(&value) == nil {
			return "Record<string, " + typeOf(&value, indent) + ">"
		}
		return "Record<string, unknown>"
	}
	return "unknown"
}

func object(s *schema, indent string) string {
	var b strings.Builder
	b.WriteString("{\n")
	for name, node := range fields(&s.Properties) {
		var p schema
		if node.Decode(&p) != nil {
			continue
		}
		comment(&b, indent+"\t", p.Description)
		optional := "?"
		if slices.Contains(s.Required, name) {
			optional = ""
		}
		fmt.Fprintf(&b, "%s\t%s%s: %s;\n", indent, name, optional, typeOf(&p, indent+"\t"))
	}
	b.WriteString(indent + "}")
	return b.String()
}

func comment(b *strings.Builder, indent, text string) {
	if text != "" {
		fmt.Fprintf(b, "%s/** %s */\n", indent, strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "*/", "* /"))
	}
}

func quote(s string) string {
	q, _ := json.Marshal(s) // a string always can be
	return strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(q))
}

// fields walks a mapping in its own order.
func fields(n *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}
