package native

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/scan"
)

type uploadAnswer struct {
	Attachments []Attachment `json:"attachments"`
}

const (
	maxParts       = 64       // parts of one upload, files and fields
	maxRanges      = 8        // ranges of one download
	uploadOverhead = 1 << 20  // what an upload's form may add to its files
	maxDrain       = 16 << 20 // what is still read of a refused upload, so that the client comes to read the answer
)

const uploadFaults = "attachment_too_large attachment_empty type_not_allowed type_mismatch infected archive_bomb archive_unsafe image_bomb image_invalid upload_incomplete upload_invalid scan_unavailable files_unavailable rate_limited"

func (d *Dialect) registerAttachments() {
	const tag = "Files"
	binary := func() *huma.Schema { return &huma.Schema{Type: "string", Format: "binary"} }
	form := func(many bool) *huma.RequestBody {
		file := binary()
		if many {
			file = &huma.Schema{Type: "array", Items: binary()}
		}
		return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"file": file}, Required: []string{"file"}}},
		}}
	}
	d.plain(d.described("POST /attachments/upload", endpoint{
		id: "upload", tag: tag, status: 201, summary: "Upload files",
		description: "One file or more, each of at most 10 MB, whatever the form calls them. The declared type is checked against the content, and what is stored was scanned for malware first. While the scanner is away, uploads are refused, or kept with `scan` pending until it is back, as the operator decides. " +
			"Files belong to the caller until a message carries them; unused they are gone after a day.",
		codes: "file_missing too_many_attachments " + uploadFaults,
	}, form(true), jsonResponse[uploadAnswer](d)), d.upload)
	d.plain(d.described("PUT /users/me/avatar", endpoint{
		id: "set-avatar", tag: "Users", summary: "Set the own picture", description: "A form with one image. It is cropped to a square, scaled and stored without its metadata.",
		codes: "file_missing too_many_attachments " + uploadFaults,
	}, form(false), jsonResponse[Self](d)), d.setAvatar)
	handle(d, "DELETE /users/me/avatar", endpoint{id: "delete-avatar", tag: "Users", summary: "Take the own picture away", codes: "rate_limited"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*nothing, error) {
			_, err := d.core.UpdateProfile(ctx, by, core.Profile{AvatarURL: new(string)})
			return nil, err
		})
	d.plain(d.described("PUT /rooms/{id}/avatar", endpoint{
		id: "set-room-avatar", tag: "Rooms", summary: "Set a room's picture", description: "For its admins. A form with one image, which is treated like a person's picture.",
		codes: "room_not_found not_a_member manage_room_forbidden direct_room file_missing too_many_attachments " + uploadFaults,
	}, form(false), jsonResponse[Room](d)), d.setRoomAvatar)
	handle(d, "DELETE /rooms/{id}/avatar", endpoint{
		id: "delete-room-avatar", tag: "Rooms", summary: "Take a room's picture away", description: "For its admins.", codes: "room_not_found not_a_member manage_room_forbidden direct_room",
	}, func(ctx context.Context, by chat.Actor, in *RoomPath) (*nothing, error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		_, err = d.core.UpdateRoom(ctx, by, id, core.RoomChange{AvatarURL: new(string)})
		return nil, err
	})

	file := func(description string) *huma.Response {
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{"*/*": {Schema: binary()}}}
	}
	download := func(route, id, summary, codes string, a access, h http.HandlerFunc) {
		direct := strings.HasPrefix(route, "GET /attachments/")
		op := d.described(route, endpoint{
			id: id, tag: tag, access: a, summary: summary, codes: codes + " range_invalid",
			description: "Ranges and If-None-Match work; at most 8 ranges at once.",
		}, nil, file("The bytes."))
		op.Responses["206"], op.Responses["304"] = file("The range of bytes asked for."), &huma.Response{Description: "Not modified."}
		if direct {
			op.Parameters = append(op.Parameters, &huma.Param{Name: "direct", In: "query", Schema: &huma.Schema{Type: "string", Enum: []any{"0", "1"}},
				Description: "1: be sent to the storage for the bytes, where the server is set up for that; otherwise they come from here as ever."})
			op.Responses["307"] = &huma.Response{Description: "The bytes are at the address in Location, for five minutes. It needs no token; do not send one."}
		}
		d.plain(op, h)
	}
	download("GET /attachments/{id}", "download", "Download a file", "attachment_not_found attachment_pending files_unavailable", loggedIn,
		func(w http.ResponseWriter, r *http.Request) { d.download(w, r, false) })
	download("GET /attachments/{id}/thumbnail", "download-thumbnail", "Download a file's small picture", "attachment_not_found attachment_pending thumbnail_not_found files_unavailable", loggedIn,
		func(w http.ResponseWriter, r *http.Request) { d.download(w, r, true) })
	download("GET /avatars/{name}", "download-avatar", "Download a profile picture", "picture_not_found files_unavailable", anyone, d.picture(d.core.Avatar))
	download("GET /previews/{name}", "download-preview", "Download the picture of a link preview", "picture_not_found files_unavailable", anyone, d.picture(d.core.Preview))
	download("GET /emoji/pictures/{name}", "download-emoji", "Download the picture of an emoji", "picture_not_found files_unavailable", anyone, d.picture(d.core.EmojiPicture))
}

// upload stores the files of a form, one after the other as they arrive.
func (d *Dialect) upload(w http.ResponseWriter, r *http.Request) {
	by := callOf(r.Context()).actor
	out := uploadAnswer{Attachments: []Attachment{}}
	err := d.eachFile(w, r, d.core.Limits.AttachmentsPerMessage, func(p *multipart.Part) error {
		a, err := d.core.UploadFile(r.Context(), by, core.Upload{Filename: p.FileName(), MIMEType: p.Header.Get("Content-Type"), Body: p})
		if err == nil {
			out.Attachments = append(out.Attachments, d.attachment(&a))
		}
		return err
	})
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	w.Header().Set("Location", out.Attachments[0].URL)
	writeJSON(w, http.StatusCreated, out)
}

func (d *Dialect) setAvatar(w http.ResponseWriter, r *http.Request) {
	by := callOf(r.Context()).actor
	err := d.eachFile(w, r, 1, func(p *multipart.Part) error {
		_, err := d.core.SetAvatar(r.Context(), by, p)
		return err
	})
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	me, err := d.core.Me(r.Context(), by)
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	self, err := d.self(r.Context(), me)
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, self)
}

func (d *Dialect) setRoomAvatar(w http.ResponseWriter, r *http.Request) {
	by := callOf(r.Context()).actor
	id, err := roomID(r.PathValue("id"))
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	var view chat.RoomView
	err = d.eachFile(w, r, 1, func(p *multipart.Part) (err error) {
		view, err = d.core.SetRoomAvatar(r.Context(), by, id, p)
		return err
	})
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, d.room(view))
}

// eachFile calls store for every file of the request's form, without holding any. most bounds their number; 0 or less: no
// bound but that of a form's parts.
func (d *Dialect) eachFile(w http.ResponseWriter, r *http.Request, most int, store func(*multipart.Part) error) (err error) {
	if most <= 0 {
		most = maxParts
	}
	body := r.Body
	defer func() {
		if err != nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(body, maxDrain)) // the client may be gone already
		}
	}()
	limit := int64(1 << 62)
	if each := d.core.Limits.AttachmentBytes; each > 0 {
		limit = int64(most)*(each+uploadOverhead/16) + uploadOverhead
	}
	r.Body = http.MaxBytesReader(w, body, limit)
	form, err := r.MultipartReader()
	if err != nil {
		return chat.Errorf(chat.Unsupported, "content_type_unsupported", "Send the files as multipart/form-data.")
	}
	files := 0
	for parts := 0; ; parts++ {
		p, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return uploadError(err)
		}
		if parts == maxParts {
			return chat.Errorf(chat.Invalid, "upload_invalid", "A form has at most %d parts.", maxParts)
		}
		if p.FileName() == "" {
			continue // a field: the next part skips what it holds
		}
		if files++; files > most {
			return chat.InvalidField("file", "too_many_attachments", "At most %d files at once.", most)
		}
		if err := store(p); err != nil {
			return err
		}
	}
	if files == 0 {
		return chat.InvalidField("file", "file_missing", "The form has no file.")
	}
	return nil
}

func uploadError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return chat.Errorf(chat.TooLarge, "body_too_large", "The upload is too large.")
	}
	return &chat.Error{Kind: chat.Invalid, Code: "upload_invalid", Text: "The form is malformed or did not arrive completely.", Cause: err}
}

func (d *Dialect) download(w http.ResponseWriter, r *http.Request, thumbnail bool) {
	f, err := d.core.OpenAttachment(r.Context(), callOf(r.Context()).actor, r.PathValue("id"), thumbnail)
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	defer func() { _ = f.Body.Close() }() // read only
	if d.Elsewhere != nil && r.URL.Query().Get("direct") == "1" && d.sendElsewhere(w, r, f) {
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	w.Header().Set("Content-Disposition", disposition(f.MIMEType, f.Attachment.Filename))
	d.serveFile(w, r, f.MIMEType, f.Hash, f.ModTime, f.Body)
}

// directLife is how long an address of the storage works that a client was sent to.
const directLife = 5 * time.Minute

// sendElsewhere sends a client to the storage for a file; false when that has no address to give, which the log says.
func (d *Dialect) sendElsewhere(w http.ResponseWriter, r *http.Request, f core.File) bool {
	how := disposition(f.MIMEType, "")
	address, err := d.Elsewhere(r.Context(), f.Hash, blob.Access{Filename: f.Attachment.Filename, MIMEType: f.MIMEType, Inline: how == "inline", Life: directLife})
	if err != nil {
		d.log.Warn("the storage gives no address for a file", "attachment", f.Attachment.ID, "err", err)
		return false
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store") // who may fetch it now may not be allowed to later
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", address)
	w.WriteHeader(http.StatusTemporaryRedirect)
	return true
}

// picture serves pictures that anyone with their name may see.
func (d *Dialect) picture(open func(ctx context.Context, name string) (io.ReadSeekCloser, string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		body, kind, err := open(r.Context(), name)
		if err != nil {
			d.writeError(w, r, err)
			return
		}
		defer func() { _ = body.Close() }() // read only
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("Content-Disposition", disposition(kind, ""))
		d.serveFile(w, r, kind, name, time.Time{}, body)
	}
}

// serveFile sends bytes that never change. Whatever they are, a browser runs nothing of them.
func (d *Dialect) serveFile(w http.ResponseWriter, r *http.Request, kind, hash string, at time.Time, body io.ReadSeeker) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("ETag", `"`+hash+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-site")
	if ranges := r.Header.Get("Range"); ranges != "" {
		if strings.Count(ranges, ",") >= maxRanges {
			writeProblem(w, newProblem(http.StatusRequestedRangeNotSatisfiable, "range_invalid", "At most "+strconv.Itoa(maxRanges)+" ranges at once."))
			return
		}
		w = &rangeAnswer{ResponseWriter: w}
	}
	http.ServeContent(w, r, "", at, body)
}

// rangeAnswer turns the refusal of a range into a problem document.
type rangeAnswer struct {
	http.ResponseWriter
	refused bool
}

// WriteHeader implements http.ResponseWriter.
func (a *rangeAnswer) WriteHeader(status int) {
	if status != http.StatusRequestedRangeNotSatisfiable {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	a.refused = true
	for _, name := range []string{"Content-Disposition", "ETag", "Last-Modified"} {
		a.Header().Del(name)
	}
	writeProblem(a.ResponseWriter, newProblem(status, "range_invalid", "The file has no such range."))
}

// Write implements io.Writer.
func (a *rangeAnswer) Write(b []byte) (int, error) {
	if a.refused {
		return len(b), nil
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap is what http.ResponseController looks for.
func (a *rangeAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// disposition lets a browser show pictures at their own address, and nothing else. A page's player plays films and sound all the
// same; opened by themselves they would not play, because of the policy they come with, and are better kept.
func disposition(kind, filename string) string {
	how := "attachment"
	if scan.ByMIME(kind).Image() {
		how = "inline"
	}
	if filename == "" {
		return how
	}
	return mime.FormatMediaType(how, map[string]string{"filename": filename})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = jsonFormat.Marshal(w, v) // the client is gone; nobody to tell
}
