// Command deskbell-load measures a Deskbell server from outside, as its users and mail servers meet
// it: over HTTP, the websocket, IMAP and SMTP. It starts the server itself, on loopback and on data
// of its own, and removes both when it is done.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
)

// bench are the flags of the one command.
type bench struct {
	Binary        string        `help:"The program to measure." default:"bin/deskbell" type:"existingfile"`
	Database      string        `help:"A PostgreSQL server, postgres://…; a database is created on it and dropped. SQLite if empty."`
	Conversations int           `help:"How many conversations there are when lists are measured." default:"100000"`
	Backlog       int           `help:"Mails that wait in a mailbox when it is connected." default:"10000"`
	Runs          int           `help:"How often each figure is taken; the median is printed." default:"5"`
	Seconds       int           `help:"How long each measurement of requests lasts." default:"5"`
	Callers       int           `help:"Concurrent callers of lists and threads." default:"16"`
	Sockets       int           `help:"Open websockets." default:"500"`
	Only          []string      `help:"Measure only these: size, script, start, rest, backlog, arrival, reply, list, thread, sockets."`
	Limit         time.Duration `help:"Give up after this time." default:"40m"`
	Strict        bool          `help:"Exit 1 if a figure misses its mark."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c struct {
		Bench bench `cmd:"" default:"withargs" help:"Start a server on fresh data, measure it, stop it."`
	}
	kong.Parse(&c, kong.Name("deskbell-load"), kong.Description("Measure a Deskbell server from outside."))
	if err := c.Bench.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "deskbell-load:", err)
		stop()
		os.Exit(1)
	}
}

// figure is one line of the table.
type figure struct {
	name  string
	value float64
	unit  string
	mark  float64 // 0 = none
	least bool    // the mark is a minimum
}

func (f figure) passes() bool {
	if f.least {
		return f.value >= f.mark
	}
	return f.mark == 0 || f.value <= f.mark
}

// measurement takes some figures.
type measurement struct {
	name string
	take func(*lab, context.Context) ([]figure, error)
}

// Measurements in the order in which they build on each other: what is taken of an empty database
// comes first, then the mails come in.
var measurements = []measurement{
	{"size", (*lab).size}, {"start", (*lab).start}, {"script", (*lab).script}, {"rest", (*lab).rest},
	{"backlog", (*lab).backlog}, {"arrival", (*lab).arrival}, {"reply", (*lab).reply},
	{"list", (*lab).list}, {"thread", (*lab).thread}, {"sockets", (*lab).sockets},
}

func (b bench) run(ctx context.Context, out io.Writer) (err error) {
	for _, name := range b.Only {
		if !slices.ContainsFunc(measurements, func(m measurement) bool { return m.name == name }) {
			return fmt.Errorf("--only %s: there is no such measurement", name)
		}
	}
	ctx, done := context.WithTimeout(ctx, b.Limit)
	defer done()
	l, err := openLab(b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	var figures []figure
	for _, m := range measurements {
		if len(b.Only) > 0 && !slices.Contains(b.Only, m.name) {
			continue
		}
		begun := time.Now()
		taken, err := m.take(l, ctx)
		if err != nil {
			return errors.Join(fmt.Errorf("measure %s: %w", m.name, err), show(out, figures))
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", m.name, time.Since(begun).Round(time.Millisecond))
		figures = append(figures, taken...)
	}
	if err := show(out, figures); err != nil {
		return err
	}
	if b.Strict && slices.ContainsFunc(figures, func(f figure) bool { return !f.passes() }) {
		return errors.New("a figure misses its mark")
	}
	return nil
}

func show(out io.Writer, figures []figure) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "figure\tmeasured\tmark\t\t")
	for _, f := range figures {
		mark, verdict := "", ""
		if f.mark > 0 {
			mark, verdict = "≤ "+number(f.mark), "ok"
			if f.least {
				mark = "≥ " + number(f.mark)
			}
			if !f.passes() {
				verdict = "MISSED"
			}
		}
		fmt.Fprintf(table, "%s\t%s %s\t%s\t%s\t\n", f.name, number(f.value), f.unit, mark, verdict)
	}
	return table.Flush()
}

func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
