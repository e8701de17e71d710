package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

type tag struct {
	ID       inbox.TagID `json:"id"`
	Name     string      `json:"name"`
	Color    string      `json:"color" enum:"grey,red,orange,amber,green,teal,blue,indigo,purple,pink"`
	Archived bool        `json:"archived"`
	Uses     int         `json:"uses" doc:"conversations the caller sees that carry it"`
}

func showTag(t inbox.Tag) tag { return tag{t.ID, t.Name, t.Color, t.Archived, t.Uses} }

const (
	defaultColor = "grey"
	maxTagName   = 50 // characters
)

// newTag checks what people wrote for a tag.
func newTag(name, color string) (inbox.Tag, error) {
	t := inbox.Tag{Name: strings.Join(strings.Fields(name), " "), Color: color}
	if t.Color == "" {
		t.Color = defaultColor
	}
	switch {
	case t.Name == "":
		return t, inbox.InvalidField("body.name", "the name is empty")
	case utf8.RuneCountInString(t.Name) > maxTagName:
		return t, inbox.InvalidField("body.name", "the name has more than %d characters", maxTagName)
	case !slices.Contains(inbox.Colors, t.Color):
		return t, inbox.InvalidField("body.color", "there is no such colour")
	}
	return t, nil
}

func (a *API) tags() {
	register(a, rbac.SignedIn, huma.Operation{Method: http.MethodGet, Path: "/tags", Summary: "List the tags."}, a.listTags)
	register(a, rbac.TagManage, a.once(huma.Operation{Method: http.MethodPost, Path: "/tags", Summary: "Create a tag.", DefaultStatus: http.StatusCreated}), a.postTag)
	register(a, rbac.TagManage, huma.Operation{Method: http.MethodPatch, Path: "/tags/{id}", Summary: "Rename, colour or archive a tag."}, a.patchTag)
	register(a, rbac.TagManage, huma.Operation{Method: http.MethodPost, Path: "/tags/{id}/merge",
		Summary: "Give its conversations another tag and remove it."}, a.mergeTag)
}

func (a *API) listTags(ctx context.Context, in *struct {
	Archived bool `query:"archived"`
}) (*body[page[tag]], error) {
	tags, err := a.Store.Tags(ctx, a.scope(ctx), in.Archived)
	return reply(list(tags, len(tags), nil, showTag), err)
}

func (a *API) postTag(ctx context.Context, in *struct {
	Body struct {
		Name  string `json:"name" minLength:"1" maxLength:"200"`
		Color string `json:"color,omitempty"`
	}
}) (*created[tag], error) {
	t, err := a.acts.CreateTag(ctx, a.actor(ctx), in.Body.Name, in.Body.Color)
	if err != nil {
		return nil, err
	}
	return &created[tag]{Prefix + "/tags/" + t.ID.String(), showTag(t)}, nil
}

// manageTags returns Denied unless the caller may. Tags belong to no shop, so everybody sees them and
// there is nothing to hide.
func (a *API) manageTags(ctx context.Context) error {
	if !a.Rights.CanAnywhere(a.actor(ctx), rbac.TagManage) {
		return errDenied
	}
	return nil
}

func (a *API) patchTag(ctx context.Context, in *struct {
	ID   ref[inbox.TagID] `path:"id"`
	Body struct {
		Name     *string `json:"name,omitempty" maxLength:"200"`
		Color    *string `json:"color,omitempty"`
		Archived *bool   `json:"archived,omitempty"`
	}
}) (*body[tag], error) {
	if err := a.manageTags(ctx); err != nil {
		return nil, err
	}
	err := a.Store.InTx(ctx, func(tx *store.Tx) error {
		t, err := tx.Tag(ctx, in.ID.ID)
		if err != nil {
			return err
		}
		set(&t.Name, in.Body.Name)
		set(&t.Color, in.Body.Color)
		set(&t.Archived, in.Body.Archived)
		checked, err := newTag(t.Name, t.Color)
		if err != nil {
			return err
		}
		t.Name = checked.Name
		return tx.SaveTag(ctx, a.actor(ctx).User, t)
	})
	if err != nil {
		return nil, err
	}
	return a.oneTag(ctx, in.ID.ID)
}

func (a *API) mergeTag(ctx context.Context, in *struct {
	ID   ref[inbox.TagID] `path:"id"`
	Body struct {
		Into inbox.TagID `json:"into"`
	}
}) (*body[tag], error) {
	if err := a.manageTags(ctx); err != nil {
		return nil, err
	}
	if in.Body.Into == in.ID.ID {
		return nil, inbox.InvalidField("body.into", "a tag cannot be merged into itself")
	}
	err := a.Store.InTx(ctx, func(tx *store.Tx) error {
		from, err := tx.Tag(ctx, in.ID.ID)
		if err != nil {
			return err
		}
		into, err := tx.Tag(ctx, in.Body.Into)
		if err != nil {
			return inbox.InvalidField("body.into", "there is no such tag")
		}
		return tx.MergeTags(ctx, a.actor(ctx).User, from, into)
	})
	if err != nil {
		return nil, err
	}
	return a.oneTag(ctx, in.Body.Into)
}

// oneTag answers with a tag and its uses.
func (a *API) oneTag(ctx context.Context, id inbox.TagID) (*body[tag], error) {
	tags, err := a.Store.Tags(ctx, a.scope(ctx), true)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(tags, func(t inbox.Tag) bool { return t.ID == id })
	if i < 0 {
		return nil, inbox.Errorf(inbox.NotFound, "there is no such tag")
	}
	return &body[tag]{showTag(tags[i])}, nil
}

// set changes a value if there is something to change it to.
func set[T any](value *T, to *T) {
	if to != nil {
		*value = *to
	}
}
