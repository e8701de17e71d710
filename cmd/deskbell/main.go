// Command deskbell is the product: it serves the inbox and has the tools an operator needs beside.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/deskbell/deskbell/cmd/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "deskbell:", err)
		stop()
		os.Exit(1)
	}
}

// globals are what every command can use.
type globals struct {
	ctx   context.Context
	stdin io.Reader
	out   io.Writer
}

type commands struct {
	Config string `help:"Configuration file: lines of name = value." env:"DESKBELL_CONFIG" type:"existingfile"`

	Serve   serve   `cmd:"" help:"Serve the inbox."`
	Migrate migrate `cmd:"" help:"Bring the database to this program's schema. Serve does it by itself."`
	User    struct {
		Add           userAdd      `cmd:"" help:"Add a person."`
		List          userList     `cmd:"" help:"List people."`
		ResetPassword userPassword `cmd:"" name:"reset-password" help:"Set a new password; all sessions of the person end."`
		Disable       userDisable  `cmd:"" help:"Disable an account."`
	} `cmd:"" help:"People; works while the server runs."`
	Token struct {
		Create tokenCreate `cmd:"" help:"Make a bearer token; it is printed once."`
	} `cmd:"" help:"Bearer tokens for programs."`
	Mail struct {
		Inspect mailInspect `cmd:"" help:"Print what the mail parser makes of files, one JSON object a line."`
	} `cmd:"" help:"Tools for mail."`
	Doctor  doctor  `cmd:"" help:"Check settings, database, disk, key and clock; exit 1 if something needs a person."`
	Version version `cmd:"" help:"Print the version."`
}

// run is main without the process: tests call it.
func run(ctx context.Context, args []string, env func(string) (string, bool), stdin io.Reader, out io.Writer) error {
	var c commands
	parser, err := kong.New(&c, kong.Name("deskbell"), kong.Description("One live inbox for everybody who writes to your shops."),
		kong.UsageOnError(), kong.Writers(out, os.Stderr), kong.Resolvers(settings(env, &c.Config)),
		kong.Bind(&globals{ctx: ctx, stdin: stdin, out: out}))
	if err != nil {
		return err
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return chosen.Run()
}

// settings looks a flag that was not given up in the environment, then in the configuration file.
func settings(env func(string) (string, bool), file *string) kong.ResolverFunc {
	var lines map[string]string
	return func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			if value, ok := env(name); ok {
				return value, nil
			}
		}
		if flag.Name == "config" {
			return nil, nil
		}
		if lines == nil {
			path := *file
			if path == "" {
				path, _ = env("DESKBELL_CONFIG")
			}
			var err error
			if lines, err = readSettings(path); err != nil {
				return nil, err
			}
		}
		if value, ok := lines[flag.Name]; ok {
			return value, nil
		}
		return nil, nil
	}
}

// readSettings reads lines of name = value; # begins a comment. No file has no lines.
func readSettings(path string) (map[string]string, error) {
	lines := map[string]string{}
	if path == "" {
		return lines, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found {
			return nil, fmt.Errorf("configuration file %s, line %d: wants name = value", path, n)
		}
		lines[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return lines, scanner.Err()
}

type serve struct{ app.Config }

// Run serves until the program is told to stop.
func (s *serve) Run(g *globals) error { return app.Serve(g.ctx, s.Config, g.out) }

// database are the settings of commands that work on the data beside a running server.
type database struct {
	Data     string `help:"Folder of the data." default:"data" env:"DESKBELL_DATA" type:"path"`
	Database string `help:"PostgreSQL address; SQLite in the data folder if empty." env:"DESKBELL_DATABASE"`
}
