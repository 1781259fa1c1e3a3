package origin

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/jsontext"
)

var emojiCommands = map[string]command{
	"emoji_add": emojiAdd, "emoji_update": emojiUpdate, "emoji_delete": emojiDelete, "emoji_get_all": emojiGetAll,
	"emoji_get_id": emojiGet(false), "emoji_get_filename": emojiGet(true),
}

// emojiPrefix begins the server's own emoji in reactions on the wire; the host and /emojis/<id> follow.
const emojiPrefix = "originChats://"

// emojiTable keeps the server's own emoji, which reactions name, until they change.
type emojiTable struct {
	mu   sync.RWMutex // taken by itself
	list []chat.Emoji // nil: to be read; never changed once it is here
	gen  uint64
}

func (t *emojiTable) apply(ev chat.Event) {
	switch ev.(type) {
	case chat.EmojiAdded, chat.EmojiUpdated, chat.EmojiRemoved:
		t.mu.Lock()
		defer t.mu.Unlock()
		t.list = nil
		t.gen++
	}
}

// allEmoji are the server's own emoji, by id.
func (d *Dialect) allEmoji(ctx context.Context) ([]chat.Emoji, error) {
	t := &d.emoji
	t.mu.RLock()
	list, gen := t.list, t.gen
	t.mu.RUnlock()
	if list != nil {
		return list, nil
	}
	list, err := d.core.CustomEmoji(ctx, chat.Operator)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []chat.Emoji{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if gen == t.gen {
		t.list = list
	}
	return list, nil
}

// emojiOnWire writes an emoji as this protocol does: the server's own by its address, all others as they are.
func (d *Dialect) emojiOnWire(ctx context.Context, emoji string) string {
	name, isOwn := strings.CutPrefix(emoji, ":")
	if !isOwn {
		return emoji
	}
	list, err := d.allEmoji(ctx)
	name = strings.TrimSuffix(name, ":")
	i := slices.IndexFunc(list, func(e chat.Emoji) bool { return strings.EqualFold(e.Name, name) })
	if err != nil || i < 0 {
		return emoji // it is gone: its name stays
	}
	host := d.base("")
	if _, after, ok := strings.Cut(host, "://"); ok {
		host = after
	}
	return emojiPrefix + host + "/emojis/" + list[i].ID.String()
}

// emojiOffWire reads an emoji. The address of one of another server stays what it is, which is no emoji here.
func (d *Dialect) emojiOffWire(ctx context.Context, emoji string) string {
	address, own := strings.CutPrefix(emoji, emojiPrefix)
	if !own {
		return emoji
	}
	id, ok := chat.ParseEmojiID(address[strings.LastIndexByte(address, '/')+1:])
	list, err := d.allEmoji(ctx)
	if !ok || err != nil {
		return emoji
	}
	if i := slices.IndexFunc(list, func(e chat.Emoji) bool { return e.ID == id }); i >= 0 {
		return ":" + list[i].Name + ":"
	}
	return emoji
}

// emojiEndings are the endings of pictures' file names by type.
var emojiEndings = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}

// fileOf is the file name of an emoji's picture; a new picture has a new one, because clients cache by it.
func fileOf(e chat.Emoji) string {
	name := e.ID.String()
	if e.Version > 1 {
		name += "-" + strconv.Itoa(e.Version)
	}
	return name + emojiEndings[e.MIMEType]
}

type emojiAddPacket struct {
	Cmd      string `json:"cmd"`
	ID       string `json:"id"`
	Added    bool   `json:"added"`
	Name     string `json:"name"`
	FileName string `json:"fileName"`
}

type emojiUpdatePacket struct {
	Cmd      string       `json:"cmd"`
	ID       chat.EmojiID `json:"id"`
	Updated  bool         `json:"updated"`
	Name     string       `json:"name,omitempty"`
	FileName string       `json:"fileName,omitempty"`
}

type emojiDeletePacket struct {
	Cmd     string       `json:"cmd"`
	ID      chat.EmojiID `json:"id"`
	Deleted bool         `json:"deleted"`
}

func emojiAdded(e chat.Emoji) any {
	return emojiAddPacket{"emoji_add", e.ID.String(), true, e.Name, fileOf(e)}
}

func emojiUpdated(e chat.Emoji) any {
	return emojiUpdatePacket{"emoji_update", e.ID, true, e.Name, fileOf(e)}
}

// told is the answer to a change that everybody was told of, the sender too: only a request that asks by a listener has one of its
// own.
func (s *socket) told(ctx context.Context, q *request, packet any) (any, error) {
	s.dialect.hub.Flush(ctx, chat.Scope{Everyone: true})
	if !q.has {
		return nil, nil
	}
	return packet, nil
}

// emojiWords are the refusals of changes of emoji.
func emojiWords(q *request, err error) error {
	if chat.CodeOf(err) == "permission_missing" {
		return needs(q.cmd, "manage_server")
	}
	return err
}

// picture reads a data URI (specs: originchats-commands §14).
func (q *request) picture(field string) (io.Reader, error) {
	text, err := q.text(field)
	if err != nil || text == "" {
		return nil, refusef(q.cmd, "Invalid %s command scheme: %s is required", q.cmd, field)
	}
	head, data, ok := strings.Cut(text, ",")
	if !ok || !strings.HasPrefix(head, "data:image/") || !strings.HasSuffix(head, ";base64") {
		return nil, refusef(q.cmd, "Invalid %s command scheme: %s must be a data URI of a picture", q.cmd, field)
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, refuse(q.cmd, "Error adding emoji")
	}
	return bytes.NewReader(raw), nil
}

func emojiAdd(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.dialect.core.MayManageEmoji(ctx, s.actor); err != nil {
		return nil, emojiWords(q, err)
	}
	name, err := q.text("name")
	if err != nil || name == "" {
		return nil, refusef(q.cmd, "Invalid %s command scheme: name is required", q.cmd)
	}
	picture, err := q.picture("image")
	if err != nil {
		return nil, err
	}
	e, err := s.dialect.core.AddEmoji(ctx, s.actor, name, picture)
	if err != nil {
		if k := chat.AsError(err).Kind; k == chat.Internal || k == chat.Unavailable || k == chat.TooMany {
			return nil, err
		}
		return nil, refuse(q.cmd, "Error adding emoji")
	}
	return s.told(ctx, q, emojiAdded(e))
}

// emojiID reads the id of an emoji: a number, or one written as text.
func (q *request) emojiID() (chat.EmojiID, error) {
	raw := strings.Trim(string(q.fields["emoji_id"]), `" `)
	id, ok := chat.ParseEmojiID(raw)
	if kind := kindOf(q.fields["emoji_id"]); !ok || kind != "int" && kind != "str" {
		return 0, refusef(q.cmd, "Invalid %s command scheme: emoji_id is required", q.cmd)
	}
	return id, nil
}

func emojiUpdate(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.dialect.core.MayManageEmoji(ctx, s.actor); err != nil {
		return nil, emojiWords(q, err)
	}
	id, err := q.emojiID()
	if err != nil {
		return nil, err
	}
	var change core.EmojiChange
	if q.given("name") {
		name, err := q.text("name")
		if err != nil {
			return nil, refusef(q.cmd, "Invalid %s command scheme: name must be a text", q.cmd)
		}
		change.Name = &name
	}
	if q.given("image") {
		if change.Picture, err = q.picture("image"); err != nil {
			return nil, err
		}
	}
	if change.Name == nil && change.Picture == nil {
		return nil, refuse(q.cmd, "At least one field to update is required (name or image)")
	}
	before, err := s.dialect.allEmoji(ctx)
	if err != nil {
		return nil, err
	}
	e, err := s.dialect.core.UpdateEmoji(ctx, s.actor, id, change)
	if err != nil {
		if k := chat.AsError(err).Kind; k == chat.Internal || k == chat.Unavailable || k == chat.TooMany {
			return nil, err
		}
		return emojiUpdatePacket{Cmd: q.cmd, ID: id}, nil
	}
	if slices.ContainsFunc(before, func(b chat.Emoji) bool { return b.ID == id && b.Name == e.Name && b.Version == e.Version }) {
		return emojiUpdated(e), nil // nothing changed, so nobody was told
	}
	return s.told(ctx, q, emojiUpdated(e))
}

func emojiDelete(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.dialect.core.MayManageEmoji(ctx, s.actor); err != nil {
		return nil, emojiWords(q, err)
	}
	id, err := q.emojiID()
	if err != nil {
		return nil, err
	}
	if err := s.dialect.core.RemoveEmoji(ctx, s.actor, id); err != nil {
		if chat.AsError(err).Kind != chat.NotFound {
			return nil, err
		}
		return emojiDeletePacket{q.cmd, id, false}, nil
	}
	return s.told(ctx, q, emojiDeletePacket{q.cmd, id, true})
}

type emojiShown struct {
	Name     string `json:"name"`
	FileName string `json:"fileName"`
}

func emojiGetAll(ctx context.Context, s *socket, q *request) (any, error) {
	list, err := s.dialect.allEmoji(ctx)
	if err != nil {
		return nil, err
	}
	b := []byte(`{"cmd":"emoji_get_all","emojis":{`)
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, e.ID.String()), ':')
		b = jsontext.AppendValue(b, emojiShown{e.Name, fileOf(e)})
	}
	return written(append(b, "}}"...)), nil
}

type emojiIDPacket struct {
	Cmd  string `json:"cmd"`
	Name string `json:"name"`
	ID   string `json:"id"`
}

type emojiFilePacket struct {
	Cmd      string `json:"cmd"`
	Name     string `json:"name"`
	FilePath string `json:"filepath"`
}

// emojiGet looks an emoji up by name: its id, or its file.
func emojiGet(file bool) command {
	return func(ctx context.Context, s *socket, q *request) (any, error) {
		name, err := q.text("name")
		if err != nil || name == "" {
			return nil, refusef(q.cmd, "Invalid %s command scheme: name is required", q.cmd)
		}
		list, err := s.dialect.allEmoji(ctx)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(list, func(e chat.Emoji) bool { return strings.EqualFold(e.Name, name) })
		switch {
		case i < 0:
			return nil, refuse(q.cmd, "Emoji not found")
		case file:
			return emojiFilePacket{q.cmd, name, fileOf(list[i])}, nil
		}
		return emojiIDPacket{q.cmd, name, list[i].ID.String()}, nil
	}
}

// serveEmoji serves GET /emojis/{fileName or id} (specs: originchats §9).
func (d *Dialect) serveEmoji(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	list, err := d.allEmoji(r.Context())
	i := slices.IndexFunc(list, func(e chat.Emoji) bool { return name == fileOf(e) || name == e.ID.String() })
	if err != nil || i < 0 {
		http.Error(w, "Emoji not found", http.StatusNotFound)
		return
	}
	body, kind, err := d.core.EmojiPicture(r.Context(), list[i].Hash)
	if err != nil {
		http.Error(w, "Emoji not found", http.StatusNotFound)
		return
	}
	defer func() { _ = body.Close() }() // read only
	serveBytes(w, r, kind, list[i].Hash, "inline", body)
}

// serveBytes serves a file as clients of every site may have it; a browser runs nothing of it, whatever it is.
func serveBytes(w http.ResponseWriter, r *http.Request, kind, hash, disposition string, body io.ReadSeeker) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition)
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("ETag", `"`+hash+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(w, r, "", time.Time{}, body)
}
