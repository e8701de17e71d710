package app

import (
	"runtime"
	"runtime/debug"

	"github.com/deskbell/deskbell/inbox/store/migrations"
)

// version is set when a release is linked.
var version = "development"

// Version tells what was built: version, commit, Go, and the number of the newest schema step.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Schema  int    `json:"schema"`
}

// ThisVersion is the version of the running program.
func ThisVersion() Version {
	v := Version{Version: version, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	if list, err := migrations.List("sqlite"); err == nil {
		v.Schema = len(list)
	}
	return v
}
