package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/deskbell/deskbell/cmd/internal/client"
)

// size is that of the binary.
func (l *lab) size(context.Context) ([]figure, error) {
	about, err := os.Stat(l.Binary)
	if err != nil {
		return nil, err
	}
	return []figure{{name: "size of the binary", value: float64(about.Size()) / 1e6, unit: "MB", mark: 40}}, nil
}

// start is the time from starting the program to its first answer, on a database that exists.
func (l *lab) start(ctx context.Context) ([]figure, error) {
	s, err := l.fresh(ctx)
	if err != nil {
		return nil, err
	}
	var times []float64
	for range l.Runs + 1 {
		took, err := s.Start(ctx)
		if err != nil {
			return nil, err
		}
		if err := s.Stop(); err != nil {
			return nil, err
		}
		times = append(times, milliseconds(took))
	}
	return []figure{{name: "start to first answer", value: median(times[1:]), unit: "ms", mark: 150}}, nil // the first one made the key
}

// rest is the memory held on an empty database, a second after the first answer.
func (l *lab) rest(ctx context.Context) ([]figure, error) {
	s, err := l.fresh(ctx)
	if err != nil {
		return nil, err
	}
	var sizes []float64
	for range l.Runs {
		if _, err := s.Start(ctx); err != nil {
			return nil, err
		}
		time.Sleep(time.Second)
		bytes, err := s.Resident()
		if err := errors.Join(err, s.Stop()); err != nil {
			return nil, err
		}
		sizes = append(sizes, float64(bytes)/1e6)
	}
	return []figure{{name: "memory at rest", value: median(sizes), unit: "MB", mark: 64}}, nil
}

// entry finds what the page of the screen loads before it can begin.
var entry = regexp.MustCompile(`<(?:script[^>]+src|link[^>]+rel="modulepreload"[^>]+href)="([^"]+)"`)

// script is how much script the screen loads before it begins, compressed as it is sent.
func (l *lab) script(ctx context.Context) ([]figure, error) {
	s, err := l.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.Start(ctx); err != nil {
		return nil, err
	}
	page, err := fetch(ctx, s, "/", "identity")
	total := 0
	for _, found := range entry.FindAllStringSubmatch(string(page), -1) {
		sent, failed := fetch(ctx, s, found[1], "br")
		err = errors.Join(err, failed)
		total += len(sent)
	}
	if err := errors.Join(err, s.Stop()); err != nil {
		return nil, err
	}
	if total == 0 {
		return nil, nil // a program that was built without the screen
	}
	return []figure{{name: "first script of the screen, brotli", value: float64(total) / 1e3, unit: "kB", mark: 90}}, nil
}

// fetch returns the bytes of a file as they are sent.
func fetch(ctx context.Context, s *client.Server, path, encoding string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Address+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept-Encoding", encoding)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}
