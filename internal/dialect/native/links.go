package native

import (
	"context"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	// LoginWay is one of the ways into the caller's account.
	LoginWay struct {
		ID        string `json:"id" doc:"For DELETE /auth/identities/{id}." example:"Jk0xq2mT7vQz9fWd"`
		Provider  string `json:"provider" doc:"password, rotur (an account of the OriginChats network), or another." example:"rotur"`
		Name      string `json:"name" doc:"What the person is called there." example:"ada_l"`
		Removable bool   `json:"removable" doc:"Whether it can be taken away: not a password, nor the only way into the account."`
	}
	loginWayList struct {
		Identities []LoginWay `json:"identities"`
	}
	// LinkCode is shown by one account of a person and given to the other.
	LinkCode struct {
		Code      string `json:"code" doc:"Eight characters; good once." example:"h7kq2mwx"`
		ExpiresAt string `json:"expires_at" format:"date-time" example:"2026-03-02T09:40:00.000Z"`
	}
	linkRequest struct {
		Code     string `json:"code" doc:"As the other account showed it." example:"h7kq2mwx"`
		Password string `json:"password" required:"false" doc:"The caller's own, if the account has one." example:"correct horse battery"`
		Confirm  bool   `json:"confirm" required:"false" doc:"false: only say what would happen. The code stays good."`
	}
	optionalPasswordRequest struct {
		Password string `json:"password" required:"false" doc:"The caller's own, if the account has one." example:"correct horse battery"`
	}
	// AccountLink is what becomes of two accounts.
	AccountLink struct {
		Done    bool        `json:"done" doc:"false: nothing has happened yet."`
		Kept    UserSummary `json:"kept" doc:"The account that is left, with all logins of both."`
		Gone    UserSummary `json:"gone" doc:"The other one."`
		Deletes bool        `json:"deletes" doc:"true: the other one is deleted, as nothing was ever done with it. false: it is disabled, and what it wrote stays under its name."`
		Moved   []LoginWay  `json:"moved" doc:"The logins that move to the account that is left."`
	}
)

func loginWayOf(w core.LoginWay) LoginWay {
	return LoginWay{ID: w.ID, Provider: w.Provider, Name: w.Name, Removable: !w.Only}
}

func (d *Dialect) registerLinks() {
	const tag = "Accounts"
	handle(d, "GET /auth/identities", endpoint{id: "list-identities", tag: tag, summary: "List the ways into the own account"},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[loginWayList], error) {
			ways, err := d.core.LoginWays(ctx, by)
			return ok(loginWayList{convert(ways, loginWayOf)}), err
		})
	handle(d, "DELETE /auth/identities/{id}", endpoint{
		id: "remove-identity", tag: tag, status: 204, summary: "Take a login off the own account",
		description: "Ends the caller's other sessions and connections. Whoever logs in that way afterwards gets a new account.",
		codes:       "login_way_not_found login_way_needed password_wrong",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		ID   string `path:"id"`
		Body optionalPasswordRequest
	}) (*nothing, error) {
		if err := d.core.CheckOwner(ctx, by, in.Body.Password); err != nil {
			return nil, err
		}
		return nil, d.core.UnlinkAccount(ctx, by, in.ID)
	})
	handle(d, "POST /auth/link-codes", endpoint{
		id: "make-link-code", tag: tag, summary: "Have a code shown that links another account",
		description: "Whoever is logged in otherwise, such as in an OriginChats client, gives the code there. It is good once, for ten minutes, and until the next one is made.",
		codes:       "password_wrong link_not_a_person rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body optionalPasswordRequest }) (*reply[LinkCode], error) {
		if err := d.core.CheckOwner(ctx, by, in.Body.Password); err != nil {
			return nil, err
		}
		made, err := d.core.MakeLinkCode(ctx, by)
		return ok(LinkCode{Code: made.Code, ExpiresAt: stamp(made.ExpiresAt)}), err
	})
	handle(d, "POST /auth/link", endpoint{
		id: "link-accounts", tag: tag, summary: "Give the code that another account showed",
		description: "Makes one account of two of the same person. The one with a password is left, else the one that showed the code. Messages do not change hands.",
		codes: "password_wrong link_code_invalid link_same_account link_passwords link_provider_taken link_sanctioned link_rank link_nothing link_not_a_person " +
			"rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body linkRequest }) (*reply[AccountLink], error) {
		if err := needed("code", in.Body.Code); err != nil {
			return nil, err
		}
		if err := d.core.CheckOwner(ctx, by, in.Body.Password); err != nil {
			return nil, err
		}
		l, err := d.core.LinkAccounts(ctx, by, in.Body.Code, in.Body.Confirm)
		if err != nil {
			return nil, err
		}
		return ok(AccountLink{Done: l.Done, Kept: d.summary(l.Kept), Gone: d.summary(l.Gone), Deletes: l.Deletes, Moved: convert(l.Moved, loginWayOf)}), nil
	})
}
