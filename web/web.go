// Package web carries the web UI in the program: what `npm run build` made of the sources beside it. How it is served is not
// its business.
package web

import "io/fs"

// Files returns the built interface: index.html, files with a hash in their name under _ui, and a few beside index.html. A file
// may have twins that end in .br and .gz with the same content compressed. It returns false if the program was built without
// the interface: with the build tag noui, or before it was built.
func Files() (fs.FS, bool) {
	f, err := files()
	if err != nil {
		return nil, false
	}
	if _, err := fs.Stat(f, "index.html"); err != nil {
		return nil, false
	}
	return f, true
}
