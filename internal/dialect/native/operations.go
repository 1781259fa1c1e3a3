package native

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/internal/chat"
)

// endpoint describes one operation for the router and for the reference.
type endpoint struct {
	id          string
	tag         string
	summary     string
	description string
	access      access
	status      int    // of success; default 200, or 204 without a body
	orStatus    int    // another status of success with the same body
	codes       string // the error codes it can answer with beside those that all share, separated by spaces; "code/403" with another status than its own
}

// reply is an answer with a body.
type reply[T any] struct {
	Body T
}

// created is an answer to what may make something: Location says where it is.
type created[T any] struct {
	Status   int
	Location string `header:"Location"`
	Body     T
}

// nothing is the answer 204.
type nothing struct{}

func ok[T any](v T) *reply[T] { return &reply[T]{Body: v} }

func made[T any](location string, v T) *created[T] {
	return &created[T]{Status: http.StatusCreated, Location: prefix + location, Body: v}
}

// handle registers one operation. route is "METHOD /path" below /api. fn gets the caller and the decoded input; its errors
// are the core's.
func handle[I, O any](d *Dialect, route string, e endpoint, fn func(ctx context.Context, by chat.Actor, in *I) (*O, error)) {
	op := e.operation(route)
	huma.Register(d.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, callOf(ctx).actor, in)
		if err != nil {
			return nil, d.problem(ctx, err)
		}
		return out, nil
	})
}

// operation is the endpoint in huma's form. huma decodes and documents; it validates nothing, because the core knows better.
func (e endpoint) operation(route string) huma.Operation {
	method, path, _ := strings.Cut(route, " ")
	op := huma.Operation{
		OperationID: e.id, Method: method, Path: path, Summary: e.summary, Description: e.description, Tags: []string{e.tag},
		DefaultStatus: e.status, SkipValidateParams: true, SkipValidateBody: true, BodyReadTimeout: -1, MaxBodyBytes: -1,
		Metadata: map[string]any{metaEndpoint: e},
	}
	return op
}

const metaEndpoint = "endpoint"

// adapter puts huma's operations behind our own checks.
type adapter struct{ d *Dialect }

// Handle implements huma.Adapter.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	e, _ := op.Metadata[metaEndpoint].(endpoint)
	limited := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == "limit" })
	a.d.mount(op.Method, op.Path, a.d.guard(e.access, op.RequestBody, func(w http.ResponseWriter, r *http.Request) {
		if given := r.URL.Query().Get("limit"); limited && given != "" {
			if n, err := strconv.Atoi(given); err == nil && n == 0 { // to the core, 0 is a limit that was not given
				a.d.writeError(w, r, chat.InvalidField("limit", "limit_invalid", "limit is 1 at least."))
				return
			}
		}
		handler(humago.NewContext(op, r, w))
	}))
}

// ServeHTTP implements huma.Adapter.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.d.ServeHTTP(w, r) }

// plain registers an operation that reads and writes by itself; it is documented like the others.
func (d *Dialect) plain(op huma.Operation, h http.HandlerFunc) {
	e, _ := op.Metadata[metaEndpoint].(endpoint)
	d.mount(op.Method, op.Path, d.guard(e.access, nil, h))
	d.api.OpenAPI().AddOperation(&op)
}

func (d *Dialect) mount(method, path string, h http.HandlerFunc) {
	mux := d.mux
	if strings.HasPrefix(path, bySlug) {
		mux = d.slugs
	}
	mux.HandleFunc(method+" "+prefix+path, h)
}

// guard lets a request through to h if its caller is known and its form is sound. With a body, h finds it read and checked.
func (d *Dialect) guard(a access, body *huma.RequestBody, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := checkAddress(r.URL); err != nil {
			d.writeError(w, r, err)
			return
		}
		c, err := d.begin(r, a)
		if err != nil {
			d.writeError(w, r, err)
			return
		}
		if body != nil {
			if err := d.readBody(w, r); err != nil {
				d.writeError(w, r, err)
				return
			}
		}
		h(w, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	}
}

// checkAddress refuses paths and queries that are no text.
func checkAddress(u *url.URL) error {
	bad := chat.Errorf(chat.Invalid, "address_invalid", "The address contains what is no text: encode it as UTF-8.")
	if !isText(u.Path) {
		return bad
	}
	if u.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return bad
	}
	for name, values := range query {
		if !isText(name) || !isText(strings.Join(values, "")) {
			return bad
		}
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// readBody reads the request's body once, with its limit, and checks that it is JSON.
func (d *Dialect) readBody(w http.ResponseWriter, r *http.Request) error {
	if given := r.Header.Get("Content-Type"); given != "" {
		kind, params, err := mime.ParseMediaType(given)
		charset := params["charset"]
		if err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
			return chat.Errorf(chat.Unsupported, "content_type_unsupported", "Send the body as application/json.")
		}
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, d.BodyBytes)) // how long it may take is the listener's to say
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return chat.Errorf(chat.TooLarge, "body_too_large", "The request body is larger than %d bytes.", d.BodyBytes)
	case err != nil:
		return chat.Errorf(chat.Invalid, "body_incomplete", "The request body did not arrive whole.")
	}
	if len(b) > 0 {
		if err := CheckJSON(b); err != nil {
			return err
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	r.Header.Set("Content-Type", "application/json") // huma knows it in this spelling
	return nil
}

// jsonFormat is the one format of the API.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		if done, ok := v.(wired); ok {
			if text := done.wire(); text != nil {
				_, err := w.Write(text)
				return err
			}
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	},
	Unmarshal: decodeJSON,
}

// newAPI makes huma's side: no $schema links, no pages of its own.
func (d *Dialect) newAPI() huma.API {
	config := huma.DefaultConfig("Chat API", apiVersion)
	config.CreateHooks = nil
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	return huma.NewAPI(config, adapter{d})
}

// register registers every operation, noun by noun.
func (d *Dialect) register() {
	d.api = d.newAPI()
	d.registerAccounts()
	d.registerLinks()
	d.registerUsers()
	d.registerRooms()
	d.registerDirectory()
	d.registerMembers()
	d.registerInvites()
	d.registerMessages()
	d.registerSearch()
	d.registerNotifications()
	d.registerAttachments()
	d.registerModeration()
	d.registerAdmin()
	d.registerRoles()
	d.registerSettings()
	d.registerPlugins()
	d.registerEmoji()
	d.registerPolls()
	d.registerThreads()
	d.registerWebhooks()
	d.registerCommands()
	d.registerVoice()
	d.registerServer()
}

// pageFaults are the errors of every list with limit and cursor.
const pageFaults = " limit_invalid cursor_invalid"

// Inputs that many operations share.
type (
	noInput  struct{}
	RoomPath struct {
		ID string `path:"id" doc:"The room's id." example:"12"`
	}
	MessagePath struct {
		ID string `path:"id" doc:"The message's id." example:"1041"`
	}
	RoomUserPath struct {
		RoomPath
		UserID string `path:"userId" doc:"The person's id." example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	}
	PageQuery struct {
		Limit  int    `query:"limit" doc:"How many, 1 to 100; 50 if it is not given." minimum:"1" maximum:"100"`
		Cursor string `query:"cursor" doc:"next_cursor of the page before."`
	}
)

func (p RoomPath) room() (chat.RoomID, error)          { return roomID(p.ID) }
func (p MessagePath) message() (chat.MessageID, error) { return messageID(p.ID) }
func (p PageQuery) page() chat.Page                    { return chat.Page{Limit: p.Limit, Cursor: p.Cursor} }

// What is no id at all is as absent as an id that nobody has.
func roomID(s string) (chat.RoomID, error) {
	id, ok := chat.ParseRoomID(s)
	if !ok {
		return 0, chat.ErrRoomNotFound
	}
	return id, nil
}

func messageID(s string) (chat.MessageID, error) {
	id, ok := chat.ParseMessageID(s)
	if !ok {
		return 0, chat.ErrMessageNotFound
	}
	return id, nil
}

// needed refuses a field without which there is nothing to look for.
func needed(field, value string) error {
	if value == "" {
		return chat.InvalidField(field, "field_invalid", "This is needed.")
	}
	return nil
}

// optionalMessage is messageID for a field that may be empty.
func optionalMessage(s string) (chat.MessageID, error) {
	if s == "" {
		return 0, nil
	}
	return messageID(s)
}

// parseTime reads a time of a request's field; nil is the zero time.
func parseTime(field string, s *string) (time.Time, error) {
	if s == nil || *s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, *s)
	if err != nil {
		return t, chat.InvalidField(field, "time_invalid", "Write a time as 2026-03-01T10:15:00Z.")
	}
	return t.UTC(), nil
}

// people reads the users that a list speaks of. Those who are gone are left out.
func (d *Dialect) people(ctx context.Context, by chat.Actor, ids ...chat.UserID) (people, error) {
	found := people{}
	for _, id := range ids {
		if _, asked := found[id]; asked || id == "" {
			continue
		}
		u, err := d.core.User(ctx, by, id)
		if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[id] = d.summary(u)
	}
	return found, nil
}

// next turns the end of a list into null.
func next(cursor string) *string { return orNil(cursor) }

// number reads a query parameter that is a whole number; absent is def.
func number(name, s string, def int64) (int64, error) {
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, chat.InvalidField(name, "parameter_invalid", "This must be a whole number.")
	}
	return n, nil
}
