// Package bundled holds the plugins that come with the server. They use nothing that other plugins cannot use.
package bundled

import (
	"embed"
	"io/fs"
)

//go:embed plugins
var files embed.FS

// Plugins is a directory with one directory for each plugin.
func Plugins() fs.FS {
	sub, err := fs.Sub(files, "plugins")
	if err != nil {
		panic(err) // the name is a constant above
	}
	return sub
}
