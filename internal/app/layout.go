package app

import (
	"os"

	"parley/internal/config"
)

// Layout says where in the data directory things are.
type Layout struct {
	Database string // the SQLite file; two more beside it while it is open
	Blobs    string // directory of uploads
	Secrets  string // directory of keys
	TLS      string // directory of certificates that the server got itself
	Temp     string // directory of what is being checked or made; emptied at every start
	Control  string // Unix socket for commands beside a running server
}

// LayoutOf is the layout of the configured data directory.
func LayoutOf(c config.Config) Layout {
	return Layout{
		Database: c.Path("chat.db"), Blobs: c.Path("blobs"), Secrets: c.Path("secrets"),
		TLS: c.Path("tls"), Temp: c.Path("tmp"), Control: c.Path("control.sock"),
	}
}

// clean makes the directory of temporary files and removes what a crash left there.
func (l Layout) clean() error {
	if err := os.RemoveAll(l.Temp); err != nil {
		return err
	}
	return os.MkdirAll(l.Temp, 0o700)
}
