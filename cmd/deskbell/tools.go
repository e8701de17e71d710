package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/deskbell/deskbell/channels/email/mailparse"
	"github.com/deskbell/deskbell/cmd/internal/app"
)

type migrate struct {
	database
	Status bool `help:"Only show what stands and what is missing."`
}

// Run migrates, or tells what a migration would do.
func (m *migrate) Run(g *globals) error {
	s, err := app.OpenStore(g.ctx, m.Data, m.Database)
	if err != nil {
		return err
	}
	defer s.Close()
	if !m.Status {
		if err := app.Migrate(g.ctx, s); err != nil {
			return err
		}
	}
	states, err := s.MigrationStates(g.ctx)
	if err != nil {
		return err
	}
	for _, state := range states {
		mark := "missing"
		if state.Applied {
			mark = "applied"
		}
		fmt.Fprintf(g.out, "%04d %-8s %s\n", state.Number, mark, state.Name)
	}
	return nil
}

type mailInspect struct {
	Files []string `arg:"" optional:"" help:"Mails as files; standard input if none."`
}

// inspectMemory is what "mail inspect" makes do with, in bytes; a larger mail than the parser reads may
// take more.
const inspectMemory = 120 << 20

// Run prints one JSON object a mail, each line flushed, in the order of the files. A file that
// cannot be opened ends the command; a broken mail does not.
func (m *mailInspect) Run(g *globals) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(inspectMemory))
	out := bufio.NewWriter(g.out)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	var raw bytes.Buffer // one for all files
	inspect := func(r io.Reader) error {
		raw.Reset()
		if _, err := raw.ReadFrom(io.LimitReader(r, mailparse.MaxSize+1)); err != nil {
			return err
		}
		if err := encoder.Encode(mailparse.Inspect(raw.Bytes())); err != nil {
			return err
		}
		return out.Flush()
	}
	if len(m.Files) == 0 {
		return inspect(g.stdin)
	}
	for _, name := range m.Files {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		if about, err := file.Stat(); err == nil {
			raw.Grow(int(min(about.Size(), mailparse.MaxSize)) + bytes.MinRead)
		}
		if err := errors.Join(inspect(file), file.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

type doctor struct{ app.Config }

// Run prints one line a check and fails if one needs a person.
func (d *doctor) Run(g *globals) error {
	bad := 0
	for _, check := range app.Examine(g.ctx, d.Config) {
		mark := "ok  "
		if check.Problem != "" {
			mark, bad = "BAD ", bad+1
		}
		fmt.Fprintf(g.out, "%s %-12s %s%s\n", mark, check.Name, check.Detail, check.Problem)
	}
	if bad > 0 {
		return fmt.Errorf("%d of these need a person", bad)
	}
	return nil
}

type version struct {
	JSON bool `name:"json" help:"As one JSON object."`
}

// Run prints what was built.
func (v *version) Run(g *globals) error {
	this := app.ThisBuild()
	if v.JSON {
		return json.NewEncoder(g.out).Encode(this)
	}
	_, err := fmt.Fprintf(g.out, "deskbell %s (schema %d, %s)\n", this.Version, this.Schema, this.Go)
	return err
}
