package origin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/rotur"
	"parley/internal/ws"
)

// Texts of auth_error that clients recognise (specs: originchats §2.2, §2.3; client behaviour §8).
const (
	textInvalidAuth    = "Invalid authentication"
	textBanned         = "Access denied: You are banned from this server"
	textNoUser         = "User not found"
	textRoturDisabled  = "Rotur authentication is disabled. Use login or register commands."
	textNoRegistration = "Registration is disabled"
	textAuthFailed     = "Authentication failed"
	textRegisterFailed = "Registration failed"
)

// How often an address may fail within a minute, before it is turned away (OP-03). Validators cannot be guessed; each of them
// only costs a question to the service.
const (
	failedLogins     = 10
	failedValidators = 60
)

// entryTexts are what core's refusals to let somebody in read in this protocol, by their code.
var entryTexts = map[string]string{
	"banned":                textBanned,
	"account_disabled":      "Access denied: This account is disabled",
	"registration_closed":   textNoRegistration,
	"invite_required":       textNoRegistration,
	"external_name_invalid": textNoUser,
	"user_not_found":        textNoUser,
	"credentials_missing":   "Username and password required",
	"local_name_length":     "Username must be 2-32 characters",
	"password_length":       "Password must be 4-72 characters",
	"local_name_characters": "Username can only contain letters, numbers, hyphens, and underscores",
	"username_taken":        "Username already taken",
	"password_wrong":        "Invalid password",
	"external_account":      "This account uses Rotur authentication",
	"totp_required":         "This account has a second factor. Write its code behind the password.",
	"totp_wrong":            "The code of the second factor is wrong. Write a new one behind the password.",
}

// guesses are the refusals that count as failed logins.
var guesses = []string{"user_not_found", "password_wrong", "external_account", "totp_wrong"}

// enter handles what a connection sends before it is logged in (specs: originchats §2.2, §2.3).
func (s *socket) enter(ctx context.Context, q *request) error {
	mode := s.dialect.AuthMode
	switch {
	case q.cmd == "auth" && mode == AuthLocal:
		return s.refuseEntry(q, textRoturDisabled)
	case q.cmd == "auth":
		return s.enterByRotur(ctx, q)
	case (q.cmd == "login" || q.cmd == "register") && mode != AuthRotur:
		return s.enterLocally(ctx, q)
	}
	return errLogInFirst
}

// enterByRotur asks the account service whom the validator belongs to. Only this connection waits for the answer (DV-04).
func (s *socket) enterByRotur(ctx context.Context, q *request) error {
	d := s.dialect
	validator, _ := q.text("validator")
	if d.Rotur == nil || validator == "" {
		return s.refuseEntry(q, textInvalidAuth)
	}
	if d.core.TooManyFailed(ctx, "validators", s.address, failedValidators) {
		return s.turnAway(q)
	}
	account, err := d.Rotur.Validate(ctx, s.key, validator)
	if err != nil {
		if errors.Is(err, rotur.ErrRefused) {
			d.core.Failed(ctx, "validators", s.address, failedValidators)
		} else {
			d.log.Warn("the Rotur service could not be asked", "error", err)
		}
		return s.refuseEntry(q, textInvalidAuth)
	}
	in, err := d.core.LogInExternal(ctx, s.arrival(account.Name, account.ID),
		core.External{Provider: chat.ProviderRotur, Subject: account.ID, Name: account.Name})
	if err != nil {
		return s.refuseError(ctx, q, err, textAuthFailed)
	}
	return s.begin(ctx, q, in)
}

// enterLocally logs in to an account of this server, or makes one.
func (s *socket) enterLocally(ctx context.Context, q *request) error {
	d := s.dialect
	name, _ := q.text("username")
	password, _ := q.text("password")
	if d.core.TooManyFailed(ctx, "login", s.address, failedLogins) {
		return s.turnAway(q)
	}
	fallback, by := textAuthFailed, d.core.LogInLocal
	if q.cmd == "register" {
		fallback, by = textRegisterFailed, d.core.RegisterLocal
	}
	in, err := by(ctx, s.arrival(localPrefix+strings.TrimSpace(name), ""), name, password)
	if err != nil {
		if q.cmd == "login" && slices.Contains(guesses, chat.CodeOf(err)) {
			d.core.Failed(ctx, "login", s.address, failedLogins)
		}
		return s.refuseError(ctx, q, err, fallback)
	}
	return s.begin(ctx, q, in)
}

// arrival is this connection as the core sees it, of somebody known by these names.
func (s *socket) arrival(names ...string) core.Arrival {
	owner := slices.ContainsFunc(s.dialect.Owners, func(o string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return n != "" && strings.EqualFold(o, n) })
	})
	return core.Arrival{Address: s.address, Device: "OriginChats, " + s.agent, Owner: owner}
}

// refuseError answers with an error of the core. What it has no words for in this protocol is said in its own.
func (s *socket) refuseError(ctx context.Context, q *request, err error, fallback string) error {
	e := chat.AsError(err)
	text, known := entryTexts[e.Code]
	switch {
	case known:
	case e.Kind == chat.Internal:
		s.dialect.incident(ctx, err)
		text = fallback
	default:
		text = e.Text
	}
	return s.refuseEntry(q, text)
}

// refuseEntry answers that nobody comes in. The connection stays and may try again.
func (s *socket) refuseEntry(q *request, text string) error {
	s.reply(q, authErrorPacket{"auth_error", text})
	return nil
}

// turnAway ends the connection of an address from which too many logins failed (OP-03).
func (s *socket) turnAway(q *request) error {
	s.reply(q, authErrorPacket{"auth_error", textAuthFailed})
	s.conn.Close(ws.ClosePolicyViolation, "too many failed logins")
	return nil
}

type readyPacket struct {
	Cmd       string    `json:"cmd"`
	User      readyUser `json:"user"`
	Validator string    `json:"validator"`
}

// readyUser is a person's own record (specs: originchats §2.2, §2.3).
type readyUser struct {
	Username string      `json:"username"`
	Nickname *string     `json:"nickname,omitempty"`
	Roles    []string    `json:"roles"`
	Status   statusShown `json:"status"`
	PfpURL   **string    `json:"pfp_url,omitempty"` // of accounts of this server, and null for none
	Cracked  bool        `json:"cracked"`
	ID       string      `json:"id"`
}

type authSuccessPacket struct {
	Cmd string `json:"cmd"`
	Val string `json:"val"`
}

// begin makes the connection that of a person: from auth_success on it hears everything it may.
func (s *socket) begin(ctx context.Context, q *request, in core.Entrance) error {
	d, user, actor := s.dialect, in.User, in.Actor(s.address)
	actor.Pace = d.pace()
	validator, err := d.newValidator(ctx, user)
	if err != nil {
		return s.refuseError(ctx, q, err, textAuthFailed)
	}
	if err := d.core.Connected(ctx, actor); err != nil {
		return s.refuseError(ctx, q, err, textAuthFailed)
	}
	s.actor = actor
	live := d.hub.Attach(actor, d, s.conn)
	s.actor = live.Actor // with the connection's name
	rooms, err := d.rooms(ctx, actor)
	if err == nil {
		ids := make([]chat.RoomID, len(rooms))
		for i, r := range rooms {
			ids[i] = r.ID
		}
		_, err = d.hub.Follow(ctx, live, ids)
	}
	if err != nil {
		d.hub.Detach(live)
		d.core.Disconnected(ctx, actor)
		return s.refuseError(ctx, q, err, textAuthFailed)
	}
	member, err := d.core.MemberRooms(ctx, actor.UserID)
	if err != nil {
		d.log.Warn("rooms of a person could not be read", "error", err)
	}
	shown := readyUser{
		Username: nameOf(user), Nickname: nicknameOf(user), Roles: d.rolesOf(ctx, user), Status: statusOf(user), Cracked: isLocal(user), ID: d.idOf(ctx, user),
	}
	if list, err := d.core.ServerDirectory(ctx, actor); err == nil {
		s.listed.news(0, d.outline(ctx, list), nil) // what it asks for next; only what is news later is pushed
	}
	if isLocal(user) {
		var picture *string
		if user.AvatarURL != "" {
			address := d.absolute(s.host, user.AvatarURL)
			picture = &address
		}
		shown.PfpURL = &picture
	}
	success := packetText(authSuccessPacket{"auth_success", "Authentication successful"})
	if tail := q.tail(); len(tail) > 0 { // DV-01
		success = append(append(success[:len(success)-1], tail...), '}')
	}
	d.hub.Begin(live, member, success, packetText(readyPacket{"ready", shown, validator}))
	s.live = live
	s.entered.Store(true)
	d.lists.add(s)
	d.people.arrived(ctx, s, in.Created)
	if err := d.core.UsePush(ctx, actor); err != nil {
		d.log.Warn("push subscriptions could not be kept", "error", err)
	}
	d.lists.note(actor.UserID) // what changed since it was listed above
	return nil
}

// absolute is an address of this server, or elsewhere, as clients need it.
func (d *Dialect) absolute(asked, path string) string {
	if strings.HasPrefix(path, "/") {
		return d.base(asked) + path
	}
	return path
}

// validatorFor is how long the token of a ready packet vouches for whom it was given.
const validatorFor = 7 * 24 * time.Hour

// newValidator makes the token of a ready packet, 32 random bytes, with which people prove who they are outside of the
// connection where no service vouches for them (DV-110).
func (d *Dialect) newValidator(ctx context.Context, user *chat.User) (string, error) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	token := base64.RawURLEncoding.EncodeToString(b[:])
	return token, d.core.State.Set(ctx, validatorKey(token), []byte(user.ID), validatorFor)
}

func validatorKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "origin-validator:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

var (
	errNotVouched    = chat.Errorf(chat.Unauthenticated, "token_invalid", "Invalid credentials")
	errNoRoturAnswer = chat.Errorf(chat.Unavailable, "unavailable", "Failed to validate credentials")
)

// vouched returns the person for whom a validator, made for a key of this server, stands in a request that comes outside of
// any connection. Keys of other servers do not count (DV-110). It fails with token_invalid, user_not_found, or unavailable if
// the service cannot be asked; whether the person may do what they ask for is the core's to say.
func (d *Dialect) vouched(ctx context.Context, key, validator string) (*chat.User, error) {
	if !d.ownKey(key) || validator == "" || len(validator) > 1024 {
		return nil, errNotVouched
	}
	id, there, err := d.core.State.Get(ctx, validatorKey(validator))
	if err != nil {
		return nil, errNoRoturAnswer
	}
	if there {
		return d.core.User(ctx, chat.Operator, chat.UserID(id))
	}
	if d.AuthMode == AuthLocal || d.Rotur == nil {
		return nil, errNotVouched
	}
	account, err := d.Rotur.Validate(ctx, key, validator)
	if errors.Is(err, rotur.ErrRefused) {
		return nil, errNotVouched
	}
	if err != nil {
		return nil, errNoRoturAnswer
	}
	return d.core.UserByIdentity(ctx, chat.Operator, chat.ProviderRotur, account.ID)
}
