package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// with opens the data for one command.
func (d database) with(g *globals, run func(t *app.Tools) error) error {
	t, err := app.OpenTools(g.ctx, d.Data, d.Database)
	if err != nil {
		return err
	}
	return errors.Join(run(t), t.Close())
}

// password reads one line: a password on the command line would be seen by everybody on the machine.
func (g *globals) password() (string, error) {
	line, err := bufio.NewReader(g.stdin).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.Join(errors.New("no password came on standard input"), err)
	}
	return line, nil
}

type userAdd struct {
	database
	Email         string    `arg:"" help:"E-mail address."`
	Name          string    `required:"" help:"Name shown to colleagues and customers."`
	Role          rbac.Role `enum:"owner,admin,agent" default:"agent" help:"owner, admin or agent."`
	PasswordStdin bool      `name:"password-stdin" required:"" help:"Read the password from standard input."`
}

// Run adds the person with the role everywhere; an agent gets his shops by membership.
func (u *userAdd) Run(g *globals) error {
	password, err := g.password()
	if err != nil {
		return err
	}
	return u.with(g, func(t *app.Tools) error {
		user, err := t.Auth.AddUser(g.ctx, auth.System(), auth.NewUser{Email: u.Email, Name: u.Name, Role: u.Role, Password: password})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(g.out, "added %s (%s) as %s\n", user.Name, user.Email, u.Role)
		return err
	})
}

type userList struct{ database }

// Run prints a line a person.
func (u *userList) Run(g *globals) error {
	return u.with(g, func(t *app.Tools) error {
		users, err := t.Store.Users(g.ctx)
		if err != nil {
			return err
		}
		roles, err := t.Store.Roles(g.ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tEMAIL\tNAME\tSTATUS\tROLES")
		for _, user := range users {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", user.ID, user.Email, user.Name, user.Status, describe(roles[user.ID]))
		}
		return table.Flush()
	})
}

func describe(grants []rbac.Grant) string {
	var words []string
	for _, g := range grants {
		if g.Shop == 0 {
			words = append(words, string(g.Role))
		} else {
			words = append(words, fmt.Sprintf("%s of shop %s", g.Role, g.Shop))
		}
	}
	return strings.Join(words, ", ")
}

type userPassword struct {
	database
	Email         string `arg:"" help:"E-mail address."`
	PasswordStdin bool   `name:"password-stdin" required:"" help:"Read the password from standard input."`
}

// Run sets the password.
func (u *userPassword) Run(g *globals) error {
	password, err := g.password()
	if err != nil {
		return err
	}
	return u.with(g, func(t *app.Tools) error {
		user, err := t.Store.UserByEmail(g.ctx, strings.ToLower(u.Email))
		if err != nil {
			return err
		}
		if err := t.Auth.SetPassword(g.ctx, auth.System(), user.ID, password); err != nil {
			return err
		}
		_, err = fmt.Fprintf(g.out, "new password for %s; all sessions ended\n", user.Email)
		return err
	})
}

type userDisable struct {
	database
	Email string `arg:"" help:"E-mail address."`
}

// Run disables the account; its rights end at once, also in a running server.
func (u *userDisable) Run(g *globals) error {
	return u.with(g, func(t *app.Tools) error {
		user, err := t.Store.UserByEmail(g.ctx, strings.ToLower(u.Email))
		if err != nil {
			return err
		}
		if err := t.Auth.SetStatus(g.ctx, auth.System(), user.ID, rbac.UserDisabled); err != nil {
			return err
		}
		_, err = fmt.Fprintf(g.out, "disabled %s\n", user.Email)
		return err
	})
}

type tokenCreate struct {
	database
	Email   string        `arg:"" help:"E-mail address of the person the token acts as."`
	Name    string        `required:"" help:"What the token is for."`
	Expires time.Duration `help:"How long it is valid, such as 720h; for ever if not given."`
}

// Run prints the token; it cannot be shown again.
func (c *tokenCreate) Run(g *globals) error {
	return c.with(g, func(t *app.Tools) error {
		user, err := t.Store.UserByEmail(g.ctx, strings.ToLower(c.Email))
		if err != nil {
			return err
		}
		var expires time.Time
		if c.Expires > 0 {
			expires = t.Store.Now().Add(c.Expires)
		}
		_, token, err := t.Auth.CreateToken(g.ctx, auth.System(), user.ID, c.Name, expires)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(g.out, token)
		return err
	})
}
