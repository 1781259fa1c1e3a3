//go:build !noui

package web

import (
	"embed"
	"io/fs"
)

// The folder holds a hidden file, so that the program builds before the interface was.
//
//go:embed all:dist
var dist embed.FS

func files() (fs.FS, error) { return fs.Sub(dist, "dist/app") }
