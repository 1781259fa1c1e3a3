package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"parley/internal/blob/fs"
	"parley/internal/blob/s3"
	"parley/internal/config"
)

// OpenStorage makes the storage of files that the settings name, not yet started.
func OpenStorage(cfg config.Config, log *slog.Logger) (Storage, error) {
	layout := LayoutOf(cfg)
	if cfg.BlobsURL == "" {
		return fs.New(layout.Blobs), nil
	}
	o, err := s3.ParseURL(cfg.BlobsURL)
	if err != nil {
		return nil, fmt.Errorf("blobs_url: %w", err)
	}
	o.TempDir, o.Log = layout.Temp, log
	bucket, err := s3.New(o)
	if err != nil {
		return nil, fmt.Errorf("blobs_url: %w", err)
	}
	return named{"blobs_url", bucket}, nil
}

// named is a storage whose failure to start names the setting that is to be corrected.
type named struct {
	setting string
	*s3.Store
}

func (n named) Start(ctx context.Context) error {
	if err := n.Store.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", n.setting, err), n.Stop(ctx)) // what has not started is not stopped by others
	}
	return nil
}

// askScanner tells the log whether the ClamAV daemon is there. The server starts without it: it may take a minute longer to
// be ready after the machine has started, and until then uploads are refused or wait.
func (a *App) askScanner(ctx context.Context) {
	if a.clamd == nil {
		return
	}
	if version, err := a.clamd.Version(ctx); err != nil {
		a.log.Warn("the malware scanner does not answer", "address", a.cfg.Scan.ClamdAddress, "uploads", string(a.cfg.Scan.Unreachable), "err", err)
	} else {
		a.log.Info("the malware scanner answers", "address", a.cfg.Scan.ClamdAddress, "version", version)
	}
}
