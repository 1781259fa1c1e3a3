//go:build noui

package web

import "io/fs"

func files() (fs.FS, error) { return nil, fs.ErrNotExist }
