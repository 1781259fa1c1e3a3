package native

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

func init() {
	huma.DefaultArrayNullable = false // lists are never null
}

// schemaOf returns a reference to the schema of v's type.
func schemaOf(r huma.Registry, v any) *huma.Schema {
	return r.Schema(reflect.TypeOf(v), true, "")
}

// nullable makes fields that refer to other objects null as well: huma knows that of plain values only.
func nullable(s *huma.Schema, fields ...string) *huma.Schema {
	for _, name := range fields {
		p := s.Properties[name]
		s.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
	}
	return s
}

// TransformSchema implements huma.SchemaTransformer.
func (*Room) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "me", "peer")
}

// TransformSchema implements huma.SchemaTransformer.
func (*Self) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "mute")
}

// TransformSchema implements huma.SchemaTransformer.
func (*Message) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "sender", "thread")
}

// TransformSchema implements huma.SchemaTransformer.
func (*Notification) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "actor")
}

// TransformSchema implements huma.SchemaTransformer.
func (*Invite) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "room", "created_by")
}

// TransformSchema implements huma.SchemaTransformer.
func (*Hit) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "previous", "next")
}

// TransformSchema implements huma.SchemaTransformer.
func (*Sanction) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "user", "issued_by", "lifted_by")
}

// TransformSchema implements huma.SchemaTransformer.
func (*Report) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "reporter", "author", "handled_by")
}

// TransformSchema implements huma.SchemaTransformer.
func (*AuditEntry) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "actor", "target")
}

// Schema implements huma.SchemaProvider: any value.
func (opaque) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }
