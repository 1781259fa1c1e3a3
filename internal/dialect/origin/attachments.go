package origin

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

var attachmentCommands = map[string]command{"attachment_get": attachmentGet, "attachment_delete": attachmentDelete}

// keptFor is how long a file is said to last that lasts as long as its message (specs: originchats §11
// attachments.permanent_expiration_days). Clients need a time.
const keptFor = 365 * 24 * time.Hour

// attachmentShown is a file as clients have it (specs: originchats §6.5).
type attachmentShown struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	MIMEType  string  `json:"mime_type"`
	Size      int64   `json:"size"`
	URL       string  `json:"url"`
	ExpiresAt seconds `json:"expires_at"`
	Permanent bool    `json:"permanent"`
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
}

func (d *Dialect) attachment(a chat.Attachment, base string) attachmentShown {
	shown := attachmentShown{ID: a.Key, Name: a.Filename, MIMEType: a.MIMEType, Size: a.Size, URL: d.base(base) + "/attachments/" + a.Key,
		ExpiresAt: seconds(a.ExpiresAt), Width: a.Width, Height: a.Height}
	if a.ExpiresAt.IsZero() {
		shown.ExpiresAt, shown.Permanent = seconds(a.CreatedAt.Add(keptFor)), true
	}
	return shown
}

func (d *Dialect) attachments(list []chat.Attachment) []attachmentShown {
	out := make([]attachmentShown, len(list))
	for i, a := range list {
		out[i] = d.attachment(a, "")
	}
	return out
}

// claim checks the files that a message is to carry (specs: originchats-commands §3.1, 10).
func (s *socket) claim(ctx context.Context, q *request, ids []string) ([]string, error) {
	for _, id := range ids {
		a, err := s.dialect.core.Attachment(ctx, chat.Operator, id)
		switch {
		case err != nil && chat.AsError(err).Kind == chat.NotFound, err == nil && a.MessageID != 0 && a.UploaderID == s.actor.UserID:
			return nil, refusef(q.cmd, "Attachment %s not found or expired", clip(id))
		case err != nil:
			return nil, err
		case a.UploaderID != s.actor.UserID:
			return nil, refuse(q.cmd, "You can only attach your own uploads")
		}
	}
	return ids, nil
}

type attachmentInfoPacket struct {
	Cmd        string          `json:"cmd"`
	Attachment attachmentShown `json:"attachment"`
}

type attachmentDeletedPacket struct {
	Cmd     string `json:"cmd"`
	ID      string `json:"attachment_id"`
	Deleted bool   `json:"deleted"`
}

func attachmentGet(ctx context.Context, s *socket, q *request) (any, error) {
	id, err := q.text("attachment_id")
	if err != nil || id == "" {
		return nil, refuse(q.cmd, "Invalid attachment_get command: attachment_id is required")
	}
	a, err := s.dialect.core.Attachment(ctx, s.actor, id)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"attachment_not_found": "Attachment not found or expired", "attachment_pending": "Attachment not found or expired"})
	}
	return attachmentInfoPacket{"attachment_info", s.dialect.attachment(a, s.host)}, nil
}

// attachmentDelete takes a file away that no message carries yet, or the file of a message.
func attachmentDelete(ctx context.Context, s *socket, q *request) (any, error) {
	id, err := q.text("attachment_id")
	if err != nil || id == "" {
		return nil, refuse(q.cmd, "Invalid attachment_delete command: attachment_id is required")
	}
	if err := s.dialect.core.DeleteAttachment(ctx, s.actor, id); err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"attachment_not_found": "Attachment not found", "attachment_sent": "Failed to delete attachment",
			"delete_forbidden": "You can only delete your own attachments"})
	}
	return attachmentDeletedPacket{"attachment_deleted", id, true}, nil
}

// serveAttachment serves GET /attachments/{id} to whoever knows the id, which cannot be guessed (specs: originchats §9). Files of
// rooms that this protocol does not show are not there.
func (d *Dialect) serveAttachment(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	f, err := d.core.OpenAttachment(ctx, chat.Operator, r.PathValue("id"), false)
	if err == nil && f.Attachment.RoomID != 0 && d.factsOf(ctx, f.Attachment.RoomID).hidden {
		_ = f.Body.Close()
		err = chat.ErrNotFound
	}
	if err != nil {
		if chat.AsError(err).Kind == chat.Internal {
			d.incident(ctx, err)
		}
		writeError(w, http.StatusNotFound, "Attachment not found or expired")
		return
	}
	defer func() { _ = f.Body.Close() }() // read only
	how := "attachment"
	for _, harmless := range []string{"image/", "audio/", "video/", "application/pdf"} {
		if strings.HasPrefix(f.MIMEType, harmless) {
			how = "inline"
		}
	}
	serveBytes(w, r, f.MIMEType, f.Hash, mime.FormatMediaType(how, map[string]string{"filename": f.Attachment.Filename}), f.Body)
}

// upload is the body of POST /attachments/upload.
type upload struct {
	ValidatorKey string   `json:"validator_key"`
	Validator    string   `json:"validator"`
	File         string   `json:"file"`
	Name         string   `json:"name"`
	MIMEType     string   `json:"mime_type"`
	Channel      string   `json:"channel"`
	ExpiresIn    *float64 `json:"expires_in_days"` // not heeded: a file lasts as long as its message
}

type uploadedAnswer struct {
	Attachment attachmentShown `json:"attachment"`
	Permanent  bool            `json:"permanent"`
}

type errorAnswer struct {
	Error string `json:"error"`
}

func writeError(w http.ResponseWriter, status int, text string) {
	writeAnswer(w, status, errorAnswer{text})
}

func writeAnswer(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client is gone; nobody to tell
}

// serveUpload serves POST /attachments/upload, with the checks in the protocol's order (specs: originchats §9).
func (d *Dialect) serveUpload(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		writeError(w, http.StatusUnsupportedMediaType, "Content-Type must be application/json")
		return
	}
	most := d.core.Limits.AttachmentBytes
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most/3*4+64<<10)) // base64 is a third longer (DV-111)
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			writeError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("Request body too large (max %d bytes)", most))
		} else {
			writeError(w, http.StatusBadRequest, "Failed to read request body")
		}
		return
	}
	var u upload
	if json.Unmarshal(raw, &u) != nil {
		writeError(w, http.StatusBadRequest, "Invalid JSON body")
		return
	}
	if u.ValidatorKey == "" || u.Validator == "" {
		writeError(w, http.StatusUnauthorized, "validator_key and validator are required for authentication")
		return
	}
	actor, status, text := d.uploader(ctx, u.ValidatorKey, u.Validator)
	if status != 0 {
		writeError(w, status, text)
		return
	}
	if u.File == "" || u.Name == "" || u.MIMEType == "" || u.Channel == "" {
		writeError(w, http.StatusBadRequest, "Missing required fields: file, name, mime_type, channel")
		return
	}
	a, status, text := d.storeUpload(ctx, actor, u)
	if status != 0 {
		writeError(w, status, text)
		return
	}
	shown := d.attachment(a, baseOf(r))
	writeAnswer(w, http.StatusCreated, uploadedAnswer{shown, shown.Permanent})
}

// uploader finds who uploads: the key is one of this server, and the validator is made for it, or is one that a connection was
// given when it logged in (DV-110). status is 0 when that is so.
func (d *Dialect) uploader(ctx context.Context, key, validator string) (by chat.Actor, status int, text string) {
	user, err := d.vouched(ctx, key, validator)
	switch e := chat.AsError(err); {
	case err == nil:
		return chat.Actor{UserID: user.ID}, 0, ""
	case e.Kind == chat.NotFound:
		return by, http.StatusUnauthorized, "User not found"
	case e.Kind == chat.Unauthenticated:
		return by, http.StatusUnauthorized, e.Text
	}
	return by, http.StatusBadGateway, errNoRoturAnswer.Text
}

// storeUpload checks that a file may go to its channel and stores it. status is 0 when that is done.
func (d *Dialect) storeUpload(ctx context.Context, by chat.Actor, u upload) (a chat.Attachment, status int, text string) {
	s := &socket{dialect: d, actor: by}
	room, err := s.anyChannel(ctx, u.Channel)
	if err != nil {
		return a, http.StatusNotFound, "Channel does not exist"
	}
	for _, right := range []chat.Right{chat.CanSend, chat.CanAttach} {
		if err := d.core.May(ctx, by, right, room.ID); err != nil {
			return a, http.StatusForbidden, "You don't have permission to send in this channel"
		}
	}
	data := u.File
	if rest, isURI := strings.CutPrefix(data, "data:"); isURI {
		_, data, _ = strings.Cut(rest, ",")
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return a, http.StatusInternalServerError, "Failed to save attachment"
	}
	a, err = d.core.UploadFile(ctx, by, core.Upload{Filename: u.Name, MIMEType: u.MIMEType, Body: bytes.NewReader(raw)})
	switch e := chat.AsError(err); {
	case err == nil:
		return a, 0, ""
	case e.Kind == chat.TooMany:
		return a, http.StatusTooManyRequests, "Upload rate limit exceeded"
	case e.Kind == chat.TooLarge:
		return a, http.StatusRequestEntityTooLarge, fmt.Sprintf("Request body too large (max %d bytes)", d.core.Limits.AttachmentBytes)
	case e.Kind == chat.Internal:
		d.incident(ctx, err)
	}
	return a, http.StatusInternalServerError, "Failed to save attachment"
}
