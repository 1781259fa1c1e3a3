package native

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
)

// Problem is every error answer (RFC 9457).
type Problem struct {
	Type     string       `json:"type" doc:"Always about:blank: the code says which problem it is." example:"about:blank"`
	Title    string       `json:"title" doc:"The status in words." example:"Not Found"`
	Status   int          `json:"status" example:"404"`
	Detail   string       `json:"detail" doc:"What is wrong and what to do, fit to be shown to a person." example:"There is no such room, or you cannot see it."`
	Code     string       `json:"code" doc:"Stable; see the list of error codes." example:"room_not_found"`
	Errors   []FieldError `json:"errors,omitempty" doc:"The request's fields that are at fault."`
	Incident string       `json:"incident,omitempty" doc:"Names the fault in the server's log." example:"k3v7q2m5x4a6b7c2"`

	headers http.Header
}

// FieldError is what is wrong with one field of a request.
type FieldError struct {
	Field   string `json:"field" example:"name"`
	Message string `json:"message" example:"Between 1 and 100 characters."`
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.headers }

const problemType = "application/problem+json"

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

// statuses is the wire form of each kind of failure (specs: native, Conventions).
var statuses = map[chat.Kind]int{
	chat.Internal:        http.StatusInternalServerError,
	chat.Invalid:         http.StatusBadRequest,
	chat.Unauthenticated: http.StatusUnauthorized,
	chat.Forbidden:       http.StatusForbidden,
	chat.NotFound:        http.StatusNotFound,
	chat.Conflict:        http.StatusConflict,
	chat.TooLarge:        http.StatusRequestEntityTooLarge,
	chat.Unsupported:     http.StatusUnsupportedMediaType,
	chat.TooMany:         http.StatusTooManyRequests,
	chat.Unavailable:     http.StatusServiceUnavailable,
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, headers: http.Header{}}
}

// problem turns a failure of the core into its answer. A fault of ours is logged here, and the client is told its id alone.
func (d *Dialect) problem(ctx context.Context, err error) *Problem {
	e := chat.AsError(err)
	if e.Kind == chat.Internal && gone(ctx, err) {
		e = chat.Errorf(chat.Unavailable, "canceled", "The request was given up.")
	}
	p := newProblem(statuses[e.Kind], e.Code, e.Text)
	switch e.Kind {
	case chat.Internal:
		p.Incident = d.incident(ctx, err)
	case chat.Unauthenticated:
		p.headers.Set("WWW-Authenticate", "Bearer")
	case chat.TooMany, chat.Unavailable:
		wait := max(e.RetryAfter, time.Second)
		p.headers.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	if e.Field != "" {
		p.Errors = []FieldError{{Field: e.Field, Message: e.Text}}
	}
	return p
}

// writeError answers a request that does not go through huma.
func (d *Dialect) writeError(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, d.problem(r.Context(), err))
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone; nobody to tell
}

func init() {
	// Every error that huma makes by itself gets our form and our statuses: 400 where it would say 422.
	huma.NewErrorWithContext = func(_ huma.Context, status int, detail string, errs ...error) huma.StatusError {
		return humaProblem(status, detail, errs)
	}
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return humaProblem(status, detail, errs)
	}
}

func humaProblem(status int, detail string, errs []error) *Problem {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return newProblem(status, "body_too_large", "The request body is too large.")
	case http.StatusUnsupportedMediaType:
		return newProblem(status, "content_type_unsupported", "Send the body as application/json.")
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestTimeout:
	default:
		return newProblem(http.StatusInternalServerError, "internal", "Something went wrong on the server.")
	}
	p := newProblem(http.StatusBadRequest, "body_missing", "The request needs a body of JSON.")
	for _, err := range errs {
		at, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		fault := at.ErrorDetail()
		if name, isBody := strings.CutPrefix(fault.Location, "body"); isBody && name == "" {
			p.Code = "field_invalid"
			field, text, _ := strings.Cut(fault.Message, ": ") // as decodeJSON writes it
			p.Errors = append(p.Errors, FieldError{Field: field, Message: text})
		} else {
			p.Code = "parameter_invalid"
			_, name, _ := strings.Cut(fault.Location, ".")
			p.Errors = append(p.Errors, FieldError{Field: name, Message: fault.Message})
		}
	}
	if len(p.Errors) > 0 {
		p.Detail = p.Errors[0].Field + ": " + p.Errors[0].Message
	} else if detail != "request body is required" {
		p.Code, p.Detail = "request_invalid", "The request cannot be read."
	}
	return p
}

// clip cuts what a client sent to what an answer may repeat.
func clip(s string, most int) string {
	r := []rune(strings.ToValidUTF8(s, "?"))
	if len(r) > most {
		return string(r[:most]) + "…"
	}
	return string(r)
}
