package app

import (
	"runtime"
	"runtime/debug"

	"github.com/deskbell/deskbell/inbox/store/migrations"
)

// Version is set when a release is linked.
var Version = "dev"

// Build tells what was built: version, commit, Go, and the number of the newest schema step.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Schema  int    `json:"schema"`
}

// ThisBuild is what is known of the running program.
func ThisBuild() Build {
	v := Build{Version: Version, Go: runtime.Version()}
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
