// Package ui is the screen: a Svelte application built by Vite into dist, embedded here and served
// by one handler. A checkout whose screen was never built compiles too and shows a page that says so.
package ui

import (
	"embed"
	"io/fs"
)

// The prefix all: also takes names that begin with a dot, so that a dist which holds only .gitkeep
// is still something to embed.
//
//go:embed all:dist
var dist embed.FS

// Files returns the built screen as this program carries it: index.html, assets/… and what the
// screen's public folder held, each text file with a .br twin. Only .gitkeep if it was never built.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for an invalid name, and "dist" is none
	}
	return files
}
