package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// tokens declares what lets programs act as oneself.
func (a *API) tokens() {
	register(a, rbac.SignedIn, huma.Operation{Method: "GET", Path: "/tokens", Summary: "List one's own tokens."}, a.getTokens)
	register(a, rbac.SignedIn, huma.Operation{Method: "POST", Path: "/tokens", DefaultStatus: http.StatusCreated,
		Summary: "Make a token that acts as oneself. Its text is in this answer only."}, a.postToken)
	register(a, rbac.SignedIn, huma.Operation{Method: "DELETE", Path: "/tokens/{id}", Summary: "Delete one of one's own tokens."}, a.deleteToken)
}

// Token is a token without its text.
type Token struct {
	ID        inbox.TokenID `json:"id"`
	Name      string        `json:"name"`
	ExpiresAt instant       `json:"expires_at" doc:"null: never"`
	UsedAt    instant       `json:"used_at" doc:"to the minute; null: never"`
	CreatedAt instant       `json:"created_at"`
}

// NewToken is a token with its text, which cannot be shown again.
type NewToken struct {
	ID        inbox.TokenID `json:"id"`
	Name      string        `json:"name"`
	ExpiresAt instant       `json:"expires_at"`
	Token     string        `json:"token"`
}

func (a *API) getTokens(ctx context.Context, _ *struct{}) (*body[page[Token]], error) {
	tokens, err := a.Store.Tokens(ctx, a.actor(ctx).User)
	return reply(whole(tokens, func(t inbox.Token) Token {
		return Token{ID: t.ID, Name: t.Name, ExpiresAt: at(t.ExpiresAt), UsedAt: at(t.UsedAt), CreatedAt: at(t.CreatedAt)}
	}), err)
}

func (a *API) postToken(ctx context.Context, in *struct {
	Body struct {
		Name      string  `json:"name"`
		ExpiresAt instant `json:"expires_at,omitempty"`
	}
}) (*created[NewToken], error) {
	by := auth.From(ctx)
	token, text, err := a.People.CreateToken(ctx, by, by.Actor.User, in.Body.Name, in.Body.ExpiresAt.Time)
	if err != nil {
		return nil, err
	}
	return &created[NewToken]{Prefix + "/tokens/" + token.ID.String(), NewToken{token.ID, token.Name, at(token.ExpiresAt), text}}, nil
}

func (a *API) deleteToken(ctx context.Context, in *struct {
	ID ref[inbox.TokenID] `path:"id"`
}) (*nothing, error) {
	return nil, a.People.DeleteToken(ctx, auth.From(ctx), in.ID.ID)
}
