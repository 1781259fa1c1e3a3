package sqlstore

import "time"

// SetPatience shortens how long calls wait for a server that does not answer.
func (s *Store) SetPatience(d time.Duration) { s.patience = d }
