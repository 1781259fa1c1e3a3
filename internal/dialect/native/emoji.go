package native

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	// Emoji is one of the server's own emoji.
	Emoji struct {
		ID        string       `json:"id" example:"0"`
		Name      string       `json:"name" doc:"Written :name: in texts and reactions; unique without regard to case." example:"party_parrot"`
		URL       string       `json:"url" doc:"Path of the picture; another one whenever the picture is." example:"/api/emoji/pictures/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
		Width     int          `json:"width" doc:"In pixels." example:"64"`
		Height    int          `json:"height" example:"64"`
		Animated  bool         `json:"animated"`
		CreatedBy *UserSummary `json:"created_by" doc:"Null if the operator made it, or the account is gone."`
		CreatedAt string       `json:"created_at" format:"date-time" example:"2026-03-01T09:30:00.000Z"`
	}
	emojiList struct {
		Emoji []Emoji `json:"emoji"`
	}
	// EmojiPath names a custom emoji.
	EmojiPath struct {
		ID string `path:"id" doc:"The emoji's id." example:"0"`
	}
	emojiRequest struct {
		Name *string `json:"name" required:"false" doc:"1 to 64 of A-Z, a-z, 0-9 and _." maxLength:"64" example:"party_parrot"`
	}
)

// TransformSchema implements huma.SchemaTransformer.
func (*Emoji) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "created_by")
}

func (p EmojiPath) emoji() (chat.EmojiID, error) {
	id, ok := chat.ParseEmojiID(p.ID)
	if !ok {
		return 0, chat.Errorf(chat.NotFound, "emoji_not_found", "There is no such emoji.")
	}
	return id, nil
}

const emojiFaults = "permission_missing emoji_name_taken"

func (d *Dialect) registerEmoji() {
	const tag = "Emoji"
	handle(d, "GET /emoji", endpoint{id: "list-emoji", tag: tag, summary: "List the server's own emoji"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[emojiList], error) {
			list, err := d.core.CustomEmoji(ctx, by)
			if err != nil {
				return nil, err
			}
			var ids []chat.UserID
			for _, e := range list {
				ids = append(ids, e.CreatedBy)
			}
			p, err := d.people(ctx, by, ids...)
			return ok(emojiList{convert(list, func(e chat.Emoji) Emoji { return emojiOf(e, p.get(e.CreatedBy)) })}), err
		})
	binary := &huma.Schema{Type: "string", Format: "binary"}
	form := func(properties map[string]*huma.Schema, required ...string) *huma.RequestBody {
		return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: "object", Properties: properties, Required: required}},
		}}
	}
	d.plain(d.described("POST /emoji", endpoint{
		id: "add-emoji", tag: tag, status: 201, summary: "Add an emoji",
		description: "Needs manage_emoji or manage_server. A form with a name and one picture: PNG, JPEG, GIF or WebP, at most 256 kB. What moves is kept as it is.",
		codes:       emojiFaults + " emoji_name_invalid too_many_emoji file_missing too_many_attachments " + uploadFaults,
	}, form(map[string]*huma.Schema{"name": {Type: "string"}, "file": binary}, "name", "file"), jsonResponse[Emoji](d)), d.addEmoji)
	d.plain(d.described("PUT /emoji/{id}/picture", endpoint{
		id: "set-emoji-picture", tag: tag, summary: "Replace an emoji's picture", description: "Needs manage_emoji or manage_server. The address of the picture changes.",
		codes: emojiFaults + " emoji_not_found file_missing too_many_attachments " + uploadFaults,
	}, form(map[string]*huma.Schema{"file": binary}, "file"), jsonResponse[Emoji](d)), d.setEmojiPicture)
	handle(d, "PATCH /emoji/{id}", endpoint{
		id: "update-emoji", tag: tag, summary: "Rename an emoji", description: "Needs manage_emoji or manage_server. Reactions given under the old name keep it.",
		codes: emojiFaults + " emoji_not_found emoji_name_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		EmojiPath
		Body emojiRequest
	}) (*reply[Emoji], error) {
		id, err := in.emoji()
		if err != nil {
			return nil, err
		}
		e, err := d.core.UpdateEmoji(ctx, by, id, core.EmojiChange{Name: in.Body.Name})
		if err != nil {
			return nil, err
		}
		shown, err := d.emoji(ctx, e)
		return ok(shown), err
	})
	handle(d, "DELETE /emoji/{id}", endpoint{
		id: "remove-emoji", tag: tag, summary: "Remove an emoji", description: "Needs manage_emoji or manage_server. Reactions given with it stay as their name.",
		codes: "permission_missing emoji_not_found",
	}, func(ctx context.Context, by chat.Actor, in *EmojiPath) (*nothing, error) {
		id, err := in.emoji()
		if err != nil {
			return nil, err
		}
		return nil, d.core.RemoveEmoji(ctx, by, id)
	})
}

// emojiOf converts a custom emoji.
func emojiOf(e chat.Emoji, by *UserSummary) Emoji {
	return Emoji{
		ID: e.ID.String(), Name: e.Name, URL: core.EmojiPath + e.Hash, Width: e.Width, Height: e.Height, Animated: e.Animated,
		CreatedBy: by, CreatedAt: stamp(e.CreatedAt),
	}
}

// emoji is emojiOf with who made it.
func (d *Dialect) emoji(ctx context.Context, e chat.Emoji) (Emoji, error) {
	p, err := d.people(ctx, chat.Operator, e.CreatedBy)
	return emojiOf(e, p.get(e.CreatedBy)), err
}

func (d *Dialect) addEmoji(w http.ResponseWriter, r *http.Request) {
	name, picture, err := smallForm(w, r, core.MaxEmojiBytes)
	var e chat.Emoji
	if err == nil {
		e, err = d.core.AddEmoji(r.Context(), callOf(r.Context()).actor, name, bytes.NewReader(picture))
	}
	d.answerEmoji(w, r, http.StatusCreated, e, err)
}

func (d *Dialect) setEmojiPicture(w http.ResponseWriter, r *http.Request) {
	id, err := EmojiPath{ID: r.PathValue("id")}.emoji()
	var picture []byte
	if err == nil {
		_, picture, err = smallForm(w, r, core.MaxEmojiBytes)
	}
	var e chat.Emoji
	if err == nil {
		e, err = d.core.UpdateEmoji(r.Context(), callOf(r.Context()).actor, id, core.EmojiChange{Picture: bytes.NewReader(picture)})
	}
	d.answerEmoji(w, r, http.StatusOK, e, err)
}

func (d *Dialect) answerEmoji(w http.ResponseWriter, r *http.Request, status int, e chat.Emoji, err error) {
	var shown Emoji
	if err == nil {
		shown, err = d.emoji(r.Context(), e)
	}
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	if status == http.StatusCreated {
		w.Header().Set("Location", prefix+"/emoji/"+shown.ID)
	}
	writeJSON(w, status, shown)
}

// maxName is how much of a form's field "name" is read.
const maxName = 1 << 10

// smallForm reads a form with one file of about most bytes, which it holds in memory, and perhaps a field "name", in any order.
// Of a file that is too large it returns one byte more than most, for the core to refuse.
func smallForm(w http.ResponseWriter, r *http.Request, most int64) (name string, file []byte, err error) {
	body := r.Body
	defer func() {
		if err != nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(body, maxDrain)) // the client may be gone already
		}
	}()
	r.Body = http.MaxBytesReader(w, body, most+uploadOverhead)
	form, err := r.MultipartReader()
	if err != nil {
		return "", nil, chat.Errorf(chat.Unsupported, "content_type_unsupported", "Send the picture as multipart/form-data.")
	}
	found := false
	for parts := 0; ; parts++ {
		var p *multipart.Part
		if p, err = form.NextPart(); errors.Is(err, io.EOF) {
			break
		}
		switch {
		case err != nil:
			return "", nil, uploadError(err)
		case parts == maxParts:
			return "", nil, chat.Errorf(chat.Invalid, "upload_invalid", "A form has at most %d parts.", maxParts)
		case p.FileName() != "" && found:
			return "", nil, chat.InvalidField("file", "too_many_attachments", "At most one file at once.")
		case p.FileName() != "":
			found = true
			file, err = io.ReadAll(io.LimitReader(p, most+1))
		case p.FormName() == "name":
			var text []byte
			text, err = io.ReadAll(io.LimitReader(p, maxName))
			name = string(text)
		}
		if err != nil {
			return "", nil, uploadError(err)
		}
	}
	if !found {
		return "", nil, chat.InvalidField("file", "file_missing", "The form has no file.")
	}
	return name, file, nil
}
